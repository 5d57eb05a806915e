//! What happened: the entries of the transcript. State is always their fold, and no event can hold a secret.

use serde::{Deserialize, Serialize};

use super::{
    backups::SealedBackup,
    crossing::FrameSource,
    operation::{ExportedFile, Operation, SeenToken, Trouble, WrapsBy},
    participants::{Alias, PersonId},
    prompt::{AsideKind, Salt},
    repositories::{Known, Shape, Verdict},
    steps::Gone,
};
use crate::{
    custody::{Commitment, Recipient},
    device::{KeyAttributes, attestation::Attestation, yubikey::NewManagementKey},
    digest::Digest,
    machine::MachineFacts,
    readback::ReadBack,
    rules::{Passed, Refusal},
    transfer::Gun,
    tuf::{
        change::RootChange,
        key::{Key, KeyId},
        role::RoleName,
    },
    utc::Utc,
};

/// Rehearsal or production.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Throw-away soft tokens; the record can never pass for a real one.
    Rehearsal,
    /// The real thing.
    Production,
}

impl Mode {
    /// `REHEARSAL` or `PRODUCTION`, as it is always on the screen.
    pub const fn stamp(self) -> &'static str {
        match self {
            Self::Rehearsal => "REHEARSAL",
            Self::Production => "PRODUCTION",
        }
    }
}

/// Which program ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// `officiant 0.1.0`.
    pub name: String,
    /// The SHA-256 of its file.
    pub sha256: Digest,
    /// Whose trust it was built with: `shipped`, or the name that a test program gives itself.
    pub trust: String,
    /// Which questions it asks ([`EDITION`]). A record that an earlier edition wrote is gone through with that edition's questions.
    #[serde(default, skip_serializing_if = "is_first")]
    pub edition: u32,
}

/// The edition of this program's questions. It grows where a ceremony asks what it did not ask before without the script saying so: 1 asks what becomes
/// of a key on a token that is to be left empty; 2 reads what the shares of a new backup open from each medium again.
pub const EDITION: u32 = 2;

