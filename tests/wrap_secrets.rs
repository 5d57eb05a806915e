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
        Erase, KeyAlgorithm, KeyRequest, PinEntry, Provision as _, Token as _, Wrap as _,
        pkcs11::{self, Pkcs11Token, TokenUri, close_all, rehearsal::Rehearsal},
        quirks::Trust,
        wrap::{PinIsKey, WrappingKey},
    },
    tuf::dialect::Dialect,
    utc::Utc,
};
use support::{SO_PIN, USER_PIN, alone, folder, login, pin};

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

fn control(lines: &str) {
    fs::write(folder().join("control"), lines).unwrap();
}

fn prepared(label: &str) -> Pkcs11Token {
    let shim = std::env::current_exe().unwrap().parent().unwrap().join("libpkcs11_shim.so");
    let uri = TokenUri { module_path: Some(shim), ..TokenUri::default() };
    let mut token = pkcs11::open_blank(&uri, Trust::shipped()).unwrap();
    token.initialise(label, PinEntry::Typed(&pin(SO_PIN)), Erase::NothingThere).unwrap();
    token.set_user_pin(&pin(SO_PIN), &pin(USER_PIN)).unwrap();
    token
}

/// Brings the key-encryption key as the user, who has private objects: SoftHSM writes a trusted one to its file as it is, by way of a
/// buffer that it does not wipe. The shim knows no CKA_WRAP_WITH_TRUSTED, so that none is wanted.
fn with_kek(token: &mut Pkcs11Token, kek: &Kek) -> WrappingKey {
    login(token);
    control("fail C_GenerateKeyPair 5+ 0x12");
    let safe = token.wraps_safely(KeyAlgorithm::P256, Some(&PinIsKey::declared_in_the_script())).unwrap();
    control("");
    assert!(!safe.wants_so());
    token.bring_kek(kek, &safe).unwrap();
    token.find_kek(&kek.fingerprint(), &safe).unwrap()
}

#[test]
fn nothing_of_a_wrapped_backup_is_left_in_memory_or_in_a_file() {
    let prepare = |folder: &Path| {
        let rehearsal = Rehearsal::prepare(folder, None).expect("SoftHSM is installed");
        vec![
            rehearsal.environment(),
            (pkcs11_shim::MODULE, rehearsal.module.into_os_string()),
            (pkcs11_shim::CONTROL, folder.join("control").into_os_string()),
        ]
    };
    alone("nothing_of_a_wrapped_backup_is_left_in_memory_or_in_a_file", prepare, || {
        let request = KeyRequest { algorithm: KeyAlgorithm::P256, label: "root".into(), id: b"root".to_vec() };
        let mut canaries: Vec<(&str, Vec<u8>)> = vec![];
        {
            let kek = Kek::fresh().unwrap();
            canaries.push(("the key-encryption key", turned(kek.material())));
            assert_eq!(sightings(&canaries).len(), 1, "the search finds it");
            let (mut first, mut second) = (prepared("a"), prepared("b"));
            let under = with_kek(&mut first, &kek);
            let key = first.generate_wrappable(&request, &under).unwrap();
            let trusted = Dialect::default().key(&key.key().public).unwrap();
            let wrapped = first.wrap(&key, &under).unwrap();
            let second_under = with_kek(&mut second, &kek);
            let copied = second.unwrap(&wrapped, &second_under, &request).unwrap();
            first.close(key, &copied, &under).unwrap();
            let made = Utc::parse_rfc3339("2026-12-01T09:00:00Z").unwrap();
            let about = About { keyid: trusted.id(), ceremony: "Genesis".into(), made, history: None };
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
            let mut third = prepared("c");
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
