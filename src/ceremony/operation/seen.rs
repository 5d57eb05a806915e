//! Tokens as they are found in the machine.

use serde::{Deserialize, Serialize};

use crate::{device::TokenIdentity, digest::Digest, text::shown};

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
