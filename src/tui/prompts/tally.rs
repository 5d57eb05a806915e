//! Who signed and who is missing.

use ratatui::text::Line;

use crate::{
    ceremony::sheet::{Meter, TallySheet},
    tui::paint,
};

/// A meter a line or two.
pub fn lines(tally: &TallySheet, width: usize) -> Vec<Line<'static>> {
    let meters = [tally.old.as_ref().map(|old| ("old root", old)), Some(("new root", &tally.new))];
    let both = tally.old.is_some();
    meters.into_iter().flatten().flat_map(|(name, m)| meter(if both { name } else { "root" }, m, width)).collect()
}

fn meter(name: &str, meter: &Meter, width: usize) -> Vec<Line<'static>> {
    let names = |signed: bool| {
        let names: Vec<_> = meter.signers.iter().filter(|s| s.signed == signed).map(|s| s.name.as_str()).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
    };
    let filled = usize::try_from(meter.signed()).unwrap_or(0);
    let wanted = usize::try_from(meter.threshold).unwrap_or(0);
    let bar = format!("[{}{}]", "#".repeat(filled), ".".repeat(wanted.saturating_sub(filled)));
    let mark = format!("{name} {} of {} {bar}", meter.signed(), meter.threshold);
    let style = if meter.met() { paint::GOOD } else { paint::WARN };
    paint::item(&mark, style, &format!("signed: {}; missing: {}", names(true), names(false)), width, paint::PLAIN)
}
