//! There is no way back after this.

use ratatui::text::Line;

use crate::tui::{paint, words};

pub(super) fn lines(what: &str, leaving_now: &str, leaving_later: &str, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![paint::line(words::NO_RETURN, paint::BAD), paint::gap()];
    lines.extend(paint::wrap(what, width, paint::BOLD));
    lines.push(paint::gap());
    for (mark, text) in [(words::LEAVING_NOW, leaving_now), (words::LEAVING_LATER, leaving_later)] {
        lines.extend(paint::item(&format!("{mark:<6}"), paint::WARN, text, width, paint::PLAIN));
    }
    lines
}
