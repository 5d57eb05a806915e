//! What a YubiKey says of itself and of its keys, beyond what every token says.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

mod management;
mod uri;

pub use management::{ManagementAlgorithm, ManagementHome, NewManagementKey};
pub use uri::YubiKeyUri;

use super::TokenIdentity;
use crate::{
    rules::{Passed, Refusal, Rule},
    text::shown,
    tuf::key::KeyAlgorithm,
};

/// What stands where a script names a PKCS#11 module, for tokens that are driven natively. A [`super::ModuleIdentity`] has it
/// as its path.
pub const NATIVE: &str = "yubikey:";

/// How long a YubiKey blinks and waits for a touch, in seconds. Its maker names a time limit and no number; this is what is seen,
/// and nothing depends on it but the countdown.
pub const TOUCH_SECONDS: u32 = 15;

/// What to do about a YubiKey that [types](super::TokenIdentity::types).
pub const OTP_ADVICE: &str = "Its OTP interface is on: touched while it does not blink, it types 44 characters into whatever has the keyboard. \
                              Switch it off before the day (ykman config usb --disable OTP), and touch it only while it blinks.";

/// A firmware version. It cannot be updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Firmware(pub u8, pub u8, pub u8);

impl Firmware {
    /// The first that tells of each key who made it and what it wants before it signs (GET METADATA).
    pub const WITH_METADATA: Self = Self(5, 3, 0);
    /// The first whose ECDSA keys cannot be measured out (YSA-2024-03), and the first with Ed25519.
    pub const KEEPS_ECDSA: Self = Self(5, 7, 0);
}

impl FromStr for Firmware {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Vec<u8> = text.split('.').map_while(|part| part.parse().ok()).collect();
        match (numbers.as_slice(), text.split('.').count()) {
            ([major, minor, patch], 3) => Ok(Self(*major, *minor, *patch)),
            _ => Err("a firmware is three numbers, like 5.7.4".to_owned()),
        }
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The slot of a key: `9a`, `9c`, `9d`, `9e`, or one of the twenty from `82` to `95`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slot(u8);

impl Slot {
    /// The slot for signatures, whose keys want the PIN each time unless they are made otherwise.
    pub const SIGNATURE: Self = Self(0x9c);

    /// Every slot, those with names first.
    pub fn all() -> impl Iterator<Item = Self> {
        [0x9a, 0x9c, 0x9d, 0x9e].into_iter().chain(0x82..=0x95).map(Self)
    }

    /// The number by which commands name it.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The slot of this number.
    pub fn of(number: u8) -> Option<Self> {
        Self::all().find(|slot| slot.0 == number)
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self::SIGNATURE
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

impl FromStr for Slot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = u8::from_str_radix(text, 16).ok().filter(|_| text.len() == 2);
        number.and_then(Self::of).ok_or_else(|| "a slot is 9a, 9c, 9d, 9e, or one of 82 to 95".to_owned())
    }
}

impl TryFrom<String> for Slot {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Slot> for String {
    fn from(slot: Slot) -> Self {
        slot.to_string()
    }
}

/// When a key wants the PIN. Fixed when the key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinPolicy {
    /// Never.
    Never,
    /// Once after the YubiKey got power.
    Once,
    /// Before each signature.
    Always,
}

/// When a key wants a touch. Fixed when the key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TouchPolicy {
    /// Never.
    Never,
    /// For each signature.
    Always,
    /// A touch counts for 15 seconds.
    Cached,
}

impl fmt::Display for PinPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "never",
            Self::Once => "once",
            Self::Always => "always",
        })
    }
}

impl fmt::Display for TouchPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "never",
            Self::Always => "always",
            Self::Cached => "cached",
        })
    }
}

impl FromStr for PinPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Never, Self::Once, Self::Always].into_iter().find(|policy| policy.to_string() == text);
        known.ok_or_else(|| "a PIN policy is never, once or always".to_owned())
    }
}

impl FromStr for TouchPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Never, Self::Always, Self::Cached].into_iter().find(|policy| policy.to_string() == text);
        known.ok_or_else(|| "a touch policy is never, always or cached".to_owned())
    }
}

/// Whether the script declares that ECDSA keys may live on firmware that YSA-2024-03 is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OldFirmware {
    /// It does not.
    #[default]
    Refused,
    /// It does, where it was reviewed beforehand.
    Declared,
}

/// How keys are made on a YubiKey, and how it is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where a new key goes.
    pub slot: Slot,
    /// When it wants the PIN.
    pub pin: PinPolicy,
    /// When it wants a touch.
    pub touch: TouchPolicy,
    /// How many wrong PINs, and how many wrong PUKs, block each. Other numbers than the three of the factory also tell a YubiKey
    /// that was prepared from one that was not.
    pub tries: (u8, u8),
    /// The lowest firmware that the script takes.
    pub least_firmware: Firmware,
    /// Whether ECDSA on firmware below 5.7 was declared.
    pub old_firmware: OldFirmware,
    /// Where its management key is afterwards.
    pub management_key: ManagementHome,
}

