//! Something is being done; how long it takes so far.

use ratatui::text::Line;

use crate::{
    tui::{model::Working, paint, words},
    utc::Utc,
};

pub(super) fn lines(working: &Working, now: Utc, width: usize) -> Vec<Line<'static>> {
    let seconds = u64::try_from(now.seconds() - working.since.seconds()).unwrap_or(0);
    let dots = ".".repeat(usize::try_from(seconds % 4).unwrap_or(0));
    let mut lines = paint::wrap(&format!("Under way: {}", working.what), width, paint::BOLD);
    lines.push(paint::spans([(&words::elapsed(seconds), paint::WORD), (" ", paint::PLAIN), (&dots, paint::DIM)]));
    lines.push(paint::gap());
    let note = if working.in_doubt { words::IN_DOUBT } else { words::PLEASE_WAIT };
    lines.extend(paint::wrap(note, width, paint::PLAIN));
    lines
}
