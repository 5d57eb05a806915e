//! Which fragments a part is the sum of (BCR-2024-001). Sender and receiver must agree to the last bit, in every language, so this is
//! the published procedure step by step: xoshiro256** seeded by a SHA-256, a degree drawn by the alias method with the
//! probabilities 1, 1/2, 1/3, …, and that many fragments drawn without putting any back.

use sha2::{Digest as _, Sha256};

/// The degrees of the parts of a message that has `count` fragments.
#[derive(Clone, Debug, PartialEq)]
pub struct Chooser {
    /// Of each degree (less one) the share of its place in the table that is its own; the rest is its alias's.
    own: Vec<f64>,
    alias: Vec<usize>,
}

impl Chooser {
    /// The table for `count` fragments, at least 1.
    pub fn new(count: usize) -> Self {
        let weights = (1..=count).map(|degree| 1.0 / degree as f64);
        let sum: f64 = weights.clone().sum();
        let mut left: Vec<f64> = weights.map(|weight| weight * count as f64 / sum).collect();
        let (mut small, mut large) = (vec![], vec![]);
        for index in (0..count).rev() {
            if left[index] < 1.0 { small.push(index) } else { large.push(index) }
        }
        // Where one list ends before the other, rounding is to blame and the place is its own.
        let (mut own, mut alias) = (vec![1.0; count], vec![0; count]);
        while let (Some(short), Some(long)) = (small.last().copied(), large.last().copied()) {
            small.pop();
            large.pop();
            own[short] = left[short];
            alias[short] = long;
            left[long] += left[short] - 1.0;
            if left[long] < 1.0 { small.push(long) } else { large.push(long) }
        }
        Self { own, alias }
    }

    /// The fragments, counted from 0, that part `number` (from 1) of the message with this CRC-32 is the sum of.
    pub fn fragments(&self, number: u32, checksum: u32) -> Vec<usize> {
        let count = self.own.len();
        if let Ok(number) = usize::try_from(number)
            && (1..=count).contains(&number)
        {
            return vec![number - 1];
        }
        let mut random = Xoshiro::seeded(number, checksum);
        let degree = self.degree(&mut random);
        let mut remaining: Vec<usize> = (0..count).collect();
        // Drawing them all and keeping the first, as the paper has it, comes to the same.
        (0..degree).map(|_| remaining.remove(random.below(remaining.len()))).collect()
    }

    fn degree(&self, random: &mut Xoshiro) -> usize {
        let place = random.fraction();
        let part = random.fraction();
        let index = (self.own.len() as f64 * place) as usize;
        1 + if part < self.own[index] { index } else { self.alias[index] }
    }
}

/// xoshiro256** (Blackman and Vigna), seeded as the paper says.
struct Xoshiro([u64; 4]);

impl Xoshiro {
    fn seeded(number: u32, checksum: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(number.to_be_bytes());
        hash.update(checksum.to_be_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let word = |at: usize| digest[at * 8..at * 8 + 8].iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
        Self([word(0), word(1), word(2), word(3)])
    }

    fn next(&mut self) -> u64 {
        let state = &mut self.0;
        let result = state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }

    /// At least 0 and below 1.
    fn fraction(&mut self) -> f64 {
        // Of the largest numbers the division makes 1, for which no table has a place; every implementation stands before the
        // same case once in 2^53 draws.
        (self.next() as f64 / 18_446_744_073_709_551_616.0).min(1.0 - f64::EPSILON)
    }

    /// At least 0 and below `length`, which is at least 1.
    fn below(&mut self, length: usize) -> usize {
        (self.fraction() * length as f64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_parts_are_the_fragments_and_later_ones_are_sums_of_different_fragments() {
        for count in [1, 2, 3, 17, 200, 1024] {
            let chooser = Chooser::new(count);
            for number in 1..=u32::try_from(count).unwrap() {
                assert_eq!(chooser.fragments(number, 7), [usize::try_from(number).unwrap() - 1]);
            }
            for number in [0, 2000, 123_456, u32::MAX] {
                let mut chosen = chooser.fragments(number, 0xdead_beef);
                chosen.sort_unstable();
                chosen.dedup();
                assert!(!chosen.is_empty() && chosen.iter().all(|index| *index < count), "{count} {number}");
                assert_eq!(chosen.len(), chooser.fragments(number, 0xdead_beef).len(), "none is drawn twice");
            }
        }
    }

    #[test]
    fn the_generator_gives_the_numbers_of_the_published_paper() {
        // BCR-2024-001, seeded with the CRC-32 of "Wolf" in its test of choosing fragments.
        let digest: [u8; 32] = Sha256::digest(b"Wolf").into();
        let word = |at: usize| u64::from_be_bytes(digest[at * 8..at * 8 + 8].try_into().unwrap());
        let mut random = Xoshiro([word(0), word(1), word(2), word(3)]);
        let drawn: Vec<u64> = (0..10).map(|_| random.next() % 100).collect();
        assert_eq!(drawn, [42, 81, 85, 8, 82, 84, 76, 73, 70, 88]);
    }

    #[test]
    fn the_fragments_are_those_of_the_published_paper() {
        // BCR-2024-001: eleven fragments of a message whose CRC-32 is 2f19f3bb, parts 12 to 50.
        let paper: [&[usize]; 39] = [
            &[9],
            &[2, 5, 6, 8, 9, 10],
            &[8],
            &[1, 5],
            &[1],
            &[0, 2, 4, 5, 8, 10],
            &[5],
            &[2],
            &[2],
            &[0, 1, 3, 4, 5, 7, 9, 10],
            &[0, 1, 2, 3, 5, 6, 8, 9, 10],
            &[0, 2, 4, 5, 7, 8, 9, 10],
            &[3, 5],
            &[4],
            &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            &[0, 1, 3, 4, 5, 6, 7, 9, 10],
            &[6],
            &[5, 6],
            &[7],
            &[4, 9, 10],
            &[5],
            &[10],
            &[1, 3, 4, 5],
            &[6, 8],
            &[9],
            &[4, 5, 6, 8],
            &[4],
            &[0, 10],
            &[2, 5, 7, 10],
            &[4],
            &[0, 2, 4, 6, 7, 10],
            &[9],
            &[1],
            &[3, 6],
            &[3, 8],
            &[1, 2, 6, 9],
            &[0, 2, 4, 5, 6, 7, 9],
            &[0, 4],
            &[9],
        ];
        let chooser = Chooser::new(11);
        for (number, wanted) in (12..).zip(paper) {
            let mut chosen = chooser.fragments(number, 0x2f19_f3bb);
            chosen.sort_unstable();
            assert_eq!(chosen, wanted, "part {number}");
        }
    }
}
