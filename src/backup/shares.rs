//! The identity of a sealed file, or the key-encryption key of a wrapped one, split among custodians: Shamir's secret sharing over GF(256), byte by byte, by `vsss-rs`. Nothing of its mathematics
//! is here; what is here is what a share says of itself.
//!
//! A share is a record of 64 bytes:
//!
//! | bytes | what |
//! |---|---|
//! | 0 | 1: of an identity; 2: of a key-encryption key |
//! | 1, 2, 3 | threshold, count, index (the x of the share, from 1) |
//! | 4 to 9 | set id: the beginning of the set's fingerprint |
//! | 10 to 15 | the beginning of the keyid of the key that is backed up |
//! | 16 to 27 | salt |
//! | 28 to 59 | the value (the y of the share, a byte for each byte of what is split) |
//! | 60 to 63 | the beginning of SHA-256 of `officiant share 1:` and the bytes before |

use std::fmt;

use rand_core::{CryptoRng, UnwrapErr};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use vsss_rs::Gf256;

use super::{Identity, ShareWrong, alphabet::SHARE, filling::composed, identity::LENGTH, typed::ROWS};
use crate::{
    digest::{Digest, from_hex, to_hex},
    fault::Fault,
    keyfile::Kek,
    locked,
    secret::Secret,
    tuf::key::KeyId,
};

/// Length of a share's record, in bytes.
pub const RECORD: usize = 64;
/// The most shares of a set: every combination of a threshold of them is tried before the first is printed.
pub const SHARES_MAX: u8 = 16;

const SHORT: usize = 6;
const HEADER: usize = 16;
const SALT: usize = 12;
const VALUE: usize = HEADER + SALT;
const SUM: usize = VALUE + LENGTH;

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
    const fn version(self) -> u8 {
        match self {
            Self::SealedFile => 1,
            Self::WrappedKey => 2,
        }
    }

    const fn of_version(version: u8) -> Option<Self> {
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
    /// [`Identity::fingerprint`] of the identity that is split, or [`Kek::fingerprint`] of the key-encryption key.
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
            keyid: short_of(&self.keyid).map_or_else(String::new, |short| to_hex(&short)),
            opens: self.opens,
        }
    }
}

/// One person's part of the identity.
pub struct Share {
    record: Secret,
    label: Label,
}

impl Share {
    /// What may be shown of it.
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// The commitment to it.
    pub fn commitment(&self) -> Commitment {
        let hash = Sha256::new().chain_update(b"officiant share commitment 1:").chain_update(self.record.expose());
        let commitment = Commitment(Digest::from_bytes(hash.finalize().into()));
        locked::wipe_stack();
        commitment
    }

    /// One row of it (from 1 to [`ROWS`]), for a covered screen that shows one at a time and is cleared after each.
    ///
    /// # Errors
    /// A fault where memory cannot be locked.
    ///
    /// # Panics
    /// Where there is no such row.
    pub fn row(&self, number: usize) -> Result<Secret, Fault> {
        assert!((1..=ROWS).contains(&number), "a share has {ROWS} rows");
        composed(RECORD, |out| self.write_row(out, number, " "))
    }

    /// Writes a row into memory that is locked as well.
    pub(super) fn write_row(&self, out: &mut super::filling::Filling<'_>, number: usize, gap: &str) -> fmt::Result {
        let record = self.record.expose();
        let start = (number - 1) * SHARE.bytes;
        SHARE.write(out, number, context(record, number), &record[start..start + SHARE.bytes], gap)
    }

    pub(super) fn of(record: Secret) -> Result<Self, ShareWrong> {
        let bytes = record.expose();
        if bytes.len() != RECORD || sum(&bytes[..SUM]) != bytes[SUM..] {
            return Err(ShareWrong::Checksum);
        }
        if Opens::of_version(bytes[0]).is_none() {
            return Err(ShareWrong::Version(bytes[0]));
        }
        let label = label_of(bytes).ok_or(ShareWrong::Numbers)?;
        locked::wipe_stack();
        Ok(Self { record, label })
    }

    /// x and y, one after the other, as the library takes them. What is freed of them is wiped by the heap.
    pub(super) fn point(&self) -> Vec<u8> {
        let mut point = Vec::with_capacity(1 + LENGTH);
        point.push(self.label.index);
        point.extend_from_slice(&self.record.expose()[VALUE..SUM]);
        point
    }
}

/// The bytes before a row that its check covers too: a row belongs to its page. The first two rows are what the others belong to.
pub(super) fn context(record: &[u8], row: usize) -> &[u8] {
    match row {
        1 => &[],
        2 => &record[..SHARE.bytes],
        _ => &record[..HEADER],
    }
}

