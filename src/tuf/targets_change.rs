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
    /// A delegated role becomes this one, in the place where it is, or last.
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
            Self::RestoreRole { role, .. } => {
                format!("{}: the role becomes as it was, threshold {}", role.name, role.role.threshold)
            }
            Self::AddRole { role, threshold, .. } => format!("{role}: a new role, threshold {threshold}"),
            Self::RemoveRole(role) => format!("{role}: the role is gone"),
            Self::AddKey { role, key: added } => format!("{role}: add {}", key(&added.id())),
            Self::RemoveKey { role, keyid } => format!("{role}: remove {}", key(keyid)),
            Self::Other(what) => what.clone(),
        }
    }
}

/// `old` with `changes` made, one after the other; where roles change, keys that none of them names go. A change of something that
/// is not there changes nothing; [`draft_is_the_change`] refuses such a draft.
pub fn amend(old: &Targets, changes: &[TargetsChange]) -> Targets {
    let mut targets = old.clone();
    for change in changes {
        apply(&mut targets, change);
    }
    // The order of keyids has no meaning; that of roles is the order in which clients ask them.
    let roles = |targets: &Targets| -> Vec<DelegatedRole> {
        let mut roles = targets.delegations.clone().unwrap_or_default().roles;
        roles.iter_mut().for_each(|delegated| delegated.role.keyids.sort());
        roles
    };
    if roles(old) != roles(&targets)
        && let Some(delegations) = &mut targets.delegations
    {
        drop_unnamed(delegations);
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
    let so_far = amend(old, &changes).delegations.map(|delegations| delegations.keys).unwrap_or_default();
    if so_far != after.keys {
        changes.push(TargetsChange::Other("keys that no role names differ".into()));
    }
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
        diff_role(role_of(before, &delegated.name).as_ref(), delegated, after, changes);
    }
    let names = |delegations: &Delegations| -> Vec<RoleName> {
        delegations.roles.iter().map(|delegated| delegated.name.clone()).collect()
    };
    let (was, is) = (names(before), names(after));
    let (stay, new): (Vec<_>, Vec<_>) = is.iter().partition(|name| was.contains(name));
    let stayed = was.iter().filter(|name| is.contains(name));
    if !stay.iter().chain(&new).copied().eq(&is) || !stay.iter().copied().eq(stayed) {
        changes.push(TargetsChange::Other("delegated roles stand in another order".into()));
    }
    if before.succinct != after.succinct || before.extra != after.extra {
        changes.push(TargetsChange::Other("bins or other members of the delegations differ".into()));
    }
}

