//! What people read of metadata: descriptions, differences, changes and refusals.

mod tuf_support;

use officiant::{
    tuf::{
        Dialect, Document, Key, KeyId, RoleName, RootChange, Signature, Targets, Untrusted, amend,
        compare::compare,
        describe::describe,
        diff, first_root,
        json::Value,
        targets::{DelegatedRole, Delegations, Paths, TargetFile},
        verify::tally_of,
    },
    utc::Utc,
};
use tuf_support::{NOW, Signer, at, root, signed};

fn names(keyid: &KeyId) -> Option<String> {
    let people = [(1, "Ana"), (2, "Bo"), (4, "Dan\u{202e}")];
    people.into_iter().find(|(seed, _)| Signer::p256(*seed).id() == *keyid).map(|(_, name)| name.to_owned())
}

fn document(bytes: &[u8]) -> Document {
    Document::parse(Dialect::Tuf1, bytes).expect("metadata")
}

fn two_roots() -> (Document, Document) {
    let [ana, bo, cai, dan] = [1, 2, 3, 4].map(Signer::p256);
    let old = root(1, 2, &[&ana, &bo, &cai]);
    let new = amend(
        &old,
        &[
            RootChange::SetVersion { version: 2 },
            RootChange::SetExpires { expires: at("2028-11-22T15:00:00Z") },
            RootChange::RemoveKey { role: RoleName::Root, keyid: ana.id() },
            RootChange::add_key(RoleName::Root, dan.key()),
            RootChange::SetThreshold { role: RoleName::Targets, threshold: 2 },
        ],
    );
    (document(&signed(&old, &[&ana, &bo])), document(&signed(&new, &[&bo, &dan])))
}

#[test]
fn a_root_is_described_with_its_keys_its_end_and_who_is_missing() {
    let (old, new) = two_roots();
    let lines = describe(&new, old.as_root(), at(NOW), &names).lines().join("\n");
    let keyid = |seed| Signer::p256(seed).id();
    let expected = format!(
        "root 2
  expires 2028-11-22T15:00:00Z (in 731 days)
  {} bytes, SHA-256 {}
role root: 2 of 3 must sign
  {} P-256, Bo
  {} P-256
  {} P-256, Dan\\u{{202e}}
role targets: 2 of 1 must sign
  {online} Ed25519
role snapshot: 1 of 1 must sign
  {online} Ed25519
role timestamp: 1 of 1 must sign
  {online} Ed25519
signed, by the root keys of root 1: signatures 1, needed 2, NOT MET
  signed: {}… (Bo)
  not signed: {}… (Ana)
  not signed: {}…
  signed, and not named by the role: {}… (Dan\\u{{202e}})
signed, by the root keys of root 2: signatures 2, needed 2, met
  signed: {}… (Bo)
  signed: {}… (Dan\\u{{202e}})
  not signed: {}…",
        new.bytes().len(),
        new.digest(),
        keyid(2),
        keyid(3),
        keyid(4),
        keyid(2).short(),
        keyid(1).short(),
        keyid(3).short(),
        keyid(4).short(),
        keyid(2).short(),
        keyid(4).short(),
        keyid(3).short(),
        online = tuf_support::online().id(),
    );
    assert_eq!(lines, expected);
}

#[test]
fn a_tally_tells_apart_who_signed_who_is_missing_and_what_is_bad() {
    let [ana, bo, cai, dan, eve] = [1, 2, 3, 4, 5].map(Signer::p256);
    let mut twin = ana.key().to_value();
    if let Value::Object(members) = &mut twin {
        members.insert("x-name".into(), "Ana".into());
    }
    let twin = Key::from_value(twin).expect("a key");
    let mut root = root(1, 3, &[&ana, &bo, &cai, &dan]);
    root.keys.insert(twin.id(), twin.clone());
    let role = root.roles.get_mut(&RoleName::Root).expect("a root role");
    role.keyids.push(twin.id());
    role.keyids.push("no key".into());
    let bytes = Dialect::Tuf1.signed_bytes(&root);
    let by_ana = ana.signature(&bytes);
    let signatures = [
        Signature::new(twin.id(), by_ana.sig.clone()),
        Signature::new(cai.id(), ""),
        Signature::new(eve.id(), eve.signature(&bytes).sig),
        Signature::new(bo.id(), by_ana.sig.clone()),
        by_ana,
        Signature::new("no key".into(), "00"),
    ];
    let received: Untrusted<officiant::tuf::Root> =
        Untrusted::parse(Dialect::Tuf1, Dialect::Tuf1.envelope(&bytes, &signatures)).expect("a root");
    let tally = tally_of(&RoleName::Root, &root.roles[&RoleName::Root], &root.keys, &received);
    assert_eq!(tally.signed, [ana.id()]);
    assert_eq!(tally.repeated, [twin.id()]);
    assert_eq!(tally.bad, [bo.id()]);
    assert_eq!(tally.missing, [cai.id(), dan.id()], "without a signature, or with an empty one");
    assert_eq!(tally.unknown, ["no key".into(), eve.id()]);
    assert_eq!((tally.is_met(), tally.wanted()), (false, 2));
    let none = officiant::tuf::Tally { threshold: 0, signed: vec![], ..tally };
    assert!(!none.is_met(), "a threshold of nothing is met by nobody");
}

