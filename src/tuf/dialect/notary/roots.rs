//! Which root a server or a client takes (notary 0.7.0, `trustpinning/certs.go`, `ValidateRoot`; `client/tufclient.go`).

use std::{cell::RefCell, collections::BTreeMap};

use super::keys;
use crate::{
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    tuf::{
        certificate::Certificate,
        key::{Key, KeyId},
        role::{Role, RoleName},
        root::Root,
        signed::Untrusted,
        verify::{Signers, Verified, not_expired, root_signed_by},
    },
    utc::Utc,
};

/// The root keys of a root that count, and why the others do not.
struct Usable {
    keys: BTreeMap<KeyId, Key>,
    refused: Vec<Refusal>,
    passed: Vec<Passed>,
}

impl Usable {
    /// For `gun`. Where `now` is `None`, certificates may have ended: so it is for the root before a root.
    fn of(root: &Root, gun: &str, now: Option<Utc>) -> Self {
        let mut usable = Self { keys: BTreeMap::new(), refused: vec![], passed: vec![] };
        for (keyid, key) in root.keys_of(&RoleName::Root) {
            match certificate_counts(keyid, key, gun, now) {
                Ok(passed) => {
                    usable.passed.extend(passed);
                    usable.keys.insert(keyid.clone(), key.clone());
                }
                Err(refusal) => {
                    let what = format!("Root {}, key {}…: {}", root.version, keyid.short(), refusal.what);
                    usable.refused.push(Refusal { what, ..refusal });
                }
            }
        }
        usable
    }

    /// The reason that explains best why a tally is not met.
    fn explain(self, otherwise: Refusal) -> Refusal {
        self.refused.into_iter().next().unwrap_or(otherwise)
    }
}

/// Whether the key under `keyid` counts: in a certificate that fits and is valid, spelt as Go spells it.
fn certificate_counts(keyid: &KeyId, key: &Key, gun: &str, now: Option<Utc>) -> Result<Vec<Passed>, Refusal> {
    let again = "Make a root certificate for it, as this program makes them.";
    let text = keys::certificate_text(key.members()).ok_or_else(|| {
        Refusal::new(Rule::CertValid, "it travels in no certificate, and a root key of Notary must.", again)
    })?;
    let certificate = Certificate::from_pem(&text)
        .ok_or_else(|| Refusal::new(Rule::CertValid, "its certificate cannot be read.", again))?;
    let fits = certificate.fits(gun)?;
    let valid = match now {
        Some(now) => certificate.is_valid(now)?,
        None => certificate.is_leaf().map(|()| Passed::new(Rule::CertValid, "apart from its dates"))?,
    };
    // Notary makes the key again from the certificates that it keeps; another spelling is another keyid.
    let kept = certificate.keeping(|other| now.is_none_or(|now| other.is_kept(now)));
    if keys::certified(&kept).as_ref() != Some(key.members()) {
        let what = "its certificate is not spelt as Notary spells it, or an authority's in its bundle has ended: Notary computes \
                    another keyid.";
        let remedy = "Write it in PEM with LF, 64 characters a line, nothing around it, and a last newline.";
        return Err(Refusal::new(Rule::NotaryBytes, what, remedy));
    }
    if key.id() != *keyid {
        let what = format!("its keyid is {}.", key.id());
        return Err(Refusal::new(Rule::KeyidMatchesKey, what, "List it under the keyid that is its hash."));
    }
    Ok(vec![fits, valid])
}

/// Why a root was not taken.
#[derive(Clone)]
pub enum Failure {
    /// Its signatures by the root before it are too few: a client then tries the roots between.
    Rotation(Refusal),
    /// Anything else.
    Fatal(Refusal),
}

impl Failure {
    pub fn refusal(self) -> Refusal {
        match self {
            Self::Rotation(refusal) | Self::Fatal(refusal) => refusal,
        }
    }
}

