//! Our reading and our prediction of Notary v1 against files of the stock tools and their verdicts, read in place from
//! `../shared/vectors`.

mod notary_support;

use std::{fs, path::Path};

use notary_support::{MADE, base64, files, predict, rule};
use officiant::{
    rules::Rule,
    tuf::{Dialect, Document, Metadata as _, RoleName, Root, Untrusted, first_root, next_root, walk::Files},
};

/// One line of the verdicts.
struct Case {
    name: String,
    gun: String,
    now: String,
    posts: Vec<Files>,
    works: bool,
}

fn cases(path: &Path) -> Vec<Case> {
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let lines = fs::read_to_string(path).expect("the verdicts");
    let case = |line: &str| {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let posts = case["posts"].as_array().expect("posts").iter().map(|post| {
            let post = post.as_object().expect("roles");
            post.iter().map(|(role, bytes)| (format!("{role}.json"), base64(&text(bytes)))).collect()
        });
        Case {
            name: text(&case["case"]),
            gun: text(&case["gun"]),
            now: text(&case["evaluated_at"]),
            posts: posts.collect(),
            works: case["server_status"] == 200 && case["client_exit"] == 0,
        }
    };
    lines.lines().map(case).collect()
}

/// What lies in the folder when the last post is about to go: what it brings, and the roots before it.
fn folder(posts: &[Files], with_earlier_targets: bool) -> Files {
    let (last, before) = posts.split_last().expect("a post");
    let mut files = Files::new();
    for post in before {
        for (name, bytes) in post {
            if name == "root.json" {
                let root: Untrusted<Root> = Untrusted::parse(Dialect::Notary, bytes.as_slice()).expect("a root");
                files.insert(format!("{}.root.json", root.document().version), bytes.clone());
            } else if with_earlier_targets {
                files.insert(name.clone(), bytes.clone());
            }
        }
    }
    files.extend(last.clone());
    files
}

/// The rule by which a case is refused, where the first words of its name do not leave it open.
const RULES: &[(&str, Rule)] = &[
    ("A2 ", Rule::NotaryBytes),
    ("A4 ", Rule::NotaryBytes),
    ("A6 ", Rule::NotaryBytes),
    ("A8 ", Rule::NotaryBytes),
    ("A10 ", Rule::MetadataWellFormed),
    ("A12 ", Rule::NotaryBytes),
    ("A14 ", Rule::RootTallyNew),
    ("A16 ", Rule::NotaryBytes),
    ("A18 ", Rule::NotaryBytes),
    ("A20 ", Rule::NotaryBytes),
    ("A24 ", Rule::NotaryBytes),
    ("A26 ", Rule::MetadataWellFormed),
    ("A28 ", Rule::NotaryBytes),
    ("B4 ", Rule::CertValid),
    ("B6 ", Rule::CertValid),
    ("B8 ", Rule::CertValid),
    ("B10 ", Rule::CertValid),
    ("B14 ", Rule::RootTallyNew),
    ("B18 ", Rule::CertValid),
    ("B20 ", Rule::NotaryBytes),
    ("B22 ", Rule::NotaryBytes),
    ("C1 first root has version 3", Rule::RootVersionStep),
    ("C3 ", Rule::RootVersionStep),
    ("C5 ", Rule::RootVersionStep),
    ("C13 ", Rule::RoleTally),
    // Its two certificates are for the repository of another line; one signature would be too few as well.
    ("C15 ", Rule::CertFitsGun),
    ("C17 ", Rule::KeyCountedOnce),
    ("C18 ", Rule::MetadataWellFormed),
    ("C19 ", Rule::MetadataWellFormed),
    ("C21 ", Rule::ServerHoldsKeys),
    ("C25 ", Rule::BundleComplete),
    ("C27 ", Rule::NotExpired),
    ("C31 ", Rule::MetadataWellFormed),
    ("C33 ", Rule::RootTallyNew),
    ("D7 ", Rule::DelegationName),
    ("D9 ", Rule::DelegationName),
];

