//! Keys that several tokens hold, and their backups: what is known of each. Nothing here is secret.

mod wrapped;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::wrapped::WrappedKey;
use super::{
    Ceremony,
    event::Event,
    operation::{ExportedFile, Operation},
    participants::Alias,
};
use crate::{
    custody::Set,
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    tuf::key::Key,
};

/// A sealed file and the set of shares that opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedBackup {
    /// The age file, or that of the wrapped key, in the record.
    pub file: ExportedFile,
    /// What is public of the shares.
    pub set: Set,
}

/// A key that was made in memory, or that a token wrapped.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Its public half.
    pub key: Key,
    /// Its sealed file, once there is one.
    pub sealed: Option<SealedBackup>,
    /// The shares that may be on paper, read back or not.
    pub given: Vec<u8>,
    /// The shares that were read back.
    pub read: Vec<u8>,
    /// Whether the memory was lost before every share was read back: the key and its shares are to be given up.
    pub lost: bool,
    /// The tokens to which it was restored from shares.
    pub restored: Vec<Alias>,
    /// Whether such a token has signed.
    pub proven: bool,
    /// Whether the memory was wiped.
    pub wiped: bool,
}

impl Backup {
    /// Of a key of which nothing was done yet.
    fn of(key: Key) -> Self {
        Self {
            key,
            sealed: None,
            given: vec![],
            read: vec![],
            lost: false,
            restored: vec![],
            proven: false,
            wiped: false,
        }
    }

    /// Whether every share was read back: from then on the key does not depend on this machine.
    pub fn is_in_custody(&self) -> bool {
        self.sealed.as_ref().is_some_and(|sealed| self.read.len() == usize::from(sealed.set.scheme.count()))
    }

    /// The next share that is to be made, from 1.
    pub fn next_share(&self) -> Option<u8> {
        let count = self.sealed.as_ref()?.set.scheme.count();
        (1..=count).find(|index| !self.read.contains(index))
    }
}

/// Every key that several tokens hold, by its short name.
#[derive(Clone, Debug, Default)]
pub struct Backups {
    made: BTreeMap<Alias, Backup>,
    wrapped: BTreeMap<Alias, WrappedKey>,
    kept: BTreeMap<Alias, Set>,
    /// In a rehearsal, the twin of each set, by the SHA-256 of the real one.
    twins: BTreeMap<Digest, Digest>,
}

impl Backups {
    /// What is known of one.
    pub fn get(&self, name: &Alias) -> Option<&Backup> {
        self.made.get(name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&Alias, &Backup)> {
        self.made.iter()
    }

    /// What is public of a set that was made before.
    pub fn kept(&self, name: &Alias) -> Option<&Set> {
        self.kept.get(name)
    }

    pub(super) fn twin_of(&self, real: Digest) -> Option<Digest> {
        self.twins.get(&real).copied()
    }

    /// The first that is to be given up.
    pub fn lost(&self) -> Option<&Alias> {
        let wrapped = self.wrapped.iter().find(|(_, wrapped)| wrapped.lost).map(|(name, _)| name);
        self.made.iter().find(|(_, backup)| backup.lost).map(|(name, _)| name).or(wrapped)
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::KeyMade { name, key, .. } => {
                self.made.insert(name.clone(), Backup::of(key.clone()));
            }
            Event::BackupSealed { name, sealed, .. } => {
                self.change(name, |backup| backup.sealed = Some(sealed.clone()))
            }
            Event::Intended { operation: Operation::GiveShare { name, index, .. } } => self.change(name, |backup| {
                if !backup.given.contains(index) {
                    backup.given.push(*index);
                }
            }),
            Event::ShareReadBack { name, index, .. } => self.change(name, |backup| backup.read.push(*index)),
            Event::KeyPut { name, alias, shares, .. } if !shares.is_empty() => {
                self.change(name, |backup| backup.restored.push(alias.clone()));
            }
            Event::KeyDrilled { alias, .. } => {
                for backup in self.made.values_mut().filter(|backup| backup.restored.contains(alias)) {
                    backup.proven = true;
                }
            }
            Event::TokenInitialised { alias, .. } => {
                self.made.values_mut().for_each(|backup| backup.restored.retain(|token| token != alias));
            }
            Event::SetImported { name, text, .. } => {
                self.kept.extend(serde_json::from_str(text).ok().map(|set| (name.clone(), set)));
            }
            Event::TwinSet { real, twin } => drop(self.twins.insert(*real, *twin)),
            Event::KeyWiped { name, .. } => self.change(name, |backup| backup.wiped = true),
            Event::BackupDiscarded { name, .. } => drop(self.made.remove(name)),
            // What was in memory went with the process.
            Event::Resumed { .. } => {
                self.made.values_mut().for_each(|backup| backup.lost = backup.lost || !backup.is_in_custody());
            }
            _ => {}
        }
        self.apply_wrapped(event);
    }

    fn change(&mut self, name: &Alias, change: impl FnOnce(&mut Backup)) {
        if let Some(backup) = self.made.get_mut(name) {
            change(backup);
        }
    }
}

impl Ceremony {
    /// What is known of keys that several tokens hold.
    pub fn backups(&self) -> &Backups {
        &self.backups
    }

    /// `BACKUP-RESTORES`, of every key that the script makes for several tokens. Asked before anything is certified, composed or written out.
    pub(super) fn backups_restore(&self) -> Result<Vec<Passed>, Refusal> {
        let each = self.script.made_keys().into_iter().map(|name| {
            let refuse = |what: &str, remedy: &str| {
                let what = format!("The key {name} does not count: {what}.");
                Err(Refusal::new(Rule::BackupRestores, what, remedy))
            };
            self.backups.wrapped_stays(name)?;
            match self.backups.get(name) {
                Some(backup) if backup.proven && backup.wiped => Ok(Passed::new(
                    Rule::BackupRestores,
                    format!(
                        "a token to which {} was restored from shares has signed; the memory was wiped",
                        backup.key.id().short()
                    ),
                )),
                Some(backup) if backup.proven => refuse("it is still in the memory of this machine", "Wipe it first."),
                Some(_) => refuse(
                    "no token to which it was restored from its shares has signed",
                    "Restore it to a token from shares, and drill that token.",
                ),
                None => refuse("it was not made", "Make it, back it up, and prove the backup."),
            }
        });
        each.collect()
    }
}

#[cfg(test)]
mod tests;
