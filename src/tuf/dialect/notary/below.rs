//! The metadata below the root: targets, what they delegate to, and a snapshot where its key is not the server's (notary 0.7.0,
//! `tuf/builder.go`, `tuf/data/targets.go`).

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256, Sha512};

use super::{client::read, is_child};
use crate::{
    rules::{Passed, Refusal, Rule},
    text::shown,
    tuf::{
        base64, bundle,
        dialect::Dialect,
        key::{Key, KeyId},
        role::{Role, RoleName},
        root::Root,
        signed::{Metadata, Signature, Untrusted},
        snapshot::{MetaFile, Snapshot},
        targets::{Delegations, Paths, Targets},
        verify::{not_expired, role_metadata},
        walk::{Files, Walk, in_file},
    },
    utc::Utc,
};

/// Who may sign a file, and what it may name.
struct Expected<'a> {
    name: &'a RoleName,
    role: &'a Role,
    keys: &'a BTreeMap<KeyId, Key>,
    /// The beginnings of the paths that it may name.
    paths: Vec<String>,
}

/// Goes through everything below `root`.
pub struct Below<'a> {
    pub files: &'a Files,
    pub now: Utc,
    pub walk: &'a mut Walk,
}

impl Below<'_> {
    pub fn run(&mut self, root: &Root, root_bytes: &[u8]) -> Result<(), Refusal> {
        let role = |name: &RoleName| root.role(name).cloned().unwrap_or_default();
        let snapshot = self.snapshot(root, &role(&RoleName::Snapshot))?;
        if let Some(snapshot) = &snapshot {
            matches_meta("root", root_bytes, snapshot)?;
        }
        let (name, signers) = (RoleName::Targets, role(&RoleName::Targets));
        let expected = Expected { name: &name, role: &signers, keys: &root.keys, paths: vec![String::new()] };
        let Some(delegations) = self.targets(expected, snapshot.as_ref())? else {
            self.walk.absent(&name, "targets.json");
            let lost = self.files.keys().find(|file| file.starts_with("targets/") && file.ends_with(".json"));
            return match lost {
                None => Ok(()),
                Some(file) => {
                    let what = format!("{} is here without targets.json, which names its keys.", shown(file));
                    let remedy = "Put the targets.json that is published beside it.";
                    Err(Refusal::new(Rule::DelegationSigned, what, remedy))
                }
            };
        };
        let mut known = vec!["targets".to_owned()];
        self.delegations(&name, delegations, &[String::new()], snapshot.as_ref(), &mut known)?;
        self.strays(&known)
    }

    /// The snapshot, where it travels along. The server hashes it as it would write it itself.
    fn snapshot(&mut self, root: &Root, role: &Role) -> Result<Option<BTreeMap<String, MetaFile>>, Refusal> {
        let (name, file) = (RoleName::Snapshot, "snapshot.json");
        let Some(bytes) = self.files.get(file) else { return Ok(None) };
        let (received, spelt): (Untrusted<Snapshot>, _) = read(bytes).map_err(|refusal| in_file(file, refusal))?;
        let spelt = spelt.map_err(|refusal| in_file(file, refusal))?;
        keyids_match(&root.keys, role, received.signatures()).map_err(|refusal| in_file(file, refusal))?;
        let verified = role_metadata(&name, role, &root.keys, received).map_err(|refusal| in_file(file, refusal))?;
        let document = verified.document();
        let fresh = not_expired(&format!("snapshot {}", document.version()), document.expires(), self.now)?;
        let meta = document.meta.clone();
        self.walk.verified(&name, file, &verified, vec![spelt, fresh]);
        Ok(Some(meta))
    }

    /// One file of targets metadata, where it is there; what it delegates.
    fn targets(
        &mut self,
        expected: Expected<'_>,
        snapshot: Option<&BTreeMap<String, MetaFile>>,
    ) -> Result<Option<Delegations>, Refusal> {
        let Expected { name, role, keys, paths } = expected;
        let file = Dialect::Notary.file_name(name, None);
        let Some(bytes) = self.files.get(&file) else { return Ok(None) };
        let here = |refusal| in_file(&file, refusal);
        let (received, spelt): (Untrusted<Targets>, _) = read(bytes).map_err(here)?;
        let mut passed = vec![match snapshot {
            None => spelt.map_err(here)?,
            Some(meta) => matches_meta(name.as_str(), bytes, meta)?,
        }];
        keyids_match(keys, role, received.signatures()).map_err(here)?;
        let verified = match name {
            RoleName::Targets => role_metadata(name, role, keys, received),
            _ => bundle::delegation_signed(name, role, keys, received),
        };
        let verified = verified.map_err(here)?;
        let document = verified.document();
        let delegations = document.delegations.clone().unwrap_or_default();
        may_delegate(name, &delegations).map_err(here)?;
        passed
            .push(not_expired(&format!("{name} {}", document.version()), document.expires(), self.now).map_err(here)?);
        let outside =
            document.targets.keys().filter(|path| !paths.iter().any(|prefix| path.starts_with(prefix))).count();
        if outside > 0 {
            self.walk.notes.push(format!("{name} names {outside} targets outside its paths; no client sees them."));
        }
        let odd = document
            .targets
            .iter()
            .find(|(_, target)| target.hashes.get("sha256").is_some_and(|hash| !is_sha256(hash)));
        if let Some((path, _)) = odd {
            self.walk
                .notes
                .push(format!("{name}: the sha256 of {} has not 32 bytes in base64; no client finds it.", shown(path)));
        }
        self.walk.verified(name, &file, &verified, passed);
        Ok(Some(delegations))
    }

    fn delegations(
        &mut self,
        parent: &RoleName,
        delegations: Delegations,
        paths: &[String],
        snapshot: Option<&BTreeMap<String, MetaFile>>,
        known: &mut Vec<String>,
    ) -> Result<(), Refusal> {
        for delegated in &delegations.roles {
            let name = &delegated.name;
            known.push(name.as_str().to_owned());
            let own = match &delegated.paths {
                Some(Paths::Patterns(own)) => own.as_slice(),
                _ => &[],
            };
            let allowed = |own: &&String| paths.iter().any(|prefix| own.starts_with(prefix.as_str()));
            let paths: Vec<String> = own.iter().filter(allowed).cloned().collect();
            let expected = Expected { name, role: &delegated.role, keys: &delegations.keys, paths: paths.clone() };
            match self.targets(expected, snapshot)? {
                Some(below) => self.delegations(name, below, &paths, snapshot, known)?,
                None => {
                    let file = Dialect::Notary.file_name(name, None);
                    self.walk.absent(name, &file);
                    let holders: Vec<String> =
                        delegated.role.keyids.iter().map(|keyid| format!("{}…", keyid.short())).collect();
                    self.walk.notes.push(format!(
                        "{parent} delegates to {name}, whose file is not here: one that was published before must be signed by {} of {}.",
                        delegated.role.threshold,
                        if holders.is_empty() { "no key".into() } else { holders.join(", ") }
                    ));
                }
            }
            if delegated.role.threshold > 1 {
                self.walk
                    .notes
                    .push(format!("{name} has a threshold of {}: no stock tool signs it.", delegated.role.threshold));
            }
        }
        Ok(())
    }

    /// Files of delegated roles that nobody delegates to: the server takes none.
    fn strays(&self, known: &[String]) -> Result<(), Refusal> {
        for file in self.files.keys() {
            let role = file.strip_suffix(".json").filter(|name| name.starts_with("targets/"));
            if let Some(role) = role.filter(|role| !known.iter().any(|known| known == role)) {
                let what = format!("{} is here, and no role delegates to {}.", shown(file), shown(role));
                let remedy = "Delegate to it, from the role directly above, or take the file away.";
                return Err(Refusal::new(Rule::DelegationSigned, what, remedy));
            }
        }
        Ok(())
    }
}

