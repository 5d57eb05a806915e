//! The line UI, driven as people drive it: by reading what it prints, writing words on paper, and typing answers.

mod cli_support;

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use cli_support::{command, officiant, ours};

/// A room that plays every part of a ceremony.
struct Room {
    child: Child,
    keyboard: Option<ChildStdin>,
    screen: Receiver<String>,
    /// Words on paper, by what they are of.
    paper: BTreeMap<String, Vec<String>>,
    /// Everything that was printed.
    log: String,
}

impl Room {
    fn open(folder: &Path, arguments: &[&str], paper: BTreeMap<String, Vec<String>>) -> Self {
        let mut child = command(folder)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stderr = child.stderr.take().expect("a pipe");
        let (say, screen) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut bytes) {
                if say.send(String::from_utf8_lossy(&bytes[..count]).into_owned()).is_err() {
                    break;
                }
            }
        });
        let keyboard = child.stdin.take();
        Self { child, keyboard, screen, paper, log: String::new() }
    }

    /// Plays until the program ends; `interrupt` may answer a question in its own way, `None` from it closes the keyboard.
    fn play(
        mut self,
        mut interrupt: impl FnMut(&str) -> Option<Option<String>>,
    ) -> (Option<i32>, String, BTreeMap<String, Vec<String>>) {
        let mut shown = String::new();
        loop {
            match self.screen.recv_timeout(Duration::from_secs(60)) {
                Ok(text) => {
                    shown += &text;
                    self.log += &text;
                }
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(_) => panic!("nothing happens any more after\n{}", self.log),
            }
            // A question ends with a space where its answer goes; one for a secret is followed by a line feed.
            if !(shown.ends_with(": ") || shown.ends_with("> ") || shown.ends_with(": \n")) {
                continue;
            }
            self.write_down(&shown);
            let answer = interrupt(&shown).unwrap_or_else(|| Some(self.answer(&shown)));
            match answer {
                Some(line) => {
                    if let Some(keyboard) = &mut self.keyboard {
                        writeln!(keyboard, "{line}").expect("somebody reads");
                    }
                }
                None => self.keyboard = None,
            }
            shown.clear();
        }
        let code = self.child.wait().expect("it ends").code();
        (code, self.log, self.paper)
    }

    /// The witness writes down what is to be written down.
    fn write_down(&mut self, shown: &str) {
        let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let Some((_, after)) = flat.rsplit_once("write down the ") else { return };
        let Some((subject, rest)) = after.split_once(" words of ").and_then(|(_, rest)| rest.split_once(": 1 ")) else {
            return;
        };
        let words = numbered(&format!("1 {rest}"));
        self.paper.insert(subject.to_owned(), words.clone());
        if subject.contains("head") {
            self.paper.insert("the head that the witness wrote down last".into(), words);
        }
    }

    fn answer(&self, shown: &str) -> String {
        let question = shown.trim_end().rsplit('\n').next().unwrap_or_default().trim().to_owned();
        let has = |words: &str| question.contains(words);
        if let Some(number) = question.strip_prefix("word ") {
            let number: usize = number.trim_end_matches(':').parse().expect("a number");
            let flat = self.log.split_whitespace().collect::<Vec<_>>().join(" ");
            let (_, after) = flat.rsplit_once("Read back ").expect("a read-back");
            let (subject, _) = after.split_once(". The words").expect("a subject");
            let words = self.paper.get(subject).unwrap_or_else(|| panic!("no paper of {subject}"));
            return words[number - 1].clone();
        }
        if question == ">" {
            let (_, choices) = self.log.rsplit_once("] Type\n").expect("choices");
            return choices.split_whitespace().next().expect("a word").to_owned();
        }
        match () {
            () if has("number:") => "1".into(),
            () if has("Type THIS") => "THIS".into(),
            () if has("Type RESUME") => "RESUME".into(),
            () if has("Type CUT") => "CUT".into(),
            () if has("word (not shown)") || has("the same word once more") => "harbour".into(),
            () if has("SO-PIN of") || has("SO-PIN, once more of") => "so-27182818".into(),
            () if has("PIN of") || has("PIN, once more of") => "user-314159".into(),
            () if has("independent clock") => officiant::preflight::now().expect("a clock").time_of_day(),
            () => "none".into(),
        }
    }
}

/// `1 topmost 2 istanbul …` as words in order.
fn numbered(text: &str) -> Vec<String> {
    let mut parts = text.split(' ');
    let mut words = vec![];
    while let (Some(number), Some(word)) = (parts.next(), parts.next()) {
        if number.parse() != Ok(words.len() + 1) {
            break;
        }
        words.push(word.to_owned());
    }
    words
}

/// The printed script, with the words of its digest.
fn printed(folder: &Path, script: &str) -> BTreeMap<String, Vec<String>> {
    let checked = officiant(folder, &["check", script, "--json"]);
    let report: serde_json::Value = serde_json::from_str(&checked.out).expect("JSON");
    let words = report["script"]["words"].as_array().expect("words");
    BTreeMap::from([(
        "the script".to_owned(),
        words.iter().map(|word| word.as_str().expect("a word").to_owned()).collect(),
    )])
}

