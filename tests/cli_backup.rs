//! `share read` and `backup inspect`: what can be said without a ceremony.

mod backup_support;
mod cli_support;

use std::fs;

use backup_support::{key, shares, typed};
use cli_support::{officiant, officiant_with};
use officiant::{
    backup::{Identity, seal, wrapped_file},
    keyfile::Kek,
    rules::Rule,
};
use serde_json::Value;

#[test]
fn a_share_is_checked_row_by_row_and_never_said_again() {
    let (_, trusted, _) = key();
    let split = shares(&Identity::fresh().unwrap(), 2, 3, &trusted);
    let place = tempfile::tempdir().unwrap();
    for share in &split.shares {
        let rows = typed(share);
        let code = format!("OFFICIANT-SHARE-1:{}\n", rows.replace([' ', '\n'], ""));
        for input in [&rows, &rows.to_lowercase(), &code] {
            let ran = officiant_with(place.path(), &["share", "read", "--json"], input);
            assert_eq!(ran.code, Some(0), "{ran:#?}");
            let report: Value = serde_json::from_str(&ran.out).unwrap();
            assert_eq!(report["index"], share.label().index);
            assert_eq!(report["set"], split.set.id());
            assert_eq!(report["scheme"], serde_json::json!([2, 3]));
            assert!(trusted.id().as_str().starts_with(report["keyid"].as_str().unwrap()));
            assert_eq!(report["commitment"], share.commitment().0.to_string());
            // Four letters may stand in a digest by chance; twelve do not.
            for row in rows.lines() {
                for part in [&row[..14], &row[10..], &row.replace(' ', "")[4..16]] {
                    assert!(!ran.out.contains(part) && !ran.err.contains(part), "{ran:#?}");
                }
            }
        }
        let ran = officiant_with(place.path(), &["share", "read"], &rows);
        assert!(ran.out.starts_with(&format!("Share {} of 3: every check holds.", share.label().index)), "{ran:#?}");
    }
}

#[test]
fn a_row_that_is_wrong_is_named() {
    let (_, trusted, _) = key();
    let split = shares(&Identity::fresh().unwrap(), 2, 3, &trusted);
    let place = tempfile::tempdir().unwrap();
    let rows = typed(&split.shares[0]);
    let mut wrong = rows.clone();
    wrong.replace_range(75..76, if &rows[75..76] == "X" { "V" } else { "X" });
    let eight: Vec<&str> = rows.lines().collect();
    let cut = eight[..5].join("\n") + "\n";
    for (input, said) in [
        (wrong.as_str(), "row 4: some letter"),
        (&cut, "5 rows were given"),
        ("", "0 rows were given"),
        ("OFFICIANT-SHARE-1:2222\n", "row 1: 4 letters were given"),
        ("9999\n", "there is no “9” on these pages; it may be “4”"),
    ] {
        let ran = officiant_with(place.path(), &["share", "read"], input);
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert!(ran.err.contains(Rule::ShareFits.name()) && ran.err.contains(said), "no “{said}” in {ran:#?}");
        assert!(ran.out.is_empty());
    }
}

