//! A page with a share that lies as a file in memory, between the program that prints it and its being wiped. Where the program ends
//! meanwhile, it is looked for before anything else is done.

use super::Backups;
use crate::{
    ceremony::{
        event::Event,
        operation::{Giving, Operation},
        participants::Alias,
        words,
    },
    rules::Refusal,
};

/// A page that lies, or may lie, in memory. Its path is no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaidPage {
    /// Of the backup of which key.
    pub name: Alias,
    /// Which share, from 1.
    pub index: u8,
    /// Where.
    pub file: String,
    /// Whether it was seen to be there, whole.
    pub whole: bool,
    /// Whether the program ended since: nobody here knows whether it still lies there.
    pub left: bool,
}

impl LaidPage {
    /// What takes it away.
    pub fn clears(&self) -> Operation {
        let Self { name, index, file, .. } = self.clone();
        Operation::Giving(Giving::ClearPage { name, index, file })
    }
}

/// Where the page of a share lies.
pub fn page_in(folder: &str, set: &str, index: u8) -> String {
    format!("{}/officiant-{set}-share-{index}.html", folder.trim_end_matches('/'))
}

impl Backups {
    /// The page that lies in memory, or may.
    pub fn page(&self) -> Option<&LaidPage> {
        self.page.as_ref()
    }

    /// The same, where the program ended since it was put there.
    pub(in crate::ceremony) fn page_left(&self) -> Option<&LaidPage> {
        self.page().filter(|page| page.left)
    }

    pub(super) fn apply_page(&mut self, event: &Event) {
        match event {
            Event::Intended { operation: Operation::Giving(Giving::LayPage { name, index, file, .. }) } => {
                let (name, index, file) = (name.clone(), *index, file.clone());
                self.page = Some(LaidPage { name, index, file, whole: false, left: false });
            }
            Event::PageLaid { .. } => self.page.iter_mut().for_each(|page| page.whole = true),
            Event::PageCleared { .. } => self.page = None,
            Event::Resumed { .. } => self.page.iter_mut().for_each(|page| page.left = true),
            _ => {}
        }
    }

    /// What follows where the page was taken away.
    pub(in crate::ceremony) fn cleared(&self, found: bool) -> Result<Vec<Event>, Refusal> {
        let page = self.page().ok_or_else(|| crate::ceremony::unfit(words::pages::NONE_LIES))?;
        let (name, index, file) = (page.name.clone(), page.index, page.file.clone());
        Ok(vec![Event::PageCleared { name, index, file, found }])
    }
}
