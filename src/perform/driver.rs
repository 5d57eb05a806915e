//! How the tokens of a script are reached: through a PKCS#11 module, or natively where they are YubiKeys. What differs between
//! the two in a ceremony is here; everything else asks the trait.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use super::{Stopped, token::fingerprints};
use crate::{
    ceremony::{operation::SeenToken, participants::Alias},
    device::{
        TokenIdentity,
        attestation::Attestation,
        yubikey::{NewManagementKey, Settings},
    },
    digest::Digest,
    fault::{Error, Fault, FaultKind},
    secret::{ManagementKeys, Secret},
    token::{
        Attest as _, Key, KeyAlgorithm, PinStates, Token,
        pkcs11::{Module, Pkcs11Token, TokenUri},
        quirks::Trust,
        yubikey::{self, ED25519_MAX, OnTouch, YubiKeyToken},
    },
};

/// How the tokens of one alias are reached.
pub(super) enum Driver {
    /// Through a module.
    Module(Arc<Module>),
    /// Natively, with the management keys that are in memory.
    YubiKeys(Settings, Trust, ManagementKeys),
}

/// A token that is open.
pub(super) enum Opened {
    /// Through a module.
    Pkcs11(Box<Pkcs11Token>),
    /// Natively.
    YubiKey(Box<YubiKeyToken>),
}

impl Deref for Opened {
    type Target = dyn Token;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Pkcs11(token) => token.as_ref(),
            Self::YubiKey(token) => token.as_ref(),
        }
    }
}

impl DerefMut for Opened {
    fn deref_mut(&mut self) -> &mut Self::Target {
        match self {
            Self::Pkcs11(token) => token.as_mut(),
            Self::YubiKey(token) => token.as_mut(),
        }
    }
}

impl Driver {
    /// Every token that is in, used or not. One that cannot be opened does not hide the others.
    pub(super) fn present(&self) -> Result<Vec<SeenToken>, Stopped> {
        let mut seen = vec![];
        match self {
            Self::Module(module) => {
                for listed in module.tokens()? {
                    let Ok((token, _)) = listed.token else { continue };
                    let mut public_keys = vec![];
                    if token.initialised {
                        // Two tokens of one label and serial cannot be told apart, and are nobody's.
                        let Ok(mut opened) = module.open(&uri_of(&token.label, &token.serial)) else { continue };
                        public_keys = fingerprints(&mut opened)?;
                    }
                    seen.push(SeenToken { token, public_keys });
                }
            }
            Self::YubiKeys(settings, trust, _) => {
                for serial in yubikey::serials()? {
                    let Ok(mut opened) = yubikey::open(serial, *settings, *trust) else { continue };
                    let public_keys = fingerprints(&mut opened)?;
                    seen.push(SeenToken { token: opened.identity().clone(), public_keys });
                }
            }
        }
        Ok(seen)
    }

    /// The token of this label and serial.
    pub(super) fn open(&self, label: &str, serial: &str) -> Result<Opened, Error> {
        match self {
            Self::Module(module) => Ok(Opened::Pkcs11(Box::new(module.open(&uri_of(label, serial))?))),
            Self::YubiKeys(settings, trust, ring) => open_yubikey(serial, *settings, *trust, ring),
        }
    }

    /// A token that was never used.
    pub(super) fn open_blank(&self, token: &TokenIdentity) -> Result<Opened, Error> {
        match self {
            Self::Module(module) => {
                let uri = TokenUri { label: None, ..uri_of(&token.label, &token.serial) };
                Ok(Opened::Pkcs11(Box::new(module.open_blank(&uri)?)))
            }
            Self::YubiKeys(settings, trust, ring) => open_yubikey(&token.serial, *settings, *trust, ring),
        }
    }

    /// The id of the root key of `alias`. A YubiKey has slots for ids.
    pub(super) fn key_id(&self, label: &str, alias: &Alias) -> Vec<u8> {
        match self {
            Self::Module(_) => Digest::of(format!("{label}\n{alias}").as_bytes()).as_bytes()[..8].to_vec(),
            Self::YubiKeys(settings, ..) => vec![settings.slot.number()],
        }
    }

    /// Whether a key of this kind is worth bringing: one that cannot sign a root later is not.
    pub(super) fn brings(&self, algorithm: KeyAlgorithm) -> Result<(), Fault> {
        match (self, algorithm) {
            (Self::YubiKeys(..), KeyAlgorithm::Ed25519) => {
                let cause = format!(
                    "a YubiKey signs at most {ED25519_MAX} bytes with Ed25519, and a usual root is longer: use a P-256 key"
                );
                Err(Fault::new(FaultKind::NotSupported, "bring an Ed25519 key to a YubiKey", cause))
            }
            _ => Ok(()),
        }
    }

