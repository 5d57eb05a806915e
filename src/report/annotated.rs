//! The script once more, with the times and everything that was written into the record at each step.

use super::{replay::Replay, repositories};
use crate::ceremony::{
    check,
    event::Event,
    history::Placed,
    print::document::{Block, Cell, Layout, Line, Table, plain},
    state::Cursor,
    words::events::told,
};

pub fn blocks(replay: &Replay<'_>) -> Vec<Block> {
    let script = replay.script();
    let times = check::timetable(script);
    let mut blocks = vec![Block::NewPage, Block::Heading("The script as it went".into())];
    let mut at = 0;
    for (number, act) in script.acts.iter().enumerate() {
        let mut rows = vec![];
        for (index, step) in act.steps.iter().enumerate() {
            let title = step.action.kind().prose(script).title;
            let (label, planned) = times.get(at).map(|time| (time.number.clone(), time.words())).unwrap_or_default();
            rows.push(step_row(replay, Cursor { act: number, step: index }, label, title, planned));
            at += 1;
        }
        // A record that is closed has no end of its last act: the final head stands for it.
        let end = Cursor { act: number, step: act.steps.len() };
        if replay.ceremony.closing().is_none() || replay.entries.iter().any(|placed| placed.place == Some(end)) {
            rows.push(step_row(replay, end, "end".into(), format!("End of act {number}"), String::new()));
        }
        blocks.push(Block::Subheading(format!("Act {number}: {}", act.title)));
        let head = vec!["Step", "Planned", "What happened", "From UTC", "To UTC"];
        blocks.push(Block::Table(Table { layout: Layout::Annotated, head, rows }));
    }
    blocks
}

fn step_row(replay: &Replay<'_>, place: Cursor, label: String, title: String, planned: String) -> Vec<Cell> {
    let here: Vec<_> = replay.entries.iter().filter(|placed| placed.place == Some(place)).collect();
    let mut what = vec![Line::Strong(title)];
    for placed in &here {
        if placed.event.is_one_of_many() {
            let run = replay.runs.iter().find(|run| run.first == placed.stamp.seq);
            what.extend(run.map(|run| Line::Entry(run.first, repositories::told(run))));
        } else if !told_by_its_outcome(replay, placed) {
            what.push(Line::Entry(placed.stamp.seq, told(replay.script(), &placed.event)));
        }
    }
    if here.is_empty() {
        what.push(Line::Plain("not reached".into()));
    }
    let time = |placed: Option<&&Placed>| placed.map_or_else(String::new, |p| p.stamp.at.time_of_day());
    vec![vec![Line::Strong(label)], plain(planned), what, plain(time(here.first())), plain(time(here.last()))]
}

/// An intent without an outcome is worth a line: nobody knows whether it was done.
fn told_by_its_outcome(replay: &Replay<'_>, placed: &Placed) -> bool {
    let next = replay.after(placed);
    matches!(placed.event, Event::Intended { .. })
        && next.is_some_and(|next| {
            next.event.is_outcome() || next.event.is_one_of_many() || matches!(next.event, Event::Refused { .. })
        })
}
