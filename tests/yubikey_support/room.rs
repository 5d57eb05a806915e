//! Ceremonies in production on virtual YubiKeys.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use officiant::{
    ceremony::{event::Program, participants::Alias},
    perform::Performer,
    preflight,
    token::quirks::Trust,
};
use virtual_yubikey::{Control, Setup};

use crate::{
    ceremony_support::{self, People, Pinned, Pins, Room, quiet_machine, script},
    driver,
};

/// The tokens of the shipped genesis.
pub const ALIASES: [&str; 3] = ["ana-1", "bo-1", "cem-1"];

pub fn alias(name: &str) -> Alias {
    name.to_owned().try_into().expect("a short name")
}

/// Three YubiKeys of both generations.
pub fn three() -> Setup {
    Setup::of(&[("5.7.1", 7_150_001), ("5.7.1", 7_150_002), ("5.7.4", 7_150_003)])
}

/// The shipped genesis, with YubiKeys in the place of the module.
pub fn genesis(uri: &str) -> String {
    let text = fs::read_to_string(script("genesis")).expect("the shipped script");
    text.replace("/usr/lib/softhsm/libsofthsm2.so", uri)
}

/// PINs and PUKs as YubiKeys take them.
pub fn pins(people: &mut People, aliases: &[&str]) {
    let known = [("271828", "31415926"), ("161803", "57721566"), ("141421", "17320508"), ("235711", "13171923")];
    for (alias, (user, so)) in aliases.iter().zip(known) {
        people.pins.insert((*alias).into(), Pins { user: user.into(), so: so.into() });
    }
}

/// The people of the shipped genesis.
pub fn people() -> People {
    let mut people = People::of(&script("genesis"));
    pins(&mut people, &ALIASES);
    people
}

pub fn begun(control: &Control, text: &str) -> Room {
    begun_with(text, driver::trust(control))
}

pub fn begun_with(text: &str, trust: Trust) -> Room {
    begun_by(text, people(), trust)
}

/// Begins a script whose files lie beside the shipped ones.
pub fn begun_by(text: &str, people: People, trust: Trust) -> Room {
    let inputs: PathBuf = script("genesis").parent().expect("a folder").into();
    begun_in(&ceremony_support::place(), &inputs, text, people, trust)
}

/// The same with its record below `place`, and its files in `inputs`.
pub fn begun_in(place: &Path, inputs: &Path, text: &str, people: People, trust: Trust) -> Room {
    preflight::harden().expect("this process can be hardened");
    fs::create_dir_all(place).expect("a place");
    let probe = quiet_machine(&place.join("machine"));
    Room::run_in(place, Pinned::at(ceremony_support::DAY), text.as_bytes(), inputs, people, trust, probe)
}

/// Goes on with everything new, as a program does that was started again.
pub fn again(room: Room, control: &Control) -> Room {
    let inputs = script("genesis").parent().expect("a folder").to_owned();
    again_in(room, &inputs, control)
}

/// The same where the files of the script lie in `inputs`.
pub fn again_in(room: Room, inputs: &Path, control: &Control) -> Room {
    let Room { place, people, runner, performer, clock, .. } = room;
    drop((runner, performer));
    let found = Room::find(&place).unwrap_or_else(|error| panic!("{error:?}"));
    let script = Arc::clone(found.script());
    let program = Program { trust: "test".into(), ..ceremony_support::program() };
    let runner = found.resume(program, clock.hand_in()).unwrap_or_else(|error| panic!("{error:?}"));
    let machine = place.join("machine");
    let probe = preflight::Probe { proc: machine.join("proc"), sys: machine.join("sys") };
    let performer = Performer::new(script, inputs.to_owned(), None, driver::trust(control)).with_probe(probe);
    Room { runner, performer, people, clock, other_secret: Box::new(|_| None), place }
}
