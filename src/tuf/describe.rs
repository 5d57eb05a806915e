//! A file of metadata for people: what it is, when it ends, whose keys it names, who signed and who is missing.

use serde::Serialize;

use super::{
    document::Document,
    key::{Key, KeyId},
    role::{Role, RoleName},
    root::Root,
    snapshot::MetaFile,
    targets::{Delegations, Paths, TargetFile},
    verify::{Tally, tally},
};
use crate::{digest::Digest, text::shown, utc::Utc};

/// Who knows whose key is whose.
pub type Names<'a> = &'a dyn Fn(&KeyId) -> Option<String>;

/// What a file of metadata says, unverified but for the tallies.
#[derive(Clone, Debug, Serialize)]
pub struct Description {
    /// The kind: `root`, `targets` (also of delegated roles), `snapshot`, `timestamp`.
    pub kind: RoleName,
    /// Its version.
    pub version: u64,
    /// When it expires.
    pub expires: Utc,
    /// Whether that instant has come.
    pub expired: bool,
    /// Whole days from the given instant until then, rounded down; negative once it has expired.
    pub days_left: i64,
    /// The length of the file in bytes.
    pub length: usize,
    /// The SHA-256 of the file.
    pub sha256: Digest,
    /// Roles that it gives keys to.
    pub roles: Vec<DescribedRole>,
    /// Keys that no role names.
    pub unused: Vec<DescribedKey>,
    /// Files that it lists: targets, or metadata.
    pub files: Vec<DescribedFile>,
    /// Who signed, by the keys of each root that could be asked.
    pub tallies: Vec<DescribedTally>,
    /// Who says to have signed, where no root that was given names any of them.
    pub unverified: Vec<DescribedSigner>,
}

/// A role and its keys.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedRole {
    /// Its name.
    pub name: RoleName,
    /// How many of its keys must sign.
    pub threshold: u64,
    /// Its keys.
    pub keys: Vec<DescribedKey>,
    /// Which targets it may name, for a delegated role: for people.
    pub scope: Option<String>,
}

/// A key.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedKey {
    /// The keyid under which it stands.
    pub keyid: KeyId,
    /// What kind of key, for people; `None` where the metadata does not give the key.
    pub algorithm: Option<String>,
    /// One digest for one public key, however it is written.
    pub fingerprint: Option<Digest>,
    /// Whose it is, where anybody knows.
    pub name: Option<String>,
    /// Whether the keyid is the SHA-256 of the key.
    pub keyid_matches: bool,
    /// Text that the key carries beside itself, such as its owner's name as somebody wrote it: `member: text`, escaped.
    pub carries: Vec<String>,
}

/// A file that metadata lists.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedFile {
    /// Its name, escaped.
    pub name: String,
    /// Its length, version and hashes in words, escaped.
    pub says: String,
}

/// Who signed, by the keys of one root.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedTally {
    /// The version of the root.
    pub root_version: u64,
    /// Which of its roles.
    pub role: RoleName,
    /// How many different keys must sign.
    pub threshold: u64,
    /// How many did.
    pub signed: usize,
    /// Whether that is enough.
    pub met: bool,
    /// Key by key.
    pub signers: Vec<DescribedSigner>,
}

/// A key that signed, or should have.
#[derive(Clone, Debug, Serialize)]
pub struct DescribedSigner {
    /// Its keyid.
    pub keyid: KeyId,
    /// Whose it is, where anybody knows.
    pub name: Option<String>,
    /// What it did.
    pub did: Did,
}

/// What a key did about a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Did {
    /// Its signature verifies and counts.
    Signed,
    /// Its signature verifies, and its public key was counted under another keyid.
    SignedAgain,
    /// Its signature does not verify.
    SignedBadly,
    /// It has not signed.
    NotSigned,
    /// It signed, and the role does not name it.
    SignedUnasked,
    /// It says to have signed; nobody verified that.
    SaysSigned,
}

impl Did {
    fn words(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::SignedAgain => "signed again by the same key",
            Self::SignedBadly => "BAD signature",
            Self::NotSigned => "not signed",
            Self::SignedUnasked => "signed, and not named by the role",
            Self::SaysSigned => "not verified",
        }
    }
}

