//! A collection of many repositories of Docker Content Trust, as the courier would have brought it: made with software keys, the
//! same in every run.

use std::{fs, path::Path};

use officiant::{
    digest::{Digest, to_hex},
    transfer::{Gun, Inventory, MANIFEST, Manifest, collection, inventory::INVENTORY, manifest::Entry},
    tuf::{
        Certificate, CertificateTemplate, Dialect, Key, PublicKey, RawSignature, RoleName,
        change::{RootChange, amend},
        root::Root,
        signed::Metadata,
        targets::Targets,
    },
    utc::Utc,
};
use p256::{
    ecdsa::{SigningKey, signature::Signer as _},
    pkcs8::{EncodePrivateKey as _, LineEnding},
};
use serde_json::json;

/// How many tags each repository has.
pub const TAGS: usize = 5;

/// A key in software, which stands for one that was on a token, or on a disk, for years.
pub struct Software(SigningKey);

impl Software {
    /// The offline key of every repository.
    pub fn offline() -> Self {
        Self(SigningKey::from_slice(&[7; 32]).expect("a scalar"))
    }

    /// Today's tagging key of every repository.
    pub fn tagging() -> Self {
        Self(SigningKey::from_slice(&[8; 32]).expect("a scalar"))
    }

    /// PKCS#8, as an import to a token reads it.
    pub fn pem(&self) -> String {
        self.0.to_pkcs8_pem(LineEnding::LF).expect("a key that can be written").to_string()
    }

    pub fn bare(&self) -> Key {
        Dialect::Notary.key(&PublicKey::P256(*self.0.verifying_key())).expect("a key of the dialect")
    }

    fn sign(&self, bytes: &[u8]) -> RawSignature {
        let signature: p256::ecdsa::Signature = self.0.sign(bytes);
        RawSignature::new(signature.to_bytes().to_vec())
    }

    fn certificate(&self, name: &str) -> Certificate {
        let at = |text| Utc::parse(text).expect("an instant");
        let (from, until) = (at("2026-11-01T00:00:00Z"), at("2046-11-01T00:00:00Z"));
        let public = PublicKey::P256(*self.0.verifying_key());
        let template = CertificateTemplate::new(name, &public, [7; 16], from, until).expect("a template");
        template.signed(&self.sign(&template.to_be_signed())).expect("signed by its own key")
    }

    fn signs(&self, document: &impl Metadata, listed: &Key) -> Vec<u8> {
        let dialect = Dialect::Notary;
        let bytes = dialect.signed_bytes(document);
        let signature = dialect.signature(listed.id(), listed.public(), &self.sign(&bytes)).expect("a signature");
        dialect.envelope(&bytes, &[signature])
    }
}

/// The name of a repository.
fn gun(number: usize) -> Gun {
    Gun::parse(&format!("docker.io/bench/repository-{number:05}")).expect("a name")
}

/// Writes `count` repositories below the new folder `folder`.
pub fn make(folder: &Path, count: usize) {
    let (offline, tagging) = (Software::offline(), Software::tagging());
    let certified = offline.certificate("docker.io/bench/*");
    let certified = Dialect::Notary.certified_key(&certified).expect("a key in its certificate");
    let guns = Inventory::of((0..count).map(gun));
    let mut entries = vec![];
    let mut write = |path: String, bytes: &[u8]| {
        let file = folder.join(&path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, bytes).expect("a file");
        entries.push(Entry { path, digest: Digest::of(bytes) });
    };
    for (number, gun) in guns.guns().iter().enumerate() {
        let below = collection::folder(gun);
        let [snapshot, timestamp] = [1, 2].map(|which| of_server(number, which));
        let root = root(&certified, &tagging.bare(), &snapshot, &timestamp);
        let root = offline.signs(&root, &certified);
        for name in ["1.root.json", "root.json"] {
            write(format!("{below}/{name}"), &root);
        }
        write(format!("{below}/targets.json"), &tagging.signs(&targets(number), &tagging.bare()));
        for (name, key) in [("snapshot.key", &snapshot), ("timestamp.key", &timestamp)] {
            write(format!("{below}/{name}"), &serde_json::to_vec(key).expect("a key"));
        }
    }
    write(INVENTORY.into(), guns.to_text().as_bytes());
    let manifest = Manifest::of(entries).expect("names of files");
    fs::write(folder.join(MANIFEST), manifest.to_text()).expect("a file");
}

/// A key that a Notary server made for this repository.
fn of_server(number: usize, which: u8) -> Key {
    let mut seed = [which; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    let key = ed25519_dalek::SigningKey::from_bytes(&seed);
    Dialect::Notary.key(&PublicKey::Ed25519(key.verifying_key())).expect("a key of the dialect")
}

fn root(offline: &Key, tagging: &Key, snapshot: &Key, timestamp: &Key) -> Root {
    let mut changes = vec![
        RootChange::SetVersion { version: 1 },
        RootChange::SetExpires { expires: Utc::parse("2036-11-01T00:00:00Z").expect("an instant") },
        RootChange::SetConsistentSnapshot { value: Some(false) },
    ];
    let roles = [
        (RoleName::Root, offline),
        (RoleName::Targets, tagging),
        (RoleName::Snapshot, snapshot),
        (RoleName::Timestamp, timestamp),
    ];
    for (role, key) in roles {
        changes.push(RootChange::SetThreshold { role: role.clone(), threshold: 1 });
        changes.push(RootChange::add_key(role, key.clone()));
    }
    amend(&Root::blank(), &changes)
}

fn targets(number: usize) -> Targets {
    let files = (0..TAGS).map(|tag| {
        let digest = Digest::of(format!("image {number} {tag}").as_bytes());
        use base64ct::Encoding as _;
        let hash = base64ct::Base64::encode_string(digest.as_bytes());
        (
            format!("v{tag}.{}", &to_hex(digest.as_bytes())[..4]),
            json!({ "hashes": { "sha256": hash }, "length": 1000 + tag }),
        )
    });
    let signed = json!({
        "_type": "Targets", "delegations": { "keys": {}, "roles": [] }, "expires": "2029-11-01T00:00:00Z",
        "targets": files.collect::<serde_json::Map<_, _>>(), "version": 1,
    });
    let text = json!({ "signed": signed, "signatures": [] }).to_string();
    let parsed = officiant::tuf::signed::Untrusted::<Targets>::parse(Dialect::Notary, text.as_bytes());
    parsed.expect("targets").document().clone()
}
