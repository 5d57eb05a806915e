//! The courier against Debian's Notary server, with the stock client as judge of what it published.
#![cfg(feature = "online")]

mod courier_support;
mod peers;

use std::{fs, path::Path, process::Command, thread::sleep, time::Duration};

use courier_support::{Courier, Repository, by, key, publication};
use officiant::{
    rules::Rule,
    transfer::{Bundle, Collection, Gun, Manifest, Part, collection},
    tuf::{Document, RoleName},
};
use peers::{
    docker::{self, Docker, Engine},
    notary::{self, Client, Keys, Stack, TokenServer},
};

/// A server, and a place in which the courier works.
struct Room {
    place: tempfile::TempDir,
    stack: Stack,
    courier: Courier,
}

impl Room {
    fn new(keys: Keys) -> Option<Self> {
        Self::with(keys, |_| None)
    }

    fn with(keys: Keys, realm: impl FnOnce(&notary::Pki) -> Option<String>) -> Option<Self> {
        if !notary::installed() {
            return None;
        }
        let place = tempfile::tempdir().expect("a folder");
        let stack = Stack::start_with(place.path(), keys, realm);
        let courier = Courier::new(place.path());
        Some(Self { place, stack, courier })
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join(name)
    }

    /// The arguments that lead to the server.
    fn to_server<'a>(&self, args: &[&'a str], kept: &'a mut Vec<String>) -> Vec<&'a str> {
        *kept = vec![self.stack.url(), self.stack.ca().to_str().expect("UTF-8").to_owned()];
        [args, &["--server", &kept[0], "--ca", &kept[1]]].concat()
    }

    fn run(&self, args: &[&str]) -> courier_support::Ended {
        let mut kept = vec![];
        self.courier.run(&self.to_server(args, &mut kept))
    }

    fn does(&self, args: &[&str]) -> courier_support::Ended {
        let mut kept = vec![];
        self.courier.does(&self.to_server(args, &mut kept))
    }

    fn client(&self, name: &str) -> Client {
        Client::new(&self.stack, &self.path(name))
    }

    /// Collects these into the new folder `name`.
    fn collected(&self, name: &str, guns: &[&str]) -> std::path::PathBuf {
        let mut args = vec!["collect", "-o", name];
        args.extend(guns.iter().flat_map(|gun| ["--gun", *gun]));
        self.does(&args);
        self.path(name)
    }
}

/// The collection in a folder, its manifest held against every file.
fn open(folder: &Path) -> Collection {
    let manifest = Manifest::parse(&fs::read(folder.join("MANIFEST")).expect("a manifest")).expect("strict lines");
    for entry in manifest.entries() {
        manifest.check(&entry.path, &fs::read(folder.join(&entry.path)).expect("a listed file")).expect("as listed");
    }
    Collection::open(manifest, &fs::read(folder.join("inventory.txt")).expect("a list")).expect("a collection")
}

fn gun(name: &str) -> Gun {
    Gun::parse(name).expect("a name")
}

const APP: &str = "localhost:5000/lab/app";

#[test]
fn a_repository_is_born_and_its_tagging_key_replaced_on_a_server_with_keys_of_its_own() {
    life(Keys::Local);
}

#[test]
fn a_repository_is_born_and_its_tagging_key_replaced_on_a_server_with_a_signer() {
    life(Keys::Signer);
}

