//! `show`, `diff` and `verify` on repositories that other programs made.

mod cli_support;

use std::fs;

use cli_support::{officiant, vectors};
use serde_json::Value;

/// The metadata folder of a repository that python-tuf made.
macro_rules! repository {
    () => {
        match vectors("python-tuf-ecdsa/metadata") {
            Some(folder) => folder.to_string_lossy().into_owned(),
            None => {
                eprintln!("skipped: ../shared is not beside the checkout");
                return;
            }
        }
    };
}

/// The versions of the roots in a folder, rising.
fn roots(folder: &str) -> Vec<u64> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut versions: Vec<u64> = names.filter_map(|name| name.strip_suffix(".root.json")?.parse().ok()).collect();
    versions.sort_unstable();
    versions
}

#[test]
fn a_file_is_shown_with_keys_thresholds_expiry_and_signatures_or_skipped() {
    let folder = repository!();
    let place = tempfile::tempdir().unwrap();
    let first = format!("{folder}/1.root.json");
    let text = officiant(place.path(), &["show", &first, "--at", "2026-12-01"]);
    assert_eq!(text.code, Some(0), "{text:#?}");
    for part in ["root 1", "role root:", "must sign", "signed, by the root keys of root 1", "expires"] {
        assert!(text.out.contains(part), "no “{part}” in {}", text.out);
    }
    let json = officiant(place.path(), &["show", &first, "--at", "2026-12-01", "--json"]);
    let shown: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(shown["version"], 1);
    assert!(shown["days_left"].is_i64() && shown["tallies"][0]["met"] == true, "{shown:#}");
}

#[test]
fn what_changes_between_two_roots_is_said_in_words_and_as_data_or_skipped() {
    let folder = repository!();
    let place = tempfile::tempdir().unwrap();
    let versions = roots(&folder);
    let (old, new) = (format!("{folder}/{}.root.json", versions[0]), format!("{folder}/{}.root.json", versions[1]));
    let text = officiant(place.path(), &["diff", &old, &new]);
    assert_eq!(text.code, Some(0), "{text:#?}");
    assert!(text.out.starts_with("root 1 ") && text.out.lines().count() > 1, "{}", text.out);
    let json = officiant(place.path(), &["diff", &old, &new, "--json"]);
    let difference: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(difference["new"]["version"], versions[1]);
    assert!(!difference["root_changes"].as_array().unwrap().is_empty(), "{difference:#}");
    let same = officiant(place.path(), &["diff", &old, &old]);
    assert!(same.code == Some(0) && same.out.contains("the same"), "{same:#?}");
}

#[test]
fn a_repository_is_walked_as_a_client_walks_it_or_skipped() {
    let folder = repository!();
    let place = tempfile::tempdir().unwrap();
    let trusted = format!("{folder}/1.root.json");
    let walk = |at: &str, json: bool| {
        let mut arguments = vec!["verify", "--trusted", &trusted, "--metadata", &folder, "--at", at];
        arguments.extend(json.then_some("--json"));
        officiant(place.path(), &arguments)
    };
    let shown = officiant(place.path(), &["show", &trusted, "--json"]);
    let expires = serde_json::from_str::<Value>(&shown.out).unwrap()["expires"].as_str().unwrap()[..10].to_owned();
    let early = walk("2026-11-01", false);
    assert_eq!(early.code, Some(0), "{early:#?}");
    assert!(early.out.contains("ACCEPTED") && early.out.contains("verified  root"), "{}", early.out);
    let late = walk("2999-01-01", true);
    assert_eq!(late.code, Some(1), "root 1 expires {expires}: {late:#?}");
    let report: Value = serde_json::from_str(&late.out).unwrap();
    assert_eq!(report["refusal"]["rule"], "NOT-EXPIRED", "{report:#}");
}

