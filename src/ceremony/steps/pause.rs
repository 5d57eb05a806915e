//! A break. It is planned, since tired people sign wrong things.

use super::{Fact, Kind, Prose, ask_to_type, went};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        participants::PersonId,
        prompt::{Answer, Scene},
        script::Script,
        words,
    },
    rules::Refusal,
};

/// `break`.
#[derive(Clone, Debug)]
pub struct Break {
    /// For how long.
    pub minutes: u32,
}

impl Kind for Break {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::pause(script, self.minutes)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        if went(ceremony, words::BREAK_OVER) {
            return None;
        }
        let scene = Scene::Break { minutes: self.minutes, ask: words::BREAK_ASK.into() };
        ask_to_type(ceremony.leaders(), scene, "BACK", words::BREAK_OVER)
    }

    fn decide(&self, _ceremony: &Ceremony, _answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        Ok(vec![Event::Went { word: "BACK".into(), on: words::BREAK_OVER.into() }])
    }
}
