//! Secrets that are typed in a ceremony are nowhere afterwards: in no file, in nothing that is printed for debugging, and not in
//! the memory of the process.

mod ceremony_support;
mod memory_support;
mod support;

use std::{fs, path::Path};

use ceremony_support::{
    People, Room,
    home::{in_production, people},
    script,
};
use officiant::{
    keyfile::{Headers, KeyFile, PrivateKey, write_with},
    runner::Ended,
    secret::{Passphrase, Secret, SecretKind},
};
use support::on_softhsm;

/// Secrets as the test itself holds them: turned by one bit in each byte, so that to look for them does not find the test.
struct Canary(Vec<u8>);

impl Canary {
    /// Of bytes that are still in sight.
    fn of_bytes(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| byte ^ 0x80).collect())
    }

    /// The same from the other end, as numbers lie in this machine's memory.
    fn reversed(&self) -> Self {
        Self(self.0.iter().rev().copied().collect())
    }

    fn of(number: u8) -> Self {
        // Letters and digits that appear nowhere by chance.
        let mut bytes = vec![];
        let mut state = 0x9e37_79b9_u32 ^ u32::from(number);
        for _ in 0..16 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let letter = b"abcdefghijklmnopqrstuvwxyz"[(state >> 16) as usize % 26];
            bytes.push(letter ^ 0x80);
        }
        Self(bytes)
    }

    /// As a person types it: straight into locked memory.
    fn typed(&self) -> Secret {
        let mut rest = self.0.iter();
        let read = |buffer: &mut [u8]| {
            let mut count = 0;
            for (place, byte) in buffer.iter_mut().zip(rest.by_ref()) {
                *place = byte ^ 0x80;
                count += 1;
            }
            Ok(count)
        };
        Secret::read(read).expect("memory can be locked")
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        memory_support::holds(bytes, &self.0)
    }
}

fn files_with(canary: &Canary, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_with(canary, &path, found);
        } else if canary.is_in(&fs::read(&path).expect("a file")) {
            found.push(path.display().to_string());
        }
    }
}

/// The regions of this process that hold the canary.
fn memory_with(canary: &Canary) -> Vec<String> {
    let mut found = vec![];
    memory_support::walk(|part, region| {
        if canary.is_in(part) {
            found.push(region.to_owned());
        }
    });
    found
}

#[test]
fn a_pin_is_in_no_file_in_no_debug_output_and_not_in_memory_after_the_ceremony() {
    on_softhsm("a_pin_is_in_no_file_in_no_debug_output_and_not_in_memory_after_the_ceremony", |tokens| {
        let path = script("genesis-solo");
        let mut people = People::of(&path);
        people.pins.clear();
        let text = fs::read(&path).expect("a script");
        let mut room = Room::rehearse_text(tokens, &text, people, None);
        room.other_secret = Box::new(|request| {
            let so = format!("{:?}", request.what).contains("So");
            let token = request.label.as_deref().map_or(0, |label| label.bytes().fold(0, u8::wrapping_add));
            Some(Some(Canary::of(token.wrapping_mul(2).wrapping_add(u8::from(so))).typed()))
        });
        let mut debug = String::new();
        while room.ended().is_none() {
            debug.push_str(&format!("{:?}", room.ceremony().pending()));
            room.turn().unwrap_or_else(|error| panic!("at {}: {error:?}", room.position()));
        }
        assert_eq!(room.ended(), Some(Ended::Closed));
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        debug.push_str(&format!("{:?}", room.entries()));
        let aliases: Vec<String> =
            room.ceremony().script().tokens.iter().map(|token| token.alias.to_string()).collect();
        let place = room.place.clone();
        drop(room);
        officiant::token::pkcs11::close_all();
        for alias in aliases {
            for so in [0, 1] {
                let token = alias.bytes().fold(0, u8::wrapping_add);
                let canary = Canary::of(token.wrapping_mul(2).wrapping_add(so));
                let held = canary.typed();
                assert_eq!(memory_with(&canary).len(), 1, "the search finds what is there");
                drop(held);
                assert_eq!(memory_with(&canary), [] as [String; 0], "{alias}");
                assert!(!canary.is_in(debug.as_bytes()));
                let mut found = vec![];
                files_with(&canary, &place, &mut found);
                assert_eq!(found, [] as [String; 0]);
            }
        }
    });
}

/// Opens a key file and keeps of its key what a search can be made with.
fn scalar_of(file: &Path, with: &Canary) -> Canary {
    let file = KeyFile::load(file).expect("a key file");
    let key = file.open(0, Some(&Passphrase::from(with.typed()))).expect("it opens");
    Canary::of_bytes(key.material().expose())
}

#[test]
fn neither_a_key_nor_its_passphrase_is_left_where_one_comes_home_and_another_is_handed_over() {
    let name = "neither_a_key_nor_its_passphrase_is_left_where_one_comes_home_and_another_is_handed_over";
    on_softhsm(name, |tokens| {
        let (home, tagging) = (Canary::of(201), Canary::of(202));
        let place = ceremony_support::place();
        let file = place.join("root.key");
        let keyid = {
            let key = PrivateKey::generate_p256().expect("a key");
            let headers = Headers::new("root", None).expect("headers");
            let pem = write_with(&key, &headers, &Passphrase::from(home.typed()), 2048).expect("a file");
            fs::write(&file, pem).expect("a file");
            key.public().canonical_id().expect("an id")
        };
        let mut room = in_production(tokens, &file, keyid.as_str(), people());
        room.other_secret = Box::new(move |request| match request.what {
            SecretKind::Passphrase => Some(Some(Canary::of(201).typed())),
            SecretKind::NewPassphrase | SecretKind::NewPassphraseAgain => Some(Some(Canary::of(202).typed())),
            _ => None,
        });
        let mut debug = String::new();
        while room.ended().is_none() {
            debug.push_str(&format!("{:?}", room.ceremony().pending()));
            room.turn().unwrap_or_else(|error| panic!("at {}: {error:?}", room.position()));
        }
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        debug.push_str(&format!("{:?}", room.entries()));
        drop(room);
        officiant::token::pkcs11::close_all();
        let scalars = [scalar_of(&file, &home), scalar_of(&place.join("a/keys/tagging.key"), &tagging)];
        // A hardened process shows its memory to root alone.
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).expect("our own process");
        for canary in [&home, &tagging, &scalars[0], &scalars[1]] {
            let held = canary.typed();
            assert_eq!(memory_with(canary).len(), 1, "the search finds what is there");
            drop(held);
            assert_eq!(memory_with(canary), [] as [String; 0]);
            assert_eq!(memory_with(&canary.reversed()), [] as [String; 0]);
            assert!(!canary.is_in(debug.as_bytes()));
            let mut found = vec![];
            files_with(canary, &place, &mut found);
            assert_eq!(found, [] as [String; 0]);
        }
    });
}
