//! A PKCS#11 module for tests. It passes every call on to the module named by `P11SHIM_MODULE`, and before that does what the
//! control file named by `P11SHIM_CONTROL` says. The file is read at each call, so a test changes it as it goes; calls are
//! counted from the last change.
//!
//! ```text
//! fail C_Sign 3 0x32     the third C_Sign answers CKR_DEVICE_REMOVED
//! fail C_Sign 3+ 0x32    so does each one after it
//! corrupt 2              the second signature is wrong by one bit
//! slow 20                each C_Sign takes 20 ms more
//! leak                   a key that C_WrapKey does not give comes out all the same
//! turn 0x162             this attribute (here CKA_EXTRACTABLE) reads back as the opposite
//! flags 0x40000          flags that C_GetTokenInfo adds
//! serial 123             the serial of every token
//! utc whenever           a clock that is no time (with CKF_CLOCK_ON_TOKEN)
//! nul                    text is padded with NUL
//! ```

use std::{
    collections::BTreeMap,
    env, fs, ptr,
    sync::{Mutex, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use cryptoki_sys::*;

/// The variable that names the real module.
pub const MODULE: &str = "P11SHIM_MODULE";
/// The variable that names the control file.
pub const CONTROL: &str = "P11SHIM_CONTROL";

static REAL: OnceLock<CK_FUNCTION_LIST> = OnceLock::new();
static SHIM: OnceLock<CK_FUNCTION_LIST> = OnceLock::new();
static CALLS: Mutex<(String, BTreeMap<&'static str, u64>)> = Mutex::new((String::new(), BTreeMap::new()));

/// # Safety
/// As the standard says: `list` is valid to write to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(list: CK_FUNCTION_LIST_PTR_PTR) -> CK_RV {
    let Some(real) = real() else { return CKR_GENERAL_ERROR };
    let shim = SHIM.get_or_init(|| CK_FUNCTION_LIST {
        C_GetFunctionList: Some(C_GetFunctionList),
        C_GetTokenInfo: Some(token_info),
        C_OpenSession: Some(open_session),
        C_Login: Some(login),
        C_FindObjectsInit: Some(find_objects_init),
        C_CreateObject: Some(create_object),
        C_GenerateKeyPair: Some(generate_key_pair),
        C_WrapKey: Some(wrap_key),
        C_UnwrapKey: Some(unwrap_key),
        C_SetAttributeValue: Some(set_attribute_value),
        C_GetAttributeValue: Some(get_attribute_value),
        C_DestroyObject: Some(destroy_object),
        C_SignInit: Some(sign_init),
        C_Sign: Some(sign),
        ..*real
    });
    unsafe { *list = ptr::from_ref(shim).cast_mut() };
    CKR_OK
}

fn real() -> Option<&'static CK_FUNCTION_LIST> {
    if let Some(real) = REAL.get() {
        return Some(real);
    }
    let module = unsafe { Pkcs11::new(env::var_os(MODULE)?) }.ok()?;
    let mut list = ptr::null_mut();
    let rv = unsafe { module.C_GetFunctionList(&mut list) };
    // The real module stays mapped: its functions are in a static.
    std::mem::forget(module);
    (rv == CKR_OK && !list.is_null()).then(|| REAL.get_or_init(|| unsafe { *list }))
}

/// The control file as it is now, and the number of this call of `function` since it changed.
fn called(function: &'static str) -> (String, u64) {
    let control = env::var_os(CONTROL).and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    let mut calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
    if calls.0 != control {
        *calls = (control.clone(), BTreeMap::new());
    }
    let count = calls.1.entry(function).or_default();
    *count += 1;
    (control, *count)
}

fn number(text: &str) -> u64 {
    text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| u64::from_str_radix(hex, 16)).expect("a number")
}

fn failure(control: &str, function: &str, count: u64) -> Option<CK_RV> {
    control.lines().find_map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["fail", name, nth, rv] if name == function => {
            let hit = nth.strip_suffix('+').map_or_else(|| count == number(nth), |from| count >= number(from));
            hit.then(|| number(rv) as CK_RV)
        }
        _ => None,
    })
}

fn setting<'a>(control: &'a str, name: &str) -> Option<&'a str> {
    control
        .lines()
        .find_map(|line| line.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with(' ')))
        .map(str::trim)
}

macro_rules! passed_on {
    ($($shim:ident $name:ident ($($argument:ident: $type:ty),*);)+) => {$(
        unsafe extern "C" fn $shim($($argument: $type),*) -> CK_RV {
            let (control, count) = called(stringify!($name));
            if let Some(rv) = failure(&control, stringify!($name), count) {
                return rv;
            }
            match real().and_then(|real| real.$name) {
                Some(function) => unsafe { function($($argument),*) },
                None => CKR_FUNCTION_NOT_SUPPORTED,
            }
        }
    )+};
}

