//! Proves by use what a token can do, with session keys that are gone afterwards. A module's list of mechanisms and its CKR_OK are
//! not believed.

use cryptoki::{
    error::{Error as CryptokiError, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeInfo, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};
use cryptoki_sys::{CK_MECHANISM_TYPE, CKM_AES_CBC_PAD, CKM_AES_KEY_WRAP};
use ed25519_dalek::Signer as _;

use super::{Pkcs11Token, objects, raw, rv};
use crate::{
    device::{
        self,
        probe::{Check, Finding, ProbeReport, Verdict},
    },
    fault::{Error, Fault},
    readback::{Challenge, Signable},
    token::{KeyAlgorithm, KeyRequest, Probe, PublicKey, Token as _, quirks},
};

pub(super) const LABEL: &str = "officiant probe";

/// The secret key of test 1 in RFC 8032, section 7.1: everybody has it, so nothing is lost with it.
const VECTOR_SEED: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5,
    0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];

/// Ways to wrap a key under an AES key, each with its parameter: AES-KW, its two padded forms, PKCS#7 padding, CBC.
pub(super) const WRAPS: [(CK_MECHANISM_TYPE, &[u8]); 5] =
    [(CKM_AES_KEY_WRAP, &[]), (0x210a, &[]), (0x210b, &[]), (0x210c, &[]), (CKM_AES_CBC_PAD, &[0; 16])];

const ALGORITHMS: [KeyAlgorithm; 4] =
    [KeyAlgorithm::P256, KeyAlgorithm::Ed25519, KeyAlgorithm::Rsa3072, KeyAlgorithm::P384];

pub(super) type Seen = (Verdict, String);

impl Probe for Pkcs11Token {
    fn probe(&mut self) -> Result<ProbeReport, Error> {
        let pins = self.pins()?;
        let mechanisms = self.module.raw().mechanisms(self.slot.id()).map_err(|e| self.fault(&e))?;
        let mut findings = Vec::new();
        let mut maker = None;
        for algorithm in ALGORITHMS {
            let signs = self.tried(Check::Signs(algorithm), |token| token.signs(algorithm))?;
            let can = signs.verdict == Verdict::Good;
            findings.push(signs);
            if can {
                maker = maker.or(Some(algorithm));
                findings.push(self.tried(Check::ObeysTemplate(algorithm), |token| token.obeys(algorithm))?);
            }
        }
        findings.push(self.tried(Check::Ed25519Vector, Self::vector)?);
        if let Some(algorithm) = maker {
            findings.push(self.tried(Check::HidesValue, |token| token.hides_value(algorithm))?);
            findings.push(self.tried(Check::RefusesWrap, |token| token.refuses_wrap(algorithm))?);
            findings.push(self.tried(Check::RefusesLooserCopy, |token| token.refuses_looser_copy(algorithm))?);
            findings.push(self.tried(Check::RefusesLoosening, |token| token.refuses_loosening(algorithm))?);
        }
        let signs = |algorithm: &KeyAlgorithm| {
            let check = Check::Signs(*algorithm);
            findings.iter().any(|finding| finding.check == check && finding.verdict == Verdict::Good)
        };
        let wrappable: Vec<_> = ALGORITHMS.into_iter().filter(signs).collect();
        findings.extend(self.policy(&wrappable)?.findings);
        findings.push(self.tried(Check::LeavesNothing, Self::cleared)?);
        self.forget_keys();
        let row = quirks::of(&self.identity);
        Ok(ProbeReport {
            token: self.identity.clone(),
            pins,
            family: row.name.to_owned(),
            notes: row.notes.iter().map(|note| (*note).to_owned()).collect(),
            mechanisms,
            findings,
        })
    }
}

impl Pkcs11Token {
    /// Runs one check in a session that nothing before it has left an operation active in.
    pub(super) fn tried(
        &mut self,
        check: Check,
        body: impl FnOnce(&mut Self) -> Result<Seen, CryptokiError>,
    ) -> Result<Finding, Error> {
        self.session()?;
        self.renew_session();
        let (verdict, seen) = match body(self) {
            Ok(seen) => seen,
            Err(error) => {
                // Modules use the same values for "gone" and for "not with me": ask whether the token is still there.
                let fault = self.fault(&error);
                if fault.token_lost() && self.pins().is_err() {
                    self.end_session();
                    return Err(fault.into());
                }
                (Verdict::Cannot, format!("{} ({})", fault.cause, call(&fault)))
            }
        };
        Ok(Finding { check, verdict, seen })
    }

