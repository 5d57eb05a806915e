//! Files that a script names: out of parcels that came in as QR codes, or beside the script.

use std::path::{Path, PathBuf};

use crate::{
    ceremony::crossing::Received,
    digest::Digest,
    fault::{Error, Fault},
    files,
    runner::Job,
    transfer::parcel::Parcel,
};

/// Where files of the script are looked for.
pub(super) struct Inputs {
    beside: PathBuf,
    /// The last that came in comes first.
    parcels: Vec<(Received, Parcel)>,
}

impl Inputs {
    /// Opens the parcels, which stand in the record.
    ///
    /// # Errors
    /// A fault where no medium holds one of them as it came in.
    pub(super) fn open(beside: &Path, parcels: &[Received], job: &Job) -> Result<Self, Error> {
        let parcels = parcels.iter().rev().map(|received| {
            let name = format!("inputs/{}", received.parcel);
            let bytes = job.media.iter().find_map(|medium| {
                let bytes = files::read(&medium.folder.join(&name), files::limit::INPUTS).ok()?;
                (Digest::of(&bytes) == received.parcel).then_some(bytes)
            });
            let bytes =
                bytes.ok_or_else(|| Fault::machine(format!("read {name}"), "no medium holds it as it came in"))?;
            Ok::<_, Error>((received.clone(), Parcel::from_bytes(&bytes)?))
        });
        Ok(Self { beside: beside.to_path_buf(), parcels: parcels.collect::<Result<_, _>>()? })
    }

    /// Reads a file of at most `limit` bytes, by its path from the script's folder on.
    ///
    /// # Errors
    /// As [`files::read`].
    pub(super) fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let in_parcel = self.parcels.iter().find_map(|(received, parcel)| parcel.file(received.name_of(path)?));
        let Some(file) = in_parcel else { return Ok(files::read(&self.beside.join(path), limit)?) };
        if file.bytes.len() as u64 > limit {
            return Err(Fault::machine(format!("read {path}"), format!("it has more than {limit} bytes")).into());
        }
        Ok(file.bytes.clone())
    }
}
