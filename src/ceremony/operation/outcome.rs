//! What can come of an operation. Nothing here is secret, and nothing here is believed: every rule is asked of it again.

use std::sync::Arc;

use super::{ExportedFile, SeenToken};
use crate::{
    ceremony::{backups::SealedBackup, event::LeftOut},
    custody::Commitment,
    device::{KeyAttributes, attestation::Attestation, yubikey::NewManagementKey},
    digest::Digest,
    machine::MachineFacts,
    transfer::Gun,
    tuf::{
        key::{Key, RawSignature},
        verify::VerifiedSignature,
    },
};

/// What came of an operation that was performed.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Of [`super::Operation::Preflight`].
    Machine(MachineFacts),
    /// Of [`super::Operation::ReadInput`]: the bytes as they are.
    Input {
        /// Of the file.
        bytes: Vec<u8>,
        /// Of the file that belongs to it.
        with: Option<Vec<u8>>,
    },
    /// Of [`super::Operation::ReadFrames`]: the parcel as it crossed.
    Parcel(Arc<[u8]>),
    /// Of [`super::Operation::ShowFrames`]: the files that were shown, by the names under which they cross.
    Shown {
        /// In any order.
        files: Vec<ExportedFile>,
    },
    /// Of [`super::Operation::StorePayload`].
    Stored,
    /// Of [`super::Operation::Export`]: the media that hold all of it.
    Exported {
        /// By their labels.
        media: Vec<String>,
    },
    /// Of [`super::Operation::OpenCollection`].
    Collection {
        /// The manifest, as it lies there.
        manifest: Arc<[u8]>,
        /// The same of the earlier collection.
        before: Option<Arc<[u8]>>,
        /// The repositories, in the order of their names.
        guns: Vec<Gun>,
    },
    /// Of [`super::Operation::ReadRepositories`] and [`super::Operation::ReadInputs`]: files that match the manifest, as the record keeps
    /// them ([`crate::ceremony::repositories::pack`]).
    Repositories(Arc<[u8]>),
    /// Of [`super::Operation::ReadSigned`]: the whole list.
    SignedList(Arc<[u8]>),
    /// Of [`super::Operation::Certify`] and [`super::Operation::SignBatch`]: some of the signatures, more may follow.
    SignedSome {
        /// The token as it was found.
        seen: SeenToken,
        /// The signatures, each verified over what it is of.
        signatures: Vec<VerifiedSignature>,
    },
    /// Of [`super::Operation::ExportRepositories`]: some of the bundles, more may follow.
    BundlesWritten {
        /// The first, counted among what was drafted.
        from: u32,
        /// The one after the last.
        to: u32,
        /// How many of them wait for a signature that is made elsewhere.
        incomplete: u32,
        /// Those that are not written, because a rule says no.
        refused: Vec<LeftOut>,
        /// The SHA-256 of their manifest, once all are written.
        manifest: Option<Digest>,
        /// The media that hold them, by their labels.
        media: Vec<String>,
    },
    /// Of [`super::Operation::FindTokens`] and [`super::Operation::LookAtToken`].
    Tokens(Vec<SeenToken>),
    /// Of [`super::Operation::Initialise`]: the token as it is afterwards.
    Initialised(SeenToken),
    /// Of [`super::Operation::SetUserPin`].
    UserPinSet {
        /// The management key that was set with it, where it is a YubiKey that does not keep it.
        management_key: Option<NewManagementKey>,
    },
    /// Of [`super::Operation::Generate`].
    Generated {
        /// The public key.
        key: Key,
        /// What the token says of the private key.
        attributes: KeyAttributes,
        /// What its maker says of it, where the token can be asked.
        attestation: Option<Box<Attestation>>,
    },
    /// Of [`super::Operation::ImportKey`].
    BroughtIn {
        /// The public key.
        key: Key,
        /// What the token says of the private key.
        attributes: KeyAttributes,
    },
    /// Of [`super::Operation::HandOverKey`].
    HandedOver {
        /// The public key.
        key: Key,
        /// Of the file.
        sha256: Digest,
        /// Of the file, in bytes.
        length: u64,
        /// The media that hold it, by their labels.
        media: Vec<String>,
        /// Over the statement that shows possession; it is verified again before it counts.
        signature: RawSignature,
    },
    /// Of [`super::Operation::MakeKey`].
    Made {
        /// The public key.
        key: Key,
        /// What was mixed, in order.
        sources: Vec<String>,
        /// The SHA-256 of what was thrown.
        dice: Option<Digest>,
    },
    /// Of [`super::Operation::TakeKey`].
    Taken {
        /// The public key.
        key: Key,
    },
    /// Of [`super::Operation::OpenBackup`].
    BackupOpened {
        /// The public key.
        key: Key,
        /// The shares that opened it.
        shares: Vec<u8>,
        /// What the sealed file says of what nobody knows of the key.
        history: Option<String>,
    },
    /// Of [`super::Operation::SealBackup`].
    BackupSealed {
        /// The sealed file, and what is public of the shares.
        sealed: SealedBackup,
        /// The same to be printed, and what is public of it as a file.
        sheets: Vec<ExportedFile>,
        /// The media that hold them, by their labels.
        media: Vec<String>,
    },
    /// Of [`super::Operation::SealCopy`].
    CopySealed {
        /// The sealed file.
        file: ExportedFile,
        /// The media that hold it, by their labels.
        media: Vec<String>,
    },
    /// Of [`super::Operation::SealManagementKey`].
    ManagementKeySealed {
        /// The sealed file.
        file: ExportedFile,
        /// The media that hold it, by their labels.
        media: Vec<String>,
    },
    /// Of [`super::Operation::ReadMedium`].
    MediumRead {
        /// What was read, in the order in which it was wanted.
        files: Vec<ExportedFile>,
    },
    /// Of [`super::Operation::GiveShare`] and [`super::Operation::CheckShare`].
    ShareReadBack {
        /// The commitment to what was typed.
        commitment: Commitment,
    },
    /// Of [`super::Giving::LayPage`].
    PageLaid,
    /// Of [`super::Giving::ClearPage`].
    PageCleared {
        /// Whether one was there.
        found: bool,
    },
    /// Of [`super::Giving::EncryptShare`].
    ShareEncrypted {
        /// The age file.
        file: ExportedFile,
        /// The media that hold it, by their labels.
        media: Vec<String>,
        /// What an earlier try left, by name: nobody knows what is in it.
        left: Vec<String>,
    },
    /// Of [`super::Operation::PutKey`] and [`super::Operation::RestoreKey`].
    KeyPut {
        /// The public key.
        key: Key,
        /// What the token says of the private key.
        attributes: KeyAttributes,
        /// The shares from which it came; none where it came from memory.
        shares: Vec<u8>,
        /// What the sealed file says of what nobody knows of the key, where it came from one.
        history: Option<String>,
    },
    /// Of [`super::Operation::WipeKey`] and [`super::Wrapping::WipeKek`].
    Wiped,
    /// Of [`super::Operation::Wrapping`].
    Wrapping(super::WrappingOutcome),
    /// Of [`super::Operation::Drill`], [`super::Operation::Sign`] and [`super::Operation::SignHead`].
    Signed {
        /// The token as it was found.
        seen: SeenToken,
        /// The signature; it is verified again before it counts.
        signature: RawSignature,
    },
    /// Of [`super::Operation::EraseToken`].
    Erased {
        /// The token as it is afterwards.
        seen: SeenToken,
        /// How many keys can still be seen on it.
        left: u32,
    },
    /// Of every operation that needs a token: it is not here, others are. No PIN was asked for.
    WrongToken(Vec<SeenToken>),
    /// Of [`super::Operation::Open`].
    Opened {
        /// The token as it was found.
        seen: SeenToken,
        /// The public key that it proved to hold.
        key: Key,
    },
}