    fn signs(&mut self, algorithm: KeyAlgorithm) -> Result<Seen, CryptokiError> {
        let pair = self.session_pair(algorithm)?;
        let Some(public) = pair.key.as_ref().ok().filter(|key| key.key_algorithm() == Some(algorithm)) else {
            let why = pair.key.as_ref().err().map_or("a key of another algorithm", String::as_str).to_owned();
            self.destroy(&[pair.private, pair.public]);
            return Ok((Verdict::Bad, format!("the public key cannot be read: {why}")));
        };
        let payload = Signable::Challenge(Challenge::nonce(b"officiant probe"));
        let made = self.sign_raw(pair.private, algorithm, payload.bytes(), None);
        let verified = made.as_ref().is_ok_and(|signature| public.verify(payload.bytes(), signature));
        self.destroy(&[pair.private, pair.public]);
        made?;
        Ok(match verified {
            true => (Verdict::Good, "the signature verifies in software".into()),
            false => (Verdict::Bad, "CKR_OK, and the signature does not verify".into()),
        })
    }

    fn obeys(&mut self, algorithm: KeyAlgorithm) -> Result<Seen, CryptokiError> {
        let pair = self.session_pair(algorithm)?;
        let read = objects::attributes(self.open_session()?, pair.private);
        self.destroy(&[pair.private, pair.public]);
        Ok(match device::stays_inside(&read?) {
            Ok(passed) => (Verdict::Good, passed.seen),
            Err(refusal) => (Verdict::Bad, refusal.what),
        })
    }

    fn vector(&mut self) -> Result<Seen, CryptokiError> {
        let key = ed25519_dalek::SigningKey::from_bytes(&VECTOR_SEED);
        let template = [
            Attribute::Class(ObjectClass::PRIVATE_KEY),
            Attribute::KeyType(KeyType::EC_EDWARDS),
            Attribute::Token(false),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            Attribute::Label(LABEL.into()),
            Attribute::EcParams(objects::ED25519_OID.to_vec()),
            Attribute::Value(VECTOR_SEED.to_vec()),
        ];
        let private = self.open_session()?.create_object(&template)?;
        let payload = Signable::Challenge(Challenge::nonce(b"officiant probe"));
        let made = self.sign_raw(private, KeyAlgorithm::Ed25519, payload.bytes(), None);
        self.destroy(&[private]);
        let right = key.sign(payload.bytes()).to_bytes();
        Ok(match made?.as_bytes() == right {
            true => (Verdict::Good, "byte for byte the same".into()),
            false => (Verdict::Bad, "CKR_OK, and another signature than Ed25519's".into()),
        })
    }

    fn hides_value(&mut self, algorithm: KeyAlgorithm) -> Result<Seen, CryptokiError> {
        let pair = self.session_pair(algorithm)?;
        let part =
            if algorithm == KeyAlgorithm::Rsa3072 { AttributeType::PrivateExponent } else { AttributeType::Value };
        let info = self.open_session()?.get_attribute_info(pair.private, &[part]);
        self.destroy(&[pair.private, pair.public]);
        Ok(match info?.first() {
            Some(AttributeInfo::Available(length)) if *length > 0 => {
                (Verdict::Bad, format!("{length} bytes can be read"))
            }
            Some(AttributeInfo::Sensitive) => (Verdict::Good, "CKR_ATTRIBUTE_SENSITIVE".into()),
            _ => (Verdict::Good, "not available".into()),
        })
    }

    pub(super) fn refuses_wrap(&mut self, algorithm: KeyAlgorithm) -> Result<Seen, CryptokiError> {
        let aes = [
            Attribute::Token(false),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Label(LABEL.into()),
            Attribute::ValueLen(32.into()),
            Attribute::Wrap(true),
            Attribute::Unwrap(true),
        ];
        let wrapping = self.open_session()?.generate_key(&Mechanism::AesKeyGen, &aes)?;
        let pair = self.session_pair(algorithm)?;
        let mut refusals = Vec::new();
        let mut out = None;
        for (mechanism, parameter) in WRAPS {
            let session = self.open_session()?.handle();
            let tried = self.module.raw().wrap(session, mechanism, parameter, wrapping.handle(), pair.private.handle());
            match tried {
                Ok(blob) => {
                    out = Some(format!("mechanism {mechanism:#x} gave {} wrapped bytes", blob.len()));
                    break;
                }
                Err(CryptokiError::Pkcs11(RvError::MechanismInvalid | RvError::MechanismParamInvalid, _)) => {}
                Err(CryptokiError::Pkcs11(rv, _)) => refusals.push(format!("{mechanism:#x} {}", rv::name(&rv))),
                Err(other) => refusals.push(format!("{mechanism:#x} {other}")),
            }
        }
        self.destroy(&[pair.private, pair.public, wrapping]);
        Ok(match out {
            Some(out) => (Verdict::Bad, out),
            None if refusals.is_empty() => (Verdict::Cannot, "it has no way to wrap a key under AES".into()),
            None => (Verdict::Good, refusals.join(", ")),
        })
    }

