//! The root key is generated on its token. It does not count until the token was taken out and opened again.

use super::{
    Fact, Kind, Prose,
    at_the_token::{user_sat, user_sits},
    preflight::failed,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::{Event, Mode},
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::Answer,
        script::{ModuleSpec, Script},
        unfit, words,
    },
    device::{
        self,
        attestation::{Attestation, Wanted, is_as_wanted},
        yubikey::{OldFirmware, keeps_keys},
    },
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
                Outcome::Generated { key, attributes, attestation } => {
                    let mut passed =
                        vec![device::not_extractable(attributes)?, not_seen_before(ceremony, &alias, key)?];
                    passed.extend(is_attested(ceremony, &alias, key, attestation.as_deref())?);
                    let (key, attestation) = (key.clone(), attestation.clone());
                    Ok(vec![Event::KeyGenerated { alias, key, attributes: *attributes, attestation, passed }])
                }
                _ => Err(unfit("A key was to be generated.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}

/// `KEY-COUNTED-ONCE`: no other token of this ceremony holds a key that `alias` made.
pub(super) fn not_seen_before(
    ceremony: &Ceremony,
    alias: &Alias,
    key: &crate::tuf::key::Key,
) -> Result<Passed, Refusal> {
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

/// `KEY-ATTESTED`, of a YubiKey in production: the chain was verified where the roots are known; what it says is compared here
/// with what the script asked for. `FIRMWARE-KEEPS-KEYS` with the firmware that is attested.
fn is_attested(
    ceremony: &Ceremony,
    alias: &Alias,
    key: &crate::tuf::key::Key,
    attestation: Option<&Attestation>,
) -> Result<Vec<Passed>, Refusal> {
    let script = &ceremony.script;
    let module = script.token(alias).and_then(|spec| script.module(&spec.module));
    let settings = module.and_then(ModuleSpec::yubikey).filter(|_| ceremony.mode() == Mode::Production);
    let (Some(settings), Some(bound)) = (settings, ceremony.token(alias).bound) else { return Ok(vec![]) };
    let says = attestation.map(|attestation| &attestation.says).ok_or_else(|| {
        Refusal::new(
            Rule::KeyAttested,
            format!("{alias} gave no attestation of its new key."),
            "Take another YubiKey. A key that nobody vouches for can also lie in a file.",
        )
    })?;
    let old = if script.declares.old_firmware { OldFirmware::Declared } else { OldFirmware::Refused };
    let wanted = Wanted::of(&settings, key.public(), &bound.token.serial);
    Ok(vec![is_as_wanted(says, &wanted)?, keeps_keys(says.firmware, script.root.algorithm, old)?])
}
