//! The kinds of ceremony, and what each of them is about.

use serde::{Deserialize, Serialize};

/// Which ceremony a script is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Makes the root keys and signs root version 1.
    Genesis,
    /// Replaces root keys or thresholds: the old root's keys and the new ones sign.
    RotateRoot,
    /// Signs the same root again with a later expiry, and nothing else.
    RenewExpiry,
    /// Shares of a backup are read from their pages, once a year.
    ShareCheck,
    /// A key that is in a file gets its backup, and comes to tokens.
    Backup,
    /// A backup is restored to a blank token, which signs a nonce and is wiped.
    RestoreDrill,
    /// After a loss: a backup is restored to new tokens, which stay.
    Restore,
    /// A backup is restored to a new token, and the one that it replaces is wiped.
    ReplaceToken,
    /// A new backup of the same key with new shares, and the end of the old ones.
    ChangeCustodians,
    /// The end of a key: its tokens are wiped, its shares destroyed.
    Destroy,
    /// Tokens or shares go to another place or another holder.
    Transport,
    /// Docker Content Trust: makes the offline key, and root and targets of each repository.
    DctGenesis,
    /// Docker Content Trust: adds, replaces or removes signers below the tagging key.
    DctDelegate,
    /// Docker Content Trust: puts another tagging key in the place of a compromised one.
    DctRotateTaggingKey,
    /// Docker Content Trust: replaces offline keys or their certificates; the old keys and the new ones sign.
    DctRotateRoot,
    /// Docker Content Trust: signs the same again with a later expiry.
    DctRenew,
}

impl Kind {
    /// Whether such a ceremony is about keys, tokens and shares alone: it composes, signs and writes no metadata.
    pub const fn is_custody(self) -> bool {
        matches!(
            self,
            Self::ShareCheck
                | Self::Backup
                | Self::RestoreDrill
                | Self::Restore
                | Self::ReplaceToken
                | Self::ChangeCustodians
                | Self::Destroy
                | Self::Transport
        )
    }

    /// Whether such a ceremony restores a backup that was made before to a token.
    pub const fn opens_backups(self) -> bool {
        matches!(self, Self::RestoreDrill | Self::Restore | Self::ReplaceToken)
    }

    /// Whether such a ceremony is about repositories that were collected beforehand, one or thousands of them.
    pub const fn is_about_repositories(self) -> bool {
        !self.is_custody() && !matches!(self, Self::Genesis | Self::RotateRoot | Self::RenewExpiry)
    }

    /// Whether it composes, signs and writes metadata.
    pub const fn writes_metadata(self) -> bool {
        !self.is_custody()
    }

    /// Whether it makes what was not there before, and therefore starts from nothing.
    pub const fn is_genesis(self) -> bool {
        matches!(self, Self::Genesis | Self::DctGenesis)
    }

    /// Whether it writes new root metadata.
    pub const fn writes_roots(self) -> bool {
        self.writes_metadata() && !matches!(self, Self::DctDelegate)
    }

    /// The kind as a title for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Genesis => "Root key genesis",
            Self::RotateRoot => "Root key rotation",
            Self::RenewExpiry => "Renewal of the root's expiry",
            Self::ShareCheck => "Reading of the shares of a backup",
            Self::Backup => "Backup of an existing key",
            Self::RestoreDrill => "Drill: a backup is restored",
            Self::Restore => "Restoring a key after a loss",
            Self::ReplaceToken => "Replacement of a token",
            Self::ChangeCustodians => "Change of custodians",
            Self::Destroy => "Destruction of a key",
            Self::Transport => "Transport of tokens and shares",
            Self::DctGenesis => "Docker Content Trust: genesis of the offline key",
            Self::DctDelegate => "Docker Content Trust: delegation to signers",
            Self::DctRotateTaggingKey => "Docker Content Trust: rotation of the tagging key",
            Self::DctRotateRoot => "Docker Content Trust: rotation of the offline key",
            Self::DctRenew => "Docker Content Trust: renewal of the expiry",
        }
    }
}