/// Describes `document` at the instant `now`. `trusted` is the root before a root, or the root above other metadata: with it,
/// the file's signatures are counted by its keys.
pub fn describe(document: &Document, trusted: Option<&Root>, now: Utc, names: Names) -> Description {
    let mut description = Description {
        kind: document.role(),
        version: document.version(),
        expires: document.expires(),
        expired: document.expires() <= now,
        days_left: now.days_until(document.expires()),
        length: document.bytes().len(),
        sha256: document.digest(),
        roles: vec![],
        unused: vec![],
        files: vec![],
        tallies: vec![],
        unverified: vec![],
    };
    match document {
        Document::Root(root) => description.root(root.document(), names),
        Document::Targets(targets) => {
            let targets = targets.document();
            description.files.extend(targets.targets.iter().map(|(name, file)| target(name, file)));
            if let Some(delegations) = &targets.delegations {
                description.delegations(delegations, names);
            }
        }
        Document::Snapshot(snapshot) => {
            description.files.extend(snapshot.document().meta.iter().map(|(name, file)| meta(name, file)));
        }
        Document::Timestamp(timestamp) => {
            let name = document.dialect().meta_name(&RoleName::Snapshot);
            description.files.push(meta(&name, &timestamp.document().snapshot));
        }
    }
    description.tallies(document, trusted, names);
    description
}

impl Description {
    fn root(&mut self, root: &Root, names: Names) {
        let others = root.roles.keys().filter(|name| !RoleName::TOP.contains(name)).cloned();
        for name in RoleName::TOP.into_iter().chain(others) {
            let Some(role) = root.role(&name) else { continue };
            let keys = role.keyids.iter().map(|keyid| key(keyid, root.keys.get(keyid), names)).collect();
            self.roles.push(DescribedRole { name, threshold: role.threshold, keys, scope: None });
        }
        let used = |keyid: &KeyId| root.roles.values().any(|role| role.keyids.contains(keyid));
        let unused = root.keys.iter().filter(|(keyid, _)| !used(keyid));
        self.unused = unused.map(|(keyid, unused)| key(keyid, Some(unused), names)).collect();
    }

    fn delegations(&mut self, delegations: &Delegations, names: Names) {
        let mut add = |name: RoleName, role: &Role, scope: String| {
            let keys = role.keyids.iter().map(|keyid| key(keyid, delegations.keys.get(keyid), names)).collect();
            self.roles.push(DescribedRole { name, threshold: role.threshold, keys, scope: Some(scope) });
        };
        for delegated in &delegations.roles {
            let scope = match &delegated.paths {
                // An empty one begins every path, where paths are matched by their beginnings.
                Some(Paths::Patterns(patterns)) if patterns.iter().any(String::is_empty) => "every path".into(),
                Some(Paths::Patterns(patterns)) => format!("paths {}", patterns.join(" ")),
                Some(Paths::HashPrefixes(prefixes)) => format!("paths whose SHA-256 begins {}", prefixes.join(" ")),
                None => "no paths".into(),
            };
            let last = if delegated.terminating == Some(true) { ", terminating" } else { "" };
            add(delegated.name.clone(), &delegated.role, shown(&scope) + last);
        }
        if let Some(bins) = &delegations.succinct {
            let name = RoleName::Other(format!("{}-*", bins.name_prefix));
            add(name, &bins.role, format!("{} bins of all paths", 1u64 << bins.bit_length));
        }
    }

    fn tallies(&mut self, document: &Document, trusted: Option<&Root>, names: Names) {
        let role = document.role();
        let own = document.as_root();
        for root in trusted.into_iter().chain(own) {
            let Some(signers) = root.role(&role) else { continue };
            let tally = tally(document.dialect(), &role, signers, &root.keys, document.signed(), document.signatures());
            // A file of a delegated role says no more than that it is targets; its keys are named elsewhere.
            let delegated = role == RoleName::Targets && tally.missing.len() == signers.keyids.len();
            if !delegated {
                self.tallies.push(DescribedTally::new(root.version, tally, names));
            }
        }
        if self.tallies.is_empty() {
            let given = document.signatures().iter().filter(|signature| !signature.sig.is_empty());
            self.unverified = given.map(|signature| signer(&signature.keyid, Did::SaysSigned, names)).collect();
        }
    }

    /// The description as lines of text, two spaces deep where they belong to the line above.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("{} {}", self.kind, self.version),
            format!("  expires {} ({})", self.expires, days(self.expired, self.days_left)),
            format!("  {} bytes, SHA-256 {}", self.length, self.sha256),
        ];
        for role in &self.roles {
            let scope = role.scope.as_ref().map(|scope| format!(", {scope}")).unwrap_or_default();
            lines.push(format!("role {}: {} of {} must sign{scope}", role.name, role.threshold, role.keys.len()));
            lines.extend(role.keys.iter().map(|key| format!("  {}", key.line())));
        }
        if !self.unused.is_empty() {
            lines.push("keys that no role names".into());
            lines.extend(self.unused.iter().map(|key| format!("  {}", key.line())));
        }
        if !self.files.is_empty() {
            lines.push(format!("files: {}", self.files.len()));
            lines.extend(self.files.iter().map(|file| format!("  {}: {}", file.name, file.says)));
        }
        for tally in &self.tallies {
            let verdict = if tally.met { "met" } else { "NOT MET" };
            let counted = format!("signatures {}, needed {}", tally.signed, tally.threshold);
            lines.push(format!(
                "signed, by the {} keys of root {}: {counted}, {verdict}",
                tally.role, tally.root_version
            ));
            lines.extend(tally.signers.iter().map(|signer| format!("  {}", signer.line())));
        }
        if self.tallies.is_empty() {
            lines.push(format!("signatures {}, by keys that no root at hand names", self.unverified.len()));
            lines.extend(self.unverified.iter().map(|signer| format!("  {}", signer.line())));
        }
        lines
    }
}

