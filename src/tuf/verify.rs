//! Verification. The threshold rule is written once, in [`tally`]; everything that trusts metadata goes through it, and
//! [`Verified`] is made in this file alone.

mod signature;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use serde::{Deserialize, Serialize};

pub(super) use self::signature::ecdsa_over_sha256;
pub use self::signature::{VerifiedBefore, VerifiedSignature};
use super::{
    dialect::Dialect,
    key::{Key, KeyId, PublicKey},
    parallel::in_parallel,
    role::{Role, RoleName},
    root::Root,
    signed::{Metadata, Signature, Untrusted},
};
use crate::{
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    utc::Utc,
};

/// Metadata whose signatures were verified against keys that were trusted before. There is no other way to have one.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    untrusted: Untrusted<T>,
    passed: Vec<Passed>,
}

impl<T> Verified<T> {
    /// What the metadata says.
    pub fn document(&self) -> &T {
        self.untrusted.document()
    }

    /// The bytes as received.
    pub fn bytes(&self) -> &[u8] {
        self.untrusted.bytes()
    }

    /// The digest of the bytes as received.
    pub fn digest(&self) -> Digest {
        self.untrusted.digest()
    }

    /// The parsed document with its signatures, for tallies and for display.
    pub fn received(&self) -> &Untrusted<T> {
        &self.untrusted
    }

    /// The rules that were asked and held.
    pub fn passed(&self) -> &[Passed] {
        &self.passed
    }
}

/// Who signed for a role, and whether that is enough. Keyids stand in the order of the role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Which role.
    pub role: RoleName,
    /// How many different public keys must sign.
    pub threshold: u64,
    /// Keys whose signature verifies; each public key once.
    pub signed: Vec<KeyId>,
    /// Keyids whose signature verifies, of a public key that [`Tally::signed`] holds already.
    pub repeated: Vec<KeyId>,
    /// Keys whose signature is there and does not verify.
    pub bad: Vec<KeyId>,
    /// Keys without a signature, or with an empty one.
    pub missing: Vec<KeyId>,
    /// Signatures by keyids that the role does not list, or lists without giving the key.
    pub unknown: Vec<KeyId>,
}

impl Tally {
    /// Whether enough different public keys signed.
    pub fn is_met(&self) -> bool {
        self.threshold > 0 && self.signed.len() as u64 >= self.threshold
    }

    /// How many signatures are still wanted.
    pub fn wanted(&self) -> u64 {
        self.threshold.saturating_sub(self.signed.len() as u64)
    }
}

/// Counts the signatures over `signed` by the keys of `role`: every signature is verified, so that people can be shown who
/// signed, who is missing and whose signature is bad.
pub fn tally(
    dialect: Dialect,
    name: &RoleName,
    role: &Role,
    keys: &BTreeMap<KeyId, Key>,
    signed: &[u8],
    signatures: &[Signature],
) -> Tally {
    Checker::new(dialect, signed, signatures).tally(name, role, keys, None)
}

/// The tally of a received document by a role of somebody's.
pub fn tally_of<T>(name: &RoleName, role: &Role, keys: &BTreeMap<KeyId, Key>, received: &Untrusted<T>) -> Tally {
    tally(received.dialect(), name, role, keys, received.signed(), received.signatures())
}

/// Trusts a root that was handed over by other means than a signature: it must at least be signed by its own threshold.
///
/// # Errors
/// `SIGNATURES-DISTINCT`, `ROOT-TALLY-NEW`, or the rule that explains better why the tally is not met.
pub fn first_root(root: Untrusted<Root>) -> Result<Verified<Root>, Refusal> {
    let checker = Checker::of(&root)?;
    let new = checker.verdict(Rule::RootTallyNew, root.document(), &[])?;
    Ok(Verified { passed: vec![new], untrusted: root })
}

