//! What is to change in a root, as values that a script can hold, a draft can be made of and people can read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    json::Value,
    key::{Key, KeyId},
    role::{Role, RoleName},
    root::Root,
};
use crate::{text::shown, utc::Utc};

/// One change from an old root to a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RootChange {
    /// The version becomes this one.
    SetVersion {
        /// The new version.
        version: u64,
    },
    /// The expiry becomes this instant.
    SetExpires {
        /// The new expiry.
        expires: Utc,
    },
    /// How many keys must sign for a role; makes a role that was not there.
    SetThreshold {
        /// Which role.
        role: RoleName,
        /// How many different keys.
        threshold: u64,
    },
    /// A role names one more key.
    AddKey {
        /// Which role.
        role: RoleName,
        /// The keyid under which the root has the key.
        keyid: KeyId,
        /// The key.
        key: Key,
    },
    /// A role no longer names a key; the key itself goes once no role names it.
    RemoveKey {
        /// Which role.
        role: RoleName,
        /// Which key.
        keyid: KeyId,
    },
    /// Whether file names carry versions and hashes.
    SetConsistentSnapshot {
        /// The new value; `None` leaves it out.
        value: Option<bool>,
    },
    /// The specification that is named.
    SetSpecVersion {
        /// The new value; `None` leaves it out.
        spec_version: Option<String>,
    },
    /// A role is no longer there. Only roles beyond the four of every root can go.
    RemoveRole {
        /// Which role.
        role: RoleName,
    },
    /// A role names a keyid without the root having its key. Nobody should write that; it can be read.
    AddKeyid {
        /// Which role.
        role: RoleName,
        /// Which keyid.
        keyid: KeyId,
    },
    /// The list of keys has this key, apart from what roles name.
    ListKey {
        /// Under which keyid.
        keyid: KeyId,
        /// The key.
        key: Key,
    },
    /// The list of keys has no key under this keyid, apart from what roles name.
    UnlistKey {
        /// Which keyid.
        keyid: KeyId,
    },
    /// A member of a role that the specification does not know.
    SetRoleMember {
        /// Which role.
        role: RoleName,
        /// Its name.
        name: String,
        /// The new value.
        value: Value,
    },
    /// A member of a role that the specification does not know is taken out.
    RemoveRoleMember {
        /// Which role.
        role: RoleName,
        /// Its name.
        name: String,
    },
    /// A member of the root that the specification does not know.
    SetMember {
        /// Its name.
        name: String,
        /// The new value.
        value: Value,
    },
    /// A member of the root that the specification does not know is taken out.
    RemoveMember {
        /// Its name.
        name: String,
    },
}

impl RootChange {
    /// `role` names `key`, under the keyid that is the hash of it.
    pub fn add_key(role: RoleName, key: Key) -> Self {
        Self::AddKey { role, keyid: key.id(), key }
    }

    /// The change in words. `names` knows whose key is whose, where anybody does.
    pub fn words(&self, names: &dyn Fn(&KeyId) -> Option<String>) -> String {
        self.words_from(&Root::blank(), names)
    }

    /// The change in words, with what `old` says now where that helps to read them.
    pub fn words_from(&self, old: &Root, names: &dyn Fn(&KeyId) -> Option<String>) -> String {
        let key = |keyid: &KeyId, key: Option<&Key>| {
            let kind = key.map(|key| format!(", {}", key.public().algorithm())).unwrap_or_default();
            let name = names(keyid).map(|name| format!(" ({})", shown(&name))).unwrap_or_default();
            format!("key {}…{kind}{name}", keyid.short())
        };
        let was = |text: Option<String>| text.map(|text| format!(" (was {text})")).unwrap_or_default();
        match self {
            Self::SetVersion { version } => {
                format!("version {version}{}", was((old.version > 0).then(|| old.version.to_string())))
            }
            Self::SetExpires { expires } => {
                format!("expires {expires}{}", was((old.version > 0).then(|| old.expires.to_string())))
            }
            Self::SetThreshold { role, threshold } => {
                let before = old.role(role).map(|role| role.threshold.to_string());
                format!("{role}: threshold {threshold}{}", was(before))
            }
            Self::AddKey { role, keyid, key: added } => format!("{role}: add {}", key(keyid, Some(added))),
            Self::RemoveKey { role, keyid } => format!("{role}: remove {}", key(keyid, old.keys.get(keyid))),
            Self::SetConsistentSnapshot { value } => match value {
                Some(true) => "consistent snapshots: yes".into(),
                Some(false) => "consistent snapshots: no".into(),
                None => "consistent snapshots: not said".into(),
            },
            Self::SetSpecVersion { spec_version } => {
                let before = was(old.spec_version.as_deref().map(shown));
                format!("specification {}{before}", spec_version.as_deref().map_or("not said".into(), shown))
            }
            Self::RemoveRole { role } => format!("{role}: the role is gone"),
            Self::AddKeyid { role, keyid } => format!("{role}: add keyid {} WITHOUT its key", keyid.short()),
            Self::ListKey { keyid, key: listed } => format!("list {}, apart from any role", key(keyid, Some(listed))),
            Self::UnlistKey { keyid } => format!("take {} off the list", key(keyid, old.keys.get(keyid))),
            Self::SetRoleMember { role, name, value } => format!("{role}: {}", member(name, Some(value))),
            Self::RemoveRoleMember { role, name } => format!("{role}: {}", member(name, None)),
            Self::SetMember { name, value } => member(name, Some(value)),
            Self::RemoveMember { name } => member(name, None),
        }
    }

