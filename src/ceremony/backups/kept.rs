//! A backup that was made before: what came in of it, and what was restored from it.

use crate::{
    ceremony::{event::Event, operation::ExportedFile, participants::Alias},
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
}

impl KeptBackup {
    pub(super) fn of(set: Set) -> Self {
        Self { set, sealed: None, key: None, restored: vec![], used: vec![], proven: false }
    }

    /// The shares that were not used today: the next drill uses them.
    pub fn not_used(&self) -> Vec<u8> {
        (1..=self.set.scheme.count()).filter(|share| !self.used.contains(share)).collect()
    }

    pub(super) fn apply(&mut self, own: &Alias, event: &Event) {
        match event {
            Event::SealedImported { name, file, .. } if name == own => self.sealed = Some(file.clone()),
            Event::KeyPut { name, alias, key, shares, .. } if name == own => {
                self.key = Some(key.clone());
                self.restored.push(alias.clone());
                self.used.extend(shares);
                self.used.sort_unstable();
                self.used.dedup();
            }
            Event::KeyDrilled { alias, .. } => self.proven = self.proven || self.restored.contains(alias),
            // A spare begins with nothing on it.
            Event::TokenInitialised { alias, .. } => self.restored.retain(|token| token != alias),
            _ => {}
        }
    }
}