/// What works and is refused all the same: one key in two certificates is no second signer.
const STRICTER: [&str; 1] = ["C17 "];

#[test]
fn every_upload_is_predicted_as_the_stock_server_and_client_decided_or_skipped() {
    let path = vectors_or_skip!("notary/server-and-client-verdicts.jsonl");
    let (mut wrong, mut count) = (vec![], 0);
    for case in cases(&path) {
        let expected = RULES.iter().find(|(name, _)| case.name.starts_with(name)).map(|(_, rule)| *rule);
        let stricter = STRICTER.iter().any(|name| case.name.starts_with(name));
        assert_eq!(expected.is_none(), case.works && !stricter, "the table of this test: {}", case.name);
        let trusted = case.posts.first().filter(|_| case.posts.len() > 1).map(|post| post["root.json"].clone());
        for with_targets in [false, true] {
            for trusted in [None, trusted.as_deref()] {
                let walk = predict(&case.gun, &folder(&case.posts, with_targets), trusted, &case.now);
                if rule(&walk) != expected {
                    wrong.push(format!("{}: {:?}, not {expected:?}", case.name, walk.refusal));
                }
            }
        }
        count += 1;
    }
    assert!(count >= 59 && wrong.is_empty(), "{count} cases\n{}", wrong.join("\n"));
}

/// The verdict on a chain for a fresh client and for those that hold each of its roots.
fn chain(name: &str, now: &str) -> Option<Vec<Option<Rule>>> {
    let files = files(&notary_support::vectors("notary/chains")?.join(name));
    let last = files.len();
    let bytes = &files[&format!("{last}.root.json")];
    let root: Untrusted<Root> = Untrusted::parse(Dialect::Notary, bytes.as_slice()).expect("a root");
    let key = root.document().keys_of(&RoleName::Root).next().expect("a root key").1.clone();
    let gun = key.certificate().expect("a certificate").common_name();
    let held = (1..=last).map(|version| Some(files[&format!("{version}.root.json")].as_slice()));
    Some([None].into_iter().chain(held).map(|trusted| rule(&predict(&gun, &files, trusted, now))).collect())
}

#[test]
fn chains_are_followed_by_every_client_that_followed_them_and_no_other_or_skipped() {
    let Some(good) = chain("k1", MADE) else { return println!("skipped: no ../shared/vectors beside the checkout") };
    assert_eq!(good, [None; 5], "three rotations of the root key");
    let bricked = Some(Rule::CertValid);
    assert_eq!(chain("k4", MADE), Some(vec![None, bricked, bricked, None]), "the certificate of root 2 has ended");
    assert_eq!(chain("k4", "2026-11-22T14:40:00Z"), Some(vec![None; 4]), "as long as it had not");
    assert_eq!(chain("k6", MADE), Some(vec![None; 3]), "an expired root that the next renews");
    assert_eq!(chain("k7", MADE), Some(vec![None; 4]), "thresholds that rise, and a key that is replaced");
}

/// Every folder with files of metadata that real tools made.
const FOLDERS: [&str; 8] = [
    "notary/stock/served",
    "notary/stock/trust/tuf",
    "notary/docker-cli/tuf",
    "notary/external-4443",
    "notary/external-4444",
    "notary/external-dct",
    "notary/chains",
    "public/notary-compat",
];

#[test]
fn every_file_of_the_stock_tools_is_read_and_written_again_byte_for_byte_or_skipped() {
    let mut count = 0;
    for folder in FOLDERS {
        let Some(folder) = notary_support::vectors(folder) else {
            return println!("skipped: no ../shared/vectors beside the checkout");
        };
        for (name, bytes) in files(&folder) {
            if !String::from_utf8_lossy(&bytes).contains("\"_type\"") {
                continue;
            }
            let place = format!("{}/{name}", folder.display());
            let document = Document::parse_any(&bytes).unwrap_or_else(|refusal| panic!("{place}: {refusal}"));
            assert_eq!(document.dialect(), Dialect::Notary, "{place}");
            assert_eq!(Dialect::Notary.breakages(&bytes), [], "{place}");
            assert_eq!(Dialect::Notary.envelope(document.signed(), document.signatures()), bytes, "{place}");
            count += 1;
        }
    }
    assert!(count > 60, "{count} files");
}

