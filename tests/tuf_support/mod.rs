//! Software keys from fixed seeds, and metadata made with them.
#![allow(dead_code)]

use officiant::{
    tuf::{Dialect, Key, KeyId, Metadata, PublicKey, RawSignature, Role, RoleName, Root, Signature},
    utc::Utc,
};
use p256::ecdsa::signature::Signer as _;

/// A key pair that is the same in every run.
#[derive(Clone)]
pub enum Signer {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl Signer {
    pub fn p256(seed: u32) -> Self {
        let digest = officiant::digest::Digest::of(&seed.to_be_bytes());
        Self::P256(p256::ecdsa::SigningKey::from_slice(digest.as_bytes()).expect("a scalar"))
    }

    pub fn p384(seed: u8) -> Self {
        Self::P384(p384::ecdsa::SigningKey::from_slice(&[seed; 48]).expect("a scalar"))
    }

    pub fn ed25519(seed: u8) -> Self {
        Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
    }

    pub fn public(&self) -> PublicKey {
        match self {
            Self::P256(key) => PublicKey::P256(*key.verifying_key()),
            Self::P384(key) => PublicKey::P384(*key.verifying_key()),
            Self::Ed25519(key) => PublicKey::Ed25519(key.verifying_key()),
        }
    }

    pub fn key(&self) -> Key {
        Dialect::Tuf1.key(&self.public()).expect("a key that can be written")
    }

    pub fn id(&self) -> KeyId {
        self.key().id()
    }

    pub fn sign(&self, bytes: &[u8]) -> RawSignature {
        match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(bytes);
                RawSignature::new(signature.to_bytes().to_vec())
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(bytes);
                RawSignature::new(signature.to_bytes().to_vec())
            }
            Self::Ed25519(key) => RawSignature::new(key.sign(bytes).to_bytes()),
        }
    }

    /// The signature as metadata carries it.
    pub fn signature(&self, bytes: &[u8]) -> Signature {
        let signature = Dialect::Tuf1.signature(self.id(), &self.public(), &self.sign(bytes));
        signature.expect("a signature that can be written")
    }
}

pub fn at(text: &str) -> Utc {
    Utc::parse(text).expect("an instant")
}

pub const NOW: &str = "2026-11-22T15:00:00Z";

/// A root of these root keys; the other three roles have one online key.
pub fn root(version: u64, threshold: u64, signers: &[&Signer]) -> Root {
    let mut root = Root {
        spec_version: Some("1.0.31".into()),
        version,
        expires: at("2027-11-22T15:00:00Z"),
        consistent_snapshot: Some(true),
        ..Root::blank()
    };
    for name in RoleName::TOP {
        root.roles.insert(name, Role { threshold: 1, ..Role::default() });
    }
    for name in [RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp] {
        name_key(&mut root, name, &online());
    }
    for signer in signers {
        name_key(&mut root, RoleName::Root, signer);
    }
    root.roles.get_mut(&RoleName::Root).expect("a root role").threshold = threshold;
    root
}

pub fn online() -> Signer {
    Signer::ed25519(200)
}

pub fn name_key(root: &mut Root, role: RoleName, signer: &Signer) {
    root.keys.insert(signer.id(), signer.key());
    root.roles.get_mut(&role).expect("one of the four").keyids.push(signer.id());
}

/// The whole document, signed by each of `signers`.
pub fn signed<M: Metadata>(metadata: &M, signers: &[&Signer]) -> Vec<u8> {
    let bytes = Dialect::Tuf1.signed_bytes(metadata);
    let signatures: Vec<_> = signers.iter().map(|signer| signer.signature(&bytes)).collect();
    Dialect::Tuf1.envelope(&bytes, &signatures)
}

/// `signed` as it is given, signed by each of `signers`.
pub fn signed_value(signed: &serde_json::Value, signers: &[&Signer]) -> Vec<u8> {
    let value = officiant::tuf::json::parse(signed.to_string().as_bytes(), officiant::tuf::json::Limits::METADATA);
    let bytes = officiant::tuf::canonical::canonical(&value.expect("strict JSON"));
    let signatures: Vec<_> = signers.iter().map(|signer| signer.signature(&bytes)).collect();
    Dialect::Tuf1.envelope(&bytes, &signatures)
}

/// The `signed` object of some metadata, to be spoilt.
pub fn value<M: Metadata>(metadata: &M) -> serde_json::Value {
    serde_json::to_value(metadata.to_value(Dialect::Tuf1)).expect("values serialise")
}
