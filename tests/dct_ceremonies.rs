//! The shipped scripts of Docker Content Trust, one after the other as a publisher holds them over the years: each on SoftHSM, in
//! production, published by the courier to Debian's Notary server, and judged by the stock client with a fresh and with an old trust
//! directory.
#![cfg(feature = "online")]

mod ceremony_support;
mod dct_support;
mod peers;
mod support;

use std::{fs, process::Command};

use ceremony_support::{People, Room, script};
use dct_support::{GUNS, Publisher, canonical_id, keyed, people, pin};
use peers::notary::{self, Keys};
use support::on_softhsm;

/// Tokens have the PINs that the ceremonies before gave them.
fn who_know_the_pins(name: &str, earlier: &[&Room]) -> People {
    let mut people = people(name, &[]);
    for room in earlier {
        people.pins.extend(
            room.people
                .pins
                .clone()
                .into_iter()
                .filter(|(alias, _)| room.ceremony().token(&alias.clone().try_into().expect("an alias")).counts),
        );
    }
    people
}

/// The text with the keyids of tokens that ceremonies before left.
fn with_ids(text: &str, room: &Room, aliases: &[&str]) -> String {
    aliases.iter().fold(text.to_owned(), |text, alias| keyed(&text, alias, &canonical_id(room, alias)))
}

fn genesis(publisher: &Publisher) -> Room {
    let manifest = publisher.collect(&GUNS, "dct-new");
    let text = pin(&publisher.script("dct-genesis", &[]), "dct-new", manifest);
    let genesis = publisher.hold("genesis", &text, people("dct-genesis", &[]));
    publisher.publishes(&genesis.place);
    genesis
}

/// A later shipped script, on what the server holds now.
fn later(publisher: &Publisher, name: &str, folder: &str, changes: &[(&str, String)]) -> String {
    let manifest = publisher.collect(&GUNS, folder);
    let text = publisher.script(name, changes).replace("folder = \"dct-today\"", &format!("folder = \"{folder}\""));
    pin(&text, folder, manifest)
}

#[test]
fn a_publisher_lives_through_genesis_theft_a_new_officer_and_a_renewal() {
    let test = "a_publisher_lives_through_genesis_theft_a_new_officer_and_a_renewal";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let genesis = genesis(&publisher);
        let early = publisher.client("early");
        let follow = |about: &str| {
            let fresh = publisher.client(&format!("fresh after {about}"));
            for gun in GUNS {
                for client in [&early, &fresh] {
                    assert_eq!(client.list(gun).unwrap_or_else(|said| panic!("{about}: {said}")), Vec::<String>::new());
                }
            }
        };
        follow("the genesis");
        let officers = ["ana-1", "bo-1", "cem-1"];

        // The tagging key is stolen. Nothing was tagged yet that could be judged. The sealed spare keeps its name.
        let before = publisher.collect(&GUNS, "dct-before");
        let text = later(&publisher, "dct-rotate-tagging-key", "at-1", &[("tag-2", "tag-3".into())]);
        let text = with_ids(&pin(&text, "dct-before", before), &genesis, &officers);
        let mut people = who_know_the_pins("dct-rotate-tagging-key", &[&genesis]);
        let pins = people.pins["tag-2"].clone();
        people.pins.insert("tag-3".into(), pins);
        let rotation = publisher.hold("rotation", &text, people);
        publisher.publishes(&rotation.place);
        follow("the rotation");

        // Cem leaves, Dara comes.
        let text = later(&publisher, "dct-rotate-root", "at-2", &[]);
        let text = with_ids(&text, &genesis, &officers);
        let dara = publisher.hold("dara", &text, who_know_the_pins("dct-rotate-root", &[&genesis]));
        publisher.publishes(&dara.place);
        follow("the new officer");

        // A year later everything is renewed, by Ana and Bo; Dara's token stays in its bag.
        let names = [("cem-1", "dara-1".to_owned()), ("tag-1", "tag-3".to_owned())];
        let text = later(&publisher, "dct-renew", "at-3", &names);
        let text = with_ids(&text, &genesis, &officers[..2]);
        let text = with_ids(&with_ids(&text, &dara, &["dara-1"]), &rotation, &["tag-3"]);
        let renewal = publisher.hold("renewal", &text, who_know_the_pins("dct-renew", &[&genesis, &rotation]));
        publisher.publishes(&renewal.place);
        follow("the renewal");
        let version = |file: &str| publisher.served_json(GUNS[0], file)["signed"]["version"].clone();
        assert_eq!((version("root.json"), version("targets.json")), (4.into(), 3.into()));
    });
}

