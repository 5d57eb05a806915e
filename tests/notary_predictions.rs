//! What a stock Notary server and client would do, case by case: uploads made here with software keys, and spoilt one way each.
//! What the cases claim was seen on notary 0.7.0 or read in its source.

mod notary_support;

use std::{fs, process::Command};

use notary_support::{GUN, Shop, Signer, document, predict, rule, shop, signatures};
use officiant::{
    rules::Rule,
    tuf::{
        Certificate, Dialect, Key, KeyId, RoleName, Root, RootChange, Targets, Untrusted, amend,
        bundle::{self, Resign},
        walk::{Files, Walk},
    },
};
use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
use serde_json::{Value, json};

const NOW: &str = "2026-11-24T00:00:00Z";

fn fresh(files: &Files) -> Walk {
    predict(GUN, files, None, NOW)
}

/// The rule for the first upload with one of its files replaced.
fn with(file: &str, bytes: Vec<u8>) -> Option<Rule> {
    let mut files = shop().files();
    files.insert(file.into(), bytes);
    rule(&fresh(&files))
}

fn in_root(spoil: impl FnOnce(&mut Value)) -> Option<Rule> {
    with("root.json", shop().first_root(spoil))
}

fn in_targets(spoil: impl FnOnce(&mut Value)) -> Option<Rule> {
    with("targets.json", shop().targets(spoil))
}

fn text(bytes: Vec<u8>, change: impl FnOnce(String) -> String) -> Vec<u8> {
    change(String::from_utf8(bytes).expect("UTF-8")).into_bytes()
}

/// A root 1 of these root keys, signed by each of them.
fn root_by(shop: &Shop, keys: &[(Key, &Signer)], spoil: impl FnOnce(&mut Value)) -> Vec<u8> {
    let listed: Vec<Key> = keys.iter().map(|(key, _)| key.clone()).collect();
    let mut signed = shop.root_signed(1, &listed, &[shop.tagging.bare()]);
    spoil(&mut signed);
    let by: Vec<(KeyId, &Signer)> = keys.iter().map(|(key, signer)| (key.id(), *signer)).collect();
    document(&signed, &by)
}

#[test]
fn the_upload_that_nobody_spoilt_works() {
    let walk = fresh(&shop().files());
    assert_eq!((walk.refusal, walk.root_version), (None, 1));
    assert_eq!(walk.steps.len(), 3);
    assert!(walk.root.is_some());
    assert_eq!(rule(&predict("docker.io/example/other", &shop().files(), None, NOW)), Some(Rule::CertFitsGun));
}

#[test]
fn what_does_no_harm_is_let_through() {
    assert_eq!(in_root(|root| root["consistent_snapshot"] = json!(true)), None);
    assert_eq!(in_root(|root| root["expires"] = json!("2036-10-01T00:00:00+02:00")), None);
    assert_eq!(in_root(|root| root["expires"] = json!("2036-10-01T00:00:00.123456789Z")), None);
    assert_eq!(in_root(|root| root["expires"] = json!("2126-10-01T00:00:00Z")), None);
    assert_eq!(in_root(|root| root["version"] = json!(2)), None, "a first root may have version 2");
    let unused = Signer::p256(40).bare();
    assert_eq!(in_root(|root| root["keys"][unused.id().as_str()] = json!(unused)), None);
    assert_eq!(in_targets(|targets| targets["version"] = json!(9)), None);
    assert_eq!(in_targets(|targets| targets["targets"] = json!({})), None);
    assert_eq!(in_targets(|targets| targets["targets"]["v1"]["custom"] = json!({"a": ["<", 1]})), None);
    assert_eq!(in_targets(|targets| targets["targets"]["a&<>\u{2028}é"] = targets["targets"]["v1"].clone()), None);
    assert_eq!(
        in_targets(|targets| drop(targets["delegations"]["roles"][0].as_object_mut().expect("a role").remove("paths"))),
        None
    );
    let mut without = shop().files();
    without.remove("targets/releases.json");
    let walk = fresh(&without);
    assert_eq!(rule(&walk), None);
    assert!(
        walk.notes.iter().any(|note| note.contains("targets/releases") && note.contains("1 of")),
        "{:?}",
        walk.notes
    );
}

#[test]
fn signatures_that_are_strange_and_do_no_harm() {
    let shop = shop();
    let key = shop.root_key();
    let signed = document(&shop.root_signed(1, std::slice::from_ref(&key), &[shop.tagging.bare()]), &[]);
    let received: Untrusted<Root> = Untrusted::parse(Dialect::Notary, signed).expect("a root");
    let good = signatures(received.signed(), &[(key.id(), &shop.root)]).remove(0);
    let bad = signatures(b"other", &[(key.id(), &shop.root)]).remove(0);
    let stranger = signatures(received.signed(), &[(KeyId::from("ab"), &shop.tagging)]).remove(0);
    for list in [
        vec![good.clone(), good.clone()],
        vec![bad.clone(), good.clone()],
        vec![good.clone(), bad.clone()],
        vec![stranger, good],
    ] {
        assert_eq!(with("root.json", Dialect::Notary.envelope(received.signed(), &list)), None);
    }
    for list in [vec![bad.clone(), bad], vec![]] {
        assert_eq!(with("root.json", Dialect::Notary.envelope(received.signed(), &list)), Some(Rule::RootTallyNew));
    }
}