passed_on! {
    open_session C_OpenSession(slot: CK_SLOT_ID, flags: CK_FLAGS, app: *mut std::ffi::c_void, notify: CK_NOTIFY, session: *mut CK_SESSION_HANDLE);
    login C_Login(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_UTF8CHAR, length: CK_ULONG);
    find_objects_init C_FindObjectsInit(session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    create_object C_CreateObject(session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG, object: *mut CK_OBJECT_HANDLE);
    generate_key_pair C_GenerateKeyPair(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public: *mut CK_ATTRIBUTE, public_count: CK_ULONG,
        private: *mut CK_ATTRIBUTE, private_count: CK_ULONG, public_key: *mut CK_OBJECT_HANDLE, private_key: *mut CK_OBJECT_HANDLE);
    real_wrap_key C_WrapKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE,
        wrapped: *mut CK_BYTE, length: *mut CK_ULONG);
    unwrap_key C_UnwrapKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping: CK_OBJECT_HANDLE, wrapped: *mut CK_BYTE,
        length: CK_ULONG, template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE);
    set_attribute_value C_SetAttributeValue(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    real_get_attribute_value C_GetAttributeValue(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG);
    destroy_object C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE);
    sign_init C_SignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE);
    real_sign C_Sign(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, length: CK_ULONG, signature: *mut CK_BYTE, written: *mut CK_ULONG);
    real_token_info C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO);
}

unsafe extern "C" fn sign(
    session: CK_SESSION_HANDLE,
    data: *mut CK_BYTE,
    length: CK_ULONG,
    signature: *mut CK_BYTE,
    written: *mut CK_ULONG,
) -> CK_RV {
    let (control, count) = called("signatures");
    if let Some(time) = setting(&control, "slow") {
        thread::sleep(Duration::from_millis(number(time)));
    }
    let rv = unsafe { real_sign(session, data, length, signature, written) };
    if rv == CKR_OK && !signature.is_null() && setting(&control, "corrupt").is_some_and(|nth| number(nth) == count) {
        unsafe { *signature.add(*written as usize - 1) ^= 1 };
    }
    rv
}

unsafe extern "C" fn wrap_key(
    session: CK_SESSION_HANDLE,
    mechanism: *mut CK_MECHANISM,
    wrapping: CK_OBJECT_HANDLE,
    key: CK_OBJECT_HANDLE,
    wrapped: *mut CK_BYTE,
    length: *mut CK_ULONG,
) -> CK_RV {
    let rv = unsafe { real_wrap_key(session, mechanism, wrapping, key, wrapped, length) };
    let (control, _) = called("leaks");
    if rv != CKR_OK && setting(&control, "leak").is_some() {
        unsafe { *length = 80 };
        return CKR_OK;
    }
    rv
}

unsafe extern "C" fn get_attribute_value(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> CK_RV {
    let rv = unsafe { real_get_attribute_value(session, object, template, count) };
    let (control, _) = called("claims");
    let Some(kind) = setting(&control, "turn").filter(|_| rv == CKR_OK).map(number) else { return rv };
    for at in 0..count as usize {
        let attribute = unsafe { &mut *template.add(at) };
        if attribute.type_ == kind as CK_ATTRIBUTE_TYPE && attribute.ulValueLen == 1 && !attribute.pValue.is_null() {
            unsafe { *attribute.pValue.cast::<u8>() ^= 1 };
        }
    }
    rv
}

unsafe extern "C" fn token_info(slot: CK_SLOT_ID, info: *mut CK_TOKEN_INFO) -> CK_RV {
    let rv = unsafe { real_token_info(slot, info) };
    if rv != CKR_OK {
        return rv;
    }
    let (control, _) = called("lies");
    let info = unsafe { &mut *info };
    info.flags |= setting(&control, "flags").map_or(0, number) as CK_FLAGS;
    if let Some(serial) = setting(&control, "serial") {
        fill(&mut info.serialNumber, serial);
    }
    if let Some(time) = setting(&control, "utc") {
        info.flags |= CKF_CLOCK_ON_TOKEN;
        fill(&mut info.utcTime, time);
    }
    if setting(&control, "nul").is_some() {
        for field in [&mut info.label[..], &mut info.manufacturerID, &mut info.model, &mut info.serialNumber] {
            field.iter_mut().rev().take_while(|byte| **byte == b' ').for_each(|byte| *byte = 0);
        }
    }
    CKR_OK
}

fn fill(field: &mut [u8], text: &str) {
    field.fill(b' ');
    for (place, byte) in field.iter_mut().zip(text.bytes()) {
        *place = byte;
    }
}
