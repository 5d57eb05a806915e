//! What the tests of the courier share: a publisher who signs with keys in memory, and folders as ceremonies leave them.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use officiant::{
    digest::Digest,
    transfer::{
        Bundle, BundleFile, Gun, Manifest, Want,
        bundle::{BUNDLE, file_name, payload_name},
        collection,
        manifest::Entry,
    },
    tuf::{
        Dialect, Key, PublicKey, RawSignature, RoleName, Root, Targets,
        certificate::CertificateTemplate,
        role::Role,
        signed::{Metadata, Signature},
        targets::{DelegatedRole, Delegations, Paths, TargetFile},
    },
    utc::Utc,
};
use p256::ecdsa::{SigningKey, signature::Signer as _};

pub const DIALECT: Dialect = Dialect::Notary;

/// A key of this test, by a small number.
pub fn signer(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).expect("a scalar")
}

pub fn key(seed: u8) -> Key {
    DIALECT.key(&public(seed)).expect("a key")
}

fn public(seed: u8) -> PublicKey {
    PublicKey::P256(*signer(seed).verifying_key())
}

fn raw(seed: u8, message: &[u8]) -> RawSignature {
    let signature: p256::ecdsa::Signature = signer(seed).sign(message);
    RawSignature::new(signature.to_bytes().to_vec())
}

pub fn instant(text: &str) -> Utc {
    Utc::parse(text).expect("an instant")
}

/// A root key in a certificate for `gun`.
pub fn certified(gun: &str, seed: u8, until: Utc) -> Key {
    let template = CertificateTemplate::new(gun, &public(seed), [7; 16], instant("2026-01-01T00:00:00Z"), until)
        .expect("a template");
    let certificate = template.signed(&raw(seed, &template.to_be_signed())).expect("a certificate");
    DIALECT.certified_key(&certificate).expect("a key")
}

/// One repository as its publisher thinks of it.
#[derive(Clone)]
pub struct Repository {
    pub gun: Gun,
    pub root_seed: u8,
    pub tagging_seed: u8,
    pub root: Root,
    pub targets: Targets,
}

impl Repository {
    /// A new one, with the keys that the server holds for it, as a collection has them.
    pub fn new(collected: &Path, gun: &str, root_seed: u8, tagging_seed: u8) -> Self {
        let gun = Gun::parse(gun).expect("a name");
        let folder = collected.join(collection::folder(&gun));
        let served = |name: &str| -> Key {
            serde_json::from_slice(&fs::read(folder.join(name)).expect("it was collected")).expect("a key")
        };
        let until = instant("2046-01-01T00:00:00Z");
        let keys = [
            (RoleName::Root, certified(gun.as_str(), root_seed, until)),
            (RoleName::Targets, key(tagging_seed)),
            (RoleName::Snapshot, served("snapshot.key")),
            (RoleName::Timestamp, served("timestamp.key")),
        ];
        let expires = instant("2036-01-01T00:00:00Z");
        let mut root = Root { version: 1, expires, consistent_snapshot: Some(false), ..Root::blank() };
        for (name, key) in keys {
            root.roles.insert(name, Role { keyids: vec![key.id()], threshold: 1, ..Role::default() });
            root.keys.insert(key.id(), key);
        }
        let targets = Targets {
            spec_version: None,
            version: 1,
            expires,
            targets: BTreeMap::new(),
            delegations: None,
            extra: BTreeMap::new(),
        };
        Self { gun, root_seed, tagging_seed, root, targets }.with_target("v1")
    }

    pub fn with_target(mut self, name: &str) -> Self {
        // SHA-256 of nothing, in base64.
        let hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let hashes = BTreeMap::from([("sha256".to_owned(), hash.to_owned())]);
        self.targets.targets.insert(name.into(), TargetFile { length: 0, hashes, extra: BTreeMap::new() });
        self
    }

    /// Another tagging key, in the next root and the next targets.
    pub fn rotated(mut self, tagging_seed: u8) -> Self {
        let key = key(tagging_seed);
        self.root.version += 1;
        self.root.roles.insert(RoleName::Targets, Role { keyids: vec![key.id()], threshold: 1, ..Role::default() });
        self.root.keys.insert(key.id(), key);
        self.targets.version += 1;
        self.tagging_seed = tagging_seed;
        self
    }

