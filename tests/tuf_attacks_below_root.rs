//! What somebody can try below the root: with timestamps, snapshots, targets and delegations.

mod tuf_support;

use officiant::{
    rules::Rule,
    tuf::{
        Dialect, RoleName, Root, Snapshot, Targets, Timestamp, Walk,
        json::Members,
        snapshot::MetaFile,
        targets::{DelegatedRole, Delegations, Paths},
        walk::{Files, walk},
    },
};
use serde_json::json;
use tuf_support::{NOW, Signer, at, name_key, online, root, signed, signed_value, value};

fn ana() -> Signer {
    Signer::p256(1)
}

fn bo() -> Signer {
    Signer::ed25519(2)
}

fn officers_root(version: u64) -> Root {
    root(version, 2, &[&ana(), &bo(), &Signer::p384(3)])
}

/// A repository with one delegation, all of it valid.
struct Repository {
    trusted: Vec<u8>,
    timestamp: Timestamp,
    snapshot: Snapshot,
    targets: Targets,
    project: Targets,
    deputy: Signer,
}

fn meta(version: u64) -> MetaFile {
    MetaFile { version: Some(version), length: None, hashes: None, extra: Members::new() }
}

fn targets(version: u64) -> Targets {
    Targets {
        spec_version: Some("1.0.31".into()),
        version,
        expires: at("2027-01-01T00:00:00Z"),
        targets: Default::default(),
        delegations: None,
        extra: Members::new(),
    }
}

fn delegate(to: &str, signer: &Signer) -> Delegations {
    let role = officiant::tuf::Role { keyids: vec![signer.id()], threshold: 1, extra: Members::new() };
    let paths = Some(Paths::Patterns(vec!["proj/*".into()]));
    Delegations {
        keys: [(signer.id(), signer.key())].into(),
        roles: vec![DelegatedRole { name: to.into(), role, paths, terminating: Some(true) }],
        ..Delegations::default()
    }
}

fn repository() -> Repository {
    let deputy = Signer::p256(9);
    let spec_version = Some("1.0.31".to_owned());
    let expires = at("2026-12-01T00:00:00Z");
    let names = ["targets.json", "project.json"].map(|name| (name.to_owned(), meta(4)));
    Repository {
        trusted: signed(&officers_root(1), &[&ana(), &bo()]),
        timestamp: Timestamp {
            spec_version: spec_version.clone(),
            version: 7,
            expires,
            snapshot: meta(5),
            extra: Members::new(),
        },
        snapshot: Snapshot { spec_version, version: 5, expires, meta: names.into(), extra: Members::new() },
        targets: Targets { delegations: Some(delegate("project", &deputy)), ..targets(4) },
        project: targets(4),
        deputy,
    }
}

impl Repository {
    fn files(&self) -> Files {
        Files::from([
            ("timestamp.json".into(), signed(&self.timestamp, &[&online()])),
            ("5.snapshot.json".into(), signed(&self.snapshot, &[&online()])),
            ("4.targets.json".into(), signed(&self.targets, &[&online()])),
            ("4.project.json".into(), signed(&self.project, &[&self.deputy])),
        ])
    }

    fn walk(&self, change: impl Fn(&mut Files)) -> Walk {
        let mut files = self.files();
        change(&mut files);
        walk(Dialect::Tuf1, &self.trusted, &files, at(NOW))
    }

    fn refusal(&self, change: impl Fn(&mut Files)) -> Option<Rule> {
        self.walk(change).refusal.map(|refusal| refusal.rule)
    }
}

fn put(name: &str, bytes: Vec<u8>) -> impl Fn(&mut Files) {
    let name = name.to_owned();
    move |files| drop(files.insert(name.clone(), bytes.clone()))
}

#[test]
fn nothing_is_wrong_with_the_repository_before_it_is_spoilt() {
    let walk = repository().walk(|_| ());
    assert_eq!((walk.refusal, walk.steps.len()), (None, 5));
}

