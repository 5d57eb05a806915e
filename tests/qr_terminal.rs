//! Codes on the screen of the real program, in a real pseudo-terminal: read off it by this project's reader and by an independent one;
//! and what a scanner types into it.

mod qr_support;
mod tui;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use officiant::{
    qr::picture::text_in,
    transfer::{
        compressed,
        parcel::{File, Parcel},
        ur::{Heard, Receiver, Stream},
    },
};
use qr_support::{metadata, photograph, tool, zbar};
use tui::driver::Terminal;

/// A folder with one file of metadata, and the parcel that it makes.
fn place(size: usize) -> (tempfile::TempDir, Parcel) {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = metadata(size);
    fs::write(folder.path().join("2.root.json"), &bytes).expect("a file");
    (folder, Parcel::new(vec![File { name: "2.root.json".into(), bytes }]).expect("a parcel"))
}

fn codes(folder: &Path, arguments: &[&str], columns: u16, rows: u16) -> Terminal {
    let mut terminal = Terminal::start(folder, &[&["qr", "show", "2.root.json"], arguments].concat(), columns, rows);
    terminal.wait_for("Enter shows the codes.");
    terminal.press("\r");
    terminal.wait_for("of the digest:");
    terminal
}

/// Photographs the screen until everything was read. Returns how many pictures had no code.
fn read_off(terminal: &Terminal, parcel: &Parcel, read: impl Fn(&image::GrayImage) -> Option<String>) -> usize {
    let mut receiver = Receiver::new();
    let mut unread = 0;
    let deadline = Instant::now() + Duration::from_secs(120);
    while receiver.message().is_none() {
        assert!(Instant::now() < deadline, "{:?}\n{}", receiver.progress(), terminal.screen());
        let Some(picture) = terminal.cells(photograph) else { continue };
        match read(&picture) {
            Some(text) => drop(receiver.take(&text)),
            None => unread += 1,
        }
    }
    let message = receiver.message().expect("it is whole");
    assert_eq!(&Parcel::from_bytes(&compressed::inflate(message).expect("it inflates")).expect("a parcel"), parcel);
    unread
}

#[test]
fn codes_are_read_off_screens_of_every_usual_size() {
    for (size, columns, rows, arguments) in [
        (2_000, 80, 24, &["--speed", "15"][..]),
        (8_000, 120, 40, &["--speed", "10"]),
        (60_000, 240, 67, &["--speed", "15"]),
        (60_000, 240, 67, &["--speed", "8", "--size", "27"]),
        (300, 120, 40, &["--speed", "15", "--draw", "spaces"]),
        (8_000, 240, 67, &["--speed", "15", "--draw", "spaces"]),
    ] {
        let (folder, parcel) = place(size);
        let mut terminal = codes(folder.path(), arguments, columns, rows);
        let unread = read_off(&terminal, &parcel, text_in);
        assert_eq!(unread, 0, "every whole frame was read at {columns}x{rows}");
        terminal.press("q");
        assert_eq!(terminal.ended(), 0);
        let words = officiant::readback::words(parcel.digest().as_bytes());
        terminal.wait_until("the words", |screen| !terminal.is_taken() && screen.contains(&words[31]));
    }
}

#[test]
fn an_independent_reader_reads_pictures_of_the_screen() {
    if !tool("zbarimg") {
        return;
    }
    for (size, columns, rows, arguments) in [
        (2_000, 80, 24, &["--speed", "5"][..]),
        (8_000, 120, 40, &["--speed", "5"]),
        (8_000, 240, 67, &["--speed", "5"]),
        (2_000, 240, 67, &["--speed", "5", "--draw", "spaces"]),
    ] {
        let (folder, parcel) = place(size);
        let terminal = codes(folder.path(), arguments, columns, rows);
        read_off(&terminal, &parcel, |picture| zbar(picture, folder.path()));
    }
}

#[test]
fn a_code_that_does_not_fit_is_not_drawn_and_says_what_it_needs() {
    let (folder, _) = place(2_000);
    let mut terminal = codes(folder.path(), &["--size", "13"], 120, 40);
    terminal.resize(80, 24);
    let screen = terminal.wait_for("This code needs 105x37, this terminal is 80x24.");
    assert!(!screen.contains('█') && !screen.contains('▀'), "{screen}");
    terminal.resize(120, 40);
    terminal.wait_for("of the digest:");
}

