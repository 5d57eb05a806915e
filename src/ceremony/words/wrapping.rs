//! Everything that is said of keys that one token wraps for another.

use super::{
    backup::{consequences, to_destroy as pages},
    steps::{keeper_of, token_words, user_of},
};
use crate::ceremony::{
    Ceremony,
    backups::{Backup, KeptBackup},
    event::Event,
    participants::Alias,
    prompt::Scene,
    script::{Origin, Script, Way},
    steps::{CloseKey, Prose, UnwrapKey, WrapKey},
};

/// What MAKE does.
pub const DOES_MAKE: &str = "makes the key-encryption key; from here on nobody leaves before its shares are read back";
/// What was agreed to with MAKE.
pub const MAKES: &str = "a key-encryption key is made in memory";

/// What follows where the script declares `pin-is-key`.
pub const PIN_IS_KEY: &str = "The script declares that a user PIN is as good as the key (pin-is-key): a token that does not hold the key to a wrapping key that its SO \
     trusts is taken. Until the key is closed, whoever types that PIN can have it wrapped under a key of their own, and read it. No such \
     token leaves anybody's sight before that.";

fn prose(title: String, lines: Vec<String>, expect: &str, form: &[&str]) -> Prose {
    Prose { title, lines, expect: expect.into(), form: form.iter().map(|field| (*field).to_owned()).collect() }
}

/// `make-kek`.
pub fn make_kek(script: &Script, name: &Alias) -> Prose {
    let holders: Vec<_> = script.holders_of(name).into_iter().map(ToString::to_string).collect();
    let mut lines = vec![
        consequences(Way::Wrapped).to_owned(),
        format!(
            "A key-encryption key (KEK) for {name} is made in locked memory. Randomness of the operating system and of {} is mixed, so that one good source is enough. The root key itself is never in this memory.",
            holders.join(", ")
        ),
    ];
    if script.custody().is_some_and(|custody| custody.dice) {
        lines.push(
            "Witnesses throw a die with six sides a hundred times, in sight of all, when the machine has drawn its own. One of them types the throws; nobody else reads them, nothing shows them, and only their SHA-256 is kept."
                .into(),
        );
    }
    lines.push(
        "If the program ends before every share of it is read back, it is gone: the key that was wrapped under it is destroyed on its token, the shares that exist are destroyed, and this step begins again."
            .into(),
    );
    let expect = "The screen says which sources went into it, and names its fingerprint.";
    prose(
        format!("Make the key-encryption key of {name}"),
        lines,
        expect,
        &["First twelve digits of the fingerprint: the set of the shares"],
    )
}

/// The two people who type PINs of a token that gets a KEK.
fn pins(script: &Script, token: &Alias) -> String {
    let (user, keeper) = (user_of(script, token), keeper_of(script, token));
    format!(
        "{user} types the user PIN, and {keeper} the SO-PIN from its sealed card where the token wants it: only the SO can call a KEK trusted. The envelope is sealed anew."
    )
}

fn declared(script: &Script, lines: &mut Vec<String>) {
    if script.declares.pin_is_key {
        lines.push(PIN_IS_KEY.into());
    }
}

/// What a token does that unwraps a key of an earlier ceremony, out of shares and a file.
pub(super) fn unwraps(script: &Script, token: &Alias) -> Vec<String> {
    let mut lines = vec![
        "The shares give the key-encryption key (KEK) in locked memory. The key itself is never there: the token unwraps it.".into(),
        "The token is tried with keys that are thrown away: one that gives away what it should keep is refused, and gets no KEK.".into(),
        pins(script, token),
        "The token unwraps the key, not extractable, and signs with it; then the KEK is removed from it, and from memory.".into(),
    ];
    declared(script, &mut lines);
    lines
}

/// `wrap-key`.
pub fn wrap_key(script: &Script, step: &WrapKey) -> Prose {
    let (name, token) = (&step.name, token_words(script, &step.token));
    let scheme = script.custody().map(|custody| custody.scheme.to_string()).unwrap_or_default();
    let anew = script.reopened(name).is_some();
    let wraps = match anew {
        true => format!(
            "The key {name}, which the token has out of its old backup, can leave it wrapped under a key-encryption key that its SO trusts, and in no other way. The token wraps it under this one, by RFC 5649."
        ),
        false => format!(
            "The token makes the key {name}. It can leave the token wrapped under this KEK, and in no other way. The token wraps it, by RFC 5649."
        ),
    };
    let mut lines = vec![
        "The token is tried with keys that are thrown away: one that gives away what it should keep is refused, and gets no KEK.".into(),
        pins(script, &step.token),
        wraps,
        "The wrapped key goes into the record on both media as a file, with sheets to be printed (backup/): the third copy. It is no secret, and without it the shares are useless: print the sheets today.".into(),
        format!("The KEK is split, {scheme}, and every combination of shares that should open is tried."),
    ];
    declared(script, &mut lines);
    let form = [
        "First eight digits of the keyid",
        "The twelve digits of the set",
        "SHA-256 of the file, first eight digits",
        "Number of the new envelope with the SO-PIN",
    ];
    let expect = "The screen gives the keyid, the SHA-256 of the file, and the id of the set of shares.";
    let title = match anew {
        true => format!("Wrap the key {name} anew, on {token}"),
        false => format!("Make the key {name} on {token}, and wrap it"),
    };
    prose(title, lines, expect, &form)
}

