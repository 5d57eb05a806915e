//! How the program ends: one table of exit codes, and what is said on the way out.

use std::process::ExitCode;

use serde_json::json;

use crate::{
    fault::{Error, Fault},
    rules::Refusal,
    runner::Ended,
};

/// Every exit code. A panic is 101, which Rust sees to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A rule said no; nothing happened.
    Refused = 1,
    /// A file or a flag is wrong.
    Usage = 2,
    /// The world failed.
    Fault = 3,
    /// The operator left; resume is possible.
    Paused = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<Ended> for Exit {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Closed | Ended::Abandoned => Self::Done,
            Ended::Paused => Self::Paused,
        }
    }
}

/// Why a verb stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A file or a flag is wrong: what, where, and what to do.
    Usage(String),
    /// A rule said no, or the world failed.
    Error(Error),
}

impl Stop {
    /// With which code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Error(Error::Refused(_)) => Exit::Refused,
            Self::Error(Error::Fault(_)) => Exit::Fault,
        }
    }

    /// What is said, a line each.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Usage(what) => vec![format!("officiant: {what}")],
            Self::Error(Error::Refused(refusal)) => {
                vec![format!("officiant: {}: {}", refusal.rule, refusal.what), format!("  {}", refusal.remedy)]
            }
            Self::Error(Error::Fault(fault)) => vec![format!("officiant: {}: {}", fault.doing, fault.cause)],
        }
    }

    /// The same for programs.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Usage(what) => json!({ "error": "usage", "what": what }),
            Self::Error(Error::Refused(refusal)) => json!({
                "error": "refused", "rule": refusal.rule, "what": refusal.what, "remedy": refusal.remedy,
            }),
            Self::Error(Error::Fault(fault)) => json!({ "error": "fault", "doing": fault.doing, "cause": fault.cause }),
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Error(refusal.into())
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Error(fault.into())
    }
}
