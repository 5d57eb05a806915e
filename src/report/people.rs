//! Who took part.

use super::{replay::Replay, say};
use crate::ceremony::{
    event::Event,
    history::Placed,
    participants::PersonId,
    print::document::{Block, Layout, Table, blank, plain, row},
};

/// How somebody took part.
#[derive(Default)]
struct Part {
    here: Option<bool>,
    word: bool,
    confirmed: usize,
}

fn part(entries: &[Placed], id: &PersonId) -> Part {
    let mut part = Part::default();
    for placed in entries {
        match &placed.event {
            Event::Present { person } if person == id => part.here = Some(true),
            Event::Absent { person } if person == id => part.here = Some(false),
            Event::WordSet { person, .. } if person == id => part.word = true,
            Event::Confirmed { person, .. } if person == id => part.confirmed += 1,
            _ => {}
        }
    }
    part
}

pub fn blocks(replay: &Replay<'_>) -> Vec<Block> {
    let script = replay.script();
    let rows = script
        .people
        .iter()
        .map(|person| {
            let part = part(replay.entries, &person.id);
            let duties: Vec<_> = person.duties.iter().map(|duty| duty.word()).collect();
            let principal = person.stands_in_for.as_ref();
            let here = match (part.here, principal) {
                (Some(true), Some(principal)) => format!("here, for {}", script.name(principal)),
                (Some(true), None) => "here".into(),
                (Some(false), _) => match replay.ceremony.acting(&person.id) {
                    acting if acting != person.id => format!("absent; {} in their place", script.name(&acting)),
                    _ => "absent".into(),
                },
                (None, Some(_)) => "not called".into(),
                (None, None) => "did not answer the roll-call".into(),
            };
            let word = if part.word { "yes".into() } else { String::new() };
            row([person.name.clone(), duties.join(", "), here, word, part.confirmed.to_string()])
        })
        .collect();
    let head = vec!["Name", "Duties", "Roll-call", "Own word", "Confirmed"];
    vec![Block::Heading("Who took part".into()), Block::Table(Table { layout: Layout::Plain, head, rows })]
}

/// Everybody who was here, with their duties.
fn present(replay: &Replay<'_>) -> Vec<(String, String)> {
    let here = |id: &PersonId| part(replay.entries, id).here == Some(true);
    let people = replay.script().people.iter().filter(|person| here(&person.id));
    people
        .map(|person| {
            let duties: Vec<_> = person.duties.iter().map(|duty| duty.word()).collect();
            (person.name.clone(), duties.join(", "))
        })
        .collect()
}

/// Lines to sign, for everybody who was here.
pub fn declaration(replay: &Replay<'_>) -> Vec<Block> {
    let here = present(replay);
    let rows =
        here.into_iter().map(|(name, duties)| vec![plain(format!("{name} ({duties})")), blank(), blank()]).collect();
    vec![
        Block::Heading("Declaration".into()),
        Block::Text(say::REPORT_DECLARATION.into()),
        Block::Table(Table { layout: Layout::Form, head: vec!["Name", "Date and time UTC", "Signature"], rows }),
    ]
}
