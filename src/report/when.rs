//! When each act was held, planned and actual.

use super::replay::Replay;
use crate::ceremony::{
    check,
    history::Placed,
    print::document::{Block, Layout, Table, row},
};

/// Planned and actual times, an act a row.
pub fn blocks(replay: &Replay<'_>) -> Vec<Block> {
    let script = replay.script();
    let planned = check::timetable(script);
    let mut first = 0;
    let mut rows = vec![];
    for (number, act) in script.acts.iter().enumerate() {
        let plan = planned.get(first).map(|step| step.words()).unwrap_or_default();
        first += act.steps.len();
        let of_act: Vec<_> =
            replay.entries.iter().filter(|placed| placed.place.is_some_and(|at| at.act == number)).collect();
        let time = |placed: Option<&&Placed>| placed.map_or_else(String::new, |p| p.stamp.at.time_of_day());
        rows.push(row([format!("{number}"), act.title.clone(), plan, time(of_act.first()), time(of_act.last())]));
    }
    let head = vec!["Act", "Title", "Planned", "Began UTC", "Ended UTC"];
    vec![Block::Heading("When".into()), Block::Table(Table { layout: Layout::Plain, head, rows })]
}
