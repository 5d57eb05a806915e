//! The good news by name.

use std::collections::BTreeMap;

use super::replay::{Replay, held};
use crate::{
    ceremony::event::Event,
    ceremony::print::document::{Block, Cell, Layout, Line, Table},
    rules::Rule,
};

/// Where a rule held.
#[derive(Default)]
struct Told {
    seen: Cell,
    /// In how many groups of repositories that were composed together.
    drafts: usize,
    last_draft: u64,
}

/// How many groups of repositories in which a rule held are told one by one.
const DRAFTS_MAX: usize = 3;

/// Every rule that was asked and held, by name.
pub fn blocks(replay: &Replay<'_>) -> Vec<Block> {
    let mut told: BTreeMap<Rule, Told> = BTreeMap::new();
    for placed in replay.entries {
        for passed in held(&placed.event) {
            let told = told.entry(passed.rule).or_default();
            let drafts = matches!(placed.event, Event::RepositoriesDrafted { .. });
            told.drafts += usize::from(drafts);
            if drafts && told.drafts > DRAFTS_MAX {
                told.last_draft = placed.stamp.seq;
                continue;
            }
            let number = replay.number(placed);
            told.seen.push(Line::Plain(format!("entry {}, {number}: {}", placed.stamp.seq, passed.seen)));
        }
    }
    let mut rows = vec![];
    for &rule in Rule::ALL {
        let Told { mut seen, drafts, last_draft } = told.remove(&rule).unwrap_or_default();
        if drafts > DRAFTS_MAX {
            let more = drafts - DRAFTS_MAX;
            seen.push(Line::Plain(format!("and in {more} more groups of repositories, up to entry {last_draft}")));
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
