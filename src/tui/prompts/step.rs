//! The words of a step, exactly as on paper.

use ratatui::text::Line;

use crate::{
    ceremony::steps::Prose,
    tui::{paint, words},
};

/// All of them.
pub fn lines(prose: Option<&Prose>, width: usize) -> Vec<Line<'static>> {
    let Some(prose) = prose else { return vec![] };
    let mut lines = paint::wrap(&prose.title, width, paint::BOLD);
    for line in &prose.lines {
        lines.extend(paint::wrap(line, width, paint::PLAIN));
    }
    if !prose.expect.is_empty() {
        lines.extend(paint::item(words::EXPECT, paint::GOOD, &prose.expect, width, paint::PLAIN));
    }
    lines
}

/// As many as fit `rows`: the title at least, and a word where the rest is.
pub fn lines_within(prose: Option<&Prose>, width: usize, rows: usize) -> Vec<Line<'static>> {
    let mut lines = lines(prose, width);
    if lines.len() <= rows {
        return lines;
    }
    lines.truncate(rows.saturating_sub(1).max(1));
    if rows > 1 {
        lines.push(paint::line(words::MORE_OF_STEP, paint::DIM));
    }
    lines
}