const fn is_first(edition: &u32) -> bool {
    *edition == 0
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Event {
    /// Entry 0.
    Began {
        /// Of the script's text.
        script: Digest,
        /// Its title.
        title: String,
        /// Which program.
        program: Program,
        /// Rehearsal or production.
        mode: Mode,
        /// The labels of the media that the record is on.
        media: Vec<String>,
        /// The last head of the previous ceremony, and what it signed, where its record or card is known.
        previous: Option<PreviousCeremony>,
    },
    /// A rehearsal uses a throw-away key in the place of one that the script names.
    StandIn {
        /// The keyid in the script.
        real: KeyId,
        /// The throw-away key.
        twin: Key,
    },
    /// A rehearsal uses a twin of the previous root, with throw-away keys.
    TwinRoot {
        /// The SHA-256 that the script pins.
        real: Digest,
        /// The SHA-256 of the twin.
        twin: Digest,
    },
    /// A rehearsal uses a twin of a collection, whose repositories have throw-away keys.
    TwinCollection {
        /// The SHA-256 of the manifest that the script pins.
        real: Digest,
        /// The SHA-256 of the twin's manifest.
        twin: Digest,
    },

    /// Somebody is here.
    Present {
        /// Who.
        person: PersonId,
    },
    /// Somebody is not here; their surrogate, if any, takes their part.
    Absent {
        /// Who.
        person: PersonId,
    },
    /// A person set their personal word.
    WordSet {
        /// Who.
        person: PersonId,
        /// Of its slow hash.
        salt: Salt,
        /// The SHA-256 of the slow hash.
        verifier: Digest,
    },
    /// A person confirmed with their personal word.
    Confirmed {
        /// Who.
        person: PersonId,
        /// What.
        statement: String,
    },
    /// A line of text was written into the record.
    Recorded {
        /// What it is called.
        label: String,
        /// What was written.
        value: String,
    },
    /// A typed word let the ceremony go on.
    Went {
        /// The word.
        word: String,
        /// What it stood for.
        on: String,
    },
    /// A person read the independent clock.
    ClockRead {
        /// Who.
        person: PersonId,
        /// What they read.
        room: Utc,
        /// What the machine said at that moment.
        machine: Utc,
    },
    /// Two readings agree with the machine.
    ClockConfirmed {
        /// The confirmed instant.
        at: Utc,
        /// The largest difference, in seconds.
        differs_seconds: i64,
        /// `CLOCK-CONFIRMED`, `CLOCK-FORWARD`.
        passed: Vec<Passed>,
    },
    /// People wrote words down.
    WrittenDown {
        /// What the words are of.
        subject: String,
        /// The digest.
        digest: Digest,
    },
    /// People read words back from paper.
    ReadBack {
        /// What the words are of.
        subject: String,
        /// How it went.
        read_back: ReadBack,
    },
    /// An act is over: its head was read.
    ActClosed {
        /// The head that was read, of the entry before.
        head: Digest,
        /// How it went.
        read_back: ReadBack,
    },

    /// The program is about to do something to the world.
    Intended {
        /// What.
        operation: Operation,
    },
    /// It failed, or was refused, and nothing came of it that counts.
    Failed {
        /// How.
        trouble: Trouble,
    },
    /// After a failure or a resume, somebody decided to try once more.
    TryAgain {
        /// Whether they decided to spend the last try of a PIN (`PIN-TRIES-LEFT`).
        last_try: bool,
    },
    /// This machine.
    Machine {
        /// What was found.
        facts: MachineFacts,
        /// `MACHINE-FIT`, in production.
        passed: Vec<Passed>,
    },
    /// A public key came in.
    KeyImported {
        /// Its short name in the script.
        name: Alias,
        /// Of the file.
        sha256: Digest,
        /// The key.
        key: Key,
        /// `KEY-ON-PAPER`, `KEY-POSSESSION`.
        passed: Vec<Passed>,
    },
    /// The previous root came in.
    PreviousRoot {
        /// Its bytes, as text.
        text: String,
        /// `PREVIOUS-ROOT-PINNED`, `ROOT-TALLY-NEW`.
        passed: Vec<Passed>,
    },
    /// A parcel came in as QR codes. Its bytes stand in the record, in `inputs/`; nothing of it counts yet.
    ParcelRead {
        /// Where the codes came from.
        from: FrameSource,
        /// The folder beside the script in which its files count as lying; empty for the script's own.
        folder: String,
        /// The SHA-256 of its bytes.
        parcel: Digest,
        /// The digest whose words are compared: of the list of its files.
        digest: Digest,
        /// Its files.
        files: Vec<ExportedFile>,
        /// `PARCEL-INTACT`.
        passed: Vec<Passed>,
    },
    /// Files of the record were shown as QR codes.
    FramesShown {
        /// The digest whose words are compared: of the list of the files.
        digest: Digest,
        /// The files, by the names under which they cross.
        files: Vec<ExportedFile>,
    },
    /// People compared the words of what crossed on both screens. What came in counts from here on.
    ParcelCompared {
        /// The digest.
        digest: Digest,
        /// How it went.
        read_back: ReadBack,
        /// `PARCEL-READBACK`.
        passed: Vec<Passed>,
    },
    /// These tokens could be prepared.
    TokensSeen {
        /// As which token of the script.
        alias: Alias,
        /// Which.
        seen: Vec<SeenToken>,
    },
    /// One of them was chosen.
    TokenChosen {
        /// As which token of the script.
        alias: Alias,
        /// Which.
        seen: SeenToken,
        /// `TOKEN-IS-HARDWARE`, `TOKEN-HOLDS-NO-TRUSTED-KEY`, `TOKEN-INITIALISED-ONCE`.
        passed: Vec<Passed>,
    },
    /// A token was initialised and is bound to its alias from now on.
    TokenInitialised {
        /// Which token of the script.
        alias: Alias,
        /// As it is now.
        seen: SeenToken,
    },
    /// A user PIN was set.
    UserPinSet {
        /// On which token.
        alias: Alias,
        /// Its management key, where it is a YubiKey that does not keep it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        management_key: Option<NewManagementKey>,
        /// `PIN-NOT-DEFAULT`.
        passed: Vec<Passed>,
    },
    /// A key was generated on a token. It does not count yet.
    KeyGenerated {
        /// On which token.
        alias: Alias,
        /// The public key.
        key: Key,
        /// What the token says of it.
        attributes: KeyAttributes,
        /// What its maker says of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attestation: Option<Box<Attestation>>,
        /// `KEY-NOT-EXTRACTABLE`, `KEY-COUNTED-ONCE`, `KEY-ATTESTED`.
        passed: Vec<Passed>,
    },
    /// An existing key was brought to a token from a file. It does not count yet. Nothing of the file is kept, not even its digest.
    KeyBroughtIn {
        /// To which token.
        alias: Alias,
        /// The public key.
        key: Key,
        /// Its canonical id: the name of the file in a publisher's trust directory.
        canonical_id: KeyId,
        /// What the token says of it.
        attributes: KeyAttributes,
        /// The name of the file, as the script has it.
        from: String,
        /// `KEY-ON-PAPER`, `KEY-NOT-EXTRACTABLE`, `KEY-COUNTED-ONCE`.
        passed: Vec<Passed>,
    },
    /// A tagging key was made, written as an encrypted file for its keeper, and wiped.
    KeyHandedOver {
        /// Its short name in the script.
        name: Alias,
        /// The public key.
        key: Key,
        /// Its canonical id.
        canonical_id: KeyId,
        /// The encrypted file in the record.
        file: ExportedFile,
        /// On which media.
        media: Vec<String>,
        /// The statement that it signed.
        statement: String,
        /// Its signature, in hexadecimal.
        signature: String,
        /// `KEY-POSSESSION`.
        passed: Vec<Passed>,
    },
    /// A key was made in locked memory. It is nowhere else yet.
    KeyMade {
        /// Its short name in the script.
        name: Alias,
        /// The public key.
        key: Key,
        /// What was mixed, in order: the operating system, tokens, dice.
        sources: Vec<String>,
        /// The SHA-256 of what was thrown, where dice were.
        dice: Option<Digest>,
        /// `KEY-COUNTED-ONCE`.
        passed: Vec<Passed>,
    },
    /// An existing key was taken from its file into locked memory, to be backed up. What became of it before is unknown. Nothing of the
    /// file is kept, not even its digest.
    KeyTaken {
        /// Its short name in the script.
        name: Alias,
        /// The public key.
        key: Key,
        /// Its canonical id: the name of the file in a publisher's trust directory.
        canonical_id: KeyId,
        /// The name of the file, as the script has it.
        from: String,
        /// `KEY-ON-PAPER`.
        passed: Vec<Passed>,
    },
    /// It was sealed as an age file, and what opens it was split.
    BackupSealed {
        /// Of which key.
        name: Alias,
        /// The sealed file, and what is public of its shares.
        sealed: SealedBackup,
        /// The same to be printed, and what is public of it as a file.
        sheets: Vec<ExportedFile>,
        /// On which media.
        media: Vec<String>,
        /// `BACKUP-OPENS`.
        passed: Vec<Passed>,
    },
    /// A copy of a backup was sealed with a passphrase: one person alone opens it.
    CopySealed {
        /// Of which key.
        name: Alias,
        /// Who chose the passphrase.
        person: PersonId,
        /// The age file.
        file: ExportedFile,
        /// On which media.
        media: Vec<String>,
        /// `BACKUP-OPENS`, `BACKUP-DECLARED`.
        passed: Vec<Passed>,
    },
    /// The management key of a YubiKey was sealed to the identity of a backup.
    ManagementKeySealed {
        /// Of the backup of which key.
        name: Alias,
        /// Of which token.
        alias: Alias,
        /// The age file.
        file: ExportedFile,
        /// On which media.
        media: Vec<String>,
        /// `BACKUP-OPENS`, `MANAGEMENT-KEY-SEALED`.
        passed: Vec<Passed>,
    },
    /// The management key of a YubiKey went with the memory, and people decided.
    ManagementKeyLost {
        /// Of which token.
        alias: Alias,
        /// Of which YubiKey.
        serial: String,
        /// Whether it is prepared again. Otherwise it goes on without.
        again: bool,
    },
    /// A share is on paper, and was typed again from it.
    ShareReadBack {
        /// Of the backup of which key.
        name: Alias,
        /// Which share, from 1.
        index: u8,
        /// Who keeps it.
        custodian: PersonId,
        /// The commitment that it fits.
        commitment: Commitment,
        /// `SHARE-READ-BACK`.
        passed: Vec<Passed>,
    },
    /// The page of a share lies in memory, for a program that prints it.
    PageLaid {
        /// Of the backup of which key.
        name: Alias,
        /// Which share, from 1.
        index: u8,
        /// Where it lies.
        file: String,
    },
    /// It was overwritten and removed.
    PageCleared {
        /// Of the backup of which key.
        name: Alias,
        /// Which share, from 1.
        index: u8,
        /// Where it lay.
        file: String,
        /// Whether it was there: one that an earlier run left may have gone with the power.
        found: bool,
    },
    /// A share that was read back was encrypted to its custodian as well.
    ShareEncrypted {
        /// Of the backup of which key.
        name: Alias,
        /// Which share, from 1.
        index: u8,
        /// Whose recipient it is.
        custodian: PersonId,
        /// The recipient.
        recipient: Recipient,
        /// The age file.
        file: ExportedFile,
        /// On which media.
        media: Vec<String>,
        /// What an earlier try left in the record, by name: nobody knows what is in it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<String>,
        /// `RECIPIENT-OWN`.
        passed: Vec<Passed>,
    },
    /// A key that was made in memory came to a token. It does not count yet.
    KeyPut {
        /// To which token.
        alias: Alias,
        /// Which key.
        name: Alias,
        /// Its public half, as the token gives it.
        key: Key,
        /// What the token says of it.
        attributes: KeyAttributes,
        /// The shares from which it came; none where it came from memory.
        shares: Vec<u8>,
        /// What the sealed file says of what nobody knows of the key: that it was imported.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<String>,
        /// `KEY-NOT-EXTRACTABLE`, `BACKUP-OPENS`.
        passed: Vec<Passed>,
    },
    /// The memory in which a key was made was wiped.
    KeyWiped {
        /// Which key.
        name: Alias,
        /// `BACKUP-RESTORES`.
        passed: Vec<Passed>,
    },
    /// A key-encryption key (KEK) was made in locked memory. It is nowhere else yet.
    KekMade {
        /// The short name of the key that it is to wrap.
        name: Alias,
        /// Its fingerprint.
        kek: Digest,
        /// What was mixed, in order: the operating system, tokens, dice.
        sources: Vec<String>,
        /// The SHA-256 of what was thrown, where dice were.
        dice: Option<Digest>,
    },
    /// A token got the KEK, made a key that can be wrapped, and wrapped it; the file is written, and the KEK is split.
    KeyWrapped {
        /// Which token.
        alias: Alias,
        /// Which key.
        name: Alias,
        /// Its public half.
        key: Key,
        /// What the token says of it.
        attributes: KeyAttributes,
        /// How the token wraps.
        by: WrapsBy,
        /// The file of the wrapped key, and what is public of the shares of the KEK.
        sealed: SealedBackup,
        /// The same to be printed, and what is public of the shares as a file.
        sheets: Vec<ExportedFile>,
        /// On which media.
        media: Vec<String>,
        /// `WRAPPING-SAFE`, `WRAPPING-TRUSTED`, `KEK-READS-BACK`, `KEY-COUNTED-ONCE`, `BACKUP-OPENS`.
        passed: Vec<Passed>,
    },
    /// A token unwrapped the key of an old backup with the old shares, so that it can be wrapped anew; the old KEK is gone from it.
    BackupUnwrapped {
        /// Which token.
        alias: Alias,
        /// Which key.
        name: Alias,
        /// The id of the old set.
        set: String,
        /// Its public half, as the token gives it.
        key: Key,
        /// What the token says of it.
        attributes: KeyAttributes,
        /// How the token unwraps.
        by: WrapsBy,
        /// The old shares that gave the old KEK back.
        shares: Vec<u8>,
        /// `WRAPPING-SAFE`, `WRAPPING-TRUSTED`, `KEK-READS-BACK`, `WRAPPED-KEY-PROVEN`, `KEK-GONE`, `BACKUP-OPENS`, `SHARE-FITS`.
        passed: Vec<Passed>,
    },
    /// The memory in which a KEK was made was wiped.
    KekWiped {
        /// Of which key.
        name: Alias,
    },
    /// A token got the KEK from shares, unwrapped the key of the file, and let it sign; the KEK is gone from it. It does not count yet.
    KeyUnwrapped {
        /// Which token.
        alias: Alias,
        /// Which key.
        name: Alias,
        /// Its public half, as the token gives it.
        key: Key,
        /// What the token says of it.
        attributes: KeyAttributes,
        /// How the token unwraps.
        by: WrapsBy,
        /// The shares that gave the KEK back.
        shares: Vec<u8>,
        /// `WRAPPING-SAFE`, `WRAPPING-TRUSTED`, `KEK-READS-BACK`, `KEY-NOT-EXTRACTABLE`, `WRAPPED-KEY-PROVEN`, `KEK-GONE`, `BACKUP-OPENS`.
        passed: Vec<Passed>,
    },
    /// After a pause, the copy of a wrapped key signed again.
    CopyProven {
        /// On which token.
        alias: Alias,
        /// Which key.
        name: Alias,
        /// Its public half, as the token gives it.
        key: Key,
        /// `KEY-NOT-EXTRACTABLE`, `WRAPPED-KEY-PROVEN`.
        passed: Vec<Passed>,
    },
    /// The key that was wrapped can leave its token no more, and the KEK is gone from it.
    KeyClosed {
        /// On which token.
        alias: Alias,
        /// Which key.
        name: Alias,
        /// What the token says of it from now on.
        attributes: KeyAttributes,
        /// `KEY-CLOSED`, `KEK-GONE`.
        passed: Vec<Passed>,
    },
    /// A wrapped key that is given up, and its KEK, are gone from a token.
    WrappingCleared {
        /// From which token.
        alias: Alias,
        /// Which key.
        name: Alias,
        /// `KEK-GONE`.
        passed: Vec<Passed>,
    },
    /// What is public of a set of shares came in.
    SetImported {
        /// By which name the script knows the key.
        name: Alias,
        /// The file, as text.
        text: String,
        /// `BYTES-MATCH-HASH`.
        passed: Vec<Passed>,
    },
    /// A share was read from its page and fits its commitment.
    ShareChecked {
        /// Of the backup of which key.
        name: Alias,
        /// The id of its set.
        set: String,
        /// Which share, from 1.
        index: u8,
        /// The commitment that it fits.
        commitment: Commitment,
        /// `SHARE-FITS`.
        passed: Vec<Passed>,
    },
    /// A share was not read.
    ShareMissing {
        /// Of the backup of which key.
        name: Alias,
        /// The id of its set.
        set: String,
        /// Which share, from 1.
        index: u8,
        /// Whether it is lost for ever, and not just absent.
        lost: bool,
    },
    /// A backup that was made before was opened with its shares; its key is in locked memory.
    BackupOpened {
        /// Its short name in the script.
        name: Alias,
        /// The id of its set.
        set: String,
        /// The public key.
        key: Key,
        /// The shares that opened it.
        shares: Vec<u8>,
        /// What the sealed file says of what nobody knows of the key: that it was imported.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<String>,
        /// `BACKUP-OPENS`.
        passed: Vec<Passed>,
    },
    /// A share that was read a moment ago was destroyed before the eyes of the witness.
    ShareDestroyed {
        /// Of the backup of which key.
        name: Alias,
        /// The id of its set.
        set: String,
        /// Which share, from 1.
        index: u8,
        /// Who saw it.
        witness: PersonId,
    },
    /// What remains of a set was read aloud when the record was about to be closed.
    OldSharesJudged {
        /// Of the backup of which key.
        name: Alias,
        /// The id of its set.
        set: String,
        /// The shares that were destroyed.
        destroyed: Vec<u8>,
        /// How many are left, wherever they are.
        left: u8,
        /// How many open the sealed file.
        threshold: u8,
        /// By when the key is rotated because they do, where the script says so.
        rotate_by: Option<Utc>,
        /// `OLD-SHARES-DEAD`; empty where the key is to be rotated.
        passed: Vec<Passed>,
    },
    /// A rehearsal uses a throw-away set, or a throw-away sealed file, in the place of a real one.
    TwinSet {
        /// The SHA-256 that the script pins.
        real: Digest,
        /// The SHA-256 of the twin.
        twin: Digest,
    },
    /// The program holds nothing of a medium open any more: it can be taken out.
    MediumLetGo {
        /// Its label.
        medium: String,
    },
    /// A medium was out and is in again, and what the shares of a new backup open was read from it.
    MediumRead {
        /// The short name of the key.
        name: Alias,
        /// Its label.
        medium: String,
        /// What was read, as it was written.
        files: Vec<ExportedFile>,
        /// `MEDIUM-READS-BACK`.
        passed: Vec<Passed>,
    },
    /// A key that was lost with the memory was given up, and everything on paper of it was destroyed.
    BackupDiscarded {
        /// Which key.
        name: Alias,
        /// The id of its set of shares, where it was sealed.
        set: Option<String>,
        /// The shares that were on paper.
        shares: Vec<u8>,
    },
    /// A token was opened again with the PIN typed again, and its key signed a proof of possession. From now on it counts.
    KeyDrilled {
        /// On which token.
        alias: Alias,
        /// The statement.
        statement: String,
        /// Its signature, in hexadecimal, as the token gave it.
        signature: String,
        /// `PIN-WORKS-AGAIN`, `KEY-POSSESSION`, `TOKEN-IS-EXPECTED`.
        passed: Vec<Passed>,
    },
    /// The sealed file of a backup that was made before came in. It stands in the record, in `inputs/`.
    SealedImported {
        /// The short name of its key.
        name: Alias,
        /// As it stands in the record.
        file: ExportedFile,
        /// `BYTES-MATCH-HASH`.
        passed: Vec<Passed>,
    },
    /// A token was wiped, and looked at afterwards: no key is on it.
    TokenErased {
        /// Which token of the script.
        alias: Alias,
        /// As it is now.
        seen: SeenToken,
        /// `TOKEN-IS-EXPECTED`, `TOKEN-IS-HARDWARE`, `TOKEN-ERASED`, `DRILL-LEAVES-NOTHING`.
        passed: Vec<Passed>,
    },
    /// A token that was to be wiped is not, as people say: it is lost, dead or kept.
    TokenGone {
        /// Which token of the script.
        alias: Alias,
        /// Which of them.
        gone: Gone,
        /// What is known of it, in their words.
        account: String,
    },
    /// A token with a known key was opened.
    TokenOpened {
        /// Which token of the script.
        alias: Alias,
        /// As it is.
        seen: SeenToken,
        /// The key that it proved to hold.
        key: Key,
        /// `TOKEN-IS-EXPECTED`, `TOKEN-IS-HARDWARE`.
        passed: Vec<Passed>,
    },

    /// A root was composed. The event holds the bytes to sign, so that the fold needs no file.
    Drafted {
        /// Which version.
        version: u64,
        /// The SHA-256 of `signed`.
        payload: Digest,
        /// The bytes to sign, as text.
        signed: String,
        /// The change as data.
        changes: Vec<RootChange>,
        /// The rules that were asked and held.
        passed: Vec<Passed>,
    },
    /// The payload's bytes are in the record.
    PayloadStored {
        /// Which.
        payload: Digest,
    },
    /// The review sheet was read to its end.
    SheetRead {
        /// Which payload.
        payload: Digest,
    },
    /// A payload was read back, word by word, and may be signed once its officers have confirmed it.
    PayloadReadBack {
        /// Which payload.
        payload: Digest,
        /// How it went.
        read_back: ReadBack,
    },
    /// A token signed a payload, and the signature verifies.
    Signed {
        /// Which token.
        alias: Alias,
        /// With which key.
        keyid: KeyId,
        /// Which payload.
        payload: Digest,
        /// The signature as the dialect writes it.
        signature: String,
        /// `SIGNATURE-VERIFIES`, `TOKEN-IS-EXPECTED`, `PAYLOAD-READBACK`, `VERSION-SIGNED-ONCE`.
        passed: Vec<Passed>,
    },
    /// The thresholds are met and the whole verifies, as a client will see it.
    ThresholdMet {
        /// Which payload.
        payload: Digest,
        /// `ROOT-TALLY-OLD`, `ROOT-TALLY-NEW`, `CLIENT-ACCEPTS`…
        passed: Vec<Passed>,
    },
    /// Files were written into the record.
    Exported {
        /// Which.
        files: Vec<ExportedFile>,
        /// On which media.
        media: Vec<String>,
    },
    /// What was collected beforehand lies here as the script pins it.
    CollectionOpened {
        /// The SHA-256 of its manifest.
        manifest: Digest,
        /// The same of the last collection from before a compromise, where the script pins one.
        before: Option<Digest>,
        /// The repositories, in the order of their names.
        guns: Vec<Gun>,
        /// `COLLECTION-PINNED`.
        passed: Vec<Passed>,
    },
    /// Some repositories were read and verified. Their files stand in the record, in `inputs/`.
    RepositoriesRead {
        /// The SHA-256 of what was read.
        pack: Digest,
        /// What is known of each.
        repositories: Vec<Known>,
        /// Keys in them that tokens of the script hold, without certificates.
        keys: Vec<Key>,
    },
    /// Some of what earlier ceremonies signed came in from the list that entry 0 names.
    SignedBefore {
        /// The first line, from 0.
        from: u64,
        /// The line after the last.
        to: u64,
        /// What of it a draft of today could contradict.
        signed: Vec<SignedVersion>,
        /// `VERSION-SIGNED-ONCE`.
        passed: Vec<Passed>,
    },
    /// People decided what becomes of tags that are not as they were before a compromise.
    TagsJudged {
        /// What they decided.
        verdict: Verdict,
    },
    /// People decided about one of them.
    TagJudged {
        /// In which repository.
        gun: Gun,
        /// A tag, or a delegation.
        what: String,
        /// Whether it stays as it is now.
        keep: bool,
    },
    /// A token signed the certificate of its own key.
    CertificateSigned {
        /// Which token.
        alias: Alias,
        /// For which repository, or for which with a star.
        common_name: String,
        /// The signature, in hexadecimal, as the token gave it.
        signature: String,
    },
    /// A token signed every certificate that it owed.
    CertificatesSigned {
        /// Which token.
        alias: Alias,
        /// How many.
        count: u32,
        /// `TOKEN-IS-EXPECTED`, `SIGNATURE-VERIFIES`.
        passed: Vec<Passed>,
    },
    /// A batch of payloads is composed from here on; its expiries count from this entry's date.
    BatchBegan {
        /// `BACKUP-RESTORES`, for each key that was made here; absent in records of before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        passed: Vec<Passed>,
    },
    /// Metadata of some repositories was composed. The bytes to sign stand in the record, in `payloads/`.
    RepositoriesDrafted {
        /// The SHA-256 of the inputs.
        pack: Digest,
        /// The ways in which they change.
        shapes: Vec<Shape>,
        /// What was drafted.
        repositories: Vec<DraftedRepository>,
        /// What could not be drafted.
        left_out: Vec<LeftOut>,
        /// The rules that were asked and held, each once.
        passed: Vec<Passed>,
    },
    /// A token signed a payload of the batch, and the signature verifies.
    RepositorySigned {
        /// Which token.
        alias: Alias,
        /// The first repository that has this payload.
        gun: Gun,
        /// Whose metadata.
        role: RoleName,
        /// Its version.
        version: u64,
        /// Which payload.
        payload: Digest,
        /// The signature, in hexadecimal, as the token gave it.
        signature: String,
    },
    /// A token signed every payload of the batch that it owed.
    BatchSigned {
        /// Which token.
        alias: Alias,
        /// The SHA-256 of the list of payloads.
        batch: Digest,
        /// How many documents carry its signature now.
        documents: u32,
        /// `SIGNATURE-VERIFIES`, `TOKEN-IS-EXPECTED`, `PAYLOAD-READBACK`.
        passed: Vec<Passed>,
    },
    /// Bundles of some repositories were written into the record, in `publish/`.
    RepositoriesExported {
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
        /// On which media.
        media: Vec<String>,
    },
    /// A token signed the head of the transcript.
    HeadSigned {
        /// Which token.
        alias: Alias,
        /// With which key.
        keyid: KeyId,
        /// Which head.
        head: Digest,
        /// The signature, in hexadecimal, as the token gave it.
        signature: String,
    },
    /// The final head was read back whole.
    FinalHead {
        /// The head that was read, of the entry before.
        head: Digest,
        /// How it went.
        read_back: ReadBack,
    },
    /// The script is done.
    Closed,

    /// Somebody wants something that the script does not foresee here.
    AsideBegan {
        /// What.
        aside: AsideKind,
    },
    /// One of its questions was answered.
    AsideNoted {
        /// Which.
        question: AsideQuestion,
        /// How.
        answer: String,
    },
    /// They thought better of it.
    AsideDropped,
    /// An exception stands.
    ExceptionNoted {
        /// Its number, from 1.
        number: u32,
        /// What was expected.
        expected: String,
        /// What happened.
        happened: String,
        /// What was decided.
        decided: String,
        /// By whom.
        by: [PersonId; 2],
    },
    /// A payload will not be used; its signatures stay listed as spent.
    Voided {
        /// Which.
        payload: Digest,
        /// Why.
        reason: String,
        /// Who decided.
        by: [PersonId; 2],
        /// Whose signatures on it are spent.
        spent: Vec<KeyId>,
    },
    /// A declared spare takes the place of a token.
    Substituted {
        /// Which token fails.
        alias: Alias,
        /// Which takes its place.
        spare: Alias,
        /// Why.
        reason: String,
        /// Who decided.
        by: [PersonId; 2],
    },
    /// The ceremony is to be given up, and keys are on tokens that it was to leave empty: those come first (`DRILL-LEAVES-NOTHING`).
    Abandoning {
        /// Why.
        reason: String,
        /// Who decided.
        by: [PersonId; 2],
    },
    /// The ceremony was given up.
    Abandoned {
        /// Why.
        reason: String,
        /// Who decided.
        by: [PersonId; 2],
        /// Every key, token, signature and medium, a line each.
        account: Vec<String>,
    },
    /// The operator left; the ceremony can be resumed.
    Paused,
    /// The ceremony goes on.
    Resumed {
        /// Which program goes on.
        program: Program,
        /// Which media there are now.
        media: Vec<String>,
    },
    /// The last line of the transcript was torn and was cut off, on the operator's word.
    TornTailCut {
        /// Of the torn bytes.
        sha256: Digest,
        /// How many there were.
        length: u64,
    },
    /// On resume, the witness's last written words fit this record.
    HeadFitsPaper {
        /// The head whose words the witness holds.
        head: Digest,
        /// How it went.
        read_back: ReadBack,
    },
    /// A medium failed; the record goes on on the others.
    MediumFailed {
        /// Its label.
        medium: String,
        /// Why.
        cause: String,
    },
    /// A rule said no to an answer. Nothing else happened.
    Refused {
        /// Which rule, what is wrong, what to do.
        refusal: crate::rules::Refusal,
    },
}

impl Event {
    /// The rules that it says were asked and held.
    pub fn passed(&self) -> &[Passed] {
        match self {
            Self::ClockConfirmed { passed, .. }
            | Self::Machine { passed, .. }
            | Self::KeyImported { passed, .. }
            | Self::PreviousRoot { passed, .. }
            | Self::ParcelRead { passed, .. }
            | Self::ParcelCompared { passed, .. }
            | Self::TokenChosen { passed, .. }
            | Self::UserPinSet { passed, .. }
            | Self::KeyGenerated { passed, .. }
            | Self::KeyBroughtIn { passed, .. }
            | Self::KeyHandedOver { passed, .. }
            | Self::KeyDrilled { passed, .. }
            | Self::KeyMade { passed, .. }
            | Self::KeyTaken { passed, .. }
            | Self::BackupOpened { passed, .. }
            | Self::OldSharesJudged { passed, .. }
            | Self::BackupSealed { passed, .. }
            | Self::CopySealed { passed, .. }
            | Self::ManagementKeySealed { passed, .. }
            | Self::ShareReadBack { passed, .. }
            | Self::MediumRead { passed, .. }
            | Self::ShareEncrypted { passed, .. }
            | Self::KeyPut { passed, .. }
            | Self::KeyWiped { passed, .. }
            | Self::KeyWrapped { passed, .. }
            | Self::KeyUnwrapped { passed, .. }
            | Self::BackupUnwrapped { passed, .. }
            | Self::CopyProven { passed, .. }
            | Self::KeyClosed { passed, .. }
            | Self::WrappingCleared { passed, .. }
            | Self::SetImported { passed, .. }
            | Self::ShareChecked { passed, .. }
            | Self::SealedImported { passed, .. }
            | Self::TokenErased { passed, .. }
            | Self::TokenOpened { passed, .. }
            | Self::CollectionOpened { passed, .. }
            | Self::SignedBefore { passed, .. }
            | Self::CertificatesSigned { passed, .. }
            | Self::BatchBegan { passed }
            | Self::RepositoriesDrafted { passed, .. }
            | Self::BatchSigned { passed, .. }
            | Self::Drafted { passed, .. }
            | Self::Signed { passed, .. }
            | Self::ThresholdMet { passed, .. } => passed,
            _ => &[],
        }
    }

    /// Whether an intended operation came to its end with this event.
    pub fn is_outcome(&self) -> bool {
        matches!(
            self,
            Self::Failed { .. }
                | Self::Machine { .. }
                | Self::KeyImported { .. }
                | Self::PreviousRoot { .. }
                | Self::ParcelRead { .. }
                | Self::FramesShown { .. }
                | Self::PayloadStored { .. }
                | Self::Exported { .. }
                | Self::TokensSeen { .. }
                | Self::TokenInitialised { .. }
                | Self::UserPinSet { .. }
                | Self::KeyGenerated { .. }
                | Self::KeyBroughtIn { .. }
                | Self::KeyHandedOver { .. }
                | Self::KeyDrilled { .. }
                | Self::KeyMade { .. }
                | Self::KeyTaken { .. }
                | Self::BackupOpened { .. }
                | Self::BackupSealed { .. }
                | Self::CopySealed { .. }
                | Self::ManagementKeySealed { .. }
                | Self::ShareReadBack { .. }
                | Self::MediumRead { .. }
                | Self::PageLaid { .. }
                | Self::PageCleared { .. }
                | Self::ShareEncrypted { .. }
                | Self::KeyPut { .. }
                | Self::KeyWiped { .. }
                | Self::KekMade { .. }
                | Self::KeyWrapped { .. }
                | Self::KekWiped { .. }
                | Self::KeyUnwrapped { .. }
                | Self::BackupUnwrapped { .. }
                | Self::CopyProven { .. }
                | Self::KeyClosed { .. }
                | Self::WrappingCleared { .. }
                | Self::SetImported { .. }
                | Self::ShareChecked { .. }
                | Self::SealedImported { .. }
                | Self::TokenErased { .. }
                | Self::TokenOpened { .. }
                | Self::Signed { .. }
                | Self::HeadSigned { .. }
                | Self::CollectionOpened { .. }
                | Self::RepositoriesRead { .. }
                | Self::SignedBefore { .. }
                | Self::CertificatesSigned { .. }
                | Self::RepositoriesDrafted { .. }
                | Self::BatchSigned { .. }
                | Self::RepositoriesExported { .. }
        )
    }

    /// Whether there may be thousands of it in one step; what is waited for is then asked of the state, not of its events.
    pub fn is_one_of_many(&self) -> bool {
        matches!(self, Self::RepositorySigned { .. } | Self::CertificateSigned { .. })
    }
}

impl Event {
    /// Whether it is an answer inside an aside, not part of the step beneath.
    pub fn belongs_to_aside(&self) -> bool {
        matches!(self, Self::AsideNoted { .. } | Self::AsideDropped)
    }

    /// Whether an aside is over with it.
    pub fn ends_aside(&self) -> bool {
        matches!(
            self,
            Self::AsideDropped
                | Self::ExceptionNoted { .. }
                | Self::Voided { .. }
                | Self::Substituted { .. }
                | Self::Abandoning { .. }
                | Self::Abandoned { .. }
        )
    }

    /// Whether it is part of the ritual after a resume, not part of the step beneath.
    pub fn belongs_to_resume(&self) -> bool {
        match self {
            Self::HeadFitsPaper { .. } | Self::Confirmed { .. } | Self::Recorded { .. } | Self::Absent { .. } => true,
            Self::Went { on, .. } => on == super::words::erase::LEFT,
            _ => false,
        }
    }
}

/// What was drafted for one repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftedRepository {
    /// Its name.
    pub gun: Gun,
    /// Its shape, counted in the same entry from 0.
    pub shape: usize,
    /// The version of each document.
    pub versions: Vec<u64>,
    /// The SHA-256 of the bytes to sign of each.
    pub payloads: Vec<Digest>,
    /// How many tags are named, and how many tags and delegations became as they were; `None` where no targets are written.
    pub tags: Option<(u32, u32)>,
}