#[test]
fn a_sealed_file_is_described_and_anything_else_refused() {
    let (key, _, about) = key();
    let place = tempfile::tempdir().unwrap();
    let sealed = seal(&key, &about, &Identity::fresh().unwrap()).unwrap();
    fs::write(place.path().join("backup.age"), sealed.bytes()).unwrap();
    let ran = officiant(place.path(), &["backup", "inspect", "backup.age"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let digest = sealed.digest().to_string();
    for part in ["one X25519 identity", &format!("{} bytes", sealed.bytes().len()), &digest] {
        assert!(ran.out.contains(part), "no “{part}” in {ran:#?}");
    }
    let ran = officiant(place.path(), &["backup", "inspect", "backup.age", "--json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&report["opened_by"]["kind"], &report["sha256"]), (&"identity".into(), &digest.into()));
    // A key that a token wrapped says what it is.
    let kek = Kek::fresh().unwrap();
    let wrapped = wrapped_file(&kek.wrap(&key).unwrap(), &about).unwrap();
    fs::write(place.path().join("wrapped.txt"), wrapped.bytes()).unwrap();
    let ran = officiant(place.path(), &["backup", "inspect", "wrapped.txt"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let set = &kek.fingerprint().to_string()[..12];
    for part in [
        &format!("a key-encryption key (AES-256, RFC 5649), split as set {set}"),
        "a P-256 key that a token wrapped: 152 bytes",
        about.keyid.as_str(),
        &key.public().fingerprint().to_string(),
        "Genesis of example/shop",
        "2026-12-01T09:00:00Z",
    ] {
        assert!(ran.out.contains(part), "no “{part}” in {ran:#?}");
    }
    let ran = officiant(place.path(), &["backup", "inspect", "wrapped.txt", "--json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&report["opened_by"]["kind"], &report["wrapped"]["set"]), (&"key-encryption-key".into(), &set.into()));
    fs::write(place.path().join("cut"), &sealed.bytes()[..150]).unwrap();
    fs::write(place.path().join("letter"), "Dear all").unwrap();
    for (file, said) in [("cut", "cut short"), ("letter", "no age file")] {
        let ran = officiant(place.path(), &["backup", "inspect", file]);
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert!(ran.err.contains(Rule::BackupOpens.name()) && ran.err.contains(said), "{ran:#?}");
    }
    assert_eq!(officiant(place.path(), &["backup", "inspect", "absent"]).code, Some(3));
}

#[test]
fn the_shares_of_a_whole_ceremony_are_green_today_amber_in_a_year_and_red_when_one_more_is_lost() {
    if !std::path::Path::new("/usr/lib/softhsm/libsofthsm2.so").exists() {
        return println!("skipped: SoftHSM is not here");
    }
    let place = tempfile::tempdir().unwrap();
    let script = cli_support::ours("ceremony-scripts/dct-genesis-backup.toml");
    let answers = cli_support::ours("ceremony-scripts/dct-genesis-backup.answers.toml");
    let ran = officiant(place.path(), &["rehearse", &script, "--answers", &answers, "--record", "genesis"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let status = |more: &[&str]| {
        let mut call = vec!["backup", "status", "genesis", "--json"];
        call.extend(more);
        let ran = officiant(place.path(), &call);
        let sets: Value = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
        assert_eq!(sets.as_array().unwrap().len(), 1);
        (ran.code, sets[0].clone())
    };
    let (code, set) = status(&[]);
    assert_eq!((code, &set["health"]), (Some(0), &Value::from("green")), "{set:#}");
    assert_eq!((&set["threshold"], &set["count"]), (&Value::from(3), &Value::from(5)));
    assert_eq!(set["shares"][4]["custodian"], "vera");
    let id = set["set"].as_str().unwrap().to_owned();
    let (code, set) = status(&["--at", "2099-01-01"]);
    assert_eq!((code, &set["health"]), (Some(1), &Value::from("amber")), "{set:#}");
    assert_eq!(set["why"].as_array().unwrap().len(), 2);
    let lost = |index: u8| format!("{id}:{index}");
    let (code, set) = status(&["--lost", &lost(1)]);
    assert_eq!((code, &set["health"]), (Some(0), &Value::from("green")), "four are left: {set:#}");
    let (code, set) = status(&["--lost", &lost(1), "--lost", &lost(5)]);
    assert_eq!((code, &set["health"]), (Some(1), &Value::from("red")), "{set:#}");
    let ran = officiant(place.path(), &["backup", "status", "genesis", "--lost", "3f09a1c2d4e5:2"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let ran = officiant(place.path(), &["backup", "status", "genesis"]);
    assert!(ran.out.contains("GREEN") && ran.out.contains("share 2  bo: read "), "{ran:#?}");
}
