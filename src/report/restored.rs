//! What came of a ceremony that opened a backup: the outcome card of a drill, a restore, a replacement.

use super::replay::Replay;
use crate::{
    ceremony::{
        backups::KeptBackup,
        event::Event,
        participants::Alias,
        print::document::Block,
        script::Kind,
        steps::Gone,
        words::{self, backup::listed, erase::became, events::is_otherwise},
    },
    custody::{Opens, RESTORED_DAYS},
    tuf::key::KeyId,
    utc::Utc,
};

/// The outcome, in the summary of the report; `None` for other kinds of ceremony.
pub fn outcome(replay: &Replay<'_>) -> Option<String> {
    let script = replay.script();
    if !script.kind.opens_backups() {
        return None;
    }
    let backups = replay.ceremony.backups();
    let each = script.kept.iter().map(|kept| match backups.opened(&kept.name) {
        Some(opened) if opened.proven => format!("the backup of {} restores", kept.name),
        Some(opened) if opened.key.is_some() => format!("{} was restored and is not proven", kept.name),
        _ => format!("the backup of {} was not opened", kept.name),
    });
    Some(each.collect::<Vec<_>>().join(", "))
}

/// When it has to be shown again that a backup restores.
pub fn due(replay: &Replay<'_>) -> Option<Utc> {
    let proven = replay.ceremony.backups().all_opened().any(|(_, opened)| opened.proven);
    replay.began_at().filter(|_| proven).map(|began| began.plus_days(RESTORED_DAYS))
}

/// The outcome card, on the report and on the card for the safe.
pub fn blocks(replay: &Replay<'_>) -> Vec<Block> {
    let script = replay.script();
    if !script.kind.opens_backups() {
        return vec![];
    }
    let mut blocks = vec![Block::Heading("Outcome".into())];
    for (name, opened) in replay.ceremony.backups().all_opened() {
        blocks.push(Block::Facts(facts(replay, name, opened)));
    }
    let mut lines = tokens(replay);
    lines.extend(
        replay.ceremony.backups().all_opened().flat_map(|(name, opened)| words::wrapping::kek_left(name, opened)),
    );
    if script.kind == Kind::Restore {
        lines.push("Rotate the root now: whoever has the tokens that were lost may have this key. The restored tokens sign as the old key's.".into());
    }
    blocks.push(Block::List(lines));
    blocks
}

fn facts(replay: &Replay<'_>, name: &Alias, opened: &KeptBackup) -> Vec<(String, String)> {
    let set = &opened.set;
    let custodians = replay.script().kept_as(name).map(|kept| kept.custodians.as_slice()).unwrap_or_default();
    let who = |share: &u8| match custodians.iter().find(|(of, _)| of == share) {
        Some((_, person)) => format!("{share} ({})", replay.script().name(person)),
        None => share.to_string(),
    };
    let used = match opened.used.as_slice() {
        [] => "none: it was not opened".to_owned(),
        used => used.iter().map(who).collect::<Vec<_>>().join(", "),
    };
    let wrong = replay.entries.iter().filter(|placed| is_otherwise(&placed.event)).count();
    let mut facts = vec![
        ("Key".to_owned(), format!("{name}, keyid {}", shown_keyid(opened))),
        ("Set of shares".into(), format!("{}, {} open it", set.id(), set.scheme)),
        ("Held".into(), replay.began_at().map(Utc::date).unwrap_or_default()),
        ("Took".into(), minutes(replay)),
    ];
    facts.extend(chosen(replay).map(|chosen| ("Shares chosen".into(), chosen)));
    facts.extend([
        ("Shares used".into(), used),
        ("Shares for the next drill".into(), listed(&opened.not_used())),
        (
            match set.opens {
                Opens::SealedFile => "Sealed file",
                Opens::WrappedKey => "File of the wrapped key",
            }
            .into(),
            match (&opened.sealed, unread(replay)) {
                (None, _) => "it did not come in".into(),
                (Some(file), 0) => format!("SHA-256 {}, read at the first try", file.sha256),
                (Some(file), times) => {
                    format!("SHA-256 {}; {times} times a copy could not be read or was damaged", file.sha256)
                }
            },
        ),
        (
            "What did not go as printed".into(),
            match wrong {
                0 => "nothing".into(),
                1 => "1 entry of the transcript".into(),
                more => format!("{more} entries of the transcript"),
            },
        ),
        ("Proven".into(), if opened.proven { "a token that was restored from the shares signed" } else { "NO" }.into()),
    ]);
    facts.extend(due(replay).map(|due| ("Next drill due".into(), due.date())));
    facts
}

fn shown_keyid(opened: &KeptBackup) -> KeyId {
    opened.key.as_ref().map_or_else(|| opened.set.keyid.clone(), crate::tuf::key::Key::id)
}

fn minutes(replay: &Replay<'_>) -> String {
    match (replay.began_at(), replay.ended_at()) {
        (Some(began), Some(ended)) => format!("{} minutes", (ended.seconds() - began.seconds()).max(0) / 60),
        _ => String::new(),
    }
}

/// What the room chose, by a die.
fn chosen(replay: &Replay<'_>) -> Option<String> {
    replay.entries.iter().rev().find_map(|placed| match &placed.event {
        Event::Went { word, on } if on == words::restore::CHOSEN => Some(word.clone()),
        _ => None,
    })
}

/// How often a copy of the sealed file, or of the set, was not what it should be: whatever failed between those files' entries.
fn unread(replay: &Replay<'_>) -> usize {
    let reads = |event: &Event| {
        matches!(event, Event::Intended { operation: crate::ceremony::operation::Operation::ReadInput { .. } })
    };
    let mut count = 0;
    let mut reading = false;
    for placed in replay.entries {
        match &placed.event {
            event if reads(event) => reading = true,
            Event::Refused { .. } | Event::Failed { .. } if reading => {
                count += 1;
                reading = false;
            }
            Event::SetImported { .. } | Event::SealedImported { .. } => reading = false,
            _ => {}
        }
    }
    count
}

/// What every token did, and where it is now.
fn tokens(replay: &Replay<'_>) -> Vec<String> {
    let mut lines = vec![];
    for token in &replay.script().tokens {
        let alias = &token.alias;
        let state = replay.ceremony.token(alias);
        let did = replay.entries.iter().filter_map(|placed| match &placed.event {
            Event::KeyPut { alias: of, shares, .. } if of == alias => {
                Some(format!("restored from shares {}", listed(shares)))
            }
            Event::KeyUnwrapped { alias: of, shares, .. } if of == alias => {
                Some(format!("restored from shares {}; it unwrapped the key itself", listed(shares)))
            }
            Event::KeyDrilled { alias: of, .. } if of == alias => {
                Some("signed a statement that no client parses".into())
            }
            Event::TokenErased { alias: of, .. } if of == alias => Some("wiped, and seen to hold no key".into()),
            Event::TokenGone { alias: of, gone, account } if of == alias => {
                Some(format!("{}: {account}", became(*gone)))
            }
            _ => None,
        });
        let did: Vec<String> = did.collect();
        let end = match (state.gone, state.counts) {
            (Some(Gone::Erased), _) => "It holds nothing.",
            (Some(Gone::Kept), _) => "It holds the key still: wipe it in another ceremony.",
            (Some(_), _) => "It may hold the key: rotate the root if it is not found.",
            (None, true) => "It holds the key.",
            (None, false) => "It does not count.",
        };
        let did = if did.is_empty() { "nothing was done with it".into() } else { did.join("; ") };
        lines.push(format!("{alias}: {did}. {end}"));
    }
    lines
}
