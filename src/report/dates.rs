//! The dates that follow from a ceremony.

use super::replay::Replay;
use crate::ceremony::print::document::{Block, Layout, Table, row};

/// How many days it takes to call the officers together. A renewal is due at least twice that before the expiry.
pub const NOTICE_DAYS: i64 = 30;
/// The fewest days before the expiry on which a renewal is due.
pub const RENEWAL_LEAD_DAYS_MIN: i64 = 60;
/// How many days after a ceremony the tokens are drilled again.
pub const DRILL_AFTER_DAYS: i64 = 365;

/// The dates that follow from a ceremony: name, date, and why.
pub fn next(replay: &Replay<'_>) -> Vec<(&'static str, String, String)> {
    let mut dates = vec![];
    let lead = RENEWAL_LEAD_DAYS_MIN.max(2 * NOTICE_DAYS);
    if let Some(draft) = replay.ceremony.drafts().iter().rev().find(|draft| draft.met) {
        let expires = draft.root.expires;
        let renew = expires.plus_days(-lead);
        dates.push(("Renew by", renew.date(), format!("{lead} days before root version {} expires", draft.version)));
        dates.push((
            "Root expires",
            expires.date(),
            format!("{} UTC; clients refuse it from then on", expires.time_of_day()),
        ));
    }
    if let Some(began) = replay.began_at() {
        let drill = began.plus_days(DRILL_AFTER_DAYS);
        dates.push((
            "Drill the tokens",
            drill.date(),
            "twelve months from now: every PIN still works, every bag is intact".into(),
        ));
    }
    dates.sort_by(|a, b| a.1.cmp(&b.1));
    dates
}

pub fn blocks(replay: &Replay<'_>) -> Vec<Block> {
    vec![Block::Heading("Next dates".into()), table(replay)]
}

/// The dates as a table, the nearest first.
pub fn table(replay: &Replay<'_>) -> Block {
    let rows = next(replay).into_iter().map(|(what, date, why)| row([date, what.to_owned(), why])).collect();
    Block::Table(Table { layout: Layout::Plain, head: vec!["Date", "What", "Why"], rows })
}