#[test]
fn metadata_signed_by_the_key_of_another_role() {
    let it = repository();
    assert_eq!(it.refusal(put("timestamp.json", signed(&it.timestamp, &[&ana()]))), Some(Rule::RoleTally));
    assert_eq!(it.refusal(put("4.targets.json", signed(&it.targets, &[&it.deputy]))), Some(Rule::RoleTally));
    assert_eq!(it.refusal(put("4.project.json", signed(&it.project, &[&online()]))), Some(Rule::RoleTally));
}

#[test]
fn metadata_of_one_role_given_as_that_of_another() {
    let it = repository();
    assert_eq!(it.refusal(put("5.snapshot.json", signed(&it.targets, &[&online()]))), Some(Rule::MetadataWellFormed));
    assert_eq!(it.refusal(put("timestamp.json", it.trusted.clone())), Some(Rule::MetadataWellFormed));
}

#[test]
fn an_older_version_than_the_one_that_is_named() {
    let it = repository();
    let older = signed(&Snapshot { version: 4, ..it.snapshot.clone() }, &[&online()]);
    assert_eq!(it.refusal(put("5.snapshot.json", older)), Some(Rule::VersionNotLower));
    let newer = signed(&Targets { version: 5, ..it.targets.clone() }, &[&online()]);
    assert_eq!(it.refusal(put("4.targets.json", newer)), Some(Rule::VersionNotLower));
}

#[test]
fn bytes_other_than_those_whose_hash_is_named() {
    let mut it = repository();
    let bytes = signed(&it.snapshot, &[&online()]);
    it.timestamp.snapshot.hashes =
        Some([("sha256".to_owned(), officiant::digest::Digest::of(&bytes).to_string())].into());
    it.timestamp.snapshot.length = Some(bytes.len() as u64);
    assert_eq!(it.refusal(|_| ()), None);
    let same_length = String::from_utf8(bytes.clone()).expect("text").replace("{\"signatures\"", "{\"signaturee\"");
    assert_eq!(it.refusal(put("5.snapshot.json", same_length.into_bytes())), Some(Rule::BytesMatchHash));
    assert_eq!(it.refusal(put("5.snapshot.json", [bytes, b"\n".to_vec()].concat())), Some(Rule::BytesMatchHash));
    it.timestamp.snapshot.hashes = None;
    it.timestamp.snapshot.length = it.timestamp.snapshot.length.map(|length| length + 1);
    assert_eq!(it.refusal(|_| ()), Some(Rule::BytesMatchHash), "shorter than the length that is named");
    it.timestamp.snapshot.length = None;
    it.timestamp.snapshot.hashes = Some([("md5".to_owned(), "00".to_owned())].into());
    assert_eq!(it.refusal(|_| ()), Some(Rule::BytesMatchHash), "a hash that nobody knows is no hash");
}

#[test]
fn expired_metadata() {
    let mut it = repository();
    it.project.expires = at(NOW);
    assert_eq!(it.refusal(|_| ()), Some(Rule::NotExpired), "an expiry at this very second has passed");
    let mut it = repository();
    it.timestamp.expires = at("2026-11-22T14:59:59Z");
    assert_eq!(it.refusal(|_| ()), Some(Rule::NotExpired));
}

#[test]
fn a_snapshot_that_leaves_targets_out() {
    let mut it = repository();
    it.snapshot.meta.remove("targets.json");
    assert_eq!(it.refusal(|_| ()), Some(Rule::MetadataWellFormed));
}

#[test]
fn delegations_in_a_circle() {
    let mut it = repository();
    it.project.delegations = Some(delegate("project", &it.deputy));
    let walk = it.walk(|_| ());
    assert_eq!(
        (walk.refusal, walk.steps.len()),
        (None, 6),
        "the role is verified against both delegators, and entered once"
    );
}

