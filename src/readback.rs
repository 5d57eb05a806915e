//! What people say aloud, and the proofs that come of it.
//!
//! A digest is spoken as 32 PGP words. Read-back is *blind*: the screen hides some of the words and the witness supplies
//! them from paper, so nobody can confirm by nodding. [`Reviewed`] is the proof that a payload was read back, and one of
//! the three things ([`Signable`]) that a token of this program ever signs.

use std::{collections::HashSet, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Words of a whole digest, as for the script, a payload and the final head.
pub const WORDS_OF_DIGEST: usize = 32;
/// Words at the end of an act: the first eight of the head.
pub const WORDS_OF_ACT: usize = 8;

/// One PGP word for each byte, alternating between the two-syllable (even) and the three-syllable (odd) list, in lower case.
pub fn words(bytes: &[u8]) -> Vec<String> {
    pgp_words::to_words(bytes).into_iter().map(str::to_lowercase).collect()
}

/// A digest of which some words are hidden, and must come from a person's paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blind {
    digest: Digest,
    length: usize,
    hidden: Vec<usize>,
}

impl Blind {
    /// Hides a quarter of the first `length` words of `digest` (at least two). Which ones follows from `digest` and `turn`,
    /// so that another try hides others.
    ///
    /// # Panics
    /// If `length` is not 2 to 32: it is one of the two constants of this module.
    pub fn new(digest: Digest, length: usize, turn: u64) -> Self {
        assert!((2..=WORDS_OF_DIGEST).contains(&length), "a digest has 32 words");
        let count = (length / 4).max(2);
        let mut hidden = Vec::with_capacity(count);
        for round in 0u64.. {
            let mut seed = digest.as_bytes().to_vec();
            seed.extend_from_slice(&turn.to_be_bytes());
            seed.extend_from_slice(&round.to_be_bytes());
            for byte in Digest::of(&seed).as_bytes() {
                let position = usize::from(*byte) % length;
                if hidden.len() < count && !hidden.contains(&position) {
                    hidden.push(position);
                }
            }
            if hidden.len() == count {
                break;
            }
        }
        hidden.sort_unstable();
        Self { digest, length, hidden }
    }

    /// The digest whose words these are.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many words it is about.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The words in order, `None` where one is hidden.
    pub fn shown(&self) -> Vec<Option<String>> {
        words(&self.digest.as_bytes()[..self.length])
            .into_iter()
            .enumerate()
            .map(|(position, word)| (!self.hidden.contains(&position)).then_some(word))
            .collect()
    }

    /// The positions of the hidden words, from 0, rising.
    pub fn hidden(&self) -> &[usize] {
        &self.hidden
    }

    /// The words that a person with the right paper supplies. For rehearsals and tests, where nobody holds a paper.
    pub fn answer(&self) -> Vec<String> {
        let all = words(self.digest.as_bytes());
        self.hidden.iter().map(|&position| all[position].clone()).collect()
    }

    /// Compares the supplied words, in the order of [`Blind::hidden`], without regard to case and surrounding space.
    ///
    /// # Errors
    /// The number of the first word (from 1, as people count) that is missing or differs.
    pub fn check(&self, supplied: &[String]) -> Result<(), WrongWord> {
        for (index, (right, &position)) in self.answer().iter().zip(&self.hidden).enumerate() {
            if supplied.get(index).is_none_or(|word| word.trim().to_lowercase() != *right) {
                return Err(WrongWord { number: position + 1 });
            }
        }
        if supplied.len() > self.hidden.len() {
            return Err(WrongWord { number: self.length + 1 });
        }
        Ok(())
    }
}

/// A supplied word is not the one of the digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongWord {
    /// Which word of the digest, from 1.
    pub number: usize,
}

impl fmt::Display for WrongWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "word {} is missing or differs from the one on the screen's side", self.number)
    }
}

/// A blind read-back as it went: what was asked and what a person supplied. It proves nothing by itself; [`Reviewed`]
/// compares again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadBack {
    /// What was shown.
    pub blind: Blind,
    /// What was supplied, in the order of the hidden words.
    pub supplied: Vec<String>,
}

impl ReadBack {
    /// Whether it is over the digest of these bytes, with all 32 words and without a wrong one.
    fn is_of(&self, bytes: &[u8]) -> bool {
        let blind = &self.blind;
        let whole = blind.length == WORDS_OF_DIGEST && blind.hidden.len() >= WORDS_OF_DIGEST / 4;
        whole && blind.digest == Digest::of(bytes) && blind.check(&self.supplied).is_ok()
    }
}

