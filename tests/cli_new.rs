//! `new`: what an interview writes is a script that holds.

mod cli_support;

use std::{fs, path::Path};

use cli_support::{
    new::{FIRST, TEAM, holds, interview, rehearsed, without_complaint},
    officiant, ours,
};

/// Owner, file, keyid, held by a server; three times.
fn online() -> String {
    ["86de", "fb34", "58e9"].map(|digits| format!("\n\n{}\n\n", digits.repeat(16))).concat()
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

/// Administrator, operator, witness, keeper, without surrogates.
const CUSTODY_TEAM: &str = "Ida Holm\nOmar Said\n\nVěra Nováková\n\nKai Mbeki\n";

/// The folder with what a record left of its backup, and where the copy on the other medium lies.
fn kept(folder: &Path) {
    for file in [
        "root.set.json",
        "root.age",
        "copy/root.age",
        "offline-2026.set.json",
        "offline-2026.age",
        "offline-wrapped.set.json",
        "offline.wrapped",
        "copy/offline.wrapped",
    ] {
        let to = folder.join("kept").join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(ours(&format!("ceremony-scripts/kept/{file}")), to).unwrap();
    }
}

/// The keyids of the shipped sets.
const ROOT: &str = "ec948ec7b72e5836fed0cf477da42a3f8a43928405c59267f9be99306d1ee9aa";
const OFFLINE: &str = "cc960e607d06f540be91c54e219e5efc8b1bab6c8856590b0172f984064735f6";

/// A token's tag and PINs as they are offered.
const TOKEN: &str = "\n\n\n";

fn custody(kind: &str, answers: &str) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    kept(place.path());
    let ran = interview(place.path(), kind, &format!("{FIRST}{CUSTODY_TEAM}\n\n{answers}"));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    without_complaint(place.path(), &[]);
    place
}

#[test]
fn a_backup_of_a_key_in_a_file() {
    let tokens = format!("2\nAna Ruiz\n{TOKEN}Bo Lindqvist\n{TOKEN}");
    let file = "\nf571aa6a2e69072f2de07b0723172eebc5f8fdee1f3a0ecc63229830773b58f0\nAna Ruiz\n";
    let people = "Ana Ruiz\nBo Lindqvist\nCem Yılmaz\nKai Mbeki\nVěra Nováková\n";
    let place = custody("backup", &format!("{tokens}{file}5\n3\n{people}Security office\n\n"));
    rehearsed(place.path(), "backup");
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    assert!(text.contains("do = \"take-key\"") && text.contains("dialect = \"notary\""), "{text}");
}

/// Who brings the shares of a set of five.
const BRING: &str = "Noa Peretz\nUma Iyer\nEli Sundberg\nRui Almeida\n\n";

#[test]
fn a_drill_a_restore_and_a_replacement_know_the_backup_from_its_files() {
    let set = format!("kept/root.set.json\n{ROOT}\n\n\n{BRING}");
    let place = custody("restore-drill", &format!("{set}Ana Ruiz\n{TOKEN}"));
    rehearsed(place.path(), "restore-drill");
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    for said in
        ["alias = \"drill-1\"", "do = \"erase-token\"", "sealed-copies = [\"kept/copy/root.age\"]", "threshold = 3"]
    {
        assert!(text.contains(said), "no {said} in {text}");
    }
    let place = custody("restore", &format!("{set}2\nAna Ruiz\n{TOKEN}Bo Lindqvist\n{TOKEN}"));
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    fs::write(place.path().join("script.toml"), text.replace("ana-1", "ana-2").replace("bo-1", "bo-2")).unwrap();
    rehearsed(place.path(), "restore");
    let old = format!("Ana Ruiz\nana-9\n{TOKEN}ana-9\n5c1e4a0b7d92f36e\n");
    let place = custody("replace-token", &format!("{set}Ana Ruiz\n{TOKEN}{old}"));
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    let text = text.replace("ana-1", "ana-2").replace("ana-9", "ana-1");
    fs::write(place.path().join("script.toml"), text).unwrap();
    rehearsed(place.path(), "replace-token");
}

