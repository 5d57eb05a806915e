//! The people of a ceremony: they look at the screen, do what it says, and keep paper. They know nothing else.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{collections::BTreeMap, path::Path};

use officiant::{digest::Digest, readback::words};

use super::driver::Terminal;

/// Everybody in the room, with what they know and what they wrote down.
pub struct People {
    /// Personal words, by name.
    words: BTreeMap<String, String>,
    /// PINs, by token and kind.
    pins: BTreeMap<(String, &'static str), String>,
    /// Lines for the record, by what is asked.
    records: BTreeMap<String, String>,
    /// The witness's paper: words, by what they are of.
    paper: BTreeMap<String, Vec<String>>,
    /// What was done so far, for tests that ask whether a screen was ever seen.
    pub seen: Vec<String>,
}

impl People {
    /// The people of `script`, who know what `answers` says.
    pub fn of(script: &Path, answers: &Path) -> Self {
        let text = std::fs::read(script).expect("the script");
        let toml = |text: &str| text.parse::<toml::Table>().expect("TOML");
        let parsed = toml(std::str::from_utf8(&text).expect("text"));
        let answers = toml(&std::fs::read_to_string(answers).expect("the answers"));
        let string = |value: &toml::Value| value.as_str().expect("a string").to_owned();

        let mut words_of = BTreeMap::new();
        for person in parsed["people"].as_array().expect("people") {
            if let Some(word) = answers["words"].get(string(&person["id"])) {
                words_of.insert(string(&person["name"]), string(word));
            }
        }
        let mut pins = BTreeMap::new();
        for (alias, of_token) in answers["pins"].as_table().expect("pins") {
            for kind in ["user", "so"] {
                pins.insert((alias.clone(), kind), string(&of_token[kind]));
            }
        }
        let records = answers.get("records").and_then(toml::Value::as_table).into_iter().flatten();
        let records = records.map(|(label, value)| (label.clone(), string(value))).collect();
        // The script's words stand at the foot of each printed page; they follow from its bytes alone.
        let paper = BTreeMap::from([("the script".to_owned(), words(Digest::of(&text).as_bytes()))]);
        Self { words: words_of, pins, records, paper, seen: vec![] }
    }

    /// Words that stand somewhere else than on the witness's paper.
    pub fn knows(&mut self, subject: &str, words: Vec<String>) {
        self.paper.insert(subject.into(), words);
    }

    /// Every PIN and personal word.
    pub fn secrets(&self) -> impl Iterator<Item = &String> {
        self.words.values().chain(self.pins.values())
    }

    /// Does what the screens say until one shows `last`, and returns that one.
    pub fn go_on_until(&mut self, terminal: &mut Terminal, last: &str) -> String {
        for _ in 0..2_000 {
            let screen = terminal.wait_until("a question", |screen| asks(screen) || screen.contains(last));
            if screen.contains(last) {
                return screen;
            }
            self.act(terminal, &screen);
            let before = signature(&screen);
            terminal.wait_until("another screen", |screen| signature(screen) != before && bottom_is_empty(screen));
        }
        panic!("the ceremony does not end");
    }

