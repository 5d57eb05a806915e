//! What only a server knows: the keys that it holds (`SERVER-HOLDS-KEYS`). Files tell a part of it: the keys that it served
//! beforehand, or that the two keys of one server are of one kind.

use crate::{
    rules::{Passed, Refusal, Rule},
    tuf::{
        dialect::Dialect,
        json::{self, Limits},
        key::{Key, PublicKey},
        role::RoleName,
        root::Root,
        walk::Files,
    },
};

/// The server can sign what it has to sign for this root: the timestamp, and the snapshot where none travels along.
pub fn holds_keys(root: &Root, files: &Files, with_snapshot: bool) -> Result<Passed, Refusal> {
    let mut seen = vec![];
    let held: &[RoleName] =
        if with_snapshot { &[RoleName::Timestamp] } else { &[RoleName::Timestamp, RoleName::Snapshot] };
    for name in held {
        let refuse = |what: String| Err(Refusal::new(Rule::ServerHoldsKeys, what, remedy(name)));
        let role = root.role(name).cloned().unwrap_or_default();
        if role.threshold > 1 {
            return refuse(format!("Role {name} asks for {} signatures, and the server gives one.", role.threshold));
        }
        for (keyid, key) in root.keys_of(name) {
            if key.id() != *keyid {
                let what = format!("Key {}… of role {name} has the keyid {}.", keyid.short(), key.id().short());
                return Err(Refusal::new(Rule::KeyidMatchesKey, what, "List it under the keyid that is its hash."));
            }
        }
        let keys: Vec<&Key> = root.keys_of(name).map(|(_, key)| key).collect();
        let file = format!("{}.key", name.as_str());
        if let Some(bytes) = files.get(&file) {
            let served =
                json::parse(bytes, Limits::METADATA).ok().and_then(|value| Key::read(Dialect::Notary, value).ok());
            let Some(served) = served else { return refuse(format!("{file} holds no public key.")) };
            if !keys.iter().any(|key| key.public() == served.public()) {
                return refuse(format!(
                    "Role {name} does not name key {}…, which the server serves.",
                    served.id().short()
                ));
            }
            seen.push(format!("{name} as served"));
            continue;
        }
        if keys.is_empty() {
            return refuse(format!("Role {name} names no key."));
        }
        let ours = [RoleName::Root, RoleName::Targets];
        let mut others = ours.iter().flat_map(|other| root.keys_of(other)).map(|(_, key)| key.public().fingerprint());
        if others.any(|other| keys.iter().all(|key| key.public().fingerprint() == other)) {
            return refuse(format!(
                "Role {name} names a key that signs for root or targets: no server holds that one."
            ));
        }
        if keys.iter().all(|key| key.certificate().is_some()) {
            return refuse(format!("The key of role {name} travels in a certificate; no server's does."));
        }
        seen.push(name.to_string());
    }
    let kinds =
        |name: &RoleName| -> Vec<&'static str> { root.keys_of(name).map(|(_, key)| kind(key.public())).collect() };
    let known = held.iter().any(|name| files.contains_key(&format!("{}.key", name.as_str())));
    let (timestamp, snapshot) = (kinds(&RoleName::Timestamp), kinds(&RoleName::Snapshot));
    if !with_snapshot && !known && !snapshot.iter().any(|kind| timestamp.contains(kind)) {
        let what = format!(
            "The snapshot key ({}) is of another kind than the timestamp key ({}): one server makes both of one kind, so this one is \
             held by somebody else.",
            snapshot.join(", "),
            timestamp.join(", ")
        );
        return Err(Refusal::new(Rule::ServerHoldsKeys, what, remedy(&RoleName::Snapshot)));
    }
    Ok(Passed::new(Rule::ServerHoldsKeys, format!("as far as files tell: {}", seen.join(", "))))
}

fn remedy(name: &RoleName) -> &'static str {
    match name {
        RoleName::Snapshot => {
            "Name the snapshot key that the server serves, or put a snapshot, signed by this one, into the same upload."
        }
        _ => "Name the key that the server serves for this role.",
    }
}

fn kind(public: &PublicKey) -> &'static str {
    match public {
        PublicKey::Ed25519(_) => "Ed25519",
        PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::P521(_) => "ECDSA",
        PublicKey::Rsa(_) => "RSA",
        PublicKey::Other { .. } => "of an unknown kind",
    }
}
