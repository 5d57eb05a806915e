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
use sha2::{Digest as _, Sha256};
use vsss_rs::Gf256;

use super::{Identity, ShareWrong, alphabet::SHARE, filling::composed, identity::LENGTH, typed::ROWS};
use crate::{
    custody::{Commitment, Label, Opens, SHORT, Scheme, Set, keyid_short},
    digest::{Digest, to_hex},
    fault::Fault,
    keyfile::Kek,
    locked,
    secret::Secret,
    tuf::key::KeyId,
};

/// Length of a share's record, in bytes.
pub const RECORD: usize = 64;
const HEADER: usize = 16;
const SALT: usize = 12;
const VALUE: usize = HEADER + SALT;
const SUM: usize = VALUE + LENGTH;

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
    (1..=scheme.count()).contains(&index).then(|| Label {
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

/// The shares of an identity, and what is public of them.
pub struct Split {
    /// In the order of their indexes, from 1.
    pub shares: Vec<Share>,
    /// For the transcript.
    pub set: Set,
}

impl Split {
    /// The identity that was split, put together again.
    ///
    /// # Errors
    /// A fault where memory cannot be locked, or a key-encryption key was split.
    pub fn identity(&self) -> Result<Identity, Fault> {
        super::gather::identity_of(self)
    }
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
    let short = keyid_short(keyid).ok_or_else(|| Fault::machine(doing, "the keyid is not hexadecimal"))?;
    let (threshold, count) = (scheme.threshold(), scheme.count());
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
    Ok(Split {
        shares,
        set: Set {
            fingerprint,
            scheme,
            keyid: keyid.clone(),
            commitments,
            opens,
            encrypted: vec![],
            passphrase_copy: false,
        },
    })
}

#[cfg(test)]
mod tests;
