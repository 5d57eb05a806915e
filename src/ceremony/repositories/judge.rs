//! What a thief may have changed: tags and delegations that are not as they were in the last collection from before a compromise.
//! Notary's targets carry no dates, so nothing else tells.

use std::collections::BTreeSet;

use super::pack::Inputs;
use crate::tuf::{
    Dialect, Key,
    role::RoleName,
    signed::Untrusted,
    targets::{DelegatedRole, Delegations, TargetFile, Targets},
    targets_change::TargetsChange,
};

/// How a delegation is called among tags. A name in Docker's sense cannot begin so; one of Notary may.
const DELEGATION: &str = "delegation ";

/// Tags and delegations that are not as they were, in order; all of them where `before` is `None`.
pub fn changed(now: &Targets, before: Option<&Targets>) -> Vec<String> {
    let nothing = Targets { targets: Default::default(), delegations: None, ..now.clone() };
    let before = before.unwrap_or(&nothing);
    let tags: BTreeSet<&String> = now.targets.keys().chain(before.targets.keys()).collect();
    let tags = tags.into_iter().filter(|tag| now.targets.get(*tag) != before.targets.get(*tag)).cloned();
    let (old, new) = (roles(before), roles(now));
    let names: BTreeSet<RoleName> = old.iter().chain(new).map(|role| role.name.clone()).collect();
    let delegations = names.into_iter().filter(|name| whole(now, name) != whole(before, name));
    tags.chain(delegations.map(|name| format!("{DELEGATION}{}", name.as_str()))).collect()
}

fn roles(targets: &Targets) -> &[DelegatedRole] {
    targets.delegations.as_ref().map(|delegations| delegations.roles.as_slice()).unwrap_or_default()
}

/// A delegation with its keys, apart from how their ids are written.
fn whole(targets: &Targets, name: &RoleName) -> Option<(DelegatedRole, Vec<Key>)> {
    let blank = Delegations::default();
    let delegations = targets.delegations.as_ref().unwrap_or(&blank);
    let role = delegations.roles.iter().find(|role| role.name == *name)?;
    Some((role.clone(), role.role.keyids.iter().filter_map(|keyid| delegations.keys.get(keyid)).cloned().collect()))
}

/// The targets from before a compromise, where they were collected and can be read.
pub fn before(dialect: Dialect, inputs: &Inputs) -> Option<Targets> {
    let bytes = inputs.before.get("targets.json")?.as_bytes();
    Untrusted::<Targets>::parse(dialect, bytes).ok().map(|targets| targets.document().clone())
}

/// The changes by which what is called `what` becomes as it was. Where a thief gave a tag the name that a delegation has here, both do.
pub fn back(now: &Targets, before: Option<&Targets>, what: &str) -> Vec<TargetsChange> {
    let was: Option<&TargetFile> = before.and_then(|before| before.targets.get(what));
    let mut changes: Vec<TargetsChange> = match was {
        Some(file) => vec![TargetsChange::RestoreFile { path: what.to_owned(), file: file.clone() }],
        None if now.targets.contains_key(what) => vec![TargetsChange::DropFile(what.to_owned())],
        None => vec![],
    };
    let Some(name) = what.strip_prefix(DELEGATION).map(RoleName::from) else { return changes };
    match before.and_then(|before| whole(before, &name)) {
        Some((role, keys)) => changes.push(TargetsChange::RestoreRole { role, keys }),
        None if whole(now, &name).is_some() => changes.push(TargetsChange::RemoveRole(name)),
        None => {}
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        tuf::{PublicKey, targets::Paths, targets_change::amend},
        utc::Utc,
    };

    fn key(seed: u8) -> Key {
        let public = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
        Dialect::Notary.key(&PublicKey::Ed25519(public)).expect("a key")
    }

    fn targets(tags: &[(&str, u64)], roles: &[(&str, &[u8], &str)]) -> Targets {
        let file = |length| TargetFile { length, hashes: Default::default(), extra: Default::default() };
        let mut delegations = Delegations::default();
        for (name, keys, path) in roles {
            let keys: Vec<Key> = keys.iter().map(|seed| key(*seed)).collect();
            let keyids = keys.iter().map(Key::id).collect();
            delegations.roles.push(DelegatedRole {
                name: RoleName::from(*name),
                role: crate::tuf::role::Role { keyids, threshold: 1, ..Default::default() },
                paths: Some(Paths::Patterns(vec![(*path).to_owned()])),
                terminating: None,
            });
            delegations.keys.extend(keys.into_iter().map(|key| (key.id(), key)));
        }
        Targets {
            spec_version: None,
            version: 1,
            expires: Utc::EPOCH,
            targets: tags.iter().map(|(name, length)| ((*name).to_owned(), file(*length))).collect(),
            delegations: Some(delegations),
            extra: Default::default(),
        }
    }

    const RELEASES: &str = "targets/releases";

    #[test]
    fn whatever_is_not_as_it_was_is_told_and_goes_back() {
        let before = targets(&[("v1", 1), ("v2", 2)], &[(RELEASES, &[1], ""), ("targets/alice", &[1], "")]);
        let evil: &[(&str, Targets, &[&str])] = &[
            (
                "a tag was moved",
                targets(&[("v1", 9), ("v2", 2)], &[(RELEASES, &[1], ""), ("targets/alice", &[1], "")]),
                &["v1"],
            ),
            (
                "one came, one went",
                targets(&[("v1", 1), ("v3", 3)], &[(RELEASES, &[1], ""), ("targets/alice", &[1], "")]),
                &["v2", "v3"],
            ),
            (
                "a key came in",
                targets(&[("v1", 1), ("v2", 2)], &[(RELEASES, &[1, 6], ""), ("targets/alice", &[1], "")]),
                &["delegation targets/releases"],
            ),
            (
                "other paths, a role that went and one that came",
                targets(&[("v1", 1), ("v2", 2)], &[(RELEASES, &[1], "v"), ("targets/evil", &[6], "")]),
                &["delegation targets/alice", "delegation targets/evil", "delegation targets/releases"],
            ),
            (
                "a tag that is called as a delegation is here",
                targets(
                    &[("v1", 1), ("v2", 2), ("delegation targets/none", 6), ("delegation targets/releases", 6)],
                    &[(RELEASES, &[6], ""), ("targets/alice", &[1], "")],
                ),
                &["delegation targets/none", "delegation targets/releases", "delegation targets/releases"],
            ),
        ];
        for (about, now, expected) in evil {
            let told = changed(now, Some(&before));
            assert_eq!(told, *expected, "{about}");
            let changes: Vec<_> = told.iter().flat_map(|what| back(now, Some(&before), what)).collect();
            let after = amend(now, &changes);
            assert_eq!(changed(&after, Some(&before)), Vec::<String>::new(), "{about}");
            assert_eq!(after.delegations.map(|it| it.keys), before.delegations.clone().map(|it| it.keys), "{about}");
        }
        assert_eq!(changed(&before, Some(&before)), Vec::<String>::new());
    }

    #[test]
    fn where_nothing_is_known_from_before_everything_is_told_and_goes() {
        let now = targets(&[("v1", 1)], &[(RELEASES, &[1], "")]);
        let told = changed(&now, None);
        assert_eq!(told, ["v1", "delegation targets/releases"]);
        let changes: Vec<_> = told.iter().flat_map(|what| back(&now, None, what)).collect();
        assert_eq!(amend(&now, &changes), targets(&[], &[]));
    }
}
