//! It is over: the head, what left, and where the record is.

use ratatui::text::Line;

use super::grid;
use crate::{
    ceremony::state::Closing,
    digest::Digest,
    readback,
    tui::{paint, words},
};

pub(super) fn lines(
    closing: Closing,
    head: Digest,
    exported: &[String],
    record: &[String],
    width: usize,
) -> Vec<Line<'static>> {
    let mut lines = match closing {
        Closing::Closed => vec![paint::line(words::CLOSED, paint::GOOD)],
        Closing::Abandoned => vec![paint::line(words::ABANDONED, paint::BAD)],
    };
    for (title, entries) in [(words::RECORD, record), (words::EXPORTED, exported)] {
        if !entries.is_empty() {
            lines.push(paint::gap());
            lines.push(paint::line(title, paint::BOLD));
            for entry in entries {
                lines.extend(paint::item("-", paint::DIM, entry, width, paint::PLAIN));
            }
        }
    }
    lines.push(paint::gap());
    lines.push(paint::line(words::FINAL_HEAD, paint::BOLD));
    let words: Vec<_> =
        readback::words(head.as_bytes()).into_iter().map(|word| (word.to_uppercase(), paint::WORD)).collect();
    lines.extend(grid::lines(&words, width, 0));
    lines.extend(grid::hex(&head.to_string(), width));
    lines
}
