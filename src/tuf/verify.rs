//! Verification. The threshold rule is written once, in [`tally`]; everything that trusts metadata goes through it, and
//! [`Verified`] is made in this file alone.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{
    dialect::Dialect,
    key::{Key, KeyId, PublicKey, RawSignature},
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

/// A signature that was verified in software over the bytes of a payload (`SIGNATURE-VERIFIES`). There is no other way to have
/// one, so that nobody has to verify it twice.
#[derive(Clone, Debug)]
pub struct VerifiedSignature {
    payload: Digest,
    public: Digest,
    signature: RawSignature,
    /// Whether it is one that [`ecdsa_over_sha256`] is asked for.
    is_p256: bool,
}

impl VerifiedSignature {
    /// `signature` over `bytes` by `public`; `None` where it does not verify.
    pub fn new(public: &PublicKey, bytes: &[u8], signature: RawSignature) -> Option<Self> {
        let verifies = public.verify(bytes, &signature);
        let is_p256 = matches!(public, PublicKey::P256(_));
        verifies.then(|| Self { payload: Digest::of(bytes), public: public.fingerprint(), signature, is_p256 })
    }

    /// The SHA-256 of the bytes.
    pub fn payload(&self) -> Digest {
        self.payload
    }

    /// The fingerprint of the public key.
    pub fn public(&self) -> Digest {
        self.public
    }

    /// The signature as the token gave it.
    pub fn signature(&self) -> &RawSignature {
        &self.signature
    }
}

/// Signatures that were verified before, so that nobody verifies them again where the same bytes, key and signature come by once
/// more. It holds good ones only, by a digest over everything that the verdict depends on, and answers nothing else: whether
/// enough of them are there is counted anew each time.
#[derive(Clone, Default)]
pub struct VerifiedBefore(Arc<Mutex<HashSet<Digest>>>);

thread_local! {
    /// What the work of this thread may look up, and adds to.
    static BEFORE: RefCell<Option<VerifiedBefore>> = const { RefCell::new(None) };
}

impl VerifiedBefore {
    /// Does `work`, in which signatures that are known here are not verified again, and good ones become known. It holds for
    /// this thread, until `work` returns.
    pub fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        struct Restore(Option<VerifiedBefore>);
        impl Drop for Restore {
            fn drop(&mut self) {
                BEFORE.set(self.0.take());
            }
        }
        let _restore = Restore(BEFORE.replace(Some(self.clone())));
        work()
    }

    /// A signature that was verified elsewhere is known from now on.
    pub fn note(&self, verified: &VerifiedSignature) {
        // On P-256 it is the SHA-256 of the payload that is signed, in every dialect.
        if verified.is_p256 {
            self.add(known_as(verified.public, verified.payload.as_bytes(), &verified.signature));
        }
    }

    fn add(&self, known_as: Digest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(known_as);
    }

    fn has(&self, known_as: Digest) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&known_as)
    }
}

/// Only for signatures over a SHA-256, whose other parameters follow from the key.
fn known_as(public: Digest, sha256: &[u8; 32], signature: &RawSignature) -> Digest {
    Digest::of(&[public.as_bytes(), sha256, signature.as_bytes()].concat())
}

/// Whether an ECDSA signature on P-256 verifies over `sha256`: looked up where it was verified before.
pub(super) fn ecdsa_over_sha256(public: &PublicKey, sha256: &[u8; 32], signature: &RawSignature) -> bool {
    let before = BEFORE.with_borrow(Clone::clone).filter(|_| matches!(public, PublicKey::P256(_)));
    let Some(before) = before else { return public.verify_prehash(sha256, signature) };
    let known_as = known_as(public.fingerprint(), sha256, signature);
    if before.has(known_as) {
        return true;
    }
    let verifies = public.verify_prehash(sha256, signature);
    if verifies {
        before.add(known_as);
    }
    verifies
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

#[cfg(test)]
mod tests {
    use p256::ecdsa::{Signature as Ecdsa, SigningKey, signature::Signer as _};

    use super::*;

    fn signed(seed: u8, message: &[u8]) -> (PublicKey, RawSignature) {
        let key = SigningKey::from_slice(&[seed; 32]).expect("a scalar");
        let signature: Ecdsa = key.sign(message);
        (PublicKey::P256(*key.verifying_key()), RawSignature::new(signature.to_bytes().to_vec()))
    }

    #[test]
    fn what_verified_before_is_known_by_key_bytes_and_signature_together() {
        let before = VerifiedBefore::default();
        let (public, signature) = signed(1, b"one");
        let (other, other_signature) = signed(2, b"one");
        let sha256 = |message: &[u8]| *Digest::of(message).as_bytes();
        let count = || before.0.lock().expect("no thread panicked").len();
        let ask = |public, message, signature| before.within(|| ecdsa_over_sha256(public, &sha256(message), signature));
        assert!(!ask(&public, b"two", &signature));
        assert!(!ask(&other, b"one", &signature));
        assert_eq!(count(), 0, "only good ones are kept");
        assert!(ask(&public, b"one", &signature));
        assert_eq!(count(), 1);
        for (public, message, signature) in
            [(&public, &b"two"[..], &signature), (&other, b"one", &signature), (&public, b"one", &other_signature)]
        {
            assert!(!ask(public, message, signature));
        }
        before.note(&VerifiedSignature::new(&other, b"one", other_signature.clone()).expect("it verifies"));
        assert_eq!(count(), 2);
        assert!(ask(&other, b"one", &other_signature));
        assert_eq!(count(), 2, "it was looked up");
    }

    #[test]
    fn it_holds_for_the_work_that_it_was_given_and_no_longer() {
        let before = VerifiedBefore::default();
        let (public, signature) = signed(1, b"one");
        let sha256 = *Digest::of(b"one").as_bytes();
        let inner = VerifiedBefore::default();
        before.within(|| {
            inner.within(|| assert!(ecdsa_over_sha256(&public, &sha256, &signature)));
            assert!(!before.has(known_as(public.fingerprint(), &sha256, &signature)));
        });
        assert!(ecdsa_over_sha256(&public, &sha256, &signature));
        assert!(!before.has(known_as(public.fingerprint(), &sha256, &signature)), "outside nothing is kept");
        assert!(inner.has(known_as(public.fingerprint(), &sha256, &signature)));
    }
}
