//! What a client does with the files of a repository (TUF 1.0.34, section 5): follow the roots, then timestamp, snapshot,
//! targets and every delegation, down to what is there. Files and the clock are handed in.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest as _, Sha256, Sha512};

use super::{
    dialect::Dialect,
    key::{Key, KeyId},
    limits::{ROOTS_PER_UPDATE, ROOTS_PER_WALK, STEPS_PER_WALK, bytes_max},
    role::{Role, RoleName},
    root::Root,
    signed::{Metadata, Untrusted},
    snapshot::{MetaFile, Snapshot},
    targets::{Delegations, Targets},
    timestamp::Timestamp,
    verify::{Verified, first_root, next_roots, not_expired, role_metadata},
};
use crate::{
    digest::{Digest, to_hex},
    rules::{Passed, Refusal, Rule},
    text::shown,
    utc::Utc,
};

/// The files of a repository's metadata, by the name under which clients ask for them.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a client got to.
#[derive(Clone, Debug, Serialize)]
pub struct Walk {
    /// File by file, in the order in which a client takes them.
    pub steps: Vec<Step>,
    /// The version of the last root that the client trusts; 0 where it trusts none.
    pub root_version: u64,
    /// What people should know although no rule says no.
    pub notes: Vec<String>,
    /// The rule that stopped the client.
    pub refusal: Option<Refusal>,
    /// The last root that the client trusts.
    #[serde(skip)]
    pub root: Option<Verified<Root>>,
}

/// What lies in a folder that is to be published, and for whose eyes.
#[derive(Clone, Copy, Debug)]
pub struct Published<'a> {
    /// The name of the repository. Notary's certificates are held against it; TUF 1.0 has no use for it.
    pub gun: &'a str,
    /// The files of metadata. For Notary `root.json`, `targets.json`, `targets/releases.json`; `snapshot.json` only where no server
    /// holds its key; `1.root.json` and so on for the roots that were published before; `timestamp.key` and `snapshot.key` as the
    /// server serves them, where they are known.
    pub files: &'a Files,
    /// The root that a client holds; `None` for a fresh one, which only Notary knows.
    pub trusted: Option<&'a [u8]>,
}

impl Walk {
    /// A walk of which nothing is known yet.
    pub(super) fn new() -> Self {
        Self { steps: vec![], root_version: 0, notes: vec![], refusal: None, root: None }
    }

    /// Adds a file that was verified; `more` are rules that held beside those of its signatures.
    pub(super) fn verified<T: Metadata>(
        &mut self,
        role: &RoleName,
        file: &str,
        verified: &Verified<T>,
        more: Vec<Passed>,
    ) {
        let document = verified.document();
        let passed = verified.passed().iter().cloned().chain(more).collect();
        let (version, expires, sha256) = (document.version(), document.expires(), verified.digest());
        let outcome = Outcome::Verified { version, expires, sha256, passed };
        self.steps.push(Step { role: role.clone(), file: shown(file), outcome });
    }

    /// Adds a file that is not there.
    pub(super) fn absent(&mut self, role: &RoleName, file: &str) {
        self.steps.push(Step { role: role.clone(), file: shown(file), outcome: Outcome::NotPresent });
    }

    /// The walk where nothing stopped it.
    ///
    /// # Errors
    /// The refusal that did.
    pub fn accepted(self) -> Result<Self, Refusal> {
        match self.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(self),
        }
    }
}

/// One file of a walk.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Whose metadata.
    pub role: RoleName,
    /// The name of the file, as a client asks for it; shown escaped.
    pub file: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of one file.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// It was verified.
    Verified {
        /// Its version.
        version: u64,
        /// When it expires.
        expires: Utc,
        /// The SHA-256 of its bytes.
        sha256: Digest,
        /// The rules that were asked and held.
        passed: Vec<Passed>,
    },
    /// It was not handed in, so that nothing is said about it.
    NotPresent,
}

