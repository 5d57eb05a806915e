//! A private key sealed: what stands in the file, and closing it.
//!
//! The file is an ordinary age file; inside is a text that people can read and OpenSSL takes as it is:
//!
//! ```text
//! officiant backup 1
//! keyid: 64 hexadecimal digits
//! algorithm: P-256
//! ceremony: what it was called
//! made: 2026-12-01T09:00:00Z
//! program: officiant 0.1.0
//! history: where it was imported from, for a key that was not made in a ceremony
//!
//! -----BEGIN PRIVATE KEY-----
//! …
//! -----END PRIVATE KEY-----
//! ```

use std::{fmt::Write as _, io::Write as _, iter};

use age::{Encryptor, Recipient, secrecy::SecretString};
use base64ct::{Base64, Encoding as _};

use super::{Identity, Lock, Outline, Wrong, filling::composed};
use crate::{
    digest::Digest,
    fault::Fault,
    keyfile::PrivateKey,
    locked,
    secret::{Passphrase, Secret},
    text::paints,
    tuf::key::KeyId,
    utc::Utc,
};

/// The largest sealed file that is read, in bytes: a key of the longest RSA modulus comes to half of it.
pub const SIZE_MAX: usize = 32 << 10;
/// The base-2 logarithm of scrypt's N in what is written: about a second and 256 MiB.
pub const WORK_FACTOR: u8 = 18;
/// The largest that is read: 4 GiB.
pub const WORK_FACTOR_MAX: u8 = 22;
/// The shortest passphrase of a copy, in bytes. It is all that protects the key.
pub const PASSPHRASE_MIN: usize = crate::keyfile::PASSPHRASE_MIN;

pub(super) const TITLE: &str = "officiant backup 1";
const LINE_MAX: usize = 200;

/// What a sealed file says of itself, inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The keyid under which the trusted metadata names the key. In Notary that is not the key's canonical id.
    pub keyid: KeyId,
    /// What the ceremony was called. One line.
    pub ceremony: String,
    /// When it was sealed.
    pub made: Utc,
    /// What nobody knows of the key, where it was imported once. One line.
    pub history: Option<String>,
}

/// A sealed file, whole in memory. It is no secret: it may be copied, and should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    bytes: Vec<u8>,
    lock: Lock,
}

impl Sealed {
    /// Takes the bytes of a file.
    ///
    /// # Errors
    /// What it is instead of a binary age file or a wrapped key, or where it is cut.
    pub fn read(bytes: Vec<u8>) -> Result<Self, Wrong> {
        let lock = Outline::read(&bytes)?.lock;
        Ok(Self { bytes, lock })
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What opens it.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Its SHA-256.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

/// Seals `key` to `identity`, opens the result again and compares, all in memory. No single person can open it once the identity is
/// split and wiped.
///
/// # Errors
/// What went wrong; there is nothing to clean up.
pub fn seal(key: &PrivateKey, about: &About, identity: &Identity) -> Result<Sealed, Wrong> {
    locked::apart(|| {
        let recipient = identity.to_age()?.to_public();
        let sealed = close(&contents(key, about)?, &recipient)?;
        sealed.open(identity)?.same_as(key, about)?;
        Ok(sealed)
    })
}

/// Proof that the script declares single control: its whole purpose is to be asked for.
pub struct SingleControl(());

impl SingleControl {
    /// Where the script of the ceremony declares it, and nowhere else.
    pub const fn declared_in_the_script() -> Self {
        Self(())
    }
}

/// Seals `key` with a passphrase: whoever has the file and the passphrase has the key, alone. Takes some seconds and 256 MiB, since
/// the result is opened again and compared.
///
/// # Errors
/// For a passphrase that is shorter than [`PASSPHRASE_MIN`] or no UTF-8; what went wrong. There is nothing to clean up.
pub fn seal_alone(
    key: &PrivateKey,
    about: &About,
    passphrase: &Passphrase,
    _declared: &SingleControl,
) -> Result<Sealed, Wrong> {
    if passphrase.len() < PASSPHRASE_MIN {
        return Err(Wrong::Contents(format!("a passphrase has at least {PASSPHRASE_MIN} bytes")));
    }
    let mut recipient = age::scrypt::Recipient::new(for_age(passphrase)?);
    recipient.set_work_factor(WORK_FACTOR);
    let sealed = close(&contents(key, about)?, &recipient)?;
    sealed.open_alone(passphrase)?.same_as(key, about)?;
    Ok(sealed)
}

/// The passphrase as age takes it; age wipes its copy.
pub(super) fn for_age(passphrase: &Passphrase) -> Result<SecretString, Wrong> {
    let text = std::str::from_utf8(passphrase.expose());
    text.map(SecretString::from).map_err(|_| Wrong::Contents("the passphrase is no UTF-8, which age wants".into()))
}

pub(super) fn close(contents: &Secret, recipient: &dyn Recipient) -> Result<Sealed, Wrong> {
    let failed = |error: &dyn std::fmt::Display| Wrong::Machine(Fault::machine("seal the key", error));
    let encryptor = Encryptor::with_recipients(iter::once(recipient)).map_err(|error| failed(&error))?;
    let mut bytes = Vec::with_capacity(SIZE_MAX);
    let mut writer = encryptor.wrap_output(&mut bytes).map_err(|error| failed(&error))?;
    writer.write_all(contents.expose()).and_then(|()| writer.finish()).map_err(|error| failed(&error))?;
    locked::wipe_stack();
    Sealed::read(bytes)
}

/// A ceremony is called by one line.
pub(super) fn is_one_line(about: &About) -> Result<(), Wrong> {
    is_line(&about.ceremony)?;
    if about.history.as_deref().is_some_and(|history| is_line(history).is_err()) {
        return Err(Wrong::Contents(format!("the history of a key is one line of at most {LINE_MAX} bytes")));
    }
    Ok(())
}

/// The same of a name that stands alone.
pub(super) fn is_line(ceremony: &str) -> Result<(), Wrong> {
    if ceremony.len() > LINE_MAX || ceremony.chars().any(paints) {
        return Err(Wrong::Contents(format!("a ceremony is called by one line of at most {LINE_MAX} bytes")));
    }
    Ok(())
}

fn contents(key: &PrivateKey, about: &About) -> Result<Secret, Wrong> {
    is_one_line(about)?;
    let der = key.to_pkcs8()?;
    let base64 = Secret::made(Base64::encoded_len(der.expose()), |room| {
        let encoded = Base64::encode(der.expose(), room);
        encoded.map(str::len).map_err(|_| Fault::machine("seal the key", "its base64 is longer than it can be"))
    })?;
    Ok(composed(base64.len() * 2 + 1024, |out| {
        write!(out, "{TITLE}\nkeyid: {}\nalgorithm: {}\n", about.keyid, key.public().algorithm())?;
        write!(out, "ceremony: {}\nmade: {}\n", about.ceremony, about.made)?;
        writeln!(out, "program: officiant {}", env!("CARGO_PKG_VERSION"))?;
        if let Some(history) = &about.history {
            writeln!(out, "history: {history}")?;
        }
        write!(out, "\n-----BEGIN PRIVATE KEY-----\n")?;
        for line in base64.expose().chunks(64) {
            out.push(line)?;
            out.push(b"\n")?;
        }
        out.push(b"-----END PRIVATE KEY-----\n")
    })?)
}
