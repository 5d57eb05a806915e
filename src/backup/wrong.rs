//! What is wrong with a sealed file or a share, for people.

use std::fmt;

use super::RowWrong;
use crate::fault::{Fault, FaultKind};

/// Why a sealed file was not opened. Holds nothing that was in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is no age file, but this.
    Other(String),
    /// It is one, and is not whole: this is wrong.
    Damaged(String),
    /// It is whole as far as can be seen, and was sealed to another identity.
    OtherIdentity,
    /// The passphrase is wrong.
    Passphrase,
    /// It is opened by something else: this.
    OtherLock(String),
    /// Its passphrase would have to be stretched by 2 to this, more than [`super::WORK_FACTOR_MAX`].
    Work(u8),
    /// It opened, and what is inside is no backup of a key: why.
    Contents(String),
    /// Memory could not be locked, or randomness was missing.
    Machine(Fault),
}

impl Wrong {
    /// The fault, while `doing`.
    pub fn fault(self, doing: impl Into<String>) -> Fault {
        match self {
            Self::Machine(fault) => fault,
            Self::Work(_) => Fault::new(FaultKind::NotSupported, doing, self),
            _ => Fault::new(FaultKind::Other, doing, self),
        }
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
            Self::Damaged(what) => write!(f, "the sealed file is damaged: {what}"),
            Self::OtherIdentity => {
                f.write_str("the sealed file is of another set: these shares, or this identity, do not open it")
            }
            Self::Passphrase => f.write_str("the passphrase is wrong"),
            Self::OtherLock(what) => write!(f, "the sealed file is opened by {what}"),
            Self::Work(factor) => write!(
                f,
                "its passphrase would be stretched 2^{factor} times, and this program goes no further than 2^{}",
                super::WORK_FACTOR_MAX
            ),
            Self::Contents(what) => write!(f, "the file opened, and it holds no backup of this program: {what}"),
            Self::Machine(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Wrong {}

/// Why what was typed or read is no share. Holds nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShareWrong {
    /// A row is wrong.
    Row(RowWrong),
    /// There are not this many rows.
    Rows {
        /// How many there were.
        typed: usize,
        /// How many a share has.
        wanted: usize,
    },
    /// Every row fits, and the whole does not: rows of different pages, or an error that the row's check did not see.
    Checksum,
    /// It is whole, and of a version that this program does not know.
    Version(u8),
    /// It is whole, and its numbers cannot be: an index above the count, or a threshold that no set has.
    Numbers,
    /// Memory could not be locked.
    Machine(Fault),
}

impl From<RowWrong> for ShareWrong {
    fn from(wrong: RowWrong) -> Self {
        Self::Row(wrong)
    }
}

impl From<Fault> for ShareWrong {
    fn from(fault: Fault) -> Self {
        Self::Machine(fault)
    }
}

impl fmt::Display for ShareWrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(wrong) => wrong.fmt(f),
            Self::Rows { typed, wanted } => write!(f, "{typed} rows were given, and a share has {wanted}"),
            Self::Checksum => f.write_str("each row fits, and the whole does not: are all rows from one page?"),
            Self::Version(version) => write!(f, "the share is of version {version}, which this program does not know"),
            Self::Numbers => f.write_str("its index, threshold and count cannot be those of a share"),
            Self::Machine(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for ShareWrong {}
