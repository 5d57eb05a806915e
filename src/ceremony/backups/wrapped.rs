//! Keys that one token wraps for another: where their key-encryption keys (KEKs) may be, and which token still gives the key away
//! wrapped. Nothing here is secret.

use super::{Backup, Backups};
use crate::{
    ceremony::{
        Ceremony,
        event::Event,
        operation::{Operation, Wrapping},
        participants::Alias,
    },
    digest::Digest,
    rules::{Refusal, Rule},
};

/// What is known of a key that a token wraps, beside its [`Backup`].
#[derive(Clone, Debug)]
pub struct WrappedKey {
    /// The fingerprint of its KEK.
    pub kek: Digest,
    /// The tokens that may hold the KEK.
    pub keks: Vec<Alias>,
    /// The tokens that may hold the key: to be cleared where it is given up.
    pub touched: Vec<Alias>,
    /// The token whose key can still be wrapped.
    pub open: Option<Alias>,
    /// The token that has the key out of its old backup, and wraps it anew.
    pub reopened: Option<Alias>,
    /// Tokens that were replaced since: what they hold nobody here can destroy.
    pub left: Vec<Alias>,
    /// The token with the copy.
    pub copy: Option<Alias>,
    /// Whether the copy signed since this program began.
    pub copy_seen: bool,
    /// Whether the KEK was lost, or the first token, before every share was read back: the key and its shares are to be given up.
    pub lost: bool,
}

impl WrappedKey {
    fn new(kek: Digest) -> Self {
        Self {
            kek,
            keks: vec![],
            touched: vec![],
            open: None,
            reopened: None,
            left: vec![],
            copy: None,
            copy_seen: false,
            lost: false,
        }
    }

    fn brings(&mut self, alias: &Alias, wraps: bool) {
        for tokens in [&mut self.keks, &mut self.touched] {
            if !tokens.contains(alias) {
                tokens.push(alias.clone());
            }
        }
        if wraps {
            self.open = Some(alias.clone());
        }
    }

    /// The key of the old backup may be on this token, extractable; its new KEK is not.
    fn reopens(&mut self, alias: &Alias) {
        if !self.touched.contains(alias) {
            self.touched.push(alias.clone());
        }
        self.open = Some(alias.clone());
    }

    /// Nothing of it is on this token any more, or whatever is cannot be reached.
    fn leave(&mut self, alias: &Alias) {
        self.keks.retain(|token| token != alias);
        self.touched.retain(|token| token != alias);
        self.open.take_if(|token| token == alias);
        self.reopened.take_if(|token| token == alias);
        if self.copy.take_if(|token| token == alias).is_some() {
            self.copy_seen = false;
        }
    }
}

impl Backups {
    /// What is known of a key that a token wraps.
    pub fn wrapped(&self, name: &Alias) -> Option<&WrappedKey> {
        self.wrapped.get(name)
    }

    /// All of them.
    pub fn all_wrapped(&self) -> impl Iterator<Item = (&Alias, &WrappedKey)> {
        self.wrapped.iter()
    }

