//! Everything that is said of backups.

use super::{
    names,
    steps::{token_words, user_of},
};
use crate::{
    ceremony::{
        Ceremony,
        backups::Backup,
        participants::{Alias, PersonId},
        prompt::Scene,
        script::{Origin, Script, Way},
        steps::{Prose, PutKey},
    },
    custody::Set,
    text::shown,
};

/// What MAKE does.
pub const DOES_MAKE: &str = "makes the key; from here on nobody leaves before its shares are read back";
/// What was agreed to with MAKE.
pub const MAKES: &str = "a key is made in memory";
/// What BROUGHT does.
pub const DOES_BRING: &str = "the custodians are here with their pages";
/// What was said with BROUGHT.
pub const BROUGHT: &str = "the shares are here";
/// What DESTROYED does.
pub const fn does_discard(origin: Origin<'_>) -> &'static str {
    match origin {
        Origin::Made => "everything in the list is destroyed; the key is given up, and another is made",
        Origin::TakenFrom(_) => "everything in the list is destroyed; the key is taken from its file again",
        Origin::Opened => "everything in the list is destroyed; the old backup is opened again",
    }
}
/// What is asked of a list of things to destroy.
pub const DESTROY_ASK: &str =
    "Destroy each of these now, in sight of the witness: cut the pages small, and burn or soak what is left.";

/// What the first source of a key is called.
pub const OPERATING_SYSTEM: &str = "the operating system";
/// What the last source of a key is called.
pub const DICE: &str = "dice";
/// What is wanted where shares are copied by hand.
pub const COVERED_SCREEN: &str = "a screen that is covered, with somebody before it";

/// What was agreed to when a custodian sat down.
pub fn seat(index: u8) -> String {
    format!("share {index}")
}

/// `1, 2 and 3`.
pub fn listed(shares: &[u8]) -> String {
    let shares: Vec<String> = shares.iter().map(u8::to_string).collect();
    match shares.as_slice() {
        [] => "none".into(),
        [one] => one.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// Where a key that was made in memory came from when it was put on a token.
pub fn came_from(shares: &[u8]) -> String {
    match shares {
        [] => "memory".into(),
        shares => format!("shares {}", listed(shares)),
    }
}

/// What follows from a way, for people who decide: on paper, on the screen and by `check`.
pub const fn consequences(way: Way) -> &'static str {
    match way {
        Way::Redundancy => {
            "Redundancy: every key was born in its token and cannot leave it. There is no private backup that could be stolen. As many tokens \
             may be lost as there are more keys than the threshold; one more, and the root is lost for ever."
        }
        Way::SoftwareBorn => {
            "Made in memory: this machine holds the key for some minutes, and is trusted for that long; no maker attests the key. Several tokens \
             hold it; its backup opens with enough shares together, and with none alone. Every token may be lost; whoever gathers enough \
             shares has the key."
        }
        Way::Wrapped => {
            "Wrapped: the key was born in one HSM, and left it once, encrypted, for another. This machine never holds it. A file of it lies on \
             both media and on paper; enough shares together open it, and none alone. Every token may be lost; whoever gathers enough shares \
             and the file has the key. A maker attests it as exportable, not as never having left."
        }
        Way::None => {
            "No backup: the loss of the token, of its PIN, or of the person who knows it, is the loss of the key. Nothing brings it back."
        }
    }
}

/// What the script says becomes of the key where a token is lost; `None` where it says nothing.
pub fn of_script(script: &Script) -> Option<&'static str> {
    script.backup.as_ref().map(|backup| consequences(backup.way))
}

fn prose(title: String, lines: Vec<String>, expect: &str, form: &[&str]) -> Prose {
    Prose { title, lines, expect: expect.into(), form: form.iter().map(|field| (*field).to_owned()).collect() }
}

/// `make-key`.
pub fn make_key(script: &Script, name: &Alias) -> Prose {
    let holders: Vec<_> = script.holders_of(name).into_iter().map(ToString::to_string).collect();
    let mut lines = vec![
        consequences(Way::SoftwareBorn).to_owned(),
        format!(
            "The key {name} is made in locked memory. Randomness of the operating system and of {} is mixed, so that one good source is enough.",
            holders.join(", ")
        ),
    ];
    if script.custody().is_some_and(|custody| custody.dice) {
        lines.push(
            "Witnesses throw a die with six sides a hundred times, in sight of all, when the machine has drawn its own. One of them types the throws; nobody else reads them, nothing shows them, and only their SHA-256 is kept."
                .into(),
        );
    }
    lines.push(
        "From here until every share is read back the key is in this memory and nowhere else. If the program ends before that, the key is gone: the shares that exist are destroyed, and another key is made."
            .into(),
    );
    let expect = "The screen names the key, and says which sources went into it.";
    prose(format!("Make the key {name} in memory"), lines, expect, &["First eight digits of the keyid"])
}

/// `seal-backup`.
pub fn seal_backup(script: &Script, name: &Alias) -> Prose {
    let scheme = script.custody().map(|custody| custody.scheme.to_string()).unwrap_or_default();
    let mut lines: Vec<String> = vec![
        "The key is sealed as an age file to an identity that is made for it alone. The file is opened again and compared, in memory.".into(),
        format!("The identity is split, {scheme}, and every combination of shares that should open is tried. Then it is wiped."),
        "The sealed file goes into the record on both media, with sheets to be printed (backup/). It is no secret, and without it the shares are useless: print the sheets today.".into(),
    ];
    if let Some(person) = script.custody().and_then(|custody| custody.passphrase_copy.as_ref()) {
        lines.push(format!(
            "{} alone at the keyboard types a passphrase twice. A copy of the backup is sealed with it, and opens without any share: whoever has the file and the passphrase has the key. The script declares single control.",
            shown(script.name(person))
        ));
    }
    lines.extend(super::management::with_backup(script).map(str::to_owned));
    let expect = "The screen gives the SHA-256 of the sealed file, and the id of the set of shares.";
    prose(
        format!("Seal the backup of {name}"),
        lines,
        expect,
        &["The twelve digits of the set", "SHA-256 of the sealed file, first eight digits"],
    )
}

/// `give-shares`.
pub fn give_shares(script: &Script, name: &Alias) -> Prose {
    let Some(custody) = script.custody() else { return prose(String::new(), vec![], "", &[]) };
    let way = match (&custody.printer, &custody.pages) {
        (None, Some(folder)) => super::pages::way(folder),
        (Some(printer), _) => format!("The printer {} prints the page; the custodian takes it before it has left the tray.", shown(printer)),
        (None, None) => "The screen is covered so that the custodian alone sees it. It shows one row after the other, and the custodian writes each down.".into(),
    };
    let mut lines = vec![
        format!("{} come to the keyboard one after the other, alone. Everybody else steps back; cameras look away.", names(script, &custody.custodians)),
        way,
        "The custodian types all rows again from the paper. A row with a typing error is named. Only then is the next share made.".into(),
        format!("Any {} shares open the backup together; fewer tell nothing. The custodian bags the page, and signs across the seal.", custody.scheme.threshold()),
        super::media::ON_PAPER.into(),
    ];
    lines.extend(super::recipients::of_giving(script));
    let form: Vec<String> = custody
        .custodians
        .iter()
        .enumerate()
        .map(|(at, person)| {
            let own = if custody.recipients.contains_key(person) { ", recipient compared (yes or no)" } else { "" };
            format!("Share {}: number of the bag{own}, and initials of {}", at + 1, shown(script.name(person)))
        })
        .collect();
    Prose {
        title: format!("The shares of {name}: {}", names(script, &custody.custodians)),
        lines,
        expect: "Every share was read back, and fits its commitment; every medium was read again.".into(),
        form,
    }
}

/// `put-key` and `restore-key`.
pub fn put_key(script: &Script, step: &PutKey) -> Prose {
    let (token, user) = (token_words(script, &step.token), user_of(script, &step.token));
    let needed = script.custody().map_or(0, |custody| custody.scheme.threshold());
    match step.from_shares {
        false => {
            let lines = vec![
                format!(
                    "The key {} goes from the memory of this machine to the token. {user} types the user PIN.",
                    step.name
                ),
                "If the memory is gone, it comes back from its shares instead.".into(),
            ];
            prose(
                format!("Put {} on {token}", step.name),
                lines,
                "The keyid is the same as before.",
                &["Initials of the holder"],
            )
        }
        true => {
            let lines = vec![
                format!("{needed} custodians, chosen by a die, open their bags and bring their pages. This is the proof that the backup restores."),
                "Each types the rows of their page. The sealed file is read from the record again and opened with what the shares give; nothing is taken from memory.".into(),
                format!(
                    "The key must be the one that was {}. {user} types the user PIN, and the token holds it.",
                    if script.origin_of(&step.name) == Origin::Made { "made" } else { "sealed" }
                ),
                "The pages are bagged again, with new numbers.".into(),
            ];
            let form = ["Which shares were brought", "Numbers of the old bags", "Numbers of the new bags"];
            prose(
                format!("Restore {} to {token} from shares", step.name),
                lines,
                "The keyid is the same as before.",
                &form,
            )
        }
    }
}

/// `wipe-key`.
pub fn wipe_key(script: &Script, name: &Alias) -> Prose {
    let mut lines = vec![
        format!("A token to which {name} was restored from shares has signed: the key lives on without this memory."),
        "The memory that held it is overwritten. The machine is switched off after the ceremony.".into(),
    ];
    let form: &[&str] = match script.origin_of(name) {
        Origin::Made | Origin::Opened => &[],
        Origin::TakenFrom(file) => {
            lines.push(super::custody::destroy_file(file));
            &["Who destroys the file and its copies, and by when"]
        }
    };
    prose(format!("Wipe {name} from memory"), lines, "From now on the key counts.", form)
}

/// What is said before a key is made.
pub fn no_return_make(name: &Alias) -> Scene {
    Scene::PointOfNoReturn {
        what: format!("The key {name} is about to be made, and is in memory only until its shares are read back."),
        leaving_now: "nothing is lost".into(),
        leaving_later: "the key is lost, its shares are destroyed, and this step begins again".into(),
    }
}

/// What happened to a key whose memory is gone.
pub fn lost(name: &Alias, origin: Origin<'_>) -> String {
    let gone = match origin {
        Origin::Made => "The key was in memory only, and is gone; no token holds it.".to_owned(),
        Origin::TakenFrom(file) => format!("What was in memory is gone; the key is still in {}.", shown(file)),
        Origin::Opened => "What was in memory is gone; the old shares open the old file as before.".into(),
    };
    format!("The program ended before every share of {name} was read back. {gone}")
}

/// What became of a key whose memory was lost, as the beginning of a sentence.
pub fn given_up(name: &Alias, origin: Origin<'_>) -> String {
    match origin {
        Origin::Made => format!("{name} was lost with the memory of the machine and given up"),
        Origin::TakenFrom(_) => {
            format!("The backup of {name} was lost with the memory of the machine and given up; its file is as before")
        }
        Origin::Opened => {
            format!(
                "The new backup of {name} was lost with the memory of the machine and given up; the old one is as before"
            )
        }
    }
}

/// What is destroyed before another key is made.
pub fn to_destroy(backup: &Backup) -> Vec<String> {
    let Some(sealed) = &backup.sealed else { return vec!["No share was made. There is nothing to destroy.".into()] };
    let set = sealed.set.id();
    let pages = backup.given.iter().map(|index| match backup.read.contains(index) {
        true => format!("share {index} of set {set}, which was read back"),
        false => format!("share {index} of set {set}, or what there is of it on paper"),
    });
    let sheets = format!(
        "sheets of the sealed file of set {set}, if any were printed; the file itself stays in the record and opens no more"
    );
    pages.chain(super::recipients::to_end(backup)).chain([sheets]).collect()
}

/// Where the shares of every key that was made in memory are, for whoever stops a ceremony.
pub fn account(ceremony: &Ceremony) -> Vec<String> {
    let mut lines = super::wrapping::account(ceremony);
    lines.extend(super::pages::account(ceremony));
    for (name, backup) in ceremony.backups().iter() {
        if ceremony.backups().wrapped(name).is_some() {
            continue;
        }
        let origin = ceremony.script().origin_of(name);
        let state = match (backup.is_in_custody(), backup.proven, origin) {
            (_, true, _) => "a token that was restored from its shares has signed",
            (true, false, _) => "every share was read back; no token that was restored from them has signed yet",
            (false, false, Origin::Made) => "it is in memory only: when the program ends it is lost",
            (false, false, Origin::TakenFrom(_)) => "its backup is not done: its file is all there is of it",
            (false, false, Origin::Opened) => "its new backup is not done: the old shares open the old file as before",
        };
        let from = super::custody::from(origin);
        lines.push(format!("Key {name}, {from}, keyid {}: {state}.", backup.key.id().short()));
        if !backup.is_in_custody() {
            lines.extend(to_destroy(backup).into_iter().map(|line| format!("To be destroyed: {line}")));
        }
    }
    lines
}

/// What HERE does.
pub const DOES_HERE: &str = "the custodian is here with the page, and types it";
/// What ABSENT does.
pub const DOES_ABSENT: &str = "the page is not here today; the record says so";
/// What LOST does.
pub const DOES_LOST: &str = "the page is lost, destroyed or cannot be read; the record says so";

/// `check-shares`.
pub fn check_shares(name: &Alias) -> Prose {
    let lines = vec![
        "Custodians bring their pages in their bags. The number of each bag is compared with the last record, aloud.".into(),
        "Each comes to the keyboard alone, opens the bag, and types the eight rows. Nothing shows what is typed; a wrong row is named.".into(),
        "The share is held against its commitment, and forgotten. Shares are not put together: nothing that opens the backup comes into being."
            .into(),
        "Each bags the page again, with a new number.".into(),
    ];
    let form = ["Numbers of the old bags", "Numbers of the new bags", "Who did not come, and why"];
    prose(format!("Read the shares of {name}"), lines, "Every share that is here fits its commitment.", &form)
}

/// Whether a share is here.
pub fn share_is_here(set: &Set, index: u8) -> String {
    format!("Is share {index} of {} here, of set {}?", set.scheme.count(), set.id())
}

/// What was agreed to when somebody sat down to type a share.
pub fn alone_with(index: u8) -> String {
    format!("alone with share {index}")
}

/// A share is to be typed.
pub fn share_is_typed(index: u8) -> String {
    format!("The custodian of share {index} sits down alone, and opens the bag. Everybody else has stepped back.")
}

/// A custodian is to sit down.
pub fn custodian_sits(ceremony: &Ceremony, custodian: &PersonId, index: u8) -> String {
    let script = &ceremony.script;
    let name = shown(script.name(custodian));
    let how = match script.custody().and_then(|custody| custody.printer.as_ref().or(custody.pages.as_ref())) {
        Some(_) => "The printer has paper, and nobody stands at it.",
        None => "A page and a pen lie ready, and the screen is covered.",
    };
    format!("{name} sits down alone for share {index}. Everybody else has stepped back. {how}")
}

/// Shares are to be brought.
pub fn bring_shares(set: &Set) -> String {
    format!(
        "{} of {} custodians bring their pages of set {}. A die says which.",
        set.scheme.threshold(),
        set.scheme.count(),
        set.id()
    )
}

/// What a page with a share is of, for the person at a covered screen.
pub fn covered(custodian: &str, index: u8, set: &str, row: usize, rows: usize) -> String {
    format!("{}: share {index} of set {set}. Write down row {row} of {rows}, and press Enter.", shown(custodian))
}
