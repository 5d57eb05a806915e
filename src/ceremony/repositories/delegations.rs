//! What must hold of delegations that change: who goes is gone, and who stays can sign.

use std::collections::BTreeSet;

use super::changes::RELEASES;
use crate::{
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    tuf::{
        key::KeyId,
        role::RoleName,
        targets::{Delegations, Targets},
        targets_change::TargetsChange,
    },
};

/// `SIGNER-GONE`: a key that was taken from a role is nowhere in the delegations any more, unless another signer has it.
///
/// # Errors
/// Where it can still sign.
pub fn gone(old: &Targets, new: &Targets, changes: &[TargetsChange]) -> Result<Passed, Refusal> {
    let blank = Default::default();
    let (before, after) = (old.delegations.as_ref().unwrap_or(&blank), new.delegations.as_ref().unwrap_or(&blank));
    let roles = changes.iter().filter_map(|change| match change {
        TargetsChange::RemoveRole(role) | TargetsChange::RemoveKey { role, .. } => Some(role),
        _ => None,
    });
    for role in roles {
        let listed = |delegations: &Delegations| -> Vec<Digest> {
            let role = delegations.roles.iter().find(|known| known.name == *role);
            let keyids = role.map(|role| role.role.keyids.clone()).unwrap_or_default();
            keyids
                .iter()
                .filter_map(|keyid| delegations.keys.get(keyid))
                .map(|key| key.public().fingerprint())
                .collect()
        };
        let (was, is) = (listed(before), listed(after));
        for print in was.into_iter().filter(|print| !is.contains(print)) {
            let releases = RoleName::from(RELEASES);
            let still = after.roles.iter().find(|other| {
                let same = |keyid: &KeyId| after.keys.get(keyid).is_some_and(|key| key.public().fingerprint() == print);
                (other.name == releases || other.name == *role) && other.role.keyids.iter().any(same)
            });
            if let Some(still) = still {
                return Err(Refusal::new(
                    Rule::SignerGone,
                    format!("A key that is taken from {role} can still sign for {}.", still.name),
                    "Mend the script: a signer who goes has no key anywhere.",
                ));
            }
        }
    }
    Ok(Passed::new(Rule::SignerGone, "no key that was taken away is left in a delegation"))
}

/// `THRESHOLD-REACHABLE`, for every delegated role that changes.
///
/// # Errors
/// The first role with fewer keys than it asks for.
pub fn reachable(new: &Targets, changes: &[TargetsChange]) -> Result<(), Refusal> {
    let Some(delegations) = &new.delegations else { return Ok(()) };
    for role in &delegations.roles {
        let touched = changes.iter().any(|change| match change {
            TargetsChange::AddRole { role: name, .. }
            | TargetsChange::AddKey { role: name, .. }
            | TargetsChange::RemoveKey { role: name, .. } => *name == role.name,
            TargetsChange::RestoreRole { role: restored, .. } => restored.name == role.name,
            _ => false,
        });
        let keys = role.role.keyids.iter().filter_map(|keyid| delegations.keys.get(keyid));
        let keys: BTreeSet<Digest> = keys.map(|key| key.public().fingerprint()).collect();
        if touched && (keys.len() as u64) < role.role.threshold {
            return Err(Refusal::new(
                Rule::ThresholdReachable,
                format!("{} would have {} keys and a threshold of {}.", role.name, keys.len(), role.role.threshold),
                "Give the signer as many keys as the role asks for.",
            ));
        }
    }
    Ok(())
}
