//! What `officiant token list` reports: modules, the tokens in them, and the state of their PINs.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    pkcs11::{Listed, Module, TokenUri},
    quirks::{self, Trust},
};
use crate::{
    device::{ModuleIdentity, PinStates, TokenIdentity, Tries},
    fault::Fault,
    files,
};

/// One module and what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleReport {
    /// The file that was asked for.
    pub path: String,
    /// What it says it is; `None` where it could not be loaded.
    pub module: Option<ModuleIdentity>,
    /// Why it, or its list of tokens, could not be read.
    pub fault: Option<Fault>,
    /// Its tokens.
    pub tokens: Vec<TokenReport>,
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenReport {
    /// The slot that it is in now. It identifies nothing.
    pub slot: u64,
    /// What it says it is; `None` where it could not be read.
    pub token: Option<TokenIdentity>,
    /// Its PINs.
    pub pins: Option<PinStates>,
    /// The URI by which a script names it; `None` where it is blank.
    pub uri: Option<String>,
    /// What people should know, as sentences.
    pub remarks: Vec<String>,
    /// Why it could not be read.
    pub fault: Option<Fault>,
}

/// File names of modules that people use with this program, below the folders where systems install them. Nothing else is
/// loaded unasked: loading a module runs its code.
const KNOWN: [&str; 8] = [
    "softhsm/libsofthsm2.so",
    "libykcs11.so",
    "libykcs11.so.2",
    "opensc-pkcs11.so",
    "pkcs11/libtpm2_pkcs11.so",
    "pkcs11/yubihsm_pkcs11.so",
    "libsc-hsm-pkcs11.so",
    "opencryptoki/libopencryptoki.so",
];
const FOLDERS: [&str; 6] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/opt/nfast/toolkits/pkcs11",
];

/// The modules that are installed where systems install them, each file once.
pub fn installed() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        for name in KNOWN {
            if let Ok(path) = Path::new(folder).join(name).canonicalize()
                && path.is_file()
                && !found.contains(&path)
            {
                found.push(path);
            }
        }
    }
    found
}

/// Loads each of `modules` and reports on it. A module or token that fails does not hide the others.
pub fn list(modules: &[TokenUri], trust: Trust) -> Vec<ModuleReport> {
    modules.iter().map(|uri| report(uri, trust)).collect()
}

fn report(uri: &TokenUri, trust: Trust) -> ModuleReport {
    let path = uri.module_path.clone().unwrap_or_default();
    let mut report = ModuleReport { path: files::name(&path), module: None, fault: None, tokens: Vec::new() };
    let listed = Module::load(&path, uri.init_reserved.as_deref(), trust).and_then(|module| {
        report.module = Some(module.identity().clone());
        module.tokens()
    });
    match listed {
        Ok(listed) => report.tokens = listed.iter().map(|one| token_report(one, &listed)).collect(),
        Err(fault) => report.fault = Some(fault),
    }
    report
}

fn token_report(listed: &Listed, all: &[Listed]) -> TokenReport {
    let mut report =
        TokenReport { slot: listed.slot, token: None, pins: None, uri: None, remarks: Vec::new(), fault: None };
    match &listed.token {
        Ok((token, pins)) => {
            report.remarks = remarks(token, pins, all);
            report.uri = token.initialised.then(|| TokenUri::of(token).to_string());
            report.token = Some(token.clone());
            report.pins = Some(*pins);
        }
        Err(fault) => report.fault = Some(fault.clone()),
    }
    report
}

fn remarks(token: &TokenIdentity, pins: &PinStates, all: &[Listed]) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(why) = &token.software {
        remarks.push(format!("A software token, good for rehearsals only: {why}."));
    }
    if !token.initialised {
        remarks.push("Blank: it is initialised by a prepare-token step.".into());
        return remarks;
    }
    let twins = all.iter().filter_map(|other| other.token.as_ref().ok());
    if twins.filter(|(other, _)| other.label == token.label && other.serial == token.serial).count() > 1 {
        remarks.push("Another token has the same label and serial: neither can be used while both are in.".into());
    }
    if !token.serial_tells() {
        remarks.push("Its serial does not tell it from others: only its label does.".into());
    }
    if pins.user.set == Some(false) {
        remarks.push("It has no user PIN yet.".into());
    }
    if pins.user.must_change {
        remarks.push("Its user PIN is a first one that must be changed.".into());
    }
    let row = quirks::of(token);
    if row.never_locks {
        remarks.push("It never locks a PIN.".into());
    } else if row.flags_say_nothing && pins.user.tries == Tries::TokenDoesNotTell {
        remarks.push("Its flags say nothing about the tries that are left.".into());
    }
    remarks
}