    /// Which thing in a root the change is about. The order of slots is the order in which people read changes.
    fn slot(&self) -> Slot {
        match self {
            Self::SetVersion { .. } => Slot::Version,
            Self::SetExpires { .. } => Slot::Expires,
            Self::SetSpecVersion { .. } => Slot::SpecVersion,
            Self::SetConsistentSnapshot { .. } => Slot::ConsistentSnapshot,
            Self::SetThreshold { role, .. } => Slot::Role(role.clone(), RoleSlot::Threshold),
            Self::RemoveRole { role } => Slot::Role(role.clone(), RoleSlot::Gone),
            Self::RemoveKey { role, keyid } => Slot::Role(role.clone(), RoleSlot::Removed(keyid.clone())),
            Self::AddKey { role, keyid, .. } | Self::AddKeyid { role, keyid } => {
                Slot::Role(role.clone(), RoleSlot::Added(keyid.clone()))
            }
            Self::SetRoleMember { role, name, .. } | Self::RemoveRoleMember { role, name } => {
                Slot::Role(role.clone(), RoleSlot::Member(name.clone()))
            }
            Self::ListKey { keyid, .. } | Self::UnlistKey { keyid } => Slot::Key(keyid.clone()),
            Self::SetMember { name, .. } | Self::RemoveMember { name } => Slot::Member(name.clone()),
        }
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Version,
    Expires,
    SpecVersion,
    ConsistentSnapshot,
    Role(RoleName, RoleSlot),
    Key(KeyId),
    Member(String),
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum RoleSlot {
    Gone,
    Removed(KeyId),
    Added(KeyId),
    Threshold,
    Member(String),
}

/// The changes in the order in which people read them, the last of several about one thing standing for all.
pub fn in_order(changes: &[RootChange]) -> Vec<RootChange> {
    let by_slot: BTreeMap<Slot, &RootChange> = changes.iter().map(|change| (change.slot(), change)).collect();
    by_slot.into_values().cloned().collect()
}

/// `old` with `changes` made, one after the other. A change that cannot be made, such as removing a key that is not there,
/// changes nothing; [`super::authoring::draft_is_the_change`] refuses such a draft.
///
/// A key that no role names any more is taken off the list, unless it stood there unnamed before.
pub fn amend(old: &Root, changes: &[RootChange]) -> Root {
    let mut root = old.clone();
    for change in changes {
        apply(&mut root, change);
    }
    root
}

fn apply(root: &mut Root, change: &RootChange) {
    match change.clone() {
        RootChange::SetVersion { version } => root.version = version,
        RootChange::SetExpires { expires } => root.expires = expires,
        RootChange::SetConsistentSnapshot { value } => root.consistent_snapshot = value,
        RootChange::SetSpecVersion { spec_version } => root.spec_version = spec_version,
        RootChange::SetThreshold { role, threshold } => root.roles.entry(role).or_default().threshold = threshold,
        RootChange::AddKey { role, keyid, key } => {
            root.keys.insert(keyid.clone(), key);
            name_key(root, role, keyid);
        }
        RootChange::AddKeyid { role, keyid } => name_key(root, role, keyid),
        RootChange::RemoveKey { role, keyid } => {
            let Some(keyids) = root.roles.get_mut(&role).map(|role| &mut role.keyids) else { return };
            let before = keyids.len();
            keyids.retain(|listed| *listed != keyid);
            if keyids.len() < before {
                drop_unnamed(root, &[keyid]);
            }
        }
        RootChange::RemoveRole { role } => {
            if !RoleName::TOP.contains(&role)
                && let Some(gone) = root.roles.remove(&role)
            {
                drop_unnamed(root, &gone.keyids);
            }
        }
        RootChange::ListKey { keyid, key } => drop(root.keys.insert(keyid, key)),
        RootChange::UnlistKey { keyid } => drop(root.keys.remove(&keyid)),
        RootChange::SetRoleMember { role, name, value } => {
            if let Some(role) = root.roles.get_mut(&role) {
                role.extra.insert(name, value);
            }
        }
        RootChange::RemoveRoleMember { role, name } => {
            if let Some(role) = root.roles.get_mut(&role) {
                role.extra.remove(&name);
            }
        }
        RootChange::SetMember { name, value } => drop(root.extra.insert(name, value)),
        RootChange::RemoveMember { name } => drop(root.extra.remove(&name)),
    }
}

fn name_key(root: &mut Root, role: RoleName, keyid: KeyId) {
    let role: &mut Role = root.roles.entry(role).or_default();
    if !role.keyids.contains(&keyid) {
        role.keyids.push(keyid);
    }
}

fn drop_unnamed(root: &mut Root, keyids: &[KeyId]) {
    for keyid in keyids {
        if !root.roles.values().any(|role| role.keyids.contains(keyid)) {
            root.keys.remove(keyid);
        }
    }
}

fn member(name: &str, value: Option<&Value>) -> String {
    match value.map(|value| serde_json::to_string(value).unwrap_or_default()) {
        Some(value) => format!("member {} becomes {}", shown(name), shown(&value)),
        None => format!("member {} is taken out", shown(name)),
    }
}
