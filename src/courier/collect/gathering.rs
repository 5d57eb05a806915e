//! The folder while it is filled. A repository is there wholly or not at all; the manifest comes last.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    courier::{folder, outcome::Stop},
    digest::Digest,
    fault::{Error, Fault},
    files,
    rules::{Refusal, Rule},
    transfer::{Gun, Inventory, MANIFEST, Manifest, REPOSITORIES, collection, inventory::INVENTORY, manifest::Entry},
};

/// What is gathered from where. It lies beside the folder until the folder is closed, so that the same command can go on and another
/// one cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The server.
    pub source: String,
    /// The SHA-256 of the list of repositories.
    pub inventory: Digest,
}

/// Where repositories are written before they get their place.
const HALF: &str = "fetching";

/// How many are put on the disk at once: a stick is slow to sync, and takes as long for many as for one.
const AT_ONCE: usize = 64;

/// The folder.
pub struct Gathering {
    path: PathBuf,
    run: PathBuf,
    /// Written, and not in their place yet.
    half: Vec<Gun>,
}

impl Gathering {
    /// Begins the new folder `path`, or goes on with one that the same run has begun.
    ///
    /// # Errors
    /// `OUTPUT-FRESH` where something else is there.
    pub fn begin(path: &Path, run: Run) -> Result<Self, Stop> {
        let beside = folder::beside(path, ".collecting")?;
        let text = serde_json::to_vec(&run).expect("text is JSON");
        if beside.exists() {
            let before = files::read(&beside, files::limit::ANSWERS)?;
            if !text.starts_with(&before) {
                let what = format!("{} was begun for other repositories or from another server.", files::name(path));
                let remedy = format!("Name another folder, or move this one and {} away.", files::name(&beside));
                return Err(Refusal::new(Rule::OutputFresh, what, remedy).into());
            }
        } else if path.exists() {
            let what = format!("{} already exists.", files::name(path));
            return Err(Refusal::new(Rule::OutputFresh, what, "Name another place, or move the old one away.").into());
        }
        files::write_or_complete(&beside, &text)?;
        let gathering = Self { path: path.to_owned(), run: beside, half: vec![] };
        for folder in [path.to_owned(), path.join(REPOSITORIES)] {
            if !folder.is_dir() {
                files::create_directory(&folder)?;
            }
        }
        gathering.clear()?;
        Ok(gathering)
    }

    /// Whether a repository is there, which means that all of it is.
    pub fn has(&self, gun: &Gun) -> bool {
        self.path.join(collection::folder(gun)).is_dir()
    }

    /// Takes the files of a repository. Every so many repositories they are put on the disk, and then into their place.
    ///
    /// # Errors
    /// A fault where the disk fails.
    pub fn store(&mut self, gun: &Gun, found: &BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
        let half = format!("{HALF}/{}", gun.folder_name());
        for (name, bytes) in found {
            let path = format!("{half}/{name}");
            folder::lead_to(&self.path, &path)?;
            files::write_new_to_sync_later(&self.path.join(path), bytes)?;
        }
        self.half.push(gun.clone());
        if self.half.len() >= AT_ONCE { Ok(self.settle()?) } else { Ok(()) }
    }

    /// Puts what was taken into its place. A run that is killed before has to fetch it again.
    fn settle(&mut self) -> Result<(), Fault> {
        if self.half.is_empty() {
            return Ok(());
        }
        files::sync_filesystem_of(&self.path)?;
        for gun in self.half.drain(..) {
            let half = self.path.join(HALF).join(gun.folder_name());
            let place = self.path.join(collection::folder(&gun));
            let doing = || format!("move {} to {}", files::name(&half), files::name(&place));
            fs::rename(&half, &place).map_err(|error| Fault::machine(doing(), error))?;
        }
        files::sync_filesystem_of(&self.path)
    }

    /// Writes the inventory and, last, the manifest of everything that is there. Returns the digest of the manifest.
    ///
    /// # Errors
    /// A fault where the disk fails.
    pub fn close(mut self, inventory: &Inventory) -> Result<Digest, Error> {
        self.settle()?;
        self.clear()?;
        let list = inventory.to_text();
        files::write_or_complete(&self.path.join(INVENTORY), list.as_bytes())?;
        let mut entries = vec![Entry { path: INVENTORY.into(), digest: Digest::of(list.as_bytes()) }];
        for gun in inventory.guns() {
            self.list(&collection::folder(gun), &mut entries)?;
        }
        let manifest = Manifest::of(entries).map_err(|error| Fault::machine("list what was collected", error))?;
        files::write_or_complete(&self.path.join(MANIFEST), manifest.to_text().as_bytes())?;
        let doing = || format!("remove {}", files::name(&self.run));
        fs::remove_file(&self.run).map_err(|error| Fault::machine(doing(), error))?;
        Ok(manifest.digest())
    }

    fn list(&self, below: &str, entries: &mut Vec<Entry>) -> Result<(), Fault> {
        for name in folder::names(&self.path.join(below))? {
            let path = format!("{below}/{name}");
            let there = self.path.join(&path);
            if there.is_dir() {
                self.list(&path, entries)?;
            } else {
                let digest = files::digest(&there, files::limit::METADATA)?;
                entries.push(Entry { path, digest });
            }
        }
        Ok(())
    }

    /// Ends without closing: what was taken is kept for the next run.
    ///
    /// # Errors
    /// A fault where the disk fails.
    pub fn pause(mut self) -> Result<(), Error> {
        self.settle()?;
        Ok(self.clear()?)
    }

    /// Takes away what an earlier run was writing when it ended.
    fn clear(&self) -> Result<(), Fault> {
        let half = self.path.join(HALF);
        if !half.exists() {
            return Ok(());
        }
        fs::remove_dir_all(&half).map_err(|error| Fault::machine(format!("remove {}", files::name(&half)), error))
    }
}
