//! The offline key of Docker Content Trust: replaced, shared, certified anew and brought home from a stock trust directory, with
//! clients that follow from every version.
#![cfg(feature = "online")]

mod ceremony_support;
mod dct_support;
mod peers;
mod support;

use std::{collections::BTreeSet, fs};

use dct_support::{ALL, GUNS, Publisher, small};
use officiant::{digest::Digest, tuf::KeyId};
use peers::notary::{self, Keys, PASSPHRASE};
use support::on_softhsm;

/// The keyids of a root's root role and of its signatures.
fn root_keys(root: &serde_json::Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let texts = |list: &serde_json::Value| -> BTreeSet<String> {
        let list = list.as_array().expect("a list").iter();
        list.map(|id| id.as_str().or(id["keyid"].as_str()).expect("a keyid").to_owned()).collect()
    };
    (texts(&root["signed"]["roles"]["root"]["keyids"]), texts(&root["signatures"]))
}

#[test]
fn three_rotations_and_a_client_from_before_all_of_them_follows() {
    let test = "three_rotations_and_a_client_from_before_all_of_them_follows";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Signer);
        let alice = publisher.elsewhere("alice", "targets/alice");
        // One offline key, in a certificate for each repository.
        let plan = publisher
            .plan("dct-genesis", "new", &GUNS)
            .fresh("ana-1")
            .fresh("tag-1")
            .root(1, &["ana-1"])
            .certified(None, &["ana-1"])
            .tagging(&["tag-1"])
            .key(&alice)
            .signer("alice", "add", &["alice"]);
        let genesis = publisher.holds("genesis", &plan);
        publisher.publishes(&genesis.place);
        let ana = publisher.id(&genesis, "ana-1");
        let tagger = publisher.client("tagger");
        tagger.import_key(&publisher.private("alice"), "alice", None);
        tagger.publish(GUNS[0], "v1", "first", &["targets/releases"]).expect("alice tags");
        let mut clients = vec![publisher.client("from-1")];
        let follow = |clients: &[notary::Client], at: &str| {
            for client in clients {
                assert_eq!(client.list(GUNS[0]).unwrap_or_else(|said| panic!("{at}: {said}")), ["v1"], "{at}");
                assert!(client.list(GUNS[2]).expect("it follows").is_empty());
            }
        };
        follow(&clients, "genesis");

        // Two more officers, two of three.
        let plan = publisher
            .plan("dct-rotate-root", "at-1", &GUNS)
            .held("ana-1", &ana)
            .fresh("bo-1")
            .fresh("cem-1")
            .root(2, &["ana-1", "bo-1", "cem-1"])
            .certified(None, &["bo-1", "cem-1"]);
        let second = publisher.holds("second", &plan);
        publisher.publishes(&second.place);
        let (bo, cem) = (publisher.id(&second, "bo-1"), publisher.id(&second, "cem-1"));
        clients.push(publisher.client("from-2"));
        follow(&clients[1..], "version 2");

        // Cem is not there, and his key goes; Dara's comes, certified for all repositories at once.
        let plan = publisher
            .plan("dct-rotate-root", "at-2", &GUNS)
            .held("ana-1", &ana)
            .held("bo-1", &bo)
            .away("cem-1", &cem)
            .fresh("dara-1")
            .root(2, &["ana-1", "bo-1", "dara-1"])
            .certified(Some(ALL), &["dara-1"]);
        let third = publisher.holds("third", &plan);
        publisher.publishes(&third.place);
        let dara = publisher.id(&third, "dara-1");
        clients.push(publisher.client("from-3"));
        follow(&clients[2..], "version 3");
        let old = root_keys(&publisher.served_json(GUNS[0], "root.json")).0;

        // The certificates of Ana's and Bo's keys are renewed: the same keys, under two ids each. Dara is not there.
        let plan = publisher
            .plan("dct-rotate-root", "at-3", &GUNS)
            .held("ana-1", &ana)
            .held("bo-1", &bo)
            .away("dara-1", &dara)
            .root(2, &["ana-1", "bo-1", "dara-1"])
            .certified(Some(ALL), &["ana-1", "bo-1"]);
        let fourth = publisher.holds("fourth", &plan);
        publisher.publishes(&fourth.place);
        let (new, signed) = root_keys(&publisher.served_json(GUNS[0], "root.json"));
        assert_eq!(new.intersection(&old).count(), 1, "Dara's certificate stays");
        let both: BTreeSet<String> = old.symmetric_difference(&new).cloned().collect();
        assert_eq!((both.len(), &signed), (4, &both), "both keys sign under both ids");
        clients.push(publisher.client("from-4"));
        // The first of them has seen nothing since version 1.
        follow(&clients, "version 4");
        tagger.publish(GUNS[0], "v2", "second", &["targets/releases"]).expect("alice tags on");
        assert_eq!(clients[0].list(GUNS[0]).expect("it follows"), ["v1", "v2"]);
    });
}

