//! One module: loaded, initialised, and asked for its tokens.

use std::{
    collections::BTreeMap,
    ffi::CString,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use cryptoki::{
    context::Pkcs11,
    error::{Error as CryptokiError, RvError},
    slot::Slot,
};
use cryptoki_sys::{
    CKF_PROTECTED_AUTHENTICATION_PATH, CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED,
    CKF_SO_PIN_TO_BE_CHANGED, CKF_TOKEN_INITIALIZED, CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY,
    CKF_USER_PIN_INITIALIZED, CKF_USER_PIN_LOCKED, CKF_USER_PIN_TO_BE_CHANGED,
};

use super::{
    Pkcs11Token, TokenUri,
    raw::{self, Raw, TokenInfo},
    rv,
};
use crate::{
    device::{ModuleIdentity, PinState, PinStates, TokenIdentity, Tries},
    fault::{Error, Fault},
    files,
    rules::{Refusal, Rule},
    text::shown,
    token::quirks::Trust,
};

/// Modules stay initialised for as long as the process lives or until [`close_all`]: `cryptoki` does not finalise by itself,
/// and a second C_Initialize would fail.
static LOADED: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

/// A loaded and initialised module.
pub struct Module {
    path: PathBuf,
    reserved: Option<CString>,
    trust: Trust,
    identity: ModuleIdentity,
    pkcs11: Pkcs11,
    raw: Raw,
    /// How many tokens are open in it.
    pub(super) open: AtomicUsize,
}

/// A slot of a module as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its number, which identifies nothing and may change at any moment.
    pub slot: u64,
    /// The token in it and its PINs, or why it could not be read.
    pub token: Result<(TokenIdentity, PinStates), Fault>,
}

impl Module {
    /// Loads and initialises the module at `path`, or returns the one that already is. `reserved` is the reserved argument of
    /// C_Initialize, which the standard leaves empty and NSS does not.
    ///
    /// # Errors
    /// A fault: no such file, not a module, or it does not initialise.
    pub fn load(path: &Path, reserved: Option<&str>, trust: Trust) -> Result<Arc<Self>, Fault> {
        let doing = || format!("load the PKCS#11 module {}", files::name(path));
        let path = path.canonicalize().map_err(|e| Fault::machine(doing(), e))?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = loaded.get(&path) {
            return Ok(Arc::clone(module));
        }
        let reserved = reserved.map(CString::new).transpose().map_err(|e| Fault::machine(doing(), e))?;
        let sha256 = files::digest(&path, files::limit::MODULE)?;
        let failed = |error: &CryptokiError| {
            let fault = rv::fault("module", error);
            let hint = match error {
                CryptokiError::Pkcs11(RvError::GeneralError, _) => {
                    ": its configuration is missing or cannot be read (for SoftHSM: SOFTHSM2_CONF)"
                }
                _ => "",
            };
            Fault::new(fault.kind, doing(), format!("{}: {}{hint}", fault.doing, shown(&fault.cause)))
        };
        let pkcs11 = Pkcs11::new(&path).map_err(|e| failed(&e))?;
        let raw = Raw::load(&path).map_err(|e| failed(&e))?;
        match pkcs11.initialize(raw::initialize_arguments(reserved.as_deref())) {
            Ok(()) => {}
            Err(e) if raw::is(&e, RvError::CryptokiAlreadyInitialized) => {}
            Err(e) => return Err(failed(&e)),
        }
        let info = pkcs11.get_library_info().map_err(|e| failed(&e))?;
        let version = info.library_version();
        let identity = ModuleIdentity {
            path: path.to_string_lossy().into_owned(),
            sha256,
            manufacturer: raw::trimmed(info.manufacturer_id().as_bytes()),
            description: raw::trimmed(info.library_description().as_bytes()),
            version: format!("{}.{}", version.major(), version.minor()),
        };
        let open = AtomicUsize::new(0);
        let module = Arc::new(Self { path: path.clone(), reserved, trust, identity, pkcs11, raw, open });
        loaded.insert(path, Arc::clone(&module));
        Ok(module)
    }

    /// What the module says it is.
    pub fn identity(&self) -> &ModuleIdentity {
        &self.identity
    }

    /// Every token that is plugged in, blank ones too. A token that cannot be read does not hide the others.
    ///
    /// # Errors
    /// A fault where the module lists no slots at all.
    pub fn tokens(&self) -> Result<Vec<Listed>, Fault> {
        let name = format!("module {}", shown(&self.identity.path));
        let slots = self.pkcs11.get_slots_with_token().map_err(|e| rv::fault(&name, &e))?;
        Ok(slots
            .into_iter()
            .map(|slot| Listed {
                slot: slot.id(),
                token: self.read(slot).map_err(|e| rv::fault(&format!("slot {}", slot.id()), &e)),
            })
            .collect())
    }

    /// Opens the one initialised token that `uri` names.
    ///
    /// # Errors
    /// `TOKEN-IS-EXPECTED` where there is none or more than one; a fault.
    pub fn open(self: &Arc<Self>, uri: &TokenUri) -> Result<Pkcs11Token, Error> {
        let (slot, identity) = self.find(uri)?;
        Ok(Pkcs11Token::new(Arc::clone(self), slot, identity))
    }

