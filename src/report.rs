//! What happened, for people: `report.html` and the card for the safe. Both replay the fold over the transcript, so that
//! they can say at which step each entry was made, and neither knows more than the transcript does.

mod annotated;
mod card;
mod people;
mod replay;
mod signed;
mod telling;
mod tokens;

use std::sync::Arc;

use self::replay::{Replay, passed_of};
use crate::{
    ceremony::{
        event::{Event, Mode, Stamp},
        print::{
            document::{Block, Cell, Document, Layout, Line, Table, blank, plain, row},
            html,
        },
        script::Script,
        state::Closing,
        words::paper as say,
    },
    digest::Digest,
    rules::Rule,
    utc::Utc,
};

pub use self::telling::told;

/// How many days it takes to call the officers together. A renewal is due at least twice that before the expiry.
pub const NOTICE_DAYS: i64 = 30;
/// The fewest days before the expiry on which a renewal is due.
pub const RENEWAL_LEAD_DAYS_MIN: i64 = 60;
/// How many days after a ceremony the tokens are drilled again.
pub const DRILL_AFTER_DAYS: i64 = 365;

/// The report of a ceremony, finished or not, as one self-contained HTML file.
pub fn report(entries: &[(Stamp, Event)], script: &Arc<Script>) -> String {
    html::render(&document(&Replay::of(entries, script)))
}

/// The card for the safe, as one self-contained HTML file of one page: what the next ceremony must be told.
pub fn card(entries: &[(Stamp, Event)], script: &Arc<Script>) -> String {
    html::render(&card::document(&Replay::of(entries, script)))
}

fn document(replay: &Replay<'_>) -> Document {
    let mut blocks = summary(replay);
    blocks.extend(signed::blocks(replay));
    blocks.extend(people::blocks(replay));
    blocks.extend(times(replay));
    blocks.extend(tokens::blocks(replay));
    blocks.extend(what_went_otherwise(replay));
    blocks.extend(exports(replay));
    blocks.extend(machine(replay));
    blocks.extend(rules(replay));
    blocks.extend(heads(replay));
    blocks.extend(dates(replay));
    blocks.extend(signatures(replay));
    blocks.extend(annotated::blocks(replay));
    framed(replay, "Report", blocks)
}

/// The stamps and the foot that every page of a record's paper carries.
fn framed(replay: &Replay<'_>, what: &str, blocks: Vec<Block>) -> Document {
    let script = replay.script();
    let mut stamps = vec![replay.mode().stamp().to_owned()];
    if script.declares.single_control {
        stamps.push(say::SINGLE_CONTROL.into());
    }
    match replay.ceremony.closing() {
        Some(Closing::Closed) => {}
        Some(Closing::Abandoned) => stamps.push("ABANDONED".into()),
        None => stamps.push("NOT FINISHED".into()),
    }
    let (foot, head) = match replay.final_head() {
        Some(head) => ("The words of the final head", head),
        None => ("The words of the last entry so far", replay.ceremony.stamp().head),
    };
    Document {
        title: format!("{what}: {}", script.title),
        running: format!("{} · {}", script.kind.title(), script.repository),
        boxes: vec![],
        stamps,
        watermark: (replay.mode() == Mode::Rehearsal).then_some("REHEARSAL"),
        foot: foot.into(),
        foot_words: say::digest_words(head),
        blocks,
    }
}

fn summary(replay: &Replay<'_>) -> Vec<Block> {
    let script = replay.script();
    let stamp = replay.ceremony.stamp();
    let mut facts = vec![
        ("Ceremony".to_owned(), script.kind.title().to_owned()),
        ("Repository".into(), script.repository.clone()),
        ("Outcome".into(), outcome(replay)),
        ("Began".into(), replay.began_at().map_or_else(|| "not at all".into(), instant)),
        ("Last entry".into(), format!("{}, number {}", instant(stamp.at), stamp.seq)),
        ("Script".into(), script.digest.to_string()),
    ];
    let mut blocks = vec![];
    for placed in &replay.entries {
        match placed.event {
            Event::Began { script: digest, program, media, previous, .. } => {
                if *digest != script.digest {
                    blocks.push(Block::Alarm(format!(
                        "This report was made with another script than the one that entry 0 names ({digest}). Do not rely on it."
                    )));
                }
                facts.push(("Program".into(), format!("{}, SHA-256 {}", program.name, program.sha256)));
                if program.trust != "shipped" {
                    facts.push(("Trust".into(), format!("{} (not the shipped program)", program.trust)));
                }
                facts.push(("Media".into(), media.join(" and ")));
                facts.push((
                    "Ceremony before".into(),
                    match previous {
                        Some(previous) => format!("head {}", previous.head),
                        None => "none is known to the record".into(),
                    },
                ));
            }
            Event::TwinRoot { real, twin } => {
                facts.push(("Twin of the root".into(), format!("{twin} stands for {real}, with throw-away keys")));
            }
            _ => {}
        }
    }
    if replay.mode() == Mode::Rehearsal {
        blocks.push(Block::Alarm(
            "This was a rehearsal. Every key in it is throw-away; nothing in it may be published.".into(),
        ));
    }
    if script.declares.single_control {
        blocks.push(Block::Alarm(format!(
            "{}: one person could sign alone. The script declared it.",
            say::SINGLE_CONTROL
        )));
    }
    blocks.push(Block::Facts(facts));
    blocks
}

