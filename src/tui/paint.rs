//! How text becomes cells: escaped, wrapped, in the sixteen colours that every console has.

use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier, Style},
    text::{Line, Span},
};

use crate::text::shown_up_to;

/// Ordinary text.
pub const PLAIN: Style = Style::new();
/// Titles and what is asked.
pub const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
/// What matters less now.
pub const DIM: Style = Style::new().fg(Color::DarkGray);
/// Words that are typed, read aloud or written down.
pub const WORD: Style = Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD);
/// What went well.
pub const GOOD: Style = Style::new().fg(Color::Green);
/// What needs attention.
pub const WARN: Style = Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD);
/// What was refused or cannot be undone.
pub const BAD: Style = Style::new().fg(Color::LightRed).add_modifier(Modifier::BOLD);
/// The frame of a rehearsal.
pub const REHEARSAL: Style = Style::new().fg(Color::Black).bg(Color::Yellow);
/// The stamp of production.
pub const PRODUCTION: Style = Style::new().fg(Color::White).bg(Color::Blue).add_modifier(Modifier::BOLD);
/// The stamp of a ceremony in which one person can sign alone.
pub const SINGLE_CONTROL: Style = Style::new().fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD);
/// The blank that is being filled, the act that is under way.
pub const HERE: Style = Style::new().add_modifier(Modifier::REVERSED).add_modifier(Modifier::BOLD);

/// Text that is safe to draw, in one style. Every cell of this UI comes through here.
pub fn span(text: impl AsRef<str>, style: Style) -> Span<'static> {
    Span::styled(shown_up_to(text.as_ref(), usize::MAX), style)
}

/// One line in one style.
pub fn line(text: impl AsRef<str>, style: Style) -> Line<'static> {
    Line::from(span(text, style))
}

/// One line of several styles.
pub fn spans<const N: usize>(parts: [(&str, Style); N]) -> Line<'static> {
    Line::from(parts.map(|(text, style)| span(text, style)).to_vec())
}

/// An empty line.
pub fn gap() -> Line<'static> {
    Line::default()
}

/// How many columns a text takes.
pub fn columns(text: &str) -> usize {
    Span::raw(text).width()
}

/// `text` in lines of at most `width` columns, broken between words; a word that is longer is broken anywhere.
pub fn wrap(text: &str, width: usize, style: Style) -> Vec<Line<'static>> {
    broken(text, width).into_iter().map(|text| Line::from(Span::styled(text, style))).collect()
}

/// The same with a first word or mark in a style of its own; the other lines are set in as far as the text of the first.
pub fn item(mark: &str, mark_style: Style, text: &str, width: usize, style: Style) -> Vec<Line<'static>> {
    let indent = columns(mark) + 1;
    let lines = broken(text, width.saturating_sub(indent).max(1));
    let mut lines: Vec<_> = lines.into_iter().enumerate().collect();
    lines
        .drain(..)
        .map(|(number, text)| {
            let first = if number == 0 { span(format!("{mark} "), mark_style) } else { Span::raw(" ".repeat(indent)) };
            Line::from(vec![first, Span::styled(text, style)])
        })
        .collect()
}

/// A label and its text on one line, or the text set in below the label where it does not fit.
pub fn labelled(label: &str, text: &str, width: usize) -> Vec<Line<'static>> {
    if columns(label) + 1 + columns(text) <= width {
        return vec![spans([(label, PLAIN), (" ", PLAIN), (text, BOLD)])];
    }
    let mut lines = vec![line(label, PLAIN)];
    lines.extend(item(" ", PLAIN, text, width, BOLD));
    lines
}

fn broken(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![];
    let mut here = String::new();
    for word in shown_up_to(text, usize::MAX).split(' ') {
        let mut word = word.to_owned();
        if !here.is_empty() && columns(&here) + 1 + columns(&word) > width {
            lines.push(std::mem::take(&mut here));
        } else if !here.is_empty() {
            here.push(' ');
        }
        while columns(&word) > width {
            let cut = cut_at(&word, width);
            lines.push(word.drain(..cut).collect());
        }
        here.push_str(&word);
    }
    lines.push(here);
    lines
}

/// The byte at which a word fills `width` columns.
fn cut_at(word: &str, width: usize) -> usize {
    let mut taken = 0;
    for (index, character) in word.char_indices() {
        taken += columns(character.encode_utf8(&mut [0; 4]));
        if taken > width && index > 0 {
            return index;
        }
    }
    word.len()
}

/// `text` cut to `width` columns, with `…` where something is missing.
pub fn cut(text: &str, width: usize) -> String {
    let text = shown_up_to(text, usize::MAX);
    if columns(&text) <= width {
        return text;
    }
    let mut out = String::new();
    for character in text.chars() {
        if columns(&out) + columns(character.encode_utf8(&mut [0; 4])) + 1 > width {
            break;
        }
        out.push(character);
    }
    out.push('…');
    out
}

/// Puts a glyph of the Linux console's default fonts in the place of each that they lack.
pub fn simplify(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        let simple = match cell.symbol() {
            "“" | "”" | "„" => "\"",
            "‘" | "’" => "'",
            "…" => "~",
            "–" | "—" => "-",
            "☐" | "☑" => "o",
            "≤" => "<",
            "≥" => ">",
            _ => continue,
        };
        cell.set_symbol(simple);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[Line<'_>]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn text_is_broken_between_words_and_long_words_anywhere() {
        assert_eq!(texts(&wrap("one two three", 7, PLAIN)), ["one two", "three"]);
        assert_eq!(texts(&wrap("0123456789 a", 4, PLAIN)), ["0123", "4567", "89 a"]);
        assert_eq!(texts(&item("-", PLAIN, "one two three", 9, PLAIN)), ["- one two", "  three"]);
        assert_eq!(texts(&wrap("日本語", 4, PLAIN)), ["日本", "語"]);
    }

    #[test]
    fn nothing_that_is_drawn_can_paint() {
        assert_eq!(texts(&wrap("a\u{1b}[31mb\u{202e}", 40, PLAIN)), ["a\\u{1b}[31mb\\u{202e}"]);
        assert_eq!(line("\u{200b}", PLAIN).to_string(), "\\u{200b}");
    }
}
