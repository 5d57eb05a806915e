//! What a repository is today, as far as it was collected: verified before anything is built on it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Known, judge, pack::Inputs};
use crate::{
    ceremony::{
        Ceremony,
        script::{Kind, Signatory},
    },
    rules::{Refusal, Rule},
    tuf::{
        Dialect,
        key::{Key, KeyId},
        role::RoleName,
        root::Root,
        signed::{Metadata, Untrusted},
        targets::Targets,
        verify::{Verified, first_root, role_metadata},
    },
    utc::Utc,
};

/// A repository as it is today.
pub struct Today {
    /// Its root; `None` where the server does not know the repository yet.
    pub root: Option<Verified<Root>>,
    /// Its targets.
    pub targets: Option<Verified<Targets>>,
}

/// What is known of one repository, and the keys of it that tokens of this ceremony hold.
pub fn known(ceremony: &Ceremony, inputs: &Inputs, now: Utc) -> (Known, Vec<Key>) {
    let mut known = Known { gun: inputs.gun.clone(), root: 0, targets: 0, tags: 0, changed: vec![], left_out: None };
    let mut keys = vec![];
    let found = today(ceremony, inputs).and_then(|today| {
        fits(ceremony, inputs, &today, now)?;
        Ok(today)
    });
    match found {
        Err(refusal) => known.left_out = Some(Box::new(refusal)),
        Ok(today) => {
            if let Some(root) = &today.root {
                known.root = root.document().version;
                keys.extend(ours(ceremony, root.document()));
            }
            if let Some(targets) = &today.targets {
                let targets = targets.document();
                known.targets = targets.version;
                known.tags = u32::try_from(targets.targets.len()).unwrap_or(u32::MAX);
                if ceremony.script.kind == Kind::DctRotateTaggingKey {
                    let before = judge::before(ceremony.script.dialect, inputs);
                    known.changed = judge::changed(targets, before.as_ref());
                }
            }
        }
    }
    (known, keys)
}

/// Reads and verifies what was collected of a repository.
///
/// # Errors
/// The rule that a file breaks, naming the file.
pub fn today(ceremony: &Ceremony, inputs: &Inputs) -> Result<Today, Refusal> {
    let dialect = ceremony.script.dialect;
    let Some(root) = root_today(ceremony, inputs)? else { return Ok(Today { root: None, targets: None }) };
    let targets = inputs.files.get("targets.json").map(|bytes| {
        let name = RoleName::Targets;
        let role = root.document().role(&name).cloned().unwrap_or_default();
        let received = Untrusted::<Targets>::parse(dialect, bytes.as_bytes())?;
        role_metadata(&name, &role, &root.document().keys, received)
    });
    let targets = targets.transpose().map_err(|refusal| in_file("targets.json", refusal))?;
    Ok(Today { root: Some(root), targets })
}

/// Reads and verifies the root that was collected of a repository; `None` where the server does not know the repository yet.
///
/// # Errors
/// The rule that it breaks.
pub fn root_today(ceremony: &Ceremony, inputs: &Inputs) -> Result<Option<Verified<Root>>, Refusal> {
    let Some(root) = inputs.files.get("root.json") else { return Ok(None) };
    let root = Untrusted::<Root>::parse(ceremony.script.dialect, root.as_bytes()).and_then(first_root);
    root.map(Some).map_err(|refusal| in_file("root.json", refusal))
}

fn in_file(name: &str, refusal: Refusal) -> Refusal {
    Refusal { what: format!("{name}: {}", refusal.what), ..refusal }
}

/// A delegated role's file, where it was collected and can be read. Whether its keys sign it is asked where it matters.
pub fn delegated(dialect: Dialect, inputs: &Inputs, role: &RoleName) -> Option<Untrusted<Targets>> {
    let bytes = inputs.files.get(&dialect.file_name(role, None))?;
    Untrusted::parse(dialect, bytes.as_bytes()).ok()
}

/// The same from before a compromise.
pub fn delegated_before(dialect: Dialect, inputs: &Inputs, role: &RoleName) -> Option<Untrusted<Targets>> {
    let bytes = inputs.before.get(&dialect.file_name(role, None))?;
    Untrusted::parse(dialect, bytes.as_bytes()).ok()
}