/// Every role that is delegated to is a child by its name, and has the keys that it names.
fn may_delegate(parent: &RoleName, delegations: &Delegations) -> Result<(), Refusal> {
    for delegated in &delegations.roles {
        let name = delegated.name.as_str();
        if !is_child(parent, name) {
            let what = format!("{parent} delegates to “{}”.", shown(name));
            let remedy = "Call it as its delegator, a slash, and then lower-case letters, digits, `-` or `_`.";
            return Err(Refusal::new(Rule::DelegationName, what, remedy));
        }
        if let Some(keyid) = delegated.role.keyids.iter().find(|keyid| !delegations.keys.contains_key(keyid)) {
            let what = format!("Role {name} names keyid {} without its key.", keyid.short());
            return Err(Refusal::new(
                Rule::MetadataWellFormed,
                what,
                "Give the key, or take the keyid out of the role.",
            ));
        }
    }
    Ok(())
}

/// A signature by a keyid that is not the hash of its key ends the verification of the whole file.
fn keyids_match(keys: &BTreeMap<KeyId, Key>, role: &Role, signatures: &[Signature]) -> Result<(), Refusal> {
    for keyid in signatures.iter().map(|signature| &signature.keyid).filter(|keyid| role.keyids.contains(keyid)) {
        if let Some(key) = keys.get(keyid).filter(|key| key.id() != *keyid) {
            let what = format!("The key under keyid {} has the keyid {}.", keyid.short(), key.id().short());
            return Err(Refusal::new(Rule::KeyidMatchesKey, what, "List it under the keyid that is its hash."));
        }
    }
    Ok(())
}

/// `BYTES-MATCH-HASH`: the snapshot that travels along gives the hash of these very bytes.
pub fn matches_meta(name: &str, bytes: &[u8], snapshot: &BTreeMap<String, MetaFile>) -> Result<Passed, Refusal> {
    let refuse = |what: &str| {
        let what = format!("The metadata above {what} {}.", shown(name));
        Err(Refusal::new(Rule::BytesMatchHash, what, "Make the snapshot again, over the files that travel with it."))
    };
    let Some(meta) = snapshot.get(name) else { return refuse("does not name") };
    let hashes = meta.hashes.clone().unwrap_or_default();
    let said = |algorithm: &str| hashes.get(algorithm).and_then(|hash| base64::decode(hash));
    let Some(sha256) = said("sha256") else { return refuse("gives no sha256 for") };
    let wrong_512 =
        hashes.contains_key("sha512") && said("sha512").is_none_or(|hash| hash != Sha512::digest(bytes).as_slice());
    if sha256 != Sha256::digest(bytes).as_slice() || wrong_512 {
        return refuse("gives another hash for");
    }
    if meta.length.is_some_and(|length| length < bytes.len() as u64) {
        return refuse("gives a shorter length for");
    }
    Ok(Passed::new(Rule::BytesMatchHash, format!("{} bytes, as the snapshot says", bytes.len())))
}

fn is_sha256(hash: &str) -> bool {
    base64::decode(hash).is_some_and(|bytes| bytes.len() == 32)
}
