//! A private key of mixed entropy: no single source has to be trusted, since one good one makes the key as good as it is.
//!
//! ```text
//! source  = length of its name, 2 bytes, big endian ‖ name ‖ length of its bytes, 4 bytes, big endian ‖ bytes
//! sources = source ‖ source …        in the order in which they were asked; what people throw comes last
//! PRK     = HKDF-Extract-SHA-256(salt = "officiant key 1", IKM = sources)
//! key     = HKDF-Expand-SHA-256(PRK, info = "officiant key 1:" ‖ algorithm ‖ ":" ‖ n, length of the private key)      n = 0, 1, …
//! ```
//!
//! A key-encryption key ([`Kek`]) is mixed in the same way, with `officiant kek 1` in the place of `officiant key 1:` ‖ algorithm ‖ `:` ‖ n.
//!
//! HKDF is RFC 5869. The algorithm is as people name it (`P-256`), n a decimal number; the first n whose bytes are a private key is taken. A
//! source that sees all the others before it answers could choose the key: what people throw is therefore asked for when everything
//! else is drawn.

use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};

use super::{Kek, Wrong, private, wrapped::KEK_LENGTH};
use crate::{
    digest::Digest,
    fault::{Fault, FaultKind},
    keyfile::PrivateKey,
    locked::{self, LockedBytes},
    secret::Secret,
    tuf::key::KeyAlgorithm,
};

/// Bytes that each machine source gives.
pub const DRAWN: usize = 64;
/// The fewest throws of a die with six sides that are taken: 258 bits.
pub const THROWS_MIN: usize = 100;

/// Everything that is mixed together, in locked memory.
const ROOM: usize = 4096;
const DOMAIN: &str = "officiant key 1";

/// Sources on their way to a key.
pub struct Mixture(LockedBytes);

impl Mixture {
    /// Begins with the operating system's randomness.
    ///
    /// # Errors
    /// A fault where there is none, or memory cannot be locked.
    pub fn begin() -> Result<Self, Fault> {
        let mut mixture = Self(LockedBytes::with_room(ROOM)?);
        mixture.draw("operating system", |room| {
            getrandom::fill(room).map_err(|error| Fault::machine("draw a new key", error)).map(|()| true)
        })?;
        Ok(mixture)
    }

    /// Adds what a source draws into locked memory; `false` where it has nothing to give.
    ///
    /// # Errors
    /// That of the source; a fault where there are too many.
    pub fn draw<E: From<Fault>>(
        &mut self,
        name: &str,
        source: impl FnOnce(&mut [u8]) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let drawn = Secret::made(DRAWN, |room| source(room).map(|drew| if drew { DRAWN } else { 0 }))?;
        if drawn.is_empty() {
            return Ok(false);
        }
        self.add(name, drawn.expose())?;
        Ok(true)
    }

    /// Adds what people threw, and says what may be kept of it: the SHA-256 of the throws as digits.
    ///
    /// # Errors
    /// What is wrong with it: other signs than 1 to 6 and spaces, or too few.
    pub fn throws(&mut self, typed: &Secret) -> Result<Digest, Wrong> {
        let digits = Secret::made(typed.len().max(1), |room| {
            let mut count = 0;
            for byte in typed.expose().iter().filter(|byte| !byte.is_ascii_whitespace()) {
                if !(b'1'..=b'6').contains(byte) {
                    return Err(Wrong::Damaged("a die with six sides shows 1 to 6".into()));
                }
                room[count] = *byte;
                count += 1;
            }
            Ok(count)
        })?;
        if digits.len() < THROWS_MIN {
            let what = format!("{} throws were typed, and {THROWS_MIN} are needed", digits.len());
            return Err(Wrong::Damaged(what));
        }
        self.add("dice", digits.expose())?;
        let hash = Sha256::digest(digits.expose());
        locked::wipe_stack();
        Ok(Digest::from_bytes(hash.into()))
    }

    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        let lengths = (u16::try_from(name.len()), u32::try_from(bytes.len()));
        let (Ok(of_name), Ok(of_bytes)) = lengths else { return Err(too_many()) };
        for part in [&of_name.to_be_bytes()[..], name.as_bytes(), &of_bytes.to_be_bytes(), bytes] {
            self.0.spare_mut().get_mut(..part.len()).ok_or_else(too_many)?.copy_from_slice(part);
            self.0.grow(part.len());
        }
        Ok(())
    }

    /// A key-encryption key.
    ///
    /// # Errors
    /// A fault where memory cannot be locked.
    pub fn kek(self) -> Result<Kek, Fault> {
        locked::apart(|| {
            let mixed = Hkdf::<Sha256>::new(Some(DOMAIN.as_bytes()), self.0.bytes());
            let bytes = Secret::made(KEK_LENGTH, |room| {
                let made = mixed.expand(b"officiant kek 1", room);
                made.map(|()| KEK_LENGTH).map_err(|error| Fault::machine("make a key-encryption key", error))
            })?;
            Kek::of(bytes).ok_or_else(|| Fault::machine("make a key-encryption key", "it is too short"))
        })
    }

    /// The key.
    ///
    /// # Errors
    /// A fault where this program makes no key of this algorithm in memory, or memory cannot be locked.
    pub fn key(self, algorithm: KeyAlgorithm) -> Result<PrivateKey, Fault> {
        let length = match algorithm {
            KeyAlgorithm::P256 | KeyAlgorithm::Ed25519 => 32,
            KeyAlgorithm::P384 => 48,
            other => {
                let cause = format!("this program makes no {other} key in memory");
                return Err(Fault::new(FaultKind::NotSupported, "make a key", cause));
            }
        };
        locked::apart(|| {
            let mixed = Hkdf::<Sha256>::new(Some(DOMAIN.as_bytes()), self.0.bytes());
            for n in 0..u32::MAX {
                let info = format!("{DOMAIN}:{algorithm}:{n}");
                let bare = Secret::made(length, |room| {
                    let made = mixed.expand(info.as_bytes(), room);
                    made.map(|()| length).map_err(|error| Fault::machine("make a key", error))
                })?;
                // Not every number of so many bytes is a private key; almost all are.
                match private::bare(algorithm, bare.expose()) {
                    Ok(key) => return Ok(key),
                    Err(Wrong::Machine(fault)) => return Err(fault),
                    Err(_) => {}
                }
            }
            Err(Fault::machine("make a key", "no bytes were a private key"))
        })
    }
}

fn too_many() -> Fault {
    Fault::machine("mix the sources of a new key", "they are more than can be held")
}

#[cfg(test)]
mod tests;