fn life(keys: Keys) {
    let Some(room) = Room::new(keys) else { return };
    let said = room.does(&["collect", "--gun", APP, "-o", "before"]);
    assert!(said.err.contains(&format!("collected  {APP}  new to the server: its two keys")), "{said:?}");
    let before = open(&room.path("before"));
    assert!(before.repository(&gun(APP)).expect("it was asked for").is_new());

    let first = Repository::new(&room.path("before"), APP, 1, 2);
    publication(&room.path("publish"), &[first.bundle(true)]);
    let said = room.does(&["publish", "publish", "--check"]);
    assert!(said.out.contains("1 good, 0 failed; nothing was published"), "{said:?}");
    assert!(!room.path("publish.journal.jsonl").exists());
    assert!(room.client("nobody").list(APP).is_err());
    let said = room.does(&["publish", "publish"]);
    assert!(
        said.err.contains(&format!("published  {APP}  root 1, targets 1; snapshot 1 names these very bytes")),
        "{said:?}"
    );
    let old = room.client("old");
    assert_eq!(old.list(APP).expect("a client that meets it"), ["v1"]);

    // The owner of the new tagging key was not at the ceremony.
    let collected = room.collected("between", &[APP]);
    let between = open(&collected);
    let listing = between.repository(&gun(APP)).expect("it was asked for");
    let parts: Vec<_> = listing.parts().map(|(part, _)| part.to_string()).collect();
    assert_eq!(parts, ["1.root.json", "root.json", "snapshot.key", "targets.json", "timestamp.key"]);
    assert_eq!(
        fs::read(collected.join(&listing.get(&Part::CurrentRoot).expect("a root").path)).expect("it"),
        first.bundle(true).1["root.json"]
    );
    let second = first.rotated(3).with_target("v2");
    publication(&room.path("rotation"), &[second.bundle(false)]);
    let refused = room.run(&["publish", "rotation"]);
    assert_eq!(refused.code, 1);
    assert!(refused.out.contains("BUNDLE-COMPLETE") && refused.out.contains("targets 2 by Tanja"), "{refused:?}");
    assert_eq!(old.list(APP).expect("nothing happened"), ["v1"]);

    complete_with_openssl(&room, &second);
    let said = room.does(&["publish", "complete"]);
    assert!(said.err.contains("root 2, targets 2; snapshot 2 names"), "{said:?}");
    for client in [&old, &room.client("fresh")] {
        assert_eq!(client.list(APP).expect("both follow"), ["v1", "v2"]);
    }

    // The old tagging key publishes nothing any more; the new one does, in the stock client.
    let pem = |seed: u8| {
        let path = room.path(&format!("{seed}.pem"));
        fs::write(&path, openssl_key(seed)).expect("a file");
        path
    };
    let thief = room.client("thief");
    thief.import_key(&pem(2), "targets", Some(APP));
    assert!(thief.publish(APP, "evil", "x", &[]).is_err());
    let tagger = room.client("tagger");
    tagger.import_key(&pem(3), "targets", Some(APP));
    tagger.publish(APP, "v3", "third", &[]).expect("the new key works");
    assert_eq!(old.list(APP).expect("it follows"), ["v1", "v2", "v3"]);

    let after = open(&room.collected("after", &[APP]));
    let roots = after.repository(&gun(APP)).expect("it was asked for").roots();
    assert_eq!(roots.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [1, 2]);
    let checked =
        Command::new("sha256sum").args(["--check", "--quiet", "MANIFEST"]).current_dir(room.path("after")).status();
    assert!(checked.expect("coreutils").success());
}

fn openssl_key(seed: u8) -> String {
    use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
    let key = p256::SecretKey::from(courier_support::signer(seed));
    key.to_pkcs8_pem(LineEnding::LF).expect("a PEM").to_string()
}

