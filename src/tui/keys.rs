//! Secrets, byte by byte from the terminal's file descriptor into locked memory. The event queue of the terminal library would
//! keep what was typed; this reader keeps nothing but the [`Entry`].

use std::{io, time::Instant};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::Timespec,
    stdio::stdin,
    termios::{QueueSelector, tcflush},
};

use super::{
    burst::{self, Burst},
    model::SecretEnd,
};
use crate::{
    fault::Fault,
    secret::{Entry, Secret},
};

/// How long a lone Esc waits for the rest of a function key, in milliseconds.
const ESCAPE_MS: u32 = 60;

/// What a byte means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// It belongs to the secret.
    Push,
    /// Takes the last character back.
    Back,
    /// Takes everything back.
    Clear,
    /// Ends the entry.
    Enter,
    /// Ends it without a secret.
    End(SecretEnd),
    /// Means nothing here.
    Nothing,
}

/// Tells function keys from characters. Knows of a secret only whether a byte belongs to it.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    /// The bytes after Esc, which belong to a function key and to no secret.
    sequence: Option<Vec<u8>>,
}

/// The longest sequence of a function key that is looked at.
const SEQUENCE_MAX: usize = 16;

impl Decoder {
    /// Takes the next byte in.
    pub fn byte(&mut self, byte: u8) -> Typed {
        if let Some(sequence) = &mut self.sequence {
            sequence.push(byte);
            if sequence.len() < SEQUENCE_MAX && !is_whole(sequence) {
                return Typed::Nothing;
            }
            let end = function_key(sequence);
            self.sequence = None;
            return end.map_or(Typed::Nothing, Typed::End);
        }
        match byte {
            b'\r' | b'\n' => Typed::Enter,
            0x08 | 0x7f => Typed::Back,
            0x15 => Typed::Clear,
            0x03 => Typed::End(SecretEnd::Interrupted),
            0x1b => {
                self.sequence = Some(vec![]);
                Typed::Nothing
            }
            0x00..0x20 => Typed::Nothing,
            _ => Typed::Push,
        }
    }

    /// Whether an Esc waits for what follows it.
    pub fn in_sequence(&self) -> bool {
        self.sequence.is_some()
    }

    /// Nothing followed: a lone Esc gives up, anything else was a key that means nothing.
    pub fn silence(&mut self) -> Typed {
        match self.sequence.take() {
            Some(sequence) if sequence.is_empty() => Typed::End(SecretEnd::GaveUp),
            _ => Typed::Nothing,
        }
    }
}

/// Whether the bytes after Esc are a whole key: `O` and one more, `[[` and one more (Linux console), or `[` up to a final byte.
fn is_whole(sequence: &[u8]) -> bool {
    match sequence {
        [b'O'] | [b'['] | [b'[', b'['] => false,
        [b'[', b'[', ..] => true,
        [b'[', .., last] => matches!(last, 0x40..=0x7e),
        _ => true,
    }
}

fn function_key(sequence: &[u8]) -> Option<SecretEnd> {
    match sequence {
        b"OP" | b"[11~" | b"[[A" => Some(SecretEnd::Help),
        b"OQ" | b"[12~" | b"[[B" => Some(SecretEnd::Script),
        b"[21~" => Some(SecretEnd::Asides),
        _ => None,
    }
}

/// Reads one secret.
pub struct Reader {
    entry: Entry,
    decoder: Decoder,
    burst: Burst,
    began: Instant,
}

/// What came of reading for a while.
pub enum Read {
    /// Nothing that ends the entry; this many characters are there.
    Going(usize),
    /// A secret.
    Given(Secret),
    /// No secret.
    Ended(SecretEnd),
}

impl Reader {
    /// Begins. What was typed before is forgotten: it was meant for something else.
    ///
    /// # Errors
    /// Where memory cannot be locked.
    pub fn new() -> Result<Self, Fault> {
        // What cannot be flushed (a pipe in a test) is read as it is.
        let _ = tcflush(stdin(), QueueSelector::IFlush);
        Ok(Self { entry: Entry::new()?, decoder: Decoder::default(), burst: Burst::default(), began: Instant::now() })
    }

