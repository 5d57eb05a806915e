//! What the courier collected, as an interview reads it: every file is held against the manifest, every root and every targets verified.
//! Nobody is asked for what stands there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::keys::below;
use crate::{
    ceremony::repositories::judge,
    cli::args::ScriptKind,
    digest::Digest,
    files,
    text::shown,
    transfer::{Collection, Gun, MANIFEST, Manifest, RepositoryListing, collection::Part, inventory::INVENTORY},
    tuf::{
        dialect::Dialect,
        key::KeyId,
        role::RoleName,
        root::Root,
        signed::Untrusted,
        targets::Targets,
        verify::{first_root, role_metadata},
    },
    utc::Utc,
};

/// A collection that a ceremony can begin with.
pub(super) struct Collected {
    pub folder: String,
    /// The SHA-256 of its MANIFEST.
    pub manifest: Digest,
    pub guns: Vec<Gun>,
    /// Repositories that the server does not know yet.
    pub new: usize,
    /// Repositories with the same keys, those with the most first.
    pub publishers: Vec<Publisher>,
    /// Repositories that cannot be built on, and why.
    pub refused: Vec<(Gun, String)>,
}

/// Repositories with the same keys: one ceremony is about one such set.
#[derive(Default)]
pub(super) struct Publisher {
    pub guns: Vec<Gun>,
    pub offline: BTreeMap<KeyId, OfflineKey>,
    /// How many offline keys must sign: the most that a root asks for.
    pub threshold: u64,
    /// The tagging keys by canonical id, and how many repositories each tags in.
    pub tagging: BTreeMap<KeyId, (String, usize)>,
    pub tagging_threshold: u64,
    /// Signers below the tagging keys, and in how many repositories.
    pub signers: BTreeMap<String, usize>,
    /// The first end of a root, of targets.
    pub roots_end: Option<Utc>,
    pub targets_end: Option<Utc>,
    pub tags: usize,
}

/// An offline key as roots know it.
pub(super) struct OfflineKey {
    pub algorithm: String,
    /// For whom its certificates are, and when the first of them ends.
    pub common_names: BTreeSet<String>,
    pub until: Option<Utc>,
}

/// The last collection from before a theft.
pub(super) struct Before {
    pub folder: String,
    pub manifest: Digest,
    /// Tags and delegations that are not as they were there, by repository.
    pub changed: Vec<(Gun, Vec<String>)>,
}

/// A folder that is open.
struct Open {
    folder: String,
    manifest: Digest,
    collection: Collection,
}

impl Open {
    fn of(folder: &str) -> Result<Self, String> {
        let folder = below(folder.trim_end_matches('/'))?;
        let name = shown(&folder);
        let path = Path::new(&folder);
        if !path.is_dir() {
            return Err(format!("there is no folder {name} here; it lies beside the script"));
        }
        let listed = path.join(MANIFEST);
        if !listed.exists() {
            return Err(format!("{name} is no collection: {}", without_manifest(path)));
        }
        let bytes = files::read(&listed, files::limit::INPUTS).map_err(|fault| fault.to_string())?;
        let manifest = Manifest::required(&bytes).map_err(|refusal| refusal.to_string())?;
        if manifest.get(INVENTORY).is_none() {
            return Err(format!(
                "{name} is no collection: its {MANIFEST} lists no {INVENTORY}. Name the folder that officiant-courier collect wrote"
            ));
        }
        let inventory = files::read(&path.join(INVENTORY), files::limit::INPUTS).map_err(|fault| fault.to_string())?;
        let collection = Collection::open(manifest, &inventory).map_err(|refusal| refusal.to_string())?;
        Ok(Self { folder, manifest: Digest::of(&bytes), collection })
    }

