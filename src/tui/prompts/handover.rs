//! Somebody else takes the keyboard.

use ratatui::text::Line;

use crate::{
    ceremony::{participants::PersonId, sheet::TokenCard},
    tui::{model::Model, paint, words},
};

pub(super) fn lines(
    model: &Model,
    people: (&PersonId, &PersonId),
    token: &TokenCard,
    secret: &str,
    width: usize,
) -> Vec<Line<'static>> {
    let (from, to) = (model.status.name(people.0), model.status.name(people.1));
    let mut lines = vec![];
    if from != to {
        lines.extend(paint::wrap(&words::stand_back(from), width, paint::WARN));
    }
    let mut sit = paint::wrap(&words::sit(to), width, paint::BOLD);
    if let Some(last) = sit.last_mut() {
        last.push_span(paint::span(secret, paint::WORD));
    }
    lines.extend(sit);
    lines.extend(super::swap::card(token, width));
    lines.push(paint::gap());
    lines.extend(paint::wrap(words::CAMERA, width, paint::PLAIN));
    lines.extend(paint::wrap(&words::keyboard(model.keyboard.as_deref()), width, paint::PLAIN));
    lines
}
