//! The line UI in a real terminal: a secret is not echoed, and Ctrl-C leaves the terminal as it was.

use std::{
    io::{Read as _, Write as _},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

/// Reads until `wanted` was shown.
fn until(screen: &Receiver<String>, log: &mut String, wanted: &str) {
    let from = log.len();
    while !log[from..].contains(wanted) {
        match screen.recv_timeout(Duration::from_secs(60)) {
            Ok(text) => log.push_str(&text),
            Err(_) => panic!("no “{wanted}” in\n{log}"),
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
    let mut log = String::new();
    until(&screen, &mut log, "> ");
    writeln!(keyboard, "PRESENT").unwrap();
    until(&screen, &mut log, "PRESENT");
    until(&screen, &mut log, "your word (not shown): ");
    writeln!(keyboard, "harbour").unwrap();
    until(&screen, &mut log, "the same word once more: ");
    writeln!(keyboard, "harbor").unwrap();
    until(&screen, &mut log, "The two differ");
    until(&screen, &mut log, "your word (not shown): ");
    // Ctrl-C and Enter: nobody is there any more.
    keyboard.write_all(b"\x03\n").unwrap();
    until(&screen, &mut log, "The ceremony stops here");
    let ended = child.wait().unwrap();
    assert_eq!(ended.exit_code(), 4, "{log}");
    assert!(!log.contains("harbo"), "the word was echoed:\n{log}");
}
