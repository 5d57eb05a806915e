//! What crosses the gap between the online machine and the ceremony, as files or as QR codes. Pure: bytes in, values out.
//!
//! [`gun`] is the name of a repository and of its folder; [`manifest`] lists a folder as `sha256sum` does; [`inventory`] lists
//! repositories. A [`collection`] goes in: what a server holds today. A [`bundle`] goes out: what is published together or
//! not at all, and [`completion`] takes into one a signature that was made elsewhere.
//!
//! A [`parcel`] is some files with a manifest; its digest is what people on both sides say aloud. [`compressed`] makes one message
//! of it, and [`ur`] turns the message into frames (the texts of QR codes) and frames, in any order and with losses, into the
//! message again.

pub mod bundle;
pub mod collection;
pub mod completion;
pub mod compressed;
pub mod gun;
pub mod inventory;
pub mod manifest;
pub mod parcel;
pub mod ur;

use std::fmt;

pub use bundle::{Bundle, BundleFile, Publication, Want};
pub use collection::{Collection, Part, RepositoryListing};
pub use gun::Gun;
pub use inventory::Inventory;
pub use manifest::Manifest;

/// The file that lists a folder.
pub const MANIFEST: &str = "MANIFEST";

/// The folder that holds a folder a repository.
pub const REPOSITORIES: &str = "repositories";

/// A text that is not of the form that it has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The line, from 1; 0 where the whole text is meant.
    pub line: usize,
    /// What is wrong, as a sentence without its full stop.
    pub what: String,
}

impl Malformed {
    fn whole(what: impl Into<String>) -> Self {
        Self { line: 0, what: what.into() }
    }

    fn at(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for Malformed {}
