//! Keys that several tokens hold, and their backups: what is known of each. Nothing here is secret.

mod kept;
mod left;
mod page;
mod wrapped;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::kept::KeptBackup;
pub use self::left::LeftKey;
pub use self::page::{LaidPage, page_in};
pub use self::wrapped::WrappedKey;
use super::{
    Ceremony,
    event::Event,
    operation::{ExportedFile, Operation},
    participants::Alias,
    script::Origin,
    words,
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

/// A key that was made in memory or brought there, or that a token wrapped.
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
    /// Every file in the record that the shares open, or that comes with it.
    pub files: Vec<ExportedFile>,
    /// The media from which they were read again, by their labels.
    pub read_on: Vec<String>,
    /// The files of those that were encrypted to their custodians as well.
    pub encrypted: BTreeMap<u8, ExportedFile>,
    /// Whether the memory was lost before every share was read back: the key and its shares are to be given up.
    pub lost: bool,
    /// The copy that opens with a passphrase, where there is one.
    pub copy: Option<ExportedFile>,
    /// The tokens to which it was restored from shares.
    pub restored: Vec<Alias>,
    /// Whether such a token has signed.
    pub proven: bool,
    /// Whether the memory was wiped.
    pub wiped: bool,
    /// What nobody knows of the key, where it was not made here: that it was imported. It goes into the sealed file, and out of it again.
    pub history: Option<String>,
}

/// What became of the shares of a backup that was made before.
#[derive(Clone, Debug, Default)]
pub struct End {
    /// The shares that were destroyed before the witness, in that order.
    pub destroyed: Vec<u8>,
    /// Those that were not here, and whether they are lost.
    pub missing: BTreeMap<u8, bool>,
    /// Whether an exception lets the ceremony go on although those that are left open the file.
    pub spared: bool,
    /// Whether what remains was read aloud.
    pub judged: bool,
}

impl End {
    /// How many are destroyed.
    pub fn gone(&self) -> u8 {
        u8::try_from(self.destroyed.len()).unwrap_or(u8::MAX)
    }
}

/// What is said for ever of a key that came from a file.
pub fn imported_from(file: &str) -> String {
    format!("imported from {}; unknown before that", crate::text::shown(file))
}

/// The file of a share that is encrypted to its custodian. Behind `left` others that a try left before, it has the next number.
pub fn encrypted_as(name: &Alias, set: &str, index: u8, left: usize) -> String {
    match left {
        0 => format!("backup/{name}-{set}-share-{index}.age"),
        left => format!("backup/{name}-{set}-share-{index}-{}.age", left + 1),
    }
}

impl Backup {
    /// Of a key of which nothing was done yet.
    fn of(key: Key) -> Self {
        Self {
            key,
            sealed: None,
            given: vec![],
            read: vec![],
            files: vec![],
            read_on: vec![],
            encrypted: BTreeMap::new(),
            lost: false,
            copy: None,
            restored: vec![],
            proven: false,
            wiped: false,
            history: None,
        }
    }

    /// Whether every share was read back: from then on the key does not depend on this machine.
    pub fn is_in_custody(&self) -> bool {
        self.sealed.as_ref().is_some_and(|sealed| self.read.len() == usize::from(sealed.set.scheme.count()))
    }

    /// Its shares by their numbers, from 1; none before it is sealed.
    pub fn shares(&self) -> std::ops::RangeInclusive<u8> {
        1..=self.sealed.as_ref().map_or(0, |sealed| sealed.set.scheme.count())
    }
}

