//! The media that a record is on. Either may fail; the record goes on on the others.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    digest::Digest,
    fault::{Error, Fault},
    files::{self, Journal},
    transcript,
};

/// A medium: the words on its label, and the folder of the record on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium {
    /// As the script labels it.
    pub label: String,
    /// The record's folder.
    pub folder: PathBuf,
}

pub(super) struct Media(Vec<Open>);

struct Open {
    medium: Medium,
    journal: Journal,
}

/// The script's name in a record.
pub(super) const SCRIPT: &str = "script.toml";

impl Media {
    /// Makes the record's folder on every medium, with the script and an empty transcript.
    pub(super) fn create(media: &[Medium], script: &[u8]) -> Result<Self, Error> {
        let mut open = vec![];
        for medium in media {
            if !holds_only_its_rehearsal(&medium.folder) {
                files::create_directory(&medium.folder)?;
            }
            files::write_new(&medium.folder.join(SCRIPT), script)?;
            let journal = Journal::create(&medium.folder.join(transcript::FILE))?;
            open.push(Open { medium: medium.clone(), journal });
        }
        Ok(Self(open))
    }

    /// Opens the record on every medium, and brings the shorter copies up to `bytes`, of which each is a beginning.
    pub(super) fn resume(media: &[(Medium, u64)], bytes: &[u8]) -> Result<Self, Error> {
        let mut open = vec![];
        for (medium, length) in media {
            let journal = Journal::resume(&medium.folder.join(transcript::FILE), *length)?;
            let missing = usize::try_from(*length).ok().and_then(|length| bytes.get(length..)).unwrap_or_default();
            if !missing.is_empty() {
                journal.append(missing)?;
                journal.sync()?;
            }
            open.push(Open { medium: medium.clone(), journal });
        }
        Ok(Self(open))
    }

    /// Appends to every medium and fsyncs it. Media that fail are dropped and named.
    ///
    /// # Errors
    /// Where none is left.
    pub(super) fn append(&mut self, group: &[u8]) -> Result<Vec<(String, Fault)>, Fault> {
        let written = files::at_once(&self.0, |open| open.journal.append(group).and_then(|()| open.journal.sync()));
        let mut written = written.into_iter();
        let mut failed: Vec<(String, Fault)> = vec![];
        self.0.retain(|open| match written.next() {
            Some(Err(fault)) => {
                failed.push((open.medium.label.clone(), fault));
                false
            }
            _ => true,
        });
        match failed.last() {
            Some((_, fault)) if self.0.is_empty() => Err(fault.clone()),
            _ => Ok(failed),
        }
    }

    /// Writes files of the record to every medium, before the entries that name them. Media that fail are dropped and named.
    ///
    /// # Errors
    /// Where none is left, or where a file of that name holds something else.
    pub(super) fn attach(&mut self, files: &[(String, Arc<[u8]>)]) -> Result<Vec<(String, Fault)>, Error> {
        let mut failed = vec![];
        let mut refused = None;
        let written = files::at_once(&self.0, |open| {
            let files = files.iter().map(|(name, bytes)| (name.as_str(), &**bytes));
            files::write_together(&open.medium.folder, files)
        });
        let mut written = written.into_iter();
        self.0.retain(|open| match written.next() {
            Some(Err(Error::Fault(fault))) => {
                failed.push((open.medium.label.clone(), fault));
                false
            }
            Some(Err(Error::Refused(refusal))) => {
                refused = Some(refusal);
                true
            }
            Some(Ok(())) | None => true,
        });
        match (refused, failed.last()) {
            (Some(refusal), _) => Err(refusal.into()),
            (None, Some((_, fault))) if self.0.is_empty() => Err(fault.clone().into()),
            _ => Ok(failed),
        }
    }

    /// A file of the record named by its SHA-256, from the first medium that has it whole.
    pub(super) fn named_by_digest(&self, folder: &str, digest: Digest) -> Option<Vec<u8>> {
        let name = format!("{folder}/{digest}");
        self.0.iter().find_map(|open| {
            let bytes = files::read(&open.medium.folder.join(&name), files::limit::INPUTS).ok()?;
            (Digest::of(&bytes) == digest).then_some(bytes)
        })
    }

    pub(super) fn alive(&self) -> Vec<Medium> {
        self.0.iter().map(|open| open.medium.clone()).collect()
    }
}

/// A rehearsal makes its tokens inside its record's folder before the record begins.
fn holds_only_its_rehearsal(folder: &Path) -> bool {
    let names =
        std::fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.file_name()).collect::<Vec<_>>());
    names.is_ok_and(|names| names == ["rehearsal"])
}

/// The transcript's bytes on a medium.
pub(super) fn transcript_of(folder: &Path) -> Result<Vec<u8>, Fault> {
    files::read(&folder.join(transcript::FILE), files::limit::TRANSCRIPT)
}

/// The script's bytes on a medium.
pub(super) fn script_of(folder: &Path) -> Result<Vec<u8>, Fault> {
    files::read(&folder.join(SCRIPT), files::limit::SCRIPT)
}
