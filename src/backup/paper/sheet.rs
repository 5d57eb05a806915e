//! The sealed file on paper: QR codes, and the same bytes as rows that can be typed. Without it the shares are useless.
//!
//! A code holds `OFFICIANT-FILE-1:`, its number, `/`, how many there are, `:`, the SHA-256 of the whole file in hexadecimal (its first 16
//! digits), `:`, and its part of the file in hexadecimal, all in upper case.

use std::fmt::Write as _;

use qrcode::EcLevel;

use super::{
    html::{begin, escaped, table},
    qr,
    words::{ascii, grouped, wrapped},
};
use crate::{
    backup::{Lock, RowWrong, SIZE_MAX, Sealed, Wrong, alphabet::FILE, filling::composed},
    digest::{Digest, from_hex, to_hex},
    fault::Fault,
};

/// Bytes of the file in one code: with EC M it stays at 69 modules (version 13).
pub const PAGE_BYTES: usize = 200;
const BEGINS: &str = "OFFICIANT-FILE-1:";
const DIGITS: usize = 16;

const WHAT: &str = "This is the backup of a signing key, sealed. It is no secret, and of no use without the people who hold its shares; but \
    without it the shares are useless too. Keep it, and copy it as often as you like.";
const HOW: &str = "To have the file again, scan the codes in any order with any reader. Each begins with OFFICIANT-FILE-1:, its number, how many \
    there are, and a part of the file's SHA-256; what follows the last colon are the bytes of the file in hexadecimal. Put them \
    together in the order of the numbers. Or type the rows: the letters 2345678CFHJMPRVX stand for 0 to 15, two letters are a byte, \
    and the last group of each row is a check. The result has the SHA-256 above.";

/// What the file is.
fn is(sealed: &Sealed) -> &'static str {
    match sealed.lock() {
        Lock::KeyEncryptionKey { .. } => {
            "It is a text: a key that a token wrapped (RFC 5649), under a key-encryption key that the shares give back."
        }
        Lock::Identity | Lock::Passphrase { .. } | Lock::Other { .. } => "It is an age file (age-encryption.org).",
    }
}

/// The texts of the codes of a sealed file, in their order.
fn codes(sealed: &Sealed) -> Vec<String> {
    let digest = sealed.digest().to_string();
    let parts: Vec<&[u8]> = sealed.bytes().chunks(PAGE_BYTES).collect();
    let part = |(at, part): (usize, &&[u8])| {
        format!("{BEGINS}{}/{}:{}:{}", at + 1, parts.len(), &digest[..DIGITS], to_hex(part)).to_ascii_uppercase()
    };
    parts.iter().enumerate().map(part).collect()
}

/// The rows of a sealed file, in their order, groups apart by `gap`.
fn rows(sealed: &Sealed, gap: &str) -> Result<Vec<String>, Fault> {
    let row = |(at, bytes)| {
        let text = composed(256, |out| FILE.write(out, at + 1, &[], bytes, gap))?;
        Ok(String::from_utf8_lossy(text.expose()).into_owned())
    };
    sealed.bytes().chunks(FILE.bytes).enumerate().map(row).collect()
}

/// A sealed file as one HTML document. It is no secret.
///
/// # Errors
/// A fault where memory cannot be locked.
pub fn sealed_html(sealed: &Sealed, title: &str) -> Result<String, Fault> {
    let failed = |_| Fault::machine("compose the sheets of the sealed file", "a part does not fit a code");
    let mut out = String::new();
    let codes = codes(sealed);
    begin(&mut out, title).map_err(failed)?;
    out.push_str("<h1>Sealed backup</h1><table>");
    let size = format!("{} bytes, in {} codes", sealed.bytes().len(), codes.len());
    let digest = sealed.digest().to_string();
    let facts = [("of", title), ("opened by", &sealed.lock().to_string()), ("size", &size), ("SHA-256", &digest)];
    table(&mut out, &facts).map_err(failed)?;
    let _ = write!(out, "</table><p>{}</p><p>{} {}</p>", escaped(WHAT), escaped(HOW), is(sealed));
    for (at, code) in codes.iter().enumerate() {
        out.push_str("<figure>");
        qr::svg(&mut out, code.as_bytes(), EcLevel::M, 60).map_err(failed)?;
        let _ = writeln!(out, "<br>{} of {}</figure>", at + 1, codes.len());
    }
    out.push_str("<table class=file>");
    for (at, row) in rows(sealed, "</td><td>")?.iter().enumerate() {
        let _ = writeln!(out, "<tr><td>{}</td><td>{row}</td></tr>", at + 1);
    }
    out.push_str("</table></body></html>\n");
    Ok(out)
}

