//! Whether a module keeps to the policy of wrapping, found out by use: with a key-encryption key that software knows too, and with
//! throw-away pairs. What the standard forbids is tried, and must fail.

use cryptoki::{
    context::Function,
    error::{Error as CryptokiError, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectHandle},
};
use cryptoki_sys::{CK_MECHANISM_TYPE, CKA_VALUE, CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD};

use super::{
    Pkcs11Token, objects,
    probe::{LABEL, Seen, SessionPair, WRAPS},
    rv,
};
use crate::{
    device::probe::{Check, Finding, Verdict},
    fault::Error,
    keyfile::Kek,
    readback::{Challenge, Signable},
    token::{KeyAlgorithm, KeyRequest},
};

/// RFC 5649: the number that means it, and the older one, which means it on some modules.
const RFC_5649: [CK_MECHANISM_TYPE; 2] = [CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD];

/// What was seen of a module's policy.
pub(super) struct Policy {
    pub(super) findings: Vec<Finding>,
    /// The mechanism that was seen to be RFC 5649.
    pub(super) mechanism: Option<CK_MECHANISM_TYPE>,
}

/// A throw-away key-encryption key, in software and in the session.
struct Known {
    kek: Kek,
    handle: ObjectHandle,
}

impl Pkcs11Token {
    /// Tries the policy, with pairs of these algorithms. Wants the user logged in.
    pub(super) fn policy(&mut self, algorithms: &[KeyAlgorithm]) -> Result<Policy, Error> {
        let mut policy = Policy { findings: vec![], mechanism: None };
        let mut tried_with = None;
        for algorithm in algorithms {
            let mut mechanism = None;
            let wraps = self.tried(Check::Wraps(*algorithm), |token| {
                let (seen, found) = token.wraps(*algorithm)?;
                mechanism = found;
                Ok(seen)
            })?;
            let good = wraps.verdict == Verdict::Good;
            policy.findings.push(wraps);
            if good && tried_with.is_none() {
                (tried_with, policy.mechanism) = (Some(*algorithm), mechanism);
            }
        }
        if let (Some(algorithm), Some(mechanism)) = (tried_with, policy.mechanism) {
            for (check, body) in [
                (Check::UnwrapsAsAsked, Self::unwraps_as_asked as fn(&mut Self, _, _) -> _),
                (Check::DecryptsNoWrapped, Self::decrypts_no_wrapped),
                (Check::ClosesKeys, Self::closes_keys),
                (Check::WantsTrusted, Self::wants_trusted),
                (Check::TrustsSoOnly, Self::trusts_so_only),
            ] {
                policy.findings.push(self.tried(check, |token| body(token, algorithm, mechanism))?);
            }
        }
        Ok(policy)
    }

    /// Destroys whatever carries the label of a probe: what stays only where the module makes nothing that goes with its session.
    pub(super) fn cleared(&mut self) -> Result<Seen, CryptokiError> {
        let ours = [Attribute::Label(LABEL.into()), Attribute::Token(self.stay())];
        let session = self.open_session()?;
        let before = session.find_objects(&ours)?;
        self.destroy(&before);
        let left = self.open_session()?.find_objects(&ours)?.len();
        Ok(match left {
            0 => (Verdict::Good, format!("no object labelled \"{LABEL}\" is left")),
            left => (Verdict::Bad, format!("{left} objects labelled \"{LABEL}\" cannot be destroyed and are left")),
        })
    }

    fn known(&mut self) -> Result<Known, CryptokiError> {
        let kek = Kek::fresh().map_err(|_| CryptokiError::Pkcs11(RvError::HostMemory, Function::CreateObject))?;
        let template = objects::kek(LABEL, kek.fingerprint().as_bytes(), self.stay(), false);
        let handle = self.create_kek(&template, &kek)?;
        Ok(Known { kek, handle })
    }

    /// Creates a key-encryption key from a value that stays in locked memory.
    pub(super) fn create_kek(&mut self, template: &[Attribute], kek: &Kek) -> Result<ObjectHandle, CryptokiError> {
        let secret = [(CKA_VALUE, kek.material().expose())];
        let session = self.open_session()?.handle();
        self.module.raw().create_object(session, template, &secret).or_else(|error| {
            if !rv::is_about_template(&error) {
                return Err(error);
            }
            let bare = objects::without_copyable(template);
            self.module.raw().create_object(session, &bare, &secret).map_err(|_| error)
        })
    }

