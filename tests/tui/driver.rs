//! The program in a real pseudo-terminal, as a person sees it: keys in, a screen out.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    io::{Read as _, Write},
    num::NonZeroU16,
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use vt100::Parser;

/// How long a screen is waited for. Generous: the machine may be busy, and a wait ends as soon as the screen is there.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal with a program in it.
pub struct Terminal {
    parser: Arc<Mutex<Parser>>,
    /// Every byte that the program wrote.
    written: Arc<Mutex<Vec<u8>>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts `officiant` with `arguments` in `folder`, in a terminal of this size.
    pub fn start(folder: &Path, arguments: &[&str], columns: u16, rows: u16) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_officiant"));
        command.args(arguments);
        command.cwd(folder);
        command.env("TERM", "xterm-256color");
        command.env_remove("SOFTHSM2_CONF");
        Self::with(command, columns, rows)
    }

    /// Starts any program in a terminal of this size.
    pub fn with(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);

        let parser = Arc::new(Mutex::new(Parser::new(some(rows), some(columns), 0)));
        let written = Arc::new(Mutex::new(vec![]));
        let mut output = pair.master.try_clone_reader().expect("the terminal's output");
        let (screen, log) = (Arc::clone(&parser), Arc::clone(&written));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = output.read(&mut buffer) {
                if count == 0 {
                    return;
                }
                let mut log = log.lock().expect("nobody panics with it");
                log.extend_from_slice(&buffer[..count]);
                screen.lock().expect("nobody panics with it").process(&buffer[..count]);
            }
        });
        let keys = pair.master.take_writer().expect("the terminal's input");
        Self { parser, written, keys, child, master: pair.master }
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        self.parser.lock().expect("nobody panics with it").screen().contents()
    }

    /// What is on the screen, and whether it is a whole frame: the program marks where each begins and ends.
    fn frame(&self) -> (bool, String) {
        // Locked in the order in which they are written.
        let written = self.written.lock().expect("nobody panics with it");
        let last = |mark: &[u8]| written.windows(mark.len()).rposition(|bytes| bytes == mark);
        (last(b"\x1b[?2026l") >= last(b"\x1b[?2026h"), self.screen())
    }

    /// What `look` makes of the cells of the screen; `None` while a frame is being drawn.
    pub fn cells<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> Option<T> {
        let written = self.written.lock().expect("nobody panics with it");
        let last = |mark: &[u8]| written.windows(mark.len()).rposition(|bytes| bytes == mark);
        let whole = last(b"\x1b[?2026l") >= last(b"\x1b[?2026h");
        whole.then(|| look(self.parser.lock().expect("nobody panics with it").screen()))
    }

    /// Whether the program uses the alternate screen now.
    pub fn is_taken(&self) -> bool {
        self.parser.lock().expect("nobody panics with it").screen().alternate_screen()
    }

    /// Everything that was ever written to the terminal.
    pub fn everything(&self) -> Vec<u8> {
        self.written.lock().expect("nobody panics with it").clone()
    }

    /// Waits until the screen is as `wanted` says, and returns it.
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (whole, screen) = self.frame();
            if whole && wanted(&screen) {
                return screen;
            }
            assert!(
                Instant::now() < deadline,
                "waited in vain for {what}; the program is {}; the screen is\n{screen}",
                self.state()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the screen shows `text`.
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_until(text, |screen| screen.contains(text))
    }

    /// Presses keys, as the terminal sends them.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("the terminal takes keys");
    }

    /// Types a line and Enter.
    pub fn enter(&mut self, line: &str) {
        self.press(&format!("{line}\r"));
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.parser.lock().expect("nobody panics with it").screen_mut().set_size(some(rows), some(columns));
        self.master
            .resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 })
            .expect("the terminal has another size");
    }

    /// The number of the program's process.
    pub fn process(&self) -> u32 {
        self.child.process_id().expect("the program runs")
    }

    /// What the kernel says that each thread of the program does, for a test that waited in vain.
    fn state(&self) -> String {
        let Some(process) = self.child.process_id() else { return "gone".into() };
        let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        let stats = threads.filter_map(|thread| {
            let read = |file: &str| std::fs::read_to_string(thread.path().join(file)).ok();
            let stat = read("stat")?.split(' ').take(3).collect::<Vec<_>>().join(" ");
            Some(format!("{stat} in {}", read("syscall").unwrap_or_default().trim()))
        });
        stats.collect::<Vec<_>>().join("; ")
    }

    /// Waits until the program ended, and returns its exit code.
    pub fn ended(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the program can be waited for") {
                return status.exit_code();
            }
            assert!(Instant::now() < deadline, "the program does not end; the screen is\n{}", self.screen());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn some(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).expect("a terminal has rows and columns")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
