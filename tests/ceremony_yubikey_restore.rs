//! A backup that was made before is opened for YubiKeys: restored to one, replaced by another, and the old one reset.

mod ceremony_support;
#[path = "yubikey_support/driver.rs"]
mod driver;
#[path = "yubikey_support/room.rs"]
mod room;
mod support;
mod yubikey_support;

use ceremony_support::{
    People, Room,
    kept::{self, backed_up},
    record, script,
};
use officiant::{
    ceremony::{
        Pending,
        event::Event,
        operation::{Operation, Trouble},
    },
    device::yubikey::Settings,
    token::{Provision as _, Token as _, yubikey},
    tuf::key::{Key, PublicKey},
};
use room::{again_in, alias, begun_in, pins};
use virtual_yubikey::{Control, Setup};
use yubikey_support::on_yubikeys;

const OLD: u32 = 7_150_001;
const NEW: u32 = 7_150_002;

/// The shipped script with these files and YubiKeys.
fn text(kind: &str, inputs: &std::path::Path, key: &Key) -> String {
    let existing = if kind == "replace-token" { vec![("", OLD.to_string())] } else { vec![] };
    kept::text(kind, "path = \"yubikey:?touch-policy=never\"", inputs, "offline", key, &existing)
}

/// The public keys that a YubiKey shows, and whether it is as from the factory.
fn on(control: &Control, serial: u32) -> (Vec<PublicKey>, bool) {
    let mut yubikey = yubikey::open(serial, Settings::default(), driver::trust(control)).expect("the YubiKey");
    let keys = yubikey.public_keys().expect("its keys").into_iter().filter_map(|seen| seen.public.ok()).collect();
    (keys, yubikey.is_wiped().expect("a look"))
}

fn people(kind: &str, aliases: &[&str]) -> People {
    let mut people = People::of(&script(kind));
    pins(&mut people, aliases);
    people
}

/// Goes on, and lets every operation in doubt be looked at and done again.
fn to_the_end(room: &mut Room) {
    while room.ended().is_none() {
        if let Pending::Ask(prompt) = room.ceremony().pending()
            && let officiant::ceremony::prompt::Scene::Trouble { trouble, .. } = &prompt.scene
        {
            let Trouble::Fault(fault) = trouble else { panic!("{}", trouble.words()) };
            assert!(fault.cause.contains("was not done"), "{fault}");
            room.word("AGAIN");
            continue;
        }
        room.turn().unwrap_or_else(|error| panic!("{error:?}"));
    }
}

#[test]
fn a_backup_is_drilled_on_a_yubikey_which_is_as_from_the_factory_afterwards() {
    let setup = Setup::of(&[("5.7.4", NEW)]);
    on_yubikeys("a_backup_is_drilled_on_a_yubikey_which_is_as_from_the_factory_afterwards", &setup, |control| {
        let inputs = ceremony_support::place().join("inputs");
        let (key, _) = backed_up(&inputs);
        let text = text("restore-drill", &inputs, &key);
        let place = ceremony_support::place().join("drill");
        let mut room = begun_in(&place, &inputs, &text, people("restore-drill", &["drill-1"]), driver::trust(control));
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::EraseToken { .. })));
        assert_eq!(on(control, NEW), (vec![key.public().clone()], false), "the key is on it until it is wiped");
        to_the_end(&mut room);
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        record::holds(&place.join("a"));
        assert_eq!(on(control, NEW), (vec![], true));
    });
}

#[test]
fn a_yubikey_is_replaced_by_another_and_reset_and_a_cut_in_the_middle_changes_nothing() {
    let name = "a_yubikey_is_replaced_by_another_and_reset_and_a_cut_in_the_middle_changes_nothing";
    on_yubikeys(name, &Setup::of(&[("5.7.1", OLD), ("5.7.4", NEW)]), |control| {
        let inputs = ceremony_support::place().join("inputs");
        let (key, _) = backed_up(&inputs);
        // The first YubiKey gets the key in a restore, as in a ceremony years before.
        control.eject(1);
        let restore = text("restore", &inputs, &key);
        let (first, after) = restore.split_once("\n[[act]]\ntitle = \"The second new token").expect("an act");
        let (_, close) = after.split_once("\n[[act]]\n").expect("an act after it");
        let one = format!("{first}\n[[act]]\n{close}").replace("[\"ana-2\", \"bo-2\"]", "[\"ana-2\"]");
        let place = ceremony_support::place().join("restore");
        let mut room = begun_in(&place, &inputs, &one, people("restore", &["ana-2"]), driver::trust(control));
        to_the_end(&mut room);
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        record::holds(&place.join("a"));
        drop(room);
        assert_eq!(on(control, OLD), (vec![key.public().clone()], false), "it stays");

        // Years later it is replaced.
        control.insert(1);
        let text = text("replace-token", &inputs, &key);
        let place = ceremony_support::place().join("replace");
        let trust = driver::trust(control);
        let mut room = begun_in(&place, &inputs, &text, people("replace-token", &["ana-2", "ana-1"]), trust);
        for done in [false, true] {
            room.until(|pending, _| match pending {
                Pending::Do(Operation::RestoreKey { .. }) => !done,
                Pending::Do(Operation::EraseToken { .. }) => done,
                _ => false,
            });
            let job = room.runner.intend().expect("an intent").expect("an operation");
            drop(room.do_job(&job));
            room = again_in(room, &inputs, control);
            room.until(|pending, _| matches!(pending, Pending::InDoubt(_)));
            room.perform().expect("a look");
            if !done {
                // The key is on the token; its shares are typed once more.
                assert!(matches!(room.trouble(), Trouble::Fault(_)));
                room.word("AGAIN");
            }
        }
        assert!(matches!(room.events().last(), Some(Event::TokenErased { .. })), "it was done, and is not repeated");
        to_the_end(&mut room);
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        record::holds(&place.join("a"));
        assert_eq!(on(control, OLD), (vec![], true), "reset");
        assert_eq!(on(control, NEW), (vec![key.public().clone()], false));
        assert_eq!(room.ceremony().token(&alias("ana-1")).gone, Some(officiant::ceremony::steps::Gone::Erased));
    });
}
