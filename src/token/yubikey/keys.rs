//! Keys come into a slot: made there, or brought. After whatever fails there, the slot is looked at before anything is said.

use yubikey::{
    Error as Raw, YubiKey,
    certificate::{CertInfo, Certificate},
    piv::{self, AlgorithmId, SlotId},
};

use super::{PinPolicy, TouchPolicy, YubiKeyToken, certificate, slots};
use crate::{
    device::{
        attestation::{self, Wanted},
        yubikey::keeps_keys,
    },
    fault::{Error, Fault, FaultKind},
    keyfile::PrivateKey,
    rules::{Refusal, Rule},
    token::{Attest, Attested, Evidence, Key, KeyAlgorithm, KeyRequest, PublicKey},
};

impl YubiKeyToken {
    /// Makes a key in the slot of the settings, and its certificate.
    pub(super) fn make_key(&mut self, request: &KeyRequest) -> Result<Key, Error> {
        let algorithm = match request.algorithm {
            KeyAlgorithm::P256 => AlgorithmId::EccP256,
            KeyAlgorithm::P384 => AlgorithmId::EccP384,
            KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa3072 => {
                let cause = "a root is longer than what a YubiKey signs with Ed25519, and RSA is not made through this \
                             driver: use P-256 or P-384";
                return Err(Fault::new(FaultKind::NotSupported, self.card.doing("generate a key"), cause).into());
            }
        };
        self.wants_login("generate a key")?;
        let settings = self.settings;
        self.is_free(settings.slot, &request.label)?;
        self.administer()?;
        let (slot, pin, touch) = (slots::id(settings.slot), pin_policy(settings.pin), touch_policy(settings.touch));
        let made = self.try_send("generate a key", |yubikey| piv::generate(yubikey, slot, algorithm, pin, touch));
        self.look_after(made, "generate a key")?;
        self.finish(request, None)
    }

    /// What a failure left in the slot. The answer can be lost after the key was made.
    fn look_after<T>(&mut self, done: Result<Result<T, Raw>, Fault>, doing: &str) -> Result<T, Error> {
        let mut fault = match done {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => self.card.fault(doing, error),
            Err(fault) => fault,
        };
        self.forget();
        let slot = self.settings.slot;
        let found = self.send("look into the slot", |yubikey| slots::one(yubikey, slot));
        fault.cause = match found {
            Ok(Some(_)) => format!("{}; slot {slot} holds a key now: look at it before another is made", fault.cause),
            Ok(None) => format!("{}; slot {slot} is empty: nothing was made", fault.cause),
            Err(_) => format!("{}; whether slot {slot} holds a key now could not be seen", fault.cause),
        };
        // The look needed no PIN; whoever goes on logs in anew.
        self.forget();
        Err(fault.into())
    }

    /// Compares what is in the slot with what was asked for, and writes the certificate.
    fn finish(&mut self, request: &KeyRequest, brought: Option<&PublicKey>) -> Result<Key, Error> {
        let settings = self.settings;
        let held = self.send("look into the slot", |yubikey| slots::one(yubikey, settings.slot))?;
        let held = held.ok_or_else(|| {
            let doing = self.card.doing("look into the slot");
            Fault::new(FaultKind::Other, doing, "the YubiKey says that it made a key, and there is none")
        })?;
        let public =
            held.public.clone().map_err(|why| self.unexpected(format!("the new key is not usable: {why}.")))?;
        let as_asked = held.imported == Some(brought.is_some())
            && held.pin == Some(settings.pin)
            && held.touch == Some(settings.touch)
            && brought.is_none_or(|brought| *brought == public);
        if !as_asked || public.key_algorithm() != Some(request.algorithm) {
            return Err(self.unexpected(format!("the key in slot {} is not as it was asked for.", settings.slot)));
        }
        self.certify(&public, &request.label)?;
        self.look()?;
        let found = self.held().iter().find(|held| held.slot == settings.slot).cloned();
        let found = found.filter(|held| held.certified);
        self.key_of(&found.ok_or_else(|| self.unexpected("the certificate of the new key is not there.".into()))?)
    }

    fn certify(&mut self, public: &PublicKey, label: &str) -> Result<(), Error> {
        let slot = slots::id(self.settings.slot);
        let cert = certificate::of(public, label)?;
        let written = |yubikey: &mut YubiKey| Certificate { cert }.write(yubikey, slot, CertInfo::Uncompressed);
        Ok(self.send("write the certificate of the key", written)?)
    }

