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

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(number: usize) -> Inputs {
        let files = [("root.json", "{\n}"), ("targets/releases.json", "“\u{1}”"), ("timestamp.key", "")];
        let files: BTreeMap<String, String> =
            files.into_iter().map(|(name, text)| (name.to_owned(), format!("{text}{number}"))).collect();
        let before = if number.is_multiple_of(2) { BTreeMap::new() } else { files.clone() };
        Inputs { gun: Gun::parse(&format!("docker.io/example/app-{number}")).expect("a name"), files, before }
    }

    #[test]
    fn inputs_come_back_as_they_were_written_a_line_a_repository() {
        let all: Vec<_> = (0..5).map(inputs).collect();
        let text = write(&all);
        assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), 5);
        assert_eq!(read(&text), Ok(all));
        assert_eq!(read(b""), Ok(vec![]));
    }

    #[test]
    fn a_line_that_is_otherwise_is_named_by_its_number() {
        let good = write(&[inputs(0)]);
        for bad in ["{}", "{\"gun\":\"a\",\"files\":{},\"more\":1}", "{\"gun\":\"../a\",\"files\":{}}", "["] {
            let text = [&good[..], bad.as_bytes(), b"\n"].concat();
            let refusal = read(&text).expect_err(bad);
            assert_eq!(refusal.rule, Rule::MetadataWellFormed);
            assert!(refusal.what.starts_with("Line 2 of the inputs: "), "{}", refusal.what);
        }
    }
}
