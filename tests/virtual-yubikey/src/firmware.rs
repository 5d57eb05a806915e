//! What depends on the firmware.

use std::{fmt, str::FromStr};

/// A firmware version. It cannot be updated on a real one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Firmware(pub u8, pub u8, pub u8);

impl Firmware {
    /// GET SERIAL of the PIV applet; before, the OTP applet tells.
    pub fn has_serial(self) -> bool {
        self >= Self(5, 0, 0)
    }

    /// GET METADATA.
    pub fn has_metadata(self) -> bool {
        self >= Self(5, 3, 0)
    }

    /// AES management keys.
    pub fn has_aes(self) -> bool {
        self >= Self(5, 4, 2)
    }

    /// The factory management key is AES-192; MOVE KEY and DELETE KEY.
    pub fn is_5_7(self) -> bool {
        self >= Self(5, 7, 0)
    }

    /// Attested under the second generation of roots.
    pub fn has_second_root(self) -> bool {
        self >= Self(5, 7, 4)
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl FromStr for Firmware {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Option<Vec<u8>> = text.split('.').map(|part| part.parse().ok()).collect();
        match parts.as_deref() {
            Some([major, minor, patch]) => Ok(Self(*major, *minor, *patch)),
            _ => Err(format!("\"{text}\" is no firmware version such as 5.7.1")),
        }
    }
}
