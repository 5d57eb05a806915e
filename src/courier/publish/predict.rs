//! What a server and its clients will make of a bundle, asked before it is sent.

use std::collections::BTreeMap;

use crate::{
    rules::{Refusal, Rule},
    transfer::{Bundle, bundle::Files},
    tuf::{
        RoleName, Root, Untrusted,
        bundle::{complete, without_strays},
        walk::Published,
    },
    utc::Utc,
};

/// Predicts the server, a client that meets the repository for the first time, and one that holds the root that the server holds
/// today. `held` is what the server holds, by the names of a collection. Returns what people should know.
///
/// # Errors
/// The rule by which the server or a client would refuse.
pub fn predict(
    bundle: &Bundle,
    found: &Files,
    held: &BTreeMap<String, Vec<u8>>,
    now: Utc,
) -> Result<Vec<String>, Refusal> {
    if !bundle.dialect.is_uploaded() {
        let what = format!("The bundle of {} is for a repository that is a folder: no server takes it.", bundle.gun);
        return Err(Refusal::new(Rule::BundleComplete, what, "Copy its files into the repository that you serve."));
    }
    travels_complete(bundle, found, held)?;
    let mut files = held.clone();
    for file in &bundle.files {
        files.insert(file.file.clone(), found[&file.file].clone());
    }
    without_strays(bundle.dialect, &mut files);
    let mut notes: Vec<String> = Vec::new();
    for trusted in [None, held.get("root.json").map(Vec::as_slice)] {
        let published = Published { gun: bundle.gun.as_str(), files: &files, trusted };
        for note in bundle.dialect.predict(&published, now).accepted()?.notes {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    Ok(notes)
}

/// `BUNDLE-COMPLETE`: the targets that the server holds are no part of the upload, so that they are not counted here.
fn travels_complete(bundle: &Bundle, found: &Files, held: &BTreeMap<String, Vec<u8>>) -> Result<(), Refusal> {
    let read = |bytes: &Vec<u8>| Untrusted::<Root>::parse(bundle.dialect, bytes.as_slice());
    let Some(new) = bundle.file(&RoleName::Root) else { return Ok(()) };
    let new = read(&found[&new.file])?;
    let old = held.get("root.json").map(read).transpose()?;
    let with_targets = bundle.file(&RoleName::Targets).is_some();
    complete(old.as_ref().map(Untrusted::document), new.document(), with_targets).map(drop)
}
