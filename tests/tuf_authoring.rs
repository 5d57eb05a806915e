//! What this program writes: rules for drafts, drafts as changes, and documents that every client takes.

mod tuf_support;

use officiant::{
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    tuf::{
        Dialect, Key, KeyId, RoleName, Root, RootChange, Signature, Untrusted, amend,
        authoring::*,
        canonical::canonical,
        diff, first_root,
        json::{Limits, Value, parse},
        next_root,
        predict::client_accepts,
    },
};
use tuf_support::{NOW, Signer, at, online, root, signed};

fn rule(answer: Result<Passed, Refusal>) -> Result<Rule, Rule> {
    answer.map(|passed| passed.rule).map_err(|refusal| refusal.rule)
}

fn officers() -> [Signer; 3] {
    [Signer::p256(1), Signer::p256(2), Signer::ed25519(3)]
}

fn base() -> Root {
    let [ana, bo, cai] = officers();
    root(1, 2, &[&ana, &bo, &cai])
}

/// What a genesis asks for.
fn genesis() -> Vec<RootChange> {
    let mut changes = vec![
        RootChange::SetVersion { version: 1 },
        RootChange::SetExpires { expires: at("2027-11-22T15:00:00Z") },
        RootChange::SetSpecVersion { spec_version: Dialect::Tuf1.spec_version().map(Into::into) },
        RootChange::SetConsistentSnapshot { value: Some(true) },
    ];
    for name in RoleName::TOP {
        let threshold = if name == RoleName::Root { 2 } else { 1 };
        changes.push(RootChange::SetThreshold { role: name.clone(), threshold });
        match name {
            RoleName::Root => {
                changes.extend(officers().map(|officer| RootChange::add_key(RoleName::Root, officer.key())))
            }
            name => changes.push(RootChange::add_key(name, online().key())),
        }
    }
    changes
}

#[test]
fn a_root_made_of_nothing_by_changes_is_signed_verified_and_taken_by_every_client() {
    let root = amend(&Root::blank(), &genesis());
    assert_eq!(root, base());
    assert_eq!(rule(draft_is_the_change(None, &root, &genesis())), Ok(Rule::DraftIsTheChange));
    assert_eq!(root_rules(None, &root).map(|passed| passed.len()), Ok(3));
    let [ana, bo, cai] = officers();
    let bytes = signed(&root, &[&ana, &bo, &cai]);
    assert_eq!(rule(client_accepts(Dialect::Tuf1, &bytes)), Ok(Rule::ClientAccepts));
    let verified = first_root(Untrusted::parse(Dialect::Tuf1, bytes).expect("a root")).expect("signed by two of three");
    assert_eq!(verified.document(), &root);
}

#[test]
fn the_wire_form_reads_back_to_the_bytes_that_were_signed() {
    let mut root = base();
    root.extra.insert("x".into(), Value::Str("tab\t newline\n quote\" back\\slash \u{1} é 日本".into()));
    let bytes = Dialect::Tuf1.signed_bytes(&root);
    let wire = Dialect::Tuf1.envelope(&bytes, &[Signature::new(KeyId::from("a\n\"b"), "00")]);
    assert!(wire.iter().all(|byte| *byte >= 0x20), "one line, no raw control character");
    let document = parse(&wire, Limits::METADATA).expect("JSON");
    assert_eq!(canonical(document.member("signed").expect("signed")), bytes);
    let received: Untrusted<Root> = Untrusted::parse(Dialect::Tuf1, wire).expect("a root");
    assert_eq!(received.signed(), bytes);
    assert_eq!(received.signatures()[0].keyid.as_str(), "a\n\"b");
}

#[test]
fn files_have_the_names_under_which_clients_ask_for_them() {
    let name = |role: &str, version| Dialect::Tuf1.file_name(&RoleName::from(role), version);
    assert_eq!(name("root", Some(2)), "2.root.json");
    assert_eq!(name("timestamp", None), "timestamp.json");
    assert_eq!(name("a/b c?é", Some(1)), "1.a%2Fb%20c%3F%C3%A9.json");
    assert_eq!(name("..", None), "...json");
}

