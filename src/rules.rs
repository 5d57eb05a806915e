//! The named rules. A rule is written once; its name is the same in the documents, the code, the refusal, the transcript
//! and the test that makes it fail (`tests/rules.rs` holds the five together).

use std::fmt;

use serde::{Deserialize, Serialize};

/// What may let a ceremony go on although a rule says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Override {
    /// Nothing: the rule holds in every ceremony.
    Nothing,
    /// Only what the script declared beforehand, where it can be reviewed weeks ahead.
    DeclaredInScript,
    /// An exception in the room: what was expected, what happened, what was decided, and by which two people.
    ExceptionInTheRoom,
}

/// When a rule is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// Whenever anybody's metadata is read or verified.
    Reading,
    /// When this program writes something that others will trust.
    Authoring,
    /// When the behaviour of a client is predicted.
    Predicting,
    /// In the room: people, tokens, the machine, the record.
    InTheRoom,
}

macro_rules! rules {
    ($($variant:ident $name:literal $applies:ident $override:ident $claim:literal;)+) => {
        /// A check with a permanent name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Rule {
            $(#[doc = $claim] #[serde(rename = $name)] $variant,)+
        }

        impl Rule {
            /// Every rule, in the order of the documents.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The permanent name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What the rule claims, as one sentence.
            pub const fn claim(self) -> &'static str {
                match self { $(Self::$variant => $claim,)+ }
            }

            /// When the rule is asked.
            pub const fn applies(self) -> Applies {
                match self { $(Self::$variant => Applies::$applies,)+ }
            }

            /// What may override the rule.
            pub const fn overridden_by(self) -> Override {
                match self { $(Self::$variant => Override::$override,)+ }
            }
        }
    };
}

