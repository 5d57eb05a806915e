//! What is done to a key that two tokens hold because one wrapped it for the other, and what can come of it.

use serde::{Deserialize, Serialize};

use super::{ExportedFile, Outcome};
use crate::{
    ceremony::{backups::SealedBackup, event::Event, participants::Alias},
    device::KeyAttributes,
    digest::Digest,
    rules::{Passed, Rule},
    tuf::key::{Key, KeyAlgorithm, KeyId},
    utc::Utc,
};

/// Something to be done about a key that a token wraps. No key-encryption key (KEK) is in it, and nothing that opens one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wrapping {
    /// Host: make a KEK in locked memory, of mixed entropy.
    MakeKek {
        /// The short name of the key that it will wrap.
        name: Alias,
        /// The tokens whose randomness goes into it, as far as they are in.
        tokens: Vec<Alias>,
        /// Whether dice are thrown (their throws are asked for).
        dice: bool,
    },
    /// Token: probe it, bring the KEK (user PIN and SO-PIN asked for), generate a key that can be wrapped, wrap it; write the wrapped
    /// key on every medium, and split the KEK.
    WrapKey {
        /// On which token.
        alias: Alias,
        /// Which key.
        name: Alias,
        /// The fingerprint of the KEK.
        kek: Digest,
        /// Which kind of key.
        algorithm: KeyAlgorithm,
        /// Its label on the token.
        label: String,
        /// When, as the file says.
        made: Utc,
        /// The public half of a key that is on the token already, out of an old backup; none where the token makes a key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<Box<Key>>,
    },
    /// Host: wipe the memory in which the KEK was made.
    WipeKek {
        /// Of which key.
        name: Alias,
    },
    /// Token: have the KEK from shares (asked for), probe the token, bring the KEK (user PIN and SO-PIN asked for), unwrap the key of the
    /// file, let it sign, remove the KEK.
    UnwrapKey {
        /// On which token.
        alias: Alias,
        /// Which key.
        name: Alias,
        /// Its public half.
        key: Box<Key>,
        /// Its label on the token.
        label: String,
        /// The file of the wrapped key, and what is known of the shares.
        sealed: Box<SealedBackup>,
    },
    /// Token: the same with a wrapped key that was made in another ceremony. Where a try was cut, what it left is removed instead.
    RestoreKey {
        /// On which token.
        alias: Alias,
        /// The short name of the key.
        name: Alias,
        /// The keyid that it must have.
        keyid: KeyId,
        /// Its label on the token.
        label: String,
        /// The file of the wrapped key in the record, and what is known of the shares.
        sealed: Box<SealedBackup>,
    },
    /// Token: the same so that the key can be wrapped again, under another KEK: the old KEK goes, and the key stays extractable for the new one.
    Reopen {
        /// On which token.
        alias: Alias,
        /// The short name of the key.
        name: Alias,
        /// The keyid that it must have.
        keyid: KeyId,
        /// Its label on the token.
        label: String,
        /// The old file in the record, and what is known of the old shares.
        sealed: Box<SealedBackup>,
    },
    /// Token: find the copy that was unwrapped before a pause, and let it sign again (user PIN asked for).
    ProveCopy {
        /// On which token.
        alias: Alias,
        /// Which key.
        name: Alias,
        /// Its public half.
        key: Box<Key>,
    },
    /// Token: make the first key not extractable, try to wrap it, remove the KEK (user PIN asked for).
    CloseKey {
        /// On which token.
        alias: Alias,
        /// Which key.
        name: Alias,
        /// Its public half.
        key: Box<Key>,
        /// The fingerprint of the KEK.
        kek: Digest,
    },
    /// Token: destroy the KEK and the key of a backup that is given up (user PIN asked for).
    Clear {
        /// On which token.
        alias: Alias,
        /// Which key.
        name: Alias,
        /// The fingerprint of the KEK.
        kek: Digest,
        /// The label of the key on the token.
        label: String,
        /// The fingerprint of the KEK of its old backup, where that may be there too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old: Option<Digest>,
    },
}

impl Wrapping {
    /// The operation as a sentence for people.
    pub fn words(&self) -> String {
        match self {
            Self::MakeKek { name, .. } => format!("make the key-encryption key of {name} in memory"),
            Self::WrapKey { alias, name, known: Some(_), .. } => {
                format!("wrap the key {name} on {alias} anew, and split what opens it")
            }
            Self::WrapKey { alias, name, .. } => {
                format!("make the key {name} on {alias}, wrap it, and split what opens it")
            }
            Self::WipeKek { name } => format!("wipe the memory in which the key-encryption key of {name} was made"),
            Self::UnwrapKey { alias, name, .. } => format!("unwrap the key {name} into {alias}, with shares"),
            Self::RestoreKey { alias, name, .. } => {
                format!("unwrap the key {name} of an earlier ceremony into {alias}, with shares")
            }
            Self::Reopen { alias, name, .. } => {
                format!("unwrap the key {name} of its old backup into {alias}, with the old shares, to be wrapped anew")
            }
            Self::ProveCopy { alias, name, .. } => format!("let the copy of {name} on {alias} sign again"),
            Self::CloseKey { alias, name, .. } => {
                format!("close the key {name} on {alias}, and remove its key-encryption key")
            }
            Self::Clear { alias, name, .. } => format!("destroy {name} and its key-encryption key on {alias}"),
        }
    }

    /// The token it needs.
    pub fn alias(&self) -> Option<&Alias> {
        match self {
            Self::WrapKey { alias, .. }
            | Self::UnwrapKey { alias, .. }
            | Self::RestoreKey { alias, .. }
            | Self::Reopen { alias, .. }
            | Self::ProveCopy { alias, .. }
            | Self::CloseKey { alias, .. }
            | Self::Clear { alias, .. } => Some(alias),
            Self::MakeKek { .. } | Self::WipeKek { .. } => None,
        }
    }

