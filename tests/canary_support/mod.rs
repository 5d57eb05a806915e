//! What the tests share that look for secrets where none may be left: in all memory of the process, and in files.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{fs, path::Path};

use officiant::{
    backup::{Gathering, SYMBOLS, Sealed, Share},
    custody::Set,
    secret::Secret,
    tuf::key::Key,
};

use crate::{ceremony_support::paper, memory_support};

/// What is looked for, turned by one bit in each byte, so that to look for it does not find the test.
pub struct Canary(pub &'static str, pub Vec<u8>);

impl Canary {
    pub fn of(what: &'static str, bytes: &[u8]) -> Self {
        Self(what, bytes.iter().map(|byte| byte ^ 0x80).collect())
    }

    pub fn reversed(&self) -> Self {
        Self(self.0, self.1.iter().rev().copied().collect())
    }
}

pub fn memory_with(canaries: &[Canary]) -> Vec<String> {
    let mut found = vec![];
    memory_support::walk(|part, region| {
        let here = canaries.iter().filter(|Canary(_, turned)| memory_support::holds(part, turned));
        found.extend(here.map(|Canary(what, _)| format!("{what}: {region}")));
    });
    found
}

pub fn files_with(canaries: &[Canary], folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_with(canaries, &path, found);
            continue;
        }
        let bytes = fs::read(&path).expect("a file");
        let here = canaries.iter().filter(|Canary(_, turned)| memory_support::holds(&bytes, turned));
        found.extend(here.map(|Canary(what, _)| format!("{what}: {}", path.display())));
    }
}

/// Everything of these pages that is secret. The first rows say in the open which share it is.
pub fn of_pages(set: &str, shares: impl IntoIterator<Item = u8>) -> Vec<Canary> {
    let mut canaries = vec![];
    for index in shares {
        for number in 4..=8 {
            let row = paper::row(set, index, number).expect("a page");
            canaries.push(Canary("the bytes of a row", bytes_of(&row)));
            canaries.push(Canary("a row", row[..19].to_vec()));
        }
    }
    canaries
}

/// The bytes of a row from its letters, both turned.
pub fn bytes_of(turned: &[u8]) -> Vec<u8> {
    let letters: Vec<u8> = turned.iter().copied().filter(|letter| *letter != b' ' ^ 0x80).collect();
    let value = |letter: u8| SYMBOLS.iter().position(|known| *known ^ 0x80 == letter).expect("a letter") as u8;
    letters.chunks(2).take(8).map(|two| (value(two[0]) << 4 | value(two[1])) ^ 0x80).collect()
}

pub fn share(set: &str, index: u8) -> Share {
    let rows: Vec<Vec<u8>> = (1..=8).map(|row| paper::row(set, index, row).expect("a page")).collect();
    let text = Secret::read(|room| {
        let mut at = 0;
        for row in &rows {
            for byte in row {
                room[at] = byte ^ 0x80;
                at += 1;
            }
            room[at] = b'\n';
            at += 1;
        }
        Ok(at)
    });
    Share::read(&text.expect("memory can be locked")).expect("a share")
}

/// Shows that nothing secret of a backup is anywhere after a ceremony: not in the memory of this process, in no file below `place`, and not in
/// what was printed for debugging. `file` is its sealed file; `of_files` is looked for in files and in print alone.
pub fn nothing_is_left(set: &Set, file: &Path, key: &Key, place: &Path, debug: &str, of_files: Vec<Canary>) {
    let mut canaries = of_pages(&set.id(), [1, 5]);
    // A hardened process shows its memory to root alone.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).expect("our own process");
    // Before anything of the test itself has held them.
    assert_eq!(memory_with(&canaries), [] as [String; 0]);
    {
        let mut gathering = Gathering::of(set.clone());
        for index in [1, 3, 5] {
            gathering.add(share(&set.id(), index)).expect("it fits");
        }
        let identity = gathering.identity().expect("an identity");
        let text = identity.age_text().expect("text");
        canaries.push(Canary::of("the identity", &text.expose()[20..60]));
        let file = Sealed::read(fs::read(file).expect("the file")).expect("an age file");
        let (private, _) = file.open(&identity).expect("it opens").trusted(key).expect("the key");
        canaries.push(Canary::of("the key", private.material().expose()));
    }
    let mut both: Vec<Canary> = canaries.iter().map(Canary::reversed).collect();
    both.extend(canaries);
    let last = &both.last().expect("a canary").1;
    let held = paper::typed(last).expect("memory can be locked");
    assert_eq!(memory_with(&both).len(), 1, "the search finds what is there, and nothing else");
    drop(held);
    assert_eq!(memory_with(&both), [] as [String; 0]);
    both.extend(of_files);
    let mut found = vec![];
    files_with(&both, place, &mut found);
    assert_eq!(found, [] as [String; 0]);
    assert!(!both.iter().any(|Canary(_, turned)| memory_support::holds(debug.as_bytes(), turned)));
}
