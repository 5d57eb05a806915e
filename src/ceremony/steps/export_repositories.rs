//! What was signed leaves: a bundle for each repository, put together and looked at as its clients will look at it, in one
//! folder that a courier publishes.

use super::{Fact, Kind, Prose, ask_to_type, preflight::failed, went};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        operation::{Operation, Outcome},
        participants::PersonId,
        prompt::{Answer, Scene},
        script::Script,
        unfit, words,
    },
    rules::Refusal,
};

/// `export`, in a ceremony about many repositories.
#[derive(Clone, Debug)]
pub struct ExportRepositories;

impl Kind for ExportRepositories {
    fn prose(&self, script: &Script) -> Prose {
        words::repositories::export(script)
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
        let batch = &ceremony.repositories.batch;
        if batch.published.is_some() {
            return None;
        }
        if !went(ceremony, words::EXPORTS) {
            let scene = Scene::Plain { ask: words::repositories::export_ask(ceremony) };
            return ask_to_type(ceremony.leaders(), scene, "EXPORT", words::EXPORTS);
        }
        Some(Pending::Do(Operation::ExportRepositories { batch: batch.manifest.as_ref()?.digest }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        match answer {
            Answer::Word(_) => Ok(vec![Event::Went { word: "EXPORT".into(), on: words::EXPORTS.into() }]),
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => match outcome.as_ref() {
                Outcome::BundlesWritten { from, to, incomplete, manifest, media } => {
                    let batch = &ceremony.repositories.batch;
                    let all = u32::try_from(batch.drafted.len()).unwrap_or(u32::MAX);
                    if *from != batch.exported || *to <= *from || *to > all || (*to == all) != manifest.is_some() {
                        return Err(unfit("Other bundles were to be written."));
                    }
                    let (from, to, incomplete, manifest) = (*from, *to, *incomplete, *manifest);
                    Ok(vec![Event::RepositoriesExported { from, to, incomplete, manifest, media: media.clone() }])
                }
                _ => Err(unfit("Bundles were to be written.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
