//! Wrapping through a module: see [`Wrap`] for the order of things.

use cryptoki::{
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::Session,
};

use super::{Pkcs11Token, objects};
use crate::{
    device,
    digest::Digest,
    fault::{Error, Fault, FaultKind},
    keyfile::{Kek, Wrapped},
    rules::{Passed, Refusal, Rule},
    token::{
        Key, KeyAlgorithm, KeyRequest, KeySelector, Provision as _, Token as _, Wrap,
        wrap::{Copied, PinIsKey, Wrappable, WrappingKey, WrapsSafely, is_same},
    },
};

/// CKA_LABEL of a key-encryption key on a token; CKA_ID is its fingerprint.
const KEK_LABEL: &str = "officiant kek";

impl Wrap for Pkcs11Token {
    fn wraps_safely(&mut self, algorithm: KeyAlgorithm, declared: Option<&PinIsKey>) -> Result<WrapsSafely, Error> {
        let mut findings = vec![self.tried(device::probe::Check::RefusesWrap, |token| token.refuses_wrap(algorithm))?];
        let policy = self.policy(&[algorithm])?;
        findings.extend(policy.findings);
        findings.push(self.tried(device::probe::Check::LeavesNothing, Self::cleared)?);
        self.forget_keys();
        Ok(WrapsSafely::seen(&self.identity, &findings, algorithm, policy.mechanism, declared)?)
    }

    fn bring_kek(&mut self, kek: &Kek, safe: &WrapsSafely) -> Result<(), Error> {
        self.is_the_probed_one(safe)?;
        let id = kek.fingerprint();
        if !self.keks(&id)?.is_empty() {
            return Err(Refusal::new(
                Rule::OutputFresh,
                format!("{} holds this key-encryption key already.", self.identity.name()),
                "It need not be brought. Look at the one that is there.",
            )
            .into());
        }
        let template = objects::kek(KEK_LABEL, id.as_bytes(), true, safe.wants_so());
        self.session()?;
        match self.create_kek(&template, kek) {
            Ok(_) => Ok(()),
            Err(error) => {
                let fault = self.fault(&error);
                self.recover(&fault);
                Err(fault.into())
            }
        }
    }

    fn find_kek(&mut self, kek: &Digest, safe: &WrapsSafely) -> Result<WrappingKey, Error> {
        self.is_the_probed_one(safe)?;
        let found = self.keks(kek)?;
        let &[handle] = found.as_slice() else {
            let count = found.len();
            return Err(self.kek_wrong(format!("holds {count} key-encryption keys of this id, where one is wanted")));
        };
        let trusted = safe.wants_so();
        let mut read = vec![];
        for (name, kind, wanted, must) in [
            ("CKA_TOKEN", AttributeType::Token, true, true),
            ("CKA_SENSITIVE", AttributeType::Sensitive, true, true),
            ("CKA_EXTRACTABLE", AttributeType::Extractable, false, true),
            ("CKA_WRAP", AttributeType::Wrap, true, true),
            ("CKA_UNWRAP", AttributeType::Unwrap, true, true),
            ("CKA_ENCRYPT", AttributeType::Encrypt, false, true),
            ("CKA_DECRYPT", AttributeType::Decrypt, false, true),
            ("CKA_MODIFIABLE", AttributeType::Modifiable, false, true),
            ("CKA_TRUSTED", AttributeType::Trusted, true, trusted),
        ] {
            let value = self.with_session(|session| objects::flag(session, handle, kind))?;
            let said = value.map_or("absent".to_owned(), |value| value.to_string());
            // Where there is no such attribute, the probe has tried to alter a key.
            let absent = kind == AttributeType::Modifiable && value.is_none();
            if must && !absent && value != Some(wanted) {
                let what =
                    format!("holds a key-encryption key whose {name} reads back as {said}, and {wanted} is wanted");
                return Err(self.kek_wrong(what));
            }
            read.push(format!("{name} {said}"));
        }
        Ok(WrappingKey {
            token: self.identity.clone(),
            kek: *kek,
            algorithm: safe.algorithm(),
            mechanism: safe.mechanism(),
            trusted,
            handle: handle.handle(),
            epoch: self.epoch,
            passed: Passed::new(Rule::KekReadsBack, read.join(", ")),
        })
    }

