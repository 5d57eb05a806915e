//! What an operation wrote, and what it found.

use serde::{Deserialize, Serialize};

use crate::{device::TokenIdentity, digest::Digest, text::shown};

/// A file that leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedFile {
    /// Its path in the record, `metadata/1.root.json`.
    pub name: String,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its length in bytes.
    pub length: u64,
}

/// A token as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SeenToken {
    /// Everything it claims.
    pub token: TokenIdentity,
    /// The fingerprints of the public keys on it that can be read without a PIN.
    pub public_keys: Vec<Digest>,
}

impl SeenToken {
    /// Label, serial and model, for people.
    pub fn words(&self) -> String {
        format!("{}, {} {}", self.token.name(), shown(&self.token.manufacturer), shown(&self.token.model))
    }

    /// Whether two findings are of one token: label and serial, never the slot.
    pub fn same_as(&self, other: &Self) -> bool {
        (&self.token.label, &self.token.serial) == (&other.token.label, &other.token.serial)
    }
}
