//! Everything that is said of media that are read again.

use crate::{ceremony::Ceremony, rules::Rule, text::shown};

/// What OUT does.
pub const DOES_OUT: &str = "the program holds nothing of this medium open any more, and writes on the other one";
/// What IN does.
pub const DOES_IN: &str = "it was out, and is in again where it was; the program reads it";
/// What WITHOUT does.
pub const DOES_WITHOUT: &str = "the record goes on without this medium; two people note an exception first";
/// Why a medium does not hold the record any more.
pub const GIVEN_UP: &str = "given up: what the shares open was not read from it again";
/// What to do with a medium that does not give back what was written.
pub const AFTER_BAD_MEDIUM: &str = "Take it out, put it in again, and type IN. If it stays so the medium is bad: two people note an exception, and then WITHOUT lets the record go on on the other one. Copy the record to a new medium today.";
/// What `give-shares` says of it on paper.
pub const ON_PAPER: &str = "Then each medium of the record is let go with OUT, unmounted, taken out of the machine and put in again, one after the other; the sealed file is read from it once more.";

/// The question before a medium is let go.
pub fn out(medium: &str) -> String {
    format!(
        "What the shares open is read from “{0}” once more, from the medium itself. Type OUT: the program lets go of “{0}”. Do not take it out before.",
        shown(medium)
    )
}

/// The question while it is out.
pub fn in_again(medium: &str) -> String {
    format!(
        "Unmount “{0}”, take it out of the machine, and look at its label. Put it in again, mounted where it was. Then type IN.",
        shown(medium)
    )
}

/// The point at which a medium is in again.
pub fn is_in(medium: &str) -> String {
    format!("“{medium}” was out and is in again")
}

/// A medium that was not read as it was written.
pub fn not_read(medium: &str) -> String {
    format!("What the shares open was not read again from “{}” as it was written.", shown(medium))
}

/// A medium that was.
pub fn was_read(medium: &str, files: usize) -> String {
    format!("{files} files of the backup were read again from {}, and are as they were written", shown(medium))
}

/// From which media the backup was read again; empty where nobody asked for that.
pub fn read_from(media: &[String]) -> String {
    match media {
        [] => String::new(),
        media => {
            format!("; read again from {}", media.iter().map(|medium| shown(medium)).collect::<Vec<_>>().join(" and "))
        }
    }
}

/// Why a backup does not count yet; `None` where every medium that holds the record was read.
pub fn unread(ceremony: &Ceremony, read_on: &[String]) -> Option<crate::rules::Refusal> {
    let medium = ceremony.media().iter().find(|medium| !read_on.contains(medium))?;
    let remedy = "Finish the step give-shares: it reads every medium again.";
    Some(crate::rules::Refusal::new(Rule::MediumReadsBack, not_read(medium), remedy))
}