    fn generate_wrappable(&mut self, request: &KeyRequest, under: &WrappingKey) -> Result<Wrappable, Error> {
        self.kek_handle(under)?;
        self.is_probed_for(request.algorithm, under)?;
        self.nothing_of_that_name(request)?;
        self.session()?;
        if let Err(error) = self.wrappable_pair(request, true, under.trusted) {
            let fault = self.fault(&error);
            self.recover(&fault);
            return Err(fault.into());
        }
        let wanted = KeySelector::Named { label: request.label.clone(), id: request.id.clone() };
        let key = self.find_key(&wanted)?;
        let good = self.can_be_wrapped(&key, under).and_then(|passed| {
            self.prove_pair(&key, None)?;
            Ok(passed)
        });
        let passed = self.or_destroyed(&key, good)?;
        Ok(Wrappable { key, passed })
    }

    fn find_wrappable(&mut self, wanted: &KeySelector, under: &WrappingKey) -> Result<Wrappable, Error> {
        self.kek_handle(under)?;
        let key = self.find_key(wanted)?;
        self.is_probed_for(key.algorithm, under)?;
        if key.attributes.extractable == Some(false) {
            return Err(self.unexpected(format!("the key \"{}\" is closed already.", crate::text::shown(&key.label))));
        }
        let passed = self.can_be_wrapped(&key, under)?;
        Ok(Wrappable { key, passed })
    }

    fn wrap(&mut self, key: &Wrappable, under: &WrappingKey) -> Result<Wrapped, Error> {
        let wrapping = self.kek_handle(under)?;
        let (private, _) = self.pair(&key.key)?;
        let (raw, mechanism) = (self.module.clone(), under.mechanism);
        let bytes =
            self.with_session(|session| raw.raw().wrap(session.handle(), mechanism, &[], wrapping, private.handle()))?;
        let length = bytes.len();
        let wrapped = Wrapped::new(key.key.public.clone(), bytes, under.kek, Some(self.identity.clone()));
        wrapped.ok_or_else(|| {
            let doing = format!("C_WrapKey, {}", self.identity.name());
            Fault::new(FaultKind::Other, doing, format!("{length} bytes came, and RFC 5649 gives no key so many"))
                .into()
        })
    }

    fn unwrap(&mut self, wrapped: &Wrapped, under: &WrappingKey, request: &KeyRequest) -> Result<Copied, Error> {
        let key = self.unwrap_pair(wrapped, under, request, &objects::unwrapped(request, true))?;
        let good = self.is_proven(&key);
        let passed = self.or_destroyed(&key, good)?;
        Ok(Copied { token: self.identity.clone(), key, passed })
    }

    fn unwrap_to_wrap(
        &mut self,
        wrapped: &Wrapped,
        under: &WrappingKey,
        request: &KeyRequest,
    ) -> Result<(Wrappable, Passed), Error> {
        let key = self.unwrap_pair(wrapped, under, request, &objects::unwrapped_to_wrap(request, under.trusted))?;
        let good = self.can_be_wrapped(&key, under).and_then(|trusted| Ok((trusted, self.signs_as_said(&key)?)));
        let (trusted, signed) = self.or_destroyed(&key, good)?;
        Ok((Wrappable { key, passed: trusted }, signed))
    }

    fn find_copy(&mut self, wanted: &KeySelector) -> Result<Copied, Error> {
        let key = self.find_key(wanted)?;
        let passed = self.is_proven(&key)?;
        Ok(Copied { token: self.identity.clone(), key, passed })
    }

    fn close(&mut self, key: Wrappable, copied: &Copied, under: &WrappingKey) -> Result<(Key, Passed), Error> {
        copied.is_copy_of(&key.key.public, &self.identity)?;
        self.kek_handle(under)?;
        let (private, _) = self.pair(&key.key)?;
        let closed = |session: &Session| session.update_attributes(private, &[Attribute::Extractable(false)]);
        if let Err(fault) = self.with_session(closed) {
            if fault.token_lost() {
                return Err(fault.into());
            }
            return Err(self.still_open(format!("refuses to close the key ({})", fault.cause)).into());
        }
        self.find_closed(&KeySelector::Named { label: key.key.label.clone(), id: key.key.id.clone() }, under)
    }

    fn find_closed(&mut self, wanted: &KeySelector, under: &WrappingKey) -> Result<(Key, Passed), Error> {
        let wrapping = self.kek_handle(under)?;
        let key = self.find_key(wanted)?;
        device::brought_in(&key.attributes)?;
        let (private, _) = self.pair(&key)?;
        let keks = self.keks(&under.kek)?;
        let Some(kek) = keks.into_iter().find(|found| found.handle() == wrapping) else {
            return Err(self.kek_wrong("holds its key-encryption key no more".into()));
        };
        let out = self.way_out(kek, private).map_err(|error| self.fault(&error))?;
        match out {
            Ok(out) => Err(self.still_open(format!("says that the key is closed, and wraps it: {out}")).into()),
            // A token that went away refuses too.
            Err(_) if self.prove_pair(&key, None).is_err() => {
                let doing = format!("try to wrap a closed key, {}", self.identity.name());
                Err(Fault::new(FaultKind::TokenLost, doing, "it does not sign any more: open it again and look").into())
            }
            Err(refusals) => {
                let seen = format!(
                    "CKA_SENSITIVE true, CKA_EXTRACTABLE false from now on; wrapping it is refused: {}",
                    refusals.join(", ")
                );
                Ok((key, Passed::new(Rule::KeyClosed, seen)))
            }
        }
    }

