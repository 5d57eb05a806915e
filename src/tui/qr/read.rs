//! What a scanner or a camera reads, on a page of its own.
//!
//! A scanner that types like a keyboard is a keyboard: whoever makes a code decides which keys it presses. Here nothing it types is a
//! command. The bytes are read past the event queue, and become the texts of codes and nothing else: there is no key that leaves, not
//! even Ctrl-C. The page is left by two words that are drawn anew each time it opens, stand only on this screen, and so in no code that
//! was made before; and it stays when everything is there, so that what the scanner types next does not land in a shell.

use std::{
    fs::File,
    io,
    os::fd::{AsFd as _, BorrowedFd},
};

use ratatui::{Frame, text::Line};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    stdio::stdin,
    termios::{QueueSelector, tcflush},
};

use crate::{
    fault::{Error, Fault},
    qr::{
        camera::{Camera, Sight},
        scanner::{SILENCE_MS, Texts, layout_differs},
    },
    readback,
    transfer::ur::{Heard, NotAFrame, Progress, Receiver},
    tui::{
        paint,
        terminal::{self, Screen},
    },
};

/// Where codes come from.
pub enum Source {
    /// A scanner on a serial port. The keyboard is people's.
    Serial(File),
    /// A scanner that types.
    Keyboard,
    /// A camera. The keyboard is people's.
    Camera(Camera),
}

/// What a camera saw last.
#[derive(Clone, Debug, Default)]
struct Looking {
    /// The code, which stands in several pictures.
    last: Option<String>,
    /// Pictures in a row without one.
    without: u32,
    dark: bool,
}

/// So many pictures without a code, about a second of them, are worth a word.
const WITHOUT_CODE: u32 = 10;

/// What is on the page.
#[derive(Clone, Debug)]
pub struct Reading {
    receiver: Receiver,
    texts: Texts,
    /// The line of a keyboard that is no scanner's.
    typed: Texts,
    /// Two words that leave.
    leave: String,
    keyboard: bool,
    camera: Option<Looking>,
    remark: Option<String>,
}

/// How the page ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything is there.
    Whole,
    /// Somebody left.
    Left,
}

impl Reading {
    /// Before the first code; `leave` are the words that leave.
    pub fn new(keyboard: bool, leave: String) -> Self {
        let (receiver, texts, typed) = (Receiver::new(), Texts::default(), Texts::default());
        Self { receiver, texts, typed, leave, keyboard, camera: None, remark: None }
    }

    /// The same before a camera.
    pub fn of_camera() -> Self {
        Self { camera: Some(Looking::default()), ..Self::new(false, String::new()) }
    }

    /// What stood in a picture of the camera.
    pub fn saw(&mut self, sight: Sight) -> Option<End> {
        let camera = self.camera.get_or_insert_default();
        let Sight::Code(text) = sight else {
            camera.without += 1;
            camera.dark = sight == Sight::Dark;
            return None;
        };
        camera.without = 0;
        if camera.last.as_ref() == Some(&text) {
            return None;
        }
        camera.last = Some(text.clone());
        self.text(&text)
    }

    /// What came from the scanner.
    pub fn scanned(&mut self, bytes: &[u8]) -> Option<End> {
        bytes.iter().find_map(|byte| {
            let text = self.texts.byte(*byte)?;
            self.text(&text)
        })
    }

    /// Nothing came for a while. A code without an end of its line is whole; words that a person types slowly are not.
    pub fn silence(&mut self) -> Option<End> {
        if self.keyboard {
            return None;
        }
        let text = self.texts.silence()?;
        self.text(&text)
    }

    /// What people typed, where the scanner is not their keyboard.
    pub fn typed(&mut self, bytes: &[u8]) -> Option<End> {
        for byte in bytes {
            match byte {
                b'q' | 0x03 => return Some(End::Left),
                _ => drop(self.typed.byte(*byte)),
            }
        }
        None
    }

    fn text(&mut self, text: &str) -> Option<End> {
        if self.keyboard && is_same(text, &self.leave) {
            return Some(if self.receiver.message().is_some() { End::Whole } else { End::Left });
        }
        let heard = self.receiver.take(text);
        self.remark = if self.camera.is_some() {
            // It comes by each code again and again.
            remark(heard).filter(|_| heard != Heard::Known).map(str::to_owned)
        } else if layout_differs(text) {
            let remark = "The scanner types another keyboard layout than this machine has. Set it to this layout, or to a serial port.";
            Some(remark.to_owned())
        } else {
            remark(heard).map(str::to_owned)
        };
        (heard == Heard::Whole && !self.keyboard).then_some(End::Whole)
    }
}

