//! How the programs of this house end, and how they speak: one table of exit codes, results to standard output, everything else to
//! standard error.

pub mod manual;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use serde_json::json;

use crate::{
    fault::{Error, Fault},
    rules::Refusal,
};

/// Every exit code. A panic is 101, which Rust sees to. Of two that fit, the later is the worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// A rule said no; nothing happened. Of the courier: for one repository at least, a rule or the server said no, or something
    /// that it watches ends soon.
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

    /// What is said, a line each, by the program of this name.
    pub fn lines(&self, program: &str) -> Vec<String> {
        match self {
            Self::Usage(what) => vec![format!("{program}: {what}")],
            Self::Error(Error::Refused(refusal)) => {
                vec![format!("{program}: {}: {}", refusal.rule, refusal.what), format!("  {}", refusal.remedy)]
            }
            Self::Error(Error::Fault(fault)) => vec![format!("{program}: {fault}")],
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

/// The end of the program of this name: its code, and what is said where it stopped.
pub fn end(program: &str, json: bool, done: Result<Exit, Stop>) -> ExitCode {
    let exit = done.unwrap_or_else(|stop| {
        stop.lines(program).iter().for_each(|line| say(line));
        if json {
            // The code says the same where nobody reads this.
            let _ = product(&format!("{:#}\n", stop.json()));
        }
        stop.exit()
    });
    exit.into()
}

/// Writes a result to standard output. A reader that goes away early is no fault.
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

/// The other screen of a terminal, which has no scrollback.
#[cfg(feature = "terminal")]
pub(crate) const OTHER_SCREEN: &str = "\x1b[?1049h";
/// Back to the first.
#[cfg(feature = "terminal")]
pub(crate) const FIRST_SCREEN: &str = "\x1b[?1049l";
/// Home, and everything gone.
#[cfg(feature = "terminal")]
pub(crate) const CLEARED: &str = "\x1b[H\x1b[2J";

/// Shows a line that is copied by hand, alone on a terminal. The bytes go straight to it: it must keep no buffer.
#[cfg(feature = "terminal")]
pub(crate) fn covered(terminal: &mut std::fs::File, says: &str, text: &[u8]) -> io::Result<()> {
    write!(terminal, "{CLEARED}\r\n  {says}\r\n\r\n\r\n        ")?;
    terminal.write_all(text)?;
    terminal.write_all(b"\r\n\r\n")
}