#[test]
fn two_people_at_night_put_the_sealed_spare_in_the_place_of_a_stolen_tagging_key() {
    let test = "two_people_at_night_put_the_sealed_spare_in_the_place_of_a_stolen_tagging_key";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Signer);
        let genesis = genesis(&publisher);
        let early = publisher.client("early");
        assert!(early.list(GUNS[0]).expect("a client").is_empty());
        let before = publisher.collect(&GUNS, "dct-before");

        // What was prepared on a quiet day.
        let spare = canonical_id(&genesis, "tag-2");
        let shipped = fs::read_to_string(script("dct-emergency")).expect("the script");
        let example = shipped
            .lines()
            .skip_while(|line| *line != "name = \"spare\"")
            .find_map(|line| line.strip_prefix("keyid = "));
        let changes = [(example.expect("the keyid of the spare"), format!("\"{}\"", spare.as_str()))];
        fs::create_dir(publisher.inputs().join("dct-keys")).expect("a folder");
        fs::copy(genesis.place.join("a/keys/tag-2.pem"), publisher.inputs().join("dct-keys/tag-2.pem"))
            .expect("a file");
        let text = later(&publisher, "dct-emergency", "at-1", &changes);
        let text = with_ids(&pin(&text, "dct-before", before), &genesis, &["ana-1", "bo-1", "cem-1", "tag-2"]);
        let night = publisher.hold("night", &text, who_know_the_pins("dct-emergency", &[&genesis]));
        publisher.publishes(&night.place);
        for gun in GUNS {
            for client in [&early, &publisher.client("fresh")] {
                assert!(client.list(gun).expect("both follow").is_empty());
            }
            let root = publisher.served_json(gun, "root.json");
            assert_eq!(root["signed"]["roles"]["targets"]["keyids"], serde_json::json!([spare.as_str()]));
        }
    });
}

#[test]
fn the_record_of_a_genesis_writes_the_script_of_the_night_and_it_is_held() {
    let test = "the_record_of_a_genesis_writes_the_script_of_the_night_and_it_is_held";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let genesis = genesis(&publisher);
        let early = publisher.client("early");
        assert!(early.list(GUNS[0]).expect("a client").is_empty());

        // On a quiet day: two officers, the spare, and nothing collected yet.
        let night = publisher.inputs();
        let written = Command::new(env!("CARGO_BIN_EXE_officiant"))
            .arg("emergency")
            .arg(genesis.place.join("a"))
            .arg("-o")
            .arg(&night)
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&written.stderr);
        assert_eq!(written.status.code(), Some(0), "{said}");
        assert!(said.contains("nothing is pinned yet"), "{said}");
        let text = fs::read_to_string(night.join("emergency.toml")).expect("a script");
        let read = officiant::ceremony::script::read::script(text.as_bytes()).expect("it is one");
        let minutes: u32 = read.acts.iter().flat_map(|act| &act.steps).map(|step| step.minutes).sum();
        assert!(minutes <= 35, "{minutes}");
        for alias in ["ana-1", "bo-1", "cem-1", "tag-2"] {
            let alias = alias.to_owned().try_into().expect("an alias");
            let token = read.token(&alias).expect("a token");
            let bound = genesis.ceremony().token(&alias).bound.expect("it was prepared").token;
            assert_eq!(token.known.as_ref().map(|known| &known.serial), Some(&bound.serial), "{alias}");
        }
        assert!(!text.contains("alias = \"tag-1\""), "the stolen key has no part in it");

        // At night the two manifests are written into it.
        let before = publisher.collect(&GUNS, "dct-before");
        let today = publisher.collect(&GUNS, "dct-today");
        let text = pin(&pin(&text, "dct-before", before), "dct-today", today);
        let mut people = who_know_the_pins("dct-emergency", &[&genesis]);
        people.absent.push("kai".into());
        people.words.insert("kai".into(), "meridian".into());
        let room = publisher.hold("night", &text, people);
        publisher.publishes(&room.place);
        for gun in GUNS {
            for client in [&early, &publisher.client("fresh")] {
                assert!(client.list(gun).expect("both follow").is_empty());
            }
            let root = publisher.served_json(gun, "root.json");
            let spare = canonical_id(&genesis, "tag-2");
            assert_eq!(root["signed"]["roles"]["targets"]["keyids"], serde_json::json!([spare.as_str()]));
        }

        // That record has no spare any more, and says so.
        let written = Command::new(env!("CARGO_BIN_EXE_officiant"))
            .arg("emergency")
            .arg(room.place.join("a"))
            .arg("-o")
            .arg(publisher.place.join("none"))
            .output()
            .expect("the program starts");
        assert_eq!(written.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&written.stderr).contains("leaves 0 spare tagging keys"));
    });
}
