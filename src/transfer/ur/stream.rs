//! A message as frames, without an end.

use super::{COMPRESSED, Part, bytewords, crc::crc32, fountain::Chooser, limit};
use crate::rules::{Refusal, Rule};

/// A message that is cut into fragments, ready to be shown.
#[derive(Clone, Debug)]
pub struct Stream {
    message: Vec<u8>,
    checksum: u32,
    /// Bytes of a fragment.
    fragment: usize,
    count: u32,
    chooser: Chooser,
    letters: usize,
}

impl Stream {
    /// Cuts `message` so that no frame has more than `letters` letters, whatever its number: the capacity of a QR code in its
    /// alphanumeric mode. The fragments are as equal as they can be.
    ///
    /// # Errors
    /// `FRAME-WITHIN-LIMITS` where the message is empty or too large, or would need more than [`limit::PARTS`] parts of this size.
    pub fn new(message: Vec<u8>, letters: usize) -> Result<Self, Refusal> {
        let remedy = "Choose a larger QR code, or carry fewer files at a time.";
        let refused = |what: String| Refusal::new(Rule::FrameWithinLimits, what, remedy);
        if message.is_empty() || message.len() > limit::MESSAGE {
            let what =
                format!("The message has {} bytes after compression; 1 to {} fit.", message.len(), limit::MESSAGE);
            return Err(refused(what));
        }
        let largest = largest_fragment(letters).min(limit::FRAGMENT);
        let whole = message.len() <= largest_whole(letters);
        let count = if whole { 1 } else { message.len().div_ceil(largest.max(1)) };
        if count > limit::PARTS as usize || (largest == 0 && !whole) {
            let what = format!("{} bytes would need more than {} QR codes of this size.", message.len(), limit::PARTS);
            return Err(refused(what));
        }
        let fragment = message.len().div_ceil(count);
        // Equal fragments may be fewer than were counted with the largest ones.
        let count = message.len().div_ceil(fragment);
        let parts = u32::try_from(count).unwrap_or(limit::PARTS);
        let checksum = crc32(&message);
        Ok(Self { message, checksum, fragment, count: parts, chooser: Chooser::new(count), letters })
    }

    /// How many fragments there are; as many different frames, none lost, bring the whole message.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The letters that a frame may have.
    pub fn letters(&self) -> usize {
        self.letters
    }

    /// The text of frame `number`, from 1. After [`limit::NUMBER`] it begins again with the sums.
    pub fn frame(&self, number: u32) -> String {
        if self.count == 1 {
            return format!("ur:{COMPRESSED}/{}", bytewords::encode(&self.message)).to_ascii_uppercase();
        }
        let sums = limit::NUMBER - self.count;
        let number = match number.checked_sub(limit::NUMBER + 1) {
            None => number.max(1),
            Some(beyond) => self.count + 1 + beyond % sums,
        };
        let mut data = vec![0; self.fragment];
        for index in self.chooser.fragments(number, self.checksum) {
            let from = index * self.fragment;
            let to = (from + self.fragment).min(self.message.len());
            for (sum, byte) in data.iter_mut().zip(&self.message[from..to]) {
                *sum ^= byte;
            }
        }
        let length = u32::try_from(self.message.len()).unwrap_or(u32::MAX);
        Part { number, count: self.count, length, checksum: self.checksum, data }.text()
    }
}

/// Bytes of a fragment whose frame has at most `letters` letters, with the largest numbers before it.
fn largest_fragment(letters: usize) -> usize {
    // "UR:COMPRESSED/999999-1024/", then two letters for each byte: 1 + 5 + 3 + 5 + 5 + 3 of CBOR, the fragment, 4 of CRC-32.
    let head = "ur:/999999-1024/".len() + COMPRESSED.len();
    (letters.saturating_sub(head) / 2).saturating_sub(22 + 4)
}

/// Bytes of a message that is one frame of at most `letters` letters.
fn largest_whole(letters: usize) -> usize {
    (letters.saturating_sub("ur:/".len() + COMPRESSED.len()) / 2).saturating_sub(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_frame_is_longer_than_the_code_holds_and_the_room_is_used() {
        for letters in [154, 335, 619, 1853, 4296] {
            for length in [1, 60, 61, 70, 500, 5000, 20_000] {
                let message: Vec<u8> = (0..length).map(|byte| (byte % 251) as u8).collect();
                let stream = Stream::new(message, letters).unwrap();
                for number in [1, 2, stream.count(), stream.count() + 1, 65_536, 999_999, 1_000_000, u32::MAX] {
                    let text = stream.frame(number);
                    assert!(text.len() <= letters, "{letters} {length} {number}: {}", text.len());
                }
            }
        }
        let stream = Stream::new(vec![1; 27_000], 619).unwrap();
        assert_eq!(stream.count(), 100, "V13 carries 270 bytes a frame");
    }

    #[test]
    fn a_message_that_does_not_fit_is_refused() {
        for (length, letters) in [(0, 619), (limit::MESSAGE + 1, 4296), (limit::MESSAGE, 619), (100, 60)] {
            let refused = Stream::new(vec![0; length], letters).unwrap_err();
            assert_eq!(refused.rule, Rule::FrameWithinLimits);
        }
    }

    #[test]
    fn a_small_message_is_one_frame_for_ever() {
        let stream = Stream::new(b"hello".to_vec(), 154).unwrap();
        assert_eq!(stream.count(), 1);
        assert_eq!(stream.frame(1), stream.frame(77));
        assert!(stream.frame(1).starts_with("UR:COMPRESSED/IS"), "{}", stream.frame(1));
    }
}
