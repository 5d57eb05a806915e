//! The dates that follow from a ceremony.

use super::{replay::Replay, restored};
use crate::{
    ceremony::{
        print::document::{Block, Layout, Table, row},
        script::Kind,
        words::paper::{self as say, TIMESTAMP_DAYS},
    },
    tuf::bundle,
    utc::Utc,
};

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
    dates.extend(of_many(replay, lead));
    dates.extend(super::custody::dates(replay));
    if let Some(began) = replay.began_at() {
        let drill = began.plus_days(DRILL_AFTER_DAYS);
        dates.push((
            "Drill the tokens",
            drill.date(),
            "twelve months from now: every PIN still works, every bag is intact".into(),
        ));
    }
    if let Some(due) = restored::due(replay) {
        dates.push((
            "Restore drill",
            due.date(),
            "three years from now: the backup is opened again, with other shares".into(),
        ));
    }
    if replay.script().kind == Kind::Restore {
        let why = "the tokens that were lost may be in somebody's hands: now, not at the next renewal";
        dates.push(("Rotate the root", replay.began_at().map(Utc::date).unwrap_or_default(), why.into()));
    }
    dates.sort_by(|a, b| a.1.cmp(&b.1));
    dates
}

/// The dates that follow from a batch. A root ends at the latest as the script says: certificates may have cut it.
fn of_many(replay: &Replay<'_>, lead: i64) -> Vec<(&'static str, String, String)> {
    let repositories = replay.ceremony.repositories();
    let script = replay.script();
    let (Some(spec), Some(date), Some(_)) =
        (&script.repositories, repositories.batch().date(), repositories.batch().published())
    else {
        return vec![];
    };
    let mut dates = vec![];
    let mut first: Vec<Utc> = vec![];
    if let Some(ends) = repositories.certificates().values().map(|certificate| certificate.not_after()).min() {
        dates.push(("First certificate ends", ends.date(), say::THEN_CERTIFICATES.to_owned()));
        first.push(ends);
    }
    if script.kind.writes_roots() {
        let ends = date.plus_days(script.root.expiry.days.into());
        let taggers = bundle::taggers_fail_from(ends);
        dates.push(("Taggers fail", taggers.date(), format!("{}, unless the roots were renewed", say::THEN_TAGGERS)));
        dates.push(("Roots end, at the latest", ends.date(), say::THEN_ROOTS.into()));
        first.push(taggers);
    }
    if let Some(tagging) = &spec.tagging {
        let ends = date.plus_days(tagging.expiry.days.into());
        dates.push(("Targets end", ends.date(), say::THEN_TARGETS.into()));
        first.push(ends);
    }
    if let Some(first) = first.into_iter().min() {
        let why = format!("{lead} days before the first of these ends");
        dates.push(("Renew by", first.plus_days(-lead).date(), why));
    }
    if script.kind == Kind::DctRotateTaggingKey {
        let why = format!(
            "{TIMESTAMP_DAYS} days after a publication on the day of the ceremony, where nobody saw the new roots before"
        );
        dates.push(("Old tagging key is dead", date.plus_days(TIMESTAMP_DAYS).date(), why));
    }
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
