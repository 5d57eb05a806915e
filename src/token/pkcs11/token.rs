//! What a token behind a module does: finds keys and signs.

use std::{
    borrow::Cow,
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
};

use cryptoki::{
    error::Error as CryptokiError,
    object::{ObjectClass, ObjectHandle},
};
use sha2::{Digest as _, Sha256, Sha384};

use super::{Pkcs11Token, objects, session::Pair};
use crate::{
    device::{PinStates, TokenIdentity},
    fault::{Error, Fault, FaultKind},
    readback::Signable,
    rules::{Refusal, Rule},
    token::{
        Key, KeyAlgorithm, KeySelector, LastTry, PinEntry, Probe, Provision, RawSignature, SeenKey, Token, User, Wrap,
    },
    tuf::{parallel::in_step, verify::VerifiedSignature},
};

impl Token for Pkcs11Token {
    fn identity(&self) -> &TokenIdentity {
        &self.identity
    }

    fn pins(&mut self) -> Result<PinStates, Error> {
        let (identity, pins) = self.module.read(self.slot).map_err(|e| self.fault(&e))?;
        if identity.serial != self.identity.serial || identity.label != self.identity.label {
            return Err(self.unexpected(format!("its place was taken by {}.", identity.name())));
        }
        Ok(pins)
    }

    fn login(&mut self, user: User, entry: PinEntry<'_>, last_try: LastTry) -> Result<(), Error> {
        self.pins()?;
        self.keep_last_try(user, last_try)?;
        self.enter(user, entry)
    }

    fn logout(&mut self) -> Result<(), Error> {
        Ok(self.end_login()?)
    }

    fn public_keys(&mut self) -> Result<Vec<SeenKey>, Error> {
        let all = self.with_session(objects::public_objects)?;
        Ok(all.into_iter().map(|(_, seen)| seen).collect())
    }

    fn find_key(&mut self, wanted: &KeySelector) -> Result<Key, Error> {
        let all = self.with_session(objects::public_objects)?;
        let is_wanted = |seen: &SeenKey| match wanted {
            KeySelector::Public(public) => seen.public.as_ref() == Ok(public),
            KeySelector::Named { label, id } => seen.label == *label && seen.id == *id,
        };
        let mut found: Vec<_> = all.into_iter().filter(|(_, seen)| is_wanted(seen)).collect();
        let (Some((handle, seen)), 0) = (found.pop(), found.len()) else {
            let count = if found.is_empty() { "No" } else { "More than one" };
            return Err(self.unexpected(format!("{count} public key object is the wanted one.")));
        };
        let label = match wanted {
            KeySelector::Public(_) => None,
            KeySelector::Named { label, .. } => Some(label.as_str()),
        };
        self.only_pair(seen, handle, label)
    }

    fn sign_batch(
        &mut self,
        key: &Key,
        payloads: &[Signable],
        pin: Option<PinEntry<'_>>,
        on_each: &mut dyn FnMut(usize, RawSignature) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let again = self.pin_each_time(key, pin)?;
        for (index, payload) in payloads.iter().enumerate() {
            let (private, _) = self.pair(key)?;
            let signature = self.sign_one(private, key, payload, again)?;
            if on_each(index, signature).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn sign_many(
        &mut self,
        key: &Key,
        payloads: &[Signable],
        pin: Option<PinEntry<'_>>,
    ) -> Result<Vec<VerifiedSignature>, Error> {
        let again = self.pin_each_time(key, pin)?;
        let (private, _) = self.pair(key)?;
        let mut failed = None;
        // The token signs one after the other; to verify is no less work, and another core does it meanwhile.
        let verified = in_step(
            |hand_on| {
                for payload in payloads {
                    match self.sign_unverified(private, key, payload, again) {
                        Ok(signature) => hand_on((payload, signature)),
                        Err(error) => {
                            failed = Some(error);
                            break;
                        }
                    }
                }
            },
            |(payload, signature): (&Signable, _)| VerifiedSignature::new(&key.public, payload.bytes(), signature),
        );
        let verified = verified.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| self.bad_signature())?;
        match failed {
            Some(error) if verified.is_empty() => Err(error),
            _ => Ok(verified),
        }
    }

    fn reopen(&mut self) -> Result<(), Error> {
        self.end_session();
        // This token does not count while its module is asked whether it may be finalised.
        self.module.open.fetch_sub(1, Ordering::SeqCst);
        let renewed = self.module.renewed();
        if let Ok(module) = &renewed {
            self.module = Arc::clone(module);
        }
        self.module.open.fetch_add(1, Ordering::SeqCst);
        renewed?;
        (self.slot, self.identity) = match self.identity.initialised {
            true => self.module.find(&self.uri())?,
            false => self.module.find_blank(&self.uri())?,
        };
        Ok(())
    }

    fn is_present(&mut self) -> Result<bool, Error> {
        let (uri, initialised) = (self.uri(), self.identity.initialised);
        let tokens = self.module.tokens()?;
        Ok(tokens.iter().any(|listed| {
            listed.token.as_ref().is_ok_and(|(token, _)| token.initialised == initialised && uri.matches(token))
        }))
    }

    fn provision(&mut self) -> Option<&mut dyn Provision> {
        Some(self)
    }

    fn prober(&mut self) -> Option<&mut dyn Probe> {
        Some(self)
    }

    fn wrapper(&mut self) -> Option<&mut dyn Wrap> {
        Some(self)
    }
}

impl Pkcs11Token {
    pub(super) fn pair(&self, key: &Key) -> Result<(ObjectHandle, ObjectHandle), Fault> {
        match self.pairs.get(key.handle) {
            Some(pair) if key.epoch == self.epoch => Ok((pair.private, pair.public)),
            _ => {
                let doing = format!("use a key of {}", self.identity.name());
                Err(Fault::new(FaultKind::TokenLost, doing, "it was found before the last login; find it again"))
            }
        }
    }

