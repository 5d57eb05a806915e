//! The good news by name.

use super::replay::{Replay, held};
use crate::{
    ceremony::print::document::{Block, Cell, Layout, Line, Table},
    rules::Rule,
};

/// Every rule that was asked and held, by name.
pub fn blocks(replay: &Replay<'_>) -> Vec<Block> {
    let mut rows = vec![];
    for &rule in Rule::ALL {
        let mut seen: Cell = vec![];
        for placed in &replay.entries {
            for passed in held(placed.event).iter().filter(|passed| passed.rule == rule) {
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