fn is_same(text: &str, words: &str) -> bool {
    text.split_whitespace().map(str::to_lowercase).eq(words.split_whitespace().map(str::to_lowercase))
}

/// What people should know of a code, where it did not simply bring them on.
pub fn remark(heard: Heard) -> Option<&'static str> {
    match heard {
        Heard::News | Heard::Whole => None,
        Heard::Known => Some("this one was there already; show the next"),
        Heard::Foreign => {
            Some("a frame of another parcel, or of another size: it was ignored. Is the right thing being shown?")
        }
        Heard::Poisoned => {
            Some("parts contradicted each other: all were dropped. Begin again, with nothing else before the scanner")
        }
        Heard::Not(NotAFrame::Unrelated) => Some("a code of something else: it was ignored"),
        Heard::Not(NotAFrame::OtherType) => Some("a frame of another program: it was ignored"),
        Heard::Not(NotAFrame::Misread) => Some("letters were misread: it was ignored. Scan it once more"),
        Heard::Not(NotAFrame::Absurd) => Some("a frame that no program of ours makes: it was ignored"),
    }
}

/// Takes the terminal over and reads codes until the message is whole. `None` where somebody left.
///
/// # Errors
/// As [`run_on`].
pub fn run(source: Source) -> Result<Option<Vec<u8>>, Error> {
    run_on(&mut Screen::take()?, source)
}

/// The same on a screen that is taken already.
///
/// # Errors
/// A fault where terminal or scanner fails, or a signal tells the program to end.
pub fn run_on(screen: &mut Screen, mut source: Source) -> Result<Option<Vec<u8>>, Error> {
    let mut seed = [0; 2];
    getrandom::fill(&mut seed).map_err(|cause| Fault::machine("ask the system for random bytes", cause))?;
    let mut reading = match source {
        Source::Camera(_) => Reading::of_camera(),
        Source::Keyboard | Source::Serial(_) => {
            Reading::new(matches!(source, Source::Keyboard), readback::words(&seed).join(" "))
        }
    };
    let console = terminal::is_console();
    let mut end = None;
    while end.is_none() {
        screen.draw(|frame| {
            view(&reading, frame);
            if console {
                paint::simplify(frame.buffer_mut());
            }
        })?;
        if let Some(signal) = screen.told_to_end() {
            return Err(Fault::machine("read QR codes", format!("the program was told to end ({signal})")).into());
        }
        end = match &mut source {
            Source::Camera(camera) => watch(&mut reading, camera)?,
            Source::Serial(port) => listen(&mut reading, Some(port))?,
            Source::Keyboard => listen(&mut reading, None)?,
        };
    }
    // What was typed last is nobody's command.
    let _ = tcflush(stdin(), QueueSelector::IFlush);
    Ok(reading.receiver.message().map(<[u8]>::to_vec).filter(|_| end == Some(End::Whole)))
}

/// Keys first, and then the next picture.
fn watch(reading: &mut Reading, camera: &mut Camera) -> Result<Option<End>, Fault> {
    const WAIT_MS: u16 = 100;
    let keyboard = stdin();
    let mut fds = [PollFd::new(&keyboard, PollFlags::IN)];
    match poll(&mut fds, Some(&Timespec::default())) {
        Ok(0) | Err(Errno::INTR) => {}
        Ok(_) => {
            let end = reading.typed(&bytes_of(keyboard.as_fd(), "the terminal")?);
            if end.is_some() {
                return Ok(end);
            }
        }
        Err(cause) => return Err(Fault::machine("wait for the terminal", io::Error::from(cause))),
    }
    Ok(camera.look(WAIT_MS)?.and_then(|sight| reading.saw(sight)))
}

fn listen(reading: &mut Reading, scanner: Option<&mut File>) -> Result<Option<End>, Fault> {
    let keyboard = stdin();
    let mut fds = vec![PollFd::new(&keyboard, PollFlags::IN)];
    fds.extend(scanner.as_deref().map(|port| PollFd::new(port, PollFlags::IN)));
    let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(SILENCE_MS) * 1_000_000 };
    match poll(&mut fds, Some(&wait)) {
        Ok(0) => return Ok(reading.silence()),
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(None),
        Err(cause) => return Err(Fault::machine("wait for the scanner", io::Error::from(cause))),
    }
    let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
    if ready[0] {
        let bytes = bytes_of(keyboard.as_fd(), "the terminal")?;
        let end = if scanner.is_some() { reading.typed(&bytes) } else { reading.scanned(&bytes) };
        if end.is_some() {
            return Ok(end);
        }
    }
    match scanner {
        Some(port) if ready[1] => {
            let bytes = bytes_of(port.as_fd(), "the scanner")?;
            Ok(reading.scanned(&bytes))
        }
        _ => Ok(None),
    }
}