#[test]
fn what_a_key_carries_beside_itself_is_shown() {
    let mut members = Signer::p256(1).key().members().clone();
    members.insert("x-owner".into(), "@ana\u{7}".into());
    let key = Key::from_value(members.into()).expect("a key");
    let mut root = root(1, 1, &[]);
    root.roles.get_mut(&RoleName::Root).expect("a root role").keyids.push("ana".into());
    root.keys.insert("ana".into(), key);
    let lines = describe(&document(&signed(&root, &[])), None, at(NOW), &names).lines();
    assert_eq!(lines[4], "  ana P-256, x-owner: @ana\\u{7}, keyid is not the hash of the key");
}

#[test]
fn an_end_that_has_come_is_said_to_have_come() {
    let (old, _) = two_roots();
    for (now, words) in [
        ("2027-11-22T14:59:59Z", "(in less than a day)"),
        ("2027-11-22T15:00:00Z", "(EXPIRED less than a day ago)"),
        ("2027-11-23T14:00:00Z", "(EXPIRED less than a day ago)"),
        ("2027-11-23T15:00:01Z", "(EXPIRED 1 day ago)"),
        ("2027-11-20T15:00:00Z", "(in 2 days)"),
    ] {
        let described = describe(&old, None, at(now), &names);
        assert!(described.lines()[1].ends_with(words), "{now} {:?}", described.lines()[1]);
        assert_eq!(described.expired, words.contains("EXPIRED"));
    }
}

#[test]
fn a_description_serialises_for_other_programs() {
    let (old, new) = two_roots();
    let json = serde_json::to_value(describe(&new, old.as_root(), at(NOW), &names)).expect("it serialises");
    assert_eq!(json["version"], 2);
    assert_eq!(json["roles"][0]["keys"][0]["name"], "Bo");
    assert_eq!(json["tallies"][0]["met"], false);
    assert_eq!(json["tallies"][1]["signed"], 2);
    assert_eq!(json["tallies"][0]["signers"][1]["did"], "not-signed");
    assert_eq!(json["tallies"][0]["signers"][1]["name"], "Ana");
}

#[test]
fn the_difference_of_two_roots_is_a_line_for_each_change() {
    let (old, new) = two_roots();
    let short = |seed| Signer::p256(seed).id().short();
    assert_eq!(
        compare(&old, &new, &names).expect("two roots"),
        [
            "version 2 (was 1)".to_owned(),
            "expires 2028-11-22T15:00:00Z (was 2027-11-22T15:00:00Z)".to_owned(),
            format!("root: remove key {}…, P-256 (Ana)", short(1)),
            format!("root: add key {}…, P-256 (Dan\\u{{202e}})", short(4)),
            "targets: threshold 2 (was 1)".to_owned(),
        ]
    );
    assert_eq!(compare(&old, &old, &names).expect("two roots"), Vec::<String>::new());
}

#[test]
fn a_first_root_is_a_difference_from_nothing() {
    let (old, _) = two_roots();
    let words: Vec<String> =
        diff(None, old.as_root().expect("a root")).iter().map(|change| change.words(&names)).collect();
    assert_eq!(
        words[..4],
        ["version 1", "expires 2027-11-22T15:00:00Z", "specification 1.0.31", "consistent snapshots: yes"]
    );
    assert_eq!(words.iter().filter(|line| line.starts_with("root: add key")).count(), 3);
    assert_eq!(words.iter().filter(|line| line.contains(": threshold ")).count(), 4);
}

