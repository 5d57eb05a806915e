//! Whether notary-server 0.7 would take an upload, and a stock client then work. The two are not the same: the server takes much
//! that no client ever finds again.

use super::{
    below::{Below, matches_meta},
    is_delegation,
    roots::{Roots, Taken},
    server, wire,
};
use crate::{
    rules::{Passed, Refusal, Rule},
    text::{shown, shown_up_to},
    tuf::{
        bundle,
        dialect::Dialect,
        document::Document,
        predict::{Breakage, Client},
        role::RoleName,
        root::Root,
        signed::{Metadata, Untrusted},
        timestamp::Timestamp,
        verify::tally_of,
        walk::{Published, Walk, in_file},
    },
    utc::Utc,
};

/// `NOTARY-BYTES`: a server that hashes what it would write itself hashes these bytes.
pub fn spelling(bytes: &[u8]) -> Spelt {
    compared(&wire::respelt(bytes).map_err(|(place, why)| unreadable(&place, &why))?, bytes)
}

/// Whether a document is spelt as Notary spells it.
pub type Spelt = Result<Passed, Refusal>;

/// A document of one kind, and how it is spelt, read in one go.
///
/// # Errors
/// What Go would not read, or no metadata of this kind.
pub fn read<T: Metadata>(bytes: &[u8]) -> Result<(Untrusted<T>, Spelt), Refusal> {
    let unreadable = |(place, why): (String, String)| unreadable(&place, &why);
    let value = wire::read(bytes).map_err(unreadable)?;
    let again = wire::respelt_as(&value, bytes).map_err(unreadable)?;
    Ok((Untrusted::of(Dialect::Notary, bytes, value)?, compared(&again, bytes)))
}

/// `NOTARY-BYTES`, where it is known what Notary would write.
fn compared(again: &[u8], bytes: &[u8]) -> Spelt {
    if again == bytes {
        return Ok(Passed::new(Rule::NotaryBytes, format!("{} bytes, written again the same", bytes.len())));
    }
    let place =
        again.iter().zip(bytes).position(|(ours, theirs)| ours != theirs).unwrap_or(again.len().min(bytes.len()));
    let part = |bytes: &[u8]| {
        let from = place.saturating_sub(12);
        shown_up_to(&String::from_utf8_lossy(&bytes[from..bytes.len().min(place + 28)]), 60)
    };
    let what = format!(
        "From byte {place} on, Notary would write “{}”, and here stands “{}”. A server takes it, and no client finds it.",
        part(again),
        part(bytes)
    );
    let remedy = "Publish the next version, spelt as this program spells it; the same version cannot be replaced.";
    Err(Refusal::new(Rule::NotaryBytes, what, remedy))
}

/// The refusal of what Go would not read.
pub fn unreadable(place: &str, why: &str) -> Refusal {
    let what = format!("`{}` {why}.", shown_up_to(place, 120));
    Refusal::new(
        Rule::MetadataWellFormed,
        what,
        "Make the file again; the server answers MALFORMED_JSON or refuses the upload.",
    )
}

/// Every reason in one document for which it would not work, apart from whether enough keys signed it.
pub fn breakages(bytes: &[u8]) -> Vec<Breakage> {
    let mut found = vec![];
    let mut add = |place: &str, why: String| {
        found.push(Breakage { clients: vec![Client::Notary], place: shown_up_to(place, 120), why });
    };
    let value = wire::read(bytes);
    let respelt = value.as_ref().map_err(Clone::clone).and_then(|value| wire::respelt_as(value, bytes));
    let spelt = respelt.map_err(|(place, why)| unreadable(&place, &why)).and_then(|again| compared(&again, bytes));
    if let Err(refusal) = spelt {
        add("document", format!("is not spelt as Notary spells it. {}", refusal.what));
    }
    let document = match value {
        Ok(value) => Document::of(Dialect::Notary, bytes, value),
        // What is wrong is said in other words here.
        Err(_) => Document::parse(Dialect::Notary, bytes),
    };
    let document = match document {
        Ok(document) => document,
        Err(refusal) => {
            add("document", format!("cannot be read: {}", refusal.what));
            return found;
        }
    };
    if let Some(root) = document.as_root() {
        for name in RoleName::TOP {
            for (keyid, key) in root.keys_of(&name) {
                let place = format!("signed.keys.{}", keyid.short());
                if key.id() != *keyid {
                    add(&place, "stands under a keyid that is not the SHA-256 of its members".into());
                }
                if name == RoleName::Root && key.certificate().is_none_or(|certificate| certificate.is_leaf().is_err())
                {
                    add(&place, "is a root key without a certificate that Notary takes".into());
                }
            }
        }
    }
    if let Document::Targets(targets) = &document {
        let delegations = targets.document().delegations.iter().flat_map(|delegations| &delegations.roles);
        for delegated in delegations.filter(|delegated| !is_delegation(delegated.name.as_str())) {
            let name = delegated.name.as_str();
            add(&format!("signed.delegations.{name}"), "has a name that Notary does not take".into());
        }
    }
    found
}

