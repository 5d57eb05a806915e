//! The twin of a collection: the same repositories with throw-away offline keys and tagging keys, so that everything that the
//! script asks for can be rehearsed on soft tokens. Tags, delegations and the server's public keys stay what they are.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use p256::ecdsa::SigningKey;

use super::{Twin, inputs, odd, throw_away};
use crate::{
    ceremony::{
        event::Event,
        script::{CollectionSpec, RepositoriesSpec, Script},
    },
    digest::Digest,
    fault::{Error, Fault},
    files,
    rules::{Refusal, Rule},
    transfer::{Collection, Gun, MANIFEST, Manifest, collection::folder, inventory::INVENTORY, manifest::Entry},
    tuf::{
        certificate::CertificateTemplate,
        change::{RootChange, amend},
        key::{Key, KeyId},
        role::RoleName,
        root::Root,
        signed::{Metadata, Untrusted},
        targets::Targets,
        verify::first_root,
    },
    utc::Utc,
};

/// Makes the twin below the rehearsal's inputs, and says what stands in for what.
///
/// # Errors
/// `COLLECTION-PINNED` where the collection beside the script is not the pinned one; a fault.
pub(super) fn twin(
    script: &Script,
    spec: &RepositoriesSpec,
    beside: &Path,
    record: &Path,
    module: &Path,
    now: Utc,
    brought: &BTreeMap<KeyId, SigningKey>,
) -> Result<Vec<Event>, Error> {
    if let Some(before) = &spec.before {
        // Nothing in it is verified: it only says how tags were.
        let (real, manifest) = open(before, beside)?;
        copy(&real, &manifest, &inputs(record).join(&before.folder))?;
    }
    let (real, manifest) = open(&spec.collection, beside)?;
    let inventory = files::read(&real.join(INVENTORY), files::limit::INPUTS)?;
    let collection = Collection::open(manifest, &inventory)?;
    let to = inputs(record).join(&spec.collection.folder);
    let mut twins = Twins {
        script,
        keys: record.join(super::FOLDER).join("keys"),
        module,
        now,
        brought,
        made: BTreeMap::new(),
        certified: BTreeMap::new(),
        events: vec![],
    };
    let mut entries = vec![Entry { path: INVENTORY.into(), digest: Digest::of(&inventory) }];
    let mut written: Vec<(String, Vec<u8>)> = vec![(INVENTORY.into(), inventory)];
    for gun in collection.inventory().guns() {
        for (name, bytes) in twins.repository(gun, &collection, &real)? {
            let path = format!("{}/{name}", folder(gun));
            entries.push(Entry { path: path.clone(), digest: Digest::of(&bytes) });
            written.push((path, bytes));
        }
    }
    let manifest = Manifest::of(entries).map_err(|error| odd(&error))?;
    written.push((MANIFEST.into(), manifest.to_text().into_bytes()));
    write(&to, &written)?;
    let mut events = twins.events;
    events.push(Event::TwinCollection { real: spec.collection.manifest, twin: manifest.digest() });
    Ok(events)
}

fn open(spec: &CollectionSpec, beside: &Path) -> Result<(PathBuf, Manifest), Error> {
    let real = beside.join(&spec.folder);
    let bytes = files::read(&real.join(MANIFEST), files::limit::INPUTS)?;
    if Digest::of(&bytes) != spec.manifest {
        return Err(Refusal::new(
            Rule::CollectionPinned,
            format!("{} has another manifest than the one that the script pins.", files::name(&real)),
            "Put the pinned collection beside the script: a rehearsal makes a twin of it.",
        )
        .into());
    }
    Ok((real, Manifest::required(&bytes)?))
}

fn copy(real: &Path, manifest: &Manifest, to: &Path) -> Result<(), Error> {
    let mut written = vec![(MANIFEST.to_owned(), manifest.to_text().into_bytes())];
    for entry in manifest.entries() {
        written.push((entry.path.clone(), checked(real, manifest, &entry.path)?));
    }
    write(to, &written)
}

fn checked(real: &Path, manifest: &Manifest, path: &str) -> Result<Vec<u8>, Error> {
    let bytes = files::read(&real.join(path), files::limit::METADATA)?;
    manifest.check(path, &bytes)?;
    Ok(bytes)
}

fn write(to: &Path, written: &[(String, Vec<u8>)]) -> Result<(), Error> {
    super::make(to)?;
    files::write_together(to, written.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))
}

/// Throw-away keys by the canonical ids of the real ones.
struct Twins<'a> {
    script: &'a Script,
    keys: PathBuf,
    module: &'a Path,
    now: Utc,
    /// Those that a step brings from a file: they stand in for it there already.
    brought: &'a BTreeMap<KeyId, SigningKey>,
    made: BTreeMap<KeyId, Twin>,
    /// Keys in certificates, by canonical id and common name.
    certified: BTreeMap<(KeyId, String), Key>,
    events: Vec<Event>,
}