impl Default for Settings {
    /// Slot 9c; PIN and touch for each signature; five tries; the management key on the YubiKey.
    fn default() -> Self {
        Self {
            slot: Slot::SIGNATURE,
            pin: PinPolicy::Always,
            touch: TouchPolicy::Always,
            tries: (5, 5),
            least_firmware: Firmware::WITH_METADATA,
            old_firmware: OldFirmware::Refused,
            management_key: ManagementHome::Protected,
        }
    }
}

/// `FIRMWARE-KEEPS-KEYS`, second half: the firmware is at least the one that the script asks for. Before a key is attested it is what
/// the YubiKey says of itself.
///
/// # Errors
/// The refusal.
pub fn is_new_enough(token: &TokenIdentity, least: Firmware) -> Result<(), Refusal> {
    match token.firmware.parse::<Firmware>() {
        Ok(firmware) if firmware >= least => Ok(()),
        _ => Err(Refusal::new(
            Rule::FirmwareKeepsKeys,
            format!(
                "{} has firmware {}, and the script asks for {least} or later.",
                token.name(),
                shown(&token.firmware)
            ),
            "Take a newer YubiKey; firmware cannot be updated.",
        )),
    }
}

/// `TOKEN-IS-HARDWARE`, for a token of the native driver before its key is attested: it is no software that is known as such. What
/// passes is *claimed*; a key that is generated is attested on top (`KEY-ATTESTED`).
///
/// # Errors
/// The refusal.
pub fn is_hardware(token: &TokenIdentity) -> Result<Passed, Refusal> {
    let no = |what: String| {
        let remedy = "Use a YubiKey, through the native driver.";
        Err(Refusal::new(Rule::TokenIsHardware, what, remedy))
    };
    match &token.software {
        Some(why) => no(format!("{} is a software token: {why}.", token.name())),
        None if !token.is_native_yubikey() => no(format!("{} is no YubiKey.", token.name())),
        None => Ok(Passed::new(
            Rule::TokenIsHardware,
            format!("claimed: {}, firmware {}", shown(&token.model), shown(&token.firmware)),
        )),
    }
}

/// `FIRMWARE-KEEPS-KEYS`: an ECDSA key is made on, or imported into, firmware 5.7 or later only. Signing with a key that is there
/// already gives nothing away that its owner does not hold, and is not asked about.
///
/// # Errors
/// The refusal.
pub fn keeps_keys(firmware: Firmware, algorithm: KeyAlgorithm, old: OldFirmware) -> Result<Passed, Refusal> {
    let ecdsa = matches!(algorithm, KeyAlgorithm::P256 | KeyAlgorithm::P384);
    let seen = match (ecdsa && firmware < Firmware::KEEPS_ECDSA, old) {
        (false, _) => format!("firmware {firmware}"),
        (true, OldFirmware::Declared) => {
            format!("declared beforehand: {algorithm} on firmware {firmware} (YSA-2024-03)")
        }
        (true, OldFirmware::Refused) => {
            return Err(Refusal::new(
                Rule::FirmwareKeepsKeys,
                format!(
                    "This YubiKey has firmware {firmware}. Whoever holds it for some minutes, with a laboratory's gear, can \
                     measure a {algorithm} key out of it (YSA-2024-03)."
                ),
                "Take a YubiKey with firmware 5.7 or later; firmware cannot be updated. Where this one has to do, the script \
                 declares it, and is reviewed again.",
            ));
        }
    };
    Ok(Passed::new(Rule::FirmwareKeepsKeys, seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ecdsa_below_5_7_is_refused_unless_it_was_declared_and_other_keys_are_not() {
        let old = Firmware(5, 6, 9);
        let refused = keeps_keys(old, KeyAlgorithm::P256, OldFirmware::Refused).unwrap_err();
        assert_eq!(refused.rule, Rule::FirmwareKeepsKeys);
        assert!(refused.what.contains("5.6.9") && refused.what.contains("YSA-2024-03"), "{refused}");
        assert!(keeps_keys(old, KeyAlgorithm::P384, OldFirmware::Refused).is_err());
        assert!(keeps_keys(old, KeyAlgorithm::P256, OldFirmware::Declared).unwrap().seen.contains("declared"));
        assert!(keeps_keys(old, KeyAlgorithm::Rsa3072, OldFirmware::Refused).is_ok());
        assert!(keeps_keys(Firmware(5, 7, 0), KeyAlgorithm::P256, OldFirmware::Refused).is_ok());
    }

    #[test]
    fn slots_are_those_that_hold_keys_of_people() {
        assert_eq!(Slot::all().count(), 24);
        assert_eq!("9c".parse(), Ok(Slot::SIGNATURE));
        for wrong in ["9C ", "9b", "f9", "96", "81", "", "09c"] {
            assert!(wrong.parse::<Slot>().is_err(), "{wrong}");
        }
    }
}
