//! What is said where a key that exists gets a backup, new custodians, or its end.

use super::steps::{prose, token_words};
use crate::{
    ceremony::{
        backups::End,
        participants::Alias,
        script::{Origin, Script},
        steps::{DestroyShares, OpenBackup, Prose, TakeKey},
    },
    custody::Set,
    text::shown,
    utc::Utc,
};

/// What nobody can say of a key that was in a file.
pub const HISTORY_UNKNOWN: &str = "imported: its history is unknown";

/// What follows from a backup of a key that exists, for people who decide.
pub const CONSEQUENCES: &str = "A backup of a key that exists: this machine holds the key for some minutes, and is trusted for that long; no maker attests it. Every token \
     may be lost; whoever gathers enough shares and the sealed file has the key, and with fewer shares than that it is lost.";

/// Where a key in memory comes from, in a few words.
pub fn from(origin: Origin<'_>) -> String {
    match origin {
        Origin::Made => "made in memory".into(),
        Origin::TakenFrom(file) => format!("taken from {} ({HISTORY_UNKNOWN})", shown(file)),
        Origin::Opened => "opened from its old backup".into(),
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

/// `open-backup`.
pub fn open_backup(script: &Script, step: &OpenBackup) -> Prose {
    let name = &step.name;
    let kept = script.kept_as(name);
    let keyid = kept.and_then(|kept| kept.keyid.as_ref()).map(ToString::to_string).unwrap_or_default();
    let file = kept.and_then(|kept| kept.sealed.as_ref()).map(|sealed| shown(&sealed.file)).unwrap_or_default();
    let mut lines = vec![
        "Custodians of the old set, chosen by a die, bring their pages in their bags. The number of each bag is compared with the last record, aloud.".to_owned(),
        format!("Each types the rows of their page, alone. The file {file} must be the pinned one, and the key in it {keyid}."),
    ];
    lines.extend(match &step.token {
        Some(token) => super::wrapping::reopens(script, token),
        None => vec!["The key is in the locked memory of this machine from then on, and goes nowhere else until the new shares are read back. The old identity is never split again: the new backup has an identity of its own.".into()],
    });
    lines.push("If the program ends before every new share is read back, the new pages that exist are destroyed, and this step begins again. The old shares open the old file as before.".into());
    let title = match &step.token {
        Some(token) => format!("Open the old backup of {name} with its shares, on {}", token_words(script, token)),
        None => format!("Open the old backup of {name} with its shares"),
    };
    prose(
        title,
        &lines.iter().map(String::as_str).collect::<Vec<_>>(),
        "The screen says which shares opened it, and that the key is the one of the paper.",
        &["Which shares were brought", "Numbers of the old bags"],
    )
}

/// What HERE does, where shares are destroyed.
pub const DOES_HERE: &str = "the page is here; it is read, and then destroyed";
/// What ASK AGAIN does.
pub const DOES_ASK_AGAIN: &str = "asks once more for those that were not here";
/// What GO ON does, where too many are left.
pub const DOES_GO_ON_WITH_SHARES_LEFT: &str =
    "goes on although they open the old file: two people noted an exception, and the key is rotated";
/// What was agreed to with ASK AGAIN.
pub const LEFT: &str = "shares are left that open the old file";
/// What READ does.
pub const DOES_READ: &str = "it was read aloud, and everybody heard it";
/// The title where too many are left.
pub const TOO_FEW: &str = "Too few shares are destroyed: those that are left open the old file.";
/// What is asked there.
pub const TOO_FEW_ASK: &str = "Bring the others and ask again. If they cannot be brought, note an exception first (it needs two people), and go on: the key is then rotated.";
/// What is asked of what remains.
pub const REMAINS_ASK: &str = "The administrator reads this aloud, whole.";

/// What was agreed to with GO ON.
pub fn left(name: &Alias) -> String {
    format!("shares of {name} are left that open the old file")
}

/// What a witness says of a share.
pub fn share_destroyed(set: &Set, index: u8) -> String {
    format!(
        "Share {index} of set {}, which was read a moment ago, was cut small and burnt or soaked before my eyes, and nobody photographed it.{}",
        set.id(),
        super::recipients::identity_destroyed(set, index)
    )
}

/// `destroy-shares`.
pub fn destroy_shares(script: &Script, step: &DestroyShares) -> Prose {
    let (name, witness) = (&step.name, shown(script.name(&step.witness)));
    let lines = [
        "Custodians bring their old pages in their bags. The number of each bag is compared with the last record, aloud.".to_owned(),
        "Each comes to the keyboard alone, opens the bag, and types the eight rows: only so is it known that this is the share. It is held against its commitment.".into(),
        format!("Then the page is destroyed in the open: cut small, and burnt or soaked until nothing can be read. {witness} watches until it is done, and confirms it with their own word."),
        "A share that was encrypted to its custodian too lies in a file of the old record: its custodian brings the identity of age, and destroys that as well.".into(),
        "A page that is lost is not destroyed: whoever finds it has the share. The screen says how many are left, and how many would open the old file.".into(),
    ];
    prose(
        format!("Destroy the old shares of {name}"),
        &lines.iter().map(String::as_str).collect::<Vec<_>>(),
        "Fewer shares are left than open the old file.",
        &["Shares that were destroyed, and how", "Shares that are left, and where", "Initials of the witness"],
    )
}

/// The title of what remains of a set.
pub fn what_remains(name: &Alias, set: &Set) -> String {
    format!("What remains of set {}, the old shares of {name}", set.id())
}

/// What remains of a set, plainly.
pub fn remains(set: &Set, end: &End) -> Vec<String> {
    let (count, needed) = (set.scheme.count(), set.scheme.threshold());
    let mut lines = vec![format!("Destroyed before the witness: {}.", super::backup::listed(&end.destroyed))];
    for index in (1..=count).filter(|index| !end.destroyed.contains(index)) {
        lines.push(match end.missing.get(&index) {
            Some(true) => format!("Share {index} is lost: it was not destroyed, and whoever finds it has it."),
            Some(false) => format!("Share {index} was not here: its custodian still has it."),
            None => format!("Share {index} was not asked for: its custodian still has it."),
        });
    }
    lines.push(said(count - end.gone(), needed));
    if set.passphrase_copy {
        lines.push("A copy opens with a passphrase, and without any share: until each medium with it is destroyed, whoever has one and the passphrase has the key.".into());
    }
    lines
}

/// `2 of the old shares are left; 3 open the old file: …`.
fn said(left: u8, needed: u8) -> String {
    let then = match left < needed {
        true => "they open it no more",
        false => "whoever gathers them has the key",
    };
    format!("{left} of the old shares are left; {needed} open the old file: {then}.")
}

/// By when a key is rotated because old shares open it.
pub fn rotate_by(by: Utc) -> String {
    format!("The key must be rotated by {}: until then whoever gathers old shares has it.", by.date())
}

/// What was said of a set at the close, as a sentence.
pub fn judged(name: &Alias, set: &str, left: u8, needed: u8, by: Option<Utc>) -> String {
    let then = match (left < needed, by) {
        (true, _) => String::new(),
        (false, Some(by)) => format!(" {}", rotate_by(by)),
        (false, None) => " By an exception of two people: the key must be rotated at once.".into(),
    };
    format!("Of set {set} of {name}: {}{then}", said(left, needed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        custody::{Opens, Scheme},
        digest::Digest,
    };

    #[test]
    fn what_remains_of_a_set_names_a_copy_that_opens_with_a_passphrase() {
        let scheme = Scheme::new(2, 3).expect("a scheme");
        let fingerprint = Digest::of(b"an identity");
        let keyid = Digest::of(b"a key").into();
        let (commitments, opens, encrypted) = (vec![], Opens::SealedFile, vec![]);
        let mut set = Set { fingerprint, scheme, keyid, commitments, opens, encrypted, passphrase_copy: false };
        let end = End { destroyed: vec![1, 2], ..End::default() };
        let names_it = |set: &Set| remains(set, &end).iter().any(|line| line.contains("opens with a passphrase"));
        assert!(!names_it(&set));
        set.passphrase_copy = true;
        assert!(names_it(&set));
    }
}
