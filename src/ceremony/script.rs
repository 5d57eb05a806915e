//! What is to happen: a script, as it was reviewed weeks ahead.
//!
//! A script holds every value of a ceremony and no secret; there is no second configuration file. [`Script`] is what was
//! meant; [`read`] turns the text into it and refuses, with line and field, whatever it does not know.

mod raw;
pub mod read;

use serde::{Deserialize, Serialize};

use super::{
    event::PreviousCeremony,
    participants::{Alias, Duty, ModuleName, Person, PersonId},
    steps::Step,
};
use crate::{
    device::yubikey::{Settings, YubiKeyUri},
    digest::Digest,
    tuf::{
        dialect::Dialect,
        key::{KeyAlgorithm, KeyId},
        role::RoleName,
    },
};

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
}

impl Kind {
    /// The kind as a title for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Genesis => "Root key genesis",
            Self::RotateRoot => "Root key rotation",
            Self::RenewExpiry => "Renewal of the root's expiry",
        }
    }
}

/// A whole script.
#[derive(Clone, Debug)]
pub struct Script {
    /// The SHA-256 of the text, as it stands in entry 0 and on each printed page.
    pub digest: Digest,
    /// The title on the first page.
    pub title: String,
    /// Which ceremony this is.
    pub kind: Kind,
    /// The repository, by the name that proofs of possession bind.
    pub repository: String,
    /// The metadata dialect.
    pub dialect: Dialect,
    /// When the ceremony is planned to begin; planned times on paper count from here.
    pub planned: Option<crate::utc::Utc>,
    /// What is only allowed because it was declared.
    pub declares: Declares,
    /// By how many seconds the machine's clock may differ from the room's.
    pub clock_tolerance_seconds: u32,
    /// The two media that hold the record, by the words on their labels.
    pub media: [String; 2],
    /// Everybody, in the order of the script.
    pub people: Vec<Person>,
    /// Every token, spares too.
    pub tokens: Vec<TokenSpec>,
    /// Every PKCS#11 module.
    pub modules: Vec<ModuleSpec>,
    /// The root role that is to be written.
    pub root: RootSpec,
    /// Keys that come from outside, with the keyid on their owner's paper.
    pub keys: Vec<KeySpec>,
    /// The online roles that are to be written. Roles that are not named are carried over from the previous root.
    pub roles: Vec<RoleSpec>,
    /// The root before this one.
    pub previous: Option<PreviousSpec>,
    /// What the ceremony before this one left, copied from its card.
    pub last_ceremony: Option<PreviousCeremony>,
    /// Which change of the root's keys is meant; `None` in a genesis.
    pub change: Option<ChangeSpec>,
    /// The acts.
    pub acts: Vec<Act>,
}

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
    /// ECDSA keys may be made on YubiKeys with firmware below 5.7 (YSA-2024-03).
    pub old_firmware: bool,
}

/// A token as the script knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSpec {
    /// The short name.
    pub alias: Alias,
    /// Who holds it.
    pub holder: PersonId,
    /// The colour or mark on its tag.
    pub tag: String,
    /// The module through which it is reached.
    pub module: ModuleName,
    /// Its label and serial, where it is known beforehand; otherwise it is bound when it is prepared.
    pub known: Option<KnownToken>,
    /// The keyid of the root key that it already holds.
    pub keyid: Option<KeyId>,
    /// The token that it replaces if that one fails.
    pub spare_for: Option<Alias>,
    /// Who knows or keeps its user PIN.
    pub user_pin: PersonId,
    /// Who keeps its SO-PIN, sealed.
    pub so_pin: PersonId,
}

/// A token that existed before the ceremony.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownToken {
    /// The PKCS#11 label.
    pub label: String,
    /// The PKCS#11 serial number.
    pub serial: String,
}

/// A PKCS#11 module that the script pins (`TOKEN-IS-HARDWARE`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleSpec {
    /// The short name.
    pub name: ModuleName,
    /// The file.
    pub path: String,
    /// The SHA-256 of the file; needed in production.
    pub sha256: Option<Digest>,
    /// The token model that the module must report; needed in production.
    pub model: Option<String>,
}

