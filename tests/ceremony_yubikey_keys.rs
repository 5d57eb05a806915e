//! What befalls a YubiKey while a key is made on it or brought to it, in whole ceremonies that stop there and are resumed: the slot is
//! looked at, and no key is made twice.

mod ceremony_support;
#[path = "yubikey_support/driver.rs"]
mod driver;
#[path = "yubikey_support/room.rs"]
mod room;
mod support;
mod yubikey_support;

use std::{fs, path::Path};

use ceremony_support::{People, Room, place, record, script};
use officiant::{
    ceremony::{
        Pending,
        event::Event,
        operation::{Operation, Trouble},
        prompt::Scene,
    },
    rules::Rule,
};
use room::{ALIASES, again_in, alias, begun, begun_in, genesis, pins, three};
use virtual_yubikey::Control;
use yubikey_support::on_yubikeys;

const GENERATE: u8 = 0x47;
const IMPORT: u8 = 0xfe;

/// Lets each harm befall the command `ins` of a card, resumes after each, and says how often the card had got the command by then.
/// The operation is done at the end.
fn through(mut room: Room, control: &Control, inputs: &Path, card: usize, ins: u8, harms: &[&str]) -> (Room, usize) {
    let is_it = |pending: &Pending| match pending {
        Pending::Do(Operation::Generate { alias, .. } | Operation::PutKey { alias, .. }) => Some(alias.to_string()),
        _ => None,
    };
    let asked =
        |pending: &Pending| matches!(pending, Pending::Ask(prompt) if matches!(prompt.scene, Scene::Trouble { .. }));
    room.until(|pending, _| is_it(pending).is_some());
    let of = is_it(&room.ceremony().pending()).expect("an operation");
    control.trace(card);
    for harm in harms {
        control.fault(card, ins, 0, harm);
        room.perform().unwrap_or_else(|error| panic!("{harm}: {error:?}"));
        let Trouble::Fault(fault) = room.trouble() else { panic!("{harm}: {:?}", room.trouble()) };
        assert_eq!(fault.token_lost(), harm.starts_with("eject"), "{harm}: {fault}");
        let told = match *harm {
            "status 6F00" => "is empty: nothing was made",
            "cut" => "holds a key now: look at it before another is made",
            _ => "could not be seen",
        };
        assert!(fault.cause.contains(told), "{harm}: {fault}");
        if harm.starts_with("eject") {
            control.eject(card);
            control.insert(card);
        }
        room = again_in(room, inputs, control);
        room.until(|pending, _| asked(pending) || is_it(pending).is_some());
        if asked(&room.ceremony().pending()) {
            room.word("AGAIN");
        }
        room.until(|pending, _| is_it(pending).is_some());
        assert_eq!(is_it(&room.ceremony().pending()).as_ref(), Some(&of), "{harm}: the same is done again");
    }
    room.perform().expect("done");
    assert!(room.ceremony().token(&alias(&of)).key.is_some(), "{of}");
    let sent = control.trace(card).instructions().into_iter().filter(|sent| *sent == ins).count();
    (room, sent)
}

#[test]
fn whatever_befalls_a_generation_a_key_is_made_once_and_the_ceremony_goes_on() {
    let name = "whatever_befalls_a_generation_a_key_is_made_once_and_the_ceremony_goes_on";
    on_yubikeys(name, &three(), |control| {
        let inputs = script("genesis").parent().expect("a folder").to_owned();
        let mut room = begun(control, &genesis("yubikey:?touch-policy=never"));
        // A key that was made before the answer was lost is found, and the last try sends nothing.
        for (card, harms, sent) in
            [(0, &["status 6F00", "eject-before", "eject-after"][..], 3), (1, &["cut"], 1), (2, &["eject-before"], 2)]
        {
            let (on, times) = through(room, control, &inputs, card, GENERATE, harms);
            assert_eq!(times, sent, "{harms:?}");
            room = on;
            assert!(room.ceremony().token(&alias(ALIASES[card])).key.is_some());
        }
        room.finish();
        let audit = record::holds_under(&room.place.join("a"), &driver::trust(control).roots());
        assert!(audit.held.iter().any(|held| held.rule == Rule::KeyAttested && held.times == 3), "{:#?}", audit.held);
        assert_eq!(room.count(|event| matches!(event, Event::KeyGenerated { .. })), 3);
    });
}

#[test]
fn whatever_befalls_an_import_the_key_comes_once_and_the_ceremony_goes_on() {
    let name = "whatever_befalls_an_import_the_key_comes_once_and_the_ceremony_goes_on";
    on_yubikeys(name, &three(), |control| {
        let inputs = place().join("inputs");
        record::copy(script("genesis").parent().expect("a folder"), &inputs);
        let path = script("dct-genesis-backup");
        let text = fs::read_to_string(&path).expect("the shipped script");
        let text = text.replace("/usr/lib/softhsm/libsofthsm2.so", "yubikey:?touch-policy=never");
        let mut people = People::of(&path);
        pins(&mut people, &["ana-1", "bo-1", "tag-1"]);
        let mut room = begun_in(&place(), &inputs, &text, people, driver::trust(control));
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::PutKey { .. })));
        for (card, harms, sent) in [(0, &["status 6F00", "eject-before", "eject-after"][..], 3), (1, &["cut"], 1)] {
            let (on, times) = through(room, control, &inputs, card, IMPORT, harms);
            assert_eq!(times, sent, "{harms:?}");
            room = on;
        }
        room.finish();
        record::holds_under(&room.place.join("a"), &driver::trust(control).roots());
        assert_eq!(room.count(|event| matches!(event, Event::KeyPut { .. })), 2);
    });
}
