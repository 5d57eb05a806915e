//! What clients will make of a bundle, asked before it is sent.

use std::collections::BTreeMap;

use crate::{
    rules::Refusal,
    transfer::{Bundle, bundle::Files},
    tuf::walk,
    utc::Utc,
};

/// Predicts the clients of a repository of which the server holds `held`: those that hold its root today, and those that meet it for the
/// first time.
///
/// # Errors
/// The rule by which a client would refuse.
pub fn predict(bundle: &Bundle, found: &Files, held: &BTreeMap<String, Vec<u8>>, now: Utc) -> Result<(), Refusal> {
    let mut files: BTreeMap<String, Vec<u8>> = held
        .iter()
        .filter(|(name, _)| name.ends_with(".json"))
        .map(|(name, bytes)| (name.clone(), bytes.clone()))
        .collect();
    for file in &bundle.files {
        files.insert(file.file.clone(), found[&file.file].clone());
        files.insert(bundle.dialect.file_name(&file.role, Some(file.version)), found[&file.file].clone());
    }
    let trusted = held.get("root.json").or_else(|| files.get("root.json")).cloned().unwrap_or_default();
    walk(bundle.dialect, &trusted, &files, now).accepted().map(drop)
}
