//! Something went wrong with the world, or a rule said no.

use ratatui::text::Line;

use crate::{
    ceremony::operation::Trouble,
    rules::Refusal,
    tui::{paint, words},
};

pub(super) fn lines(trouble: &Trouble, remedy: &str, width: usize) -> Vec<Line<'static>> {
    let mut lines = match trouble {
        Trouble::Refused(refusal) => return refusal_with(refusal, remedy, width),
        trouble if trouble.is_no_touch() => vec![paint::line(words::NOT_TOUCHED, paint::WARN)],
        Trouble::Fault(_) | Trouble::NobodyAnswered { .. } => vec![paint::line(words::TROUBLE, paint::BAD)],
    };
    lines.extend(paint::wrap(&trouble.words(), width, paint::BOLD));
    lines.push(paint::gap());
    lines.extend(paint::item(words::REMEDY, paint::WARN, remedy, width, paint::PLAIN));
    lines
}

/// A refusal with its own remedy.
pub(super) fn refusal(refusal: &Refusal, width: usize) -> Vec<Line<'static>> {
    refusal_with(refusal, &refusal.remedy, width)
}

fn refusal_with(refusal: &Refusal, remedy: &str, width: usize) -> Vec<Line<'static>> {
    let mut lines =
        vec![paint::spans([(words::REFUSED, paint::BAD), (" by ", paint::PLAIN), (refusal.rule.name(), paint::BAD)])];
    lines.extend(paint::wrap(&refusal.what, width, paint::BOLD));
    lines.extend(paint::item(words::REMEDY, paint::WARN, remedy, width, paint::PLAIN));
    lines
}
