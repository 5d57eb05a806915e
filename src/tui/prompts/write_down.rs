//! Words to read aloud and write on paper.

use ratatui::text::Line;

use super::grid;
use crate::{
    digest::Digest,
    readback,
    tui::{paint, words},
};

pub(super) fn lines(subject: &str, digest: &Digest, count: usize, width: usize, rows: usize) -> Vec<Line<'static>> {
    let all: Vec<_> = readback::words(&digest.as_bytes()[..count.min(32)])
        .into_iter()
        .map(|word| (word.to_uppercase(), paint::WORD))
        .collect();
    let hex = digest.to_string();
    let hex = grid::hex(&hex[..2 * count.min(32)], width);
    let mut lines = paint::labelled(words::WRITE_DOWN, subject, width);
    lines.push(paint::gap());
    let used = lines.len() + hex.len() + 1;
    let mut words = grid::lines(&all, width, rows.saturating_sub(used));
    if words.last().is_some_and(|line| line.width() > 0) && rows > used + words.len() {
        words.push(paint::gap());
    }
    lines.extend(words);
    lines.extend(hex);
    lines
}
