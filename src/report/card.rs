//! The card for the safe: one page that tells the next ceremony where this one ended.

use super::{custody, dates, framed, replay::Replay, repositories, restored};
use crate::{
    ceremony::{
        metadata,
        print::document::{Block, Cell, Document, Layout, Line, Table, blank, exact, plain},
        script::TokenSpec,
        state::Closing,
        words::{erase, events::instant, paper as say},
    },
    digest::Digest,
};

/// What the card is for.
const PURPOSE: &str = "Keep this card in the safe, apart from the media. The next ceremony is told the head and the payloads below, so that no \
                       version is ever signed twice.";

/// The same where thousands of versions were signed.
const PURPOSE_OF_MANY: &str = "Keep this card in the safe, apart from one medium and beside the other. The next ceremony is told the head below, \
                               and what was signed by the record or by its list.";

pub fn document(replay: &Replay<'_>, list: Option<Digest>) -> Document {
    let ceremony = replay.ceremony;
    let (what, head) = match replay.final_head() {
        Some(head) => ("Final head of the transcript", head),
        None => ("Last head of a transcript that was NOT closed", ceremony.stamp().head),
    };
    let mut blocks = super::left(replay);
    blocks.extend([
        Block::Small(if replay.script().repositories.is_some() { PURPOSE_OF_MANY } else { PURPOSE }.into()),
        Block::Facts(vec![
            ("Repository".into(), replay.script().repository.clone()),
            ("Held".into(), replay.began_at().map_or_else(String::new, instant)),
            ("Ended".into(), replay.ended_at().map_or_else(String::new, |ended| ended.to_string())),
        ]),
        Block::Subheading(what.into()),
        Block::Exact(head.to_string()),
        Block::Words(say::digest_words(head)),
        Block::Subheading("Signed".into()),
    ]);
    if replay.script().kind.opens_backups() {
        // What a drill leaves is its outcome.
        blocks.pop();
        blocks.extend(restored::blocks(replay));
        blocks.push(Block::Subheading("Signed".into()));
    }
    blocks.extend(match &replay.script().repositories {
        Some(_) => repositories::on_card(replay, list),
        None if ceremony.signed_versions().is_empty() => vec![Block::Text("Nothing was signed.".into())],
        None => vec![versions(replay)],
    });
    blocks.extend(custody::on_card(replay));
    blocks.extend([
        Block::Subheading("Tokens".into()),
        tokens(replay),
        Block::Subheading("Next dates".into()),
        dates::table(replay),
        Block::Fields(vec!["Put into the safe by, date and signature".into()]),
    ]);
    // The words stand in the card itself, and it is one page.
    Document { foot_words: vec![], ..framed(replay, "Card", blocks) }
}

fn versions(replay: &Replay<'_>) -> Block {
    let given_up = replay.ceremony.closing() == Some(Closing::Abandoned);
    let drafts = replay.ceremony.drafts().iter().filter(|draft| !draft.signatures.is_empty());
    let rows = drafts.map(|draft| {
        let fate = match (&draft.voided, draft.met) {
            (Some(_), _) => "void, signatures spent",
            (None, true) => "valid",
            (None, false) if given_up => "given up before its threshold, signatures spent",
            (None, false) => "threshold not met",
        };
        vec![
            plain(format!("root {}", draft.version)),
            plain(fate),
            plain(draft.root.expires.date()),
            exact(draft.payload.to_string()),
        ]
    });
    Block::Table(Table {
        layout: Layout::Plain,
        head: vec!["Version", "Fate", "Expires", "SHA-256 of the payload"],
        rows: rows.collect(),
    })
}

/// Label, serial and keyid stand whole: the next script repeats them.
fn tokens(replay: &Replay<'_>) -> Block {
    let row = |token: &TokenSpec| -> Vec<Cell> {
        let state = replay.ceremony.token(&token.alias);
        let keyid = metadata::keyid_of(replay.ceremony, &token.alias).filter(|_| state.counts);
        let bound = state.bound.map(|seen| format!("“{}”, serial {}", seen.token.label, seen.token.serial));
        let bound = match state.gone {
            None => bound,
            Some(gone) => {
                Some(format!("{}{}", bound.map_or_else(String::new, |bound| bound + "; "), erase::became(gone)))
            }
        };
        vec![
            plain(token.alias.to_string()),
            plain(token.tag.clone()),
            plain(replay.ceremony.card(&token.alias).holder_name),
            plain(bound.unwrap_or_else(|| "not bound".into())),
            keyid.map_or_else(blank, |(keyid, _)| {
                let put = replay.was_put(&token.alias).then_some("imported");
                let imported = state
                    .imported_from
                    .as_deref()
                    .or(put)
                    .into_iter()
                    .map(|_| Line::Plain("imported, not generated on it: never attested".into()));
                let attested = replay
                    .attested_by(&token.alias)
                    .map(|root| Line::Plain(format!("generated on it, attested under {root}")));
                let history = replay.ceremony.history_of(&token.alias).filter(|_| state.imported_from.is_none());
                let history = history.map(|history| Line::Plain(format!("its history: {history}")));
                exact(keyid.to_string()).into_iter().chain(imported).chain(history).chain(attested).collect()
            }),
            plain(replay.script().name(&token.so_pin)),
            blank(),
        ]
    };
    let head = vec!["Token", "Tag", "Holder", "Label and serial", "Keyid", "SO-PIN", "Bag"];
    Block::Table(Table { layout: Layout::Form, head, rows: replay.script().tokens.iter().map(row).collect() })
}