impl ModuleSpec {
    /// How keys are made where this is no module but the native driver for YubiKeys: the path is `yubikey:`, with how keys are made
    /// behind it.
    pub fn yubikey(&self) -> Option<Settings> {
        self.path.parse().ok().map(|uri: YubiKeyUri| uri.settings)
    }
}

/// The root role to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootSpec {
    /// How many signatures a root needs.
    pub threshold: u64,
    /// The tokens whose keys are root keys.
    pub keys: Vec<Alias>,
    /// The algorithm of keys that are generated.
    pub algorithm: KeyAlgorithm,
    /// Whether clients ask for versioned file names.
    pub consistent_snapshot: bool,
    /// When the root expires.
    pub expiry: ExpirySpec,
}

/// An expiry and the window it must lie in, in whole days from the confirmed clock's date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExpirySpec {
    /// The expiry that is written: midnight UTC, this many days after the ceremony's date.
    pub days: u32,
    /// The shortest that would be right.
    pub at_least_days: u32,
    /// The longest that would be right.
    pub at_most_days: u32,
}

/// A key that comes from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// The short name.
    pub name: Alias,
    /// Who owns it, in words.
    pub owner: String,
    /// The file with the public key (PEM SPKI or a TUF key object), beside the script.
    pub file: String,
    /// The keyid on its owner's paper (`KEY-ON-PAPER`).
    pub keyid: KeyId,
    /// How it shows possession.
    pub possession: PossessionSpec,
}

/// How a key from outside shows that somebody holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PossessionSpec {
    /// A server holds the key and signs no statements; the key is exempt by name.
    HeldByServer,
    /// A file with a signed statement, beside the script, whose last day has not passed.
    Statement(String),
}

/// An online role to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSpec {
    /// Which role.
    pub role: RoleName,
    /// How many signatures it needs.
    pub threshold: u64,
    /// The keys, by their short names.
    pub keys: Vec<Alias>,
}

/// The root before this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousSpec {
    /// The file, beside the script.
    pub file: String,
    /// Its version.
    pub version: u64,
    /// Its SHA-256 (`PREVIOUS-ROOT-PINNED`).
    pub sha256: Digest,
}

/// The change of root keys that is meant (`DRAFT-IS-THE-CHANGE`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSpec {
    /// Tokens whose keys come in.
    pub adds: Vec<Alias>,
    /// Keyids that go out.
    pub removes: Vec<KeyId>,
    /// The threshold before, where it changes.
    pub threshold_was: Option<u64>,
}

/// An act: steps that belong together. Its end is marked by eight words of the transcript's head.
#[derive(Clone, Debug)]
pub struct Act {
    /// What the act is for.
    pub title: String,
    /// At least one.
    pub steps: Vec<Step>,
}

impl Script {
    /// The person with this short name.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.people.iter().find(|person| person.id == *id)
    }

    /// The name of a person, or the short name where the script has none (which [`read`] refuses).
    pub fn name<'a>(&'a self, id: &'a PersonId) -> &'a str {
        self.person(id).map_or(id.as_str(), |person| &person.name)
    }

    /// Everybody with `duty`, in the order of the script.
    pub fn with_duty(&self, duty: Duty) -> impl Iterator<Item = &Person> {
        self.people.iter().filter(move |person| person.is(duty))
    }

    /// The token with this short name.
    pub fn token(&self, alias: &Alias) -> Option<&TokenSpec> {
        self.tokens.iter().find(|token| token.alias == *alias)
    }

    /// The module with this short name.
    pub fn module(&self, name: &ModuleName) -> Option<&ModuleSpec> {
        self.modules.iter().find(|module| module.name == *name)
    }

    /// Every step with its number, `3.2` for the second of the third act.
    pub fn numbered(&self) -> impl Iterator<Item = (String, &Step)> {
        self.acts
            .iter()
            .enumerate()
            .flat_map(|(act, a)| a.steps.iter().enumerate().map(move |(step, s)| (format!("{}.{}", act, step + 1), s)))
    }

    /// How many steps there are.
    pub fn step_count(&self) -> usize {
        self.acts.iter().map(|act| act.steps.len()).sum()
    }

    /// The version that this ceremony writes.
    pub fn next_version(&self) -> u64 {
        self.previous.as_ref().map_or(1, |previous| previous.version + 1)
    }
}
