//! A share that is typed back, or comes as the text of its QR code.

use super::{
    Label, RECORD, RowWrong, Share, ShareWrong,
    alphabet::SHARE,
    shares::{context, label_of},
};
use crate::{
    fault::Fault,
    locked::{self, LockedBytes},
    secret::Secret,
};

/// Rows of a share.
pub const ROWS: usize = RECORD / SHARE.bytes;
/// What the text of a share's QR code begins with.
pub(super) const QR_BEGINS: &[u8] = b"OFFICIANT-SHARE-1:";
/// Symbols of a row with its check.
const ROW_SYMBOLS: usize = 2 * SHARE.bytes + super::GROUP;

/// A share while it is typed, row by row. Each row is checked when it comes; a wrong one is typed again, and nothing is lost.
pub struct Typing {
    record: LockedBytes,
}

impl Typing {
    /// Nothing typed yet.
    ///
    /// # Errors
    /// A fault where memory cannot be locked.
    pub fn new() -> Result<Self, Fault> {
        LockedBytes::with_room(RECORD).map(|record| Self { record })
    }

    /// The row that is wanted next, from 1; `None` where all are there.
    pub fn next_row(&self) -> Option<usize> {
        let typed = self.record.bytes().len() / SHARE.bytes;
        (typed < ROWS).then_some(typed + 1)
    }

    /// Takes the next row as it was typed.
    ///
    /// # Errors
    /// What is wrong with it, with the number of the row. The row is still wanted.
    ///
    /// # Panics
    /// Where no row is wanted any more.
    pub fn row(&mut self, typed: &Secret) -> Result<(), ShareWrong> {
        let number = self.next_row().expect("a row is wanted");
        self.take(typed.expose(), number)?;
        if number == 2 && self.label().is_none() {
            self.record.truncate(0);
            return Err(ShareWrong::Numbers);
        }
        Ok(())
    }

    fn take(&mut self, typed: &[u8], number: usize) -> Result<(), RowWrong> {
        let mut row = zeroize::Zeroizing::new([0; SHARE.bytes]);
        // A row's check covers the rows that it belongs to: what it would be instead can be said of rows of the same page only.
        let others = if number > 2 { 3..=ROWS } else { number..=number };
        let read = SHARE.read(typed, number, context(self.record.bytes(), number), row.as_mut(), others);
        locked::wipe_stack();
        read?;
        self.record.spare_mut()[..SHARE.bytes].copy_from_slice(row.as_ref());
        self.record.grow(SHARE.bytes);
        Ok(())
    }

    /// What the share says of itself, as soon as its first two rows are there.
    pub fn label(&self) -> Option<Label> {
        let record = self.record.bytes();
        (record.len() >= 2 * SHARE.bytes).then(|| label_of(record)).flatten()
    }

    /// The share, when all rows are there.
    ///
    /// # Errors
    /// What is wrong with the whole.
    pub fn finish(self) -> Result<Share, ShareWrong> {
        let typed = self.record.bytes().len() / SHARE.bytes;
        if typed < ROWS {
            return Err(ShareWrong::Rows { typed, wanted: ROWS });
        }
        Share::of(Secret::made(RECORD, |room| {
            room.copy_from_slice(self.record.bytes());
            Ok::<_, Fault>(RECORD)
        })?)
    }
}

impl Share {
    /// Whether a text is that of a share's QR code, whole or torn.
    pub fn is_code(text: &Secret) -> bool {
        text.expose().trim_ascii_start().starts_with(QR_BEGINS)
    }

    /// Reads a whole share: its rows, one a line, or the text of its QR code.
    ///
    /// # Errors
    /// What is wrong, with the number of the first wrong row.
    pub fn read(text: &Secret) -> Result<Self, ShareWrong> {
        let text = text.expose().trim_ascii();
        let mut typing = Typing::new()?;
        let rows: Vec<&[u8]> = match text.strip_prefix(QR_BEGINS) {
            Some(symbols) => symbols.chunks(ROW_SYMBOLS).collect(),
            None => text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect(),
        };
        for (row, number) in rows.iter().zip(1..=ROWS) {
            typing.take(row, number)?;
        }
        if rows.len() != ROWS {
            return Err(ShareWrong::Rows { typed: rows.len(), wanted: ROWS });
        }
        typing.finish()
    }
}

#[cfg(test)]
mod tests;
