//! What is waited for, why the last answer did not do, and the line that is typed.

use ratatui::text::Line;

use crate::{
    ceremony::prompt::{Input, Scene, WordsStand},
    rules::Refusal,
    tui::{
        model::{Asking, Model, Notice, Screen},
        paint, words,
    },
};

/// The bottom of the screen; its last line is the one that is typed.
pub fn lines(model: &Model, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![];
    match &model.screen {
        Screen::Asking(asking) => {
            if let Some(refusal) = &asking.refusal {
                lines.extend(refused(refusal, width));
            }
            lines.extend(notice(model, width));
            lines.extend(wanted(model, asking, width));
            lines.push(match &asking.prompt.input {
                Input::NewPersonalWord { .. } | Input::PersonalWord { .. } => dots(asking.characters, width),
                _ => typed(&model.line, width),
            });
        }
        Screen::Secret { characters, .. } => {
            lines.extend(notice(model, width));
            lines.push(dots(*characters, width));
        }
        Screen::Working(_) | Screen::Touch { .. } => lines.extend(notice(model, width)),
        Screen::Blocked(_) => {
            lines.extend(notice(model, width));
            lines.extend(choices(&[("AGAIN", words::DOES_AGAIN), ("LEAVE", words::DOES_LEAVE)], width));
            lines.push(typed(&model.line, width));
        }
        Screen::Stopped { .. } => {
            lines.extend(notice(model, width));
            lines.extend(choices(&[("WRITTEN", words::DOES_WRITTEN)], width));
            lines.push(typed(&model.line, width));
        }
        Screen::Closed { .. } => {
            lines.extend(notice(model, width));
            lines.extend(choices(&[("END", words::DOES_END)], width));
            lines.push(typed(&model.line, width));
        }
    }
    lines
}

/// The line that is typed: its end, where it is longer than the screen.
pub fn typed(line: &str, width: usize) -> Line<'static> {
    let room = width.saturating_sub(words::PROMPT.len() + 1);
    let characters: Vec<_> = line.chars().collect();
    let mut first = characters.len().saturating_sub(room);
    let tail = |first: usize| paint::span(characters[first..].iter().collect::<String>(), paint::BOLD);
    while tail(first).width() > room && first < characters.len() {
        first += 1;
    }
    Line::from(vec![paint::span(words::PROMPT, paint::WORD), tail(first)])
}

fn dots(characters: usize, width: usize) -> Line<'static> {
    let room = width.saturating_sub(words::PROMPT.len() + 1);
    paint::spans([(words::PROMPT, paint::WORD), (&"*".repeat(characters.min(room)), paint::BOLD)])
}

/// A word from the program.
pub fn notice(model: &Model, width: usize) -> Vec<Line<'static>> {
    match &model.notice {
        Some(Notice::Mind(text)) => paint::wrap(text, width, paint::WARN),
        Some(Notice::Swallowed) => paint::wrap(words::SWALLOWED, width, paint::WARN),
        None => vec![],
    }
}

fn refused(refusal: &Refusal, width: usize) -> Vec<Line<'static>> {
    let what = format!("{}: {}", refusal.rule, refusal.what);
    let mut lines = paint::item(words::REFUSED, paint::BAD, &what, width, paint::PLAIN);
    lines.extend(paint::item(words::REMEDY, paint::WARN, &refusal.remedy, width, paint::PLAIN));
    lines.push(paint::gap());
    lines
}

/// Words and what they do, one below the other.
fn choices(all: &[(&str, &str)], width: usize) -> Vec<Line<'static>> {
    let longest = all.iter().map(|(word, _)| paint::columns(word)).max().unwrap_or(0);
    let indent = words::TYPE.len();
    let lines = all.iter().flat_map(|(word, does)| {
        let mut lines = paint::item(&format!("{word:<longest$} "), paint::WORD, does, width - indent, paint::PLAIN);
        for (number, line) in lines.iter_mut().enumerate() {
            let lead = if number == 0 { words::TYPE.to_owned() } else { " ".repeat(indent) };
            line.spans.insert(0, paint::span(lead, paint::PLAIN));
        }
        lines
    });
    lines.collect()
}

fn wanted(model: &Model, asking: &Asking, width: usize) -> Vec<Line<'static>> {
    match &asking.prompt.input {
        Input::Word(all) => {
            let all: Vec<_> = all.iter().map(|one| (one.word, one.does.as_str())).collect();
            choices(&all, width)
        }
        Input::Text { label, hint } => {
            let mut lines = paint::wrap(&format!("{label}:"), width, paint::BOLD);
            lines.extend(paint::wrap(&format!("({hint})"), width, paint::DIM));
            lines
        }
        Input::HiddenWords(count) => {
            let index = asking.supplied.len();
            let (number, stand) = match &asking.prompt.scene {
                Scene::ReadBack { blind, stand, .. } => {
                    (blind.hidden().get(index).map_or(0, |position| position + 1), *stand)
                }
                _ => (index + 1, WordsStand::OnPaper),
            };
            paint::wrap(&words::hidden_word(number, index, *count, stand), width, paint::BOLD)
        }
        Input::Pick(options) => {
            let mut lines = vec![];
            for (index, option) in options.iter().enumerate() {
                let here = asking.picked == Some(index);
                let mark = format!("{}{:>2}", if here { ">" } else { " " }, index + 1);
                let style = if here { paint::HERE } else { paint::PLAIN };
                lines.extend(paint::item(&mark, paint::WORD, option, width, style));
            }
            lines.extend(paint::wrap(&words::number_first(asking.picked.is_some()), width, paint::PLAIN));
            lines
        }
        Input::NewPersonalWord { person } => {
            paint::wrap(&words::personal_word(model.status.name(person), true, asking.again), width, paint::BOLD)
        }
        Input::PersonalWord { person, .. } => {
            paint::wrap(&words::personal_word(model.status.name(person), false, false), width, paint::BOLD)
        }
    }
}