#[test]
fn bytes_that_notary_would_not_write_break_every_client() {
    let root = || shop().first_root(|_| ());
    let pretty = |bytes: Vec<u8>| {
        let value: Value = serde_json::from_slice(&bytes).expect("JSON");
        serde_json::to_vec_pretty(&value).expect("JSON")
    };
    let turned = |bytes: Vec<u8>| {
        text(bytes, |t| {
            let (signed, signatures) = t.split_once(",\"signatures\":").expect("two members");
            format!("{{\"signatures\":{},{}}}", signatures.trim_end_matches('}'), &signed[1..])
        })
    };
    for (what, bytes) in [
        ("pretty", pretty(root())),
        ("a newline at the end", [root(), b"\n".to_vec()].concat()),
        ("a blank", text(root(), |t| t.replacen(':', ": ", 1))),
        ("the method in capitals", text(root(), |t| t.replace("\"ecdsa\",\"sig\"", "\"ECDSA\",\"sig\""))),
        ("signatures first", turned(root())),
        (
            "members of a signature turned",
            text(root(), |t| t.replace("\"method\":\"ecdsa\",", "").replace("\"}]}", "\",\"method\":\"ecdsa\"}]}")),
        ),
        ("a member more beside signed", text(root(), |t| t.replacen('{', "{\"a\":1,", 1))),
        ("an escape that is not needed", text(root(), |t| t.replacen("Root", "\\u0052oot", 1))),
    ] {
        assert_eq!(with("root.json", bytes), Some(Rule::NotaryBytes), "{what}");
    }
    for (what, spoil) in [
        ("another offset for none", &|root: &mut Value| root["expires"] = json!("2036-10-01T00:00:00+00:00") as _),
        ("a fraction of zeros", &|root: &mut Value| root["expires"] = json!("2036-10-01T00:00:00.000Z")),
        ("zeros behind a fraction", &|root: &mut Value| root["expires"] = json!("2036-10-01T00:00:00.120Z")),
        ("a specification", &|root: &mut Value| root["spec_version"] = json!("1.0.31")),
        ("an unknown member", &|root: &mut Value| root["x"] = json!(null)),
        ("an unknown member of a role", &|root: &mut Value| root["roles"]["root"]["x"] = json!(1)),
        ("no consistent_snapshot", &|root: &mut Value| {
            drop(root.as_object_mut().expect("members").remove("consistent_snapshot"))
        }),
    ] as [(&str, &dyn Fn(&mut Value)); 7]
    {
        assert_eq!(in_root(spoil), Some(Rule::NotaryBytes), "{what}");
    }
    let name = |t: String| t.replace("a\\u0026b", "a&b");
    let raw = text(shop().targets(|targets| targets["targets"]["a&b"] = targets["targets"]["v1"].clone()), name);
    assert_eq!(with("targets.json", raw), Some(Rule::NotaryBytes), "a raw & on the wire");
    assert_eq!(
        in_targets(|targets| drop(targets.as_object_mut().expect("members").remove("delegations"))),
        Some(Rule::NotaryBytes)
    );
    assert_eq!(in_targets(|targets| targets["delegations"]["roles"][0]["paths"] = json!([])), Some(Rule::NotaryBytes));
    assert_eq!(
        in_targets(|targets| targets["delegations"]["roles"][0]["terminating"] = json!(true)),
        Some(Rule::NotaryBytes)
    );
    assert_eq!(in_targets(|targets| targets["targets"]["v1"]["custom"] = json!(null)), Some(Rule::NotaryBytes));
    let mut keys = shop().targets_signed();
    let id = keys["delegations"]["roles"][0]["keyids"][0].as_str().expect("a keyid").to_owned();
    keys["delegations"]["keys"][&id]["keyval"].as_object_mut().expect("a keyval").remove("private");
    assert_eq!(in_targets(|targets| *targets = keys), Some(Rule::NotaryBytes));
    assert_eq!(
        with("targets/releases.json", [shop().releases(|_| ()), b" ".to_vec()].concat()),
        Some(Rule::NotaryBytes)
    );
}

#[test]
fn what_the_server_cannot_read_it_refuses() {
    for (what, spoil) in [
        ("the type of TUF 1.0", &|root: &mut Value| root["_type"] = json!("root") as _),
        ("a version as text", &|root: &mut Value| root["version"] = json!("1")),
        ("version 0", &|root: &mut Value| root["version"] = json!(0)),
        ("no zone", &|root: &mut Value| root["expires"] = json!("2036-10-01T00:00:00")),
        ("ten digits", &|root: &mut Value| root["expires"] = json!("2036-10-01T00:00:00.1234567891Z")),
        ("a small z", &|root: &mut Value| root["expires"] = json!("2036-10-01T00:00:00z")),
        ("a blank for T", &|root: &mut Value| root["expires"] = json!("2036-10-01 00:00:00Z")),
        ("a threshold of 0", &|root: &mut Value| root["roles"]["root"]["threshold"] = json!(0)),
        ("no snapshot role", &|root: &mut Value| {
            drop(root["roles"].as_object_mut().expect("roles").remove("snapshot"))
        }),
        ("a keyid without a key", &|root: &mut Value| root["roles"]["targets"]["keyids"] = json!(["ab"])),
    ] as [(&str, &dyn Fn(&mut Value)); 10]
    {
        assert_eq!(in_root(spoil), Some(Rule::MetadataWellFormed), "{what}");
    }
    let twice = text(shop().first_root(|_| ()), |t| t.replace("\"version\":1", "\"version\":1,\"version\":1"));
    assert_eq!(with("root.json", twice), Some(Rule::MetadataWellFormed), "a member twice");
    assert_eq!(
        in_targets(|targets| targets["targets"]["a\nb"] = targets["targets"]["v1"].clone()),
        Some(Rule::MetadataWellFormed)
    );
    assert_eq!(
        in_targets(|targets| targets["targets"]["v1"]["hashes"]["sha256"] = json!("no base64")),
        Some(Rule::MetadataWellFormed)
    );
    assert_eq!(in_root(|root| root["version"] = json!(3)), Some(Rule::RootVersionStep));
    assert_eq!(in_root(|root| root["expires"] = json!("2026-11-23T00:00:00Z")), Some(Rule::NotExpired));
    assert_eq!(in_targets(|targets| targets["expires"] = json!("2026-11-23T00:00:00Z")), Some(Rule::NotExpired));
    assert_eq!(in_root(|root| root["roles"]["root"]["threshold"] = json!(2)), Some(Rule::ThresholdReachable));
    let private = in_root(|root| {
        let id = root["roles"]["targets"]["keyids"][0].as_str().expect("a keyid").to_owned();
        root["keys"][&id]["keyval"]["private"] = json!("AAAA");
    });
    assert_eq!(private, Some(Rule::MetadataWellFormed), "a private key in public");
}

