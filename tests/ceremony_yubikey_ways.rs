//! The ways of backup in whole ceremonies in production on virtual YubiKeys; and the one that no YubiKey goes. A key of a TUF root that is made
//! in memory for YubiKeys is in `ceremony_yubikey`; docs/BACKUP.md has a table of all.

mod ceremony_support;
#[path = "yubikey_support/driver.rs"]
mod driver;
#[path = "yubikey_support/room.rs"]
mod room;
mod support;
mod yubikey_support;

use std::fs;

use ceremony_support::{People, Pins, Room, record, script, ways};
use officiant::{
    ceremony::{
        check::check,
        event::Event,
        script::{Way, read},
    },
    rules::Rule,
    transfer::{Bundle, Gun},
};
use room::begun_by;
use virtual_yubikey::{Control, Setup};
use yubikey_support::on_yubikeys;

/// The shipped script on YubiKeys.
fn on_them(text: &str) -> String {
    text.replace("/usr/lib/softhsm/libsofthsm2.so", "yubikey:?touch-policy=never")
}

/// As many YubiKeys as the script has tokens.
fn setup(text: &str) -> Setup {
    let tokens = read::script(text.as_bytes()).expect("a script").tokens.len() as u32;
    let cards: Vec<_> = (1..=tokens).map(|number| ("5.7.4", 7_150_000 + number)).collect();
    Setup::of(&cards)
}

/// A whole ceremony in production of this script on YubiKeys.
fn whole(test: &str, name: &'static str, text: &str, judge: impl FnOnce(&Room)) {
    let text = on_them(text);
    on_yubikeys(test, &setup(&text), |control: &Control| {
        let mut people = People::of(&script(name));
        for (at, token) in read::script(text.as_bytes()).expect("a script").tokens.iter().enumerate() {
            let pins = Pins { user: format!("27182{at}"), so: format!("3141592{at}") };
            people.pins.insert(token.alias.to_string(), pins);
        }
        people.absent.clear();
        let mut room = begun_by(&text, people, driver::trust(control));
        room.finish();
        for medium in ["a", "b"] {
            record::holds_under(&room.place.join(medium), &driver::trust(control).roots());
        }
        judge(&room);
    });
}

fn without_shares(test: &str, name: &'static str, way: Way, judge: impl FnOnce(&Room)) {
    let text = ways::says(name, way);
    ways::is_said(&on_them(&text), way);
    whole(test, name, &text, |room| {
        let generated = |event: &Event| matches!(event, Event::KeyGenerated { attestation: Some(_), .. });
        assert!(room.count(generated) >= 3, "each key was made on its YubiKey, and is attested");
        judge(room);
    });
}

fn has_a_root(room: &Room) {
    assert!(room.place.join("a/metadata/1.root.json").is_file());
}

fn has_bundles(room: &Room) {
    let gun = Gun::parse("docker.io/example/db").expect("a name");
    let bundle = room.place.join("a/publish/repositories").join(gun.folder_name()).join("bundle.json");
    let bundle = Bundle::parse(&fs::read(bundle).expect("a bundle")).expect("a bundle");
    assert!(bundle.wants.is_empty());
    assert_eq!(bundle.files.len(), 2, "root and targets");
}

#[test]
fn a_tuf_genesis_by_redundancy_on_yubikeys() {
    without_shares("a_tuf_genesis_by_redundancy_on_yubikeys", "genesis", Way::Redundancy, has_a_root);
}

#[test]
fn a_tuf_genesis_without_a_backup_on_yubikeys() {
    without_shares("a_tuf_genesis_without_a_backup_on_yubikeys", "genesis", Way::None, has_a_root);
}

#[test]
fn a_dct_genesis_by_redundancy_on_yubikeys() {
    without_shares("a_dct_genesis_by_redundancy_on_yubikeys", "dct-genesis", Way::Redundancy, has_bundles);
}

#[test]
fn a_dct_genesis_without_a_backup_on_yubikeys() {
    without_shares("a_dct_genesis_without_a_backup_on_yubikeys", "dct-genesis", Way::None, has_bundles);
}

#[test]
fn a_dct_genesis_of_a_key_that_is_made_in_memory_on_two_yubikeys() {
    let test = "a_dct_genesis_of_a_key_that_is_made_in_memory_on_two_yubikeys";
    let name = "dct-genesis-backup";
    let text = fs::read_to_string(script(name)).expect("a shipped script");
    whole(test, name, &text, |room| {
        let put = room.events().filter_map(|event| match event {
            Event::KeyPut { alias, shares, .. } => Some((alias.to_string(), shares)),
            _ => None,
        });
        assert_eq!(put.collect::<Vec<_>>(), [("ana-1".to_owned(), vec![]), ("bo-1".to_owned(), vec![1, 2, 3])]);
        has_bundles(room);
    });
}

#[test]
fn a_key_that_is_to_be_wrapped_on_yubikeys_is_refused_before_the_day() {
    for (name, tokens) in [("genesis-wrapped", ["ana-1", "cem-1"]), ("dct-genesis-wrapped", ["ana-1", "bo-1"])] {
        let text = on_them(&fs::read_to_string(script(name)).expect("a shipped script"));
        let checked = check(&read::script(text.as_bytes()).expect("a script"));
        assert!(!checked.holds(), "{name}: {checked}");
        for token in tokens {
            let named = checked.findings.iter().any(|finding| {
                finding.rule == Some(Rule::WrappingSafe)
                    && finding.what == format!("A YubiKey wraps no keys, and unwraps none: {token} is one.")
                    && finding.remedy.contains("software-born")
            });
            assert!(named, "{name}, {token}: {checked}");
        }
    }
}