impl DescribedKey {
    fn line(&self) -> String {
        let algorithm = self.algorithm.as_deref().unwrap_or("the key is not given");
        let name = self.name.as_ref().map(|name| format!(", {}", shown(name))).unwrap_or_default();
        let differs = if self.keyid_matches { "" } else { ", keyid is not the hash of the key" };
        let carries: String = self.carries.iter().map(|carried| format!(", {carried}")).collect();
        format!("{} {algorithm}{name}{carries}{differs}", self.keyid)
    }
}

impl DescribedTally {
    fn new(root_version: u64, tally: Tally, names: Names) -> Self {
        let lists = [
            (Did::Signed, &tally.signed),
            (Did::SignedAgain, &tally.repeated),
            (Did::SignedBadly, &tally.bad),
            (Did::NotSigned, &tally.missing),
            (Did::SignedUnasked, &tally.unknown),
        ];
        let signers = lists.into_iter().flat_map(|(did, keyids)| keyids.iter().map(move |keyid| (did, keyid)));
        Self {
            root_version,
            threshold: tally.threshold,
            signed: tally.signed.len(),
            met: tally.is_met(),
            signers: signers.map(|(did, keyid)| signer(keyid, did, names)).collect(),
            role: tally.role,
        }
    }
}

impl DescribedSigner {
    fn line(&self) -> String {
        let name = self.name.as_ref().map(|name| format!(" ({})", shown(name))).unwrap_or_default();
        format!("{}: {}…{name}", self.did.words(), self.keyid.short())
    }
}

fn signer(keyid: &KeyId, did: Did, names: Names) -> DescribedSigner {
    DescribedSigner { keyid: keyid.clone(), name: names(keyid), did }
}

/// `in 365 days`, `EXPIRED 3 days ago`.
fn days(expired: bool, left: i64) -> String {
    let count = if expired { (left + 1).min(0).unsigned_abs() } else { left.unsigned_abs() };
    let days = match count {
        0 => "less than a day".into(),
        1 => "1 day".into(),
        _ => format!("{count} days"),
    };
    if expired { format!("EXPIRED {days} ago") } else { format!("in {days}") }
}

fn key(keyid: &KeyId, key: Option<&Key>, names: Names) -> DescribedKey {
    DescribedKey {
        keyid: keyid.clone(),
        algorithm: key.map(|key| key.public().algorithm()),
        fingerprint: key.map(|key| key.public().fingerprint()),
        name: names(keyid),
        keyid_matches: key.is_some_and(|key| key.id() == *keyid),
        carries: key.map(carried).unwrap_or_default(),
    }
}

fn carried(key: &Key) -> Vec<String> {
    let known = ["keytype", "scheme", "keyval"];
    let others = key.members().iter().filter(|(name, _)| !known.contains(&name.as_str()));
    let text = others.filter_map(|(name, value)| value.as_str().map(|text| (name, text)));
    let mut carried: Vec<String> = text.map(|(name, text)| format!("{}: {}", shown(name), shown(text))).collect();
    if let Some(certificate) = key.certificate() {
        let name = shown(&certificate.common_name());
        carried.push(format!("certificate for {name}, {} to {}", certificate.not_before(), certificate.not_after()));
        carried.push(format!("canonical id {}", key.canonical_id()));
    }
    carried
}

fn target(name: &str, file: &TargetFile) -> DescribedFile {
    let hashes: Vec<String> = file.hashes.iter().map(|(algorithm, hash)| format!("{algorithm} {hash}")).collect();
    DescribedFile { name: shown(name), says: shown(&format!("{} bytes, {}", file.length, hashes.join(", "))) }
}

fn meta(name: &str, file: &MetaFile) -> DescribedFile {
    let version = file.version.map(|version| format!("version {version}"));
    let length = file.length.map(|length| format!("{length} bytes"));
    let hashes = file.hashes.iter().flatten().map(|(algorithm, hash)| format!("{algorithm} {hash}"));
    let says: Vec<String> = version.into_iter().chain(length).chain(hashes).collect();
    DescribedFile { name: shown(name), says: shown(&says.join(", ")) }
}
