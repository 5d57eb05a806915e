//! How a YubiKey is named: `yubikey:12345678`, with how its keys are made where that is not the default:
//! `yubikey:12345678?slot=9a&pin-policy=once&touch-policy=cached`.

use std::{fmt, str::FromStr};

use super::{NATIVE, Settings};

/// A YubiKey, or any, and how keys are made on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct YubiKeyUri {
    /// Its serial; `None` where the script binds it later.
    pub serial: Option<u32>,
    /// How keys are made.
    pub settings: Settings,
}

impl FromStr for YubiKeyUri {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix(NATIVE).ok_or_else(|| format!("a YubiKey is named {NATIVE}SERIAL"))?;
        let (serial, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        if !serial.is_empty() {
            let number = serial.parse().ok().filter(|_| serial.bytes().all(|byte| byte.is_ascii_digit()));
            uri.serial = Some(number.ok_or_else(|| format!("\"{serial}\" is no serial of a YubiKey"))?);
        }
        let mut given = vec![];
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| format!("\"{pair}\" has no value"))?;
            if given.contains(&name) {
                return Err(format!("{name} is given twice"));
            }
            given.push(name);
            match name {
                "slot" => uri.settings.slot = value.parse()?,
                "pin-policy" => uri.settings.pin = value.parse()?,
                "touch-policy" => uri.settings.touch = value.parse()?,
                "least-firmware" => uri.settings.least_firmware = value.parse()?,
                "management-key" => uri.settings.management_key = value.parse()?,
                _ => {
                    let known = "slot, pin-policy, touch-policy, least-firmware, management-key";
                    return Err(format!("\"{name}\" is none of {known}"));
                }
            }
        }
        Ok(uri)
    }
}

impl fmt::Display for YubiKeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NATIVE)?;
        if let Some(serial) = self.serial {
            write!(f, "{serial}")?;
        }
        let (own, usual) = (&self.settings, Settings::default());
        let said = [
            (own.slot != usual.slot).then(|| format!("slot={}", own.slot)),
            (own.pin != usual.pin).then(|| format!("pin-policy={}", own.pin)),
            (own.touch != usual.touch).then(|| format!("touch-policy={}", own.touch)),
            (own.least_firmware != usual.least_firmware).then(|| format!("least-firmware={}", own.least_firmware)),
            (own.management_key != usual.management_key).then(|| format!("management-key={}", own.management_key)),
        ];
        let said: Vec<_> = said.into_iter().flatten().collect();
        if said.is_empty() { Ok(()) } else { write!(f, "?{}", said.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::yubikey::{PinPolicy, TouchPolicy};

    #[test]
    fn a_uri_is_read_as_it_is_written() {
        for text in [
            "yubikey:",
            "yubikey:12345678",
            "yubikey:7?slot=9a&pin-policy=once&touch-policy=cached",
            "yubikey:?least-firmware=5.7.4",
            "yubikey:?touch-policy=never&management-key=sealed",
        ] {
            assert_eq!(text.parse::<YubiKeyUri>().unwrap().to_string(), text);
        }
        let uri: YubiKeyUri = "yubikey:7?touch-policy=never".parse().unwrap();
        assert_eq!((uri.settings.pin, uri.settings.touch), (PinPolicy::Always, TouchPolicy::Never));
        for wrong in [
            "yubikey",
            "pkcs11:",
            "yubikey:+7",
            "yubikey:x",
            "yubikey:?slot=f9",
            "yubikey:?slot=9a&slot=9c",
            "yubikey:?pin=1",
            "yubikey:?least-firmware=5.7",
            "yubikey:?least-firmware=5.7.4.1",
            "yubikey:?least-firmware=new",
            "yubikey:99999999999",
            "yubikey:?slot",
            "yubikey:?management-key=lost",
        ] {
            assert!(wrong.parse::<YubiKeyUri>().is_err(), "{wrong}");
        }
    }
}