#[test]
fn a_role_that_two_delegators_name_with_different_keys() {
    let mut it = repository();
    let thief = Signer::p256(66);
    it.project.delegations = Some(delegate("project", &thief));
    assert_eq!(it.refusal(|_| ()), Some(Rule::RoleTally));
}

#[test]
fn delegations_that_two_clients_would_read_differently() {
    let it = repository();
    let spoilt = |spoil: &dyn Fn(&mut serde_json::Value)| {
        let mut signed = value(&it.targets);
        spoil(&mut signed["delegations"]);
        it.refusal(put("4.targets.json", signed_value(&signed, &[&online()])))
    };
    let bad: [&dyn Fn(&mut serde_json::Value); 6] = [
        &|d| d["roles"][0]["name"] = json!("root"),
        &|d| d["roles"][0]["name"] = json!(""),
        &|d| d["roles"][0]["path_hash_prefixes"] = json!(["00"]),
        &|d| d["roles"] = json!([d["roles"][0], d["roles"][0]]),
        &|d| d["succinct_roles"] = json!({"keyids": [], "threshold": 1, "bit_length": 2, "name_prefix": "bin"}),
        &|d| d["roles"] = json!({}),
    ];
    for (index, bad) in bad.into_iter().enumerate() {
        assert_eq!(spoilt(bad), Some(Rule::MetadataWellFormed), "{index}");
    }
}

#[test]
fn a_bin_signed_by_another_key_than_that_of_the_bins() {
    let mut it = repository();
    let bins = json!({
        "keys": {it.deputy.id().as_str(): it.deputy.key()},
        "succinct_roles": {"keyids": [it.deputy.id()], "threshold": 1, "bit_length": 1, "name_prefix": "bin"},
    });
    it.snapshot.meta.insert("bin-0.json".into(), meta(4));
    it.snapshot.meta.insert("bin-2.json".into(), meta(4));
    let mut signed_targets = value(&it.targets);
    signed_targets["delegations"] = bins;
    let repository = |signer: &Signer| {
        let bin = signed(&targets(4), &[signer]);
        it.walk(|files| {
            files.insert("4.targets.json".into(), signed_value(&signed_targets, &[&online()]));
            files.insert("4.bin-0.json".into(), bin.clone());
        })
    };
    let walk = repository(&it.deputy);
    assert_eq!(walk.refusal, None);
    assert_eq!(
        walk.steps.last().map(|step| step.role.to_string()).as_deref(),
        Some("bin-0"),
        "and no bin-2 of two bins"
    );
    assert_eq!(repository(&online()).refusal.map(|refusal| refusal.rule), Some(Rule::RoleTally));
}

#[test]
fn metadata_longer_than_clients_read() {
    let mut it = repository();
    it.timestamp.extra.insert("x".into(), "x".repeat(17_000).into());
    assert_eq!(it.refusal(|_| ()), Some(Rule::MetadataWellFormed));
}

#[test]
fn a_root_under_the_name_of_another_version() {
    let it = repository();
    let three = signed(&officers_root(3), &[&ana(), &bo()]);
    let walk = it.walk(put("2.root.json", three));
    assert_eq!((walk.refusal.map(|refusal| refusal.rule), walk.root_version), (Some(Rule::RootVersionStep), 1));
}

#[test]
fn a_root_that_takes_the_online_key_away() {
    let it = repository();
    let mut two = officers_root(2);
    for role in [RoleName::Timestamp, RoleName::Snapshot, RoleName::Targets] {
        two.roles.get_mut(&role).expect("a role").keyids.clear();
        name_key(&mut two, role, &Signer::ed25519(77));
    }
    let walk = it.walk(put("2.root.json", signed(&two, &[&ana(), &bo()])));
    assert_eq!((walk.refusal.map(|refusal| refusal.rule), walk.root_version), (Some(Rule::RoleTally), 2));
}
