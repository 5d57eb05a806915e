//! What is laid before people to judge: the review sheet of a draft, the tally, the card of a token. Plain data for every
//! front end, the paper and the report.

use serde::{Deserialize, Serialize};

use super::participants::{Alias, PersonId};
use crate::{digest::Digest, rules::Passed, utc::Utc};

/// A draft for review.
#[derive(Clone, Debug)]
pub struct ReviewSheet {
    /// The repository.
    pub repository: String,
    /// The role, `root`.
    pub role: String,
    /// The version that will be signed.
    pub version: u64,
    /// The change in words, a line each.
    pub changes: Vec<String>,
    /// Every key of every role.
    pub keys: Vec<KeyLine>,
    /// Thresholds in words, a line each.
    pub thresholds: Vec<String>,
    /// When it expires.
    pub expires: Utc,
    /// That many days from the confirmed clock.
    pub days: i64,
    /// The digest of the bytes to sign.
    pub digest: Digest,
    /// The rules that were asked and held.
    pub passed: Vec<Passed>,
    /// Who must sign.
    pub tally: TallySheet,
}

/// A key of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLine {
    /// The roles that it may sign for.
    pub roles: Vec<String>,
    /// Whose it is, and where it lives.
    pub name: String,
    /// The whole keyid.
    pub keyid: String,
    /// `P-256`.
    pub algorithm: String,
    /// `new`, `stays` or `goes`.
    pub change: KeyFate,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFate {
    /// It comes in with this draft.
    New,
    /// It was there and stays.
    Stays,
    /// It was there and goes.
    Goes,
}

impl KeyFate {
    /// The fate as a word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Stays => "stays",
            Self::Goes => "goes",
        }
    }
}

/// Who signed and who is missing: by the old root's keys (in a rotation) and by the new one's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TallySheet {
    /// The root before.
    pub old: Option<Meter>,
    /// The root to be signed.
    pub new: Meter,
}

impl TallySheet {
    /// Whether every threshold is met.
    pub fn met(&self) -> bool {
        self.new.met() && self.old.as_ref().is_none_or(Meter::met)
    }
}

/// One threshold and its signers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meter {
    /// How many are needed.
    pub threshold: u64,
    /// Whose keys count.
    pub signers: Vec<Signer>,
}

impl Meter {
    /// How many have signed.
    pub fn signed(&self) -> u64 {
        self.signers.iter().filter(|signer| signer.signed).count() as u64
    }

    /// Whether enough have signed.
    pub fn met(&self) -> bool {
        self.threshold > 0 && self.signed() >= self.threshold
    }
}

/// One whose signature counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Whose key it is.
    pub name: String,
    /// The first digits of the keyid.
    pub keyid: String,
    /// Whether the signature is there.
    pub signed: bool,
}

/// A token as people recognise it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCard {
    /// Its short name in the script.
    pub alias: Alias,
    /// Who holds it.
    pub holder: PersonId,
    /// The holder's name.
    pub holder_name: String,
    /// The colour or mark on its tag.
    pub tag: String,
    /// Its serial, once it is bound.
    pub serial: Option<String>,
}
