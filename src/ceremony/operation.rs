//! The whole list of what the program can do to the world, and what can come of it. A rehearsal on paper is not performing
//! these; there is no other switch.

mod giving;
mod outcome;
mod seen;
mod trouble;
mod wrapping;

use serde::{Deserialize, Serialize};

pub use self::{
    giving::Giving,
    outcome::Outcome,
    seen::{ExportedFile, SeenToken},
    trouble::Trouble,
    wrapping::{Wrapping, WrappingOutcome, WrapsBy, outcome_of},
};
use super::{
    backups::SealedBackup,
    crossing::{FrameSource, Received, Shown},
    participants::{Alias, PersonId},
};
use crate::{
    custody::Set,
    digest::Digest,
    text::shown,
    tuf::key::{Key, KeyAlgorithm, KeyId},
    utc::Utc,
};

/// Something to be done to the world. Names and digests only: bytes to sign are minted from the state as a
/// [`crate::readback::Signable`] when the operation is performed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Host: find out whether this machine is fit.
    Preflight,
    /// File: read a file that came from outside.
    ReadInput {
        /// The file, relative to the script.
        file: String,
        /// A file that belongs to it, such as its proof of possession.
        with: Option<String>,
        /// Parcels that came in as QR codes: a file of one of them comes before one of that name beside the script.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parcels: Vec<Received>,
    },
    /// QR: read codes until a parcel is whole.
    ReadFrames {
        /// Where they come from.
        from: FrameSource,
        /// The folder beside the script in which the files will count as lying; empty for the script's own.
        folder: String,
    },
    /// QR: show files of the record as codes until people say that the other side has them.
    ShowFrames {
        /// Which files.
        what: Shown,
    },
    /// File: put the bytes of a payload into the record, for a second machine to check.
    StorePayload {
        /// Its SHA-256.
        payload: Digest,
    },
    /// File: write verified metadata and public keys into the record, on every medium.
    Export {
        /// Names and digests, in the order they are written.
        files: Vec<ExportedFile>,
    },
    /// File: open what was collected beforehand.
    OpenCollection {
        /// Its folder, relative to the script.
        folder: String,
        /// The SHA-256 that its manifest must have.
        manifest: Digest,
        /// The same of the last collection from before a compromise.
        before: Option<(String, Digest)>,
        /// As in [`Operation::ReadInput`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parcels: Vec<Received>,
    },
    /// File: read some repositories of it.
    ReadRepositories {
        /// The first, from 0 in the order of their names.
        from: u32,
        /// How many.
        count: u32,
        /// As in [`Operation::ReadInput`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parcels: Vec<Received>,
    },
    /// File: read inputs again that stand in the record.
    ReadInputs {
        /// Their SHA-256.
        pack: Digest,
    },
    /// File: read a part of the list of what earlier ceremonies signed, which stands in the record.
    ReadSigned {
        /// Its SHA-256.
        list: Digest,
        /// The first line, from 0.
        from: u64,
    },
    /// File: write bundles of some repositories into the record, on every medium.
    ExportRepositories {
        /// The SHA-256 of the list of payloads.
        batch: Digest,
    },
    /// Token: sign certificates of the token's own key.
    Certify {
        /// With which token.
        alias: Alias,
        /// The fingerprint of its public key.
        public: Digest,
        /// How many.
        count: u32,
    },
    /// Token: sign every payload of the reviewed batch that this token owes.
    SignBatch {
        /// With which token.
        alias: Alias,
        /// The fingerprint of its public key.
        public: Digest,
        /// The SHA-256 of the list of payloads.
        batch: Digest,
        /// How many documents it signs.
        count: u32,
    },
    /// Token: look which tokens are there to be prepared as `alias`.
    FindTokens {
        /// For which token of the script.
        alias: Alias,
    },
    /// Token: initialise a token and set its SO-PIN (asked for). Everything on it is lost.
    Initialise {
        /// As which token of the script.
        alias: Alias,
        /// Which one: as [`Operation::FindTokens`] saw it.
        seen: Box<SeenToken>,
        /// The label it gets.
        label: String,
    },
    /// Token: set the first user PIN (asked for), as SO.
    SetUserPin {
        /// Of which token.
        alias: Alias,
    },
    /// Token: generate the root key (user PIN asked for).
    Generate {
        /// On which token.
        alias: Alias,
        /// Which kind of key.
        algorithm: KeyAlgorithm,
        /// Its label on the token.
        label: String,
    },
    /// Token: read a private key file (passphrase asked for) and put the key on the token (user PIN asked for).
    ImportKey {
        /// On which token.
        alias: Alias,
        /// The file, beside the script or at an absolute path.
        file: String,
        /// The fingerprint of its public key, where the ceremony knows it.
        public: Option<Digest>,
        /// Its canonical id, or another keyid of it: by that it is found among several.
        keyid: Option<KeyId>,
        /// Its label on the token.
        label: String,
    },
    /// File: make a tagging key, encrypt it with a new passphrase (asked for), write it on every medium, let it sign, wipe it.
    HandOverKey {
        /// Its short name in the script.
        name: Alias,
        /// What it is for.
        role: String,
        /// The one repository that it is for.
        gun: Option<String>,
        /// Who chooses the passphrase.
        keeper: PersonId,
        /// Its path in the record.
        file: String,
        /// The last day of the statement that it signs, `2026-12-01`.
        #[serde(rename = "last-day")]
        last_day: String,
        /// The nonce of that statement.
        nonce: Digest,
    },
    /// Host: make a key in locked memory, of mixed entropy.
    MakeKey {
        /// Its short name in the script.
        name: Alias,
        /// Which kind of key.
        algorithm: KeyAlgorithm,
        /// The tokens whose randomness goes into it, as far as they are in.
        tokens: Vec<Alias>,
        /// Whether dice are thrown (their throws are asked for).
        dice: bool,
    },
    /// File: read a private key file (passphrase asked for) into locked memory.
    TakeKey {
        /// Its short name in the script.
        name: Alias,
        /// The file, beside the script or at an absolute path.
        file: String,
        /// The fingerprint of its public key, where the ceremony knows it.
        public: Option<Digest>,
        /// Its canonical id, or another keyid of it: by that it is found among several.
        keyid: Option<KeyId>,
        /// Who types the passphrase.
        keeper: PersonId,
    },
    /// File: open the sealed file of a backup that was made before with its shares (asked for), and keep the key in locked memory.
    OpenBackup {
        /// Its short name in the script.
        name: Alias,
        /// The sealed file, relative to the script.
        file: String,
        /// Its SHA-256.
        sha256: Digest,
        /// The keyid that the key in it must have.
        keyid: KeyId,
        /// What is known of its shares.
        set: Box<Set>,
        /// As in [`Operation::ReadInput`].
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parcels: Vec<Received>,
    },
    /// File: seal it, split what opens it, write the sealed file on every medium.
    SealBackup {
        /// Of which key.
        name: Alias,
        /// Its keyid.
        keyid: KeyId,
        /// When, as the sealed file says.
        made: Utc,
    },
    /// File: seal the key with a passphrase that one person chooses, write that copy on every medium.
    SealCopy {
        /// Of which key.
        name: Alias,
        /// Its keyid.
        keyid: KeyId,
        /// Who chooses the passphrase.
        person: PersonId,
        /// The id of the set of shares that open the backup.
        set: String,
        /// When, as the sealed file says.
        made: Utc,
    },
    /// File: seal the management key of a YubiKey to the identity of a backup, write it on every medium.
    SealManagementKey {
        /// Of the backup of which key.
        name: Alias,
        /// Of which token.
        alias: Alias,
        /// Of which YubiKey.
        serial: String,
        /// When, as the sealed file says.
        made: Utc,
        /// What is known of the shares that open it.
        set: Box<Set>,
    },
    /// File: read what the shares of a new backup open from one medium of the record, past this machine's memory.
    ReadMedium {
        /// The short name of its key.
        name: Alias,
        /// Its label.
        medium: String,
        /// Every file, as it was written.
        files: Vec<ExportedFile>,
    },
    /// People: put a share on paper, and let it be typed again.
    GiveShare {
        /// Of the backup of which key.
        name: Alias,
        /// Which share, from 1.
        index: u8,
        /// Who keeps it.
        custodian: PersonId,
    },
    /// Token: put a key that was made in memory on it (user PIN asked for), from memory or from shares (asked for).
    PutKey {
        /// On which token.
        alias: Alias,
        /// Which key.
        name: Alias,
        /// Its public half.
        key: Box<Key>,
        /// Its label on the token.
        label: String,
        /// Whether it has to come from shares.
        #[serde(rename = "from-shares")]
        from_shares: bool,
        /// Its sealed file, and what is known of the shares.
        sealed: Box<SealedBackup>,
    },
    /// Token: open a backup that was made before with shares (asked for), and put its key on the token (user PIN asked for).
    RestoreKey {
        /// On which token.
        alias: Alias,
        /// The short name of the key.
        name: Alias,
        /// The keyid that it must have.
        keyid: KeyId,
        /// Its label on the token.
        label: String,
        /// Its sealed file in the record, and what is known of the shares.
        sealed: Box<SealedBackup>,
    },
    /// People: let a share be typed from its page.
    CheckShare {
        /// Of the backup of which key.
        name: Alias,
        /// Which share, from 1.
        index: u8,
        /// What is known of its set.
        set: Box<Set>,
    },
    /// Host: wipe the memory in which a key was made.
    WipeKey {
        /// Which key.
        name: Alias,
    },
    /// File, people: what is done to a share beside its being put on paper.
    Giving(Giving),
    /// Token, host: what is done to a key that one token wraps for another.
    Wrapping(Wrapping),
    /// Token: forget everything of a token, open it again as if it had just been inserted, and sign a proof of possession.
    Drill {
        /// Which token.
        alias: Alias,
        /// Which key.
        keyid: KeyId,
        /// The fingerprint of its public key.
        public: Digest,
        /// The digest of the statement.
        challenge: Digest,
    },
    /// Token: look at a token of this label and serial; one of them may be empty, and then any.
    LookAtToken {
        /// As which token of the script.
        alias: Alias,
        /// Its label.
        label: String,
        /// Its serial.
        serial: String,
    },
    /// Token: wipe it (SO-PIN asked for where it has one), and look afterwards. Everything on it is lost.
    EraseToken {
        /// Which token of the script.
        alias: Alias,
        /// Which one: as [`Operation::LookAtToken`] saw it.
        seen: Box<SeenToken>,
    },
    /// Token: find a token with a known key, and prove by a nonce that it holds it.
    Open {
        /// Which token.
        alias: Alias,
        /// Which key.
        keyid: KeyId,
        /// The fingerprint of its public key.
        public: Digest,
    },
    /// Token: sign a reviewed payload.
    Sign {
        /// With which token.
        alias: Alias,
        /// With which key.
        keyid: KeyId,
        /// The fingerprint of its public key.
        public: Digest,
        /// Which payload.
        payload: Digest,
    },
    /// Token: sign the head of the transcript.
    SignHead {
        /// With which token.
        alias: Alias,
        /// With which key.
        keyid: KeyId,
        /// The fingerprint of its public key.
        public: Digest,
        /// Which head.
        head: Digest,
    },
}