/// A sealed file as text for a line printer: rows alone, a form feed at the end. It is no secret.
///
/// # Errors
/// A fault where memory cannot be locked.
pub fn sealed_text(sealed: &Sealed, title: &str) -> Result<String, Fault> {
    let mut out = format!("SEALED BACKUP\r\n\r\nof         {}\r\n", ascii(title));
    let _ = write!(out, "size       {} bytes\r\n", sealed.bytes().len());
    let groups = grouped(&sealed.digest().to_string());
    let _ = write!(out, "SHA-256    {}\r\n           {}\r\n\r\n", &groups[..39], &groups[40..]);
    for (at, row) in rows(sealed, " ")?.iter().enumerate() {
        let _ = write!(out, "{:>3}   {row}\r\n", at + 1);
    }
    out.push_str("\r\n");
    for line in [WHAT, &format!("{HOW} {}", is(sealed))].iter().flat_map(|text| wrapped(text, 76)) {
        let _ = write!(out, "{line}\r\n");
    }
    out.push('\u{c}');
    Ok(out)
}

/// A sealed file while it is scanned or typed from its sheets.
#[derive(Clone, Debug, Default)]
pub struct Sheets {
    parts: Vec<Option<Vec<u8>>>,
    digest: String,
}

impl Sheets {
    /// Nothing scanned yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the text of one code, in any order; one that was seen already changes nothing. `None` while some are missing.
    ///
    /// # Errors
    /// Where it is no such code, of another file, or contradicts one that was seen.
    pub fn code(&mut self, text: &str) -> Result<Option<Sealed>, Wrong> {
        let none = || Wrong::Other("no code of a sealed file, or a torn one".into());
        let text = text.trim().to_ascii_uppercase();
        let mut fields = text.strip_prefix(BEGINS).ok_or_else(none)?.split(':');
        let mut next = || fields.next().ok_or_else(none);
        let (number, digest, hex) = (next()?, next()?, next()?);
        let (number, count) = number.split_once('/').ok_or_else(none)?;
        let (Ok(number), Ok(count)) = (number.parse::<usize>(), count.parse::<usize>()) else { return Err(none()) };
        let bytes = from_hex(&hex.to_ascii_lowercase()).ok_or_else(none)?;
        if !(1..=count).contains(&number)
            || count > SIZE_MAX.div_ceil(PAGE_BYTES)
            || bytes.len() > PAGE_BYTES
            || digest.len() != DIGITS
        {
            return Err(none());
        }
        if self.parts.is_empty() {
            self.parts = vec![None; count];
            self.digest = digest.to_owned();
        }
        if self.digest != digest || self.parts.len() != count {
            return Err(Wrong::Other(format!("a code of another file ({digest}, not {})", self.digest)));
        }
        match &self.parts[number - 1] {
            Some(there) if *there != bytes => {
                return Err(Wrong::Damaged(format!("code {number} was seen, and was another")));
            }
            _ => self.parts[number - 1] = Some(bytes),
        }
        if self.missing().next().is_some() {
            return Ok(None);
        }
        let whole: Vec<u8> = self.parts.iter().flatten().flatten().copied().collect();
        if !Digest::of(&whole).to_string().to_ascii_uppercase().starts_with(&self.digest) {
            return Err(Wrong::Damaged("all codes are there, and the file has another SHA-256 than they say".into()));
        }
        Sealed::read(whole).map(Some)
    }

    /// The codes that are missing, from 1.
    pub fn missing(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().zip(1..).filter(|(part, _)| part.is_none()).map(|(_, number)| number)
    }

    /// Reads the rows of a file of `size` bytes, as its sheet says.
    ///
    /// # Errors
    /// The first row that is wrong.
    pub fn rows<'a>(size: usize, typed: impl IntoIterator<Item = &'a str>) -> Result<Vec<u8>, RowWrong> {
        let mut bytes = vec![0; size.min(SIZE_MAX)];
        let mut typed = typed.into_iter();
        let last = bytes.len().div_ceil(FILE.bytes);
        for (row, number) in bytes.chunks_mut(FILE.bytes).zip(1..) {
            let text = typed.next().unwrap_or_default();
            FILE.read(text.as_bytes(), number, &[], row, 1..=last)?;
        }
        Ok(bytes)
    }
}
