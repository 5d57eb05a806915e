//! Secrets: PINs, passphrases, key bytes, personal words. Held in locked memory, filled in place, compared in constant time,
//! wiped when dropped. None of these types can be shown, cloned or serialised.
//!
//! A front end fills an [`Entry`] straight from the keyboard's file descriptor and hands over a [`Secret`]; the performer
//! makes a [`Pin`] of it, which goes to the token and no further.

mod management;

use std::io;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

pub use self::management::{CameBy, ManagementKey, ManagementKeys};
use crate::{
    device::{PinState, TokenIdentity},
    digest::Digest,
    fault::Fault,
    locked::LockedBytes,
};
pub use crate::{fault::Tries, locked::LOCKED_MAX};

/// A secret that is being typed or read.
pub struct Entry(LockedBytes);

impl Entry {
    /// An empty entry with room for [`LOCKED_MAX`] bytes.
    ///
    /// # Errors
    /// A fault where memory cannot be locked: the limit (`ulimit -l`) is too low.
    pub fn new() -> Result<Self, Fault> {
        LockedBytes::with_room(LOCKED_MAX).map(Self)
    }

    /// Adds a byte as it comes from the keyboard; `false` where the entry is full.
    pub fn push(&mut self, byte: u8) -> bool {
        match self.0.spare_mut().first_mut() {
            Some(place) => *place = byte,
            None => return false,
        }
        self.0.grow(1);
        true
    }

    /// Takes back the last character (one or more bytes of UTF-8).
    pub fn backspace(&mut self) {
        let start = self.0.bytes().iter().rposition(|byte| byte & 0xc0 != 0x80).unwrap_or(0);
        self.0.truncate(start);
    }

    /// Takes everything back.
    pub fn clear(&mut self) {
        self.0.truncate(0);
    }

    /// How many characters were entered, for the bullets on the screen.
    pub fn characters(&self) -> usize {
        self.0.bytes().iter().filter(|byte| **byte & 0xc0 != 0x80).count()
    }

    /// Whether nothing was entered.
    pub fn is_empty(&self) -> bool {
        self.0.bytes().is_empty()
    }

    /// Lets `reader` (for example one `read(2)` on a file descriptor) put bytes straight into the locked memory, and says how
    /// many came.
    ///
    /// # Errors
    /// That of the reader.
    pub fn fill(&mut self, reader: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        let count = reader(self.0.spare_mut())?;
        self.0.grow(count);
        Ok(count)
    }

    /// Cuts the end of the line off: everything from the first line feed or carriage return on. `true` where there was one.
    pub fn end_at_newline(&mut self) -> bool {
        let end = self.0.bytes().iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        self.0.truncate(end.unwrap_or(usize::MAX));
        end.is_some()
    }

    /// What was entered.
    pub fn finish(self) -> Secret {
        Secret(self.0)
    }
}

/// Secret bytes: what a front end hands to the performer.
pub struct Secret(LockedBytes);

