//! What commits the paper to the record.

use super::{replay::Replay, say};
use crate::ceremony::{event::Event, print::document::Block};

/// The heads that people wrote down, and who signed the last one.
pub fn blocks(replay: &Replay<'_>) -> Vec<Block> {
    let mut blocks = vec![Block::Heading("The transcript on paper".into())];
    let mut facts = vec![];
    for placed in replay.entries {
        match &placed.event {
            Event::ActClosed { head, .. } => {
                let act = placed.place.map_or(0, |place| place.act);
                facts.push((format!("After act {act}"), say::act_words(*head).join(" ")));
            }
            Event::HeadSigned { alias, keyid, head, .. } => {
                facts.push((format!("Signed by {alias}"), format!("head {head}, with key {}", keyid.short())));
            }
            _ => {}
        }
    }
    if !facts.is_empty() {
        blocks.push(Block::Facts(facts));
    }
    match replay.final_head() {
        Some(head) => blocks.extend([
            Block::Text(
                "The final head, as the witness wrote it and read it back. Entries after it only close the record."
                    .into(),
            ),
            Block::Exact(head.to_string()),
            Block::Words(say::digest_words(head)),
        ]),
        None => blocks.push(Block::Text("The final head was not read back.".into())),
    }
    blocks
}
