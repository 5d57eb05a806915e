//! Docker Content Trust as Debian ships it: `notary-server`, alone with keys of its own (Ed25519) or with `notary-signer`
//! (P-256), over TLS on loopback, in memory; and the stock client `notary`.

mod client;
mod pki;
mod server;
mod token;

pub use client::{Client, PASSPHRASE};
pub use pki::Pki;
pub use server::{Keys, Stack};
pub use token::TokenServer;

use std::process::Command;

/// Whether the programs are installed. Where they are not, the test says that it was skipped, or fails where
/// `OFFICIANT_PEERS=required`.
pub fn installed() -> bool {
    let absent =
        ["notary-server", "notary-signer", "notary", "openssl"].into_iter().find(|program| !super::on_path(program));
    let Some(absent) = absent else { return true };
    assert!(!super::required(), "{absent} is not installed");
    eprintln!("skipped: {absent} is not installed; tests/run installs it");
    false
}

/// Runs a program that has to end well, and returns what it wrote.
fn done(command: &mut Command) -> String {
    let ended = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(ended.status.success(), "{command:?}: {}", super::words(&ended));
    String::from_utf8_lossy(&ended.stdout).into_owned()
}
