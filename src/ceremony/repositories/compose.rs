//! The documents of one repository, composed from what it is today, the script and the keys that are here, and from nothing
//! else.

use std::collections::BTreeMap;

use super::{
    DocumentShape, Shape, changes, delegations,
    pack::Inputs,
    read::{self, Today},
};
use crate::{
    ceremony::{
        Ceremony, metadata,
        participants::Alias,
        script::{Kind, Signatory, TaggingSpec},
        unfit,
    },
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    text::shown,
    tuf::{
        authoring, bundle,
        change::{self, RootChange},
        key::{Key, KeyId},
        role::RoleName,
        root::Root,
        signed::{Metadata, Untrusted},
        targets::{DelegatedRole, Targets},
        targets_change::{self, TargetsChange},
        verify::{Verified, tally_of, version_step},
    },
    utc::Utc,
};

/// What was composed for one repository, before anybody saw it.
pub struct Composed {
    /// What it shares with others.
    pub shape: Shape,
    /// Versions and bytes to sign, in the order of the shape's documents.
    pub documents: Vec<(u64, Vec<u8>)>,
    /// How many tags are kept and how many become as they were.
    pub tags: Option<(u32, u32)>,
    /// The rules that were asked and held.
    pub passed: Vec<Passed>,
}

/// Composes what the script asks for in repository `number`.
///
/// # Errors
/// The first rule that says no: the repository is then left out of the batch, and people are shown why.
pub fn compose(ceremony: &Ceremony, number: u32, inputs: &Inputs, date: Utc) -> Result<Composed, Refusal> {
    let today = read::today(ceremony, inputs)?;
    let mut work =
        Work { ceremony, number, inputs, today, date, names: names(ceremony), composed: Composed::nothing() };
    let tagging = ceremony.script.repositories.as_ref().and_then(|spec| spec.tagging.clone());
    let root = if ceremony.script.kind.writes_roots() { Some(work.root(tagging.as_ref())?) } else { None };
    if let Some(tagging) = &tagging {
        work.targets(tagging, root.as_ref())?;
    }
    Ok(work.composed)
}

impl Composed {
    fn nothing() -> Self {
        Self { shape: Shape { documents: vec![], notes: vec![] }, documents: vec![], tags: None, passed: vec![] }
    }
}

/// Whose key is whose, by the digest of the public key. Of several tokens with one key, the one that the script names in the root speaks for it.
fn names(ceremony: &Ceremony) -> BTreeMap<Digest, String> {
    let mut names = BTreeMap::new();
    let in_root: Vec<Alias> = ceremony.script.root.keys.iter().map(|alias| ceremony.playing(alias)).collect();
    let (named, others): (Vec<_>, Vec<_>) = ceremony.tokens.iter().partition(|(alias, _)| in_root.contains(alias));
    for (alias, token) in named.into_iter().chain(others) {
        if let Some(key) = &token.key {
            let name = || format!("{alias}, {}", ceremony.card(alias).holder_name);
            names.entry(key.public().fingerprint()).or_insert_with(name);
        }
    }
    for (name, key) in &ceremony.imported {
        let owner = ceremony.script.keys.iter().find(|spec| spec.name == *name).map(|spec| spec.owner.clone());
        let said = owner.map_or_else(|| name.to_string(), |owner| format!("{name}, {owner}"));
        names.insert(key.public().fingerprint(), said);
    }
    names
}

struct Work<'a> {
    ceremony: &'a Ceremony,
    number: u32,
    inputs: &'a Inputs,
    today: Today,
    date: Utc,
    names: BTreeMap<Digest, String>,
    composed: Composed,
}

