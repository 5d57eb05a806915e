//! What the tests share that look for secrets where none may be left: in all memory of the process, and in files.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{fs, path::Path};

use officiant::{
    backup::{SYMBOLS, Share},
    secret::Secret,
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
