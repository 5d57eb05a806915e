//! A token is taken out, put in, or both.

use ratatui::text::Line;

use crate::{ceremony::sheet::TokenCard, tui::paint};

pub(super) fn lines(token: &TokenCard, ask: &str, width: usize) -> Vec<Line<'static>> {
    let mut lines = paint::wrap(ask, width, paint::BOLD);
    lines.extend(card(token, width));
    lines
}

/// The card of a token, as people recognise it.
pub(super) fn card(token: &TokenCard, width: usize) -> Vec<Line<'static>> {
    let serial = token.serial.as_deref().unwrap_or("not known yet");
    let rows =
        [("token", token.alias.as_str()), ("tag", &token.tag), ("holder", &token.holder_name), ("serial", serial)];
    rows.iter()
        .flat_map(|(name, value)| paint::item(&format!("  {name:<7}"), paint::DIM, value, width, paint::PLAIN))
        .collect()
}
