//! Bundles: what belongs to one, what it wants, and how a signature that was made elsewhere gets in.

use officiant::{
    digest::Digest,
    rules::Rule,
    transfer::{
        Bundle, BundleFile, Gun, Manifest, Publication, Want,
        bundle::{BUNDLE, Files, payload_name},
        completion::complete,
        manifest::Entry,
    },
    tuf::{Dialect, Document, KeyId, Metadata as _, PublicKey, RoleName, Root, Targets, role::Role},
    utc::Utc,
};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};

const DIALECT: Dialect = Dialect::Tuf1;

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).expect("a scalar")
}

fn public(seed: u8) -> PublicKey {
    PublicKey::P256(*signer(seed).verifying_key())
}

fn role(seeds: &[u8]) -> Role {
    let keyids = seeds.iter().map(|seed| DIALECT.key(&public(*seed)).expect("a key").id()).collect();
    Role { keyids, threshold: seeds.len() as u64, ..Role::default() }
}

fn expires() -> Utc {
    Utc::parse("2036-01-01T00:00:00Z").expect("an instant")
}

fn file(role: RoleName, bytes: &[u8], version: u64) -> BundleFile {
    let file = format!("{}.json", role.as_str());
    BundleFile { role, file, version, sha256: Digest::of(bytes), length: bytes.len() as u64 }
}

/// A bundle of root 2, which names the keys 2 and 3 for targets, and targets 5, which neither of them has signed.
fn incomplete() -> (Bundle, Files) {
    let spec_version = DIALECT.spec_version().map(str::to_owned);
    let mut root = Root {
        version: 2,
        expires: expires(),
        consistent_snapshot: Some(false),
        spec_version: spec_version.clone(),
        ..Root::blank()
    };
    for seed in [1, 2, 3, 4] {
        let key = DIALECT.key(&public(seed)).expect("a key");
        root.keys.insert(key.id(), key);
    }
    for (name, seeds) in [
        (RoleName::Root, &[1][..]),
        (RoleName::Targets, &[2, 3]),
        (RoleName::Snapshot, &[4]),
        (RoleName::Timestamp, &[4]),
    ] {
        root.roles.insert(name, role(seeds));
    }
    let targets = Targets {
        spec_version,
        version: 5,
        expires: expires(),
        targets: Default::default(),
        delegations: None,
        extra: Default::default(),
    };
    let payload = DIALECT.signed_bytes(&targets);
    let root_bytes = DIALECT.envelope(&DIALECT.signed_bytes(&root), &[]);
    let targets_bytes = DIALECT.envelope(&payload, &[]);
    assert_eq!(targets.version(), 5);
    let wants = [2, 3].map(|seed| {
        let key = DIALECT.key(&public(seed)).expect("a key");
        Want {
            role: RoleName::Targets,
            version: 5,
            payload: Digest::of(&payload),
            keyid: key.id(),
            key,
            owner: format!("owner {seed}"),
        }
    });
    let bundle = Bundle {
        dialect: DIALECT,
        gun: Gun::parse("lab/app").expect("a name"),
        files: vec![file(RoleName::Root, &root_bytes, 2), file(RoleName::Targets, &targets_bytes, 5)],
        wants: wants.into(),
        enough: Default::default(),
    };
    let files = [("root.json", root_bytes), ("targets.json", targets_bytes), ("targets.payload", payload)];
    (bundle, files.map(|(name, bytes)| (name.to_owned(), bytes)).into())
}

fn keyid(seed: u8) -> KeyId {
    role(&[seed]).keyids.remove(0)
}

#[test]
fn what_still_wants_a_signature_is_not_complete() {
    let (bundle, _) = incomplete();
    let refused = bundle.complete().expect_err("two signatures are to come");
    assert_eq!(refused.rule, Rule::BundleComplete);
    assert!(
        refused.what.contains("targets 5 by owner 2") && refused.what.contains("targets 5 by owner 3"),
        "{refused}"
    );
    let complete = Bundle { wants: vec![], ..bundle };
    assert_eq!(complete.complete(), Ok(()));
}