#[test]
fn what_the_stock_tools_say_is_written_from_what_was_understood_or_skipped() {
    let said = |document: &Document| match document {
        Document::Root(root) => root.document().to_value(Dialect::Notary),
        Document::Targets(targets) => targets.document().to_value(Dialect::Notary),
        Document::Snapshot(snapshot) => snapshot.document().to_value(Dialect::Notary),
        Document::Timestamp(timestamp) => timestamp.document().to_value(Dialect::Notary),
    };
    for folder in FOLDERS {
        let Some(folder) = notary_support::vectors(folder) else {
            return println!("skipped: no ../shared/vectors beside the checkout");
        };
        for (name, bytes) in files(&folder) {
            let Ok(document) = Document::parse_any(&bytes) else { continue };
            // Whole seconds are written; the stock client writes billionths.
            let mut whole: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
            whole["signed"]["expires"] = document.expires().to_string().into();
            let ours = serde_json::to_value(said(&document)).expect("JSON");
            assert_eq!(ours, whole["signed"], "{}/{name}", folder.display());
        }
    }
}

#[test]
fn the_roots_of_the_stock_server_follow_each_other_or_skipped() {
    let folder = vectors_or_skip!("notary/stock/served");
    let read = |version: u32| -> Untrusted<Root> {
        let bytes = fs::read(folder.join(format!("{version}.root.json"))).expect("a root");
        Untrusted::parse(Dialect::Notary, bytes).expect("a root")
    };
    let mut root = first_root(read(1)).expect("root 1");
    for version in 2..=5 {
        root = next_root(&root, read(version)).expect("the next root");
    }
}

#[test]
fn what_the_stock_server_serves_works_for_a_fresh_client_and_for_each_older_one_or_skipped() {
    let folder = vectors_or_skip!("notary/stock/served");
    let mut files = files(&folder);
    let releases = files.remove("targets_releases.json").expect("the delegated file");
    files.insert("targets/releases.json".into(), releases);
    let gun = "localhost:5000/lab/stock";
    for trusted in [None, Some("1.root.json"), Some("4.root.json"), Some("5.root.json")] {
        let trusted = trusted.map(|name| files[name].clone());
        let walk = predict(gun, &files, trusted.as_deref(), MADE);
        assert_eq!((walk.root_version, walk.refusal), (5, None));
    }
    assert_eq!(rule(&predict("localhost:5000/lab/other", &files, None, MADE)), Some(Rule::CertFitsGun));
    let releases = files.get_mut("targets/releases.json").expect("a file");
    *releases = String::from_utf8_lossy(releases).replace("\"version\":", "\"version\":1").into_bytes();
    assert_eq!(rule(&predict(gun, &files, None, MADE)), Some(Rule::BytesMatchHash), "the snapshot is there");
    files.remove("snapshot.json");
    files.remove("timestamp.json");
    assert_eq!(rule(&predict(gun, &files, None, MADE)), Some(Rule::DelegationSigned));
}

#[test]
fn the_trust_directories_of_the_stock_tools_work_as_they_lie_or_skipped() {
    for (trust, gun) in [
        ("notary/stock/trust/tuf/localhost_5000/lab/stock/metadata", "localhost:5000/lab/stock"),
        ("notary/docker-cli/tuf/lab-app/metadata", ""),
    ] {
        let Some(folder) = notary_support::vectors(trust) else {
            return println!("skipped: no ../shared/vectors beside the checkout");
        };
        let files = files(&folder);
        let root: Untrusted<Root> = Untrusted::parse(Dialect::Notary, files["root.json"].as_slice()).expect("a root");
        let key = root.document().keys_of(&RoleName::Root).next().expect("a root key").1.clone();
        let name = key.certificate().expect("a certificate").common_name();
        assert!(gun.is_empty() || gun == name, "{name}");
        let walk = predict(&name, &files, None, MADE);
        assert_eq!(walk.refusal, None, "{trust}");
        assert!(walk.steps.iter().any(|step| step.role.as_str() == "targets/releases"), "{:?}", walk.steps);
    }
}