#[test]
fn a_changed_byte_is_refused_by_its_rule_or_skipped() {
    let folder = repository!();
    let place = tempfile::tempdir().unwrap();
    cli_support::copy(folder.as_ref(), &place.path().join("metadata"));
    let last = roots(&folder).pop().unwrap();
    let path = place.path().join(format!("metadata/{last}.root.json"));
    let root = fs::read_to_string(&path).unwrap();
    let expires = root.find("\"expires\"").unwrap();
    let year = expires + root[expires..].find("20").unwrap();
    let forged = format!("{}21{}", &root[..year], &root[year + 2..]);
    fs::write(&path, forged).unwrap();
    let trusted = format!("{folder}/1.root.json");
    let ran =
        officiant(place.path(), &["verify", "--trusted", &trusted, "--metadata", "metadata", "--at", "2026-11-01"]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(ran.out.contains("REFUSED   ROOT-TALLY-"), "{}", ran.out);
}

/// A folder below the vectors of Notary.
macro_rules! notary {
    ($path:literal) => {
        match vectors(concat!("../notary/", $path)) {
            Some(folder) => folder,
            None => {
                eprintln!("skipped: ../shared is not beside the checkout");
                return;
            }
        }
    };
}

const STOCK: &str = "localhost:5000/lab/stock";

#[test]
fn an_upload_to_a_notary_server_is_predicted_or_skipped() {
    let served = notary!("stock/served");
    let place = tempfile::tempdir().unwrap();
    let upload = place.path().join("upload");
    fs::create_dir_all(upload.join("targets")).unwrap();
    for name in ["1.root.json", "2.root.json", "3.root.json", "4.root.json", "targets.json"] {
        fs::copy(served.join(name), upload.join(name)).unwrap();
    }
    fs::copy(served.join("5.root.json"), upload.join("root.json")).unwrap();
    fs::copy(served.join("targets_releases.json"), upload.join("targets/releases.json")).unwrap();
    let verify = |more: &[&str]| {
        let base =
            ["verify", "--dialect", "notary", "--gun", STOCK, "--metadata", "upload", "--at", "2026-11-22T15:00:00Z"];
        officiant(place.path(), &[&base[..], more].concat())
    };
    let fresh = verify(&[]);
    assert_eq!(fresh.code, Some(0), "{fresh:#?}");
    for part in ["ACCEPTED  the client ends on root 5", "CERT-FITS-GUN", "NOTARY-BYTES", "verified  targets/releases"] {
        assert!(fresh.out.contains(part), "no “{part}” in {}", fresh.out);
    }
    let first = served.join("1.root.json").to_string_lossy().into_owned();
    let held = verify(&["--trusted", &first, "--json"]);
    assert_eq!(held.code, Some(0), "{held:#?}");
    let report: Value = serde_json::from_str(&held.out).unwrap();
    assert_eq!(report["root_version"], 5, "{report:#}");
    let mut root = fs::read(upload.join("root.json")).unwrap();
    root.push(b'\n');
    fs::write(upload.join("root.json"), root).unwrap();
    let spoilt = verify(&[]);
    assert_eq!(spoilt.code, Some(1), "{spoilt:#?}");
    assert!(spoilt.out.contains("REFUSED   NOTARY-BYTES"), "{}", spoilt.out);
    let other = [
        "verify",
        "--dialect",
        "notary",
        "--gun",
        "localhost:5000/lab/other",
        "--metadata",
        "upload",
        "--at",
        "2026-11-22",
    ];
    assert_eq!(officiant(place.path(), &other).code, Some(1));
    for wrong in [
        &["verify", "--dialect", "notary", "--metadata", "upload"][..],
        &["verify", "--dialect", "notary", "--gun", "", "--metadata", "upload"],
        &["verify", "--metadata", "upload"],
        &["verify", "--gun", STOCK, "--trusted", &first, "--metadata", "upload"],
    ] {
        let ran = officiant(place.path(), wrong);
        assert!(ran.code == Some(2) && ran.err.contains("--"), "{ran:#?}");
    }
}

#[test]
fn files_of_notary_are_shown_and_compared_or_skipped() {
    let served = notary!("stock/served");
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| served.join(name).to_string_lossy().into_owned();
    let root = officiant(place.path(), &["show", &path("5.root.json"), "--at", "2026-12-01"]);
    assert_eq!(root.code, Some(0), "{root:#?}");
    for part in ["root 5", "certificate for localhost:5000/lab/stock", "canonical id 75d3cd23", "needed 1, met"] {
        assert!(root.out.contains(part), "no “{part}” in {}", root.out);
    }
    for name in ["targets.json", "targets_releases.json", "snapshot.json", "timestamp.json"] {
        let shown =
            officiant(place.path(), &["show", &path(name), "--trusted", &path("5.root.json"), "--at", "2026-12-01"]);
        assert_eq!(shown.code, Some(0), "{shown:#?}");
    }
    let difference = officiant(place.path(), &["diff", &path("4.root.json"), &path("5.root.json")]);
    assert_eq!(difference.code, Some(0), "{difference:#?}");
    assert!(
        difference.out.contains("root: add key") && difference.out.contains("root: remove key"),
        "{}",
        difference.out
    );
}
