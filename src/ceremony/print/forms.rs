//! What is written by hand and belongs to no single step: ledgers, receipts, exception sheets, the declaration.

use super::document::{Block, Cell, Layout, Table, blank, plain};
use crate::{
    ceremony::{
        script::{Kind, Script},
        steps::Action,
        words::paper as say,
    },
    readback::{WORDS_OF_ACT, WORDS_OF_DIGEST},
    text::shown,
};

/// Every form, in the order in which they are needed.
pub fn all(script: &Script) -> Vec<Block> {
    let mut blocks = vec![Block::NewPage];
    blocks.extend(bag_ledger(script));
    blocks.extend(inventory(script));
    blocks.extend(pin_receipts(script));
    blocks.extend(chain_of_custody(script));
    blocks.extend(destruction(script));
    blocks.extend([
        Block::NewPage,
        Block::Heading("Words at a stop".into()),
        Block::Small(say::STOP_WORDS.into()),
        Block::BlankWords(WORDS_OF_ACT),
        Block::BlankWords(WORDS_OF_ACT),
        Block::Heading("Words of a second payload".into()),
        Block::Small(say::SPARE_WORDS.into()),
        Block::BlankWords(WORDS_OF_DIGEST),
    ]);
    for number in 1..=say::EXCEPTION_SHEETS {
        blocks.extend(exception_sheet(number));
    }
    blocks.extend(glossary(script));
    blocks.extend(declaration(script));
    blocks
}

fn empty_rows(count: usize, columns: usize) -> impl Iterator<Item = Vec<Cell>> {
    std::iter::repeat_with(move || vec![blank(); columns]).take(count)
}

fn bag_ledger(script: &Script) -> [Block; 2] {
    let head = vec!["Bag", "Old number", "New number", "Content", "Holder", "Kept at", "Initials"];
    let media = script.media.iter().map(|label| format!("medium “{label}”"));
    let contents = script.tokens.iter().map(|token| format!("token {}", token.alias)).chain(media);
    let rows = contents.enumerate().map(|(at, content)| {
        let mut row = vec![plain((at + 1).to_string()), blank(), blank(), plain(content)];
        row.extend([blank(), blank(), blank()]);
        row
    });
    let rows = rows.chain(empty_rows(2, head.len())).collect();
    [Block::Heading("Bag ledger".into()), Block::Table(Table { layout: Layout::Form, head, rows })]
}

fn inventory(script: &Script) -> [Block; 2] {
    let head =
        vec!["Token", "Maker and model", "Serial", "Firmware", "First eight of the keyid", "PINs set", "Initials"];
    let rows = script.tokens.iter().map(|token| {
        let mut row = vec![plain(token.alias.to_string())];
        row.extend(vec![blank(); head.len() - 1]);
        row
    });
    let rows = rows.collect();
    [Block::Heading("Token inventory".into()), Block::Table(Table { layout: Layout::Form, head, rows })]
}

fn pin_receipts(script: &Script) -> Vec<Block> {
    let prepared = script.numbered().filter_map(|(_, step)| match &step.action {
        Action::PrepareToken(prepare) => script.token(&prepare.token),
        _ => None,
    });
    let rows: Vec<_> = prepared
        .map(|token| {
            let keeper = script.name(&token.so_pin).to_owned();
            vec![plain(format!("SO-PIN of {}", token.alias)), blank(), plain(keeper), blank(), blank()]
        })
        .collect();
    if rows.is_empty() {
        return vec![];
    }
    let head = vec!["Sealed", "Envelope number", "Received by", "Kept at", "Signature"];
    vec![
        Block::Heading("Receipt for sealed envelopes".into()),
        Block::Table(Table { layout: Layout::Form, head, rows }),
    ]
}

/// What goes from hand to hand: each row is one handover, signed by both. Blank rows are for items that change hands more than once.
fn chain_of_custody(script: &Script) -> Vec<Block> {
    if script.kind != Kind::Transport {
        return vec![];
    }
    let head = vec!["Item", "Seal", "From, and signature", "To, and signature", "Place, date and time UTC"];
    by_item("Chain of custody", say::CHAIN_OF_CUSTODY, head, items(script))
}

/// What comes to its end, and how: signed by two who saw it.
fn destruction(script: &Script) -> Vec<Block> {
    if script.kind != Kind::Destroy {
        return vec![];
    }
    let head = vec![
        "Item",
        "Serial, set or label",
        "How it was destroyed",
        "Time UTC",
        "First who saw it",
        "Second who saw it",
    ];
    let sealed = script.kept.iter().filter_map(|kept| kept.sealed.as_ref());
    let sealed = sealed.flat_map(|sealed| {
        ["first medium", "second medium", "printed sheets"].map(|copy| format!("{}: {copy}", shown(&sealed.file)))
    });
    by_item("Destroyed", say::DESTROYED, head, items(script).into_iter().chain(sealed).collect())
}

/// A page with a row for each item and some for more, filled in by hand.
fn by_item(title: &str, small: &str, head: Vec<&'static str>, items: Vec<String>) -> Vec<Block> {
    let rows = items.into_iter().map(|item| {
        let mut row = vec![plain(item)];
        row.extend(vec![blank(); head.len() - 1]);
        row
    });
    let rows = rows.chain(empty_rows(say::HANDOVERS_MORE, head.len())).collect();
    vec![
        Block::NewPage,
        Block::Heading(title.into()),
        Block::Small(small.into()),
        Block::Table(Table { layout: Layout::Form, head, rows }),
    ]
}

/// Tokens, and shares of every set that the script names. How many those are stands in the set, and is filled in by hand.
fn items(script: &Script) -> Vec<String> {
    let tokens = script.tokens.iter().map(|token| format!("token {} ({})", token.alias, shown(&token.tag)));
    let shares = script
        .kept
        .iter()
        .flat_map(|kept| (0..say::SHARES_ON_FORM).map(move |_| format!("share ___ of {}", kept.name)));
    tokens.chain(shares).collect()
}

fn exception_sheet(number: usize) -> Vec<Block> {
    vec![
        Block::NewPage,
        Block::Heading(format!("Exception sheet {number}")),
        Block::Small(say::EXCEPTION_SHEET.into()),
        Block::Fields(vec!["Step, and time UTC".into()]),
        Block::Space("What was expected".into(), 4),
        Block::Space("What happened".into(), 7),
        Block::Space("What was decided".into(), 7),
        Block::Fields(vec!["Decided by, name and signature".into(), "Decided by, name and signature".into()]),
    ]
}

fn glossary(script: &Script) -> Vec<Block> {
    let many = if script.repositories.is_some() { say::GLOSSARY_OF_MANY.as_slice() } else { &[] };
    let entries = say::GLOSSARY.iter().chain(many).map(|(word, meaning)| ((*word).to_owned(), (*meaning).to_owned()));
    vec![Block::NewPage, Block::Heading("Glossary".into()), Block::Facts(entries.collect())]
}

fn declaration(script: &Script) -> Vec<Block> {
    let rows = script
        .people
        .iter()
        .map(|person| vec![plain(person.introduced()), blank(), blank()])
        .chain(empty_rows(1, 3))
        .collect();
    vec![
        Block::NewPage,
        Block::Heading("Declaration".into()),
        Block::Text(say::DECLARATION.into()),
        Block::Table(Table { layout: Layout::Form, head: vec!["Name", "Date and time UTC", "Signature"], rows }),
    ]
}
