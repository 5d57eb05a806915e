//! The ceremonies of custody in production, one after the other, on SoftHSM: a key in a file gets a backup; after a loss it is restored, and what nobody
//! knows of it goes along; it gets other custodians; their shares are read; it ends. Each has of the one before what people would carry.

mod ceremony_support;
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use ceremony_support::{People, Pinned, Room, kept, place, quiet_machine, record, script};
use officiant::{
    audit::Audit,
    ceremony::{
        check::check,
        event::{Event, Mode},
        script::read,
    },
    digest::Digest,
    preflight,
    rules::Rule,
    token::quirks::Trust,
};
use support::on_softhsm;

/// A production room of this kind, with a script that `check` has no error for.
fn begun(kind: &str, day: &str, text: &str, inputs: &Path, people: People) -> Room {
    let checked = check(&read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{kind}: {error}")));
    assert!(checked.holds(), "{kind}: {checked}");
    let folder = place().join(kind);
    fs::create_dir_all(&folder).expect("a folder");
    let probe = quiet_machine(&place().join("machine"));
    let clock = Pinned::at(&format!("{day}T09:00:00Z"));
    Room::run_in(&folder, clock, text.as_bytes(), inputs, people, Trust::injected(|_| None), probe)
}

fn held(room: &Room) -> Audit {
    record::holds(&room.place.join("b"));
    let audit = record::holds(&room.place.join("a"));
    assert_eq!(audit.about.as_ref().expect("a record").mode, Mode::Production);
    audit
}

fn asked(audit: &Audit, rule: Rule) -> bool {
    audit.held.iter().any(|held| held.rule == rule)
}

#[test]
fn a_key_in_a_file_is_backed_up_restored_given_to_other_custodians_read_and_ended_in_production() {
    let test = "a_key_in_a_file_is_backed_up_restored_given_to_other_custodians_read_and_ended_in_production";
    on_softhsm(test, |tokens| {
        preflight::harden().expect("this process can be hardened");
        officiant::token::pkcs11::close_all();
        let inputs: PathBuf = place().join("inputs");
        let key = kept::key_in_a_file(&inputs);
        let module = tokens.module.canonicalize().expect("the module");
        let sha256 = Digest::of(&fs::read(&module).expect("the module"));
        let module = format!("path = \"{}\"\nsha256 = \"{sha256}\"\nmodel = \"SoftHSM v2\"", module.display());

        let people = People::of(&script("backup"));
        let text = kept::text("backup", &module, &inputs, "none", &key, &[]);
        let mut room = begun("backup", "2026-12-15", &text, &inputs, people.clone());
        room.finish();
        let audit = held(&room);
        for rule in
            [Rule::TokenIsHardware, Rule::KeyOnPaper, Rule::BackupOpens, Rule::BackupRestores, Rule::MediumReadsBack]
        {
            assert!(asked(&audit, rule), "{rule}");
        }
        let tokens_of = |room: &Room, aliases: [&str; 2]| {
            aliases.map(|alias| {
                let bound = room.ceremony().token(&alias.to_owned().try_into().expect("an alias")).bound;
                let token = bound.expect("it is bound").token;
                assert_eq!(token.label, alias);
                token.serial
            })
        };
        let [ana, bo] = tokens_of(&room, ["ana-1", "bo-1"]);
        kept::carried(&room, &inputs, "first");
        drop(room);

        // Years later: what nobody knows of it comes out of the sealed file.
        let text = kept::text("restore", &module, &inputs, "first", &key, &[]);
        let mut room = begun("restore", "2029-03-09", &text, &inputs, People::of(&script("restore")));
        room.finish();
        held(&room);
        let histories: Vec<_> = room
            .events()
            .filter_map(|event| match event {
                Event::KeyPut { history, .. } => Some(history.expect("its history")),
                _ => None,
            })
            .collect();
        let history = format!("imported from {}; unknown before that", inputs.join("root.key").display());
        assert_eq!(histories, [history.clone(), history.clone()]);
        for page in ["card.html", "report.html"] {
            let text = fs::read_to_string(room.place.join("a").join(page)).expect("a page");
            assert!(text.contains("unknown before that"), "{page}");
        }
        drop(room);

        let text = kept::text("change-custodians", &module, &inputs, "first", &key, &[]).replace("ana-2", "ana-3");
        let mut others = People::of(&script("change-custodians"));
        others.pins.insert("ana-3".into(), others.pins["ana-2"].clone());
        let mut room = begun("change-custodians", "2030-03-14", &text, &inputs, others);
        room.finish();
        assert!(asked(&held(&room), Rule::OldSharesDead));
        let opened = room.events().find_map(|event| match event {
            Event::BackupOpened { history, .. } => Some(history),
            _ => None,
        });
        assert_eq!(opened, Some(Some(history)), "it goes into the new file too");
        kept::carried(&room, &inputs, "second");
        drop(room);

        let text = kept::text("share-check", &module, &inputs, "second", &key, &[]);
        let mut room = begun("share-check", "2031-03-14", &text, &inputs, People::of(&script("share-check")));
        room.finish();
        held(&room);
        assert_eq!(room.count(|event| matches!(event, Event::ShareChecked { .. })), 5);
        drop(room);

        let existing = [("ana-1", ana), ("bo-1", bo)];
        let text = kept::text("destroy", &module, &inputs, "second", &key, &existing);
        let mut last = People::of(&script("destroy"));
        last.pins = people.pins;
        let mut room = begun("destroy", "2032-06-05", &text, &inputs, last);
        room.finish();
        assert!(asked(&held(&room), Rule::TokenErased));
        assert_eq!(room.count(|event| matches!(event, Event::TokenErased { .. })), 2);
        assert_eq!(room.count(|event| matches!(event, Event::OldSharesJudged { left: 0, .. })), 1);
    });
}

/// What a script lacks, or is not for, is named weeks ahead.
#[test]
fn a_backup_without_custodians_and_a_rotation_that_takes_a_key_are_named() {
    let shipped = |name: &str| fs::read_to_string(script(name)).expect("a shipped script");
    let cut = |text: &str, from: &str, to: &str| {
        let (before, rest) = text.split_once(from).expect("the part");
        format!("{before}{}", &rest[rest.find(to).expect("its end")..])
    };
    let without = cut(&shipped("backup"), "[backup]\n", "[[act]]");
    let wrong = read::script(without.as_bytes()).expect_err("no custodians").what;
    assert!(wrong.contains("[backup] is missing (BACKUP-DECLARED)"), "{wrong}");
    // Not even a step that would want one.
    let bare = format!(
        "{}[[act]]\ntitle = \"Close\"\n[[act.step]]\ndo = \"close\"\ntokens = []\nwitness = \"vera\"\n",
        &without[..without.find("[[act]]").expect("an act")]
    );
    let checked = check(&read::script(bare.as_bytes()).unwrap_or_else(|error| panic!("{error}")));
    let named = |checked: &officiant::ceremony::check::Checked, what: &str| {
        checked.findings.iter().any(|finding| finding.rule == Some(Rule::BackupDeclared) && finding.what.contains(what))
    };
    assert!(!checked.holds() && named(&checked, "the script has no [backup]"), "{checked}");

    let backup = shipped("backup");
    let table = &backup[backup.find("[backup]\n").expect("a table")..backup.find("[[act]]").expect("an act")];
    let take = "[[act.step]]\ndo = \"take-key\"\nname = \"offline\"\nfile = \"/media/key/root.key\"\nkeyid = \"f571aa6a2e69072f2de07b0723172eebc5f8fdee1f3a0ecc63229830773b58f0\"\nkeeper = \"ana\"\n\n";
    let rotation = shipped("rotate-root");
    let table = table
        .replace("[\"ana\", \"bo\", \"cem\", \"kai\", \"vera\"]", "[\"ana\", \"bo\", \"vera\"]")
        .replace("threshold = 3", "threshold = 2");
    let rotation = rotation.replacen("[[act]]", &format!("{table}\n[[act]]"), 1).replacen(
        "[[act.step]]\ndo = \"draft\"",
        &format!("{take}[[act.step]]\ndo = \"draft\""),
        1,
    );
    let checked = check(&read::script(rotation.as_bytes()).unwrap_or_else(|error| panic!("{error}")));
    assert!(!checked.holds() && named(&checked, "An existing key comes into memory"), "{checked}");

    // A die is brought where a key is made, and not where one is taken.
    let dice = |text: String| {
        let checked = check(&read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}")));
        checked.materials.iter().any(|material| material.what.contains("die"))
    };
    let with = |text: &str| text.replacen("threshold = 3\n", "threshold = 3\ndice = true\n", 1);
    assert!(!dice(with(&backup)));
    assert!(dice(shipped("dct-genesis-backup")));
}