#[test]
fn a_root_key_comes_home_from_a_stock_trust_directory_and_leaves_for_a_new_one() {
    let test = "a_root_key_comes_home_from_a_stock_trust_directory_and_leaves_for_a_new_one";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let owner = publisher.client("owner");
        for gun in GUNS {
            owner.does(&["init", "-p", gun]);
            owner.does(&["key", "rotate", gun, "snapshot", "-r"]);
            owner.publish(gun, "v1", "first", &[]).expect("the owner tags");
        }
        let early = publisher.client("early");
        assert_eq!(early.list(GUNS[0]).expect("a client of the stock tools"), ["v1"]);
        let (file, id) = root_key_of(&owner);

        // The first ceremony: the offline key on two tokens, and a tagging key that was never in a file.
        let path = file.to_str().expect("UTF-8");
        let plan = publisher
            .plan("dct-rotate-tagging-key", "at-2", &GUNS)
            .brought("home-1", &id, path)
            .brought("home-2", &id, path)
            .fresh("tag-1")
            .root(1, &["home-1", "home-2"])
            .tagging(&["tag-1"])
            .tags("keep");
        let mut people = plan.people();
        people.passphrases.insert(path.into(), PASSPHRASE.into());
        let home = publisher.hold("home", &plan.text(&publisher.module()), people);
        publisher.publishes(&home.place);
        assert!(
            owner.publish(GUNS[0], "v2", "second", &[]).is_err(),
            "the tagging key in the owner's trust directory is worth nothing"
        );
        let fresh = publisher.client("fresh");
        for client in [&early, &fresh] {
            assert_eq!(client.list(GUNS[0]).expect("both follow"), ["v1"]);
        }

        // The second, with the other of the two tokens: the key that lay in a file goes, one that never did comes.
        assert_eq!([publisher.id(&home, "home-1"), publisher.id(&home, "home-2")], [id.clone(), id.clone()]);
        let plan = publisher
            .plan("dct-rotate-root", "at-3", &GUNS)
            .held("home-2", &id)
            .fresh("ana-1")
            .root(1, &["ana-1"])
            .certified(Some(ALL), &["ana-1"]);
        let new = publisher.holds("new", &plan);
        publisher.publishes(&new.place);
        for client in [&early, &fresh, &publisher.client("last")] {
            assert_eq!(client.list(GUNS[1]).expect("all follow"), ["v1"]);
        }
    });
}

/// The file of the root key in a stock trust directory, and its id, which is its name.
fn root_key_of(owner: &notary::Client) -> (std::path::PathBuf, KeyId) {
    let keys = fs::read_dir(owner.trust().join("private")).expect("keys");
    let file = keys
        .map(|entry| entry.expect("an entry").path())
        .find(|path| fs::read_to_string(path).expect("PEM").contains("role: root"))
        .expect("a root key");
    let id = KeyId::from(file.file_stem().expect("a name").to_str().expect("UTF-8").to_owned());
    (file, id)
}