/// The public key that a server gave for one of its roles.
///
/// # Errors
/// `KEY-ON-PAPER` where the file is missing or holds no key.
pub fn server_key(inputs: &Inputs, role: &RoleName) -> Result<Key, Refusal> {
    let name = format!("{}.key", role.as_str());
    let key = inputs.files.get(&name).and_then(|text| serde_json::from_str::<Key>(text).ok());
    key.ok_or_else(|| {
        Refusal::new(
            Rule::MetadataWellFormed,
            format!("{name}, the server's public key, was not collected or is none."),
            "Collect this repository again.",
        )
    })
}

/// Whether a repository is one that this ceremony can work on.
fn fits(ceremony: &Ceremony, inputs: &Inputs, today: &Today, now: Utc) -> Result<(), Refusal> {
    let kind = ceremony.script.kind;
    let Some(root) = today.root.as_ref().map(Verified::document) else {
        if !kind.is_genesis() {
            return Err(Refusal::new(
                Rule::RepositoryIsOurs,
                "The server does not know this repository.",
                "Leave it out of the inventory, or make it first (dct-genesis).",
            ));
        }
        server_key(inputs, &RoleName::Snapshot)?;
        server_key(inputs, &RoleName::Timestamp)?;
        return Ok(());
    };
    if kind.is_genesis() {
        return Err(Refusal::new(
            Rule::RepositoryIsOurs,
            format!("The server has root version {} of this repository already.", root.version),
            "Leave it out of the inventory, or rotate its offline key (dct-rotate-root).",
        ));
    }
    if today.targets.is_none() {
        return Err(Refusal::new(
            Rule::RepositoryIsOurs,
            "targets.json was not collected.",
            "Collect this repository again.",
        ));
    }
    for (_, key) in root.keys_of(&RoleName::Root) {
        if let Some(certificate) = key.certificate() {
            certificate.is_valid(now)?;
        }
    }
    let (role, expected) = expected_today(ceremony);
    let found: BTreeSet<KeyId> = root.keys_of(&role).map(|(_, key)| key.canonical_id()).collect();
    if found == expected {
        return Ok(());
    }
    let short = |ids: &BTreeSet<KeyId>| ids.iter().map(KeyId::short).collect::<Vec<_>>().join(", ");
    Err(Refusal::new(
        Rule::RepositoryIsOurs,
        format!("Its {role} role has the keys {}, the script says {}.", short(&found), short(&expected)),
        "It is another publisher's, or was rotated since: collect it again, or give it a ceremony of its own.",
    ))
}

/// The keys, by the ids of the bare keys, that a repository must have today for this ceremony to work on it, and for which role.
fn expected_today(ceremony: &Ceremony) -> (RoleName, BTreeSet<KeyId>) {
    let script = &ceremony.script;
    let tagging = script.repositories.as_ref().and_then(|spec| spec.tagging.as_ref());
    let real = |keyid: &KeyId| ceremony.stand_ins.get(keyid).map_or_else(|| keyid.clone(), Key::canonical_id);
    if !script.kind.writes_roots() {
        let ids = tagging.into_iter().flat_map(|tagging| &tagging.keys).filter_map(|signatory| match signatory {
            Signatory::Token(alias) => script.token(alias)?.keyid.as_ref().map(real),
            Signatory::Unnamed(_) => None,
            Signatory::Elsewhere(name) => script.keys.iter().find(|key| key.name == *name).map(|key| real(&key.keyid)),
        });
        return (RoleName::Targets, ids.collect());
    }
    let tags = |alias| tagging.is_some_and(|tagging| tagging.keys.iter().any(|key| key.token() == Some(alias)));
    let offline = script.tokens.iter().filter(|token| !tags(&token.alias));
    (RoleName::Root, offline.filter_map(|token| token.keyid.as_ref().map(real)).collect())
}

/// The keys of a root that tokens of this ceremony hold, without their certificates.
fn ours(ceremony: &Ceremony, root: &Root) -> Vec<Key> {
    let named: BTreeSet<KeyId> = ceremony
        .script
        .tokens
        .iter()
        .filter_map(|token| token.keyid.as_ref())
        .map(|keyid| ceremony.stand_ins.get(keyid).map_or_else(|| keyid.clone(), Key::canonical_id))
        .collect();
    let keys = root.keys.values().filter(|key| named.contains(&key.canonical_id()));
    let bare: BTreeMap<KeyId, Key> = keys
        .filter_map(|key| Some((key.canonical_id(), ceremony.script.dialect.key(key.public())?)))
        .filter(|(id, _)| !ceremony.repositories.keys.contains_key(id))
        .collect();
    bare.into_values().collect()
}

/// The version of received metadata.
pub fn version<T: Metadata>(verified: &Verified<T>) -> u64 {
    verified.document().version()
}
