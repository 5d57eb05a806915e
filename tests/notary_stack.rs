//! The peers of Docker Content Trust themselves: Debian's server and client and the Docker CLI go through a life cycle of their
//! own, so that what they say of our metadata means something.

mod peers;

use std::path::Path;

use peers::{
    docker::{self, Docker, Engine},
    notary::{self, Client, Keys, Stack},
};

const GUN: &str = "localhost:5000/lab/stock";

#[test]
fn the_stock_client_lives_its_life_on_a_server_with_keys_of_its_own() {
    life_cycle(Keys::Local);
}

#[test]
fn the_stock_client_lives_its_life_on_a_server_with_a_signer() {
    life_cycle(Keys::Signer);
}

fn life_cycle(keys: Keys) {
    if !notary::installed() {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let stack = Stack::start(place.path(), keys);
    let owner = Client::new(&stack, &place.path().join("owner"));
    let early = Client::new(&stack, &place.path().join("early"));
    assert!(early.list(GUN).expect_err("nobody published yet").contains("does not have trust data for"));

    owner.does(&["init", "-p", GUN]);
    owner.publish(GUN, "v1", "first", &[]).expect("published");
    assert_eq!(early.list(GUN).expect("a client that meets it"), ["v1"]);
    assert!(early.does(&["lookup", GUN, "v1"]).starts_with("v1 "));
    let content = place.path().join("first");
    std::fs::write(&content, "first").expect("a file");
    let verify = |target: &str| {
        early.run(["verify", GUN, target, "-q", "-i", content.to_str().expect("UTF-8")]).status.success()
    };
    assert!(verify("v1"));
    std::fs::write(&content, "other").expect("a file");
    assert!(!verify("v1"));

    owner.does(&["key", "rotate", GUN, "snapshot", "-r"]);
    owner.does(&["key", "rotate", GUN, "targets"]);
    assert!(owner.run_saying(["key", "rotate", GUN, "root"], "yes\n").status.success());
    owner.publish(GUN, "v2", "second", &[]).expect("published");
    assert_eq!(early.list(GUN).expect("a client that walks"), ["v1", "v2"]);

    let (key, certificate) = signer(place.path());
    owner.does(&["delegation", "add", GUN, "targets/releases", &certificate, "--all-paths", "-p"]);
    let tagger = Client::new(&stack, &place.path().join("tagger"));
    tagger.import_key(Path::new(&key), "alice", None);
    tagger.publish(GUN, "r1", "released", &["targets/releases"]).expect("a delegate publishes");
    let fresh = Client::new(&stack, &place.path().join("fresh"));
    for client in [&early, &fresh] {
        assert_eq!(client.list(GUN).expect("both see it"), ["r1", "v1", "v2"]);
    }
    assert!(tagger.publish(GUN, "v3", "third", &[]).is_err(), "the delegate has no key for targets");
    let key_type = if keys == Keys::Local { "ed25519" } else { "ecdsa" };
    let root = std::fs::read_to_string(fresh.trust().join("tuf").join(GUN).join("metadata/root.json"));
    let root: serde_json::Value = serde_json::from_str(&root.expect("it cached the root")).expect("JSON");
    let timestamp = root["signed"]["roles"]["timestamp"]["keyids"][0].as_str().expect("a keyid");
    assert_eq!(root["signed"]["keys"][timestamp]["keytype"], key_type);
}

/// A P-256 key and its certificate, by openssl.
fn signer(folder: &Path) -> (String, String) {
    let [key, certificate] =
        ["alice.key", "alice.crt"].map(|name| folder.join(name).to_str().expect("UTF-8").to_owned());
    let mut command = std::process::Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "365",
    ]);
    command.args(["-subj", "/CN=alice", "-keyout", &key, "-out", &certificate]);
    assert!(command.output().expect("openssl starts").status.success());
    (key, certificate)
}

#[test]
fn docker_signs_and_pulls_by_the_digest_that_was_signed() {
    let Some(program) = docker::cli().filter(|_| notary::installed()) else { return };
    let place = tempfile::tempdir().expect("a folder");
    let stack = Stack::start(place.path(), Keys::Local);
    let digest = "0123456789abcdef".repeat(4);
    let engine = Engine::start(place.path(), &digest, 528);
    let image = "localhost:5000/lab/app";
    let publisher = Docker::new(program.clone(), &stack, &engine, &place.path().join("publisher"));
    publisher.does(&["trust", "key", "generate", "alice"]);
    publisher.does(&["trust", "signer", "add", "--key", "alice.pub", "alice", image]);
    publisher.does(&["trust", "sign", &format!("{image}:1.0")]);

    let user = Docker::new(program, &stack, &engine, &place.path().join("user"));
    let seen: serde_json::Value = serde_json::from_str(&user.does(&["trust", "inspect", image])).expect("JSON");
    assert_eq!(seen[0]["SignedTags"][0]["SignedTag"], "1.0");
    assert_eq!(seen[0]["SignedTags"][0]["Digest"], digest);
    assert_eq!(seen[0]["Signers"][0]["Name"], "alice");
    user.does(&["pull", &format!("{image}:1.0")]);
    assert_eq!(engine.pulled(), [format!("{image}@sha256:{digest}")]);
    assert!(user.fails(&["pull", &format!("{image}:2.0")]).contains("No valid trust data for 2.0"));
    assert_eq!(engine.pulled().len(), 1);
}
