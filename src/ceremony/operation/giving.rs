//! What is done to a share beside its being put on paper and read back.

use serde::{Deserialize, Serialize};

use crate::{
    ceremony::participants::{Alias, PersonId},
    custody::{Recipient, Set},
};

/// Something to be done about a share that is given to its custodian. Nothing of the share is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Giving {
    /// File: encrypt a share that was read back to its custodian's own recipient, and write it on every medium.
    EncryptShare {
        /// Of the backup of which key.
        name: Alias,
        /// Which share, from 1.
        index: u8,
        /// Who keeps it.
        custodian: PersonId,
        /// Their own recipient.
        recipient: Recipient,
        /// Whether every share was read back: one that is in memory no more is then asked for. Before that the whole set is lost with it.
        #[serde(rename = "from-paper")]
        from_paper: bool,
        /// What is known of its set.
        set: Box<Set>,
    },
    /// File: put the page of a share into memory, for a program that prints it.
    LayPage {
        /// Of the backup of which key.
        name: Alias,
        /// Which share, from 1.
        index: u8,
        /// Who keeps it.
        custodian: PersonId,
        /// Where.
        file: String,
    },
    /// File: overwrite it and remove it, wherever it came to lie.
    ClearPage {
        /// Of the backup of which key.
        name: Alias,
        /// Which share, from 1.
        index: u8,
        /// Where.
        file: String,
    },
}

impl Giving {
    /// The operation as a sentence for people.
    pub fn words(&self) -> String {
        match self {
            Self::EncryptShare { index, custodian, .. } => {
                format!("encrypt share {index} to the recipient of {custodian}")
            }
            Self::LayPage { index, file, .. } => {
                format!("put the page of share {index} into memory, as {}", crate::text::shown(file))
            }
            Self::ClearPage { index, file, .. } => {
                format!("overwrite and remove the page of share {index}, {}", crate::text::shown(file))
            }
        }
    }
}