impl Twins<'_> {
    /// The files of one repository: root and targets signed by twins, everything else as it is.
    fn repository(&mut self, gun: &Gun, real: &Collection, folder: &Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let listing = real.repository(gun).ok_or_else(|| odd(&"a repository is not in its collection"))?;
        let mut files = BTreeMap::new();
        for (part, entry) in listing.parts() {
            files.insert(part.to_string(), checked(folder, real.manifest(), &entry.path)?);
        }
        let Some(root) = files.get("root.json") else { return Ok(files.into_iter().collect()) };
        let dialect = self.script.dialect;
        let old = first_root(Untrusted::<Root>::parse(dialect, root.as_slice())?)?.document().clone();
        let root = self.root(gun, &old)?;
        let targets = files.get("targets.json").map(|bytes| Untrusted::<Targets>::parse(dialect, bytes.as_slice()));
        let targets = targets.transpose()?.map(|targets| targets.document().clone());
        // Older roots are of real keys; the twin begins where the real repository is.
        files.retain(|name, _| !name.ends_with(".root.json"));
        let bytes = self.signed(&root, &RoleName::Root, &root)?;
        files.insert(format!("{}.root.json", root.version), bytes.clone());
        files.insert("root.json".into(), bytes);
        if let Some(targets) = targets {
            files.insert("targets.json".into(), self.signed(&targets, &RoleName::Targets, &root)?);
        }
        Ok(files.into_iter().collect())
    }

    /// The root with throw-away keys for whoever signs roots and targets.
    fn root(&mut self, gun: &Gun, old: &Root) -> Result<Root, Error> {
        let mut changes = vec![];
        for role in [RoleName::Root, RoleName::Targets] {
            for (keyid, key) in old.keys_of(&role) {
                let twin = match key.certificate() {
                    Some(certificate) => {
                        self.certified(gun, key, &certificate.common_name(), certificate.not_after())?
                    }
                    None => self.bare(key)?,
                };
                changes.push(RootChange::RemoveKey { role: role.clone(), keyid: keyid.clone() });
                changes.push(RootChange::add_key(role.clone(), twin));
            }
        }
        Ok(amend(old, &changes))
    }

    /// The twin of a key, made when it is first met: on the soft token of whoever brings the real one, or in a file.
    fn made(&mut self, key: &Key) -> Result<&mut Twin, Error> {
        let id = key.canonical_id();
        if !self.made.contains_key(&id) {
            let holder = self.script.tokens.iter().find(|token| token.keyid.as_ref() == Some(&id));
            if let Some(brought) = self.brought.get(&id) {
                self.made.insert(id.clone(), Twin::Software(Box::new(brought.clone())));
                return self.made.get_mut(&id).ok_or_else(|| odd(&"a twin is gone").into());
            }
            let twin = match holder {
                Some(spec) => Twin::on_token(&spec.alias, self.script, self.module)?,
                None => Twin::Software(Box::new(throw_away(&self.keys.join(format!("real-{}.pem", id.short())))?)),
            };
            self.events.push(Event::StandIn { real: id.clone(), twin: twin.key(self.script)? });
            self.made.insert(id.clone(), twin);
        }
        self.made.get_mut(&id).ok_or_else(|| odd(&"a twin is gone").into())
    }

    fn bare(&mut self, key: &Key) -> Result<Key, Error> {
        let script = self.script;
        Ok(self.made(key)?.key(script)?)
    }

    fn certified(&mut self, gun: &Gun, key: &Key, common_name: &str, until: Utc) -> Result<Key, Error> {
        let place = (key.canonical_id(), common_name.to_owned());
        if let Some(known) = self.certified.get(&place) {
            return Ok(known.clone());
        }
        let mut serial = [0; 16];
        getrandom::fill(&mut serial).map_err(|error| Fault::machine("draw a serial number", error))?;
        serial[0] = serial[0] & 0x3f | 0x40;
        let from = self.now.midnight().plus_days(-1);
        let bare = self.bare(key)?;
        let name = if common_name.is_empty() { gun.as_str() } else { common_name };
        let template = CertificateTemplate::new(name, bare.public(), serial, from, until)?;
        let signature = self.made(key)?.sign(&Arc::from(template.to_be_signed()))?;
        let certificate = template.signed(&signature)?;
        let twin = self.script.dialect.certified_key(&certificate).ok_or_else(|| odd(&"a twin has no certificate"))?;
        self.certified.insert(place, twin.clone());
        Ok(twin)
    }

    /// A document signed by every twin that `root` names for its role.
    fn signed<M: Metadata>(&mut self, document: &M, role: &RoleName, root: &Root) -> Result<Vec<u8>, Error> {
        let dialect = self.script.dialect;
        let bytes: Arc<[u8]> = Arc::from(dialect.signed_bytes(document));
        let mut signatures = vec![];
        for (keyid, key) in root.keys_of(role) {
            let print = key.public().fingerprint();
            for twin in self.made.values_mut() {
                if twin.key(self.script)?.public().fingerprint() == print {
                    let raw = twin.sign(&bytes)?;
                    signatures.extend(dialect.signature(keyid.clone(), key.public(), &raw));
                }
            }
        }
        Ok(dialect.envelope(&bytes, &signatures))
    }
}
