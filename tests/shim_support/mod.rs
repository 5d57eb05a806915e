//! A module that lies or goes on demand, before SoftHSM, in whole ceremonies.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{fs, path::Path};

use officiant::{
    ceremony::{Pending, prompt::Scene},
    token::pkcs11::rehearsal::Rehearsal,
};

use crate::{
    ceremony_support::Room,
    support::{alone, folder, rehearsal},
};

/// Runs `body` in a process of its own, with SoftHSM behind the shim.
pub fn on_shim(name: &str, body: impl FnOnce(&Rehearsal)) {
    let prepare = |folder: &Path| {
        let rehearsal = Rehearsal::prepare(folder, None).expect("SoftHSM is installed");
        vec![
            rehearsal.environment(),
            (pkcs11_shim::MODULE, rehearsal.module.into_os_string()),
            (pkcs11_shim::CONTROL, folder.join("control").into_os_string()),
        ]
    };
    alone(name, prepare, || {
        let shim = std::env::current_exe().expect("this program").with_file_name("libpkcs11_shim.so");
        let mut tokens = rehearsal();
        tokens.module = shim;
        body(&tokens);
    });
}

/// From now on the shim does this.
pub fn control(lines: &str) {
    fs::write(folder().join("control"), lines).expect("written");
}

/// The token goes at the n-th call of each of `calls` and is back for the next try, until one of them is not called so often and the operation
/// is done. Gives how often it failed.
pub fn goes_at_each(room: &mut Room, calls: &[&str]) -> usize {
    let mut failed = 0;
    for lines in (1..).flat_map(|nth| calls.iter().map(move |call| format!("fail {call} {nth}+ 0x32"))) {
        control(&lines);
        room.perform().expect("the trouble is recorded");
        control("");
        let pending = room.ceremony().pending();
        if !matches!(&pending, Pending::Ask(prompt) if matches!(prompt.scene, Scene::Trouble { .. })) {
            break;
        }
        failed += 1;
        room.word("AGAIN");
    }
    failed
}
