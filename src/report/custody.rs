//! Backups and their shares, as the card for the safe has them.

use super::replay::Replay;
use crate::ceremony::{
    event::Event,
    print::document::{Block, Layout, Table, exact, plain},
    words,
};

/// Every set that this ceremony made, opened or brought to its end; nothing where there is none.
pub fn on_card(replay: &Replay<'_>) -> Vec<Block> {
    let mut rows = vec![];
    for (name, backup) in replay.ceremony.backups().iter() {
        let Some(sealed) = &backup.sealed else { continue };
        let state = match backup.proven {
            true => "a token that was restored from its shares has signed".to_owned(),
            false => "no token that was restored from its shares has signed".to_owned(),
        };
        let history = backup.history.as_ref().map(|history| format!("; the key was {history}")).unwrap_or_default();
        rows.push(vec![
            plain(name.to_string()),
            exact(sealed.set.id()),
            plain(sealed.set.scheme.to_string()),
            plain(format!(
                "{state}{}{history}{}",
                words::media::read_from(&backup.read_on),
                words::recipients::on_card(backup)
            )),
        ]);
    }
    for placed in replay.entries {
        if let Event::OldSharesJudged { name, set, left, threshold, rotate_by, .. } = &placed.event {
            rows.push(vec![
                plain(format!("{name}, the old shares")),
                exact(set.clone()),
                plain(""),
                plain(words::custody::judged(name, set, *left, *threshold, *rotate_by)),
            ]);
        }
    }
    if rows.is_empty() {
        return vec![];
    }
    let head = vec!["Backup of", "Set", "Shares", "State"];
    vec![Block::Subheading("Backups".into()), Block::Table(Table { layout: Layout::Plain, head, rows })]
}

/// By when a key is rotated because old shares still open it.
pub fn dates(replay: &Replay<'_>) -> Vec<(&'static str, String, String)> {
    let judged = replay.entries.iter().filter_map(|placed| match &placed.event {
        Event::OldSharesJudged { name, left, threshold, rotate_by, .. } if left >= threshold => {
            let by = rotate_by.unwrap_or(placed.stamp.at);
            let why = format!("{left} old shares of {name} are left, and {threshold} open the old file");
            Some(("Rotate the key, at the latest", by.date(), why))
        }
        _ => None,
    });
    judged.collect()
}
