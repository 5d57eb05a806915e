//! What changes from one targets metadata to the next, as values that people can read and that a draft is held against.

use std::collections::BTreeSet;

use super::{
    key::{Key, KeyId},
    role::{Role, RoleName},
    targets::{DelegatedRole, Delegations, Paths, TargetFile, Targets},
};
use crate::{
    rules::{Passed, Refusal, Rule},
    text::shown,
    utc::Utc,
};

/// One change from old targets metadata to new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetsChange {
    /// The version becomes this one.
    SetVersion(u64),
    /// The expiry becomes this instant.
    SetExpires(Utc),
    /// A file, in Docker's words a tag, is no longer named.
    DropFile(String),
    /// A file names again what it named before.
    RestoreFile {
        /// Its path.
        path: String,
        /// What it named.
        file: TargetFile,
    },
    /// A delegated role comes back as it was.
    RestoreRole {
        /// The role.
        role: DelegatedRole,
        /// Its keys.
        keys: Vec<Key>,
    },
    /// A delegated role comes in, for files whose path begins with one of these.
    AddRole {
        /// Its name.
        role: RoleName,
        /// How many different keys must sign for it.
        threshold: u64,
        /// Which files it may name.
        paths: Vec<String>,
    },
    /// A delegated role goes, and with it whatever its file names.
    RemoveRole(RoleName),
    /// A delegated role names one more key.
    AddKey {
        /// Which role.
        role: RoleName,
        /// The key.
        key: Key,
    },
    /// A delegated role no longer names a key; the key goes once no role names it.
    RemoveKey {
        /// Which role.
        role: RoleName,
        /// Which key.
        keyid: KeyId,
    },
    /// Anything else. Nothing that this program writes has it; it can be read.
    Other(String),
}

impl TargetsChange {
    /// The change in words. `names` knows whose key is whose, where anybody does.
    pub fn words(&self, names: &dyn Fn(&KeyId) -> Option<String>) -> String {
        let key = |keyid: &KeyId| {
            let name = names(keyid).map(|name| format!(" ({})", shown(&name))).unwrap_or_default();
            format!("key {}…{name}", keyid.short())
        };
        match self {
            Self::SetVersion(version) => format!("version {version}"),
            Self::SetExpires(expires) => format!("expires {expires}"),
            Self::DropFile(path) => format!("{} is dropped", shown(path)),
            Self::RestoreFile { path, .. } => format!("{} becomes as it was", shown(path)),
            Self::RestoreRole { role, .. } => format!("{}: the role becomes as it was", role.name),
            Self::AddRole { role, threshold, .. } => format!("{role}: a new role, threshold {threshold}"),
            Self::RemoveRole(role) => format!("{role}: the role is gone"),
            Self::AddKey { role, key: added } => format!("{role}: add {}", key(&added.id())),
            Self::RemoveKey { role, keyid } => format!("{role}: remove {}", key(keyid)),
            Self::Other(what) => what.clone(),
        }
    }
}

/// `old` with `changes` made, one after the other. A change of something that is not there changes nothing;
/// [`draft_is_the_change`] refuses such a draft.
pub fn amend(old: &Targets, changes: &[TargetsChange]) -> Targets {
    let mut targets = old.clone();
    for change in changes {
        apply(&mut targets, change);
    }
    targets
}

fn apply(targets: &mut Targets, change: &TargetsChange) {
    let delegations = targets.delegations.get_or_insert_default();
    match change {
        TargetsChange::SetVersion(version) => targets.version = *version,
        TargetsChange::SetExpires(expires) => targets.expires = *expires,
        TargetsChange::DropFile(path) => drop(targets.targets.remove(path)),
        TargetsChange::RestoreFile { path, file } => drop(targets.targets.insert(path.clone(), file.clone())),
        TargetsChange::RestoreRole { role, keys } => {
            // The order of the roles is that in which clients ask them: what is there keeps its place.
            match find(delegations, &role.name) {
                Some(there) => *there = role.clone(),
                None => delegations.roles.push(role.clone()),
            }
            drop_unnamed(delegations);
            delegations.keys.extend(role.role.keyids.iter().cloned().zip(keys.iter().cloned()));
        }
        TargetsChange::AddRole { role, threshold, paths } => {
            if find(delegations, role).is_none() {
                delegations.roles.push(DelegatedRole {
                    name: role.clone(),
                    role: Role { threshold: *threshold, ..Role::default() },
                    paths: Some(Paths::Patterns(paths.clone())),
                    terminating: None,
                });
            }
        }
        TargetsChange::RemoveRole(role) => {
            delegations.roles.retain(|delegated| delegated.name != *role);
            drop_unnamed(delegations);
        }
        TargetsChange::AddKey { role, key } => {
            if let Some(delegated) = find(delegations, role) {
                if !delegated.role.keyids.contains(&key.id()) {
                    delegated.role.keyids.push(key.id());
                }
                delegations.keys.insert(key.id(), key.clone());
            }
        }
        TargetsChange::RemoveKey { role, keyid } => {
            if let Some(delegated) = find(delegations, role) {
                delegated.role.keyids.retain(|listed| listed != keyid);
                drop_unnamed(delegations);
            }
        }
        TargetsChange::Other(_) => {}
    }
}