/// As the owner does it, with nothing but openssl and the file.
fn complete_with_openssl(room: &Room, repository: &Repository) {
    fs::write(room.path("tagging.pem"), openssl_key(repository.tagging_seed)).expect("a file");
    let payload = room.path("rotation").join(collection::folder(&repository.gun)).join("targets.payload");
    let sign = |out: &Path| {
        let mut openssl = Command::new("openssl");
        openssl.args(["dgst", "-sha256", "-sign"]).arg(room.path("tagging.pem")).arg("-out").arg(out).arg(&payload);
        assert!(openssl.status().expect("openssl starts").success());
    };
    sign(&room.path("targets.sig"));
    let keyid = key(repository.tagging_seed).id();
    let args = |keyid: &'static str| {
        ["complete", "rotation", "--gun", APP, "--role", "targets", "--keyid", keyid, "--signature"]
    };
    let keyid: &'static str = keyid.as_str().to_owned().leak();
    let said = room.courier.does(&[&args(keyid)[..], &["targets.sig", "-o", "complete"]].concat());
    assert!(said.out.contains("1 signatures taken in, 0 still wanted"), "{said:?}");
    // Signatures that are not wanted, not good, or for somebody else stay out, and nothing is written.
    fs::write(room.path("bad.sig"), b"x").expect("a file");
    let bad = room.courier.run(&[&args(keyid)[..], &["bad.sig", "-o", "other"]].concat());
    assert!(bad.code == 1 && bad.err.contains("SIGNATURE-VERIFIES"), "{bad:?}");
    let unwanted = room.courier.run(&[&args("00")[..], &["targets.sig", "-o", "other"]].concat());
    assert!(unwanted.code == 1 && unwanted.err.contains("BUNDLE-COMPLETE"), "{unwanted:?}");
    let twice = room.courier.run(&[&args(keyid)[..], &["targets.sig", "-o", "complete"]].concat());
    assert!(twice.code == 1 && twice.err.contains("OUTPUT-FRESH"), "{twice:?}");
    assert!(!room.path("other").exists());
    // The same for many at once: signatures beside the payloads.
    sign(&payload.with_extension("payload.sig"));
    room.courier.does(&["complete", "rotation", "--signatures", "rotation", "-o", "complete-too"]);
    fs::remove_file(payload.with_extension("payload.sig")).expect("it was made");
    let bundle = |name: &str| {
        Bundle::parse(
            &fs::read(room.path(name).join(collection::folder(&repository.gun)).join("bundle.json")).expect("it"),
        )
        .expect("a bundle")
    };
    assert!(bundle("complete").wants.is_empty() && bundle("complete-too").wants.is_empty());
    assert_eq!(bundle("rotation").wants.len(), 1);
}

#[test]
fn what_was_tampered_with_is_not_published() {
    let Some(room) = Room::new(Keys::Local) else { return };
    let repository = Repository::new(&room.collected("c", &[APP]), APP, 1, 2);
    let (bundle, files) = repository.bundle(true);
    publication(&room.path("p"), &[(bundle.clone(), files.clone())]);
    let place = room.path("p").join(collection::folder(&repository.gun));
    let targets = fs::read(place.join("targets.json")).expect("it");
    let expect = |rule: Rule| {
        let refused = room.run(&["publish", "p"]);
        let _ = fs::remove_file(room.path("p.journal.jsonl"));
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(format!("{}{}", refused.out, refused.err).contains(rule.name()), "{rule}: {refused:?}");
        assert!(room.client("judge").list(APP).is_err(), "nothing was published");
    };
    // A file, then bundle.json as well, then the manifest too: a signature of nobody is found last.
    let other = repository.clone().with_target("evil");
    let payload = courier_support::DIALECT.signed_bytes(&other.targets);
    let evil = courier_support::DIALECT.envelope(&payload, &[by(9, &payload)]);
    fs::write(place.join("targets.json"), &evil).expect("a file");
    expect(Rule::BytesMatchHash);
    fs::write(place.join("targets.json"), [&targets[..], b"\n"].concat()).expect("a file");
    expect(Rule::BytesMatchHash);
    fs::write(place.join("targets.json"), &targets).expect("a file");
    let text = fs::read_to_string(place.join("bundle.json")).expect("it");
    fs::write(place.join("bundle.json"), text.replace("\"length\":", "\"length\":1")).expect("a file");
    expect(Rule::BytesMatchHash);
    let mut forged = files.clone();
    forged.insert("targets.json".into(), evil.clone());
    let mut lying = bundle.clone();
    (lying.files[1].sha256, lying.files[1].length) = (officiant::digest::Digest::of(&evil), evil.len() as u64);
    fs::remove_dir_all(room.path("p")).expect("it is there");
    publication(&room.path("p"), &[(lying, forged)]);
    expect(Rule::RoleTally);
}

