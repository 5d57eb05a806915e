//! Where keys live. A [`Token`] signs, and signs nothing but a [`Signable`]; where it can, it is also prepared
//! ([`Provision`]), asked who vouches for a key ([`Attest`]), probed by use ([`Probe`]) and made to wrap a key for a second token
//! ([`Wrap`]). PKCS#11 is in [`pkcs11`], the native driver for YubiKeys in [`yubikey`]; [`quirks`] holds every difference between modules; [`list`] is
//! what `officiant token list` reports.
//!
//! A token is found by label and serial, never by slot; a key by exactly one private and one public object. Each signature
//! is verified in software before it is returned (`SIGNATURE-VERIFIES`).

use std::ops::ControlFlow;

pub mod list;
pub mod pkcs11;
pub mod quirks;
pub mod wrap;
pub mod yubikey;

pub use self::wrap::Wrap;
pub use crate::{
    device::{
        KeyAttributes, ModuleIdentity, PinState, PinStates, TokenIdentity, Tries,
        attestation::{Attested, Evidence},
        probe::ProbeReport,
    },
    fault::{Error, Fault, FaultKind},
    tuf::{
        key::{KeyAlgorithm, PublicKey, RawSignature},
        verify::VerifiedSignature,
    },
};
use crate::{
    keyfile::PrivateKey,
    readback::{Challenge, Signable},
    rules::{Refusal, Rule},
    secret::Pin,
};

/// A token that is plugged in. Opened by a driver; used from one thread at a time.
pub trait Token: Send {
    /// What it says it is, as of the last [`open`](pkcs11::open), [`Token::reopen`] or [`Provision::initialise`].
    fn identity(&self) -> &TokenIdentity;

    /// The state of its PINs, read anew.
    ///
    /// # Errors
    /// A fault.
    fn pins(&mut self) -> Result<PinStates, Error>;

    /// Logs in. A login that somebody else left open is ended first, so that the PIN is really checked.
    ///
    /// # Errors
    /// `PIN-TRIES-LEFT` where the token announces the last try and `attempt` does not confirm it; a fault
    /// ([`FaultKind::PinIncorrect`], [`FaultKind::PinLocked`], …).
    fn login(&mut self, user: User, entry: PinEntry<'_>, last_try: LastTry) -> Result<(), Error>;

    /// Logs out; private keys must be found again after the next login. Does nothing where nobody is logged in.
    ///
    /// # Errors
    /// A fault.
    fn logout(&mut self) -> Result<(), Error>;

    /// Every public key object that is visible now, readable without login: what `TOKEN-HOLDS-NO-TRUSTED-KEY` looks at.
    ///
    /// # Errors
    /// A fault.
    fn public_keys(&mut self) -> Result<Vec<SeenKey>, Error>;

    /// Finds a key: exactly one private and one public object. Wants the user logged in.
    ///
    /// # Errors
    /// `TOKEN-IS-EXPECTED` where there is none, or more than one; a fault.
    fn find_key(&mut self, wanted: &KeySelector) -> Result<Key, Error>;

    /// Signs, and verifies the signature in software before returning it.
    ///
    /// `pin` is wanted only where [`Key::wants_pin_each_time`].
    ///
    /// # Errors
    /// `SIGNATURE-VERIFIES` where the token's signature is wrong; a fault.
    fn sign(&mut self, key: &Key, payload: &Signable, pin: Option<PinEntry<'_>>) -> Result<RawSignature, Error> {
        let mut made = None;
        self.sign_batch(key, std::slice::from_ref(payload), pin, &mut |_, signature| {
            made = Some(signature);
            ControlFlow::Continue(())
        })?;
        made.ok_or_else(|| Fault::new(FaultKind::Other, "sign", "the driver returned no signature").into())
    }

    /// Signs each of `payloads` in order with one login and one handle. `on_each` gets the index and the signature, already
    /// verified, before the next is made, and may stop the rest (its medium failed, the operator left).
    ///
    /// # Errors
    /// As [`Token::sign`]. Signatures that were handed to `on_each` before stay good.
    fn sign_batch(
        &mut self,
        key: &Key,
        payloads: &[Signable],
        pin: Option<PinEntry<'_>>,
        on_each: &mut dyn FnMut(usize, RawSignature) -> ControlFlow<()>,
    ) -> Result<(), Error>;

    /// Signs each of `payloads` in order with one login and one handle, for many that are committed together. Where the token
    /// fails in the middle, what was signed before is returned, and the next call meets the failure again.
    ///
    /// # Errors
    /// As [`Token::sign`], where not even the first was signed.
    fn sign_many(
        &mut self,
        key: &Key,
        payloads: &[Signable],
        pin: Option<PinEntry<'_>>,
    ) -> Result<Vec<VerifiedSignature>, Error> {
        let mut made = vec![];
        let done = self.sign_batch(key, payloads, pin, &mut |index, signature| {
            made.extend(VerifiedSignature::new(&key.public, payloads[index].bytes(), signature));
            ControlFlow::Continue(())
        });
        match done {
            Err(error) if made.is_empty() => Err(error),
            _ => Ok(made),
        }
    }

    /// Signs a fresh nonce: proves the two objects of `key` to be one key pair.
    ///
    /// # Errors
    /// As [`Token::sign`].
    fn prove_pair(&mut self, key: &Key, pin: Option<PinEntry<'_>>) -> Result<(), Error> {
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce).map_err(|e| Fault::machine("draw a random nonce", e))?;
        self.sign(key, &Signable::Challenge(Challenge::nonce(&nonce)), pin).map(drop)
    }