#[test]
fn signatures_come_in_one_by_one_der_or_raw_and_the_payload_goes_with_the_last() {
    let (bundle, files) = incomplete();
    let payload = files["targets.payload"].clone();
    let signature: Signature = signer(2).sign(&payload);
    let (half, half_files) = complete(&bundle, &files, &RoleName::Targets, &keyid(2), signature.to_der().as_bytes())
        .expect("a DER signature");
    assert_eq!(half.wants.len(), 1);
    assert!(half_files.contains_key("targets.payload"));
    assert!(half.complete().is_err());
    let signature: Signature = signer(3).sign(&payload);
    let (whole, whole_files) =
        complete(&half, &half_files, &RoleName::Targets, &keyid(3), &signature.to_bytes()).expect("a raw signature");
    assert_eq!(whole.complete(), Ok(()));
    assert_eq!(whole_files.keys().collect::<Vec<_>>(), ["root.json", "targets.json"]);
    let document = Document::parse(DIALECT, &whole_files["targets.json"]).expect("metadata");
    assert_eq!(document.signed(), payload);
    for (seed, signature) in [2, 3].into_iter().zip(document.signatures()) {
        assert_eq!(signature.keyid, keyid(seed));
        assert!(DIALECT.verifies(&public(seed), document.signed(), signature));
    }
    let refused =
        complete(&whole, &whole_files, &RoleName::Targets, &keyid(3), &signature.to_bytes()).expect_err("it is there");
    assert_eq!(refused.rule, Rule::BundleComplete);
}

#[test]
fn any_enough_of_those_who_may_sign_complete_a_bundle() {
    let (mut bundle, files) = incomplete();
    let payload = files["targets.payload"].clone();
    bundle.enough.insert(RoleName::Targets, 1);
    assert_eq!(bundle.needed(), 1);
    assert_eq!(Bundle::parse(bundle.to_text().as_bytes()), Ok(bundle.clone()));
    let refused = bundle.complete().expect_err("one signature is to come");
    assert!(
        refused.what.contains("targets by any 1 of owner 2 (key ") && refused.what.contains(", owner 3 (key "),
        "{refused}"
    );
    // Whoever of them comes.
    for seed in [2, 3] {
        let signature: Signature = signer(seed).sign(&payload);
        let (whole, whole_files) =
            complete(&bundle, &files, &RoleName::Targets, &keyid(seed), &signature.to_bytes()).expect("one of them");
        assert_eq!((whole.complete(), whole.needed()), (Ok(()), 0));
        assert_eq!(Bundle::parse(whole.to_text().as_bytes()), Ok(whole));
        assert!(!whole_files.contains_key("targets.payload"));
    }
    // Two of three: after the first any of the others, and then nobody any more.
    let key = DIALECT.key(&public(4)).expect("a key");
    bundle.wants.push(Want { keyid: key.id(), key, owner: "owner 4".into(), ..bundle.wants[0].clone() });
    bundle.enough.insert(RoleName::Targets, 2);
    let mut root = bundle.files[0].clone();
    let with_three = {
        let mut three = Root::blank();
        if let Document::Root(root) = Document::parse(DIALECT, &files["root.json"]).expect("a root") {
            three = root.document().clone();
        }
        three.roles.insert(RoleName::Targets, Role { threshold: 2, ..role(&[2, 3, 4]) });
        three.keys.insert(keyid(4), DIALECT.key(&public(4)).expect("a key"));
        DIALECT.envelope(&DIALECT.signed_bytes(&three), &[])
    };
    (root.sha256, root.length) = (Digest::of(&with_three), with_three.len() as u64);
    bundle.files[0] = root;
    let mut files = files;
    files.insert("root.json".into(), with_three);
    let by = |seed: u8| -> Signature { signer(seed).sign(&payload) };
    let take = |bundle: &Bundle, files: &Files, seed: u8| {
        complete(bundle, files, &RoleName::Targets, &keyid(seed), &by(seed).to_bytes())
    };
    let (half, half_files) = take(&bundle, &files, 4).expect("the first");
    assert_eq!((half.needed(), half.wants.len(), half.enough.get(&RoleName::Targets)), (1, 2, Some(&1)));
    let (whole, whole_files) = take(&half, &half_files, 2).expect("the second");
    assert_eq!(whole.complete(), Ok(()));
    assert_eq!(take(&whole, &whole_files, 3).expect_err("nobody waits for it").rule, Rule::BundleComplete);
    // What cannot be is refused where it is read.
    for enough in [0, 3, 4] {
        let mut spoilt = bundle.clone();
        spoilt.enough.insert(RoleName::Targets, enough);
        assert!(Bundle::parse(spoilt.to_text().as_bytes()).is_err(), "{enough} of 3");
    }
}

