//! How the key outlives the loss of a token: what a script says of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ceremony::{
        participants::{Alias, PersonId},
        steps::{Action, Fact},
    },
    custody::{Opens, Recipient, Scheme, Set},
    device::yubikey::ManagementHome,
    digest::Digest,
    tuf::key::KeyId,
    utc::Utc,
};

use super::{Kind, Script};

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
    /// Who keeps the shares.
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
    /// What its shares open, as the script says it; the set has to say the same.
    pub opens: Opens,
    /// Its sealed file, or that of the wrapped key, where the ceremony opens it.
    pub sealed: Option<KeptFile>,
    /// Other places of that file, for where the first is damaged: beside the script, or absolute.
    pub copies: Vec<String>,
    /// The keyid under which clients trust the key, from paper; the set has to say the same.
    pub keyid: Option<KeyId>,
    /// How many shares open it, where the script says; the set has to say the same.
    pub threshold: Option<u8>,
    /// Who comes with which share, counted from 1.
    pub custodians: Vec<(u8, PersonId)>,
    /// What becomes of its shares, where a new backup takes its place.
    pub old_shares: Option<OldShares>,
}

/// What becomes of shares that still open the old file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldShares {
    /// So many are destroyed in the room that those which are left open nothing (`OLD-SHARES-DEAD`).
    Destroy,
    /// The key is rotated, by this day at the latest.
    Rotate {
        /// Midnight UTC.
        by: Utc,
    },
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
    /// The folder in memory into which pages are put for a program that prints them; in the place of a printer.
    pub pages: Option<String>,
    /// To whom shares are encrypted as well: custodians, each with the recipient that is theirs alone.
    pub recipients: BTreeMap<PersonId, Recipient>,
    /// Who chooses the passphrase of a copy that opens without shares. Only where the script declares single control.
    pub passphrase_copy: Option<PersonId>,
    /// Whether witnesses throw dice for the key.
    pub dice: bool,
}

impl CustodySpec {
    /// Whether a set is one of so many shares, for these custodians.
    pub fn is_of(&self, set: &Set) -> bool {
        set.scheme == self.scheme
            && set.commitments.len() == usize::from(set.scheme.count())
            && set.encrypted == self.encrypted()
    }

    /// The shares that are encrypted to their custodians as well, from 1.
    pub fn encrypted(&self) -> Vec<u8> {
        let shares = (1..).zip(&self.custodians).filter(|(_, person)| self.recipients.contains_key(person));
        shares.map(|(index, _)| index).collect()
    }
}

/// How a key comes into the memory of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// It is made there.
    Made,
    /// It is taken from this file: what became of it before is unknown.
    TakenFrom(&'a str),
    /// It is opened from a backup that was made before.
    Opened,
}

impl Script {
    /// The backup that was made before, of this name.
    pub fn kept_as(&self, name: &Alias) -> Option<&KeptSpec> {
        self.kept.iter().find(|kept| kept.name == *name)
    }

    /// Who keeps shares.
    pub fn custody(&self) -> Option<&CustodySpec> {
        self.backup.as_ref().and_then(|backup| backup.custody.as_ref())
    }

    /// The keys that are made for several tokens, in memory or to be wrapped, by their short names.
    pub fn made_keys(&self) -> Vec<&Alias> {
        self.numbered().filter_map(|(_, step)| step.action.makes()).collect()
    }

    /// How the key of this name comes into memory.
    pub fn origin_of(&self, name: &Alias) -> Origin<'_> {
        let mut steps = self.numbered().filter_map(|(_, step)| step.action.brings_into_memory());
        let unwrapped = || self.reopened(name).map(|_| Origin::Opened);
        let brought = steps.find(|(brought, _)| *brought == name).map(|(_, origin)| origin);
        brought.or_else(unwrapped).unwrap_or(Origin::Made)
    }

    /// The token that gets a key-encryption key in this step, for which both its PINs are typed.
    pub fn brings_kek<'a>(&self, action: &'a Action) -> Option<&'a Alias> {
        match action {
            Action::WrapKey(step) => Some(&step.token),
            Action::UnwrapKey(step) => Some(&step.token),
            Action::OpenBackup(step) => step.token.as_ref(),
            Action::PutKey(step) if step.from_shares && !self.made_keys().contains(&&step.name) => {
                let kept = self.kept_as(&step.name);
                kept.filter(|kept| kept.opens == Opens::WrappedKey).map(|_| &step.token)
            }
            _ => None,
        }
    }

    /// The token that unwraps the key of an old backup, to wrap it anew.
    pub fn reopened(&self, name: &Alias) -> Option<&Alias> {
        self.numbered().find_map(|(_, step)| match &step.action {
            Action::OpenBackup(step) if step.name == *name => step.token.as_ref(),
            _ => None,
        })
    }

    /// The sets whose end this ceremony is: what remains of each is said at the close.
    pub fn ending_sets(&self) -> impl Iterator<Item = &KeptSpec> {
        self.kept.iter().filter(|kept| kept.old_shares.is_some() || self.kind == Kind::Destroy)
    }

    /// By when a key is rotated because shares of this set still open it.
    pub fn rotate_by(&self, name: &Alias) -> Option<Utc> {
        let kept = self.kept_as(name)?;
        match kept.old_shares {
            Some(OldShares::Rotate { by }) => Some(by),
            Some(OldShares::Destroy) | None => None,
        }
    }

    /// The keyid on paper of a key that is taken from a file.
    pub(super) fn taken_as(&self, name: &Alias) -> Option<&KeyId> {
        self.numbered().find_map(|(_, step)| match &step.action {
            Action::TakeKey(step) if step.name == *name => Some(&step.keyid),
            _ => None,
        })
    }

    /// Whether a token is a YubiKey whose management key is sealed with a backup, and not kept on it.
    pub fn seals_management_key(&self, alias: &Alias) -> bool {
        let module = self.token(alias).and_then(|spec| self.module(&spec.module));
        let settings = module.and_then(super::ModuleSpec::yubikey);
        settings.is_some_and(|settings| settings.management_key == ManagementHome::Sealed)
    }

    /// What must be true of such a key before it counts.
    pub fn counts_by(&self, name: &Alias) -> Fact {
        match &self.backup {
            Some(BackupSpec { way: Way::Wrapped, .. }) => Fact::KeyClosed(name.clone()),
            _ => Fact::KeyWiped(name.clone()),
        }
    }

    /// The tokens that come to hold such a key.
    pub fn holders_of(&self, name: &Alias) -> Vec<&Alias> {
        let holders = self.numbered().filter_map(|(_, step)| match &step.action {
            Action::PutKey(step) if step.name == *name => Some(&step.token),
            Action::WrapKey(step) if step.name == *name => Some(&step.token),
            Action::UnwrapKey(step) if step.name == *name => Some(&step.token),
            _ => None,
        });
        holders.collect()
    }

    /// The key that a step puts on this token.
    pub fn put_on(&self, alias: &Alias) -> Option<&Alias> {
        self.numbered().find_map(|(_, step)| match &step.action {
            Action::PutKey(step) if step.token == *alias => Some(&step.name),
            Action::WrapKey(step) if step.token == *alias => Some(&step.name),
            Action::UnwrapKey(step) if step.token == *alias => Some(&step.name),
            _ => None,
        })
    }

    /// The tokens of the root, and those that come to hold a key of theirs as well: each of them signs for it.
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
            Action::UnwrapKey(step) if step.token == *alias => Some(&step.name),
            _ => None,
        })
    }
}
