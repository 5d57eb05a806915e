//! The root is composed from what is here, by the script, and by nothing else.

use super::{Fact, Kind, Prose, ask_to_type, happened, preflight::failed};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        metadata,
        operation::{Operation, Outcome},
        participants::PersonId,
        prompt::{Answer, Scene},
        script::Script,
        unfit, words,
    },
    digest::Digest,
    rules::{Refusal, Rule},
};

/// `draft`.
#[derive(Clone, Debug)]
pub struct Draft;

impl Kind for Draft {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::draft(script)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, script: &Script) -> Vec<Fact> {
        let mut needs = vec![Fact::ClockConfirmed];
        needs.extend(script.root.keys.iter().cloned().map(Fact::KeyCounts));
        if !script.keys.is_empty() {
            needs.push(Fact::KeysImported);
        }
        let handed = script.roles.iter().flat_map(|role| &role.keys).filter(|name| script.keeper_of(name).is_some());
        needs.extend(handed.cloned().map(Fact::KeyHandedOver));
        needs.extend(script.made_keys().into_iter().map(|name| script.counts_by(name)));
        if script.previous.is_some() {
            needs.push(Fact::PreviousRoot);
        }
        needs
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::Drafted]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let Some(draft) = ceremony.draft() else {
            let scene = Scene::Plain { ask: words::compose(ceremony) };
            return ask_to_type(ceremony.leaders(), scene, "DRAFT", words::DOES_DRAFT);
        };
        let stored = happened(ceremony, |event| matches!(event, Event::PayloadStored { .. }));
        (!stored).then_some(Pending::Do(Operation::StorePayload { payload: draft.payload }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, now: Now) -> Result<Vec<Event>, Refusal> {
        match answer {
            Answer::Word(_) => {
                let restores = ceremony.backups_restore()?;
                let composed = metadata::compose(ceremony, now)?;
                let signed = String::from_utf8(composed.signed).map_err(|_| {
                    Refusal::new(Rule::ClientAccepts, "The draft is not UTF-8.", "Mend the names in the script.")
                })?;
                Ok(vec![Event::Drafted {
                    version: composed.root.version,
                    payload: Digest::of(signed.as_bytes()),
                    signed,
                    changes: composed.changes,
                    passed: composed.passed.into_iter().chain(restores).collect(),
                }])
            }
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => match (outcome.as_ref(), ceremony.draft()) {
                (Outcome::Stored, Some(draft)) => Ok(vec![Event::PayloadStored { payload: draft.payload }]),
                _ => Err(unfit("A payload was to be stored.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
