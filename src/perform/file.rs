//! Files: what comes in is read within a limit; what goes out is written once, to every medium, and read again.

use std::{fs, path::Path};

use super::{Performed, Performer, inputs::Inputs, rehearsal};
use crate::{
    ceremony::{crossing::Received, metadata::Leaving, operation::Outcome},
    digest::Digest,
    fault::{Error, Fault},
    files,
    runner::{Job, Medium},
};

impl Performer {
    pub(super) fn read_input(&self, file: &str, with: Option<&str>, parcels: &[Received], job: &Job) -> Performed {
        let inputs = Inputs::open(&self.inputs, parcels, job)?;
        // Everything that a rehearsal reads lies in its own folder, even where the script names a medium.
        let rehearses = self.rehearsal_module.is_some();
        let read =
            |file: &str| inputs.read(if rehearses { rehearsal::inside(file) } else { file }, files::limit::METADATA);
        Ok(Outcome::Input { bytes: read(file)?, with: with.map(read).transpose()? })
    }
}

pub(super) fn store(job: &Job) -> Performed {
    write_everywhere(job)?;
    Ok(Outcome::Stored)
}

pub(super) fn export(job: &Job) -> Performed {
    write_everywhere(job)?;
    Ok(Outcome::Exported { media: job.media.iter().map(|medium| medium.label.clone()).collect() })
}

/// Writes every file of a job to every medium. A file that is there already with the same bytes, or with their beginning, was
/// written before a crash, or by an earlier try of the same operation; any other is never overwritten.
fn write_everywhere(job: &Job) -> Result<(), Error> {
    write_to(&job.media, &job.files)
}

/// The same for files that an operation made itself.
pub(super) fn write_to(media: &[Medium], files: &[Leaving]) -> Result<(), Error> {
    for medium in media {
        for file in files {
            let path = medium.folder.join(&file.name);
            let digest = Digest::of(&file.bytes);
            if let Some(folder) = path.parent() {
                make_folder(folder)?;
            }
            files::write_or_complete(&path, &file.bytes)?;
            if files::digest(&path, files::limit::METADATA)? != digest {
                return Err(Fault::machine(
                    format!("read {} again", files::name(&path)),
                    "it differs from what was written; the medium is bad",
                )
                .into());
            }
        }
    }
    Ok(())
}

fn make_folder(folder: &Path) -> Result<(), Fault> {
    fs::create_dir_all(folder)
        .map_err(|error| Fault::machine(format!("make the folder {}", files::name(folder)), error))
}