    /// Whether `now` is `before` after its initialisation under `label`.
    pub(super) fn was_initialised(&self, before: &SeenToken, now: &SeenToken, label: &str) -> Result<bool, Stopped> {
        match self {
            Self::Module(_) => Ok(now.token.initialised && now.token.label == label),
            // It has no label: it is the one of this serial, with other tries than the factory's, nothing in it, and no PIN of
            // anybody's.
            Self::YubiKeys(settings, trust, ring) => {
                if now.token.serial != before.token.serial || !now.token.initialised || !now.public_keys.is_empty() {
                    return Ok(false);
                }
                let Opened::YubiKey(mut token) = open_yubikey(&now.token.serial, *settings, *trust, ring)? else {
                    return Ok(false);
                };
                Ok(token.defaults()?.len() == ALL_CODES)
            }
        }
    }
}

/// PIN, PUK and management key.
const ALL_CODES: usize = 3;

fn open_yubikey(serial: &str, settings: Settings, trust: Trust, ring: &ManagementKeys) -> Result<Opened, Error> {
    let serial = serial.parse().map_err(|_| yubikey::no_such_serial(serial))?;
    let mut token = yubikey::open(serial, settings, trust)?;
    token.share_management_keys(ring);
    Ok(Opened::YubiKey(Box::new(token)))
}

pub(super) fn uri_of(label: &str, serial: &str) -> TokenUri {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    TokenUri { label: some(label), serial: some(serial), ..TokenUri::default() }
}

impl Opened {
    /// Whether its user PIN, and whatever is set with it, is set.
    pub(super) fn is_prepared(&mut self, pins: &PinStates) -> Result<bool, Error> {
        match self {
            Self::Pkcs11(_) => Ok(pins.user.set == Some(true)),
            Self::YubiKey(token) => Ok(token.defaults()?.is_empty()),
        }
    }

    /// `PIN-NOT-DEFAULT`, of what only a YubiKey tells.
    pub(super) fn no_default_is_left(&mut self) -> Result<(), Error> {
        match self {
            Self::Pkcs11(_) => Ok(()),
            Self::YubiKey(token) => token.no_default_is_left(),
        }
    }

    /// What became of its management key when it was prepared, where it is not kept on it.
    pub(super) fn new_management_key(&mut self) -> Result<Option<NewManagementKey>, Error> {
        match self {
            Self::Pkcs11(_) => Ok(None),
            Self::YubiKey(token) => token.new_management_key(),
        }
    }

    /// How many hexadecimal digits its management key has.
    pub(super) fn management_key_digits(&mut self) -> Result<usize, Error> {
        match self {
            Self::Pkcs11(_) => Ok(0),
            Self::YubiKey(token) => token.management_key_digits(),
        }
    }

    /// Takes up a management key that somebody typed.
    pub(super) fn take_management_key(&mut self, typed: &Secret) -> Result<(), Error> {
        match self {
            Self::Pkcs11(_) => Ok(()),
            Self::YubiKey(token) => token.take_management_key(typed),
        }
    }

    /// Whether it may wait for a touch after its PIN.
    pub(super) fn may_blink(&self) -> bool {
        match self {
            Self::Pkcs11(_) => false,
            Self::YubiKey(token) => token.may_blink(),
        }
    }

    /// Lets it tell of its waits for a touch.
    pub(super) fn when_it_blinks(&mut self, on_touch: OnTouch) {
        match self {
            Self::Pkcs11(_) => {}
            Self::YubiKey(token) => token.when_it_blinks(on_touch),
        }
    }

    /// A key that was found, with everything beside it that an interrupted try left out.
    pub(super) fn completed(&mut self, key: Key, label: &str) -> Result<Key, Error> {
        match self {
            Self::Pkcs11(_) => Ok(key),
            Self::YubiKey(token) => token.complete_key(&key, label),
        }
    }

    /// What the maker of the token says of a key, where it can be asked.
    pub(super) fn attestation(&mut self, key: &Key) -> Result<Option<Box<Attestation>>, Error> {
        match self {
            Self::Pkcs11(_) => Ok(None),
            Self::YubiKey(token) => {
                let (evidence, says) = token.attest(key)?;
                Ok(Some(Box::new(Attestation::of(&evidence, says))))
            }
        }
    }
}
