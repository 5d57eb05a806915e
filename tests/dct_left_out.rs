//! One repository among many that a ceremony cannot work on is left out and listed by its rule; the rest goes on. A collection other
//! than the pinned one, or a file that is not the listed one, stops everything.
#![cfg(feature = "online")]

mod ceremony_support;
mod courier_support;
mod dct_support;
mod peers;
mod support;

use std::fs;

use ceremony_support::Room;
use courier_support::{Repository, certified};
use dct_support::{GUNS, Publisher, now, small};
use officiant::{
    ceremony::{event::Event, operation::Trouble, prompt::Scene},
    fault::Error,
    rules::{Refusal, Rule},
    tuf::{RoleName, role::Role},
};
use peers::notary::{self, Keys};
use support::on_softhsm;

const OTHER: &str = "docker.io/example/other";
const ENDED: &str = "docker.io/example/ended";
const UNKNOWN: &str = "docker.io/example/unknown";

/// A repository whose root key has a certificate until the day after tomorrow.
fn ends_soon(publisher: &Publisher) {
    publisher.collect(&[ENDED], "ended");
    let mut repository = Repository::new(&publisher.inputs().join("ended"), ENDED, 1, 2);
    let until = now().midnight().plus_days(2);
    let key = certified(ENDED, 1, until);
    repository.root.roles.insert(RoleName::Root, Role { keyids: vec![key.id()], threshold: 1, ..Role::default() });
    repository.root.keys.insert(key.id(), key);
    let (_, files) = repository.bundle(true);
    let (status, said) =
        publisher.uploads(ENDED, &[("root", &files["root.json"]), ("targets", &files["targets.json"])]);
    assert_eq!(status, 200, "{said}");
}

fn refused(room: &mut Room) -> Refusal {
    loop {
        match room.turn() {
            Ok(()) => {}
            Err(Error::Refused(refusal)) => return refusal,
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn one_of_another_publisher_one_that_ended_and_one_that_nobody_knows_are_left_out_and_the_rest_goes_on() {
    let test = "one_of_another_publisher_one_that_ended_and_one_that_nobody_knows_are_left_out_and_the_rest_goes_on";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let genesis = publisher.begins_small(&[]);
        let owner = publisher.client("owner");
        owner.does(&["init", "-p", OTHER]);
        owner.does(&["key", "rotate", OTHER, "snapshot", "-r"]);
        ends_soon(&publisher);
        let all = [GUNS[0], GUNS[1], GUNS[2], ENDED, OTHER, UNKNOWN];
        let plan = small(publisher.plan("dct-rotate-tagging-key", "today", &all), &genesis)
            .fresh("tag-2")
            .tagging(&["tag-2"])
            .tags("keep");
        // The ceremony is three days later: one certificate has ended.
        let mut room = publisher.begin_later("rotation", &plan.text(&publisher.module()), plan.people(), 3);
        room.until_scene(|scene| matches!(scene, Scene::Batch(_)));
        let left_out: Vec<_> =
            room.ceremony().repositories().left_out().map(|(gun, refusal)| (gun.to_string(), refusal.rule)).collect();
        let expected = [(ENDED, Rule::CertValid), (OTHER, Rule::RepositoryIsOurs), (UNKNOWN, Rule::RepositoryIsOurs)];
        assert_eq!(left_out, expected.map(|(gun, rule)| (gun.to_owned(), rule)));
        let Scene::Batch(sheet) = room.prompt().scene else { panic!("a sheet") };
        let lines = sheet.lines();
        assert!(lines.iter().any(|line| line.starts_with("LEFT OUT") && line.contains("3 repositories")), "{lines:#?}");
        for (gun, rule) in expected {
            assert!(lines.iter().any(|line| line.contains(&format!("{gun}: {rule}: "))), "{lines:#?}");
        }
        publisher.finishes(&mut room);

        // One more goes on elsewhere before all this is published.
        let plan = small(publisher.plan("dct-renew", "meanwhile", &GUNS[1..2]), &genesis).days(800);
        publisher.publishes(&publisher.holds("meanwhile", &plan).place);
        let said = publisher.publish(&room.place);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.out.contains("2 published") && said.out.contains("1 failed"), "{said:?}");
        assert!(said.out.contains(Rule::RootVersionStep.name()), "{said:?}");
        let version = |gun: &str| publisher.served_json(gun, "root.json")["signed"]["version"].clone();
        assert_eq!([GUNS[0], GUNS[1], GUNS[2]].map(version), [2, 2, 2]);
        for gun in GUNS {
            assert!(publisher.client("fresh").list(gun).expect("a client").is_empty());
        }
    });
}

