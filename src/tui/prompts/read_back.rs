//! The blind read-back: some words are shown, the others come from paper, or from the screen at the other side.

use ratatui::text::Line;

use super::grid;
use crate::{
    ceremony::prompt::WordsStand,
    readback::Blind,
    tui::{paint, words},
};

const BLANK: &str = "___________";

pub(super) fn lines(
    subject: &str,
    (blind, stand): (&Blind, WordsStand),
    supplied: &[String],
    width: usize,
    rows: usize,
) -> Vec<Line<'static>> {
    let mut filled = supplied.iter();
    let mut here = true;
    let all: Vec<_> = blind
        .shown()
        .into_iter()
        .map(|word| match word {
            Some(word) => (word.to_uppercase(), paint::PLAIN),
            None => match filled.next() {
                Some(word) => (word.to_uppercase(), paint::WORD),
                None => (BLANK.to_owned(), if std::mem::take(&mut here) { paint::HERE } else { paint::DIM }),
            },
        })
        .collect();
    let title = match stand {
        WordsStand::OnPaper => words::READ_BACK,
        WordsStand::OnTheOtherScreen => words::COMPARE,
    };
    let mut lines = paint::labelled(title, subject, width);
    lines.push(paint::gap());
    let used = lines.len();
    lines.extend(grid::lines(&all, width, rows.saturating_sub(used)));
    lines
}