rules! {
    // Metadata.
    MetadataWellFormed "METADATA-WELL-FORMED" Reading Nothing
        "Metadata is one JSON object without duplicate members or fractions, within the size limit, with every field that its role requires.";
    SpecVersionKnown "SPEC-VERSION-KNOWN" Reading Nothing
        "Metadata names a version 1 of the TUF specification.";
    RootVersionStep "ROOT-VERSION-STEP" Reading Nothing
        "A root follows its predecessor by exactly one version.";
    PreviousRootPinned "PREVIOUS-ROOT-PINNED" Authoring Nothing
        "A new root is built only on the root whose version and SHA-256 the script pins.";
    RootTallyOld "ROOT-TALLY-OLD" Reading Nothing
        "A root is signed by the threshold of the keys of the root before it.";
    RootTallyNew "ROOT-TALLY-NEW" Reading Nothing
        "A root is signed by the threshold of its own root keys.";
    RoleTally "ROLE-TALLY" Reading Nothing
        "Metadata of a role is signed by the threshold of the keys that its delegator names.";
    KeyCountedOnce "KEY-COUNTED-ONCE" Reading Nothing
        "A threshold counts public keys: one key under two keyids counts once.";
    SignaturesDistinct "SIGNATURES-DISTINCT" Reading Nothing
        "A document names each keyid in at most one signature.";
    KeyidMatchesKey "KEYID-MATCHES-KEY" Authoring Nothing
        "A keyid that is written is the SHA-256 of the canonical form of the key that it names.";
    ThresholdReachable "THRESHOLD-REACHABLE" Reading Nothing
        "A role names at least as many different public keys as its threshold asks for.";
    ThresholdLeavesSpare "THRESHOLD-LEAVES-SPARE" Authoring DeclaredInScript
        "A root threshold is below the number of root keys, so that the loss of one token can be survived.";
    ThresholdNeedsTwo "THRESHOLD-NEEDS-TWO" Authoring DeclaredInScript
        "A root threshold is at least two, so that nobody can sign alone.";
    ExpiryWindow "EXPIRY-WINDOW" Authoring Nothing
        "The expiry that is written lies inside the window that the script declares, counted from the confirmed clock.";
    NotExpired "NOT-EXPIRED" Predicting Nothing
        "Metadata that a client ends on has not expired at the instant of the check.";
    VersionNotLower "VERSION-NOT-LOWER" Reading Nothing
        "A client never goes back to a lower version of metadata, nor to a version other than the one its snapshot names.";
    BytesMatchHash "BYTES-MATCH-HASH" Reading Nothing
        "A file has the length and the hashes that the metadata above it, or the transcript, gives.";
    ClientAccepts "CLIENT-ACCEPTS" Predicting DeclaredInScript
        "What is written is what every known client of its dialect accepts: for TUF 1.0 python-tuf, tuf-js, tough and go-tuf, for Notary the stock client.";
    DraftIsTheChange "DRAFT-IS-THE-CHANGE" Authoring Nothing
        "The difference between the old metadata and the draft is exactly the change that the script asks for.";
    VersionSignedOnce "VERSION-SIGNED-ONCE" Authoring Nothing
        "Two different payloads for one repository, role and version are never both signed.";
    SignatureVerifies "SIGNATURE-VERIFIES" Authoring Nothing
        "A signature from a token is verified in software, over the reviewed bytes and by the expected public key, before it counts.";
    PayloadReadback "PAYLOAD-READBACK" Authoring Nothing
        "A payload is signed only after a person supplied the hidden words of its digest from paper.";

    // Notary v1.
    NotaryBytes "NOTARY-BYTES" Predicting Nothing
        "Notary metadata is spelt byte for byte as Notary itself would write it again.";
    CertFitsGun "CERT-FITS-GUN" Predicting Nothing
        "The common name of a root certificate is the repository's name, or a beginning of it with a star.";
    CertValid "CERT-VALID" Predicting Nothing
        "A root key travels in one certificate that is no authority's, valid at the instant of the check, first in its bundle and not signed by way of SHA-1.";
    CertExpiryFirst "CERT-EXPIRY-FIRST" Predicting Nothing
        "No root that a client may hold has a certificate that ends before the root itself does.";
    NotarySixMonths "NOTARY-SIX-MONTHS" Predicting DeclaredInScript
        "A root does not expire within six months: from then on everybody who publishes must be able to sign the root.";
    BundleComplete "BUNDLE-COMPLETE" Predicting Nothing
        "The first root of a repository, and one after which the old targets would no longer verify, travels with new targets in one upload; nothing is published of a bundle that still wants a signature.";
    DelegationName "DELEGATION-NAME" Predicting Nothing
        "A delegated role of Notary is called targets/… in lower case, directly below the role that delegates to it.";
    DelegationSigned "DELEGATION-SIGNED" Predicting Nothing
        "The file of every delegated role is signed by the keys that its delegator now names.";
    ServerHoldsKeys "SERVER-HOLDS-KEYS" Predicting Nothing
        "The server holds the timestamp key that a root names, and the snapshot key too unless a snapshot travels along.";

    SignerGone "SIGNER-GONE" Authoring Nothing
        "A key that is taken from a signer is left in no delegation.";
    TagsJudged "TAGS-JUDGED" Authoring Nothing
        "After a compromise every tag and delegation that is not as it was before is kept or put back by a decision of people.";
    CollectionPinned "COLLECTION-PINNED" Authoring Nothing
        "What a ceremony about many repositories builds on is the collection whose manifest the script pins, every file with its SHA-256.";
    RepositoryIsOurs "REPOSITORY-IS-OURS" Authoring Nothing
        "A repository is changed only where its metadata today names exactly the keys that the script says; any other is left out and listed.";

    // Keys and tokens.
    KeyPossession "KEY-POSSESSION" InTheRoom Nothing
        "Each new key signs a statement that binds repository, role, keyid and a last day; keys that a server holds are exempt by name.";
    KeyOnPaper "KEY-ON-PAPER" InTheRoom Nothing
        "The keyid of a key that comes from outside equals the one on its owner's paper, which the script repeats.";
    KeyNotExtractable "KEY-NOT-EXTRACTABLE" InTheRoom Nothing
        "A key that was generated on a token, or brought to it, reads back as sensitive and not extractable, and as exactly one private and one public object.";
    KeyAttested "KEY-ATTESTED" InTheRoom Nothing
        "A key that counts as attested was made inside the YubiKey at hand, as it was asked for, by a statement whose chain of signatures ends at a root of the maker.";
    FirmwareKeepsKeys "FIRMWARE-KEEPS-KEYS" InTheRoom DeclaredInScript
        "An ECDSA key is made on, or imported into, a YubiKey with firmware 5.7 or later only (YSA-2024-03).";
    TokenIsExpected "TOKEN-IS-EXPECTED" InTheRoom Nothing
        "The token at hand is the one the script or its binding names, and holds the expected public key, before a PIN is sent to it.";
    TokenIsHardware "TOKEN-IS-HARDWARE" InTheRoom Nothing
        "In production a token's module is the one whose SHA-256 and model the script pins, and is not a software token.";
    TokenHoldsNoTrustedKey "TOKEN-HOLDS-NO-TRUSTED-KEY" InTheRoom Nothing
        "A token that holds a key of the trusted root is never initialised; only a step of the script that names it wipes it.";
    TokenInitialisedOnce "TOKEN-INITIALISED-ONCE" InTheRoom Nothing
        "A token that already carries a label is initialised only after its serial was typed.";
    DrillLeavesNothing "DRILL-LEAVES-NOTHING" InTheRoom ExceptionInTheRoom
        "No ceremony ends while a key that it brought to a token is still on it although the script wipes that token, unless two people said what becomes of the token; and the record names it until it is wiped.";
    TokenErased "TOKEN-ERASED" InTheRoom Nothing
        "A token counts as wiped only when it was looked at afterwards and no key is on it; of one that is lost or dead the record says so in people's words.";
    PinWorksAgain "PIN-WORKS-AGAIN" InTheRoom Nothing
        "A key counts only after its token was removed, inserted again and opened with the PIN typed again.";
    PinNotDefault "PIN-NOT-DEFAULT" InTheRoom Nothing
        "No PIN is a factory default, shorter than the token allows, or the same as the SO-PIN.";
    PinTriesLeft "PIN-TRIES-LEFT" InTheRoom Nothing
        "The last try of a PIN is never spent without a typed confirmation.";

    // The backup.
    ShareFits "SHARE-FITS" InTheRoom Nothing
        "Shares are put together only if each is whole, all are of one set and different, none contradicts its commitment, and there are as many as the threshold asks for.";
    BackupOpens "BACKUP-OPENS" InTheRoom Nothing
        "A sealed file counts only if it is whole, opens with the identity of its set, and holds the private half of the key that is trusted.";
    BackupDeclared "BACKUP-DECLARED" InTheRoom DeclaredInScript
        "A script says how the key outlives the loss of a token, and does what it says; that it does not is declared.";
    ShareReadBack "SHARE-READ-BACK" InTheRoom Nothing
        "A share counts only when it was typed again from its paper and fits its commitment, and none is made before the one before it was.";
    RecipientOwn "RECIPIENT-OWN" InTheRoom Nothing
        "A share is encrypted only to a recipient that is one custodian's own, of nobody else and not the backup's, and only after they compared it with their own paper.";
    BackupRestores "BACKUP-RESTORES" InTheRoom Nothing
        "A key that several tokens hold counts only when a token to which it was restored from shares has signed with it, the memory was wiped, and no token still gives it away wrapped.";

    MediumReadsBack "MEDIUM-READS-BACK" InTheRoom ExceptionInTheRoom
        "What the shares of a new backup open was read again from every medium of the record, past this machine's memory, after the medium was out of the machine and in again.";
    OldSharesDead "OLD-SHARES-DEAD" InTheRoom ExceptionInTheRoom
        "Where a new backup takes the place of an old one, or a key ends, so many of the old shares are destroyed before a witness that those which are left open nothing, or the script says by when the key is rotated.";
    ManagementKeySealed "MANAGEMENT-KEY-SEALED" InTheRoom Nothing
        "The management key of a YubiKey that does not keep it is sealed in the backup, or people said what becomes of the YubiKey without it, before anything counts.";

    WrappingSafe "WRAPPING-SAFE" InTheRoom Nothing
        "A key is wrapped only on a token, and unwrapped only into one, that was seen to give no key away that is not extractable, to decrypt nothing with a wrapping key, to unwrap as asked, and to close a key for good.";
    WrappingTrusted "WRAPPING-TRUSTED" InTheRoom DeclaredInScript
        "A key that can be wrapped can be wrapped under a key-encryption key alone that the SO called trusted.";
    KekReadsBack "KEK-READS-BACK" InTheRoom Nothing
        "A key-encryption key on a token reads back as the only one of its id that wraps and unwraps, encrypts and decrypts nothing, is sensitive and not extractable, and is trusted where it has to be.";
    WrappedKeyProven "WRAPPED-KEY-PROVEN" InTheRoom Nothing
        "A wrapped key counts only once another token unwrapped it, reads it back as not extractable, and signed with it what the public key of the first verifies.";
    KeyClosed "KEY-CLOSED" InTheRoom Nothing
        "A key that was wrapped is made not extractable as soon as its copy is proven, and its token then refuses to wrap it.";
    KekGone "KEK-GONE" InTheRoom Nothing
        "When the work is done, the key-encryption key is on no token: only its shares give it back.";

    // People and the room.
    DutySeparated "DUTY-SEPARATED" InTheRoom DeclaredInScript
        "Nobody holds two duties that must check each other: the operator holds no token, a witness neither operates nor holds one.";
    RollCallComplete "ROLL-CALL-COMPLETE" InTheRoom ExceptionInTheRoom
        "Everybody whom a step needs has answered the roll-call, in person or by a declared surrogate.";
    PersonalWord "PERSONAL-WORD" InTheRoom Nothing
        "A person confirms with the word that they set at roll-call.";
    ClockConfirmed "CLOCK-CONFIRMED" InTheRoom ExceptionInTheRoom
        "Two people read an independent clock, and it differs from the machine's by less than the script allows.";
    ClockForward "CLOCK-FORWARD" InTheRoom Nothing
        "Time does not run backwards: not in the transcript, and not behind the metadata that was signed before.";
    MachineFit "MACHINE-FIT" InTheRoom Nothing
        "In production the machine has no network interface up but lo, no swap, and no way to write a core.";
    AnswerFits "ANSWER-FITS" InTheRoom Nothing
        "An answer is one of those that the prompt names.";
    ExceptionByTwo "EXCEPTION-BY-TWO" InTheRoom Nothing
        "An exception says what was expected, what happened and what was decided, and two different people decide it.";
    SubstituteDeclared "SUBSTITUTE-DECLARED" InTheRoom Nothing
        "Only a spare or a surrogate that the script declares takes the place of a token or a person.";

    // Script, transcript and record.
    ScriptDigest "SCRIPT-DIGEST" InTheRoom Nothing
        "The script in use is the one whose SHA-256 stands in entry 0 of the transcript and was read back from paper.";
    ScriptHolds "SCRIPT-HOLDS" Authoring Nothing
        "Every step of a script finds what it needs in the steps before it.";
    TranscriptChain "TRANSCRIPT-CHAIN" InTheRoom Nothing
        "Every entry of a transcript names its number and the SHA-256 of the line before it.";
    RecordReplays "RECORD-REPLAYS" InTheRoom Nothing
        "Every entry of a record is what the engine decides on the entries before it and the answer that the entry holds.";
    HeadOnPaper "HEAD-ON-PAPER" InTheRoom Nothing
        "A ceremony is resumed only on a record whose head is the one whose words the witness wrote down last, or follows it.";
    HeadSigned "HEAD-SIGNED" InTheRoom Nothing
        "At close each officer's token signs the head of the transcript.";
    PointOfNoReturn "POINT-OF-NO-RETURN" InTheRoom Nothing
        "A step that cannot be undone is begun only by the typed word that its announcement names.";
    RecordOnTwoMedia "RECORD-ON-TWO-MEDIA" InTheRoom ExceptionInTheRoom
        "The record is written to two media from its first entry on.";
    OutputFresh "OUTPUT-FRESH" InTheRoom Nothing
        "Nothing that exists is overwritten.";
    ManifestComplete "MANIFEST-COMPLETE" InTheRoom Nothing
        "The manifest of a record lists every file in it with its SHA-256, and no other.";
    RehearsalMarked "REHEARSAL-MARKED" InTheRoom Nothing
        "A rehearsal is marked in entry 0 and can never be resumed, verified or published as production.";

    // Across the air gap.
    FrameWithinLimits "FRAME-WITHIN-LIMITS" Reading Nothing
        "What a frame or a message declares is within the limits and fits together before anything is allocated for it.";
    ParcelIntact "PARCEL-INTACT" Reading Nothing
        "A parcel is taken whole, with the size, checksum and digests that it names, and with names that stay below one folder.";
    FramesCarryNoSecret "FRAMES-CARRY-NO-SECRET" InTheRoom Nothing
        "Nothing that looks like a private key is shown as QR codes.";
    ParcelReadback "PARCEL-READBACK" InTheRoom Nothing
        "What crosses as QR codes counts only after a person supplied the hidden words of its digest from the other screen.";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A rule said no; nothing happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which rule.
    pub rule: Rule,
    /// What is wrong, as a sentence for a tired person.
    pub what: String,
    /// What to do now, as a sentence.
    pub remedy: String,
}

impl Refusal {
    /// A refusal by `rule`.
    pub fn new(rule: Rule, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { rule, what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.rule, self.what, self.remedy)
    }
}

impl std::error::Error for Refusal {}

/// A rule was asked and held: what the transcript says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Which rule.
    pub rule: Rule,
    /// What was seen, for example "3 of 2 signatures from version 4".
    pub seen: String,
}

impl Passed {
    /// `rule` held; `seen` says on what.
    pub fn new(rule: Rule, seen: impl Into<String>) -> Self {
        Self { rule, seen: seen.into() }
    }
}
