//! What the terminal UI does to a terminal, and what it does not let happen there.

mod tui;

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use portable_pty::CommandBuilder;
use tui::{driver::Terminal, people::People};

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremony-scripts/genesis.toml")
}

fn people() -> People {
    People::of(&script(), &script().with_extension("answers.toml"))
}

fn rehearse(folder: &Path) -> Terminal {
    let script = script();
    Terminal::start(folder, &["rehearse", script.to_str().expect("a plain path"), "--record", "record"], 80, 24)
}

/// A shell that runs `officiant`, says how it ended, and asks the terminal how it is set.
fn rehearse_in_a_shell(folder: &Path) -> Terminal {
    let mut command = CommandBuilder::new("sh");
    let line = format!(
        "'{}' rehearse '{}' --record record; echo ended with $?; stty -a; sleep 60",
        env!("CARGO_BIN_EXE_officiant"),
        script().display()
    );
    command.args(["-c", &line]);
    command.cwd(folder);
    command.env("TERM", "xterm-256color");
    Terminal::with(command, 80, 24)
}

fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

/// The only child of a process.
fn child_of(process: u32) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).expect("a process");
    children.trim().parse().expect("one child")
}

#[test]
fn a_signal_gives_the_terminal_back_and_leaves_a_record() {
    for name in ["TERM", "HUP"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let terminal = rehearse_in_a_shell(folder.path());
        terminal.wait_for("Type PRESENT");
        assert!(terminal.is_taken());
        signal(name, child_of(terminal.process()));
        let screen = terminal.wait_for("ended with 3");
        assert!(screen.contains(&format!("SIG{name}")), "{screen}");
        assert!(!terminal.is_taken());
        let screen =
            terminal.wait_until("the settings", |screen| screen.contains(" echo ") && screen.contains("icanon"));
        assert!(!screen.contains("-icanon") && !screen.contains(" -echo "), "{screen}");
        assert!(folder.path().join("record/transcript.jsonl").is_file());
    }
}

/// Where this program is told to take the terminal over and to panic.
const PANICS: &str = "OFFICIANT_TEST_PANICS";

#[test]
fn a_panic_gives_the_terminal_back() {
    if std::env::var_os(PANICS).is_some() {
        let mut screen = officiant::tui::terminal::Screen::take().expect("a terminal");
        screen.draw(|frame| frame.buffer_mut()[(0, 0)].set_char('X').reset()).expect("it draws");
        panic!("on purpose");
    }
    let mut command = CommandBuilder::new("sh");
    let this = std::env::current_exe().expect("this test program");
    let line = format!(
        "'{}' a_panic_gives_the_terminal_back --exact --nocapture; echo ended with $?; stty -a; sleep 60",
        this.display()
    );
    command.args(["-c", &line]);
    command.env("TERM", "xterm-256color");
    command.env("RUST_BACKTRACE", "0");
    command.env(PANICS, "1");
    let terminal = Terminal::with(command, 80, 40);
    let screen =
        terminal.wait_until("the settings", |screen| screen.contains("ended with 101") && screen.contains("icanon"));
    assert!(screen.contains("on purpose"), "{screen}");
    assert!(!terminal.is_taken());
    assert!(!screen.contains("-icanon") && !screen.contains(" -echo "), "{screen}");
    let everything = String::from_utf8_lossy(&terminal.everything()).into_owned();
    assert!(everything.contains("\u{1b}[?1049h"), "it had taken the terminal over");
}

#[test]
fn ctrl_c_ends_nothing_and_leaving_can_be_resumed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut people = people();
    let mut terminal = rehearse(folder.path());
    terminal.wait_for("Type PRESENT");
    terminal.press("\x03");
    terminal.wait_for("Ctrl-C ends nothing.");
    terminal.press("\x1b");
    terminal.wait_for("Type PRESENT");
    people.go_on_until(&mut terminal, "Step 0.2");

    terminal.press("\x03");
    terminal.wait_for("Ctrl-C ends nothing.");
    terminal.enter("LEAVE");
    let screen = terminal.wait_for("The resume asks for them:");
    people.act(&mut terminal, &screen);
    assert_eq!(terminal.ended(), 4);
    terminal.wait_until("the terminal as it was", |_| !terminal.is_taken());

    let mut terminal = Terminal::start(folder.path(), &["resume", "record", "--second", "record-second"], 120, 40);
    terminal.wait_for("Type RESUME");
    terminal.enter("RESUME");
    people.go_on_until(&mut terminal, "hidden words: the script");
}

