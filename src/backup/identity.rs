//! The age identity that a backup is sealed to: 32 random bytes, which are what is split.

use std::fmt;

use bech32::{Bech32, Hrp};
use sha2::{Digest as _, Sha256};

use super::filling::composed;
use crate::{digest::Digest, fault::Fault, locked, secret::Secret};

/// What age writes before an identity.
const HRP: Hrp = Hrp::parse_unchecked("age-secret-key-");
/// Length of the bare identity, in bytes.
pub(super) const LENGTH: usize = 32;
/// `AGE-SECRET-KEY-1`, 52 letters, 6 of checksum.
const TEXT_LENGTH: usize = 74;

/// A native X25519 identity of age. Made for one backup, split, and wiped.
pub struct Identity(Secret);

impl Identity {
    /// Draws a fresh one from the operating system.
    ///
    /// # Errors
    /// A fault where there is no randomness or memory cannot be locked.
    pub fn fresh() -> Result<Self, Fault> {
        Secret::made(LENGTH, |room| {
            getrandom::fill(room).map_err(|error| Fault::machine("draw an identity for the backup", error))?;
            Ok(LENGTH)
        })
        .map(Self)
    }

    /// The one of these bytes; `None` where they are not 32.
    pub(super) fn of(bare: Secret) -> Option<Self> {
        (bare.len() == LENGTH).then_some(Self(bare))
    }

    pub(super) fn bare(&self) -> &[u8] {
        self.0.expose()
    }

    /// As stock tools take it in an identity file: `AGE-SECRET-KEY-1…` (Bech32, upper case), without a newline.
    ///
    /// # Errors
    /// A fault where memory cannot be locked.
    pub fn age_text(&self) -> Result<Secret, Fault> {
        composed(TEXT_LENGTH, |out| {
            bech32::encode_upper_to_fmt::<Bech32, _>(out, HRP, self.bare()).map_err(|_| fmt::Error)
        })
    }

    pub(super) fn to_age(&self) -> Result<age::x25519::Identity, Fault> {
        let text = self.age_text()?;
        let text = std::str::from_utf8(text.expose()).expect("Bech32 is ASCII");
        let identity = text.parse().expect("age reads what Bech32 wrote of 32 bytes");
        locked::wipe_stack();
        Ok(identity)
    }

    /// What a set is known by: SHA-256 of `officiant set 1:` and the 32 bytes. It covers every bit, also those that X25519 does not
    /// look at. The recipient (`age1…`) is written down nowhere: without it, the sealed file alone is no help even to who could
    /// compute discrete logarithms.
    pub fn fingerprint(&self) -> Digest {
        let hash = Sha256::new().chain_update(b"officiant set 1:").chain_update(self.bare()).finalize();
        locked::wipe_stack();
        Digest::from_bytes(hash.into())
    }

    /// Whether two are the same. The time taken tells nothing.
    pub fn same_as(&self, other: &Self) -> bool {
        self.0.same_as(&other.0)
    }
}