    fn remove_kek(&mut self, kek: &Digest) -> Result<Passed, Error> {
        let found = self.keks(kek)?;
        let count = found.len();
        for handle in found {
            self.with_session(|session| session.destroy_object(handle))?;
        }
        self.forget_keys();
        let left = self.keks(kek)?.len();
        let name = self.identity.name();
        if left > 0 {
            let what = format!("{name} still holds the key-encryption key after destroying it.");
            let remedy = "Whoever has its user PIN and the file of the wrapped key has the key. Initialise the token, or lock it away.";
            return Err(Refusal::new(Rule::KekGone, what, remedy).into());
        }
        Ok(Passed::new(Rule::KekGone, format!("{count} destroyed on {name}, none found any more")))
    }
}

impl Pkcs11Token {
    /// Unwraps a private key with this template, and puts its public half beside it. What it is, its caller reads back.
    fn unwrap_pair(
        &mut self,
        wrapped: &Wrapped,
        under: &WrappingKey,
        request: &KeyRequest,
        template: &[Attribute],
    ) -> Result<Key, Error> {
        let wrapping = self.kek_handle(under)?;
        self.may_be_unwrapped(wrapped, under, request)?;
        self.nothing_of_that_name(request)?;
        if self.public_keys()?.into_iter().any(|seen| seen.public.as_ref() == Ok(wrapped.public())) {
            let what = format!("{} holds this key already.", self.identity.name());
            return Err(Refusal::new(Rule::OutputFresh, what, "Look at the key that is there.").into());
        }
        let public = objects::public_template(wrapped.public(), request);
        let public = public.ok_or_else(|| self.cannot("the key is of a kind that no token of ours has"))?;
        self.session()?;
        // The handle was taken from this token a moment ago.
        let keks = self.keks(&under.kek)?;
        let Some(kek) = keks.into_iter().find(|found| found.handle() == wrapping) else {
            return Err(self.kek_wrong("holds its key-encryption key no more".into()));
        };
        if let Err(error) = self.unwrap_raw(under.mechanism, kek, wrapped.bytes(), request.algorithm, template) {
            let mut fault = self.fault(&error);
            self.recover(&fault);
            fault.cause.push_str(
                " (a wrapped key that was altered, or is under another key-encryption key, is refused so too)",
            );
            return Err(fault.into());
        }
        if let Err(fault) = self.with_session(|session| session.create_object(&public)) {
            // The private half alone is no key. Where the token is gone it stays, and is cleared when that is looked at.
            let _ = self.clear_half_made(request);
            return Err(fault.into());
        }
        self.find_key(&KeySelector::Named { label: request.label.clone(), id: request.id.clone() })
    }

    /// Every secret key on the token with the id of this key-encryption key.
    fn keks(&mut self, kek: &Digest) -> Result<Vec<ObjectHandle>, Error> {
        let id = kek.as_bytes();
        Ok(self.with_session(|session| objects::with_id(session, ObjectClass::SECRET_KEY, id, None))?)
    }

    fn kek_wrong(&self, what: String) -> Error {
        Refusal::new(
            Rule::KekReadsBack,
            format!("{} {what}.", self.identity.name()),
            "Nothing was wrapped. Remove the key-encryption key from the token and bring it again.",
        )
        .into()
    }

    fn is_the_probed_one(&self, safe: &WrapsSafely) -> Result<(), Error> {
        if safe.is_of(&self.identity) {
            return Ok(());
        }
        Err(self.unexpected("another token was probed for wrapping.".into()))
    }

    fn is_probed_for(&self, algorithm: KeyAlgorithm, under: &WrappingKey) -> Result<(), Error> {
        if algorithm == under.algorithm {
            return Ok(());
        }
        Err(self.cannot(&format!("it was probed for {} keys, and this one is {algorithm}", under.algorithm)).into())
    }

    fn cannot(&self, why: &str) -> Fault {
        Fault::new(FaultKind::NotSupported, format!("wrap or unwrap a key, {}", self.identity.name()), why)
    }

