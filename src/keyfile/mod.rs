//! Private keys in files, as publishers of Docker Content Trust have them: what is in a file ([`KeyFile::keys`]), opening it with
//! its passphrase ([`KeyFile::open`]), and writing one that the stock tools take ([`write()`]). And the key that no file has yet: made
//! in locked memory of several sources of randomness ([`Mixture`]).
//!
//! Every shape is read that Notary and the Docker CLI ever wrote, and those that OpenSSL writes for the same keys: PKCS#8, plain or
//! encrypted by PBES2 (RFC 8018), SEC 1, PKCS#1, the PEM encryption of OpenSSL before PKCS#8, Notary's own form of Ed25519, and
//! several keys one after the other (`notary key export`). A private key, and the text of a file that may hold one in the open,
//! is in locked memory only.
//!
//! A key that a token wrapped ([`Wrapped`]) and the key-encryption key that it is under ([`Kek`]) are here too.

mod cipher;
mod mix;
mod pem;
mod private;
mod wrapped;
mod write;
mod wrong;

use std::{io::Read as _, path::Path};

pub use self::{
    cipher::{ITERATIONS_MAX, Lock},
    mix::{DRAWN, Mixture, THROWS_MIN},
    private::PrivateKey,
    wrapped::{Kek, WRAPPED_MAX, Wrapped},
    write::{Headers, ITERATIONS, write, write_with},
    wrong::Wrong,
};
use self::{
    pem::{Frame, Shape},
    private::Encoded,
};
use crate::{
    fault::Fault,
    files,
    secret::{Passphrase, Secret},
    text::shown,
    tuf::key::{KeyId, PublicKey},
};

/// The longest file that is read, in bytes: an export of a few dozen keys. All of it is locked memory while it is open.
pub const SIZE_MAX: usize = 64 << 10;
/// The most keys in one file.
pub const KEYS_MAX: usize = 64;
/// The shortest passphrase of a file that is written, in bytes. It is all that protects the key.
pub const PASSPHRASE_MIN: usize = 12;

/// A file with private keys. Holds its text, which may be a private key in the open.
pub struct KeyFile {
    text: Secret,
    frames: Vec<Frame>,
    keys: Vec<Listed>,
}

/// What can be said of a key in a file without its passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// `role:` of its PEM header: `root`, `targets`, `targets/releases`, a signer's name. From outside.
    pub role: Option<String>,
    /// `gun:` of its PEM header. From outside.
    pub gun: Option<String>,
    /// `path:` of its PEM header, which `notary key export` writes: the canonical id that the file claims.
    pub path: Option<String>,
    /// How it is written: `PKCS#8`, `SEC 1`, …
    pub shape: &'static str,
    /// How it is encrypted; `None` where it lies in the open.
    pub lock: Option<Lock>,
    /// The public key, where no passphrase is in the way. An encrypted file hides it.
    pub public: Option<PublicKey>,
}

impl Listed {
    /// The canonical id as far as it is known: that of the public key, or else the one that the header claims.
    pub fn canonical_id(&self) -> Option<KeyId> {
        let claimed = || self.path.as_deref().map(|path| KeyId::from(path.rsplit('/').next().unwrap_or(path)));
        self.public.as_ref().map_or_else(claimed, PublicKey::canonical_id)
    }
}

impl KeyFile {
    /// Reads the file at `path` into locked memory.
    ///
    /// # Errors
    /// A fault that names the file and says what is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Fault> {
        let doing = || format!("read the key file {}", files::name(path));
        let mut file = files::open(path)?;
        let length = file.metadata().map_err(|error| Fault::machine(doing(), error))?.len();
        if length > SIZE_MAX as u64 {
            return Err(Fault::machine(doing(), format!("larger than {SIZE_MAX} bytes, too large for a key file")));
        }
        let text = Secret::made(length as usize, |room| {
            let mut count = 0;
            while count < room.len() {
                match file.read(&mut room[count..]).map_err(|error| Fault::machine(doing(), error))? {
                    0 => break,
                    more => count += more,
                }
            }
            Ok::<_, Fault>(count)
        })?;
        Self::parse(text).map_err(|wrong| wrong.fault(doing()))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it, or what it is instead.
    pub fn parse(text: Secret) -> Result<Self, Wrong> {
        let frames = pem::frames(text.expose())?;
        let mut keys = vec![];
        for frame in &frames {
            let lock = frame.lock(text.expose())?;
            let public = match lock {
                Some(_) => None,
                None => Some(read(frame, &frame.body(text.expose())?)?.public().clone()),
            };
            let header = |name| frame.header(name).map(str::to_owned);
            let (role, gun, path) = (header("role"), header("gun"), header("path"));
            keys.push(Listed { role, gun, path, shape: frame.shape.name(), lock, public });
        }
        crate::locked::wipe_stack();
        Ok(Self { text, frames, keys })
    }

    /// What is in the file, in its order. At least one.
    pub fn keys(&self) -> &[Listed] {
        &self.keys
    }

    /// The place of the one key that is meant by `id`, a canonical id; `None` for the only key of the file, whatever it calls itself.
    ///
    /// # Errors
    /// Where the file has several keys and none, or more than one, is known to be it.
    pub fn place_of(&self, id: Option<&KeyId>) -> Result<usize, Wrong> {
        if self.keys.len() == 1 {
            return Ok(0);
        }
        let is_meant = |key: &&Listed| id.is_some() && key.canonical_id().as_ref() == id;
        let meant: Vec<_> = self.keys.iter().enumerate().filter(|(_, key)| is_meant(key)).map(|(at, _)| at).collect();
        match meant.as_slice() {
            [place] => Ok(*place),
            _ => Err(Wrong::Several { count: self.keys.len(), wanted: id.map(|id| shown(id.as_str())) }),
        }
    }

    /// Opens one key. A passphrase for a key in the open is not looked at.
    ///
    /// # Errors
    /// [`Wrong::Passphrase`], [`Wrong::PassphraseWanted`], or what is wrong with the key.
    ///
    /// # Panics
    /// Where `place` is no place in [`Self::keys`].
    pub fn open(&self, place: usize, passphrase: Option<&Passphrase>) -> Result<PrivateKey, Wrong> {
        let frame = &self.frames[place];
        let body = frame.body(self.text.expose())?;
        let key = match (&self.keys[place].lock, passphrase) {
            (None, _) => read(frame, &body),
            (Some(_), None) => Err(Wrong::PassphraseWanted),
            // What a wrong passphrase leaves is no key, but now and then its padding looks right.
            (Some(lock), Some(passphrase)) => {
                let bare = lock.open(frame.shape, &body, passphrase);
                bare.and_then(|bare| read(frame, &bare).map_err(|wrong| wrong.after_decryption()))
            }
        };
        crate::locked::wipe_stack();
        key
    }
}

fn read(frame: &Frame, body: &Secret) -> Result<PrivateKey, Wrong> {
    PrivateKey::read(match frame.shape {
        Shape::Pkcs8 | Shape::Pkcs8Encrypted => Encoded::Pkcs8(body.expose()),
        Shape::Sec1 => Encoded::Sec1(body.expose()),
        Shape::Pkcs1 => Encoded::Pkcs1(body.expose()),
        Shape::NotaryEd25519 => Encoded::NotaryEd25519(body.expose()),
    })
}
