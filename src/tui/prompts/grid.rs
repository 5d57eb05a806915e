//! Numbered words in four columns, as they are read aloud: from left to right.

use ratatui::{style::Style, text::Line};

use crate::tui::paint;

const COLUMNS: usize = 4;

/// The grid: `words` with their styles, numbered from 1. Rows are spaced where `rows` leaves room for it.
pub fn lines(words: &[(String, Style)], width: usize, rows: usize) -> Vec<Line<'static>> {
    let column = width / COLUMNS;
    let numbered: Vec<_> = words.iter().enumerate().collect();
    let rows_needed = numbered.len().div_ceil(COLUMNS);
    let spaced = rows >= 2 * rows_needed;
    let mut lines = vec![];
    for row in numbered.chunks(COLUMNS) {
        let mut spans = vec![];
        for (index, (word, style)) in row {
            let number = format!("{:>2} ", index + 1);
            let filled = number.len() + paint::columns(word);
            spans.push(paint::span(number, paint::DIM));
            spans.push(paint::span(word, *style));
            spans.push(paint::span(" ".repeat(column.saturating_sub(filled).max(1)), paint::PLAIN));
        }
        lines.push(Line::from(spans));
        if spaced {
            lines.push(paint::gap());
        }
    }
    lines
}

/// A digest in hexadecimal, in groups of eight.
pub fn hex(text: &str, width: usize) -> Vec<Line<'static>> {
    let groups: Vec<_> = text.as_bytes().chunks(8).map(|group| String::from_utf8_lossy(group)).collect();
    paint::wrap(&groups.join(" "), width, paint::PLAIN)
}