/// What a token does that unwraps a key of an old backup, to wrap it anew.
pub(super) fn reopens(script: &Script, token: &Alias) -> Vec<String> {
    let mut lines = vec![
        "The old shares give the old key-encryption key (KEK) in locked memory. The key itself is never there: the token unwraps it.".into(),
        "The token is tried with keys that are thrown away: one that gives away what it should keep is refused, and gets no KEK.".into(),
        pins(script, token),
        "The token unwraps the key so that it can be wrapped once more, under a KEK that its SO trusts, and signs with it; then the old KEK is removed from it, and from memory.".into(),
        "The old KEK is never split again, and wraps nothing more: the new backup has a KEK of its own.".into(),
    ];
    declared(script, &mut lines);
    lines
}

/// `wipe-kek`.
pub fn wipe_kek(name: &Alias) -> Prose {
    let lines = vec![
        "Every share was read back: the memory in which the KEK was made is overwritten.".into(),
        format!(
            "It is still on the token that wrapped {name}, and cannot be read there. From now on it comes from shares alone."
        ),
    ];
    let expect = "The screen says that it was wiped.";
    prose(format!("Wipe the key-encryption key of {name} from memory"), lines, expect, &[])
}

/// `unwrap-key`.
pub fn unwrap_key(script: &Script, step: &UnwrapKey) -> Prose {
    let token = token_words(script, &step.token);
    let needed = script.custody().map_or(0, |custody| custody.scheme.threshold());
    let mut lines = vec![
        format!("{needed} custodians, chosen by a die, open their bags and bring their pages. This is the proof that the backup restores."),
        "Each types the rows of their page. The KEK that the shares give must be the one of this set; the file is read from the record again.".into(),
        "The token is tried with keys that are thrown away, and refused where it gives away what it should keep.".into(),
        pins(script, &step.token),
        "The token unwraps the key, not extractable, and signs with it; then the KEK is removed from it, and from memory.".into(),
        "The pages are bagged again, with new numbers.".into(),
    ];
    declared(script, &mut lines);
    let form = [
        "Which shares were brought",
        "Numbers of the old bags",
        "Numbers of the new bags",
        "Number of the new envelope with the SO-PIN",
    ];
    prose(format!("Unwrap {} into {token}", step.name), lines, "The keyid is the same as before.", &form)
}

/// `close-key`.
pub fn close_key(script: &Script, step: &CloseKey) -> Prose {
    let (token, user) = (token_words(script, &step.token), user_of(script, &step.token));
    let lines = vec![
        format!(
            "The copy on the second token has signed. {user} types the user PIN, and the key on the first is made not extractable: nothing makes it extractable again."
        ),
        "The token is asked to wrap it all the same, in every way it has, and must refuse.".into(),
        "The KEK is removed from the token. From now on it exists in shares alone.".into(),
    ];
    let expect = "The screen says that the key is closed, and that no key-encryption key is left on the token.";
    prose(format!("Close the key {} on {token}", step.name), lines, expect, &["Initials of the holder"])
}

/// What is said before a KEK is made.
pub fn no_return_make(name: &Alias) -> Scene {
    Scene::PointOfNoReturn {
        what: format!(
            "The key-encryption key of {name} is about to be made, and is in memory until its shares are read back."
        ),
        leaving_now: "nothing is lost".into(),
        leaving_later: "the key that was wrapped under it and its shares are destroyed, and this step begins again"
            .into(),
    }
}

/// What happened to a key whose KEK is gone.
pub fn lost(name: &Alias, origin: Origin<'_>) -> String {
    let given_up = match origin {
        Origin::Opened => "its new backup is given up. The old shares open the old file as before.".to_owned(),
        Origin::Made | Origin::TakenFrom(_) => format!("{name} is given up."),
    };
    format!(
        "The program ended, or the first token was replaced, before every share of {name} was read back. Nobody can have its key-encryption key again; {given_up}"
    )
}

