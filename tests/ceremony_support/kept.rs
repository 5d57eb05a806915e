//! Ceremonies of custody in production, with what people carry from one to the next: a key in a file, the files of a backup beside the script,
//! pages with their custodians.

use std::{fs, path::Path, thread};

use officiant::{
    backup::{About, Identity, ROWS, seal, split},
    ceremony::event::Event,
    custody::Scheme,
    digest::Digest,
    keyfile::{Headers, PrivateKey, write_with},
    perform::rehearsal,
    secret::Passphrase,
    tuf::{dialect::Dialect, key::Key},
    utc::Utc,
};

use super::{Room, paper, script, secret};

/// A backup as an earlier ceremony left it: the files lie in `inputs`, the pages with their custodians. Its key, and the id of its set.
pub fn backed_up(inputs: &Path) -> (Key, String) {
    fs::create_dir_all(inputs.join("copy")).expect("a folder");
    // On a stack that is gone afterwards, for whoever searches memory.
    thread::scope(|scope| scope.spawn(|| made(inputs)).join().expect("a backup"))
}

fn made(inputs: &Path) -> (Key, String) {
    let key = PrivateKey::generate_p256().expect("a key");
    let public = Dialect::Notary.key(key.public()).expect("a key of metadata");
    let identity = Identity::fresh().expect("an identity");
    let made = Utc::parse("2026-12-01T09:00:00Z").expect("an instant");
    let about = About { keyid: public.id(), ceremony: "An earlier ceremony".into(), made, history: None };
    let sealed = seal(&key, &about, &identity).expect("sealed");
    let split = split(&identity, Scheme::new(3, 5).expect("a scheme"), &public.id()).expect("shares");
    for place in ["offline.age", "copy/offline.age"] {
        fs::write(inputs.join(place), sealed.bytes()).expect("a file");
    }
    fs::write(inputs.join("offline.set.json"), serde_json::to_vec(&split.set).expect("JSON")).expect("a file");
    for share in &split.shares {
        for row in 1..=ROWS {
            let text = share.row(row).expect("a row");
            paper::wrote(&split.set.id(), share.label().index, row as u8, text.expose());
        }
    }
    (public, split.set.id())
}

/// A key in a file, as a stock client writes it.
pub fn key_in_a_file(inputs: &Path) -> Key {
    fs::create_dir_all(inputs.join("copy")).expect("a folder");
    let key = PrivateKey::generate_p256().expect("a key");
    let headers = Headers::new("root", None).expect("headers");
    let passphrase = Passphrase::from(secret(rehearsal::PASSPHRASE));
    fs::write(inputs.join("root.key"), write_with(&key, &headers, &passphrase, 2048).expect("a key file"))
        .expect("a file");
    Dialect::Notary.key(key.public()).expect("a key of metadata")
}

/// Carries what a ceremony sealed to the next one, under another name.
pub fn carried(room: &Room, inputs: &Path, name: &str) {
    let sealed = room.events().find_map(|event| match event {
        Event::BackupSealed { sealed, .. } => Some(sealed.file.name),
        _ => None,
    });
    let sealed = sealed.expect("a backup");
    for (medium, to) in [("a", format!("{name}.age")), ("b", format!("copy/{name}.age"))] {
        fs::copy(room.place.join(medium).join(&sealed), inputs.join(to)).expect("the sealed file");
    }
    let set = room.place.join("a").join(sealed.replace(".age", ".set.json"));
    fs::copy(set, inputs.join(format!("{name}.set.json"))).expect("the set");
}

/// The shipped script of a kind with this module (the lines from `path` on), this key, the backup `name` in `inputs`, and the serials of the tokens that
/// exist already, in order. An empty label falls away.
pub fn text(kind: &str, module: &str, inputs: &Path, name: &str, key: &Key, existing: &[(&str, String)]) -> String {
    let shipped = fs::read_to_string(script(kind)).expect("a shipped script");
    let digest = |file: String| Digest::of(&fs::read(inputs.join(file)).expect("a file"));
    let (mut labels, mut serials) = (existing.iter(), existing.iter());
    let lines = shipped.lines().filter_map(|line| {
        let begins = |field: &str| line.starts_with(&format!("{field} = "));
        Some(if begins("path") {
            module.to_owned()
        } else if line.starts_with("file = \"kept/") {
            format!("file = \"{name}.set.json\"")
        } else if line.starts_with("file = \"/media/key/") {
            format!("file = \"{}\"", inputs.join("root.key").display())
        } else if begins("sha256") {
            format!("sha256 = \"{}\"", digest(format!("{name}.set.json")))
        } else if begins("sealed") {
            format!("sealed = \"{name}.age\"")
        } else if begins("sealed-sha256") {
            format!("sealed-sha256 = \"{}\"", digest(format!("{name}.age")))
        } else if begins("sealed-copies") {
            format!("sealed-copies = [\"copy/{name}.age\"]")
        } else if begins("keyid") {
            format!("keyid = \"{}\"", key.id())
        } else if begins("label") {
            let (label, _) = labels.next().expect("a token that exists");
            return (!label.is_empty()).then(|| format!("label = \"{label}\""));
        } else if begins("serial") {
            format!("serial = \"{}\"", serials.next().expect("a token that exists").1)
        } else {
            line.to_owned()
        })
    });
    lines.map(|line| line + "\n").collect()
}
