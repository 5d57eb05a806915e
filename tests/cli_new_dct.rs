//! `new` for the ceremonies of Docker Content Trust: what stands in a collection is read from it, and the script goes through to its end.

mod cli_support;

use std::{fs, path::Path};

use cli_support::{
    copy,
    new::{TEAM, interview, rehearsed, without_complaint},
    ours,
};

/// The name for all repositories, day, media, module, and no look at it; before it stands the folder.
const FIRST: &str = "\n2026-12-09T03:00:00Z\n\n\n/usr/lib/softhsm/libsofthsm2.so\nno\n";
/// Two offline keys that sign, in the order of their keyids, and one that lies in its bag.
const OFFICERS: &str = "Bo Lindqvist\n\n\n\n\n\nbo-1\n5f02\nAna Ruiz\n\n\n\n\n\nana-1\n5f01\nIda Holm\ncem-1\n\n";
/// Days, and the window around them.
const DAYS: &str = "\n\n\n";
/// Tag and PINs of a token.
const TOKEN: &str = "\n\n\n";
/// Today's tagging key: on a token, whose it is, and its serial.
const TAGGING_KEY: &str = "\nTia Okafor\n\n\n\n\ntag-1\n5f07\n\n\n\n";

/// The manifest of the shipped collection of today, and of the one from before.
const TODAY: &str = "621a3576c4dcbd3249b1541f68bf58e6032121834e67f6ce295d589a0161a1d9";
const BEFORE: &str = "625c61a9f1e04a7069ead71f6ca16ab351422373e2b131a63b57693e8b98742a";
const MANY: &str = "2 of 3 offline keys must sign a root: stock tools";

/// What the courier left, beside the script that comes to be.
fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for folder in ["dct-new", "dct-today", "dct-before", "dct-keys", "dct-stock"] {
        copy(Path::new(&ours(&format!("ceremony-scripts/{folder}"))), &place.path().join(folder));
    }
    place
}

fn team() -> String {
    // A witness with a surrogate, as the answers of the shipped scripts have one.
    TEAM.replace("Věra Nováková\n\n", "Věra Nováková\nLéa Martin\n")
}

/// Interviews in a new place, and gives its script too.
fn asked(kind: &str, answers: &str) -> (tempfile::TempDir, String, String) {
    let place = place();
    let ran = interview(place.path(), kind, answers);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    (place, text, ran.err)
}