impl Work<'_> {
    fn root(&mut self, tagging: Option<&TaggingSpec>) -> Result<Root, Refusal> {
        let script = &self.ceremony.script;
        let old = self.today.root.as_ref().map(Verified::document).cloned();
        let mut changes = match (script.kind, &old, tagging) {
            (Kind::DctGenesis, None, Some(tagging)) => {
                let (expires, _) = changes::expires(&script.root.expiry, self.date, None)?;
                let snapshot = read::server_key(self.inputs, &RoleName::Snapshot)?;
                let timestamp = read::server_key(self.inputs, &RoleName::Timestamp)?;
                changes::first_root(self.ceremony, &self.inputs.gun, tagging, (snapshot, timestamp), expires)?
            }
            (Kind::DctRotateTaggingKey, Some(old), Some(tagging)) => {
                changes::other_tagging_key(self.ceremony, old, tagging)?
            }
            (Kind::DctRotateRoot, Some(old), _) => changes::other_offline_keys(self.ceremony, &self.inputs.gun, old)?,
            (Kind::DctRenew, Some(_), _) => vec![],
            _ => return Err(unfit("This repository does not fit this ceremony.")),
        };
        if let Some(old) = &old {
            let after = change::amend(old, &changes);
            let certificates =
                after.keys_of(&RoleName::Root).filter_map(|(_, key)| Some(key.certificate()?.not_after()));
            let (expires, note) = changes::expires(&script.root.expiry, self.date, certificates.min())?;
            self.composed.shape.notes.extend(note);
            changes.push(RootChange::SetVersion { version: old.version + 1 });
            if old.expires != expires {
                changes.push(RootChange::SetExpires { expires });
            }
        }
        let blank = Root::blank();
        let base = old.as_ref().unwrap_or(&blank);
        let root = change::amend(base, &changes);
        let mut passed = authoring::root_rules(old.as_ref(), &root)?;
        passed.push(authoring::draft_is_the_change(old.as_ref(), &root, &changes)?);
        if let Some(old) = &old {
            passed.push(version_step(old, &root)?);
        }
        self.certificates(&root)?;
        passed.push(bundle::certificates_outlive(&root)?);
        passed.extend(metadata::declared(
            bundle::six_months(root.expires, self.date),
            script.declares.not_for_every_client,
        )?);
        let signers = self.root_signers(old.as_ref(), &root);
        passed.extend(changes::enough_sign(self.ceremony, &signers, old.as_ref(), &root)?);
        let words = change::in_order(&changes).iter().map(|change| self.root_words(change, base)).collect();
        self.root_notes(&root);
        self.composed.passed.extend(passed);
        self.add(RoleName::Root, &root, dedup(words), signers)?;
        Ok(root)
    }

    /// `CERT-FITS-GUN` and `CERT-VALID` for every key that the root role names.
    fn certificates(&self, root: &Root) -> Result<(), Refusal> {
        for (_, key) in root.keys_of(&RoleName::Root) {
            if let Some(certificate) = key.certificate() {
                certificate.fits(self.inputs.gun.as_str())?;
                certificate.is_valid(self.date)?;
            }
        }
        Ok(())
    }

    /// The tokens whose keys the old root or the new one names.
    fn root_signers(&self, old: Option<&Root>, new: &Root) -> Vec<Signatory> {
        let named: Vec<Digest> = old
            .into_iter()
            .chain(std::iter::once(new))
            .flat_map(|root| root.keys_of(&RoleName::Root))
            .map(|(_, key)| key.public().fingerprint())
            .collect();
        let tokens = self.ceremony.tokens.iter().filter(|(_, token)| {
            token.counts && token.key.as_ref().is_some_and(|key| named.contains(&key.public().fingerprint()))
        });
        tokens.map(|(alias, _)| Signatory::Token(alias.clone())).collect()
    }

    fn root_words(&self, change: &RootChange, old: &Root) -> String {
        match change {
            RootChange::SetVersion { version } if *version == old.version + 1 => "the next version".into(),
            RootChange::AddKey { role, key, .. } => {
                let certified = key.certificate().map(|certificate| {
                    let own = certificate.common_name() == self.inputs.gun.as_str();
                    let name = if own { "its own name".into() } else { shown(&certificate.common_name()) };
                    format!(" in a certificate for {name} until {}", certificate.not_after().date())
                });
                format!("{role}: add the key of {}{}", self.owner(key), certified.unwrap_or_default())
            }
            RootChange::RemoveKey { role, keyid } => {
                format!("{role}: remove {}", self.old_owner(old.keys.get(keyid)))
            }
            // Everything else is the same in every repository, or makes this one an outlier: then it has to stand out.
            other => other.words_from(&Root::blank(), &|_: &KeyId| None),
        }
    }

    /// What makes a repository other than most, beside its change.
    fn root_notes(&mut self, root: &Root) {
        let notes = &mut self.composed.shape.notes;
        let role = root.role(&RoleName::Root).cloned().unwrap_or_default();
        if role.threshold > 1 {
            notes.push(format!(
                "root: {} of {} offline keys must sign; stock tools cannot maintain such a root",
                role.threshold,
                role.keyids.len()
            ));
        }
        if root.consistent_snapshot != Some(false) {
            notes.push("root: consistent snapshots are on, which Notary never writes".into());
        }
        for name in root.roles.keys().filter(|name| matches!(name, RoleName::Other(_))) {
            notes.push(format!("root: it names a role {name} that nobody knows"));
        }
        for name in [RoleName::Snapshot, RoleName::Timestamp] {
            let file = format!("{}.key", name.as_str());
            let served = self.inputs.files.get(&file).and_then(|text| serde_json::from_str::<Key>(text).ok());
            let held = served.is_some_and(|key| root.keys_of(&name).any(|(_, known)| known.public() == key.public()));
            if !held {
                notes.push(format!("{name}: its key is not the server's; whoever holds it must sign again"));
            }
        }
    }

    fn targets(&mut self, tagging: &TaggingSpec, root: Option<&Root>) -> Result<(), Refusal> {
        let script = &self.ceremony.script;
        let old = self.today.targets.as_ref().map(Verified::document).cloned();
        let (expires, _) = changes::expires(&tagging.expiry, self.date, None)?;
        let base = old.clone().unwrap_or_else(nothing);
        let mut changes = vec![TargetsChange::SetVersion(base.version + 1)];
        if base.expires != expires {
            changes.push(TargetsChange::SetExpires(expires));
        }
        let mut back = 0;
        match script.kind {
            Kind::DctGenesis | Kind::DctDelegate => changes.extend(changes::signers(self.ceremony, &base)?),
            Kind::DctRotateTaggingKey => {
                let (judged, count) = changes::judged(self.ceremony, self.number, self.inputs, &base)?;
                changes.extend(judged);
                back = count;
            }
            _ => {}
        }
        let targets = targets_change::amend(&base, &changes);
        self.composed.passed.push(targets_change::draft_is_the_change(&base, &targets, &changes)?);
        self.composed.passed.push(delegations::gone(&base, &targets, &changes)?);
        delegations::reachable(&targets, &changes)?;
        let signers = match root {
            // In a renewal today's tagging key signs; everywhere else the script says who.
            _ if script.kind == Kind::DctRenew => self.todays_signers(tagging)?,
            _ => tagging.keys.clone(),
        };
        let signers = signers.iter().map(|signatory| self.playing(signatory)).collect();
        let words = changes.iter().map(|change| self.targets_words(change, &base)).collect();
        let kept = u32::try_from(targets.targets.len()).unwrap_or(u32::MAX);
        self.composed.tags = Some((kept, back));
        if let Some(delegations) = targets.delegations.as_ref().filter(|delegations| !delegations.roles.is_empty()) {
            let names: Vec<_> = delegations.roles.iter().map(|role| role.name.to_string()).collect();
            self.composed.shape.notes.push(format!("targets: delegates to {}", names.join(", ")));
        }
        self.add(RoleName::Targets, &targets, dedup(words), signers)?;
        self.delegated(&base, &targets, &changes, expires)
    }

    /// Files of delegated roles whose keys changed: without a new signature their tags would be lost to every client. A role that
    /// went back to what it was before a compromise has its tags from before it too: what stands there now, a thief's key signed.
    fn delegated(
        &mut self,
        old: &Targets,
        new: &Targets,
        changes: &[TargetsChange],
        expires: Utc,
    ) -> Result<(), Refusal> {
        let dialect = self.ceremony.script.dialect;
        let Some(delegations) = &new.delegations else { return Ok(()) };
        let blank = Default::default();
        let before = old.delegations.as_ref().unwrap_or(&blank);
        for role in &delegations.roles {
            let Some(file) = read::delegated(dialect, self.inputs, &role.name) else { continue };
            let signs = |file: &Untrusted<Targets>, role: &DelegatedRole, keys: &BTreeMap<KeyId, Key>| {
                tally_of(&role.name, &role.role, keys, file).is_met()
            };
            let went_back = |change: &TargetsChange| matches!(change, TargetsChange::RestoreRole { role: restored, .. } if restored.name == role.name);
            let restored = changes.iter().any(went_back);
            let was = before.roles.iter().find(|known| known.name == role.name);
            let signed_before = was.is_some_and(|was| signs(&file, was, &before.keys));
            if signs(&file, role, &delegations.keys) || !(signed_before || restored) {
                continue;
            }
            let (base, tags) = match restored {
                false => (file.document().clone(), "the same tags"),
                true => match read::delegated_before(dialect, self.inputs, &role.name) {
                    Some(earlier) if signs(&earlier, role, &delegations.keys) => {
                        (earlier.document().clone(), "the tags from before the compromise")
                    }
                    _ => (nothing(), "no tags, since none from before the compromise are known"),
                },
            };
            let again = Targets { version: file.document().version + 1, expires, ..base };
            let signers = self.enough(role, &delegations.keys);
            let words = vec![format!("the next version, with {tags}, signed by the keys that the role has now")];
            self.add(role.name.clone(), &again, words, signers)?;
        }
        Ok(())
    }

    /// Who signs for a delegated role: those who are here, as many as it asks for; where they are too few, everybody else too, those whom the
    /// script names first. Any so many of them are then enough.
    fn enough(&self, role: &DelegatedRole, keys: &BTreeMap<KeyId, Key>) -> Vec<Signatory> {
        let keys = role.role.keyids.iter().filter_map(|keyid| keys.get(keyid));
        let mut signers: Vec<Signatory> = keys.map(|key| self.signatory(key)).collect();
        signers.sort_by_key(|signatory| match signatory {
            Signatory::Token(_) => 0,
            Signatory::Elsewhere(_) => 1,
            Signatory::Unnamed(_) => 2,
        });
        let here = signers.iter().filter(|signer| signer.token().is_some()).count();
        let threshold = usize::try_from(role.role.threshold).unwrap_or(usize::MAX);
        if here >= threshold {
            signers.truncate(threshold);
        }
        signers
    }

    fn signatory(&self, key: &Key) -> Signatory {
        let print = key.public().fingerprint();
        let is = |known: &Key| known.public().fingerprint() == print;
        let token = self.ceremony.tokens.iter().find(|(_, token)| token.key.as_ref().is_some_and(is));
        let imported = self.ceremony.imported.iter().find(|(_, key)| is(key));
        match (token, imported) {
            (Some((alias, _)), _) => Signatory::Token(alias.clone()),
            (None, Some((name, _))) => Signatory::Elsewhere(name.clone()),
            (None, None) => Signatory::Unnamed(key.id()),
        }
    }

    fn playing(&self, signatory: &Signatory) -> Signatory {
        match signatory {
            Signatory::Token(alias) => Signatory::Token(self.ceremony.playing(alias)),
            other => other.clone(),
        }
    }

    /// In a renewal the tagging key must be one that the repository has today.
    fn todays_signers(&self, tagging: &TaggingSpec) -> Result<Vec<Signatory>, Refusal> {
        let root = self.today.root.as_ref().map(Verified::document);
        for signatory in &tagging.keys {
            let print = changes::key_of(self.ceremony, signatory)?.public().fingerprint();
            let named = root.is_some_and(|root| {
                root.keys_of(&RoleName::Targets).any(|(_, key)| key.public().fingerprint() == print)
            });
            if !named {
                return Err(Refusal::new(
                    Rule::RepositoryIsOurs,
                    format!(
                        "{} holds no tagging key of this repository.",
                        signatory.alias().map_or("a key", Alias::as_str)
                    ),
                    "Leave [tagging] out to renew the root alone, or bring today's tagging key.",
                ));
            }
        }
        Ok(tagging.keys.clone())
    }

    fn targets_words(&self, change: &TargetsChange, old: &Targets) -> String {
        match change {
            TargetsChange::SetVersion(version) if *version == old.version + 1 => "the next version".into(),
            // Which tags go back differs from repository to repository; each has its own line in the review.
            TargetsChange::DropFile(_) | TargetsChange::RestoreFile { .. } => "tags go back to what they were".into(),
            TargetsChange::AddKey { role, key } => format!("{role}: add the key of {}", self.owner(key)),
            TargetsChange::RemoveKey { role, keyid } => {
                let key = old.delegations.as_ref().and_then(|delegations| delegations.keys.get(keyid));
                format!("{role}: remove {}", self.old_owner(key))
            }
            other => other.words(&|_: &KeyId| None),
        }
    }

    fn owner(&self, key: &Key) -> String {
        let name = self.names.get(&key.public().fingerprint());
        name.map_or_else(|| "the server".into(), |name| shown(name))
    }

    fn old_owner(&self, key: Option<&Key>) -> String {
        match key.and_then(|key| self.names.get(&key.public().fingerprint())) {
            Some(name) => format!("the key of {}", shown(name)),
            None => "the key of today".into(),
        }
    }

    /// Adds a document, and makes sure that its bytes read back to it and that clients take them.
    fn add<M: Metadata + PartialEq>(
        &mut self,
        role: RoleName,
        document: &M,
        changes: Vec<String>,
        signers: Vec<Signatory>,
    ) -> Result<(), Refusal> {
        let dialect = self.ceremony.script.dialect;
        let signed = dialect.signed_bytes(document);
        let wire = dialect.envelope(&signed, &[]);
        self.composed.passed.extend(metadata::clients_accept(&self.ceremony.script, &wire)?);
        let reads_back = Untrusted::<M>::parse(dialect, wire)?;
        if reads_back.document() != document || reads_back.signed() != signed {
            return Err(Refusal::new(
                Rule::DraftIsTheChange,
                format!("The bytes to sign for {role} do not read back as what was composed."),
                "This is a mistake of the program. Leave, and report it.",
            ));
        }
        self.composed.documents.push((document.version(), signed));
        self.composed.shape.documents.push(DocumentShape { role, changes, signers });
        Ok(())
    }
}

/// Targets of which there is nothing yet.
fn nothing() -> Targets {
    Targets {
        spec_version: None,
        version: 0,
        expires: Utc::EPOCH,
        targets: BTreeMap::new(),
        delegations: Some(Default::default()),
        extra: Default::default(),
    }
}

/// The lines in their order, each once.
fn dedup(lines: Vec<String>) -> Vec<String> {
    let mut seen = vec![];
    for line in lines {
        if !seen.contains(&line) {
            seen.push(line);
        }
    }
    seen
}