#[test]
fn another_key_file_than_that_of_the_published_root_is_not_put_on_a_token() {
    let test = "another_key_file_than_that_of_the_published_root_is_not_put_on_a_token";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let (owner, other) = (publisher.client("owner"), publisher.client("other"));
        owner.does(&["init", "-p", GUNS[0]]);
        owner.does(&["key", "rotate", GUNS[0], "snapshot", "-r"]);
        other.does(&["init", GUNS[1]]);
        let ((_, id), (file, _)) = (root_key_of(&owner), root_key_of(&other));
        let path = file.to_str().expect("UTF-8");
        let plan = publisher
            .plan("dct-rotate-tagging-key", "today", &GUNS[..1])
            .brought("home-1", &id, path)
            .fresh("tag-1")
            .root(1, &["home-1"])
            .tagging(&["tag-1"])
            .tags("keep");
        let mut people = plan.people();
        people.passphrases.insert(path.into(), PASSPHRASE.into());
        let mut room = publisher.begin("home", &plan.text(&publisher.module()), people);
        use officiant::ceremony::{
            Pending,
            operation::{Operation, Trouble},
        };
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::ImportKey { .. })));
        room.perform().expect("the trouble is recorded");
        let Trouble::Refused(refusal) = room.trouble() else { panic!("{:?}", room.trouble()) };
        assert_eq!(refusal.rule, officiant::rules::Rule::KeyOnPaper);
    });
}

#[test]
fn roots_are_renewed_alone_and_with_their_targets() {
    let test = "roots_are_renewed_alone_and_with_their_targets";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let alice = publisher.elsewhere("alice", "targets/alice");
        let genesis = publisher.begins_small(&[&alice]);
        let tagger = publisher.client("tagger");
        tagger.import_key(&publisher.private("alice"), "alice", None);
        tagger.publish(GUNS[0], "v1", "first", &["targets/releases"]).expect("alice tags");
        let early = publisher.client("early");
        assert_eq!(early.list(GUNS[0]).expect("a client"), ["v1"]);
        let targets = publisher.served(GUNS[0], "targets.json").expect("targets");

        let plan = small(publisher.plan("dct-renew", "at-1", &GUNS), &genesis).days(800);
        let root_alone = publisher.holds("root-alone", &plan);
        assert_eq!(publisher.bundle(&publisher.published(&root_alone), GUNS[0]).files.len(), 1);
        publisher.publishes(&root_alone.place);
        assert_eq!(
            publisher.served(GUNS[0], "targets.json").map(|bytes| Digest::of(&bytes)),
            Some(Digest::of(&targets))
        );
        assert_eq!(publisher.served_json(GUNS[0], "root.json")["signed"]["version"], 2);

        let plan = small(publisher.plan("dct-renew", "at-2", &GUNS), &genesis)
            .held("tag-1", &publisher.id(&genesis, "tag-1"))
            .tagging(&["tag-1"])
            .days(900);
        let both = publisher.holds("both", &plan);
        publisher.publishes(&both.place);
        let (old, new) = (
            serde_json::from_slice::<serde_json::Value>(&targets).expect("JSON"),
            publisher.served_json(GUNS[0], "targets.json"),
        );
        assert_eq!(new["signed"]["delegations"], old["signed"]["delegations"]);
        assert_eq!(new["signed"]["version"], 2);
        assert!(new["signed"]["expires"].as_str() < old["signed"]["expires"].as_str(), "both windows were shorter");
        assert_eq!(publisher.served_json(GUNS[0], "root.json")["signed"]["version"], 3);
        for client in [&early, &publisher.client("fresh")] {
            assert_eq!(client.list(GUNS[0]).expect("both follow"), ["v1"]);
        }
        tagger.publish(GUNS[0], "v2", "second", &["targets/releases"]).expect("alice tags on");
    });
}