#[test]
fn what_the_server_would_take_and_no_client_could_read_is_not_published() {
    let Some(room) = Room::new(Keys::Local) else { return };
    let repository = Repository::new(&room.collected("c", &[APP]), APP, 1, 2);
    let refused = |name: &str, bundle: &Bundle, files: &std::collections::BTreeMap<String, Vec<u8>>, rule: Rule| {
        publication(&room.path(name), &[(bundle.clone(), files.clone())]);
        let ended = room.run(&["publish", name]);
        assert!(ended.code == 1 && ended.out.contains(rule.name()), "{rule}: {ended:?}");
    };
    let change =
        |bundle: &mut Bundle, files: &mut std::collections::BTreeMap<String, Vec<u8>>, at: usize, bytes: Vec<u8>| {
            let file = &mut bundle.files[at];
            (file.sha256, file.length) = (officiant::digest::Digest::of(&bytes), bytes.len() as u64);
            files.insert(file.file.clone(), bytes);
        };
    // Good signatures in other bytes than Notary writes.
    let (mut bundle, mut files) = repository.bundle(true);
    let newline = [&files["targets.json"][..], b"\n"].concat();
    change(&mut bundle, &mut files, 1, newline);
    refused("newline", &bundle, &files, Rule::NotaryBytes);
    // A first root alone, and later one that changes the tagging key and leaves the old targets.
    let (mut bundle, mut files) = repository.bundle(true);
    bundle.files.truncate(1);
    files.remove("targets.json");
    refused("alone", &bundle, &files, Rule::BundleComplete);
    publication(&room.path("good"), &[repository.bundle(true)]);
    room.does(&["publish", "good"]);
    let (mut bundle, mut files) = repository.clone().rotated(3).bundle(true);
    bundle.files.truncate(1);
    files.remove("targets.json");
    refused("half", &bundle, &files, Rule::BundleComplete);
    // A certificate for another repository.
    let mut other = repository.clone().rotated(3);
    let key = courier_support::certified("lab/other", 1, courier_support::instant("2046-01-01T00:00:00Z"));
    other.root.keys.insert(key.id(), key.clone());
    other.root.roles.get_mut(&RoleName::Root).expect("a role").keyids = vec![key.id()];
    let (bundle, files) = other.bundle(true);
    refused("certificate", &bundle, &files, Rule::CertFitsGun);
    let client = room.client("client");
    assert_eq!(client.list(APP).expect("as it was"), ["v1"]);
    // What does not need new targets may go alone.
    let mut renewed = repository;
    renewed.root.version = 2;
    let (mut bundle, mut files) = renewed.bundle(true);
    bundle.files.truncate(1);
    files.remove("targets.json");
    publication(&room.path("renewed"), &[(bundle, files)]);
    let said = room.does(&["publish", "renewed", "--check"]);
    assert!(
        said.err.contains("good       localhost:5000/lab/app  root 2") && said.err.contains("note       "),
        "{said:?}"
    );
    let said = room.does(&["publish", "renewed"]);
    assert!(said.err.contains("root 2; snapshot 2 names"), "{said:?}");
    assert_eq!(client.list(APP).expect("it follows"), ["v1"]);
}