/// Proof that people read back the digest of exactly these bytes. The only constructor compares the supplied words again,
/// so nothing that can be deserialised can forge one.
#[derive(Clone)]
pub struct Reviewed {
    to_sign: Arc<[u8]>,
    wire: Digest,
}

impl Reviewed {
    /// `to_sign` are the bytes that the token signs, `wire` the digest of the same document as it goes out. The read-back
    /// must be over the digest of `to_sign`, with all 32 words and without a wrong one.
    pub fn new(to_sign: Arc<[u8]>, wire: Digest, read_back: &ReadBack) -> Option<Self> {
        read_back.is_of(&to_sign).then_some(Self { to_sign, wire })
    }

    /// The bytes to sign.
    pub fn bytes(&self) -> &[u8] {
        &self.to_sign
    }

    /// The digest of the document as it goes out, without its signatures.
    pub fn wire(&self) -> Digest {
        self.wire
    }
}

/// Proof that people read back the list of a batch's payloads, and with it each payload that the list names.
#[derive(Clone, Debug)]
pub struct ManifestRead {
    payloads: HashSet<Digest>,
}

impl ManifestRead {
    /// `text` is the list in the form of `sha256sum`. The read-back must be over its digest, with all 32 words and without a
    /// wrong one.
    pub fn new(text: &str, read_back: &ReadBack) -> Option<Self> {
        let payload = |line: &str| Digest::from_hex(line.split_once(' ')?.0);
        let payloads = text.lines().map(payload).collect::<Option<_>>()?;
        read_back.is_of(text.as_bytes()).then_some(Self { payloads })
    }

    /// The proof for one payload of the list; `wire` as for [`Reviewed::new`].
    pub fn reviewed(&self, to_sign: Arc<[u8]>, wire: Digest) -> Option<Reviewed> {
        self.payloads.contains(&Digest::of(&to_sign)).then_some(Reviewed { to_sign, wire })
    }
}

/// A root certificate that is to be signed: people read what it will say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<u8>);

impl Template {
    /// `to_be_signed` is a TBSCertificate in DER; `None` for anything that could be something else.
    pub fn new(to_be_signed: Vec<u8>) -> Option<Self> {
        // A SEQUENCE of some length, which no JSON begins with.
        (to_be_signed.len() > 100 && to_be_signed[0] == 0x30 && to_be_signed[1] >= 0x80).then_some(Self(to_be_signed))
    }
}

/// The first bytes of every [`Challenge`]: neither JSON (which begins with a brace, a bracket, a quote, a digit, a minus or one of
/// `tfn`) nor DER (a SEQUENCE is `0x30`), so that no client of anything takes a signed challenge for metadata.
pub const CHALLENGE_PREFIX: &[u8] = b"officiant challenge 1\n";

/// A statement that a key signs only to show that it can: lines of `name: value` after a fixed prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(Vec<u8>);

impl Challenge {
    /// A proof of possession (`KEY-POSSESSION`): who holds this key can sign for it, for this repository and role, until the end of
    /// `last_day` (`YYYY-MM-DD`).
    pub fn possession(repository: &str, role: &str, keyid: &str, last_day: &str, nonce: &[u8]) -> Self {
        Self::lines(&[
            ("purpose", "possession"),
            ("repository", repository),
            ("role", role),
            ("keyid", keyid),
            ("last-day", last_day),
            ("nonce", &crate::digest::to_hex(nonce)),
        ])
    }

    /// The head of a transcript, signed at close by each officer's token (`HEAD-SIGNED`).
    pub fn head(head: Digest) -> Self {
        Self::lines(&[("purpose", "transcript-head"), ("head", &head.to_string())])
    }

    /// A nonce, for the probe and the drill: proves a pair of objects on a token to be a key pair.
    pub fn nonce(nonce: &[u8]) -> Self {
        Self::lines(&[("purpose", "nonce"), ("nonce", &crate::digest::to_hex(nonce))])
    }

    /// The bytes to sign.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn lines(fields: &[(&str, &str)]) -> Self {
        let mut bytes = CHALLENGE_PREFIX.to_vec();
        for (name, value) in fields {
            // A value cannot begin a line of its own: control characters are written out.
            bytes.extend_from_slice(format!("{name}: {}\n", crate::text::shown_up_to(value, usize::MAX)).as_bytes());
        }
        Self(bytes)
    }
}

