//! The files of a record, against what the transcript and the manifest say of them.

use std::collections::BTreeMap;

use crate::{
    ceremony::{Ceremony, earlier, operation::ExportedFile, replay::Materials, repositories::collected},
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    text::shown,
};

/// The name of the manifest in a record: lines as `sha256sum` writes them.
pub const MANIFEST: &str = "MANIFEST";
/// The folder in which a rehearsal keeps its throw-away tokens. It is no part of the record.
pub const REHEARSAL: &str = "rehearsal";

/// A file as it lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFact {
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its length in bytes.
    pub length: u64,
}

/// Every file of a record by its path below the record's folder, the manifest too.
pub type Files = BTreeMap<String, FileFact>;

/// How many differences are named; more of them say nothing new.
const NAMED_MAX: usize = 20;

/// `BYTES-MATCH-HASH`: what was exported and stored is there, as the transcript says.
pub(super) fn as_the_transcript_says(
    ceremony: &Ceremony,
    files: &Files,
    materials: Materials<'_>,
) -> Result<Vec<Passed>, Vec<Refusal>> {
    let refuse = |what: String| {
        Refusal::new(
            Rule::BytesMatchHash,
            what,
            "This copy was changed or damaged. Use the other medium, and keep this one as evidence.",
        )
    };
    let mut wrong = vec![];
    for ExportedFile { name, sha256, length } in ceremony.exported() {
        match files.get(name) {
            None => wrong.push(refuse(format!("{} was exported, and is not here.", shown(name)))),
            Some(found) if (found.sha256, found.length) != (*sha256, *length) => wrong.push(refuse(format!(
                "{} has {} bytes and SHA-256 {}; it was exported with {length} bytes and SHA-256 {sha256}.",
                shown(name),
                found.length,
                found.sha256
            ))),
            Some(_) => {}
        }
    }
    let mut payloads = 0;
    for (name, found) in files {
        let Some(digest) = name.strip_prefix("payloads/") else { continue };
        payloads += 1;
        if digest != found.sha256.to_string() {
            wrong.push(refuse(format!("{} holds bytes with SHA-256 {}.", shown(name), found.sha256)));
        }
    }
    for (folder, what) in [("inputs/", "inputs"), ("batches/", "a list of payloads")] {
        for (name, found) in files {
            if name.strip_prefix(folder).is_some_and(|digest| digest != found.sha256.to_string()) {
                wrong.push(refuse(format!("{} holds {what} with SHA-256 {}.", shown(name), found.sha256)));
            }
        }
    }
    let batch = ceremony.repositories().batch();
    let absent = batch.payloads().filter(|payload| !files.contains_key(&format!("payloads/{payload}")));
    wrong.extend(absent.take(NAMED_MAX).map(|payload| refuse(format!("Payload {payload} of the batch is not here."))));
    if let Some(published) = batch.published() {
        match files.get("publish/MANIFEST") {
            Some(found) if found.sha256 == published => {
                let listed = materials("publish/MANIFEST").unwrap_or_default();
                let differs = differences(&listed, files, "publish/", |name| name.starts_with("publish/"));
                let differs = differs.unwrap_or_else(|what| vec![what]);
                wrong.extend(
                    differs.into_iter().take(NAMED_MAX).map(|what| refuse(format!("publish/MANIFEST: {what}."))),
                );
            }
            Some(found) => wrong.push(refuse(format!(
                "publish/MANIFEST has SHA-256 {}; it was written with {published}.",
                found.sha256
            ))),
            None => wrong.push(refuse("publish/MANIFEST was written, and is not here.".into())),
        }
    }
    if let Some(found) = files.get(earlier::FILE) {
        let list = ceremony.previous_ceremony().and_then(|previous| previous.list);
        let list = list.and_then(|list| materials(&format!("inputs/{}", list.sha256)));
        let list = list.as_deref();
        let is_list = Digest::of(&earlier::leaves(ceremony, list)) == found.sha256
            || Digest::of(&earlier::leaves_every_version(ceremony, list)) == found.sha256;
        if !is_list {
            wrong.push(refuse(format!("{} is not the list of what was signed.", earlier::FILE)));
        }
    }
    for draft in ceremony.drafts().iter().filter(|draft| !draft.signatures.is_empty()) {
        if !files.contains_key(&format!("payloads/{}", draft.payload)) {
            wrong.push(refuse(format!("The signed payload {} is not here.", draft.payload)));
        }
    }
    let collected = collected::again(ceremony, &|digest| materials(&format!("inputs/{digest}")));
    let collected = collected.transpose().unwrap_or_else(|refusal| {
        wrong.push(refusal);
        None
    });
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let exported = ceremony.exported().len();
    let seen = format!("{exported} exported files and {payloads} payloads, as the transcript says");
    Ok(std::iter::once(Passed::new(Rule::BytesMatchHash, seen)).chain(collected).collect())
}

