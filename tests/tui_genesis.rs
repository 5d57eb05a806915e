//! The terminal UI, driven in a real pseudo-terminal by people who know only what the screen and their paper say.

mod tui;

use std::path::{Path, PathBuf};

use tui::{driver::Terminal, people::People};

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremony-scripts")
}

fn rehearse(folder: &Path, script: &str, columns: u16, rows: u16) -> (Terminal, People) {
    let path = scripts().join(script);
    let people = People::of(&path, &path.with_extension("answers.toml"));
    let path = path.to_str().expect("a plain path").to_owned();
    let terminal = Terminal::start(folder, &["rehearse", &path, "--record", "record"], columns, rows);
    (terminal, people)
}

fn nothing_secret_was_shown(terminal: &Terminal, people: &People) {
    let everything = String::from_utf8_lossy(&terminal.everything()).into_owned();
    for secret in people.secrets() {
        assert!(!everything.contains(secret), "a secret was written to the terminal");
    }
    for screen in &people.seen {
        assert!(!people.secrets().any(|secret| screen.contains(secret.as_str())), "{screen}");
    }
}

#[test]
fn a_whole_genesis_on_80x24_closes_its_record() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut terminal, mut people) = rehearse(folder.path(), "genesis.toml", 80, 24);
    let last = people.go_on_until(&mut terminal, "Type END");

    assert!(last.contains("The ceremony is closed."), "{last}");
    assert!(last.contains("metadata/1.root.json"), "{last}");
    for screen in &people.seen {
        assert!(screen.starts_with(" REHEARSAL  REHEARSAL"), "{screen}");
        for always in ["Act ", " of ", "To act: ", " UTC", "head "] {
            assert!(screen.lines().take(4).any(|line| line.contains(always)), "no “{always}” in\n{screen}");
        }
    }
    for once in [
        "POINT OF NO RETURN",
        "stand back.",
        "Count to three.",
        "SO-PIN, once more",
        "new user PIN, once more",
        "the end --",
        "hidden words:",
        "32 ",
        "the final head of the transcript",
        "missing: ",
    ] {
        assert!(people.seen.iter().any(|screen| screen.contains(once)), "nobody ever saw “{once}”");
    }
    nothing_secret_was_shown(&terminal, &people);

    terminal.enter("END");
    assert_eq!(terminal.ended(), 0);
    terminal.wait_until("the terminal as it was", |_| !terminal.is_taken());
    let record = folder.path().join("record");
    for file in ["transcript.jsonl", "report.html", "MANIFEST", "metadata/1.root.json"] {
        assert!(record.join(file).is_file(), "{file}");
    }
    let verify = std::process::Command::new(env!("CARGO_BIN_EXE_officiant")).arg("verify").arg(&record).output();
    let verify = verify.expect("officiant verify runs");
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stderr));
}

#[test]
fn a_whole_rotation_on_120x40_shows_both_tallies_and_the_whole_script() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut terminal, mut people) = rehearse(folder.path(), "rotate-root.toml", 120, 40);
    let last = people.go_on_until(&mut terminal, "Type END");
    assert!(last.contains("The ceremony is closed."), "{last}");
    for once in ["old root ", "new root ", "POINT OF NO RETURN", "Open "] {
        assert!(people.seen.iter().any(|screen| screen.contains(once)), "nobody ever saw “{once}”");
    }
    for screen in &people.seen {
        assert!(screen.contains(" │ ") && screen.contains(" > "), "the script stands beside each question\n{screen}");
    }
    nothing_secret_was_shown(&terminal, &people);
    terminal.enter("END");
    assert_eq!(terminal.ended(), 0);
}

#[test]
fn a_wrong_pin_is_a_trouble_and_an_exception_is_noted_by_two() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut terminal, mut people) = rehearse(folder.path(), "genesis.toml", 80, 24);
    let screen = people.go_on_until(&mut terminal, "Ana Ruiz, type the user PIN");
    assert!(screen.contains("tries") && screen.contains("token   ana-1"), "{screen}");
    terminal.enter("31415926");
    let screen = terminal.wait_for("Look at the token or the medium.");
    assert!(screen.contains("CKR_PIN_INCORRECT") && screen.contains("Type AGAIN"), "{screen}");

    terminal.enter("EXCEPTION");
    terminal.wait_for("What was expected?");
    terminal.enter("the right PIN");
    terminal.wait_for("What happened instead?");
    terminal.enter("a wrong one");
    terminal.wait_for("What is decided?");
    terminal.enter("Ana types it again");
    terminal.wait_for("Who decides this?");
    people.go_on_until(&mut terminal, "Step 4.2");

    let transcript = std::fs::read_to_string(folder.path().join("record/transcript.jsonl")).expect("the transcript");
    assert!(transcript.contains("exception-noted") && transcript.contains("Ana types it again"));
}
