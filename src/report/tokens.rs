//! The tokens, with what they *claim*, what their maker *attests*, what people *observed* and what this program *verified*
//! told apart.

use super::{replay::Replay, repositories};
use crate::{
    ceremony::{
        event::Event,
        operation::SeenToken,
        participants::Alias,
        print::document::{Block, Cell, Layout, Line, Table},
        script::TokenSpec,
        steps::Action,
        words,
    },
    rules::Rule,
};

/// What stands above the table.
const KEY: &str = "Claimed: what the token and its module say of themselves. Attested: what its maker signed. Observed: what people \
                   in the room read and typed. Verified: what this program proved with a signature.";
/// What a PKCS#11 token attests.
const ATTESTS_NOTHING: &str = "nothing";

pub fn blocks(replay: &Replay<'_>) -> Vec<Block> {
    let rows = replay.script().tokens.iter().map(|token| token_row(replay, token)).collect();
    vec![
        Block::Heading("Tokens".into()),
        Block::Small(KEY.into()),
        Block::Table(Table {
            layout: Layout::Plain,
            head: vec!["Token", "Claimed", "Attested", "Observed", "Verified"],
            rows,
        }),
    ]
}

fn token_row(replay: &Replay<'_>, token: &TokenSpec) -> Vec<Cell> {
    let script = replay.script();
    let mut name = vec![
        Line::Strong(token.alias.to_string()),
        Line::Plain(token.tag.clone()),
        Line::Plain(replay.ceremony.card(&token.alias).holder_name),
        Line::Plain(format!("SO-PIN: {}", script.name(&token.so_pin))),
    ];
    if let Some(alias) = &token.spare_for {
        name.push(Line::Plain(format!("spare for {alias}")));
    }
    vec![name, claimed(replay, token), attested(replay, token), observed(replay, token), verified(replay, token)]
}

fn claimed(replay: &Replay<'_>, token: &TokenSpec) -> Cell {
    let state = replay.ceremony.token(&token.alias);
    let Some(SeenToken { token: seen, .. }) = state.bound.or(state.chosen) else {
        return vec![Line::Plain("it was never in the machine".into())];
    };
    let mut lines = vec![
        Line::Plain(format!("label “{}”, serial {}", seen.label, seen.serial)),
        Line::Plain(format!("{} {}, firmware {}", seen.manufacturer, seen.model, seen.firmware)),
        Line::Plain(format!("module {}", seen.module.path)),
        Line::Exact(seen.module.sha256.to_string()),
    ];
    if let Some(why) = &seen.software {
        lines.push(Line::Strong(format!("software token: {why}")));
    }
    for placed in replay.entries {
        let here = match &placed.event {
            Event::KeyGenerated { alias, .. }
            | Event::KeyBroughtIn { alias, .. }
            | Event::KeyPut { alias, .. }
            | Event::KeyWrapped { alias, .. }
            | Event::KeyUnwrapped { alias, .. }
            | Event::BackupUnwrapped { alias, .. }
            | Event::KeyClosed { alias, .. } => *alias == token.alias,
            _ => false,
        };
        if here {
            let said = placed.event.passed().iter();
            lines.extend(said.filter_map(|passed| match passed.rule {
                Rule::KeyNotExtractable | Rule::WrappingSafe | Rule::WrappingTrusted | Rule::KeyClosed => {
                    Some(Line::Plain(passed.seen.clone()))
                }
                _ => None,
            }));
        }
    }
    lines
}

/// What its maker signed: a key that was generated and attested is told from one that was imported and never can be.
fn attested(replay: &Replay<'_>, token: &TokenSpec) -> Cell {
    let of_key = replay.entries.iter().rev().find_map(|placed| match &placed.event {
        Event::KeyGenerated { alias, attestation, .. } if *alias == token.alias => {
            let says = &attestation.as_deref()?.says;
            Some(vec![
                Line::Strong("generated on it, and attested".into()),
                Line::Plain(format!("under {}", says.root)),
                Line::Exact(says.root_sha256.to_string()),
                Line::Plain(format!("YubiKey {}, firmware {}, slot {}", says.serial, says.firmware, says.slot)),
                Line::Plain(format!("PIN {}, touch {}", says.pin, says.touch)),
            ])
        }
        Event::KeyBroughtIn { alias, .. } if *alias == token.alias => {
            Some(vec![Line::Strong("never: the key was imported".into())])
        }
        Event::KeyPut { alias, .. } | Event::KeyUnwrapped { alias, .. } | Event::BackupUnwrapped { alias, .. }
            if *alias == token.alias =>
        {
            Some(vec![Line::Strong("never: the key came to it from outside".into())])
        }
        _ => None,
    });
    of_key.unwrap_or_else(|| vec![Line::Plain(ATTESTS_NOTHING.into())])
}