    /// Opens the first blank token that matches `uri`. Blank tokens of one module are alike until they are initialised.
    ///
    /// # Errors
    /// `TOKEN-IS-EXPECTED` where there is none; a fault.
    pub fn open_blank(self: &Arc<Self>, uri: &TokenUri) -> Result<Pkcs11Token, Error> {
        let (slot, identity) = self.find_blank(uri)?;
        Ok(Pkcs11Token::new(Arc::clone(self), slot, identity))
    }

    pub(super) fn find_blank(&self, uri: &TokenUri) -> Result<(Slot, TokenIdentity), Error> {
        let blank = self.readable()?.into_iter().find(|(_, token)| !token.initialised && uri.matches(token));
        blank.ok_or_else(|| {
            let (module, uri) = (shown(&self.identity.path), shown(&uri.to_string()));
            Refusal::new(
                Rule::TokenIsExpected,
                format!("The module {module} shows no blank token that answers to {uri}."),
                "Insert a token that was never initialised, or one that may be wiped and name it by label and serial.",
            )
            .into()
        })
    }

    pub(super) fn find(&self, uri: &TokenUri) -> Result<(Slot, TokenIdentity), Error> {
        let (initialised, blank): (Vec<_>, Vec<_>) =
            self.readable()?.into_iter().partition(|(_, token)| token.initialised);
        let mut found: Vec<_> = initialised.iter().filter(|(_, token)| uri.matches(token)).cloned().collect();
        let refuse = |what: String, remedy: &str| Err(Refusal::new(Rule::TokenIsExpected, what, remedy).into());
        match (found.pop(), found.len()) {
            (Some((_, token)), 0) if !token.serial_tells() && uri.label.is_none() => refuse(
                format!("The serial of {} does not tell it from others.", token.name()),
                "Name the token by its label too.",
            ),
            (Some(found), 0) => Ok(found),
            (Some(_), more) => refuse(
                format!("{} tokens answer to {}.", more + 1, shown(&uri.to_string())),
                "Leave only the wanted one in, or name it by label and serial.",
            ),
            (None, _) => {
                let others: Vec<_> = initialised.iter().map(|(_, token)| token.name()).collect();
                let there = if others.is_empty() { "none that is initialised".to_owned() } else { others.join(", ") };
                let blank = if blank.is_empty() { String::new() } else { format!(", and {} blank", blank.len()) };
                refuse(
                    format!("No token answers to {}; there is {there}{blank}.", shown(&uri.to_string())),
                    "Insert the token that is named.",
                )
            }
        }
    }

    pub(super) fn read(&self, slot: Slot) -> Result<(TokenIdentity, PinStates), CryptokiError> {
        let info = self.raw.token_info(slot.id())?;
        let pins = pin_states(&info);
        let mut identity = TokenIdentity {
            module: self.identity.clone(),
            initialised: info.has(CKF_TOKEN_INITIALIZED),
            pin_pad: info.has(CKF_PROTECTED_AUTHENTICATION_PATH),
            label: info.label,
            serial: info.serial,
            manufacturer: info.manufacturer,
            model: info.model,
            firmware: info.firmware,
            types: false,
            software: None,
        };
        identity.software = self.trust.software(&identity);
        Ok((identity, pins))
    }

    /// The module again, as after a start of the program: finalised and loaded anew, unless other tokens are open in it.
    pub(super) fn renewed(self: &Arc<Self>) -> Result<Arc<Self>, Fault> {
        if self.open.load(Ordering::SeqCst) > 0 {
            return Ok(Arc::clone(self));
        }
        LOADED.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.path);
        // A module whose token was pulled out may fail to finalise; loading it again tells whether it recovered.
        let _ = self.pkcs11.clone().finalize();
        let reserved = self.reserved.as_ref().map(|text| text.to_string_lossy().into_owned());
        Self::load(&self.path, reserved.as_deref(), self.trust)
    }

    pub(super) fn pkcs11(&self) -> &Pkcs11 {
        &self.pkcs11
    }

    pub(super) fn raw(&self) -> &Raw {
        &self.raw
    }

    fn readable(&self) -> Result<Vec<(Slot, TokenIdentity)>, Fault> {
        let slots = self.pkcs11.get_slots_with_token().map_err(|e| rv::fault("module", &e))?;
        Ok(slots.into_iter().filter_map(|slot| Some((slot, self.read(slot).ok()?.0))).collect())
    }
}

/// Finalises every module, at the end of the program. Open tokens are lost.
pub fn close_all() {
    let modules = std::mem::take(&mut *LOADED.lock().unwrap_or_else(PoisonError::into_inner));
    for module in modules.into_values() {
        // Nothing depends on it any more: a module that fails to finalise ends with the process.
        let _ = module.pkcs11.clone().finalize();
    }
}

fn pin_states(info: &TokenInfo) -> PinStates {
    let tries = |low, last, locked| match () {
        () if info.has(locked) => Tries::Locked,
        () if info.has(last) => Tries::LastTry,
        () if info.has(low) => Tries::Low,
        () => Tries::TokenDoesNotTell,
    };
    let state = |set, tries, must_change| PinState { set, tries, must_change, min: info.pin_min, max: info.pin_max };
    PinStates {
        user: state(
            Some(info.has(CKF_USER_PIN_INITIALIZED)),
            tries(CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED),
            info.has(CKF_USER_PIN_TO_BE_CHANGED),
        ),
        so: state(
            None,
            tries(CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED),
            info.has(CKF_SO_PIN_TO_BE_CHANGED),
        ),
    }
}
