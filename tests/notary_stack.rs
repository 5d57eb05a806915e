//! The peers of Docker Content Trust themselves: Debian's server and client and the Docker CLI go through a life cycle of their
//! own, so that what they say of our metadata means something.

#[cfg(feature = "online")]
mod courier_support;
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

/// Roots that another tool made, with the keys of this server in place of those of theirs, signed again by the keys that lie beside
/// them: first publication, another tagging key, another root key (old and new sign), the old one dropped.
#[test]
#[cfg(feature = "online")]
fn roots_of_another_tool_are_published_one_after_another_and_clients_follow_or_skipped() {
    use courier_support::{Courier, publication};
    use officiant::{
        digest::Digest,
        transfer::{Bundle, BundleFile, Gun, bundle::file_name, collection},
        tuf::{Dialect, Document, Key, Metadata as _, PublicKey, RawSignature, RoleName, Root, Signature},
    };
    use p256::{ecdsa::signature::Signer as _, pkcs8::DecodePrivateKey as _};

    let Some(vectors) = peers::recorded("notary/external-4443").filter(|_| notary::installed()) else { return };
    let pem = |name: &str| std::fs::read_to_string(vectors.join(format!("{name}.key.pem"))).expect("a key");
    let keys: Vec<_> = ["root1", "root2", "tag1", "tag2"]
        .map(|name| p256::ecdsa::SigningKey::from(p256::SecretKey::from_pkcs8_pem(&pem(name)).expect("PKCS#8")))
        .into();
    let read = |name: &str| std::fs::read(vectors.join(format!("{name}.json"))).expect("a vector");
    let first = Document::parse(Dialect::Notary, &read("v1-root")).expect("metadata");
    let first_root = first.as_root().expect("a root");
    let certificate =
        first_root.keys_of(&RoleName::Root).find_map(|(_, key)| key.certificate()).expect("a certificate");
    let gun = Gun::parse(&certificate.common_name()).expect("a name");

    let place = tempfile::tempdir().expect("a folder");
    let stack = Stack::start(place.path(), Keys::Local);
    let courier = Courier::new(place.path());
    let (url, ca) = (stack.url(), stack.ca().to_str().expect("UTF-8").to_owned());
    courier.does(&["collect", "--server", &url, "--ca", &ca, "--gun", gun.as_str(), "-o", "c"]);
    let served = |name: &str| -> Key {
        let file = place.path().join("c").join(collection::folder(&gun)).join(name);
        serde_json::from_slice(&std::fs::read(file).expect("it was collected")).expect("a key")
    };

    let sign = |payload: &[u8], keyid: &officiant::tuf::KeyId, key: &Key| -> Signature {
        let own = |signer: &&p256::ecdsa::SigningKey| PublicKey::P256(*signer.verifying_key()) == *key.public();
        let signer = keys.iter().find(own).expect("the key lies beside the vectors");
        let signature: p256::ecdsa::Signature = signer.sign(payload);
        let raw = RawSignature::new(signature.to_bytes().to_vec());
        Dialect::Notary.signature(keyid.clone(), key.public(), &raw).expect("a signature")
    };
    let mut before: Option<Root> = None;
    let (old, mut last) = (Client::new(&stack, &place.path().join("old")), vec![]);
    for (index, (root, targets)) in [
        ("v1-root", Some("v1-targets")),
        ("v2-tagging-rotated-root", Some("v2-tagging-rotated-targets")),
        ("v3-root-rotated-root", None),
        ("v4-old-root-dropped-root", None),
    ]
    .into_iter()
    .enumerate()
    {
        let received = Document::parse(Dialect::Notary, &read(root)).expect("metadata");
        let mut root = received.as_root().expect("a root").clone();
        for (role, file) in [(RoleName::Timestamp, "timestamp.key"), (RoleName::Snapshot, "snapshot.key")] {
            let key = served(file);
            let role = root.roles.get_mut(&role).expect("every root has it");
            root.keys.remove(&role.keyids[0]);
            role.keyids = vec![key.id()];
            root.keys.insert(key.id(), key);
        }
        let payload = Dialect::Notary.signed_bytes(&root);
        let signatures: Vec<_> = received
            .signatures()
            .iter()
            .map(|signature| {
                let known = |root: &Root| root.keys.get(&signature.keyid).cloned();
                let key = known(&root).or_else(|| known(before.as_ref()?)).expect("the key of a signature");
                sign(&payload, &signature.keyid, &key)
            })
            .collect();
        let mut files = vec![(RoleName::Root, root.version, Dialect::Notary.envelope(&payload, &signatures))];
        if let Some(targets) = targets {
            // It names no key of the server, and is published as it is.
            let bytes = read(targets);
            let Document::Targets(targets) = Document::parse(Dialect::Notary, &bytes).expect("metadata") else {
                panic!()
            };
            last = targets.document().targets.keys().cloned().collect();
            files.push((RoleName::Targets, targets.document().version(), bytes));
        }
        let list = files.iter().map(|(role, version, bytes)| BundleFile {
            role: role.clone(),
            file: file_name(role),
            version: *version,
            sha256: Digest::of(bytes),
            length: bytes.len() as u64,
        });
        let bundle = Bundle {
            dialect: Dialect::Notary,
            gun: gun.clone(),
            files: list.collect(),
            wants: vec![],
            enough: Default::default(),
        };
        let files = files.into_iter().map(|(role, _, bytes)| (file_name(&role), bytes)).collect();
        let folder = format!("publish-{index}");
        publication(&place.path().join(&folder), &[(bundle, files)]);
        courier.does(&["publish", &folder, "--server", &url, "--ca", &ca]);
        let fresh = Client::new(&stack, &place.path().join(format!("fresh-{index}")));
        for client in [&old, &fresh] {
            assert_eq!(client.list(gun.as_str()).expect("it follows"), last);
        }
        before = Some(root);
    }
}
