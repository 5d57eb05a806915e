//! A token makes a root key that can leave it wrapped alone, and wraps it. The file is written, and what opens it is split.

use super::{
    Fact, Kind, Prose,
    at_the_token::{token_in, user_sits, word_typed},
    generate_key::not_seen_before,
    preflight::failed,
    unwrap_key,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        backups::Backup,
        event::Event,
        operation::{Operation, Outcome, Wrapping, WrappingOutcome, WrapsBy},
        participants::{Alias, PersonId},
        prompt::Answer,
        script::Script,
        unfit, words,
    },
    custody::Opens,
    rules::{Passed, Refusal, Rule},
    tuf::key::Key,
};

/// `wrap-key`.
#[derive(Clone, Debug)]
pub struct WrapKey {
    /// The short name by which the script knows the key.
    pub name: Alias,
    /// The token of the script that makes it.
    pub token: Alias,
}

impl WrapKey {
    /// Whether the first token was replaced after every share was read back: its spare gets the key from the file then.
    fn comes_back(&self, ceremony: &Ceremony) -> bool {
        let no_key = ceremony.token(&ceremony.playing(&self.token)).key.is_none();
        no_key && ceremony.backups.get(&self.name).is_some_and(Backup::is_in_custody)
    }
}

impl WrapKey {
    /// The key that is there already, out of its old backup.
    fn known<'a>(&self, ceremony: &'a Ceremony) -> Option<&'a Key> {
        ceremony.script.reopened(&self.name)?;
        ceremony.backups.opened(&self.name)?.key.as_ref()
    }
}

/// Who types the PINs of a token that gets a key-encryption key.
pub(super) fn both_pins(script: &Script, token: &Alias) -> Vec<PersonId> {
    let Some(spec) = script.token(token) else { return vec![] };
    let mut who = vec![spec.user_pin.clone(), spec.so_pin.clone()];
    who.dedup();
    who
}

/// The driver asked these rules, and they held.
pub(super) fn were_asked(passed: &[Passed], rules: &[Rule]) -> Result<(), Refusal> {
    match rules.iter().find(|rule| !passed.iter().any(|passed| passed.rule == **rule)) {
        Some(rule) => Err(unfit(format!("{rule} was to be asked."))),
        None => Ok(()),
    }
}

/// The same before a token that got a key-encryption key counts; and trust is missing only where the script declares it (`WRAPPING-TRUSTED`).
pub(super) fn asked(ceremony: &Ceremony, by: WrapsBy, passed: &[Passed], rules: &[Rule]) -> Result<(), Refusal> {
    were_asked(passed, rules)?;
    if by.trusted || ceremony.script.declares.pin_is_key {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::WrappingTrusted,
        "The token is not held to a key-encryption key that the SO trusts, and the script does not declare that.",
        "Use a token that is, or declare it where it can be reviewed: [declares] pin-is-key = true.",
    ))
}

impl Kind for WrapKey {
    fn prose(&self, script: &Script) -> Prose {
        words::wrapping::wrap_key(script, self)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        both_pins(script, &self.token)
    }

    fn needs(&self, script: &Script) -> Vec<Fact> {
        let mut needs = vec![Fact::KekMade(self.name.clone()), Fact::TokenPrepared(self.token.clone())];
        needs.extend(script.reopened(&self.name).map(|_| Fact::KeyReopened(self.name.clone())));
        needs
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::BackupSealed(self.name.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let alias = ceremony.playing(&self.token);
        if self.comes_back(ceremony) {
            return unwrap_key::owed(ceremony, &self.name, &alias);
        }
        let wrapped = ceremony.backups.wrapped(&self.name)?;
        if ceremony.backups.get(&self.name).is_some() {
            return None;
        }
        let owed = token_in(ceremony, &alias, words::insert(&alias)).or_else(|| user_sits(ceremony, &alias));
        if owed.is_some() {
            return owed;
        }
        Some(Pending::Do(Operation::Wrapping(Wrapping::WrapKey {
            alias,
            name: self.name.clone(),
            kek: wrapped.kek,
            algorithm: ceremony.script.root.algorithm,
            label: words::key_label(&ceremony.script.repository),
            made: ceremony.clock?,
            known: self.known(ceremony).cloned().map(Box::new),
        })))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let alias = ceremony.playing(&self.token);
        if self.comes_back(ceremony) {
            return unwrap_key::decided(ceremony, &self.name, &alias, answer);
        }
        match answer {
            Answer::Word(_) => word_typed(ceremony, &alias),
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => {
                let Outcome::Wrapping(WrappingOutcome::Wrapped { key, attributes, by, sealed, sheets, media, passed }) =
                    outcome.as_ref()
                else {
                    return Err(unfit("A key was to be wrapped."));
                };
                let set = &sealed.set;
                if Some(set.fingerprint) != ceremony.backups.wrapped(&self.name).map(|wrapped| wrapped.kek)
                    || set.opens != Opens::WrappedKey
                    || !ceremony.script.custody().is_some_and(|custody| custody.is_of(set))
                    || set.keyid != key.id()
                {
                    return Err(unfit("The key-encryption key was to be split, and for other shares."));
                }
                if self.known(ceremony).is_some_and(|known| known.public() != key.public()) {
                    return Err(Refusal::new(
                        Rule::WrappedKeyProven,
                        format!("{alias} wrapped another key than the one of the old backup."),
                        "Do not use this token. Put its spare in its place, or leave.",
                    ));
                }
                asked(ceremony, *by, passed, &[Rule::WrappingSafe, Rule::WrappingTrusted, Rule::KekReadsBack])?;
                let mut passed = passed.clone();
                // One that comes out of its backup is on other tokens too.
                if self.known(ceremony).is_none() {
                    passed.push(not_seen_before(ceremony, &alias, key)?);
                }
                passed.push(Passed::new(
                    Rule::BackupOpens,
                    format!("{} reads back; every {} shares give its key-encryption key", sealed.file.name, set.scheme),
                ));
                Ok(vec![Event::KeyWrapped {
                    alias,
                    name: self.name.clone(),
                    key: key.clone(),
                    attributes: *attributes,
                    by: *by,
                    sealed: sealed.clone(),
                    sheets: sheets.clone(),
                    media: media.clone(),
                    passed,
                }])
            }
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
