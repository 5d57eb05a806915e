//! Neither the key-encryption key nor the key that it wraps is anywhere after a wrapped backup was made and used: not in the memory of
//! the process, and in no file. One test in this program: it searches all of its own memory.

mod backup_support;
mod memory_support;
mod support;

use std::{fs, path::Path};

use backup_support::typed;
use officiant::{
    backup::{About, Gathering, Scheme, Share, Split, split_kek, wrapped_file},
    keyfile::Kek,
    secret::Secret,
    token::{
        KeyAlgorithm, KeyRequest, LastTry, PinEntry, Provision as _, Token as _, User, Wrap as _,
        pkcs11::{Pkcs11Token, close_all},
        wrap::WrappingKey,
    },
    tuf::dialect::Dialect,
    utc::Utc,
};
use support::{SO_PIN, folder, login, on_softhsm, pin, prepared};

/// What is looked for, turned by one bit in each byte, so that to look for it does not find the test.
fn turned(secret: &Secret) -> Vec<u8> {
    secret.expose().iter().map(|byte| byte ^ 0x80).collect()
}

fn sightings(canaries: &[(&str, Vec<u8>)]) -> Vec<String> {
    let mut found = vec![];
    memory_support::walk(|part, region| {
        let here = canaries.iter().filter(|(_, canary)| memory_support::holds(part, canary));
        found.extend(here.map(|(name, _)| format!("{name}: {region}")));
    });
    found
}

fn files(folder: &Path, canaries: &[(&str, Vec<u8>)], found: &mut Vec<String>, seen: &mut usize) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, canaries, found, seen);
        } else {
            *seen += 1;
            let bytes = fs::read(&path).unwrap();
            let here = canaries.iter().filter(|(_, canary)| memory_support::holds(&bytes, canary));
            found.extend(here.map(|(name, _)| format!("{name}: {}", path.display())));
        }
    }
}

fn with_kek(token: &mut Pkcs11Token, kek: &Kek) -> WrappingKey {
    login(token);
    let safe = token.wraps_safely(KeyAlgorithm::P256, None).unwrap();
    token.login(User::So, PinEntry::Typed(&pin(SO_PIN)), LastTry::Keep).unwrap();
    token.bring_kek(kek, &safe).unwrap();
    login(token);
    token.find_kek(&kek.fingerprint(), &safe).unwrap()
}

#[test]
fn nothing_of_a_wrapped_backup_is_left_in_memory_or_in_a_file() {
    on_softhsm("nothing_of_a_wrapped_backup_is_left_in_memory_or_in_a_file", |rehearsal| {
        let request = KeyRequest { algorithm: KeyAlgorithm::P256, label: "root".into(), id: b"root".to_vec() };
        let mut canaries: Vec<(&str, Vec<u8>)> = vec![];
        {
            let kek = Kek::fresh().unwrap();
            canaries.push(("the key-encryption key", turned(kek.material())));
            assert_eq!(sightings(&canaries).len(), 1, "the search finds it");
            let (mut first, mut second) = (prepared(rehearsal, "a"), prepared(rehearsal, "b"));
            let under = with_kek(&mut first, &kek);
            let key = first.generate_wrappable(&request, &under).unwrap();
            let trusted = Dialect::default().key(&key.key().public).unwrap();
            let wrapped = first.wrap(&key, &under).unwrap();
            let second_under = with_kek(&mut second, &kek);
            let copied = second.unwrap(&wrapped, &second_under, &request).unwrap();
            first.close(key, &copied, &under).unwrap();
            let made = Utc::parse_rfc3339("2026-12-01T09:00:00Z").unwrap();
            let about = About { keyid: trusted.id(), ceremony: "Genesis".into(), made };
            let file = wrapped_file(&wrapped, &about).unwrap();
            fs::write(folder().join("wrapped"), file.bytes()).unwrap();
            let Split { shares, set } = split_kek(&kek, Scheme::new(2, 3).unwrap(), &trusted.id()).unwrap();
            first.remove_kek(&kek.fingerprint()).unwrap();
            second.remove_kek(&kek.fingerprint()).unwrap();
            drop(kek);
            // A year later, into a third token, and in software.
            let mut gathering = Gathering::of(set);
            for share in &shares[1..] {
                let page = Secret::copied(typed(share).as_bytes()).unwrap();
                gathering.add(Share::read(&page).unwrap()).unwrap();
            }
            let kek = gathering.kek().unwrap();
            let (again, _) = file.wrapped().unwrap().trusted(&trusted).unwrap();
            let mut third = prepared(rehearsal, "c");
            let under = with_kek(&mut third, &kek);
            let there = third.unwrap(&again, &under, &request).unwrap();
            third.remove_kek(&kek.fingerprint()).unwrap();
            assert_eq!(third.clear_half_made(&request).unwrap(), 0);
            third.reopen().unwrap();
            drop(there);
            let (key, _) = file.wrapped().unwrap().open(&kek).unwrap().trusted(&trusted).unwrap();
            canaries.push(("the private key", turned(key.material())));
        }
        close_all();
        let mut both = canaries.clone();
        both.extend(canaries.iter().map(|(name, canary)| (*name, canary.iter().rev().copied().collect())));
        assert_eq!(sightings(&both), [] as [String; 0]);
        let (mut found, mut seen) = (vec![], 0);
        files(&folder(), &both, &mut found, &mut seen);
        assert!(seen > 5, "the files of three tokens: {seen}");
        assert_eq!(found, [] as [String; 0]);
    });
}
