//! A program in a pseudo-terminal of its own.

use std::{
    fs::File,
    io,
    os::{fd::FromRawFd as _, unix::process::CommandExt as _},
    process::{Child, Command},
    ptr,
};

/// Starts `command` in a new terminal of this size. What it writes is read from the file.
pub fn start(mut command: Command, columns: u16, rows: u16) -> (Child, File) {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let (mut ours, mut theirs) = (-1, -1);
    // SAFETY: the pointers are to memory that outlives the call, or null where nothing is wanted.
    let made = unsafe { libc::openpty(&mut ours, &mut theirs, ptr::null_mut(), ptr::null_mut(), &size) };
    assert_eq!(made, 0, "a pseudo-terminal: {}", io::Error::last_os_error());
    // SAFETY: openpty has just opened both, and nobody else knows them.
    let (ours, theirs) = unsafe { (File::from_raw_fd(ours), File::from_raw_fd(theirs)) };

    // Copies are closed when a program is loaded; what openpty gives is not.
    let copy = |file: &File| file.try_clone().expect("another descriptor of the terminal");
    let (ours, theirs) = (copy(&ours), copy(&theirs));
    command.stdin(copy(&theirs)).stdout(copy(&theirs)).stderr(theirs);
    let take_terminal = || {
        // SAFETY: both calls are async-signal-safe and use no memory of ours.
        match unsafe { libc::setsid() != -1 && libc::ioctl(0, libc::TIOCSCTTY, 0) != -1 } {
            true => Ok(()),
            false => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: `take_terminal` does nothing that is not allowed between fork and exec.
    unsafe { command.pre_exec(take_terminal) };
    let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    (child, ours)
}
