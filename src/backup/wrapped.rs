//! The file of a key that a token wrapped. What is in it is encrypted already, under a key-encryption key that is split; so it is a text
//! that says what it is, and its key is what `openssl enc -d -id-aes256-wrap-pad` takes:
//!
//! ```text
//! officiant wrapped key 1
//! keyid: 64 hexadecimal digits
//! algorithm: P-256
//! public key: SubjectPublicKeyInfo in base64
//! kek: 64 hexadecimal digits
//! mechanism: RFC 5649, AES-256
//! ceremony: what it was called
//! made: 2026-12-01T09:00:00Z
//! program: officiant 0.1.0
//!
//! -----BEGIN WRAPPED KEY-----
//! …
//! -----END WRAPPED KEY-----
//! ```
//!
//! Nobody signed the lines: what they say is believed when it was compared, the public key with the trusted one, and the private half by
//! a signature.

use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};

use super::{About, Opened, Sealed, Wrong, seal::is_one_line};
use crate::{
    digest::{Digest, to_hex},
    keyfile::{self, Kek, WRAPPED_MAX, Wrapped},
    rules::{Passed, Refusal, Rule},
    text::shown,
    tuf::key::{Key, KeyId, PublicKey},
    utc::Utc,
};

const TITLE: &str = "officiant wrapped key 1";
const MECHANISM: &str = "RFC 5649, AES-256";
const BEGIN: &str = "-----BEGIN WRAPPED KEY-----";
const END: &str = "-----END WRAPPED KEY-----";
/// Bytes of a set's id.
const SHORT: usize = 6;

/// Writes the file of a wrapped key, and reads it again.
///
/// # Errors
/// For a public key that has no SubjectPublicKeyInfo, and a ceremony that is not called by one line.
pub fn wrapped_file(wrapped: &Wrapped, about: &About) -> Result<Sealed, Wrong> {
    is_one_line(about)?;
    let public = wrapped.public().to_spki_der();
    let public =
        public.ok_or_else(|| Wrong::Contents("the public key is of a kind that has no standard form".into()))?;
    let mut out = format!("{TITLE}\nkeyid: {}\nalgorithm: {}\n", about.keyid, wrapped.public().algorithm());
    let _ = write!(out, "public key: {}\nkek: {}\n", Base64::encode_string(&public), wrapped.kek());
    let _ = write!(out, "mechanism: {MECHANISM}\nceremony: {}\nmade: {}\n", about.ceremony, about.made);
    let _ = write!(out, "program: officiant {}\n\n{BEGIN}\n", env!("CARGO_PKG_VERSION"));
    for line in wrapped.bytes().chunks(48) {
        let _ = writeln!(out, "{}", Base64::encode_string(line));
    }
    let _ = writeln!(out, "{END}");
    let sealed = Sealed::read(out.into_bytes())?;
    let again = sealed.wrapped()?;
    if again.about != *about || again.wrapped.bytes() != wrapped.bytes() || again.wrapped.public() != wrapped.public() {
        return Err(Wrong::Contents("what was written reads back in another way".into()));
    }
    Ok(sealed)
}

/// A file with a wrapped key, as it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedFile {
    about: About,
    wrapped: Wrapped,
}

impl WrappedFile {
    /// Which key, which ceremony, when. From outside.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The key as it is wrapped. From outside.
    pub fn wrapped(&self) -> &Wrapped {
        &self.wrapped
    }

    /// The id of the set of shares that give its key-encryption key back.
    pub fn set(&self) -> String {
        to_hex(&self.wrapped.kek().as_bytes()[..SHORT])
    }

    /// The wrapped key, if it says that it is `trusted`, a key of the root that is trusted. Whether it is, a token proves that unwraps it.
    ///
    /// # Errors
    /// `BACKUP-OPENS` where the public halves differ.
    pub fn trusted(self, trusted: &Key) -> Result<(Wrapped, Passed), Refusal> {
        let id = trusted.id();
        if self.wrapped.public() != trusted.public() {
            return Err(Refusal::new(
                Rule::BackupOpens,
                format!("The file is of another key than the trusted key {}.", shown(id.as_str())),
                "Look for the file of this key; this one is of another, or was put in its place.",
            ));
        }
        Ok((self.wrapped, Passed::new(Rule::BackupOpens, format!("the file names the public half of {id}"))))
    }