#[test]
fn where_every_repository_is_left_out_nothing_is_drafted() {
    let test = "where_every_repository_is_left_out_nothing_is_drafted";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let genesis = publisher.begins_small(&[]);
        let owner = publisher.client("owner");
        owner.does(&["init", "-p", OTHER]);
        owner.does(&["key", "rotate", OTHER, "snapshot", "-r"]);
        // The server knows these already, and a genesis makes nothing anew.
        let plan = publisher
            .plan("dct-genesis", "again", &GUNS)
            .fresh("one")
            .fresh("two")
            .root(1, &["one"])
            .certified(Some(dct_support::ALL), &["one"])
            .tagging(&["two"]);
        let refusal = refused(&mut publisher.begins("again", &plan));
        assert_eq!(refusal.rule, Rule::RepositoryIsOurs);
        assert!(
            refusal.what.contains("Every repository is left out.") && refusal.what.contains("root version 1"),
            "{}",
            refusal.what
        );
        // No token holds a key of these.
        let plan = small(publisher.plan("dct-rotate-tagging-key", "others", &[OTHER, UNKNOWN]), &genesis)
            .fresh("tag-2")
            .tagging(&["tag-2"])
            .tags("keep");
        let mut room = publisher.begins("others", &plan);
        room.until(|_, ceremony| ceremony.repositories().all_read());
        assert_eq!(room.ceremony().repositories().left_out().count(), 2);
    });
}

#[test]
fn where_todays_root_asks_for_more_signatures_than_will_be_given_nothing_is_drafted() {
    let test = "where_todays_root_asks_for_more_signatures_than_will_be_given_nothing_is_drafted";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let plan = publisher
            .plan("dct-genesis", "new", &GUNS[..1])
            .fresh("ana-1")
            .fresh("bo-1")
            .fresh("tag-1")
            .root(2, &["ana-1", "bo-1"])
            .certified(Some(dct_support::ALL), &["ana-1", "bo-1"])
            .tagging(&["tag-1"]);
        let genesis = publisher.holds("genesis", &plan);
        publisher.publishes(&genesis.place);
        // The script says that one is enough, and only one of them comes.
        let plan = publisher
            .plan("dct-rotate-tagging-key", "today", &GUNS[..1])
            .held("ana-1", &publisher.id(&genesis, "ana-1"))
            .away("bo-1", &publisher.id(&genesis, "bo-1"))
            .root(1, &["ana-1", "bo-1"])
            .fresh("tag-2")
            .tagging(&["tag-2"])
            .tags("keep");
        let mut room = publisher.begins("rotation", &plan);
        let refusal = refused(&mut room);
        assert_eq!(refusal.rule, Rule::RootTallyOld);
        assert!(refusal.what.contains("asks for 2 signatures, and 1 of its keys sign today"), "{}", refusal.what);
        assert!(room.ceremony().repositories().batch().drafted().is_empty());
    });
}

#[test]
fn another_collection_than_the_pinned_one_is_refused_and_so_is_a_file_that_is_not_listed_so() {
    let test = "another_collection_than_the_pinned_one_is_refused_and_so_is_a_file_that_is_not_listed_so";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let plan = |folder: &str, manifest, count| {
            dct_support::Plan::new("dct-genesis", folder, manifest, count)
                .fresh("ana-1")
                .fresh("tag-1")
                .root(1, &["ana-1"])
                .certified(Some(dct_support::ALL), &["ana-1"])
                .tagging(&["tag-1"])
        };
        let manifest = publisher.collect(&GUNS, "new");
        let other = publisher.collect(&GUNS[..2], "other");
        let refusal = refused(&mut publisher.begins("other-manifest", &plan("new", other, 3)));
        assert_eq!(refusal.rule, Rule::CollectionPinned);
        assert!(
            refusal.what.contains(&manifest.to_string()) && refusal.what.contains(&other.to_string()),
            "{}",
            refusal.what
        );
        let refusal = refused(&mut publisher.begins("other-count", &plan("new", manifest, 2)));
        assert_eq!(refusal.rule, Rule::CollectionPinned);
        // The manifest is the pinned one, and one file below it is another.
        let key = publisher.inputs().join("new/repositories/docker.io%2Fexample%2Fdb/timestamp.key");
        let text = fs::read_to_string(&key).expect("a key");
        fs::write(&key, text.replace(':', ": ")).expect("a file");
        let mut room = publisher.begins("other-file", &plan("new", manifest, 3));
        room.until_scene(|scene| matches!(scene, Scene::Trouble { .. }) || matches!(scene, Scene::Batch(_)));
        let Trouble::Refused(refusal) = room.trouble() else { panic!("{:?}", room.trouble()) };
        assert_eq!(refusal.rule, Rule::BytesMatchHash);
        assert!(refusal.what.contains("timestamp.key"), "{}", refusal.what);
        assert_eq!(room.count(|event| matches!(event, Event::RepositoriesRead { .. })), 0);
        // The right file is put back, and it goes on.
        fs::write(&key, text).expect("a file");
        room.word("AGAIN");
        publisher.finishes(&mut room);
        publisher.publishes(&room.place);
    });
}
