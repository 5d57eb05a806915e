//! YubiKeys, driven natively: the PIV applet through the crate `yubikey` and pcscd. PKCS#11 reaches them too, but neither their
//! policies, nor attestation, nor AES management keys.
//!
//! A YubiKey is found by its serial. Its key is in a slot ([`Slot`]); other tools find it by the certificate in that slot, which
//! carries the key's label. What PKCS#11 calls the user PIN is its PIN; the SO-PIN is its PUK. Its management key is made at
//! random, and kept on the YubiKey itself, readable with the PIN only, or in locked memory until the backup has it.
//!
//! **What the crate must not be asked.** It is a release candidate with edges, and each is avoided at one place:
//!
//! - `reconnect` sends a PIN that the crate keeps, and `deauthenticate` leaves another applet selected: a handle is dropped and
//!   opened again instead (`card.rs`). The crate does not wipe its copies of the PIN and of the management key; the process is not
//!   dumpable and the machine has no swap (`MACHINE-FIT`).
//! - Its log has whole commands at the level TRACE. That level is cut off when this program is compiled (`Cargo.toml`).
//! - Its errors say little: `card.rs` tells what each means where, and looks at the card again after one that says nothing.
//! - Its `Signer` hashes before Ed25519, and 255 bytes of message make it panic: `sign.rs` signs bare, and knows the lengths.

mod card;
mod certificate;
mod codes;
mod keys;
pub mod list;
mod management;
mod provision;
mod sign;
mod slots;
mod token;

use std::ops::ControlFlow;

pub use self::{
    management::ManagementKeyIs,
    sign::{ED25519_MAX, TOUCHES},
    token::YubiKeyToken,
};
pub use crate::device::yubikey::{Firmware, NATIVE, OldFirmware, PinPolicy, Settings, Slot, TouchPolicy, YubiKeyUri};
use crate::{
    fault::{Error, Fault},
    rules::{Refusal, Rule},
    text::shown,
    token::quirks::Trust,
};

/// A YubiKey is about to blink and wait for a touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// For which payload of a batch, from 0.
    pub payload: usize,
    /// How often this one was tried before: nobody touched in time.
    pub tried: u32,
    /// Whether it may sign without blinking: a touch of a moment ago still counts, or the firmware does not tell.
    pub maybe: bool,
}

/// Is told before each wait for a touch, and may stop it: then nothing is sent any more.
pub type OnTouch = Box<dyn FnMut(Touch) -> ControlFlow<()> + Send>;

/// Opens the YubiKey with this serial. Nobody is logged in afterwards.
///
/// # Errors
/// `TOKEN-IS-EXPECTED` where it is not there, naming those that are; a fault.
pub fn open(serial: u32, settings: Settings, trust: Trust) -> Result<YubiKeyToken, Error> {
    YubiKeyToken::open(serial, settings, trust)
}

/// The serials of every YubiKey that is in.
///
/// # Errors
/// A fault where pcscd does not answer.
pub fn serials() -> Result<Vec<u32>, Fault> {
    Ok(card::present()?.into_iter().map(|seen| seen.serial).collect())
}

/// `TOKEN-IS-EXPECTED`: what a script names is no serial of a YubiKey.
pub fn no_such_serial(serial: &str) -> Error {
    Refusal::new(
        Rule::TokenIsExpected,
        format!("\"{}\" is no serial of a YubiKey.", shown(serial)),
        "The serial stands on the YubiKey itself; `officiant token list` shows it.",
    )
    .into()
}