    /// The handle of a wrapping key, while it is good.
    fn kek_handle(&self, under: &WrappingKey) -> Result<u64, Error> {
        if under.token != self.identity {
            return Err(self.unexpected("the key-encryption key was found on another token.".into()));
        }
        if under.epoch != self.epoch {
            let doing = format!("use a key-encryption key of {}", self.identity.name());
            return Err(
                Fault::new(FaultKind::TokenLost, doing, "it was found before the last login; find it again").into()
            );
        }
        Ok(under.handle)
    }

    /// Reads back that a key can be wrapped, and under a trusted key alone where that is wanted.
    fn can_be_wrapped(&mut self, key: &Key, under: &WrappingKey) -> Result<Passed, Error> {
        let (private, _) = self.pair(key)?;
        let trusted = self.with_session(|session| objects::flag(session, private, AttributeType::WrapWithTrusted))?;
        let said = |value: Option<bool>| value.map_or("absent".to_owned(), |value| value.to_string());
        let attributes = &key.attributes;
        let seen = format!(
            "CKA_SENSITIVE {}, CKA_EXTRACTABLE {}, CKA_WRAP_WITH_TRUSTED {}",
            said(attributes.sensitive),
            said(attributes.extractable),
            said(trusted)
        );
        let kept = attributes.sensitive == Some(true) && attributes.extractable == Some(true);
        if kept && (trusted == Some(true) || !under.trusted) {
            return Ok(Passed::new(Rule::WrappingTrusted, seen));
        }
        Err(Refusal::new(
            Rule::WrappingTrusted,
            format!("The key \"{}\" of {} reads back as {seen}.", crate::text::shown(&key.label), self.identity.name()),
            "A key to be wrapped is sensitive, extractable, and wants a trusted wrapping key. Make it anew, or use another token.",
        )
        .into())
    }

    /// What a wrapped key says of itself fits this token and what is wanted.
    fn may_be_unwrapped(&self, wrapped: &Wrapped, under: &WrappingKey, request: &KeyRequest) -> Result<(), Error> {
        let no = |what: String, remedy: &str| Err(Refusal::new(Rule::WrappedKeyProven, what, remedy).into());
        if wrapped.origin().is_some_and(|origin| is_same(origin, &self.identity)) {
            return no(
                format!("{} wrapped this key itself; what it unwraps proves nothing.", self.identity.name()),
                "Unwrap it into a second token.",
            );
        }
        if *wrapped.kek() != under.kek {
            return no(
                "The key is wrapped under another key-encryption key than the one on the token.".into(),
                "Bring the key-encryption key of this very file: its set stands in it.",
            );
        }
        if wrapped.public().key_algorithm() != Some(request.algorithm) {
            let is = wrapped.public().algorithm();
            return no(
                format!("The wrapped key is {is}, and {} is wanted.", request.algorithm),
                "Take the right file.",
            );
        }
        self.is_probed_for(request.algorithm, under)
    }

    /// A copy is not extractable, and signs what its public half verifies.
    fn is_proven(&mut self, key: &Key) -> Result<Vec<Passed>, Error> {
        let inside = device::brought_in(&key.attributes)?;
        Ok(vec![inside, self.signs_as_said(key)?])
    }

    /// `WRAPPED-KEY-PROVEN`: what came out of a file signs what its public half verifies.
    fn signs_as_said(&mut self, key: &Key) -> Result<Passed, Error> {
        self.prove_pair(key, None).map_err(|error| match error {
            Error::Refused(_) => Refusal::new(
                Rule::WrappedKeyProven,
                format!("What {} unwrapped does not sign what the public key verifies.", self.identity.name()),
                "The file holds another key than it says, or the token is not sound. Compare the file with its other copies.",
            )
            .into(),
            fault => fault,
        })?;
        let seen = format!("{} signed a challenge that the public key verifies", self.identity.name());
        Ok(Passed::new(Rule::WrappedKeyProven, seen))
    }

    /// A key that breaks a rule is destroyed; of a fault it is not known what happened, and the key is looked at again.
    fn or_destroyed<T>(&mut self, key: &Key, good: Result<T, Error>) -> Result<T, Error> {
        match good {
            Err(Error::Refused(mut refusal)) => {
                if let Err(error) = self.destroy_key(key) {
                    refusal.what = format!("{} It could not be destroyed and is still there ({error}).", refusal.what);
                }
                Err(refusal.into())
            }
            other => other,
        }
    }

    fn still_open(&self, what: String) -> Refusal {
        Refusal::new(
            Rule::KeyClosed,
            format!("{} {what}.", self.identity.name()),
            "The key on this token can be wrapped by whoever has its user PIN. Destroy it there and keep the copy, or rotate.",
        )
    }
}