fn bytes_of(from: BorrowedFd<'_>, name: &str) -> Result<Vec<u8>, Fault> {
    let mut buffer = [0; 4096];
    match rustix::io::read(from, &mut buffer) {
        Ok(0) => Err(Fault::machine(format!("read from {name}"), "it is gone")),
        Ok(count) => Ok(buffer[..count].to_vec()),
        Err(Errno::AGAIN | Errno::INTR) => Ok(vec![]),
        Err(cause) => Err(Fault::machine(format!("read from {name}"), io::Error::from(cause))),
    }
}

/// Draws it.
fn view(reading: &Reading, frame: &mut Frame<'_>) {
    let area = frame.area();
    let width = usize::from(area.width.saturating_sub(4)).clamp(1, 100);
    for (line, y) in lines(reading, width).iter().zip(area.top() + 1..area.bottom()) {
        frame.buffer_mut().set_line(area.x + 2.min(area.width), y, line, area.width.saturating_sub(2));
    }
}

fn lines(reading: &Reading, width: usize) -> Vec<Line<'static>> {
    let Progress { count, rank, known, frames, foreign, unusable, restarts } = reading.receiver.progress();
    let mut lines = vec![paint::line("Scan the codes", paint::BOLD), paint::gap()];
    if reading.receiver.message().is_some() {
        lines.push(paint::line("Everything is there. Unplug the scanner now.", paint::GOOD));
    } else if count == 0 {
        lines.push(paint::line("Waiting for the first code.", paint::PLAIN));
    } else {
        lines.push(paint::line(format!("{rank} of {count} known"), paint::BOLD));
    }
    lines.push(paint::gap());
    // One place a fragment; where there are too many, one place for several, which is filled when all of them are there.
    let places = count.min(width * 6).max(1);
    let place = |index: usize| {
        known[index * count / places..((index + 1) * count / places).max(index * count / places + 1)]
            .iter()
            .all(|known| *known)
    };
    let map: String =
        (0..if count == 0 { 0 } else { places }).map(|index| if place(index) { '#' } else { '·' }).collect();
    for row in map.chars().collect::<Vec<_>>().chunks(width) {
        lines.push(paint::line(row.iter().collect::<String>(), paint::GOOD));
    }
    lines.push(paint::gap());
    let counted =
        format!("{frames} frames, {foreign} of another parcel, {unusable} other codes, {restarts} times begun again");
    lines.extend(paint::wrap(&counted, width, paint::DIM));
    let camera = reading.camera.as_ref().filter(|camera| camera.without >= WITHOUT_CODE);
    if let Some(camera) = camera {
        let hint = match camera.dark {
            true => "It is dark. Make the other screen brighter, and open the camera's shutter.",
            false => {
                "No code that can be read is in the picture. Go closer until it fills most of it; straight on, without reflections, and hold still."
            }
        };
        lines.extend(paint::wrap(hint, width, paint::WARN));
    } else if let Some(remark) = &reading.remark {
        lines.extend(paint::wrap(remark, width, paint::WARN));
    }
    lines.push(paint::gap());
    if reading.keyboard {
        let hint = "The scanner types here, and nothing it types is a command. Show one code at a time: pause on the other side, and step.";
        lines.extend(paint::wrap(hint, width, paint::PLAIN));
        lines.push(paint::spans([
            ("To leave, type these words and Enter: ", paint::BOLD),
            (&reading.leave.to_uppercase(), paint::WORD),
        ]));
    } else {
        lines.push(paint::line("q leaves.", paint::BOLD));
    }
    lines
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::*;
    use crate::transfer::ur::Stream;

    fn reading(keyboard: bool) -> Reading {
        Reading::new(keyboard, "aardvark adroitness".into())
    }

    fn frame(number: u32) -> String {
        let message: Vec<u8> = (0..1500_u32).map(|byte| (byte * 7 % 251) as u8).collect();
        Stream::new(message, 619).unwrap().frame(number) + "\r"
    }

    #[test]
    fn nothing_that_a_scanner_types_leaves_or_ends_the_page() {
        let mut reading = reading(true);
        for hostile in [
            "q",
            "\x03",
            "\x04",
            "\x1b",
            "\x1a",
            "\x1c",
            "y\r",
            "YES\r",
            "LEAVE\r",
            "\x1b[15~",
            "aardvark\r",
            "\r\r\r\r",
        ] {
            assert_eq!(reading.scanned(hostile.as_bytes()), None, "{hostile:?}");
            assert_eq!(reading.silence(), None);
        }
        reading.scanned(b"\r");
        for number in 1..=6 {
            assert_eq!(reading.scanned(frame(number).as_bytes()), None, "not even when everything is there");
        }
        assert!(reading.receiver.message().is_some());
        assert_eq!(reading.scanned(b"rm -rf /\r"), None);
        assert_eq!(reading.scanned(b"Aardvark  ADROITNESS\r"), Some(End::Whole));
    }

    #[test]
    fn the_words_leave_before_the_end_and_a_person_may_type_slowly() {
        let mut reading = reading(true);
        for byte in b"aardvark adroitness" {
            assert_eq!(reading.scanned(&[*byte]), None);
            assert_eq!(reading.silence(), None);
        }
        assert_eq!(reading.scanned(b"\r"), Some(End::Left));
    }

    #[test]
    fn a_serial_scanner_ends_the_page_by_itself_and_its_text_is_no_command() {
        let mut reading = reading(false);
        assert_eq!(reading.scanned(b"q\x03aardvark adroitness\r"), None);
        for number in 1..=5 {
            assert_eq!(reading.scanned(frame(number).as_bytes()), None);
        }
        let last = frame(6);
        assert_eq!(reading.scanned(last.trim_end().as_bytes()), None);
        assert_eq!(reading.silence(), Some(End::Whole), "without an end of its line");
        assert_eq!(reading.typed(b"q"), Some(End::Left));
    }

    #[test]
    fn a_camera_sees_each_code_often_and_ends_the_page_by_itself() {
        let mut reading = Reading::of_camera();
        let code = |number| Sight::Code(frame(number).trim_end().to_owned());
        for number in 1..=5 {
            for _ in 0..3 {
                assert_eq!(reading.saw(code(number)), None);
            }
            assert_eq!(reading.saw(Sight::NoCode), None);
        }
        assert_eq!(reading.receiver.progress().frames, 5, "what stands in several pictures is one frame");
        assert_eq!(reading.saw(code(1)), None, "it comes by again, and that is no news for anybody");
        assert_eq!(reading.remark, None);
        assert_eq!(reading.saw(Sight::Code("https://example.org".into())), None);
        assert_eq!(reading.remark.as_deref(), Some("a code of something else: it was ignored"));
        assert_eq!(reading.typed(b"xyz"), None);
        assert_eq!(reading.typed(b"q"), Some(End::Left));
        assert_eq!(reading.saw(code(6)), Some(End::Whole));
    }

    #[test]
    fn the_page_says_what_the_camera_does_not_see() {
        let shown = |reading: &Reading| {
            lines(reading, 76).iter().map(|line| format!("{line}\n")).collect::<String>().replace('\n', " ")
        };
        for (sight, says) in
            [(Sight::Dark, "Make the other screen brighter"), (Sight::NoCode, "Go closer until it fills most of it")]
        {
            let mut reading = Reading::of_camera();
            (1..WITHOUT_CODE).for_each(|_| assert_eq!(reading.saw(sight.clone()), None));
            assert!(!shown(&reading).contains(says), "not at once");
            reading.saw(sight.clone());
            assert!(shown(&reading).contains(says), "{}", shown(&reading));
            reading.saw(Sight::Code(frame(1).trim_end().to_owned()));
            assert!(!shown(&reading).contains(says), "no longer");
            assert!(shown(&reading).contains("1 of 6 known") && shown(&reading).contains("q leaves."));
        }
    }

    #[test]
    fn the_page_shows_which_parts_are_in_and_what_is_wrong() {
        let mut reading = reading(true);
        for number in [1, 3, 6] {
            reading.scanned(frame(number).as_bytes());
        }
        reading.scanned("UR\u{d6}COMPRESSED&1'9&LPADASCFADAX\r".as_bytes());
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| view(&reading, frame)).unwrap();
        insta::assert_snapshot!(terminal.backend());
    }
}