impl Operation {
    /// The operation as a sentence for people.
    pub fn words(&self) -> String {
        match self {
            Self::Preflight => "look whether this machine is fit".into(),
            Self::ReadInput { file, .. } => format!("read {}", shown(file)),
            Self::ReadFrames { from, .. } => format!("read QR codes from {}", from.words()),
            Self::ShowFrames { .. } => "show QR codes".into(),
            Self::StorePayload { payload } => format!("put payload {} into the record", &payload.to_string()[..8]),
            Self::Export { files } => {
                let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
                format!("write {} into the record", names.join(", "))
            }
            Self::OpenCollection { folder, .. } => format!("open the collection {}", shown(folder)),
            Self::ReadRepositories { from, count, .. } => {
                format!("read and verify repositories {} to {}", from + 1, from + count)
            }
            Self::ReadInputs { pack } => format!("compose from the inputs {}", &pack.to_string()[..8]),
            Self::ReadSigned { list, from } => {
                format!("read what was signed before, from line {} of the list {} on", from + 1, &list.to_string()[..8])
            }
            Self::ExportRepositories { .. } => "write the bundles into the record".into(),
            Self::Certify { alias, count, .. } => format!("sign {count} certificates with {alias}"),
            Self::SignBatch { alias, count, .. } => format!("sign {count} documents with {alias}"),
            Self::FindTokens { alias } => format!("look for a token to become {alias}"),
            Self::Initialise { alias, .. } => format!("initialise {alias}"),
            Self::SetUserPin { alias } => format!("set the user PIN of {alias}"),
            Self::Generate { alias, .. } => format!("generate a key on {alias}"),
            Self::ImportKey { alias, file, .. } => format!("bring the key in {} to {alias}", shown(file)),
            Self::HandOverKey { name, .. } => format!("make the key {name} and write it for its keeper"),
            Self::MakeKey { name, .. } => format!("make the key {name} in memory"),
            Self::TakeKey { name, file, .. } => format!("take the key {name} from {} into memory", shown(file)),
            Self::OpenBackup { name, .. } => format!("open the backup of {name} with its shares"),
            Self::SealBackup { name, .. } => format!("seal the backup of {name} and split what opens it"),
            Self::SealCopy { name, .. } => format!("seal a copy of the backup of {name} with a passphrase"),
            Self::SealManagementKey { alias, serial, .. } => {
                format!("seal the management key of {alias}, YubiKey {}", shown(serial))
            }
            Self::ReadMedium { medium, .. } => format!("read “{}” again", shown(medium)),
            Self::GiveShare { index, .. } => format!("put share {index} on paper and read it back"),
            Self::PutKey { alias, name, from_shares: false, .. } => format!("put the key {name} on {alias}"),
            Self::PutKey { alias, name, .. } => format!("restore the key {name} to {alias} from shares"),
            Self::RestoreKey { alias, name, .. } => {
                format!("open the backup of {name} with shares, and restore it to {alias}")
            }
            Self::CheckShare { index, .. } => format!("read share {index} from its page"),
            Self::WipeKey { name } => format!("wipe the memory in which {name} was made"),
            Self::Giving(giving) => giving.words(),
            Self::Wrapping(wrapping) => wrapping.words(),
            Self::Drill { alias, .. } => format!("open {alias} again and let its key show that it works"),
            Self::LookAtToken { alias, .. } => format!("look at {alias}"),
            Self::EraseToken { alias, .. } => format!("wipe {alias}"),
            Self::Open { alias, .. } => format!("open {alias}"),
            Self::Sign { alias, payload, .. } => format!("sign payload {} with {alias}", &payload.to_string()[..8]),
            Self::SignHead { alias, .. } => format!("sign the head of the transcript with {alias}"),
        }
    }

