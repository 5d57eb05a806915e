//! Ceremonies of Docker Content Trust as they are held: collected from a stock server, done on SoftHSM in production by a test
//! program with its own trust, published by the courier, judged by stock clients.
#![allow(dead_code, unused_imports, reason = "each test program uses a part")]

mod elsewhere;
mod home;
mod plan;
mod wire;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use officiant::{
    ceremony::event::PreviousCeremony,
    digest::Digest,
    perform::Performer,
    preflight::{self, Probe},
    token::{
        pkcs11::{self, rehearsal::Rehearsal},
        quirks::Trust,
    },
    tuf::{Dialect, KeyId, PublicKey},
    utc::Utc,
};

pub use elsewhere::{keyid_of, openssl, sign};
pub use home::{ALL, small};
pub use plan::{Elsewhere, PASSPHRASE, Plan};

use crate::{
    ceremony_support::{self, People, Pinned, Pins, Room, record, script},
    peers::notary::{Client, Keys, Stack},
};

/// The repositories of every test, in the order of their names.
pub const GUNS: [&str; 3] = ["docker.io/example/app", "docker.io/example/db", "docker.io/example/web"];

/// A publisher with a server, tokens, and a stick to carry things on.
pub struct Publisher<'a> {
    pub tokens: &'a Rehearsal,
    pub stack: Stack,
    pub place: PathBuf,
    pub probe: Probe,
}

