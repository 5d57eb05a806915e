//! Docker Content Trust from nothing, on SoftHSM: published by the courier to Debian's Notary server, with its keys in memory and
//! with `notary-signer`, and judged by the stock client.
#![cfg(feature = "online")]

mod ceremony_support;
mod dct_support;
mod peers;
mod support;

use std::fs;

use ceremony_support::Room;
use dct_support::{ALL, GUNS, Publisher};
use officiant::{
    ceremony::{
        Pending,
        participants::Alias,
        prompt::{Answer, AsideKind, Scene},
    },
    rules::Rule,
};
use peers::notary::{self, Client, Keys};
use support::on_softhsm;

#[test]
fn two_of_three_offline_keys_a_tagging_key_and_a_signer_on_a_server_with_keys_of_its_own() {
    let test = "two_of_three_offline_keys_a_tagging_key_and_a_signer_on_a_server_with_keys_of_its_own";
    born(test, Keys::Local, 2, &["ana-1", "bo-1", "cem-1"]);
}

#[test]
fn one_offline_key_a_tagging_key_and_a_signer_on_a_server_with_a_signer() {
    born("one_offline_key_a_tagging_key_and_a_signer_on_a_server_with_a_signer", Keys::Signer, 1, &["ana-1"]);
}

fn born(test: &str, keys: Keys, threshold: u64, officers: &[&str]) {
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, keys);
        let alice = publisher.elsewhere("alice", "targets/alice");
        let mut plan = publisher.plan("dct-genesis", "new", &GUNS);
        for officer in officers {
            plan = plan.fresh(officer);
        }
        let plan = plan
            .fresh("tag-1")
            .root(threshold, officers)
            .certified(Some(ALL), officers)
            .tagging(&["tag-1"])
            .key(&alice)
            .signer("alice", "add", &["alice"]);
        let genesis = publisher.holds("genesis", &plan);
        assert!(publisher.client("nobody").list(GUNS[0]).is_err(), "nothing was published yet");
        publisher.publishes(&genesis.place);

        let early = publisher.client("early");
        let tagger = publisher.client("tagger");
        tagger.import_key(&publisher.private("alice"), "alice", None);
        let content = publisher.place.join("first");
        fs::write(&content, "first").expect("a file");
        for gun in GUNS {
            assert_eq!(early.list(gun).expect("a client that meets it"), Vec::<String>::new());
            tagger.publish(gun, "v1", "first", &["targets/releases", "targets/alice"]).expect("alice tags");
            let fresh = publisher.client(&format!("fresh-{}", gun.replace('/', "-")));
            for client in [&early, &fresh] {
                assert_eq!(client.list(gun).expect("both follow"), ["v1"]);
                assert!(client.does(&["lookup", gun, "v1"]).starts_with("v1 "));
                client.does(&["verify", gun, "v1", "-q", "-i", content.to_str().expect("UTF-8")]);
            }
        }
        assert!(tagger.publish(GUNS[0], "v2", "x", &[]).is_err(), "alice holds no tagging key");

        // The snippet of the record pins these certificates; another key's certificate is not let in.
        let snippet = fs::read(genesis.place.join("a/keys/trust_pinning.json")).expect("the snippet");
        let snippet: serde_json::Value = serde_json::from_slice(&snippet).expect("JSON");
        let pinned = Client::with(&publisher.stack, &publisher.place.join("pinned"), snippet["trust_pinning"].clone());
        assert_eq!(pinned.list(GUNS[1]).expect("a client that pins"), ["v1"]);
        let other = serde_json::json!({ "certs": { ALL: ["00".repeat(32)] }, "disable_tofu": true });
        let other = Client::with(&publisher.stack, &publisher.place.join("other"), other);
        assert!(other.list(GUNS[1]).is_err(), "a client that pins another certificate");
    });
}

#[test]
fn a_certificate_for_each_repository_and_a_tagging_key_in_its_owners_file() {
    let test = "a_certificate_for_each_repository_and_a_tagging_key_in_its_owners_file";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let tagging = publisher.elsewhere("tagging", "targets");
        let plan = publisher
            .plan("dct-genesis", "new", &GUNS)
            .fresh("ana-1")
            .root(1, &["ana-1"])
            .certified(None, &["ana-1"])
            .key(&tagging)
            .tagging(&["tagging"]);
        let genesis = publisher.holds("genesis", &plan);
        for gun in GUNS {
            let bundle = publisher.bundle(&publisher.published(&genesis), gun);
            let wants: Vec<_> = bundle.wants.iter().map(|want| (want.role.as_str(), want.owner.as_str())).collect();
            assert_eq!(wants, [("targets", "tagging of the release team")]);
        }
        let said = publisher.publish(&genesis.place);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.out.contains(Rule::BundleComplete.name()), "{said:?}");
        publisher.completes_and_publishes(&genesis, &["tagging"], &GUNS);
        let tagger = publisher.client("tagger");
        for gun in GUNS {
            tagger.import_key(&publisher.private("tagging"), "targets", Some(gun));
            tagger.publish(gun, "v1", "first", &[]).expect("the owner tags");
            assert_eq!(publisher.client("fresh").list(gun).expect("a client"), ["v1"]);
        }
    });
}

