//! Files: what comes in is read within a limit; what goes out is written once, to every medium, and read again.

use std::{fs, path::Path};

use super::{Performed, Performer, inputs::Inputs, rehearsal};
use crate::{
    ceremony::{
        crossing::Received,
        metadata::Leaving,
        operation::{ExportedFile, Outcome},
        words::media::AFTER_BAD_MEDIUM,
    },
    digest::Digest,
    fault::{Error, Fault},
    files,
    rules::{Refusal, Rule},
    runner::{Job, Medium},
    text::shown,
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

/// Reads files of the record from the one medium of a job, and not from what this machine remembers of them.
pub(super) fn read_again(job: &Job, files: &[ExportedFile]) -> Performed {
    let [medium] = job.media.as_slice() else { return Err(super::job_without("a medium to read").into()) };
    for file in files {
        let path = medium.folder.join(&file.name);
        if files::digest_of_medium(&path, files::limit::METADATA)? != file.sha256 {
            let what = format!("{} on “{}” is not what was written there.", shown(&file.name), shown(&medium.label));
            return Err(Refusal::new(Rule::MediumReadsBack, what, AFTER_BAD_MEDIUM).into());
        }
    }
    Ok(Outcome::MediumRead { files: files.to_vec() })
}

fn make_folder(folder: &Path) -> Result<(), Fault> {
    fs::create_dir_all(folder)
        .map_err(|error| Fault::machine(format!("make the folder {}", files::name(folder)), error))
}