/// What the courier said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl<'a> Publisher<'a> {
    pub fn new(tokens: &'a Rehearsal, keys: Keys) -> Self {
        preflight::harden().expect("this process can be hardened");
        let place = ceremony_support::place();
        let stack = Stack::start(&place, keys);
        let probe = quiet_machine(&place.join("machine"));
        fs::create_dir(place.join("inputs")).expect("a folder");
        Self { tokens, stack, place, probe }
    }

    pub fn inputs(&self) -> PathBuf {
        self.place.join("inputs")
    }

    /// The courier, online.
    pub fn courier(&self, args: &[&str]) -> Said {
        let done = Command::new(env!("CARGO_BIN_EXE_officiant-courier"))
            .args(args)
            .args(["--server", &self.stack.url(), "--ca"])
            .arg(self.stack.ca())
            .output()
            .expect("the courier starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: done.status.code(), out: text(&done.stdout), err: text(&done.stderr) }
    }

    /// Collects repositories into a folder beside the scripts, and returns the SHA-256 of its manifest.
    pub fn collect(&self, guns: &[&str], folder: &str) -> Digest {
        let folder = self.inputs().join(folder);
        let mut args = vec!["collect", "-o", folder.to_str().expect("UTF-8")];
        for gun in guns {
            args.extend(["--gun", gun]);
        }
        let said = self.courier(&args);
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
        Digest::of(&fs::read(folder.join("MANIFEST")).expect("a manifest"))
    }

    /// The courier without a server.
    pub fn offline(&self, args: &[&str]) -> Said {
        let done =
            Command::new(env!("CARGO_BIN_EXE_officiant-courier")).args(args).output().expect("the courier starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: done.status.code(), out: text(&done.stdout), err: text(&done.stderr) }
    }

    /// Publishes a folder of bundles.
    pub fn publish_folder(&self, folder: &Path) -> Said {
        self.courier(&["publish", folder.to_str().expect("UTF-8")])
    }

    /// Publishes what a ceremony left.
    pub fn publish(&self, record: &Path) -> Said {
        self.courier(&["publish", record.join("a/publish").to_str().expect("UTF-8")])
    }

    /// What a ceremony left for the courier.
    pub fn published(&self, room: &Room) -> PathBuf {
        room.place.join("a/publish")
    }

    pub fn publishes(&self, record: &Path) {
        let said = self.publish(record);
        assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    }

    /// A stock client with a trust directory of its own.
    pub fn client(&self, name: &str) -> Client {
        Client::new(&self.stack, &self.place.join(name))
    }

    /// The module, pinned as production wants it.
    pub fn module(&self) -> String {
        let module = self.tokens.module.canonicalize().expect("the module");
        let sha256 = Digest::of(&fs::read(&module).expect("the module"));
        format!("path = \"{}\"\nsha256 = \"{sha256}\"\nmodel = \"SoftHSM v2\"", module.display())
    }

    /// Holds a planned ceremony to its end, below `name`.
    pub fn holds(&self, name: &str, plan: &Plan) -> Room {
        self.hold(name, &plan.text(&self.module()), plan.people())
    }

    /// Begins a planned ceremony.
    pub fn begins(&self, name: &str, plan: &Plan) -> Room {
        self.begin(name, &plan.text(&self.module()), plan.people())
    }

    /// A plan about the repositories `guns`, collected now into the folder `folder`.
    pub fn plan(&self, kind: &'static str, folder: &str, guns: &[&str]) -> Plan {
        let manifest = self.collect(guns, folder);
        Plan::new(kind, folder, manifest, guns.len())
    }

    /// Everything new but the files and the tokens, as after the power had gone.
    pub fn again(&self, room: Room) -> Room {
        let Room { place, people, clock, runner, performer, .. } = room;
        drop((runner, performer));
        pkcs11::close_all();
        let found = Room::find(&place).unwrap_or_else(|error| panic!("{error:?}"));
        let script = std::sync::Arc::clone(found.script());
        let program = officiant::ceremony::event::Program { trust: "test".into(), ..ceremony_support::program() };
        let runner = found.resume(program, clock.hand_in()).unwrap_or_else(|error| panic!("{error:?}"));
        let performer =
            Performer::new(script, self.inputs(), None, Trust::injected(|_| None)).with_probe(self.probe.clone());
        Room { runner, performer, people, clock, other_secret: Box::new(|_| None), place }
    }

    /// A shipped script for this machine, with its collection pinned.
    pub fn script(&self, name: &str, changes: &[(&str, String)]) -> String {
        let mut text = fs::read_to_string(script(name)).expect("a shipped script");
        text = text.replace("path = \"/usr/lib/softhsm/libsofthsm2.so\"", &self.module());
        for (from, to) in changes {
            assert!(text.contains(from), "{name} has no {from}");
            text = text.replace(from, to);
        }
        text
    }

    /// Begins a ceremony in production. Its record lies below `name`.
    pub fn begin(&self, name: &str, text: &str, people: People) -> Room {
        self.begin_later(name, text, people, 0)
    }

    /// The same on a later day.
    pub fn begin_later(&self, name: &str, text: &str, people: People, days: i64) -> Room {
        let place = self.place.join(name);
        fs::create_dir(&place).expect("a folder");
        let clock = Pinned::at(&now().plus_days(days).to_string());
        let (inputs, trust) = (self.inputs(), Trust::injected(|_| None));
        Room::run_in(&place, clock, text.as_bytes(), &inputs, people, trust, self.probe.clone())
    }

    /// The same after another ceremony.
    pub fn begin_after(&self, name: &str, plan: &Plan, days: i64, previous: PreviousCeremony) -> Room {
        let place = self.place.join(name);
        fs::create_dir(&place).expect("a folder");
        let clock = Pinned::at(&now().plus_days(days).to_string());
        let (inputs, trust, text) = (self.inputs(), Trust::injected(|_| None), plan.text(&self.module()));
        let probe = self.probe.clone();
        Room::run_after(&place, clock, text.as_bytes(), &inputs, plan.people(), trust, probe, Some(previous))
    }

    /// Holds a ceremony to its end, and goes through its record again.
    pub fn hold(&self, name: &str, text: &str, people: People) -> Room {
        let mut room = self.begin(name, text, people);
        room.finish();
        record::holds(&room.place.join("a"));
        room
    }
}

/// The machine's own clock.
pub fn now() -> Utc {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Utc::from_seconds(i64::try_from(now.as_secs()).expect("before the end")).expect("an instant")
}

/// The people of a shipped script; tokens that an earlier ceremony prepared have the PINs that it gave them.
pub fn people(name: &str, known: &[(&str, &str, &str)]) -> People {
    let mut people = People::of(&script(name));
    for (alias, user, so) in known {
        people.pins.insert((*alias).into(), Pins { user: (*user).into(), so: (*so).into() });
    }
    people
}

/// The canonical id of a key that a ceremony left as PEM.
pub fn canonical_id(room: &Room, alias: &str) -> KeyId {
    let pem = fs::read_to_string(room.place.join(format!("a/keys/{alias}.pem"))).expect("a public key");
    Dialect::Notary.key(&PublicKey::from_spki_pem(&pem).expect("a key")).expect("a key of the dialect").canonical_id()
}

/// The text that pins a folder's manifest in a script: folder, and whatever stands there.
pub fn pin(text: &str, folder: &str, manifest: Digest) -> String {
    let mut lines: Vec<String> = vec![];
    let mut after = false;
    for line in text.lines() {
        match after && line.starts_with("manifest = ") {
            true => lines.push(format!("manifest = \"{manifest}\"")),
            false => lines.push(line.to_owned()),
        }
        after = line == format!("folder = \"{folder}\"");
    }
    lines.join("\n") + "\n"
}

/// The same script with another keyid for a token.
pub fn keyed(text: &str, alias: &str, keyid: &KeyId) -> String {
    let mut lines: Vec<String> = vec![];
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("alias = ") {
            inside = line == format!("alias = \"{alias}\"");
        }
        match inside && line.starts_with("keyid = ") {
            true => lines.push(format!("keyid = \"{}\"", keyid.as_str())),
            false => lines.push(line.to_owned()),
        }
    }
    lines.join("\n") + "\n"
}

/// A machine with nothing but its loopback.
pub fn quiet_machine(folder: &Path) -> Probe {
    for (name, text) in [
        ("proc/sys/kernel/osrelease", "6.1.0\n"),
        ("proc/sys/kernel/core_pattern", "core\n"),
        ("sys/class/net/lo/flags", "0x9\n"),
    ] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    for empty in ["sys/class/rfkill", "sys/bus/usb/devices", "sys/class/block"] {
        fs::create_dir_all(folder.join(empty)).expect("an empty folder");
    }
    Probe { proc: folder.join("proc"), sys: folder.join("sys") }
}