    /// Forgets everything about the token and opens it anew, by label and serial, as after removing and inserting it
    /// (`PIN-WORKS-AGAIN`). Nobody is logged in afterwards, and every [`Key`] must be found again.
    ///
    /// # Errors
    /// `TOKEN-IS-EXPECTED` where it is not there or no longer the only one of its name; a fault. It can be called again.
    fn reopen(&mut self) -> Result<(), Error>;

    /// Whether a token of this label and serial is plugged in now. Wants no session.
    ///
    /// # Errors
    /// A fault where the module fails as a whole.
    fn is_present(&mut self) -> Result<bool, Error>;

    /// The same token where it can be prepared through this driver.
    fn provision(&mut self) -> Option<&mut dyn Provision>;

    /// The same token where it can be probed by use.
    fn prober(&mut self) -> Option<&mut dyn Probe>;

    /// The same token where its maker vouches for keys that were made inside of it.
    fn attester(&mut self) -> Option<&mut dyn Attest> {
        None
    }

    /// The same token where keys can be wrapped through this driver.
    fn wrapper(&mut self) -> Option<&mut dyn Wrap> {
        None
    }
}

/// A token whose maker vouches for keys that were made inside of it.
pub trait Attest: Token {
    /// Lets the token state that `key` was made inside of it, and verifies the chain of the statement, and that it is about this key
    /// in this token as it was asked for (`KEY-ATTESTED`). Wants no login.
    ///
    /// # Errors
    /// `KEY-ATTESTED` where the key was imported, or a step does not hold; a fault.
    fn attest(&mut self, key: &Key) -> Result<(Evidence, Attested), Error>;
}

/// A token whose abilities can be proved by use, without leaving anything on it.
pub trait Probe: Token {
    /// Tries everything and reports it. Wants the user logged in; every [`Key`] must be found again afterwards.
    ///
    /// # Errors
    /// A fault where the token goes away.
    fn probe(&mut self) -> Result<ProbeReport, Error>;
}

/// A token that this program can prepare: initialise, set PINs, make and destroy keys.
pub trait Provision: Token {
    /// Initialises the token under `label`: everything on it is gone. The SO-PIN of a blank token is set to `so_pin`; on a used
    /// token, and on one whose SO-PIN [must be changed](PinState::must_change), `so_pin` must be its present one. Such a
    /// factory SO-PIN is changed afterwards.
    ///
    /// # Errors
    /// `TOKEN-INITIALISED-ONCE` for a used token without the typed serial; `TOKEN-IS-EXPECTED` where another token already has
    /// this label; a fault. `TOKEN-HOLDS-NO-TRUSTED-KEY` is asked by the ceremony, which knows the trusted keys.
    fn initialise(&mut self, label: &str, so_pin: PinEntry<'_>, erase: Erase<'_>) -> Result<(), Error>;

