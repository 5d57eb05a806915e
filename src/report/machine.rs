//! The machine, as it was looked at.

use super::replay::Replay;
use crate::ceremony::{event::Event, print::document::Block, words::events::instant};

pub fn blocks(replay: &Replay<'_>) -> Vec<Block> {
    let mut blocks = vec![Block::Heading("The machine".into())];
    for placed in replay.entries {
        let Event::Machine { facts, .. } = &placed.event else { continue };
        let up: Vec<_> = facts.interfaces.iter().filter(|of| of.up).map(|of| of.name.clone()).collect();
        let or_none = |list: Vec<String>| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
        let devices = facts.devices.iter().map(|device| format!("{} ({})", device.name, device.what)).collect();
        blocks.push(Block::Facts(vec![
            ("Looked at".into(), instant(placed.stamp.at)),
            ("Kernel".into(), facts.kernel.clone()),
            ("Program".into(), format!("{}, SHA-256 {}", facts.program, facts.program_sha256)),
            ("Interfaces up".into(), or_none(up)),
            ("Swap".into(), or_none(facts.swap.clone())),
            ("Core dumps".into(), if facts.dumpable { "possible".into() } else { "this process leaves none".into() }),
            ("Devices".into(), or_none(devices)),
            ("Not known".into(), or_none(facts.unknown.clone())),
        ]));
        let remarks = facts.remarks();
        if !remarks.is_empty() {
            blocks.push(Block::List(remarks));
        }
    }
    if blocks.len() == 1 {
        blocks.push(Block::Text("It was not looked at.".into()));
    }
    blocks
}