/// What the stock server and client do with what is published.
pub fn predict(published: &Published<'_>, now: Utc) -> Walk {
    let mut prediction = Prediction { published, now, walk: Walk::new() };
    prediction.walk.refusal = prediction.run().err();
    prediction.walk
}

/// How many of the older roots are asked what a client that holds them would do.
const OLDER_CLIENTS: usize = 32;

struct Prediction<'a> {
    published: &'a Published<'a>,
    now: Utc,
    walk: Walk,
}

impl Prediction<'_> {
    fn run(&mut self) -> Result<(), Refusal> {
        let Published { gun, files, trusted } = *self.published;
        self.names()?;
        let trusted = trusted.map(|bytes| read_root("the trusted root", bytes)).transpose()?.map(|(root, _)| root);
        let (mut roots, posted) = self.roots(trusted.as_ref())?;
        roots.is_posted &= !self.is_published(roots.newest.document())?;
        let with_snapshot = files.contains_key("snapshot.json");
        let spelt = if with_snapshot {
            None
        } else {
            let spelt = posted.unwrap_or_else(|| spelling(roots.newest.bytes()));
            Some(spelt.map_err(|refusal| in_file(&roots.file, refusal))?)
        };
        roots.on_server(gun, self.now)?;
        let uploaded = if roots.is_posted { self.upload(&roots, with_snapshot)? } else { vec![] };
        let mut taken = roots.in_client(trusted.as_ref(), gun, self.now)?;
        if let Some(newest) = taken.last_mut() {
            newest.passed.extend(spelt.into_iter().chain(uploaded));
        }
        for Taken { file, root, passed } in taken {
            self.walk.root_version = root.document().version;
            self.walk.verified(&RoleName::Root, &file, &root, passed);
            self.walk.root = Some(root);
        }
        self.warn(&roots, trusted.as_ref());
        let newest = &roots.newest;
        Below { files, now: self.now, walk: &mut self.walk }.run(newest.document(), newest.bytes())
    }

    /// Names that the server would refuse, and files that are no part of an upload.
    fn names(&mut self) -> Result<(), Refusal> {
        for file in self.published.files.keys() {
            let Some(role) = file.strip_suffix(".json") else { continue };
            if role.starts_with("targets/") && !is_delegation(role) {
                let what = format!("{} is the file of a role that Notary does not take.", shown(file));
                let remedy = "Delegated roles are called targets/… in lower-case letters, digits, `-` and `_`.";
                return Err(Refusal::new(Rule::DelegationName, what, remedy));
            }
            let known = ["root", "targets", "snapshot", "timestamp"].contains(&role) || is_delegation(role);
            if !known && version_of(role).is_none() {
                self.walk.notes.push(format!("{} is left out: no role has this file.", shown(file)));
            }
        }
        Ok(())
    }

    /// Whether the files are what a server published already: a timestamp of its own stands over the snapshot that is here. A server
    /// takes no timestamp from anybody.
    fn is_published(&mut self, root: &Root) -> Result<bool, Refusal> {
        let Some(bytes) = self.published.files.get("timestamp.json") else { return Ok(false) };
        let timestamp: Untrusted<Timestamp> = Untrusted::parse(Dialect::Notary, bytes.as_slice())
            .map_err(|refusal| in_file("timestamp.json", refusal))?;
        let role = root.role(&RoleName::Timestamp).cloned().unwrap_or_default();
        let met = tally_of(&RoleName::Timestamp, &role, &root.keys, &timestamp).is_met();
        let named = [("snapshot".to_owned(), timestamp.document().snapshot.clone())].into();
        let over = self
            .published
            .files
            .get("snapshot.json")
            .is_some_and(|bytes| matches_meta("snapshot", bytes, &named).is_ok());
        if met && over {
            self.walk
                .notes
                .push("timestamp.json is the server's: this is what it published, and nothing is uploaded.".into());
            return Ok(true);
        }
        let what = "timestamp.json is here, and is no timestamp by this root's key over snapshot.json. The server makes its own and takes none.";
        Err(Refusal::new(Rule::ServerHoldsKeys, what, "Take timestamp.json away."))
    }

    /// Which roots were published, and which is the newest; and, where that is root.json, how it is spelt.
    fn roots(&self, trusted: Option<&Untrusted<Root>>) -> Result<(Roots, Option<Spelt>), Refusal> {
        let step = |what: String, remedy: &str| Err(Refusal::new(Rule::RootVersionStep, what, remedy));
        let mut published = std::collections::BTreeMap::new();
        for (file, bytes) in self.published.files {
            let Some(version) = file.strip_suffix(".json").and_then(version_of) else { continue };
            let root = match trusted.filter(|trusted| trusted.bytes() == bytes.as_slice()) {
                Some(trusted) => trusted.clone(),
                None => read_root(file, bytes)?.0,
            };
            if root.document().version != version {
                let what = format!("{} holds root {}.", shown(file), root.document().version);
                return step(what, "Name each root by its version.");
            }
            published.insert(version, root);
        }
        let posted = self.published.files.get("root.json").map(|bytes| read_root("root.json", bytes)).transpose()?;
        if let Some(trusted) = trusted {
            // A root that a client holds was published.
            published.entry(trusted.document().version).or_insert_with(|| trusted.clone());
        }
        let last = published.last_key_value().map(|(version, root)| (*version, root.clone()));
        match (posted, last) {
            (None, None) => {
                let what = "There is no root: neither root.json nor one that was published.";
                Err(Refusal::new(Rule::BundleComplete, what, "Put root.json and targets.json into one upload."))
            }
            (None, Some((version, newest))) => {
                let file = format!("{version}.root.json");
                Ok((Roots { published, newest, file, is_posted: false, answers: Default::default() }, None))
            }
            (Some((newest, spelt)), last) => {
                let version = newest.document().version;
                let is_posted = last.as_ref().is_none_or(|(last, _)| version > *last);
                let same = published.get(&version).is_some_and(|root| root.bytes() == newest.bytes());
                match last {
                    Some((last, _)) if version < last => step(
                        format!("root.json is root {version}, and root {last} was published."),
                        "Give the newest root as root.json.",
                    ),
                    Some((last, _)) if version == last && !same => step(
                        format!("Another root {last} was published; a version cannot be replaced."),
                        "Give the root the next version.",
                    ),
                    _ => {
                        let file = "root.json".into();
                        Ok((Roots { published, newest, file, is_posted, answers: Default::default() }, Some(spelt)))
                    }
                }
            }
        }
    }

    /// What the server wants of an upload with a root.
    fn upload(&self, roots: &Roots, with_snapshot: bool) -> Result<Vec<Passed>, Refusal> {
        let files = self.published.files;
        let before = roots.published.range(..roots.version()).next_back().map(|(_, root)| root.document());
        let complete = bundle::complete(before, roots.newest.document(), files.contains_key("targets.json"))?;
        Ok(vec![complete, server::holds_keys(roots.newest.document(), files, with_snapshot)?])
    }

    /// What will go wrong later, or goes wrong for others.
    fn warn(&mut self, roots: &Roots, trusted: Option<&Untrusted<Root>>) {
        let newest = roots.newest.document();
        let notes = &mut self.walk.notes;
        if let Err(refusal) = bundle::six_months(newest.expires, self.now) {
            notes.push(format!("{}: {} {}", refusal.rule, refusal.what, refusal.remedy));
        } else {
            let fails = bundle::taggers_fail_from(newest.expires);
            notes
                .push(format!("From {fails} on, whoever publishes without the root key fails; renew the root before."));
        }
        for root in roots.published.values().map(Untrusted::document).chain([newest]) {
            if let Err(refusal) = bundle::certificates_outlive(root) {
                let note = format!("{}: {}", refusal.rule, refusal.what);
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
        for (keyid, key) in newest.keys_of(&RoleName::Root) {
            let ends = key.certificate().map(|certificate| certificate.not_after());
            if let Some(ends) = ends.filter(|ends| *ends < self.now.plus_months(bundle::NEAR_EXPIRY_MONTHS)) {
                let keyid = keyid.short();
                notes.push(format!(
                    "The certificate of root key {keyid}… ends {ends}. After that nothing can be published any more."
                ));
            }
        }
        for name in [RoleName::Root, RoleName::Targets] {
            let threshold = newest.role(&name).map_or(0, |role| role.threshold);
            if threshold > 1 {
                notes.push(format!(
                    "{name} has a threshold of {threshold}: no stock tool maintains it, this program does."
                ));
            }
        }
        if trusted.is_none() {
            self.warn_of_older_clients(roots);
        }
    }

    /// Clients that hold an older root are not fresh ones: they are asked for too.
    fn warn_of_older_clients(&mut self, roots: &Roots) {
        for (version, held) in roots.published.range(..roots.version()).rev().take(OLDER_CLIENTS) {
            if let Err(refusal) = roots.in_client(Some(held), self.published.gun, self.now) {
                self.walk.notes.push(format!(
                    "A client that holds root {version} does not follow: {}: {}",
                    refusal.rule, refusal.what
                ));
            }
        }
    }
}

fn read_root(file: &str, bytes: &[u8]) -> Result<(Untrusted<Root>, Spelt), Refusal> {
    read(bytes).map_err(|refusal| in_file(file, refusal))
}

/// `3` of `3.root`.
fn version_of(name: &str) -> Option<u64> {
    let version: u64 = name.strip_suffix(".root")?.parse().ok()?;
    (format!("{version}.root") == name).then_some(version)
}