/// Takes `root`, after `before` where there is one. Neither its version nor its own expiry is asked.
fn validate(
    before: Option<&Root>,
    root: Untrusted<Root>,
    gun: &str,
    now: Utc,
) -> Result<(Verified<Root>, Vec<Passed>), Failure> {
    structure(root.document()).map_err(Failure::Fatal)?;
    let absent = Role::default();
    let role = |root: &Root| root.role(&RoleName::Root).unwrap_or(&absent).clone();
    let own = Usable::of(root.document(), gun, Some(now));
    if own.keys.is_empty() {
        let none = Refusal::new(Rule::CertValid, "The root names no root key.", "Name one, in a certificate.");
        return Err(Failure::Fatal(own.explain(none)));
    }
    let old = before.map(|before| (role(before), Usable::of(before, gun, None), before.version));
    let old_signers =
        old.as_ref().map(|(role, usable, version)| Signers { role, keys: &usable.keys, version: *version });
    let own_role = role(root.document());
    let own_signers = Signers { role: &own_role, keys: &own.keys, version: root.document().version };
    match root_signed_by(root, old_signers.as_ref(), &own_signers) {
        Ok(verified) => Ok((verified, own.passed)),
        Err((Rule::RootTallyOld, refusal)) => {
            Err(Failure::Rotation(old.map_or(refusal.clone(), |(_, usable, _)| usable.explain(refusal))))
        }
        Err((_, refusal)) if refusal.rule == Rule::KeyCountedOnce => Err(Failure::Fatal(refusal)),
        Err((_, refusal)) => Err(Failure::Fatal(own.explain(refusal))),
    }
}

/// What the server and the client want of every root: each keyid that a role names has its key.
fn structure(root: &Root) -> Result<(), Refusal> {
    for name in RoleName::TOP {
        let role = root.role(&name).cloned().unwrap_or_default();
        if let Some(keyid) = role.keyids.iter().find(|keyid| !root.keys.contains_key(keyid)) {
            let what = format!("Role {name} of root {} names keyid {} without its key.", root.version, keyid.short());
            return Err(Refusal::new(
                Rule::MetadataWellFormed,
                what,
                "Give the key, or take the keyid out of the role.",
            ));
        }
    }
    Ok(())
}

/// A root that a client took, and the rules that held beside those of its signatures.
pub struct Taken {
    /// The file that it came from.
    pub file: String,
    pub root: Verified<Root>,
    pub passed: Vec<Passed>,
}

/// The roots that were published, by version, and the newest.
pub struct Roots {
    /// Those before the newest, and the newest itself where it was published.
    pub published: BTreeMap<u64, Untrusted<Root>>,
    pub newest: Untrusted<Root>,
    /// The name of its file.
    pub file: String,
    /// Whether it goes up with this upload.
    pub is_posted: bool,
    /// What was answered before: server and client ask the same of the same roots.
    pub answers: RefCell<Vec<(Question, Answer)>>,
}

/// The root before, if any, and the root, by their digests.
type Question = (Option<Digest>, Digest);
type Answer = Result<(Verified<Root>, Vec<Passed>), Failure>;

impl Roots {
    pub fn version(&self) -> u64 {
        self.newest.document().version
    }

    /// [`validate`], asked once for the same two roots.
    fn validate(&self, before: Option<&Verified<Root>>, root: &Untrusted<Root>, gun: &str, now: Utc) -> Answer {
        let question = (before.map(Verified::digest), root.digest());
        let known =
            self.answers.borrow().iter().find(|(asked, _)| *asked == question).map(|(_, answer)| answer.clone());
        known.unwrap_or_else(|| {
            let answer = validate(before.map(Verified::document), root.clone(), gun, now);
            self.answers.borrow_mut().push((question, answer.clone()));
            answer
        })
    }

    /// The root that the server had before this upload, where there is an upload.
    fn before(&self) -> Option<&Untrusted<Root>> {
        self.published.range(..self.version()).next_back().map(|(_, root)| root)
    }