#[test]
fn other_custodians_and_the_end_of_the_old_shares_or_the_day_of_the_rotation() {
    let people = "Ana Ruiz\nBo Lindqvist\nDora Weiss\nKai Mbeki\nVěra Nováková\n";
    let to_the_shares =
        format!("kept/offline-2026.set.json\n{OFFLINE}\n\nAna Ruiz\n{TOKEN}5\n3\n{people}Security office\n\n");
    let place = custody("change-custodians", &format!("{to_the_shares}yes\n"));
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    fs::write(place.path().join("script.toml"), text.replace("ana-1", "ana-2")).unwrap();
    rehearsed(place.path(), "change-custodians");
    // Where the key is rotated instead, check warns of exactly that.
    let place = tempfile::tempdir().unwrap();
    kept(place.path());
    let answers = format!("{FIRST}{CUSTODY_TEAM}\n\n{to_the_shares}no\n2027-06-30\n");
    let ran = interview(place.path(), "change-custodians", &answers);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let report = holds(place.path());
    let warned =
        report["script"]["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "warning");
    assert!(warned.clone().any(|finding| finding["rule"] == "OLD-SHARES-DEAD"), "{report:#}");
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    assert!(text.contains("rotate-by = 2027-06-30") && !text.contains("destroy-shares"), "{text}");
}

/// The keyid of the shipped set of a wrapped key.
const WRAPPED: &str = "e44fbeeb26d670756ce925023ca709b0dcc3b363e9de4e0e30164754caff2312";

#[test]
fn a_set_of_a_wrapped_key_is_known_by_its_file_and_its_ceremonies_unwrap_it() {
    let set = format!("kept/offline-wrapped.set.json\n{WRAPPED}\nkept/offline.wrapped\n\n{BRING}");
    let place = custody("restore-drill", &format!("{set}Ana Ruiz\n{TOKEN}"));
    rehearsed(place.path(), "restore-drill-wrapped");
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    assert!(text.contains("way = \"wrapped\"") && text.contains("sealed = \"kept/offline.wrapped\""), "{text}");
    let people = "Ana Ruiz\nBo Lindqvist\nDora Weiss\nKai Mbeki\nVěra Nováková\n";
    let to_the_shares = format!(
        "kept/offline-wrapped.set.json\n{WRAPPED}\nkept/offline.wrapped\nAna Ruiz\n{TOKEN}Dora Weiss\n{TOKEN}5\n3\n{people}Security office\n\n"
    );
    let place = custody("change-custodians", &format!("{to_the_shares}yes\n"));
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    fs::write(place.path().join("script.toml"), text.replace("ana-1", "ana-2").replace("dora-1", "dora-2")).unwrap();
    rehearsed(place.path(), "change-custodians-wrapped");
    for said in ["do = \"make-kek\"", "do = \"close-key\"", "[backup]\nway = \"wrapped\""] {
        assert!(text.contains(said), "no {said} in {text}");
    }
}

#[test]
fn the_end_of_a_key_and_a_journey() {
    let token = |name: &str, alias: &str, serial: &str| format!("{name}\n{alias}\n{TOKEN}{alias}\n{serial}\n");
    let (ana, bo) = (token("Ana Ruiz", "ana-1", "3f0c2a7be1d04c55"), token("Bo Lindqvist", "bo-1", "90d417c6aa2b83fe"));
    let set = format!("kept/offline-2026.set.json\n{OFFLINE}\n");
    let place = custody("destroy", &format!("yes\n{set}\n2\n{ana}{bo}"));
    rehearsed(place.path(), "destroy");
    let keyid = |digit: &str| format!("{}\n", digit.repeat(64));
    let tokens = format!("2\n{}{ana}\n{}{bo}\n", keyid("4"), keyid("d"));
    let place = custody("transport", &format!("Ana Ruiz\nBo Lindqvist\n{tokens}yes\n{set}"));
    rehearsed(place.path(), "transport");
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    assert!(text.contains("held-by-token = \"ana-1\"") && text.contains("file = \"keys/bo-1.pem\""), "{text}");
}

#[test]
fn a_reading_of_shares_asks_for_no_module_and_a_set_of_another_key_is_asked_for_again() {
    let place = tempfile::tempdir().unwrap();
    kept(place.path());
    let first = FIRST.replace("/usr/lib/softhsm/libsofthsm2.so\nno\n", "");
    let answers = |keyid: &str| format!("{first}{CUSTODY_TEAM}\n\nkept/offline-2026.set.json\n{keyid}\n");
    let ran = interview(place.path(), "share-check", &answers(&"ab".repeat(32)));
    assert!(ran.code == Some(2) && ran.err.contains("this set is about another key"), "{ran:#?}");
    assert!(!place.path().join("script.toml").exists());
    let ran = interview(place.path(), "share-check", &answers(OFFLINE));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    without_complaint(place.path(), &[]);
    rehearsed(place.path(), "share-check");
    let text = fs::read_to_string(place.path().join("script.toml")).unwrap();
    assert!(!text.contains("[[module]]") && text.contains("do = \"check-shares\""), "{text}");
}
