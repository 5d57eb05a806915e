//! Shares come to paper and are typed from it again; and, where the script says so, go to their custodians encrypted as well.

use std::collections::BTreeMap;

use super::{gone, wrapping::Held};
use crate::{
    backup::{
        Gathering, ROWS, Sealed, Set, Share, Split, encrypt_share,
        paper::{Paper, Printer},
    },
    ceremony::{
        backups::encrypted_as,
        metadata::Leaving,
        operation::{Giving, Outcome},
        participants::{Alias, PersonId},
        words,
    },
    perform::{Covered, People, Performed, Performer, Stopped, file::write_to, job_without},
    rules::{Refusal, Rule},
    runner::{Job, Medium},
    secret::RowOf,
    utc::Utc,
};

/// Files of shares that were made and are not on every medium yet, by set and number. What was written on one goes to the other.
pub(in crate::perform) type EncryptedFiles = BTreeMap<(String, u8), (Leaving, Vec<String>)>;

impl Performer {
    /// The shares of a key that are in memory, and when they were made.
    pub(super) fn split_of(&self, name: &Alias) -> Option<(&Split, Utc)> {
        let sealed = self.born.get(name).and_then(|born| born.sealed.as_ref()).map(|(_, split, made)| (split, *made));
        sealed.or_else(|| self.keks.get(name).and_then(Held::split))
    }

    pub(super) fn give_share(
        &mut self,
        name: &Alias,
        index: u8,
        custodian: &PersonId,
        people: &mut dyn People,
    ) -> Performed {
        let custody = self.custody()?;
        let person = self.script.name(custodian).to_owned();
        let (split, made) = self.split_of(name).ok_or_else(|| gone(name))?;
        let share = split.shares.get(usize::from(index) - 1).ok_or_else(|| job_without("a share"))?;
        let set = split.set.id();
        match (&custody.printer, &custody.pages) {
            // It was printed from memory, and is gone from there.
            (_, Some(_)) => {}
            (Some(printer), None) if self.rehearsal_module.is_none() => {
                let heading = self.heading(custodian, made)?;
                Paper::text(share, &heading)?.print(&mut Printer::open(printer.as_ref())?)?;
            }
            _ => show(share, &set, &person, people)?,
        }
        let typed = self.typed_share(&set, Some(index), 1, Some(&person), people)?;
        is_the_share(&typed, index, &split.set)?;
        Ok(Outcome::ShareReadBack { commitment: typed.commitment() })
    }

    pub(super) fn check_share(&self, index: u8, set: &Set, people: &mut dyn People) -> Performed {
        let share = self.typed_share(&set.id(), Some(index), index, None, people)?;
        if share.label().index != index {
            let what = format!("This is share {}; share {index} was to be typed.", share.label().index);
            return Err(Refusal::new(Rule::ShareFits, what, "Take the page of this custodian.").into());
        }
        let commitment = share.commitment();
        // Which share is wrong, and how, is said here, where it is at hand.
        Gathering::of(set.clone()).add(share)?;
        Ok(Outcome::ShareReadBack { commitment })
    }

    pub(super) fn give(&mut self, giving: &Giving, job: &Job, people: &mut dyn People) -> Performed {
        match giving {
            Giving::EncryptShare { .. } => self.encrypt_share(giving, job, people),
            Giving::LayPage { .. } => self.lay_page(giving, job),
            Giving::ClearPage { file, .. } => self.clear_page(file),
        }
    }

    /// Encrypts a share to its custodian. What an earlier try wrote on one medium goes to the other; what one left before the program ended
    /// cannot be opened here, stays as it is, and is named.
    fn encrypt_share(&mut self, giving: &Giving, job: &Job, people: &mut dyn People) -> Performed {
        let Giving::EncryptShare { name, index, custodian, recipient, from_paper, set } = giving else {
            return Err(job_without("a share to encrypt").into());
        };
        let key = (set.id(), *index);
        if !self.encrypted.contains_key(&key) {
            let in_memory = self.split_of(name).filter(|(split, _)| split.set.id() == set.id());
            let sealed = match in_memory.and_then(|(split, _)| split.shares.get(usize::from(*index) - 1)) {
                Some(share) => encrypt_share(share, recipient),
                // The program ended since it was read back: it is on paper, and its custodian types it once more.
                None if !from_paper => return Err(gone(name).into()),
                None => {
                    let person = self.script.name(custodian).to_owned();
                    let share = self.typed_share(&set.id(), Some(*index), 1, Some(&person), people)?;
                    is_the_share(&share, *index, set)?;
                    encrypt_share(&share, recipient)
                }
            };
            let sealed = sealed.map_err(|wrong| wrong.fault(format!("encrypt share {index}")))?;
            self.encrypted.insert(key.clone(), placed(&sealed, name, &key, &job.media));
        }
        let (file, left) = &self.encrypted[&key];
        write_to(&job.media, std::slice::from_ref(file))?;
        let media = job.media.iter().map(|medium| medium.label.clone()).collect();
        let outcome = Outcome::ShareEncrypted { file: file.described(), media, left: left.clone() };
        self.encrypted.remove(&key);
        Ok(outcome)
    }
}

/// `SHARE-READ-BACK`, naming what was typed instead.
fn is_the_share(typed: &Share, index: u8, set: &Set) -> Result<(), Refusal> {
    if set.commitments.get(usize::from(index) - 1) == Some(&typed.commitment()) {
        return Ok(());
    }
    let (label, set) = (typed.label(), set.id());
    let what = if label.set == set && label.index != index {
        format!("This is share {}; share {index} was to be typed.", label.index)
    } else if label.set == set {
        format!("What was typed says that it is share {index}, and is not the one that was made.")
    } else {
        format!("This is a share of set {}, not of set {set}.", label.set)
    };
    Err(Refusal::new(Rule::ShareReadBack, what, "Take the page that was made a moment ago, and type it again."))
}

/// Where the file of a share goes: the first place where nothing lies, on any medium. What lies at those before it was left by a try whose end
/// nobody saw.
fn placed(sealed: &Sealed, name: &Alias, (set, index): &(String, u8), media: &[Medium]) -> (Leaving, Vec<String>) {
    let mut left = vec![];
    loop {
        let place = encrypted_as(name, set, *index, left.len());
        if !media.iter().any(|medium| medium.folder.join(&place).symlink_metadata().is_ok()) {
            return (Leaving { name: place, bytes: sealed.bytes().to_vec() }, left);
        }
        left.push(place);
    }
}

/// Shows a share row by row on a covered screen.
fn show(share: &Share, set: &str, person: &str, people: &mut dyn People) -> Result<(), Stopped> {
    let index = share.label().index;
    for number in 1..=ROWS {
        let text = share.row(number)?;
        let says = words::backup::covered(person, index, set, number, ROWS);
        let row = RowOf { set: set.to_owned(), share: Some(index), brought: 1, row: number as u8, rows: ROWS as u8 };
        people.show(&Covered { says, row, text: &text }).ok_or(Stopped::Nobody(words::backup::COVERED_SCREEN))?;
    }
    Ok(())
}
