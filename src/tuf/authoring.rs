//! The rules for what this program writes, stricter than those for what it reads.

use std::collections::BTreeMap;

use super::{
    change::{RootChange, amend, in_order},
    diff::diff,
    key::{Key, KeyId},
    role::{Role, RoleName},
    root::Root,
    verify::distinct_keys,
};
use crate::{
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    utc::Utc,
};

/// Asks one rule about something; what it saw, or why not.
pub type Answer = Result<Passed, Refusal>;

/// `KEYID-MATCHES-KEY`, for every key that a role of `root` names. Keys that `old` has under the same keyid are left as
/// they are: they were written by others, and renaming them would change who may sign.
///
/// # Errors
/// The first key whose keyid is not the hash of it.
pub fn keyids_match_keys(root: &Root, old: Option<&Root>) -> Answer {
    let taken_over = |keyid: &KeyId, key: &Key| old.is_some_and(|old| old.keys.get(keyid) == Some(key));
    for (keyid, key) in &root.keys {
        let id = key.id();
        if id != *keyid && !taken_over(keyid, key) {
            let what = format!("The key under keyid {keyid} has the keyid {id}.");
            return Err(Refusal::new(Rule::KeyidMatchesKey, what, format!("List it as {id}.")));
        }
    }
    Ok(Passed::new(Rule::KeyidMatchesKey, format!("{} keys", root.keys.len())))
}

/// `KEY-COUNTED-ONCE`, for what is written: no role names one public key under two keyids.
///
/// # Errors
/// The first role that does.
pub fn keys_counted_once(root: &Root) -> Answer {
    for name in root.roles.keys() {
        let mut seen: BTreeMap<Digest, &KeyId> = BTreeMap::new();
        for (keyid, key) in root.keys_of(name) {
            if let Some(other) = seen.insert(key.public().fingerprint(), keyid) {
                let what = format!("Role {name} names one public key under two keyids, {other} and {keyid}.");
                return Err(Refusal::new(Rule::KeyCountedOnce, what, "Remove one of the two from the role."));
            }
        }
    }
    Ok(Passed::new(Rule::KeyCountedOnce, "every role names every public key once"))
}

/// `THRESHOLD-REACHABLE`: every role names at least as many different public keys as its threshold.
///
/// # Errors
/// The first role that does not, or that has a threshold of 0.
pub fn thresholds_reachable(root: &Root) -> Answer {
    let mut seen = vec![];
    for name in RoleName::TOP.iter().chain(root.roles.keys().filter(|name| matches!(name, RoleName::Other(_)))) {
        let absent = Role::default();
        let role = root.role(name).unwrap_or(&absent);
        let keys = distinct_keys(role, &root.keys);
        if role.threshold == 0 || (keys as u64) < role.threshold {
            let what = format!("Role {name} has {keys} different keys and a threshold of {}.", role.threshold);
            let remedy = "Add keys to the role, or lower its threshold to what its keys can meet (at least 1).";
            return Err(Refusal::new(Rule::ThresholdReachable, what, remedy));
        }
        seen.push(format!("{name} {} of {keys}", role.threshold));
    }
    Ok(Passed::new(Rule::ThresholdReachable, seen.join(", ")))
}

/// `THRESHOLD-LEAVES-SPARE`: the root role survives the loss of one token.
///
/// # Errors
/// Where every root key must sign.
pub fn threshold_leaves_spare(root: &Root) -> Answer {
    let (threshold, keys) = root_threshold(root);
    leaves_spare(threshold, keys)
}

/// [`threshold_leaves_spare`] by numbers alone, for a script whose keys do not exist yet.
///
/// # Errors
/// Where every root key must sign.
pub fn leaves_spare(threshold: u64, keys: u64) -> Answer {
    if threshold < keys {
        return Ok(Passed::new(Rule::ThresholdLeavesSpare, format!("root {threshold} of {keys}")));
    }
    let what = format!("The root asks for {threshold} of {keys} keys: one lost token ends the repository.");
    Err(Refusal::new(
        Rule::ThresholdLeavesSpare,
        what,
        "Add a root key, or lower the threshold, or declare it in the script.",
    ))
}

/// `THRESHOLD-NEEDS-TWO`: nobody can sign a root alone.
///
/// # Errors
/// Where one key is enough.
pub fn threshold_needs_two(root: &Root) -> Answer {
    let (threshold, keys) = root_threshold(root);
    needs_two(threshold, keys)
}

