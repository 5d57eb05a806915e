//! A tagging key is made in this room for somebody who signs elsewhere with the stock tools. It is made in locked memory, encrypted
//! with a passphrase that its keeper chooses, written as a file, and proven; then the memory is wiped. Nobody but the keeper can
//! open the file.

use super::{Fact, Kind, Prose, ask_to_type, at_the_token, preflight::failed};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        operation::{ExportedFile, Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Scene},
        script::Script,
        unfit, words,
    },
    digest::{Digest, to_hex},
    readback::Challenge,
    rules::{Passed, Refusal, Rule},
};

/// `hand-over-key`.
#[derive(Clone, Debug)]
pub struct HandOverKey {
    /// The short name by which the script knows the key, and the name of its file.
    pub name: Alias,
    /// What the key is for: `targets`, a delegation, or a signer's name. The stock tools show it.
    pub role: String,
    /// The one repository that it is for.
    pub gun: Option<String>,
    /// Who chooses the passphrase and takes the file.
    pub keeper: PersonId,
}

impl HandOverKey {
    /// The key's file in the record.
    pub fn file(&self) -> String {
        format!("keys/{}.key", self.name)
    }
}

/// What a key that is handed over signs to show that it is there: `KEY-POSSESSION`, as keys from outside show it.
pub fn statement(repository: &str, role: &str, keyid: &str, last_day: &str, nonce: Digest) -> Challenge {
    Challenge::possession(repository, role, keyid, last_day, &nonce.as_bytes()[..16])
}

/// Last day and nonce of the statement; `None` before the clock is confirmed.
fn bounds(ceremony: &Ceremony, name: &Alias) -> Option<(String, Digest)> {
    let seed = format!("{}\n{}\n{name}\n", ceremony.script.digest, ceremony.began_at?);
    Some((ceremony.clock?.date(), Digest::of(seed.as_bytes())))
}

impl Kind for HandOverKey {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::hand_over_key(script, self)
    }

    fn who(&self, _script: &Script) -> Vec<PersonId> {
        vec![self.keeper.clone()]
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::RollCalled, Fact::ScriptRead, Fact::MachineSeen, Fact::ClockConfirmed]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KeyHandedOver(self.name.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        if ceremony.imported.contains_key(&self.name) {
            return None;
        }
        let keeper = ceremony.acting(&self.keeper);
        if at_the_token::seated(ceremony) != Some(keeper.clone()) {
            let ask = words::keeper_sits(ceremony.script.name(&keeper), &self.name);
            return ask_to_type(vec![keeper], Scene::Plain { ask }, "SEATED", words::SITS);
        }
        let (last_day, nonce) = bounds(ceremony, &self.name)?;
        Some(Pending::Do(Operation::HandOverKey {
            name: self.name.clone(),
            role: self.role.clone(),
            gun: self.gun.clone(),
            keeper,
            file: self.file(),
            last_day,
            nonce,
        }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        match answer {
            Answer::Word(_) => Ok(at_the_token::sat(&ceremony.acting(&self.keeper))),
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => match outcome.as_ref() {
                Outcome::HandedOver { key, sha256, length, media, signature } => {
                    let (last_day, nonce) =
                        bounds(ceremony, &self.name).ok_or_else(|| unfit("No clock is confirmed."))?;
                    let keyid = key.id();
                    let repository = &ceremony.script.repository;
                    let statement = statement(repository, &self.role, keyid.as_str(), &last_day, nonce);
                    if !key.public().verify(statement.bytes(), signature) {
                        return Err(Refusal::new(
                            Rule::KeyPossession,
                            format!("The signature of {} over its proof of possession does not verify.", self.name),
                            "Do not use the file. This is a mistake of the program or of the machine: leave, and report it.",
                        ));
                    }
                    Ok(vec![Event::KeyHandedOver {
                        name: self.name.clone(),
                        canonical_id: key.public().canonical_id().unwrap_or_else(|| keyid.clone()),
                        key: key.clone(),
                        file: ExportedFile { name: self.file(), sha256: *sha256, length: *length },
                        media: media.clone(),
                        statement: String::from_utf8_lossy(statement.bytes()).into_owned(),
                        signature: to_hex(signature.as_bytes()),
                        passed: vec![Passed::new(
                            Rule::KeyPossession,
                            format!("{} signed a statement that no client parses, before it was wiped", keyid.short()),
                        )],
                    }])
                }
                _ => Err(unfit("A key was to be handed over.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
