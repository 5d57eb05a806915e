//! A break.

use ratatui::text::Line;

use crate::{
    tui::{paint, words},
    utc::Utc,
};

pub(super) fn lines(minutes: u32, ask: &str, since: Utc, now: Utc, width: usize) -> Vec<Line<'static>> {
    let until = Utc::from_seconds(since.seconds() + 60 * i64::from(minutes)).unwrap_or(since);
    let left = until.seconds() - now.seconds();
    let mut lines = paint::wrap(ask, width, paint::BOLD);
    lines.push(paint::gap());
    let style = if left > 0 { paint::WORD } else { paint::WARN };
    lines.extend(paint::wrap(&words::break_left(until, left), width, style));
    lines
}
