//! The ceremonies of custody on YubiKeys, one after the other: a key in a file is backed up and comes to two, other custodians prove their shares on a
//! third, and the key ends. And nothing secret is left of a restore.

mod canary_support;
mod ceremony_support;
#[path = "yubikey_support/driver.rs"]
mod driver;
mod memory_support;
#[path = "yubikey_support/room.rs"]
mod room;
mod support;
mod yubikey_support;

use std::fs;

use ceremony_support::{People, Room, kept, record, script};
use officiant::{
    ceremony::event::Event,
    device::yubikey::Settings,
    token::{Provision as _, Token as _, yubikey},
    tuf::key::PublicKey,
};
use room::{alias, begun_in, pins};
use virtual_yubikey::{Control, Setup};
use yubikey_support::on_yubikeys;

const MODULE: &str = "path = \"yubikey:?touch-policy=never\"";

/// The public keys that a YubiKey shows, and whether it is as from the factory.
fn on(control: &Control, serial: &str) -> (Vec<PublicKey>, bool) {
    let serial = serial.parse().expect("a serial");
    let mut yubikey = yubikey::open(serial, Settings::default(), driver::trust(control)).expect("the YubiKey");
    let keys = yubikey.public_keys().expect("its keys").into_iter().filter_map(|seen| seen.public.ok()).collect();
    (keys, yubikey.is_wiped().expect("a look"))
}

fn people(kind: &str, aliases: &[&str]) -> People {
    let mut people = People::of(&script(kind));
    pins(&mut people, aliases);
    people
}

fn serial(room: &Room, of: &str) -> String {
    room.ceremony().token(&alias(of)).bound.expect("it is bound").token.serial
}

#[test]
fn a_key_in_a_file_comes_to_yubikeys_with_a_backup_that_changes_hands_and_ends() {
    let name = "a_key_in_a_file_comes_to_yubikeys_with_a_backup_that_changes_hands_and_ends";
    let setup = Setup::of(&[("5.7.1", 7_150_001), ("5.7.1", 7_150_002), ("5.7.4", 7_150_003)]);
    on_yubikeys(name, &setup, |control| {
        let place = ceremony_support::place();
        let inputs = place.join("inputs");
        let key = kept::key_in_a_file(&inputs);
        // The third is for later.
        control.eject(2);
        let text = kept::text("backup", MODULE, &inputs, "none", &key, &[]);
        let trust = driver::trust(control);
        let mut room = begun_in(&place.join("backup"), &inputs, &text, people("backup", &["ana-1", "bo-1"]), trust);
        room.finish();
        record::holds(&room.place.join("a"));
        let existing = [("", serial(&room, "ana-1")), ("", serial(&room, "bo-1"))];
        for (_, serial) in &existing {
            assert_eq!(on(control, serial), (vec![key.public().clone()], false), "both hold it");
        }
        let put: Vec<_> = room
            .events()
            .filter_map(|event| match event {
                Event::KeyPut { alias, shares, .. } => Some((alias.to_string(), shares)),
                _ => None,
            })
            .collect();
        assert_eq!(put, [("ana-1".to_owned(), vec![]), ("bo-1".to_owned(), vec![1, 2, 3])]);
        kept::carried(&room, &inputs, "first");
        drop(room);

        control.eject(0);
        control.eject(1);
        control.insert(2);
        let text = kept::text("change-custodians", MODULE, &inputs, "first", &key, &[]);
        let (place_of, trust) = (place.join("change"), driver::trust(control));
        let mut room = begun_in(&place_of, &inputs, &text, people("change-custodians", &["ana-2"]), trust);
        room.finish();
        record::holds(&room.place.join("a"));
        assert_eq!(serial(&room, "ana-2"), "7150003");
        assert_eq!(on(control, "7150003"), (vec![key.public().clone()], false), "the new shares restored it");
        assert_eq!(room.count(|event| matches!(event, Event::OldSharesJudged { left: 0, .. })), 1);
        kept::carried(&room, &inputs, "second");
        drop(room);

        control.insert(0);
        control.insert(1);
        let text = kept::text("destroy", MODULE, &inputs, "second", &key, &existing);
        let (place_of, trust) = (place.join("destroy"), driver::trust(control));
        let mut room = begun_in(&place_of, &inputs, &text, people("destroy", &["ana-1", "bo-1"]), trust);
        room.finish();
        record::holds(&room.place.join("a"));
        for (_, serial) in &existing {
            assert_eq!(on(control, serial), (vec![], true), "as from the factory");
        }
        assert_eq!(on(control, "7150003").0.len(), 1, "a token that no script names is nobody's to wipe");
    });
}

#[test]
fn nothing_secret_is_left_of_a_backup_that_was_restored_to_a_yubikey() {
    let setup = Setup::of(&[("5.7.4", 7_150_004)]);
    on_yubikeys("nothing_secret_is_left_of_a_backup_that_was_restored_to_a_yubikey", &setup, |control| {
        let place = ceremony_support::place();
        let inputs = place.join("inputs");
        let (key, _) = kept::backed_up(&inputs);
        let text = kept::text("restore-drill", MODULE, &inputs, "offline", &key, &[]);
        let trust = driver::trust(control);
        let mut room = begun_in(&place.join("drill"), &inputs, &text, people("restore-drill", &["drill-1"]), trust);
        let mut debug = String::new();
        while room.ended().is_none() {
            debug.push_str(&format!("{:?}", room.ceremony().pending()));
            room.turn().unwrap_or_else(|error| panic!("at {}: {error:?}", room.position()));
        }
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        record::holds(&room.place.join("a"));
        debug.push_str(&format!("{:?}", room.entries()));
        drop(room);
        let set = serde_json::from_slice(&fs::read(inputs.join("offline.set.json")).expect("the set")).expect("a set");
        canary_support::nothing_is_left(&set, &inputs.join("offline.age"), &key, &place, &debug, vec![]);
    });
}
