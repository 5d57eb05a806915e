//! Lines for the record: bag numbers, serials of devices, what a person reads from an object.

use super::{Fact, Kind, Prose, ask_for_text};
use crate::{
    ceremony::{
        Ceremony, Now, Pending, event::Event, participants::PersonId, prompt::Answer, script::Script, unfit, words,
    },
    rules::Refusal,
};

/// `record`: `who` reads each of `fields` aloud; the operator types it.
#[derive(Clone, Debug)]
pub struct Record {
    /// Who reads.
    pub who: Vec<PersonId>,
    /// What is written, in order.
    pub fields: Vec<String>,
}

impl Record {
    fn next(&self, ceremony: &Ceremony) -> Option<&String> {
        let done = ceremony.here.iter().filter(|event| matches!(event, Event::Recorded { .. })).count();
        self.fields.get(done)
    }
}

impl Kind for Record {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::record(script, &self.who, &self.fields)
    }

    fn who(&self, _script: &Script) -> Vec<PersonId> {
        self.who.clone()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let field = self.next(ceremony)?;
        let who = self.who.iter().map(|person| ceremony.acting(person)).collect();
        ask_for_text(who, words::record_field(field), field.clone(), words::RECORD_HINT)
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        match (self.next(ceremony), answer) {
            (Some(label), Answer::Text(value)) => {
                Ok(vec![Event::Recorded { label: label.clone(), value: value.trim().to_owned() }])
            }
            _ => Err(unfit("A line of text is waited for.")),
        }
    }
}