/// Every key that several tokens hold, by its short name.
#[derive(Clone, Debug, Default)]
pub struct Backups {
    made: BTreeMap<Alias, Backup>,
    wrapped: BTreeMap<Alias, WrappedKey>,
    kept: BTreeMap<Alias, KeptBackup>,
    /// In a rehearsal, the twin of each set, by the SHA-256 of the real one.
    twins: BTreeMap<Digest, Digest>,
    ends: BTreeMap<Alias, End>,
    page: Option<LaidPage>,
    /// The keys that came to tokens today, by token.
    brought: BTreeMap<Alias, left::Brought>,
    /// The medium that is out of the machine, or may be.
    let_go: Option<String>,
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
        self.kept.get(name).map(|kept| &kept.set)
    }

    /// A backup that was made before.
    pub fn opened(&self, name: &Alias) -> Option<&KeptBackup> {
        self.kept.get(name)
    }

    /// All of those, by their short names.
    pub fn all_opened(&self) -> impl Iterator<Item = (&Alias, &KeptBackup)> {
        self.kept.iter()
    }

    /// What became of the shares of one that was made before.
    pub fn end_of(&self, name: &Alias) -> &End {
        const NONE: &End = &End { destroyed: Vec::new(), missing: BTreeMap::new(), spared: false, judged: false };
        self.ends.get(name).unwrap_or(NONE)
    }

    /// The medium that the program let go of, and that is not read again yet.
    pub(super) fn let_go(&self) -> Option<&String> {
        self.let_go.as_ref()
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
        let made = &self.made;
        // What comes to a token is of the new backup, where a key has both.
        let is_new = matches!(
            event,
            Event::KeyPut { name, .. } | Event::KeyUnwrapped { name, .. } if made.contains_key(name)
        );
        self.kept.iter_mut().filter(|_| !is_new).for_each(|(name, kept)| kept.apply(name, event));
        match event {
            Event::KeyMade { name, key, .. }
            | Event::KeyTaken { name, key, .. }
            | Event::BackupOpened { name, key, .. } => {
                let history = match event {
                    Event::KeyTaken { from, .. } => Some(imported_from(from)),
                    Event::BackupOpened { history, .. } => history.clone(),
                    _ => None,
                };
                self.made.insert(name.clone(), Backup { history, ..Backup::of(key.clone()) });
            }
            Event::BackupSealed { name, sealed, sheets, .. } => self.change(name, |backup| {
                backup.sealed = Some(sealed.clone());
                backup.files = std::iter::once(&sealed.file).chain(sheets).cloned().collect();
            }),
            Event::CopySealed { name, file, .. } => self.change(name, |backup| {
                backup.files.push(file.clone());
                backup.copy = Some(file.clone());
            }),
            Event::ManagementKeySealed { name, file, .. } => {
                self.change(name, |backup| backup.files.push(file.clone()))
            }
            Event::MediumLetGo { medium } => self.let_go = Some(medium.clone()),
            Event::MediumRead { name, medium, .. } => {
                self.let_go = None;
                self.change(name, |backup| backup.read_on.push(medium.clone()));
            }
            Event::MediumFailed { medium, .. } => drop(self.let_go.take_if(|out| out == medium)),
            Event::Intended { operation: Operation::GiveShare { name, index, .. } } => self.change(name, |backup| {
                if !backup.given.contains(index) {
                    backup.given.push(*index);
                }
            }),
            Event::ShareReadBack { name, index, .. } => self.change(name, |backup| backup.read.push(*index)),
            Event::ShareEncrypted { name, index, file, .. } => self.change(name, |backup| {
                backup.files.push(file.clone());
                backup.encrypted.insert(*index, file.clone());
            }),
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
                let set = serde_json::from_str(text).ok();
                self.kept.extend(set.map(|set| (name.clone(), KeptBackup::of(set))));
            }
            Event::ShareDestroyed { name, index, .. } => {
                let end = self.ends.entry(name.clone()).or_default();
                end.destroyed.push(*index);
                end.missing.remove(index);
            }
            Event::ShareMissing { name, index, lost, .. } => {
                self.ends.entry(name.clone()).or_default().missing.insert(*index, *lost);
            }
            Event::Went { word, on } if word == "GO ON" => {
                if let Some(name) = self.kept.keys().find(|name| *on == words::custody::left(name)).cloned() {
                    self.ends.entry(name).or_default().spared = true;
                }
            }
            Event::OldSharesJudged { name, .. } => self.ends.entry(name.clone()).or_default().judged = true,
            Event::TwinSet { real, twin } => drop(self.twins.insert(*real, *twin)),
            Event::KeyWiped { name, .. } => self.change(name, |backup| backup.wiped = true),
            Event::BackupDiscarded { name, .. } => drop(self.made.remove(name)),
            // What was in memory went with the process.
            Event::Resumed { .. } => {
                self.let_go = None;
                self.made.values_mut().for_each(|backup| backup.lost = backup.lost || !backup.is_in_custody());
            }
            _ => {}
        }
        self.apply_wrapped(event);
        self.apply_page(event);
        self.apply_left(event);
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

    /// The file that a key in memory was taken from: whoever has a copy of it has the key.
    pub(super) fn file_of(&self, name: &Alias) -> Option<String> {
        match self.script.origin_of(name) {
            Origin::TakenFrom(file) => Some(file.to_owned()),
            Origin::Made | Origin::Opened => None,
        }
    }

    /// What nobody knows of the key that came to this token, where it was imported once.
    pub fn history_of(&self, alias: &Alias) -> Option<String> {
        let name = self.script.put_on(alias)?;
        match self.backups.get(name) {
            Some(backup) => backup.history.clone(),
            None => self.backups.opened(name)?.history.clone(),
        }
    }

    /// `BACKUP-RESTORES`, of every key that the script makes for several tokens, and `MANAGEMENT-KEY-SEALED`. Asked before anything is certified, composed or written out.
    pub(super) fn backups_restore(&self) -> Result<Vec<Passed>, Refusal> {
        let each = self.script.made_keys().into_iter().map(|name| {
            let refuse = |what: &str, remedy: &str| {
                let what = format!("The key {name} does not count: {what}.");
                Err(Refusal::new(Rule::BackupRestores, what, remedy))
            };
            self.backups.wrapped_stays(name)?;
            let unread = self.backups.get(name).filter(|backup| self.edition >= 2 && backup.sealed.is_some());
            if let Some(refusal) = unread.and_then(|backup| words::media::unread(self, &backup.read_on)) {
                return Err(refusal);
            }
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
        let mut passed: Vec<Passed> = each.collect::<Result<_, _>>()?;
        passed.extend(self.management_keys.are_sealed()?);
        Ok(passed)
    }
}

#[cfg(test)]
mod tests;