fn targets(version: u64, length: u64, signer: &Signer) -> Targets {
    let role = officiant::tuf::Role { keyids: vec![signer.id()], threshold: 1, ..Default::default() };
    let paths = Some(Paths::Patterns(vec!["proj/*".into()]));
    let file =
        TargetFile { length, hashes: [("sha256".to_owned(), "00".to_owned())].into(), extra: Default::default() };
    Targets {
        spec_version: Some("1.0.31".into()),
        version,
        expires: Utc::parse(NOW).expect("an instant"),
        targets: [("proj/\u{1b}[2J".to_owned(), file)].into(),
        delegations: Some(Delegations {
            keys: [(signer.id(), signer.key())].into(),
            roles: vec![DelegatedRole { name: "project".into(), role, paths, terminating: None }],
            ..Default::default()
        }),
        extra: Default::default(),
    }
}

#[test]
fn the_difference_of_two_targets_hides_nothing_and_paints_nothing() {
    let old = document(&signed(&targets(1, 3, &Signer::p256(1)), &[]));
    let new = document(&signed(&targets(2, 4, &Signer::p256(2)), &[]));
    let lines = compare(&old, &new, &names).expect("two targets");
    let has = |text: &str| lines.iter().any(|line| line.contains(text));
    assert!(has("version: 1 becomes 2"), "{lines:#?}");
    assert!(has("targets.proj/\\u{1b}[2J.length: 3 becomes 4"), "{lines:#?}");
    assert!(has(&format!("delegations.roles.project.keyids: adds \"{}\" (Bo)", Signer::p256(2).id())), "{lines:#?}");
    assert!(has(&format!("delegations.keys.{}: removed", Signer::p256(1).id())), "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains('\u{1b}')), "{lines:#?}");
    let described = describe(&new, None, at(NOW), &names).lines();
    assert!(described.contains(&"role project: 1 of 1 must sign, paths proj/*".to_owned()), "{described:#?}");
    assert!(described.iter().all(|line| !line.contains('\u{1b}')), "{described:#?}");
    let (root, _) = two_roots();
    let by_stranger = document(&signed(&targets(1, 3, &Signer::p256(1)), &[&Signer::p256(9)]));
    let described = describe(&by_stranger, root.as_root(), at(NOW), &names).lines();
    let last = "signatures 1, by keys that no root at hand names".to_owned();
    assert!(described.contains(&last), "a delegated role, for all that the file says: {described:#?}");
    assert!(compare(&root, &new, &names).is_err());
}

#[test]
fn a_refusal_says_how_many_who_and_what_to_do() {
    let [ana, bo, cai] = [1, 2, 3].map(Signer::p256);
    let bytes = signed(&root(1, 2, &[&ana, &bo, &cai]), &[&ana]);
    let refusal = first_root(Untrusted::parse(Dialect::Tuf1, bytes).expect("a root")).expect_err("one of two");
    assert_eq!(
        refusal.to_string(),
        format!(
            "ROOT-TALLY-NEW: 1 of 2 signatures by the keys of the root itself (version 1); signed: {}; missing: {}, {}. \
             Have the missing keys sign these very bytes, and give the file again.",
            ana.id().short(),
            bo.id().short(),
            cai.id().short()
        )
    );
}

#[test]
fn a_file_that_is_no_metadata_is_refused_with_its_place() {
    for (text, part) in [
        ("{\n \"signed\": 1.5}", "line 2, column 14, in signed"),
        ("{}", "no `signed._type`"),
        ("{\"signed\":{\"_type\":\"\\u001b[2J\"}}", "\\u{1b}[2J"),
        (
            "{\"signed\":{\"_type\":\"root\"},\"signatures\":[{\"keyid\":1}]}",
            "`document.signatures.0.keyid` is an integer, not text",
        ),
        (
            "{\"signed\":{\"_type\":\"root\",\"spec_version\":\"1.0.0\",\"version\":0},\"signatures\":[]}",
            "`signed.version` is 0",
        ),
    ] {
        let refusal = Document::parse(Dialect::Tuf1, text.as_bytes()).expect_err(text);
        assert!(refusal.what.contains(part), "{refusal}");
    }
}
