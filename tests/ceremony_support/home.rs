//! The ceremony in which an existing root key comes home to two tokens and a tagging key is handed over.

use std::{fs, path::Path};

use officiant::{
    digest::Digest,
    keyfile::PrivateKey,
    preflight,
    token::{pkcs11::rehearsal::Rehearsal, quirks::Trust},
    tuf::dialect::Dialect,
};

use super::{People, Room, place, quiet_machine, script};

/// The passphrase of the tagging key.
pub const TAGGING: &str = "a horse of glass";

/// The script, with the key that is brought home.
pub fn text(file: &str, keyid: &str) -> String {
    include_str!("../keyfiles/home.toml").replace("@FILE@", file).replace("@KEYID@", keyid)
}

/// Those who hold it.
pub fn people() -> People {
    let mut people = People::of(&script("genesis-solo"));
    people.passphrases.insert("tagging".into(), TAGGING.into());
    people
}

/// The real thing, with the key in `file`, whose passphrase `people` know.
pub fn in_production(tokens: &Rehearsal, file: &Path, keyid: &str, people: People) -> Room {
    preflight::harden().expect("this process can be hardened");
    let inputs = place().join("inputs");
    fs::create_dir_all(inputs.join("online-keys")).expect("a folder");
    let module = tokens.module.canonicalize().expect("the module");
    let sha256 = Digest::of(&fs::read(&module).expect("the module"));
    let pins = format!("path = \"{}\"\nsha256 = \"{sha256}\"\nmodel = \"SoftHSM v2\"", module.display());
    let mut text =
        text(file.to_str().expect("a plain path"), keyid).replace("path = \"/usr/lib/softhsm/libsofthsm2.so\"", &pins);
    for (name, paper) in [
        ("snapshot", "fb344f5afcb7faebca7c84e73e17ddc70869b326d1eaab0ab31eaa3f639e3771"),
        ("timestamp", "58e9c9139242f1423f08553009a2ce499d2d3621990c246de84918789bbb3383"),
    ] {
        let key = PrivateKey::generate_p256().expect("a key");
        let pem = key.public().to_spki_pem().expect("PEM");
        fs::write(inputs.join(format!("online-keys/{name}.pem")), pem).expect("a file");
        text = text.replace(paper, Dialect::Tuf1.key(key.public()).expect("a key").id().as_str());
    }
    let probe = quiet_machine(&place().join("machine"));
    Room::run(text.as_bytes(), &inputs, people, Trust::injected(|_| None), probe)
}