    /// The token that may hold the KEK once this began, and the key that it is of.
    pub fn brings_kek(&self) -> Option<(&Alias, &Alias)> {
        match self {
            Self::WrapKey { alias, name, .. } | Self::UnwrapKey { alias, name, .. } => Some((alias, name)),
            _ => None,
        }
    }
}

/// How a token wraps and unwraps, as it was seen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrapsBy {
    /// The number of the PKCS#11 mechanism with which it does RFC 5649.
    pub mechanism: u64,
    /// Whether the key is held to a KEK that the SO called trusted.
    pub trusted: bool,
}

/// What came of a [`Wrapping`] that was done.
#[derive(Clone, Debug)]
pub enum WrappingOutcome {
    /// Of [`Wrapping::MakeKek`].
    KekMade {
        /// Its fingerprint.
        kek: Digest,
        /// What was mixed, in order.
        sources: Vec<String>,
        /// The SHA-256 of what was thrown.
        dice: Option<Digest>,
    },
    /// Of [`Wrapping::WrapKey`].
    Wrapped {
        /// The public key.
        key: Key,
        /// What the token says of the private key.
        attributes: KeyAttributes,
        /// How the token wraps.
        by: WrapsBy,
        /// The file of the wrapped key, and what is public of the shares.
        sealed: SealedBackup,
        /// The same to be printed, and what is public of the shares as a file.
        sheets: Vec<ExportedFile>,
        /// The media that hold them, by their labels.
        media: Vec<String>,
        /// The rules that the driver asked.
        passed: Vec<Passed>,
    },
    /// Of [`Wrapping::UnwrapKey`] and [`Wrapping::RestoreKey`].
    Unwrapped {
        /// The public key.
        key: Key,
        /// What the token says of the private key.
        attributes: KeyAttributes,
        /// How the token unwraps.
        by: WrapsBy,
        /// The shares that gave the KEK back.
        shares: Vec<u8>,
        /// The rules that the driver asked.
        passed: Vec<Passed>,
    },
    /// Of [`Wrapping::Reopen`].
    Reopened {
        /// The public key.
        key: Key,
        /// What the token says of the private key.
        attributes: KeyAttributes,
        /// How the token unwraps.
        by: WrapsBy,
        /// The old shares that gave the old KEK back.
        shares: Vec<u8>,
        /// The rules that the driver asked.
        passed: Vec<Passed>,
    },
    /// Of [`Wrapping::ProveCopy`].
    CopyProven {
        /// The public key.
        key: Key,
        /// The rules that the driver asked.
        passed: Vec<Passed>,
    },
    /// Of [`Wrapping::CloseKey`].
    Closed {
        /// What the token says of the private key.
        attributes: KeyAttributes,
        /// The rules that the driver asked.
        passed: Vec<Passed>,
    },
    /// Of [`Wrapping::Clear`], and of [`Wrapping::RestoreKey`] and [`Wrapping::Reopen`] where a try was cut.
    Cleared {
        /// The rules that the driver asked.
        passed: Vec<Passed>,
    },
}

/// The rules that only the driver of a token can ask: what it saw stands in the event as it said it.
const OF_DRIVER: [Rule; 7] = [
    Rule::WrappingSafe,
    Rule::WrappingTrusted,
    Rule::KekReadsBack,
    Rule::WrappedKeyProven,
    Rule::KeyClosed,
    Rule::KekGone,
    Rule::KeyNotExtractable,
];

/// The outcome that leads to an event; `None` for an event of another kind. What the driver asked is taken from the event.
pub fn outcome_of(event: &Event) -> Option<Outcome> {
    let seen = |passed: &[Passed]| passed.iter().filter(|passed| OF_DRIVER.contains(&passed.rule)).cloned().collect();
    Some(match event {
        Event::KekMade { kek, sources, dice, .. } => {
            WrappingOutcome::KekMade { kek: *kek, sources: sources.clone(), dice: *dice }.into()
        }
        Event::KeyWrapped { key, attributes, by, sealed, sheets, media, passed, .. } => WrappingOutcome::Wrapped {
            key: key.clone(),
            attributes: *attributes,
            by: *by,
            sealed: sealed.clone(),
            sheets: sheets.clone(),
            media: media.clone(),
            passed: seen(passed),
        }
        .into(),
        Event::KeyUnwrapped { key, attributes, by, shares, passed, .. } => WrappingOutcome::Unwrapped {
            key: key.clone(),
            attributes: *attributes,
            by: *by,
            shares: shares.clone(),
            passed: seen(passed),
        }
        .into(),
        Event::BackupUnwrapped { key, attributes, by, shares, passed, .. } => WrappingOutcome::Reopened {
            key: key.clone(),
            attributes: *attributes,
            by: *by,
            shares: shares.clone(),
            passed: seen(passed),
        }
        .into(),
        Event::CopyProven { key, passed, .. } => {
            WrappingOutcome::CopyProven { key: key.clone(), passed: seen(passed) }.into()
        }
        Event::KeyClosed { attributes, passed, .. } => {
            WrappingOutcome::Closed { attributes: *attributes, passed: seen(passed) }.into()
        }
        Event::WrappingCleared { passed, .. } => WrappingOutcome::Cleared { passed: seen(passed) }.into(),
        Event::KekWiped { .. } => Outcome::Wiped,
        _ => return None,
    })
}

impl From<WrappingOutcome> for Outcome {
    fn from(outcome: WrappingOutcome) -> Self {
        Self::Wrapping(outcome)
    }
}
