//! One frame: its text, and what it declares.

use std::fmt;

use super::{COMPRESSED, bytewords, cbor, limit};

/// A text that was read off a QR code, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The whole message (`ur:compressed/…`).
    Whole(Vec<u8>),
    /// A part of one (`ur:compressed/3-9/…`).
    Part(Part),
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which part, from 1.
    pub number: u32,
    /// Into how many fragments the message was cut.
    pub count: u32,
    /// The length of the message in bytes.
    pub length: u32,
    /// The CRC-32 of the message.
    pub checksum: u32,
    /// A fragment, or the sum of some.
    pub data: Vec<u8>,
}

/// Why a text is no frame of ours. Nothing was allocated for what it declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAFrame {
    /// Something else altogether: the code on a parcel, a ticket, a web address.
    Unrelated,
    /// A frame of this kind for something else, such as a wallet's.
    OtherType,
    /// Letters were misread or are missing.
    Misread,
    /// It declares more than [`limit`] allows, or contradicts itself.
    Absurd,
}

impl fmt::Display for NotAFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unrelated => "a code of something else",
            Self::OtherType => "a frame of another program",
            Self::Misread => "letters were misread",
            Self::Absurd => "it declares what no frame of this program can be",
        })
    }
}

impl Frame {
    /// Takes a text apart, in either case.
    ///
    /// # Errors
    /// [`NotAFrame`].
    pub fn parse(text: &str) -> Result<Self, NotAFrame> {
        let text = text.trim_ascii();
        if text.len() > limit::LETTERS {
            return Err(NotAFrame::Unrelated);
        }
        let text = text.to_ascii_lowercase();
        let rest = text.strip_prefix("ur:").ok_or(NotAFrame::Unrelated)?;
        let (kind, rest) = rest.split_once('/').ok_or(NotAFrame::Unrelated)?;
        if kind != COMPRESSED {
            return Err(NotAFrame::OtherType);
        }
        match rest.split_once('/') {
            None => Ok(Self::Whole(bytewords::decode(rest).map_err(|_| NotAFrame::Misread)?)),
            Some((sequence, letters)) => Part::parse(sequence, letters).map(Self::Part),
        }
    }
}

impl Part {
    fn parse(sequence: &str, letters: &str) -> Result<Self, NotAFrame> {
        let (number, count) = sequence.split_once('-').ok_or(NotAFrame::Misread)?;
        let (number, count) = (decimal(number)?, decimal(count)?);
        let bytes = bytewords::decode(letters).map_err(|_| NotAFrame::Misread)?;
        let part = Self::from_cbor(&bytes).ok_or(NotAFrame::Absurd)?;
        let same = part.number == number && part.count == count;
        if same && part.is_sane() { Ok(part) } else { Err(NotAFrame::Absurd) }
    }

    /// The frame's text, in capitals: lower case would need a third more room in a QR code.
    pub(super) fn text(&self) -> String {
        let letters = bytewords::encode(&self.to_cbor());
        format!("ur:{COMPRESSED}/{}-{}/{letters}", self.number, self.count).to_ascii_uppercase()
    }

    /// Whether the numbers are within the limits and fit each other: as many fragments of this length as the message needs.
    fn is_sane(&self) -> bool {
        let within = (1..=limit::NUMBER).contains(&self.number)
            && (1..=limit::PARTS).contains(&self.count)
            && (1..=limit::FRAGMENT).contains(&self.data.len());
        let (count, length) = (self.count as usize, self.length as usize);
        // Another cut of the same message may give some fragments less than `div_ceil` has, never more bytes than a whole one.
        within && length <= limit::MESSAGE && {
            let all = count * self.data.len();
            length > all - self.data.len() && length <= all
        }
    }

    fn to_cbor(&self) -> Vec<u8> {
        cbor::Writer::default()
            .array(5)
            .number(self.number.into())
            .number(self.count.into())
            .number(self.length.into())
            .number(self.checksum.into())
            .bytes(&self.data)
            .finish()
    }

