//! Typing errors of every kind.

use super::*;
use crate::{
    backup::{Identity, SYMBOLS, Scheme, split},
    tuf::key::KeyId,
};

fn secret(text: &str) -> Secret {
    Secret::copied(text.as_bytes()).unwrap()
}

fn a_set() -> Vec<Share> {
    let keyid = KeyId::from("9b".repeat(32));
    split(&Identity::fresh().unwrap(), Scheme::new(2, 3).unwrap(), &keyid).unwrap().shares
}

fn rows(share: &Share) -> Vec<String> {
    (1..=ROWS).map(|row| String::from_utf8(share.row(row).unwrap().expose().to_vec()).unwrap()).collect()
}

fn wrong(rows: &[String]) -> ShareWrong {
    Share::read(&secret(&rows.join("\n"))).map(|_| ()).unwrap_err()
}

/// How many of some thousand changes may fit their row's check by chance; more than these happens once in a million runs.
const CHANCE: usize = 3;

/// Whether it says that this row is wrong; which other row of the page it looks like by chance does not matter.
fn is_of_row(said: &ShareWrong, number: usize) -> bool {
    matches!(said, ShareWrong::Row(RowWrong::Check { row, .. }) if *row == number)
}

#[test]
fn a_share_is_read_in_any_case_with_any_gaps_and_as_the_text_of_its_code() {
    for share in a_set() {
        let rows = rows(&share);
        let whole = rows.join("\n");
        for text in [
            whole.clone(),
            whole.to_lowercase(),
            whole.replace(' ', ""),
            whole.replace(' ', "-"),
            format!("\n\n  {}  \r\n", rows.join("\r\n\r\n")),
            format!("OFFICIANT-SHARE-1:{}", whole.replace([' ', '\n'], "")),
        ] {
            let read = Share::read(&secret(&text)).unwrap();
            assert_eq!(read.commitment(), share.commitment());
            assert_eq!(read.label(), share.label());
        }
    }
}

#[test]
fn every_single_wrong_symbol_is_found_in_its_row() {
    let share = a_set().remove(0);
    let rows = rows(&share);
    let (mut tried, mut astray) = (0, 0);
    for (number, row) in rows.iter().enumerate() {
        for (at, right) in row.char_indices().filter(|(_, right)| *right != ' ') {
            for other in SYMBOLS.iter().map(|symbol| char::from(*symbol)).filter(|other| *other != right) {
                let mut changed = rows.clone();
                changed[number].replace_range(at..=at, &other.to_string());
                // The first rows are what the others belong to, so that the row that is named is the changed one and no later.
                // A row's check is 16 bits: once in 65,536 it fits by chance, and then a later row or the whole says no.
                let said = wrong(&changed);
                astray += usize::from(!is_of_row(&said, number + 1));
                tried += 1;
            }
        }
    }
    assert_eq!(tried, ROWS * 20 * 15);
    assert!(astray <= CHANCE, "{astray} of {tried}");
}

#[test]
fn a_symbol_that_no_row_has_is_named_with_what_it_may_be() {
    let rows = rows(&a_set().remove(0));
    for (typed, perhaps) in
        [('S', Some('5')), ('z', Some('2')), ('B', Some('8')), ('U', Some('V')), ('?', None), ('ü', None)]
    {
        let mut changed = rows.clone();
        changed[3].replace_range(11..12, &typed.to_string());
        let said = wrong(&changed);
        let first = typed.to_string().as_bytes()[0];
        let expected = RowWrong::Symbol { row: 4, group: 3, typed: char::from(first), perhaps };
        assert_eq!(said, expected.into());
    }
}

#[test]
fn rows_that_are_missing_doubled_swapped_short_or_of_another_page_are_named() {
    let shares = a_set();
    let (one, two) = (rows(&shares[0]), rows(&shares[1]));
    assert_eq!(wrong(&one[..7]), ShareWrong::Rows { typed: 7, wanted: ROWS });
    assert_eq!(wrong(&[]), ShareWrong::Rows { typed: 0, wanted: ROWS });
    let mut twice = one.clone();
    twice.insert(4, one[3].clone());
    assert_eq!(wrong(&twice), RowWrong::Check { row: 5, instead: Some(4) }.into());
    twice = one.clone();
    twice.push(one[7].clone());
    assert_eq!(wrong(&twice), ShareWrong::Rows { typed: 9, wanted: ROWS });
    let mut swapped = one.clone();
    swapped.swap(4, 6);
    assert_eq!(wrong(&swapped), RowWrong::Check { row: 5, instead: Some(7) }.into());
    for number in 0..ROWS {
        let mut mixed = one.clone();
        mixed[number] = two[number].clone();
        let said = wrong(&mixed);
        // A first row of another page is whole; what follows does not belong to it. The second is the same on both pages but for its check.
        let expected = if number == 0 { 2 } else { number + 1 };
        assert!(matches!(said, ShareWrong::Row(RowWrong::Check { row, .. }) if row == expected), "{number}: {said:?}");
        let mut short = one.clone();
        short[number].pop();
        assert_eq!(wrong(&short), RowWrong::Length { row: number + 1, typed: 19, wanted: 20 }.into());
        short[number].push_str("22");
        assert_eq!(wrong(&short), RowWrong::Length { row: number + 1, typed: 21, wanted: 20 }.into());
    }
}

#[test]
fn a_wrong_row_is_typed_again_and_nothing_is_lost() {
    let share = a_set().remove(2);
    let rows = rows(&share);
    let mut typing = Typing::new().unwrap();
    for (row, number) in rows.iter().zip(1..) {
        assert_eq!(typing.next_row(), Some(number));
        let mut bad = row.clone();
        bad.replace_range(0..1, if bad.starts_with('X') { "V" } else { "X" });
        assert!(typing.row(&secret(&bad)).is_err());
        assert!(typing.row(&secret("")).is_err());
        assert_eq!(typing.label().is_some(), number > 2);
        typing.row(&secret(row)).unwrap();
    }
    assert_eq!(typing.next_row(), None);
    assert_eq!(typing.label().as_ref(), Some(share.label()));
    assert_eq!(typing.finish().unwrap().commitment(), share.commitment());
    assert!(matches!(Typing::new().unwrap().finish(), Err(ShareWrong::Rows { typed: 0, .. })));
}

#[test]
fn no_two_neighbours_change_places_unseen_and_no_noise_is_a_share() {
    let rows = rows(&a_set().remove(1));
    let mut astray = 0;
    for number in 0..ROWS {
        for at in 0..rows[number].len() - 1 {
            let mut bytes = rows[number].clone().into_bytes();
            if bytes[at] == bytes[at + 1] || bytes[at] == b' ' || bytes[at + 1] == b' ' {
                continue;
            }
            bytes.swap(at, at + 1);
            let mut changed = rows.clone();
            changed[number] = String::from_utf8(bytes).unwrap();
            astray += usize::from(!is_of_row(&wrong(&changed), number + 1));
        }
    }
    assert!(astray <= CHANCE, "{astray}");
    // Noise of every length, the same at every run.
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    for length in 0..600 {
        let noise: Vec<u8> = (0..length).map(|_| next() as u8).collect();
        assert!(Share::read(&Secret::copied(&noise).unwrap()).is_err());
        let letters = (0..length).map(|_| SYMBOLS[next() as usize % 16]);
        let letters: Vec<u8> = b"OFFICIANT-SHARE-1:".iter().copied().chain(letters).collect();
        assert!(Share::read(&Secret::copied(&letters).unwrap()).is_err());
    }
}
