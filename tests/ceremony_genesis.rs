//! Genesis, whole, on SoftHSM.

mod ceremony_support;
mod support;

use std::fs;

use ceremony_support::{Room, normal, record};
use officiant::tuf::{dialect::Dialect, signed::Untrusted, verify::first_root};
use support::on_softhsm;

fn golden(test: &str, script: &'static str) {
    on_softhsm(test, |tokens| {
        let mut room = Room::rehearse(tokens, script);
        room.finish();
        insta::assert_snapshot!(script, normal::transcript(&room.entries()));
        for medium in ["a", "b"] {
            let folder = room.place.join(medium);
            record::holds(&folder);
            let root = fs::read(folder.join("metadata/1.root.json")).expect("an exported root");
            let root =
                first_root(Untrusted::parse(Dialect::Tuf1, root).expect("metadata")).expect("a root that verifies");
            assert_eq!(root.document().version, 1);
        }
    });
}

#[test]
fn genesis_leaves_the_same_record_every_time_and_a_root_that_verifies() {
    golden("genesis_leaves_the_same_record_every_time_and_a_root_that_verifies", "genesis");
}

#[test]
fn genesis_of_a_small_team_leaves_the_same_record_every_time() {
    golden("genesis_of_a_small_team_leaves_the_same_record_every_time", "genesis-small");
}

#[test]
fn genesis_of_a_small_team_with_yubikeys_is_rehearsed_without_any_and_leaves_the_same_record_every_time() {
    golden(
        "genesis_of_a_small_team_with_yubikeys_is_rehearsed_without_any_and_leaves_the_same_record_every_time",
        "genesis-yubikeys-small",
    );
}

#[test]
fn genesis_of_one_person_leaves_the_same_record_every_time() {
    golden("genesis_of_one_person_leaves_the_same_record_every_time", "genesis-solo");
}
