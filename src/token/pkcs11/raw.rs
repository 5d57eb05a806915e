//! The PKCS#11 calls that `cryptoki` lacks, gets wrong, or would copy a PIN for. The one place with `unsafe` calls into a
//! module.
//!
//! - PINs go from locked memory to the module without a copy of ours.
//! - C_GetTokenInfo: a clock that is no number must not hide a token, and NULs pad as spaces do.
//! - C_GetMechanismList: a mechanism without a name is still a mechanism.
//! - C_Sign: one call instead of two, and the context-specific login that CKA_ALWAYS_AUTHENTICATE keys want in between.
//! - C_CreateObject: a private key goes from locked memory to the module without a copy of ours.
//! - C_WrapKey: the length that was written, not the one that was asked for before.
//! - C_WrapKey and C_UnwrapKey: mechanisms by number, since CKM_AES_KEY_WRAP_KWP has no name in `cryptoki`.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, c_void},
    path::Path,
    ptr::{self, NonNull},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Function},
    error::{Error, Result, Rv, RvError},
    object::{Attribute, ObjectHandle},
};
use cryptoki_sys::*;

use crate::{secret::Pin, token::PinEntry};

/// Longest signature, wrapped key or list that is taken from a module, in bytes or entries.
const ANSWER_MAX: usize = 16 << 10;

/// The functions of a loaded module.
pub(super) struct Raw {
    functions: CK_FUNCTION_LIST,
    // Keeps the library mapped for as long as `functions` may be called.
    _library: cryptoki_sys::Pkcs11,
}

/// A mechanism with which this program signs.
#[derive(Clone, Copy)]
pub(super) enum SignMechanism {
    /// CKM_ECDSA over a digest that we computed.
    Ecdsa,
    /// CKM_EDDSA without parameters.
    Eddsa,
    /// CKM_RSA_PKCS_PSS over a SHA-256 that we computed, MGF1 over SHA-256, a salt of 32 bytes.
    PssSha256,
}

/// C_GetTokenInfo as far as it is used, padding removed.
pub(super) struct TokenInfo {
    pub(super) label: String,
    pub(super) manufacturer: String,
    pub(super) model: String,
    pub(super) serial: String,
    pub(super) firmware: String,
    pub(super) flags: CK_FLAGS,
    pub(super) pin_min: usize,
    /// `None` where the token sets no limit.
    pub(super) pin_max: Option<usize>,
}

impl TokenInfo {
    pub(super) fn has(&self, flag: CK_FLAGS) -> bool {
        self.flags & flag != 0
    }
}

macro_rules! call {
    ($raw:expr, $function:ident ( $($argument:expr),* )) => {
        match $raw.functions.$function {
            // SAFETY: the function belongs to the library that `Raw` keeps mapped; every pointer is to memory that outlives the
            // call, with the length that is passed.
            Some(function) => unsafe { function($($argument),*) },
            None => CKR_FUNCTION_NOT_SUPPORTED,
        }
    };
}

impl Raw {
    /// The functions of the module at `path`, which `cryptoki` has loaded too: the loader gives both the same library.
    pub(super) fn load(path: &Path) -> Result<Self> {
        // SAFETY: loading runs the module's initialisers; that the operator named this module is the premise of using it.
        let library = unsafe { cryptoki_sys::Pkcs11::new(path)? };
        if library.C_GetFunctionList.is_err() {
            return Err(Error::MissingSymbol("C_GetFunctionList"));
        }
        let mut list: CK_FUNCTION_LIST_PTR = ptr::null_mut();
        // SAFETY: the symbol exists (asked above), and `list` outlives the call.
        Rv::from(unsafe { library.C_GetFunctionList(&mut list) }).into_result(Function::GetFunctionList)?;
        if list.is_null() {
            return Err(Error::NullFunctionPointer);
        }
        // SAFETY: not null, and by the standard a list of functions with static lifetime.
        Ok(Self { functions: unsafe { *list }, _library: library })
    }

    /// What the token in `slot` says of itself.
    pub(super) fn token_info(&self, slot: CK_SLOT_ID) -> Result<TokenInfo> {
        let mut info = CK_TOKEN_INFO::default();
        Rv::from(call!(self, C_GetTokenInfo(slot, &mut info))).into_result(Function::GetTokenInfo)?;
        let firmware = info.firmwareVersion;
        let pin_max = usize::try_from(info.ulMaxPinLen).ok();
        Ok(TokenInfo {
            label: trimmed(&info.label),
            manufacturer: trimmed(&info.manufacturerID),
            model: trimmed(&info.model),
            serial: trimmed(&info.serialNumber),
            firmware: format!("{}.{}", firmware.major, firmware.minor),
            flags: info.flags,
            pin_min: usize::try_from(info.ulMinPinLen).unwrap_or(0),
            pin_max: pin_max.filter(|max| *max != 0 && info.ulMaxPinLen != CK_UNAVAILABLE_INFORMATION),
        })
    }

