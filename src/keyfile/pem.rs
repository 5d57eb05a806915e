//! PEM with headers: what stands between `-----BEGIN` and `-----END`. RFC 7468 knows no headers any more; RFC 1421 did, OpenSSL keeps
//! the encryption there, and Notary the role.

use std::ops::Range;

use base64ct::{Base64, Encoding as _};

use super::{KEYS_MAX, Lock, Wrong, cipher};
use crate::{secret::Secret, text::shown_up_to};

/// The most headers of one key, and the longest of them in bytes: a GUN has at most a few hundred.
const HEADERS_MAX: usize = 16;
const HEADER_MAX: usize = 1024;

/// How a private key is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `PRIVATE KEY` (RFC 5958).
    Pkcs8,
    /// `ENCRYPTED PRIVATE KEY`.
    Pkcs8Encrypted,
    /// `EC PRIVATE KEY` (RFC 5915).
    Sec1,
    /// `RSA PRIVATE KEY` (RFC 8017).
    Pkcs1,
    /// `ED25519 PRIVATE KEY`, which Notary 0.1 to 0.3 wrote: public key, seed, public key.
    NotaryEd25519,
}

impl Shape {
    const ALL: [(&'static str, Self); 5] = [
        ("PRIVATE KEY", Self::Pkcs8),
        ("ENCRYPTED PRIVATE KEY", Self::Pkcs8Encrypted),
        ("EC PRIVATE KEY", Self::Sec1),
        ("RSA PRIVATE KEY", Self::Pkcs1),
        ("ED25519 PRIVATE KEY", Self::NotaryEd25519),
    ];

    /// What people call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pkcs8 | Self::Pkcs8Encrypted => "PKCS#8",
            Self::Sec1 => "SEC 1",
            Self::Pkcs1 => "PKCS#1",
            Self::NotaryEd25519 => "Notary's old Ed25519",
        }
    }
}

/// One private key in a text: its headers, and where its base64 is.
pub(super) struct Frame {
    pub(super) shape: Shape,
    headers: Vec<(String, String)>,
    base64: Range<usize>,
}

impl Frame {
    /// A header, by its name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The bytes of the key as they stand in the text, encrypted or not.
    pub(super) fn body(&self, text: &[u8]) -> Result<Secret, Wrong> {
        let base64 = &text[self.base64.clone()];
        Secret::made(base64.len(), |room| {
            let mut count = 0;
            for byte in base64.iter().filter(|byte| !byte.is_ascii_whitespace()) {
                room[count] = *byte;
                count += 1;
            }
            let decoded = Base64::decode_in_place(&mut room[..count]);
            decoded.map(<[u8]>::len).map_err(|_| Wrong::Damaged("its base64 is torn or mistyped".into()))
        })
    }

    /// How the key is encrypted, if it is.
    pub(super) fn lock(&self, text: &[u8]) -> Result<Option<Lock>, Wrong> {
        let legacy = self.header("Proc-Type").is_some_and(|value| value.contains("ENCRYPTED"));
        match (self.shape, self.header("DEK-Info")) {
            (Shape::Pkcs8Encrypted, _) => cipher::pbes2(self.body(text)?.expose()).map(Some),
            (_, Some(info)) => cipher::legacy(info).map(Some),
            (_, None) if legacy => Err(Wrong::Damaged("it says that it is encrypted and has no DEK-Info".into())),
            (_, None) => Ok(None),
        }
    }
}

/// Every private key of a text. Other text around them, and OpenSSL's block of curve parameters, are passed over.
pub(super) fn frames(text: &[u8]) -> Result<Vec<Frame>, Wrong> {
    if text.first() == Some(&0x30) {
        return Err(Wrong::Other("DER, not PEM; `openssl pkey -inform der -in FILE -out OUT` writes PEM".into()));
    }
    let mut frames = vec![];
    let mut others = vec![];
    let mut lines = Lines { text, at: 0 };
    while let Some(line) = lines.next() {
        let Some(label) = marked(&text[line], b"-----BEGIN ") else { continue };
        let (headers, base64) = inside(&mut lines, label)?;
        match Shape::ALL.iter().find(|(name, _)| *name == label) {
            Some((_, shape)) => frames.push(Frame { shape: *shape, headers, base64 }),
            None => others.push(shown_up_to(label, 40)),
        }
        if frames.len() > KEYS_MAX {
            return Err(Wrong::Other(format!("a file with more than {KEYS_MAX} keys")));
        }
    }
    match (frames.is_empty(), others.as_slice()) {
        (false, _) => Ok(frames),
        (true, []) => Err(Wrong::Other("no PEM: nothing in it begins with -----BEGIN".into())),
        (true, [label, ..]) => Err(Wrong::Other(format!("a {label}, and no private key that this program reads"))),
    }
}

/// Headers, and where the base64 is.
type Inside = (Vec<(String, String)>, Range<usize>);

/// Headers and base64 of a block whose first line was read, up to its end.
fn inside(lines: &mut Lines<'_>, label: &str) -> Result<Inside, Wrong> {
    let text = lines.text;
    let torn = || Wrong::Damaged(format!("its last line -----END {}----- is missing", shown_up_to(label, 40)));
    let mut headers = vec![];
    let mut base64: Option<Range<usize>> = None;
    loop {
        let line = lines.next().ok_or_else(torn)?;
        let content = &text[line.clone()];
        if let Some(end) = marked(content, b"-----END ") {
            return if end == label { Ok((headers, base64.unwrap_or(line.start..line.start))) } else { Err(torn()) };
        }
        if content.starts_with(b"-----") {
            return Err(torn());
        }
        // No letter of base64 is a colon.
        if base64.is_none() && content.contains(&b':') {
            let header = std::str::from_utf8(content).ok().filter(|header| header.len() <= HEADER_MAX);
            let header = header.and_then(|header| header.split_once(':')).filter(|_| headers.len() < HEADERS_MAX);
            let (name, value) = header.ok_or_else(|| Wrong::Damaged("its PEM headers are not readable".into()))?;
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        } else if !content.is_empty() {
            base64 = Some(base64.map_or(line.start, |range| range.start)..line.end);
        }
    }
}

/// The label of a line that begins or ends a block.
fn marked<'a>(line: &'a [u8], with: &[u8]) -> Option<&'a str> {
    std::str::from_utf8(line.strip_prefix(with)?.strip_suffix(b"-----")?).ok()
}

/// The lines of a text, without white space at their ends.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
}

impl Iterator for Lines<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let start = self.at;
        self.at += length + 1;
        Some(start..start + rest[..length].trim_ascii_end().len())
    }
}
