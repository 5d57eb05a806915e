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
    changes.extend(diff_members(&old.extra, &new.extra).into_iter().map(|(name, value)| match value {
        Some(value) => RootChange::SetMember { name, value },
        None => RootChange::RemoveMember { name },
    }));
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
    let role = name;
    changes.extend(diff_members(&before.extra, &new.extra).into_iter().map(|(name, value)| match value {
        Some(value) => RootChange::SetRoleMember { role: role.clone(), name, value },
        None => RootChange::RemoveRoleMember { role: role.clone(), name },
    }));
}

/// What happened to the list of keys beyond what the changes of the roles bring about.
fn diff_keys(old: &Root, new: &Root, changes: &mut Vec<RootChange>) {
    let so_far = super::amend(old, changes);
    for (keyid, key) in &new.keys {
        if so_far.keys.get(keyid) != Some(key) {
            changes.push(RootChange::ListKey { keyid: keyid.clone(), key: key.clone() });
        }
    }
    for keyid in so_far.keys.keys().filter(|keyid| !new.keys.contains_key(keyid)) {
        changes.push(RootChange::UnlistKey { keyid: keyid.clone() });
    }
}

fn diff_members(old: &Members, new: &Members) -> Vec<(String, Option<Value>)> {
    let gone = old.keys().filter(|name| !new.contains_key(*name)).map(|name| (name.clone(), None));
    let set = new.iter().filter(|(name, value)| old.get(*name) != Some(value));
    gone.chain(set.map(|(name, value)| (name.clone(), Some(value.clone())))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    use crate::{
        tuf::{Dialect, Key, KeyId, Metadata, PublicKey, RoleName, amend},
        utc::Utc,
    };

    /// Numbers from a fixed seed.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % sides
        }
    }

    /// One of a few keys that are the same in every run.
    fn key(number: u64) -> Key {
        static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
            let public = |seed: u8| ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
            (0..40).filter_map(|seed| Dialect::Tuf1.key(&PublicKey::Ed25519(public(seed)))).collect()
        });
        KEYS[number as usize].clone()
    }

    fn change(dice: &mut Dice) -> RootChange {
        let role = match dice.roll(6) {
            0..4 => RoleName::TOP[dice.roll(4) as usize].clone(),
            _ => RoleName::Other(format!("other-{}", dice.roll(2))),
        };
        let key = key(dice.roll(6));
        let value = [Value::Int(dice.roll(2).into()), Value::Null][dice.roll(2) as usize].clone();
        match dice.roll(14) {
            0 => RootChange::SetVersion { version: dice.roll(3) },
            1 => RootChange::SetExpires { expires: Utc::from_seconds(dice.roll(3) as i64).expect("an instant") },
            2 | 3 => RootChange::SetThreshold { role, threshold: dice.roll(3) },
            4..7 => RootChange::add_key(role, key),
            7 | 8 => RootChange::RemoveKey { role, keyid: key.id() },
            9 => RootChange::SetConsistentSnapshot { value: [None, Some(true), Some(false)][dice.roll(3) as usize] },
            10 => RootChange::SetSpecVersion {
                spec_version: [None, Some("1.0.31".into())][dice.roll(2) as usize].clone(),
            },
            11 => RootChange::RemoveRole { role },
            12 => RootChange::SetRoleMember { role, name: "x-unknown".into(), value },
            _ => match dice.roll(6) {
                0 => RootChange::AddKeyid { role, keyid: key.id() },
                1 => RootChange::ListKey { keyid: key.id(), key },
                2 => RootChange::UnlistKey { keyid: key.id() },
                3 => RootChange::RemoveRoleMember { role, name: "x-unknown".into() },
                4 => RootChange::RemoveMember { name: "x-unknown".into() },
                _ => RootChange::SetMember { name: "x-unknown".into(), value },
            },
        }
    }

    fn any_root(dice: &mut Dice) -> Root {
        let changes: Vec<RootChange> = (0..dice.roll(30)).map(|_| change(dice)).collect();
        amend(&Root::blank(), &changes)
    }

    /// The order of keyids has no meaning.
    fn sorted(mut root: Root) -> Root {
        root.roles.values_mut().for_each(|role| role.keyids.sort());
        root
    }

    #[test]
    fn the_difference_of_any_two_roots_makes_the_one_of_the_other() {
        let mut dice = Dice(1);
        for _ in 0..3000 {
            let (old, new) = (any_root(&mut dice), any_root(&mut dice));
            let changes = diff(Some(&old), &new);
            let same_roles =
                RoleName::TOP.iter().all(|top| new.roles.contains_key(top) || !old.roles.contains_key(top));
            if same_roles {
                assert_eq!(sorted(amend(&old, &changes)), sorted(new), "{changes:#?}");
            }
        }
    }

    /// A change as a script would ask for it: of something that is there, to something that is new.
    fn asked_for(dice: &mut Dice, old: &Root) -> RootChange {
        let role = RoleName::TOP[dice.roll(4) as usize].clone();
        let listed: Vec<KeyId> = old.keys_of(&role).map(|(keyid, _)| keyid.clone()).collect();
        match dice.roll(6) {
            0 => RootChange::SetVersion { version: old.version + 1 },
            1 => RootChange::SetExpires { expires: old.expires.plus_days(1 + dice.roll(300) as i64) },
            2 => RootChange::SetThreshold { threshold: old.roles[&role].threshold + 1, role },
            3 if !listed.is_empty() => {
                RootChange::RemoveKey { keyid: listed[dice.roll(listed.len() as u64) as usize].clone(), role }
            }
            4 => {
                RootChange::SetConsistentSnapshot { value: old.consistent_snapshot.map(|value| !value).or(Some(true)) }
            }
            _ => RootChange::add_key(role, key(10 + dice.roll(30))),
        }
    }

    #[test]
    fn the_difference_that_changes_make_is_those_changes() {
        let mut dice = Dice(2);
        let (mut asked, mut shuffled) = (0, 0);
        for _ in 0..2000 {
            let mut old = any_root(&mut dice);
            RoleName::TOP.into_iter().for_each(|top| _ = old.roles.entry(top).or_default());
            let wanted: Vec<RootChange> = (0..dice.roll(6)).map(|_| asked_for(&mut dice, &old)).collect();
            let in_order = in_order(&wanted);
            asked += wanted.len();
            shuffled += usize::from(in_order != wanted);
            assert_eq!(diff(Some(&old), &amend(&old, &wanted)), in_order);
            assert_eq!(normalised(&old, &wanted), in_order);
            assert_eq!(normalised(&old, &in_order), in_order);
        }
        assert!(asked > 2000 && shuffled > 200, "{asked} {shuffled}");
    }

    #[test]
    fn changes_and_roots_come_back_from_json() {
        let mut dice = Dice(3);
        for _ in 0..300 {
            let changes: Vec<RootChange> = (0..10).map(|_| change(&mut dice)).collect();
            let text = serde_json::to_string(&changes).expect("changes serialise");
            assert_eq!(serde_json::from_str::<Vec<RootChange>>(&text).expect("and come back"), changes);
        }
        let root = amend(
            &Root::blank(),
            &[
                RootChange::SetVersion { version: 1 },
                RootChange::SetSpecVersion { spec_version: Some("1.0.31".into()) },
                RootChange::SetThreshold { role: RoleName::Root, threshold: 1 },
                RootChange::SetThreshold { role: RoleName::Targets, threshold: 1 },
                RootChange::SetThreshold { role: RoleName::Snapshot, threshold: 1 },
                RootChange::SetThreshold { role: RoleName::Timestamp, threshold: 1 },
                RootChange::add_key(RoleName::Root, key(1)),
                RootChange::SetMember { name: "x-unknown".into(), value: Value::Null },
            ],
        );
        assert_eq!(Root::from_value(Dialect::Tuf1, root.to_value(Dialect::Tuf1)), Ok(root));
    }
}