#[test]
fn a_hash_in_hexadecimal_is_taken_and_finds_nothing() {
    let mut files = shop().files();
    let hash = json!("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    files.insert("targets.json".into(), shop().targets(|targets| targets["targets"]["v1"]["hashes"]["sha256"] = hash));
    let walk = fresh(&files);
    assert_eq!(rule(&walk), None);
    assert!(walk.notes.iter().any(|note| note.contains("has not 32 bytes")), "{:?}", walk.notes);
}

#[test]
fn keyids_that_are_not_the_hash_of_their_key() {
    let renamed = |role: &str| {
        in_root(|root| {
            let id = root["roles"][role]["keyids"][0].as_str().expect("a keyid").to_owned();
            let key = root["keys"].as_object_mut().expect("keys").remove(&id).expect("its key");
            root["keys"]["ab"] = key;
            root["roles"][role]["keyids"] = json!(["ab"]);
        })
    };
    assert_eq!(renamed("root"), Some(Rule::KeyidMatchesKey));
    assert_eq!(renamed("timestamp"), Some(Rule::KeyidMatchesKey));
    let shop = shop();
    let mut targets = shop.targets_signed();
    let bytes = document(&targets, &[(KeyId::from("ab"), &shop.tagging)]);
    let mut files = shop.files();
    let root = shop.first_root(|root| {
        root["keys"]["ab"] = json!(shop.tagging.bare());
        root["roles"]["targets"]["keyids"] = json!(["ab"]);
    });
    files.insert("root.json".into(), root);
    files.insert("targets.json".into(), bytes);
    assert_eq!(rule(&fresh(&files)), Some(Rule::KeyidMatchesKey));
    // In a delegation the same.
    let alice = shop.alice.bare();
    targets["delegations"]["keys"] = json!({"cd": alice});
    targets["delegations"]["roles"][0]["keyids"] = json!(["cd"]);
    let mut files = shop.files();
    files.insert("targets.json".into(), document(&targets, &[(shop.tagging.bare().id(), &shop.tagging)]));
    files.insert("targets/releases.json".into(), document(&shop.targets_signed(), &[(KeyId::from("cd"), &shop.alice)]));
    assert_eq!(rule(&fresh(&files)), Some(Rule::KeyidMatchesKey));
}

#[test]
fn signatures_that_are_none() {
    let root = shop().first_root(|_| ());
    let signature = |change: &dyn Fn(&[u8]) -> String| {
        let received: Untrusted<Root> = Untrusted::parse(Dialect::Notary, root.as_slice()).expect("a root");
        let mut signature = received.signatures()[0].clone();
        signature.sig = change(&notary_support::base64(&signature.sig));
        with("root.json", Dialect::Notary.envelope(received.signed(), &[signature]))
    };
    let base64 = |bytes: &[u8]| {
        use base64ct::Encoding as _;
        base64ct::Base64::encode_string(bytes)
    };
    assert_eq!(signature(&|raw| base64(raw)), None);
    let der = |raw: &[u8]| p256::ecdsa::Signature::from_slice(raw).expect("a signature").to_der().as_bytes().to_vec();
    assert_eq!(signature(&|raw| base64(&der(raw))), Some(Rule::RootTallyNew), "DER");
    assert_eq!(signature(&|raw| officiant::digest::to_hex(raw)), Some(Rule::RootTallyNew), "hexadecimal");
    assert_eq!(signature(&|_| String::new()), Some(Rule::RootTallyNew), "empty");
    assert_eq!(signature(&|raw| base64(&[raw, &[0]].concat())), Some(Rule::RootTallyNew), "a byte more");
    let method = |method: &str| {
        with(
            "root.json",
            text(root.clone(), |t| t.replace("\"method\":\"ecdsa\"", &format!("\"method\":\"{method}\""))),
        )
    };
    assert_eq!(method("eddsa"), Some(Rule::RootTallyNew));
    assert_eq!(method("rsapss"), Some(Rule::RootTallyNew));
    assert_eq!(method(""), Some(Rule::RootTallyNew));
}

/// What OpenSSL makes: a certificate of this key by these arguments. `None` where it is not here.
fn by_openssl(key: &str, arguments: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key.pem");
    fs::write(&path, key).expect("written");
    let subject = format!("/CN={}", GUN.replace('/', "\\/"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-new", "-days", "3650", "-subj", &subject, "-key"])
        .arg(&path)
        .args(arguments)
        .output();
    let made = made.ok()?;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(String::from_utf8(made.stdout).expect("PEM"))
}

/// A key object whose certificate is spelt so.
fn spelt(keytype: &str, pem: &str) -> Key {
    use base64ct::Encoding as _;
    let public = base64ct::Base64::encode_string(pem.as_bytes());
    let key = json!({"keytype": keytype, "keyval": {"private": null, "public": public}});
    Key::read(Dialect::Notary, serde_json::from_value(key).expect("JSON")).expect("a key")
}

/// The verdict on an upload whose one root key travels so, at an instant at which OpenSSL's certificates of today are valid.
fn by_key(key: Key, signer: &Signer) -> Option<Rule> {
    let shop = shop();
    let mut files = shop.files();
    files.insert("root.json".into(), root_by(&shop, &[(key.clone(), signer)], |_| ()));
    let begins = key
        .certificate()
        .map(|leaf| leaf.others().iter().fold(leaf.not_before(), |at, other| at.max(other.not_before())));
    let now = begins.map_or_else(|| notary_support::at(NOW), |begins| begins.plus_days(1));
    rule(&predict(GUN, &files, None, &now.to_string()))
}

#[test]
fn certificates_that_do_not_count() {
    let signer = Signer::p256(1);
    let pem = signer.certificate(GUN, "2026-11-20T00:00:00Z", "2036-11-20T00:00:00Z").to_pem();
    let dated = |from: &str, until: &str| {
        let key = spelt("ecdsa-x509", &signer.certificate(GUN, from, until).to_pem());
        with("root.json", root_by(&shop(), &[(key, &signer)], |_| ()))
    };
    assert_eq!(by_key(spelt("ecdsa-x509", &pem), &signer), None);
    assert_eq!(by_key(signer.bare(), &signer), Some(Rule::CertValid), "no certificate");
    assert_eq!(by_key(Signer::ed25519(1).bare(), &Signer::ed25519(1)), Some(Rule::CertValid), "Ed25519");
    assert_eq!(dated("2026-01-01T00:00:00Z", "2026-11-23T23:59:59Z"), Some(Rule::CertValid), "ended");
    assert_eq!(dated("2026-11-26T00:00:00Z", "2036-11-20T00:00:00Z"), Some(Rule::CertValid), "not begun");
    assert_eq!(dated("2026-11-24T23:00:00Z", "2036-11-20T00:00:00Z"), None, "begins within the day");
    for (what, spelling) in [
        ("CRLF", pem.replace('\n', "\r\n")),
        ("no newline at the end", pem.trim_end().to_owned()),
        ("text before", format!("subject=x\n{pem}")),
        ("text after", format!("{pem}x\n")),
        ("other lines", {
            let lines: Vec<&str> = pem.lines().collect();
            let body: Vec<char> = lines[1..lines.len() - 1].concat().chars().collect();
            let folded: Vec<String> = body.chunks(76).map(|line| line.iter().collect()).collect();
            format!("{}\n{}\n{}\n", lines[0], folded.join("\n"), lines[lines.len() - 1])
        }),
    ] {
        assert_eq!(by_key(spelt("ecdsa-x509", &spelling), &signer), Some(Rule::NotaryBytes), "{what}");
    }
    assert_eq!(by_key(spelt("ecdsa-x509", &pem.repeat(2)), &signer), Some(Rule::CertValid), "two leaves");
    let Signer::P256(key) = &signer else { unreachable!("P-256") };
    let secret = p256::SecretKey::from(key.as_nonzero_scalar()).to_pkcs8_pem(LineEnding::LF).expect("PEM");
    let authority = Signer::p256(77);
    let Signer::P256(key) = &authority else { unreachable!("P-256") };
    let authority = p256::SecretKey::from(key.as_nonzero_scalar()).to_pkcs8_pem(LineEnding::LF).expect("PEM");
    let Some(ca) = by_openssl(&secret, &["-addext", "basicConstraints=critical,CA:TRUE"]) else {
        return println!("skipped: openssl is not here");
    };
    assert_eq!(by_key(spelt("ecdsa-x509", &ca), &signer), Some(Rule::CertValid), "an authority's");
    let above = by_openssl(&authority, &["-addext", "basicConstraints=critical,CA:TRUE"]).expect("openssl");
    assert_eq!(by_key(spelt("ecdsa-x509", &format!("{pem}{above}")), &signer), None, "a leaf and its authority");
    assert_eq!(
        by_key(spelt("ecdsa-x509", &format!("{above}{pem}")), &signer),
        Some(Rule::CertValid),
        "the authority first"
    );
    // OpenSSL adds CA:TRUE unless it is told otherwise.
    let leaf = ["-addext", "basicConstraints=CA:FALSE"];
    let sha1 = by_openssl(&secret, &[&leaf[..], &["-sha1"]].concat()).expect("openssl");
    assert!(Certificate::from_pem(&sha1).expect("a certificate").is_sha1_signed());
    assert_eq!(by_key(spelt("ecdsa-x509", &sha1), &signer), Some(Rule::CertValid), "SHA-1");
    let plain = by_openssl(&secret, &leaf).expect("openssl");
    assert_eq!(by_key(spelt("ecdsa-x509", &plain), &signer), None, "OpenSSL's own certificate");
    assert_eq!(by_key(spelt("rsa-x509", &plain), &signer), Some(Rule::NotaryBytes), "an ECDSA key that says RSA");
    let p384 = Signer::p384(5);
    let Signer::P384(key) = &p384 else { unreachable!("P-384") };
    let secret = p384::SecretKey::from(key.as_nonzero_scalar()).to_pkcs8_pem(LineEnding::LF).expect("PEM");
    let plain = by_openssl(&secret, &leaf).expect("openssl");
    assert_eq!(by_key(spelt("ecdsa-x509", &plain), &p384), None, "P-384, over SHA-256");
    let rsa = |bits: &str| {
        let made = Command::new("openssl").args(["genrsa", bits]).output().expect("openssl");
        spelt("rsa-x509", &by_openssl(&String::from_utf8(made.stdout).expect("PEM"), &leaf).expect("openssl"))
    };
    assert_eq!(by_key(rsa("1024"), &signer), Some(Rule::CertValid), "RSA of 1024 bits");
    assert_eq!(by_key(rsa("2048"), &signer), Some(Rule::RootTallyNew), "RSA of 2048 bits, and another's signature");
}

#[test]
fn a_certificate_counts_that_anybody_signed() {
    let signer = Signer::p256(1);
    let mut der = signer.certificate(GUN, "2026-11-20T00:00:00Z", "2036-11-20T00:00:00Z").der().to_vec();
    *der.last_mut().expect("bytes") ^= 1;
    let pem = Certificate::from_der(&der).expect("a certificate").to_pem();
    assert_eq!(by_key(spelt("ecdsa-x509", &pem), &signer), None);
}

#[test]
fn one_key_in_two_certificates_is_one_signer() {
    let (shop, signer) = (shop(), Signer::p256(1));
    let (one, other) = (signer.certified(GUN), signer.certified("docker.io/example/*"));
    let two = |root: &mut Value| root["roles"]["root"]["threshold"] = json!(2);
    let mut files = shop.files();
    files.insert("root.json".into(), root_by(&shop, &[(one.clone(), &signer), (other, &signer)], two));
    assert_eq!(rule(&fresh(&files)), Some(Rule::KeyCountedOnce));
    let second = Signer::p256(4);
    files.insert("root.json".into(), root_by(&shop, &[(one.clone(), &signer), (second.certified(GUN), &second)], two));
    let walk = fresh(&files);
    assert_eq!(rule(&walk), None);
    assert!(walk.notes.iter().any(|note| note.contains("root has a threshold of 2")), "{:?}", walk.notes);
    // A second key whose certificate does not fit cannot count.
    let stranger = second.certified("docker.io/elsewhere/*");
    files.insert("root.json".into(), root_by(&shop, &[(one, &signer), (stranger, &second)], two));
    assert_eq!(rule(&fresh(&files)), Some(Rule::CertFitsGun));
}

/// Root 2 of another tagging key, after root 1.
fn next(shop: &Shop, tagging: &Signer, by: &[&Signer]) -> Files {
    let key = shop.root_key();
    let signed = shop.root_signed(2, std::slice::from_ref(&key), &[tagging.bare()]);
    let by: Vec<(KeyId, &Signer)> = by.iter().map(|signer| (key.id(), *signer)).collect();
    Files::from([("1.root.json".into(), shop.first_root(|_| ())), ("root.json".into(), document(&signed, &by))])
}

#[test]
fn a_root_that_changes_the_tagging_key_travels_with_targets() {
    let shop = shop();
    let new = Signer::p256(12);
    let mut files = next(&shop, &new, &[&shop.root]);
    assert_eq!(rule(&fresh(&files)), Some(Rule::BundleComplete));
    files.insert("targets.json".into(), shop.targets(|targets| targets["version"] = json!(2)));
    assert_eq!(rule(&fresh(&files)), Some(Rule::RoleTally), "targets by the old key");
    let mut targets = shop.targets_signed();
    targets["version"] = json!(2);
    files.insert("targets.json".into(), document(&targets, &[(new.bare().id(), &new)]));
    let first = shop.first_root(|_| ());
    for trusted in [None, Some(first.as_slice())] {
        assert_eq!(rule(&predict(GUN, &files, trusted, NOW)), None);
    }
    assert_eq!(
        rule(&fresh(&next(&shop, &shop.tagging, &[&shop.root]))),
        None,
        "the same tagging key needs no new targets"
    );
    let only = |name: &str| {
        let mut files = shop.files();
        files.retain(|file, _| file == name);
        rule(&fresh(&files))
    };
    assert_eq!(only("root.json"), Some(Rule::BundleComplete));
    assert_eq!(only("targets.json"), Some(Rule::BundleComplete));
    assert_eq!(rule(&fresh(&Files::new())), Some(Rule::BundleComplete));
}

#[test]
fn whether_old_targets_are_still_enough_is_a_matter_of_numbers() {
    let keys: Vec<Key> = (20..24).map(|seed| Signer::p256(seed).bare()).collect();
    let root = |version: u64, threshold: u64, named: &[usize]| -> Root {
        let tagging: Vec<Key> = named.iter().map(|&at| keys[at].clone()).collect();
        let mut signed = shop().root_signed(version, &[shop().root_key()], &tagging);
        signed["roles"]["targets"]["threshold"] = json!(threshold);
        let received: Untrusted<Root> = Untrusted::parse(Dialect::Notary, document(&signed, &[])).expect("a root");
        received.document().clone()
    };
    let alone = |old: (u64, &[usize]), new: (u64, &[usize])| {
        bundle::complete(Some(&root(1, old.0, old.1)), &root(2, new.0, new.1), false).is_ok()
    };
    assert!(alone((1, &[0]), (1, &[0])) && alone((1, &[0]), (1, &[0, 1])) && alone((2, &[0, 1]), (1, &[0])));
    assert!(alone((2, &[0, 1, 2]), (1, &[0, 1, 3])), "of two who signed, one at most is gone");
    assert!(!alone((1, &[0]), (1, &[1])) && !alone((1, &[0, 1]), (1, &[0])) && !alone((1, &[0, 1]), (2, &[0, 1])));
}

#[test]
fn roots_follow_each_other_as_the_server_and_clients_want_it() {
    let shop = shop();
    let (old, new) = (shop.root_key(), Signer::p256(30));
    let rotated = |version: u64, by: &[(&Key, &Signer)]| {
        let signed = shop.root_signed(version, &[new.certified(GUN)], &[shop.tagging.bare()]);
        let by: Vec<(KeyId, &Signer)> = by.iter().map(|(key, signer)| (key.id(), *signer)).collect();
        document(&signed, &by)
    };
    let first = shop.first_root(|_| ());
    let key = new.certified(GUN);
    let verdict = |root: Vec<u8>, trusted: Option<&[u8]>| {
        let files = Files::from([("1.root.json".into(), first.clone()), ("root.json".into(), root)]);
        rule(&predict(GUN, &files, trusted, NOW))
    };
    for trusted in [None, Some(first.as_slice())] {
        assert_eq!(verdict(rotated(2, &[(&old, &shop.root), (&key, &new)]), trusted), None);
        assert_eq!(verdict(rotated(2, &[(&key, &new), (&old, &shop.root)]), trusted), None);
        assert_eq!(verdict(rotated(2, &[(&key, &new)]), trusted), Some(Rule::RootTallyOld));
        assert_eq!(verdict(rotated(2, &[(&old, &shop.root)]), trusted), Some(Rule::RootTallyNew));
        assert_eq!(verdict(rotated(3, &[(&old, &shop.root), (&key, &new)]), trusted), Some(Rule::RootVersionStep));
        assert_eq!(verdict(rotated(1, &[(&old, &shop.root), (&key, &new)]), trusted), Some(Rule::RootVersionStep));
    }
    // The same key in another certificate signs under both ids.
    let renewed = shop.root.certified("docker.io/example/*");
    let signed = shop.root_signed(2, std::slice::from_ref(&renewed), &[shop.tagging.bare()]);
    let both = document(&signed, &[(old.id(), &shop.root), (renewed.id(), &shop.root)]);
    let one = document(&signed, &[(renewed.id(), &shop.root)]);
    assert_eq!((verdict(both, Some(&first)), verdict(one, Some(&first))), (None, Some(Rule::RootTallyOld)));
}

/// Roots 1 to 3, each by its own key and the one before; `until` says when the certificate of each ends.
fn three_roots(shop: &Shop, until: [&str; 3], expires: [&str; 3]) -> Files {
    let signers: Vec<Signer> = (50..53).map(Signer::p256).collect();
    let key = |at: usize| {
        let certificate = signers[at].certificate(GUN, "2026-01-01T00:00:00Z", until[at]);
        Dialect::Notary.certified_key(&certificate).expect("a key")
    };
    let root = |at: usize| {
        let mut signed = shop.root_signed(at as u64 + 1, &[key(at)], &[shop.tagging.bare()]);
        signed["expires"] = json!(expires[at]);
        let mut by = vec![(key(at).id(), &signers[at])];
        if at > 0 {
            by.push((key(at - 1).id(), &signers[at - 1]));
        }
        (format!("{}.root.json", at + 1), document(&signed, &by))
    };
    (0..3).map(root).collect()
}

#[test]
fn clients_behind_walk_the_roots_between_unless_their_own_has_expired() {
    let shop = shop();
    let good = "2036-01-01T00:00:00Z";
    let verdicts = |files: &Files, now: &str| -> Vec<Option<Rule>> {
        let held = ["1.root.json", "2.root.json", "3.root.json"].map(|name| Some(files[name].as_slice()));
        [None].into_iter().chain(held).map(|trusted| rule(&predict(GUN, files, trusted, now))).collect()
    };
    let files = three_roots(&shop, [good; 3], [good; 3]);
    assert_eq!(verdicts(&files, NOW), [None; 4]);
    let mut gap = files.clone();
    gap.remove("2.root.json");
    let first = files["1.root.json"].clone();
    assert_eq!(rule(&predict(GUN, &gap, Some(&first), NOW)), Some(Rule::RootVersionStep), "root 2 is not there");
    // Root 1 has expired: whoever holds it takes root 3 at once, by root 1's own key, or never.
    let expired = three_roots(&shop, [good; 3], ["2026-11-01T00:00:00Z", good, good]);
    assert_eq!(verdicts(&expired, NOW), [None, Some(Rule::RootTallyOld), None, None]);
    // Root 2 has expired: it is only passed through.
    let expired = three_roots(&shop, [good; 3], [good, "2026-11-01T00:00:00Z", good]);
    assert_eq!(verdicts(&expired, NOW), [None; 4]);
    let bricked = Some(Rule::CertValid);
    let ended = three_roots(&shop, [good, "2026-11-01T00:00:00Z", good], [good; 3]);
    assert_eq!(verdicts(&ended, NOW), [None, bricked, bricked, None]);
    let walk = predict(GUN, &ended, None, NOW);
    assert!(
        walk.notes.iter().any(|note| note.contains("A client that holds root 1 does not follow")),
        "{:?}",
        walk.notes
    );
    let ended = three_roots(&shop, [good, good, "2026-11-01T00:00:00Z"], [good; 3]);
    assert_eq!(verdicts(&ended, NOW), [bricked; 4]);
}

#[test]
fn nothing_goes_on_top_of_a_root_whose_certificate_has_ended() {
    let shop = shop();
    let good = "2036-01-01T00:00:00Z";
    let mut files = three_roots(&shop, [good, "2026-11-01T00:00:00Z", good], [good; 3]);
    let third = files.remove("3.root.json").expect("root 3");
    files.insert("root.json".into(), third);
    let walk = predict(GUN, &files, None, NOW);
    assert_eq!(rule(&walk), Some(Rule::CertValid));
    assert!(walk.refusal.expect("a refusal").what.contains("takes nothing on top of its own root 2"));
}

#[test]
fn keys_that_no_server_holds() {
    let replaced = |role: &str, signer: &Signer| {
        in_root(|root| {
            let key = signer.bare();
            root["keys"][key.id().as_str()] = json!(key);
            root["roles"][role]["keyids"] = json!([key.id()]);
        })
    };
    assert_eq!(
        replaced("snapshot", &Signer::p256(60)),
        Some(Rule::ServerHoldsKeys),
        "of another kind than the timestamp key"
    );
    assert_eq!(replaced("timestamp", &Signer::p256(2)), Some(Rule::ServerHoldsKeys), "the tagging key");
    assert_eq!(in_root(|root| root["roles"]["timestamp"]["threshold"] = json!(2)), Some(Rule::ServerHoldsKeys));
    let served = |name: &str, signer: &Signer| {
        let mut files = shop().files();
        files.insert(name.into(), serde_json::to_vec(&signer.bare()).expect("JSON"));
        rule(&fresh(&files))
    };
    assert_eq!(served("timestamp.key", &Signer::ed25519(8)), None);
    assert_eq!(served("snapshot.key", &Signer::ed25519(9)), None);
    assert_eq!(served("timestamp.key", &Signer::ed25519(9)), Some(Rule::ServerHoldsKeys));
    assert_eq!(served("snapshot.key", &Signer::ed25519(8)), Some(Rule::ServerHoldsKeys));
}

#[test]
fn a_snapshot_of_ones_own_is_held_against_the_very_bytes() {
    let (shop, own) = (shop(), Signer::p256(61));
    let root = text(
        shop.first_root(|root| {
            root["keys"][own.bare().id().as_str()] = json!(own.bare());
            root["roles"]["snapshot"]["keyids"] = json!([own.bare().id()]);
        }),
        |t| t + "\n",
    );
    let mut files = shop.files();
    files.insert("root.json".into(), root);
    let snapshot = |files: &Files, signer: &Signer, expires: &str| {
        use base64ct::Encoding as _;
        let meta = |name: &str| {
            let bytes = &files[&format!("{name}.json")];
            let hash = base64ct::Base64::encode_string(officiant::digest::Digest::of(bytes).as_bytes());
            json!({"hashes": {"sha256": hash}, "length": bytes.len()})
        };
        let meta: serde_json::Map<String, Value> =
            ["root", "targets", "targets/releases"].into_iter().map(|name| (name.to_owned(), meta(name))).collect();
        let signed = json!({"_type": "Snapshot", "expires": expires, "meta": meta, "version": 1});
        document(&signed, &[(own.bare().id(), signer)])
    };
    let late = "2029-01-01T00:00:00Z";
    assert_eq!(rule(&fresh(&files)), Some(Rule::NotaryBytes), "without it the newline is one too many");
    let good = snapshot(&files, &own, late);
    let verdict = |bytes: Vec<u8>, files: &Files| {
        let mut files = files.clone();
        files.insert("snapshot.json".into(), bytes);
        rule(&fresh(&files))
    };
    assert_eq!(verdict(good.clone(), &files), None);
    assert_eq!(
        verdict(text(good.clone(), |t| t + "\n"), &files),
        Some(Rule::NotaryBytes),
        "the server hashes the snapshot again"
    );
    assert_eq!(verdict(snapshot(&files, &Signer::p256(62), late), &files), Some(Rule::RoleTally));
    assert_eq!(verdict(snapshot(&files, &own, "2026-11-01T00:00:00Z"), &files), Some(Rule::NotExpired));
    let mut other = files.clone();
    other.insert("targets.json".into(), text(files["targets.json"].clone(), |t| t + " "));
    assert_eq!(verdict(good, &other), Some(Rule::BytesMatchHash));
}

#[test]
fn delegations_that_the_server_refuses() {
    let named = |name: &str| in_targets(|targets| targets["delegations"]["roles"][0]["name"] = json!(name));
    assert_eq!(named("targets/Releases"), Some(Rule::DelegationName));
    assert_eq!(named("targets/a.b"), Some(Rule::DelegationName));
    assert_eq!(named("releases"), Some(Rule::DelegationName));
    assert_eq!(named("targets/a/b"), Some(Rule::DelegationName), "without its parent");
    assert_eq!(with("targets/Releases.json", shop().releases(|_| ())), Some(Rule::DelegationName));
    assert_eq!(
        with("targets/a/b.json", shop().releases(|_| ())),
        Some(Rule::DelegationSigned),
        "nobody delegates to it"
    );
    assert_eq!(
        in_targets(|targets| targets["delegations"]["roles"][0]["keyids"] = json!(["ab"])),
        Some(Rule::MetadataWellFormed)
    );
    assert_eq!(
        with("targets/releases.json", shop().releases(|releases| releases["expires"] = json!("2026-01-01T00:00:00Z"))),
        Some(Rule::NotExpired)
    );
    assert_eq!(
        with("targets/releases.json", shop().releases(|releases| releases["_type"] = json!("targets"))),
        Some(Rule::MetadataWellFormed)
    );
    let mut lost = shop().files();
    let root = lost.remove("root.json").expect("a root");
    lost.remove("targets.json");
    lost.insert("1.root.json".into(), root);
    assert_eq!(rule(&fresh(&lost)), Some(Rule::DelegationSigned), "targets.json names its keys");
}

#[test]
fn delegations_go_down_role_by_role() {
    let (shop, bob) = (shop(), Signer::p256(70));
    let below = json!({
        "keys": {bob.bare().id().as_str(): bob.bare()},
        "roles": [{"keyids": [bob.bare().id()], "name": "targets/releases/b", "paths": ["b"], "threshold": 1}],
    });
    let mut files = shop.files();
    files.insert("targets/releases.json".into(), shop.releases(|releases| releases["delegations"] = below));
    let mut signed = shop.targets_signed();
    signed["delegations"] = json!({"keys": {}, "roles": []});
    files.insert("targets/releases/b.json".into(), document(&signed, &[(bob.bare().id(), &bob)]));
    let walk = fresh(&files);
    assert_eq!(rule(&walk), None);
    assert_eq!(walk.steps.len(), 4);
    assert!(
        walk.notes.iter().any(|note| note.contains("targets/releases/b names 1 targets outside its paths")),
        "{:?}",
        walk.notes
    );
    files.insert("targets/releases/b.json".into(), document(&signed, &[(bob.bare().id(), &shop.alice)]));
    assert_eq!(rule(&fresh(&files)), Some(Rule::DelegationSigned));
}

#[test]
fn a_delegate_that_is_replaced_must_sign_again() {
    let (shop, bob) = (shop(), Signer::p256(71));
    let mut signed = shop.targets_signed();
    signed["delegations"]["keys"] = json!({bob.bare().id().as_str(): bob.bare()});
    signed["delegations"]["roles"][0]["keyids"] = json!([bob.bare().id()]);
    let mut files = shop.files();
    files.insert("targets.json".into(), document(&signed, &[(shop.tagging.bare().id(), &shop.tagging)]));
    let walk = fresh(&files);
    assert_eq!(rule(&walk), Some(Rule::DelegationSigned));
    assert!(walk.refusal.expect("a refusal").remedy.contains(&bob.bare().id().short()), "who must sign is said");
    let targets: Untrusted<Targets> =
        Untrusted::parse(Dialect::Notary, files["targets.json"].as_slice()).expect("targets");
    let delegations = targets.document().delegations.clone().expect("delegations");
    let releases = RoleName::from("targets/releases");
    let wanted = Resign { role: releases, threshold: 1, keyids: vec![bob.bare().id()] };
    assert_eq!(bundle::must_resign(Dialect::Notary, &delegations, &files), [wanted]);
    let mut again = shop.targets_signed();
    again["delegations"] = json!({"keys": {}, "roles": []});
    files.insert("targets/releases.json".into(), document(&again, &[(bob.bare().id(), &bob)]));
    assert_eq!(rule(&fresh(&files)), None);
    assert_eq!(bundle::must_resign(Dialect::Notary, &delegations, &files), []);
}

#[test]
fn what_will_go_wrong_later_is_said_now() {
    let shop = shop();
    let notes = |spoil: &dyn Fn(&mut Value)| {
        let mut files = shop.files();
        files.insert("root.json".into(), shop.first_root(spoil));
        let walk = fresh(&files);
        assert_eq!(walk.refusal, None);
        walk.notes.join("\n")
    };
    assert!(notes(&|_| ()).contains("From 2036-04-01T00:00:00Z on, whoever publishes without the root key fails"));
    let short = notes(&|root| root["expires"] = json!("2027-05-23T00:00:00Z"));
    assert!(short.contains(Rule::NotarySixMonths.name()) && short.contains("2026-11-23T00:00:00Z"), "{short}");
    let late = notes(&|root| root["expires"] = json!("2036-12-01T00:00:00Z"));
    assert!(late.contains(Rule::CertExpiryFirst.name()), "{late}");
    let at = notary_support::at;
    assert_eq!(
        bundle::six_months(at("2027-05-24T00:00:00Z"), at(NOW)).map(|passed| passed.rule),
        Ok(Rule::NotarySixMonths)
    );
    assert_eq!(
        bundle::six_months(at("2027-05-23T23:59:59Z"), at(NOW)).map_err(|refusal| refusal.rule),
        Err(Rule::NotarySixMonths)
    );
    let root: Untrusted<Root> = Untrusted::parse(Dialect::Notary, shop.first_root(|_| ())).expect("a root");
    assert_eq!(bundle::certificates_outlive(root.document()).map(|passed| passed.rule), Ok(Rule::CertExpiryFirst));
}

#[test]
fn files_that_are_no_part_of_an_upload_are_named_and_left_out() {
    let mut files = shop().files();
    files.insert("targets_releases.json".into(), b"{".to_vec());
    let walk = fresh(&files);
    assert_eq!(rule(&walk), None);
    assert!(walk.notes.iter().any(|note| note.starts_with("targets_releases.json is left out")), "{:?}", walk.notes);
}

#[test]
fn a_timestamp_is_taken_from_nobody() {
    let timestamp = |signer: &Signer| {
        let meta =
            json!({"snapshot": {"hashes": {"sha256": "WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM="}, "length": 1}});
        let signed = json!({"_type": "Timestamp", "expires": "2026-12-01T00:00:00Z", "meta": meta, "version": 1});
        document(&signed, &[(Signer::ed25519(8).bare().id(), signer)])
    };
    assert_eq!(with("timestamp.json", timestamp(&Signer::ed25519(8))), Some(Rule::ServerHoldsKeys), "over no snapshot");
    assert_eq!(with("timestamp.json", timestamp(&Signer::ed25519(9))), Some(Rule::ServerHoldsKeys), "by another key");
    assert_eq!(with("timestamp.json", b"{".to_vec()), Some(Rule::MetadataWellFormed));
}

#[test]
fn a_root_that_is_drafted_here_works() {
    let shop = shop();
    let (root_key, tagging) = (shop.root_key(), shop.tagging.bare());
    let online = [(RoleName::Snapshot, Signer::ed25519(9).bare()), (RoleName::Timestamp, Signer::ed25519(8).bare())];
    let keys = [(RoleName::Root, root_key.clone()), (RoleName::Targets, tagging)].into_iter().chain(online);
    let mut changes = vec![
        RootChange::SetVersion { version: 1 },
        RootChange::SetExpires { expires: notary_support::at("2036-10-01T00:00:00Z") },
    ];
    for (role, key) in keys {
        changes.push(RootChange::SetThreshold { role: role.clone(), threshold: 1 });
        changes.push(RootChange::add_key(role, key));
    }
    let signed = Dialect::Notary.signed_bytes(&amend(&Root::blank(), &changes));
    let raw = shop.root.sign(&signed);
    let written = Dialect::Notary.signature(root_key.id(), &shop.root.public(), &raw).expect("a signature");
    assert_eq!(
        Dialect::Notary.signature_of_text(root_key.id(), root_key.public(), &written.sig),
        Some(written.clone())
    );
    assert_eq!(Dialect::Notary.raw_signature(root_key.public(), &written), Some(raw));
    let bytes = Dialect::Notary.envelope(&signed, &[written]);
    assert_eq!(bytes, shop.first_root(|_| ()), "member by member as others write it");
    assert_eq!(with("root.json", bytes), None);
    let text = serde_json::to_string(&changes).expect("JSON");
    assert_eq!(
        serde_json::from_str::<Vec<RootChange>>(&text).expect("changes"),
        changes,
        "keys come back as they were"
    );
    let narrow = officiant::tuf::RawSignature::new(vec![1; 63]);
    assert_eq!(Dialect::Notary.signature(root_key.id(), root_key.public(), &narrow), None, "a byte too few");
}

#[test]
fn drafts_are_predicted_before_anybody_signs_them() {
    let unsigned = |bytes: Vec<u8>| {
        let received = officiant::tuf::Document::parse(Dialect::Notary, &bytes).expect("metadata");
        Dialect::Notary.envelope(received.signed(), &[])
    };
    assert_eq!(Dialect::Notary.breakages(&unsigned(shop().first_root(|_| ()))), []);
    assert_eq!(Dialect::Notary.breakages(&unsigned(shop().targets(|_| ()))), []);
    let bare = shop().root_signed(1, &[shop().root.bare()], &[shop().tagging.bare()]);
    let found = Dialect::Notary.breakages(&document(&bare, &[]));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].to_string().contains("without a certificate") && found[0].to_string().ends_with("(refused by notary)")
    );
    let value: Value = serde_json::from_slice(&shop().targets(|_| ())).expect("JSON");
    assert!(!Dialect::Notary.breakages(value.to_string().replace(':', ": ").as_bytes()).is_empty());
}