#[test]
fn a_tokens_password_is_swallowed_where_a_secret_is_typed_and_where_a_word_is() {
    const PASSWORD: &str = "ccccccbcgujhingjrdejhgfnuetrgigvejhhgbkugded";
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut terminal = rehearse(folder.path());
    terminal.wait_for("Type PRESENT");
    terminal.enter(PASSWORD);
    terminal.wait_for("It was swallowed");
    terminal.enter("PRESENT");
    terminal.wait_for(": your own word");
    terminal.enter(PASSWORD);
    let screen = terminal.wait_for("It was swallowed");
    assert!(screen.contains(": your own word"), "nothing was taken for the word\n{screen}");
    terminal.enter("abc");
    terminal.wait_for("too short");
    terminal.enter("harbour");
    terminal.wait_for(": the same word once more");
    terminal.enter("harbours");
    terminal.wait_for("The two entries differ");
    let everything = String::from_utf8_lossy(&terminal.everything()).into_owned();
    assert!(!everything.contains("harbour"), "the word was shown");
}

#[test]
fn a_typed_secret_is_nowhere_in_memory_afterwards() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut terminal = rehearse(folder.path());
    terminal.wait_for("Type PRESENT");
    terminal.enter("PRESENT");
    terminal.wait_for(": your own word");
    terminal.enter("Xylograph-7421-Quixotic");
    terminal.wait_for(": the same word once more");
    assert!(
        in_memory(terminal.process(), b"Xylograph-7421-Quixotic"),
        "the first entry is held, so this test can find it"
    );
    terminal.enter("Xylograph-7421-Quixotic");
    terminal.wait_for("Is Omar Said");
    for trace in [&b"Xylograph-7421-Quixotic"[..], b"xylograph-7421-quixotic", b"Xylograph", b"7421-Quix"] {
        assert!(!in_memory(terminal.process(), trace), "{}", String::from_utf8_lossy(trace));
    }
}

fn in_memory(process: u32, needle: &[u8]) -> bool {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("the maps of a child");
    let memory = File::open(format!("/proc/{process}/mem")).expect("the memory of a child");
    maps.lines().filter(|line| line.contains(" rw-p ")).any(|line| {
        let (from, to) = line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let number = |text| u64::from_str_radix(text, 16).expect("an address");
        let (from, to) = (number(from), number(to));
        let mut bytes = vec![0; usize::try_from(to - from).expect("it fits")];
        // Some mappings cannot be read at all; they hold nothing that was typed.
        memory.read_at(&mut bytes, from).is_ok() && bytes.windows(needle.len()).any(|window| window == needle)
    })
}

#[test]
fn a_terminal_that_is_too_small_says_so_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut terminal = rehearse(folder.path());
    terminal.wait_for("Type PRESENT");
    terminal.resize(70, 20);
    terminal.wait_for("officiant needs 80x24, this terminal is 70x20.");
    terminal.resize(120, 40);
    let screen = terminal.wait_for("Type PRESENT");
    assert!(screen.contains("Compose root version 1"), "the script stands beside the question\n{screen}");
}

#[test]
fn f1_and_f10_work_where_a_secret_is_typed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut terminal = rehearse(folder.path());
    terminal.wait_for("Type PRESENT");
    terminal.enter("PRESENT");
    terminal.wait_for(": your own word");
    terminal.press("\x1bOP");
    terminal.wait_for("What this means");
    terminal.press("\x1b");
    terminal.wait_for(": your own word");
    terminal.press("\x1b[21~");
    terminal.wait_for("SUBSTITUTE");
    terminal.press("\x1b");
    terminal.wait_for(": your own word");
    // A lone Esc offers everything else, too.
    terminal.press("\x1b");
    terminal.wait_for("SUBSTITUTE");
}

#[test]
fn without_a_verb_the_home_screen_begins_what_is_chosen() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut terminal = Terminal::start(folder.path(), &[], 80, 24);
    terminal.wait_for("Type a word, then Enter.");
    terminal.enter("TOKEN");
    terminal.wait_for("Type one of these words whole.");
    terminal.enter("REHEARSE");
    terminal.wait_for("Script (empty");
    terminal.enter(script().to_str().expect("a plain path"));
    terminal.wait_for("Type PRESENT");
    drop(terminal);

    let mut terminal = Terminal::start(folder.path(), &[], 80, 24);
    terminal.wait_for("Type a word, then Enter.");
    terminal.press("\x03");
    assert_eq!(terminal.ended(), 0);
    terminal.wait_until("the terminal as it was", |_| !terminal.is_taken());
}
