//! Results: as text or as JSON, to standard output or into a file.

use std::path::Path;

use serde::Serialize;

use super::exit::Stop;
pub use crate::program::{product, say};
use crate::{fault::Fault, files};

/// Writes a report: as JSON, or as lines for people.
///
/// # Errors
/// As [`product`].
pub fn report<T: Serialize>(json: bool, report: &T, lines: impl FnOnce() -> Vec<String>) -> Result<(), Fault> {
    let text = if json {
        serde_json::to_string_pretty(report).map_err(|error| Fault::machine("write the report as JSON", error))?
    } else {
        lines().join("\n")
    };
    product(&(text + "\n"))
}

/// Writes a result into a new file, or to standard output where none is named.
///
/// # Errors
/// `OUTPUT-FRESH` where the file exists; a fault.
pub fn write(output: Option<&Path>, text: &str) -> Result<(), Stop> {
    match output {
        None => Ok(product(text)?),
        Some(path) => {
            files::write_new(path, text.as_bytes())?;
            say(&format!("{} written", files::name(path)));
            Ok(())
        }
    }
}