    /// The files of one repository, each of them the one that is listed.
    fn files(&self, listing: RepositoryListing<'_>) -> Result<BTreeMap<Part, Vec<u8>>, String> {
        let mut found = BTreeMap::new();
        for (part, entry) in listing.parts() {
            let bytes = files::read(&Path::new(&self.folder).join(&entry.path), files::limit::METADATA)
                .map_err(|fault| fault.to_string())?;
            self.collection.manifest().check(&entry.path, &bytes).map_err(|refusal| refusal.to_string())?;
            found.insert(part, bytes);
        }
        Ok(found)
    }
}

fn without_manifest(folder: &Path) -> String {
    let mut names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let first = names.next();
    let metadata = |name: &std::ffi::OsString| name.to_string_lossy().ends_with("root.json");
    match first {
        None => "it is empty. Collect with officiant-courier collect, and name the folder that it wrote".into(),
        Some(name) if metadata(&name) || names.any(|name| metadata(&name)) => {
            "metadata lies in it and no MANIFEST. Name the folder that officiant-courier collect wrote".into()
        }
        Some(_) => {
            "it has no MANIFEST. Where collecting stopped half-way, the same command of the courier goes on".into()
        }
    }
}

/// Reads the collection that a ceremony of this kind begins with.
pub(super) fn read(kind: ScriptKind, folder: &str) -> Result<Collected, String> {
    let open = Open::of(folder)?;
    let guns = open.collection.inventory().guns().to_vec();
    let mut found: BTreeMap<BTreeSet<(RoleName, KeyId)>, Publisher> = BTreeMap::new();
    let (mut new, mut refused) = (0, vec![]);
    for gun in &guns {
        let Some(listing) = open.collection.repository(gun) else { continue };
        let files = open.files(listing)?;
        if listing.is_new() {
            new += 1;
            continue;
        }
        match repository(&files) {
            Ok((root, targets)) => found.entry(known_by(kind, &root)).or_default().add(gun, &root, &targets),
            Err(why) => refused.push((gun.clone(), why)),
        }
    }
    let mut publishers: Vec<Publisher> = found.into_values().collect();
    publishers.sort_by_key(|publisher| std::cmp::Reverse(publisher.guns.len()));
    let name = shown(&open.folder);
    if kind == ScriptKind::DctGenesis && new == 0 {
        return Err(format!(
            "the server knows every repository of {name} already, and a genesis makes those that it does not know. Their keys are changed by dct-rotate-root and dct-rotate-tagging-key"
        ));
    }
    if kind != ScriptKind::DctGenesis && publishers.is_empty() {
        return Err(match refused.first() {
            Some((gun, why)) => format!("no repository of {name} can be built on. {gun}: {why}"),
            None => format!("the server knows no repository of {name} yet; dct-genesis makes them"),
        });
    }
    Ok(Collected { folder: open.folder, manifest: open.manifest, guns, new, publishers, refused })
}

/// By which keys a repository is known to such a ceremony.
fn known_by(kind: ScriptKind, root: &Root) -> BTreeSet<(RoleName, KeyId)> {
    let roles: &[RoleName] = match kind {
        ScriptKind::DctDelegate => &[RoleName::Targets],
        // Today's tagging key signs the same targets again.
        ScriptKind::DctRenew => &[RoleName::Root, RoleName::Targets],
        _ => &[RoleName::Root],
    };
    let keys =
        |role: &RoleName| root.keys_of(role).map(|(_, key)| (role.clone(), key.canonical_id())).collect::<Vec<_>>();
    roles.iter().flat_map(keys).collect()
}

