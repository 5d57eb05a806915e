//! The home screen: what the program is for, and which of it is wanted. It does nothing itself; the choice is data.

use std::path::PathBuf;

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::{Frame, text::Line};

use super::{
    paint,
    terminal::{self, Screen},
    view::SMALLEST,
    words,
};
use crate::fault::Fault;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A ceremony in production: `run SCRIPT --record DIR --second DIR`.
    Start {
        /// The script.
        script: PathBuf,
        /// The new folder of the record, on the first medium.
        record: PathBuf,
        /// The same on the second.
        second: PathBuf,
    },
    /// `resume DIR`.
    Resume {
        /// The folder of the record, on the first medium.
        record: PathBuf,
        /// The same on the second; empty where there is only one left.
        second: Option<PathBuf>,
    },
    /// `rehearse [SCRIPT]`.
    Rehearse {
        /// The script; `None` for the one that comes with the program.
        script: Option<PathBuf>,
    },
    /// Look at a record, a script or metadata.
    Inspect {
        /// A record's folder, a script or a file of metadata.
        path: PathBuf,
    },
    /// `token list`.
    Tokens,
    /// Nothing.
    Quit,
}

/// A word of the menu: what it is for, and what it asks for then.
struct Entry {
    word: &'static str,
    does: &'static str,
    fields: &'static [Field],
}

struct Field {
    label: &'static str,
    optional: bool,
}

const MENU: [Entry; 6] = [
    Entry {
        word: "REHEARSE",
        does: "go through a script with throw-away keys",
        fields: &[Field { label: "Script (empty: the genesis that comes with the program)", optional: true }],
    },
    Entry {
        word: "START",
        does: "lead a ceremony in production",
        fields: &[
            Field { label: "Script, as it was reviewed and printed", optional: false },
            Field { label: "New folder of the record, on the first medium", optional: false },
            Field { label: "New folder of the record, on the second medium", optional: false },
        ],
    },
    Entry {
        word: "RESUME",
        does: "go on where a ceremony stopped",
        fields: &[
            Field { label: "Folder of the record, on the first medium", optional: false },
            Field { label: "Folder of the record, on the second medium (empty: none)", optional: true },
        ],
    },
    Entry {
        word: "INSPECT",
        does: "look at a record, a script or metadata",
        fields: &[Field { label: "A record's folder, a script or a file of metadata", optional: false }],
    },
    Entry { word: "TOKENS", does: "list the tokens that are plugged in", fields: &[] },
    Entry { word: "QUIT", does: "leave", fields: &[] },
];

/// What the home screen shows.
#[derive(Clone, Debug, Default)]
struct Home {
    /// Which entry of the menu was chosen.
    entry: Option<usize>,
    fields: Vec<String>,
    line: String,
    notice: Option<String>,
}

/// Shows the home screen until something is chosen. The terminal is as it was afterwards.
///
/// # Errors
/// Where the terminal fails or a signal tells the program to end.
pub fn home() -> Result<Choice, Fault> {
    let mut screen = Screen::take()?;
    let mut home = Home::default();
    let console = terminal::is_console();
    let fault = |e| Fault::machine("read from the terminal", e);
    loop {
        screen.draw(|frame| {
            view(&home, frame);
            if console {
                paint::simplify(frame.buffer_mut());
            }
        })?;
        if let Some(signal) = screen.told_to_end() {
            return Err(Fault::machine("show the home screen", format!("the program was told to end ({signal})")));
        }
        if terminal::event_within(std::time::Duration::from_millis(100))?
            && let Event::Key(key) = event::read().map_err(fault)?
            && key.kind != KeyEventKind::Release
            && let Some(choice) = update(&mut home, key)
        {
            return Ok(choice);
        }
    }
}

fn update(home: &mut Home, key: KeyEvent) -> Option<Choice> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c' | 'd') if control => return Some(Choice::Quit),
        KeyCode::Char('u') if control => home.line.clear(),
        KeyCode::Char(_) if control => {}
        KeyCode::Char(character) if home.line.chars().count() < 1000 => home.line.push(character),
        KeyCode::Backspace => drop(home.line.pop()),
        KeyCode::Esc => *home = Home::default(),
        KeyCode::Enter => return entered(home),
        _ => {}
    }
    None
}

fn entered(home: &mut Home) -> Option<Choice> {
    let typed = std::mem::take(&mut home.line).trim().to_owned();
    home.notice = None;
    match home.entry {
        None => match MENU.iter().position(|entry| entry.word.eq_ignore_ascii_case(&typed)) {
            Some(index) => home.entry = Some(index),
            None => {
                home.notice = Some("Type one of these words whole.".into());
                return None;
            }
        },
        Some(index) => {
            let field = &MENU[index].fields[home.fields.len()];
            if typed.is_empty() && !field.optional {
                home.notice = Some("This cannot be empty. Esc goes back.".into());
                return None;
            }
            home.fields.push(typed);
        }
    }
    let entry = &MENU[home.entry?];
    (home.fields.len() == entry.fields.len()).then(|| chosen(entry.word, &home.fields))
}