/// What makes `new` of a delegated role of the same name, or of none.
fn diff_role(old: Option<&DelegatedRole>, new: &DelegatedRole, after: &Delegations, changes: &mut Vec<TargetsChange>) {
    let name = &new.name;
    let keys: Vec<Key> = new.role.keyids.iter().filter_map(|keyid| after.keys.get(keyid)).cloned().collect();
    if keys.len() < new.role.keyids.len() {
        changes.push(TargetsChange::Other(format!("{name}: names keyids without their keys")));
        return;
    }
    let rest =
        |role: &DelegatedRole| (role.role.threshold, role.paths.clone(), role.terminating, role.role.extra.clone());
    let listed = match (old, &new.paths) {
        (Some(old), _) if rest(old) == rest(new) => old.role.keyids.as_slice(),
        (None, Some(Paths::Patterns(paths))) if new.terminating.is_none() && new.role.extra.is_empty() => {
            let (threshold, paths) = (new.role.threshold, paths.clone());
            changes.push(TargetsChange::AddRole { role: name.clone(), threshold, paths });
            &[]
        }
        _ => {
            changes.push(TargetsChange::RestoreRole { role: new.clone(), keys });
            return;
        }
    };
    for keyid in listed.iter().filter(|keyid| !new.role.keyids.contains(keyid)) {
        changes.push(TargetsChange::RemoveKey { role: name.clone(), keyid: keyid.clone() });
    }
    for (keyid, key) in new.role.keyids.iter().zip(keys).filter(|(keyid, _)| !listed.contains(keyid)) {
        changes.push(match key.id() == *keyid {
            true => TargetsChange::AddKey { role: name.clone(), key },
            false => {
                TargetsChange::Other(format!("{name}: names a key by another keyid than its own, {}", keyid.short()))
            }
        });
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeMap, sync::LazyLock};

    use crate::tuf::{Dialect, PublicKey};

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
            (0..8).filter_map(|seed| Dialect::Notary.key(&PublicKey::Ed25519(public(seed)))).collect()
        });
        KEYS[number as usize].clone()
    }

    fn name(dice: &mut Dice) -> RoleName {
        RoleName::from(["targets/releases", "targets/alice", "targets/bob"][dice.roll(3) as usize])
    }

    fn file(dice: &mut Dice) -> TargetFile {
        TargetFile { length: dice.roll(3), hashes: BTreeMap::new(), extra: Default::default() }
    }

    fn role(dice: &mut Dice, name: RoleName) -> (DelegatedRole, Vec<Key>) {
        let keys: Vec<Key> = (0..6).filter(|_| dice.roll(3) == 0).map(key).collect();
        let keyids = keys.iter().map(Key::id).collect();
        let paths = [None, Some(Paths::Patterns(vec![String::new()])), Some(Paths::Patterns(vec!["v".into()]))];
        let role = DelegatedRole {
            name,
            role: Role { keyids, threshold: 1 + dice.roll(2), ..Role::default() },
            paths: paths[dice.roll(3) as usize].clone(),
            terminating: None,
        };
        (role, keys)
    }

    fn tag(dice: &mut Dice) -> String {
        format!("v{}", dice.roll(3))
    }

    fn any(dice: &mut Dice) -> Targets {
        let mut delegations = Delegations::default();
        for name in ["targets/bob", "targets/releases", "targets/alice"] {
            if dice.roll(2) == 0 {
                let (role, keys) = role(dice, RoleName::from(name));
                delegations.roles.push(role);
                delegations.keys.extend(keys.into_iter().map(|key| (key.id(), key)));
            }
        }
        if dice.roll(4) == 0 {
            delegations.keys.insert(key(7).id(), key(7));
        }
        Targets {
            spec_version: None,
            version: dice.roll(3),
            expires: Utc::from_seconds(dice.roll(3) as i64).expect("an instant"),
            targets: (0..dice.roll(4)).map(|_| (tag(dice), file(dice))).collect(),
            delegations: (dice.roll(4) > 0).then_some(delegations),
            extra: Default::default(),
        }
    }

    fn change(dice: &mut Dice) -> TargetsChange {
        let role_name = name(dice);
        let of = key(dice.roll(6));
        match dice.roll(9) {
            0 => TargetsChange::SetVersion(dice.roll(3)),
            1 => TargetsChange::SetExpires(Utc::from_seconds(dice.roll(3) as i64).expect("an instant")),
            2 => TargetsChange::DropFile(tag(dice)),
            3 => TargetsChange::RestoreFile { path: tag(dice), file: file(dice) },
            4 => {
                let (role, keys) = role(dice, role_name);
                TargetsChange::RestoreRole { role, keys }
            }
            5 => TargetsChange::AddRole { role: role_name, threshold: 1, paths: vec![String::new()] },
            6 => TargetsChange::RemoveRole(role_name),
            7 => TargetsChange::AddKey { role: role_name, key: of },
            _ => TargetsChange::RemoveKey { role: role_name, keyid: of.id() },
        }
    }

    /// The same, apart from what has no meaning: the order of keyids, and delegations of nothing.
    fn plain(targets: &Targets) -> Targets {
        let mut plain = targets.clone();
        let delegations = plain.delegations.get_or_insert_default();
        delegations.roles.iter_mut().for_each(|delegated| delegated.role.keyids.sort());
        plain
    }

    fn is_whole(changes: &[TargetsChange]) -> bool {
        !changes.iter().any(|change| matches!(change, TargetsChange::Other(_)))
    }

    #[test]
    fn the_difference_between_any_two_makes_one_of_the_other_or_says_that_it_cannot() {
        let mut dice = Dice(1);
        let mut told = 0;
        for _ in 0..3000 {
            let (old, new) = (any(&mut dice), any(&mut dice));
            let found = diff(&old, &new);
            assert_eq!(found.is_empty(), plain(&old) == plain(&new));
            if is_whole(&found) {
                assert_eq!(plain(&amend(&old, &found)), plain(&new), "{found:#?}");
                told += 1;
            }
        }
        assert!((1000..3000).contains(&told), "{told}");
    }

    #[test]
    fn whatever_changes_make_is_found_again_as_changes_that_make_it() {
        let mut dice = Dice(2);
        let mut told = 0;
        for _ in 0..3000 {
            let old = any(&mut dice);
            let wanted: Vec<_> = (0..dice.roll(6)).map(|_| change(&mut dice)).collect();
            let new = amend(&old, &wanted);
            let found = diff(&old, &new);
            // A role that goes and comes again stands last, and nothing that this program writes moves it.
            let moves = wanted.iter().any(|change| matches!(change, TargetsChange::RemoveRole(_)));
            assert!(is_whole(&found) || moves, "{wanted:#?} {found:#?}");
            if is_whole(&found) {
                assert_eq!(plain(&amend(&old, &found)), plain(&new), "{wanted:#?} {found:#?}");
                assert!(draft_is_the_change(&old, &new, &wanted).is_ok());
                told += 1;
            }
        }
        assert!(told > 2500, "{told}");
    }

    #[test]
    fn a_draft_that_brings_more_or_less_than_was_asked_for_is_refused() {
        let mut dice = Dice(3);
        let mut refused = 0;
        for _ in 0..2000 {
            let old = any(&mut dice);
            let wanted: Vec<_> = (0..dice.roll(4)).map(|_| change(&mut dice)).collect();
            let draft = amend(&old, &[wanted.clone(), vec![change(&mut dice)]].concat());
            let differs = plain(&draft) != plain(&amend(&old, &wanted));
            let verdict = draft_is_the_change(&old, &draft, &wanted);
            if differs {
                assert_eq!(verdict.map_err(|refusal| refusal.rule), Err(Rule::DraftIsTheChange));
                refused += 1;
            }
        }
        assert!(refused > 500, "{refused}");
    }

    #[test]
    fn a_key_goes_with_the_last_role_that_names_it_and_a_role_that_comes_back_keeps_its_place() {
        let mut dice = Dice(4);
        let named = |name: &str| RoleName::from(name);
        let mut old = Targets { delegations: Some(Delegations::default()), ..any(&mut dice) };
        for (role, numbers) in [("targets/releases", [1, 2]), ("targets/alice", [1, 1])] {
            let add = TargetsChange::AddRole { role: named(role), threshold: 1, paths: vec![String::new()] };
            let keys = numbers.map(|number| TargetsChange::AddKey { role: named(role), key: key(number) });
            old = amend(&old, &[vec![add], keys.to_vec()].concat());
        }
        let keys = |targets: &Targets| targets.delegations.clone().expect("it has some").keys.len();
        assert_eq!(keys(&old), 2);
        let once = TargetsChange::RemoveKey { role: named("targets/alice"), keyid: key(1).id() };
        let less = amend(&old, std::slice::from_ref(&once));
        assert_eq!(keys(&less), 2, "the releases still name it");
        let twice = TargetsChange::RemoveKey { role: named("targets/releases"), keyid: key(1).id() };
        assert_eq!(keys(&amend(&old, &[once, twice])), 1);

        let delegations = old.delegations.clone().expect("it has some");
        let role = delegations.roles[0].clone();
        let paths = Some(Paths::Patterns(vec!["evil".into()]));
        let mut stolen = old.clone();
        stolen.delegations.get_or_insert_default().roles[0].paths = paths;
        let back = TargetsChange::RestoreRole { role, keys: vec![key(1), key(2)] };
        assert_eq!(amend(&stolen, std::slice::from_ref(&back)), old);
        assert_eq!(diff(&stolen, &old), [back]);
    }
}
