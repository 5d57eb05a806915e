//! What an earlier genesis left, and a later ceremony that opens its backup, as it is in production.

use std::{fs, path::PathBuf};

use officiant::{
    ceremony::{backups::SealedBackup, event::Event},
    custody::Opens,
    digest::Digest,
    preflight,
    token::{LastTry, PinEntry, Token as _, User, pkcs11::rehearsal::Rehearsal, quirks::Trust},
    tuf::key::Key,
};

use super::{People, Pinned, Room, paper, place, quiet_machine, script};

/// How many objects a token shows, logged in where it still has that user PIN.
pub fn keys_on(tokens: &Rehearsal, label: &str, pin: Option<&str>) -> usize {
    let module = officiant::token::pkcs11::Module::load(&tokens.module, None, Trust::shipped()).expect("the module");
    let uri = format!("pkcs11:token={label}").parse().expect("a URI");
    let mut token = module.open(&uri).expect("the token");
    if let Some(pin) = pin {
        let pin = officiant::secret::Pin::from(super::secret(pin));
        token.login(User::User, PinEntry::Typed(&pin), LastTry::Keep).expect("its PIN");
    }
    token.provision().expect("it can be prepared").keys_left().expect("a look")
}

/// What a genesis with a backup left, and everything that a later ceremony needs of it.
pub struct Made {
    pub sealed: SealedBackup,
    pub key: Key,
    /// Which genesis it was.
    genesis: &'static str,
    /// The file below `inputs`, and below `copy` in it.
    pub file: &'static str,
    /// The record of that ceremony.
    pub record: PathBuf,
    /// The folder of the later script.
    pub inputs: PathBuf,
    /// The serial of the token that holds the key.
    pub serial: String,
}

/// A whole genesis: its record stays, and its pages lie with its custodians.
pub fn made(tokens: &Rehearsal) -> Made {
    after(tokens, "dct-genesis-backup", "offline.age")
}

/// The same of a genesis in which a token wrapped the key for another.
pub fn made_wrapped(tokens: &Rehearsal) -> Made {
    after(tokens, "dct-genesis-wrapped", "offline.wrapped")
}

fn after(tokens: &Rehearsal, genesis: &'static str, file: &'static str) -> Made {
    let mut room = Room::rehearse(tokens, genesis);
    room.finish();
    let sealed = room.events().find_map(|event| match event {
        Event::BackupSealed { sealed, .. } | Event::KeyWrapped { sealed, .. } => Some(sealed),
        _ => None,
    });
    let key = room.events().find_map(|event| match event {
        Event::KeyMade { key, .. } | Event::KeyWrapped { key, .. } => Some(key),
        _ => None,
    });
    let (sealed, key) = (sealed.expect("a backup"), key.expect("a key"));
    let ana = room.ceremony().script().tokens.iter().find(|token| token.alias.as_str() == "ana-1").expect("a token");
    let serial = room.ceremony().token(&ana.alias).bound.expect("it is bound").token.serial;
    let inputs = place().join("inputs");
    fs::create_dir_all(inputs.join("copy")).expect("a folder");
    for (medium, to) in [("a", file.to_owned()), ("b", format!("copy/{file}"))] {
        fs::copy(room.place.join(medium).join(&sealed.file.name), inputs.join(to)).expect("the sealed file");
    }
    let set = std::path::Path::new(&sealed.file.name).with_extension("set.json");
    fs::copy(room.place.join("a").join(set), inputs.join("offline.set.json")).expect("the set");
    Made { sealed, key, genesis, file, record: room.place.join("a"), inputs, serial }
}

/// A later ceremony as it is in production: with the files of that genesis, on the same tokens.
pub fn later(tokens: &Rehearsal, made: &Made, kind: &str, change: &dyn Fn(String) -> String) -> Room {
    preflight::harden().expect("this process can be hardened");
    // The module was loaded by a rehearsal, which knows a software token.
    officiant::token::pkcs11::close_all();
    let module = tokens.module.canonicalize().expect("the module");
    let digest = |file: &str| Digest::of(&fs::read(made.inputs.join(file)).expect("a file"));
    let pinned = digest(made.file);
    let path = script(kind);
    let text = fs::read_to_string(&path).expect("a shipped script");
    let shipped = |field: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{field} = "))).expect("a field");
        line.split('"').nth(1).expect("a value").to_owned()
    };
    let sha256 = Digest::of(&fs::read(&module).expect("the module"));
    let pins = format!("path = \"{}\"\nsha256 = \"{sha256}\"\nmodel = \"SoftHSM v2\"", module.display());
    let text = text
        .replace("path = \"/usr/lib/softhsm/libsofthsm2.so\"", &pins)
        .replace(&shipped("sha256"), &digest("offline.set.json").to_string())
        .replace(&shipped("sealed-sha256"), &pinned.to_string())
        .replace(&shipped("keyid"), made.key.id().as_str())
        .replace("kept/root.set.json", "offline.set.json")
        .replace("kept/root.age", made.file)
        .replace("kept/copy/root.age", &format!("copy/{}", made.file))
        .replace("5c1e4a0b7d92f36e", &made.serial);
    let text = match made.sealed.set.opens {
        Opens::SealedFile => text,
        Opens::WrappedKey => text.replace("[[kept]]\n", "[[kept]]\nway = \"wrapped\"\n"),
    };
    let text = change(text);
    let mut people = People::of(&path);
    people.records.insert("the shares to be used".into(), "5, 2 and 4".into());
    // The token of the genesis, with its PINs.
    people.pins.extend(People::of(&script(made.genesis)).pins.remove_entry("ana-1"));
    let probe = quiet_machine(&place().join("machine"));
    let clock = Pinned::at("2029-12-03T09:00:00Z");
    let second = place().join(kind);
    fs::create_dir_all(&second).expect("a folder");
    let (text, inputs) = (text.into_bytes(), made.inputs.clone());
    Room::run_in(&second, clock, &text, &inputs, people, Trust::injected(|_| None), probe)
}

/// Lets custodians bring these shares in the place of shares 1, 2, 3.
pub fn brings(room: &mut Room, shares: &[u8]) {
    let shares = shares.to_vec();
    room.other_secret = Box::new(move |request| {
        let row = request.row.as_ref()?;
        let share = shares[usize::from(row.brought) - 1];
        Some(paper::row(&row.set, share, row.row).and_then(|row| paper::typed(&row)))
    });
}
