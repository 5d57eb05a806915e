//! How the program ends: exit codes, what goes where, and what is never overwritten.

mod cli_support;

use std::{
    fs,
    process::{Command, Stdio},
};

use cli_support::{command, officiant, officiant_with, ours};

#[test]
fn a_wrong_flag_a_missing_argument_and_no_verb_at_all_are_usage_errors() {
    let place = tempfile::tempdir().unwrap();
    for arguments in
        [&["--frobnicate"][..], &["show"], &["verify"], &["run", "s.toml", "--record", "r"], &["new", "party"], &[]]
    {
        let ran = officiant(place.path(), arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:#?}");
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{ran:#?}");
    }
}

#[test]
fn production_takes_no_answers_file_and_no_answers_from_a_pipe() {
    let place = tempfile::tempdir().unwrap();
    let script = ours("ceremony-scripts/genesis.toml");
    let run = ["run", &script, "--record", "a", "--second", "b"];
    let with_file = officiant(place.path(), &[&run[..], &["--answers", "x"]].concat());
    assert_eq!(with_file.code, Some(2), "{with_file:#?}");
    let piped = officiant_with(place.path(), &[&run[..], &["--line"]].concat(), "PRESENT\n");
    assert_eq!(piped.code, Some(2), "{piped:#?}");
    assert!(piped.err.contains("people type for themselves"), "{piped:#?}");
    assert!(!place.path().join("a").exists(), "nothing was begun");
}

#[test]
fn a_file_that_is_not_there_is_a_fault_and_a_script_that_is_wrong_names_its_line() {
    let place = tempfile::tempdir().unwrap();
    let absent = officiant(place.path(), &["show", "absent.json"]);
    assert_eq!(absent.code, Some(3), "{absent:#?}");
    assert!(absent.err.contains("absent.json"), "{absent:#?}");
    let genesis = fs::read_to_string(ours("ceremony-scripts/genesis.toml")).unwrap();
    fs::write(place.path().join("s.toml"), genesis.replace("threshold = 2", "threshold = \"two\"")).unwrap();
    let wrong = officiant(place.path(), &["check", "s.toml"]);
    assert_eq!(wrong.code, Some(2), "{wrong:#?}");
    assert!(wrong.err.contains("s.toml, line "), "{wrong:#?}");
}

#[test]
fn a_script_whose_steps_cannot_follow_each_other_is_refused_by_check_with_the_step() {
    let place = tempfile::tempdir().unwrap();
    let solo = fs::read_to_string(ours("ceremony-scripts/genesis-solo.toml")).unwrap();
    let without = solo.replacen("[[act.step]]\ndo = \"confirm-clock\"\nwho = [\"sam\"]\nminutes = 3\n", "", 1);
    assert_ne!(solo, without);
    fs::write(place.path().join("s.toml"), without).unwrap();
    let ran = officiant(place.path(), &["check", "s.toml", "--json"]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["holds"], false);
    assert!(report["script"]["first-impossible"].is_string(), "{report:#}");
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("there"), "mine").unwrap();
    fs::create_dir(place.path().join("record")).unwrap();
    let script = ours("ceremony-scripts/genesis-solo.toml");
    for arguments in [
        &["print", &script, "-o", "there"][..],
        &["new", "solo", "-o", "there"],
        &["rehearse", &script, "--record", "record"],
    ] {
        let ran = officiant(place.path(), arguments);
        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:#?}");
        assert!(ran.err.contains("OUTPUT-FRESH"), "{ran:#?}");
    }
    assert_eq!(fs::read_to_string(place.path().join("there")).unwrap(), "mine");
    assert_eq!(fs::read_dir(place.path().join("record")).unwrap().count(), 0);
}

#[test]
fn errors_are_json_too_where_json_was_asked_for() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("no.json"), "{}").unwrap();
    let ran = officiant(place.path(), &["show", "no.json", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let error: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(error["rule"], "METADATA-WELL-FORMED");
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let place = tempfile::tempdir().unwrap();
    let mut child = command(place.path())
        .args(["print", &ours("ceremony-scripts/genesis.toml")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn manual_pages_and_completions_come_from_the_same_definition() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("man1")).unwrap();
    assert_eq!(officiant(place.path(), &["man", "--out", "man1"]).code, Some(0));
    let page = fs::read_to_string(place.path().join("man1/officiant-token-probe.1")).unwrap();
    assert!(page.contains(".TH officiant-token-probe 1") && page.contains("officiant token probe"), "{page}");
    assert_eq!(officiant(place.path(), &["man", "--out", "man1"]).code, Some(1), "pages are not overwritten");
    for shell in ["bash", "zsh", "fish"] {
        let ran = officiant(place.path(), &["completions", shell]);
        assert!(ran.code == Some(0) && ran.out.contains("rehearse"), "{shell}");
    }
    let bash = officiant(place.path(), &["completions", "bash"]).out;
    fs::write(place.path().join("completions"), bash).unwrap();
    let parsed = Command::new("bash").arg("-n").arg(place.path().join("completions")).status().unwrap();
    assert!(parsed.success());
}
