//! What the token tests share.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use officiant::{
    secret::{Pin, Secret},
    token::{
        Erase, Key, KeyAlgorithm, KeyRequest, LastTry, PinEntry, Provision, Token, User,
        pkcs11::{self, Pkcs11Token, TokenUri, rehearsal::Rehearsal},
        quirks::Trust,
    },
};

pub const SO_PIN: &str = "so-27182818";
pub const USER_PIN: &str = "user-314159";

/// Where the child of a test finds its folder; absent in the parent.
const FOLDER: &str = "OFFICIANT_TEST_FOLDER";

/// Runs `body` in a process of its own, with a SoftHSM token directory of its own: SoftHSM is configured by the environment,
/// once for a process. `name` is the test's own name.
pub fn on_softhsm(name: &str, body: impl FnOnce(&Rehearsal)) {
    alone(
        name,
        |folder| Rehearsal::prepare(folder, None).map(|r| vec![r.environment()]).expect("SoftHSM is installed"),
        || {
            body(&rehearsal());
        },
    );
}

/// The rehearsal of this child process.
pub fn rehearsal() -> Rehearsal {
    let rehearsal = Rehearsal::again(&folder(), None).expect("the parent prepared it");
    assert!(rehearsal.is_in_force());
    rehearsal
}

/// The folder of this child process; the parent has not created it unless `prepare` did.
pub fn folder() -> PathBuf {
    std::env::var_os(FOLDER).expect("this runs in the child").into()
}

/// Runs the test `name` again in a child process, with the environment that `prepare` returns for a fresh folder.
pub fn alone(
    name: &str,
    prepare: impl FnOnce(&std::path::Path) -> Vec<(&'static str, std::ffi::OsString)>,
    body: impl FnOnce(),
) {
    if std::env::var_os(FOLDER).is_some() {
        return body();
    }
    // In memory where there is such a place: nothing here has to outlive the power, and every entry waits for the disk.
    let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder");
    let folder = place.path().join("tokens");
    let environment = prepare(&folder);
    let child = Command::new(std::env::current_exe().expect("this test program"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, &folder)
        .envs(environment)
        .output()
        .expect("the test program starts again");
    let Output { status, stdout, stderr } = child;
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{name}: {status}\n{stdout}\n{stderr}");
    assert!(stdout.contains("1 passed"), "{name} is not the name of this test:\n{stdout}");
    // What a child says of a part that was skipped has to be heard.
    eprint!("{stderr}");
}

pub fn pin(text: &str) -> Pin {
    Secret::copied(text.as_bytes()).expect("memory can be locked").into()
}

pub fn module_uri(rehearsal: &Rehearsal) -> TokenUri {
    TokenUri { module_path: Some(rehearsal.module.clone()), ..TokenUri::default() }
}

/// A fresh token of this label with both PINs set, and nobody logged in.
pub fn prepared(rehearsal: &Rehearsal, label: &str) -> Pkcs11Token {
    let mut token = pkcs11::open_blank(&module_uri(rehearsal), Trust::shipped()).expect("a blank token");
    token.initialise(label, PinEntry::Typed(&pin(SO_PIN)), Erase::NothingThere).expect("initialise");
    token.set_user_pin(&pin(SO_PIN), &pin(USER_PIN)).expect("set the user PIN");
    token
}

pub fn login(token: &mut impl Token) {
    token.login(User::User, PinEntry::Typed(&pin(USER_PIN)), LastTry::Keep).expect("log in");
}

pub fn generate(token: &mut impl Provision, algorithm: KeyAlgorithm, label: &str) -> Key {
    let request = KeyRequest { algorithm, label: label.into(), id: label.as_bytes().to_vec() };
    token.generate_key(&request).expect("generate a key")
}