/// Follows a trusted root by the next one (TUF 1.0.34, section 5.3). Its expiry is not asked: only the last root of a chain
/// must not have expired ([`not_expired`]).
///
/// # Errors
/// `ROOT-VERSION-STEP`, `SIGNATURES-DISTINCT`, `ROOT-TALLY-OLD`, `ROOT-TALLY-NEW`, or the rule that explains better why a tally is
/// not met.
pub fn next_root(trusted: &Verified<Root>, root: Untrusted<Root>) -> Result<Verified<Root>, Refusal> {
    follows(trusted.document(), &root).map(|passed| Verified { untrusted: root, passed })
}

/// [`next_root`] for one after the other, on several threads: those that follow, and the refusal of the first that does not.
pub fn next_roots(trusted: &Verified<Root>, roots: Vec<Untrusted<Root>>) -> (Vec<Verified<Root>>, Option<Refusal>) {
    // Whether a root follows another does not depend on whether that one is trusted; the loop below asks for both.
    let before = std::iter::once(trusted.document()).chain(roots.iter().map(Untrusted::document));
    let steps: Vec<_> = before.zip(&roots).collect();
    let verdicts = in_parallel(&steps, |(old, new)| follows(old, new));
    let mut followed = vec![];
    for (root, verdict) in roots.into_iter().zip(verdicts) {
        match verdict {
            Ok(passed) => followed.push(Verified { untrusted: root, passed }),
            Err(refusal) => return (followed, Some(refusal)),
        }
    }
    (followed, None)
}

fn follows(old: &Root, root: &Untrusted<Root>) -> Result<Vec<Passed>, Refusal> {
    let new = root.document();
    let step = version_step(old, new)?;
    let checker = Checker::of(root)?;
    // Keys that both roots name are verified first: one signature then counts in both tallies, and is verified once.
    let by_old = checker.verdict(Rule::RootTallyOld, old, root_keyids(new))?;
    let by_new = checker.verdict(Rule::RootTallyNew, new, root_keyids(old))?;
    Ok(vec![step, by_old, by_new])
}

/// Who may sign a root: its role, and of its keys those that count.
pub(super) struct Signers<'a> {
    pub role: &'a Role,
    pub keys: &'a BTreeMap<KeyId, Key>,
    pub version: u64,
}

/// Trusts `root` where those of `before` signed it, if there is one, and those of its `own`: for a dialect in which not every key
/// of a root counts. What it says of the version is not asked. A refusal comes with the tally that is not met.
pub(super) fn root_signed_by(
    root: Untrusted<Root>,
    before: Option<&Signers<'_>>,
    own: &Signers<'_>,
) -> Result<Verified<Root>, (Rule, Refusal)> {
    let checker = Checker::of(&root).map_err(|refusal| (Rule::RootTallyNew, refusal))?;
    let mut passed = vec![];
    for (rule, signers) in
        before.map(|before| (Rule::RootTallyOld, before)).into_iter().chain([(Rule::RootTallyNew, own)])
    {
        let Signers { role, keys, version } = signers;
        let verdict = checker.verdict_of(rule, &RoleName::Root, role, keys, *version, &[]);
        passed.push(verdict.map_err(|refusal| (rule, refusal))?);
    }
    Ok(Verified { passed, untrusted: root })
}

fn root_keyids(root: &Root) -> &[KeyId] {
    root.role(&RoleName::Root).map(|role| role.keyids.as_slice()).unwrap_or_default()
}

/// `ROOT-VERSION-STEP`: a root follows its predecessor by exactly one version.
///
/// # Errors
/// Where it does not.
pub fn version_step(old: &Root, new: &Root) -> Result<Passed, Refusal> {
    if old.version.checked_add(1) == Some(new.version) {
        return Ok(Passed::new(Rule::RootVersionStep, format!("{} follows {}", new.version, old.version)));
    }
    let what = format!("The root has version {}, and follows version {}.", new.version, old.version);
    Err(Refusal::new(
        Rule::RootVersionStep,
        what,
        format!("Give the root of version {}.", old.version.saturating_add(1)),
    ))
}

