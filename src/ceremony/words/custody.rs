//! What is said where a key that exists gets a backup, new custodians, or its end.

use super::steps::prose;
use crate::{
    ceremony::{
        script::{Origin, Script},
        steps::{Prose, TakeKey},
    },
    text::shown,
};

/// What nobody can say of a key that was in a file.
pub const HISTORY_UNKNOWN: &str = "imported: its history is unknown";

/// Where a key in memory comes from, in a few words.
pub fn from(origin: Origin<'_>) -> String {
    match origin {
        Origin::Made => "made in memory".into(),
        Origin::TakenFrom(file) => format!("taken from {} ({HISTORY_UNKNOWN})", shown(file)),
    }
}

/// What is to be done with a file whose key has a backup now.
pub fn destroy_file(file: &str) -> String {
    format!(
        "After the ceremony {} is destroyed, with every copy of it: the medium, the trust directory it came from, backups of that machine. As long as one is left, the shares and the tokens protect nothing.",
        shown(file)
    )
}

/// Whoever brings a key file is to sit down.
pub fn keeper_sits(name: &str, file: &str) -> String {
    format!("{} puts the medium with {} in, and sits down to type its passphrase.", shown(name), shown(file))
}

/// `take-key`.
pub fn take_key(script: &Script, step: &TakeKey) -> Prose {
    let (name, file, keeper) = (&step.name, shown(&step.file), shown(script.name(&step.keeper)));
    let lines = [
        format!("{keeper} puts the medium with the key file {file} in. It must be the key {}.", step.keyid),
        format!("{keeper} takes the keyboard and types the passphrase of the file, where it has one. The key is in the locked memory of this machine from then on, and goes nowhere else until its shares are read back. Nothing of the file goes into the record."),
        "The key was outside before: what became of it there is unknown, and is written so wherever it is shown. A backup protects against its loss; it takes it from nobody who has it already.".into(),
        "If the program ends before every share is read back, the pages that exist are destroyed, and this step begins again with the file.".into(),
    ];
    prose(
        format!("Take the existing key {name} from its file"),
        &lines.iter().map(String::as_str).collect::<Vec<_>>(),
        "The screen names the key by its canonical id, and says that its history is unknown.",
        &["First eight digits of the canonical id", "Number of the bag of the medium with the file"],
    )
}