/// [`threshold_needs_two`] by numbers alone, for a script whose keys do not exist yet.
///
/// # Errors
/// Where one key is enough.
pub fn needs_two(threshold: u64, keys: u64) -> Answer {
    if threshold >= 2 {
        return Ok(Passed::new(Rule::ThresholdNeedsTwo, format!("root {threshold} of {keys}")));
    }
    let what = format!("The root asks for {threshold} of {keys} keys: one person can sign alone.");
    Err(Refusal::new(
        Rule::ThresholdNeedsTwo,
        what,
        "Raise the threshold to two, or declare single control in the script.",
    ))
}

/// `EXPIRY-WINDOW`: the expiry that is written lies from `days.0` to `days.1` days after `now`, both included.
///
/// # Errors
/// Where it does not.
pub fn expiry_window(expires: Utc, now: Utc, days: (u32, u32)) -> Answer {
    let (earliest, latest) = (now.plus_days(days.0.into()), now.plus_days(days.1.into()));
    if (earliest..=latest).contains(&expires) {
        return Ok(Passed::new(Rule::ExpiryWindow, format!("{expires}, in {} days", now.days_until(expires))));
    }
    let what = format!(
        "The expiry {expires} is {} days after {now}; the script allows {} to {}.",
        now.days_until(expires),
        days.0,
        days.1
    );
    Err(Refusal::new(Rule::ExpiryWindow, what, format!("Choose an instant from {earliest} to {latest}.")))
}

/// `DRAFT-IS-THE-CHANGE`: `draft` is `old` with exactly `changes`, each of which changes something.
///
/// # Errors
/// The first change that is missing, or that nobody asked for.
pub fn draft_is_the_change(old: Option<&Root>, draft: &Root, changes: &[RootChange]) -> Answer {
    let blank = Root::blank();
    let base = old.unwrap_or(&blank);
    let nobody = |_: &KeyId| None;
    let wanted = in_order(changes);
    let found = diff(old, draft);
    let refuse = |what: String| {
        Err(Refusal::new(Rule::DraftIsTheChange, what, "Mend the change that the script asks for, and draft again."))
    };
    if let Some(missing) = wanted.iter().find(|change| !found.contains(change)) {
        let words = missing.words_from(base, &nobody);
        return refuse(format!("The draft does not bring what was asked for, or it was so before: {words}."));
    }
    if let Some(surplus) = found.iter().find(|change| !wanted.contains(change)) {
        return refuse(format!("The draft brings what nobody asked for: {}.", surplus.words_from(base, &nobody)));
    }
    if amend(base, changes) != *draft {
        return refuse("The draft orders its keys otherwise than the change does.".into());
    }
    Ok(Passed::new(Rule::DraftIsTheChange, format!("{} changes", found.len())))
}

/// `PREVIOUS-ROOT-PINNED`: the root that a ceremony builds on has the version and the SHA-256 that its script pins.
///
/// # Errors
/// Where either differs.
pub fn previous_root_pinned(bytes: &[u8], version: u64, pinned_version: u64, pinned_digest: Digest) -> Answer {
    let digest = Digest::of(bytes);
    if version == pinned_version && digest == pinned_digest {
        return Ok(Passed::new(Rule::PreviousRootPinned, format!("root {version}, SHA-256 {digest}")));
    }
    let what = format!(
        "The root given is version {version} with SHA-256 {digest}; the script pins version {pinned_version} with {pinned_digest}."
    );
    Err(Refusal::new(
        Rule::PreviousRootPinned,
        what,
        "Give the pinned root, or write and review a new script for this one.",
    ))
}

/// The rules for a root that is drafted, apart from those that a script may declare otherwise: keyids, keys counted once,
/// thresholds reachable.
///
/// # Errors
/// The first that says no.
pub fn root_rules(old: Option<&Root>, draft: &Root) -> Result<Vec<Passed>, Refusal> {
    Ok(vec![keyids_match_keys(draft, old)?, keys_counted_once(draft)?, thresholds_reachable(draft)?])
}

fn root_threshold(root: &Root) -> (u64, u64) {
    let absent = Role::default();
    let role = root.role(&RoleName::Root).unwrap_or(&absent);
    (role.threshold, distinct_keys(role, &root.keys) as u64)
}
