//! The few items of CBOR (RFC 8949) that frames and messages consist of, in their one shortest form.

/// Writes items one after the other.
#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// The head of an array of `length` items.
    pub fn array(mut self, length: u64) -> Self {
        self.head(4, length);
        self
    }

    /// An unsigned number.
    pub fn number(mut self, value: u64) -> Self {
        self.head(0, value);
        self
    }

    /// A byte string.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.head(2, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    /// A tag, which stands before an item.
    pub fn tag(mut self, tag: u64) -> Self {
        self.head(6, tag);
        self
    }

    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }

    fn head(&mut self, major: u8, value: u64) {
        let major = major << 5;
        let bytes = value.to_be_bytes();
        match value {
            0..24 => self.0.push(major | bytes[7]),
            24..=0xff => self.0.extend_from_slice(&[major | 24, bytes[7]]),
            0x100..=0xffff => {
                self.0.push(major | 25);
                self.0.extend_from_slice(&bytes[6..]);
            }
            0x1_0000..=0xffff_ffff => {
                self.0.push(major | 26);
                self.0.extend_from_slice(&bytes[4..]);
            }
            _ => {
                self.0.push(major | 27);
                self.0.extend_from_slice(&bytes);
            }
        }
    }
}

/// Reads items one after the other; nothing is allocated. `None` is anything but the wanted item in its shortest form.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The length of an array whose head is next.
    pub fn array(&mut self) -> Option<u64> {
        self.head(4)
    }

    /// An unsigned number.
    pub fn number(&mut self) -> Option<u64> {
        self.head(0)
    }

    /// A byte string, which lies in what is read.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.head(2)?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A tag, which stands before an item.
    pub fn tag(&mut self) -> Option<u64> {
        self.head(6)
    }

    /// Nothing more follows.
    pub fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }

    fn head(&mut self, major: u8) -> Option<u64> {
        let (first, rest) = self.0.split_first()?;
        if first >> 5 != major {
            return None;
        }
        let extra = match first & 31 {
            small @ 0..24 => {
                self.0 = rest;
                return Some(small.into());
            }
            code @ 24..=27 => 1 << (code - 24),
            _ => return None,
        };
        let (bytes, rest) = rest.split_at_checked(extra)?;
        let value = bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        let shortest = match extra {
            1 => value >= 24,
            2 => value > 0xff,
            4 => value > 0xffff,
            _ => value > 0xffff_ffff,
        };
        self.0 = rest;
        shortest.then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_go_both_ways() {
        for value in [0, 23, 24, 255, 256, 65_535, 65_536, 0xffff_ffff, 0x1_0000_0000, u64::MAX] {
            let written = Writer::default().number(value).finish();
            let mut reader = Reader(&written);
            assert_eq!(reader.number(), Some(value));
            assert_eq!(reader.end(), Some(()));
        }
    }

    #[test]
    fn what_is_longer_than_need_be_or_cut_short_is_refused() {
        assert_eq!(Reader(&[0x18, 23]).number(), None);
        assert_eq!(Reader(&[0x19, 0, 255]).number(), None);
        assert_eq!(Reader(&[0x1b, 0, 0, 0, 0, 255, 255, 255, 255]).number(), None);
        assert_eq!(Reader(&[0x1f]).number(), None);
        assert_eq!(Reader(&[0x43, 1, 2]).bytes(), None);
        assert_eq!(Reader(&[0x5b, 255, 255, 255, 255, 255, 255, 255, 255]).bytes(), None);
        assert_eq!(Reader(&[0x01]).bytes(), None);
        assert_eq!(Reader(&[]).array(), None);
    }
}