fn outcome(replay: &Replay<'_>) -> String {
    let reached: Vec<_> = replay
        .ceremony
        .drafts()
        .iter()
        .filter(|draft| draft.met)
        .map(|draft| format!("root version {} is signed by its threshold", draft.version))
        .collect();
    let reached = if reached.is_empty() { "no root is signed by its threshold".into() } else { reached.join(", ") };
    match replay.ceremony.closing() {
        Some(Closing::Closed) => format!("closed; {reached}"),
        Some(Closing::Abandoned) => format!("abandoned; {reached}"),
        None if replay.ceremony.is_paused() => format!("stopped, can be resumed; {reached}"),
        None => format!("under way; {reached}"),
    }
}

/// `2026-12-01 09:00:00 UTC`.
fn instant(at: Utc) -> String {
    format!("{} {} UTC", at.date(), at.time_of_day())
}

/// Planned and actual times, an act a row.
fn times(replay: &Replay<'_>) -> Vec<Block> {
    let script = replay.script();
    let planned = crate::ceremony::check::timetable(script);
    let mut first = 0;
    let mut rows = vec![];
    for (number, act) in script.acts.iter().enumerate() {
        let plan = planned.get(first).map(|step| step.words()).unwrap_or_default();
        first += act.steps.len();
        let of_act: Vec<_> =
            replay.entries.iter().filter(|placed| placed.place.is_some_and(|at| at.act == number)).collect();
        let time = |placed: Option<&&replay::Placed<'_>>| placed.map_or_else(String::new, |p| p.stamp.at.time_of_day());
        rows.push(row([format!("{number}"), act.title.clone(), plan, time(of_act.first()), time(of_act.last())]));
    }
    let head = vec!["Act", "Title", "Planned", "Began UTC", "Ended UTC"];
    vec![Block::Heading("When".into()), Block::Table(Table { layout: Layout::Plain, head, rows })]
}

/// Refusals, failures, exceptions, substitutions, stops: everything that the script did not foresee.
fn what_went_otherwise(replay: &Replay<'_>) -> Vec<Block> {
    let rows: Vec<_> = replay
        .entries
        .iter()
        .filter(|placed| telling::is_otherwise(placed.event))
        .map(|placed| entry_row(replay, placed))
        .collect();
    let mut blocks = vec![Block::Heading("What did not go as printed".into())];
    if rows.is_empty() {
        blocks.push(Block::Text("Nothing: no refusal, no failure, no exception, no stop.".into()));
    } else {
        let head = vec!["Entry", "Step", "Time UTC", "What"];
        blocks.push(Block::Table(Table { layout: Layout::Plain, head, rows }));
    }
    for placed in &replay.entries {
        if let Event::Abandoned { account, .. } = placed.event {
            blocks.push(Block::Subheading("Where everything was when the ceremony was abandoned".into()));
            blocks.push(Block::List(account.clone()));
        }
    }
    blocks
}

fn entry_row(replay: &Replay<'_>, placed: &replay::Placed<'_>) -> Vec<Cell> {
    row([
        placed.stamp.seq.to_string(),
        replay.number(placed),
        placed.stamp.at.time_of_day(),
        told(replay.script(), placed.event),
    ])
}

fn exports(replay: &Replay<'_>) -> Vec<Block> {
    let mut rows = vec![];
    for placed in &replay.entries {
        let Event::Exported { files, media } = placed.event else { continue };
        for file in files {
            rows.push(vec![
                plain(file.name.clone()),
                vec![Line::Exact(file.sha256.to_string())],
                plain(file.length.to_string()),
                plain(media.join(", ")),
            ]);
        }
    }
    let mut blocks = vec![Block::Heading("What left".into())];
    if rows.is_empty() {
        blocks.push(Block::Text("Nothing was exported.".into()));
    } else {
        let head = vec!["File", "SHA-256", "Bytes", "On"];
        blocks.push(Block::Table(Table { layout: Layout::Plain, head, rows }));
    }
    blocks
}

