//! Codes in a ceremony that is led in a real terminal: a scanner that types into it, and the codes on its screen.

mod qr_support;
mod tui;

use std::{fs, io::Write, path::Path};

use officiant::{
    qr::picture::text_in,
    readback::words,
    transfer::{
        compressed,
        parcel::Parcel,
        ur::{Receiver, Stream},
    },
};
use portable_pty::{PtyPair, PtySize, native_pty_system};
use qr_support::{
    forged, hostile_frame, photograph,
    rotation::{answers, parcel_of, script},
};
use tui::{driver::Terminal, people::People};

#[test]
fn a_scanner_that_types_brings_files_in_and_answers_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = script(folder.path(), "keyboard", true);
    let mut people = People::of(&path, &answers());
    // The real root is read from the codes of a scanner; beside the script lies another.
    let parcel = parcel_of(&folder.path().join("previous/1.root.json"));
    fs::write(folder.path().join("previous/1.root.json"), "{}").expect("a file");
    let text = path.to_str().expect("UTF-8");
    let mut terminal = Terminal::start(folder.path(), &["run", text, "--record", "a", "--second", "b"], 100, 40);
    people.go_on_until(&mut terminal, "Type READ");
    terminal.enter("READ");
    let screen = terminal.wait_for("To leave, type these words and Enter:");
    let leave = screen.lines().find_map(|line| line.split_once("and Enter: ")).expect("two words").1.trim().to_owned();

    // Whatever a code says is typed: nothing of it leaves, answers or confirms.
    for hostile in ["q", "\x03", "\x04", "\x1b", "\x1a", "\x1b[15~", "COMPARE\r", "FILES\r", "READ\r", "LEAVE\r", "y\r"]
    {
        terminal.press(hostile);
    }
    terminal.press("\r");
    terminal.enter(&hostile_frame());
    terminal.wait_for("a frame that no program of ours makes");
    let stream = Stream::new(compressed::compress(&parcel.to_bytes()).expect("it is small"), 335).expect("it fits");
    for number in 1..=stream.count() {
        terminal.enter(&stream.frame(number));
    }
    terminal.wait_for("Everything is there. Unplug the scanner now.");
    // It is not unplugged in time.
    terminal.press("COMPARE\rFILES\r");
    terminal.wait_for("a code of something else");
    terminal.enter(&leave);
    let screen = terminal.wait_for("1 files came in. Nothing of them counts yet.");
    assert!(screen.contains("1.root.json") && screen.contains("Type COMPARE"), "{screen}");

    // A word from nowhere is refused, and nothing counts; those of the other screen are taken.
    let of = |event: &str| {
        let transcript = fs::read_to_string(folder.path().join("a/transcript.jsonl")).expect("a transcript");
        transcript.lines().filter(|line| line.contains(&format!("\"event\":{{\"{event}\""))).count()
    };
    terminal.enter("COMPARE");
    for number in 1..=8 {
        terminal.wait_for(&format!("({number} of 8 hidden words)"));
        terminal.enter("aardvark");
    }
    terminal.wait_for("PARCEL-READBACK");
    assert_eq!((of("parcel-read"), of("parcel-compared"), of("previous-root")), (1, 0, 0));
    terminal.wait_for("Type COMPARE");
    terminal.enter("COMPARE");
    let other_screen = words(parcel.digest().as_bytes());
    for number in 1..=8 {
        let screen = terminal.wait_for(&format!("({number} of 8 hidden words)"));
        assert!(screen.contains("Compare with the other screen"), "{screen}");
        let (_, rest) = screen.split_once("Word ").expect("a number");
        let wanted: usize = rest.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
        terminal.enter(&other_screen[wanted - 1]);
    }
    // The root that was read is the pinned one; the file beside the script is not looked at.
    terminal.wait_for("confirm with your own word");
    assert_eq!((of("parcel-compared"), of("previous-root")), (1, 1));
}

/// A scanner at a serial port that stays at one name, whichever the system gives it.
struct Scanner {
    pair: PtyPair,
    sends: Box<dyn Write + Send>,
}

