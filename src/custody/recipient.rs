//! To whom one share is encrypted: a native X25519 recipient of age, as a script writes it. Any other kind is known by name and refused:
//! a plugin would run a program, an SSH key is used elsewhere, and an identity is the secret half.

use std::{fmt, str::FromStr};

use bech32::{Bech32, primitives::decode::CheckedHrpstring};
use serde::{Deserialize, Serialize};

/// What age writes before a native recipient.
const HRP: &str = "age";
/// Length of the point, in bytes.
const LENGTH: usize = 32;
/// The prime of Curve25519 less one, as its bytes are written: no point is as large as the prime.
const LARGEST: [u8; LENGTH] = {
    let mut bytes = [0xff; LENGTH];
    (bytes[0], bytes[LENGTH - 1]) = (0xec, 0x7f);
    bytes
};
/// The other points with which every secret agrees on nothing (RFC 7748, section 6.1), beside 0, 1 and [`LARGEST`].
const SMALL: [[u8; LENGTH]; 2] = [
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
        0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
];

/// A native recipient of age. There is one spelling of each: two that differ are of two identities.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recipient(String);

impl Recipient {
    /// As age writes it, `age1…`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same in groups of four letters, eight groups a line, for people who compare it with paper.
    pub fn rows(&self) -> Vec<String> {
        let letters: Vec<char> = self.0.chars().collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        groups.chunks(8).map(|row| row.join(" ")).collect()
    }
}

impl FromStr for Recipient {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("age-secret-key-") {
            // Nothing of it is said again.
            return Err(
                "an identity stands there, the secret half. It is spoilt: make another, and write its recipient, \
                        which begins with age1"
                    .into(),
            );
        }
        if lower.starts_with("ssh-") {
            return Err(
                "an SSH key stands there; only a native recipient of age is taken, which begins with age1".into()
            );
        }
        let kind = lower.rsplit_once('1').map_or("", |(before, _)| before);
        if let Some(other) = kind.strip_prefix("age1").or_else(|| kind.strip_prefix("age-plugin-")) {
            return Err(format!(
                "a recipient of the kind “{}” stands there, which needs a plugin or a newer age; only a native one is taken \
                 (age-keygen makes it)",
                crate::text::shown_up_to(other.trim_end_matches('-'), 40)
            ));
        }
        let wrong = || {
            "that is no recipient of age, or a letter of it is another one: age1 and 58 lower-case letters and digits"
                .to_owned()
        };
        let read = CheckedHrpstring::new::<Bech32>(text).map_err(|_| wrong())?;
        let point: Vec<u8> = read.byte_iter().collect();
        if text != lower || read.hrp().as_str() != HRP || point.len() != LENGTH {
            return Err(wrong());
        }
        if is_larger(&point) || is_small(&point) {
            return Err("no identity has this recipient: age-keygen did not make it".into());
        }
        Ok(Self(lower))
    }
}

/// Another spelling of a smaller point: X25519 would take it for that one.
fn is_larger(point: &[u8]) -> bool {
    point.iter().rev().gt(LARGEST.iter().rev())
}

fn is_small(point: &[u8]) -> bool {
    let below_two = point[0] < 2 && point[1..].iter().all(|byte| *byte == 0);
    below_two || *point == LARGEST || SMALL.iter().any(|small| point == small)
}

impl TryFrom<String> for Recipient {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        recipient.0
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use bech32::Hrp;

    use super::*;

    fn written(hrp: &str, point: &[u8]) -> String {
        bech32::encode::<Bech32>(Hrp::parse(hrp).expect("a prefix"), point).expect("letters")
    }

    #[test]
    fn a_native_recipient_is_taken_and_every_other_kind_is_named() {
        // The first of age's own documentation.
        let own = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        let recipient: Recipient = own.parse().expect("a recipient");
        assert_eq!((recipient.as_str(), recipient.to_string().len()), (own, 62));
        assert_eq!(recipient.rows().concat().replace(' ', ""), own);
        let point = [9; LENGTH];
        for (text, said) in [
            (
                "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX".to_owned(),
                "the secret half",
            ),
            ("ssh-ed25519 AAAAC3Nza".to_owned(), "an SSH key"),
            (written("age1yubikey", &[2; 33]), "of the kind “yubikey”"),
            (written("age1tag", &[2; 33]), "of the kind “tag”"),
            (format!("age1pq1{}", "q".repeat(1900)), "of the kind “pq”"),
            ("AGE-PLUGIN-YUBIKEY-1QQQQ".to_owned(), "of the kind “yubikey”"),
            (own.to_uppercase(), "no recipient"),
            (own.replacen('q', "p", 1), "no recipient"),
            (own[..60].to_owned(), "no recipient"),
            (written("age", &point[..31]), "no recipient"),
            (written("bc", &point), "no recipient"),
            (String::new(), "no recipient"),
            ("a passphrase".to_owned(), "no recipient"),
        ] {
            let wrong = text.parse::<Recipient>().expect_err(&text);
            assert!(wrong.contains(said), "{text}: {wrong}");
            assert!(!wrong.contains("GFPYY"), "nothing of an identity is said again");
        }
    }

    #[test]
    fn one_identity_has_one_spelling_and_a_point_that_agrees_with_all_has_none() {
        let mut high = [9; LENGTH];
        assert!(written("age", &high).parse::<Recipient>().is_ok());
        high[31] |= 0x80;
        let mut prime = LARGEST;
        prime[0] = 0xed;
        let (mut zero, mut one) = ([0; LENGTH], [0; LENGTH]);
        (zero[0], one[0]) = (0, 1);
        for point in [high, prime, [0xff; LENGTH], zero, one, LARGEST, SMALL[0], SMALL[1]] {
            let wrong = written("age", &point).parse::<Recipient>().expect_err("none");
            assert!(wrong.contains("no identity"), "{wrong}");
        }
        let mut last = LARGEST;
        last[0] -= 1;
        assert!(written("age", &last).parse::<Recipient>().is_ok());
    }
}