impl Secret {
    /// Reads a secret in place; see [`Entry::fill`].
    ///
    /// # Errors
    /// A fault where memory cannot be locked or the reader fails.
    pub fn read(reader: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> Result<Self, Fault> {
        let mut entry = Entry::new()?;
        entry.fill(reader).map_err(|e| Fault::machine("read a secret", e))?;
        Ok(entry.finish())
    }

    /// A secret that is made in place: `make` gets `room` bytes of locked memory, all zero, and says how many of them it used.
    /// Everything that it wrote there is wiped with the secret.
    ///
    /// # Errors
    /// That of `make`; a fault where so much memory cannot be locked.
    pub fn made<E: From<Fault>>(room: usize, make: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<Self, E> {
        let mut bytes = LockedBytes::with_room(room.max(1))?;
        let count = make(bytes.spare_mut())?;
        bytes.grow(count);
        Ok(Self(bytes))
    }

    /// A secret that is already in ordinary memory: the PINs of a rehearsal's answers file, and tests. Nothing that people
    /// type in production comes this way.
    ///
    /// # Errors
    /// A fault where memory cannot be locked, or the secret is longer than [`LOCKED_MAX`].
    pub fn copied(bytes: &[u8]) -> Result<Self, Fault> {
        Self::read(|room| {
            let place = room.get_mut(..bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
            place.copy_from_slice(bytes);
            Ok(bytes.len())
        })
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.expose().len()
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether two secrets are the same: two equal entries of a new PIN, a PIN that equals the SO-PIN. The time taken depends
    /// on the lengths only.
    pub fn same_as(&self, other: &Self) -> bool {
        self.expose().ct_eq(other.expose()).into()
    }

    /// The bytes, for the call that needs them. They must not be copied anywhere.
    pub fn expose(&self) -> &[u8] {
        self.0.bytes()
    }
}

macro_rules! kinds_of_secret {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        pub struct $name(Secret);

        impl From<Secret> for $name {
            fn from(secret: Secret) -> Self {
                Self(secret)
            }
        }

        impl std::ops::Deref for $name {
            type Target = Secret;

            fn deref(&self) -> &Secret {
                &self.0
            }
        }
    )+};
}

kinds_of_secret! {
    /// A PIN or SO-PIN of a token, as the bytes that are sent to it.
    Pin
    /// A passphrase of a backup or of a private key file.
    Passphrase
    /// A private key, bare: the scalar of a curve at its full width, the seed of an Ed25519 key, or an RSAPrivateKey in DER
    /// (PKCS#1). Which one it is follows from the algorithm that it is kept with.
    KeyMaterial
}

/// What a front end must ask for. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRequest {
    /// Which secret.
    pub what: SecretKind,
    /// The token's label, or the file or key that a passphrase is of; `None` where the secret is neither's. From outside: show through [`crate::text::shown`].
    pub label: Option<String>,
    /// The token's serial.
    pub serial: Option<String>,
    /// Who is to type it.
    pub holder: Option<String>,
    /// What the token tells of the tries that are left.
    pub tries: Tries,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The shortest that the token takes, in bytes.
    pub min: Option<usize>,
    /// The longest that the token takes, in bytes.
    pub max: Option<usize>,
    /// Whether the token may then blink, and wait for a touch.
    #[serde(default)]
    pub touch: bool,
    /// How many signatures are made with this one entry; 0 where none is, or nobody counted.
    #[serde(default)]
    pub covers: usize,
    /// Which row of a share, where one is typed.
    #[serde(default)]
    pub row: Option<RowOf>,
    /// What was wrong with what was typed before, as a sentence. Nothing of it stands here.
    #[serde(default)]
    pub wrong: Option<String>,
}

/// A row of a share that is typed from its page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowOf {
    /// The id of the set that it must be of.
    pub set: String,
    /// Which share, from 1; `None` before its page has told.
    pub share: Option<u8>,
    /// The how manieth share of those that are brought, from 1.
    pub brought: u8,
    /// The row, from 1.
    pub row: u8,
    /// How many rows a share has.
    pub rows: u8,
}

impl RowOf {
    /// `share 2 of set 3f…, row 4 of 8`.
    pub fn words(&self) -> String {
        let share = self.share.map_or_else(|| "a share".to_owned(), |share| format!("share {share}"));
        format!("{share} of set {}, row {} of {}", self.set, self.row, self.rows)
    }
}

impl SecretRequest {
    /// How many signatures one entry covers, in words.
    pub fn covered(&self) -> String {
        match self.covers {
            1 => "1 signature".into(),
            many => format!("{many} signatures, with this one entry"),
        }
    }

    /// The first request for a PIN of `token`, whose present state is `pin`.
    pub fn of_token(what: SecretKind, token: &TokenIdentity, pin: &PinState) -> Self {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        Self {
            what,
            label: some(&token.label),
            serial: some(&token.serial),
            holder: None,
            tries: pin.tries,
            attempt: 1,
            min: Some(pin.min),
            max: pin.max,
            touch: false,
            covers: 0,
            row: None,
            wrong: None,
        }
    }
}