    /// Every mechanism that the module lists, by number.
    pub(super) fn mechanisms(&self, slot: CK_SLOT_ID) -> Result<Vec<CK_MECHANISM_TYPE>> {
        let mut list = vec![0; ANSWER_MAX];
        let mut count = list.len() as CK_ULONG;
        let rv = call!(self, C_GetMechanismList(slot, list.as_mut_ptr(), &mut count));
        Rv::from(rv).into_result(Function::GetMechanismList)?;
        list.truncate(count as usize);
        Ok(list)
    }

    pub(super) fn init_token(&self, slot: CK_SLOT_ID, so_pin: PinEntry<'_>, label: &[u8; 32]) -> Result<()> {
        let (pin, length) = bytes(so_pin);
        let rv = call!(self, C_InitToken(slot, pin, length, label.as_ptr().cast_mut()));
        Rv::from(rv).into_result(Function::InitToken)
    }

    pub(super) fn init_pin(&self, session: CK_SESSION_HANDLE, pin: &Pin) -> Result<()> {
        let (pin, length) = bytes(PinEntry::Typed(pin));
        Rv::from(call!(self, C_InitPIN(session, pin, length))).into_result(Function::InitPIN)
    }

    pub(super) fn set_pin(&self, session: CK_SESSION_HANDLE, old: &Pin, new: &Pin) -> Result<()> {
        let (old, old_length) = bytes(PinEntry::Typed(old));
        let (new, new_length) = bytes(PinEntry::Typed(new));
        Rv::from(call!(self, C_SetPIN(session, old, old_length, new, new_length))).into_result(Function::SetPIN)
    }

    pub(super) fn login(&self, session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: PinEntry<'_>) -> Result<()> {
        let (pin, length) = bytes(pin);
        Rv::from(call!(self, C_Login(session, user, pin, length))).into_result(Function::Login)
    }

    /// One signature over `data`. `again` is the PIN for a key that wants it each time.
    ///
    /// On an error the operation may stay active in the session: the caller drops the session.
    pub(super) fn sign(
        &self,
        session: CK_SESSION_HANDLE,
        mechanism: SignMechanism,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
        again: Option<PinEntry<'_>>,
    ) -> Result<Vec<u8>> {
        let mut pss = CK_RSA_PKCS_PSS_PARAMS { hashAlg: CKM_SHA256, mgf: CKG_MGF1_SHA256, sLen: 32 };
        let mut mechanism = match mechanism {
            SignMechanism::Ecdsa => plain(CKM_ECDSA),
            SignMechanism::Eddsa => plain(CKM_EDDSA),
            SignMechanism::PssSha256 => CK_MECHANISM {
                mechanism: CKM_RSA_PKCS_PSS,
                pParameter: ptr::from_mut(&mut pss).cast::<c_void>(),
                ulParameterLen: size_of::<CK_RSA_PKCS_PSS_PARAMS>() as CK_ULONG,
            },
        };
        Rv::from(call!(self, C_SignInit(session, &mut mechanism, key))).into_result(Function::SignInit)?;
        if let Some(pin) = again {
            self.login(session, CKU_CONTEXT_SPECIFIC, pin)?;
        }
        let mut signature = [0; 1024];
        let mut length = signature.len() as CK_ULONG;
        let rv = call!(
            self,
            C_Sign(session, data.as_ptr().cast_mut(), data.len() as CK_ULONG, signature.as_mut_ptr(), &mut length)
        );
        Rv::from(rv).into_result(Function::Sign)?;
        written(&signature, length)
    }

    /// Makes an object of `template` and of values that stay where they are, in locked memory.
    pub(super) fn create_object(
        &self,
        session: CK_SESSION_HANDLE,
        template: &[Attribute],
        secret: &[(CK_ATTRIBUTE_TYPE, &[u8])],
    ) -> Result<ObjectHandle> {
        let mut attributes: Vec<CK_ATTRIBUTE> = template.iter().map(CK_ATTRIBUTE::from).collect();
        attributes.extend(secret.iter().map(|(kind, value)| CK_ATTRIBUTE {
            type_: *kind,
            pValue: value.as_ptr().cast_mut().cast(),
            ulValueLen: value.len() as CK_ULONG,
        }));
        let mut handle = 0;
        let count = attributes.len() as CK_ULONG;
        let rv = call!(self, C_CreateObject(session, attributes.as_mut_ptr(), count, &mut handle));
        Rv::from(rv).into_result(Function::CreateObject)?;
        Ok(made(handle))
    }

