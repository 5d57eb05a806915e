//! Where things stand when the ceremony stops: what to bag, and which words to write down.

use ratatui::text::Line;

use super::grid;
use crate::{
    digest::Digest,
    readback,
    tui::{paint, words},
};

pub(super) fn lines(account: &[String], head: Digest, width: usize) -> Vec<Line<'static>> {
    let mut lines = paint::wrap(words::STOPPED, width, paint::BOLD);
    lines.push(paint::gap());
    lines.extend(paint::wrap(words::STOPPED_WORDS, width, paint::PLAIN));
    let bytes = &head.as_bytes()[..readback::WORDS_OF_ACT];
    let grid: Vec<_> = readback::words(bytes).into_iter().map(|word| (word.to_uppercase(), paint::WORD)).collect();
    lines.extend(grid::lines(&grid, width, 0));
    lines.push(paint::gap());
    lines.push(paint::line(words::ACCOUNT, paint::PLAIN));
    for entry in account {
        lines.extend(paint::item("-", paint::DIM, entry, width, paint::PLAIN));
    }
    lines
}
