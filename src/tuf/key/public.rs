//! Public keys and the one place where a signature is verified.

use std::fmt;

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, LineEnding};
use rsa::traits::PublicKeyParts as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha384};

use crate::{digest::Digest, text::shown};

/// The kinds of key that this program makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256 with SHA-256. Every client and nearly every token has it.
    #[default]
    #[serde(rename = "p256")]
    P256,
    /// ECDSA on P-384 with SHA-384. Some clients lack it ([`crate::tuf::predict`]).
    #[serde(rename = "p384")]
    P384,
    /// Ed25519.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// RSA with 3072 bits, PSS with SHA-256 and a salt of 32 bytes.
    #[serde(rename = "rsa3072-pss")]
    Rsa3072,
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Ed25519 => "Ed25519",
            Self::Rsa3072 => "RSA-3072 PSS",
        })
    }
}

/// The shortest RSA modulus that verifies anything, in bits (TUF 1.0.33, section 4.2).
pub const RSA_BITS_MIN: usize = 2048;
/// The longest RSA modulus that is used, in bits: a bound on the time of one verification.
pub const RSA_BITS_MAX: usize = 8192;

/// A public key, apart from how anybody writes it.
#[derive(Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// Ed25519.
    Ed25519(ed25519_dalek::VerifyingKey),
    /// ECDSA on P-256 with SHA-256.
    P256(p256::ecdsa::VerifyingKey),
    /// ECDSA on P-384 with SHA-384 (TUF 1.0).
    P384(p384::ecdsa::VerifyingKey),
    /// RSA of [`RSA_BITS_MIN`] to [`RSA_BITS_MAX`] bits, PSS with SHA-256.
    Rsa(Box<rsa::RsaPublicKey>),
    /// A key that verifies nothing here: of an unknown kind, or not decodable. It is carried, and counts for no threshold.
    Other {
        /// What it calls itself, and what is wrong with it: for people.
        what: String,
        /// The digest of its object.
        fingerprint: Digest,
    },
}

/// A signature without any encoding: `r‖s` at the width of the curve, the 64 bytes of Ed25519, or as many as the RSA modulus
/// has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RawSignature(Vec<u8>);

impl RawSignature {
    /// The bytes, as a token gives them.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER; `None` where it is malformed or of a kind that is not used here.
    pub fn from_spki_der(der: &[u8]) -> Option<Self> {
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(der) {
            return Some(Self::P256(key));
        }
        if let Ok(key) = p384::ecdsa::VerifyingKey::from_public_key_der(der) {
            return Some(Self::P384(key));
        }
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_der(der) {
            return Some(Self::Ed25519(key));
        }
        Self::rsa(rsa::RsaPublicKey::from_public_key_der(der).ok()?)
    }

    /// Reads `-----BEGIN PUBLIC KEY-----`, with any line ending and with or without a last one.
    pub fn from_spki_pem(pem: &str) -> Option<Self> {
        let (label, document) = p256::pkcs8::Document::from_pem(pem).ok()?;
        (label == "PUBLIC KEY").then(|| Self::from_spki_der(document.as_bytes()))?
    }

