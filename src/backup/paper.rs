//! What is printed: a page for each share, and sheets of the sealed file.
//!
//! A whole share, and the QR code of one, exist as [`Paper`] only. Paper goes to a printer ([`Printer`]) or into a file that lies in
//! memory and is wiped when it is dropped ([`MemoryFile`]); there is no way from it to a screen. A front end that has no printer shows
//! [`super::Share::row`] by row. A sheet of the sealed file is no secret, and is ordinary text.

mod html;
mod qr;
mod sheet;
mod sink;
mod text;
mod words;

use serde::{Deserialize, Serialize};

pub use self::{
    sheet::{PAGE_BYTES, Sheets, sealed_html, sealed_text},
    sink::{MemoryFile, PaperSink, Printer},
};
use super::{
    Share,
    typed::{QR_BEGINS, ROWS},
};
use crate::{fault::Fault, secret::Secret, utc::Utc};

/// What stands on a page beside the share: for the person who finds it in ten years. None of it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// What the key is the root of, as people call it.
    pub repository: String,
    /// What the ceremony was called.
    pub ceremony: String,
    /// When the share was made.
    pub made: Utc,
    /// Who is to keep it.
    pub custodian: String,
    /// Whom to call: more than a person, since people leave.
    pub contact: String,
}

/// A page with a secret on it.
pub struct Paper(Secret);

impl Paper {
    /// A share as text for a line printer: ASCII, at most 76 columns, less than 60 lines, and a form feed.
    ///
    /// # Errors
    /// A fault where memory cannot be locked.
    pub fn text(share: &Share, heading: &Heading) -> Result<Self, Fault> {
        text::page(share, heading).map(Self)
    }

    /// A share as one HTML page that holds everything, with its QR code, for A4 and Letter.
    ///
    /// # Errors
    /// A fault where memory cannot be locked.
    pub fn html(share: &Share, heading: &Heading) -> Result<Self, Fault> {
        html::page(share, heading).map(Self)
    }

    /// Puts the page out.
    ///
    /// # Errors
    /// A fault where the printer fails; some of the page may be on paper then, and is destroyed by people.
    pub fn print(&self, to: &mut impl PaperSink) -> Result<(), Fault> {
        to.put(self.0.expose())
    }
}

/// The text of a share's QR code. It leaves this room as part of a page, or encrypted to who keeps the page.
pub(super) fn qr_text(share: &Share) -> Result<Secret, Fault> {
    super::filling::composed(512, |out| {
        out.push(QR_BEGINS)?;
        (1..=ROWS).try_for_each(|row| share.write_row(out, row, ""))
    })
}
