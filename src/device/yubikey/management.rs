//! The management key of a YubiKey, as far as it is no secret: its kind, where it is kept, and what became of a new one.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The algorithm of a management key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ManagementAlgorithm {
    /// Triple DES with three keys, the factory's kind up to firmware 5.6.
    #[serde(rename = "3DES")]
    TripleDes,
    /// AES with 128 bits.
    #[serde(rename = "AES-128")]
    Aes128,
    /// AES with 192 bits, the factory's kind from firmware 5.7 on.
    #[serde(rename = "AES-192")]
    Aes192,
    /// AES with 256 bits.
    #[serde(rename = "AES-256")]
    Aes256,
}

impl ManagementAlgorithm {
    /// The length of such a key, in bytes.
    pub const fn length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::TripleDes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }
}

impl fmt::Display for ManagementAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TripleDes => "3DES",
            Self::Aes128 => "AES-128",
            Self::Aes192 => "AES-192",
            Self::Aes256 => "AES-256",
        })
    }
}

impl FromStr for ManagementAlgorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::TripleDes, Self::Aes128, Self::Aes192, Self::Aes256];
        let known = known.into_iter().find(|algorithm| algorithm.to_string() == text);
        known.ok_or_else(|| "a management key is 3DES, AES-128, AES-192 or AES-256".to_owned())
    }
}

/// Where the management key of a YubiKey that is prepared is afterwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ManagementHome {
    /// On the YubiKey itself, readable with its PIN.
    #[default]
    Protected,
    /// In memory until it is sealed to the identity of a backup, and nowhere on the YubiKey (`MANAGEMENT-KEY-SEALED`).
    Sealed,
}

impl fmt::Display for ManagementHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Protected => "protected",
            Self::Sealed => "sealed",
        })
    }
}

impl FromStr for ManagementHome {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Protected, Self::Sealed].into_iter().find(|home| home.to_string() == text);
        known.ok_or_else(|| "a management key is protected or sealed".to_owned())
    }
}

/// A management key that was set and is not kept on the YubiKey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewManagementKey {
    /// Its kind.
    pub algorithm: ManagementAlgorithm,
    /// Whether it is in memory. Otherwise the program ended after it was set, and nobody has it.
    pub in_memory: bool,
}