/// `MANIFEST-COMPLETE`: it lists every file with its SHA-256, and no other.
pub(super) fn manifest(manifest: &[u8], files: &Files, rehearsal: bool) -> Result<Vec<Passed>, Vec<Refusal>> {
    let in_record = |name: &str| {
        let kept = rehearsal && name.split('/').next() == Some(REHEARSAL);
        name != MANIFEST && !kept
    };
    let wrong = differences(manifest, files, "", in_record).map_err(|what| vec![incomplete(what)])?;
    if wrong.is_empty() {
        let count = files.keys().filter(|name| in_record(name)).count();
        return Ok(vec![Passed::new(Rule::ManifestComplete, format!("{count} files, and no other"))]);
    }
    Err(wrong.into_iter().take(NAMED_MAX).map(incomplete).collect())
}

/// How a manifest and the files that it should list differ. Its names are relative to the folder `below`; `is_listed` says which
/// files it should list.
///
/// # Errors
/// Where it is none.
fn differences(
    manifest: &[u8],
    files: &Files,
    below: &str,
    is_listed: impl Fn(&str) -> bool,
) -> Result<Vec<String>, String> {
    let mut listed = BTreeMap::new();
    for (index, line) in String::from_utf8_lossy(manifest).lines().enumerate() {
        let parts = line.split_once("  ").and_then(|(hex, name)| Some((Digest::from_hex(hex)?, name)));
        let Some((digest, name)) = parts else {
            return Err(format!("line {} is not a SHA-256, two spaces and a name", index + 1));
        };
        let name = format!("{below}{name}");
        if listed.insert(name.clone(), digest).is_some() {
            return Err(format!("{} is listed twice", shown(&name)));
        }
    }
    let itself = format!("{below}{MANIFEST}");
    let mut wrong: Vec<String> = vec![];
    for (name, found) in files.iter().filter(|(name, _)| is_listed(name) && **name != itself) {
        match listed.get(name) {
            None => wrong.push(format!("{} is here and not listed", shown(name))),
            Some(digest) if *digest != found.sha256 => {
                wrong.push(format!("{} has SHA-256 {}, listed is {digest}", shown(name), found.sha256));
            }
            Some(_) => {}
        }
    }
    wrong.extend(
        listed
            .keys()
            .filter(|name| !files.contains_key(*name))
            .map(|name| format!("{} is listed and not here", shown(name))),
    );
    Ok(wrong)
}

/// A ceremony that is over has a manifest.
pub(super) fn no_manifest() -> Refusal {
    Refusal::new(
        Rule::ManifestComplete,
        "The ceremony is over, and the record has no manifest.",
        "It was cut short while it was finished, or the manifest was taken away. Use the other medium.",
    )
}

fn incomplete(what: String) -> Refusal {
    Refusal::new(
        Rule::ManifestComplete,
        format!("{MANIFEST}: {what}."),
        "This copy was changed or damaged. Use the other medium, and keep this one as evidence.",
    )
}
