//! A backup that was made before: what came in of it, and what was restored from it.

use crate::{
    ceremony::{
        event::Event,
        operation::{ExportedFile, Operation, Wrapping},
        participants::Alias,
    },
    custody::Set,
    tuf::key::Key,
};

/// A backup that was made before.
#[derive(Clone, Debug)]
pub struct KeptBackup {
    /// What is public of its shares.
    pub set: Set,
    /// Its sealed file as it lies in the record of today, once it came in.
    pub sealed: Option<ExportedFile>,
    /// The key in it, once it was opened.
    pub key: Option<Key>,
    /// The tokens to which it was restored.
    pub restored: Vec<Alias>,
    /// The shares that were used, each once, in ascending order.
    pub used: Vec<u8>,
    /// Whether such a token has signed.
    pub proven: bool,
    /// The tokens that may hold its key-encryption key, of a wrapped key.
    pub keks: Vec<Alias>,
    /// Those of them that were replaced since: what they hold nobody here can destroy.
    pub left: Vec<Alias>,
    /// What its sealed file says of what nobody knows of the key, once it was opened.
    pub history: Option<String>,
}

impl KeptBackup {
    pub(super) fn of(set: Set) -> Self {
        Self {
            set,
            sealed: None,
            key: None,
            restored: vec![],
            used: vec![],
            proven: false,
            keks: vec![],
            left: vec![],
            history: None,
        }
    }

    /// The shares that were not used today: the next drill uses them.
    pub fn not_used(&self) -> Vec<u8> {
        (1..=self.set.scheme.count()).filter(|share| !self.used.contains(share)).collect()
    }

    pub(super) fn apply(&mut self, own: &Alias, event: &Event) {
        match event {
            Event::SealedImported { name, file, .. } if name == own => self.sealed = Some(file.clone()),
            Event::KeyPut { name, alias, key, shares, history, .. } if name == own => {
                self.history.clone_from(history);
                self.restores(alias, key, shares);
            }
            // From the intent on it may be there, and only an event in which the driver looked takes that back.
            Event::Intended {
                operation:
                    Operation::Wrapping(Wrapping::RestoreKey { name, alias, .. } | Wrapping::Reopen { name, alias, .. }),
            } if name == own && !self.keks.contains(alias) => self.keks.push(alias.clone()),
            Event::BackupUnwrapped { name, alias, key, shares, .. } if name == own => {
                self.keks.retain(|token| token != alias);
                self.key = Some(key.clone());
                self.uses(shares);
            }
            Event::KeyUnwrapped { name, alias, key, shares, .. } if name == own => {
                self.keks.retain(|token| token != alias);
                self.restores(alias, key, shares);
            }
            Event::WrappingCleared { name, alias, .. } if name == own => self.keks.retain(|token| token != alias),
            Event::KeyDrilled { alias, .. } => self.proven = self.proven || self.restored.contains(alias),
            // A spare begins with nothing on it.
            Event::TokenInitialised { alias, .. } => {
                self.restored.retain(|token| token != alias);
                self.keks.retain(|token| token != alias);
            }
            Event::TokenErased { alias, .. } => self.keks.retain(|token| token != alias),
            Event::Substituted { alias, .. } if self.keks.contains(alias) => {
                self.keks.retain(|token| token != alias);
                self.left.push(alias.clone());
            }
            _ => {}
        }
    }

    fn restores(&mut self, alias: &Alias, key: &Key, shares: &[u8]) {
        self.key = Some(key.clone());
        self.restored.push(alias.clone());
        self.uses(shares);
    }

    fn uses(&mut self, shares: &[u8]) {
        self.used.extend(shares);
        self.used.sort_unstable();
        self.used.dedup();
    }
}