    /// Reads what comes within `wait` milliseconds.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub fn read(mut self, wait: u32) -> Result<(Option<Self>, Read), Fault> {
        let mut wait = if self.decoder.in_sequence() { wait.min(ESCAPE_MS) } else { wait };
        loop {
            if !ready(wait)? {
                return Ok(match self.decoder.silence() {
                    Typed::End(end) => (None, Read::Ended(end)),
                    _ => {
                        let characters = self.entry.characters();
                        (Some(self), Read::Going(characters))
                    }
                });
            }
            let byte = self.next_byte()?;
            wait = 0;
            match self.decoder.byte(byte) {
                Typed::Push => {
                    self.burst.typed(char::from(byte), self.milliseconds());
                    self.entry.push(byte);
                }
                Typed::Back => {
                    self.burst.broken();
                    self.entry.backspace();
                }
                Typed::Clear => {
                    self.burst.broken();
                    self.entry.clear();
                }
                Typed::Enter => {
                    let at = self.milliseconds();
                    if self.burst.ends(at) {
                        for _ in 0..burst::LENGTH {
                            self.entry.backspace();
                        }
                        return Ok((Some(self), Read::Ended(SecretEnd::Swallowed)));
                    }
                    return Ok((None, Read::Given(self.entry.finish())));
                }
                Typed::End(end) => return Ok((None, Read::Ended(end))),
                Typed::Nothing => wait = if self.decoder.in_sequence() { ESCAPE_MS } else { 0 },
            }
        }
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// One byte, by way of the locked memory.
    fn next_byte(&mut self) -> Result<u8, Fault> {
        let mut byte = 0;
        let read = self.entry.fill(|room| {
            let Some(place) = room.get_mut(..1) else {
                return Err(io::ErrorKind::FileTooLarge.into());
            };
            if rustix::io::read(stdin(), &mut *place)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            byte = std::mem::take(&mut place[0]);
            Ok(0)
        });
        read.map(|_| byte).map_err(|e| Fault::machine("read a secret from the terminal", e))
    }
}

/// Whether a byte can be read within `wait` milliseconds.
fn ready(wait: u32) -> Result<bool, Fault> {
    let input = stdin();
    let mut fds = [PollFd::new(&input, PollFlags::IN)];
    let wait = Timespec { tv_sec: i64::from(wait / 1000), tv_nsec: i64::from(wait % 1000) * 1_000_000 };
    match poll(&mut fds, Some(&wait)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(e) => Err(Fault::machine("wait for the terminal", io::Error::from(e))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Vec<Typed> {
        let mut decoder = Decoder::default();
        bytes.iter().map(|byte| decoder.byte(*byte)).filter(|typed| *typed != Typed::Nothing).collect()
    }

    #[test]
    fn function_keys_are_no_part_of_a_secret() {
        assert_eq!(decode(b"\x1bOP"), [Typed::End(SecretEnd::Help)]);
        assert_eq!(decode(b"\x1b[[A"), [Typed::End(SecretEnd::Help)]);
        assert_eq!(decode(b"\x1b[21~"), [Typed::End(SecretEnd::Asides)]);
        assert_eq!(decode(b"\x1b[A\x1b[1;5Ca\x1bOD\r"), [Typed::Push, Typed::Enter], "cursor keys mean nothing");
    }

    #[test]
    fn control_keys_edit_or_end_and_letters_of_all_languages_belong_to_the_secret() {
        assert_eq!(decode(b"a\x7f\x08\x15\n"), [Typed::Push, Typed::Back, Typed::Back, Typed::Clear, Typed::Enter]);
        assert_eq!(decode("é".as_bytes()), [Typed::Push, Typed::Push]);
        assert_eq!(decode(b"\x03"), [Typed::End(SecretEnd::Interrupted)]);
        assert_eq!(decode(b"?\t"), [Typed::Push], "a question mark may stand in a PIN");
    }

    #[test]
    fn a_lone_escape_gives_up_once_nothing_follows() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.byte(0x1b), Typed::Nothing);
        assert!(decoder.in_sequence());
        assert_eq!(decoder.silence(), Typed::End(SecretEnd::GaveUp));
        decoder.byte(0x1b);
        decoder.byte(b'[');
        assert_eq!(decoder.silence(), Typed::Nothing);
        assert_eq!(decoder.byte(b'a'), Typed::Push);
    }
}
