//! The Docker CLI on what ceremonies left: it shows the signers, signs with the key of one of them, and pulls the digest that our
//! metadata names, before and after the tagging key and the offline key were replaced.
#![cfg(feature = "online")]

mod ceremony_support;
mod dct_support;
mod peers;
mod support;

use dct_support::{Plan, Publisher};
use officiant::{rules::Rule, tuf::KeyId};
use peers::{
    docker::{self, Docker, Engine},
    notary::{self, Keys},
};
use support::on_softhsm;

const IMAGE: &str = "localhost:5000/example/app";

fn inspect(docker: &Docker) -> serde_json::Value {
    let mut seen: serde_json::Value = serde_json::from_str(&docker.does(&["trust", "inspect", IMAGE])).expect("JSON");
    seen[0].take()
}

/// The tags that it shows: name, digest and signers.
fn tags(docker: &Docker) -> Vec<(String, String, Vec<String>)> {
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let seen = inspect(docker);
    let tags = seen["SignedTags"].as_array().expect("tags").iter().map(|tag| {
        let signers = tag["Signers"].as_array().expect("signers").iter().map(text).collect();
        (text(&tag["SignedTag"]), text(&tag["Digest"]), signers)
    });
    tags.collect()
}

fn signers(docker: &Docker) -> Vec<String> {
    let seen = inspect(docker);
    let names = seen["Signers"].as_array().expect("signers").iter();
    let mut names: Vec<String> = names.map(|signer| signer["Name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

#[test]
fn docker_signs_with_the_key_of_a_signer_and_pulls_by_our_metadata_whatever_is_rotated() {
    let test = "docker_signs_with_the_key_of_a_signer_and_pulls_by_our_metadata_whatever_is_rotated";
    let Some(program) = docker::cli().filter(|_| notary::installed()) else { return };
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Signer);
        let digest = "0123456789abcdef".repeat(4);
        let engine = Engine::start(&publisher.place, &digest, 528);
        let docker = |name: &str| Docker::new(program.clone(), &publisher.stack, &engine, &publisher.place.join(name));
        let key_of = |docker: &Docker, name: &str| {
            docker.does(&["trust", "key", "load", publisher.private(name).to_str().expect("UTF-8"), "--name", name]);
        };
        let [alice, bob] = ["alice", "bob"].map(|name| publisher.elsewhere(name, &format!("targets/{name}")));
        let plan = publisher
            .plan("dct-genesis", "new", &[IMAGE])
            .fresh("ana-1")
            .fresh("tag-1")
            .root(1, &["ana-1"])
            .certified(None, &["ana-1"])
            .tagging(&["tag-1"])
            .key(&alice)
            .signer("alice", "add", &["alice"]);
        let genesis = publisher.holds("genesis", &plan);
        publisher.publishes(&genesis.place);
        let (ana, tag_1) = (publisher.id(&genesis, "ana-1"), publisher.id(&genesis, "tag-1"));

        let user = docker("user");
        assert_eq!(signers(&user), ["alice"]);
        assert!(tags(&user).is_empty());
        let of_alice = docker("alice-of-docker");
        key_of(&of_alice, "alice");
        of_alice.does(&["trust", "sign", &format!("{IMAGE}:1.0")]);
        let first = [("1.0".to_owned(), digest.clone(), vec!["alice".to_owned()])];
        assert_eq!(tags(&user), first);
        user.does(&["pull", &format!("{IMAGE}:1.0")]);
        let pulled = || engine.pulled().len();
        assert_eq!(engine.pulled(), [format!("{IMAGE}@sha256:{digest}")]);

        // A signer comes, and another tagging key, and another offline key: whoever trusted before follows.
        let held = |plan: Plan, alias: &str, keyid: &KeyId| plan.held(alias, keyid);
        let plan = held(publisher.plan("dct-delegate", "at-1", &[IMAGE]), "tag-1", &tag_1)
            .tagging(&["tag-1"])
            .key(&bob)
            .signer("bob", "add", &["bob"]);
        publisher.publishes(&publisher.holds("bob-came", &plan).place);
        assert_eq!(signers(&user), ["alice", "bob"]);
        let of_bob = docker("bob-of-docker");
        key_of(&of_bob, "bob");
        of_bob.does(&["trust", "sign", &format!("{IMAGE}:1.1")]);
        let plan = held(publisher.plan("dct-rotate-tagging-key", "at-2", &[IMAGE]), "ana-1", &ana)
            .fresh("tag-2")
            .root(1, &["ana-1"])
            .tagging(&["tag-2"])
            .tags("keep");
        let rotated = publisher.holds("tagging", &plan);
        publisher.publishes(&rotated.place);
        let plan = held(publisher.plan("dct-rotate-root", "at-3", &[IMAGE]), "ana-1", &ana)
            .fresh("dara-1")
            .root(1, &["dara-1"])
            .certified(Some("localhost:5000/example/*"), &["dara-1"]);
        publisher.publishes(&publisher.holds("offline", &plan).place);
        for docker in [&user, &docker("fresh")] {
            assert_eq!(signers(docker), ["alice", "bob"]);
            assert_eq!(tags(docker).len(), 2);
            let before = pulled();
            docker.does(&["pull", &format!("{IMAGE}:1.1")]);
            assert_eq!(engine.pulled()[before..], [format!("{IMAGE}@sha256:{digest}")]);
            assert!(docker.fails(&["pull", &format!("{IMAGE}:6.6")]).contains("No valid trust data for 6.6"));
        }
        of_alice.does(&["trust", "sign", &format!("{IMAGE}:2.0")]);
        user.does(&["pull", &format!("{IMAGE}:2.0")]);

        // Alice's key is replaced: what she signed waits for her new key, and goes on then.
        let alice_2 = publisher.elsewhere("alice-2", "targets/alice");
        let tag_2 = publisher.id(&rotated, "tag-2");
        let plan = held(publisher.plan("dct-delegate", "at-4", &[IMAGE]), "tag-2", &tag_2)
            .tagging(&["tag-2"])
            .key(&alice_2)
            .signer("alice", "replace", &["alice-2"]);
        let replaced = publisher.holds("alice-again", &plan);
        let said = publisher.publish(&replaced.place);
        assert!(said.code == Some(1) && said.out.contains(Rule::BundleComplete.name()), "{said:?}");
        publisher.completes_and_publishes(&replaced, &["alice-2"], &[IMAGE]);
        assert!(of_alice.fails(&["trust", "sign", &format!("{IMAGE}:3.0")]).contains("no valid signing keys"));
        let of_alice = docker("alice-again-of-docker");
        key_of(&of_alice, "alice-2");
        of_alice.does(&["trust", "sign", &format!("{IMAGE}:3.0")]);
        for docker in [&user, &docker("last")] {
            assert_eq!(tags(docker).len(), 4);
            docker.does(&["pull", &format!("{IMAGE}:2.0")]);
            docker.does(&["pull", &format!("{IMAGE}:3.0")]);
        }
    });
}
