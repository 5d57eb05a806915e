//! The driver on virtual YubiKeys.
#![allow(dead_code, reason = "each test program uses a part")]

use std::sync::OnceLock;

use officiant::{
    device::attestation::Roots,
    fault::{Error, FaultKind},
    readback::{Challenge, Signable},
    rules::Rule,
    secret::{KeyMaterial, Pin, Secret},
    token::{
        Erase, Key, KeyAlgorithm, KeyRequest, LastTry, PinEntry, Provision as _, Token as _, User,
        quirks::Trust,
        yubikey::{self, PinPolicy, Settings, Slot, TouchPolicy, YubiKeyToken},
    },
};
use virtual_yubikey::Control;

pub const PIN: &str = "271828";
pub const PUK: &str = "31415926";

static ROOTS: OnceLock<Roots> = OnceLock::new();

/// The shipped trust with the test roots in the place of the maker's.
pub fn trust(control: &Control) -> Trust {
    ROOTS.get_or_init(|| {
        let (roots, between) = control.roots();
        Roots::of(&roots, &between).expect("certificates")
    });
    Trust::injected(|_| None).with_injected_roots(|| ROOTS.get().expect("set above").clone())
}

pub fn secret(bytes: &[u8]) -> Secret {
    Secret::copied(bytes).expect("memory can be locked")
}

pub fn pin(text: &str) -> Pin {
    secret(text.as_bytes()).into()
}

pub fn material(bytes: &[u8]) -> KeyMaterial {
    secret(bytes).into()
}

/// PIN for each signature, and no touch, in slot 9c.
pub fn settings() -> Settings {
    Settings { touch: TouchPolicy::Never, ..Settings::default() }
}

pub fn with(slot: &str, pin: PinPolicy, touch: TouchPolicy) -> Settings {
    Settings { slot: slot.parse::<Slot>().expect("a slot"), pin, touch, ..Settings::default() }
}

pub fn open(control: &Control, serial: u32, settings: Settings) -> YubiKeyToken {
    yubikey::open(serial, settings, trust(control)).expect("it is in")
}

/// Prepared with [`PIN`] and [`PUK`].
pub fn prepared(control: &Control, serial: u32, settings: Settings) -> YubiKeyToken {
    let mut token = open(control, serial, settings);
    token.initialise("", PinEntry::Typed(&pin(PUK)), Erase::NothingThere).expect("prepare");
    token.set_user_pin(&pin(PUK), &pin(PIN)).expect("set PIN, PUK and management key");
    token
}

pub fn login(token: &mut YubiKeyToken) {
    token.login(User::User, PinEntry::Typed(&pin(PIN)), LastTry::Keep).expect("log in");
}

pub fn request(algorithm: KeyAlgorithm, label: &str) -> KeyRequest {
    KeyRequest { algorithm, label: label.into(), id: vec![] }
}

/// Logged in, and with a new P-256 key.
pub fn with_key(control: &Control, serial: u32, settings: Settings) -> (YubiKeyToken, Key) {
    let mut token = prepared(control, serial, settings);
    login(&mut token);
    let key = token.generate_key(&request(KeyAlgorithm::P256, "shop root")).expect("generate");
    (token, key)
}

pub fn challenge(number: u8) -> Signable {
    Signable::Challenge(Challenge::nonce(&[number]))
}

pub fn rule<T>(result: Result<T, Error>) -> Option<Rule> {
    result.err().and_then(|error| error.refusal().map(|refusal| refusal.rule))
}

pub fn kind<T>(result: Result<T, Error>) -> Option<FaultKind> {
    result.err().and_then(|error| error.fault().map(|fault| fault.kind.clone()))
}
