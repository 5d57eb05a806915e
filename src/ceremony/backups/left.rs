//! Keys that came today to tokens which the script is to leave empty (`DRILL-LEAVES-NOTHING`): where each is, or may be, until its token is wiped.
//! Nothing here is secret.

use super::Backups;
use crate::{
    ceremony::{
        Ceremony,
        event::Event,
        operation::{Operation, SeenToken, Wrapping},
        participants::Alias,
        steps::{Action, Gone},
    },
    rules::{Passed, Rule},
    tuf::key::Key,
};

/// A key that came to a token, or was about to.
#[derive(Clone, Debug)]
pub(in crate::ceremony) struct Brought {
    name: Alias,
    key: Option<Key>,
}

/// A key on a token that is to be left empty.
#[derive(Clone, Debug)]
pub struct LeftKey {
    /// On which token of the script.
    pub alias: Alias,
    /// The token, as it was bound; `None` where it never was.
    pub seen: Option<SeenToken>,
    /// The short name of the key.
    pub name: Alias,
    /// The key; `None` where it may be there, and nobody looked.
    pub key: Option<Key>,
    /// What people said of the token instead of wiping it.
    pub gone: Option<Gone>,
}

impl Backups {
    /// The intent to bring a key is taken as the place where it may be; only a token that is wiped, or begins anew, is known to be without.
    pub(super) fn apply_left(&mut self, event: &Event) {
        match event {
            Event::Intended { operation } => {
                let (alias, name) = match operation {
                    Operation::PutKey { alias, name, .. } | Operation::RestoreKey { alias, name, .. } => (alias, name),
                    Operation::Wrapping(Wrapping::RestoreKey { alias, name, .. }) => (alias, name),
                    Operation::Wrapping(wrapping) => match wrapping.brings_kek() {
                        Some(brings) => brings,
                        None => return,
                    },
                    _ => return,
                };
                self.brought.entry(alias.clone()).or_insert_with(|| Brought { name: name.clone(), key: None });
            }
            Event::KeyPut { alias, name, key, .. }
            | Event::KeyWrapped { alias, name, key, .. }
            | Event::KeyUnwrapped { alias, name, key, .. }
            | Event::BackupUnwrapped { alias, name, key, .. } => {
                self.brought.insert(alias.clone(), Brought { name: name.clone(), key: Some(key.clone()) });
            }
            Event::TokenErased { alias, .. }
            | Event::TokenInitialised { alias, .. }
            | Event::WrappingCleared { alias, .. } => drop(self.brought.remove(alias)),
            _ => {}
        }
    }
}

impl Ceremony {
    /// Every key that came today to a token which the script wipes, and that is, or may be, on it still.
    pub fn keys_left(&self) -> Vec<LeftKey> {
        let left = self.backups.brought.iter().filter(|(alias, _)| self.is_to_be_wiped(alias));
        left.map(|(alias, brought)| {
            let token = self.token(alias);
            let (name, key) = (brought.name.clone(), brought.key.clone());
            LeftKey { alias: alias.clone(), seen: token.bound, name, key, gone: token.gone }
        })
        .collect()
    }

    /// The next token that is wiped before this ceremony can end, or of which two people say what becomes of it.
    pub(in crate::ceremony) fn key_to_wipe(&self) -> Option<LeftKey> {
        let asks = self.edition >= 1;
        self.keys_left().into_iter().find(|left| asks && left.gone.is_none())
    }

    /// Whether this token holds, or may hold, a key that has to go before the end.
    pub(in crate::ceremony) fn owes_a_wipe(&self, alias: &Alias) -> bool {
        self.edition >= 1 && self.keys_left().iter().any(|left| left.alias == *alias && left.gone.is_none())
    }

    /// Whether the script wipes this token, or the one whose place another took since.
    fn is_to_be_wiped(&self, alias: &Alias) -> bool {
        let wiped = |first: &Alias| {
            let mut at = first;
            while at != alias {
                match self.substitutes.get(at) {
                    Some(spare) => at = spare,
                    None => return false,
                }
            }
            true
        };
        self.script.numbered().any(|(_, step)| matches!(&step.action, Action::EraseToken(step) if wiped(&step.token)))
    }

    /// `DRILL-LEAVES-NOTHING`, of a token that was wiped.
    pub(in crate::ceremony) fn leaves_nothing(&self, alias: &Alias) -> Option<Passed> {
        let left = self.keys_left().into_iter().find(|left| left.alias == *alias)?;
        let seen = format!("{} came to {alias} today, and is gone from it", left.name);
        (self.edition >= 1).then(|| Passed::new(Rule::DrillLeavesNothing, seen))
    }
}
