//! What leaves for a Notary server in one upload, and how long it keeps working: rules that drafts are held to, and that the
//! prediction of clients asks too.

use std::collections::BTreeSet;

use super::{
    dialect::Dialect,
    key::{Key, KeyId},
    role::{Role, RoleName},
    root::Root,
    signed::Untrusted,
    targets::{Delegations, Targets},
    verify::{Verified, role_metadata, tally_of},
    walk::Files,
};
use crate::{
    rules::{Passed, Refusal, Rule},
    utc::Utc,
};

/// The folder of the files of delegated roles, beside `targets.json`.
const BELOW_TARGETS: &str = "targets/";

/// Takes out the files of delegated roles to which nothing delegates any more. A server keeps what it has; no client asks for it.
pub fn without_strays(dialect: Dialect, files: &mut Files) {
    let mut asked: Vec<RoleName> = vec![RoleName::Targets];
    let mut known: BTreeSet<String> = BTreeSet::new();
    while let Some(role) = asked.pop() {
        let name = dialect.file_name(&role, None);
        let Some(bytes) = files.get(&name).filter(|_| known.insert(name.clone())) else { continue };
        let Ok(targets) = Untrusted::<Targets>::parse(dialect, bytes.as_slice()) else { continue };
        let delegations = targets.document().delegations.iter().flat_map(|delegations| &delegations.roles);
        asked.extend(delegations.map(|delegated| delegated.name.clone()));
    }
    let stray = |name: &String| name.starts_with(BELOW_TARGETS) && !known.contains(name);
    if known.contains(&dialect.file_name(&RoleName::Targets, None)) {
        files.retain(|name, _| !stray(name));
    }
}

/// How long before its end Notary calls metadata near expiry, in months; from then on every publish tries to sign the root.
pub const NEAR_EXPIRY_MONTHS: i32 = 6;

/// `NOTARY-SIX-MONTHS`: the root ends more than six months after `now`.
///
/// # Errors
/// Where it does not: people who publish and hold no root key then fail.
pub fn six_months(expires: Utc, now: Utc) -> Result<Passed, Refusal> {
    let fails = taggers_fail_from(expires);
    if expires >= now.plus_months(NEAR_EXPIRY_MONTHS) {
        return Ok(Passed::new(Rule::NotarySixMonths, format!("until {expires}; taggers fail from {fails} on")));
    }
    let what = format!("The root ends {expires}: since {fails} whoever publishes without the root key fails.");
    Err(Refusal::new(Rule::NotarySixMonths, what, "Let the root end a year or more from now."))
}

/// The instant from which those fail who publish without the root key, since their client tries to sign a root that ends.
pub fn taggers_fail_from(expires: Utc) -> Utc {
    expires.plus_months(-NEAR_EXPIRY_MONTHS)
}

/// `CERT-EXPIRY-FIRST`: every certificate of a root key outlives the root. `root` is each root that a client may still hold.
///
/// # Errors
/// The first certificate that ends before its root does.
pub fn certificates_outlive(root: &Root) -> Result<Passed, Refusal> {
    let mut first: Option<Utc> = None;
    for (keyid, key) in root.keys_of(&RoleName::Root) {
        let Some(certificate) = key.certificate() else { continue };
        let ends = certificate.not_after();
        first = Some(first.map_or(ends, |first| first.min(ends)));
        if ends < root.expires {
            let what = format!(
                "Root {}: the certificate of key {}… ends {ends}, before the root does, {}.",
                root.version,
                keyid.short(),
                root.expires
            );
            let remedy = "Make the certificate again so that it outlives the root. Once it has ended, the server takes no update and \
                          clients that hold this root stop for good.";
            return Err(Refusal::new(Rule::CertExpiryFirst, what, remedy));
        }
    }
    let until = first.map_or("no certificates".into(), |first| format!("certificates last until {first}"));
    Ok(Passed::new(Rule::CertExpiryFirst, format!("root {}: {until}", root.version)))
}

/// `BUNDLE-COMPLETE`: `new` travels with targets where it has to. That is so for a first root, and where those who signed the old
/// targets may no longer be enough for the new role.
///
/// # Errors
/// Where it does not: a server takes such a root, and every client then fails.
pub fn complete(old: Option<&Root>, new: &Root, with_targets: bool) -> Result<Passed, Refusal> {
    let refuse = |what: String| {
        let remedy = "Put the targets metadata, signed by the keys that this root names, into the same upload.";
        Err(Refusal::new(Rule::BundleComplete, what, remedy))
    };
    let Some(old) = old else {
        return match with_targets {
            true => Ok(Passed::new(Rule::BundleComplete, "the first root, with targets")),
            false => refuse("The first root of a repository comes without targets.".into()),
        };
    };
    let absent = Role::default();
    let role = |root: &'_ Root| root.role(&RoleName::Targets).cloned().unwrap_or_else(|| absent.clone());
    let (before, after) = (role(old), role(new));
    let gone = before.keyids.iter().filter(|keyid| !after.keyids.contains(keyid)).count() as u64;
    let remain = before.threshold.saturating_sub(gone) >= after.threshold;
    match (remain, with_targets) {
        (true, _) => Ok(Passed::new(Rule::BundleComplete, "the keys of the old targets are still enough")),
        (_, true) => Ok(Passed::new(Rule::BundleComplete, "the targets keys change, with targets")),
        _ => refuse(format!(
            "Root {} changes the keys of targets and comes without targets: the server would take it, and every client would fail.",
            new.version
        )),
    }
}

/// `DELEGATION-SIGNED`: the file of the delegated role `name` is signed by the keys that its delegator names.
///
/// # Errors
/// Who must sign it again; or `KEY-COUNTED-ONCE`.
pub fn delegation_signed(
    name: &RoleName,
    role: &Role,
    keys: &std::collections::BTreeMap<KeyId, Key>,
    received: Untrusted<Targets>,
) -> Result<Verified<Targets>, Refusal> {
    role_metadata(name, role, keys, received).map_err(|refusal| match refusal.rule {
        Rule::KeyCountedOnce => refusal,
        _ => {
            let holders: Vec<String> = role.keyids.iter().map(|keyid| format!("{}…", keyid.short())).collect();
            let what = format!(
                "{name} is not signed by the keys that its delegator now names: {} Its tags vanish for every client.",
                refusal.what
            );
            let remedy =
                format!("Have it signed again, at a higher version, by {} of {}.", role.threshold, holders.join(", "));
            Refusal::new(Rule::DelegationSigned, what, remedy)
        }
    })
}

/// A delegated role whose file no longer verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resign {
    /// Which role.
    pub role: RoleName,
    /// How many of its keys must sign.
    pub threshold: u64,
    /// Its keys, as the delegator now names them.
    pub keyids: Vec<KeyId>,
}

/// The roles that `delegations` names and whose file, where `files` has it, must be signed again.
pub fn must_resign(dialect: Dialect, delegations: &Delegations, files: &Files) -> Vec<Resign> {
    let stale = |name: &RoleName, role: &Role| {
        let bytes = files.get(&dialect.file_name(name, None))?;
        let met = Untrusted::<Targets>::parse(dialect, bytes.as_slice())
            .is_ok_and(|received| tally_of(name, role, &delegations.keys, &received).is_met());
        (!met).then(|| Resign { role: name.clone(), threshold: role.threshold, keyids: role.keyids.clone() })
    };
    delegations.roles.iter().filter_map(|delegated| stale(&delegated.name, &delegated.role)).collect()
}