    /// Generates a pair that can be wrapped.
    pub(super) fn wrappable_pair(
        &mut self,
        request: &KeyRequest,
        stays: bool,
        trusted: bool,
    ) -> Result<SessionPair, CryptokiError> {
        let (public, private) = objects::wrappable(request, stays, trusted);
        self.pair_of(request.algorithm, &public, &private).or_else(|error| match rv::is_about_template(&error) {
            true => self.pair_of(request.algorithm, &public, &objects::without_copyable(&private)).map_err(|_| error),
            false => Err(error),
        })
    }

    pub(super) fn wrap_raw(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        wrapping: ObjectHandle,
        key: ObjectHandle,
    ) -> Result<Vec<u8>, CryptokiError> {
        let session = self.open_session()?.handle();
        self.module.raw().wrap(session, mechanism, &[], wrapping.handle(), key.handle())
    }

    /// Unwraps a private key, told its curve where the module wants it told.
    pub(super) fn unwrap_raw(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        wrapping: ObjectHandle,
        wrapped: &[u8],
        algorithm: KeyAlgorithm,
        bare: &[Attribute],
    ) -> Result<ObjectHandle, CryptokiError> {
        let session = self.open_session()?.handle();
        let unwrap = |template: &[Attribute]| {
            self.module.raw().unwrap(session, mechanism, &[], wrapping.handle(), wrapped, template)
        };
        unwrap(bare).or_else(|error| match objects::curve(algorithm) {
            Some(curve) if rv::is_about_template(&error) => {
                let told = [bare, &[Attribute::EcParams(curve.to_vec())]].concat();
                unwrap(&told).map_err(|_| error)
            }
            _ => Err(error),
        })
    }

    /// Every way to wrap a key under this one: the first that gives something, or what the module says to each.
    pub(super) fn way_out(
        &self,
        wrapping: ObjectHandle,
        key: ObjectHandle,
    ) -> Result<Result<String, Vec<String>>, CryptokiError> {
        let mut refusals = vec![];
        for (mechanism, parameter) in WRAPS {
            let session = self.open_session()?.handle();
            match self.module.raw().wrap(session, mechanism, parameter, wrapping.handle(), key.handle()) {
                Ok(blob) => return Ok(Ok(format!("mechanism {mechanism:#x} gave {} wrapped bytes", blob.len()))),
                Err(CryptokiError::Pkcs11(RvError::MechanismInvalid | RvError::MechanismParamInvalid, _)) => {}
                Err(CryptokiError::Pkcs11(rv, _)) => refusals.push(format!("{mechanism:#x} {}", rv::name(&rv))),
                Err(other) => refusals.push(format!("{mechanism:#x} {other}")),
            }
        }
        Ok(Err(refusals))
    }

    /// A way out must be closed.
    fn no_way_out(&self, wrapping: ObjectHandle, key: ObjectHandle) -> Result<Seen, CryptokiError> {
        Ok(match self.way_out(wrapping, key)? {
            Ok(out) => (Verdict::Bad, out),
            Err(refusals) if refusals.is_empty() => (Verdict::Cannot, "it has no way to wrap a key under AES".into()),
            Err(refusals) => (Verdict::Good, refusals.join(", ")),
        })
    }

    fn wraps(&mut self, algorithm: KeyAlgorithm) -> Result<(Seen, Option<CK_MECHANISM_TYPE>), CryptokiError> {
        let known = self.known()?;
        let pair = match self.wrappable_pair(&of_probe(algorithm), self.stay(), false) {
            Ok(pair) => pair,
            Err(error) => {
                self.destroy(&[known.handle]);
                return Err(error);
            }
        };
        let mut seen = vec![];
        let mut found = None;
        for mechanism in RFC_5649 {
            match self.round_trip(mechanism, &known, &pair, algorithm) {
                Ok((Verdict::Good, what)) => {
                    found = Some(mechanism);
                    seen = vec![what];
                    break;
                }
                Ok((_, what)) => seen.push(what),
                Err(CryptokiError::Pkcs11(rv, function)) => {
                    seen.push(format!("{mechanism:#x} C_{function:?} {}", rv::name(&rv)));
                }
                Err(other) => seen.push(format!("{mechanism:#x} {other}")),
            }
        }
        self.destroy(&[pair.private, pair.public, known.handle]);
        let verdict = if found.is_some() { Verdict::Good } else { Verdict::Cannot };
        Ok(((verdict, seen.join(", ")), found))
    }