/// Walks `files` as a client does that trusts the root `trusted` and whose clock says `now`.
///
/// Files that only an online repository has (timestamp, snapshot) may be absent: they are then reported as not present, and
/// targets metadata is verified in its highest version.
pub fn walk(dialect: Dialect, trusted: &[u8], files: &Files, now: Utc) -> Walk {
    let mut client = Client { dialect, files, now, walk: Walk::new() };
    client.walk.refusal = client.run(trusted).err();
    client.walk
}

/// How many roots are held unverified at once.
const ROOTS_AT_ONCE: usize = 64;

struct Client<'a> {
    dialect: Dialect,
    files: &'a Files,
    now: Utc,
    walk: Walk,
}

/// Who may sign a file, and what is said about it from above.
struct Expected<'a> {
    name: &'a RoleName,
    role: &'a Role,
    keys: &'a BTreeMap<KeyId, Key>,
    meta: Option<&'a MetaFile>,
}

impl Client<'_> {
    fn run(&mut self, trusted: &[u8]) -> Result<(), Refusal> {
        let root = self.roots(trusted)?;
        let root = root.document();
        let role = |name: &RoleName| root.role(name).cloned().unwrap_or_default();
        let versioned = root.consistent_snapshot == Some(true);

        let (name, signers) = (RoleName::Timestamp, role(&RoleName::Timestamp));
        let expected = Expected { name: &name, role: &signers, keys: &root.keys, meta: None };
        let timestamp = self.file::<Timestamp>(self.dialect.file_name(&name, None), expected)?;

        let (name, signers) = (RoleName::Snapshot, role(&RoleName::Snapshot));
        let meta = timestamp.as_ref().map(|timestamp| &timestamp.document().snapshot);
        let expected = Expected { name: &name, role: &signers, keys: &root.keys, meta };
        let snapshot = self.file::<Snapshot>(self.file_name(&name, versioned, meta), expected)?;
        let snapshot = snapshot.as_ref().map(|snapshot| &snapshot.document().meta);

        let (name, signers) = (RoleName::Targets, role(&RoleName::Targets));
        let meta = snapshot.and_then(|meta| meta.get(&self.dialect.meta_name(&name)));
        if snapshot.is_some() && meta.is_none() {
            return Err(not_named(&name));
        }
        let expected = Expected { name: &name, role: &signers, keys: &root.keys, meta };
        let targets = self.file::<Targets>(self.file_name(&name, versioned, meta), expected)?;
        match targets.and_then(|targets| targets.document().delegations.clone()) {
            Some(delegations) => self.delegations(delegations, versioned, snapshot),
            None => Ok(()),
        }
    }

    /// Section 5.3: every next root that is there, and the expiry of the last.
    fn roots(&mut self, trusted: &[u8]) -> Result<Verified<Root>, Refusal> {
        let name = "the trusted root";
        let mut root =
            first_root(self.read(&RoleName::Root, name, trusted)?).map_err(|refusal| in_file(name, refusal))?;
        let first = root.document().version;
        self.walk.verified(&RoleName::Root, "(trusted)", &root, vec![]);
        loop {
            let (next, unreadable) = self.roots_after(root.document().version, first.saturating_add(ROOTS_PER_WALK));
            let more = !next.is_empty();
            let (followed, refusal) = next_roots(&root, next);
            let bad = root.document().version.saturating_add(followed.len() as u64).saturating_add(1);
            let refusal = refusal.map(|refusal| in_file(&self.dialect.file_name(&RoleName::Root, Some(bad)), refusal));
            for next in followed {
                root = next;
                let file = self.dialect.file_name(&RoleName::Root, Some(root.document().version));
                self.walk.verified(&RoleName::Root, &file, &root, vec![]);
            }
            self.walk.root_version = root.document().version;
            self.walk.root = Some(root.clone());
            match refusal.or(unreadable) {
                Some(refusal) => return Err(refusal),
                None if more => continue,
                None => break,
            }
        }
        let last = root.document().version;
        if last - first > ROOTS_PER_UPDATE {
            let behind = last - first;
            self.walk.notes.push(format!(
                "A client on root {first} is {behind} roots behind: python-tuf, tuf-js and go-tuf follow {ROOTS_PER_UPDATE} in one update."
            ));
        }
        let passed = not_expired(&format!("root {last}"), root.document().expires, self.now)?;
        if let Some(Step { outcome: Outcome::Verified { passed: so_far, .. }, .. }) = self.walk.steps.last_mut() {
            so_far.push(passed);
        }
        Ok(root)
    }

    /// The next few roots that are there, up to one that cannot be read.
    fn roots_after(&self, version: u64, last: u64) -> (Vec<Untrusted<Root>>, Option<Refusal>) {
        let mut roots = vec![];
        for version in (version..last).take(ROOTS_AT_ONCE).map(|version| version + 1) {
            let file = self.dialect.file_name(&RoleName::Root, Some(version));
            let Some(bytes) = self.files.get(&file) else { break };
            match self.read(&RoleName::Root, &file, bytes) {
                Ok(root) => roots.push(root),
                Err(refusal) => return (roots, Some(refusal)),
            }
        }
        (roots, None)
    }

    /// Every role that is delegated to, from the top down; a role that two delegators name is verified against both.
    fn delegations(
        &mut self,
        top: Delegations,
        versioned: bool,
        snapshot: Option<&BTreeMap<String, MetaFile>>,
    ) -> Result<(), Refusal> {
        let mut waiting = vec![top];
        let mut entered = BTreeSet::new();
        while let Some(delegations) = waiting.pop() {
            for (name, role) in self.delegated(&delegations, snapshot) {
                if self.walk.steps.len() > STEPS_PER_WALK {
                    let what = format!("The repository delegates more than {STEPS_PER_WALK} times.");
                    return Err(Refusal::new(Rule::MetadataWellFormed, what, "Its publisher has to delegate less."));
                }
                let meta = snapshot.and_then(|meta| meta.get(&self.dialect.meta_name(&name)));
                let file = self.file_name(&name, versioned, meta);
                if snapshot.is_some() && meta.is_none() {
                    self.walk.absent(&name, &file);
                    continue;
                }
                let expected = Expected { name: &name, role: &role, keys: &delegations.keys, meta };
                let targets = self.file::<Targets>(file, expected)?;
                let below = targets.and_then(|targets| targets.document().delegations.clone());
                if let Some(below) = below
                    && entered.insert(name)
                {
                    waiting.push(below);
                }
            }
        }
        Ok(())
    }

    /// The roles that are delegated to; of bins, those that the snapshot or a file names.
    fn delegated(
        &self,
        delegations: &Delegations,
        snapshot: Option<&BTreeMap<String, MetaFile>>,
    ) -> Vec<(RoleName, Role)> {
        let mut roles: Vec<_> =
            delegations.roles.iter().map(|delegated| (delegated.name.clone(), delegated.role.clone())).collect();
        if let Some(bins) = &delegations.succinct {
            let names: Vec<&String> = snapshot.map_or(self.files.keys().collect(), |meta| meta.keys().collect());
            let bin = |name: &str| {
                let name = name.strip_suffix(".json")?;
                let name =
                    name.split_once('.').map_or(name, |(version, rest)| if is_number(version) { rest } else { name });
                bins.is_bin(name).then(|| RoleName::Other(name.to_owned()))
            };
            let found: BTreeSet<RoleName> = names.into_iter().filter_map(|name| bin(name)).collect();
            roles.extend(found.into_iter().map(|name| (name, bins.role.clone())));
        }
        roles
    }

    /// One file other than a root, where it is there.
    fn file<T: Metadata>(&mut self, file: String, expected: Expected<'_>) -> Result<Option<Verified<T>>, Refusal> {
        let Expected { name, role, keys, meta } = expected;
        let Some(bytes) = self.files.get(&file) else {
            self.walk.absent(name, &file);
            return Ok(None);
        };
        let mut passed = vec![];
        if let Some(meta) = meta {
            passed.extend(bytes_match(&file, bytes, meta)?);
        }
        let received = self.read(name, &file, bytes)?;
        let verified: Verified<T> =
            role_metadata(name, role, keys, received).map_err(|refusal| in_file(&file, refusal))?;
        let document = verified.document();
        if let Some(version) = meta.and_then(|meta| meta.version) {
            passed.push(version_is(&file, document.version(), version)?);
        }
        passed.push(not_expired(&format!("{name} {}", document.version()), document.expires(), self.now)?);
        self.walk.verified(name, &file, &verified, passed);
        Ok(Some(verified))
    }

    fn read<T: Metadata>(&self, role: &RoleName, file: &str, bytes: &[u8]) -> Result<Untrusted<T>, Refusal> {
        if bytes.len() > bytes_max(role) {
            let what = format!("{} has {} bytes; clients read {}.", shown(file), bytes.len(), bytes_max(role));
            return Err(Refusal::new(Rule::MetadataWellFormed, what, "Make the metadata smaller."));
        }
        Untrusted::parse(self.dialect, bytes).map_err(|refusal| in_file(file, refusal))
    }

    /// The name under which a client asks for a role's metadata. Where nothing says which version, the highest that is there.
    fn file_name(&self, role: &RoleName, versioned: bool, meta: Option<&MetaFile>) -> String {
        let plain = self.dialect.file_name(role, None);
        match meta {
            _ if !versioned => plain,
            Some(meta) => self.dialect.file_name(role, meta.version),
            None => {
                let version = |name: &String| name.strip_suffix(&plain)?.strip_suffix('.')?.parse::<u64>().ok();
                let highest = self.files.keys().filter_map(version).max();
                highest.map_or(plain.clone(), |version| self.dialect.file_name(role, Some(version)))
            }
        }
    }
}