    /// Does what one screen says.
    pub fn act(&mut self, terminal: &mut Terminal, screen: &str) {
        self.seen.push(screen.to_owned());
        let lines: Vec<&str> = screen.lines().map(question_side).collect();
        let line_with = |text: &str| lines.iter().find(|line| line.contains(text)).copied();

        if line_with("The resume asks for them:").is_some() {
            self.paper.insert("the head that the witness wrote down last".into(), grid(&lines));
            return terminal.enter("WRITTEN");
        }
        if lines.iter().any(|line| line.starts_with("-- rows") && !line.contains("the end")) {
            // Down to the end, as the administrator reads.
            return terminal.press("\x1b[6~");
        }
        if let Some(line) = line_with(", type the ") {
            let kind = if line.contains("SO-PIN") { "so" } else { "user" };
            let alias = value_of(&lines, "token").to_owned();
            let pin = self.pins.get(&(alias.clone(), kind)).unwrap_or_else(|| panic!("no {kind} PIN of {alias}"));
            return terminal.enter(pin);
        }
        let personal = [": your own word", ": the same word once more", ": confirm with your own word"];
        if let Some((name, _)) = personal.iter().find_map(|ask| line_with(ask).and_then(|line| line.split_once(ask))) {
            let word = self.words.get(name).unwrap_or_else(|| panic!("{name} has no word"));
            return terminal.enter(word);
        }
        if let Some(subject) = line_with("write on paper:").map(|_| after(&lines, "write on paper:")) {
            let written = grid(&lines);
            assert!(written.len() == 8 || written.len() == 32, "{} words\n{screen}", written.len());
            self.paper.insert(subject, written);
            return terminal.enter("WRITTEN");
        }
        if let Some(line) =
            line_with("from paper, then Enter").or_else(|| line_with("from the other screen, then Enter"))
        {
            let subject = after(&lines, "supply the hidden words:");
            let number: usize = line.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("the number of a word");
            let paper = self.paper.get(&subject).unwrap_or_else(|| panic!("no paper says “{subject}”\n{screen}"));
            return terminal.enter(&paper[number - 1]);
        }
        if line_with("to take the marked line").is_some() {
            return terminal.enter("TAKE");
        }
        if line_with("Type the number of a line first").is_some() {
            return terminal.enter("1");
        }
        if let Some(line) = line_with("Type ").filter(|line| line.starts_with("Type ")) {
            let word = line.trim_start_matches("Type ").split("  ").next().expect("a word").to_owned();
            return terminal.enter(&word);
        }
        if line_with("time on the independent clock").is_some() {
            let clock = line_with(" UTC").and_then(|line| line.split(' ').rev().nth(1)).expect("the clock").to_owned();
            return terminal.enter(&clock);
        }
        if let Some(label) = lines.iter().rev().skip(1).find_map(|line| line.strip_suffix(':')) {
            let value = self.records.get(label).map_or("none", String::as_str).to_owned();
            return terminal.enter(&value);
        }
        panic!("nobody knows what to do on this screen:\n{screen}");
    }
}

/// Whether a screen asks somebody something: its typed line is there.
fn asks(screen: &str) -> bool {
    screen.lines().any(|line| question_side(line) == ">") && !screen.contains("Under way:")
}

/// A row without the frame, and without the script beside the question.
fn question_side(line: &str) -> &str {
    line.split(" │ ").next().unwrap_or_default().trim_matches([' ', '│'])
}

fn bottom_is_empty(screen: &str) -> bool {
    asks(screen) || screen.contains("Under way:")
}

/// A screen without its clock and without the line that is typed.
fn signature(screen: &str) -> String {
    let lines = screen.lines().enumerate().map(|(number, line)| match number {
        1 => line.split(" UTC").next().and_then(|line| line.get(..line.len().saturating_sub(8))).unwrap_or_default(),
        _ if question_side(line).starts_with('>') => "",
        _ => line.trim_end(),
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The value in a row of a token's card.
fn value_of<'a>(lines: &[&'a str], name: &str) -> &'a str {
    let row = lines.iter().rev().find_map(|line| line.strip_prefix(name).filter(|rest| rest.starts_with(' ')));
    row.map_or_else(|| panic!("no row {name} in {lines:#?}"), str::trim)
}

/// What stands after `label`, which may go on in the lines below it.
fn after(lines: &[&str], label: &str) -> String {
    let mut below = lines.iter().skip_while(|line| !line.contains(label));
    let first = below.next().and_then(|line| line.split_once(label)).map(|(_, rest)| rest.trim()).unwrap_or_default();
    let rest = below.map(|line| line.trim()).take_while(|line| !line.is_empty());
    std::iter::once(first).chain(rest).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The words of a grid, in the order of their numbers.
fn grid(lines: &[&str]) -> Vec<String> {
    let mut found = BTreeMap::new();
    for line in lines {
        let tokens: Vec<_> = line.split_whitespace().collect();
        for pair in tokens.chunks(2) {
            if let [number, word] = pair
                && let Ok(number) = number.parse::<usize>()
                && word.chars().all(|c| c.is_ascii_uppercase())
            {
                found.insert(number, word.to_lowercase());
            }
        }
    }
    found.into_values().collect()
}
