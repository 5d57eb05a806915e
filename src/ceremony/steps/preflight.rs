//! Whether this machine is fit: looked at by the program, judged by a rule, shown to people.

use super::{Fact, Kind, Prose, happened};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::{Event, Mode},
        operation::{Operation, Outcome, Trouble},
        participants::PersonId,
        prompt::Answer,
        script::Script,
        unfit, words,
    },
    machine,
    rules::Refusal,
};

/// `preflight`.
#[derive(Clone, Debug)]
pub struct Preflight;

impl Kind for Preflight {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::preflight(script)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::MachineSeen]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let seen = happened(ceremony, |event| matches!(event, Event::Machine { .. }));
        (!seen).then_some(Pending::Do(Operation::Preflight))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let facts = match answer {
            Answer::Done(outcome) => match outcome.as_ref() {
                Outcome::Machine(facts) => facts.clone(),
                _ => return Err(unfit("The machine was to be looked at.")),
            },
            Answer::Failed(trouble) => return failed(trouble),
            _ => return Err(unfit("The machine is being looked at.")),
        };
        // A rehearsal may run on anybody's laptop; what was found is in its record all the same.
        let passed = match ceremony.mode() {
            Mode::Production => vec![machine::is_fit(&facts)?],
            Mode::Rehearsal => vec![],
        };
        Ok(vec![Event::Machine { facts, passed }])
    }
}

/// What follows from a failed operation, in every step.
pub(super) fn failed(trouble: &Trouble) -> Result<Vec<Event>, Refusal> {
    Ok(vec![Event::Failed { trouble: trouble.clone() }])
}
