//! Management keys of YubiKeys that are not kept on them: what is known of each. Nothing here is secret.

use std::collections::BTreeMap;

use super::{Ceremony, event::Event, operation::ExportedFile, participants::Alias, state::TokenState};
use crate::{
    device::yubikey::ManagementAlgorithm,
    rules::{Passed, Refusal, Rule},
};

/// A management key that was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedManagementKey {
    /// The key with whose backup it was sealed: the same shares open both.
    pub name: Alias,
    /// Of which YubiKey.
    pub serial: String,
    /// The age file in the record.
    pub file: ExportedFile,
}

/// Where such a management key is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Memory,
    Sealed(SealedManagementKey),
    /// It went with the memory, and people were not told yet.
    Lost,
    /// They were, and go on without it.
    GivenUp,
}

#[derive(Clone, Debug)]
struct Known {
    algorithm: ManagementAlgorithm,
    place: Place,
}

/// Every such management key, by the token of the script.
#[derive(Clone, Debug, Default)]
pub struct ManagementKeys {
    /// The serials of tokens that were initialised.
    serials: BTreeMap<Alias, String>,
    known: BTreeMap<Alias, Known>,
}

impl ManagementKeys {
    /// The serial of the YubiKey of this token.
    pub fn serial(&self, alias: &Alias) -> &str {
        self.serials.get(alias).map_or("", String::as_str)
    }

    /// Its sealed file, where there is one.
    pub fn sealed(&self, alias: &Alias) -> Option<&SealedManagementKey> {
        match &self.known.get(alias)?.place {
            Place::Sealed(sealed) => Some(sealed),
            _ => None,
        }
    }

    /// Its kind, where it is in memory only.
    pub fn in_memory(&self, alias: &Alias) -> Option<ManagementAlgorithm> {
        self.known.get(alias).filter(|known| known.place == Place::Memory).map(|known| known.algorithm)
    }

    /// The first that is in memory only.
    pub fn first_in_memory(&self) -> Option<&Alias> {
        self.known.iter().find(|(_, known)| known.place == Place::Memory).map(|(alias, _)| alias)
    }

    /// Whether it went with the memory, and people have not decided yet.
    pub fn is_lost(&self, alias: &Alias) -> bool {
        self.known.get(alias).is_some_and(|known| known.place == Place::Lost)
    }

    /// The first that did.
    pub fn lost(&self) -> Option<&Alias> {
        self.known.iter().find(|(_, known)| known.place == Place::Lost).map(|(alias, _)| alias)
    }

    /// What is to be said of each, for whoever stops a ceremony.
    pub fn account(&self) -> Vec<String> {
        let line = |(alias, known): (&Alias, &Known)| {
            let serial = self.serial(alias);
            let place = match &known.place {
                Place::Memory => "it is in memory only: when the program ends it is lost".to_owned(),
                Place::Sealed(sealed) => format!("it is sealed in {}, which the shares of {} open", sealed.file.name, sealed.name),
                Place::Lost | Place::GivenUp => {
                    "it is lost; the YubiKey signs with its PIN, and takes another key or certificate only after a reset".to_owned()
                }
            };
            format!("Management key of {alias}, YubiKey {serial} ({}): {place}.", known.algorithm)
        };
        self.known.iter().map(line).collect()
    }

    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::TokenInitialised { alias, seen } => {
                self.known.remove(alias);
                self.serials.insert(alias.clone(), seen.token.serial.clone());
            }
            Event::UserPinSet { alias, management_key: Some(new), .. } => {
                let place = if new.in_memory { Place::Memory } else { Place::Lost };
                self.known.insert(alias.clone(), Known { algorithm: new.algorithm, place });
            }
            Event::ManagementKeySealed { name, alias, file, .. } => {
                let serial = self.serial(alias).to_owned();
                let sealed = SealedManagementKey { name: name.clone(), serial, file: file.clone() };
                self.change(alias, Place::Sealed(sealed));
            }
            Event::ManagementKeyLost { alias, again: true, .. } => drop(self.known.remove(alias)),
            Event::ManagementKeyLost { alias, again: false, .. } => self.change(alias, Place::GivenUp),
            // It plays no part any more, and nobody goes back to it.
            Event::Substituted { alias, .. } if self.sealed(alias).is_none() => self.change(alias, Place::GivenUp),
            // What was in memory went with the process.
            Event::Resumed { .. } => {
                let gone = self.known.values_mut().filter(|known| known.place == Place::Memory);
                gone.for_each(|known| known.place = Place::Lost);
            }
            _ => {}
        }
    }

    fn change(&mut self, alias: &Alias, place: Place) {
        if let Some(known) = self.known.get_mut(alias) {
            known.place = place;
        }
    }

    /// `MANAGEMENT-KEY-SEALED`. Asked before anything is certified, composed or written out.
    pub(super) fn are_sealed(&self) -> Result<Vec<Passed>, Refusal> {
        let each = self.known.iter().filter_map(|(alias, known)| match &known.place {
            Place::Sealed(sealed) => Some(Ok(Passed::new(
                Rule::ManagementKeySealed,
                format!("that of {alias} is sealed in {}", sealed.file.name),
            ))),
            // People decided to go on without it, and the record has that.
            Place::GivenUp => None,
            Place::Memory | Place::Lost => Some(Err(Refusal::new(
                Rule::ManagementKeySealed,
                format!("The management key of {alias}, YubiKey {}, is sealed nowhere.", self.serial(alias)),
                "Seal it with the backup of a key (seal-backup) first.",
            ))),
        });
        each.collect()
    }
}

impl Ceremony {
    pub(super) fn fold_management_keys(&mut self, event: &Event) {
        self.management_keys.apply(event);
        match event {
            // The same YubiKey is wiped once more, and nothing of it counts.
            Event::ManagementKeyLost { alias, again: true, .. } => {
                let token = self.token_mut(alias);
                *token = TokenState { chosen: token.bound.take(), ..TokenState::default() };
            }
            Event::ManagementKeySealed { file, .. } => self.exported.push(file.clone()),
            _ => {}
        }
    }

    /// What is known of management keys that are not kept on their YubiKeys.
    pub fn management_keys(&self) -> &ManagementKeys {
        &self.management_keys
    }
}
