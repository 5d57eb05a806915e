//! Finishes a record: report, card and manifest, on every medium. They follow from the transcript and add nothing to it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::rehearsal;
use crate::{
    digest::Digest,
    fault::{Error, Fault},
    files, report,
    rules::Rule,
    runner::Runner,
};

/// The name of the manifest in a record: lines as `sha256sum` writes them, sorted by name.
pub const MANIFEST: &str = "MANIFEST";

/// Writes report, card and manifest on every medium that holds the record. What an earlier try wrote stays as it is, and what it
/// wrote in part is completed.
///
/// # Errors
/// A fault where a medium cannot be written.
pub fn finish(runner: &Runner) -> Result<(), Error> {
    let script = runner.ceremony().script();
    let pages = [
        ("report.html", report::report(runner.entries(), script)),
        ("card.html", report::card(runner.entries(), script)),
    ];
    for medium in runner.media() {
        for (name, page) in &pages {
            write(&medium.folder.join(name), page)?;
        }
        write(&medium.folder.join(MANIFEST), &manifest_of(&medium.folder)?)?;
    }
    Ok(())
}

/// Whether the record on this medium was finished.
pub fn is_finished(record: &Path) -> bool {
    record.join(MANIFEST).exists()
}

/// Whole pages of an earlier try differ where the ceremony was resumed once more after its end; they stay.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    match files::write_or_complete(path, text.as_bytes()) {
        Err(Error::Refused(refusal)) if refusal.rule == Rule::OutputFresh => Ok(()),
        other => other.map(drop),
    }
}

/// The manifest of a record as it lies there: every file but the manifest itself and what a rehearsal made for itself.
///
/// # Errors
/// A fault where a file cannot be read.
pub fn manifest_of(record: &Path) -> Result<String, Fault> {
    let mut found = BTreeMap::new();
    list(record, Path::new(""), &mut found)?;
    Ok(found.into_iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect())
}

/// How many files a record may have.
const FILES_MAX: usize = 200_000;

fn list(record: &Path, below: &Path, found: &mut BTreeMap<String, Digest>) -> Result<(), Fault> {
    let folder = record.join(below);
    let reading = |error| Fault::machine(format!("read the folder {}", files::name(&folder)), error);
    for entry in fs::read_dir(&folder).map_err(reading)? {
        let entry = entry.map_err(reading)?;
        let name: PathBuf = below.join(entry.file_name());
        let skipped = name == Path::new(MANIFEST) || name == Path::new(rehearsal::FOLDER);
        if skipped {
            continue;
        }
        if found.len() >= FILES_MAX {
            return Err(Fault::machine(
                format!("list {}", files::name(record)),
                format!("it has more than {FILES_MAX} files"),
            ));
        }
        if entry.file_type().map_err(reading)?.is_dir() {
            list(record, &name, found)?;
        } else {
            let digest = files::digest(&record.join(&name), files::limit::TRANSCRIPT)?;
            found.insert(name.to_string_lossy().into_owned(), digest);
        }
    }
    Ok(())
}