    /// Opens it in software, for a token that unwraps nothing and takes keys in the open.
    ///
    /// # Errors
    /// [`Wrong::OtherIdentity`] for another key-encryption key; why else it does not open.
    pub fn open(&self, kek: &Kek) -> Result<Opened, Wrong> {
        let key = kek.unwrap(&self.wrapped).map_err(|wrong| match wrong {
            keyfile::Wrong::Machine(fault) => Wrong::Machine(fault),
            keyfile::Wrong::Other(_) => Wrong::OtherIdentity,
            keyfile::Wrong::Damaged(what) => Wrong::Damaged(what),
            other => Wrong::Contents(other.to_string()),
        })?;
        Ok(Opened::new(self.about.clone(), key))
    }
}

impl Sealed {
    /// The wrapped key, where the file is one.
    ///
    /// # Errors
    /// [`Wrong::OtherLock`] where it is an age file.
    pub fn wrapped(&self) -> Result<WrappedFile, Wrong> {
        match is_one(self.bytes()) {
            true => read(self.bytes()),
            false => Err(Wrong::OtherLock(self.lock().to_string())),
        }
    }
}

/// Whether a file begins as one with a wrapped key does.
pub(super) fn is_one(file: &[u8]) -> bool {
    file.strip_prefix(TITLE.as_bytes()).is_some_and(|rest| rest.first() == Some(&b'\n'))
}

/// Reads the file. Lines of other names are passed over: a later version may have more.
pub(super) fn read(file: &[u8]) -> Result<WrappedFile, Wrong> {
    let damaged = |what: &str| Wrong::Damaged(what.to_owned());
    let text = std::str::from_utf8(file).map_err(|_| damaged("it is no text"))?;
    let (lines, body) = text.split_once("\n\n").ok_or_else(|| damaged("it is cut short within its first lines"))?;
    let (mut keyid, mut ceremony, mut made, mut public, mut kek, mut algorithm) = (None, None, None, None, None, None);
    for line in lines.lines().skip(1) {
        match line.split_once(": ") {
            Some(("keyid", value)) => keyid = Some(KeyId::from(value)),
            Some(("ceremony", value)) => ceremony = Some(value.to_owned()),
            Some(("made", value)) => made = Utc::parse_rfc3339(value),
            Some(("algorithm", value)) => algorithm = Some(value),
            Some(("kek", value)) => kek = Digest::from_hex(value),
            Some(("public key", value)) => {
                let der = Base64::decode_vec(value).ok();
                public = der.and_then(|der| PublicKey::from_spki_der(&der));
            }
            Some(("mechanism", value)) if value != MECHANISM => {
                return Err(Wrong::OtherLock(format!(
                    "the mechanism {}, which this program does not know",
                    shown(value)
                )));
            }
            _ => {}
        }
    }
    let (Some(keyid), Some(ceremony), Some(made), Some(public), Some(kek)) = (keyid, ceremony, made, public, kek)
    else {
        return Err(damaged("it does not say which key, which key-encryption key, which ceremony and when"));
    };
    if algorithm != Some(public.algorithm().as_str()) {
        return Err(damaged("its public key is of another algorithm than it says"));
    }
    let whole = body.strip_prefix(BEGIN).and_then(|rest| rest.trim_end().strip_suffix(END));
    let base64: String =
        whole.ok_or_else(|| damaged("it is cut short: the wrapped key does not end"))?.split_whitespace().collect();
    let bytes = Base64::decode_vec(&base64).map_err(|_| damaged("the wrapped key is no base64"))?;
    let length = bytes.len();
    let wrapped = Wrapped::new(public, bytes, kek, None);
    let wrapped = wrapped.ok_or_else(|| {
        Wrong::Damaged(format!(
            "{length} bytes are no wrapped key, which has a multiple of 8 and at most {WRAPPED_MAX}"
        ))
    })?;
    Ok(WrappedFile { about: About { keyid, ceremony, made, history: None }, wrapped })
}
