//! PIN and PUK: checked, changed, unblocked, and how many tries they have.

use super::{Answer, Card};
use crate::apdu::{Apdu, Status, sw};

/// The PIN of the factory.
pub const PIN: &[u8] = b"123456";
/// The PUK of the factory.
pub const PUK: &[u8] = b"12345678";

/// A code with its tries.
pub(super) struct Code {
    value: [u8; 8],
    factory: [u8; 8],
    pub(super) total: u8,
    pub(super) left: u8,
}

impl Code {
    pub(super) fn new(value: &[u8]) -> Self {
        let mut padded = [0xff; 8];
        padded[..value.len()].copy_from_slice(value);
        Self { value: padded, factory: padded, total: 3, left: 3 }
    }

    pub(super) fn blocked(&self) -> bool {
        self.left == 0
    }

    pub(super) fn is_default(&self) -> bool {
        self.value == self.factory
    }

    fn with_tries(self, total: u8) -> Self {
        Self { total, left: total, ..self }
    }

    /// Spends a try, and gives it back where the code is right.
    fn check(&mut self, entered: &[u8], last_says_blocked: bool) -> Result<(), Status> {
        if self.blocked() {
            return Err(sw::BLOCKED);
        }
        if entered == self.value {
            self.left = self.total;
            return Ok(());
        }
        self.left -= 1;
        Err(if self.blocked() && last_says_blocked { sw::BLOCKED } else { sw::wrong(self.left) })
    }
}

/// A new code: 6 to 8 bytes, then 0xff.
fn new_code(entered: &[u8], complexity: bool) -> Result<[u8; 8], Status> {
    let length = entered.iter().position(|byte| *byte == 0xff).unwrap_or(entered.len());
    let (code, padding) = entered.split_at(length);
    let same = code.windows(2).all(|pair| pair[0] == pair[1]);
    let rising = code.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1));
    if length < 6 || padding.iter().any(|byte| *byte != 0xff) || (complexity && (same || rising)) {
        return Err(sw::CONDITIONS);
    }
    entered.try_into().map_err(|_| sw::WRONG_LENGTH)
}

impl Card {
    pub(super) fn verify(&mut self, apdu: &Apdu) -> Answer {
        if apdu.p2 != 0x80 {
            return Err(sw::NO_REFERENCE);
        }
        match (apdu.p1, apdu.data.len()) {
            (0xff, 0) => (self.now.verified, self.now.fresh) = (false, false),
            (0, 0) if self.now.verified => {}
            (0, 0) if self.pin.blocked() => return Err(sw::BLOCKED),
            (0, 0) => return Err(sw::wrong(self.pin.left)),
            (0, 8) => {
                (self.now.verified, self.now.fresh) = (false, false);
                self.pin.check(&apdu.data, self.make.last_try_says_blocked)?;
                (self.now.verified, self.now.fresh) = (true, true);
            }
            (0, _) => return Err(sw::BAD_DATA),
            _ => return Err(sw::BAD_PARAMETERS),
        }
        Ok(vec![])
    }

    pub(super) fn change_reference(&mut self, apdu: &Apdu) -> Answer {
        let code = match apdu.p2 {
            0x80 => &mut self.pin,
            0x81 => &mut self.puk,
            _ => return Err(sw::NO_REFERENCE),
        };
        let (old, new) = apdu.data.split_at_checked(8).filter(|(_, new)| new.len() == 8).ok_or(sw::BAD_DATA)?;
        code.check(old, self.make.last_try_says_blocked)?;
        code.value = new_code(new, self.make.complexity)?;
        if apdu.p2 == 0x80 {
            self.now.verified = true;
        }
        Ok(vec![])
    }

    pub(super) fn reset_retry(&mut self, apdu: &Apdu) -> Answer {
        if apdu.p2 != 0x80 {
            return Err(sw::NO_REFERENCE);
        }
        let (puk, new) = apdu.data.split_at_checked(8).filter(|(_, new)| new.len() == 8).ok_or(sw::BAD_DATA)?;
        self.puk.check(puk, self.make.last_try_says_blocked)?;
        self.pin.value = new_code(new, self.make.complexity)?;
        self.pin.left = self.pin.total;
        Ok(vec![])
    }

    /// Both codes are those of the factory again.
    pub(super) fn set_retries(&mut self, apdu: &Apdu) -> Answer {
        self.wants_management()?;
        if !self.now.verified {
            return Err(sw::SECURITY);
        }
        if apdu.p1 == 0 || apdu.p2 == 0 {
            return Err(sw::BAD_PARAMETERS);
        }
        self.pin = Code::new(PIN).with_tries(apdu.p1);
        self.puk = Code::new(PUK).with_tries(apdu.p2);
        self.now.verified = false;
        Ok(vec![])
    }
}