/// Lines of the record that name the token, and what was typed in its own steps.
fn observed(replay: &Replay<'_>, token: &TokenSpec) -> Cell {
    let mut lines = vec![];
    for placed in replay.entries {
        let entry = placed.stamp.seq;
        match &placed.event {
            Event::Recorded { label, value } if names(label, &token.alias) => {
                lines.push(Line::Plain(format!("entry {entry}: {label}: {value}")));
            }
            Event::Went { word, on } if on == words::SERIAL_TYPED => {
                let step = placed.place.and_then(|place| replay.step_at(place));
                let here = step.is_some_and(
                    |step| matches!(&step.action, Action::PrepareToken(step) if replay.ceremony.playing(&step.token) == token.alias),
                );
                if here {
                    lines.push(Line::Plain(format!("entry {entry}: its serial was typed before it was wiped: {word}")));
                }
            }
            _ => {}
        }
    }
    lines
}

fn names(label: &str, alias: &Alias) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    label.split(|c| !word(c)).any(|part| part == alias.as_str())
}

fn verified(replay: &Replay<'_>, token: &TokenSpec) -> Cell {
    let mut lines = vec![];
    for placed in replay.entries {
        let entry = placed.stamp.seq;
        match &placed.event {
            Event::KeyGenerated { alias, key, .. } if *alias == token.alias => {
                lines.push(Line::Exact(key.id().to_string()))
            }
            Event::KeyBroughtIn { alias, key, from, canonical_id, .. } if *alias == token.alias => {
                lines.push(Line::Exact(key.id().to_string()));
                lines.push(Line::Strong(format!("imported from {from}, not generated on this token")));
                lines.push(Line::Plain(format!("canonical id {canonical_id}")));
            }
            Event::KeyWrapped { alias, name, key, .. } if *alias == token.alias => {
                lines.push(Line::Exact(key.id().to_string()));
                let anew = replay.ceremony.script().reopened(name).is_some();
                let said = if anew {
                    "wrapped anew on it for another token"
                } else {
                    "made on it to be wrapped for another token"
                };
                lines.push(Line::Strong(said.into()));
            }
            Event::KeyUnwrapped { alias, key, shares, .. } if *alias == token.alias => {
                let shares = words::backup::listed(shares);
                lines.push(Line::Exact(key.id().to_string()));
                lines.push(Line::Strong(format!("unwrapped with shares {shares}, not generated on this token")));
                lines.push(Line::Plain(format!("entry {entry}: signed a challenge")));
            }
            Event::BackupUnwrapped { alias, key, set, shares, .. } if *alias == token.alias => {
                let shares = words::backup::listed(shares);
                lines.push(Line::Exact(key.id().to_string()));
                lines.push(Line::Strong(format!(
                    "unwrapped with the old shares {shares} of set {set}, to be wrapped anew, not generated on this token"
                )));
                lines.push(Line::Plain(format!("entry {entry}: signed a challenge")));
            }
            Event::KeyPut { alias, name, key, shares, .. } if *alias == token.alias => {
                lines.push(Line::Exact(key.id().to_string()));
                let from = words::backup::came_from(shares);
                lines.push(Line::Strong(format!("entry {entry}: {name}, imported from {from}, not generated on it")));
                let history = replay.ceremony.history_of(&token.alias);
                lines.extend(history.map(|history| Line::Strong(format!("history of the key: {history}"))));
            }
            Event::UserPinSet { alias, management_key: Some(new), .. } if *alias == token.alias => {
                lines.push(Line::Plain(format!("entry {entry}:{}", words::management::told(new))));
            }
            Event::ManagementKeySealed { alias, file, .. } if *alias == token.alias => {
                lines.push(Line::Plain(format!("entry {entry}: its management key was sealed as {}", file.name)));
            }
            Event::ManagementKeyLost { alias, serial, again } if *alias == token.alias => {
                let said = words::management::decided(alias, serial, *again);
                lines.push(Line::Strong(format!("entry {entry}: {said}")));
            }
            Event::TokenOpened { alias, key, .. } if *alias == token.alias => {
                lines.push(Line::Exact(key.id().to_string()));
                lines.push(Line::Plain(format!("entry {entry}: signed a fresh nonce")));
            }
            Event::TokenErased { alias, .. } if *alias == token.alias => {
                lines.push(Line::Plain(format!("entry {entry}: wiped, and no key is on it")));
            }
            Event::TokenGone { alias, gone, .. } if *alias == token.alias => {
                lines.push(Line::Strong(format!("entry {entry}: {}, as people say", words::erase::became(*gone))));
            }
            Event::KeyDrilled { alias, .. } if *alias == token.alias => {
                lines.push(Line::Plain(format!("entry {entry}: signed a proof of possession, PIN typed again")));
            }
            Event::Signed { alias, .. } if *alias == token.alias => {
                lines.push(Line::Plain(format!("entry {entry}: signed the payload")));
            }
            Event::HeadSigned { alias, .. } if *alias == token.alias => {
                lines.push(Line::Plain(format!("entry {entry}: signed the head")));
            }
            event if event.is_one_of_many() => {
                let run = replay.runs.iter().find(|run| run.first == entry && run.alias == token.alias);
                lines.extend(run.map(|run| Line::Plain(repositories::told(run))));
            }
            _ => {}
        }
    }
    lines
}
