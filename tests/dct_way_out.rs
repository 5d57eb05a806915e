//! The way out of Docker Content Trust: a publisher of the stock tools brings the offline key home, and the same officer opens a TUF 1.0 root
//! for the same content with the same token. Both are served side by side: the stock client goes on reading one, TUF clients read the other.
#![cfg(feature = "online")]

mod ceremony_support;
mod dct_support;
mod peers;
mod support;

use std::fs;

use ceremony_support::Room;
use dct_support::{GUNS, Publisher};
use officiant::{
    rules::Rule,
    tuf::{Dialect, Key, KeyId, RoleName, Root, Untrusted},
};
use peers::{
    Walk,
    notary::{self, Client, Keys, PASSPHRASE},
};
use support::on_softhsm;

const APP: &str = GUNS[0];
/// What the TUF repository of the peers holds under this name.
const CONTENT: (&str, &str) = ("hello.txt", "hello\n");

/// The file of the root key in a stock trust directory, and its id, which is its name.
fn root_key_of(owner: &Client) -> (std::path::PathBuf, KeyId) {
    let keys = fs::read_dir(owner.trust().join("private")).expect("keys");
    let file = keys
        .map(|entry| entry.expect("an entry").path())
        .find(|path| fs::read_to_string(path).expect("PEM").contains("role: root"))
        .expect("a root key");
    let id = KeyId::from(file.file_stem().expect("a name").to_str().expect("UTF-8").to_owned());
    (file, id)
}

/// A genesis of a TUF 1.0 root by one officer, with a token that holds its key already.
fn genesis(publisher: &Publisher, held: &KeyId, online: &Key) -> String {
    let roles: String = ["targets", "snapshot", "timestamp"]
        .iter()
        .map(|role| format!("\n[[role]]\nrole = \"{role}\"\nthreshold = 1\nkeys = [\"online\"]\n"))
        .collect();
    let step = |kind: &str, more: &str| format!("\n[[act.step]]\ndo = \"{kind}\"\n{more}");
    let steps = [
        step("roll-call", ""),
        step("script-words", "witness = \"sam\"\n"),
        step("confirm-clock", "who = [\"sam\"]\n"),
        step("preflight", ""),
        step("import-keys", ""),
        step("open-token", "token = \"home-1\"\n"),
        step("draft", ""),
        step("review", "witness = \"sam\"\nwho = [\"sam\"]\n"),
        step("sign", "token = \"home-1\"\n"),
        step("export", ""),
        step("close", "tokens = [\"home-1\"]\nwitness = \"sam\"\n"),
    ];
    format!(
        "format = 1\nceremony = \"genesis\"\ntitle = \"The way out\"\nrepository = \"example-content\"\nmedia = [\"stick A\", \"stick B\"]\n\n\
         [declares]\nsingle-control = true\nmerged-duties = true\nno-spare = true\n\n\
         [[people]]\nid = \"sam\"\nname = \"Sam Ferreira\"\nduties = [\"administrator\", \"operator\", \"officer\", \"witness\"]\n\n\
         [[module]]\nname = \"hsm\"\n{}\n\n\
         [[token]]\nalias = \"home-1\"\nholder = \"sam\"\ntag = \"blue\"\nmodule = \"hsm\"\nso-pin = \"sam\"\nkeyid = \"{held}\"\n\n\
         [[key]]\nname = \"home\"\nowner = \"Sam Ferreira\"\nfile = \"home-1.pem\"\nkeyid = \"{held}\"\nheld-by-token = \"home-1\"\n\n\
         [[key]]\nname = \"online\"\nowner = \"Repository server\"\nfile = \"online.pem\"\nkeyid = \"{}\"\nheld-by-server = true\n\n\
         [root]\nthreshold = 1\nkeys = [\"home-1\"]\nexpires = {{ days = 400, at-least-days = 365, at-most-days = 430 }}\n{roles}\n\
         [[act]]\ntitle = \"The whole day\"\n{}",
        publisher.module(),
        online.id(),
        steps.concat()
    )
}