/// Keyids of a trust directory: the private keys are named by their canonical ids.
#[test]
fn the_files_of_private_keys_are_named_by_the_canonical_ids_of_public_ones_or_skipped() {
    for (trust, roles) in [("notary/stock/trust", 4), ("notary/docker-cli", 4)] {
        let Some(folder) = notary_support::vectors(trust) else {
            return println!("skipped: no ../shared/vectors beside the checkout");
        };
        let mut canonical = std::collections::BTreeSet::new();
        for bytes in files(&folder.join("tuf")).values() {
            let Ok(document) = Document::parse_any(bytes) else { continue };
            let keys = match &document {
                Document::Root(root) => root.document().keys.clone(),
                Document::Targets(targets) => {
                    targets.document().delegations.clone().map(|delegations| delegations.keys).unwrap_or_default()
                }
                _ => continue,
            };
            for (keyid, key) in keys {
                assert_eq!(key.id(), keyid);
                assert_eq!(key.certificate().is_none(), key.canonical_id() == keyid);
                canonical.insert(key.canonical_id().as_str().to_owned());
            }
        }
        let private = fs::read_dir(folder.join("private")).expect("keys");
        let names: Vec<String> = private
            .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
            .collect();
        let known = names.iter().filter(|name| canonical.contains(*name)).count();
        assert!(names.len() >= roles && known >= roles - 1, "{trust}: {known} of {}", names.len());
    }
}

#[test]
fn docker_content_trust_by_an_independent_script_is_judged_as_docker_judged_it_or_skipped() {
    let folder = vectors_or_skip!("notary/external-dct");
    let read = |name: &str| fs::read(folder.join(name)).expect("a file");
    let root = read("v1-root.json");
    let first: Untrusted<Root> = Untrusted::parse(Dialect::Notary, root.as_slice()).expect("a root");
    let key = first.document().keys_of(&RoleName::Root).next().expect("a root key").1.clone();
    let gun = key.certificate().expect("a certificate").common_name();
    let upload = |files: &[(&str, &str)]| -> Files {
        files.iter().map(|(name, file)| ((*name).to_owned(), read(file))).collect()
    };
    let init = upload(&[("root.json", "v1-root.json"), ("targets.json", "v1-targets.json")]);
    assert_eq!(rule(&predict(&gun, &init, None, MADE)), None);
    let tagging = [("1.root.json", "v1-root.json"), ("root.json", "v2-root.json"), ("targets.json", "v2-targets.json")];
    assert_eq!(rule(&predict(&gun, &upload(&tagging), Some(&root), MADE)), None);
    assert_eq!(rule(&predict(&gun, &upload(&tagging[..2]), None, MADE)), Some(Rule::BundleComplete));
    let resigned = [
        ("1.root.json", "v1-root.json"),
        ("2.root.json", "v2-root.json"),
        ("targets.json", "v4-deleg-resigned-targets.json"),
        ("targets/alice.json", "v4-deleg-resigned-targets_alice.json"),
        ("targets/releases.json", "v4-deleg-resigned-targets_releases.json"),
    ];
    assert_eq!(rule(&predict(&gun, &upload(&resigned), None, MADE)), None);
    let mut stale = upload(&resigned);
    stale.insert("targets.json".into(), read("v2-targets.json"));
    let walk = predict(&gun, &stale, None, MADE);
    assert_eq!(
        rule(&walk),
        Some(Rule::DelegationSigned),
        "the files are signed by a key that these targets do not name"
    );
    let rotated =
        [("1.root.json", "v1-root.json"), ("2.root.json", "v2-root.json"), ("root.json", "v5-root-rotated-root.json")];
    for trusted in [None, Some(root.as_slice())] {
        assert_eq!(rule(&predict(&gun, &upload(&rotated), trusted, MADE)), None);
    }
}