    /// Writes the certificate of a key that has none, because the try that made it was cut short. Wants the user logged in.
    ///
    /// # Errors
    /// `TOKEN-IS-EXPECTED` where the key is not in the slot of the settings; a fault.
    pub fn complete_key(&mut self, key: &Key, label: &str) -> Result<Key, Error> {
        let held = self.slot_of(key)?;
        if held.certified {
            return Ok(key.clone());
        }
        if held.slot != self.settings.slot {
            return Err(self.unexpected(format!("the key without certificate is in slot {}.", held.slot)));
        }
        self.administer()?;
        self.certify(&key.public, label)?;
        self.look()?;
        let found = self.held().iter().find(|now| now.slot == held.slot).cloned();
        self.key_of(&found.ok_or_else(|| self.unexpected("the key is gone.".into()))?)
    }
}

impl YubiKeyToken {
    /// Puts a key that was made elsewhere into the slot of the settings. Such a key is never attested.
    pub(super) fn bring_key(&mut self, key: &PrivateKey, request: &KeyRequest) -> Result<Key, Error> {
        let doing = "import a key";
        keeps_keys(self.firmware, request.algorithm, self.settings.old_firmware)?;
        let public = key.public();
        let algorithm = match public {
            PublicKey::P256(_) => AlgorithmId::EccP256,
            PublicKey::P384(_) => AlgorithmId::EccP384,
            PublicKey::Ed25519(_) => AlgorithmId::Ed25519,
            PublicKey::P521(_) | PublicKey::Rsa(_) | PublicKey::Other { .. } => {
                let cause = format!("this driver brings no {} keys in", public.algorithm());
                return Err(Fault::new(FaultKind::NotSupported, self.card.doing(doing), cause).into());
            }
        };
        if public.key_algorithm() != Some(request.algorithm) {
            let cause = format!("the key is {}, and {} was asked for", public.algorithm(), request.algorithm);
            return Err(Fault::new(FaultKind::NotSupported, self.card.doing(doing), cause).into());
        }
        self.wants_login(doing)?;
        let settings = self.settings;
        self.is_free(settings.slot, &request.label)?;
        self.administer()?;
        let (slot, pin, touch) = (slots::id(settings.slot), pin_policy(settings.pin), touch_policy(settings.touch));
        let bare = key.material().expose();
        // The crate takes the touch policy before the PIN policy here, and after it elsewhere. A byte too many would make it panic:
        // a private key has the width of its curve.
        let done = self.try_send(doing, |yubikey| match algorithm {
            AlgorithmId::Ed25519 => piv::import_cv_key(yubikey, slot, algorithm, bare, touch, pin),
            _ => piv::import_ecc_key(yubikey, slot, algorithm, bare, touch, pin),
        });
        self.look_after(done, doing)?;
        self.finish(request, Some(public))
    }
}

impl Attest for YubiKeyToken {
    fn attest(&mut self, key: &Key) -> Result<(Evidence, Attested), Error> {
        let held = self.slot_of(key)?;
        if held.imported == Some(true) {
            return Err(Refusal::new(
                Rule::KeyAttested,
                format!("The key in slot {} of {} was imported.", held.slot, self.identity.name()),
                "Nobody can say where else it is. A key that has to be attested is generated on the YubiKey.",
            )
            .into());
        }
        let slot = slots::id(held.slot);
        // The crate panics where a card says "done" and states nothing, which no card was seen to do; one that is pulled says nothing
        // at all, and that is an error.
        let statement = self.send("attest a key", |yubikey| piv::attest(yubikey, slot))?.to_vec();
        let card =
            self.send("read the certificate of slot F9", |yubikey| Certificate::read(yubikey, SlotId::Attestation))?;
        let card = x509_cert::der::Encode::to_der(&card.cert)
            .map_err(|error| Fault::new(FaultKind::Other, self.card.doing("read the certificate of slot F9"), error))?;
        let evidence = Evidence { statement, card };
        let attested = attestation::verify(&evidence, &self.trust.roots())?;
        let unknown = || self.unexpected("the firmware does not tell the policies of its key.".into());
        let wanted = Wanted {
            public: &key.public,
            serial: &self.identity.serial,
            slot: held.slot,
            pin: held.pin.ok_or_else(unknown)?,
            touch: held.touch.ok_or_else(unknown)?,
            firmware: self.firmware,
        };
        attestation::is_as_wanted(&attested, &wanted)?;
        Ok((evidence, attested))
    }
}

fn pin_policy(policy: PinPolicy) -> yubikey::PinPolicy {
    match policy {
        PinPolicy::Never => yubikey::PinPolicy::Never,
        PinPolicy::Once => yubikey::PinPolicy::Once,
        PinPolicy::Always => yubikey::PinPolicy::Always,
    }
}

fn touch_policy(policy: TouchPolicy) -> yubikey::TouchPolicy {
    match policy {
        TouchPolicy::Never => yubikey::TouchPolicy::Never,
        TouchPolicy::Always => yubikey::TouchPolicy::Always,
        TouchPolicy::Cached => yubikey::TouchPolicy::Cached,
    }
}