#[test]
fn a_key_replaced_by_changes_is_followed_by_a_client() {
    let ([ana, bo, cai], dan) = (officers(), Signer::p256(4));
    let changes = [
        RootChange::SetVersion { version: 2 },
        RootChange::RemoveKey { role: RoleName::Root, keyid: ana.id() },
        RootChange::add_key(RoleName::Root, dan.key()),
    ];
    let draft = amend(&base(), &changes);
    assert_eq!(diff(Some(&base()), &draft), changes);
    assert!(!draft.keys.contains_key(&ana.id()), "a key that no role names is off the list");
    assert_eq!(rule(draft_is_the_change(Some(&base()), &draft, &changes)), Ok(Rule::DraftIsTheChange));
    let old = Untrusted::parse(Dialect::Tuf1, signed(&base(), &[&ana, &bo])).and_then(first_root).expect("root 1");
    let new = Untrusted::parse(Dialect::Tuf1, signed(&draft, &[&bo, &cai, &dan])).expect("a root");
    assert_eq!(next_root(&old, new).expect("root 2").document().version, 2);
}

#[test]
fn draft_is_the_change_refuses_more_less_and_nothing() {
    let changes =
        [RootChange::SetVersion { version: 2 }, RootChange::SetThreshold { role: RoleName::Root, threshold: 3 }];
    let draft = amend(&base(), &changes);
    let ask = |draft: &Root, changes: &[RootChange]| rule(draft_is_the_change(Some(&base()), draft, changes));
    assert_eq!(ask(&draft, &changes), Ok(Rule::DraftIsTheChange));
    assert_eq!(ask(&draft, &changes[..1]), Err(Rule::DraftIsTheChange), "more than asked for");
    assert_eq!(ask(&base(), &changes), Err(Rule::DraftIsTheChange), "less than asked for");
    let nothing = RootChange::RemoveKey { role: RoleName::Root, keyid: KeyId::from("ab") };
    assert_eq!(ask(&draft, &[&changes[..], &[nothing]].concat()), Err(Rule::DraftIsTheChange), "a change of nothing");
    let mut reordered = draft.clone();
    reordered.roles.get_mut(&RoleName::Root).expect("a root role").keyids.reverse();
    assert_eq!(ask(&reordered, &changes), Err(Rule::DraftIsTheChange), "other bytes than the change makes");
    let mut smuggled = draft.clone();
    smuggled.extra.insert("x".into(), Value::Null);
    assert_eq!(ask(&smuggled, &changes), Err(Rule::DraftIsTheChange), "a member that nobody knows");
}

#[test]
fn keyid_matches_key_is_asked_of_new_keys_and_not_of_those_that_others_named() {
    let mut named = base();
    let dan = Signer::p256(4);
    named.keys.insert("dan".into(), dan.key());
    assert_eq!(rule(keyids_match_keys(&named, None)), Err(Rule::KeyidMatchesKey));
    assert_eq!(rule(keyids_match_keys(&named, Some(&base()))), Err(Rule::KeyidMatchesKey));
    assert_eq!(rule(keyids_match_keys(&named, Some(&named))), Ok(Rule::KeyidMatchesKey));
    let mut swapped = named.clone();
    swapped.keys.insert("dan".into(), Signer::p256(5).key());
    assert_eq!(rule(keyids_match_keys(&swapped, Some(&named))), Err(Rule::KeyidMatchesKey));
}

#[test]
fn key_counted_once_is_asked_of_every_role() {
    let [ana, ..] = officers();
    let mut twin = base();
    let Value::Object(mut members) = ana.key().to_value() else { panic!("a key is an object") };
    members.insert("x-name".into(), "Ana".into());
    let again = Key::from_value(members.into()).expect("a key");
    twin.keys.insert(again.id(), again.clone());
    assert_eq!(rule(keys_counted_once(&twin)), Ok(Rule::KeyCountedOnce), "listed, and named by no role");
    twin.roles.get_mut(&RoleName::Root).expect("a root role").keyids.push(again.id());
    assert_eq!(rule(keys_counted_once(&twin)), Err(Rule::KeyCountedOnce));
    assert_eq!(rule(thresholds_reachable(&twin)), Ok(Rule::ThresholdReachable));
    twin.roles.get_mut(&RoleName::Root).expect("a root role").threshold = 4;
    assert_eq!(rule(thresholds_reachable(&twin)), Err(Rule::ThresholdReachable), "four keyids of three keys");
}

