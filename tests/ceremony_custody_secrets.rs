//! Of a key that was taken from a file, of one that was opened from its old backup, and of one that was restored to a token, nothing secret is anywhere afterwards: not in the
//! memory of the process, in no file of a record, and in nothing that is printed for debugging. Each test runs in a process of its own and searches all
//! of its own memory.

mod canary_support;
mod ceremony_support;
mod memory_support;
mod support;

use std::{fs, path::PathBuf};

use canary_support::Canary;
use ceremony_support::{People, Pinned, Room, kept, quiet_machine, record, script};
use officiant::{
    ceremony::event::Event, digest::Digest, perform::rehearsal, preflight, token::quirks::Trust, tuf::key::Key,
};
use support::on_softhsm;

/// A whole ceremony: what it sealed, of which key, and everything that was printed for debugging.
fn whole(room: &mut Room, debug: &mut String) -> (officiant::ceremony::backups::SealedBackup, Key) {
    while room.ended().is_none() {
        debug.push_str(&format!("{:?}", room.ceremony().pending()));
        room.turn().unwrap_or_else(|error| panic!("at {}: {error:?}", room.position()));
    }
    officiant::perform::record::finish(&room.runner).expect("a manifest");
    debug.push_str(&format!("{:?}", room.entries()));
    let sealed = room.events().find_map(|event| match event {
        Event::BackupSealed { sealed, .. } => Some(sealed),
        _ => None,
    });
    let key = room.events().find_map(|event| match event {
        Event::KeyTaken { key, .. } | Event::BackupOpened { key, .. } => Some(key),
        _ => None,
    });
    (sealed.expect("it was sealed"), key.expect("a key came into memory"))
}

fn nothing_is_left(name: &'static str, test: &str) {
    on_softhsm(test, |tokens| {
        let mut room = Room::rehearse(tokens, name);
        let mut debug = String::new();
        let (sealed, key) = whole(&mut room, &mut debug);
        let place: PathBuf = room.place.clone();
        drop(room);
        officiant::token::pkcs11::close_all();

        // Its file was encrypted with this, which nothing of a record repeats.
        let passphrase = Canary::of("the passphrase", rehearsal::PASSPHRASE.as_bytes());
        let mut both = vec![passphrase.reversed()];
        both.push(passphrase);
        canary_support::nothing_is_left(
            &sealed.set,
            &place.join("a").join(&sealed.file.name),
            &key,
            &place,
            &debug,
            both,
        );
    });
}

#[test]
fn nothing_secret_is_left_of_a_key_that_was_taken_from_its_file() {
    nothing_is_left("backup", "nothing_secret_is_left_of_a_key_that_was_taken_from_its_file");
}

#[test]
fn nothing_secret_is_left_of_a_backup_that_was_opened_for_other_custodians() {
    nothing_is_left("change-custodians", "nothing_secret_is_left_of_a_backup_that_was_opened_for_other_custodians");
}

#[test]
fn nothing_secret_is_left_of_a_backup_that_was_restored_to_tokens() {
    on_softhsm("nothing_secret_is_left_of_a_backup_that_was_restored_to_tokens", |tokens| {
        preflight::harden().expect("this process can be hardened");
        officiant::token::pkcs11::close_all();
        let place = ceremony_support::place();
        let inputs = place.join("inputs");
        let (key, _) = kept::backed_up(&inputs);
        let module = tokens.module.canonicalize().expect("the module");
        let sha256 = Digest::of(&fs::read(&module).expect("the module"));
        let pins = format!("path = \"{}\"\nsha256 = \"{sha256}\"\nmodel = \"SoftHSM v2\"", module.display());
        let text = kept::text("restore", &pins, &inputs, "offline", &key, &[]);
        let people = People::of(&script("restore"));
        let (probe, clock) = (quiet_machine(&place.join("machine")), Pinned::at(ceremony_support::DAY));
        let trust = Trust::injected(|_| None);
        let mut room = Room::run_in(&place, clock, text.as_bytes(), &inputs, people, trust, probe);
        let mut debug = String::new();
        while room.ended().is_none() {
            debug.push_str(&format!("{:?}", room.ceremony().pending()));
            room.turn().unwrap_or_else(|error| panic!("at {}: {error:?}", room.position()));
        }
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        record::holds(&place.join("a"));
        assert_eq!(room.count(|event| matches!(event, Event::KeyPut { shares, .. } if shares == &[1, 2, 3])), 2);
        debug.push_str(&format!("{:?}", room.entries()));
        drop(room);
        officiant::token::pkcs11::close_all();
        let set = serde_json::from_slice(&fs::read(inputs.join("offline.set.json")).expect("the set")).expect("a set");
        canary_support::nothing_is_left(&set, &inputs.join("offline.age"), &key, &place, &debug, vec![]);
    });
}
