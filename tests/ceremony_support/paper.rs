//! What custodians wrote down, for as long as a test program runs: paper outlives a crash. It is turned by one bit in each byte, so that
//! a search of memory for a share does not find the paper.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use officiant::{
    perform::{Covered, People},
    secret::{Secret, SecretKind, SecretRequest},
};

type Pages = BTreeMap<(String, u8, u8), Vec<u8>>;

fn pages() -> MutexGuard<'static, Pages> {
    static PAGES: Mutex<Pages> = Mutex::new(BTreeMap::new());
    PAGES.lock().expect("no test panics while it holds this")
}

fn turned(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 0x80).collect()
}

/// The sets of which there are pages.
pub fn sets() -> Vec<String> {
    let mut sets: Vec<String> = pages().keys().map(|(set, _, _)| set.clone()).collect();
    sets.dedup();
    sets
}

/// A row as it stands on its page, turned.
pub fn row(set: &str, share: u8, row: u8) -> Option<Vec<u8>> {
    pages().get(&(set.to_owned(), share, row)).cloned()
}

/// What a custodian wrote down in an earlier ceremony.
pub fn wrote(set: &str, share: u8, row: u8, text: &[u8]) {
    pages().insert((set.to_owned(), share, row), turned(text));
}

/// A whole page as a person types it.
pub fn page(set: &str, share: u8) -> String {
    let rows = (1..=8).map(|number| row(set, share, number).expect("a page that was written"));
    rows.map(|row| String::from_utf8(turned(&row)).expect("letters") + "\n").collect()
}

/// People who copy what they are shown, and type it again. `other` overrides what they know.
pub struct Room<'a> {
    pub other: &'a mut dyn FnMut(&SecretRequest) -> Option<Option<Secret>>,
    pub people: &'a super::People,
}

impl People for Room<'_> {
    fn secret(&mut self, request: &SecretRequest) -> Option<Secret> {
        if let Some(given) = (self.other)(request) {
            return given;
        }
        match (&request.row, request.what) {
            (Some(of), SecretKind::ShareRow) => {
                let share = of.share.unwrap_or(of.brought);
                typed(&row(&of.set, share, of.row).or_else(|| rehearsed(&of.set, share, of.row))?)
            }
            (_, SecretKind::Throws) => typed(&throws()),
            _ => self.people.secret(request),
        }
    }

    fn show(&mut self, row: &Covered<'_>) -> Option<()> {
        let page = (row.row.set.clone(), row.row.share?, row.row.row);
        pages().insert(page, turned(row.text.expose()));
        Some(())
    }
}

/// A row of a throw-away page that the rehearsal made, turned.
fn rehearsed(set: &str, share: u8, row: u8) -> Option<Vec<u8>> {
    let page = officiant::perform::rehearsal::page(&super::place().join("a"), set, share);
    let text = std::fs::read(page).ok()?;
    text.split(|byte| *byte == b'\n').nth(usize::from(row) - 1).map(turned)
}

/// What a die shows, turned. It stands in no program as it is.
pub fn throws() -> Vec<u8> {
    let mut state = 0x2545_f491_u32;
    (0..120)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (b'1' + (state >> 16) as u8 % 6) ^ 0x80
        })
        .collect()
}

/// Straight into locked memory.
pub fn typed(row: &[u8]) -> Option<Secret> {
    Secret::read(|room| {
        room.iter_mut().zip(row).for_each(|(place, byte)| *place = byte ^ 0x80);
        Ok(row.len())
    })
    .ok()
}
