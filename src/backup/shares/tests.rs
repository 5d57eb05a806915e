//! The randomness of the shares, and shares that were printed already.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

use super::*;
use crate::backup::{Gathering, gather::every_combination};

/// SHA-256 in counter mode: the same for ever.
struct Seeded {
    seed: u8,
    counter: u64,
}

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, place: &mut [u8]) -> Result<(), Infallible> {
        for part in place.chunks_mut(32) {
            self.counter += 1;
            let hash = Sha256::new().chain_update([self.seed]).chain_update(self.counter.to_be_bytes()).finalize();
            part.copy_from_slice(&hash[..part.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Seeded {}

fn identity(byte: u8) -> Identity {
    Identity::of(Secret::copied(&[byte; LENGTH]).unwrap()).unwrap()
}

fn keyid() -> KeyId {
    KeyId::from(Digest::of(b"a key"))
}

fn scheme(threshold: u8, count: u8) -> Scheme {
    Scheme::new(threshold, count).unwrap()
}

fn times(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        a = a << 1 ^ if a & 0x80 == 0 { 0 } else { 0x1b };
        b >>= 1;
    }
    product
}

/// Chi-square of 256 counts against the same number each.
fn chi_square(counts: &[u32; 256]) -> f64 {
    let mean = f64::from(counts.iter().sum::<u32>()) / 256.0;
    counts.iter().map(|count| (f64::from(*count) - mean).powi(2) / mean).sum()
}

/// With 255 degrees of freedom, a fair source lies between these in all but one of a million runs.
const FAIR: std::ops::Range<f64> = 155.0..378.0;

#[test]
fn the_coefficients_are_uniform_with_zero_and_with_even_bytes() {
    let secret = 0x5a;
    let identity = identity(secret);
    let mut random = Seeded { seed: 1, counter: 0 };
    let mut first = [0u32; 256];
    let mut leading = [0u32; 256];
    let value = |share: &Share, at: usize| share.record.expose()[VALUE + at];
    for _ in 0..300 {
        let two = split_from(&identity, scheme(2, 3), &keyid(), &mut random).unwrap();
        for at in 0..LENGTH {
            // f(1) = secret + a.
            first[usize::from(value(&two.shares[0], at) ^ secret)] += 1;
        }
        let three = split_from(&identity, scheme(3, 5), &keyid(), &mut random).unwrap();
        for at in 0..LENGTH {
            // f(1) = s + a + b and f(2) = s + 2a + 4b, so f(2) + 2 f(1) = 3s + 6b.
            let sum = value(&three.shares[1], at) ^ times(2, value(&three.shares[0], at)) ^ times(3, secret);
            let b = (0..=255).find(|b| times(6, *b) == sum).unwrap();
            leading[usize::from(b)] += 1;
        }
    }
    for (name, counts) in [("of 2 of 3", first), ("leading of 3 of 5", leading)] {
        assert!(FAIR.contains(&chi_square(&counts)), "{name}: {}", chi_square(&counts));
        // 37.5 of each are expected, of 9,600. A source without zero, or of odd bytes only, has none of some.
        assert!(counts.iter().all(|count| *count > 10), "{name}: some byte hardly comes: {counts:?}");
        let even: u32 = counts.iter().step_by(2).sum();
        assert!((4_500..5_100).contains(&even), "{name}: {even} even ones of 9,600");
    }
    let odd: [u32; 256] = std::array::from_fn(|byte| if byte % 2 == 1 { 75 } else { 0 });
    assert!(!FAIR.contains(&chi_square(&odd)), "the test sees what it looks for");
}

#[test]
fn values_of_one_share_fewer_than_the_threshold_are_uniform_whatever_the_secret_is() {
    for byte in [0x00, 0xff] {
        let mut random = Seeded { seed: 2, counter: 0 };
        let mut counts = [0u32; 256];
        for _ in 0..300 {
            let split = split_from(&identity(byte), scheme(2, 3), &keyid(), &mut random).unwrap();
            split.shares[2].record.expose()[VALUE..SUM].iter().for_each(|value| counts[usize::from(*value)] += 1);
        }
        assert!(FAIR.contains(&chi_square(&counts)), "{byte}: {}", chi_square(&counts));
    }
}

/// Shares as they were printed by the first version, each as the text of its QR code. They open for as long as there is paper.
const PRINTED: &str = include_str!("../../../tests/backup_support/printed-shares.txt");

#[test]
fn what_was_printed_stays_readable_and_is_still_printed_so() {
    let mut random = Seeded { seed: 3, counter: 0 };
    let mut now = String::new();
    for (threshold, count, byte) in [(2, 3, 0x00), (3, 5, 0x5a), (5, 9, 0xff)] {
        let split = split_from(&identity(byte), scheme(threshold, count), &keyid(), &mut random).unwrap();
        every_combination(&split).unwrap();
        for share in &split.shares {
            now.push_str("OFFICIANT-SHARE-1:");
            for row in 1..=ROWS {
                let row = share.row(row).unwrap();
                now.extend(row.expose().iter().map(|byte| char::from(*byte)).filter(|c| *c != ' '));
            }
            now.push_str(&format!(" {}\n", share.commitment().0));
        }
    }
    assert_eq!(now, PRINTED, "paper that was printed would be read in another way");
    let lines: Vec<&str> = PRINTED.lines().collect();
    for (range, byte) in [(0..3, 0x00), (3..8, 0x5a), (8..17, 0xff)] {
        let mut gathering = Gathering::unknown();
        for line in &lines[range] {
            let (text, commitment) = line.split_once(' ').unwrap();
            let share = Share::read(&Secret::copied(text.as_bytes()).unwrap()).unwrap();
            assert_eq!(share.commitment().0.to_string(), commitment);
            gathering.add(share).unwrap();
        }
        assert!(gathering.identity().unwrap().same_as(&identity(byte)));
    }
}

/// The same of a key-encryption key.
#[test]
fn what_was_printed_of_a_kek_stays_readable_and_is_still_printed_so() {
    let kek = Kek::of(Secret::copied(&[0x11; LENGTH]).unwrap()).unwrap();
    let split = split_from(&kek, scheme(2, 3), &keyid(), Seeded { seed: 5, counter: 0 }).unwrap();
    every_combination(&split).unwrap();
    let mut now = String::new();
    for share in &split.shares {
        now.push_str("OFFICIANT-SHARE-1:");
        for row in 1..=ROWS {
            let row = share.row(row).unwrap();
            now.extend(row.expose().iter().map(|byte| char::from(*byte)).filter(|c| *c != ' '));
        }
        now.push_str(&format!(" {}\n", share.commitment().0));
    }
    assert_eq!(now, include_str!("../../../tests/backup_support/printed-kek-shares.txt"));
}

#[test]
fn a_scheme_lets_nobody_open_alone_and_survives_a_loss() {
    for (threshold, count) in [(0, 3), (1, 3), (2, 2), (3, 3), (4, 3), (2, 17), (2, 0), (255, 255)] {
        assert_eq!(Scheme::new(threshold, count), None, "{threshold} of {count}");
    }
    assert_eq!(scheme(3, 5).to_destroy(), 3);
    assert_eq!(scheme(2, 16).to_string(), "2 of 16");
    assert!(serde_json::from_str::<Scheme>("[1,3]").is_err());
}

#[test]
fn a_record_with_impossible_numbers_is_no_share() {
    let of = |change: fn(&mut [u8; RECORD])| {
        let split = split_from(&identity(7), scheme(2, 3), &keyid(), Seeded { seed: 4, counter: 0 }).unwrap();
        let mut record: [u8; RECORD] = split.shares[0].record.expose().try_into().unwrap();
        change(&mut record);
        let sum = sum(&record[..SUM]);
        record[SUM..].copy_from_slice(&sum);
        Share::of(Secret::copied(&record).unwrap()).map(|_| ()).unwrap_err()
    };
    assert_eq!(of(|record| record[0] = 3), ShareWrong::Version(3));
    assert_eq!(of(|record| record[1] = 1), ShareWrong::Numbers);
    assert_eq!(of(|record| record[2] = 2), ShareWrong::Numbers);
    assert_eq!(of(|record| record[3] = 0), ShareWrong::Numbers);
    assert_eq!(of(|record| record[3] = 4), ShareWrong::Numbers);
    let nothing = Share::of(Secret::copied(&[]).unwrap()).map(|_| ()).unwrap_err();
    assert_eq!(nothing, ShareWrong::Checksum);
}

#[test]
fn a_share_that_was_forged_with_a_right_checksum_is_named() {
    use crate::rules::Rule;
    let forged = |share: &Share| {
        let mut record: [u8; RECORD] = share.record.expose().try_into().unwrap();
        record[VALUE] ^= 1;
        let sum = sum(&record[..SUM]);
        record[SUM..].copy_from_slice(&sum);
        Share::of(Secret::copied(&record).unwrap()).unwrap()
    };
    let split = split_from(&identity(9), scheme(2, 4), &keyid(), Seeded { seed: 5, counter: 0 }).unwrap();
    let mut known = Gathering::of(split.set.clone());
    let refused = known.add(forged(&split.shares[1])).unwrap_err();
    assert_eq!(refused.rule, Rule::ShareFits);
    assert!(refused.what.contains("Share 2 is whole, and it is not the one that was made"), "{refused}");
    // Without a record: enough others name it.
    let mut unknown = Gathering::unknown();
    let bad = forged(&split.shares[1]);
    let Split { shares, .. } = split;
    let mut shares = shares.into_iter();
    unknown.add(shares.next().unwrap()).unwrap();
    unknown.add(bad).unwrap();
    let refused = unknown.identity().map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("one or more were forged"), "{refused}");
    unknown.add(shares.nth(1).unwrap()).unwrap();
    let refused = unknown.identity().map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("Share 2 was forged"), "{refused}");
    unknown.add(shares.next().unwrap()).unwrap();
    let refused = unknown.identity().map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("Share 2 was forged: the others"), "{refused}");
}