/// `BYTES-MATCH-HASH`, where the metadata above gives a length or a hash.
fn bytes_match(file: &str, bytes: &[u8], meta: &MetaFile) -> Result<Option<Passed>, Refusal> {
    let refuse = |what: String| {
        let remedy = "Fetch the file again; if it is the same, the metadata above it has to be made again.";
        Err(Refusal::new(Rule::BytesMatchHash, format!("{} {what}.", shown(file)), remedy))
    };
    if let Some(length) = meta.length.filter(|length| *length != bytes.len() as u64) {
        return refuse(format!("has {} bytes, and the metadata above it says {length}", bytes.len()));
    }
    let mut compared = vec![];
    for (algorithm, hash) in meta.hashes.iter().flatten() {
        let found = match algorithm.as_str() {
            "sha256" => to_hex(&Sha256::digest(bytes)),
            "sha512" => to_hex(&Sha512::digest(bytes)),
            _ => continue,
        };
        if !hash.eq_ignore_ascii_case(&found) {
            return refuse(format!("has the {algorithm} {found}, and the metadata above it says {}", shown(hash)));
        }
        compared.push(algorithm.as_str());
    }
    if meta.hashes.is_some() && compared.is_empty() {
        return refuse("has no hash that this program knows (sha256, sha512)".into());
    }
    let asked = meta.length.is_some() || !compared.is_empty();
    Ok(asked.then(|| Passed::new(Rule::BytesMatchHash, format!("{} bytes {}", bytes.len(), compared.join(" ")))))
}

pub(super) fn in_file(file: &str, refusal: Refusal) -> Refusal {
    Refusal { what: format!("{}: {}", shown(file), refusal.what), ..refusal }
}

fn version_is(file: &str, found: u64, named: u64) -> Result<Passed, Refusal> {
    if found == named {
        return Ok(Passed::new(Rule::VersionNotLower, format!("version {found}, as the metadata above says")));
    }
    let what = format!("{} has version {found}, and the metadata above it says {named}.", shown(file));
    Err(Refusal::new(Rule::VersionNotLower, what, "Fetch the files again; they do not belong together."))
}

fn not_named(role: &RoleName) -> Refusal {
    let what = format!("The snapshot does not name the metadata of {role}.");
    Refusal::new(Rule::MetadataWellFormed, what, "Its publisher has to make a new snapshot.")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
