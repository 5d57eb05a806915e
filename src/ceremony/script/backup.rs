//! How the key outlives the loss of a token: what a script says of it.

use serde::{Deserialize, Serialize};

use crate::{
    ceremony::{
        participants::{Alias, PersonId},
        steps::Action,
    },
    custody::Scheme,
    device::yubikey::ManagementHome,
    digest::Digest,
    tuf::key::KeyId,
};

use super::Script;

/// The four ways. Each has consequences, which are said on paper and on the screen ([`crate::ceremony::words::backup::consequences`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// More keys than the threshold asks for, each in its own token, and no private backup.
    Redundancy,
    /// Made in locked memory, backed up, proven, put on several tokens, wiped.
    SoftwareBorn,
    /// Made in an HSM, and wrapped there for another.
    Wrapped,
    /// Nothing: the loss of the token is the loss of the key.
    None,
}

/// What a script says of the backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSpec {
    /// Which way.
    pub way: Way,
    /// Who keeps the shares of a key that is made in memory.
    pub custody: Option<CustodySpec>,
}

/// A backup that was made before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSpec {
    /// The short name of its key.
    pub name: Alias,
    /// The file with what is public of its shares, beside the script.
    pub file: String,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its sealed file, where the ceremony opens it.
    pub sealed: Option<KeptFile>,
    /// The keyid under which clients trust the key, from paper; the set has to say the same.
    pub keyid: Option<KeyId>,
}

/// A file that was made before and lies beside the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// Its name, beside the script.
    pub file: String,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// Who keeps shares, and how they come to be on paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustodySpec {
    /// How many shares there are, and how many open the backup.
    pub scheme: Scheme,
    /// Who keeps share 1, 2, …
    pub custodians: Vec<PersonId>,
    /// Whom to call in ten years; it stands on every page.
    pub contact: String,
    /// The device of a printer without a spool; without it, shares are copied by hand from a covered screen.
    pub printer: Option<String>,
    /// Whether witnesses throw dice for the key.
    pub dice: bool,
}

impl Script {
    /// Who keeps shares.
    pub fn custody(&self) -> Option<&CustodySpec> {
        self.backup.as_ref().and_then(|backup| backup.custody.as_ref())
    }

    /// The keys that are made in memory, by their short names.
    pub fn made_keys(&self) -> Vec<&Alias> {
        let made = self.numbered().filter_map(|(_, step)| match &step.action {
            Action::MakeKey(step) => Some(&step.name),
            _ => None,
        });
        made.collect()
    }

    /// Whether a token is a YubiKey whose management key is sealed with a backup, and not kept on it.
    pub fn seals_management_key(&self, alias: &Alias) -> bool {
        let module = self.token(alias).and_then(|spec| self.module(&spec.module));
        let settings = module.and_then(super::ModuleSpec::yubikey);
        settings.is_some_and(|settings| settings.management_key == ManagementHome::Sealed)
    }

    /// The tokens to which a key that is made in memory is put, from memory or from its shares.
    pub fn holders_of(&self, name: &Alias) -> Vec<&Alias> {
        let holders = self.numbered().filter_map(|(_, step)| match &step.action {
            Action::PutKey(step) if step.name == *name => Some(&step.token),
            _ => None,
        });
        holders.collect()
    }

    /// The key that a step puts on this token.
    pub fn put_on(&self, alias: &Alias) -> Option<&Alias> {
        self.numbered().find_map(|(_, step)| match &step.action {
            Action::PutKey(step) if step.token == *alias => Some(&step.name),
            _ => None,
        })
    }

    /// The tokens of the root, and those to which a key of theirs that is made in memory is put as well: each of them signs for it.
    pub fn holders_of_root_keys(&self) -> Vec<&Alias> {
        let mut holders: Vec<&Alias> = self.root.keys.iter().collect();
        for name in self.made_keys() {
            let of = self.holders_of(name);
            if of.iter().any(|alias| self.root.keys.contains(alias)) {
                holders.extend(of.into_iter().filter(|alias| !self.root.keys.contains(alias)));
            }
        }
        holders
    }

    /// The key that a step restores to this token from shares.
    pub fn restored_to(&self, alias: &Alias) -> Option<&Alias> {
        self.numbered().find_map(|(_, step)| match &step.action {
            Action::PutKey(step) if step.token == *alias && step.from_shares => Some(&step.name),
            _ => None,
        })
    }
}