#[test]
fn people_go_through_a_whole_genesis_line_by_line() {
    let place = tempfile::tempdir().unwrap();
    let script = ours("ceremony-scripts/genesis-solo.toml");
    let paper = printed(place.path(), &script);
    let room = Room::open(place.path(), &["rehearse", &script, "--line", "--record", "record"], paper);
    let mut asked = 0;
    let (code, log, _) = room.play(|_| {
        asked += 1;
        // Somebody asks for help, mistypes, touches a security key, and reads a wrong word.
        match asked {
            1 => Some(Some("?".into())),
            2 => Some(Some("PRESENTT".into())),
            3 => Some(Some("cccccccbtvrnnvnnhlhvefgrlcueukfgbtdglnlecgvn".into())),
            _ => None,
        }
    });
    assert_eq!(code, Some(0), "{log}");
    for part in [
        "REHEARSAL",
        "SINGLE CONTROL",
        "typed instead of an answer",
        "Type PRESENT or ABSENT whole",
        "typed by a security key",
        "THERE IS NO WAY BACK",
    ] {
        assert!(log.contains(part), "no “{part}” in\n{log}");
    }
    assert!(!log.contains("harbour") && !log.contains("314159"), "a secret was echoed");
    let verified = officiant(place.path(), &["verify", "record"]);
    assert_eq!(verified.code, Some(0), "{verified:#?}");
}

#[test]
fn a_wrong_word_is_refused_and_the_next_try_hides_others() {
    let place = tempfile::tempdir().unwrap();
    let script = ours("ceremony-scripts/genesis-solo.toml");
    let paper = printed(place.path(), &script);
    let room = Room::open(place.path(), &["rehearse", &script, "--line", "--record", "record"], paper);
    let mut wrong = false;
    let (code, log, _) = room.play(|shown| {
        if shown.contains("NO. SCRIPT-DIGEST") {
            return Some(None);
        }
        let first = shown.lines().last().is_some_and(|line| line.starts_with("word ")) && !wrong;
        first.then(|| {
            wrong = true;
            Some("zulu".into())
        })
    });
    assert!(wrong && log.contains("NO. SCRIPT-DIGEST"), "{log}");
    assert_eq!(code, Some(4), "nobody types any more, so it pauses: {log}");
}

#[test]
fn who_leaves_can_resume_with_the_words_on_paper() {
    let place = tempfile::tempdir().unwrap();
    let script = ours("ceremony-scripts/genesis-solo.toml");
    let paper = printed(place.path(), &script);
    let room = Room::open(place.path(), &["rehearse", &script, "--line", "--record", "record"], paper);
    let (code, log, paper) = room.play(|shown| {
        (shown.contains("THERE IS NO WAY BACK") && shown.contains("signature")).then(|| Some("LEAVE".into()))
    });
    assert_eq!(code, Some(4), "{log}");
    assert!(log.contains("The ceremony stops here") && log.contains("Write down the first 8 words"), "{log}");
    let open = officiant(place.path(), &["verify", "record"]);
    assert!(open.code == Some(0) && open.out.contains("can be resumed"), "{open:#?}");
    // The words of the head at which it stopped.
    let words = stopped_words(&log);
    let mut paper = paper;
    paper.insert("the head that the witness wrote down last".into(), words);
    let room = Room::open(place.path(), &["resume", "record", "--second", "record-second", "--line"], paper);
    let (code, log, _) = room.play(|_| None);
    assert_eq!(code, Some(0), "{log}");
    let verified = officiant(place.path(), &["verify", "record"]);
    assert_eq!(verified.code, Some(0), "{verified:#?}");
}

fn stopped_words(log: &str) -> Vec<String> {
    let flat = log.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, after) = flat.rsplit_once("asked for on resume: ").expect("words to write down");
    numbered(after)
}

#[test]
fn an_exception_is_noted_at_any_prompt() {
    let place = tempfile::tempdir().unwrap();
    let script = ours("ceremony-scripts/genesis-solo.toml");
    let paper = printed(place.path(), &script);
    let room = Room::open(place.path(), &["rehearse", &script, "--line", "--record", "record"], paper);
    let mut noted = false;
    let (code, log, _) = room.play(|shown| {
        let here = shown.contains("number of the machine") || shown.contains("Serial number of the machine");
        (here && shown.ends_with(": ") && !noted).then(|| {
            noted = true;
            Some("EXCEPTION".into())
        })
    });
    assert_eq!(code, Some(0), "{log}");
    assert!(noted && log.contains("What was expected?"), "{log}");
    let verified = officiant(place.path(), &["verify", "record"]);
    assert!(verified.code == Some(0) && verified.out.contains("Exception 1 was noted"), "{verified:#?}");
}

