//! What a process used, as the kernel counted it.

use std::{
    io::Read as _,
    mem::MaybeUninit,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

/// One process from its start to its end.
pub struct Spent {
    pub wall: Duration,
    /// On all cores together, user and system, with its own children.
    pub cpu: Duration,
    /// The most memory that it held at once, in KiB. Not below what this program held when it started the process: the kernel
    /// counts the moment before the new program is loaded.
    pub peak_kib: u64,
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
}

impl Spent {
    /// Runs `command` to its end, which must be a good one.
    pub fn by(command: &mut Command) -> Self {
        let spent = Self::anyhow(command);
        assert!(spent.code == Some(0), "{command:?}: exit code {:?}", spent.code);
        spent
    }

    fn anyhow(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let begun = Instant::now();
        #[expect(clippy::zombie_processes, reason = "wait4 below waits for it and tells what it used")]
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut stdout = vec![];
        child.stdout.take().expect("piped").read_to_end(&mut stdout).expect("its output");
        let (mut status, mut usage) = (0, MaybeUninit::<libc::rusage>::zeroed());
        let process = libc::pid_t::try_from(child.id()).expect("a process number");
        // SAFETY: both pointers outlive the call; the child is ours and nobody else waits for it.
        let waited = unsafe { libc::wait4(process, &mut status, 0, usage.as_mut_ptr()) };
        let wall = begun.elapsed();
        assert_eq!(waited, process, "wait4");
        // SAFETY: all zeroes are a value, and wait4 has filled it.
        let usage = unsafe { usage.assume_init() };
        Self {
            wall,
            cpu: time(usage.ru_utime) + time(usage.ru_stime),
            peak_kib: u64::try_from(usage.ru_maxrss).unwrap_or(0),
            code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
            stdout,
        }
    }
}

/// What this process, or this thread, has used so far, in seconds.
pub fn used(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn time(value: libc::timeval) -> Duration {
    let (seconds, micros) = (u64::try_from(value.tv_sec), u64::try_from(value.tv_usec));
    Duration::from_secs(seconds.unwrap_or(0)) + Duration::from_micros(micros.unwrap_or(0))
}
