//! The memory in which a key-encryption key was made is wiped as soon as every share of it was read back. Whatever opens the wrapped key
//! from here on comes from shares.

use super::{Fact, Kind, Prose, preflight::failed};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        backups::Backup,
        event::Event,
        operation::{Operation, Outcome, Wrapping},
        participants::{Alias, PersonId},
        prompt::Answer,
        script::Script,
        unfit, words,
    },
    rules::Refusal,
};

/// `wipe-kek`.
#[derive(Clone, Debug)]
pub struct WipeKek {
    /// Of which key.
    pub name: Alias,
}

impl Kind for WipeKek {
    fn prose(&self, _script: &Script) -> Prose {
        words::wrapping::wipe_kek(&self.name)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::SharesGiven(self.name.clone())]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KekWiped(self.name.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let backup = ceremony.backups.get(&self.name)?;
        (!backup.wiped).then(|| Pending::Do(Operation::Wrapping(Wrapping::WipeKek { name: self.name.clone() })))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let kept = ceremony.backups.get(&self.name).is_some_and(Backup::is_in_custody);
        match answer {
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) if matches!(outcome.as_ref(), Outcome::Wiped) && kept => {
                Ok(vec![Event::KekWiped { name: self.name.clone() }])
            }
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
