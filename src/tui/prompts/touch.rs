//! A token blinks: whose, and how long it still does.

use ratatui::text::Line;

use crate::{
    perform::Touching,
    tui::{model::Working, paint, words},
    utc::Utc,
};

/// The longest bar, in columns.
const BAR: usize = 30;

pub(super) fn lines(
    touching: &Touching,
    (since, now): (Utc, Utc),
    left: bool,
    working: &Working,
    width: usize,
) -> Vec<Line<'static>> {
    let whole = touching.seconds;
    let gone = u32::try_from(now.seconds() - since.seconds()).unwrap_or(0);
    let rest = whole.saturating_sub(gone);
    let ask = if left { touching.left() } else { touching.ask() };
    let mut lines = paint::wrap(&ask, width, if left { paint::WARN } else { paint::WORD });
    lines.push(paint::gap());
    let bar = "#".repeat(BAR * rest as usize / whole.max(1) as usize);
    let style = if rest <= words::TOUCH_SOON { paint::BAD } else { paint::WORD };
    lines.push(match rest {
        0 => paint::line(words::TOUCH_OVER, paint::DIM),
        _ => paint::spans([(&words::blinks(rest), style), ("  ", paint::PLAIN), (&bar, style)]),
    });
    let said = [touching.which(), touching.again(), left.then(|| words::TOUCH_LEFT.to_owned())];
    for line in said.into_iter().flatten() {
        lines.extend(paint::wrap(&line, width, paint::PLAIN));
    }
    lines.push(paint::gap());
    lines.extend(paint::wrap(&format!("To {}.", working.what), width, paint::DIM));
    lines
}