#[test]
fn a_signature_by_another_key_or_over_other_bytes_stays_out() {
    let (bundle, files) = incomplete();
    let take = |keyid: &KeyId, signature: &[u8]| {
        complete(&bundle, &files, &RoleName::Targets, keyid, signature).map(drop).map_err(|refusal| refusal.rule)
    };
    let by = |seed: u8, message: &[u8]| -> Signature { signer(seed).sign(message) };
    let payload = &files["targets.payload"];
    assert_eq!(take(&keyid(2), &by(3, payload).to_bytes()), Err(Rule::SignatureVerifies));
    assert_eq!(take(&keyid(2), &by(2, b"other").to_bytes()), Err(Rule::SignatureVerifies));
    assert_eq!(take(&keyid(2), b""), Err(Rule::SignatureVerifies));
    assert_eq!(take(&keyid(4), &by(4, payload).to_bytes()), Err(Rule::BundleComplete), "nobody wants that one");
    assert_eq!(take(&keyid(2), &by(2, payload).to_bytes()), Ok(()));
}

#[test]
fn a_key_that_the_root_of_the_bundle_does_not_name_signs_nothing() {
    let (mut bundle, files) = incomplete();
    let key = DIALECT.key(&public(9)).expect("a key");
    (bundle.wants[0].keyid, bundle.wants[0].key) = (key.id(), key);
    let signature: Signature = signer(9).sign(&files["targets.payload"]);
    let refused =
        complete(&bundle, &files, &RoleName::Targets, &keyid(9), &signature.to_bytes()).expect_err("a stranger");
    assert_eq!(refused.rule, Rule::BundleComplete);
    assert!(refused.what.contains("does not let key"), "{refused}");
}

#[test]
fn a_file_that_is_not_the_one_that_is_named_is_refused() {
    let (bundle, files) = incomplete();
    assert_eq!(bundle.check_files(&files), Ok(()));
    for name in ["root.json", "targets.json", "targets.payload"] {
        let mut spoilt = files.clone();
        spoilt.get_mut(name).expect("it is there").push(b' ');
        assert_eq!(bundle.check_files(&spoilt).map_err(|refusal| refusal.rule), Err(Rule::BytesMatchHash), "{name}");
        spoilt.remove(name);
        assert_eq!(bundle.check_files(&spoilt).map_err(|refusal| refusal.rule), Err(Rule::BytesMatchHash), "{name}");
    }
    let mut other = bundle.clone();
    other.files[1].version = 6;
    assert!(other.check_files(&files).expect_err("another version").what.contains("another version"));
}