    /// Reads a point on P-256 or P-384 in SEC 1 form, as tokens (without the OCTET STRING around it) and old metadata have it.
    pub fn from_point(point: &[u8]) -> Option<Self> {
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_sec1_bytes(point) {
            return Some(Self::P256(key));
        }
        p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self::P384)
    }

    /// Reads the 32 bytes of an Ed25519 key.
    pub fn from_ed25519(bytes: &[u8]) -> Option<Self> {
        ed25519_dalek::VerifyingKey::from_bytes(bytes.try_into().ok()?).ok().map(Self::Ed25519)
    }

    /// Reads an RSA modulus and public exponent, most significant byte first.
    pub fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        if modulus.len() > RSA_BITS_MAX / 8 + 1 || exponent.len() > 8 {
            return None;
        }
        let number = rsa::BoxedUint::from_be_slice_vartime;
        Self::rsa(rsa::RsaPublicKey::new(number(modulus), number(exponent)).ok()?)
    }

    fn rsa(key: rsa::RsaPublicKey) -> Option<Self> {
        let bits = key.n().bit_width_vartime() as usize;
        (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits).then(|| Self::Rsa(Box::new(key)))
    }

    /// The SubjectPublicKeyInfo in DER; `None` for [`PublicKey::Other`].
    pub fn to_spki_der(&self) -> Option<Vec<u8>> {
        let document = match self {
            Self::Ed25519(key) => key.to_public_key_der(),
            Self::P256(key) => key.to_public_key_der(),
            Self::P384(key) => key.to_public_key_der(),
            Self::Rsa(key) => key.to_public_key_der(),
            Self::Other { .. } => return None,
        };
        document.ok().map(|document| document.as_bytes().to_vec())
    }

    /// `-----BEGIN PUBLIC KEY-----` with LF line endings and a last one; `None` for [`PublicKey::Other`].
    pub fn to_spki_pem(&self) -> Option<String> {
        match self {
            Self::Ed25519(key) => key.to_public_key_pem(LineEnding::LF),
            Self::P256(key) => key.to_public_key_pem(LineEnding::LF),
            Self::P384(key) => key.to_public_key_pem(LineEnding::LF),
            Self::Rsa(key) => key.to_public_key_pem(LineEnding::LF),
            Self::Other { .. } => return None,
        }
        .ok()
    }

    /// One digest for one public key, however metadata writes it (`KEY-COUNTED-ONCE`): the SHA-256 of its
    /// SubjectPublicKeyInfo, as we encode it.
    pub fn fingerprint(&self) -> Digest {
        match self {
            Self::Other { fingerprint, .. } => *fingerprint,
            known => Digest::of(&known.to_spki_der().unwrap_or_default()),
        }
    }

    /// What kind of key, for people: `P-256`, `RSA-3072 PSS`, …
    pub fn algorithm(&self) -> String {
        match self {
            Self::Ed25519(_) => "Ed25519".into(),
            Self::P256(_) => "P-256".into(),
            Self::P384(_) => "P-384".into(),
            Self::Rsa(key) => format!("RSA-{} PSS", key.n().bit_width_vartime()),
            Self::Other { what, .. } => shown(what),
        }
    }

    /// The kind of key, where this program could have made it.
    pub fn key_algorithm(&self) -> Option<KeyAlgorithm> {
        match self {
            Self::Ed25519(_) => Some(KeyAlgorithm::Ed25519),
            Self::P256(_) => Some(KeyAlgorithm::P256),
            Self::P384(_) => Some(KeyAlgorithm::P384),
            Self::Rsa(key) => (key.n().bit_width_vartime() == 3072).then_some(KeyAlgorithm::Rsa3072),
            Self::Other { .. } => None,
        }
    }

    /// Whether `signature` is one of this key over `message`, as TUF 1.0 hashes it.
    ///
    /// Ed25519 is verified strictly, so that a key of small order verifies nothing. A PSS salt may have any length: the
    /// specification names none and three of four clients take any; what this program writes has 32 bytes.
    pub fn verify(&self, message: &[u8], signature: &RawSignature) -> bool {
        match self {
            Self::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature.as_bytes())
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Self::P384(_) => self.verify_prehash(&Sha384::digest(message), signature),
            Self::P256(_) | Self::Rsa(_) => self.verify_prehash(&Sha256::digest(message), signature),
            Self::Other { .. } => false,
        }
    }

    /// The same over a digest that was computed before: SHA-256, or for P-384 the one that the dialect wants. Never true for
    /// Ed25519, which signs messages.
    pub fn verify_prehash(&self, digest: &[u8], signature: &RawSignature) -> bool {
        match self {
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature.as_bytes())
                .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
            Self::P384(key) => p384::ecdsa::Signature::from_slice(signature.as_bytes())
                .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
            Self::Rsa(key) => {
                let verifier = rsa::pss::VerifyingKey::<Sha256>::new_with_auto_salt_len((**key).clone());
                rsa::pss::Signature::try_from(signature.as_bytes())
                    .is_ok_and(|signature| verifier.verify_prehash(digest, &signature).is_ok())
            }
            Self::Ed25519(_) | Self::Other { .. } => false,
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm(), self.fingerprint())
    }
}