/// Verifies metadata of any role but root against the role of its delegator (`ROLE-TALLY`).
///
/// # Errors
/// `SIGNATURES-DISTINCT`, `ROLE-TALLY`, or the rule that explains better why the tally is not met.
pub fn role_metadata<T: Metadata>(
    name: &RoleName,
    role: &Role,
    keys: &BTreeMap<KeyId, Key>,
    received: Untrusted<T>,
) -> Result<Verified<T>, Refusal> {
    let checker = Checker::of(&received)?;
    let passed = checker.verdict_of(Rule::RoleTally, name, role, keys, received.document().version(), &[])?;
    Ok(Verified { passed: vec![passed], untrusted: received })
}

/// `NOT-EXPIRED`: `expires` lies after `now`.
///
/// # Errors
/// Where it does not; `name` says whose expiry it is ("root 3").
pub fn not_expired(name: &str, expires: Utc, now: Utc) -> Result<Passed, Refusal> {
    if expires > now {
        return Ok(Passed::new(
            Rule::NotExpired,
            format!("{name} expires {expires}, in {} days", now.days_until(expires)),
        ));
    }
    let what = format!("{name} expired {expires}; the check is made for {now}.");
    Err(Refusal::new(Rule::NotExpired, what, "Publish a newer version, or check at an earlier instant."))
}

/// The signatures over one document. The same public key, bytes and signature are verified once, whatever names them.
struct Checker<'a> {
    dialect: Dialect,
    signed: &'a [u8],
    signatures: &'a [Signature],
    by_keyid: HashMap<&'a KeyId, Vec<&'a Signature>>,
    known: RefCell<HashMap<(Digest, &'a str, &'a str), bool>>,
}

impl<'a> Checker<'a> {
    fn new(dialect: Dialect, signed: &'a [u8], signatures: &'a [Signature]) -> Self {
        // Of several by one keyid a good one is enough; where its dialect forbids them, a verdict refuses them before.
        let mut by_keyid: HashMap<&KeyId, Vec<&Signature>> = HashMap::new();
        for signature in signatures.iter().filter(|signature| !signature.sig.is_empty()) {
            by_keyid.entry(&signature.keyid).or_default().push(signature);
        }
        Self { dialect, signed, signatures, by_keyid, known: RefCell::default() }
    }

    /// For a verdict: refuses a document that names one keyid in two signatures (`SIGNATURES-DISTINCT`), where its dialect does.
    fn of<T: Metadata>(received: &'a Untrusted<T>) -> Result<Self, Refusal> {
        if !received.dialect().repeats_keyids()
            && let Some(keyid) = received.repeated_keyid()
        {
            let what = format!("{} metadata has two signatures by keyid {keyid}.", T::ROLE);
            return Err(Refusal::new(
                Rule::SignaturesDistinct,
                what,
                "Remove all but one of them and give the file again.",
            ));
        }
        Ok(Self::new(received.dialect(), received.signed(), received.signatures()))
    }

    /// The threshold rule. Where `enough` is given, the keyids in it are tried first and counting stops at the threshold: the
    /// verdict is then right, and the lists are complete only where it is no.
    fn tally(&self, name: &RoleName, role: &Role, keys: &BTreeMap<KeyId, Key>, enough: Option<&[KeyId]>) -> Tally {
        let mut tally = Tally {
            role: name.clone(),
            threshold: role.threshold,
            signed: vec![],
            repeated: vec![],
            bad: vec![],
            missing: vec![],
            unknown: vec![],
        };
        let first: BTreeSet<&KeyId> = enough.into_iter().flatten().collect();
        let (early, late): (Vec<&KeyId>, Vec<&KeyId>) = role.keyids.iter().partition(|keyid| first.contains(keyid));
        let mut counted = BTreeSet::new();
        for keyid in early.into_iter().chain(late) {
            if enough.is_some() && tally.is_met() {
                return tally;
            }
            let list = match (self.by_keyid.get(keyid), keys.get(keyid)) {
                (None, _) => &mut tally.missing,
                (Some(_), None) => &mut tally.unknown,
                (Some(given), Some(key)) => {
                    let fingerprint = key.public().fingerprint();
                    if !given.iter().any(|signature| self.verifies(key.public(), fingerprint, signature)) {
                        &mut tally.bad
                    } else if counted.insert(fingerprint) {
                        &mut tally.signed
                    } else {
                        &mut tally.repeated
                    }
                }
            };
            list.push(keyid.clone());
        }
        let listed: BTreeSet<&KeyId> = role.keyids.iter().collect();
        let strangers =
            self.signatures.iter().map(|signature| &signature.keyid).filter(|keyid| !listed.contains(keyid));
        tally.unknown.extend(strangers.cloned());
        tally
    }