    /// The token it needs.
    pub fn alias(&self) -> Option<&Alias> {
        match self {
            Self::FindTokens { alias }
            | Self::Initialise { alias, .. }
            | Self::SetUserPin { alias }
            | Self::Generate { alias, .. }
            | Self::ImportKey { alias, .. }
            | Self::PutKey { alias, .. }
            | Self::RestoreKey { alias, .. }
            | Self::Drill { alias, .. }
            | Self::LookAtToken { alias, .. }
            | Self::EraseToken { alias, .. }
            | Self::Open { alias, .. }
            | Self::Sign { alias, .. }
            | Self::SignHead { alias, .. }
            | Self::Certify { alias, .. }
            | Self::SignBatch { alias, .. } => Some(alias),
            Self::Wrapping(wrapping) => wrapping.alias(),
            Self::Preflight
            | Self::ReadInput { .. }
            | Self::ReadFrames { .. }
            | Self::ShowFrames { .. }
            | Self::StorePayload { .. }
            | Self::Export { .. }
            | Self::OpenCollection { .. }
            | Self::ReadRepositories { .. }
            | Self::ReadInputs { .. }
            | Self::ReadSigned { .. }
            | Self::ExportRepositories { .. }
            | Self::HandOverKey { .. }
            | Self::MakeKey { .. }
            | Self::TakeKey { .. }
            | Self::OpenBackup { .. }
            | Self::SealBackup { .. }
            | Self::SealCopy { .. }
            | Self::SealManagementKey { .. }
            | Self::ReadMedium { .. }
            | Self::GiveShare { .. }
            | Self::Giving(_)
            | Self::CheckShare { .. }
            | Self::WipeKey { .. } => None,
        }
    }

    /// Whether it is one intent for many small works: it goes on from where it stopped, and doing one of them again is harmless.
    pub fn goes_on(&self) -> bool {
        matches!(self, Self::Certify { .. } | Self::SignBatch { .. } | Self::ExportRepositories { .. })
    }
}
