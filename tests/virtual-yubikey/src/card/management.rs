//! The management key and who proves to have it; the management applet, which tells what kind of device this is.

use aes::{
    Aes128, Aes192, Aes256,
    cipher::{Array, BlockCipherEncrypt, BlockSizeUser, KeyInit},
};
use des::TdesEde3;

use super::{Answer, Card};
use crate::{
    apdu::{Apdu, sw},
    firmware::Firmware,
    keys::random,
    tlv::{all, first, tlv},
};

/// The reference of the management key.
pub const REFERENCE: u8 = 0x9b;
const TRIPLE_DES: u8 = 0x03;
const AES_128: u8 = 0x08;
const AES_192: u8 = 0x0a;
const AES_256: u8 = 0x0c;

/// A management key.
pub struct ManagementKey {
    pub(super) algorithm: u8,
    key: Vec<u8>,
    pub(super) touch: u8,
}

/// What the host has to send.
pub(super) enum Expected {
    /// This witness, deciphered.
    Witness(Vec<u8>),
    /// This challenge, enciphered.
    Challenge(Vec<u8>),
}

impl ManagementKey {
    /// The published one, which everybody knows.
    pub fn factory(firmware: Firmware) -> Self {
        let algorithm = if firmware.is_5_7() { AES_192 } else { TRIPLE_DES };
        Self { algorithm, key: [1, 2, 3, 4, 5, 6, 7, 8].repeat(3), touch: 1 }
    }

    pub(super) fn is_default(&self) -> bool {
        self.key == [1, 2, 3, 4, 5, 6, 7, 8].repeat(3)
    }

    fn block(&self) -> usize {
        if self.algorithm == TRIPLE_DES { 8 } else { 16 }
    }

    fn encrypt(&self, block: &[u8]) -> Vec<u8> {
        match self.algorithm {
            TRIPLE_DES => encrypt::<TdesEde3>(&self.key, block),
            AES_128 => encrypt::<Aes128>(&self.key, block),
            AES_192 => encrypt::<Aes192>(&self.key, block),
            _ => encrypt::<Aes256>(&self.key, block),
        }
    }
}

fn encrypt<C: KeyInit + BlockCipherEncrypt + BlockSizeUser>(key: &[u8], block: &[u8]) -> Vec<u8> {
    let cipher = C::new_from_slice(key).expect("the length was checked when the key was set");
    let mut block = Array::<u8, C::BlockSize>::try_from(block).expect("one block");
    cipher.encrypt_block(&mut block);
    block.to_vec()
}

impl Card {
    pub(super) fn authenticate(&mut self, apdu: &Apdu) -> Answer {
        let expected = self.now.expected.take();
        if apdu.p1 != self.management.algorithm {
            return Err(sw::BAD_DATA);
        }
        let (0x7c, template, _) = first(&apdu.data).ok_or(sw::BAD_DATA)? else { return Err(sw::BAD_DATA) };
        let parts = all(template).ok_or(sw::BAD_DATA)?;
        let part = |tag| parts.iter().find(|(is, _)| *is == tag).map(|(_, value)| *value);
        let drawn = random::<16>()[..self.management.block()].to_vec();
        match (part(0x80), part(0x81), part(0x82)) {
            (Some([]), None, _) => {
                let answer = tlv(&[0x7c], tlv(&[0x80], self.management.encrypt(&drawn)));
                self.now.expected = Some(Expected::Witness(drawn));
                Ok(answer)
            }
            (None, Some([]), _) => {
                let answer = tlv(&[0x7c], tlv(&[0x81], &drawn));
                self.now.expected = Some(Expected::Challenge(drawn));
                Ok(answer)
            }
            (Some(witness), Some(challenge), _) if challenge.len() == self.management.block() => {
                if !matches!(expected, Some(Expected::Witness(drawn)) if drawn == witness) {
                    return Err(sw::SECURITY);
                }
                self.wants_touch(self.management.touch)?;
                self.now.authenticated = true;
                Ok(tlv(&[0x7c], tlv(&[0x82], self.management.encrypt(challenge))))
            }
            (None, None, Some(answer)) => {
                if !matches!(expected, Some(Expected::Challenge(drawn)) if self.management.encrypt(&drawn) == answer) {
                    return Err(sw::SECURITY);
                }
                self.wants_touch(self.management.touch)?;
                self.now.authenticated = true;
                Ok(vec![])
            }
            _ => Err(sw::BAD_DATA),
        }
    }

    pub(super) fn set_management_key(&mut self, apdu: &Apdu) -> Answer {
        self.wants_management()?;
        let [algorithm, REFERENCE, length, key @ ..] = apdu.data.as_slice() else { return Err(sw::BAD_DATA) };
        let wanted = match *algorithm {
            TRIPLE_DES => 24,
            AES_128 if self.make.firmware.has_aes() => 16,
            AES_192 if self.make.firmware.has_aes() => 24,
            AES_256 if self.make.firmware.has_aes() => 32,
            _ => return Err(sw::BAD_DATA),
        };
        if usize::from(*length) != wanted || key.len() != wanted {
            return Err(sw::WRONG_LENGTH);
        }
        let touch = match (apdu.p1, apdu.p2) {
            (0xff, 0xff) => 1,
            (0xff, 0xfe) => 2,
            (0xff, 0xfd) => 3,
            _ => return Err(sw::BAD_PARAMETERS),
        };
        self.management = ManagementKey { algorithm: *algorithm, key: key.to_vec(), touch };
        Ok(vec![])
    }

    /// READ CONFIG of the management applet.
    pub(super) fn device(&self, apdu: &Apdu) -> Answer {
        if apdu.ins != 0x1d || apdu.p1 != 0 {
            return Err(sw::NO_SUCH_INSTRUCTION);
        }
        let Firmware(major, minor, patch) = self.make.firmware;
        // OTP, U2F, OpenPGP, PIV, OATH and FIDO2; a key for a USB-A plug; nothing locked.
        let fields = [
            tlv(&[1], [0x02, 0x3b]),
            tlv(&[2], self.make.serial.to_be_bytes()),
            tlv(&[3], [0x02, 0x3b]),
            tlv(&[4], [1]),
            tlv(&[5], [major, minor, patch]),
            tlv(&[0x0a], [0]),
        ]
        .concat();
        Ok([vec![fields.len() as u8], fields].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_out_as_the_published_examples_of_each_cipher_say() {
        let key = |algorithm, hex: &str| ManagementKey { algorithm, key: bytes(hex), touch: 1 };
        let bytes_of_fips = "00112233445566778899aabbccddeeff";
        let aes = key(AES_192, "000102030405060708090a0b0c0d0e0f1011121314151617");
        assert_eq!(aes.encrypt(&bytes(bytes_of_fips)), bytes("dda97ca4864cdfe06eaf70a0ec0d7191"));
        let aes = key(AES_128, "000102030405060708090a0b0c0d0e0f");
        assert_eq!(aes.encrypt(&bytes(bytes_of_fips)), bytes("69c4e0d86a7b0430d8cdb78070b4c55a"));
        // Three equal keys are one key: the classic example of DES.
        let des = key(TRIPLE_DES, &"133457799bbcdff1".repeat(3));
        assert_eq!(des.encrypt(&bytes("0123456789abcdef")), bytes("85e813540f0ab405"));
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
    }
}
