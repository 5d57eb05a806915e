//! A keyboard without a terminal UI: lines from standard input, secrets from the terminal itself without echo.

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal as _, Write as _},
    os::fd::{AsFd as _, BorrowedFd},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr},
};

use super::{Io, STOP};
use crate::{
    fault::Fault,
    secret::{Entry, Secret},
};

/// The longest line that is read, in bytes.
const LINE_MAX: usize = 64 << 10;

/// What Ctrl-C types where it sends no signal.
const INTERRUPT: u8 = 3;

/// Standard input and standard error; `/dev/tty` for secrets.
#[derive(Debug)]
pub struct Keyboard {
    people: bool,
}

impl Keyboard {
    /// This process's own.
    pub fn new() -> Self {
        Self { people: io::stdin().is_terminal() }
    }
}

impl Default for Keyboard {
    fn default() -> Self {
        Self::new()
    }
}

impl Io for Keyboard {
    fn say(&mut self, line: &str) {
        // Nothing can be done where nobody can be told.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    fn line(&mut self, prompt: &str) -> Result<Option<String>, Fault> {
        let mut out = io::stderr().lock();
        let _ = write!(out, "{prompt}").and_then(|()| out.flush());
        let mut line = vec![];
        let stdin = io::stdin();
        // Byte by byte, so that nothing of a secret that follows on the same input is held in a buffer.
        let ended = loop {
            let mut byte = [0];
            match rustix::io::read(stdin.as_fd(), &mut byte) {
                Ok(0) => break true,
                Ok(_) if byte[0] == b'\n' => break false,
                Ok(_) if line.len() == LINE_MAX => {
                    return Err(Fault::machine("read a line", format!("it is longer than {LINE_MAX} bytes")));
                }
                Ok(_) => line.push(byte[0]),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Fault::machine("read a line", error)),
            }
        };
        if !self.people {
            let _ = writeln!(out);
        }
        if ended && line.is_empty() {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }

    fn secret(&mut self, prompt: &str) -> Result<Option<Secret>, Fault> {
        if !self.people {
            let _ = writeln!(io::stderr().lock(), "{prompt}");
            return read_secret(io::stdin().as_fd());
        }
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
        let mut terminal = terminal.map_err(|error| Fault::machine("open the terminal /dev/tty", error))?;
        let quiet = Quiet::new(&terminal)?;
        let _ = write!(terminal, "{prompt}").and_then(|()| terminal.flush());
        let secret = read_secret(terminal.as_fd());
        drop(quiet);
        let _ = writeln!(terminal);
        Ok(secret?.filter(|secret| !secret.expose().contains(&INTERRUPT)))
    }

    fn stops(&mut self) -> Result<bool, Fault> {
        // What another program has written already answers questions that come later.
        if !self.people || !is_typed()? {
            return Ok(false);
        }
        Ok(match self.line("")? {
            Some(line) => line.trim().eq_ignore_ascii_case(STOP),
            // Nobody types any more, so nobody is there to touch.
            None => true,
        })
    }

    fn is_people(&self) -> bool {
        self.people
    }
}

/// Whether a whole line waits to be read.
fn is_typed() -> Result<bool, Fault> {
    let stdin = io::stdin();
    let mut waiting = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
    match rustix::event::poll(&mut waiting, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(Fault::machine("wait for a line", error)),
    }
}

/// Reads up to the end of the line straight into locked memory.
fn read_secret(from: BorrowedFd<'_>) -> Result<Option<Secret>, Fault> {
    let mut entry = Entry::new()?;
    let mut read = 0usize;
    loop {
        // One byte at a time: what follows the line belongs to somebody else.
        let got = entry.fill(|room| match room.get_mut(..1) {
            Some(place) => Ok(rustix::io::read(from, place)?),
            None => Err(io::Error::other("it is longer than a secret may be")),
        });
        match got {
            Ok(0) if read == 0 => return Ok(None),
            Ok(0) => return Ok(Some(entry.finish())),
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Fault::machine("read a secret", error)),
        }
        if entry.end_at_newline() {
            return Ok(Some(entry.finish()));
        }
    }
}

/// A terminal without echo, until it is dropped.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    fn new(terminal: &File) -> Result<Self, Fault> {
        let failed = |error: io::Error| Fault::machine("switch the terminal's echo off", error);
        let terminal = terminal.try_clone().map_err(failed)?;
        let before = tcgetattr(&terminal).map_err(|error| failed(error.into()))?;
        let mut quiet = before.clone();
        // Without signals: an interrupt would leave the terminal without echo. Ctrl-C and Enter is as good as nobody there.
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG);
        // What was typed before the question is not an answer to it.
        tcsetattr(&terminal, OptionalActions::Flush, &quiet).map_err(|error| failed(error.into()))?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // The terminal may be gone; there is nobody left to tell.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
