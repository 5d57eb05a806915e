//! What a person stands for.

use ratatui::text::Line;

use crate::tui::{paint, words};

pub(super) fn lines(text: &str, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![paint::line(words::STATEMENT, paint::PLAIN)];
    lines.extend(paint::item(" ", paint::PLAIN, &format!("“{text}”"), width, paint::BOLD));
    lines
}
