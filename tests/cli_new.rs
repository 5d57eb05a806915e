//! `new`: what an interview writes is a script that holds.

mod cli_support;

use std::{fs, path::Path};

use cli_support::{Ran, officiant, officiant_with, ours};

/// Repository, day, media, module, and no look at it.
const FIRST: &str = "my-shop\n2026-12-01T09:00:00Z\n\n\n/usr/lib/softhsm/libsofthsm2.so\nno\n";
/// Administrator, operator and a surrogate, witness without one, keeper, publisher.
const TEAM: &str = "Ida Holm\nOmar Said\nNils Berg\nVěra Nováková\n\nKai Mbeki\nPia Sørensen\n";

/// Owner, file, keyid, held by a server; three times.
fn online() -> String {
    ["86de", "fb34", "58e9"].map(|digits| format!("\n\n{}\n\n", digits.repeat(16))).concat()
}

fn interview(folder: &Path, kind: &str, answers: &str) -> Ran {
    officiant_with(folder, &["new", kind, "-o", "script.toml"], answers)
}

fn holds(folder: &Path) -> serde_json::Value {
    let ran = officiant(folder, &["check", "script.toml", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn a_genesis_with_officers_a_witness_and_a_keeper() {
    let place = tempfile::tempdir().unwrap();
    let officers = "3\nAna Ruiz\n\n\n\nBo Lindqvist\n\n\n\nCem Yılmaz\n\n\n\nyes\n\n";
    let ran = interview(place.path(), "genesis", &format!("{FIRST}{TEAM}{officers}2\n400\n\n\n\n{}", online()));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let report = holds(place.path());
    let tokens = report["script"]["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 4, "three and a spare");
    assert_eq!(tokens[0]["so-pin"], "Kai Mbeki");
    assert_eq!(report["script"]["alone"].as_array().unwrap().len(), 0);
}

#[test]
fn a_genesis_of_two_people_whose_third_token_lies_with_somebody_outside() {
    let place = tempfile::tempdir().unwrap();
    let people = "Mira Okafor\nJón Þórsson\nPetra Vogel\n\n\n\n\n\n\n\n\n\n";
    let ran = interview(place.path(), "genesis-small", &format!("{FIRST}{people}\n\n\n\n\n{}", online()));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let report = holds(place.path());
    assert_eq!(report["script"]["tokens"][2]["user-pin"], "Jón Þórsson");
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    assert!(text.contains("merged-duties = true") && !text.contains("single-control"), "{text}");
}

#[test]
fn two_people_with_three_yubikeys_get_a_script_that_names_no_module() {
    let place = tempfile::tempdir().unwrap();
    // There is no module to look at, so that question falls away.
    let first = FIRST.replace("/usr/lib/softhsm/libsofthsm2.so\nno\n", "yubikey:?touch-policy=cached\n");
    let people = "Mira Okafor\nJón Þórsson\nPetra Vogel\n\n\n\n\n\n\n\n\n\n";
    let ran = interview(place.path(), "genesis-small", &format!("{first}{people}\n\n\n\n\n{}", online()));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let report = holds(place.path());
    assert_eq!(report["script"]["tokens"].as_array().unwrap().len(), 3);
    assert!(!report.to_string().contains("TOKEN-IS-HARDWARE"), "nothing has to be pinned: {report:#}");
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    assert!(text.contains("path = \"yubikey:?touch-policy=cached\"") && !text.contains("sha256 = \"…\""), "{text}");
    // The same, of a kind of its own.
    let place = tempfile::tempdir().unwrap();
    let first = FIRST.replace("/usr/lib/softhsm/libsofthsm2.so\nno\n", "\n");
    let ran = interview(place.path(), "genesis-yubikeys-small", &format!("{first}{people}\n\n\n\n\n{}", online()));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let report = holds(place.path());
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    assert!(text.contains("path = \"yubikey:\"") && text.contains("--disable OTP"), "{text}");
    let touches: Vec<_> = report["script"]["people"].as_array().unwrap().iter().map(|one| &one["touches"]).collect();
    assert_eq!(touches, [3, 6, 0], "drill, signature and head of each YubiKey");
    assert_eq!(report["script"]["people"][0]["touches-exact"], true);
    let answers = ours("ceremony-scripts/genesis-yubikeys-small.answers.toml");
    let answers =
        fs::read_to_string(answers).unwrap().replace("petra", report["script"]["people"][2]["id"].as_str().unwrap());
    fs::write(place.path().join("answers.toml"), answers).unwrap();
    let rehearsed =
        officiant(place.path(), &["rehearse", "script.toml", "--answers", "answers.toml", "--record", "record"]);
    assert_eq!(rehearsed.code, Some(0), "{rehearsed:#?}");
    // A name that is none is asked for again.
    let wrong = FIRST.replace("/usr/lib/softhsm/libsofthsm2.so\nno\n", "yubikey:?touch-policy=now\nyubikey:\n");
    let ran = interview(tempfile::tempdir().unwrap().path(), "genesis-small", &wrong);
    assert!(
        ran.err.contains("a touch policy is never, always or cached") || ran.out.contains("a touch policy is"),
        "{ran:#?}"
    );
}

#[test]
fn a_genesis_of_one_person_is_rehearsed_as_it_was_written() {
    let place = tempfile::tempdir().unwrap();
    let ran =
        interview(place.path(), "solo", &format!("{FIRST}Sam Ferreira\n{}\n\n\n\n\n{}", "\n".repeat(9), online()));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    holds(place.path());
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    assert!(text.contains("single-control = true"), "{text}");
    let answers = ours("ceremony-scripts/genesis-solo.answers.toml");
    let rehearsed = officiant(place.path(), &["rehearse", "script.toml", "--answers", &answers, "--record", "record"]);
    assert_eq!(rehearsed.code, Some(0), "{rehearsed:#?}");
    assert_eq!(officiant(place.path(), &["verify", "record"]).code, Some(0));
}

#[test]
fn a_rotation_knows_the_root_before_it() {
    let place = tempfile::tempdir().unwrap();
    fs::copy(ours("ceremony-scripts/previous/1.root.json"), place.path().join("1.root.json")).unwrap();
    let stay = |name: &str| format!("{name}\n\n\n\n\n");
    let old = format!("1.root.json\n{TEAM}OUT\n{}{}", stay("Ana Ruiz"), stay("Bo Lindqvist"));
    let new = "1\nDara Nguyễn\n\n\n\nyes\n\n";
    let ran = interview(place.path(), "rotate-root", &format!("{FIRST}{old}{new}\n\n\n\n\nno\n"));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    holds(place.path());
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    assert!(text.contains("[change]") && text.contains("adds = [\"dara-1\"]"), "{text}");
}

#[test]
fn a_renewal_changes_nothing_but_the_expiry() {
    let place = tempfile::tempdir().unwrap();
    fs::copy(ours("ceremony-scripts/previous/1.root.json"), place.path().join("1.root.json")).unwrap();
    let holder = |name: &str| format!("{name}\n\n\n\n\n");
    let old = format!("1.root.json\n{TEAM}{}{}{}", holder("Ana Ruiz"), holder("Bo Lindqvist"), holder("Cem Yılmaz"));
    let ran = interview(place.path(), "renew-expiry", &format!("{FIRST}{old}500\n\n\n"));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    holds(place.path());
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    assert!(text.contains("days = 500") && !text.contains("[change]") && !text.contains("[[role]]"), "{text}");
}

#[test]
fn answers_that_end_too_early_name_the_question_and_write_nothing() {
    let place = tempfile::tempdir().unwrap();
    let ran = interview(place.path(), "genesis", FIRST);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(ran.err.contains("the answers end before “Who reads the script aloud"), "{ran:#?}");
    assert!(!place.path().join("script.toml").exists());
}
