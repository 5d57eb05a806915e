//! What is wrong with a key file, for people.

use std::fmt;

use crate::fault::{Fault, FaultKind};

/// Why a key file, or a key in it, could not be read. Never holds anything of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is no file with a private key, but this.
    Other(String),
    /// It is one, and not whole: this is wrong.
    Damaged(String),
    /// It is encrypted or encoded in a way that this program does not read: what it is, and what to do.
    Unsupported(String),
    /// Its passphrase would have to be stretched more often than [`super::ITERATIONS_MAX`].
    Iterations(u32),
    /// It is encrypted, and no passphrase was given.
    PassphraseWanted,
    /// The passphrase is not the right one, or the encrypted part is damaged: nobody can tell which.
    Passphrase,
    /// It holds several keys, and it is not clear which is meant.
    Several {
        /// How many.
        count: usize,
        /// The canonical id that was looked for.
        wanted: Option<String>,
    },
    /// Memory could not be locked, or randomness was missing.
    Machine(Fault),
}

impl Wrong {
    /// After a decryption, what is not a key was most likely decrypted with the wrong passphrase. What is a key of a kind that
    /// is not used here was decrypted well.
    pub(super) fn after_decryption(self) -> Self {
        match self {
            Self::Damaged(_) => Self::Passphrase,
            other => other,
        }
    }

    /// The fault, while `doing`.
    pub fn fault(self, doing: impl Into<String>) -> Fault {
        let kind = match &self {
            Self::Machine(fault) => return fault.clone(),
            Self::Unsupported(_) | Self::Iterations(_) => FaultKind::NotSupported,
            _ => FaultKind::Other,
        };
        Fault::new(kind, doing, self)
    }
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Self::Machine(fault)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(what) => write!(f, "this is {what}"),
            Self::Damaged(what) => write!(f, "the key is damaged: {what}"),
            Self::Unsupported(what) => f.write_str(what),
            Self::Iterations(count) => write!(
                f,
                "its passphrase would be stretched {count} times, and this program goes no further than {}: such a file \
                 only means to keep the machine busy",
                super::ITERATIONS_MAX
            ),
            Self::PassphraseWanted => f.write_str("the key is encrypted, and no passphrase was given"),
            Self::Passphrase => f.write_str("the passphrase is wrong, or the file is damaged"),
            Self::Several { count, wanted: Some(wanted) } => {
                write!(f, "the file holds {count} keys, and not exactly one of them says that it is {wanted}")
            }
            Self::Several { count, wanted: None } => {
                write!(f, "the file holds {count} keys, and it is not said which one is meant")
            }
            Self::Machine(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Wrong {}
