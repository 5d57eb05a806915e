//! What is to happen: a script, as it was reviewed weeks ahead.
//!
//! A script holds every value of a ceremony and no secret; there is no second configuration file. [`Script`] is what was
//! meant; [`read`] turns the text into it and refuses, with line and field, whatever it does not know.

mod backup;
mod declares;
mod enough;
mod kind;
mod raw;
pub mod read;
mod repositories;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::backup::{BackupSpec, CustodySpec, KeptFile, KeptSpec, OldShares, Origin, Way};
pub use self::declares::Declares;
pub use self::kind::Kind;
pub use self::repositories::{
    CertificateSpec, CollectionSpec, CommonName, RepositoriesSpec, Signatory, SignerAction, SignerSpec, TagPolicy,
    TaggingSpec,
};
use super::{
    event::SignedVersion,
    participants::{Alias, Duty, ModuleName, Person, PersonId},
    steps::{Action, Step},
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
    pub last_ceremony: Option<LastCeremonySpec>,
    /// Which change of the root's keys is meant; `None` in a genesis.
    pub change: Option<ChangeSpec>,
    /// The repositories of a ceremony about many at one sitting; `None` where it is about one root.
    pub repositories: Option<RepositoriesSpec>,
    /// How the key outlives the loss of a token, where the script says.
    pub backup: Option<BackupSpec>,
    /// Backups that were made before.
    pub kept: Vec<KeptSpec>,
    /// The acts.
    pub acts: Vec<Act>,
}

/// What the ceremony before left, as its card says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCeremonySpec {
    /// The head of its transcript.
    pub head: Digest,
    /// When its last entry was written.
    pub ended: crate::utc::Utc,
    /// What it signed, about one root.
    pub signed: Vec<SignedVersion>,
    /// About many repositories, the list of what was signed: its file beside the script, and its SHA-256.
    pub list: Option<(String, Digest)>,
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
    /// A token of this ceremony holds it, and proves it itself when it is opened.
    HeldByToken(Alias),
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

    /// What names the key of a root token: two tokens with one name hold one key. `None` for a key that is its token's own.
    fn shared_key(&self, alias: &Alias) -> Option<String> {
        if let Some(keyid) = self.token(alias).and_then(|spec| spec.keyid.as_ref()) {
            return Some(keyid.as_str().to_owned());
        }
        if let Some(made) = self.put_on(alias) {
            return Some(self.taken_as(made).map_or_else(|| format!("made {made}"), |keyid| keyid.as_str().to_owned()));
        }
        self.numbered().find_map(|(_, step)| match &step.action {
            Action::ImportKey(step) if step.token == *alias => {
                step.keyid.as_ref().map(|keyid| keyid.as_str().to_owned())
            }
            _ => None,
        })
    }

    /// How many different keys some tokens hold, as far as the script tells: an existing key that is brought to several counts once.
    pub fn distinct_keys<'a>(&self, tokens: impl IntoIterator<Item = &'a Alias>) -> u64 {
        let names: BTreeSet<String> =
            tokens.into_iter().map(|alias| self.shared_key(alias).unwrap_or_else(|| format!("own {alias}"))).collect();
        names.len() as u64
    }

    /// Tokens of the root that hold one and the same key, as far as the script tells; each group has at least two.
    pub fn one_key_on_several(&self) -> Vec<Vec<&Alias>> {
        let mut groups: BTreeMap<String, Vec<&Alias>> = BTreeMap::new();
        for alias in &self.root.keys {
            if let Some(name) = self.shared_key(alias) {
                groups.entry(name).or_default().push(alias);
            }
        }
        groups.into_values().filter(|holders| holders.len() > 1).collect()
    }

    /// How many different keys the root will have.
    pub fn distinct_root_keys(&self) -> u64 {
        self.distinct_keys(&self.root.keys)
    }

    /// Who takes away a key that a step hands over.
    pub fn keeper_of(&self, name: &Alias) -> Option<&PersonId> {
        self.acts.iter().flat_map(|act| &act.steps).find_map(|step| match &step.action {
            Action::HandOverKey(step) if step.name == *name => Some(&step.keeper),
            _ => None,
        })
    }

    /// Whether a step brings an existing key to this token.
    pub fn is_brought_a_key(&self, alias: &Alias) -> bool {
        self.numbered().any(|(_, step)| matches!(&step.action, Action::ImportKey(step) if step.token == *alias))
    }

    /// The roles for which a key of this name signs, as proofs of possession name them.
    pub fn roles_of(&self, name: &Alias) -> Vec<String> {
        let online =
            self.roles.iter().filter(|role| role.keys.contains(name)).map(|role| role.role.as_str().to_owned());
        let named = |keys: &[Signatory]| keys.iter().any(|key| key.alias() == Some(name));
        let many = self.repositories.as_ref();
        let tagging = many.and_then(|spec| spec.tagging.as_ref()).filter(|tagging| named(&tagging.keys));
        let signers = many.into_iter().flat_map(|spec| &spec.signers).filter(|signer| named(&signer.keys));
        let below = signers.map(|signer| format!("targets/{}", signer.name));
        online.chain(tagging.map(|_| RoleName::Targets.as_str().to_owned())).chain(below).collect()
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
