//! Finishes a record: report, card and manifest, on every medium. They follow from the transcript and add nothing to it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::rehearsal;
use crate::{
    ceremony::earlier,
    digest::Digest,
    fault::{Error, Fault},
    files, report,
    rules::Rule,
    runner::{Medium, Runner},
};

/// The name of the manifest in a record: lines as `sha256sum` writes them, sorted by name.
pub const MANIFEST: &str = "MANIFEST";

/// Writes report, card and manifest on every medium that holds the record. What an earlier try wrote stays as it is, and what it
/// wrote in part is completed.
///
/// # Errors
/// A fault where a medium cannot be written.
pub fn finish(runner: &Runner) -> Result<(), Error> {
    let (history, ceremony, media) = (runner.history(), runner.ceremony(), runner.media());
    // One after the other, and each let go before the next: about thousands of repositories they are long.
    let list = match signed(runner)? {
        Some(signed) => {
            for medium in &media {
                files::write_or_complete(&medium.folder.join(earlier::FILE), &signed)?;
            }
            Some(Digest::of(&signed))
        }
        None => None,
    };
    on_each(&media, "report.html", &report::report(history, ceremony))?;
    on_each(&media, "card.html", &report::card(history, ceremony, list))?;
    for medium in &media {
        write(&medium.folder.join(MANIFEST), &manifest_of(&medium.folder)?)?;
    }
    Ok(())
}

fn on_each(media: &[Medium], name: &str, page: &str) -> Result<(), Error> {
    media.iter().try_for_each(|medium| write(&medium.folder.join(name), page))
}

/// What this ceremony and those before it signed, about many repositories: the next one is told by it.
fn signed(runner: &Runner) -> Result<Option<Vec<u8>>, Error> {
    let ceremony = runner.ceremony();
    if !ceremony.script().kind.is_about_repositories() {
        return Ok(None);
    }
    let list = match ceremony.previous_ceremony().and_then(|previous| previous.list) {
        Some(list) => {
            let name = format!("inputs/{}", list.sha256);
            let found = runner.kept("inputs", list.sha256);
            Some(found.ok_or_else(|| Fault::machine(format!("read {name}"), "no medium holds it as it was written"))?)
        }
        None => None,
    };
    Ok(Some(earlier::leaves(ceremony, list.as_deref())))
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
    let mut manifest = Listing { record, text: String::new(), files: 0 };
    manifest.below(Path::new(""))?;
    Ok(manifest.text)
}

/// How many files a record may have: of 20,000 repositories with three signers each, payloads and bundles are two hundred thousand.
const FILES_MAX: usize = 1_000_000;

/// Lines of a manifest, written as the files are met: a record may have a hundred thousand.
struct Listing<'a> {
    record: &'a Path,
    text: String,
    files: usize,
}

impl Listing<'_> {
    fn below(&mut self, below: &Path) -> Result<(), Fault> {
        let folder = self.record.join(below);
        let reading = |error| Fault::machine(format!("read the folder {}", files::name(&folder)), error);
        let mut found = vec![];
        for entry in fs::read_dir(&folder).map_err(reading)? {
            let entry = entry.map_err(reading)?;
            let name: PathBuf = below.join(entry.file_name());
            if name == Path::new(MANIFEST) || name == Path::new(rehearsal::FOLDER) {
                continue;
            }
            let is_folder = entry.file_type().map_err(reading)?.is_dir();
            // Whole paths are sorted by their bytes, and what is in a folder has a slash after the folder's name.
            let sorted_by = format!("{}{}", name.to_string_lossy(), if is_folder { "/" } else { "" });
            found.push((sorted_by, name, is_folder));
        }
        found.sort_unstable();
        for (sorted_by, name, is_folder) in found {
            if is_folder {
                self.below(&name)?;
                continue;
            }
            if self.files >= FILES_MAX {
                return Err(Fault::machine(
                    format!("list {}", files::name(self.record)),
                    format!("it has more than {FILES_MAX} files"),
                ));
            }
            self.files += 1;
            let digest = files::digest(&self.record.join(&name), files::limit::TRANSCRIPT)?;
            self.text.extend([digest.to_string().as_str(), "  ", &sorted_by, "\n"]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_lists_whole_paths_in_the_order_of_their_bytes() {
        let record = tempfile::tempdir().unwrap();
        let names = ["a!", "a.b", "a/b", "a/c/d", "a0", "b", "rehearsal/key", "MANIFEST"];
        for name in names {
            let path = record.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let wanted: String =
            names[..6].iter().map(|name| format!("{}  {name}\n", Digest::of(name.as_bytes()))).collect();
        assert_eq!(manifest_of(record.path()).unwrap(), wanted);
    }
}