    /// Sets the user PIN (the first one, or a new one for a locked one), logged in as SO. Nobody is logged in afterwards.
    ///
    /// # Errors
    /// `PIN-NOT-DEFAULT` where the new PIN breaks the rule; a fault.
    fn set_user_pin(&mut self, so_pin: &Pin, user_pin: &Pin) -> Result<(), Error>;

    /// Changes a PIN of `user` from `old` to `new`. Nobody is logged in afterwards.
    ///
    /// # Errors
    /// `PIN-NOT-DEFAULT`; a fault.
    fn change_pin(&mut self, user: User, old: &Pin, new: &Pin, last_try: LastTry) -> Result<(), Error>;

    /// Makes a key pair on the token, reads its attributes back (`KEY-NOT-EXTRACTABLE`) and proves the pair. Wants the user
    /// logged in. A key that breaks a rule is destroyed before the refusal; after a fault it may be there.
    ///
    /// # Errors
    /// `OUTPUT-FRESH` where a key of this label or id exists, `KEY-NOT-EXTRACTABLE`, `SIGNATURE-VERIFIES`; a fault.
    fn generate_key(&mut self, request: &KeyRequest) -> Result<Key, Error>;

    /// Puts a key from a file on the token, both halves, with the same attributes as one that is generated there. It is read back
    /// (`KEY-NOT-EXTRACTABLE`, and it is the key of the file) and the pair is proven. Wants the user logged in. A key that breaks a
    /// rule is destroyed before the refusal; after a fault it may be there.
    ///
    /// # Errors
    /// `OUTPUT-FRESH` where a key of this label or id, or this very key, exists, `KEY-NOT-EXTRACTABLE`, `TOKEN-IS-EXPECTED` where
    /// another public key reads back, `SIGNATURE-VERIFIES`; a fault, [`FaultKind::NotSupported`] where the token takes no keys.
    fn import_key(&mut self, key: &PrivateKey, request: &KeyRequest) -> Result<Key, Error> {
        let doing =
            format!("bring the {} key \"{}\" to {}", key.public().algorithm(), request.label, self.identity().name());
        Err(Fault::new(FaultKind::NotSupported, doing, "this driver brings no keys from outside").into())
    }

    /// Destroys what a generation or an import that was interrupted left behind: objects of this label and id of which no whole key can be
    /// made. Wants the user logged in. A whole key is not touched. Returns how many objects are gone.
    ///
    /// # Errors
    /// A fault.
    fn clear_half_made(&mut self, request: &KeyRequest) -> Result<usize, Error>;

    /// Fills `room` with randomness of the token's own; `false` where it gives none.
    ///
    /// # Errors
    /// A fault.
    fn draw(&mut self, room: &mut [u8]) -> Result<bool, Error> {
        let _ = room;
        Ok(false)
    }

    /// Wipes the token: everything on it is gone. `typed` is what a person typed to have this very token wiped
    /// ([`TokenIdentity::told_by`]); `so_pin` is its SO-PIN, and is not wanted of a YubiKey. Nobody is logged in afterwards. After a
    /// fault it may be wiped or not: [`Provision::is_wiped`] tells.
    ///
    /// # Errors
    /// `TOKEN-INITIALISED-ONCE` where something else was typed; `PIN-TRIES-LEFT`; a fault.
    fn wipe(&mut self, so_pin: Option<PinEntry<'_>>, typed: &str, last_try: LastTry) -> Result<(), Error>;

    /// How many keys can be seen on it now, without a PIN.
    ///
    /// # Errors
    /// A fault.
    fn keys_left(&mut self) -> Result<usize, Error>;

    /// Whether it is as [`Provision::wipe`] leaves it: no key is on it, and no PIN of anybody's.
    ///
    /// # Errors
    /// A fault.
    fn is_wiped(&mut self) -> Result<bool, Error>;

    /// Destroys both objects of a key. Wants the user logged in; every other [`Key`] must be found again afterwards.
    ///
    /// # Errors
    /// A fault.
    fn destroy_key(&mut self, key: &Key) -> Result<(), Error>;
}

/// Whose PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum User {
    /// Whoever signs.
    User,
    /// The security officer in the sense of PKCS#11, who initialises and unblocks.
    So,
}

impl User {
    /// What people call the PIN of this user.
    pub const fn pin_name(self) -> &'static str {
        match self {
            Self::User => "user PIN",
            Self::So => "SO-PIN",
        }
    }
}