fn chosen(word: &str, fields: &[String]) -> Choice {
    let path = |index: usize| fields.get(index).map(PathBuf::from).unwrap_or_default();
    let maybe = |index: usize| fields.get(index).filter(|field| !field.is_empty()).map(PathBuf::from);
    match word {
        "START" => Choice::Start { script: path(0), record: path(1), second: path(2) },
        "RESUME" => Choice::Resume { record: path(0), second: maybe(1) },
        "REHEARSE" => Choice::Rehearse { script: maybe(0) },
        "INSPECT" => Choice::Inspect { path: path(0) },
        "TOKENS" => Choice::Tokens,
        _ => Choice::Quit,
    }
}

fn view(home: &Home, frame: &mut Frame<'_>) {
    let area = frame.area();
    let has = (area.width, area.height);
    let width = usize::from(area.width.saturating_sub(8)).clamp(1, 76);
    let (lines, left, top) = if has.0 < SMALLEST.0 || has.1 < SMALLEST.1 {
        (paint::wrap(&words::too_small(SMALLEST, has), usize::from(area.width.max(1)), paint::BAD), 0, 0)
    } else {
        (lines(home, width), 4, 2)
    };
    for (line, y) in lines.iter().zip(area.y + top..area.bottom()) {
        frame.buffer_mut().set_line(area.x + left, y, line, area.width - left);
    }
    if let Some(end) = lines.last().filter(|_| left > 0) {
        let x = left + u16::try_from(end.width()).unwrap_or(0);
        let y = top + u16::try_from(lines.len()).unwrap_or(1) - 1;
        frame.set_cursor_position((x.min(area.right() - 1), y.min(area.bottom() - 1)));
    }
}

fn lines(home: &Home, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![
        paint::spans([("officiant", paint::WORD), (" ", paint::PLAIN), (env!("CARGO_PKG_VERSION"), paint::DIM)]),
        paint::line("leads a root-key ceremony, and has no power of its own", paint::PLAIN),
        paint::line("─".repeat(width), paint::DIM),
        paint::gap(),
    ];
    for (index, entry) in MENU.iter().enumerate() {
        let style = match home.entry {
            Some(chosen) if chosen == index => paint::HERE,
            Some(_) => paint::DIM,
            None => paint::WORD,
        };
        lines.extend(paint::item(&format!("{:<9}", entry.word), style, entry.does, width, paint::PLAIN));
    }
    lines.push(paint::gap());
    if let Some(entry) = home.entry.map(|index| &MENU[index]) {
        for (field, value) in entry.fields.iter().zip(&home.fields) {
            lines.extend(paint::item(&format!("{}:", field.label), paint::DIM, value, width, paint::PLAIN));
        }
        if let Some(field) = entry.fields.get(home.fields.len()) {
            lines.push(paint::line(format!("{}:", field.label), paint::BOLD));
        }
    } else {
        lines.push(paint::line("Type a word, then Enter.", paint::BOLD));
    }
    if let Some(notice) = &home.notice {
        lines.extend(paint::wrap(notice, width, paint::WARN));
    }
    lines.push(super::prompts::input::typed(&home.line, width));
    lines
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::*;

    fn type_lines(home: &mut Home, lines: &[&str]) -> Option<Choice> {
        let mut choice = None;
        for line in lines {
            for character in line.chars() {
                choice = choice.or(update(home, KeyEvent::from(KeyCode::Char(character))));
            }
            choice = choice.or(update(home, KeyEvent::from(KeyCode::Enter)));
        }
        choice
    }

    #[test]
    fn each_word_of_the_menu_becomes_a_choice() {
        let choose = |lines: &[&str]| type_lines(&mut Home::default(), lines);
        assert_eq!(choose(&["rehearse", ""]), Some(Choice::Rehearse { script: None }));
        assert_eq!(
            choose(&["START", "a.toml", "", "one", "two"]),
            Some(Choice::Start { script: "a.toml".into(), record: "one".into(), second: "two".into() }),
            "an empty answer is asked for again"
        );
        assert_eq!(choose(&["RESUME", "one", ""]), Some(Choice::Resume { record: "one".into(), second: None }));
        assert_eq!(choose(&["INSPECT", "root.json"]), Some(Choice::Inspect { path: "root.json".into() }));
        assert_eq!(choose(&["TOKENS"]), Some(Choice::Tokens));
        assert_eq!(choose(&["QUIT"]), Some(Choice::Quit));
        assert_eq!(choose(&["", "STAR"]), None);
    }

    #[test]
    fn the_home_screen_at_80x24() {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a test terminal");
        let mut home = Home::default();
        type_lines(&mut home, &["START", "scripts/genesis.toml"]);
        terminal.draw(|frame| view(&home, frame)).expect("it draws");
        insta::assert_snapshot!(terminal.backend());
    }
}