impl Scanner {
    fn plugged_in(at: &Path) -> Self {
        let pair = native_pty_system().openpty(PtySize::default()).expect("a pseudo-terminal");
        let _ = fs::remove_file(at);
        std::os::unix::fs::symlink(pair.master.tty_name().expect("it has a name"), at).expect("a link");
        let sends = pair.master.take_writer().expect("its other end");
        Self { pair, sends }
    }

    fn send(&mut self, text: &str) {
        self.sends.write_all(text.as_bytes()).and_then(|()| self.sends.flush()).expect("it sends");
    }

    fn unplugged(self) {
        let Self { pair, sends } = self;
        // Its end takes the line discipline's last words along, which nobody reads any more.
        drop((sends, pair));
    }
}

#[test]
fn a_scanner_on_a_serial_port_brings_files_in_answers_nothing_and_may_be_pulled_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = folder.path().join("ttyACM0");
    let path = script(folder.path(), &format!("serial:{}", port.display()), true);
    let mut people = People::of(&path, &answers());
    let parcel = parcel_of(&folder.path().join("previous/1.root.json"));
    fs::remove_file(folder.path().join("previous/1.root.json")).expect("nothing lies beside the script");
    let text = path.to_str().expect("UTF-8");
    let mut terminal = Terminal::start(folder.path(), &["run", text, "--record", "a", "--second", "b"], 100, 40);
    let stream = Stream::new(compressed::compress(&parcel.to_bytes()).expect("it is small"), 335).expect("it fits");
    assert!(stream.count() > 3);

    // Not there; then there, and pulled out in the middle.
    people.go_on_until(&mut terminal, "Type READ");
    terminal.enter("READ");
    terminal.wait_for("open the scanner at");
    terminal.enter("AGAIN");
    terminal.wait_for("Type READ");
    let mut scanner = Scanner::plugged_in(&port);
    terminal.enter("READ");
    terminal.wait_for("q leaves.");
    scanner.send(&format!("{}\r\n", stream.frame(1)));
    terminal.wait_for(&format!("1 of {} known", stream.count()));
    scanner.unplugged();
    terminal.wait_for("read from the scanner");
    terminal.enter("AGAIN");
    terminal.wait_for("Type READ");

    // Whatever it sends is a text: no key, and no signal of its terminal, which a code could otherwise choose.
    let mut scanner = Scanner::plugged_in(&port);
    terminal.enter("READ");
    terminal.wait_for("q leaves.");
    scanner.send("q\x03\x04\x1b\x1a\x1c\x13\x11READ\rCOMPARE\rFILES\rq\r");
    terminal.wait_for("a code of something else");
    scanner.send(&format!("{}\r", hostile_frame()));
    terminal.wait_for("a frame that no program of ours makes");
    // A code as long as there is one: more letters than a line of a cooked terminal holds.
    let long = Stream::new(vec![7; 4 * 2109], 4296).expect("it fits").frame(1);
    assert!(long.len() > 4095);
    scanner.send(&format!("{long}\r"));
    let screen = terminal.wait_for(" known");
    assert!(screen.contains("1 of "), "it came whole: {screen}");
    terminal.press("q");
    terminal.wait_for("AGAIN");
    terminal.enter("AGAIN");
    terminal.wait_for("Type READ");
    terminal.enter("READ");
    terminal.wait_for("q leaves.");
    // Somebody shows parts of the same name that contradict ours: all are dropped, and it begins anew.
    scanner.send(&format!("{}\r{}\r", stream.frame(1), forged(&stream.frame(1))));
    terminal.wait_for("parts contradicted each other");
    for number in 1..=stream.count() {
        // One that ends no line, as some do.
        scanner.send(&stream.frame(number));
        if number < stream.count() {
            terminal.wait_for(&format!("{number} of {} known", stream.count()));
        }
    }
    terminal.wait_for("1 files came in. Nothing of them counts yet.");
    scanner.send("COMPARE\rFILES\r");
    people.knows("the files that came in", words(parcel.digest().as_bytes()));
    let screen = terminal.wait_for("Type COMPARE");
    assert!(screen.contains("1.root.json"), "{screen}");
    terminal.enter("COMPARE");
    people.go_on_until(&mut terminal, "confirm with your own word");
    let transcript = fs::read_to_string(folder.path().join("a/transcript.jsonl")).expect("a transcript");
    let of = |event: &str| transcript.lines().filter(|line| line.contains(&format!("{{\"{event}\""))).count();
    assert_eq!((of("parcel-read"), of("parcel-compared"), of("previous-root")), (1, 1, 1));
}

