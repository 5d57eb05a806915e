//! Everything that is said of pages with shares that lie in memory for a program that prints them.

use crate::{
    ceremony::{Ceremony, backups::LaidPage},
    text::shown,
};

/// What the custodian types who has the paper.
pub const PRINTED: &str = "PRINTED";
/// What it does.
pub const DOES_PRINTED: &str = "the paper is in your hand, and can be read; the file is overwritten and removed now";
/// What is refused where there is no page.
pub const NONE_LIES: &str = "No page lies in memory.";

/// What was agreed to with PRINTED.
pub fn printed(index: u8) -> String {
    format!("the page of share {index} is on paper")
}

/// The title over what is to be done with it.
pub fn title(page: &LaidPage) -> String {
    format!("The page of share {} lies in memory: {}", page.index, shown(&page.file))
}

/// How it is printed, and what not to do.
pub fn how_to_print(page: &LaidPage) -> Vec<String> {
    let file = shown(&page.file);
    vec![
        format!("Print it now, alone, once: open {file} with a browser on this machine, and print one page."),
        "The browser is on no network, and keeps nothing on a disk: its profile lies in memory too, or the whole system does.".into(),
        "The printer hangs on a cable of its own and has no spool: neither a queue on a disk of this machine, nor a disk or a memory in \
         the printer that outlives its being switched off."
            .into(),
        "Do not save the page, do not print it into a file, do not copy the file, and send it nowhere. Close the browser before you go on."
            .into(),
        "Look at the paper: eight rows that can be read, and the code whole. If it is not so, print it again, and destroy the first sheet. If \
         you hold the right sheet already, print no other."
            .into(),
    ]
}

/// What is asked.
pub const ASK: &str = "When the paper is in your hand and the browser is closed, type PRINTED. The file goes before you type the rows from the paper.";

/// How shares come to paper, where they are given.
pub fn way(folder: &str) -> String {
    format!(
        "The page is put into {}, in memory, for a browser to print on a printer without a spool. The custodian prints it alone, takes the \
         paper and types {PRINTED}; the file is overwritten and removed before the share is read back.",
        shown(folder)
    )
}

/// What `check` says of it.
pub fn note(folder: &str) -> String {
    format!(
        "Pages with shares lie in {} for as long as it takes to print them. It must be a file system in memory, and this machine's swap \
         off; what a browser and a printer keep is not seen from here.",
        shown(folder)
    )
}

/// What is to be done about it.
pub const REMEDY: &str = "Print a page of anything so on the machine of the day, and look afterwards what is left in the browser's profile, in \
                          the queue and in the printer.";

/// What is said of a page to whoever stops the ceremony.
pub fn account(ceremony: &Ceremony) -> Option<String> {
    let page = ceremony.backups().page()?;
    let then = match page.left {
        true => "look there; it is removed when the ceremony goes on",
        false => "it is removed when this program ends; look that it is gone",
    };
    Some(format!("The page of share {} may lie in memory as {}: {then}.", page.index, shown(&page.file)))
}

/// What became of a page.
pub fn cleared(index: u8, file: &str, found: bool) -> String {
    let file = shown(file);
    match found {
        true => format!("The page of share {index} was overwritten and removed from memory: {file}."),
        false => format!("The page of share {index} lay in memory no more: {file}."),
    }
}