fn contains(text: &str, all: &[&str]) {
    for part in all {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

#[test]
fn three_in_the_morning_the_collection_says_what_nobody_has_to_copy() {
    let new = format!("\n\nTia Okafor\n{TOKEN}");
    let answers = format!("\n{FIRST}{}\n\n{OFFICERS}{DAYS}{new}{DAYS}no\n", team());
    let (place, text, said) = asked("dct-rotate-tagging-key", &answers);
    without_complaint(place.path(), &[]);
    contains(
        &text,
        &[
            "folder = \"dct-today\"",
            TODAY,
            "repositories = 3",
            BEFORE,
            "keyid = \"390babfce8540754f376e458c9e1e8c35ef4bedd327a0b0d4b9a927ffc85c321\"",
            "keys = [\"bo-1\", \"ana-1\", \"cem-1\"]",
            "# Not here today; its key stays in the root.",
            "keys = [\"tag-2\"]",
            "changed = \"ask\"",
            "repository = \"docker.io/example\"",
            "do = \"judge-tags\"",
        ],
    );
    assert!(!text.contains("token = \"cem-1\""), "it lies in its bag: {text}");
    contains(
        &said,
        &[
            "6c3c2c9cead78be481837870220310e413a057df0ab541ac542bd01c5827c7c2, P-256, repositories: 3",
            "alice (in 3), bob (in 3)",
            "docker.io/example/db: 1.1",
            "in repositories: 1",
        ],
    );
    rehearsed(place.path(), "dct-rotate-tagging-key");
}

#[test]
fn a_sealed_spare_takes_the_place_of_the_stolen_key_and_everything_goes_back() {
    let keyid = "c1719b009f10d5a62073ad2587b8d4826d172cc67a596f0a83a53c5dcd16d28d";
    let new = format!("\nSPARE\nTia Okafor\n\n{TOKEN}tag-2\n5f08\ndct-keys/tag-2.pem\n{keyid}\n");
    let answers = format!("dct-today/\n{FIRST}{}dct-before\ndrop\n{OFFICERS}{DAYS}{new}{DAYS}", team());
    let (place, text, _) = asked("dct-rotate-tagging-key", &answers);
    without_complaint(place.path(), &[]);
    contains(&text, &["held-by-token = \"tag-2\"", "changed = \"drop\"", "do = \"import-keys\""]);
    assert!(!text.contains("generate-key"), "nothing is made at night: {text}");
    // Paper and file must be of one key.
    let wrong = answers.replace(keyid, &"ab".repeat(32));
    let place = self::place();
    let ran = interview(place.path(), "dct-rotate-tagging-key", &wrong);
    assert!(ran.code == Some(2) && ran.err.contains("the file holds another key"), "{ran:#?}");
    assert!(!place.path().join("script.toml").exists());
}

#[test]
fn one_offline_key_and_no_earlier_collection_are_said_where_they_can_be_reviewed() {
    let key = "Mira Okafor\n\n\n\n\nmira-1\n5f09\n";
    let new = format!("\n\nTia Okafor\n{TOKEN}");
    let answers = format!("dct-stock\n{FIRST}{}NONE\nkeep\n{key}{DAYS}{new}{DAYS}no\n", team());
    let (place, text, said) = asked("dct-rotate-tagging-key", &answers);
    without_complaint(place.path(), &["There is no [collection-before], and [tags] keeps all"]);
    contains(&text, &["single-control = true", "no-spare = true", "threshold = 1", "repositories = 2"]);
    contains(&said, &["It signs today: 1 of today's keys must", "2 certificates, the first until"]);
}

#[test]
fn a_genesis_certifies_for_what_all_names_begin_with() {
    let officer = |name: &str| format!("{name}\n{TOKEN}");
    let officers: String = ["Ana Ruiz", "Bo Lindqvist", "Cem Yılmaz"].map(officer).concat();
    let certificate = "\n\n";
    let answers = format!(
        "\n{FIRST}{}3\n{officers}\n{DAYS}\nno\n{certificate}\n\n{}{DAYS}\n{}\n",
        team(),
        officer("Tia Okafor"),
        officer("Bo Lindqvist")
    );
    let (place, text, _) = asked("dct-genesis", &answers);
    without_complaint(place.path(), &[MANY]);
    contains(
        &text,
        &[
            "manifest = \"b392d96688f1bce93dc8892d78b9e7584deb1bf65a08b74bebe8fe545142d9dc\"",
            "common-name = \"docker.io/example/*\"",
            "days = 5475",
            "A spare tagging key, in no role",
            "tokens = [\"ana-1\", \"bo-1\", \"cem-1\", \"tag-1\", \"tag-2\"]",
        ],
    );
    rehearsed(place.path(), "dct-genesis");
}

#[test]
fn a_signer_is_known_from_the_targets_and_only_what_becomes_of_them_is_asked() {
    let keyid = "c68cf342808b9f276c2ea05edde28ba3461775591309094e6fc892bf88c01dab";
    let signers = format!("alice\nREPLACE\nAlice Moreau\n\n{keyid}\n\n\nbob\nREMOVE\n\n");
    let (place, text, said) = asked("dct-delegate", &format!("\n{FIRST}{}{TAGGING_KEY}{signers}", team()));
    without_complaint(place.path(), &["its file waits for Alice Moreau", "last signed by bob"]);
    contains(&text, &["action = \"replace\"", "action = \"remove\"", "file = \"dct-keys/alice.pem\""]);
    assert!(!text.contains("[root]"), "{text}");
    contains(&said, &["role: targets/alice"]);
    rehearsed(place.path(), "dct-delegate");
}

#[test]
fn offline_keys_come_and_go_or_are_renewed() {
    let officers = "Bo Lindqvist\n\n\n\n\n\n\nbo-1\n5f02\nAna Ruiz\n\n\n\n\n\n\nana-1\n5f01\nIda Holm\ncem-1\nno\n\n";
    let new = format!("\n\n\nDara Nguyễn\n{TOKEN}\n\nno\n");
    let (place, text, _) = asked("dct-rotate-root", &format!("\n{FIRST}{}{officers}{new}{DAYS}\n\n", team()));
    without_complaint(place.path(), &[MANY]);
    contains(
        &text,
        &["keys = [\"bo-1\", \"ana-1\", \"dara-1\"]", "# Not here today; its key goes.", "do = \"certify\""],
    );
    rehearsed(place.path(), "dct-rotate-root");
    // The same keys and threshold, and no new certificate: there is nothing to hold.
    let stay = officers.replace("cem-1\nno\n\n", "cem-1\n\n\n");
    let place = self::place();
    let ran = interview(place.path(), "dct-rotate-root", &format!("\n{FIRST}{}{stay}\n\n0\n\n", team()));
    assert!(ran.code == Some(2) && ran.err.contains("nothing would change"), "{ran:#?}");
    // A certificate on the same key.
    let renewed = format!("\n{FIRST}{}{stay}yes\n\n0\n\n{DAYS}\n\n", team());
    let (place, text, _) = asked("dct-rotate-root", &renewed);
    without_complaint(place.path(), &[MANY]);
    assert_eq!(text.matches("do = \"certify\"").count(), 1, "{text}");
}

#[test]
fn a_renewal_asks_who_is_here_and_nothing_of_the_root() {
    let answers = format!("\n{FIRST}{}{OFFICERS}{DAYS}\n{TAGGING_KEY}", team());
    let (place, text, _) = asked("dct-renew", &answers);
    without_complaint(place.path(), &[]);
    contains(&text, &["threshold = 2", "keys = [\"tag-1\"]", TODAY]);
    rehearsed(place.path(), "dct-renew");
}

#[test]
fn a_folder_that_is_no_collection_writes_nothing() {
    let place = place();
    for (kind, folder, why) in [
        ("dct-rotate-tagging-key", "dct-keys", "it has no MANIFEST"),
        ("dct-renew", "dct-new", "dct-genesis makes them"),
        ("dct-genesis", "dct-today", "the server knows every repository"),
    ] {
        let ran = interview(place.path(), kind, &format!("{folder}\n"));
        assert!(ran.code == Some(2) && ran.err.contains(why), "{ran:#?}");
        assert!(!place.path().join("script.toml").exists());
    }
}
