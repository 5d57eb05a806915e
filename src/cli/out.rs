//! Standard output is for results, standard error for talk. A reader that goes away early is no fault.

use std::{
    io::{self, Write as _},
    path::Path,
};

use serde::Serialize;

use super::exit::Stop;
use crate::{fault::Fault, files};

/// Writes a result to standard output.
///
/// # Errors
/// A fault where it cannot be written, but for a pipe that nobody reads any more.
pub fn product(text: &str) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Fault::machine("write to standard output", error))
        }
        _ => Ok(()),
    }
}

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

/// Says something to people, on standard error. Nothing can be done where nobody can be told.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
