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

/// How a delegation is called among tags, which cannot begin so.
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

/// The changes by which what is called `what` becomes as it was.
pub fn back(now: &Targets, before: Option<&Targets>, what: &str) -> Vec<TargetsChange> {
    let Some(name) = what.strip_prefix(DELEGATION) else {
        let was: Option<&TargetFile> = before.and_then(|before| before.targets.get(what));
        return vec![match was {
            Some(file) => TargetsChange::RestoreFile { path: what.to_owned(), file: file.clone() },
            None => TargetsChange::DropFile(what.to_owned()),
        }];
    };
    let name = RoleName::from(name);
    match before.and_then(|before| whole(before, &name)) {
        Some((role, keys)) => vec![TargetsChange::RestoreRole { role, keys }],
        None if whole(now, &name).is_some() => vec![TargetsChange::RemoveRole(name)],
        None => vec![],
    }
}