/// What people destroy before another KEK is made.
pub fn to_destroy(ceremony: &Ceremony, name: &Alias) -> Vec<String> {
    let backups = ceremony.backups();
    let mut lines = match backups.get(name) {
        Some(backup) => pages(backup),
        None => vec!["No share was made. There is no page to destroy.".into()],
    };
    lines.extend(left(ceremony, name));
    lines
}

/// What may be on tokens that were replaced.
fn left(ceremony: &Ceremony, name: &Alias) -> Vec<String> {
    let left = ceremony.backups().wrapped(name).map(|wrapped| wrapped.left.as_slice()).unwrap_or_default();
    let line = |alias: &Alias| {
        format!("{}, which was replaced and may hold {name} or its key-encryption key", super::token(ceremony, alias))
    };
    left.iter().map(line).collect()
}

/// Of a wrapped key that was made in another ceremony, where its KEK may still be.
pub fn kek_left(name: &Alias, kept: &KeptBackup) -> Vec<String> {
    let left = kept.left.iter().map(|token| (token, ", which was replaced,"));
    let each = kept.keks.iter().map(|token| (token, "")).chain(left);
    each.map(|(token, which)| {
        format!("{token}{which} may hold the key-encryption key of {name}: with it and the file, whoever has the user PIN has the key. Initialise the token, or lock it away.")
    })
    .collect()
}

/// Where a wrapped key, its KEK and its shares are, for whoever stops a ceremony.
pub fn account(ceremony: &Ceremony) -> Vec<String> {
    let opened = ceremony.backups().all_opened();
    let mut lines: Vec<String> = opened.flat_map(|(name, kept)| kek_left(name, kept)).collect();
    for (name, wrapped) in ceremony.backups().all_wrapped() {
        let backup = ceremony.backups().get(name);
        let safe = backup.is_some_and(Backup::is_in_custody);
        let state = match backup {
            Some(backup) if backup.proven => "a token into which it was unwrapped with its shares has signed",
            Some(_) if safe => "every share was read back; no token into which it was unwrapped has signed yet",
            Some(_) => "it was wrapped, and not every share was read back: nobody can open its file",
            None => "it was not wrapped yet",
        };
        let keyid = backup.map(|backup| format!(", keyid {}", backup.key.id().short())).unwrap_or_default();
        lines.push(format!("Key {name}, for two tokens{keyid}: {state}."));
        if let Some(open) = &wrapped.open {
            lines.push(format!("On {open} it can still be wrapped: destroy it there, or initialise the token."));
        }
        let keks = wrapped.keks.iter();
        lines.extend(keks.map(|token| {
            format!("{token} may hold the key-encryption key of {name}: with it and the file, whoever has the user PIN has the key. Initialise the token, or lock it away.")
        }));
        lines.extend(left(ceremony, name).into_iter().map(|line| format!("To be destroyed: {line}")));
        if let Some(backup) = backup.filter(|_| !safe) {
            lines.extend(pages(backup).into_iter().map(|line| format!("To be destroyed: {line}")));
        }
    }
    lines
}

/// What happened, as a sentence; `None` for an event of another kind.
pub fn told(event: &Event) -> Option<String> {
    Some(match event {
        Event::KekMade { name, kek, sources, .. } => {
            format!(
                "The key-encryption key of {name} was made in memory, of {}: fingerprint {kek}.",
                sources.join(", ")
            )
        }
        Event::KeyWrapped { alias, name, key, sealed, media, .. } => format!(
            "{alias} made the key {name}, keyid {}, and wrapped it: {} on {}, SHA-256 {}; set {}, {} shares give its key-encryption key.",
            key.id(),
            sealed.file.name,
            media.join(" and "),
            sealed.file.sha256,
            sealed.set.id(),
            sealed.set.scheme
        ),
        Event::KekWiped { name } => format!("The memory in which the key-encryption key of {name} was made was wiped."),
        Event::KeyUnwrapped { alias, name, shares, .. } => format!(
            "{name} was unwrapped into {alias} and signed there; the key-encryption key came from shares {} and is gone from the token.",
            super::backup::listed(shares)
        ),
        Event::BackupUnwrapped { alias, name, set, key, shares, .. } => format!(
            "Shares {} of set {set} opened the old backup of {name}, keyid {}: {alias} unwrapped the key, to wrap it anew, and the old key-encryption key is gone from it.",
            super::backup::listed(shares),
            key.id()
        ),
        Event::CopyProven { alias, name, .. } => format!("The copy of {name} on {alias} signed again."),
        Event::KeyClosed { alias, name, .. } => {
            format!("{name} can leave {alias} no more, and the key-encryption key is gone from it.")
        }
        Event::WrappingCleared { alias, name, .. } => {
            format!("Nothing of {name} and of its key-encryption key is left on {alias}.")
        }
        _ => return None,
    })
}