#[test]
fn a_proof_of_possession_for_another_role_is_refused() {
    let test = "a_proof_of_possession_for_another_role_is_refused";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let alice = publisher.elsewhere("alice", "targets/bob");
        let plan = publisher
            .plan("dct-genesis", "new", &GUNS)
            .fresh("ana-1")
            .fresh("tag-1")
            .root(1, &["ana-1"])
            .certified(Some(ALL), &["ana-1"])
            .tagging(&["tag-1"])
            .key(&alice)
            .signer("alice", "add", &["alice"]);
        let mut room = publisher.begins("genesis", &plan);
        room.until_step("0.6");
        let refused = loop {
            match room.perform() {
                Ok(()) => {}
                Err(officiant::fault::Error::Refused(refusal)) => break refusal,
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(refused.rule, Rule::KeyPossession);
        assert!(refused.what.contains("targets/alice") && refused.what.contains("targets/bob"), "{}", refused.what);
    });
}

#[test]
fn an_officer_whose_token_fails_once_enough_have_signed_is_excused() {
    let test = "an_officer_whose_token_fails_once_enough_have_signed_is_excused";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let officers = ["ana-1", "bo-1", "cem-1"];
        let mut plan = publisher.plan("dct-genesis", "new", &GUNS);
        for officer in officers {
            plan = plan.fresh(officer);
        }
        let plan = plan.fresh("tag-1").root(2, &officers).certified(Some(ALL), &officers).tagging(&["tag-1"]);
        let mut room = publisher.begins("genesis", &plan);
        let signed = |room: &Room, alias: &str| {
            let alias: Alias = alias.to_owned().try_into().expect("an alias");
            room.ceremony().repositories().batch().is_signed_by(&alias)
        };
        let bo: Alias = "bo-1".to_owned().try_into().expect("an alias");
        room.until(|pending, ceremony| {
            let batch = ceremony.repositories().batch();
            let asks = matches!(pending, Pending::Ask(prompt) if matches!(prompt.scene, Scene::PointOfNoReturn { .. }));
            asks && batch.manifest().is_some() && batch.is_signed_by(&bo)
        });
        assert!(signed(&room, "ana-1") && !signed(&room, "cem-1"));
        let lines = ["cem-1 signs", "its reader does not see it", "we go on with two signatures of two"];
        aside(&mut room, AsideKind::Exception, &lines.map(|line| Answer::Text(line.into())));
        publisher.finishes(&mut room);
        assert!(!signed(&room, "cem-1"));
        publisher.publishes(&room.place);
        let root = publisher.served_json(GUNS[0], "root.json");
        assert_eq!(root["signatures"].as_array().map(Vec::len), Some(2));
        assert_eq!(root["signed"]["roles"]["root"]["keyids"].as_array().map(Vec::len), Some(3));
        assert!(publisher.client("client").list(GUNS[0]).expect("a client").is_empty());
    });
}

/// Something that the script does not foresee, decided by the one person who is there.
fn aside(room: &mut Room, kind: AsideKind, answers: &[Answer]) {
    room.say(Answer::Aside(kind));
    for answer in answers {
        room.say(answer.clone());
    }
    room.say(Answer::Picked(0));
    let word = room.people.answer(&room.prompt(), officiant::utc::Utc::EPOCH);
    room.say(word);
}

#[test]
fn a_spare_token_takes_the_place_of_one_that_fails_and_the_batch_is_composed_again_after_a_void() {
    let test = "a_spare_token_takes_the_place_of_one_that_fails_and_the_batch_is_composed_again_after_a_void";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let officers = ["ana-1", "bo-1"];
        let plan = publisher
            .plan("dct-genesis", "new", &GUNS)
            .fresh("ana-1")
            .fresh("bo-1")
            .fresh("tag-1")
            .spare("ana-2", "ana-1")
            .root(2, &officers)
            .certified(Some(ALL), &officers)
            .tagging(&["tag-1"]);
        let mut room = publisher.begins("genesis", &plan);
        // Ana's token fails once her key is on it.
        room.until_step("0.9");
        aside(&mut room, AsideKind::Substitute, &[Answer::Picked(0), Answer::Text("ana-1 does not answer".into())]);
        // She signed; then somebody sees what is wrong with the batch, and it turns out that nothing was.
        let ana: Alias = "ana-2".to_owned().try_into().expect("an alias");
        room.until(|pending, ceremony| {
            let asks = matches!(pending, Pending::Ask(_));
            let batch = ceremony.repositories().batch();
            asks && batch.share_of(&ana) == (GUNS.len(), GUNS.len())
        });
        let first = room.ceremony().repositories().batch().manifest().expect("a list").digest;
        aside(&mut room, AsideKind::Void, &[Answer::Text("we look at it once more".into())]);
        assert!(room.ceremony().repositories().batch().manifest().is_none());
        publisher.finishes(&mut room);
        assert_eq!(room.ceremony().repositories().batch().manifest().map(|list| list.digest), Some(first));
        publisher.publishes(&room.place);
        let root = publisher.served_json(GUNS[0], "root.json");
        assert_eq!(root["signatures"].as_array().map(Vec::len), Some(2));
        assert!(
            !room.place.join("a/keys/ana-1.pem").exists()
                || publisher.id(&room, "ana-1") != publisher.id(&room, "ana-2")
        );
        assert!(publisher.client("client").list(GUNS[0]).expect("a client").is_empty());
    });
}
