//! What is printed and typed back: sixteen symbols that are not taken for one another, in groups of four, in rows that each
//! carry a check of their own.
//!
//! A byte is two symbols, its upper half first. A row is its bytes and two bytes of check: the beginning of SHA-256 over a name, the
//! number of the row, `:`, what the row belongs to, and its bytes.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::filling::Filling;

/// The symbols for 0 to 15. In upper and lower case, in print and in handwriting, none is taken for another of them; what looks
/// like one of them (0, 1, 9, B, D, G, I, L, O, Q, S, U, Y, Z …) is not among them.
pub const SYMBOLS: &[u8; 16] = b"2345678CFHJMPRVX";
/// Symbols in a group.
pub const GROUP: usize = 4;
/// Bytes of check in a row.
const CHECK: usize = 2;

/// A symbol that people type where another stands.
const LOOKS_LIKE: [(u8, char); 12] = [
    (b'Z', '2'),
    (b'9', '4'),
    (b'A', '4'),
    (b'S', '5'),
    (b'G', '6'),
    (b'1', '7'),
    (b'T', '7'),
    (b'B', '8'),
    (b'E', 'F'),
    (b'N', 'M'),
    (b'U', 'V'),
    (b'K', 'X'),
];

/// Rows of one kind: the name that their checks begin with, and how many bytes are in each (the last may hold fewer).
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) bytes: usize,
}

/// Of a share.
pub(super) const SHARE: Kind = Kind { name: "officiant share row", bytes: 8 };
/// Of a sealed file.
pub(super) const FILE: Kind = Kind { name: "officiant file row", bytes: 16 };

/// What is wrong with a typed row. Holds nothing of it but symbols that are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowWrong {
    /// A symbol that no row has.
    Symbol {
        /// The row, from 1.
        row: usize,
        /// The group in it, from 1.
        group: usize,
        /// What was typed.
        typed: char,
        /// What it may have been.
        perhaps: Option<char>,
    },
    /// Too few or too many symbols.
    Length {
        /// The row, from 1.
        row: usize,
        /// How many there were.
        typed: usize,
        /// How many there must be.
        wanted: usize,
    },
    /// All symbols are possible, and the check at the row's end does not fit them.
    Check {
        /// The row, from 1.
        row: usize,
        /// The row that it would fit instead.
        instead: Option<usize>,
    },
}

impl RowWrong {
    /// Which row, from 1.
    pub const fn row(&self) -> usize {
        match self {
            Self::Symbol { row, .. } | Self::Length { row, .. } | Self::Check { row, .. } => *row,
        }
    }
}

impl fmt::Display for RowWrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symbol { row, group, typed, perhaps } => {
                let typed = typed.escape_debug();
                write!(f, "row {row}, group {group}: there is no “{typed}” on these pages")?;
                match perhaps {
                    Some(symbol) => write!(f, "; it may be “{symbol}”"),
                    None => Ok(()),
                }
            }
            Self::Length { row, typed, wanted } => {
                let (typed, wanted) = (typed, wanted / GROUP);
                write!(f, "row {row}: {typed} letters were given; the row has {wanted} groups of {GROUP}")
            }
            Self::Check { row, instead: None } => {
                write!(f, "row {row}: some letter of it is another one; compare it with the paper, group by group")
            }
            Self::Check { row, instead: Some(other) } => write!(f, "row {row}: this is row {other}"),
        }
    }
}

impl Kind {
    /// The check of a row.
    fn check(self, number: usize, context: &[u8], bytes: &[u8]) -> [u8; CHECK] {
        let hash = Sha256::new().chain_update(format!("{} {number}:", self.name));
        let hash = hash.chain_update(context).chain_update(bytes).finalize();
        [hash[0], hash[1]]
    }

    /// Writes row `number` (from 1) in groups, the check last.
    pub(super) fn write(
        self,
        out: &mut Filling<'_>,
        number: usize,
        context: &[u8],
        bytes: &[u8],
        gap: &str,
    ) -> fmt::Result {
        let check = self.check(number, context, bytes);
        for (at, byte) in bytes.iter().chain(&check).enumerate() {
            if at > 0 && at % (GROUP / 2) == 0 {
                out.push(gap.as_bytes())?;
            }
            out.push(&[SYMBOLS[usize::from(byte >> 4)], SYMBOLS[usize::from(byte & 15)]])?;
        }
        Ok(())
    }

    /// Reads row `number` from what was typed into `bytes`, which is as long as the row's bytes are; `others` are all numbers that
    /// the row might have instead. Case, spaces, hyphens and dots do not matter.
    pub(super) fn read(
        self,
        typed: &[u8],
        number: usize,
        context: &[u8],
        bytes: &mut [u8],
        others: std::ops::RangeInclusive<usize>,
    ) -> Result<(), RowWrong> {
        let wanted = 2 * (bytes.len() + CHECK);
        let mut check = [0; CHECK];
        let mut count = 0;
        for symbol in typed.iter().filter(|byte| !matches!(byte, b' ' | b'-' | b'.' | b'\t' | b'\r' | b'\n')) {
            let value = value_of(*symbol).ok_or_else(|| {
                let upper = symbol.to_ascii_uppercase();
                let perhaps = LOOKS_LIKE.iter().find(|(other, _)| *other == upper).map(|(_, right)| *right);
                RowWrong::Symbol { row: number, group: count / GROUP + 1, typed: char::from(*symbol), perhaps }
            })?;
            let place = match count / 2 {
                at if at < bytes.len() => Some(&mut bytes[at]),
                at => check.get_mut(at - bytes.len()),
            };
            if let Some(place) = place {
                *place = *place << 4 | value;
            }
            count += 1;
        }
        if count != wanted {
            return Err(RowWrong::Length { row: number, typed: count, wanted });
        }
        if self.check(number, context, bytes) == check {
            return Ok(());
        }
        let instead = others.into_iter().find(|other| self.check(*other, context, bytes) == check);
        Err(RowWrong::Check { row: number, instead })
    }
}

/// Looks at every symbol, so that the time taken tells nothing of which one it was.
fn value_of(symbol: u8) -> Option<u8> {
    let upper = symbol.to_ascii_uppercase();
    let mut found = None;
    for (value, known) in (0..).zip(SYMBOLS) {
        if *known == upper {
            found = Some(value);
        }
    }
    found
}
