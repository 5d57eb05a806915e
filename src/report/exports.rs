//! What left the room as files.

use super::replay::Replay;
use crate::ceremony::{
    event::Event,
    print::document::{Block, Layout, Table, exact, plain},
};

pub fn blocks(replay: &Replay<'_>) -> Vec<Block> {
    let mut rows = vec![];
    let batch = replay.ceremony.repositories().batch();
    for placed in replay.entries {
        if let Event::RepositoriesExported { manifest: Some(manifest), media, .. } = &placed.event {
            let bundles = batch.drafted().len() - batch.refused().len();
            rows.push(vec![
                plain(format!("publish/MANIFEST, which lists {bundles} bundles")),
                exact(manifest.to_string()),
                plain(""),
                plain(media.join(", ")),
            ]);
        }
        let (files, media) = match &placed.event {
            Event::Exported { files, media } => (files.clone(), media),
            Event::KeyHandedOver { file, media, .. }
            | Event::CopySealed { file, media, .. }
            | Event::ManagementKeySealed { file, media, .. }
            | Event::ShareEncrypted { file, media, .. } => (vec![file.clone()], media),
            Event::BackupSealed { sealed, sheets, media, .. } | Event::KeyWrapped { sealed, sheets, media, .. } => {
                (std::iter::once(&sealed.file).chain(sheets).cloned().collect(), media)
            }
            _ => continue,
        };
        for file in files {
            rows.push(vec![
                plain(file.name.clone()),
                exact(file.sha256.to_string()),
                plain(file.length.to_string()),
                plain(media.join(", ")),
            ]);
        }
    }
    let mut blocks = vec![Block::Heading("What left".into())];
    if rows.is_empty() {
        blocks.push(Block::Text("Nothing was exported.".into()));
    } else {
        let head = vec!["File", "SHA-256", "Bytes", "On"];
        blocks.push(Block::Table(Table { layout: Layout::Plain, head, rows }));
    }
    blocks
}