#[test]
fn the_written_form_is_read_back_and_what_is_otherwise_is_refused() {
    let (bundle, _) = incomplete();
    let text = bundle.to_text();
    assert!(
        text.starts_with(
            r#"{"dialect":"tuf1","gun":"lab/app","files":[{"role":"root","file":"root.json","version":2,"sha256":""#
        ),
        "{text}"
    );
    assert!(text.ends_with("\"owner\":\"owner 3\"}]}\n"), "{text}");
    assert_eq!(Bundle::parse(text.as_bytes()), Ok(bundle.clone()));
    let spoilt = |spoil: &dyn Fn(&mut Bundle)| {
        let mut bundle = bundle.clone();
        spoil(&mut bundle);
        Bundle::parse(bundle.to_text().as_bytes()).expect_err("it is spoilt").what
    };
    assert!(spoilt(&|bundle| bundle.files.reverse()).contains("root stands after targets"));
    assert!(spoilt(&|bundle| bundle.files[0].file = "../root.json".into()).contains("not root.json"));
    assert!(spoilt(&|bundle| bundle.files[1].role = RoleName::Root).contains("root"));
    assert!(spoilt(&|bundle| bundle.files.clear()).contains("no file"));
    assert!(spoilt(&|bundle| bundle.wants[0].version = 4).contains("wants a signature for 4"));
    assert!(spoilt(&|bundle| bundle.wants[0].role = RoleName::from("targets/a")).contains("not in it"));
    assert!(spoilt(&|bundle| bundle.wants[0].keyid = keyid(3)).contains("another keyid"));
    assert!(spoilt(&|bundle| bundle.wants[1] = bundle.wants[0].clone()).contains("twice"));
    assert!(
        spoilt(&|bundle| {
            bundle.files[1].role = RoleName::from("targets/../../x");
            bundle.files[1].file = "targets/../../x.json".into();
            bundle.wants.clear();
        })
        .contains("below the folder")
    );
    assert!(Bundle::parse(text.replace("\"gun\"", "\"gun\":\"a\",\"gun\"").as_bytes()).is_err());
    assert!(Bundle::parse(text.replace("\"gun\"", "\"more\":1,\"gun\"").as_bytes()).is_err());
}

#[test]
fn a_publication_holds_what_its_manifest_lists_and_nothing_else() {
    let (bundle, mut files) = incomplete();
    files.insert(BUNDLE.into(), bundle.to_text().into_bytes());
    let listed = |files: &Files| {
        let entries = files
            .iter()
            .map(|(name, bytes)| Entry { path: format!("repositories/lab%2Fapp/{name}"), digest: Digest::of(bytes) });
        Publication::open(Manifest::of(entries).expect("paths"))
    };
    let publication = listed(&files).expect("a publication");
    assert_eq!(publication.guns(), std::slice::from_ref(&bundle.gun));
    assert_eq!(publication.names(&bundle.gun), [BUNDLE, "root.json", "targets.json", "targets.payload"]);
    assert_eq!(publication.bundle(&bundle.gun, &files), Ok(bundle.clone()));

    let rule = |publication: &Publication, files: &Files| {
        publication.bundle(&bundle.gun, files).map_err(|refusal| refusal.rule)
    };
    let mut tampered = files.clone();
    tampered.get_mut("root.json").expect("it is there").push(b' ');
    assert_eq!(rule(&publication, &tampered), Err(Rule::BytesMatchHash));
    assert_eq!(rule(&listed(&tampered).expect("a publication"), &tampered), Err(Rule::BytesMatchHash));
    let mut more = files.clone();
    more.insert("other.json".into(), vec![]);
    assert_eq!(rule(&publication, &more), Err(Rule::ManifestComplete));
    assert_eq!(rule(&listed(&more).expect("a publication"), &more), Err(Rule::ManifestComplete));
    let mut without = files.clone();
    without.remove(BUNDLE);
    assert_eq!(listed(&without).map(drop).map_err(|refusal| refusal.rule), Err(Rule::ManifestComplete));
    let mut other = files;
    let elsewhere = Bundle { gun: Gun::parse("lab/other").expect("a name"), ..bundle.clone() };
    other.insert(BUNDLE.into(), elsewhere.to_text().into_bytes());
    assert_eq!(rule(&listed(&other).expect("a publication"), &other), Err(Rule::BundleComplete));
    assert_eq!(payload_name(&RoleName::Targets), "targets.payload");
}
