//! What the tests of Notary v1 share: vectors that other programs made, and repositories made here with software keys.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use officiant::{
    rules::Rule,
    tuf::{
        Certificate, CertificateTemplate, Dialect, Key, KeyId, PublicKey, RawSignature, Signature, Walk,
        walk::{Files, Published},
    },
    utc::Utc,
};
use p256::ecdsa::signature::{Signer as _, hazmat::PrehashSigner as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The instant for which the vectors were made.
pub const MADE: &str = "2026-11-22T15:00:00Z";
/// The repository of those that are made here.
pub const GUN: &str = "docker.io/example/shop";

pub fn at(text: &str) -> Utc {
    Utc::parse(text).expect("an instant")
}

/// The folder of vectors, beside the checkout.
///
/// # Panics
/// Where the folder is there and the path in it is not: that is no reason to skip anything.
pub fn vectors(path: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
    if !folder.is_dir() {
        return None;
    }
    let path = folder.join(path);
    assert!(path.exists(), "{} is not among the vectors", path.display());
    Some(path)
}

#[macro_export]
macro_rules! vectors_or_skip {
    ($path:literal) => {
        match notary_support::vectors($path) {
            Some(path) => path,
            None => return println!("skipped: no ../shared/vectors beside the checkout"),
        }
    };
}

/// Every `.json` below a folder, by its path from there.
pub fn files(folder: &Path) -> Files {
    let mut found = Files::new();
    collect(folder, "", &mut found);
    found
}

fn collect(folder: &Path, below: &str, found: &mut Files) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        let name = format!("{below}{}", path.file_name().expect("a name").to_string_lossy());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), found);
        } else if name.ends_with(".json") {
            found.insert(name, fs::read(&path).expect("a readable file"));
        }
    }
}

pub fn base64(text: &str) -> Vec<u8> {
    use base64ct::Encoding as _;
    base64ct::Base64::decode_vec(text).expect("base64")
}

/// The prediction for a fresh client, or for one that holds `trusted`.
pub fn predict(gun: &str, files: &Files, trusted: Option<&[u8]>, now: &str) -> Walk {
    Dialect::Notary.predict(&Published { gun, files, trusted }, at(now))
}

/// The rule that says no; `None` where the server takes it and the client works.
pub fn rule(walk: &Walk) -> Option<Rule> {
    walk.refusal.as_ref().map(|refusal| refusal.rule)
}

/// A key pair that is the same in every run.
#[derive(Clone)]
pub enum Signer {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl Signer {
    pub fn p256(seed: u8) -> Self {
        Self::P256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).expect("a scalar"))
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

    /// As Notary wants it: SHA-256 on every curve.
    pub fn sign(&self, bytes: &[u8]) -> RawSignature {
        match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(bytes);
                RawSignature::new(signature.to_bytes().to_vec())
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign_prehash(&Sha256::digest(bytes)).expect("a signature");
                RawSignature::new(signature.to_bytes().to_vec())
            }
            Self::Ed25519(key) => RawSignature::new(key.sign(bytes).to_bytes()),
        }
    }

    pub fn bare(&self) -> Key {
        Dialect::Notary.key(&self.public()).expect("a key that can be written")
    }

    pub fn certificate(&self, name: &str, from: &str, until: &str) -> Certificate {
        let template =
            CertificateTemplate::new(name, &self.public(), [7; 16], at(from), at(until)).expect("a template");
        template.signed(&self.sign(&template.to_be_signed())).expect("signed by its own key")
    }

    pub fn certified(&self, name: &str) -> Key {
        let certificate = self.certificate(name, "2026-11-01T00:00:00Z", "2036-11-01T00:00:00Z");
        Dialect::Notary.certified_key(&certificate).expect("a key in its certificate")
    }
}