/// Which secret is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretKind {
    /// The PIN in use.
    UserPin,
    /// The SO-PIN in use.
    SoPin,
    /// A new PIN, first entry.
    NewUserPin,
    /// The same new PIN once more.
    NewUserPinAgain,
    /// A new SO-PIN, first entry.
    NewSoPin,
    /// The same new SO-PIN once more.
    NewSoPinAgain,
    /// A participant's personal word: set at roll-call, or repeated to confirm.
    PersonalWord,
    /// The passphrase in use of a backup or of a private key file.
    Passphrase,
    /// A new passphrase, first entry.
    NewPassphrase,
    /// The same new passphrase once more.
    NewPassphraseAgain,
    /// The throws of a die with six sides, as digits.
    Throws,
    /// A row of a share, as its page has it.
    ShareRow,
    /// The management key of a YubiKey, as hexadecimal digits.
    ManagementKey,
}

impl SecretKind {
    /// Whether it is of a file, not of a token.
    pub const fn is_passphrase(self) -> bool {
        matches!(self, Self::Passphrase | Self::NewPassphrase | Self::NewPassphraseAgain)
    }

    /// Whether it is of a token, and not of a file or a person.
    pub const fn is_of_token(self) -> bool {
        !self.is_passphrase() && !matches!(self, Self::PersonalWord | Self::Throws | Self::ShareRow)
    }

    /// Whether wrong ones are counted. Of management keys they are not.
    pub const fn counts_tries(self) -> bool {
        self.is_of_token() && !matches!(self, Self::ManagementKey)
    }

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserPin => "user PIN",
            Self::SoPin => "SO-PIN",
            Self::NewUserPin => "new user PIN",
            Self::NewUserPinAgain => "new user PIN, once more",
            Self::NewSoPin => "new SO-PIN",
            Self::NewSoPinAgain => "new SO-PIN, once more",
            Self::PersonalWord => "personal word",
            Self::Passphrase => "passphrase",
            Self::NewPassphrase => "new passphrase",
            Self::NewPassphraseAgain => "new passphrase, once more",
            Self::Throws => "throws of the die",
            Self::ShareRow => "row of a share",
            Self::ManagementKey => "management key, as hexadecimal digits",
        }
    }
}

/// Length of the salt of a personal word, in bytes.
pub const WORD_SALT_LENGTH: usize = 16;

/// What a person's word proves: scrypt (RFC 7914, N = 2^14, r = 8, p = 1, 32 bytes) of the word under the person's salt.
/// Whoever holds it can confirm as that person, so it is used once, to check, and is not kept.
#[derive(zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct WordProof([u8; 32]);

impl WordProof {
    /// Derives the proof of `word`, without regard to ASCII case and surrounding ASCII space. Takes about a twentieth of a
    /// second and 16 MiB.
    ///
    /// # Errors
    /// A fault where memory cannot be locked.
    pub fn derive(word: &Secret, salt: &[u8; WORD_SALT_LENGTH]) -> Result<Self, Fault> {
        let word = Secret::copied(word.expose().trim_ascii()).map(|mut own| {
            own.0.bytes_mut().make_ascii_lowercase();
            own
        })?;
        let cost = scrypt::Params::new(14, 8, 1).expect("these are the parameters of RFC 7914's own example");
        let mut proof = Self([0; 32]);
        scrypt::scrypt(word.expose(), salt, &cost, &mut proof.0).expect("32 bytes are a valid length of output");
        Ok(proof)
    }

    /// The 32 bytes, to be compared with a verifier by whoever holds one.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What may be kept: the SHA-256 of the proof.
    pub fn verifier(&self) -> Digest {
        Digest::of(&self.0)
    }
}