    /// A delegated role for everything, signed by the key of this number.
    pub fn delegating(mut self, name: &str, seed: u8) -> Self {
        let key = key(seed);
        let role = Role { keyids: vec![key.id()], threshold: 1, ..Role::default() };
        let role = DelegatedRole {
            name: RoleName::from(name),
            role,
            paths: Some(Paths::Patterns(vec![String::new()])),
            terminating: None,
        };
        let delegations = self.targets.delegations.get_or_insert_with(Delegations::default);
        delegations.keys.insert(key.id(), key);
        delegations.roles.push(role);
        self
    }

    fn root_signature(&self, payload: &[u8]) -> Signature {
        let (keyid, key) = self.root.keys_of(&RoleName::Root).next().expect("a root key");
        DIALECT.signature(keyid.clone(), key.public(), &raw(self.root_seed, payload)).expect("a signature")
    }

    /// Root and targets, with what is wanted where the targets are left unsigned.
    pub fn bundle(&self, targets_signed: bool) -> (Bundle, BTreeMap<String, Vec<u8>>) {
        let root_payload = DIALECT.signed_bytes(&self.root);
        let root = DIALECT.envelope(&root_payload, &[self.root_signature(&root_payload)]);
        let payload = DIALECT.signed_bytes(&self.targets);
        let signature = by(self.tagging_seed, &payload);
        let targets = DIALECT.envelope(&payload, if targets_signed { std::slice::from_ref(&signature) } else { &[] });
        let mut files = BTreeMap::new();
        let mut list = vec![];
        for (role, version, bytes) in
            [(RoleName::Root, self.root.version, root), (RoleName::Targets, self.targets.version(), targets)]
        {
            let file = file_name(&role);
            list.push(BundleFile {
                role,
                file: file.clone(),
                version,
                sha256: Digest::of(&bytes),
                length: bytes.len() as u64,
            });
            files.insert(file, bytes);
        }
        let mut wants = vec![];
        if !targets_signed {
            let key = key(self.tagging_seed);
            let (role, version) = (RoleName::Targets, self.targets.version());
            wants.push(Want {
                role,
                version,
                payload: Digest::of(&payload),
                keyid: key.id(),
                key,
                owner: "Tanja".into(),
            });
            files.insert(payload_name(&RoleName::Targets), payload);
        }
        (Bundle { dialect: DIALECT, gun: self.gun.clone(), files: list, wants, enough: Default::default() }, files)
    }
}

/// A signature of one of this test's keys.
pub fn by(seed: u8, payload: &[u8]) -> Signature {
    DIALECT.signature(key(seed).id(), &public(seed), &raw(seed, payload)).expect("a signature")
}

/// Writes the new folder `folder` as a ceremony leaves it.
pub fn publication(folder: &Path, bundles: &[(Bundle, BTreeMap<String, Vec<u8>>)]) {
    let mut entries = vec![];
    for (bundle, files) in bundles {
        let place = collection::folder(&bundle.gun);
        let mut files = files.clone();
        files.insert(BUNDLE.into(), bundle.to_text().into_bytes());
        for (name, bytes) in files {
            let path = format!("{place}/{name}");
            let there = folder.join(&path);
            fs::create_dir_all(there.parent().expect("a folder")).expect("a folder");
            fs::write(&there, &bytes).expect("a file");
            entries.push(Entry { path, digest: Digest::of(&bytes) });
        }
    }
    fs::write(folder.join("MANIFEST"), Manifest::of(entries).expect("paths").to_text()).expect("a file");
}

/// The courier.
pub struct Courier {
    pub folder: PathBuf,
    pub auth: Option<String>,
}

/// How it ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Courier {
    /// One that works in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), auth: None }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_officiant-courier"));
        command.args(args).current_dir(&self.folder).env_remove("NOTARY_AUTH");
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name);
        }
        if let Some(auth) = &self.auth {
            command.env("NOTARY_AUTH", auth);
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Ended {
        let Output { status, stdout, stderr } = self.command(args).output().expect("the courier starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ended { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
    }

    /// Where it has to end with 0.
    pub fn does(&self, args: &[&str]) -> Ended {
        let ended = self.run(args);
        assert_eq!(ended.code, 0, "officiant-courier {args:?}: {ended:#?}");
        ended
    }
}
