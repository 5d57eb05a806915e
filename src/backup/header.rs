//! What can be seen of a sealed file without opening it: who opens it, and, of an age file (the format is at c2sp.org/age), whether it
//! ends where it can end.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Wrong;
use crate::text::shown_up_to;

const VERSION: &str = "age-encryption.org/v1";
const ARMOUR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";
/// A header of one recipient is a few hundred bytes.
const HEADER_MAX: usize = 16 << 10;
const NONCE: usize = 16;
const TAG: usize = 16;

/// What opens a sealed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Lock {
    /// One X25519 identity: that of a set of shares.
    Identity,
    /// A passphrase, stretched by scrypt with N = 2^`work`: one person alone opens it.
    Passphrase {
        /// Base-2 logarithm of N.
        work: u8,
    },
    /// The key-encryption key of a set of shares: a token wrapped the key.
    KeyEncryptionKey {
        /// The set's id: 12 hexadecimal digits.
        set: String,
    },
    /// Something that this program does not write.
    Other {
        /// The kinds of recipients, in their order. From outside.
        recipients: Vec<String>,
    },
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => f.write_str("one X25519 identity"),
            Self::Passphrase { work } => write!(f, "a passphrase (scrypt, 2^{work}): one person alone opens it"),
            Self::KeyEncryptionKey { set } => {
                write!(f, "a key-encryption key (AES-256, RFC 5649), split as set {set}")
            }
            Self::Other { recipients } => {
                let shown: Vec<String> = recipients.iter().map(|kind| shown_up_to(kind, 40)).collect();
                write!(f, "{}, which this program does not write", shown.join(" or "))
            }
        }
    }
}

/// A sealed file from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// What opens it.
    pub lock: Lock,
    /// Bytes after the header; of a wrapped key, its length.
    pub payload: usize,
}

impl Outline {
    /// Looks at a whole file.
    ///
    /// # Errors
    /// What it is instead of a binary age file of version 1 or a wrapped key, or where it is cut.
    pub fn read(file: &[u8]) -> Result<Self, Wrong> {
        if super::wrapped::is_one(file) {
            let read = super::wrapped::read(file)?;
            return Ok(Self {
                lock: Lock::KeyEncryptionKey { set: read.set() },
                payload: read.wrapped().bytes().len(),
            });
        }
        let torn = || Wrong::Damaged("it is cut short within its header".into());
        if file.trim_ascii_start().starts_with(ARMOUR) {
            return Err(Wrong::Other(
                "an age file in armour; `age -d` reads it, and this program reads the bare form".into(),
            ));
        }
        let mut lines = Lines { rest: file };
        let first = lines.next();
        if first != Some(VERSION) {
            return Err(match first {
                Some(line) if line.starts_with("age-encryption.org/") => {
                    Wrong::Other(format!("an age file of another version: {}", shown_up_to(line, 40)))
                }
                _ if !file.is_empty() && VERSION.as_bytes().starts_with(file) => torn(),
                _ if file.is_empty() => Wrong::Other("an empty file".into()),
                _ => Wrong::Other(format!("no age file: it does not begin with {VERSION}")),
            });
        }
        let mut recipients: Vec<Vec<&str>> = vec![];
        loop {
            let line = lines.next().ok_or_else(torn)?;
            if line.starts_with("---") {
                break;
            }
            if let Some(recipient) = line.strip_prefix("-> ") {
                let recipient: Vec<&str> = recipient.split(' ').collect();
                // Grease: recipients of random names that nobody has, so that readers learn to pass over what they do not know.
                if !recipient[0].ends_with("-grease") {
                    recipients.push(recipient);
                }
            }
        }
        let payload = lines.rest.len();
        if payload < NONCE + TAG + 1 {
            return Err(Wrong::Damaged("it is cut short: nothing, or not all, of what was sealed is there".into()));
        }
        let lock = match recipients.as_slice() {
            [one] if one[0] == "X25519" => Lock::Identity,
            [one] if one[0] == "scrypt" => match one.get(2).and_then(|work| work.parse().ok()) {
                Some(work) => Lock::Passphrase { work },
                None => return Err(Wrong::Damaged("its work factor is no number".into())),
            },
            many => Lock::Other { recipients: many.iter().map(|one| one[0].to_owned()).collect() },
        };
        Ok(Self { lock, payload })
    }
}

/// The lines of a header: short, and text.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let end = self.rest.iter().take(HEADER_MAX).position(|byte| *byte == b'\n')?;
        let (line, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        std::str::from_utf8(line).ok()
    }
}
