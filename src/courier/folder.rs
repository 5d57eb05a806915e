//! A folder of bundles, read file by file against its manifest.

use std::path::{Path, PathBuf};

use super::outcome::Stop;
use crate::{
    fault::{Error, Fault},
    files,
    rules::{Refusal, Rule},
    transfer::{
        Bundle, Gun, MANIFEST, Manifest, Publication,
        bundle::{BUNDLE, BUNDLE_BYTES_MAX, Files},
        collection,
        manifest::MANIFEST_BYTES_MAX,
    },
};

/// The folder, and what its manifest lists.
pub struct Folder {
    path: PathBuf,
    publication: Publication,
}

impl Folder {
    /// Reads the manifest of the folder `path`.
    ///
    /// # Errors
    /// `MANIFEST-COMPLETE`, or a fault where it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let manifest = files::read(&path.join(MANIFEST), MANIFEST_BYTES_MAX as u64)?;
        let publication = Publication::open(Manifest::required(&manifest)?)?;
        Ok(Self { path: path.to_owned(), publication })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is listed.
    pub fn publication(&self) -> &Publication {
        &self.publication
    }

    /// Those of `asked` that are in the folder, or all.
    ///
    /// # Errors
    /// Where one that was asked for is not there.
    pub fn guns(&self, asked: &[Gun]) -> Result<Vec<Gun>, Stop> {
        let all = self.publication.guns();
        if let Some(absent) = asked.iter().find(|gun| all.binary_search(gun).is_err()) {
            return Err(Stop::Usage(format!("{} holds no bundle of {absent}", files::name(&self.path))));
        }
        Ok(if asked.is_empty() { all.to_vec() } else { asked.to_vec() })
    }

    /// The bundle of one repository and its files, each of them the one that the manifest lists. `bundle.json` is not among the files.
    ///
    /// # Errors
    /// What [`Publication::bundle`] refuses; a fault where a file cannot be read.
    pub fn bundle(&self, gun: &Gun) -> Result<(Bundle, Files), Error> {
        let folder = self.path.join(collection::folder(gun));
        let mut found = Files::new();
        for name in self.publication.names(gun) {
            let limit = if name == BUNDLE { BUNDLE_BYTES_MAX as u64 } else { files::limit::METADATA };
            found.insert(name.to_owned(), files::read(&folder.join(name), limit)?);
        }
        let bundle = self.publication.bundle(gun, &found)?;
        found.remove(BUNDLE);
        Ok((bundle, found))
    }
}

/// `folder` with `ending` after its name, beside it: `publish.journal.jsonl` for `publish`.
///
/// # Errors
/// Where the folder has no name of its own, such as `/` or `..`.
pub fn beside(folder: &Path, ending: &str) -> Result<PathBuf, Stop> {
    let Some(name) = folder.file_name() else {
        return Err(Stop::Usage(format!(
            "{} has no name beside which something could lie; name the folder itself",
            files::name(folder)
        )));
    };
    let mut name = name.to_owned();
    name.push(ending);
    Ok(folder.with_file_name(name))
}

/// Creates the folders that lead to `path` below `base`, which is there.
///
/// # Errors
/// A fault where one cannot be created.
pub fn lead_to(base: &Path, path: &str) -> Result<(), Error> {
    let mut folder = base.to_owned();
    let parts: Vec<_> = path.split('/').collect();
    for part in &parts[..parts.len().saturating_sub(1)] {
        folder.push(part);
        match files::create_directory(&folder) {
            Err(Error::Refused(Refusal { rule: Rule::OutputFresh, .. })) if folder.is_dir() => {}
            other => other?,
        }
    }
    Ok(())
}

/// The names in a folder, sorted.
///
/// # Errors
/// A fault where it cannot be read, or a name is not UTF-8.
pub fn names(folder: &Path) -> Result<Vec<String>, Fault> {
    let failed = |error: std::io::Error| Fault::machine(format!("read the folder {}", files::name(folder)), error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        names.push(name.into_string().map_err(|_| failed(std::io::Error::other("a name in it is not UTF-8")))?);
    }
    names.sort();
    Ok(names)
}
