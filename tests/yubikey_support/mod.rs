//! What the YubiKey tests share: virtual YubiKeys of their own for each test.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;
use virtual_yubikey::{Control, Setup, VirtualYubiKeys, serve_if_inside};

/// Where the child of a test finds the rig.
const FOLDER: &str = "OFFICIANT_TEST_YUBIKEYS";

/// Starts virtual YubiKeys for the test `name` and hands them to `body`, with a folder for its files. Where this machine cannot
/// have any, the test says that it was skipped.
pub fn with_yubikeys(name: &str, setup: &Setup, body: impl FnOnce(&VirtualYubiKeys, &TempDir)) {
    serve_if_inside();
    let place = tempfile::tempdir().expect("a temporary folder");
    match VirtualYubiKeys::start(&place.path().join("yubikeys"), setup, &[name, "--exact", "--nocapture"]) {
        Ok(rig) => body(&rig, &place),
        Err(why) => eprintln!("skipped: virtual YubiKeys ({})", why.0),
    }
}

/// The same for a body that drives the cards itself: libpcsclite reads its environment once, so it runs in a process of its own.
pub fn on_yubikeys(name: &str, setup: &Setup, body: impl FnOnce(&Control)) {
    on_yubikeys_and(name, setup, |_| vec![], |control, _| body(control));
}

/// The same with more in the environment, which `more` makes in a folder; `body` gets the folder too.
pub fn on_yubikeys_and(
    name: &str,
    setup: &Setup,
    more: impl FnOnce(&Path) -> Vec<(&'static str, OsString)>,
    body: impl FnOnce(&Control, &Path),
) {
    if let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) {
        return body(&Control::of(&folder), folder.parent().expect("the rig has a place"));
    }
    with_yubikeys(name, setup, |rig, place| {
        let child = Command::new(env::current_exe().expect("this test program"))
            .args([name, "--exact", "--nocapture", "--test-threads=1"])
            .env(FOLDER, rig.folder())
            // Where the support for ceremonies looks for its place.
            .env("OFFICIANT_TEST_FOLDER", place.path().join("ceremony/tokens"))
            .envs([rig.environment()])
            .envs(more(&place.path().canonicalize().expect("the folder is there")))
            .output()
            .expect("the test program starts again");
        let text = words(&child);
        assert!(child.status.success(), "{name}: {text}");
        assert!(text.contains("1 passed"), "{name} is not the name of this test:\n{text}");
        // What a child says of a part that was skipped has to be heard.
        eprint!("{}", String::from_utf8_lossy(&child.stderr));
    });
}

/// What a program said.
pub fn words(ended: &Output) -> String {
    format!("{}\n{}{}", ended.status, String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr))
}
