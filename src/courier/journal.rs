//! What a publication has done already: a line a fact, beside the folder, on the disk before anything else is done.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::outcome::Stop;
use crate::{
    digest::Digest,
    fault::{Error, Fault},
    files::{self, Journal},
    rules::{Refusal, Rule},
    transfer::Gun,
    utc::Utc,
};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Line {
    /// The first: what is published where.
    Begin {
        /// The SHA-256 of the folder's MANIFEST.
        manifest: Digest,
        /// The server.
        server: String,
        /// When.
        at: Utc,
    },
    /// The request is about to be sent. Without a line that follows, it may have arrived or not.
    Posting {
        /// Of which repository.
        gun: Gun,
        /// When.
        at: Utc,
    },
    /// The server holds these very bytes, and its snapshot names them.
    Published {
        /// Of which repository.
        gun: Gun,
        /// The version of the snapshot that names them.
        snapshot: u64,
        /// When.
        at: Utc,
    },
    /// It was not published; it will be tried again.
    Failed {
        /// Of which repository.
        gun: Gun,
        /// Why.
        why: String,
        /// When.
        at: Utc,
    },
}

/// The journal of one publication.
pub struct Progress {
    journal: Journal,
    path: PathBuf,
    done: BTreeSet<Gun>,
}

impl Progress {
    /// Begins a journal at `path`, or goes on with the one that is there: a last line that was not written to its end is cut.
    ///
    /// # Errors
    /// `BYTES-MATCH-HASH` where it is about another folder or server; a fault where it cannot be read or written.
    pub fn open(path: &Path, manifest: Digest, server: &str, at: Utc) -> Result<Self, Stop> {
        if !path.exists() {
            let mut progress = Self { journal: Journal::create(path)?, path: path.to_owned(), done: BTreeSet::new() };
            progress.write(&Line::Begin { manifest, server: server.to_owned(), at })?;
            return Ok(progress);
        }
        let text = files::read(path, files::limit::TRANSCRIPT)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut done = BTreeSet::new();
        for (index, line) in text[..whole].split_inclusive(|byte| *byte == b'\n').enumerate() {
            let line: Line = serde_json::from_slice(line)
                .map_err(|error| Stop::Usage(format!("{}, line {}: {error}", files::name(path), index + 1)))?;
            match (index, line) {
                (0, Line::Begin { manifest: then, server: there, .. }) if then == manifest && there == server => {}
                (0, _) => return Err(other(path).into()),
                (_, Line::Published { gun, .. }) => drop(done.insert(gun)),
                (_, _) => {}
            }
        }
        let mut progress = Self { journal: Journal::resume(path, whole as u64)?, path: path.to_owned(), done };
        if whole == 0 {
            progress.write(&Line::Begin { manifest, server: server.to_owned(), at })?;
        }
        Ok(progress)
    }

    /// Whether this repository is done.
    pub fn is_done(&self, gun: &Gun) -> bool {
        self.done.contains(gun)
    }

    /// How many are.
    pub fn done(&self) -> usize {
        self.done.len()
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts one line on the disk.
    ///
    /// # Errors
    /// A fault where the disk fails: nothing more may be published then.
    pub fn write(&mut self, line: &Line) -> Result<(), Fault> {
        let mut text = serde_json::to_vec(line).expect("text and numbers are JSON");
        text.push(b'\n');
        self.journal.append(&text)?;
        self.journal.sync()?;
        if let Line::Published { gun, .. } = line {
            self.done.insert(gun.clone());
        }
        Ok(())
    }
}

fn other(path: &Path) -> Error {
    let what = format!(
        "{} is the journal of another publication: of another MANIFEST, or to another server.",
        files::name(path)
    );
    Refusal::new(
        Rule::BytesMatchHash,
        what,
        "Move it away where that publication is over, or publish from a copy of the folder.",
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_goes_on_after_a_torn_line_and_belongs_to_one_publication() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("publish.journal.jsonl");
        let (manifest, at) = (Digest::of(b"m"), Utc::EPOCH);
        let gun = |name: &str| Gun::parse(name).expect("a name");
        let open = |server: &str| Progress::open(&path, manifest, server, at);
        let mut progress = open("https://s").expect("a new one");
        progress.write(&Line::Posting { gun: gun("a"), at }).expect("written");
        progress.write(&Line::Published { gun: gun("a"), snapshot: 3, at }).expect("written");
        progress.write(&Line::Posting { gun: gun("b"), at }).expect("written");
        assert!(progress.is_done(&gun("a")) && !progress.is_done(&gun("b")));
        let whole = std::fs::read(&path).expect("the journal");
        std::fs::write(&path, [&whole[..], br#"{"event":"published","gun":"b","#].concat()).expect("torn");
        let again = open("https://s").expect("it goes on");
        assert_eq!((again.done(), again.is_done(&gun("b"))), (1, false));
        assert_eq!(std::fs::read(&path).expect("the journal"), whole);
        assert!(open("https://t").is_err());
        assert!(Progress::open(&path, Digest::of(b"n"), "https://s", at).is_err());
        std::fs::write(&path, b"{\"event").expect("torn in its first line");
        assert_eq!(open("https://s").expect("it begins").done(), 0);
        assert!(std::fs::read(&path).expect("the journal").starts_with(br#"{"event":"begin","manifest":""#));
        std::fs::write(&path, b"x\n").expect("spoilt");
        assert!(matches!(open("https://s"), Err(Stop::Usage(what)) if what.contains("line 1")));
    }
}
