//! The difference between two roots, as the changes that make one of the other.

use super::{
    change::{RootChange, in_order},
    json::{Members, Value},
    role::{Role, RoleName},
    root::Root,
};

/// The changes that make `new` of `old`, in the order in which people read them. `None` stands for nothing at all: the
/// difference is then the whole of `new`.
///
/// [`super::amend`] is the other half: `diff(old, amend(old, changes))` is [`normalised`] `changes`. The order of keyids in a
/// role has no meaning and is no difference.
pub fn diff(old: Option<&Root>, new: &Root) -> Vec<RootChange> {
    let blank = Root::blank();
    let old = old.unwrap_or(&blank);
    let mut changes = vec![];
    if old.version != new.version {
        changes.push(RootChange::SetVersion { version: new.version });
    }
    if old.expires != new.expires {
        changes.push(RootChange::SetExpires { expires: new.expires });
    }
    if old.spec_version != new.spec_version {
        changes.push(RootChange::SetSpecVersion { spec_version: new.spec_version.clone() });
    }
    if old.consistent_snapshot != new.consistent_snapshot {
        changes.push(RootChange::SetConsistentSnapshot { value: new.consistent_snapshot });
    }
    for (name, role) in &new.roles {
        diff_role(name, old.role(name), role, new, &mut changes);
    }
    for name in old.roles.keys().filter(|name| !new.roles.contains_key(name)) {
        changes.push(RootChange::RemoveRole { role: name.clone() });
    }
    diff_keys(old, new, &mut changes);
    for (name, value) in diff_members(&old.extra, &new.extra) {
        changes.push(RootChange::SetMember { name, value });
    }
    in_order(&changes)
}

/// The changes that really change `old`: in the order in which people read them, with those left out that change nothing
/// or that a later one undoes.
pub fn normalised(old: &Root, changes: &[RootChange]) -> Vec<RootChange> {
    diff(Some(old), &super::amend(old, changes))
}

fn diff_role(name: &RoleName, old: Option<&Role>, new: &Role, root: &Root, changes: &mut Vec<RootChange>) {
    let blank = Role::default();
    let before = old.unwrap_or(&blank);
    if old.is_none() || before.threshold != new.threshold {
        changes.push(RootChange::SetThreshold { role: name.clone(), threshold: new.threshold });
    }
    for keyid in before.keyids.iter().filter(|keyid| !new.keyids.contains(keyid)) {
        changes.push(RootChange::RemoveKey { role: name.clone(), keyid: keyid.clone() });
    }
    for keyid in new.keyids.iter().filter(|keyid| !before.keyids.contains(keyid)) {
        let (role, keyid) = (name.clone(), keyid.clone());
        changes.push(match root.keys.get(&keyid).cloned() {
            Some(key) => RootChange::AddKey { role, keyid, key },
            None => RootChange::AddKeyid { role, keyid },
        });
    }
    for (member, value) in diff_members(&before.extra, &new.extra) {
        changes.push(RootChange::SetRoleMember { role: name.clone(), name: member, value });
    }
}

/// What happened to the list of keys beyond what the changes of the roles bring about.
fn diff_keys(old: &Root, new: &Root, changes: &mut Vec<RootChange>) {
    let so_far = super::amend(old, changes);
    for (keyid, key) in &new.keys {
        if so_far.keys.get(keyid) != Some(key) {
            changes.push(RootChange::SetKey { keyid: keyid.clone(), key: Some(key.clone()) });
        }
    }
    for keyid in so_far.keys.keys().filter(|keyid| !new.keys.contains_key(keyid)) {
        changes.push(RootChange::SetKey { keyid: keyid.clone(), key: None });
    }
}

fn diff_members(old: &Members, new: &Members) -> Vec<(String, Option<Value>)> {
    let gone = old.keys().filter(|name| !new.contains_key(*name)).map(|name| (name.clone(), None));
    let set = new.iter().filter(|(name, value)| old.get(*name) != Some(value));
    gone.chain(set.map(|(name, value)| (name.clone(), Some(value.clone())))).collect()
}
