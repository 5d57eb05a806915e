//! A stolen tagging key: another takes its place, what the thief changed is judged, and the stock tools refuse the thief and take the
//! new owner, wherever the new key is kept.
#![cfg(feature = "online")]

mod ceremony_support;
mod dct_support;
mod peers;
mod support;

use std::{fs, path::Path};

use ceremony_support::Room;
use dct_support::{GUNS, PASSPHRASE, Publisher, keyid_of, openssl, sign, small};
use officiant::{
    ceremony::{
        Pending,
        prompt::{Input, Scene},
    },
    rules::Rule,
    tuf::{Dialect, Key, Metadata as _, PublicKey, RawSignature, Targets, Untrusted},
};
use peers::notary::{self, Client, Keys};
use support::on_softhsm;

/// Goes to where tags are judged, and decides each.
fn judge(room: &mut Room, keep: &[(&str, &str)]) -> Vec<String> {
    let words = |pending: &Pending| match pending {
        Pending::Ask(prompt) => match &prompt.input {
            Input::Word(choices) => choices.iter().map(|choice| choice.word).collect(),
            _ => vec![],
        },
        _ => vec![],
    };
    room.until(|pending, _| words(pending) == ["EACH", "DROP", "KEEP"]);
    let Scene::List { lines, .. } = room.prompt().scene else { panic!("a list") };
    room.word("EACH");
    let mut asked = vec![];
    while words(&room.ceremony().pending()) == ["DROP", "KEEP"] {
        let Scene::Plain { ask } = room.prompt().scene else { panic!("a question") };
        let keeps = keep.iter().any(|(gun, what)| ask.starts_with(&format!("{gun}: {what}.")));
        room.word(if keeps { "KEEP" } else { "DROP" });
        asked.push(ask);
    }
    assert_eq!(asked.len(), lines.len(), "each of them is asked about");
    lines.to_vec()
}

/// A certificate as `notary delegation add` takes it.
fn certificate(key: &Path) -> String {
    let certificate = key.with_extension("crt");
    let (key, out) = (key.to_str().expect("UTF-8"), certificate.to_str().expect("UTF-8"));
    openssl(&["req", "-x509", "-new", "-key", key, "-days", "365", "-subj", "/CN=thief", "-out", out]);
    out.to_owned()
}

/// The next targets as whoever holds `key` would write and sign them.
fn next_targets(publisher: &Publisher, gun: &str, key: &Path) -> Vec<u8> {
    let bytes = publisher.served(gun, "targets.json").expect("targets");
    let mut targets =
        Untrusted::<Targets>::parse(Dialect::Notary, bytes.as_slice()).expect("targets").document().clone();
    targets.version += 1;
    let payload = Dialect::Notary.signed_bytes(&targets);
    let (file, signature) = (publisher.place.join("forged"), publisher.place.join("forged.sig"));
    fs::write(&file, &payload).expect("a file");
    sign(key, &file, &signature);
    let der = fs::read(&signature).expect("a signature");
    let raw = p256::ecdsa::Signature::from_der(&der).expect("DER").to_bytes().to_vec();
    let pem = openssl(&["pkey", "-in", key.to_str().expect("UTF-8"), "-pubout"]);
    let public = PublicKey::from_spki_pem(&String::from_utf8(pem).expect("PEM")).expect("a key");
    let id = Dialect::Notary.key(&public).as_ref().map(Key::id).expect("a key of the dialect");
    let signature = Dialect::Notary.signature(id, &public, &RawSignature::new(raw)).expect("a signature");
    assert_eq!(targets.version(), targets.version);
    Dialect::Notary.envelope(&payload, &[signature])
}

/// Nothing that the thief holds is worth anything any more: not to the server, and not in the stock client.
fn the_thief_is_out(publisher: &Publisher, thief: &Client, gun: &str) {
    let forged = next_targets(publisher, gun, &publisher.private("old"));
    let (status, said) = publisher.uploads(gun, &[("targets", &forged)]);
    assert_eq!(status, 400, "{said}");
    assert!(said.contains("valid signatures did not meet threshold for targets"), "{said}");
    let said = thief.publish(gun, "evil-too", "evil", &[]).expect_err("the thief's key is no key of this repository");
    assert!(said.contains("could not find necessary signing keys"), "{said}");
}

