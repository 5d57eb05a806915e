//! A YubiKey for tests: the PIV applet with Yubico's extensions behind pcscd and vpcd, so that every layer above the contacts of
//! the card is the real one. Nothing of it is shipped.
//!
//! It was written from what NIST and Yubico publish, and is checked against the tools that drive real keys
//! (`tests/yubikey_peers.rs`). What it cannot show: the timing of USB, a reader that comes and goes, NFC, FIPS and Bio models,
//! X25519 and key agreement.
//!
//! [`VirtualYubiKeys::start`] starts cards in namespaces of their own; [`Control`] inserts, pulls, touches, harms and traces.

pub mod apdu;
pub mod card;
pub mod cert;
pub mod control;
pub mod firmware;
pub mod keys;
mod loopback;
mod rig;
pub mod setup;
mod start;
pub mod switches;
pub mod tlv;
mod vpcd;

pub use control::{Control, Trace};
pub use setup::{CardSetup, Setup};
pub use start::{Unable, VirtualYubiKeys, serve_if_inside};
pub use switches::Seen;
