//! What was collected of some repositories, as one text: the form in which inputs stand in a record, so that every draft can be
//! composed again years later. A line a repository: `{"gun":…,"files":{"root.json":"…",…},"before":{…}}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    rules::{Refusal, Rule},
    transfer::Gun,
};

/// The files of one repository by name, as they were collected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Which repository.
    pub gun: Gun,
    /// `root.json`, `2.root.json`, `targets.json`, `targets/releases.json`, `timestamp.key`, …
    pub files: BTreeMap<String, String>,
    /// The same from before a compromise, where such a collection is pinned and holds this repository.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub before: BTreeMap<String, String>,
}

/// Some repositories as one text.
pub fn write(repositories: &[Inputs]) -> Vec<u8> {
    let mut text = Vec::new();
    for inputs in repositories {
        serde_json::to_writer(&mut text, inputs).expect("names and texts serialise into memory");
        text.push(b'\n');
    }
    text
}

/// Reads them again.
///
/// # Errors
/// `METADATA-WELL-FORMED`, naming the line.
pub fn read(text: &[u8]) -> Result<Vec<Inputs>, Refusal> {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let read = lines.enumerate().map(|(index, line)| {
        serde_json::from_slice(line).map_err(|error| {
            Refusal::new(
                Rule::MetadataWellFormed,
                format!("Line {} of the inputs: {error}.", index + 1),
                "This record was damaged. Use the other medium.",
            )
        })
    });
    read.collect()
}
