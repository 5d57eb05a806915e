//! What was collected of many repositories comes in: held against the manifest that the script pins, verified one by one, and
//! kept in the record.

use std::sync::Arc;

use super::{Fact, Kind, Prose, preflight::failed};
use crate::{
    ceremony::{
        Ceremony, Decision, Now, Pending, earlier,
        event::{Event, SignedList},
        operation::{Operation, Outcome},
        participants::PersonId,
        prompt::Answer,
        repositories::{AT_ONCE, pack, read},
        script::{RepositoriesSpec, Script},
        unfit, words,
    },
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    transfer::Gun,
    tuf::parallel::in_parallel,
};

/// `import-repositories`.
#[derive(Clone, Debug)]
pub struct ImportRepositories;

impl Kind for ImportRepositories {
    fn prose(&self, script: &Script) -> Prose {
        words::repositories::import(script)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::ClockConfirmed]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::RepositoriesRead]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let spec = ceremony.script.repositories.as_ref()?;
        let repositories = &ceremony.repositories;
        if repositories.guns.is_none() {
            let (manifest, before) = pinned(ceremony, spec);
            let before = spec.before.as_ref().zip(before).map(|(spec, digest)| (spec.folder.clone(), digest));
            let (folder, parcels) = (spec.collection.folder.clone(), ceremony.received.clone());
            return Some(Pending::Do(Operation::OpenCollection { folder, manifest, before, parcels }));
        }
        let (read, all) = (repositories.known.len(), repositories.guns().len());
        let count = all.saturating_sub(read).min(AT_ONCE);
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        if count > 0 {
            return Some(Pending::Do(Operation::ReadRepositories {
                from: small(read),
                count: small(count),
                parcels: ceremony.received.clone(),
            }));
        }
        next_signed(ceremony).map(|(list, from)| Pending::Do(Operation::ReadSigned { list: list.sha256, from }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, now: Now) -> Result<Vec<Event>, Refusal> {
        self.decide_whole(ceremony, answer, now).map(|decision| decision.events)
    }

    fn decide_whole(&self, ceremony: &Ceremony, answer: &Answer, now: Now) -> Result<Decision, Refusal> {
        let outcome = match answer {
            Answer::Done(outcome) => outcome.as_ref(),
            Answer::Failed(trouble) => return failed(trouble).map(Decision::of),
            _ => return Err(unfit("Files are being read.")),
        };
        match outcome {
            Outcome::Collection { manifest, before, guns } if ceremony.repositories.guns.is_none() => {
                let digests = (Digest::of(manifest), before.as_ref().map(|before| Digest::of(before)));
                let event = opened(ceremony, digests.0, digests.1, guns)?;
                // What was read is held against them again, years later.
                let kept = std::iter::once(manifest).chain(before).map(|bytes| (Digest::of(bytes), bytes));
                Ok(kept.fold(Decision::of(vec![event]), |decision, (digest, bytes)| {
                    decision.with(format!("inputs/{digest}"), Arc::clone(bytes))
                }))
            }
            Outcome::SignedList(text) if ceremony.repositories.all_read() => signed_before(ceremony, text),
            Outcome::Repositories(text) if ceremony.repositories.guns.is_some() => {
                let inputs = pack::read(text)?;
                let from = ceremony.repositories.known.len();
                let wanted = ceremony.repositories.guns().get(from..).unwrap_or_default();
                let same = inputs.iter().map(|inputs| &inputs.gun).eq(wanted.iter().take(inputs.len()));
                if inputs.is_empty() || !same || inputs.len() > AT_ONCE {
                    return Err(unfit("Other repositories were to be read."));
                }
                let read = in_parallel(&inputs, |inputs| {
                    ceremony.repositories.verified.within(|| read::known(ceremony, inputs, now))
                });
                let (repositories, keys): (Vec<_>, Vec<_>) = read.into_iter().unzip();
                let mut known = std::collections::BTreeMap::new();
                keys.into_iter().flatten().for_each(|key| drop(known.insert(key.id(), key)));
                let pack = Digest::of(text);
                let keys = known.into_values().collect();
                let event = Event::RepositoriesRead { pack, repositories, keys };
                Ok(Decision::of(vec![event]).with(format!("inputs/{pack}"), Arc::clone(text)))
            }
            _ => Err(unfit("Repositories were to be read.")),
        }
    }
}

/// The list of what earlier ceremonies signed, and the first line of it that did not come in yet.
fn next_signed(ceremony: &Ceremony) -> Option<(SignedList, u64)> {
    let list = ceremony.previous_ceremony()?.list?;
    let from = ceremony.repositories.signed_read;
    (from < list.versions).then_some((list, from))
}

fn signed_before(ceremony: &Ceremony, text: &[u8]) -> Result<Decision, Refusal> {
    let (list, from) = next_signed(ceremony).ok_or_else(|| unfit("Nothing more of that list was to be read."))?;
    if Digest::of(text) != list.sha256 || earlier::lines(text) != list.versions {
        return Err(Refusal::new(
            Rule::VersionSignedOnce,
            format!("The list of what was signed before is not inputs/{}, which entry 0 names.", list.sha256),
            "Use the other medium.",
        ));
    }
    let to = list.versions.min(from + earlier::AT_ONCE as u64);
    let read = earlier::read(text, usize::try_from(from).unwrap_or(usize::MAX), earlier::AT_ONCE)?;
    let signed = earlier::still_matters(ceremony, read);
    let seen = format!("of {} versions signed before, {} are newer than what is published", to - from, signed.len());
    let passed = vec![Passed::new(Rule::VersionSignedOnce, seen)];
    Ok(Decision::of(vec![Event::SignedBefore { from, to, signed, passed }]))
}

/// The manifests that this ceremony must find: those of the script, or those of a rehearsal's twins.
pub(in crate::ceremony) fn pinned(ceremony: &Ceremony, spec: &RepositoriesSpec) -> (Digest, Option<Digest>) {
    let twin = |real: Digest| ceremony.twin_collections.get(&real).copied().unwrap_or(real);
    (twin(spec.collection.manifest), spec.before.as_ref().map(|before| twin(before.manifest)))
}

fn opened(ceremony: &Ceremony, manifest: Digest, before: Option<Digest>, guns: &[Gun]) -> Result<Event, Refusal> {
    let spec = ceremony.script.repositories.as_ref().ok_or_else(|| unfit("The script names no collection."))?;
    let refuse = |what: String| {
        Err(Refusal::new(
            Rule::CollectionPinned,
            what,
            "Give the collection that was reviewed, or write and review a new script for this one.",
        ))
    };
    let (wanted, wanted_before) = pinned(ceremony, spec);
    if manifest != wanted {
        return refuse(format!(
            "The manifest of {} has SHA-256 {manifest}; {wanted} is pinned.",
            spec.collection.folder
        ));
    }
    if before != wanted_before {
        return refuse("The manifest of the earlier collection is not the one that is pinned.".into());
    }
    if guns.len() != spec.collection.repositories as usize {
        return refuse(format!(
            "The collection holds {} repositories; the script says {}.",
            guns.len(),
            spec.collection.repositories
        ));
    }
    let passed = vec![Passed::new(Rule::CollectionPinned, format!("{} repositories, manifest {manifest}", guns.len()))];
    Ok(Event::CollectionOpened { manifest, before, guns: guns.to_vec(), passed })
}