#[test]
fn docker_pulls_by_the_digest_in_what_was_published_and_signs_with_the_new_tagging_key() {
    let Some(program) = docker::cli() else { return };
    let Some(room) = Room::new(Keys::Local) else { return };
    let engine = Engine::start(room.place.path(), &"0123456789abcdef".repeat(4), 528);
    let first = Repository::new(&room.collected("c", &[APP]), APP, 1, 2);
    publication(&room.path("p"), &[first.bundle(true)]);
    room.does(&["publish", "p"]);
    let user = Docker::new(program.clone(), &room.stack, &engine, &room.path("user"));
    let tag = |name: &str| format!("{APP}:{name}");
    user.does(&["pull", &tag("v1")]);
    publication(&room.path("q"), &[first.rotated(3).with_target("v2").bundle(true)]);
    room.does(&["publish", "q"]);
    user.does(&["pull", &tag("v2")]);
    // The SHA-256 of nothing, which stands in the targets.
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(engine.pulled(), vec![format!("{APP}@sha256:{digest}"); 2]);
    assert!(user.fails(&["pull", &tag("v3")]).contains("No valid trust data for v3"));

    let publisher = Docker::new(program, &room.stack, &engine, &room.path("publisher"));
    fs::write(room.path("tagging.pem"), openssl_key(3)).expect("a file");
    fs::set_permissions(room.path("tagging.pem"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("its mode");
    publisher.does(&["trust", "key", "load", room.path("tagging.pem").to_str().expect("UTF-8"), "--name", "tagging"]);
    publisher.does(&["trust", "sign", &tag("v4")]);
    user.does(&["pull", &tag("v4")]);
    assert_eq!(engine.pulled().last(), Some(&format!("{APP}@sha256:{}", "0123456789abcdef".repeat(4))));
}

#[test]
fn one_that_fails_among_many_is_listed_and_the_rest_is_done() {
    let Some(room) = Room::new(Keys::Local) else { return };
    let names = ["lab/a", "lab/b", "lab/c"];
    let collected = room.collected("c", &names);
    let all = names.map(|name| Repository::new(&collected, name, 1, 2));
    // Somebody else is faster with one of them, and goes on to root 2.
    publication(&room.path("faster"), &[all[1].bundle(true)]);
    room.does(&["publish", "faster"]);
    publication(&room.path("faster2"), &[all[1].clone().rotated(4).bundle(true)]);
    room.does(&["publish", "faster2"]);
    let mine = all.clone().map(|repository| repository.with_target("mine").bundle(true));
    publication(&room.path("publish"), &mine);
    let ended = room.run(&["publish", "publish"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.out.contains("2 published, 0 kept from before, 1 failed"), "{ended:?}");
    assert!(
        ended
            .out
            .contains("failed     lab/b  ROOT-VERSION-STEP: The server holds root 2 of lab/b; the bundle brings 1."),
        "{ended:?}"
    );
    assert!(ended.out.contains("collect again"), "{ended:?}");
    let client = room.client("client");
    assert_eq!(client.list("lab/a").expect("published"), ["mine", "v1"]);
    assert_eq!(client.list("lab/c").expect("published"), ["mine", "v1"]);
    assert_eq!(client.list("lab/b").expect("as it was"), ["v1"]);
    // Again: what is done is not sent again, what failed is tried again.
    let again = room.run(&["publish", "publish", "--json"]);
    assert_eq!(again.code, 1);
    let report: serde_json::Value = serde_json::from_str(&again.out).expect("JSON");
    assert_eq!(report["kept"], 2);
    assert_eq!(report["failed"][0]["failure"]["rule"], "ROOT-VERSION-STEP");
    // Without the journal, what the server has already counts as done.
    fs::remove_file(room.path("publish.journal.jsonl")).expect("it is there");
    let ended = room.run(&["publish", "publish", "--gun", "lab/a"]);
    assert!(ended.code == 0 && ended.err.contains("there      lab/a"), "{ended:?}");
    // The journal of one folder is not that of another.
    fs::rename(room.path("publish.journal.jsonl"), room.path("faster.journal.jsonl")).expect("it is there");
    let other = room.run(&["publish", "faster"]);
    assert!(other.code == 1 && other.err.contains("journal of another publication"), "{other:?}");
}

#[test]
fn a_publication_that_was_killed_goes_on_where_it_stopped() {
    let Some(room) = Room::new(Keys::Local) else { return };
    let names: Vec<String> = (0..40).map(|number| format!("lab/app-{number:02}")).collect();
    fs::write(room.path("guns.txt"), names.join("\n")).expect("a file");
    room.does(&["collect", "--inventory", "guns.txt", "-o", "c"]);
    let bundles: Vec<_> = names.iter().map(|name| Repository::new(&room.path("c"), name, 1, 2).bundle(true)).collect();
    publication(&room.path("p"), &bundles);
    let mut kept = vec![];
    let args = room.to_server(&["publish", "p"], &mut kept);
    let mut child = room
        .courier
        .command(&args)
        .stderr(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    let journal = room.path("p.journal.jsonl");
    let done = || fs::read_to_string(&journal).unwrap_or_default().matches("\"event\":\"published\"").count();
    while done() < 5 && child.try_wait().expect("a child").is_none() {
        sleep(Duration::from_millis(1));
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ended");
    let before = done();
    assert!((5..40).contains(&before), "it was killed in the middle: {before}");
    // As if the power had gone while a line was written.
    let mut text = fs::read(&journal).expect("the journal");
    text.extend_from_slice(b"{\"event\":\"publi");
    fs::write(&journal, text).expect("a file");
    let ended = room.does(&["publish", "p"]);
    assert!(
        ended.out.contains(&format!("{} published, {before} kept from before, 0 failed", 40 - before)),
        "{ended:?}"
    );
    assert_eq!(done(), 40);
    let client = room.client("client");
    for name in [&names[0], &names[20], &names[39]] {
        assert_eq!(client.list(name).expect("published"), ["v1"]);
    }
}

#[test]
fn an_answer_that_is_lost_is_looked_for_at_the_server() {
    let Some(room) = Room::new(Keys::Local) else { return };
    publication(&room.path("p"), &[Repository::new(&room.collected("c", &[APP]), APP, 1, 2).bundle(true)]);
    // It hands everything on, and is gone before it answers what was published.
    let (base, ca) = (room.stack.url(), fs::read(room.stack.ca()).expect("a certificate"));
    let between = peers::http::Server::start(move |request| {
        let answer = hand_on(&base, &ca, request);
        if request.method == "POST" { peers::http::Response::new(0, "") } else { answer }
    });
    let ended = room.courier.run(&["publish", "p", "--server", &between.url()]);
    assert!(ended.code == 0 && ended.err.contains("published  localhost:5000/lab/app"), "{ended:?}");
    assert_eq!(between.seen().iter().filter(|request| request.method == "POST").count(), 1);
    assert_eq!(room.client("client").list(APP).expect("published"), ["v1"]);
}

/// Asks the real server what a stand-in was asked.
fn hand_on(base: &str, ca: &[u8], request: &peers::http::Request) -> peers::http::Response {
    use ureq::tls::{Certificate, RootCerts, TlsConfig};
    let roots = RootCerts::new_with_certs(&[Certificate::from_pem(ca).expect("a certificate")]);
    let config = ureq::Agent::config_builder().tls_config(TlsConfig::builder().root_certs(roots).build());
    let agent = config.http_status_as_error(false).proxy(None).build().new_agent();
    let url = format!("{base}{}", request.target);
    let answer = if request.method == "POST" {
        let kind = request.content_type.clone().expect("a form");
        agent.post(&url).header("Content-Type", kind).send(&request.body[..])
    } else {
        agent.get(&url).call()
    };
    let mut answer = answer.expect("the server answers");
    peers::http::Response::new(answer.status().as_u16(), answer.body_mut().read_to_vec().expect("a body"))
}

#[test]
fn tokens_are_fetched_where_the_server_asks_for_them() {
    let mut tokens = None;
    let Some(mut room) = Room::with(Keys::Local, |pki| {
        let server = TokenServer::start(pki, "ada", "secret", "forbidden");
        let realm = server.realm();
        tokens = Some(server);
        Some(realm)
    }) else {
        return;
    };
    let tokens = tokens.expect("it was started");
    let refused = room.run(&["collect", "--gun", APP, "-o", "c"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.out.contains("status 401 for anybody") && refused.out.contains("NOTARY_AUTH"), "{refused:?}");
    assert!(refused.out.contains("no MANIFEST yet"), "{refused:?}");
    // base64 of ada:wrong, then of ada:secret.
    room.courier.auth = Some("YWRhOndyb25n".into());
    let refused = room.run(&["collect", "--gun", APP, "-o", "c"]);
    assert!(refused.code == 1 && refused.out.contains("for these credentials"), "{refused:?}");
    room.courier.auth = Some("YWRhOnNlY3JldA==".into());
    room.does(&["collect", "--gun", APP, "-o", "c"]);
    publication(&room.path("p"), &[Repository::new(&room.path("c"), APP, 1, 2).bundle(true)]);
    let said = room.does(&["publish", "p"]);
    assert!(!format!("{said:?}").contains("YWRh"), "credentials are not told");
    let scopes = tokens.scopes();
    for actions in ["pull", "push,pull"] {
        assert!(scopes.contains(&format!("repository:{APP}:{actions}")), "{scopes:?}");
    }
    let denied = room.run(&["collect", "--gun", "lab/forbidden", "--gun", APP, "-o", "d", "--leave-out-failed"]);
    assert_eq!(denied.code, 1, "{denied:?}");
    assert!(
        denied.out.contains("failed     lab/forbidden") && denied.out.contains("1 collected, 1 failed"),
        "{denied:?}"
    );
    assert_eq!(open(&room.path("d")).inventory().guns(), [gun(APP)]);
    // From a Docker configuration.
    room.courier.auth = None;
    fs::write(room.path("config.json"), r#"{"auths":{"localhost:5000":{"auth":"YWRhOnNlY3JldA=="}}}"#).expect("a file");
    room.does(&["collect", "--gun", APP, "-o", "e", "--docker-config", "config.json"]);
}

#[test]
fn a_collection_goes_on_where_it_stopped_and_is_closed_last() {
    let Some(room) = Room::new(Keys::Local) else { return };
    let owner = room.client("owner");
    owner.does(&["init", "-p", "lab/stock"]);
    owner.publish("lab/stock", "v1", "x", &[]).expect("published");
    fs::write(room.path("guns.txt"), "# two of them\nlab/stock\nlab/new\n").expect("a file");
    room.does(&["collect", "--inventory", "guns.txt", "-o", "c"]);
    let collection = open(&room.path("c"));
    let stock = collection.repository(&gun("lab/stock")).expect("it was asked for");
    assert!(stock.get(&Part::Snapshot).is_some(), "its publisher holds the snapshot key");
    assert!(stock.get(&Part::Targets).is_some());
    assert!(!room.path("c.collecting").exists());
    let again = room.run(&["collect", "--inventory", "guns.txt", "-o", "c"]);
    assert!(again.code == 1 && again.err.contains("OUTPUT-FRESH"), "{again:?}");

    // As a run leaves it that was killed before it closed the folder, and while it wrote one repository.
    let run = format!(
        r#"{{"source":"{}","inventory":"{}"}}"#,
        room.stack.url(),
        officiant::digest::Digest::of(b"lab/new\nlab/stock\n")
    );
    fs::write(room.path("c.collecting"), run).expect("a file");
    for name in ["MANIFEST", "inventory.txt"] {
        fs::remove_file(room.path("c").join(name)).expect("it is there");
    }
    fs::rename(room.path("c/repositories/lab%2Fnew"), room.path("c/fetching")).expect("it is there");
    let other = room.run(&["collect", "--gun", "lab/other", "-o", "c"]);
    assert!(other.code == 1 && other.err.contains("begun for other repositories"), "{other:?}");
    let on = room.does(&["collect", "--inventory", "guns.txt", "-o", "c"]);
    assert!(on.err.contains("kept       lab/stock") && on.err.contains("collected  lab/new"), "{on:?}");
    open(&room.path("c"));
}

#[test]
fn delegations_are_collected_and_their_ends_watched() {
    let Some(room) = Room::new(Keys::Local) else { return };
    let repository = Repository::new(&room.collected("c", &[APP]), APP, 1, 2).delegating("targets/releases", 3);
    let (mut bundle, mut files) = repository.bundle(true);
    let mut releases = repository.targets.clone();
    (releases.delegations, releases.expires) =
        (None, officiant::utc::Utc::parse("2027-01-01T00:00:00Z").expect("an instant"));
    let payload = courier_support::DIALECT.signed_bytes(&releases);
    let bytes = courier_support::DIALECT.envelope(&payload, &[by(3, &payload)]);
    let role = RoleName::from("targets/releases");
    bundle.files.push(officiant::transfer::BundleFile {
        file: "targets/releases.json".into(),
        version: 1,
        sha256: officiant::digest::Digest::of(&bytes),
        length: bytes.len() as u64,
        role: role.clone(),
    });
    files.insert("targets/releases.json".into(), bytes.clone());
    publication(&room.path("p"), &[(bundle, files)]);
    let said = room.does(&["publish", "p"]);
    assert!(said.err.contains("root 1, targets 1, targets/releases 1; snapshot 1 names"), "{said:?}");
    let collected = room.collected("d", &[APP]);
    let collection = open(&collected);
    let listing = collection.repository(&gun(APP)).expect("it was asked for");
    let entry = listing.get(&Part::Delegation(role)).expect("it was collected");
    assert_eq!(fs::read(collected.join(&entry.path)).expect("it"), bytes);
    assert!(Document::parse(courier_support::DIALECT, &bytes).is_ok());

    let days = (officiant::utc::Utc::parse("2027-01-01T00:00:00Z").expect("an instant").seconds()
        - std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs() as i64)
        / 86_400;
    let later = room.run(&["watch", "--gun", APP, "--days", "0"]);
    assert_eq!(later.code, if days < 0 { 1 } else { 0 }, "{later:?}");
    let lines: Vec<_> = later.out.lines().collect();
    assert!(lines[0].contains("2027-01-01") && lines[0].contains("targets/releases 1"), "{later:?}");
    assert!(lines[1].contains(&format!("{APP}  root 1 less six months: whoever publishes")), "{later:?}");
    assert!(later.out.contains("2046-01-01") && later.out.contains("certificate of root key"), "{later:?}");
    let soon = room.run(&["watch", "--gun", APP, "--days", "100000", "--json"]);
    assert_eq!(soon.code, 1);
    let report: serde_json::Value = serde_json::from_str(&soon.out).expect("JSON");
    assert_eq!(report["deadlines"].as_array().map(Vec::len), Some(5));
    // For cron: nothing is said where nothing is near, and what is near otherwise.
    let quiet = room.run(&["watch", "--gun", APP, "--days", "0", "--quiet"]);
    assert_eq!((quiet.code, quiet.out.is_empty()), if days < 0 { (1, false) } else { (0, true) }, "{quiet:?}");
    let near = room.run(&["watch", "--gun", APP, "--days", &(days.max(0) + 1).to_string(), "--quiet"]);
    assert_eq!((near.code, near.out.lines().count()), (1, 2), "the one that is near, and the count: {near:?}");
    assert!(near.out.contains("targets/releases 1") && !near.out.contains("root 1"), "{near:?}");
    let failed = room.run(&["watch", "--gun", "lab/absent", "--days", "0", "--quiet"]);
    assert!(failed.code == 3 && failed.out.contains("lab/absent"), "{failed:?}");
    let absent = room.run(&["watch", "--gun", APP, "--gun", "lab/absent", "--days", "0"]);
    assert!(absent.code == 3 && absent.out.contains("lab/absent") && absent.out.contains("root 1"), "{absent:?}");
}

#[test]
fn a_server_whose_certificate_nobody_trusts_is_not_spoken_to() {
    let Some(room) = Room::new(Keys::Local) else { return };
    let ended = room.courier.run(&["collect", "--server", &room.stack.url(), "--gun", APP, "-o", "c"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.out.contains("--ca"), "{ended:?}");
}