fn tag(client: &Client, gun: &str, name: &str, content: &str, roles: &[&str]) {
    client.publish(gun, name, content, roles).unwrap_or_else(|said| panic!("{gun} {name}: {said}"));
}

#[test]
fn what_a_thief_changed_is_judged_one_by_one_and_goes_back_to_what_it_was() {
    let test = "what_a_thief_changed_is_judged_one_by_one_and_goes_back_to_what_it_was";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let (old, alice) = (publisher.elsewhere("old", "targets"), publisher.elsewhere("alice", "targets/alice"));
        let genesis = publisher.begins_with_a_key_in_a_file(&old, &[&alice]);
        let [app, db, web] = GUNS;
        let (owner, tagger) = (publisher.client("owner"), publisher.client("tagger"));
        tagger.import_key(&publisher.private("alice"), "alice", None);
        for gun in GUNS {
            owner.import_key(&publisher.private("old"), "targets", Some(gun));
            tag(&owner, gun, "v1", "first", &[]);
            tag(&tagger, gun, "r1", "released", &["targets/releases"]);
        }
        let early = publisher.client("early");
        assert_eq!(early.list(app).expect("a client"), ["r1", "v1"]);
        let first = early.does(&["lookup", app, "v1"]);
        let before = publisher.collect(&GUNS, "before");
        let whole = |gun: &str| publisher.served_json(gun, "targets.json")["signed"].clone();
        let (honest, untouched) = (whole(app), publisher.served(web, "targets/releases.json").expect("a file"));

        // The thief has the tagging key's file. In app it moves a tag, adds one, lets itself in beside alice, and takes over what
        // Docker reads first; in db it adds a tag; web it leaves alone.
        let thief = publisher.client("thief");
        for gun in GUNS {
            thief.import_key(&publisher.private("old"), "targets", Some(gun));
        }
        let _ = publisher.elsewhere("evil", "targets/evil");
        let crt = certificate(&publisher.private("evil"));
        tag(&thief, app, "evil", "evil", &[]);
        thief.does(&["remove", app, "v1"]);
        tag(&thief, app, "v1", "moved", &[]);
        thief.does(&["delegation", "add", app, "targets/evil", &crt, "--all-paths", "-p"]);
        thief.does(&["delegation", "add", app, "targets/releases", &crt, "--all-paths", "-p"]);
        thief.import_key(&publisher.private("evil"), "evil", None);
        tag(&thief, app, "r1", "poisoned", &["targets/releases"]);
        thief.does(&["delegation", "remove", app, "targets/releases", alice.keyid.as_str(), "-y", "-p"]);
        tag(&thief, db, "evil", "evil", &[]);
        assert!(publisher.client("victim").does(&["lookup", app, "r1"]).len() > 10);

        // Tags are held against what was there before.
        let plan = small(publisher.plan("dct-rotate-tagging-key", "today", &GUNS), &genesis)
            .fresh("tag-2")
            .tagging(&["tag-2"])
            .before("before", before);
        let mut room = publisher.begins("rotation", &plan);
        let lines = judge(&mut room, &[(db, "evil")]);
        let expected = [
            format!("{app}  evil"),
            format!("{app}  v1"),
            format!("{app}  delegation targets/evil"),
            format!("{app}  delegation targets/releases"),
            format!("{db}  evil"),
        ];
        assert_eq!(lines, expected);
        publisher.finishes(&mut room);

        // What alice signs again is what she had signed, not what the thief made of it.
        let published = publisher.published(&room);
        let wants: Vec<_> = publisher
            .bundle(&published, app)
            .wants
            .iter()
            .map(|want| (want.role.to_string(), want.keyid.clone()))
            .collect();
        assert_eq!(wants, [("targets/releases".to_owned(), alice.keyid.clone())]);
        let said = publisher.publish_folder(&published);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.out.contains("2 published") && said.out.contains(Rule::BundleComplete.name()), "{said:?}");
        let complete = room.place.join("complete");
        assert_eq!(publisher.completes(&published, "alice", &[app], &complete).code, Some(0));
        let said = publisher.publish_folder(&complete);
        assert_eq!(said.code, Some(0), "{said:?}");

        let now = whole(app);
        assert_eq!(now["targets"], honest["targets"]);
        assert_eq!(now["delegations"], honest["delegations"]);
        assert_eq!(publisher.served(web, "targets/releases.json").expect("a file"), untouched, "byte for byte");
        let fresh = publisher.client("fresh");
        for client in [&early, &fresh] {
            assert_eq!(client.list(app).expect("both follow"), ["r1", "v1"]);
            assert_eq!(client.list(db).expect("both follow"), ["evil", "r1", "v1"], "people kept that one");
            assert_eq!(client.list(web).expect("both follow"), ["r1", "v1"]);
            assert_eq!(client.does(&["lookup", app, "v1"]), first);
            assert_eq!(
                client.does(&["lookup", app, "r1"]),
                client.does(&["lookup", web, "r1"]),
                "as alice released it"
            );
        }
        for gun in GUNS {
            the_thief_is_out(&publisher, &thief, gun);
        }
        tag(&tagger, app, "r2", "released", &["targets/releases"]);
        assert_eq!(early.list(app).expect("it follows"), ["r1", "r2", "v1"]);
    });
}

