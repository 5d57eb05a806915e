//! People confirm a statement, each with their own word.

use super::{Fact, Kind, Prose, unconfirmed};
use crate::{
    ceremony::{
        Ceremony, Now, Pending, event::Event, participants::PersonId, prompt::Answer, script::Script, unfit, words,
    },
    rules::Refusal,
};

/// `attest`: each of `who` confirms `statement`.
#[derive(Clone, Debug)]
pub struct Attest {
    /// Who confirms.
    pub who: Vec<PersonId>,
    /// What they stand for.
    pub statement: String,
}

impl Kind for Attest {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::attest(script, &self.who, &self.statement)
    }

    fn who(&self, _script: &Script) -> Vec<PersonId> {
        self.who.clone()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::RollCalled]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let person = unconfirmed(ceremony, &self.who)?;
        Some(Pending::Ask(Box::new(ceremony.ask_word(&person, self.statement.clone()))))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let person = unconfirmed(ceremony, &self.who).ok_or_else(|| unfit("Everybody has confirmed."))?;
        ceremony.confirm(&person, answer)?;
        Ok(vec![Event::Confirmed { person, statement: self.statement.clone() }])
    }
}