    /// The key whose halves are the only objects with this id, and this label where one is given.
    pub(super) fn only_pair(&mut self, seen: SeenKey, public: ObjectHandle, label: Option<&str>) -> Result<Key, Error> {
        let key = seen.public.map_err(|why| self.unexpected(format!("The public key is not usable: {why}.")))?;
        let id = seen.id.clone();
        let (publics, privates) = self.with_session(|session| {
            Ok((
                objects::with_id(session, ObjectClass::PUBLIC_KEY, &id, label)?,
                objects::with_id(session, ObjectClass::PRIVATE_KEY, &id, label)?,
            ))
        })?;
        let &[private] = privates.as_slice() else {
            let what = format!(
                "{} private key objects have its id, where one is wanted (they are seen after login only).",
                privates.len()
            );
            return Err(self.unexpected(what));
        };
        if publics != [public] {
            let what = format!("{} public key objects have its id, where one is wanted.", publics.len());
            return Err(self.unexpected(what));
        }
        let attributes = self.with_session(|session| objects::attributes(session, private))?;
        let algorithm =
            key.key_algorithm().ok_or_else(|| self.unexpected("its algorithm is not one to sign with.".into()))?;
        self.pairs.push(Pair { private, public });
        let (handle, epoch) = (self.pairs.len() - 1, self.epoch);
        Ok(Key { algorithm, public: key, label: seen.label, id: seen.id, attributes, handle, epoch })
    }

    pub(super) fn unexpected(&self, what: String) -> Error {
        let what = format!("{}: {what}", self.identity.name());
        Refusal::new(Rule::TokenIsExpected, what, "Make sure that this is the right token; nothing was done with it.")
            .into()
    }

    /// One signature as the module makes it, not verified.
    pub(super) fn sign_raw(
        &self,
        private: ObjectHandle,
        algorithm: KeyAlgorithm,
        message: &[u8],
        again: Option<PinEntry<'_>>,
    ) -> Result<RawSignature, CryptokiError> {
        // Modules sign the first bytes of whatever ECDSA is given: it gets a digest that we computed, and nothing else.
        let data: Cow<'_, [u8]> = match algorithm {
            KeyAlgorithm::Ed25519 => message.into(),
            KeyAlgorithm::P256 | KeyAlgorithm::Rsa3072 => Sha256::digest(message).to_vec().into(),
            KeyAlgorithm::P384 => Sha384::digest(message).to_vec().into(),
        };
        let session = self.open_session()?.handle();
        let mechanism = objects::signing(algorithm);
        self.module.raw().sign(session, mechanism, private.handle(), &data, again).map(RawSignature::new)
    }

    /// The PIN that goes with each signature, for a key that wants one.
    fn pin_each_time<'a>(&self, key: &Key, pin: Option<PinEntry<'a>>) -> Result<Option<PinEntry<'a>>, Error> {
        if !key.wants_pin_each_time() {
            return Ok(None);
        }
        let Some(pin) = pin else {
            let doing = format!("sign with a key of {}", self.identity.name());
            return Err(Fault::new(FaultKind::Other, doing, "this key wants its PIN for each signature").into());
        };
        self.keep_last_try(User::User, LastTry::Keep)?;
        Ok(Some(pin))
    }

    fn sign_unverified(
        &mut self,
        private: ObjectHandle,
        key: &Key,
        payload: &Signable,
        again: Option<PinEntry<'_>>,
    ) -> Result<RawSignature, Error> {
        self.session()?;
        self.sign_raw(private, key.algorithm, payload.bytes(), again).map_err(|e| {
            let fault = self.pin_fault(User::User, &e);
            self.recover(&fault);
            fault.into()
        })
    }

    fn bad_signature(&self) -> Error {
        Refusal::new(
            Rule::SignatureVerifies,
            format!("{} returned a signature that its public key does not verify.", self.identity.name()),
            "Do not use this token. The signature was thrown away.",
        )
        .into()
    }

    fn sign_one(
        &mut self,
        private: ObjectHandle,
        key: &Key,
        payload: &Signable,
        again: Option<PinEntry<'_>>,
    ) -> Result<RawSignature, Error> {
        let signature = self.sign_unverified(private, key, payload, again)?;
        if !key.public.verify(payload.bytes(), &signature) {
            return Err(self.bad_signature());
        }
        Ok(signature)
    }
}
