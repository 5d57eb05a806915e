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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        tuf::{Dialect, Key, PublicKey, targets_change::amend},
        utc::Utc,
    };

    fn key(seed: u8) -> Key {
        let public = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
        Dialect::Notary.key(&PublicKey::Ed25519(public)).expect("a key")
    }

    /// Alice and bob, both in the releases.
    fn today() -> Targets {
        let nothing = Targets {
            spec_version: None,
            version: 1,
            expires: Utc::EPOCH,
            targets: Default::default(),
            delegations: None,
            extra: Default::default(),
        };
        let role = |name: &str, threshold| TargetsChange::AddRole {
            role: RoleName::from(name),
            threshold,
            paths: vec![String::new()],
        };
        let of = |name: &str, seed| TargetsChange::AddKey { role: RoleName::from(name), key: key(seed) };
        amend(
            &nothing,
            &[
                role(RELEASES, 1),
                role("targets/alice", 1),
                role("targets/bob", 1),
                of(RELEASES, 1),
                of("targets/alice", 1),
                of(RELEASES, 2),
                of("targets/bob", 2),
            ],
        )
    }

    fn without(name: &str, seed: u8) -> TargetsChange {
        TargetsChange::RemoveKey { role: RoleName::from(name), keyid: key(seed).id() }
    }

    #[test]
    fn a_signer_who_goes_is_left_nowhere() {
        let old = today();
        let verdict = |changes: &[TargetsChange]| {
            gone(&old, &amend(&old, changes), changes).map(|passed| passed.rule).map_err(|refusal| refusal.rule)
        };
        let bob = TargetsChange::RemoveRole(RoleName::from("targets/bob"));
        assert_eq!(verdict(std::slice::from_ref(&bob)), Err(Rule::SignerGone), "still in the releases");
        assert_eq!(verdict(&[bob, without(RELEASES, 2)]), Ok(Rule::SignerGone));
        assert_eq!(verdict(&[without("targets/alice", 1)]), Err(Rule::SignerGone));
        assert_eq!(verdict(&[without("targets/alice", 1), without(RELEASES, 1)]), Ok(Rule::SignerGone));
        // A draft that keeps the key in the very role that it was taken from is no better.
        let changes = [without("targets/alice", 1), without(RELEASES, 1)];
        let refused = gone(&old, &old, &[without(RELEASES, 1)]).map(|_| ());
        assert_eq!(refused, Ok(()), "nothing was taken from anybody there");
        assert!(gone(&old, &amend(&old, &changes[..1]), &changes).is_err());
    }

    #[test]
    fn a_role_that_changes_keeps_as_many_keys_as_it_asks_for() {
        let old = today();
        let verdict =
            |changes: &[TargetsChange]| reachable(&amend(&old, changes), changes).map_err(|refusal| refusal.rule);
        assert_eq!(verdict(&[without(RELEASES, 1)]), Ok(()));
        assert_eq!(verdict(&[without(RELEASES, 1), without(RELEASES, 2)]), Err(Rule::ThresholdReachable));
        let two = TargetsChange::AddRole { role: RoleName::from("targets/dora"), threshold: 2, paths: vec![] };
        let dora = |seed| TargetsChange::AddKey { role: RoleName::from("targets/dora"), key: key(seed) };
        assert_eq!(verdict(&[two.clone(), dora(3)]), Err(Rule::ThresholdReachable));
        assert_eq!(verdict(&[two, dora(3), dora(4)]), Ok(()));
        // Somebody else's broken role is not this change's concern.
        assert_eq!(reachable(&old, &[]), Ok(()));
    }
}