#[test]
fn a_payload_is_voided_before_it_is_signed_and_drafted_again() {
    let place = tempfile::tempdir().unwrap();
    let script = ours("ceremony-scripts/genesis-solo.toml");
    let paper = printed(place.path(), &script);
    let room = Room::open(place.path(), &["rehearse", &script, "--line", "--record", "record"], paper);
    let mut voided = false;
    let (code, log, _) = room.play(|shown| {
        let signs = shown.contains("THERE IS NO WAY BACK") && shown.contains("signature");
        (signs && !voided).then(|| {
            voided = true;
            Some("VOID".into())
        })
    });
    assert_eq!(code, Some(0), "{log}");
    let verified = officiant(place.path(), &["verify", "record"]);
    assert!(verified.code == Some(0) && verified.out.contains("was voided"), "{verified:#?}");
}

#[test]
fn a_ceremony_that_is_given_up_leaves_a_record_that_holds() {
    let place = tempfile::tempdir().unwrap();
    let script = ours("ceremony-scripts/genesis-solo.toml");
    let paper = printed(place.path(), &script);
    let room = Room::open(place.path(), &["rehearse", &script, "--line", "--record", "record"], paper);
    let mut given_up = false;
    let (code, log, _) = room.play(|shown| {
        let drilled = shown.contains("Take two out of the machine");
        (drilled && !given_up).then(|| {
            given_up = true;
            Some("ABANDON".into())
        })
    });
    assert_eq!(code, Some(0), "{log}");
    assert!(given_up && log.contains("abandoned; the record:"), "{log}");
    let verified = officiant(place.path(), &["verify", "record"]);
    assert!(verified.code == Some(0) && verified.out.contains("abandoned"), "{verified:#?}");
    let resumed = officiant(place.path(), &["resume", "record"]);
    assert!(resumed.code == Some(2) && resumed.err.contains("is over"), "{resumed:#?}");
}

#[test]
fn a_torn_line_is_shown_and_cut_on_the_operators_word() {
    let place = tempfile::tempdir().unwrap();
    let script = ours("ceremony-scripts/genesis-solo.toml");
    let paper = printed(place.path(), &script);
    let room = Room::open(place.path(), &["rehearse", &script, "--line", "--record", "record"], paper);
    let (code, log, paper) = room.play(|shown| {
        (shown.contains("THERE IS NO WAY BACK") && shown.contains("signature")).then(|| Some("LEAVE".into()))
    });
    assert_eq!(code, Some(4), "{log}");
    for medium in ["record", "record-second"] {
        let path = place.path().join(medium).join("transcript.jsonl");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
    }
    let torn = officiant(place.path(), &["verify", "record"]);
    assert!(torn.code == Some(1) && torn.out.contains("torn"), "{torn:#?}");
    let room = Room::open(place.path(), &["resume", "record", "--second", "record-second", "--line"], paper);
    let (code, log, _) = room.play(|_| None);
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("the last line is torn"), "{log}");
    for medium in ["record", "record-second"] {
        let verified = officiant(place.path(), &["verify", medium]);
        assert!(verified.code == Some(0) && verified.out.contains("It was resumed"), "{verified:#?}");
    }
}

#[test]
fn where_there_is_no_terminal_it_is_said_how_the_same_codes_are_shown() {
    let place = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(ours("ceremony-scripts/genesis-solo.toml")).expect("a script");
    let witness = text.lines().find(|line| line.starts_with("witness = ")).expect("a witness").to_owned();
    let (head, rest) = text.split_once("do = \"export\"\n").expect("an export");
    let (of_export, rest) = rest.split_once("\n\n").expect("the next step");
    let show = format!("[[act.step]]\ndo = \"show-qr\"\n{witness}");
    let text = format!("{head}do = \"export\"\n{of_export}\n\n{show}\n\n{rest}");
    std::fs::write(place.path().join("script.toml"), text).expect("a file");
    let paper = printed(place.path(), "script.toml");
    let room = Room::open(place.path(), &["rehearse", "script.toml", "--line", "--record", "record"], paper);
    let mut other_screen: Option<Vec<String>> = None;
    let (code, log, _) = room.play(|shown| {
        if let Some((_, after)) = shown.split_once("These show the same files with the same words:") {
            // Word for word what it says, by a program of its own.
            let line = after.lines().find(|line| line.contains("--frames DIR")).expect("a command");
            let line = line.trim().replace("DIR", "frames");
            let arguments: Vec<&str> = line.split(' ').skip(1).collect();
            let ran = officiant(place.path(), &arguments);
            assert_eq!(ran.code, Some(0), "{ran:#?}");
            let (_, words) = ran.err.split_once("to compare with the other side:").expect("its words");
            let words = words.split_whitespace().filter(|word| word.parse::<usize>().is_err());
            other_screen = Some(words.map(str::to_owned).collect());
        }
        let question = shown.trim_end().rsplit('\n').next()?.trim().strip_prefix("word ")?.trim_end_matches(':');
        if shown.contains("Read back") && !shown.contains("the files that were shown") {
            other_screen = None;
        }
        let words = other_screen.as_ref()?;
        Some(Some(words[question.parse::<usize>().expect("a number") - 1].clone()))
    });
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("words from the other screen:"), "{log}");
    assert!(place.path().join("frames/frame-0001.png").is_file());
    let verified = officiant(place.path(), &["verify", "record"]);
    assert_eq!(verified.code, Some(0), "{verified:#?}");
}
