//! Tokens behind PKCS#11 modules. A module is loaded by its path, once in a process; a token is found in it by label and
//! serial; one session is kept per token, from its first use until it is dropped.
//!
//! No program is started while a session is open: a child could sign with the login that it inherits, or end it. Only one
//! process may use a software token at a time.

mod import;
mod module;
mod objects;
mod policy;
mod probe;
mod provision;
mod raw;
pub mod rehearsal;
mod rv;
mod session;
mod token;
mod uri;
mod wrap;

pub use module::{Listed, Module, close_all};
pub use session::Pkcs11Token;
pub use uri::{TokenUri, UriError};

use crate::{
    fault::{Error, Fault, FaultKind},
    token::quirks::Trust,
};

/// Opens the one token that `uri` names. Nobody is logged in afterwards.
///
/// # Errors
/// `TOKEN-IS-EXPECTED` where no initialised token or more than one answers to `uri`; a fault of the module.
pub fn open(uri: &TokenUri, trust: Trust) -> Result<Pkcs11Token, Error> {
    module_of(uri, trust)?.open(uri)
}

/// Opens a blank token, to be initialised: one that matches `uri` and carries no initialisation.
///
/// # Errors
/// `TOKEN-IS-EXPECTED` where there is none; a fault of the module.
pub fn open_blank(uri: &TokenUri, trust: Trust) -> Result<Pkcs11Token, Error> {
    module_of(uri, trust)?.open_blank(uri)
}

fn module_of(uri: &TokenUri, trust: Trust) -> Result<std::sync::Arc<Module>, Fault> {
    let path = uri.module_path.as_deref().ok_or_else(|| {
        let doing = format!("open {}", crate::text::shown(&uri.to_string()));
        Fault::new(FaultKind::Other, doing, "the URI names no module: add ?module-path=/…")
    })?;
    Module::load(path, uri.init_reserved.as_deref(), trust)
}