    fn verifies(&self, public: &PublicKey, fingerprint: Digest, signature: &'a Signature) -> bool {
        let asked = (fingerprint, signature.sig.as_str(), signature.method());
        let known = self.known.borrow().get(&asked).copied();
        known.unwrap_or_else(|| {
            let verdict = self.dialect.verifies(public, self.signed, signature);
            self.known.borrow_mut().insert(asked, verdict);
            verdict
        })
    }

    /// Whether the root keys of `root` signed.
    fn verdict(&self, rule: Rule, root: &Root, first: &[KeyId]) -> Result<Passed, Refusal> {
        let absent = Role::default();
        let role = root.role(&RoleName::Root).unwrap_or(&absent);
        self.verdict_of(rule, &RoleName::Root, role, &root.keys, root.version, first)
    }

    /// Whether the keys of `role` signed. `version` is that of the metadata that names them, or of the document itself.
    fn verdict_of(
        &self,
        rule: Rule,
        name: &RoleName,
        role: &Role,
        keys: &BTreeMap<KeyId, Key>,
        version: u64,
        first: &[KeyId],
    ) -> Result<Passed, Refusal> {
        let tally = self.tally(name, role, keys, Some(first));
        if tally.is_met() {
            let seen = match rule {
                Rule::RoleTally => {
                    format!("{name} {version}: {} of {} signatures", tally.signed.len(), tally.threshold)
                }
                _ => format!("{} of {} signatures by the keys of root {version}", tally.signed.len(), tally.threshold),
            };
            return Ok(Passed::new(rule, seen));
        }
        let whose = match rule {
            Rule::RootTallyOld => format!("the trusted root (version {version})"),
            Rule::RootTallyNew => format!("the root itself (version {version})"),
            _ => format!("role {name}"),
        };
        Err(unmet(rule, &whose, &tally, role, keys))
    }
}

/// Says why a tally is not met, by the rule that explains it best.
fn unmet(rule: Rule, whose: &str, tally: &Tally, role: &Role, keys: &BTreeMap<KeyId, Key>) -> Refusal {
    let counted = tally.signed.len();
    let mut what = format!("{counted} of {} signatures by the keys of {whose}", tally.threshold);
    let mut list = |name: &str, keyids: &[KeyId]| {
        if !keyids.is_empty() {
            let short: Vec<String> = keyids.iter().take(10).map(KeyId::short).collect();
            let more = if keyids.len() > short.len() { ", …" } else { "" };
            what.push_str(&format!("; {name}: {}{more}", short.join(", ")));
        }
    };
    list("signed", &tally.signed);
    list("the same key again", &tally.repeated);
    list("bad", &tally.bad);
    list("missing", &tally.missing);
    list("by others", &tally.unknown);
    what.push('.');
    if (counted + tally.repeated.len()) as u64 >= tally.threshold && tally.threshold > 0 {
        return Refusal::new(
            Rule::KeyCountedOnce,
            what,
            "Have another key sign: one key under two keyids counts once.",
        );
    }
    let usable = distinct_keys(role, keys);
    if (usable as u64) < tally.threshold {
        what.push_str(&format!(" Only {usable} different keys are named at all."));
        return Refusal::new(
            Rule::ThresholdReachable,
            what,
            "No signature can mend this: the metadata that names these keys must change.",
        );
    }
    Refusal::new(rule, what, "Have the missing keys sign these very bytes, and give the file again.")
}

/// How many different public keys a role names.
pub(super) fn distinct_keys(role: &Role, keys: &BTreeMap<KeyId, Key>) -> usize {
    let found = role.keyids.iter().filter_map(|keyid| keys.get(keyid));
    found.map(|key| key.public().fingerprint()).collect::<BTreeSet<Digest>>().len()
}
