//! The script once more, with the times and everything that was written into the record at each step.

use super::{Block, Cell, Layout, Line, Table, plain, replay::Replay, told};
use crate::ceremony::{check, event::Event, state::Cursor};

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
        rows.push(step_row(
            replay,
            Cursor { act: number, step: act.steps.len() },
            "end".into(),
            format!("End of act {number}"),
            String::new(),
        ));
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
        // An intent is told by its outcome.
        if !matches!(placed.event, Event::Intended { .. }) {
            what.push(Line::Plain(format!("{}  {}", placed.stamp.seq, told(replay.script(), placed.event))));
        }
    }
    if here.is_empty() {
        what.push(Line::Expect("not reached".into()));
    }
    let time =
        |placed: Option<&&super::replay::Placed<'_>>| placed.map_or_else(String::new, |p| p.stamp.at.time_of_day());
    vec![vec![Line::Strong(label)], plain(planned), what, plain(time(here.first())), plain(time(here.last()))]
}
