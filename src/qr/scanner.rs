//! Scanners: what they send, cut into the texts of codes. One on a serial port sends bytes; one that types sends the same by way of
//! the terminal.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::{
    fs::OFlags,
    termios::{OptionalActions, tcgetattr, tcsetattr},
};

use crate::{fault::Fault, files, transfer::ur::limit};

/// After this silence a text is over, for scanners that send no end of line. In milliseconds.
pub const SILENCE_MS: u32 = 250;

/// Opens a serial port in raw mode: the line discipline would cut a line after 4,095 letters, and act on control characters.
///
/// # Errors
/// A fault where it is no terminal device or cannot be set.
pub fn open_serial(path: &Path) -> Result<File, Fault> {
    let doing = || format!("open the scanner at {}", files::name(path));
    let flags = (OFlags::NOCTTY | OFlags::NONBLOCK).bits().cast_signed();
    let port =
        OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|cause| Fault::machine(doing(), cause))?;
    if !port.metadata().is_ok_and(|found| found.file_type().is_char_device()) {
        return Err(Fault::machine(
            doing(),
            "it is no serial port; a scanner that types like a keyboard wants --keyboard",
        ));
    }
    let mut settings = tcgetattr(&port).map_err(|_| Fault::machine(doing(), "it is no serial port"))?;
    settings.make_raw();
    tcsetattr(&port, OptionalActions::Flush, &settings).map_err(|cause| Fault::machine(doing(), cause))?;
    Ok(port)
}

/// Cuts what a scanner sends into texts.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    text: Vec<u8>,
    /// The text is longer than any frame, and is dropped.
    too_long: bool,
}

impl Texts {
    /// Takes a byte in. A text is whole at the end of its line; control characters and what is not ASCII stand in no frame, but keep
    /// a text from being taken for another.
    pub fn byte(&mut self, byte: u8) -> Option<String> {
        match byte {
            b'\r' | b'\n' => self.silence(),
            _ if self.text.len() == limit::LETTERS => {
                self.too_long = true;
                None
            }
            _ => {
                self.text.push(if byte.is_ascii() && !byte.is_ascii_control() { byte } else { b'?' });
                None
            }
        }
    }

    /// Nothing came for a while: what came before is whole.
    pub fn silence(&mut self) -> Option<String> {
        let text = std::mem::take(&mut self.text);
        let too_long = std::mem::take(&mut self.too_long);
        (!text.is_empty() && !too_long).then(|| String::from_utf8_lossy(&text).into_owned())
    }

    /// Whether a text has begun.
    pub fn in_text(&self) -> bool {
        !self.text.is_empty()
    }
}

/// What is probably wrong where a scanner that types has another keyboard layout than this machine: its colon, slash or hyphen came out
/// as something else.
pub fn layout_differs(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    text.starts_with("UR") && text.contains("COMPRESSED") && !text.starts_with("UR:COMPRESSED/")
        || text.starts_with("UR") && text.len() > 60 && !text.starts_with("UR:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bytes: &[u8]) -> Vec<String> {
        let mut texts = Texts::default();
        bytes.iter().filter_map(|byte| texts.byte(*byte)).collect()
    }

    #[test]
    fn lines_end_as_scanners_end_them() {
        assert_eq!(cut(b"ONE\rTWO\r\nTHREE\n\nrest"), ["ONE", "TWO", "THREE"]);
        let mut texts = Texts::default();
        b"ONE".iter().for_each(|byte| assert_eq!(texts.byte(*byte), None));
        assert!(texts.in_text());
        assert_eq!((texts.silence().as_deref(), texts.silence()), (Some("ONE"), None));
    }

    #[test]
    fn what_is_longer_than_any_code_is_dropped_whole() {
        let long = [vec![b'A'; 5000], b"\nB\n".to_vec()].concat();
        assert_eq!(cut(&long), ["B"]);
        let full = [vec![b'A'; limit::LETTERS], b"\n".to_vec()].concat();
        assert_eq!(cut(&full)[0].len(), limit::LETTERS);
    }

    #[test]
    fn control_characters_mean_nothing_and_stand_in_the_way() {
        assert_eq!(cut(b"UR\x03:\x1b[A\n"), ["UR?:?[A"]);
    }

    #[test]
    fn another_keyboard_layout_is_recognised() {
        assert!(layout_differs("UR\u{d6}COMPRESSED&1'9&LPAD") && layout_differs("URÖCOMPRESSED&"));
        assert!(!layout_differs("UR:COMPRESSED/1-9/LPAD") && !layout_differs("https://example.org"));
    }

    #[test]
    fn what_is_no_serial_port_is_refused() {
        for path in ["/dev/null", "/etc/hostname", "/nowhere"] {
            assert!(open_serial(Path::new(path)).is_err(), "{path}");
        }
    }
}