#[test]
fn a_camera_that_is_not_there_is_trouble_that_says_what_to_do_and_the_files_come_by_the_medium() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = script(folder.path(), "camera:/dev/null", true);
    let mut people = People::of(&path, &answers());
    let text = path.to_str().expect("UTF-8");
    // Weeks ahead it is said that this program cannot do it; the script holds, since another can.
    let check = std::process::Command::new(env!("CARGO_BIN_EXE_officiant")).args(["check", text]).output();
    let check = check.expect("officiant check runs");
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(check.status.success(), "{said}");
    let names = "reads codes from the camera at /dev/null, and this program was built without cameras";
    assert_eq!(said.contains(names), !cfg!(feature = "camera"), "{said}");
    let mut terminal = Terminal::start(folder.path(), &["run", text, "--record", "a", "--second", "b"], 100, 40);
    let screen = people.go_on_until(&mut terminal, "Type READ");
    assert!(screen.contains("The camera is at /dev/null."), "{screen}");
    terminal.enter("READ");
    let screen = terminal.wait_for("open the camera at");
    let says = if cfg!(feature = "camera") { "it is no video device" } else { "built without cameras" };
    assert!(screen.split_whitespace().collect::<Vec<_>>().join(" ").contains(says), "{screen}");
    terminal.enter("AGAIN");
    terminal.wait_for("Type READ");
    terminal.enter("FILES");
    people.go_on_until(&mut terminal, "confirm with your own word");
    let transcript = fs::read_to_string(folder.path().join("a/transcript.jsonl")).expect("a transcript");
    assert!(transcript.contains("camera:/dev/null") && transcript.contains("{\"previous-root\""), "{transcript}");
}

#[test]
fn a_rehearsed_rotation_reads_its_own_pictures_and_shows_its_root() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = script(folder.path(), "serial:/dev/ttyACM0", false);
    let mut people = People::of(&path, &answers());
    let text = path.to_str().expect("UTF-8");
    let mut terminal = Terminal::start(folder.path(), &["rehearse", text, "--record", "record"], 120, 40);
    people.go_on_until(&mut terminal, "Nothing of them counts yet.");
    let twin = parcel_of(&folder.path().join("record/rehearsal/inputs/previous/1.root.json"));
    people.knows("the files that came in", words(twin.digest().as_bytes()));
    people.go_on_until(&mut terminal, "Type SHOW");
    terminal.enter("SHOW");
    terminal.wait_for("What will be shown as QR codes");
    terminal.press("\r");
    terminal.wait_for("of the digest:");
    let mut receiver = Receiver::new();
    while receiver.message().is_none() {
        if let Some(text) = terminal.cells(photograph).and_then(|picture| text_in(&picture)) {
            receiver.take(&text);
        }
    }
    let message = receiver.message().expect("it is whole");
    let received = Parcel::from_bytes(&compressed::inflate(message).expect("it inflates")).expect("a parcel");
    let exported = fs::read(folder.path().join("record/metadata/2.root.json")).expect("the new root");
    assert_eq!(received.file("2.root.json").map(|file| &file.bytes), Some(&exported));
    terminal.press("q");
    people.knows("the files that were shown", words(received.digest().as_bytes()));
    let last = people.go_on_until(&mut terminal, "Type END");
    assert!(last.contains("The ceremony is closed."), "{last}");
    terminal.enter("END");
    assert_eq!(terminal.ended(), 0);
    let mut verify = std::process::Command::new(env!("CARGO_BIN_EXE_officiant"));
    let said = verify.arg("verify").arg(folder.path().join("record")).output().expect("officiant verify runs");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[test]
fn an_answers_file_goes_through_both_steps() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = script(folder.path(), "pictures:photographs", false);
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_officiant"));
    program.arg("rehearse").arg(&path).arg("--answers").arg(answers()).args(["--record", "record"]);
    let said = program.current_dir(folder.path()).env_remove("SOFTHSM2_CONF").output().expect("it starts");
    let text = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success(), "{text}");
    assert!(
        text.contains("read QR codes from the pictures in photographs") && text.contains("show QR codes"),
        "{text}"
    );
}
