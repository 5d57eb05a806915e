//! Public keys and signatures as a token gives them, verified in software.

use ::rsa::{BoxedUint, RsaPublicKey, pss, signature::Verifier as _};
use sha2::Sha256;

/// The algorithms that a token of this program signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// ECDSA on P-256 over SHA-256. The default: every HSM and every client has it.
    P256,
    /// Ed25519 (RFC 8032), pure.
    Ed25519,
    /// RSA with 3072 bits, PSS over SHA-256, MGF1 over SHA-256, a salt of 32 bytes.
    Rsa3072Pss,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    P256(Vec<u8>),
    Ed25519([u8; 32]),
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawSignature(pub Vec<u8>);

impl PublicKey {
    pub fn p256(sec1: &[u8]) -> Option<Self> {
        p256::ecdsa::VerifyingKey::from_sec1_bytes(sec1).ok().map(|_| Self::P256(sec1.to_vec()))
    }

    pub fn ed25519(raw: &[u8]) -> Option<Self> {
        let raw = raw.try_into().ok()?;
        ed25519_dalek::VerifyingKey::from_bytes(&raw).ok().map(|_| Self::Ed25519(raw))
    }

    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        Some(Self::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
    }

    pub fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::P256(_) => KeyAlgorithm::P256,
            Self::Ed25519(_) => KeyAlgorithm::Ed25519,
            Self::Rsa { .. } => KeyAlgorithm::Rsa3072Pss,
        }
    }

    pub fn verifies(&self, message: &[u8], signature: &RawSignature) -> bool {
        match self {
            Self::P256(point) => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point);
                let signature = p256::ecdsa::Signature::from_slice(&signature.0);
                matches!((key, signature), (Ok(k), Ok(s)) if k.verify(message, &s).is_ok())
            }
            Self::Ed25519(bytes) => {
                let key = ed25519_dalek::VerifyingKey::from_bytes(bytes);
                let signature = ed25519_dalek::Signature::from_slice(&signature.0);
                matches!((key, signature), (Ok(k), Ok(s)) if k.verify_strict(message, &s).is_ok())
            }
            Self::Rsa { modulus, exponent } => {
                let key = RsaPublicKey::new(
                    BoxedUint::from_be_slice_vartime(modulus),
                    BoxedUint::from_be_slice_vartime(exponent),
                );
                let signature = pss::Signature::try_from(signature.0.as_slice());
                match (key, signature) {
                    (Ok(key), Ok(signature)) => {
                        pss::VerifyingKey::<Sha256>::new_with_salt_len(key, 32).verify(message, &signature).is_ok()
                    }
                    _ => false,
                }
            }
        }
    }
}