fn repository(files: &BTreeMap<Part, Vec<u8>>) -> Result<(Root, Targets), String> {
    let bytes = files.get(&Part::CurrentRoot).map(Vec::as_slice).unwrap_or_default();
    let root =
        Untrusted::<Root>::parse(Dialect::Notary, bytes).and_then(first_root).map_err(|refusal| {
            match Untrusted::<Root>::parse(Dialect::Tuf1, bytes) {
                Ok(_) => "it is a repository of TUF 1.0, not of Docker Content Trust: take rotate-root or renew-expiry"
                    .into(),
                Err(_) => format!("root.json: {refusal}"),
            }
        })?;
    let root = root.document();
    let bytes = files.get(&Part::Targets).ok_or("its targets.json was not collected: collect it again")?;
    let role = root.role(&RoleName::Targets).cloned().unwrap_or_default();
    let targets = Untrusted::<Targets>::parse(Dialect::Notary, bytes.as_slice())
        .and_then(|received| role_metadata(&RoleName::Targets, &role, &root.keys, received))
        .map_err(|refusal| format!("targets.json: {refusal}"))?;
    Ok((root.clone(), targets.document().clone()))
}

impl Publisher {
    fn add(&mut self, gun: &Gun, root: &Root, targets: &Targets) {
        let first = |known: Option<Utc>, other: Utc| Some(known.map_or(other, |known| known.min(other)));
        self.guns.push(gun.clone());
        self.threshold = self.threshold.max(root.threshold_of(&RoleName::Root));
        self.tagging_threshold = self.tagging_threshold.max(root.threshold_of(&RoleName::Targets));
        self.roots_end = first(self.roots_end, root.expires);
        self.targets_end = first(self.targets_end, targets.expires);
        self.tags += targets.targets.len();
        for (_, key) in root.keys_of(&RoleName::Root) {
            let algorithm = key.public().algorithm();
            let blank = || OfflineKey { algorithm: algorithm.clone(), common_names: BTreeSet::new(), until: None };
            let known = self.offline.entry(key.canonical_id()).or_insert_with(blank);
            if let Some(certificate) = key.certificate() {
                known.common_names.insert(certificate.common_name());
                known.until = first(known.until, certificate.not_after());
            }
        }
        for (_, key) in root.keys_of(&RoleName::Targets) {
            self.tagging.entry(key.canonical_id()).or_insert((key.public().algorithm(), 0)).1 += 1;
        }
        let roles = targets.delegations.iter().flat_map(|delegations| &delegations.roles);
        for name in roles.filter_map(|role| role.name.as_str().strip_prefix("targets/")) {
            if name != "releases" && !name.contains('/') {
                *self.signers.entry(name.to_owned()).or_default() += 1;
            }
        }
    }

    /// The first end of a certificate of these offline keys.
    pub fn certificates_end<'a>(&self, keys: impl Iterator<Item = &'a str>) -> Option<Utc> {
        keys.filter_map(|key| self.offline.iter().find(|(id, _)| id.as_str() == key)?.1.until).min()
    }
}

/// Reads the collection from before a theft, and counts what is not as it was.
pub(super) fn read_before(folder: &str, today: &Collected, guns: &[Gun]) -> Result<Before, String> {
    let open = Open::of(folder)?;
    let now = Open::of(&today.folder)?;
    if open.manifest == today.manifest {
        return Err(
            "this is the collection of today: what a thief did is in both. The one from before the theft is wanted"
                .into(),
        );
    }
    let targets = |open: &Open, gun: &Gun| -> Result<Option<Targets>, String> {
        let Some(listing) = open.collection.repository(gun) else { return Ok(None) };
        let files = open.files(listing)?;
        let bytes = files.get(&Part::Targets).map(Vec::as_slice);
        Ok(bytes.and_then(|bytes| Some(Untrusted::<Targets>::parse(Dialect::Notary, bytes).ok()?.document().clone())))
    };
    let (mut changed, mut found) = (vec![], 0);
    for gun in guns {
        let before = targets(&open, gun)?;
        found += usize::from(before.is_some());
        let Some(today) = targets(&now, gun)? else { continue };
        let differ = judge::changed(&today, before.as_ref());
        if !differ.is_empty() {
            changed.push((gun.clone(), differ));
        }
    }
    if found == 0 {
        return Err(format!("{} holds none of these repositories: it is a collection of others", shown(&open.folder)));
    }
    Ok(Before { folder: open.folder, manifest: open.manifest, changed })
}
