//! What was signed, in words.

use super::{replay::Replay, repositories};
use crate::ceremony::{
    event::Event,
    metadata,
    print::document::{Block, Cell, Layout, Line, Table, plain, row},
    state::Draft,
    words::{events::instant, paper as say},
};

pub fn blocks(replay: &Replay<'_>) -> Vec<Block> {
    if let Some(spec) = &replay.script().repositories {
        return repositories::blocks(replay, spec);
    }
    let drafts = replay.ceremony.drafts();
    let mut blocks = vec![Block::Heading("What was signed".into())];
    if drafts.is_empty() {
        blocks.push(Block::Text("Nothing was composed, and nothing was signed.".into()));
    }
    for (index, draft) in drafts.iter().enumerate() {
        blocks.extend(one(replay, index, draft));
    }
    blocks
}

fn one(replay: &Replay<'_>, index: usize, draft: &Draft) -> Vec<Block> {
    let sheet = metadata::review_sheet(replay.ceremony, draft, vec![]);
    let fate = match (&draft.voided, draft.met) {
        (Some(reason), _) => format!("void: {reason}"),
        (None, true) => "its thresholds are met: it exists for ever".into(),
        (None, false) => "its thresholds are not met: nobody accepts it".into(),
    };
    let mut blocks = vec![
        Block::Subheading(format!("Root version {} of {}", draft.version, sheet.repository)),
        Block::Facts(vec![
            ("Fate".into(), fate),
            ("Expires".into(), format!("{}, {} days after the ceremony", instant(sheet.expires), sheet.days)),
            ("Thresholds".into(), sheet.thresholds.join("; ")),
        ]),
        Block::Text("The change, in words".into()),
        Block::List(sheet.changes),
        Block::Table(Table {
            layout: Layout::Plain,
            head: vec!["Roles", "Whose key", "Key", "Change"],
            rows: sheet
                .keys
                .iter()
                .map(|key| {
                    vec![
                        plain(key.roles.join(", ")),
                        plain(key.name.clone()),
                        vec![Line::Exact(key.keyid.clone()), Line::Plain(key.algorithm.clone())],
                        plain(key.change.word()),
                    ]
                })
                .collect(),
        }),
        Block::Text("The payload: the bytes that were signed".into()),
        Block::Exact(draft.payload.to_string()),
        Block::Words(say::digest_words(draft.payload)),
    ];
    let rows = signatures(replay, index);
    if rows.is_empty() {
        blocks.push(Block::Text("It was not signed.".into()));
    } else {
        let spent = if draft.voided.is_some() { "Signatures, all spent" } else { "Signatures" };
        blocks.push(Block::Text(spent.into()));
        let head = vec!["Entry", "Time UTC", "Token", "Whose", "Keyid"];
        blocks.push(Block::Table(Table { layout: Layout::Plain, head, rows }));
    }
    blocks
}

/// The signatures on the draft with this number. Two drafts may have the same payload: the first one was voided.
fn signatures(replay: &Replay<'_>, index: usize) -> Vec<Vec<Cell>> {
    let mut rows = vec![];
    for placed in replay.entries {
        let Event::Signed { alias, keyid, .. } = &placed.event else { continue };
        if placed.drafts == index + 1 {
            let holder = replay.ceremony.card(alias).holder_name;
            rows.push(row([
                placed.stamp.seq.to_string(),
                placed.stamp.at.time_of_day(),
                alias.to_string(),
                holder,
                keyid.to_string(),
            ]));
        }
    }
    rows
}
