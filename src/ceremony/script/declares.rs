//! What a script sets aside beforehand.

use serde::{Deserialize, Serialize};

use crate::rules::{Refusal, Rule};

/// What a script declares beforehand, where it can be reviewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Declares {
    /// One person can sign alone. Every page and screen is stamped SINGLE CONTROL.
    pub single_control: bool,
    /// The threshold is the number of keys: the loss of one token is the loss of the root.
    pub no_spare: bool,
    /// People hold duties that should check each other.
    pub merged_duties: bool,
    /// The result need not lie in the subset that every known client reads, for example because the old root does not.
    pub not_for_every_client: bool,
    /// A key has no backup, and no other takes its place: the loss of its token is the loss of the key.
    pub no_backup: bool,
    /// A key may be wrapped on a token that is not held to a wrapping key that its SO trusts: until it is closed, the user PIN is as
    /// good as the key.
    pub pin_is_key: bool,
    /// ECDSA keys may be made on YubiKeys with firmware below 5.7 (YSA-2024-03).
    pub old_firmware: bool,
}

impl Declares {
    /// `BACKUP-DECLARED`: what one person alone opens exists only where the script declares single control.
    ///
    /// # Errors
    /// Where it does not.
    pub fn one_person_opens(&self) -> Result<(), Refusal> {
        if self.single_control {
            return Ok(());
        }
        let what = "A copy that one person opens is made only where the script declares single-control.";
        Err(Refusal::new(Rule::BackupDeclared, what, "Leave, and hold the ceremony with another script."))
    }
}
