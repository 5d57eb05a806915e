//! A token that holds a root key already is opened, and proves that it holds the key which the trusted root names.

use super::{
    Fact, Kind, Prose,
    at_the_token::{token_in, user_sits, word_typed},
    preflight::failed,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::{Event, Mode},
        operation::{Operation, Outcome, SeenToken},
        participants::{Alias, PersonId},
        prompt::Answer,
        script::{Kind as ScriptKind, Script},
        unfit, words,
    },
    device::{self, PinnedMake},
    digest::Digest,
    readback::Challenge,
    rules::{Passed, Refusal, Rule},
    text::shown,
    tuf::key::{Key, KeyId},
};

/// `open-token`.
#[derive(Clone, Debug)]
pub struct OpenToken {
    /// Which token of the script.
    pub token: Alias,
}

/// The nonce by which a token proves, when it is opened, to hold its key.
pub fn nonce(ceremony: &Ceremony, alias: &Alias) -> Challenge {
    let seed = format!("{}\n{}\n{alias}\n", ceremony.script.digest, ceremony.stamp.head);
    Challenge::nonce(Digest::of(seed.as_bytes()).as_bytes())
}

/// The key that the token must hold: the one that the previous root has under the script's keyid, the one that the paper of its holder says
/// where nothing is trusted yet, or the one that stands in for it in a rehearsal.
fn expected_key(ceremony: &Ceremony, alias: &Alias) -> Option<(KeyId, Digest)> {
    let keyid = ceremony.script.token(alias)?.keyid.as_ref()?;
    if let Some(twin) = ceremony.stand_ins.get(keyid) {
        return Some((twin.id(), twin.public().fingerprint()));
    }
    if ceremony.script.kind.is_about_repositories() {
        let known = ceremony.repositories.keys.get(keyid);
        // A tagging key that was sealed for a day like this is in no repository yet: its owner's paper says what it is.
        let key = known.or_else(|| ceremony.imported.values().find(|key| key.canonical_id() == *keyid))?;
        return Some((keyid.clone(), key.public().fingerprint()));
    }
    if ceremony.script.kind.is_custody() || ceremony.script.kind == ScriptKind::Genesis {
        let named = |key: &&Key| key.id() == *keyid || key.public().canonical_id().as_ref() == Some(keyid);
        let key = ceremony.imported.values().find(named)?;
        return Some((keyid.clone(), key.public().fingerprint()));
    }
    let key = ceremony.previous_root()?.document().keys.get(keyid)?;
    Some((keyid.clone(), key.public().fingerprint()))
}

/// `TOKEN-IS-EXPECTED`: label and serial are those of the binding, or those that the script names.
pub(super) fn is_expected(ceremony: &Ceremony, alias: &Alias, seen: &SeenToken) -> Result<Passed, Refusal> {
    let bound = ceremony.token(alias).bound.map(|bound| (bound.token.label, bound.token.serial));
    let known =
        ceremony.script.token(alias).and_then(|spec| spec.known.clone()).map(|known| (known.label, known.serial));
    // A rehearsal's throw-away tokens have other serials than the script's.
    let known = known.filter(|_| ceremony.mode() == Mode::Production);
    match bound.or(known) {
        Some((label, serial)) if label != seen.token.label || serial != seen.token.serial => Err(Refusal::new(
            Rule::TokenIsExpected,
            format!(
                "{} is wanted: “{}”, serial {}. This is {}. Nothing was signed.",
                words::token(ceremony, alias),
                shown(&label),
                shown(&serial),
                seen.words()
            ),
            "Take it out and put in the right one.",
        )),
        _ => Ok(Passed::new(Rule::TokenIsExpected, format!("{alias} is {}", seen.words()))),
    }
}

/// `TOKEN-IS-HARDWARE`; asked in production only.
pub(super) fn is_hardware(ceremony: &Ceremony, alias: &Alias, seen: &SeenToken) -> Result<Option<Passed>, Refusal> {
    if ceremony.mode() == Mode::Rehearsal {
        return Ok(None);
    }
    let script = &ceremony.script;
    let module = script.token(alias).and_then(|spec| script.module(&spec.module));
    if let Some(settings) = module.and_then(|module| module.yubikey()) {
        device::yubikey::is_new_enough(&seen.token, settings.least_firmware)?;
        return device::yubikey::is_hardware(&seen.token).map(Some);
    }
    match module.and_then(|module| Some(PinnedMake { module_sha256: module.sha256?, model: module.model.clone()? })) {
        Some(pinned) => device::is_hardware(&seen.token, &pinned).map(Some),
        None => Err(Refusal::new(
            Rule::TokenIsHardware,
            format!("The script pins no SHA-256 and model for the module of {alias}."),
            "Let `officiant token list` show both, put them into the script, and have it reviewed again.",
        )),
    }
}

impl Kind for OpenToken {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::open_token(script, &self.token)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        script.token(&self.token).map(|spec| vec![spec.user_pin.clone()]).unwrap_or_default()
    }

    fn needs(&self, script: &Script) -> Vec<Fact> {
        // What the token must hold is known from what clients trust today.
        let trusted = match script.kind {
            kind if kind.is_about_repositories() => Fact::RepositoriesRead,
            // Nothing is trusted yet, or nothing is signed: the paper of its holder says what it must hold.
            kind if kind.is_custody() || kind == ScriptKind::Genesis => Fact::KeysImported,
            _ => Fact::PreviousRoot,
        };
        vec![Fact::RollCalled, Fact::ScriptRead, Fact::MachineSeen, trusted]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KeyCounts(self.token.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let alias = ceremony.playing(&self.token);
        if ceremony.token(&alias).counts {
            return None;
        }
        let owed = token_in(ceremony, &alias, words::insert(&alias)).or_else(|| user_sits(ceremony, &alias));
        if owed.is_some() {
            return owed;
        }
        let (keyid, public) = expected_key(ceremony, &alias)?;
        Some(Pending::Do(Operation::Open { alias, keyid, public }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let alias = ceremony.playing(&self.token);
        match answer {
            Answer::Word(_) => word_typed(ceremony, &alias),
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => {
                let Outcome::Opened { seen, key } = outcome.as_ref() else {
                    return Err(unfit("A token was to be opened."));
                };
                let mut passed = vec![is_expected(ceremony, &alias, seen)?];
                passed.extend(is_hardware(ceremony, &alias, seen)?);
                if expected_key(ceremony, &alias).is_none_or(|(_, public)| public != key.public().fingerprint()) {
                    return Err(Refusal::new(
                        Rule::TokenIsExpected,
                        format!("{} does not hold the key that the script names for {alias}.", seen.words()),
                        "Take it out and put in the right one. Nothing was signed.",
                    ));
                }
                passed.push(Passed::new(Rule::KeyPossession, format!("{} signed a fresh nonce", key.id().short())));
                Ok(vec![Event::TokenOpened { alias, seen: seen.clone(), key: key.clone(), passed }])
            }
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
