//! A stolen tagging key is replaced in several repositories by people who know only what the screen and their paper say.

mod tui;

use std::path::Path;

use tui::{driver::Terminal, people::People};

#[test]
fn a_whole_rotation_of_a_tagging_key_on_80x24_judges_tags_and_reviews_a_batch() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremony-scripts/dct-rotate-tagging-key.toml");
    let mut people = People::of(&script, &script.with_extension("answers.toml"));
    let path = script.to_str().expect("a plain path");
    let mut terminal = Terminal::start(folder.path(), &["rehearse", path, "--record", "record"], 80, 24);
    let last = people.go_on_until(&mut terminal, "Type END");
    assert!(last.contains("The ceremony is closed."), "{last}");
    for once in [
        "2 tags and delegations are not as they were",
        "docker.io/example/db  latest",
        "Type EACH",
        "Type DROP",
        "Way 1: 1 repository",
        "Way 2: 2 repositories",
        "the list of payloads of this batch",
        "POINT OF NO RETURN",
        "signs 3 documents of 3 repositories",
    ] {
        assert!(people.seen.iter().any(|screen| screen.contains(once)), "nobody ever saw “{once}”");
    }
    let everything = String::from_utf8_lossy(&terminal.everything()).into_owned();
    assert!(people.secrets().all(|secret| !everything.contains(secret)), "a secret was written to the terminal");
    terminal.enter("END");
    assert_eq!(terminal.ended(), 0);
    assert!(folder.path().join("record/publish/MANIFEST").is_file());
}