fn machine(replay: &Replay<'_>) -> Vec<Block> {
    let mut blocks = vec![Block::Heading("The machine".into())];
    for placed in &replay.entries {
        let Event::Machine { facts, .. } = placed.event else { continue };
        let up: Vec<_> = facts.interfaces.iter().filter(|of| of.up).map(|of| of.name.clone()).collect();
        let or_none = |list: Vec<String>| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
        let devices = facts.devices.iter().map(|device| format!("{} ({})", device.name, device.what)).collect();
        blocks.push(Block::Facts(vec![
            ("Looked at".into(), instant(placed.stamp.at)),
            ("Kernel".into(), facts.kernel.clone()),
            ("Program".into(), format!("{}, SHA-256 {}", facts.program, facts.program_sha256)),
            ("Interfaces up".into(), or_none(up)),
            ("Swap".into(), or_none(facts.swap.clone())),
            ("Core dumps".into(), if facts.dumpable { "possible".into() } else { "this process leaves none".into() }),
            ("Devices".into(), or_none(devices)),
            ("Not known".into(), or_none(facts.unknown.clone())),
        ]));
        let remarks = facts.remarks();
        if !remarks.is_empty() {
            blocks.push(Block::List(remarks));
        }
    }
    if blocks.len() == 1 {
        blocks.push(Block::Text("It was not looked at.".into()));
    }
    blocks
}

/// Every rule that was asked and held, by name.
fn rules(replay: &Replay<'_>) -> Vec<Block> {
    let mut rows = vec![];
    for &rule in Rule::ALL {
        let mut seen: Cell = vec![];
        for placed in &replay.entries {
            for passed in passed_of(placed.event).iter().filter(|passed| passed.rule == rule) {
                seen.push(Line::Plain(format!(
                    "entry {}, {}: {}",
                    placed.stamp.seq,
                    replay.number(placed),
                    passed.seen
                )));
            }
        }
        if !seen.is_empty() {
            let name = vec![Line::Strong(rule.name().into()), Line::Plain(rule.claim().into())];
            rows.push(vec![name, seen]);
        }
    }
    vec![
        Block::Heading("Rules that were asked and held".into()),
        Block::Table(Table { layout: Layout::Plain, head: vec!["Rule", "What was seen"], rows }),
    ]
}

/// The heads that people wrote down, and who signed the last one.
fn heads(replay: &Replay<'_>) -> Vec<Block> {
    let mut blocks = vec![Block::Heading("The transcript on paper".into())];
    let mut facts = vec![];
    for placed in &replay.entries {
        match placed.event {
            Event::ActClosed { head, .. } => {
                let act = placed.place.map_or(0, |place| place.act);
                facts.push((format!("After act {act}"), say::act_words(*head).join(" ")));
            }
            Event::HeadSigned { alias, keyid, head, .. } => {
                facts.push((format!("Signed by {alias}"), format!("head {head}, with key {}", keyid.short())));
            }
            _ => {}
        }
    }
    if !facts.is_empty() {
        blocks.push(Block::Facts(facts));
    }
    match replay.final_head() {
        Some(head) => blocks.extend([
            Block::Text(
                "The final head, as the witness wrote it and read it back. Entries after it only close the record."
                    .into(),
            ),
            Block::Exact(head.to_string()),
            Block::Words(say::digest_words(head)),
        ]),
        None => blocks.push(Block::Text("The final head was not read back.".into())),
    }
    blocks
}

/// The dates that follow from a ceremony: name, date, and why.
fn next_dates(replay: &Replay<'_>) -> Vec<(&'static str, String, String)> {
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

fn dates(replay: &Replay<'_>) -> Vec<Block> {
    let facts = next_dates(replay).into_iter().map(|(what, date, why)| (format!("{date}  {what}"), why)).collect();
    vec![Block::Heading("Next dates".into()), Block::Facts(facts)]
}

fn signatures(replay: &Replay<'_>) -> Vec<Block> {
    let here = people::present(replay);
    let rows =
        here.into_iter().map(|(name, duties)| vec![plain(format!("{name} ({duties})")), blank(), blank()]).collect();
    vec![
        Block::Heading("Declaration".into()),
        Block::Text(say::REPORT_DECLARATION.into()),
        Block::Table(Table { layout: Layout::Form, head: vec!["Name", "Date and time UTC", "Signature"], rows }),
    ]
}

/// The first sixteen digits, for a table.
fn short(digest: &Digest) -> String {
    format!("{}…", &digest.to_string()[..16])
}

#[cfg(test)]
mod tests;
