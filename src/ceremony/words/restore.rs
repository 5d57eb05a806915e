//! Everything that is said where a backup that was made before is opened.

use super::{
    backup::listed,
    steps::{token_words, user_of},
    wrapping::unwraps,
};
use crate::{
    ceremony::{
        script::{KeptSpec, Kind, Script},
        steps::{Prose, PutKey},
    },
    custody::{Opens, Set},
    text::shown,
};

/// The point at which shares were chosen, and what they are called.
pub const CHOSEN: &str = "the shares to be used";
/// The hint beside it.
pub const CHOSEN_HINT: &str = "their numbers, such as 1, 3 and 5";

/// `restore-key` of a backup that was made before.
pub fn restore_key(script: &Script, step: &PutKey, kept: &KeptSpec) -> Prose {
    let (token, user) = (token_words(script, &step.token), user_of(script, &step.token));
    let drill = script.kind == Kind::RestoreDrill;
    let file = match kept.opens {
        Opens::SealedFile => "the sealed file",
        Opens::WrappedKey => "the file of the wrapped key",
    };
    let mut lines = vec![format!(
        "What is public of the shares ({}) and {file} ({}) are read, and held against the SHA-256 that this script pins.",
        shown(&kept.file),
        kept.sealed.as_ref().map_or_else(|| "none".into(), |sealed| shown(&sealed.file))
    )];
    if let Some(keyid) = &kept.keyid {
        lines.push(format!("They must be of the key {keyid}, which clients trust."));
    }
    lines.push(match step.shares.as_slice() {
        [] if drill => "A die says which shares are used. Those that the last drill did not use come first.".into(),
        [] => "As many custodians as open the backup come with their pages; it does not matter which.".into(),
        shares => format!("Shares {} are used.", listed(shares)),
    });
    if !kept.custodians.is_empty() {
        let each =
            kept.custodians.iter().map(|(share, person)| format!("share {share}: {}", shown(script.name(person))));
        lines.push(format!("Called are the custodians of {}.", each.collect::<Vec<_>>().join("; ")));
    }
    lines.push("Each custodian opens the bag, whose number is compared with the last record, takes the keyboard alone and types the rows of the page. A wrong row, and a share that does not belong, are named.".into());
    let mut form = vec!["Which shares were brought", "Numbers of the old bags", "Numbers of the new bags"];
    match kept.opens {
        Opens::SealedFile => lines.push(format!(
            "The file is opened in locked memory. Only the trusted key goes to the token, and the token is read back. {user} types the user PIN."
        )),
        Opens::WrappedKey => {
            lines.extend(unwraps(script, &step.token));
            form.push("Number of the new envelope with the SO-PIN");
        }
    }
    lines.push("The pages are bagged again, with new numbers.".into());
    Prose {
        title: format!("Restore {} to {token} from shares", step.name),
        lines,
        expect: "The keyid on the screen is the one above.".into(),
        form: form.iter().map(|field| (*field).to_owned()).collect(),
    }
}

/// The question which shares are used.
pub fn choose(set: &Set) -> String {
    format!(
        "Set {}: {} shares open it. Throw a die until it has named {} of them; shares that were not used in the last drill come first.",
        set.id(),
        set.scheme,
        set.scheme.threshold()
    )
}

/// Shares are to be brought.
pub fn bring(script: &Script, kept: &KeptSpec, set: &Set, chosen: &[u8]) -> String {
    let named = |share: &u8| {
        let keeper = kept.custodians.iter().find(|(of, _)| of == share);
        keeper.map_or_else(
            || format!("share {share}"),
            |(_, person)| format!("share {share} ({})", shown(script.name(person))),
        )
    };
    match chosen {
        [] => format!(
            "{} of {} custodians come with their pages of set {}.",
            set.scheme.threshold(),
            set.scheme.count(),
            set.id()
        ),
        chosen => format!(
            "The custodians come with their pages of set {}: {}.",
            set.id(),
            chosen.iter().map(named).collect::<Vec<_>>().join(", ")
        ),
    }
}
