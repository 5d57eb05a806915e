//! What was drafted is read to its end, its digest is written down, read back blind from paper, and confirmed by each officer. It
//! is the payload of one root; or the list of the payloads of many repositories, which are read outliers first.

use std::sync::Arc;

use super::{Fact, Kind, Prose, ask_to_type, happened, unconfirmed};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        metadata,
        participants::PersonId,
        prompt::{Answer, Input, Prompt, Scene, WordsStand},
        script::Script,
        unfit, words,
    },
    digest::Digest,
    readback::WORDS_OF_DIGEST,
    rules::{Refusal, Rule},
};

/// `review`.
#[derive(Clone, Debug)]
pub struct Review {
    /// Who supplies the hidden words.
    pub witness: PersonId,
    /// Who confirms it, each with their own word.
    pub who: Vec<PersonId>,
}

enum Stage {
    Read,
    Write,
    ReadBack,
    Confirm(PersonId),
}

/// What is reviewed, as it is called and by its digest.
struct Subject {
    name: String,
    digest: Digest,
    /// What each officer confirms.
    statement: String,
}

fn subject(ceremony: &Ceremony) -> Option<Subject> {
    if ceremony.script.repositories.is_some() {
        let digest = ceremony.repositories.batch.manifest.as_ref()?.digest;
        let name = words::repositories::BATCH_SUBJECT.to_owned();
        return Some(Subject { name, digest, statement: words::repositories::confirm(ceremony) });
    }
    let draft = ceremony.draft()?;
    let (name, statement) = (words::payload_subject(draft.version), words::confirm_draft(ceremony, draft));
    Some(Subject { name, digest: draft.payload, statement })
}

/// What is read aloud.
fn sheet(ceremony: &Ceremony) -> Option<Scene> {
    if ceremony.script.repositories.is_some() {
        return Some(Scene::Batch(Arc::clone(ceremony.repositories.batch.sheet.as_ref()?)));
    }
    let draft = ceremony.draft()?;
    Some(Scene::Review(Box::new(metadata::review_sheet(ceremony, draft, draft.passed.clone()))))
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
        let prose = if script.repositories.is_some() { words::repositories::review } else { words::steps::review };
        prose(script, &self.witness, &self.who)
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
        let Subject { name, digest, statement } = subject(ceremony)?;
        let witness = ceremony.acting(&self.witness);
        match self.stage(ceremony)? {
            Stage::Read => ask_to_type(ceremony.leaders(), sheet(ceremony)?, "READ", words::DOES_READ),
            Stage::Write => {
                let scene = Scene::WriteDown { subject: name, digest, count: WORDS_OF_DIGEST };
                ask_to_type(vec![witness], scene, "WRITTEN", words::DOES_WRITE)
            }
            Stage::ReadBack => {
                let blind = ceremony.blind(digest, WORDS_OF_DIGEST);
                let input = Input::HiddenWords(blind.hidden().len());
                let scene = Scene::ReadBack { subject: name, blind, stand: WordsStand::OnPaper };
                Some(Pending::Ask(Box::new(Prompt { who: vec![witness], scene, input })))
            }
            Stage::Confirm(person) => Some(Pending::Ask(Box::new(ceremony.ask_word(&person, statement)))),
        }
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let Subject { name, digest, statement } = subject(ceremony).ok_or_else(|| unfit("There is no draft."))?;
        match (self.stage(ceremony), answer) {
            (Some(Stage::Read), Answer::Word(_)) => Ok(vec![Event::SheetRead { payload: digest }]),
            (Some(Stage::Write), Answer::Word(_)) => Ok(vec![Event::WrittenDown { subject: name, digest }]),
            (Some(Stage::ReadBack), Answer::HiddenWords(supplied)) => {
                let read_back = ceremony.read_back(digest, WORDS_OF_DIGEST, supplied, Rule::PayloadReadback)?;
                Ok(vec![Event::PayloadReadBack { payload: digest, read_back }])
            }
            (Some(Stage::Confirm(person)), _) => {
                ceremony.confirm(&person, answer)?;
                Ok(vec![Event::Confirmed { person, statement }])
            }
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