/// Signatures over `signed` by these keys under these keyids.
pub fn signatures(signed: &[u8], by: &[(KeyId, &Signer)]) -> Vec<Signature> {
    let sign = |(keyid, signer): &(KeyId, &Signer)| {
        Dialect::Notary.signature(keyid.clone(), &signer.public(), &signer.sign(signed)).expect("a signature")
    };
    by.iter().map(sign).collect()
}

/// The whole document that says `signed`, as Notary spells it.
pub fn document(signed: &Value, by: &[(KeyId, &Signer)]) -> Vec<u8> {
    use officiant::tuf::{canonical::canonical, json};
    let value = json::parse(signed.to_string().as_bytes(), json::Limits::METADATA).expect("strict JSON");
    let bytes = canonical(&value);
    Dialect::Notary.envelope(&bytes, &signatures(&bytes, by))
}

/// A repository: who holds which key. Two tagging keys and two delegates, of whom the first is in use.
pub struct Shop {
    pub root: Signer,
    pub tagging: Signer,
    pub alice: Signer,
}

pub fn shop() -> Shop {
    Shop { root: Signer::p256(1), tagging: Signer::p256(2), alice: Signer::p256(3) }
}

impl Shop {
    /// The `signed` object of a root; online keys are a server's.
    pub fn root_signed(&self, version: u64, root_keys: &[Key], tagging: &[Key]) -> Value {
        let (timestamp, snapshot) = (Signer::ed25519(8).bare(), Signer::ed25519(9).bare());
        let role = |keys: &[Key]| {
            let ids: Vec<KeyId> = keys.iter().map(Key::id).collect();
            json!({"keyids": ids, "threshold": 1})
        };
        let mut keys = serde_json::Map::new();
        for key in root_keys.iter().chain(tagging).chain([&timestamp, &snapshot]) {
            keys.insert(key.id().as_str().to_owned(), json!(key));
        }
        json!({
            "_type": "Root", "consistent_snapshot": false, "expires": "2036-10-01T00:00:00Z", "keys": keys, "version": version,
            "roles": {
                "root": role(root_keys), "targets": role(tagging), "snapshot": role(&[snapshot]), "timestamp": role(&[timestamp]),
            },
        })
    }

    pub fn root_key(&self) -> Key {
        self.root.certified(GUN)
    }

    /// Root 1 as it is published, after `spoil`.
    pub fn first_root(&self, spoil: impl FnOnce(&mut Value)) -> Vec<u8> {
        let key = self.root_key();
        let mut signed = self.root_signed(1, std::slice::from_ref(&key), &[self.tagging.bare()]);
        spoil(&mut signed);
        document(&signed, &[(key.id(), &self.root)])
    }

    /// The `signed` object of targets that delegate to `targets/releases`.
    pub fn targets_signed(&self) -> Value {
        let alice = self.alice.bare();
        let hash = "WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM=";
        json!({
            "_type": "Targets", "expires": "2029-10-01T00:00:00Z", "version": 1,
            "targets": {"v1": {"hashes": {"sha256": hash}, "length": 6}},
            "delegations": {
                "keys": {alice.id().as_str(): alice},
                "roles": [{"keyids": [alice.id()], "name": "targets/releases", "paths": [""], "threshold": 1}],
            },
        })
    }

    pub fn targets(&self, spoil: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut signed = self.targets_signed();
        spoil(&mut signed);
        document(&signed, &[(self.tagging.bare().id(), &self.tagging)])
    }

    pub fn releases(&self, spoil: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut signed = self.targets_signed();
        signed["delegations"] = json!({"keys": {}, "roles": []});
        spoil(&mut signed);
        document(&signed, &[(self.alice.bare().id(), &self.alice)])
    }

    /// The first upload, good.
    pub fn files(&self) -> Files {
        Files::from([
            ("root.json".into(), self.first_root(|_| ())),
            ("targets.json".into(), self.targets(|_| ())),
            ("targets/releases.json".into(), self.releases(|_| ())),
        ])
    }
}
