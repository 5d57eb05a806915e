use super::*;
use crate::{
    ceremony::{check::check, script::read},
    digest::Digest,
};

const GENESIS: &str = include_str!("../../../tests/paper/genesis.toml");
const ROTATION: &str = include_str!("../../../tests/paper/rotate-root.toml");

const DCT_GENESIS: &str = include_str!("../../../tests/paper/dct-genesis.toml");
const DCT_ROTATION: &str = include_str!("../../../tests/paper/dct-rotate-tagging-key.toml");

fn script(text: &str) -> Script {
    read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

fn printed(text: &str) -> (String, String) {
    let script = script(text);
    let checked = check(&script);
    (html(&script, &checked), markdown(&script, &checked))
}

fn unescaped(html: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        .iter()
        .fold(html.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[test]
fn paper_and_screen_say_the_same() {
    // With everything in it that Markdown or HTML could take for its own.
    let spiked =
        GENESIS.replace("in view of the camera.", "in <view> of *the* `camera` | [a](b) & 'so' \\\"on\\\" #1 _x_.");
    for text in [GENESIS, ROTATION, DCT_GENESIS, DCT_ROTATION, &spiked] {
        let script = script(text);
        let (html, markdown) = printed(text);
        let (html, markdown) = (unescaped(&html), markdown.replace('\\', ""));
        for (number, step) in script.numbered() {
            let prose = step.prose(&script);
            let lines = [&prose.title, &prose.expect].into_iter().chain(&prose.lines).chain(&prose.form);
            for line in lines {
                assert!(html.contains(line), "step {number}, HTML: {line}");
                assert!(markdown.contains(line), "step {number}, Markdown: {line}");
            }
        }
    }
}

#[test]
fn what_an_author_or_a_person_says_is_not_cut_on_paper() {
    let long = "All of this must be read, word by word, to its very end. ".repeat(20);
    let (html, _) = printed(&GENESIS.replace("Nothing left this room that the list does not name.", long.trim()));
    assert!(html.contains(long.trim()));
}

#[test]
fn every_step_has_its_row_with_people_planned_time_and_room_for_time_and_initials() {
    let script = script(GENESIS);
    let (html, _) = printed(GENESIS);
    let times = check::timetable(&script);
    for ((number, step), time) in script.numbered().zip(times) {
        let row = html.split("<tr>").find(|row| row.contains(&format!("<p class=\"title\">{number}</p>")));
        let row = unescaped(row.unwrap_or_else(|| panic!("step {number} has no row")));
        let row = row.split("</tr>").next().unwrap_or_default();
        assert!(row.contains(&time.words()), "{number}");
        for person in step.action.kind().who(&script) {
            assert!(row.contains(script.name(&person)), "{number}: {person}");
        }
        assert!(row.ends_with("<td></td><td></td>"), "{number}: {row}");
    }
}

#[test]
fn the_words_of_the_script_stand_on_page_one_and_at_the_foot_of_every_page() {
    let (html, markdown) = printed(GENESIS);
    let digest = Digest::of(GENESIS.as_bytes());
    let list: String = say::digest_words(digest).iter().map(|word| format!("<li>{word}</li>")).collect();
    assert_eq!(html.matches(&list).count(), 2);
    assert!(html.split_once("class=\"foot\"").is_some_and(|(_, foot)| foot.contains(&list)));
    assert!(html.contains(&digest.to_string()) && markdown.contains(&digest.to_string()));
    let style = html.split_once("@media print").expect("there are print styles").1;
    assert!(style.contains(".foot { position: fixed"));
}

#[test]
fn every_page_has_the_boxes_and_the_stamps() {
    let (html, _) = printed(GENESIS);
    let head = html.split_once("<thead>").and_then(|(_, rest)| rest.split_once("</thead>")).expect("a running head").0;
    assert!(head.contains("REHEARSAL") && head.contains("PRODUCTION") && !head.contains("SINGLE CONTROL"));
    assert!(!html.contains("NOT FIT"));

    let alone = GENESIS
        .replacen("threshold = 2\n", "threshold = 1\n", 1)
        .replace("[[module]]", "[declares]\nsingle-control = true\n\n[[module]]");
    for page in <[String; 2]>::from(printed(&alone)) {
        assert!(page.contains("SINGLE CONTROL") && !page.contains("NOT FIT"));
    }
    for page in <[String; 2]>::from(printed(&GENESIS.replacen("threshold = 2\n", "threshold = 3\n", 1))) {
        assert!(page.contains("NOT FIT TO BE HELD"), "a script with errors cannot be mistaken for a good one");
    }
}

#[test]
fn there_is_room_for_everything_that_is_written_by_hand() {
    let (html, _) = printed(GENESIS);
    for number in 1..=5 {
        assert!(html.contains(&format!("<h2>Exception sheet {number}</h2>")));
    }
    for form in
        ["Bag ledger", "Token inventory", "Receipt for sealed envelopes", "Words at a stop", "Glossary", "Declaration"]
    {
        assert!(html.contains(&format!("<h2>{form}</h2>")), "{form}");
    }
    let blanks = |label: &str, count: usize| {
        let after = html.split_once(label).unwrap_or_else(|| panic!("{label}")).1;
        let list =
            after.split_once("<ol class=\"blanks\">").and_then(|(_, rest)| rest.split_once("</ol>")).expect("blanks").0;
        assert_eq!(list.matches("<li></li>").count(), count, "{label}");
    };
    blanks("<p class=\"label\">The 32 words of the payload", 32);
    blanks("<p class=\"label\">The 32 words of the final head", 32);
    assert_eq!(
        html.matches("The first eight words of the head").count(),
        6,
        "one for each act but the one that closes"
    );
}

#[test]
fn a_batch_has_room_for_its_words_and_says_how_much_each_signs() {
    let (html, _) = printed(DCT_GENESIS);
    let after = html.split_once("<p class=\"label\">The 32 words").expect("the review").1;
    let list =
        after.split_once("<ol class=\"blanks\">").and_then(|(_, rest)| rest.split_once("</ol>")).expect("blanks");
    assert_eq!(list.0.matches("<li></li>").count(), 32);
    let row =
        html.split("<tr>").find(|row| row.contains("<p>Ana Ruiz</p>") && row.contains("<p>3</p>")).expect("her row");
    // Three documents, one certificate, the drill and the head; the PIN twice when it is set, to generate, drill, certify, sign and close.
    for count in ["<p>3</p>", "<p>1</p>", "<p>2</p>", "<p>6</p>", "<p>7</p>"] {
        assert!(row.contains(count), "{count}: {row}");
    }
    assert!(html.contains("Tia Okafor could sign targets alone."));
    assert!(html.contains("roots and targets of 3 repositories; roots: threshold 2 of 3 offline keys"));
    let single = printed(GENESIS).0;
    assert!(!single.contains("What each signs and types") && !single.contains("offline key"));
}

#[test]
fn text_from_outside_is_text() {
    let evil = GENESIS
        .replace("Ana Ruiz", "<script>alert(1)</script>\\u202e")
        .replace("EXAMPLE RECORD A", "A\\\" onload=\\\"x")
        .replace("tag = \"blue\"", "tag = \"</style><img src=x>\"");
    let (html, markdown) = printed(&evil);
    for markup in ["<script", "<img", "onload=\"", "\u{202e}"] {
        assert!(!html.contains(markup), "{markup}");
    }
    assert_eq!(html.matches("</style>").count(), 1);
    assert!(markdown.contains("\\<script\\>") && !markdown.contains('\u{202e}'));
    assert!(!markdown.replace("\\<", "").contains("<script"));
}

#[test]
fn the_paper_needs_nothing_from_outside() {
    for html in [printed(GENESIS).0, printed(ROTATION).0, printed(DCT_GENESIS).0, printed(DCT_ROTATION).0] {
        for reach in ["http:", "https:", "src=", "href=", "@import", "url(", "<link"] {
            assert!(!html.contains(reach), "{reach}");
        }
    }
}

#[test]
fn the_markdown_of_a_genesis_and_of_a_rotation_is_as_reviewed() {
    insta::with_settings!({ snapshot_path => "../../../tests/snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("print-genesis", printed(GENESIS).1);
        insta::assert_snapshot!("print-rotate-root", printed(ROTATION).1);
        insta::assert_snapshot!("print-dct-genesis", printed(DCT_GENESIS).1);
        insta::assert_snapshot!("print-dct-rotate-tagging-key", printed(DCT_ROTATION).1);
    });
}

#[test]
#[ignore = "writes files for a person to look at: OFFICIANT_PAPER=folder cargo test --lib looked_at -- --ignored"]
fn the_paper_can_be_looked_at() {
    let folder = std::env::var("OFFICIANT_PAPER").expect("OFFICIANT_PAPER names a folder");
    for (name, text) in [("script", GENESIS), ("rotation", ROTATION)] {
        let (html, markdown) = printed(text);
        std::fs::write(format!("{folder}/{name}.html"), html).expect("the folder exists");
        std::fs::write(format!("{folder}/{name}.md"), markdown).expect("the folder exists");
    }
}