    /// Wraps `key` under `wrapping`. `parameter` is that of the mechanism: an initialisation vector, or nothing.
    pub(super) fn wrap(
        &self,
        session: CK_SESSION_HANDLE,
        mechanism: CK_MECHANISM_TYPE,
        parameter: &[u8],
        wrapping: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE,
    ) -> Result<Vec<u8>> {
        let mut mechanism = with_parameter(mechanism, parameter);
        let mut blob = vec![0; ANSWER_MAX];
        let mut length = blob.len() as CK_ULONG;
        let rv = call!(self, C_WrapKey(session, &mut mechanism, wrapping, key, blob.as_mut_ptr(), &mut length));
        Rv::from(rv).into_result(Function::WrapKey)?;
        written(&blob, length)
    }

    /// Unwraps `wrapped` under `wrapping` into a new object of `template`. `parameter` as for [`Raw::wrap`].
    pub(super) fn unwrap(
        &self,
        session: CK_SESSION_HANDLE,
        mechanism: CK_MECHANISM_TYPE,
        parameter: &[u8],
        wrapping: CK_OBJECT_HANDLE,
        wrapped: &[u8],
        template: &[Attribute],
    ) -> Result<ObjectHandle> {
        let mut mechanism = with_parameter(mechanism, parameter);
        let mut attributes: Vec<CK_ATTRIBUTE> = template.iter().map(CK_ATTRIBUTE::from).collect();
        let mut handle = 0;
        let (count, length) = (attributes.len() as CK_ULONG, wrapped.len() as CK_ULONG);
        let bytes = wrapped.as_ptr().cast_mut();
        let rv = call!(
            self,
            C_UnwrapKey(session, &mut mechanism, wrapping, bytes, length, attributes.as_mut_ptr(), count, &mut handle)
        );
        Rv::from(rv).into_result(Function::UnwrapKey)?;
        Ok(made(handle))
    }
}

/// An object that the module has just made.
fn made(handle: CK_OBJECT_HANDLE) -> ObjectHandle {
    // SAFETY: a number that the module gave for an object; one that is none is refused by the module, not followed as a pointer.
    unsafe { ObjectHandle::new_from_raw(handle) }
}

fn with_parameter(mechanism: CK_MECHANISM_TYPE, parameter: &[u8]) -> CK_MECHANISM {
    let mut mechanism = plain(mechanism);
    if !parameter.is_empty() {
        mechanism.pParameter = parameter.as_ptr().cast_mut().cast();
        mechanism.ulParameterLen = parameter.len() as CK_ULONG;
    }
    mechanism
}

fn plain(mechanism: CK_MECHANISM_TYPE) -> CK_MECHANISM {
    CK_MECHANISM { mechanism, pParameter: ptr::null_mut(), ulParameterLen: 0 }
}

/// What a module says that it wrote, if it can be.
fn written(buffer: &[u8], length: CK_ULONG) -> Result<Vec<u8>> {
    let length = usize::try_from(length)?;
    buffer.get(..length).map(<[u8]>::to_vec).ok_or(Error::InvalidValue)
}

/// Address and length of a PIN; NULL where the token asks for it by itself. The standard's pointers are not `const`, but no
/// function writes to a PIN.
fn bytes(pin: PinEntry<'_>) -> (*mut CK_UTF8CHAR, CK_ULONG) {
    match pin {
        PinEntry::Typed(pin) => (pin.expose().as_ptr().cast_mut(), pin.len() as CK_ULONG),
        PinEntry::Pad => (ptr::null_mut(), 0),
    }
}

/// Text of a fixed field: padded with spaces by the standard, with NULs by some.
pub(super) fn trimmed(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).trim_end_matches(' ').to_owned()
}

/// Whether an error is this return value.
pub(super) fn is(error: &Error, rv: RvError) -> bool {
    matches!(error, Error::Pkcs11(found, _) if *found == rv)
}

/// Arguments of C_Initialize: the module may lock by the system's means, and `reserved` is passed as it is.
pub(super) fn initialize_arguments(reserved: Option<&CStr>) -> CInitializeArgs {
    let flags = CInitializeFlags::OS_LOCKING_OK;
    match reserved {
        None => CInitializeArgs::new(flags),
        // SAFETY: a NUL-terminated string that its `Module` keeps; modules that read the argument take such a string.
        Some(text) => unsafe {
            CInitializeArgs::new_with_reserved(flags, NonNull::from(text.to_bytes_with_nul()).cast::<c_void>())
        },
    }
}
