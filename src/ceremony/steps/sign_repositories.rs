//! A token signs everything of the reviewed batch that it owes, with one login. Each signature is an entry of its own; they are
//! committed in groups.

use super::{
    Fact, Kind, Prose,
    at_the_token::{token_in, user_sits, word_typed},
    happened,
    preflight::failed,
    went,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending, chosen,
        event::Event,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Choice, Input, Prompt, Scene},
        repositories::SIGNATURES_AT_ONCE,
        script::Script,
        unfit, words,
    },
    digest::to_hex,
    rules::{Passed, Refusal, Rule},
    tuf::verify::VerifiedSignature,
};

/// `sign`, in a ceremony about many repositories.
#[derive(Clone, Debug)]
pub struct SignRepositories {
    /// With which token of the script.
    pub token: Alias,
}

fn choices() -> Vec<Choice> {
    vec![Choice::new("SIGN", words::DOES_SIGN), Choice::new("LEAVE", words::DOES_LEAVE)]
}

impl Kind for SignRepositories {
    fn prose(&self, script: &Script) -> Prose {
        words::repositories::sign(script, &self.token)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        script.token(&self.token).map(|spec| vec![spec.user_pin.clone()]).unwrap_or_default()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::Reviewed, Fact::KeyCounts(self.token.clone())]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::SignedBy(self.token.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let batch = &ceremony.repositories.batch;
        let alias = ceremony.playing(&self.token);
        let (all, signed) = batch.share_of(&alias);
        // Once enough have signed, an exception in the room lets the ceremony go on without this token.
        let without = || {
            happened(ceremony, |event| matches!(event, Event::ExceptionNoted { .. })) && ceremony.can_spare(&self.token)
        };
        if signed >= all || without() {
            return None;
        }
        if !went(ceremony, words::SIGNS) {
            let scene = words::repositories::no_return_sign(ceremony, &alias);
            let prompt = Prompt { who: ceremony.leaders(), scene, input: Input::Word(choices()) };
            return Some(Pending::Ask(Box::new(prompt)));
        }
        let owed = token_in(ceremony, &alias, words::insert(&alias)).or_else(|| user_sits(ceremony, &alias));
        if owed.is_some() {
            return owed;
        }
        let public = ceremony.token(&alias).key?.public().fingerprint();
        let count = u32::try_from(all).unwrap_or(u32::MAX);
        Some(Pending::Do(Operation::SignBatch { alias, public, batch: batch.manifest.as_ref()?.digest, count }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let alias = ceremony.playing(&self.token);
        match answer {
            Answer::Word(word) => match self.pending(ceremony) {
                Some(Pending::Ask(prompt)) => match (&prompt.scene, chosen(&choices(), word)) {
                    (Scene::PointOfNoReturn { .. }, Some("SIGN")) => {
                        Ok(vec![Event::Went { word: "SIGN".into(), on: words::SIGNS.into() }])
                    }
                    (Scene::PointOfNoReturn { .. }, _) => Ok(vec![Event::Paused]),
                    _ => word_typed(ceremony, &alias),
                },
                _ => Err(unfit("The token signed already.")),
            },
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => match outcome.as_ref() {
                Outcome::SignedSome { seen, signatures } => {
                    let expected = super::open_token::is_expected(ceremony, &alias, seen)?;
                    signed(ceremony, alias, signatures, expected)
                }
                _ => Err(unfit("Signatures were to be made.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}

fn signed(
    ceremony: &Ceremony,
    alias: Alias,
    signatures: &[VerifiedSignature],
    expected: Passed,
) -> Result<Vec<Event>, Refusal> {
    let batch = &ceremony.repositories.batch;
    if batch.reviewed.is_none() {
        return Err(Refusal::new(Rule::PayloadReadback, "This batch was not read back.", "Review it first."));
    }
    let key = ceremony.token(&alias).key.ok_or_else(|| unfit("The token holds no key."))?;
    let print = key.public().fingerprint();
    let owed = batch.next_payloads(&alias, SIGNATURES_AT_ONCE);
    if signatures.is_empty() || signatures.len() > owed.len() {
        return Err(unfit("Other payloads were to be signed."));
    }
    let mut events = vec![];
    let mut documents = batch.share_of(&alias).1;
    for (payload, signature) in owed.iter().zip(signatures) {
        if signature.payload() != *payload || signature.public() != print {
            return Err(Refusal::new(
                Rule::SignatureVerifies,
                format!("A signature of {alias} is over something else than payload {}….", &payload.to_string()[..16]),
                "It does not count. Leave, and report it.",
            ));
        }
        ceremony.repositories.verified.note(signature);
        let (drafted, of) = batch.first_with(*payload).ok_or_else(|| unfit("No such payload."))?;
        let gun = ceremony.repositories.guns().get(drafted.number as usize).cloned();
        let place = drafted.documents.iter().find(|document| document.payload == *payload);
        documents += batch.documents_with(*payload, &alias);
        events.push(Event::RepositorySigned {
            alias: alias.clone(),
            gun: gun.ok_or_else(|| unfit("No such repository."))?,
            role: of.role.clone(),
            version: place.map_or(0, |document| document.version),
            payload: *payload,
            signature: to_hex(signature.signature().as_bytes()),
        });
    }
    if documents >= batch.share_of(&alias).0 {
        let passed = vec![
            expected,
            Passed::new(Rule::PayloadReadback, "the list of payloads was read back, and confirmed by its officers"),
            Passed::new(Rule::SignatureVerifies, "every signature, in software, over the reviewed bytes"),
        ];
        let digest = batch.manifest.as_ref().map(|manifest| manifest.digest);
        events.push(Event::BatchSigned {
            alias,
            batch: digest.ok_or_else(|| unfit("There is no draft."))?,
            documents: u32::try_from(documents).unwrap_or(u32::MAX),
            passed,
        });
    }
    Ok(events)
}
