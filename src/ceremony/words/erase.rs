//! Everything that is said of tokens that are wiped, or that are gone.

use super::steps::token_words;
use crate::{
    ceremony::{
        Ceremony,
        backups::LeftKey,
        operation::SeenToken,
        participants::Alias,
        prompt::Scene,
        script::Script,
        steps::{Gone, Prose},
    },
    text::shown,
};

/// The point at which what names a token was typed.
pub const TOLD: &str = "serial of the token that is wiped";
/// The hint beside it.
pub const TOLD_HINT: &str = "what stands above as its serial, whole";
/// The point of no return before a token is wiped.
pub const ERASES: &str = "the token may be wiped";
/// The point at which people said that a token cannot be wiped.
pub const GONE: &str = "the token cannot be wiped";
/// What ERASE does.
pub const DOES_ERASE: &str = "wipes the token; every key on it is gone for ever";
/// What LOST does.
pub const DOES_LOST: &str = "it is not here, and nobody can say who has it; the record says so";
/// What DEAD does.
pub const DOES_DEAD: &str = "it does not answer any more, or was destroyed; the record says so";
/// What KEPT does.
pub const DOES_KEEP: &str =
    "it stays as it is, sealed in a bag, with the key on it; the record says so until a later ceremony wipes it";
/// The point at which people said, after a resume, whether a token is wiped at once.
pub const LEFT: &str = "a key is on a token that is to be left empty";
/// The title of what is shown of such tokens.
pub const LEFT_TITLE: &str = "A key is on a token that this ceremony is to leave empty";
/// What is asked of them.
pub const LEFT_ASK: &str =
    "Look for the bag of each of these tokens, now. Then go on, or give the ceremony up and wipe them first.";
/// What GO ON does after a resume.
pub const DOES_GO_ON: &str = "goes on where it stopped; a later step of the script wipes the token";
/// What WIPE does after a resume.
pub const DOES_WIPE: &str = "two people give the ceremony up, and the token is wiped at once";
/// What a line about a token that is gone is called.
pub const ACCOUNT: &str = "what is known of the token";
/// The hint beside it.
pub const ACCOUNT_HINT: &str = "since when, where it was last, who says so";
/// The secret that wipes a token.
pub const SO_PIN: &str = "SO-PIN (a YubiKey is wiped without one)";

/// `erase-token`.
pub fn erase_token(script: &Script, token: &Alias) -> Prose {
    let known = script.token(token).and_then(|spec| spec.known.as_ref());
    let named = match known {
        Some(known) if known.label.is_empty() => format!("It is the one with the serial {}.", shown(&known.serial)),
        Some(known) => {
            format!("It is the one with the label “{}” and the serial {}.", shown(&known.label), shown(&known.serial))
        }
        None => "It is the one that was prepared today.".into(),
    };
    let mut lines = vec![
        format!("The token is put in alone. {named} Its serial is read from the token and typed."),
        "Everything on it is lost for ever. A token behind a PKCS#11 module is wiped with its SO-PIN; a YubiKey's PIV part is reset, which wants no PIN.".into(),
        "It is looked at afterwards: no key may be on it.".into(),
    ];
    if known.is_some() {
        lines.push("A token that is lost or dead cannot be wiped. People say so, in a line for the record; whoever has it may have the key, and a rotation is the only answer to that.".into());
    }
    Prose {
        title: format!("Wipe {}", token_words(script, token)),
        lines,
        expect: "The screen says that no key is on the token any more.".into(),
        form: vec!["Serial, as read from the token".into(), "Initials of the witness".into()],
    }
}

/// What to do with a token that is to be wiped.
pub fn insert(alias: &Alias) -> String {
    format!("Take every other token out. Put in {alias}, which is to be wiped.")
}

/// The question for what names the token.
pub fn tell(seen: &SeenToken) -> String {
    format!(
        "{} is to be wiped, with the {} public keys on it. Compare the serial with the one printed on the token, and type it.",
        seen.words(),
        seen.public_keys.len()
    )
}

/// The announcement before a token is wiped.
pub fn no_return(alias: &Alias, seen: &SeenToken) -> Scene {
    Scene::PointOfNoReturn {
        what: format!("{alias}, {}, is wiped: every key on it is gone for ever.", seen.words()),
        leaving_now: "Leaving now costs nothing: the token is as it was, with its keys.".into(),
        leaving_later:
            "Leaving later leaves a token that may be half wiped. On resume it is looked at, and wiped again.".into(),
    }
}

/// The question about a token that is gone.
pub fn account_ask(ceremony: &Ceremony, alias: &Alias, gone: Gone) -> String {
    let what = match gone {
        Gone::Lost => "is lost: whoever finds it and knows its PIN has the key",
        Gone::Dead | Gone::Erased => "does not answer any more",
        Gone::Kept => "is kept as it is: whoever has it and its PIN has the key",
    };
    format!("{} {what}. Say in one line what is known of it.", super::token(ceremony, alias))
}

/// A key that is left on a token: which token, and what to do.
pub fn left(ceremony: &Ceremony, left: &LeftKey) -> String {
    let name = left.seen.as_ref().map_or_else(|| "not bound".into(), SeenToken::words);
    let key = match &left.key {
        Some(key) => format!("holds the key {}, keyid {}", left.name, key.id().short()),
        None => format!("may hold the key {}", left.name),
    };
    let what = match left.gone {
        None => {
            "and the script is to leave it empty. Wipe it before anybody leaves; if the ceremony ends first, seal it in a bag, and wipe it in the next."
        }
        Some(Gone::Lost | Gone::Dead | Gone::Erased) => {
            "and was not wiped. Find it and wipe it in another ceremony, or rotate the key."
        }
        Some(Gone::Kept) => "and was kept. Wipe it in another ceremony, with a step erase-token, or rotate the key.",
    };
    format!("KEY LEFT: {}, {name}, {key}, {what}", super::token(ceremony, &left.alias))
}

/// What became of a token.
pub const fn became(gone: Gone) -> &'static str {
    match gone {
        Gone::Erased => "wiped",
        Gone::Lost => "lost, not wiped",
        Gone::Dead => "dead, not wiped",
        Gone::Kept => "kept, not wiped",
    }
}