/// A repository that is not in the batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Its name.
    pub gun: Gun,
    /// Why.
    pub refusal: Refusal,
}

/// A question of an aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AsideQuestion {
    /// What was expected.
    Expected,
    /// What happened.
    Happened,
    /// What was decided, or why.
    Decided,
    /// Which one (a payload, a token).
    Which,
    /// Who decides.
    Who,
    /// Whether that person confirms it with their own word.
    Confirms,
}

/// What the ceremony before this one left, from its record or its paper card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviousCeremony {
    /// The head of its transcript.
    pub head: Digest,
    /// When its last entry was written: no clock of today lies before that (`CLOCK-FORWARD`).
    pub ended: Utc,
    /// What it signed, and what was signed before it; empty where there is a list.
    pub signed: Vec<SignedVersion>,
    /// The list of it in `inputs/` of the record, where it is much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<SignedList>,
}

/// A list of what was signed, which lies beside the transcript ([`super::earlier`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedList {
    /// Of the list.
    pub sha256: Digest,
    /// How many lines it has.
    pub versions: u64,
}

/// A payload that was signed, once and for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedVersion {
    /// The repository.
    pub repository: String,
    /// The role.
    pub role: RoleName,
    /// The version.
    pub version: u64,
    /// The SHA-256 of the bytes that were signed.
    pub payload: Digest,
    /// Whether it was given up: voided, left by a ceremony that was abandoned before enough had signed, or kept back at the export by a rule.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spent: bool,
}

/// Where and when an event stands in the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its number, from 0.
    pub seq: u64,
    /// When it was written.
    pub at: Utc,
    /// The SHA-256 of its line: the head of the transcript once it is the last.
    pub head: Digest,
}
