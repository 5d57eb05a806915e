//! The memory in which a key was made is wiped, once a token that was restored from shares has signed.

use super::{Fact, Kind, Prose, preflight::failed};
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
    rules::{Passed, Refusal, Rule},
};

/// `wipe-key`.
#[derive(Clone, Debug)]
pub struct WipeKey {
    /// Which key.
    pub name: Alias,
}

impl Kind for WipeKey {
    fn prose(&self, script: &Script) -> Prose {
        words::backup::wipe_key(script, &self.name)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::BackupRestores(self.name.clone())]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KeyWiped(self.name.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let backup = ceremony.backups.get(&self.name)?;
        (!backup.wiped).then(|| Pending::Do(Operation::WipeKey { name: self.name.clone() }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let proven = ceremony.backups.get(&self.name).is_some_and(|backup| backup.proven);
        match answer {
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) if matches!(outcome.as_ref(), Outcome::Wiped) && proven => {
                Ok(vec![Event::KeyWiped {
                    name: self.name.clone(),
                    passed: vec![Passed::new(Rule::BackupRestores, "a token that was restored from shares has signed")],
                }])
            }
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