#[test]
fn pausing_and_stepping_hold_a_frame_for_a_scanner_in_the_hand() {
    let (folder, parcel) = place(8_000);
    let mut terminal = codes(folder.path(), &[], 120, 40);
    terminal.press("r");
    terminal.wait_for("paused");
    let mut receiver = Receiver::new();
    for number in 1.. {
        terminal.wait_for(&format!("Frame {number} of"));
        let picture = terminal.wait_for("paused").len();
        assert!(picture > 0);
        let text = loop {
            if let Some(text) = terminal.cells(photograph).and_then(|picture| text_in(&picture)) {
                break text;
            }
        };
        if receiver.take(&text) == Heard::Whole {
            break;
        }
        terminal.press("n");
    }
    let message = compressed::compress(&parcel.to_bytes()).expect("a message");
    assert_eq!(receiver.message(), Some(message.as_slice()));
}

fn frames(parcel: &Parcel) -> Vec<String> {
    let message = compressed::compress(&parcel.to_bytes()).expect("a message");
    let stream = Stream::new(message, 619).expect("it fits");
    (1..=stream.count()).map(|number| stream.frame(number)).collect()
}

#[test]
fn a_scanner_that_types_brings_files_in_and_can_do_nothing_else() {
    let (folder, parcel) = place(8_000);
    let mut terminal = Terminal::start(folder.path(), &["qr", "read", "--keyboard", "-o", "in"], 120, 40);
    let screen = terminal.wait_for("To leave, type these words");
    let words = screen.lines().find_map(|line| line.split_once("and Enter: ")).expect("the words").1.trim().to_owned();
    // What a hostile code may type: the keys that end programs, answers, escape sequences, a line for a shell.
    for hostile in
        ["q", "\x03", "\x04\r", "\x1a", "\x1c", "\x1b", "y\r", "YES\r", "\x1bOP", "\x1b[21~", "touch /tmp/x\r"]
    {
        terminal.press(hostile);
    }
    terminal.enter("");
    terminal.enter("https://example.org");
    terminal.wait_for("a code of something else");
    for frame in frames(&parcel) {
        terminal.enter(&frame);
    }
    terminal.wait_for("Everything is there. Unplug the scanner now.");
    terminal.enter("touch hostile; exit");
    terminal.wait_for("a code of something else");
    assert!(terminal.is_taken() && !folder.path().join("in").exists());
    terminal.enter(&words);
    assert_eq!(terminal.ended(), 0);
    assert_eq!(fs::read(folder.path().join("in/2.root.json")).expect("the file"), metadata(8_000));
    assert!(!folder.path().join("hostile").exists());
}

#[test]
fn a_scanner_on_a_serial_port_brings_files_in() {
    use std::{io::Write as _, process::Stdio};

    let (folder, parcel) = place(8_000);
    let size = portable_pty::PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let pair = portable_pty::native_pty_system().openpty(size).expect("a pseudo-terminal");
    let port = pair.master.tty_name().expect("it has a name");
    let mut scanner = pair.master.take_writer().expect("its other side");

    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_officiant"));
    command.current_dir(folder.path()).args(["qr", "read", "-o", "in", "--serial"]).arg(&port);
    let mut program =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    // In raw mode nothing comes back; a port that is not set yet would echo.
    std::thread::sleep(Duration::from_millis(500));
    for (number, frame) in frames(&parcel).iter().enumerate() {
        // Some scanners send no end of line; then only the silence tells.
        let end = if number % 3 == 0 { "" } else { "\r\n" };
        write!(scanner, "{frame}{end}").and_then(|()| scanner.flush()).expect("it is sent");
        if end.is_empty() {
            std::thread::sleep(Duration::from_millis(400));
        }
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    while program.try_wait().expect("it can be waited for").is_none() {
        assert!(Instant::now() < deadline, "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = program.wait_with_output().expect("it ended");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(String::from_utf8_lossy(&ended.stdout), parcel.manifest());
    assert_eq!(fs::read(folder.path().join("in/2.root.json")).expect("the file"), metadata(8_000));
}
