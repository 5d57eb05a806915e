//! What was collected of many repositories: opened, read within limits and held against its manifest; and bundles written.

use std::sync::Arc;

use super::{Performed, Performer, Stopped, inputs::Inputs as InputFiles, job_without, record};
use crate::{
    ceremony::{
        crossing::Received,
        operation::Outcome,
        repositories::pack::{self, Inputs},
    },
    digest::Digest,
    fault::{Error, Fault},
    files,
    rules::{Refusal, Rule},
    runner::{Job, PUBLISH, Part},
    transfer::{Collection, Gun, MANIFEST, Manifest, collection::Part as File, inventory::INVENTORY},
};

/// A collection that is open.
pub(super) struct Opened {
    inputs: InputFiles,
    folder: String,
    collection: Collection,
    before: Option<(String, Manifest)>,
}

impl Performer {
    /// Opens the collection, and the earlier one. Whether they are those that the script pins is for the engine to say.
    pub(super) fn open_collection(
        &mut self,
        folder: &str,
        before: Option<&str>,
        parcels: &[Received],
        job: &Job,
    ) -> Performed {
        let inputs = InputFiles::open(&self.inputs, parcels, job)?;
        let (manifest, bytes) = manifest_of(&inputs, folder)?;
        let inventory = inputs.read(&format!("{folder}/{INVENTORY}"), files::limit::INPUTS)?;
        let collection = Collection::open(manifest, &inventory)?;
        let before = match before {
            Some(before) => {
                let (manifest, bytes) = manifest_of(&inputs, before)?;
                Some((before.to_owned(), manifest, bytes))
            }
            None => None,
        };
        let guns = collection.inventory().guns().to_vec();
        let before_bytes = before.as_ref().map(|(_, _, bytes)| Arc::clone(bytes));
        let before = before.map(|(folder, manifest, _)| (folder, manifest));
        self.collection = Some(Opened { inputs, folder: folder.to_owned(), collection, before });
        Ok(Outcome::Collection { manifest: bytes, before: before_bytes, guns })
    }

    /// Reads some repositories; each file must be the one that the manifest lists (`BYTES-MATCH-HASH`).
    pub(super) fn read_repositories(&mut self, from: u32, count: u32, parcels: &[Received], job: &Job) -> Performed {
        if self.collection.is_none() {
            // After a resume the collection is opened again.
            let spec = self.script.repositories.clone().ok_or_else(|| job_without("a collection"))?;
            let before = spec.before.as_ref().map(|before| before.folder.as_str());
            self.open_collection(&spec.collection.folder, before, parcels, job)?;
        }
        let opened = self.collection.as_ref().ok_or_else(|| job_without("a collection"))?;
        let guns = opened.collection.inventory().guns();
        let guns = guns.get(from as usize..(from + count) as usize).ok_or_else(|| job_without("these repositories"))?;
        let inputs = guns.iter().map(|gun| opened.read(gun)).collect::<Result<Vec<_>, _>>()?;
        let text = pack::write(&inputs);
        if (from + count) as usize >= opened.collection.inventory().guns().len() {
            // A long manifest is of no use to anybody any more.
            self.collection = None;
        }
        Ok(Outcome::Repositories(text.into()))
    }
}

/// Reads a file again that stands in `inputs/` of the record.
pub(super) fn kept(digest: Digest, job: &Job) -> Result<Arc<[u8]>, Stopped> {
    let name = format!("inputs/{digest}");
    let found = job.media.iter().find_map(|medium| {
        let bytes = files::read(&medium.folder.join(&name), files::limit::INPUTS).ok()?;
        (Digest::of(&bytes) == digest).then_some(bytes)
    });
    let missing = || Fault::machine(format!("read {name}"), "no medium holds it as it was written");
    Ok(found.ok_or_else(missing)?.into())
}

impl Opened {
    fn read(&self, gun: &Gun) -> Result<Inputs, Stopped> {
        let listing = self.collection.repository(gun).ok_or_else(|| job_without("this repository"))?;
        let mut inputs = Inputs { gun: gun.clone(), files: Default::default(), before: Default::default() };
        for (part, entry) in listing.parts() {
            let text = read_checked(&self.inputs, &self.folder, self.collection.manifest(), &entry.path)?;
            inputs.files.insert(part.to_string(), text);
        }
        if let Some((folder, manifest)) = &self.before {
            let below = crate::transfer::collection::folder(gun);
            for entry in manifest.below(&below) {
                let name = &entry.path[below.len() + 1..];
                if matches!(File::of(name), File::Targets | File::Delegation(_)) {
                    inputs.before.insert(name.to_owned(), read_checked(&self.inputs, folder, manifest, &entry.path)?);
                }
            }
        }
        Ok(inputs)
    }
}

fn manifest_of(inputs: &InputFiles, folder: &str) -> Result<(Manifest, Arc<[u8]>), Stopped> {
    let bytes = inputs.read(&format!("{folder}/{MANIFEST}"), files::limit::INPUTS)?;
    Ok((Manifest::required(&bytes)?, bytes.into()))
}

fn read_checked(inputs: &InputFiles, folder: &str, manifest: &Manifest, path: &str) -> Result<String, Stopped> {
    let bytes = inputs.read(&format!("{folder}/{path}"), files::limit::METADATA)?;
    manifest.check(path, &bytes)?;
    let text = String::from_utf8(bytes);
    Ok(text.map_err(|_| {
        let what = format!("{} is not UTF-8 text.", crate::text::shown(path));
        Error::from(Refusal::new(Rule::MetadataWellFormed, what, "Collect the repository again."))
    })?)
}

/// Writes bundles to every medium, and after the last the manifest of their folder.
pub(super) fn export(job: &Job) -> Performed {
    let Part { from, to, incomplete, refused, last } = job.part.clone().ok_or_else(|| job_without("bundles"))?;
    let written = files::at_once(&job.media, |medium| {
        let files = job.files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice()));
        files::write_together(&medium.folder, files)
    });
    written.into_iter().collect::<Result<Vec<()>, _>>()?;
    let mut manifest = None;
    for medium in job.media.iter().filter(|_| last) {
        let folder = medium.folder.join(PUBLISH);
        std::fs::create_dir_all(&folder)
            .map_err(|error| Fault::machine(format!("make the folder {}", files::name(&folder)), error))?;
        let text = record::manifest_of(&folder)?;
        files::write_or_complete(&medium.folder.join(Part::manifest()), text.as_bytes())?;
        manifest = Some(Digest::of(text.as_bytes()));
    }
    let media = job.media.iter().map(|medium| medium.label.clone()).collect();
    Ok(Outcome::BundlesWritten { from, to, incomplete, refused, manifest, media })
}