impl PinStates {
    /// The state of this user's PIN.
    pub const fn of(&self, user: User) -> &PinState {
        match user {
            User::User => &self.user,
            User::So => &self.so,
        }
    }
}

/// Where a PIN comes from.
#[derive(Clone, Copy)]
pub enum PinEntry<'a> {
    /// Typed at this machine.
    Typed(&'a Pin),
    /// Typed at the token's own pad ([`TokenIdentity::pin_pad`]).
    Pad,
}

/// Whether the officer confirmed in so many words that the last try of a PIN may be spent (`PIN-TRIES-LEFT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastTry {
    /// Nobody confirmed anything.
    Keep,
    /// Confirmed.
    MayBeSpent,
}

/// Whether what is on a token may go (`TOKEN-INITIALISED-ONCE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erase<'a> {
    /// Only a blank token is initialised.
    NothingThere,
    /// A person typed this to have this very token wiped: [`TokenIdentity::told_by`].
    TypedSerial(&'a str),
}

/// Which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySelector {
    /// The key with this public half.
    Public(PublicKey),
    /// The key with this label and id.
    Named {
        /// CKA_LABEL.
        label: String,
        /// CKA_ID.
        id: Vec<u8>,
    },
}

/// A key to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRequest {
    /// Which algorithm.
    pub algorithm: KeyAlgorithm,
    /// CKA_LABEL, for people.
    pub label: String,
    /// CKA_ID, for the pair.
    pub id: Vec<u8>,
}

/// A public key object on a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenKey {
    /// CKA_LABEL. From outside.
    pub label: String,
    /// CKA_ID.
    pub id: Vec<u8>,
    /// The key; `Err` says why it could not be read, for example an algorithm that this program does not use.
    pub public: Result<PublicKey, String>,
}

/// A key pair that was found on a token, until its next login, logout or reopening.
#[derive(Clone, Debug)]
pub struct Key {
    /// The public half.
    pub public: PublicKey,
    /// Its algorithm.
    pub algorithm: KeyAlgorithm,
    /// CKA_LABEL. From outside.
    pub label: String,
    /// CKA_ID.
    pub id: Vec<u8>,
    /// What the token says of the private half.
    pub attributes: KeyAttributes,
    /// The driver's own name for the pair.
    handle: usize,
    /// The login under which the pair was found.
    epoch: u64,
}

impl Key {
    /// Whether the token wants its PIN for each signature (CKA_ALWAYS_AUTHENTICATE).
    pub fn wants_pin_each_time(&self) -> bool {
        self.attributes.always_authenticate == Some(true)
    }
}

/// PINs that factories set and people keep.
const DEFAULT_PINS: [&[u8]; 14] = [
    b"0000",
    b"1111",
    b"1234",
    b"12345",
    b"123456",
    b"1234567",
    b"12345678",
    b"123456789",
    b"1234567890",
    b"000000",
    b"00000000",
    b"648219",
    b"76543210",
    b"87654321",
];

/// `PIN-NOT-DEFAULT`: a new PIN is no factory default, within the token's own bounds, and not the same as `other` (the SO-PIN for a
/// user PIN, and the other way round).
///
/// # Errors
/// The refusal. It never repeats the PIN.
pub fn new_pin_is_good(pin: &Pin, other: Option<&Pin>, state: &PinState) -> Result<(), Refusal> {
    let no = |what: String| Err(Refusal::new(Rule::PinNotDefault, what, "Choose another PIN."));
    if pin.len() < state.min.max(1) {
        return no(format!("The new PIN is shorter than the {} bytes that the token asks for.", state.min.max(1)));
    }
    if state.max.is_some_and(|max| pin.len() > max) {
        return no(format!(
            "The new PIN is longer than the {} bytes that the token takes.",
            state.max.unwrap_or_default()
        ));
    }
    if DEFAULT_PINS.contains(&pin.expose()) {
        return no("The new PIN is one that factories set and everybody tries first.".into());
    }
    if pin.expose().iter().all(|byte| *byte == pin.expose()[0]) {
        return no("The new PIN is one character repeated.".into());
    }
    if other.is_some_and(|other| pin.same_as(other)) {
        return no("The user PIN and the SO-PIN are the same.".into());
    }
    Ok(())
}
