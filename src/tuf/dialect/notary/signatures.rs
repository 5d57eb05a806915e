//! Signatures: raw bytes in base64 and the method by which they were made (notary 0.7.0, `tuf/signed/verifiers.go`). Every
//! method hashes with SHA-256, whatever the curve.

use sha2::{Digest as _, Sha256};

use crate::tuf::{
    base64,
    json::Members,
    key::{KeyId, PublicKey, RawSignature},
    signed::Signature,
    verify::ecdsa_over_sha256,
};

/// How this program's signatures of such a key are made.
pub fn method(public: &PublicKey) -> Option<&'static str> {
    match public {
        PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::P521(_) => Some("ecdsa"),
        PublicKey::Rsa(_) => Some("rsapss"),
        PublicKey::Ed25519(_) => Some("eddsa"),
        PublicKey::Other { .. } => None,
    }
}

/// The width of a signature, in bytes; `None` for RSA, where the modulus says it.
fn width(public: &PublicKey) -> Option<usize> {
    match public {
        PublicKey::P256(_) | PublicKey::Ed25519(_) => Some(64),
        PublicKey::P384(_) => Some(96),
        PublicKey::P521(_) => Some(132),
        PublicKey::Rsa(_) | PublicKey::Other { .. } => None,
    }
}

pub fn encode(keyid: KeyId, public: &PublicKey, raw: &RawSignature) -> Option<Signature> {
    let bytes = raw.as_bytes();
    if width(public).is_some_and(|width| width != bytes.len()) {
        return None;
    }
    of_text(keyid, public, base64::encode(bytes))
}

pub fn of_text(keyid: KeyId, public: &PublicKey, sig: String) -> Option<Signature> {
    let extra = Members::from([("method".into(), method(public)?.into())]);
    Some(Signature { keyid, sig, extra })
}

pub fn decode(public: &PublicKey, signature: &Signature) -> Option<RawSignature> {
    let bytes = base64::decode(&signature.sig)?;
    let fits = width(public).is_none_or(|width| width == bytes.len()) && !matches!(public, PublicKey::Other { .. });
    fits.then(|| RawSignature::new(bytes))
}

/// Whether `signature` is one of `public` over `signed` by the method that it names, in whatever case.
pub fn verifies(public: &PublicKey, signed: &[u8], signature: &Signature) -> bool {
    let Some(raw) = decode(public, signature) else { return false };
    match (signature.method().to_lowercase().as_str(), public) {
        ("ecdsa", PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::P521(_)) => {
            ecdsa_over_sha256(public, &Sha256::digest(signed).into(), &raw)
        }
        ("eddsa", PublicKey::Ed25519(_)) => public.verify(signed, &raw),
        ("rsapss", PublicKey::Rsa(_)) => public.verify_pss_usual(signed, &raw),
        ("rsapkcs1v15", PublicKey::Rsa(_)) => public.verify_pkcs1v15(signed, &raw),
        _ => false,
    }
}
