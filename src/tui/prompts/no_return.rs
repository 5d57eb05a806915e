//! There is no way back after this.

use ratatui::text::Line;

use crate::tui::{paint, words};

pub(super) fn lines(what: &str, leaving_now: &str, leaving_later: &str, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![paint::line(words::NO_RETURN, paint::BAD), paint::gap()];
    lines.extend(paint::wrap(what, width, paint::BOLD));
    lines.push(paint::gap());
    for text in [leaving_now, leaving_later] {
        lines.extend(paint::item("-", paint::WARN, text, width, paint::PLAIN));
    }
    lines
}