fn find<'a>(delegations: &'a mut Delegations, role: &RoleName) -> Option<&'a mut DelegatedRole> {
    delegations.roles.iter_mut().find(|delegated| delegated.name == *role)
}

fn drop_unnamed(delegations: &mut Delegations) {
    let named: BTreeSet<&KeyId> = delegations.roles.iter().flat_map(|delegated| &delegated.role.keyids).collect();
    delegations.keys.retain(|keyid, _| named.contains(keyid));
}

/// The changes that make `new` of `old`.
pub fn diff(old: &Targets, new: &Targets) -> Vec<TargetsChange> {
    let mut changes = vec![];
    if old.version != new.version {
        changes.push(TargetsChange::SetVersion(new.version));
    }
    if old.expires != new.expires {
        changes.push(TargetsChange::SetExpires(new.expires));
    }
    for path in old.targets.keys().filter(|path| !new.targets.contains_key(*path)) {
        changes.push(TargetsChange::DropFile(path.clone()));
    }
    for (path, file) in new.targets.iter().filter(|(path, file)| old.targets.get(*path) != Some(file)) {
        changes.push(TargetsChange::RestoreFile { path: path.clone(), file: file.clone() });
    }
    let blank = Delegations::default();
    let (before, after) = (old.delegations.as_ref().unwrap_or(&blank), new.delegations.as_ref().unwrap_or(&blank));
    diff_delegations(before, after, &mut changes);
    if old.extra != new.extra || old.spec_version != new.spec_version {
        changes.push(TargetsChange::Other("members outside files and delegations differ".into()));
    }
    changes
}

fn diff_delegations(before: &Delegations, after: &Delegations, changes: &mut Vec<TargetsChange>) {
    let role_of = |delegations: &Delegations, name: &RoleName| {
        delegations.roles.iter().find(|delegated| delegated.name == *name).cloned()
    };
    for delegated in before.roles.iter().filter(|delegated| role_of(after, &delegated.name).is_none()) {
        changes.push(TargetsChange::RemoveRole(delegated.name.clone()));
    }
    for delegated in &after.roles {
        let name = &delegated.name;
        let old = role_of(before, name);
        if let Some(old) = &old {
            let rest = |role: &DelegatedRole| {
                (role.role.threshold, role.paths.clone(), role.terminating, role.role.extra.clone())
            };
            if rest(old) != rest(delegated) {
                changes.push(TargetsChange::Other(format!("{name}: threshold, paths or other members differ")));
            }
        } else {
            let paths = match &delegated.paths {
                Some(Paths::Patterns(paths)) => paths.clone(),
                _ => vec![],
            };
            changes.push(TargetsChange::AddRole { role: name.clone(), threshold: delegated.role.threshold, paths });
        }
        let listed = old.map(|old| old.role.keyids).unwrap_or_default();
        for keyid in listed.iter().filter(|keyid| !delegated.role.keyids.contains(keyid)) {
            changes.push(TargetsChange::RemoveKey { role: name.clone(), keyid: keyid.clone() });
        }
        for keyid in delegated.role.keyids.iter().filter(|keyid| !listed.contains(keyid)) {
            changes.push(match after.keys.get(keyid) {
                Some(key) => TargetsChange::AddKey { role: name.clone(), key: key.clone() },
                None => TargetsChange::Other(format!("{name}: names keyid {} without its key", keyid.short())),
            });
        }
    }
    if before.succinct != after.succinct || before.extra != after.extra {
        changes.push(TargetsChange::Other("bins or other members of the delegations differ".into()));
    }
}

/// `DRAFT-IS-THE-CHANGE`, for targets: the difference between `old` and `draft` is that between `old` and `old` with `changes`
/// made, and holds nothing that this program does not write.
///
/// # Errors
/// The first difference that is missing, or that nobody asked for.
pub fn draft_is_the_change(old: &Targets, draft: &Targets, changes: &[TargetsChange]) -> Result<Passed, Refusal> {
    let nobody = |_: &KeyId| None;
    let (found, changes) = (diff(old, draft), diff(old, &amend(old, changes)));
    let refuse = |what: String| {
        Err(Refusal::new(Rule::DraftIsTheChange, what, "Mend the change that the script asks for, and draft again."))
    };
    if let Some(missing) = changes.iter().find(|change| !found.contains(change)) {
        let words = missing.words(&nobody);
        return refuse(format!("The targets draft does not bring what was asked for, or it was so before: {words}."));
    }
    let known = |change: &&TargetsChange| changes.contains(change) && !matches!(change, TargetsChange::Other(_));
    if let Some(surplus) = found.iter().find(|change| !known(change)) {
        return refuse(format!("The targets draft brings what nobody asked for: {}.", surplus.words(&nobody)));
    }
    Ok(Passed::new(Rule::DraftIsTheChange, format!("{} changes of targets", found.len())))
}