#[test]
fn thresholds_are_reachable_leave_a_spare_and_need_two() {
    let threshold = |threshold| amend(&base(), &[RootChange::SetThreshold { role: RoleName::Root, threshold }]);
    assert_eq!(rule(thresholds_reachable(&threshold(3))), Ok(Rule::ThresholdReachable));
    assert_eq!(rule(thresholds_reachable(&threshold(4))), Err(Rule::ThresholdReachable));
    assert_eq!(rule(thresholds_reachable(&threshold(0))), Err(Rule::ThresholdReachable));
    assert_eq!(rule(thresholds_reachable(&Root::blank())), Err(Rule::ThresholdReachable));
    assert_eq!(rule(threshold_leaves_spare(&threshold(2))), Ok(Rule::ThresholdLeavesSpare));
    assert_eq!(rule(threshold_leaves_spare(&threshold(3))), Err(Rule::ThresholdLeavesSpare));
    assert_eq!(rule(threshold_needs_two(&threshold(2))), Ok(Rule::ThresholdNeedsTwo));
    assert_eq!(rule(threshold_needs_two(&threshold(1))), Err(Rule::ThresholdNeedsTwo));
    let no_online_key = amend(&base(), &[RootChange::RemoveKey { role: RoleName::Timestamp, keyid: online().id() }]);
    assert_eq!(rule(thresholds_reachable(&no_online_key)), Err(Rule::ThresholdReachable));
}

#[test]
fn the_expiry_lies_inside_the_window_with_both_its_ends() {
    let window = |days: i64| rule(expiry_window(at(NOW).plus_days(days), at(NOW), (300, 400)));
    assert_eq!([window(300), window(365), window(400)], [Ok(Rule::ExpiryWindow); 3]);
    assert_eq!([window(299), window(401), window(-1)], [Err(Rule::ExpiryWindow); 3]);
    assert_eq!(rule(expiry_window(at("2027-09-18T14:59:59Z"), at(NOW), (300, 400))), Err(Rule::ExpiryWindow));
}

#[test]
fn the_previous_root_has_the_pinned_version_and_the_pinned_bytes() {
    let bytes = signed(&base(), &[&Signer::p256(1)]);
    let digest = Digest::of(&bytes);
    assert_eq!(rule(previous_root_pinned(&bytes, 1, 1, digest)), Ok(Rule::PreviousRootPinned));
    assert_eq!(rule(previous_root_pinned(&bytes, 1, 2, digest)), Err(Rule::PreviousRootPinned));
    assert_eq!(
        rule(previous_root_pinned(&[bytes, b"\n".to_vec()].concat(), 1, 1, digest)),
        Err(Rule::PreviousRootPinned)
    );
}

#[test]
fn client_accepts_names_the_client_and_the_member() {
    let refuse = |spoil: &dyn Fn(&mut Root)| {
        let mut root = base();
        spoil(&mut root);
        client_accepts(Dialect::Tuf1, &signed(&root, &[])).expect_err("somebody breaks").to_string()
    };
    let p384 = refuse(&|root| *root = amend(root, &[RootChange::add_key(RoleName::Root, Signer::p384(1).key())]));
    assert!(p384.starts_with("CLIENT-ACCEPTS: `signed.keys."), "{p384}");
    assert!(p384.contains("is on P-384") && p384.contains("tuf-js, tough"), "{p384}");
    for (what, client) in [
        (refuse(&|root| root.consistent_snapshot = None), "python-tuf, tuf-js, tough, go-tuf"),
        (refuse(&|root| root.version = 1 << 54), "(refused by tuf-js)"),
        (refuse(&|root| drop(root.extra.insert("\u{1f600}".into(), Value::Null))), "(refused by tuf-js)"),
        (refuse(&|root| drop(root.extra.insert("x".into(), "e\u{301}".into()))), "(refused by tough)"),
        (refuse(&|root| root.expires = at("9999-12-31T00:00:00Z")), "(refused by tough)"),
        (
            refuse(&|root| drop(root.extra.insert("x".into(), "x".repeat(600_000).into()))),
            "(refused by python-tuf, tuf-js)",
        ),
        (
            refuse(&|root| drop(root.roles.insert("mirrors".into(), root.roles[&RoleName::Root].clone()))),
            "(refused by python-tuf, tough)",
        ),
    ] {
        assert!(what.contains(client), "{what}");
    }
    let nonsense = client_accepts(Dialect::Tuf1, b"{").expect_err("no JSON").to_string();
    assert!(nonsense.contains("cannot be read: line 1"), "{nonsense}");
}
