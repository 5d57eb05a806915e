//! The world failed: what was being done, what came back, and what that means for the ceremony. A fault is recorded; people
//! repeat, note an exception or leave.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::rules::Refusal;

/// The world failed. Unlike a [`Refusal`], something may have happened: look before repeating.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What was being done and with what, for example `C_Sign, token "root-a" (serial 5F1A…)` or `read inputs/root.json`.
    pub doing: String,
    /// What came back, for example `CKR_PIN_LOCKED` or `No such file or directory`, and what to do where we know.
    pub cause: String,
    /// What it means.
    pub kind: FaultKind,
}

/// What a fault means for the ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The token went away or no longer knows its session: stop, insert it again, open it, find the key again, verify again.
    TokenLost,
    /// The PIN was wrong.
    PinIncorrect {
        /// What the token tells of the tries that are left.
        tries: Tries,
    },
    /// The PIN is locked. Only its officer's unblocking procedure (SO-PIN or PUK) helps, on some tokens nothing.
    PinLocked,
    /// The PIN breaks the token's own rules (length, characters) and was not set.
    PinNotAcceptable,
    /// Nobody touched the token in time. Nothing was signed, and no try of a PIN is spent: do it again.
    NotTouched,
    /// The YubiKey wants its management key, which is neither on it nor in memory. Nothing was done.
    WantsManagementKey,
    /// The token or its module cannot do this.
    NotSupported,
    /// A file or device of this machine failed.
    Machine,
    /// Anything else.
    Other,
}

/// What a token tells of the tries that a PIN has left.
///
/// PKCS#11 has three flags and no number, and several modules never raise them: no flag means
/// [`TokenDoesNotTell`](Self::TokenDoesNotTell), never "all of them".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tries {
    /// This many.
    Left(u32),
    /// At least one wrong PIN was entered since the last right one (CKF_USER_PIN_COUNT_LOW).
    Low,
    /// One more wrong PIN locks it (CKF_USER_PIN_FINAL_TRY).
    LastTry,
    /// None (CKF_USER_PIN_LOCKED).
    Locked,
    /// The token's flags say nothing.
    TokenDoesNotTell,
}

impl Fault {
    /// A fault of `kind` while `doing`.
    pub fn new(kind: FaultKind, doing: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self { doing: doing.into(), cause: cause.to_string(), kind }
    }

    /// A file or device of this machine failed while `doing`.
    pub fn machine(doing: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self::new(FaultKind::Machine, doing, cause)
    }

    /// Whether the token must be inserted and opened again before anything else.
    pub fn token_lost(&self) -> bool {
        self.kind == FaultKind::TokenLost
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doing, self.cause)
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Tries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left(1) => f.write_str("1 try left"),
            Self::Left(count) => write!(f, "{count} tries left"),
            Self::Low => f.write_str("a wrong PIN was entered before; the token does not say how many tries are left"),
            Self::LastTry => f.write_str("this is the last try before the PIN locks"),
            Self::Locked => f.write_str("the PIN is locked"),
            Self::TokenDoesNotTell => f.write_str("the token does not say how many tries are left"),
        }
    }
}

/// Why something was not done: a rule said no (and nothing happened), or the world failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A rule said no.
    Refused(Refusal),
    /// The world failed.
    Fault(Fault),
}

impl Error {
    /// The fault, where it is one.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Fault(fault) => Some(fault),
            Self::Refused(_) => None,
        }
    }

    /// The refusal, where it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Fault(_) => None,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Error {}