/// The whole list of what a token of this program signs.
#[derive(Clone)]
pub enum Signable {
    /// Metadata that people read back.
    Reviewed(Reviewed),
    /// A root certificate.
    Certificate(Template),
    /// A statement that no client parses.
    Challenge(Challenge),
}

impl Signable {
    /// The bytes to sign.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Reviewed(reviewed) => reviewed.bytes(),
            Self::Certificate(Template(bytes)) => bytes,
            Self::Challenge(challenge) => challenge.bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload() -> Arc<[u8]> {
        Arc::from(&b"payload"[..])
    }

    #[test]
    fn the_words_are_those_of_the_published_list() {
        assert_eq!(words(&[0x00, 0x00, 0xff, 0xff]), ["aardvark", "adroitness", "zulu", "yucatan"]);
        assert_eq!(words(&[0xe5, 0x82, 0x94, 0xf2]), ["topmost", "istanbul", "pluto", "vagabond"]);
    }

    #[test]
    fn a_quarter_is_hidden_and_another_turn_hides_others() {
        let blind = Blind::new(Digest::of(b"payload"), WORDS_OF_DIGEST, 0);
        assert_eq!(blind.hidden().len(), 8);
        assert_eq!(blind.shown().iter().filter(|word| word.is_none()).count(), 8);
        assert_eq!(blind.check(&blind.answer()), Ok(()));
        assert_ne!(blind.hidden(), Blind::new(Digest::of(b"payload"), WORDS_OF_DIGEST, 1).hidden());
        let mut wrong = blind.answer();
        wrong[3] = "zulu zulu".into();
        assert_eq!(blind.check(&wrong), Err(WrongWord { number: blind.hidden()[3] + 1 }));
        assert!(blind.check(&blind.answer()[..7]).is_err());
    }

    #[test]
    fn only_the_words_of_these_very_bytes_make_them_reviewed() {
        let wire = Digest::of(b"wire");
        let blind = Blind::new(Digest::of(b"payload"), WORDS_OF_DIGEST, 0);
        let good = ReadBack { supplied: blind.answer(), blind };
        assert!(Reviewed::new(payload(), wire, &good).is_some());

        let other = Blind::new(Digest::of(b"other"), WORDS_OF_DIGEST, 0);
        let of_other = ReadBack { supplied: other.answer(), blind: other };
        assert!(Reviewed::new(payload(), wire, &of_other).is_none());

        let short = Blind::new(Digest::of(b"payload"), WORDS_OF_ACT, 0);
        let of_short = ReadBack { supplied: short.answer(), blind: short };
        assert!(Reviewed::new(payload(), wire, &of_short).is_none());

        let nothing_hidden = Blind { hidden: vec![], ..good.blind.clone() };
        assert!(Reviewed::new(payload(), wire, &ReadBack { blind: nothing_hidden, supplied: vec![] }).is_none());
    }

    #[test]
    fn only_the_payloads_of_the_list_that_was_read_back_are_reviewed() {
        let list = format!("{}  payloads/a\n", Digest::of(b"payload"));
        let blind = Blind::new(Digest::of(list.as_bytes()), WORDS_OF_DIGEST, 0);
        let good = ReadBack { supplied: blind.answer(), blind };
        let read = ManifestRead::new(&list, &good).expect("the list was read back");
        let wire = Digest::of(b"wire");
        assert!(read.reviewed(payload(), wire).is_some());
        assert!(read.reviewed(Arc::from(&b"other"[..]), wire).is_none());
        let more = format!("{list}{}  payloads/b\n", Digest::of(b"other"));
        assert!(ManifestRead::new(&more, &good).is_none());
        let mut wrong = good;
        wrong.supplied[0] = "zulu".into();
        assert!(ManifestRead::new(&list, &wrong).is_none());
    }

    #[test]
    fn a_challenge_is_neither_json_nor_der_and_no_value_begins_a_line() {
        let challenge = Challenge::possession("shop\nrole: targets", "root", "ab12", "2026-12-01", &[1, 2]);
        let text = String::from_utf8(challenge.bytes().to_vec()).expect("challenges are text");
        assert_eq!(text.lines().filter(|line| line.starts_with("role:")).count(), 1);
        assert!(text.starts_with("officiant challenge 1\n"));
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_err());
    }
}