#[test]
fn a_new_tagging_key_from_elsewhere_is_waited_for_and_tags_in_the_stock_client() {
    let test = "a_new_tagging_key_from_elsewhere_is_waited_for_and_tags_in_the_stock_client";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Signer);
        let old = publisher.elsewhere("old", "targets");
        let genesis = publisher.begins_with_a_key_in_a_file(&old, &[]);
        let thief = publisher.client("thief");
        for gun in GUNS {
            thief.import_key(&publisher.private("old"), "targets", Some(gun));
            tag(&thief, gun, "v1", "first", &[]);
        }
        let early = publisher.client("early");
        assert_eq!(early.list(GUNS[0]).expect("a client"), ["v1"]);

        // Nothing is known from before the compromise: every tag is one that the thief may have made, and all go.
        let new = publisher.elsewhere("new", "targets");
        let plan = small(publisher.plan("dct-rotate-tagging-key", "today", &GUNS), &genesis)
            .key(&new)
            .tagging(&["new"])
            .tags("drop");
        let room = publisher.holds("rotation", &plan);
        let said = publisher.publish(&room.place);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(
            said.out.contains("0 published") && said.out.contains("targets 3 by new of the release team"),
            "{said:?}"
        );
        assert_eq!(early.list(GUNS[0]).expect("nothing happened"), ["v1"]);
        // A signature by another key than the one that is waited for is not taken in.
        let forged = publisher.place.join("forged.sig");
        let payload = publisher.published(&room).join("repositories/docker.io%2Fexample%2Fapp/targets.payload");
        sign(&publisher.private("old"), &payload, &forged);
        let [folder, forged, out] = [publisher.published(&room), forged, publisher.place.join("never")];
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let refused = publisher.offline(&[
            "complete",
            &text(&folder),
            "--gun",
            GUNS[0],
            "--role",
            "targets",
            "--keyid",
            new.keyid.as_str(),
            "--signature",
            &text(&forged),
            "-o",
            &text(&out),
        ]);
        assert!(refused.code == Some(1) && refused.err.contains(Rule::SignatureVerifies.name()), "{refused:?}");
        assert!(!out.exists());

        publisher.completes_and_publishes(&room, &["new"], &GUNS);
        let fresh = publisher.client("fresh");
        let tagger = publisher.client("tagger");
        for gun in GUNS {
            for client in [&early, &fresh] {
                assert_eq!(client.list(gun).expect("both follow"), Vec::<String>::new());
            }
            the_thief_is_out(&publisher, &thief, gun);
            tagger.import_key(&publisher.private("new"), "targets", Some(gun));
            tag(&tagger, gun, "v2", "second", &[]);
            for client in [&early, &fresh] {
                assert_eq!(client.list(gun).expect("both follow"), ["v2"]);
            }
        }
    });
}

