//! The page of a share as a file in memory, for a program that prints it. It is gone before the share is read back, and whenever this program
//! ends; what an end by force left is looked for when the ceremony goes on.

use std::path::Path;

use super::gone;
use crate::{
    backup::paper::{Heading, MemoryFile, Paper},
    ceremony::{
        operation::{Giving, Outcome},
        participants::PersonId,
    },
    fault::Fault,
    perform::{Performed, Performer, job_without},
    runner::Job,
    utc::Utc,
};

/// The page that lies in memory, and where: wiped when it is dropped.
pub(in crate::perform) type Laid = (String, MemoryFile);

impl Performer {
    /// What stands on a page beside the share.
    pub(super) fn heading(&self, custodian: &PersonId, made: Utc) -> Result<Heading, Fault> {
        let contact = self.custody()?.contact;
        let rehearsal = if self.rehearsal_module.is_some() { "REHEARSAL, throw-away: " } else { "" };
        Ok(Heading {
            repository: self.script.repository.clone(),
            ceremony: format!("{rehearsal}{}", self.script.title),
            made,
            custodian: self.script.name(custodian).to_owned(),
            contact,
        })
    }

    /// Asked before anything is made: a page that could not be put there later would be the loss of the key.
    pub(in crate::perform) fn pages_lie_in_memory(&self) -> Result<(), Fault> {
        match self.script.custody().and_then(|custody| custody.pages.as_ref()) {
            Some(folder) => MemoryFile::can_lie_in(Path::new(folder)),
            None => Ok(()),
        }
    }

    pub(super) fn lay_page(&mut self, giving: &Giving, job: &Job) -> Performed {
        let Giving::LayPage { name, index, custodian, file } = giving else {
            return Err(job_without("a page").into());
        };
        // There is one at most, and the last is gone before there is another.
        self.page = None;
        if job.in_doubt {
            MemoryFile::clear_left(Path::new(file))?;
            return Err(gone(name).into());
        }
        let (split, made) = self.split_of(name).ok_or_else(|| gone(name))?;
        let share = split.shares.get(usize::from(*index) - 1).ok_or_else(|| gone(name))?;
        let page = Paper::html(share, &self.heading(custodian, made)?)?;
        let mut lies = MemoryFile::create(Path::new(file))?;
        page.print(&mut lies)?;
        self.page = Some((file.clone(), lies));
        Ok(Outcome::PageLaid)
    }

    pub(super) fn clear_page(&mut self, file: &str) -> Performed {
        let found = match self.page.take() {
            Some((path, lies)) if path == file => lies.clear().map(|()| true)?,
            _ => MemoryFile::clear_left(Path::new(file))?,
        };
        Ok(Outcome::PageCleared { found })
    }
}
