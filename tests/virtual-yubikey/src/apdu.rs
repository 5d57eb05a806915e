//! Commands and status words (ISO 7816-4).

/// A status word.
pub type Status = u16;

/// The status words that the card answers.
pub mod sw {
    use super::Status;

    pub const OK: Status = 0x9000;
    pub const WRONG_LENGTH: Status = 0x6700;
    /// No PIN, no management key, or nobody touched in time.
    pub const SECURITY: Status = 0x6982;
    pub const BLOCKED: Status = 0x6983;
    pub const CONDITIONS: Status = 0x6985;
    pub const BAD_DATA: Status = 0x6a80;
    pub const NOT_FOUND: Status = 0x6a82;
    pub const NO_ROOM: Status = 0x6a84;
    pub const BAD_PARAMETERS: Status = 0x6a86;
    pub const NO_REFERENCE: Status = 0x6a88;
    pub const BAD_SLOT: Status = 0x6b00;
    pub const NO_SUCH_INSTRUCTION: Status = 0x6d00;
    pub const NO_SUCH_CLASS: Status = 0x6e00;

    /// A wrong code with so many tries left.
    pub const fn wrong(left: u8) -> Status {
        let left = if left > 15 { 15 } else { left };
        0x63c0 | left as Status
    }
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apdu {
    /// Whether more of the same command follows (chaining).
    pub chained: bool,
    pub ins: u8,
    pub p1: u8,
    pub p2: u8,
    pub data: Vec<u8>,
    /// Whether the lengths have two bytes, so that an answer comes in one piece.
    pub extended: bool,
}

impl Apdu {
    /// Reads a command.
    ///
    /// # Errors
    /// The status word that a card answers to what is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Status> {
        let [class, ins, p1, p2, body @ ..] = bytes else { return Err(sw::WRONG_LENGTH) };
        let chained = match class {
            0x00 => false,
            0x10 => true,
            _ => return Err(sw::NO_SUCH_CLASS),
        };
        let extended = body.len() >= 3 && body[0] == 0;
        let data = match body {
            [] | [_] => &[][..],
            // Only how much may come back.
            [0, _, _] => &[],
            [0, high, low, rest @ ..] => counted(rest, usize::from(u16::from_be_bytes([*high, *low])), 2)?,
            [length, rest @ ..] => counted(rest, usize::from(*length), 1)?,
        };
        Ok(Self { chained, ins: *ins, p1: *p1, p2: *p2, data: data.to_vec(), extended })
    }
}

/// The data of a command, which the length of what may come back can follow.
fn counted(rest: &[u8], length: usize, expected: usize) -> Result<&[u8], Status> {
    let whole = rest.len() == length || rest.len() == length + expected;
    if whole { Ok(&rest[..length]) } else { Err(sw::WRONG_LENGTH) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_extended_commands_are_read_with_and_without_data() {
        let data = |bytes: &[u8]| Apdu::parse(bytes).map(|apdu| (apdu.data, apdu.extended));
        assert_eq!(data(&[0, 0xfd, 0, 0]), Ok((vec![], false)));
        assert_eq!(data(&[0, 0xfd, 0, 0, 0]), Ok((vec![], false)));
        assert_eq!(data(&[0, 0xfd, 0, 0, 0, 0, 0]), Ok((vec![], true)));
        assert_eq!(data(&[0, 0x20, 0, 0x80, 2, 1, 2]), Ok((vec![1, 2], false)));
        assert_eq!(data(&[0, 0x20, 0, 0x80, 2, 1, 2, 0]), Ok((vec![1, 2], false)));
        assert_eq!(data(&[0, 0x20, 0, 0x80, 0, 0, 2, 1, 2]), Ok((vec![1, 2], true)));
        assert_eq!(data(&[0, 0x20, 0, 0x80, 0, 0, 2, 1, 2, 0, 0]), Ok((vec![1, 2], true)));
        assert_eq!(data(&[0, 0x20, 0, 0x80, 3, 1, 2]), Err(sw::WRONG_LENGTH));
        assert_eq!(data(&[0x80, 0x20, 0, 0x80]), Err(sw::NO_SUCH_CLASS));
        assert!(Apdu::parse(&[0x10, 0xdb, 0, 0]).unwrap().chained);
    }
}
