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

/// The media that hold the record, and one that may be out of the machine.
pub(super) struct Media {
    open: Vec<Open>,
    let_go: Option<Medium>,
}

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
        Ok(Self { open, let_go: None })
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
        Ok(Self { open, let_go: None })
    }

    /// Appends to every medium and fsyncs it. Media that fail are dropped and named.
    ///
    /// # Errors
    /// Where none is left.
    pub(super) fn append(&mut self, group: &[u8]) -> Result<Vec<(String, Fault)>, Fault> {
        let written = files::at_once(&self.open, |open| open.journal.append(group).and_then(|()| open.journal.sync()));
        let mut written = written.into_iter();
        let mut failed: Vec<(String, Fault)> = vec![];
        self.open.retain(|open| match written.next() {
            Some(Err(fault)) => {
                failed.push((open.medium.label.clone(), fault));
                false
            }
            _ => true,
        });
        match failed.last() {
            Some((_, fault)) if self.open.is_empty() => Err(fault.clone()),
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
        let written = files::at_once(&self.open, |open| {
            let files = files.iter().map(|(name, bytes)| (name.as_str(), &**bytes));
            files::write_together(&open.medium.folder, files)
        });
        let mut written = written.into_iter();
        self.open.retain(|open| match written.next() {
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
            (None, Some((_, fault))) if self.open.is_empty() => Err(fault.clone().into()),
            _ => Ok(failed),
        }
    }

    /// A file of the record named by its SHA-256, from the first medium that has it whole.
    pub(super) fn named_by_digest(&self, folder: &str, digest: Digest) -> Option<Vec<u8>> {
        let name = format!("{folder}/{digest}");
        self.open.iter().find_map(|open| {
            let bytes = files::read(&open.medium.folder.join(&name), files::limit::INPUTS).ok()?;
            (Digest::of(&bytes) == digest).then_some(bytes)
        })
    }

    /// Holds nothing of a medium open any more, so that it can be unmounted and taken out.
    pub(super) fn let_go(&mut self, label: &str) {
        if let Some(at) = self.open.iter().position(|open| open.medium.label == label).filter(|_| self.open.len() > 1) {
            self.let_go = Some(self.open.remove(at).medium);
        }
    }

    /// Opens the record on a medium that is in again, and brings it up to the others.
    ///
    /// # Errors
    /// Where it is not there, or holds another story.
    pub(super) fn take_back(&mut self, label: &str) -> Result<(), Fault> {
        let Some(medium) = self.let_go.take_if(|medium| medium.label == label) else { return Ok(()) };
        let Some(other) = self.open.first() else { return Ok(()) };
        let (whole, copy) = (transcript_of(&other.medium.folder)?, transcript_of(&medium.folder)?);
        let missing = whole.strip_prefix(copy.as_slice()).ok_or_else(|| {
            let doing = format!("go on with the record on “{}”", crate::text::shown(label));
            Fault::machine(doing, "its transcript is not a beginning of the other one")
        })?;
        let journal = Journal::resume(&medium.folder.join(transcript::FILE), copy.len() as u64)?;
        journal.append(missing)?;
        journal.sync()?;
        self.open.push(Open { medium, journal });
        Ok(())
    }

    /// A medium that is let go will not come back.
    pub(super) fn forget(&mut self, label: &str) {
        self.let_go.take_if(|medium| medium.label == label);
    }

    /// The medium with this label, in or out.
    pub(super) fn of(&self, label: &str) -> Vec<Medium> {
        let open = self.open.iter().map(|open| &open.medium);
        open.chain(&self.let_go).filter(|medium| medium.label == label).cloned().collect()
    }

    pub(super) fn alive(&self) -> Vec<Medium> {
        self.open.iter().map(|open| open.medium.clone()).collect()
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
