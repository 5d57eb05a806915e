//! One signature: the PIN, the touch, the card, and the software that looks at what came of it.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256, Sha384};
use yubikey::{
    Error as Raw,
    piv::{self, AlgorithmId},
};

use super::{
    Touch, YubiKeyToken,
    slots::{self, Held},
};
use crate::{
    fault::{Error, Fault, FaultKind},
    readback::Signable,
    rules::{Refusal, Rule},
    secret::Pin,
    token::{Key, KeyAlgorithm, RawSignature},
};

/// The longest message that the crate signs with Ed25519: its buffer has 1024 bytes.
pub const ED25519_MAX: usize = 1014;
/// The one length at which the crate counts wrongly, and panics.
const ED25519_PANICS: usize = 255;
/// How often a touch is waited for where somebody is told each time.
pub const TOUCHES: u32 = 3;

impl YubiKeyToken {
    /// Signs one payload: the PIN immediately before where it is wanted each time, a touch where it is wanted, and nothing between.
    pub(super) fn sign_one(
        &mut self,
        key: &Key,
        held: &Held,
        number: usize,
        payload: &Signable,
        pin: Option<&Pin>,
    ) -> Result<RawSignature, Error> {
        let (algorithm, data) = to_be_signed(key.algorithm, payload.bytes())
            .map_err(|why| Fault::new(FaultKind::NotSupported, self.card.doing("sign"), why))?;
        let mut tried = 0;
        let made = loop {
            if held.wants_touch()
                && let Some(on_touch) = &mut self.on_touch
                && on_touch(Touch { payload: number, tried, maybe: held.may_not_blink() }).is_break()
            {
                let doing = self.card.doing("sign");
                return Err(Fault::new(FaultKind::NotTouched, doing, "it was left; nothing more was sent").into());
            }
            if held.wants_pin_each_time() && !self.fresh {
                let wanted = pin.ok_or_else(|| {
                    let doing = self.card.doing("sign");
                    Fault::new(FaultKind::Other, doing, "this key wants its PIN for each signature")
                })?;
                self.verify(wanted)?;
            }
            let signed = self.try_send("sign", |yubikey| {
                piv::sign_data(yubikey, &data, algorithm, slots::id(held.slot)).map(|made| made.to_vec())
            })?;
            match signed {
                Ok(made) => break made,
                // One answer for two things; the PIN was just verified, so it is the touch where a touch is wanted.
                Err(Raw::AuthenticationError) if held.wants_touch() && self.user => {
                    tried += 1;
                    if self.on_touch.is_none() || tried == TOUCHES {
                        let cause = "nobody touched it in time; nothing was signed, and no try of its PIN is spent";
                        return Err(Fault::new(FaultKind::NotTouched, self.card.doing("sign"), cause).into());
                    }
                }
                Err(error) => return Err(self.card.fault("sign", error).into()),
            }
        };
        let signature = raw_signature(key.algorithm, &made).filter(|made| key.public.verify(payload.bytes(), made));
        signature.ok_or_else(|| {
            Refusal::new(
                Rule::SignatureVerifies,
                format!("{} returned a signature that its public key does not verify.", self.identity.name()),
                "Do not use this token. The signature was thrown away.",
            )
            .into()
        })
    }
}

/// What the card is given: a digest for ECDSA, the message itself for Ed25519. Never the crate's `Signer`, which hashes first.
fn to_be_signed(algorithm: KeyAlgorithm, message: &[u8]) -> Result<(AlgorithmId, Cow<'_, [u8]>), String> {
    match algorithm {
        KeyAlgorithm::P256 => Ok((AlgorithmId::EccP256, Sha256::digest(message).to_vec().into())),
        KeyAlgorithm::P384 => Ok((AlgorithmId::EccP384, Sha384::digest(message).to_vec().into())),
        KeyAlgorithm::Ed25519 if message.len() > ED25519_MAX => {
            Err(format!("a YubiKey signs at most {ED25519_MAX} bytes with Ed25519, and these are {}", message.len()))
        }
        KeyAlgorithm::Ed25519 if message.len() == ED25519_PANICS => {
            Err(format!("{ED25519_PANICS} bytes cannot be signed with Ed25519 through this driver"))
        }
        KeyAlgorithm::Ed25519 => Ok((AlgorithmId::Ed25519, message.into())),
        KeyAlgorithm::Rsa3072 => Err("RSA is signed with through PKCS#11 only".into()),
    }
}

/// ECDSA comes in DER, and is `r‖s` here.
fn raw_signature(algorithm: KeyAlgorithm, made: &[u8]) -> Option<RawSignature> {
    let bytes = match algorithm {
        KeyAlgorithm::P256 => p256::ecdsa::Signature::from_der(made).ok()?.to_bytes().to_vec(),
        KeyAlgorithm::P384 => p384::ecdsa::Signature::from_der(made).ok()?.to_bytes().to_vec(),
        KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa3072 => made.to_vec(),
    };
    Some(RawSignature::new(bytes))
}
