use super::*;
use crate::ceremony::{check::check, script::read};

const GENESIS: &str = include_str!("../../../tests/paper/genesis.toml");

fn genesis() -> Script {
    read::script(GENESIS.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn unescaped(html: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        .iter()
        .fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[test]
fn paper_and_screen_say_the_same() {
    let script = genesis();
    let checked = check(&script);
    let html = unescaped(&html(&script, &checked));
    let markdown = markdown(&script, &checked).replace('\\', "");
    for (number, step) in script.numbered() {
        let prose = step.prose(&script);
        let lines = [&prose.title, &prose.expect].into_iter().chain(&prose.lines).chain(&prose.form);
        for line in lines {
            assert!(html.contains(line), "step {number}, HTML: {line}");
            assert!(markdown.contains(line), "step {number}, Markdown: {line}");
        }
    }
}

/// What it looks like is for people to judge.
#[test]
#[ignore = "writes files for a person to look at: OFFICIANT_PAPER=folder cargo test --lib looked_at -- --ignored"]
fn the_paper_can_be_looked_at() {
    let folder = std::env::var("OFFICIANT_PAPER").expect("OFFICIANT_PAPER names a folder");
    let script = genesis();
    let checked = check(&script);
    std::fs::write(format!("{folder}/script.html"), html(&script, &checked)).expect("the folder exists");
    std::fs::write(format!("{folder}/script.md"), markdown(&script, &checked)).expect("the folder exists");
    std::fs::write(format!("{folder}/check.txt"), checked.to_string()).expect("the folder exists");
}
