//! The driver on virtual YubiKeys.
#![allow(dead_code, reason = "each test program uses a part")]

use std::sync::OnceLock;

use officiant::{
    device::attestation::Roots,
    fault::{Error, FaultKind},
    keyfile::{KeyFile, PrivateKey},
    readback::{Challenge, Signable},
    rules::Rule,
    secret::{Pin, Secret},
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

/// A key of this scalar or seed, as it comes out of a file.
pub fn private(algorithm: KeyAlgorithm, bytes: &[u8]) -> PrivateKey {
    let text = pem(algorithm, bytes);
    KeyFile::parse(secret(text.as_bytes())).expect("a key file").open(0, None).expect("a key")
}

/// The file itself.
pub fn pem(algorithm: KeyAlgorithm, bytes: &[u8]) -> String {
    let before: &[u8] = match algorithm {
        KeyAlgorithm::P256 => &BEFORE_P256,
        KeyAlgorithm::P384 => &BEFORE_P384,
        KeyAlgorithm::Ed25519 => &BEFORE_ED25519,
        KeyAlgorithm::Rsa3072 => panic!("no RSA key is one number"),
    };
    der::pem::encode_string("PRIVATE KEY", der::pem::LineEnding::LF, &[before, bytes].concat()).expect("base64")
}

/// What stands before the private number of a PrivateKeyInfo (RFC 5208, RFC 5915 without the point; RFC 8410).
const BEFORE_P256: [u8; 35] = [
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
];
const BEFORE_P384: [u8; 32] = [
    0x30, 0x4e, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x04, 0x37, 0x30, 0x35, 0x02, 0x01, 0x01, 0x04, 0x30,
];
const BEFORE_ED25519: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

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
