//! Signers below the tagging key come, get other keys and go. The bundle says whose file must be signed again and by whom, the
//! courier waits for it, tags survive, and nothing is left of who went.
#![cfg(feature = "online")]

mod ceremony_support;
mod dct_support;
mod peers;
mod support;

use ceremony_support::Room;
use dct_support::{Elsewhere, GUNS, Plan, Publisher};
use officiant::rules::Rule;
use peers::notary::{self, Client, Keys};
use support::on_softhsm;

const APP: &str = GUNS[0];

fn wants(publisher: &Publisher, room: &Room, gun: &str) -> Vec<(String, String)> {
    let bundle = publisher.bundle(&publisher.published(room), gun);
    let mut wants: Vec<_> = bundle.wants.iter().map(|want| (want.role.to_string(), want.owner.clone())).collect();
    wants.sort();
    wants
}

fn roles(publisher: &Publisher, gun: &str) -> Vec<String> {
    let targets = publisher.served_json(gun, "targets.json");
    let roles = targets["signed"]["delegations"]["roles"].as_array().expect("roles").iter();
    let mut names: Vec<String> = roles.map(|role| role["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

/// Whether a key is named anywhere in the delegations.
fn is_named(publisher: &Publisher, gun: &str, key: &Elsewhere) -> bool {
    publisher.served_json(gun, "targets.json")["signed"]["delegations"].to_string().contains(key.keyid.as_str())
}

fn tagger(publisher: &Publisher, name: &str) -> Client {
    let client = publisher.client(&format!("client-of-{name}"));
    client.import_key(&publisher.private(name), name.trim_end_matches("-2"), None);
    client
}

fn delegation(publisher: &Publisher, genesis: &Room, folder: &str) -> Plan {
    let plan = publisher.plan("dct-delegate", folder, &GUNS);
    plan.held("tag-1", &publisher.id(genesis, "tag-1")).tagging(&["tag-1"])
}

#[test]
fn signers_come_get_other_keys_and_go_and_tags_survive() {
    let test = "signers_come_get_other_keys_and_go_and_tags_survive";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let [alice, bob] = ["alice", "bob"].map(|name| publisher.elsewhere(name, &format!("targets/{name}")));
        let genesis = publisher.begins_small(&[&alice]);
        let of_alice = tagger(&publisher, "alice");
        of_alice.publish(APP, "r1", "released", &["targets/releases", "targets/alice"]).expect("alice tags");
        let early = publisher.client("early");
        let r1 = early.does(&["lookup", APP, "r1"]);

        // Bob comes: nobody has to sign anything again.
        let plan = delegation(&publisher, &genesis, "at-1").key(&bob).signer("bob", "add", &["bob"]);
        let came = publisher.holds("came", &plan);
        assert_eq!(wants(&publisher, &came, APP), []);
        assert_eq!(publisher.bundle(&publisher.published(&came), APP).files.len(), 1, "targets alone");
        publisher.publishes(&came.place);
        assert_eq!(roles(&publisher, APP), ["targets/alice", "targets/bob", "targets/releases"]);
        let of_bob = tagger(&publisher, "bob");
        of_bob.publish(APP, "r2", "released", &["targets/releases", "targets/bob"]).expect("bob tags");

        // Alice gets another key and bob goes, who signed last for the releases. In the other repositories nobody tagged anything.
        let alice_2 = publisher.elsewhere("alice-2", "targets/alice");
        let plan = delegation(&publisher, &genesis, "at-2")
            .key(&alice_2)
            .signer("alice", "replace", &["alice-2"])
            .signer("bob", "remove", &[]);
        let went = publisher.holds("went", &plan);
        let owner = "alice-2 of the release team".to_owned();
        let again = [("targets/alice".to_owned(), owner.clone()), ("targets/releases".to_owned(), owner)];
        assert_eq!(wants(&publisher, &went, APP), again);
        assert_eq!(wants(&publisher, &went, GUNS[2]), []);
        let said = publisher.publish(&went.place);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.out.contains(Rule::BundleComplete.name()) && said.out.contains("2 published"), "{said:?}");
        assert_eq!(early.does(&["lookup", APP, "r1"]), r1, "nothing happened to it");
        publisher.completes_and_publishes(&went, &["alice-2"], &[APP]);

        assert_eq!(roles(&publisher, APP), ["targets/alice", "targets/releases"]);
        for gone in [&alice, &bob] {
            assert!(!is_named(&publisher, APP, gone));
            assert!(!is_named(&publisher, GUNS[1], gone));
        }
        let fresh = publisher.client("fresh");
        for client in [&early, &fresh] {
            assert_eq!(client.list(APP).expect("both follow"), ["r1", "r2"]);
            assert_eq!(client.does(&["lookup", APP, "r1"]), r1);
        }
        for gone in [&of_alice, &of_bob] {
            assert!(gone.publish(APP, "r3", "x", &["targets/releases"]).is_err(), "a key that went tags no more");
        }
        let of_alice = tagger(&publisher, "alice-2");
        of_alice.publish(APP, "r3", "released", &["targets/releases", "targets/alice"]).expect("alice tags on");
        assert_eq!(early.list(APP).expect("it follows"), ["r1", "r2", "r3"]);

        // The last signer goes, and with her what Docker reads first: a role without a key would verify nothing.
        let plan = delegation(&publisher, &genesis, "at-3").signer("alice", "remove", &[]);
        let empty = publisher.holds("empty", &plan);
        publisher.publishes(&empty.place);
        assert_eq!(roles(&publisher, APP), Vec::<String>::new());
        for client in [&early, &publisher.client("last")] {
            assert_eq!(client.list(APP).expect("both follow"), Vec::<String>::new());
        }
        assert!(of_alice.publish(APP, "r4", "x", &["targets/releases"]).is_err());
    });
}

#[test]
fn a_signer_who_is_to_come_and_is_there_already_changes_nothing() {
    let test = "a_signer_who_is_to_come_and_is_there_already_changes_nothing";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let [alice, bob] = ["alice", "bob"].map(|name| publisher.elsewhere(name, &format!("targets/{name}")));
        let genesis = publisher.begins_small(&[&alice]);
        for (number, plan) in [
            delegation(&publisher, &genesis, "add").key(&alice).signer("alice", "add", &["alice"]),
            delegation(&publisher, &genesis, "replace").key(&bob).signer("bob", "replace", &["bob"]),
            delegation(&publisher, &genesis, "remove").signer("bob", "remove", &[]),
        ]
        .into_iter()
        .enumerate()
        {
            let mut room = publisher.begins(&format!("room-{number}"), &plan);
            let refused = loop {
                match room.turn() {
                    Ok(()) => {}
                    Err(officiant::fault::Error::Refused(refusal)) => break refusal,
                    Err(other) => panic!("{other:?}"),
                }
            };
            assert_eq!(refused.rule, Rule::DraftIsTheChange, "{refused:?}");
        }
    });
}