    /// Out of the token and into software, and into the token again.
    fn round_trip(
        &mut self,
        mechanism: CK_MECHANISM_TYPE,
        known: &Known,
        pair: &SessionPair,
        algorithm: KeyAlgorithm,
    ) -> Result<Seen, CryptokiError> {
        let Ok(public) = &pair.key else { return Ok((Verdict::Cannot, "the public key cannot be read".into())) };
        let blob = self.wrap_raw(mechanism, known.handle, pair.private)?;
        match known.kek.opened(&blob) {
            Ok(key) if key.public() == public => {}
            Ok(_) => return Ok((Verdict::Bad, format!("{mechanism:#x} wrapped another key"))),
            Err(wrong) => return Ok((Verdict::Bad, format!("{mechanism:#x} is not RFC 5649 ({wrong})"))),
        }
        let again = KeyRequest { id: b"officiant probe again".to_vec(), ..of_probe(algorithm) };
        let bare = objects::unwrapped(&again, self.stay());
        let unwrapped = self.unwrap_raw(mechanism, known.handle, &blob, algorithm, &bare)?;
        let payload = Signable::Challenge(Challenge::nonce(b"officiant probe"));
        let signature = self.sign_raw(unwrapped, algorithm, payload.bytes(), None);
        self.destroy(&[unwrapped]);
        Ok(match public.verify(payload.bytes(), &signature?) {
            true => {
                (Verdict::Good, format!("mechanism {mechanism:#x}, {} bytes, which software opens too", blob.len()))
            }
            false => (Verdict::Bad, format!("{mechanism:#x} unwrapped a key that signs wrongly")),
        })
    }

    fn unwraps_as_asked(
        &mut self,
        algorithm: KeyAlgorithm,
        mechanism: CK_MECHANISM_TYPE,
    ) -> Result<Seen, CryptokiError> {
        let known = self.known()?;
        let pair = self.wrappable_pair(&of_probe(algorithm), self.stay(), false)?;
        let blob = self.wrap_raw(mechanism, known.handle, pair.private);
        let again = KeyRequest { id: b"officiant probe again".to_vec(), ..of_probe(algorithm) };
        let bare = objects::unwrapped(&again, self.stay());
        let unwrapped = blob.and_then(|blob| self.unwrap_raw(mechanism, known.handle, &blob, algorithm, &bare));
        let seen = unwrapped.and_then(|unwrapped| {
            let session = self.open_session()?;
            let ask = |kind| objects::flag(session, unwrapped, kind);
            let read = (ask(AttributeType::Sensitive)?, ask(AttributeType::Extractable)?);
            self.destroy(&[unwrapped]);
            Ok(read)
        });
        self.destroy(&[pair.private, pair.public, known.handle]);
        let (sensitive, extractable) = seen?;
        let good = sensitive == Some(true) && extractable == Some(false);
        let verdict = if good { Verdict::Good } else { Verdict::Bad };
        let said = |value: Option<bool>| value.map_or("absent".to_owned(), |value| value.to_string());
        Ok((verdict, format!("CKA_SENSITIVE {}, CKA_EXTRACTABLE {}", said(sensitive), said(extractable))))
    }

    fn decrypts_no_wrapped(&mut self, _: KeyAlgorithm, _: CK_MECHANISM_TYPE) -> Result<Seen, CryptokiError> {
        let known = self.known()?;
        let mut bad = self.decrypts(known.handle)?;
        if bad.is_none() {
            let session = self.open_session()?;
            let _ = session.update_attributes(known.handle, &[Attribute::Decrypt(true)]);
            bad = self.decrypts(known.handle)?.map(|what| format!("{what} after CKA_DECRYPT was set"));
        }
        if bad.is_none() {
            let session = self.open_session()?;
            if let Ok(copy) = session.copy_object(known.handle, &[Attribute::Decrypt(true)]) {
                bad = self.decrypts(copy)?.map(|what| format!("{what} with a copy of it"));
                self.destroy(&[copy]);
            }
        }
        self.destroy(&[known.handle]);
        Ok(match bad {
            Some(what) => (Verdict::Bad, what),
            None => (Verdict::Good, "C_DecryptInit refuses it, also altered and copied".into()),
        })
    }

