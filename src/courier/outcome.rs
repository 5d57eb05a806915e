//! How the courier ends, and how it speaks: results to standard output, everything else to standard error.

use std::{
    fmt,
    io::{self, Write as _},
    process::ExitCode,
};

use serde_json::json;

use crate::{
    fault::{Error, Fault},
    rules::Refusal,
    transfer::Gun,
};

/// Every exit code. A panic is 101, which Rust sees to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, for every repository.
    Done = 0,
    /// A rule or the server said no, for one repository at least; or, for `watch`, something ends soon.
    Refused = 1,
    /// A file or a flag is wrong.
    Usage = 2,
    /// The world failed: a network, a server, a disk.
    Fault = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why the program stopped.
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
            Self::Usage(what) => vec![format!("officiant-courier: {what}")],
            Self::Error(Error::Refused(refusal)) => {
                vec![format!("officiant-courier: {}: {}", refusal.rule, refusal.what), format!("  {}", refusal.remedy)]
            }
            Self::Error(Error::Fault(fault)) => vec![format!("officiant-courier: {fault}")],
        }
    }

    /// The same for programs.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Usage(what) => json!({ "error": "usage", "what": what }),
            Self::Error(error) => Failure::from(error.clone()).json(),
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
            Self::Refused(refusal) => {
                json!({ "error": "refused", "rule": refusal.rule, "what": refusal.what, "remedy": refusal.remedy })
            }
            Self::Server { doing, said, remedy } => {
                json!({ "error": "server", "doing": doing, "said": said, "remedy": remedy })
            }
            Self::Fault(fault) => json!({ "error": "fault", "doing": fault.doing, "cause": fault.cause }),
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

/// Writes a result to standard output.
///
/// # Errors
/// A fault where it cannot be written, but for a pipe that nobody reads any more.
pub fn product(text: &str) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Fault::machine("write to standard output", error))
        }
        _ => Ok(()),
    }
}

/// Says something to people, on standard error. Nothing can be done where nobody can be told.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