    /// What the server does with the newest root (notary 0.7.0, `server/handlers/validation.go`).
    pub fn on_server(&self, gun: &str, now: Utc) -> Result<(), Refusal> {
        if !self.is_posted {
            return Ok(());
        }
        let version = self.version();
        let step = |what: String, remedy: &str| Err(Refusal::new(Rule::RootVersionStep, what, remedy));
        let Some(before) = self.before() else {
            if version > 2 {
                let what = format!("The first root of a repository has version {version}; the server takes 1 or 2.");
                return step(
                    what,
                    "Give the roots that were published before it as 1.root.json, 2.root.json and so on.",
                );
            }
            let taken = self.validate(None, &self.newest, gun, now).map_err(Failure::refusal)?;
            return not_expired(&format!("root {version}"), taken.0.document().expires, now).map(drop);
        };
        let old = before.document().version;
        if old + 1 != version {
            return step(
                format!("The root has version {version}, and the one that was published last has {old}."),
                "Give the roots between as files too, or this root the next version.",
            );
        }
        // The server reads its own root first: once that one's certificate has ended, nothing goes any more.
        let current = self.validate(None, before, gun, now).map_err(|failure| {
            let refusal = failure.refusal();
            let what = format!("The server takes nothing on top of its own root {old}. {}", refusal.what);
            Refusal { what, ..refusal }
        })?;
        let taken = self.validate(Some(&current.0), &self.newest, gun, now).map_err(Failure::refusal)?;
        not_expired(&format!("root {version}"), taken.0.document().expires, now).map(drop)
    }

    /// The roots that a client takes: each with the rules that held, the newest last.
    pub fn in_client(&self, trusted: Option<&Untrusted<Root>>, gun: &str, now: Utc) -> Result<Vec<Taken>, Refusal> {
        let mut taken = vec![];
        let (mut old, cached) = match trusted {
            None => (None, false),
            Some(trusted) => {
                let (root, passed) = self.validate(None, trusted, gun, now).map_err(|failure| {
                    let refusal = failure.refusal();
                    let what = format!(
                        "A client that holds root {} stops for good: {}",
                        trusted.document().version,
                        refusal.what
                    );
                    Refusal { what, ..refusal }
                })?;
                let same = trusted.bytes() == self.newest.bytes();
                taken.push(Taken { file: "(trusted)".to_owned(), root: root.clone(), passed });
                (Some(root), same)
            }
        };
        let ends = |root: &Verified<Root>| {
            let document = root.document();
            not_expired(&format!("root {}", document.version), document.expires, now)
        };
        if let Some(root) = old.as_ref().filter(|_| cached) {
            let passed = ends(root)?;
            taken[0].passed.push(passed);
            return Ok(taken);
        }
        if let Some(root) = &old
            && self.version() < root.document().version
        {
            let what =
                format!("The client holds root {}, and root {} is older.", root.document().version, self.version());
            return Err(Refusal::new(Rule::VersionNotLower, what, "Give the newest root."));
        }
        match self.validate(old.as_ref(), &self.newest, gun, now) {
            Ok((root, mut passed)) => {
                passed.push(ends(&root)?);
                taken.push(Taken { file: self.file.clone(), root, passed });
                return Ok(taken);
            }
            Err(Failure::Fatal(refusal)) => return Err(refusal),
            Err(Failure::Rotation(refusal)) => {
                // A client whose own root has expired takes the newest at once or never.
                if let Some(Err(expired)) = old.as_ref().map(ends) {
                    let what = format!("{} {} It does not try the roots between.", refusal.what, expired.what);
                    let remedy = "Sign the newest root also with the root keys that such clients know, or have them delete their trust \
                                  directory.";
                    return Err(Refusal::new(Rule::RootTallyOld, what, remedy));
                }
            }
        }
        while let Some(root) = &old {
            let next = root.document().version + 1;
            let last = next >= self.version();
            let (file, received) = match self.published.get(&next) {
                _ if last => (self.file.clone(), &self.newest),
                Some(received) => (format!("{next}.root.json"), received),
                None => {
                    let what = format!("A client on root {} asks for {next}.root.json, which is not here.", next - 1);
                    return Err(Refusal::new(Rule::RootVersionStep, what, "Give every root that was published."));
                }
            };
            let in_file = |failure: Failure| {
                let refusal = failure.refusal();
                Refusal { what: format!("{file}, on the way from root {}: {}", next - 1, refusal.what), ..refusal }
            };
            let (root, mut passed) = self.validate(Some(root), received, gun, now).map_err(in_file)?;
            if last {
                passed.push(ends(&root)?);
            }
            taken.push(Taken { file, root: root.clone(), passed });
            if last {
                return Ok(taken);
            }
            old = Some(root);
        }
        Ok(taken)
    }
}