    pub(super) fn apply_wrapped(&mut self, event: &Event) {
        match event {
            Event::KekMade { name, kek, .. } => drop(self.wrapped.insert(name.clone(), WrappedKey::new(*kek))),
            Event::Intended { operation: Operation::Wrapping(Wrapping::Reopen { alias, name, .. }) } => {
                self.wrapped.entry(name.clone()).and_modify(|wrapped| wrapped.reopens(alias));
            }
            Event::BackupUnwrapped { name, alias, .. } => {
                self.wrapped.entry(name.clone()).and_modify(|wrapped| wrapped.reopened = Some(alias.clone()));
            }
            Event::Intended { operation: Operation::Wrapping(wrapping) } => {
                let Some((alias, name)) = wrapping.brings_kek() else { return };
                let wraps = matches!(wrapping, Wrapping::WrapKey { .. });
                self.wrapped.entry(name.clone()).and_modify(|wrapped| wrapped.brings(alias, wraps));
            }
            Event::KeyWrapped { name, key, sealed, sheets, .. } => {
                let files = std::iter::once(&sealed.file).chain(sheets).cloned().collect();
                let backup = Backup { sealed: Some(sealed.clone()), files, ..Backup::of(key.clone()) };
                self.made.insert(name.clone(), backup);
            }
            Event::KeyUnwrapped { name, alias, .. } => {
                self.change(name, |backup| backup.restored.push(alias.clone()));
                self.wrapped.entry(name.clone()).and_modify(|wrapped| {
                    wrapped.keks.retain(|token| token != alias);
                    (wrapped.copy, wrapped.copy_seen) = (Some(alias.clone()), true);
                });
            }
            Event::CopyProven { name, .. } => {
                self.wrapped.entry(name.clone()).and_modify(|wrapped| wrapped.copy_seen = true);
            }
            Event::KekWiped { name } => self.change(name, |backup| backup.wiped = true),
            Event::KeyClosed { name, alias, .. } => {
                self.wrapped.entry(name.clone()).and_modify(|wrapped| {
                    wrapped.keks.retain(|token| token != alias);
                    wrapped.open.take_if(|token| token == alias);
                });
            }
            Event::WrappingCleared { name, alias, .. } => {
                self.wrapped.entry(name.clone()).and_modify(|wrapped| wrapped.leave(alias));
            }
            Event::TokenInitialised { alias, .. } | Event::TokenErased { alias, .. } => {
                self.wrapped.values_mut().for_each(|wrapped| wrapped.leave(alias));
            }
            Event::Substituted { alias, .. } => {
                for (name, wrapped) in &mut self.wrapped {
                    let is_safe = self.made.get(name).is_some_and(Backup::is_in_custody);
                    let was_first = wrapped.open.as_ref() == Some(alias);
                    if wrapped.touched.contains(alias) {
                        wrapped.left.push(alias.clone());
                    }
                    wrapped.leave(alias);
                    wrapped.lost = wrapped.lost || was_first && !is_safe;
                }
            }
            Event::BackupDiscarded { name, .. } => drop(self.wrapped.remove(name)),
            // What was in memory went with the process; so did the proof that the copy signs.
            Event::Resumed { .. } => {
                for (name, wrapped) in &mut self.wrapped {
                    let is_safe = self.made.get(name).is_some_and(Backup::is_in_custody);
                    wrapped.lost = wrapped.lost || !is_safe;
                    wrapped.copy_seen = false;
                }
            }
            _ => {}
        }
    }

    /// What of a wrapped key still stands in the way of its counting.
    pub(super) fn wrapped_stays(&self, name: &Alias) -> Result<(), Refusal> {
        let Some(wrapped) = self.wrapped.get(name) else { return Ok(()) };
        let (rule, what, remedy) = if let Some(open) = &wrapped.open {
            (Rule::KeyClosed, format!("The key {name} can still leave {open} wrapped."), "Close it there.")
        } else if let Some(token) = wrapped.keks.first() {
            let what = format!("{token} may still hold the key-encryption key of {name}.");
            (Rule::KekGone, what, "Finish the step that brought it there; it removes it.")
        } else {
            return Ok(());
        };
        Err(Refusal::new(rule, what, remedy))
    }
}

impl Ceremony {
    /// What tokens hold since a key that was made for several came to one of them, or went.
    pub(in crate::ceremony) fn hold_made_key(&mut self, event: &Event) {
        match event {
            Event::KeyWrapped { alias, name, key, attributes, .. }
            | Event::KeyUnwrapped { alias, name, key, attributes, .. }
            | Event::BackupUnwrapped { alias, name, key, attributes, .. }
            | Event::KeyPut { alias, name, key, attributes, .. } => {
                let from = self.file_of(name);
                let token = self.token_mut(alias);
                token.imported_from = from;
                token.key = Some(key.clone());
                token.attributes = Some(*attributes);
            }
            Event::KeyClosed { alias, attributes, .. } => self.token_mut(alias).attributes = Some(*attributes),
            Event::WrappingCleared { alias, .. } => {
                let token = self.token_mut(alias);
                (token.key, token.attributes, token.counts) = (None, None, false);
            }
            _ => {}
        }
        if let Event::ShareEncrypted { file, .. } | Event::CopySealed { file, .. } = event {
            self.exported.push(file.clone());
        }
        if let Event::BackupSealed { sealed, sheets, .. } | Event::KeyWrapped { sealed, sheets, .. } = event {
            self.exported.push(sealed.file.clone());
            self.exported.extend(sheets.iter().cloned());
        }
    }
}