    fn refuses_looser_copy(&mut self, algorithm: KeyAlgorithm) -> Result<Seen, CryptokiError> {
        let pair = self.session_pair(algorithm)?;
        let copied = self.open_session()?.copy_object(pair.private, &[Attribute::Extractable(true)]);
        let seen = match copied {
            Ok(copy) => {
                let loose = objects::attributes(self.open_session()?, copy);
                self.destroy(&[copy]);
                loose.map(|attributes| self.loosened(attributes.extractable, pair.private))
            }
            Err(e) => Ok((Verdict::Good, self.fault(&e).cause)),
        };
        self.destroy(&[pair.private, pair.public]);
        seen
    }

    fn refuses_loosening(&mut self, algorithm: KeyAlgorithm) -> Result<Seen, CryptokiError> {
        let pair = self.session_pair(algorithm)?;
        let session = self.open_session()?;
        let changed = session.update_attributes(pair.private, &[Attribute::Extractable(true)]);
        let seen = match changed {
            Ok(()) => objects::attributes(session, pair.private)
                .map(|attributes| self.loosened(attributes.extractable, pair.private)),
            Err(e) => Ok((Verdict::Good, self.fault(&e).cause)),
        };
        self.destroy(&[pair.private, pair.public]);
        seen
    }

    /// What it means that a key was made extractable: nothing where the module has no C_WrapKey at all.
    fn loosened(&self, extractable: Option<bool>, key: ObjectHandle) -> Seen {
        let session = self.open_session().map(Session::handle);
        let wrapped = session
            .and_then(|session| self.module.raw().wrap(session, CKM_AES_KEY_WRAP, &[], key.handle(), key.handle()));
        let no_way_out = wrapped.is_err_and(|e| raw::is(&e, RvError::FunctionNotSupported));
        match extractable {
            Some(false) => (Verdict::Good, "CKR_OK, and CKA_EXTRACTABLE stayed false".into()),
            Some(true) if no_way_out => {
                (Verdict::Good, "CKA_EXTRACTABLE is true now, and there is no C_WrapKey".into())
            }
            Some(true) => (Verdict::Bad, "CKR_OK, and CKA_EXTRACTABLE is true now".into()),
            None => (Verdict::Bad, "CKR_OK, and CKA_EXTRACTABLE is absent now".into()),
        }
    }

    /// Whether the keys of a probe have to be ones that stay until they are destroyed.
    pub(super) fn stay(&self) -> bool {
        quirks::of(&self.identity).only_token_keys
    }

    fn session_pair(&mut self, algorithm: KeyAlgorithm) -> Result<SessionPair, CryptokiError> {
        let request = KeyRequest { algorithm, label: LABEL.into(), id: LABEL.into() };
        let (public, private) = objects::templates(&request, self.stay());
        self.pair_of(algorithm, &public, &private)
    }

    pub(super) fn pair_of(
        &mut self,
        algorithm: KeyAlgorithm,
        public: &[Attribute],
        private: &[Attribute],
    ) -> Result<SessionPair, CryptokiError> {
        let session = self.open_session()?;
        let (public, private) = session.generate_key_pair(&objects::generation(algorithm), public, private)?;
        let key = objects::seen(session, public)?.public;
        Ok(SessionPair { private, public, key })
    }

    /// Some modules keep session keys for ever, and some make none.
    pub(super) fn destroy(&self, objects: &[ObjectHandle]) {
        if let Ok(session) = self.open_session() {
            for object in objects {
                let _ = session.destroy_object(*object);
            }
        }
    }
}

pub(super) struct SessionPair {
    pub(super) private: ObjectHandle,
    pub(super) public: ObjectHandle,
    pub(super) key: Result<PublicKey, String>,
}

fn call(fault: &Fault) -> &str {
    fault.doing.split(',').next().unwrap_or(&fault.doing)
}
