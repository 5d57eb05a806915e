//! What the stock server and the stock client take of tagging keys: several of them with a threshold, and keys of other kinds than
//! P-256, brought as public keys by their owners. And what `check` refuses of them, by name.
#![cfg(feature = "online")]

mod ceremony_support;
mod dct_support;
mod peers;
mod support;

use dct_support::{ALL, Elsewhere, GUNS, Plan, Publisher, keyid_of, openssl};
use officiant::{rules::Rule, tuf::RoleName};
use peers::notary::{self, Keys};
use support::on_softhsm;

const APP: &str = GUNS[0];

fn genesis(publisher: &Publisher, folder: &str, guns: &[&str], tagging: &[&Elsewhere]) -> Plan {
    // Each folder has an offline key of its own.
    let ana = format!("ana-{folder}");
    let plan = publisher.plan("dct-genesis", folder, guns).fresh(&ana).root(1, &[&ana]);
    let mut plan = plan.certified(Some(ALL), &[&ana]);
    for key in tagging {
        plan = plan.key(key);
    }
    let names: Vec<&str> = tagging.iter().map(|key| key.name.as_str()).collect();
    plan.tagging(&names)
}

#[test]
fn any_two_of_three_tagging_keys_sign_and_the_stock_client_follows() {
    let test = "any_two_of_three_tagging_keys_sign_and_the_stock_client_follows";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let keys = ["tina", "tom", "tess"].map(|name| publisher.elsewhere(name, "targets"));
        let plan = genesis(&publisher, "new", &[APP], &keys.each_ref());
        let text = plan.text(&publisher.module()).replace("\n[tagging]\n", "\n[tagging]\nthreshold = 2\n");
        let mut room = publisher.begin("genesis", &text, plan.people());
        publisher.finishes(&mut room);
        let folder = publisher.published(&room);
        let bundle = publisher.bundle(&folder, APP);
        assert_eq!((bundle.wants.len(), bundle.enough.get(&RoleName::Targets)), (3, Some(&2)));
        let said = publisher.publish(&room.place);
        assert!(said.code == Some(1) && said.out.contains("targets by any 2 of "), "{said:?}");
        // The second of them is on holiday.
        let (first, both) = (room.place.join("first"), room.place.join("both"));
        let said = publisher.completes(&folder, "tess", &[APP], &first);
        assert!(said.code == Some(0) && said.out.contains("1 signatures taken in, 1 still wanted"), "{said:?}");
        assert!(publisher.publish_folder(&first).out.contains(Rule::BundleComplete.name()));
        let said = publisher.completes(&first, "tina", &[APP], &both);
        assert!(said.code == Some(0) && said.out.contains("1 signatures taken in, 0 still wanted"), "{said:?}");
        let said = publisher.publish_folder(&both);
        assert_eq!(said.code, Some(0), "{said:?}");
        let client = publisher.client("client");
        assert!(client.list(APP).expect("a client reads it").is_empty());
        // The stock client signs with what it has: with one key the server refuses, with two it takes it.
        let one = publisher.client("one");
        one.import_key(&publisher.private("tom"), "targets", Some(APP));
        let refused = one.publish(APP, "v1", "content", &[]).expect_err("one of two");
        assert!(!refused.is_empty());
        assert!(client.list(APP).expect("a client").is_empty(), "nothing came of it");
        let two = publisher.client("two");
        two.import_key(&publisher.private("tom"), "targets", Some(APP));
        two.import_key(&publisher.private("tina"), "targets", Some(APP));
        two.publish(APP, "v1", "content", &[]).expect("two of three keys in one keystore");
        assert_eq!(client.list(APP).expect("a client"), ["v1"]);
    });
}

#[test]
fn rsa_and_ed25519_tagging_keys_are_taken_by_server_and_client() {
    let test = "rsa_and_ed25519_tagging_keys_are_taken_by_server_and_client";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        for (name, kind, method, gun) in [
            ("rsa", &["RSA", "-pkeyopt", "rsa_keygen_bits:3072"][..], "rsapss", GUNS[0]),
            ("ed", &["ED25519"], "eddsa", GUNS[1]),
            ("wide", &["EC", "-pkeyopt", "ec_paramgen_curve:secp384r1"], "ecdsa", GUNS[2]),
        ] {
            let key = publisher.elsewhere_of(kind, name, "targets");
            let plan = genesis(&publisher, name, &[gun], &[&key]);
            let room = publisher.holds(&format!("genesis-{name}"), &plan);
            publisher.completes_and_publishes(&room, &[name], &[gun]);
            let targets = publisher.served_json(gun, "targets.json");
            let signatures = targets["signatures"].as_array().expect("signatures");
            assert_eq!(signatures.len(), 1);
            assert_eq!(
                (&signatures[0]["method"], &signatures[0]["keyid"]),
                (&method.into(), &keyid_of(&publisher.private(name)).as_str().into())
            );
            let client = publisher.client(&format!("client-{name}"));
            assert!(client.list(gun).unwrap_or_else(|error| panic!("{name}: {error}")).is_empty());
            // Whoever has it as a file tags with the stock client, where that can read such a file.
            if name != "ed" {
                client.import_key(&publisher.private(name), "targets", Some(gun));
                client.publish(gun, "v1", "content", &[]).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(publisher.client(&format!("other-{name}")).list(gun).expect("a client"), ["v1"]);
            }
        }
        // What the server would refuse does not even come in.
        let key = publisher.elsewhere("short", "targets");
        let short = publisher.place.join("rsa-1024.pem");
        openssl(&[
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:1024",
            "-out",
            short.to_str().expect("UTF-8"),
        ]);
        let public = openssl(&["pkey", "-in", short.to_str().expect("UTF-8"), "-pubout"]);
        std::fs::write(publisher.inputs().join("short.pub"), public).expect("a file");
        let mut room =
            publisher.begins("genesis-short", &genesis(&publisher, "short", &["docker.io/example/short"], &[&key]));
        let refused = loop {
            match room.turn() {
                Ok(()) => {}
                Err(officiant::fault::Error::Refused(refusal)) => break refusal,
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(refused.rule, Rule::KeyOnPaper, "{refused:?}");
        assert!(refused.what.contains("RSA from 2,048 bits on"), "{refused:?}");
    });
}
