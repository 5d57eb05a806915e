//! A draft is read to its end, its digest is written down, read back blind from paper, and confirmed by each officer.

use super::{Fact, Kind, Prose, ask_to_type, happened, unconfirmed};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        metadata,
        participants::PersonId,
        prompt::{Answer, Input, Prompt, Scene},
        script::Script,
        unfit, words,
    },
    readback::WORDS_OF_DIGEST,
    rules::{Refusal, Rule},
};

/// `review`.
#[derive(Clone, Debug)]
pub struct Review {
    /// Who supplies the hidden words.
    pub witness: PersonId,
    /// Who confirms the draft, each with their own word.
    pub who: Vec<PersonId>,
}

enum Stage {
    Read,
    Write,
    ReadBack,
    Confirm(PersonId),
}

impl Review {
    fn stage(&self, ceremony: &Ceremony) -> Option<Stage> {
        if !happened(ceremony, |event| matches!(event, Event::SheetRead { .. })) {
            return Some(Stage::Read);
        }
        if ceremony.written_here().is_none() {
            return Some(Stage::Write);
        }
        if !happened(ceremony, |event| matches!(event, Event::PayloadReadBack { .. })) {
            return Some(Stage::ReadBack);
        }
        unconfirmed(ceremony, &self.who).map(Stage::Confirm)
    }
}

impl Kind for Review {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::review(script, &self.witness, &self.who)
    }

    fn who(&self, _script: &Script) -> Vec<PersonId> {
        std::iter::once(&self.witness).chain(&self.who).cloned().collect()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::Drafted]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::Reviewed]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let draft = ceremony.draft()?;
        let witness = ceremony.acting(&self.witness);
        let subject = words::payload_subject(draft.version);
        match self.stage(ceremony)? {
            Stage::Read => {
                let sheet = metadata::review_sheet(ceremony, draft, draft.passed.clone());
                ask_to_type(ceremony.leaders(), Scene::Review(Box::new(sheet)), "READ", words::DOES_READ)
            }
            Stage::Write => {
                let scene = Scene::WriteDown { subject, digest: draft.payload, count: WORDS_OF_DIGEST };
                ask_to_type(vec![witness], scene, "WRITTEN", words::DOES_WRITE)
            }
            Stage::ReadBack => {
                let blind = ceremony.blind(draft.payload, WORDS_OF_DIGEST);
                let input = Input::HiddenWords(blind.hidden().len());
                Some(Pending::Ask(Box::new(Prompt {
                    who: vec![witness],
                    scene: Scene::ReadBack { subject, blind },
                    input,
                })))
            }
            Stage::Confirm(person) => {
                Some(Pending::Ask(Box::new(ceremony.ask_word(&person, words::confirm_draft(ceremony, draft)))))
            }
        }
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let draft = ceremony.draft().ok_or_else(|| unfit("There is no draft."))?;
        let payload = draft.payload;
        match (self.stage(ceremony), answer) {
            (Some(Stage::Read), Answer::Word(_)) => Ok(vec![Event::SheetRead { payload }]),
            (Some(Stage::Write), Answer::Word(_)) => {
                Ok(vec![Event::WrittenDown { subject: words::payload_subject(draft.version), digest: payload }])
            }
            (Some(Stage::ReadBack), Answer::HiddenWords(supplied)) => {
                let read_back = ceremony.read_back(payload, WORDS_OF_DIGEST, supplied, Rule::PayloadReadback)?;
                Ok(vec![Event::PayloadReadBack { payload, read_back }])
            }
            (Some(Stage::Confirm(person)), _) => {
                ceremony.confirm(&person, answer)?;
                Ok(vec![Event::Confirmed { person, statement: words::confirm_draft(ceremony, draft) }])
            }
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
