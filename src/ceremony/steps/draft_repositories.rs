//! Metadata of every repository is composed from what was collected, by the script, and by nothing else. A repository for which
//! a rule says no is left out and listed; it stops no other.

use std::{collections::BTreeMap, sync::Arc};

use super::{Fact, Kind, Prose, ask_to_type, preflight::failed};
use crate::{
    ceremony::{
        Ceremony, Decision, Now, Pending,
        earlier::SignedBefore,
        event::{DraftedRepository, Event, LeftOut},
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Scene},
        repositories::{
            Pack, PayloadManifest, Shape,
            compose::{Composed, compose},
            pack,
        },
        script::{Kind as ScriptKind, Script, Signatory},
        unfit, words,
    },
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    transfer::Gun,
    tuf::parallel::in_parallel,
};

/// `draft`, in a ceremony about many repositories.
#[derive(Clone, Debug)]
pub struct DraftRepositories;

fn next_pack(ceremony: &Ceremony) -> Option<Pack> {
    ceremony.repositories.packs.get(ceremony.repositories.batch.packs).copied()
}

impl Kind for DraftRepositories {
    fn prose(&self, script: &Script) -> Prose {
        words::repositories::draft(script)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, script: &Script) -> Vec<Fact> {
        let mut needs = vec![Fact::ClockConfirmed, Fact::RepositoriesRead];
        // An offline key that stays in the root may lie in its bag today.
        let comes = |alias: &&Alias| script.token(alias).is_some_and(|token| token.keyid.is_none());
        needs.extend(script.root.keys.iter().filter(comes).cloned().map(Fact::KeyCounts));
        needs.extend(script.made_keys().into_iter().map(|name| script.counts_by(name)));
        if !script.keys.is_empty() {
            needs.push(Fact::KeysImported);
        }
        let Some(spec) = &script.repositories else { return needs };
        let tagging = spec.tagging.iter().flat_map(|tagging| &tagging.keys);
        let signers = spec.signers.iter().flat_map(|signer| &signer.keys);
        for signatory in tagging.chain(signers) {
            match signatory {
                Signatory::Token(alias) => needs.push(Fact::KeyCounts(alias.clone())),
                Signatory::Elsewhere(name) if script.keeper_of(name).is_some() => {
                    needs.push(Fact::KeyHandedOver(name.clone()));
                }
                Signatory::Elsewhere(_) | Signatory::Unnamed(_) => {}
            }
        }
        match script.kind {
            ScriptKind::DctGenesis => needs.extend(script.root.keys.iter().cloned().map(Fact::Certified)),
            ScriptKind::DctRotateRoot => {
                needs.extend(script.root.keys.iter().filter(comes).cloned().map(Fact::Certified));
            }
            ScriptKind::DctRotateTaggingKey => needs.push(Fact::TagsJudged),
            _ => {}
        }
        needs.sort();
        needs.dedup();
        needs
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::Drafted]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        if ceremony.repositories.batch.date.is_none() {
            let scene = Scene::Plain { ask: words::repositories::compose(ceremony) };
            return ask_to_type(ceremony.leaders(), scene, "DRAFT", words::repositories::DOES_DRAFT);
        }
        next_pack(ceremony).map(|pack| Pending::Do(Operation::ReadInputs { pack: pack.sha256 }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, now: Now) -> Result<Vec<Event>, Refusal> {
        self.decide_whole(ceremony, answer, now).map(|decision| decision.events)
    }

    fn decide_whole(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Decision, Refusal> {
        match answer {
            Answer::Word(_) => {
                let passed = ceremony.backups_restore()?;
                Ok(Decision::of(vec![Event::BatchBegan { passed }]))
            }
            Answer::Failed(trouble) => failed(trouble).map(Decision::of),
            Answer::Done(outcome) => match (outcome.as_ref(), next_pack(ceremony)) {
                (Outcome::Repositories(text), Some(pack)) => drafted(ceremony, pack, text),
                _ => Err(unfit("Inputs were to be read.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}

fn drafted(ceremony: &Ceremony, pack: Pack, text: &[u8]) -> Result<Decision, Refusal> {
    if Digest::of(text) != pack.sha256 {
        return Err(Refusal::new(
            Rule::BytesMatchHash,
            format!("inputs/{} is not what was read before.", pack.sha256),
            "Use the other medium.",
        ));
    }
    let date = ceremony.repositories.batch.date.ok_or_else(|| unfit("The batch has not begun."))?;
    let inputs = pack::read(text)?;
    let numbered: Vec<_> = (pack.from..).zip(&inputs).collect();
    let readable =
        |number: u32| ceremony.repositories.known.get(number as usize).is_some_and(|known| known.left_out.is_none());
    let verified = &ceremony.repositories.verified;
    let compose = |number: u32, inputs| verified.within(|| compose(ceremony, number, inputs, date));
    let composed = in_parallel(&numbered, |(number, inputs)| readable(*number).then(|| compose(*number, inputs)));
    let mut work = Drafting::default();
    let here = inputs.iter().map(|inputs| inputs.gun.as_str()).collect();
    let before = SignedBefore::of(ceremony, &here);
    for ((_, inputs), composed) in numbered.iter().zip(composed) {
        match composed.map(|composed| composed.and_then(|composed| signed_once(&before, &inputs.gun, composed))) {
            Some(Ok(composed)) => work.add(&inputs.gun, composed),
            Some(Err(refusal)) => work.left_out.push(LeftOut { gun: inputs.gun.clone(), refusal }),
            None => {}
        }
    }
    let last = ceremony.repositories.batch.packs + 1 == ceremony.repositories.packs.len();
    if last && work.repositories.is_empty() && ceremony.repositories.batch.drafted.is_empty() {
        let why = ceremony.repositories.left_out().map(|(_, refusal)| refusal).next().cloned();
        let why = why.or_else(|| work.left_out.first().map(|out| out.refusal.clone()));
        let why = why.ok_or_else(|| unfit("There is no repository."))?;
        return Err(Refusal { what: format!("Every repository is left out. The first: {}", why.what), ..why });
    }
    if ceremony.previous_ceremony().is_some() {
        let seen = "the ceremonies before signed no other payload of these versions, nor a later version, but for what they gave up";
        work.passed.insert(Rule::VersionSignedOnce, (1, seen.into()));
    }
    if last {
        let earlier = ceremony.repositories.batch.drafted.iter().flat_map(|drafted| &drafted.documents);
        let payloads = earlier.map(|document| document.payload).chain(work.payloads.keys().copied());
        let manifest = PayloadManifest::of(payloads);
        work.attachments.push((format!("batches/{}", manifest.digest), Arc::from(Arc::clone(&manifest.text))));
    }
    Ok(work.decision(pack.sha256))
}

/// `VERSION-SIGNED-ONCE`, for every document of a repository.
fn signed_once(before: &SignedBefore<'_>, gun: &Gun, mut composed: Composed) -> Result<Composed, Refusal> {
    let mut given_up = false;
    for (of, (version, signed)) in composed.shape.documents.iter().zip(&composed.documents) {
        given_up |= before.fits(gun, &of.role, *version, Digest::of(signed))?;
    }
    if given_up {
        composed.shape.notes.push(words::repositories::GIVEN_UP_BEFORE.into());
    }
    Ok(composed)
}

#[derive(Default)]
struct Drafting {
    shapes: Vec<Shape>,
    repositories: Vec<DraftedRepository>,
    left_out: Vec<LeftOut>,
    passed: BTreeMap<Rule, (u32, String)>,
    payloads: BTreeMap<Digest, Vec<u8>>,
    attachments: Vec<(String, Arc<[u8]>)>,
}

impl Drafting {
    fn add(&mut self, gun: &Gun, composed: Composed) {
        let shape = self.shapes.iter().position(|known| *known == composed.shape).unwrap_or_else(|| {
            self.shapes.push(composed.shape);
            self.shapes.len() - 1
        });
        let (mut versions, mut payloads) = (vec![], vec![]);
        for (version, signed) in composed.documents {
            let payload = Digest::of(&signed);
            versions.push(version);
            payloads.push(payload);
            self.payloads.insert(payload, signed);
        }
        for Passed { rule, seen } in composed.passed {
            let counted = self.passed.entry(rule).or_default();
            counted.0 += 1;
            counted.1 = seen;
        }
        let (gun, tags) = (gun.clone(), composed.tags);
        self.repositories.push(DraftedRepository { gun, shape, versions, payloads, tags });
    }

    fn decision(self, pack: Digest) -> Decision {
        let passed = self.passed.into_iter().map(|(rule, (times, seen))| {
            Passed::new(rule, if times > 1 { format!("{times} times; the last: {seen}") } else { seen })
        });
        let event = Event::RepositoriesDrafted {
            pack,
            shapes: self.shapes,
            repositories: self.repositories,
            left_out: self.left_out,
            passed: passed.collect(),
        };
        let mut decision = Decision::of(vec![event]);
        for (payload, bytes) in self.payloads {
            decision = decision.with(format!("payloads/{payload}"), bytes);
        }
        for (name, bytes) in self.attachments {
            decision = decision.with(name, bytes);
        }
        decision
    }
}
