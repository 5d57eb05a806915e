//! What happened, for people: `report.html` and the card for the safe. Both say at which step each
//! entry was made, and neither knows more than the transcript does.

mod annotated;
mod card;
mod custody;
mod dates;
mod exports;
mod heads;
mod machine;
mod otherwise;
mod people;
mod replay;
mod repositories;
mod restored;
mod rules;
mod signed;
mod tokens;
mod when;

pub use self::dates::{DRILL_AFTER_DAYS, NOTICE_DAYS, RENEWAL_LEAD_DAYS_MIN};
use self::replay::Replay;
use crate::{
    ceremony::{
        Ceremony,
        event::{Event, Mode},
        history::History,
        print::{
            document::{Block, Document},
            html,
        },
        state::Closing,
        words::{erase, events::instant, paper as say},
    },
    digest::Digest,
};

/// The report of a ceremony, finished or not, as one self-contained HTML file.
pub fn report(history: &History, ceremony: &Ceremony) -> String {
    html::render(&document(&Replay::of(history, ceremony)))
}

/// The card for the safe, as one self-contained HTML file of one page: what the next ceremony must be told. `list` is the SHA-256 of the list
/// of what was signed, which lies beside the transcript where there are many repositories.
pub fn card(history: &History, ceremony: &Ceremony, list: Option<Digest>) -> String {
    html::render(&card::document(&Replay::of(history, ceremony), list))
}

fn document(replay: &Replay<'_>) -> Document {
    let mut blocks = summary(replay);
    blocks.extend(restored::blocks(replay));
    blocks.extend(signed::blocks(replay));
    blocks.extend(people::blocks(replay));
    blocks.extend(when::blocks(replay));
    blocks.extend(tokens::blocks(replay));
    blocks.extend(otherwise::blocks(replay));
    blocks.extend(exports::blocks(replay));
    blocks.extend(machine::blocks(replay));
    blocks.extend(rules::blocks(replay));
    // What is signed by hand stands on one page.
    blocks.push(Block::NewPage);
    blocks.extend(heads::blocks(replay));
    blocks.extend(dates::blocks(replay));
    blocks.extend(people::declaration(replay));
    blocks.extend(annotated::blocks(replay));
    framed(replay, "Report", blocks)
}

/// The stamps and the foot that every page of a record's paper carries.
fn framed(replay: &Replay<'_>, what: &str, blocks: Vec<Block>) -> Document {
    let script = replay.script();
    let mut stamps = vec![replay.mode().stamp().to_owned()];
    if script.declares.single_control {
        stamps.push(say::SINGLE_CONTROL.into());
    }
    match replay.ceremony.closing() {
        Some(Closing::Closed) => {}
        Some(Closing::Abandoned) => stamps.push("ABANDONED".into()),
        None => stamps.push("NOT FINISHED".into()),
    }
    let (foot, head) = match replay.final_head() {
        Some(head) => ("The words of the final head", head),
        None => ("The words of the last entry so far", replay.ceremony.stamp().head),
    };
    Document {
        title: format!("{what}: {}", script.title),
        running: format!("{} · {}", script.kind.title(), script.repository),
        boxes: vec![],
        stamps,
        watermark: (replay.mode() == Mode::Rehearsal).then_some("REHEARSAL"),
        foot: foot.into(),
        foot_words: say::digest_words(head),
        blocks,
    }
}

fn summary(replay: &Replay<'_>) -> Vec<Block> {
    let script = replay.script();
    let stamp = replay.ceremony.stamp();
    let mut facts = vec![
        ("Ceremony".to_owned(), script.kind.title().to_owned()),
        ("Repository".into(), script.repository.clone()),
        ("Outcome".into(), outcome(replay)),
        ("Began".into(), replay.began_at().map_or_else(|| "not at all".into(), instant)),
        ("Last entry".into(), format!("{}, number {}", instant(stamp.at), stamp.seq)),
        ("Script".into(), script.digest.to_string()),
    ];
    let mut blocks = vec![];
    for placed in replay.entries {
        match &placed.event {
            Event::Began { script: digest, program, media, previous, .. } => {
                if *digest != script.digest {
                    blocks.push(Block::Alarm(format!(
                        "This report was made with another script than the one that entry 0 names ({digest}). Do not rely on it."
                    )));
                }
                facts.push(("Program".into(), format!("{}, SHA-256 {}", program.name, program.sha256)));
                if program.trust != "shipped" {
                    facts.push(("Trust".into(), format!("{} (not the shipped program)", program.trust)));
                }
                facts.push(("Media".into(), media.join(" and ")));
                facts.push((
                    "Ceremony before".into(),
                    match previous {
                        Some(previous) => format!("head {}", previous.head),
                        None => "none is known to the record".into(),
                    },
                ));
            }
            Event::TwinRoot { real, twin } => {
                facts.push(("Twin of the root".into(), format!("{twin} stands for {real}, with throw-away keys")));
            }
            _ => {}
        }
    }
    if replay.mode() == Mode::Rehearsal {
        blocks.push(Block::Alarm(
            "This was a rehearsal. Every key in it is throw-away; nothing in it may be published.".into(),
        ));
    }
    blocks.extend(left(replay));
    if script.declares.single_control {
        blocks.push(Block::Alarm(format!(
            "{}: one person could sign alone. The script declared it.",
            say::SINGLE_CONTROL
        )));
    }
    blocks.push(Block::Facts(facts));
    blocks
}

/// A key that is still on a token which was to be left empty, in the red of an alarm.
fn left(replay: &Replay<'_>) -> Vec<Block> {
    let ceremony = replay.ceremony;
    ceremony.keys_left().iter().map(|left| Block::Alarm(erase::left(ceremony, left))).collect()
}

fn outcome(replay: &Replay<'_>) -> String {
    let reached: Vec<_> = replay
        .ceremony
        .drafts()
        .iter()
        .filter(|draft| draft.met)
        .map(|draft| format!("root version {} is signed by its threshold", draft.version))
        .collect();
    let batch = replay.ceremony.repositories().batch();
    let reached = if let Some(restored) = restored::outcome(replay) {
        restored
    } else if replay.script().repositories.is_some() {
        repositories::outcome(batch)
    } else if reached.is_empty() {
        "no root is signed by its threshold".into()
    } else {
        reached.join(", ")
    };
    match replay.ceremony.closing() {
        Some(Closing::Closed) => format!("closed; {reached}"),
        Some(Closing::Abandoned) => format!("abandoned; {reached}"),
        None if replay.ceremony.is_paused() => format!("stopped, can be resumed; {reached}"),
        None => format!("under way; {reached}"),
    }
}

#[cfg(test)]
mod tests;
