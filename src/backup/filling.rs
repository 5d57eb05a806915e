//! Text that is composed inside locked memory.

use std::fmt;

use crate::{fault::Fault, locked, secret::Secret};

/// A place of fixed size that is filled from its beginning. What does not fit is an error, never a second place.
pub(super) struct Filling<'a> {
    room: &'a mut [u8],
    at: usize,
}

impl Filling<'_> {
    /// Adds bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> fmt::Result {
        let end = self.at + bytes.len();
        self.room.get_mut(self.at..end).ok_or(fmt::Error)?.copy_from_slice(bytes);
        self.at = end;
        Ok(())
    }

    /// What was added so far.
    pub(super) fn filled(&self) -> &[u8] {
        &self.room[..self.at]
    }
}

impl fmt::Write for Filling<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes())
    }
}

/// Composes a secret of at most `room` bytes in place.
pub(super) fn composed(room: usize, write: impl FnOnce(&mut Filling<'_>) -> fmt::Result) -> Result<Secret, Fault> {
    let made = Secret::made(room, |room| {
        let mut filling = Filling { room, at: 0 };
        write(&mut filling)
            .map_err(|_| Fault::machine("compose a page of the backup", "it is longer than it can be"))?;
        Ok::<_, Fault>(filling.at)
    });
    locked::wipe_stack();
    made
}
