//! Shares in the hands of custodians, as far as they may be spoken of: how many there are and how many open a backup, what a share says
//! of itself, and the commitments by which one is known again. Words for everybody: nothing here is secret, and nothing here can
//! open anything.

mod recipient;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::recipient::Recipient;
use crate::{
    digest::{Digest, from_hex, to_hex},
    tuf::key::KeyId,
};

/// The most shares of a set: every combination of a threshold of them is tried before the first is printed.
pub const SHARES_MAX: u8 = 16;
/// Bytes of a fingerprint and of a keyid that stand on a share.
pub(crate) const SHORT: usize = 6;

/// How many shares there are, and how many of them open the backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u8, u8)", into = "(u8, u8)")]
pub struct Scheme {
    threshold: u8,
    count: u8,
}

impl Scheme {
    /// `threshold` of `count`: at least 2, so that nobody opens it alone; fewer than all, so that a lost share is not the loss of the
    /// backup; and `count` at most [`SHARES_MAX`]. `None` otherwise.
    pub const fn new(threshold: u8, count: u8) -> Option<Self> {
        if threshold < 2 || threshold >= count || count > SHARES_MAX {
            return None;
        }
        Some(Self { threshold, count })
    }

    /// How many open it.
    pub const fn threshold(self) -> u8 {
        self.threshold
    }

    /// How many there are.
    pub const fn count(self) -> u8 {
        self.count
    }

    /// How many must be destroyed so that the others open nothing any more.
    pub const fn to_destroy(self) -> u8 {
        self.count - self.threshold + 1
    }
}

impl TryFrom<(u8, u8)> for Scheme {
    type Error = String;

    fn try_from((threshold, count): (u8, u8)) -> Result<Self, String> {
        Self::new(threshold, count).ok_or_else(|| format!("{threshold} of {count} shares is no scheme"))
    }
}

impl From<Scheme> for (u8, u8) {
    fn from(scheme: Scheme) -> Self {
        (scheme.threshold, scheme.count)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.threshold, self.count)
    }
}

/// For how many days a backup that was restored is known to restore.
pub const RESTORED_DAYS: i64 = 3 * 365;

/// What the shares of a set give back, and what that opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opens {
    /// An identity of age. It opens a sealed file.
    #[default]
    SealedFile,
    /// A key-encryption key. It opens a file with a key that a token wrapped.
    WrappedKey,
}

impl Opens {
    /// The first byte of a share.
    pub const fn version(self) -> u8 {
        match self {
            Self::SealedFile => 1,
            Self::WrappedKey => 2,
        }
    }

    /// What shares of this version open; `None` for a version that is not known.
    pub const fn of_version(version: u8) -> Option<Self> {
        match version {
            1 => Some(Self::SealedFile),
            2 => Some(Self::WrappedKey),
            _ => None,
        }
    }

    /// Whether it is the first that there was, which a transcript does not name.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    fn is_first(&self) -> bool {
        *self == Self::SealedFile
    }
}

/// What a share says of itself and may be shown: everything but its salt and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Which one it is, from 1.
    pub index: u8,
    /// Of how many, and how many are needed.
    pub scheme: Scheme,
    /// The set's id: 12 hexadecimal digits.
    pub set: String,
    /// The first 12 hexadecimal digits of the keyid of the key that is backed up.
    pub keyid: String,
    /// What it opens, together with the others.
    #[serde(default, skip_serializing_if = "Opens::is_first")]
    pub opens: Opens,
}

/// A salted commitment to a share: SHA-256 of `officiant share commitment 1:` and its record. It tells nothing of the share, and
/// fits no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commitment(pub Digest);

/// What is public of a set of shares, for the transcript.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// The fingerprint of the identity, or of the key-encryption key, that is split.
    pub fingerprint: Digest,
    /// How many shares, and how many open the backup.
    pub scheme: Scheme,
    /// The keyid of the key that is backed up.
    pub keyid: KeyId,
    /// A commitment for each share, in the order of their indexes.
    pub commitments: Vec<Commitment>,
    /// What the shares open.
    #[serde(default, skip_serializing_if = "Opens::is_first")]
    pub opens: Opens,
    /// The shares that were to be encrypted to their custodians as well: the end of such a page is not the end of the share.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encrypted: Vec<u8>,
    /// Whether a copy was to be sealed that opens with a passphrase: the end of the shares is not the end of the backup.
    #[serde(default, rename = "passphrase-copy", skip_serializing_if = "std::ops::Not::not")]
    pub passphrase_copy: bool,
}

impl Set {
    /// The id that stands on every share: the first 12 hexadecimal digits of the fingerprint.
    pub fn id(&self) -> String {
        to_hex(&self.fingerprint.as_bytes()[..SHORT])
    }

    /// What share `index` (from 1) must say of itself.
    pub fn label(&self, index: u8) -> Label {
        Label {
            index,
            scheme: self.scheme,
            set: self.id(),
            keyid: keyid_short(&self.keyid).map_or_else(String::new, |short| to_hex(&short)),
            opens: self.opens,
        }
    }
}

/// The bytes of a keyid that stand on a share; `None` where it is not hexadecimal.
pub(crate) fn keyid_short(keyid: &KeyId) -> Option<[u8; SHORT]> {
    from_hex(keyid.as_str())?.get(..SHORT)?.try_into().ok()
}
