//! Keys that ceremonies left on tokens which they were to leave empty, until a later record shows the token wiped (`DRILL-LEAVES-NOTHING`).

use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::{
    ceremony::{
        Ceremony,
        event::Event,
        participants::Alias,
        script::read,
        steps::{Action, Gone},
        words::erase::became,
    },
    device::TokenIdentity,
    files,
    text::shown,
    transcript::Chain,
    utc::Utc,
};

/// A key that a ceremony left on a token.
pub(super) struct Left {
    /// The short name of the key, as that ceremony says it.
    pub name: String,
    alias: Alias,
    token: Option<TokenIdentity>,
    certain: bool,
    gone: Option<Gone>,
    since: Utc,
    /// Which record says so.
    record: usize,
}

impl Left {
    /// What is said of it, and what to do.
    pub(super) fn words(&self) -> String {
        let token = self.token.as_ref().map_or_else(
            || self.alias.to_string(),
            |token| format!("{} (label “{}”, serial {})", self.alias, shown(&token.label), shown(&token.serial)),
        );
        let holds = if self.certain { "holds the key" } else { "may hold the key" };
        let gone = self.gone.map(|gone| format!(", {}", became(gone))).unwrap_or_default();
        format!(
            "{token}{gone}, {holds} since {}, and was to be left empty: wipe it in another ceremony, or rotate the key",
            self.since.date()
        )
    }
}

/// What records tell of tokens that were to be left empty.
#[derive(Default)]
pub(super) struct Tokens {
    wiped: Vec<(TokenIdentity, Utc, usize)>,
    records: usize,
}

impl Tokens {
    /// Takes in one record: the tokens that were wiped in it, or began anew, and what it left.
    pub(super) fn collect(&mut self, record: &Path, chain: &Chain) -> Vec<Left> {
        self.records += 1;
        let number = self.records;
        let mut looked: BTreeMap<&Alias, &TokenIdentity> = BTreeMap::new();
        for (stamp, event) in &chain.entries {
            match event {
                Event::TokensSeen { alias, seen } => looked.extend(seen.first().map(|seen| (alias, &seen.token))),
                Event::TokenChosen { alias, seen, .. } => drop(looked.insert(alias, &seen.token)),
                // A module may give a token another serial when it wipes it: it is known by what it said before.
                Event::TokenErased { alias, seen, .. } | Event::TokenInitialised { alias, seen } => {
                    let before = looked.get(alias).map(|before| (*before).clone());
                    self.wiped
                        .extend(before.into_iter().chain([seen.token.clone()]).map(|token| (token, stamp.at, number)));
                }
                _ => {}
            }
        }
        left_by(record, chain, number)
    }

    /// Whether a later record shows that this key is gone from its token.
    pub(super) fn is_gone(&self, left: &Left) -> bool {
        let Some(token) = &left.token else { return false };
        // What happened in the same record is in what it left already.
        self.wiped.iter().any(|(wiped, at, record)| {
            let same = if token.serial_tells() { wiped.serial == token.serial } else { wiped.label == token.label };
            same && *record != left.record && *at >= left.since
        })
    }
}

/// What the ceremony of this record left on tokens that its script wipes. A record without a script that can be read tells nothing of that.
fn left_by(record: &Path, chain: &Chain, number: usize) -> Vec<Left> {
    let text = files::read(&record.join("script.toml"), files::limit::SCRIPT).ok();
    let Some(script) = text.and_then(|text| read::script(&text).ok()) else { return vec![] };
    if !script.numbered().any(|(_, step)| matches!(step.action, Action::EraseToken(_))) {
        return vec![];
    }
    let mut ceremony = Ceremony::begin(Arc::new(script));
    chain.entries.iter().for_each(|(stamp, event)| ceremony.apply(*stamp, event));
    let since = ceremony.stamp().at;
    let left = ceremony.keys_left().into_iter().map(|left| Left {
        name: left.name.to_string(),
        alias: left.alias,
        token: left.seen.map(|seen| seen.token),
        certain: left.key.is_some(),
        gone: left.gone,
        since,
        record: number,
    });
    left.collect()
}