    fn from_cbor(bytes: &[u8]) -> Option<Self> {
        let mut reader = cbor::Reader(bytes);
        if reader.array()? != 5 {
            return None;
        }
        let mut number = || u32::try_from(reader.number()?).ok();
        let (number, count, length, checksum) = (number()?, number()?, number()?, number()?);
        let data = reader.bytes()?;
        reader.end()?;
        Some(Self { number, count, length, checksum, data: data.to_vec() })
    }
}

/// A decimal number without a sign or leading zeroes, of at most ten digits.
fn decimal(text: &str) -> Result<u32, NotAFrame> {
    let digits = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || text.starts_with('0') {
        return Err(NotAFrame::Misread);
    }
    text.parse().map_err(|_| NotAFrame::Absurd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u32, count: u32, length: u32, data: usize) -> Part {
        Part { number, count, length, checksum: 7, data: vec![1; data] }
    }

    #[test]
    fn a_frame_goes_both_ways_in_capitals() {
        let sent = part(10, 9, 850, 95);
        let text = sent.text();
        assert!(text.starts_with("UR:COMPRESSED/10-9/"));
        assert!(text.bytes().all(|byte| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/-".contains(&byte)), "one QR alphabet");
        for written in [text.clone(), text.to_lowercase(), format!(" {text}\r\n")] {
            assert_eq!(Frame::parse(&written), Ok(Frame::Part(sent.clone())));
        }
    }

    #[test]
    fn what_a_frame_declares_is_held_against_the_limits_and_against_itself() {
        for wrong in [
            part(0, 9, 850, 95),
            part(1, 0, 850, 95),
            part(1_000_000, 9, 850, 95),
            part(1, 1025, 1025, 1),
            part(1, 9, 0, 95),
            part(1, 9, 760, 95),
            part(1, 9, 856, 95),
            part(1, 4_000_000_001, 4_000_000_001, 1),
            part(1, 1000, 2_000_000, 2000),
            part(1, 1, 3001, 3001),
            part(1, 9, 0, 0),
        ] {
            let seen = Frame::parse(&wrong.text());
            assert!(
                matches!(seen, Err(NotAFrame::Absurd | NotAFrame::Misread | NotAFrame::Unrelated)),
                "{wrong:?}: {seen:?}"
            );
        }
        assert!(Frame::parse(&part(1, 9, 761, 95).text()).is_ok());
        assert!(Frame::parse(&part(999_999, 9, 855, 95).text()).is_ok());
    }

    #[test]
    fn the_numbers_of_the_text_must_be_those_inside() {
        let text = part(10, 9, 850, 95).text();
        assert_eq!(Frame::parse(&text.replace("10-9", "11-9")), Err(NotAFrame::Absurd));
        assert_eq!(Frame::parse(&text.replace("10-9", "10-8")), Err(NotAFrame::Absurd));
        assert_eq!(Frame::parse(&text.replace("10-9", "010-9")), Err(NotAFrame::Misread));
        assert_eq!(Frame::parse(&text.replace("10-9", "+10-9")), Err(NotAFrame::Misread));
        assert_eq!(Frame::parse(&text.replace("10-9", "10-99999999999")), Err(NotAFrame::Misread));
    }

    #[test]
    fn what_is_not_ours_is_named() {
        assert_eq!(Frame::parse("https://example.org/"), Err(NotAFrame::Unrelated));
        assert_eq!(Frame::parse("UR:BYTES/1-9/LPADASCFADAX"), Err(NotAFrame::OtherType));
        assert_eq!(Frame::parse("UR:COMPRESSED/LPADASCFADAX"), Err(NotAFrame::Misread));
        assert_eq!(Frame::parse(""), Err(NotAFrame::Unrelated));
        assert_eq!(Frame::parse(&"A".repeat(100_000)), Err(NotAFrame::Unrelated));
    }
}
