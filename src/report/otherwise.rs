//! What the script did not foresee.

use super::replay::Replay;
use crate::ceremony::{
    event::Event,
    history::Placed,
    print::document::{Block, Cell, Layout, Table, row},
    words::events::{is_otherwise, told},
};

/// Refusals, failures, exceptions, substitutions, stops: everything that the script did not foresee.
pub fn blocks(replay: &Replay<'_>) -> Vec<Block> {
    let rows: Vec<_> = replay
        .entries
        .iter()
        .filter(|placed| is_otherwise(&placed.event))
        .map(|placed| entry_row(replay, placed))
        .collect();
    let mut blocks = vec![Block::Heading("What did not go as printed".into())];
    if rows.is_empty() {
        blocks.push(Block::Text("Nothing: no refusal, no failure, no exception, no stop.".into()));
    } else {
        let head = vec!["Entry", "Step", "Time UTC", "What"];
        blocks.push(Block::Table(Table { layout: Layout::Plain, head, rows }));
    }
    for placed in replay.entries {
        if let Event::Abandoned { account, .. } = &placed.event {
            blocks.push(Block::Subheading("Where everything was when the ceremony was abandoned".into()));
            blocks.push(Block::List(account.clone()));
        }
    }
    blocks
}

fn entry_row(replay: &Replay<'_>, placed: &Placed) -> Vec<Cell> {
    row([
        placed.stamp.seq.to_string(),
        replay.number(placed),
        placed.stamp.at.time_of_day(),
        told(replay.script(), &placed.event),
    ])
}