#[test]
fn the_officer_of_an_offline_key_opens_a_tuf_root_with_the_same_token_and_both_are_served() {
    let test = "the_officer_of_an_offline_key_opens_a_tuf_root_with_the_same_token_and_both_are_served";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        // A publisher of the stock tools, today.
        let owner = publisher.client("owner");
        owner.does(&["init", "-p", APP]);
        owner.does(&["key", "rotate", APP, "snapshot", "-r"]);
        owner.publish(APP, CONTENT.0, CONTENT.1, &[]).expect("the owner tags");
        let early = publisher.client("early");
        assert_eq!(early.list(APP).expect("a client of the stock tools"), [CONTENT.0]);

        // The offline key comes home.
        let (file, id) = root_key_of(&owner);
        let path = file.to_str().expect("UTF-8");
        let plan = publisher
            .plan("dct-rotate-tagging-key", "at-2", &GUNS[..1])
            .brought("home-1", &id, path)
            .fresh("tag-1")
            .root(1, &["home-1"])
            .tagging(&["tag-1"])
            .tags("keep");
        let mut people = plan.people();
        people.passphrases.insert(path.into(), PASSPHRASE.into());
        let home = publisher.hold("home", &plan.text(&publisher.module()), people);
        publisher.publishes(&home.place);

        // The same token opens a TUF root. The script names its key as the card of that ceremony does.
        let inputs = publisher.inputs();
        fs::copy(home.place.join("a/keys/home-1.pem"), inputs.join("home-1.pem")).expect("a file");
        let (private, public) = peers::online_key(&publisher.place);
        fs::write(inputs.join("online.pem"), &public).expect("a file");
        let public = officiant::tuf::PublicKey::from_spki_pem(&public).expect("a public key");
        let text = genesis(&publisher, &id, &Dialect::Tuf1.key(&public).expect("a key"));
        let tuf = publisher.hold("tuf", &text, plan.people());
        let metadata = tuf.place.join("a/metadata");
        let root = fs::read(metadata.join("1.root.json")).expect("a root");
        let root = Untrusted::<Root>::parse(Dialect::Tuf1, root.as_slice()).expect("a root");
        let keys: Vec<_> = root
            .document()
            .keys_of(&RoleName::Root)
            .map(|(_, key)| key.public().canonical_id().expect("P-256"))
            .collect();
        assert_eq!(keys, std::slice::from_ref(&id), "the offline key of Docker Content Trust, under a keyid of TUF");

        // Both are read: one by TUF clients, the other by stock clients that have a trust directory, and that have none.
        let whole = publisher.place.join("whole");
        if peers::complete(&metadata, &[private.as_path()], &whole, None) {
            let (metadata, targets) = (whole.join("metadata"), whole.join("targets"));
            let root = metadata.join("1.root.json");
            let walk = Walk { root: &root, metadata: &metadata, targets: &targets, target: Some(CONTENT.0), at: None };
            for verdict in peers::walk(&walk) {
                assert!(verdict.ok && verdict.root == Some(1), "{verdict:?}");
            }
            let content = publisher.place.join("content");
            fs::write(&content, CONTENT.1).expect("a file");
            for client in [&early, &publisher.client("fresh")] {
                client.does(&["verify", APP, CONTENT.0, "-q", "-i", content.to_str().expect("UTF-8")]);
            }
        }

        // The token goes on serving the old side until it ends.
        let plan = publisher.plan("dct-renew", "at-3", &GUNS[..1]).held("home-1", &id).root(1, &["home-1"]).days(800);
        publisher.publishes(&publisher.holds("renewed", &plan).place);
        for client in [&early, &publisher.client("last")] {
            assert_eq!(client.list(APP).expect("both follow"), [CONTENT.0]);
        }

        // A key that is on none of the tokens is refused before anything is signed.
        let other = public.canonical_id().expect("P-256");
        fs::copy(inputs.join("online.pem"), inputs.join("home-1.pem")).expect("a file");
        let text = text.replace(id.as_str(), other.as_str());
        let mut room: Room = publisher.begin("other", &text, plan.people());
        let refused = loop {
            match room.turn() {
                Ok(()) => {}
                Err(officiant::fault::Error::Refused(refusal)) => break refusal,
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(refused.rule, Rule::TokenIsExpected);
        assert!(refused.what.contains("nothing was signed"), "{refused:?}");
    });
}
