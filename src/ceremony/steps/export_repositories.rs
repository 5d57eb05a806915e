//! What was signed leaves: a bundle for each repository, put together and looked at as its clients will look at it, in one
//! folder that a courier publishes.

use std::sync::Arc;

use super::{Fact, Kind, Prose, ask_to_type, preflight::failed, went};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::{Event, LeftOut},
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
            if batch.refused.is_empty() || went(ceremony, words::repositories::REFUSED_READ) {
                return None;
            }
            let line = |out: &LeftOut| format!("{}  {}: {}", out.gun, out.refusal.rule, out.refusal.what);
            let scene = Scene::List {
                title: words::repositories::refused_title(batch.refused.len()),
                lines: Arc::new(batch.refused.iter().map(line).collect()),
                ask: words::repositories::REFUSED_ASK.into(),
            };
            return ask_to_type(ceremony.leaders(), scene, "READ", words::DOES_READ);
        }
        if !went(ceremony, words::EXPORTS) {
            let scene = Scene::Plain { ask: words::repositories::export_ask(ceremony) };
            return ask_to_type(ceremony.leaders(), scene, "EXPORT", words::EXPORTS);
        }
        Some(Pending::Do(Operation::ExportRepositories { batch: batch.manifest.as_ref()?.digest }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        match answer {
            Answer::Word(_) if ceremony.repositories.batch.published.is_some() => {
                Ok(vec![Event::Went { word: "READ".into(), on: words::repositories::REFUSED_READ.into() }])
            }
            Answer::Word(_) => Ok(vec![Event::Went { word: "EXPORT".into(), on: words::EXPORTS.into() }]),
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => match outcome.as_ref() {
                Outcome::BundlesWritten { from, to, incomplete, refused, manifest, media } => {
                    let batch = &ceremony.repositories.batch;
                    let all = u32::try_from(batch.drafted.len()).unwrap_or(u32::MAX);
                    if *from != batch.exported || *to <= *from || *to > all || (*to == all) != manifest.is_some() {
                        return Err(unfit("Other bundles were to be written."));
                    }
                    let (from, to, incomplete, manifest) = (*from, *to, *incomplete, *manifest);
                    let (refused, media) = (refused.clone(), media.clone());
                    Ok(vec![Event::RepositoriesExported { from, to, incomplete, refused, manifest, media }])
                }
                _ => Err(unfit("Bundles were to be written.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
