//! The root key is generated on its token. It does not count until the token was taken out and opened again.

use super::{
    Fact, Kind, Prose,
    at_the_token::{user_sat, user_sits},
    preflight::failed,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::Answer,
        script::Script,
        unfit, words,
    },
    device,
    rules::{Passed, Refusal, Rule},
};

/// `generate-key`.
#[derive(Clone, Debug)]
pub struct GenerateKey {
    /// On which token of the script.
    pub token: Alias,
}

impl Kind for GenerateKey {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::generate_key(script, &self.token)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        script.token(&self.token).map(|spec| vec![spec.user_pin.clone()]).unwrap_or_default()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::TokenPrepared(self.token.clone())]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KeyOnToken(self.token.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let alias = ceremony.playing(&self.token);
        if ceremony.token(&alias).key.is_some() {
            return None;
        }
        let owed = user_sits(ceremony, &alias);
        if owed.is_some() {
            return owed;
        }
        let root = &ceremony.script.root;
        let label = words::key_label(&ceremony.script.repository);
        Some(Pending::Do(Operation::Generate { alias, algorithm: root.algorithm, label }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let alias = ceremony.playing(&self.token);
        match answer {
            Answer::Word(_) => user_sat(ceremony, &alias),
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => match outcome.as_ref() {
                Outcome::Generated { key, attributes } => {
                    let passed = vec![device::not_extractable(attributes)?, not_seen_before(ceremony, &alias, key)?];
                    Ok(vec![Event::KeyGenerated { alias, key: key.clone(), attributes: *attributes, passed }])
                }
                _ => Err(unfit("A key was to be generated.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}

fn not_seen_before(ceremony: &Ceremony, alias: &Alias, key: &crate::tuf::key::Key) -> Result<Passed, Refusal> {
    let fingerprint = key.public().fingerprint();
    let same = ceremony.tokens.iter().find(|(other, token)| {
        *other != alias && token.key.as_ref().is_some_and(|known| known.public().fingerprint() == fingerprint)
    });
    match same {
        Some((other, _)) => Err(Refusal::new(
            Rule::KeyCountedOnce,
            format!("{alias} gave the public key that {other} holds already."),
            "Two tokens with one key are one key. Do not use this token.",
        )),
        None => Ok(Passed::new(Rule::KeyCountedOnce, "no other token of this ceremony holds this public key")),
    }
}
