//! A batch is read to its end, outliers first; the digest of its list of payloads is written down, read back blind, and
//! confirmed by each officer.

use std::sync::Arc;

use super::{Fact, Kind, Prose, ask_to_type, happened, unconfirmed};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        participants::PersonId,
        prompt::{Answer, Input, Prompt, Scene},
        script::Script,
        unfit, words,
    },
    readback::WORDS_OF_DIGEST,
    rules::{Refusal, Rule},
};

/// `review`, in a ceremony about many repositories.
#[derive(Clone, Debug)]
pub struct ReviewRepositories {
    /// Who supplies the hidden words.
    pub witness: PersonId,
    /// Who confirms the batch, each with their own word.
    pub who: Vec<PersonId>,
}

enum Stage {
    Read,
    Write,
    ReadBack,
    Confirm(PersonId),
}

impl ReviewRepositories {
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

impl Kind for ReviewRepositories {
    fn prose(&self, script: &Script) -> Prose {
        words::repositories::review(script, &self.witness, &self.who)
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
        let batch = &ceremony.repositories.batch;
        let digest = batch.manifest.as_ref()?.digest;
        let witness = ceremony.acting(&self.witness);
        let subject = words::repositories::BATCH_SUBJECT.to_owned();
        match self.stage(ceremony)? {
            Stage::Read => {
                let scene = Scene::Batch(Arc::clone(batch.sheet.as_ref()?));
                ask_to_type(ceremony.leaders(), scene, "READ", words::DOES_READ)
            }
            Stage::Write => {
                let scene = Scene::WriteDown { subject, digest, count: WORDS_OF_DIGEST };
                ask_to_type(vec![witness], scene, "WRITTEN", words::DOES_WRITE)
            }
            Stage::ReadBack => {
                let blind = ceremony.blind(digest, WORDS_OF_DIGEST);
                let input = Input::HiddenWords(blind.hidden().len());
                let scene = Scene::ReadBack { subject, blind };
                Some(Pending::Ask(Box::new(Prompt { who: vec![witness], scene, input })))
            }
            Stage::Confirm(person) => {
                let text = words::repositories::confirm(ceremony);
                Some(Pending::Ask(Box::new(ceremony.ask_word(&person, text))))
            }
        }
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let manifest = ceremony.repositories.batch.manifest.as_ref().ok_or_else(|| unfit("There is no draft."))?;
        let payload = manifest.digest;
        match (self.stage(ceremony), answer) {
            (Some(Stage::Read), Answer::Word(_)) => Ok(vec![Event::SheetRead { payload }]),
            (Some(Stage::Write), Answer::Word(_)) => {
                Ok(vec![Event::WrittenDown { subject: words::repositories::BATCH_SUBJECT.into(), digest: payload }])
            }
            (Some(Stage::ReadBack), Answer::HiddenWords(supplied)) => {
                let read_back = ceremony.read_back(payload, WORDS_OF_DIGEST, supplied, Rule::PayloadReadback)?;
                Ok(vec![Event::PayloadReadBack { payload, read_back }])
            }
            (Some(Stage::Confirm(person)), _) => {
                ceremony.confirm(&person, answer)?;
                Ok(vec![Event::Confirmed { person, statement: words::repositories::confirm(ceremony) }])
            }
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
