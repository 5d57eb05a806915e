//! What was signed leaves: the root under its versioned name, and the public keys. Nothing that exists is overwritten.

use super::{Fact, Kind, Prose, ask_to_type, happened, preflight::failed, went};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        metadata::{self, Leaving},
        operation::{Operation, Outcome},
        participants::PersonId,
        prompt::{Answer, Scene},
        script::Script,
        unfit, words,
    },
    rules::Refusal,
};

/// `export`.
#[derive(Clone, Debug)]
pub struct Export;

impl Kind for Export {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::export(script)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::ThresholdMet]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::Exported]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        if happened(ceremony, |event| matches!(event, Event::Exported { .. })) {
            return None;
        }
        if !went(ceremony, words::EXPORTS) {
            let scene = Scene::Plain { ask: words::export_ask(ceremony) };
            return ask_to_type(ceremony.leaders(), scene, "EXPORT", words::EXPORTS);
        }
        let files = metadata::leaving(ceremony).ok()?.iter().map(Leaving::described).collect();
        Some(Pending::Do(Operation::Export { files }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        match answer {
            Answer::Word(_) => {
                ceremony.backups_restore()?;
                metadata::leaving(ceremony)?;
                Ok(vec![Event::Went { word: "EXPORT".into(), on: words::EXPORTS.into() }])
            }
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => match outcome.as_ref() {
                Outcome::Exported { media } => {
                    let files = metadata::leaving(ceremony)?.iter().map(Leaving::described).collect();
                    Ok(vec![Event::Exported { files, media: media.clone() }])
                }
                _ => Err(unfit("Files were to be written.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
