//! Of a key that was taken from a file, and of one that was opened from its old backup, nothing secret is anywhere afterwards: not in the
//! memory of the process, in no file of a record, and in nothing that is printed for debugging. Each test runs in a process of its own and searches all
//! of its own memory.

mod canary_support;
mod ceremony_support;
mod memory_support;
mod support;

use std::{fs, path::PathBuf};

use canary_support::{Canary, files_with, memory_with, of_pages, share};
use ceremony_support::{Room, paper};
use officiant::{
    backup::{Gathering, Sealed},
    ceremony::event::Event,
    perform::rehearsal,
    tuf::key::Key,
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

        let set = sealed.set.id();
        let mut canaries = of_pages(&set, [1, 5]);
        // A hardened process shows its memory to root alone.
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).expect("our own process");
        // Before anything of the test itself has held them.
        assert_eq!(memory_with(&canaries), [] as [String; 0]);
        {
            let mut gathering = Gathering::of(sealed.set.clone());
            for index in [1, 3, 5] {
                gathering.add(share(&set, index)).expect("it fits");
            }
            let identity = gathering.identity().expect("an identity");
            let text = identity.age_text().expect("text");
            canaries.push(Canary::of("the identity", &text.expose()[20..60]));
            let file = Sealed::read(fs::read(place.join("a").join(&sealed.file.name)).expect("the file"))
                .expect("an age file");
            let (private, _) = file.open(&identity).expect("it opens").trusted(&key).expect("the key");
            canaries.push(Canary::of("the key", private.material().expose()));
        }
        // Its file was encrypted with this, which nothing of a record repeats.
        canaries.push(Canary::of("the passphrase", rehearsal::PASSPHRASE.as_bytes()));
        let mut both: Vec<Canary> = canaries.iter().map(Canary::reversed).collect();
        both.extend(canaries);
        let passphrase = both.pop().expect("the passphrase");
        let last = &both.last().expect("a canary").1;
        let held = paper::typed(last).expect("memory can be locked");
        assert_eq!(memory_with(&both).len(), 1, "the search finds what is there, and nothing else");
        drop(held);
        assert_eq!(memory_with(&both), [] as [String; 0]);
        both.push(passphrase);
        let mut found = vec![];
        files_with(&both, &place, &mut found);
        assert_eq!(found, [] as [String; 0]);
        assert!(!both.iter().any(|Canary(_, turned)| memory_support::holds(debug.as_bytes(), turned)));
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
