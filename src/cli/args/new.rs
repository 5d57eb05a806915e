//! What may be typed to get a script: the kinds that an interview makes, and one that a record makes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Write the script for the night on which a tagging key is stolen
///
/// RECORD is that of a ceremony of Docker Content Trust that left a spare tagging key: a token that was prepared and drilled, and is in no role. The
/// script has its people, tokens and keys: as few officers as the roots ask for, and the spare in the place of the stolen key. On the quiet
/// day it is read, approved and rehearsed; at night only the manifests of what was collected are written into it.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  officiant emergency /media/red/2026-12-08 -o emergency")]
pub struct Emergency {
    /// The record, on one of its media
    pub record: PathBuf,
    /// The new folder for emergency.toml and the public halves of the spares
    #[arg(short, long, value_name = "FOLDER")]
    pub output: PathBuf,
}

/// Which ceremony a new script is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScriptKind {
    /// Make the root keys and sign root version 1: officers, a witness, an administrator, an operator
    Genesis,
    /// The same for two people at a desk: three tokens, one of them bagged with an outsider
    GenesisSmall,
    /// The same with three YubiKeys, which the program drives itself: no module, keys attested, a touch for each signature
    GenesisYubikeysSmall,
    /// The same for one person alone, stamped SINGLE CONTROL throughout
    Solo,
    /// Replace a root key: the old root's keys and the new ones sign
    RotateRoot,
    /// Sign the same root again with a later expiry, and nothing else
    RenewExpiry,
    /// Docker Content Trust: make the offline key, and root and targets of each new repository
    DctGenesis,
    /// Docker Content Trust: signers below the tagging key come, go or get other keys
    DctDelegate,
    /// Docker Content Trust: the tagging key was stolen, and another takes its place everywhere
    DctRotateTaggingKey,
    /// Docker Content Trust: replace offline keys, or renew their certificates
    DctRotateRoot,
    /// Docker Content Trust: sign the same roots and targets again with a later expiry
    DctRenew,
    /// Give a key that lies in a file a backup, and bring it to tokens
    Backup,
    /// Restore a backup to a blank token, let it sign a nonce, wipe it
    RestoreDrill,
    /// After a loss: restore a backup to new tokens, which stay
    Restore,
    /// Restore a backup to a new token, and wipe the one that it replaces
    ReplaceToken,
    /// Give the same key a new backup with other custodians, and end the old shares
    ChangeCustodians,
    /// End a key: wipe its tokens, destroy its shares
    Destroy,
    /// Tokens and shares go to another place: what arrived is what left
    Transport,
    /// Read the shares of a backup, once a year
    ShareCheck,
}

impl ScriptKind {
    /// Whether it is about the repositories of a collection.
    pub const fn is_dct(self) -> bool {
        matches!(
            self,
            Self::DctGenesis | Self::DctDelegate | Self::DctRotateTaggingKey | Self::DctRotateRoot | Self::DctRenew
        )
    }

    /// Whether it is about keys, tokens and shares alone.
    pub const fn is_custody(self) -> bool {
        matches!(
            self,
            Self::Backup
                | Self::RestoreDrill
                | Self::Restore
                | Self::ReplaceToken
                | Self::ChangeCustodians
                | Self::Destroy
                | Self::Transport
                | Self::ShareCheck
        )
    }
}