#[test]
fn a_tagging_key_that_is_handed_over_completes_its_bundles_and_tags_in_the_stock_client() {
    let test = "a_tagging_key_that_is_handed_over_completes_its_bundles_and_tags_in_the_stock_client";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let old = publisher.elsewhere("old", "targets");
        let genesis = publisher.begins_with_a_key_in_a_file(&old, &[]);
        let thief = publisher.client("thief");
        thief.import_key(&publisher.private("old"), "targets", Some(GUNS[0]));
        tag(&thief, GUNS[0], "v1", "first", &[]);
        let early = publisher.client("early");
        assert_eq!(early.list(GUNS[0]).expect("a client"), ["v1"]);

        let plan = small(publisher.plan("dct-rotate-tagging-key", "today", &GUNS[..1]), &genesis)
            .hands_over("handed", "targets", Some(GUNS[0]))
            .tagging(&["handed"])
            .tags("keep");
        let room = publisher.holds("rotation", &plan);
        let want = publisher.bundle(&publisher.published(&room), GUNS[0]).wants.remove(0);
        assert_eq!((want.role.as_str(), want.owner.as_str()), ("targets", "Sam Ferreira"));

        // Its keeper opens the file with nothing but OpenSSL, which does not know the headers of the stock tools.
        let file = room.place.join("a/keys/handed.key");
        let stripped: String = fs::read_to_string(&file)
            .expect("the key's file")
            .lines()
            .filter(|line| !line.contains(": ") && !line.is_empty())
            .map(|line| format!("{line}\n"))
            .collect();
        let locked = publisher.place.join("handed.locked");
        fs::write(&locked, stripped).expect("a file");
        let opened = publisher.private("handed");
        let [locked, out] = [&locked, &opened].map(|path| path.to_str().expect("UTF-8"));
        openssl(&["pkey", "-in", locked, "-passin", &format!("pass:{PASSPHRASE}"), "-out", out]);
        assert_eq!(keyid_of(&opened), want.keyid);
        publisher.completes_and_publishes(&room, &["handed"], &GUNS[..1]);

        // The stock client takes the file as it is, with its passphrase.
        let tagger = publisher.client("tagger");
        tagger.does(&["key", "import", file.to_str().expect("UTF-8")]);
        tag(&tagger, GUNS[0], "v2", "second", &[]);
        for client in [&early, &publisher.client("fresh")] {
            assert_eq!(client.list(GUNS[0]).expect("both follow"), ["v1", "v2"]);
        }
        the_thief_is_out(&publisher, &thief, GUNS[0]);
    });
}

#[test]
fn todays_tagging_key_does_not_follow_itself() {
    let test = "todays_tagging_key_does_not_follow_itself";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let old = publisher.elsewhere("old", "targets");
        let genesis = publisher.begins_with_a_key_in_a_file(&old, &[]);
        let again = publisher.shows("old", "again", "targets");
        let plan = small(publisher.plan("dct-rotate-tagging-key", "today", &GUNS), &genesis)
            .key(&again)
            .tagging(&["again"])
            .tags("keep");
        let mut room = publisher.begins("rotation", &plan);
        room.until(|_, ceremony| ceremony.position().number == "0.9");
        let refused = loop {
            match room.turn() {
                Ok(()) => {}
                Err(officiant::fault::Error::Refused(refusal)) => break refusal,
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(refused.rule, Rule::DraftIsTheChange);
        assert!(refused.what.starts_with("Every repository is left out."), "{}", refused.what);
    });
}
