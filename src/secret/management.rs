//! The management key of a YubiKey that is not kept on it: in locked memory, by its serial, until it was sealed and the program ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use super::{LOCKED_MAX, Secret};
use crate::{
    device::yubikey::ManagementAlgorithm,
    fault::{Fault, FaultKind},
};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// A management key.
pub struct ManagementKey {
    algorithm: ManagementAlgorithm,
    key: Secret,
}

impl ManagementKey {
    /// Draws one at random.
    ///
    /// # Errors
    /// A fault where there is no randomness or memory cannot be locked.
    pub fn fresh(algorithm: ManagementAlgorithm) -> Result<Self, Fault> {
        let length = algorithm.length();
        let key = Secret::made(length, |room| {
            getrandom::fill(&mut room[..length]).map_err(|error| Fault::machine("draw a management key", error))?;
            Ok::<_, Fault>(length)
        })?;
        Ok(Self { algorithm, key })
    }

    /// One as people type it: hexadecimal digits, with spaces or without. What is wrong is said without repeating any of it.
    ///
    /// # Errors
    /// [`FaultKind::PinNotAcceptable`] where it is no key of this kind; a fault where memory cannot be locked.
    pub fn typed(algorithm: ManagementAlgorithm, text: &[u8]) -> Result<Self, Fault> {
        let length = algorithm.length();
        let wrong = || {
            let cause = format!("a management key of {algorithm} has {} hexadecimal digits", 2 * length);
            Fault::new(FaultKind::PinNotAcceptable, "read the management key", cause)
        };
        let key = Secret::made(length, |room| {
            let mut count = 0;
            for digit in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
                let value = DIGITS.iter().position(|known| *known == digit.to_ascii_lowercase()).ok_or_else(wrong)?;
                let place = room.get_mut(count / 2).ok_or_else(wrong)?;
                *place = *place << 4 | value as u8;
                count += 1;
            }
            if count == 2 * length { Ok(length) } else { Err(wrong()) }
        })?;
        Ok(Self { algorithm, key })
    }

    /// Its kind.
    pub fn algorithm(&self) -> ManagementAlgorithm {
        self.algorithm
    }

    /// The bytes, for the call that needs them. They must not be copied anywhere.
    pub fn expose(&self) -> &[u8] {
        self.key.expose()
    }

    /// Its hexadecimal digits, in lower case.
    ///
    /// # Errors
    /// A fault where memory cannot be locked.
    pub fn hex(&self) -> Result<Secret, Fault> {
        Secret::made(LOCKED_MAX.min(2 * self.key.len()), |room| {
            for (place, byte) in room.chunks_exact_mut(2).zip(self.expose()) {
                place[0] = DIGITS[usize::from(byte >> 4)];
                place[1] = DIGITS[usize::from(byte & 15)];
            }
            Ok(2 * self.key.len())
        })
    }

    /// Whether two are the same. The time taken tells nothing.
    pub fn same_as(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.key.same_as(&other.key)
    }
}

/// How a management key came into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameBy {
    /// It was drawn here, or came out of what was sealed.
    Itself,
    /// Somebody typed it; it may be wrong.
    Typing,
}

/// The management keys that are in memory, by the serials of their YubiKeys. Handles of one ring share the same locked memory.
#[derive(Default)]
pub struct ManagementKeys(Arc<Mutex<BTreeMap<u32, (CameBy, ManagementKey)>>>);

impl ManagementKeys {
    /// Another handle of the same ring. Nothing is copied.
    #[must_use]
    pub fn handle(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    fn ring(&self) -> MutexGuard<'_, BTreeMap<u32, (CameBy, ManagementKey)>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Keeps the key of this YubiKey, and wipes one that was there.
    pub fn keep(&self, serial: u32, key: ManagementKey, came: CameBy) {
        self.ring().insert(serial, (came, key));
    }

    /// Whether there is one of this YubiKey.
    pub fn holds(&self, serial: u32) -> bool {
        self.ring().contains_key(&serial)
    }

    /// Whether there is one of any YubiKey.
    pub fn is_empty(&self) -> bool {
        self.ring().is_empty()
    }

    /// Does something with the key of this YubiKey; `None` where there is none.
    pub fn with<T>(&self, serial: u32, work: impl FnOnce(&ManagementKey) -> T) -> Option<T> {
        self.ring().get(&serial).map(|(_, key)| work(key))
    }

    /// Wipes the key of this YubiKey.
    pub fn forget(&self, serial: u32) {
        self.ring().remove(&serial);
    }

    /// Wipes it where it was typed, because it turned out to be wrong.
    pub fn forget_typed(&self, serial: u32) {
        self.ring().retain(|known, (came, _)| *known != serial || *came == CameBy::Itself);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_a_key_of_its_kind_or_is_refused_without_being_repeated() {
        let typed = |text: &str| ManagementKey::typed(ManagementAlgorithm::Aes128, text.as_bytes());
        let key = typed("00112233 44556677 8899AABB ccddeeff").unwrap();
        assert_eq!(key.expose()[..3], [0x00, 0x11, 0x22]);
        assert_eq!(key.hex().unwrap().expose(), b"00112233445566778899aabbccddeeff");
        assert!(key.same_as(&typed("00112233445566778899aabbccddeeff").unwrap()));
        for wrong in ["", "00", "0011223344556677 8899aabbccddeef", "zz112233445566778899aabbccddeeff", &"0".repeat(33)]
        {
            let fault = typed(wrong).err().expect("no key");
            assert_eq!(fault.kind, FaultKind::PinNotAcceptable);
            assert!(wrong.len() < 3 || !fault.to_string().contains(wrong), "{fault}");
        }
    }

    #[test]
    fn a_ring_forgets_what_was_typed_wrong_and_keeps_what_it_drew() {
        let ring = ManagementKeys::default();
        let other = ring.handle();
        ring.keep(1, ManagementKey::fresh(ManagementAlgorithm::Aes192).unwrap(), CameBy::Itself);
        ring.keep(2, ManagementKey::fresh(ManagementAlgorithm::Aes192).unwrap(), CameBy::Typing);
        other.forget_typed(1);
        other.forget_typed(2);
        assert!(ring.holds(1) && !ring.holds(2));
        other.forget(1);
        assert!(ring.is_empty());
    }
}
