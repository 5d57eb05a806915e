//! The ways of backup that have no shares, in whole ceremonies on SoftHSM. Those that have some are in `ceremony_backup` and
//! `ceremony_wrapped`, and on YubiKeys in `ceremony_yubikey_ways`; docs/BACKUP.md has a table of all.

mod ceremony_support;
mod support;

use std::fs;

use ceremony_support::{People, Room, record, script, ways};
use officiant::{
    ceremony::{event::Event, script::Way},
    transfer::{Bundle, Gun},
    tuf::{dialect::Dialect, signed::Untrusted, verify::first_root},
};
use support::on_softhsm;

/// A whole ceremony of a shipped script that says this way.
fn whole(test: &str, name: &'static str, way: Way, judge: impl FnOnce(&Room)) {
    on_softhsm(test, |tokens| {
        let text = ways::says(name, way);
        ways::is_said(&text, way);
        let mut room = Room::rehearse_text(tokens, text.as_bytes(), People::of(&script(name)), None);
        room.finish();
        for medium in ["a", "b"] {
            record::holds(&room.place.join(medium));
        }
        let secret = |event: &Event| {
            matches!(
                event,
                Event::KeyMade { .. } | Event::KekMade { .. } | Event::BackupSealed { .. } | Event::KeyWrapped { .. }
            )
        };
        assert_eq!(room.count(secret), 0, "every key was born in its token, and stays there");
        judge(&room);
    });
}

fn has_a_root(room: &Room) {
    let root = fs::read(room.place.join("a/metadata/1.root.json")).expect("an exported root");
    let root = first_root(Untrusted::parse(Dialect::Tuf1, root).expect("metadata")).expect("a root that verifies");
    assert_eq!(root.document().version, 1);
}

fn has_bundles(room: &Room) {
    let gun = Gun::parse("docker.io/example/db").expect("a name");
    let bundle = room.place.join("a/publish/repositories").join(gun.folder_name()).join("bundle.json");
    let bundle = Bundle::parse(&fs::read(bundle).expect("a bundle")).expect("a bundle");
    assert!(bundle.wants.is_empty());
    assert_eq!(bundle.files.len(), 2, "root and targets");
}

#[test]
fn a_tuf_genesis_by_redundancy() {
    whole("a_tuf_genesis_by_redundancy", "genesis-small", Way::Redundancy, has_a_root);
}

#[test]
fn a_tuf_genesis_without_a_backup() {
    whole("a_tuf_genesis_without_a_backup", "genesis-small", Way::None, has_a_root);
}

#[test]
fn a_dct_genesis_by_redundancy() {
    whole("a_dct_genesis_by_redundancy", "dct-genesis", Way::Redundancy, has_bundles);
}

#[test]
fn a_dct_genesis_without_a_backup() {
    whole("a_dct_genesis_without_a_backup", "dct-genesis", Way::None, has_bundles);
}
