//! An existing key comes from its file into the locked memory of this machine, to be backed up. From there on it goes the way of a key that
//! was made there; what became of it before, nobody can say, and the record does not pretend to.

use super::{
    Fact, Kind, Prose, ask_to_type, at_the_token,
    import_key::{Meant, named},
    in_memory::{discarded, given_up},
    preflight::failed,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Scene},
        script::Script,
        unfit, words,
    },
    rules::{Passed, Refusal, Rule},
    tuf::key::{Key, KeyId},
};

/// `take-key`.
#[derive(Clone, Debug)]
pub struct TakeKey {
    /// The short name by which the script knows the key.
    pub name: Alias,
    /// The key file, beside the script or at an absolute path.
    pub file: String,
    /// The keyid or the canonical id on paper.
    pub keyid: KeyId,
    /// Who brings the file and types its passphrase.
    pub keeper: PersonId,
}

impl TakeKey {
    fn meant(&self, ceremony: &Ceremony) -> Meant {
        Meant::on_paper(ceremony, &self.keyid)
    }

    /// `KEY-ON-PAPER`, and what nobody can know of the key.
    fn is_meant(&self, ceremony: &Ceremony, key: &Key) -> Result<Passed, Refusal> {
        let bare = key.public().canonical_id().unwrap_or_else(|| key.id());
        if !self.meant(ceremony).is(key) {
            let file = words::key_file(&self.file);
            let what = format!("{file} holds the key {bare}, which is not the one that the script means.");
            return Err(Refusal::new(Rule::KeyOnPaper, what, words::OTHER_KEY_FILE));
        }
        let by = named(ceremony, [&self.keyid]);
        Ok(Passed::new(Rule::KeyOnPaper, format!("the key {} is {by} the paper; its history is unknown", bare.short())))
    }
}

impl Kind for TakeKey {
    fn prose(&self, script: &Script) -> Prose {
        words::custody::take_key(script, self)
    }

    fn who(&self, _script: &Script) -> Vec<PersonId> {
        vec![self.keeper.clone()]
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::RollCalled, Fact::ScriptRead, Fact::MachineSeen, Fact::ClockConfirmed]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KeyMade(self.name.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        match ceremony.backups.get(&self.name) {
            Some(backup) if backup.lost => return Some(given_up(ceremony, backup, &self.name)),
            Some(_) => return None,
            None => {}
        }
        let keeper = ceremony.acting(&self.keeper);
        if at_the_token::seated(ceremony) != Some(keeper.clone()) {
            let ask = words::custody::keeper_sits(ceremony.script.name(&keeper), &self.file);
            return ask_to_type(vec![keeper], Scene::Plain { ask }, "SEATED", words::SITS);
        }
        let Meant { public, keyid } = self.meant(ceremony);
        let (name, file) = (self.name.clone(), self.file.clone());
        Some(Pending::Do(Operation::TakeKey { name, file, public, keyid, keeper }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        match (ceremony.backups.get(&self.name), answer) {
            (_, Answer::Failed(trouble)) => failed(trouble),
            (Some(backup), Answer::Word(_)) if backup.lost => Ok(discarded(backup, &self.name)),
            (None, Answer::Word(_)) => Ok(at_the_token::sat(&ceremony.acting(&self.keeper))),
            (None, Answer::Done(outcome)) => match outcome.as_ref() {
                Outcome::Taken { key } => Ok(vec![Event::KeyTaken {
                    name: self.name.clone(),
                    canonical_id: key.public().canonical_id().unwrap_or_else(|| key.id()),
                    key: key.clone(),
                    from: self.file.clone(),
                    passed: vec![self.is_meant(ceremony, key)?],
                }]),
                _ => Err(unfit("A key was to be taken from its file.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
