//! `show` and `diff`: metadata for people.

use std::path::Path;

use serde::Serialize;

use super::{
    args::{Diff, Show},
    exit::{Exit, Stop},
    out,
};
use crate::{
    digest::Digest,
    files, preflight,
    rules::Refusal,
    text::shown,
    tuf::{Document, KeyId, RootChange, compare::compare, describe::describe, diff::diff, role::RoleName},
};

pub(super) fn show(args: &Show) -> Result<Exit, Stop> {
    let document = read(&args.file)?;
    let trusted = args.trusted.as_deref().map(read).transpose()?;
    let trusted = trusted.as_ref().map(|trusted| trusted.as_root().ok_or_else(|| no_root(args))).transpose()?;
    let now = args.at.map_or_else(preflight::now, Ok)?;
    let description = describe(&document, trusted, now, &nobody);
    out::report(args.format.json, &description, || description.lines())?;
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Difference {
    old: Side,
    new: Side,
    /// In words, a line each.
    changes: Vec<String>,
    /// As data, for roots.
    #[serde(skip_serializing_if = "Option::is_none")]
    root_changes: Option<Vec<RootChange>>,
}

#[derive(Serialize)]
struct Side {
    kind: RoleName,
    version: u64,
    sha256: Digest,
}

impl Side {
    fn of(document: &Document) -> Self {
        Self { kind: document.role(), version: document.version(), sha256: document.digest() }
    }

    fn words(&self) -> String {
        format!("{} {} (SHA-256 {}…)", self.kind, self.version, &self.sha256.to_string()[..16])
    }
}

pub(super) fn difference(args: &Diff) -> Result<Exit, Stop> {
    let (old, new) = (read(&args.old)?, read(&args.new)?);
    let changes = compare(&old, &new, &nobody)?;
    let roots = old.as_root().zip(new.as_root());
    let difference = Difference {
        old: Side::of(&old),
        new: Side::of(&new),
        changes,
        root_changes: roots.map(|(old, new)| diff(Some(old), new)),
    };
    out::report(args.format.json, &difference, || {
        let mut lines = vec![format!("{} -> {}", difference.old.words(), difference.new.words())];
        if difference.changes.is_empty() {
            lines.push("  the same, but for signatures and spelling".into());
        }
        lines.extend(difference.changes.iter().map(|change| format!("  {change}")));
        lines
    })?;
    Ok(Exit::Done)
}

/// Metadata names no owners of keys.
fn nobody(_: &KeyId) -> Option<String> {
    None
}

fn read(path: &Path) -> Result<Document, Stop> {
    let bytes = files::read(path, files::limit::METADATA)?;
    let named = |refusal: Refusal| Refusal { what: format!("{}: {}", files::name(path), refusal.what), ..refusal };
    Ok(Document::parse_any(&bytes).map_err(named)?)
}

fn no_root(args: &Show) -> Stop {
    let path = args.trusted.as_deref().map(files::name).unwrap_or_default();
    Stop::Usage(format!("--trusted {}: this is no root; name the root whose keys sign the file", shown(&path)))
}
