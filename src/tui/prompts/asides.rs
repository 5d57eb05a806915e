//! What people may want at any question, and the script does not foresee.

use ratatui::text::Line;

use super::input;
use crate::{
    ceremony::aside,
    tui::{model::Model, paint, words},
};

/// The menu.
pub fn lines(width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![paint::line("Something that the script does not foresee", paint::BOLD), paint::gap()];
    for (_, choice) in aside::offered() {
        lines.extend(paint::item(&format!("{:<10}", choice.word), paint::WORD, &choice.does, width, paint::PLAIN));
    }
    lines.push(paint::gap());
    lines.extend(paint::wrap(words::TYPE_AN_ASIDE, width, paint::PLAIN));
    lines
}

/// The line that is typed.
pub fn bottom(model: &Model, width: usize) -> Vec<Line<'static>> {
    let mut lines = input::notice(model, width);
    lines.push(input::typed(&model.line, width));
    lines
}
