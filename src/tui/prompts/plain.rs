//! The step's own words, and what is wanted now.

use ratatui::text::Line;

use crate::tui::paint;

pub(super) fn lines(ask: &str, width: usize) -> Vec<Line<'static>> {
    paint::wrap(ask, width, paint::BOLD)
}
