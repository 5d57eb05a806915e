//! Everything that is said of the management keys of YubiKeys.

use crate::{
    ceremony::{
        participants::Alias,
        prompt::{Choice, Scene},
        script::Script,
        words,
    },
    device::yubikey::{ManagementHome, NewManagementKey},
};

/// The word by which a YubiKey without its management key is prepared again.
pub const PREPARE_AGAIN: &str = "PREPARE AGAIN";
/// The word by which it goes on without.
pub const KEEP: &str = "KEEP";
const DOES_PREPARE_AGAIN: &str =
    "wipes the YubiKey and prepares it once more, with a new management key; what comes after is done again";
const DOES_KEEP: &str =
    "goes on without it: the YubiKey signs with its PIN, and takes no other key or certificate without a reset";

/// Where it stays, for whoever prepares a YubiKey.
pub const fn home(home: ManagementHome) -> &'static str {
    match home {
        ManagementHome::Protected => "Its management key is made at random and kept on it, behind the PIN.",
        ManagementHome::Sealed => {
            "Its management key is made at random and not kept on it. It is in the memory of this machine only, until it is sealed with the \
             backup: if the program ends before that, it is gone, and the YubiKey is prepared again."
        }
    }
}

/// What is said of management keys where a backup is sealed; `None` where every YubiKey of the script keeps its own.
pub fn with_backup(script: &Script) -> Option<&'static str> {
    let sealed = |module: &crate::ceremony::script::ModuleSpec| {
        module.yubikey().is_some_and(|settings| settings.management_key == ManagementHome::Sealed)
    };
    script.modules.iter().any(sealed).then_some(
        "The management key of each YubiKey that does not keep it is sealed to the same identity, as an age file of its own beside it: \
         the same shares open all of them.",
    )
}

/// What became of a management key when a PIN was set.
pub fn told(new: &NewManagementKey) -> &'static str {
    match new.in_memory {
        true => " Its management key is not kept on it, and waits in memory to be sealed.",
        false => " Its management key is set, and was in the memory of a program that ended: it is lost.",
    }
}

/// What people decided of a management key that is lost.
pub fn decided(alias: &Alias, serial: &str, again: bool) -> String {
    let what = if again { "it is prepared again" } else { "it goes on without, and signs with its PIN" };
    format!("The management key of {alias}, YubiKey {serial}, went with the memory: {what}.")
}

/// What is lost, what still works, and what does not.
pub fn lost(alias: &Alias, serial: &str) -> Scene {
    Scene::PointOfNoReturn {
        what: format!(
            "The management key of {alias}, YubiKey {serial}, is lost: it was in memory only when the program ended, before it was sealed. \
             The YubiKey still signs with its PIN, and its PIN and PUK can be changed. No key can be made on it or brought to it, and no \
             certificate written, until it is reset."
        ),
        leaving_now: "nothing more is lost".into(),
        leaving_later: "with PREPARE AGAIN, everything on it is wiped".into(),
    }
}

/// What can be done. A YubiKey without a key is of no use without its management key.
pub fn choices(holds_a_key: bool) -> Vec<Choice> {
    let keep = holds_a_key.then(|| Choice::new(KEEP, DOES_KEEP));
    let mut choices = vec![Choice::new(PREPARE_AGAIN, DOES_PREPARE_AGAIN)];
    choices.extend(keep);
    choices.push(Choice::new("LEAVE", words::DOES_LEAVE));
    choices
}
