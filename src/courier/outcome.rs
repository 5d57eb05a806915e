//! What failed, for which repository, while the others went on; and how the run ends by it.

use std::fmt;

use serde_json::json;

pub use crate::program::{Exit, Stop, product, say};
use crate::{
    fault::{Error, Fault},
    rules::Refusal,
    transfer::Gun,
};

/// Why nothing was done for one repository. The others go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A rule said no.
    Refused(Refusal),
    /// The server said no.
    Server {
        /// What was asked of it.
        doing: String,
        /// The status and its own words.
        said: String,
        /// What to do, as a sentence.
        remedy: String,
    },
    /// The world failed.
    Fault(Fault),
}

impl Failure {
    /// The code of a run in which this was the worst.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Refused(_) | Self::Server { .. } => Exit::Refused,
            Self::Fault(_) => Exit::Fault,
        }
    }

    /// For programs.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Refused(refusal) => Stop::from(refusal.clone()).json(),
            Self::Server { doing, said, remedy } => {
                json!({ "error": "server", "doing": doing, "said": said, "remedy": remedy })
            }
            Self::Fault(fault) => Stop::from(fault.clone()).json(),
        }
    }
}

/// What is wrong, and then what to do.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Server { doing, said, remedy } => write!(f, "{doing}: {said}. {remedy}"),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::Refused(refusal),
            Error::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// The repositories for which nothing was done, in the order in which they came.
#[derive(Debug, Default)]
pub struct Failures(Vec<(Gun, Failure)>);

impl Failures {
    /// Says so, and remembers it for the end.
    pub fn add(&mut self, gun: &Gun, failure: Failure) {
        say(&format!("failed     {gun}  {failure}"));
        self.0.push((gun.clone(), failure));
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The code of the run: the worst of them, or done.
    pub fn exit(&self) -> Exit {
        self.0.iter().map(|(_, failure)| failure.exit()).max().unwrap_or(Exit::Done)
    }

    /// The list at the end, for people.
    pub fn lines(&self) -> Vec<String> {
        self.0.iter().map(|(gun, failure)| format!("failed     {gun}  {failure}")).collect()
    }

    /// The same for programs.
    pub fn json(&self) -> serde_json::Value {
        self.0.iter().map(|(gun, failure)| json!({ "gun": gun, "failure": failure.json() })).collect()
    }
}
