//! Which client breaks on what, member by member, as it was measured.

mod tuf_support;

use officiant::tuf::{
    Dialect, Metadata, Targets,
    predict::Client::{self, GoTuf, PythonTuf, Tough, TufJs},
};
use serde_json::{Value, json};
use tuf_support::{Signer, root, signed_value, value};

/// Who breaks on these `signed` members.
fn breaks(signed: &Value) -> Vec<Client> {
    let breakages = Dialect::Tuf1.breakages(&signed_value(signed, &[]));
    let mut clients: Vec<Client> = breakages.into_iter().flat_map(|breakage| breakage.clients).collect();
    clients.sort();
    clients.dedup();
    clients
}

fn in_root(spoil: impl Fn(&mut Value)) -> Vec<Client> {
    let mut signed = value(&root(1, 1, &[&Signer::p256(1)]));
    spoil(&mut signed);
    breaks(&signed)
}

fn in_targets(spoil: impl Fn(&mut Value)) -> Vec<Client> {
    let signer = Signer::p256(1);
    let mut signed = json!({
        "_type": "targets", "spec_version": "1.0.31", "version": 1, "expires": "2027-01-01T00:00:00Z",
        "targets": {"a.txt": {"length": 3, "hashes": {"sha256": "00"}, "custom": {"a": 1}}},
        "delegations": {
            "keys": {signer.id().as_str(): signer.key()},
            "roles": [{"name": "project", "keyids": [signer.id()], "threshold": 1, "paths": ["*"], "terminating": true}],
        },
    });
    spoil(&mut signed);
    Targets::from_value(Dialect::Tuf1, serde_json::from_value(signed.clone()).expect("strict JSON")).expect("targets");
    breaks(&signed)
}

#[test]
fn nobody_breaks_on_what_is_not_spoilt() {
    assert_eq!(in_root(|_| ()), []);
    assert_eq!(in_targets(|_| ()), []);
    assert_eq!(in_root(|signed| signed["Zoë–日本"] = json!({"deep": [null, -7, "tab\t"]})), []);
}

#[test]
fn targets_that_tough_cannot_parse() {
    assert_eq!(in_targets(|signed| signed["targets"]["a.txt"]["custom"] = json!({})), [Tough]);
    assert_eq!(in_targets(|signed| signed["targets"]["a.txt"]["hashes"] = json!({"sha512": "00"})), [Tough]);
    assert_eq!(in_targets(|signed| signed["delegations"]["roles"][0]["name"] = json!("../a?")), [Tough]);
    let bins =
        json!({"keys": {}, "succinct_roles": {"keyids": [], "threshold": 1, "bit_length": 8, "name_prefix": "bin"}});
    assert_eq!(in_targets(|signed| signed["delegations"] = bins.clone()), [Tough]);
}

#[test]
fn delegations_that_leave_something_out() {
    let without = |name: &str| {
        in_targets(|signed| drop(signed["delegations"]["roles"][0].as_object_mut().expect("a role").remove(name)))
    };
    assert_eq!(without("paths"), [PythonTuf]);
    assert_eq!(without("terminating"), [PythonTuf, TufJs]);
}

#[test]
fn more_delegations_than_are_searched() {
    let many = |count: usize| {
        in_targets(|signed| {
            let role = signed["delegations"]["roles"][0].clone();
            let named = |n: usize| {
                let mut role = role.clone();
                role["name"] = json!(format!("project-{n}"));
                role
            };
            signed["delegations"]["roles"] = (0..count).map(named).collect();
        })
    };
    assert_eq!(many(32), []);
    assert_eq!(many(33), [PythonTuf, TufJs]);
}

#[test]
fn keys_that_some_cannot_read() {
    let keyed = |key: Value| {
        in_root(|signed| {
            let read: officiant::tuf::Key = serde_json::from_value(key.clone()).expect("a key");
            signed["keys"][read.id().as_str()] = key.clone();
        })
    };
    let object = |keytype: &str, scheme: &str, public: &str| json!({"keytype": keytype, "scheme": scheme, "keyval": {"public": public}});
    let pem = Signer::ed25519(1).public().to_spki_pem().expect("PEM");
    assert_eq!(keyed(object("ed25519", "ed25519", &pem)), [PythonTuf, Tough]);
    assert_eq!(keyed(object("rsa", "rsa-pkcs1v15-sha256", "…")), [TufJs, Tough, GoTuf]);
    assert_eq!(keyed(object("ecdsa", "ecdsa-sha2-nistp521", "…")), [TufJs, Tough, GoTuf]);
    assert_eq!(keyed(object("ml-dsa", "ml-dsa-65", "…")), [PythonTuf, Tough]);
    assert_eq!(keyed(serde_json::to_value(Signer::p384(1).key()).expect("JSON")), [TufJs, Tough]);
    let mut named = serde_json::to_value(Signer::p256(2).key()).expect("JSON");
    named["x-name"] = json!("Ana");
    assert_eq!(keyed(named), [], "an unknown member that the keyid covers");
}

#[test]
fn keyids_roles_and_thresholds() {
    assert_eq!(in_root(|signed| signed["keys"]["ab"] = json!(Signer::p256(1).key())), [Tough]);
    let listing = |keyids: &dyn Fn(&Value) -> Value| {
        in_root(|signed| signed["roles"]["root"]["keyids"] = keyids(&signed["roles"]["root"]["keyids"][0]))
    };
    assert_eq!(listing(&|keyid| json!([keyid, "ab"])), [GoTuf]);
    assert_eq!(listing(&|keyid| json!([keyid, keyid])), [PythonTuf, TufJs]);
    assert_eq!(in_root(|signed| signed["roles"]["root"]["threshold"] = json!(0)), Client::ALL);
    assert_eq!(in_root(|signed| signed["roles"]["mirrors"] = signed["roles"]["root"].clone()), [PythonTuf, Tough]);
}

#[test]
fn instants_of_other_forms() {
    let expires = |text: &str| in_root(|signed| signed["expires"] = json!(text));
    assert_eq!(expires("2027-01-01T00:00:00.123Z"), [PythonTuf]);
    for text in
        ["2027-01-01T00:00:00+00:00", "2027-01-01T00:00:00.000Z", "2027-01-01T00:00:00z", "2027-01-01 00:00:00Z"]
    {
        assert_eq!(expires(text), [PythonTuf, Tough, GoTuf], "{text}");
    }
    assert_eq!(expires("9999-12-31T23:59:59Z"), [Tough]);
    assert_eq!(expires("9999-12-30T00:00:00Z"), []);
    assert_eq!(expires("soon"), Client::ALL);
}

#[test]
fn a_breakage_says_where_and_why() {
    let mut signed = value(&root(1, 1, &[&Signer::p256(1)]));
    signed["expires"] = json!("2027-01-01T00:00:00.5Z");
    let breakages = Dialect::Tuf1.breakages(&signed_value(&signed, &[]));
    assert_eq!(breakages[0].to_string(), "`signed.expires` has a fraction of a second (refused by python-tuf)");
    assert_eq!(serde_json::to_value(&breakages[0]).expect("JSON")["clients"], json!(["python-tuf"]));
}