/// What the first two rows say; `None` where their numbers cannot be.
pub(super) fn label_of(record: &[u8]) -> Option<Label> {
    let scheme = Scheme::new(record[1], record[2])?;
    let index = record[3];
    (1..=scheme.count).contains(&index).then(|| Label {
        index,
        scheme,
        set: to_hex(&record[4..4 + SHORT]),
        keyid: to_hex(&record[4 + SHORT..HEADER]),
        // Another version is named when the whole is there.
        opens: Opens::of_version(record[0]).unwrap_or_default(),
    })
}

fn sum(before: &[u8]) -> [u8; RECORD - SUM] {
    let hash = Sha256::new().chain_update(b"officiant share 1:").chain_update(before).finalize();
    [hash[0], hash[1], hash[2], hash[3]]
}

fn short_of(keyid: &KeyId) -> Option<[u8; SHORT]> {
    from_hex(keyid.as_str())?.get(..SHORT)?.try_into().ok()
}

/// The shares of an identity, and what is public of them.
pub struct Split {
    /// In the order of their indexes, from 1.
    pub shares: Vec<Share>,
    /// For the transcript.
    pub set: Set,
}

/// What is to be split.
pub(super) struct Whole<'a> {
    bare: &'a [u8],
    opens: Opens,
    fingerprint: Digest,
}

impl<'a> From<&'a Identity> for Whole<'a> {
    fn from(identity: &'a Identity) -> Self {
        Self { bare: identity.bare(), opens: Opens::SealedFile, fingerprint: identity.fingerprint() }
    }
}

impl<'a> From<&'a Kek> for Whole<'a> {
    fn from(kek: &'a Kek) -> Self {
        Self { bare: kek.material().expose(), opens: Opens::WrappedKey, fingerprint: kek.fingerprint() }
    }
}

/// Splits `identity`, which opens the backup of the key that `keyid` names, and tries every combination of a threshold of shares
/// before it returns. An identity is split once: for new custodians there is a new identity.
///
/// # Errors
/// A fault where the machine gives no randomness or no locked memory, where the keyid is not hexadecimal, and where a combination
/// does not give the identity back.
pub fn split(identity: &Identity, scheme: Scheme, keyid: &KeyId) -> Result<Split, Fault> {
    split_whole(identity.into(), scheme, keyid)
}

/// Splits `kek`, under which a token wrapped the key that `keyid` names. As [`split`]: once, and every combination is tried.
///
/// # Errors
/// As [`split`].
pub fn split_kek(kek: &Kek, scheme: Scheme, keyid: &KeyId) -> Result<Split, Fault> {
    split_whole(kek.into(), scheme, keyid)
}

fn split_whole(whole: Whole<'_>, scheme: Scheme, keyid: &KeyId) -> Result<Split, Fault> {
    // The library's generator cannot fail: whether the system's works is found out before.
    getrandom::fill(&mut [0; 16]).map_err(|error| Fault::machine("draw randomness for the shares", error))?;
    let split = split_from(whole, scheme, keyid, UnwrapErr(getrandom::SysRng))?;
    super::gather::every_combination(&split)?;
    Ok(split)
}

/// The same from a given source, salts first, and untried.
pub(super) fn split_from<'a>(
    whole: impl Into<Whole<'a>>,
    scheme: Scheme,
    keyid: &KeyId,
    mut random: impl CryptoRng,
) -> Result<Split, Fault> {
    let Whole { bare, opens, fingerprint } = whole.into();
    let doing = "split what opens the backup";
    let short = short_of(keyid).ok_or_else(|| Fault::machine(doing, "the keyid is not hexadecimal"))?;
    let (threshold, count) = (scheme.threshold, scheme.count);
    let mut salts = vec![[0; SALT]; usize::from(count)];
    salts.iter_mut().for_each(|salt| random.fill_bytes(salt));
    let points = Gf256::split_bytes(threshold.into(), count.into(), bare, &mut random);
    let points = points.map_err(|error| Fault::machine(doing, error))?;
    let mut shares = vec![];
    for ((point, salt), index) in points.iter().zip(&salts).zip(1..) {
        let [x, value @ ..] = point.as_slice() else { return Err(Fault::machine(doing, "a share is empty")) };
        if *x != index || value.len() != LENGTH {
            return Err(Fault::machine(doing, "the library numbers shares in another way"));
        }
        let record = composed(RECORD, |out| {
            out.push(&[opens.version(), threshold, count, index])?;
            out.push(&fingerprint.as_bytes()[..SHORT])?;
            out.push(&short)?;
            out.push(salt)?;
            out.push(value)?;
            let sum = sum(out.filled());
            out.push(&sum)
        })?;
        shares.push(Share::of(record).map_err(|wrong| Fault::machine(doing, wrong))?);
    }
    drop(points);
    locked::wipe_stack();
    let commitments = shares.iter().map(Share::commitment).collect();
    Ok(Split { shares, set: Set { fingerprint, scheme, keyid: keyid.clone(), commitments, opens } })
}

#[cfg(test)]
mod tests;