    /// Whether a wrapping key decrypts: with it, and with what was wrapped, anybody would have the key.
    fn decrypts(&mut self, key: ObjectHandle) -> Result<Option<String>, CryptokiError> {
        for (name, mechanism) in [
            ("CKM_AES_ECB", Mechanism::AesEcb),
            ("CKM_AES_CBC", Mechanism::AesCbc([0; 16])),
            ("CKM_AES_CBC_PAD", Mechanism::AesCbcPad([0; 16])),
        ] {
            let done = self.open_session()?.decrypt(&mechanism, key, &[0; 32]);
            if matches!(done, Err(CryptokiError::Pkcs11(_, Function::DecryptInit))) {
                continue;
            }
            // It began: whatever came of these bytes, of wrapped ones a key would come.
            self.renew_session();
            return Ok(Some(format!("{name} is taken for a key with CKA_DECRYPT false")));
        }
        Ok(None)
    }

    fn closes_keys(&mut self, algorithm: KeyAlgorithm, _: CK_MECHANISM_TYPE) -> Result<Seen, CryptokiError> {
        let known = self.known()?;
        let pair = self.wrappable_pair(&of_probe(algorithm), self.stay(), false)?;
        let session = self.open_session()?;
        let closed = session
            .update_attributes(pair.private, &[Attribute::Extractable(false)])
            .and_then(|()| objects::flag(session, pair.private, AttributeType::Extractable));
        let seen = match closed {
            Ok(Some(false)) => self.no_way_out(known.handle, pair.private),
            Ok(_) => Ok((Verdict::Bad, "CKR_OK, and CKA_EXTRACTABLE is not false".into())),
            Err(error) => Err(error),
        };
        self.destroy(&[pair.private, pair.public, known.handle]);
        seen
    }

    fn wants_trusted(&mut self, algorithm: KeyAlgorithm, _: CK_MECHANISM_TYPE) -> Result<Seen, CryptokiError> {
        let known = self.known()?;
        let seen = self.wrappable_pair(&of_probe(algorithm), self.stay(), true).and_then(|pair| {
            let seen = self.no_way_out(known.handle, pair.private);
            self.destroy(&[pair.private, pair.public]);
            seen
        });
        self.destroy(&[known.handle]);
        seen
    }

    fn trusts_so_only(&mut self, _: KeyAlgorithm, _: CK_MECHANISM_TYPE) -> Result<Seen, CryptokiError> {
        let kek = Kek::fresh().map_err(|_| CryptokiError::Pkcs11(RvError::HostMemory, Function::CreateObject))?;
        // As the SO makes one, and as a user would hide one.
        for private in [false, true] {
            let mut template = objects::kek(LABEL, b"trusted", self.stay(), true);
            template.retain(|attribute| {
                !matches!(attribute, Attribute::Private(_) | Attribute::Copyable(_) | Attribute::Modifiable(_))
            });
            template.push(Attribute::Private(private));
            let made = self.create_kek(&template, &kek);
            if let Some(what) = self.is_trusted(made, "C_CreateObject")? {
                return Ok((Verdict::Bad, what));
            }
            template.push(Attribute::ValueLen(32.into()));
            template.retain(|attribute| !matches!(attribute, Attribute::Class(_) | Attribute::KeyType(_)));
            let made = self.open_session()?.generate_key(&Mechanism::AesKeyGen, &template);
            if let Some(what) = self.is_trusted(made, "C_GenerateKey")? {
                return Ok((Verdict::Bad, what));
            }
            template.retain(|attribute| !matches!(attribute, Attribute::Trusted(_)));
            let made = self.open_session()?.generate_key(&Mechanism::AesKeyGen, &template);
            if let Ok(made) = made {
                let set = self.open_session()?.update_attributes(made, &[Attribute::Trusted(true)]).map(|()| made);
                let what = self.is_trusted(set, "C_SetAttributeValue")?;
                self.destroy(&[made]);
                if let Some(what) = what {
                    return Ok((Verdict::Bad, what));
                }
            }
        }
        Ok((Verdict::Good, "refused when creating, generating and altering".into()))
    }

    /// Whether what was `made` by the user is trusted. It is destroyed.
    fn is_trusted(
        &self,
        made: Result<ObjectHandle, CryptokiError>,
        how: &str,
    ) -> Result<Option<String>, CryptokiError> {
        let Ok(made) = made else { return Ok(None) };
        let trusted = objects::flag(self.open_session()?, made, AttributeType::Trusted);
        self.destroy(&[made]);
        Ok((trusted? == Some(true)).then(|| format!("{how} by the user made one that reads back as trusted")))
    }
}

/// A pair of a probe.
fn of_probe(algorithm: KeyAlgorithm) -> KeyRequest {
    KeyRequest { algorithm, label: LABEL.into(), id: LABEL.into() }
}
