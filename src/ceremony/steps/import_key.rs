//! An existing offline key comes home: it is read from its file, proven to be the key that the script means, and put on a token.
//! The file, its copies and its backups are to be destroyed afterwards, or the token has won nothing.

use super::{
    Fact, Kind, Prose,
    at_the_token::{user_sat, user_sits},
    preflight::failed,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::Answer,
        script::Script,
        unfit, words,
    },
    device,
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    tuf::key::{Key, KeyId},
};

/// `import-key`.
#[derive(Clone, Debug)]
pub struct ImportKey {
    /// To which token of the script.
    pub token: Alias,
    /// The key file, beside the script or at an absolute path.
    pub file: String,
    /// The keyid or the canonical id on paper. Without it, the key is the one that the previous root has under the token's keyid.
    pub keyid: Option<KeyId>,
}

/// The key that is meant.
pub(super) struct Meant {
    /// The fingerprint of its public key, where that is known.
    pub(super) public: Option<Digest>,
    /// Its canonical id or keyid.
    pub(super) keyid: Option<KeyId>,
}

impl Meant {
    fn of(key: &Key) -> Self {
        Self { public: Some(key.public().fingerprint()), keyid: key.public().canonical_id() }
    }

    /// The key of this id on paper, or the one that stands in for it in a rehearsal.
    pub(super) fn on_paper(ceremony: &Ceremony, keyid: &KeyId) -> Self {
        match ceremony.stand_ins.get(keyid) {
            Some(twin) => Self::of(twin),
            None => Self { public: None, keyid: Some(keyid.clone()) },
        }
    }

    pub(super) fn is(&self, key: &Key) -> bool {
        let named = |keyid: &KeyId| key.id() == *keyid || key.public().canonical_id().as_ref() == Some(keyid);
        (self.public.is_some() || self.keyid.is_some())
            && self.public.is_none_or(|public| public == key.public().fingerprint())
            && self.keyid.as_ref().is_none_or(named)
    }
}

impl ImportKey {
    /// `None` before what clients trust today is here, where the key is one of it.
    fn meant(&self, ceremony: &Ceremony) -> Option<Meant> {
        let on_paper = self.keyid.as_ref().map(|keyid| Meant::on_paper(ceremony, keyid));
        let Some(keyid) = ceremony.script.token(&self.token).and_then(|spec| spec.keyid.as_ref()) else {
            return on_paper;
        };
        let published = match ceremony.stand_ins.get(keyid) {
            Some(twin) => Meant::of(twin),
            None if ceremony.script.kind.is_about_repositories() => Meant::of(ceremony.repositories.keys.get(keyid)?),
            None => Meant::of(ceremony.previous_root()?.document().keys.get(keyid)?),
        };
        // Both must hold; where paper has another key than the root, no key is both.
        let keyid = on_paper.and_then(|meant| meant.keyid).or(published.keyid);
        Some(Meant { public: published.public, keyid })
    }

    /// `KEY-ON-PAPER`.
    fn is_meant(&self, ceremony: &Ceremony, key: &Key) -> Result<Passed, Refusal> {
        let bare = key.public().canonical_id().unwrap_or_else(|| key.id());
        match self.meant(ceremony) {
            Some(meant) if meant.is(key) => {
                let spec = ceremony.script.token(&self.token);
                let published = spec.and_then(|spec| spec.keyid.as_ref());
                let by = named(ceremony, self.keyid.iter().chain(published));
                let source = if published.is_some() { "the published root" } else { "the paper" };
                Ok(Passed::new(Rule::KeyOnPaper, format!("the key {} is {by} {source}", bare.short())))
            }
            _ => Err(Refusal::new(
                Rule::KeyOnPaper,
                format!(
                    "{} holds the key {bare}, which is not the one that the script means.",
                    words::key_file(&self.file)
                ),
                words::OTHER_KEY_FILE,
            )),
        }
    }
}

/// What a key is that fits, in words: the one of the paper, or a stand-in for it.
pub(super) fn named<'a>(ceremony: &Ceremony, keyids: impl IntoIterator<Item = &'a KeyId>) -> &'static str {
    match keyids.into_iter().any(|keyid| ceremony.stand_ins.contains_key(keyid)) {
        true => "a throw-away key of this rehearsal, for the one of",
        false => "the one of",
    }
}

/// `KEY-COUNTED-ONCE`, told rather than refused: which other tokens hold this key.
fn holders(ceremony: &Ceremony, alias: &Alias, key: &Key) -> Passed {
    let fingerprint = key.public().fingerprint();
    let others: Vec<_> = ceremony
        .tokens
        .iter()
        .filter(|(other, token)| {
            *other != alias && token.key.as_ref().is_some_and(|known| known.public().fingerprint() == fingerprint)
        })
        .map(|(other, _)| other.to_string())
        .collect();
    Passed::new(
        Rule::KeyCountedOnce,
        match others.as_slice() {
            [] => "no other token of this ceremony holds this public key".into(),
            others => format!("{alias} and {} hold one key, which counts once", others.join(" and ")),
        },
    )
}

impl Kind for ImportKey {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::import_key(script, self)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        script.token(&self.token).map(|spec| vec![spec.user_pin.clone()]).unwrap_or_default()
    }

    fn needs(&self, script: &Script) -> Vec<Fact> {
        let mut needs = vec![Fact::TokenPrepared(self.token.clone())];
        if script.token(&self.token).is_some_and(|spec| spec.keyid.is_some()) {
            let many = script.kind.is_about_repositories();
            needs.push(if many { Fact::RepositoriesRead } else { Fact::PreviousRoot });
        }
        needs
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KeyOnToken(self.token.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let alias = ceremony.playing(&self.token);
        if ceremony.token(&alias).key.is_some() {
            return None;
        }
        let owed = user_sits(ceremony, &alias);
        if owed.is_some() {
            return owed;
        }
        let Meant { public, keyid } = self.meant(ceremony)?;
        let label = words::key_label(&ceremony.script.repository);
        Some(Pending::Do(Operation::ImportKey { alias, file: self.file.clone(), public, keyid, label }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let alias = ceremony.playing(&self.token);
        match answer {
            Answer::Word(_) => user_sat(ceremony, &alias),
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => match outcome.as_ref() {
                Outcome::BroughtIn { key, attributes } => {
                    let passed = vec![
                        self.is_meant(ceremony, key)?,
                        device::brought_in(attributes)?,
                        holders(ceremony, &alias, key),
                    ];
                    Ok(vec![Event::KeyBroughtIn {
                        alias,
                        canonical_id: key.public().canonical_id().unwrap_or_else(|| key.id()),
                        key: key.clone(),
                        attributes: *attributes,
                        from: self.file.clone(),
                        passed,
                    }])
                }
                _ => Err(unfit("A key was to be brought in.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
