//! The review sheet: everything that will be signed, in words.

use ratatui::text::Line;

use super::grid;
use crate::{
    ceremony::sheet::{KeyFate, ReviewSheet},
    readback,
    tui::paint,
};

pub(super) fn lines(sheet: &ReviewSheet, width: usize) -> Vec<Line<'static>> {
    let mut lines =
        paint::wrap(&format!("{} version {} of {}", sheet.role, sheet.version, sheet.repository), width, paint::BOLD);
    let days = format!("Expires {} {} UTC, in {} days.", sheet.expires.date(), sheet.expires.time_of_day(), sheet.days);
    lines.extend(paint::wrap(&days, width, paint::PLAIN));

    heading(&mut lines, "What changes");
    for change in &sheet.changes {
        lines.extend(paint::item("-", paint::DIM, change, width, paint::PLAIN));
    }
    heading(&mut lines, "Thresholds");
    for threshold in &sheet.thresholds {
        lines.extend(paint::item("-", paint::DIM, threshold, width, paint::PLAIN));
    }
    heading(&mut lines, "Keys");
    for key in &sheet.keys {
        let style = match key.change {
            KeyFate::New => paint::GOOD,
            KeyFate::Stays => paint::PLAIN,
            KeyFate::Goes => paint::BAD,
        };
        let text = format!("{}: {}, {}", key.roles.join(", "), key.name, key.algorithm);
        lines.extend(paint::item(&format!("{:<5}", key.change.word()), style, &text, width, paint::PLAIN));
        lines.extend(paint::item("     ", paint::PLAIN, &key.keyid, width, paint::DIM));
    }
    heading(&mut lines, "Payload");
    let words: Vec<_> =
        readback::words(sheet.digest.as_bytes()).into_iter().map(|word| (word.to_uppercase(), paint::WORD)).collect();
    lines.extend(grid::lines(&words, width, 0));
    lines.extend(grid::hex(&sheet.digest.to_string(), width));
    heading(&mut lines, "Rules that were asked and held");
    for passed in &sheet.passed {
        lines.extend(paint::item(passed.rule.name(), paint::GOOD, &passed.seen, width, paint::PLAIN));
    }
    lines
}

fn heading(lines: &mut Vec<Line<'static>>, text: &str) {
    lines.push(paint::gap());
    lines.push(paint::line(text, paint::BOLD));
}
