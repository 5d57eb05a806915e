//! Key, identity, shares and throws are nowhere after a whole ceremony that made a key in memory: not in the memory of the process, in no
//! file of the record, and in nothing that is printed for debugging. One test in this program: it searches all of its own memory.

mod canary_support;
mod ceremony_support;
mod memory_support;
mod support;

use std::fs;

use canary_support::{Canary, files_with, memory_with, of_pages, share};

use ceremony_support::{Room, paper};
use officiant::{
    backup::{Gathering, Sealed},
    ceremony::event::Event,
};
use support::on_softhsm;

#[test]
fn nothing_secret_is_left_of_a_ceremony_that_made_a_key_in_memory() {
    on_softhsm("nothing_secret_is_left_of_a_ceremony_that_made_a_key_in_memory", |tokens| {
        let mut room = Room::rehearse(tokens, "dct-genesis-backup");
        let mut debug = String::new();
        while room.ended().is_none() {
            debug.push_str(&format!("{:?}", room.ceremony().pending()));
            room.turn().unwrap_or_else(|error| panic!("at {}: {error:?}", room.position()));
        }
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        debug.push_str(&format!("{:?}", room.entries()));
        let found = room.events().find_map(|event| match event {
            Event::BackupSealed { sealed, .. } => Some(sealed.clone()),
            _ => None,
        });
        let key = room.events().find_map(|event| match event {
            Event::KeyMade { key, .. } => Some(key.clone()),
            _ => None,
        });
        let (sealed, key, place) = (found.expect("a backup"), key.expect("a key"), room.place.clone());
        drop(room);
        officiant::token::pkcs11::close_all();

        let set = sealed.set.id();
        let mut canaries = vec![Canary("the throws", paper::throws()[..40].to_vec())];
        canaries.extend(of_pages(&set, 1..=5));
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
        let mut both: Vec<Canary> = canaries.iter().map(Canary::reversed).collect();
        both.extend(canaries);
        let last = &both.last().expect("a canary").1;
        let held = paper::typed(last).expect("memory can be locked");
        assert_eq!(memory_with(&both).len(), 1, "the search finds what is there, and nothing else");
        drop(held);
        assert_eq!(memory_with(&both), [] as [String; 0]);
        let mut found = vec![];
        files_with(&both, &place, &mut found);
        assert_eq!(found, [] as [String; 0]);
        assert!(!both.iter().any(|Canary(_, turned)| memory_support::holds(debug.as_bytes(), turned)));
    });
}
