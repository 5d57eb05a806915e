//! The line UI in a real terminal: a secret is not echoed, and Ctrl-C leaves the terminal as it was.

use std::{
    io::{Read as _, Write as _},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

/// Everything that was shown, and how far the test has looked at it.
struct Log {
    screen: Receiver<String>,
    text: String,
    seen: usize,
}

impl Log {
    /// Reads until `wanted` was shown after what was waited for before.
    fn until(&mut self, wanted: &str) {
        loop {
            if let Some(at) = self.text[self.seen..].find(wanted) {
                self.seen += at + wanted.len();
                return;
            }
            match self.screen.recv_timeout(Duration::from_secs(60)) {
                Ok(text) => self.text.push_str(&text),
                Err(_) => panic!("no “{wanted}” in\n{}", self.text),
            }
        }
    }
}

#[test]
fn a_personal_word_is_not_echoed_and_what_is_no_secret_is() {
    let place = tempfile::tempdir().unwrap();
    let pty = native_pty_system().openpty(PtySize { rows: 24, cols: 80, ..PtySize::default() }).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_officiant"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/ceremony-scripts/genesis-solo.toml");
    command.args(["rehearse", script, "--line", "--record", "record"]);
    command.cwd(place.path());
    command.env_remove("SOFTHSM2_CONF");
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let mut reader = pty.master.try_clone_reader().unwrap();
    let mut keyboard = pty.master.take_writer().unwrap();
    let (say, screen) = channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            if say.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).is_err() {
                break;
            }
        }
    });
    let mut log = Log { screen, text: String::new(), seen: 0 };
    log.until("> ");
    writeln!(keyboard, "PRESENT").unwrap();
    log.until("PRESENT");
    log.until("your word (not shown): ");
    writeln!(keyboard, "harbour").unwrap();
    log.until("the same word once more: ");
    writeln!(keyboard, "harbor").unwrap();
    log.until("The two differ");
    log.until("your word (not shown): ");
    // Ctrl-C and Enter: nobody is there any more.
    keyboard.write_all(b"\x03\n").unwrap();
    log.until("The ceremony stops here");
    let ended = child.wait().unwrap();
    assert_eq!(ended.exit_code(), 4, "{}", log.text);
    assert!(!log.text.contains("harbo"), "the word was echoed:\n{}", log.text);
}
