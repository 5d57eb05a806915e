//! What must lie on the table.

use serde::Serialize;

use super::tokens::is_used;
use crate::ceremony::{
    script::{PossessionSpec, Script, TokenSpec},
    steps::Action,
    words::paper as say,
};

/// Something to bring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Material {
    /// What.
    pub what: String,
    /// How many are used.
    pub count: usize,
    /// How many more to bring, for when one fails.
    pub spare: usize,
}

pub(super) fn list(script: &Script) -> Vec<Material> {
    let mut list = vec![];
    let mut bring = |count: usize, spare: usize, what: String| {
        if count + spare > 0 {
            list.push(Material { what, count, spare });
        }
    };
    let steps = |wanted: fn(&Action) -> bool| script.numbered().filter(|(_, step)| wanted(&step.action)).count();
    let prepared = steps(|action| matches!(action, Action::PrepareToken(_)));
    let spare_tokens = script.tokens.iter().filter(|token| token.spare_for.is_some()).count();
    let exists = |token: &&TokenSpec| token.known.is_some() || token.keyid.is_some();
    let many = script.repositories.is_some();
    // An offline key that does not sign today stays in its bag.
    let comes = |token: &&TokenSpec| !script.is_brought_a_key(&token.alias) && (!many || is_used(script, &token.alias));
    let known = script.tokens.iter().filter(exists).filter(comes).count();
    let clocks = script.numbered().find_map(|(_, step)| match &step.action {
        Action::ConfirmClock(clock) => Some(clock.who.len()),
        _ => None,
    });
    bring(1, 1, say::BRING_MACHINE.into());
    bring(1, 1, say::BRING_BOOT.into());
    bring(2, 1, say::BRING_SCRIPT.into());
    bring(2, 1, say::bring_media(script));
    bring(prepared, spare_tokens, say::BRING_BLANK.into());
    bring(known, 0, if many { say::BRING_KNOWN_OF_MANY } else { say::BRING_KNOWN }.into());
    bring(prepared, usize::from(prepared > 0), say::BRING_ENVELOPES.into());
    bring(script.tokens.len() + 2, 2, say::BRING_BAGS.into());
    bring(clocks.unwrap_or(0), 0, say::BRING_CLOCKS.into());
    let files: Vec<&str> = inputs(script).collect();
    let spec = script.repositories.as_ref();
    let mut key_files: Vec<&str> = script.numbered().filter_map(|(_, step)| key_file(&step.action)).collect();
    key_files.sort_unstable();
    key_files.dedup();
    bring(usize::from(!files.is_empty()), usize::from(!files.is_empty()), say::bring_inputs(&files));
    if let Some(spec) = spec {
        bring(1, 1, say::bring_collection(&spec.collection));
        bring(
            usize::from(spec.before.is_some()),
            0,
            spec.before.as_ref().map(say::bring_collection_before).unwrap_or_default(),
        );
        bring(1, 0, say::BRING_SECOND_MACHINE.into());
    }
    bring(key_files.len(), 0, say::bring_key_files(&key_files));
    bring(script.keys.len(), 0, say::BRING_OWNERS_PAPERS.into());
    // Offline keys that all come from files were in no ceremony yet.
    let first = script.root.keys.iter().all(|alias| script.is_brought_a_key(alias));
    let follows = script.previous.is_some() || many && !script.kind.is_genesis() && !first;
    bring(usize::from(follows), 0, if many { say::BRING_LAST_RECORD } else { say::BRING_LAST_CARD }.into());
    let by_qr = steps(|action| matches!(action, Action::ImportQr(_) | Action::ShowQr(_)));
    bring(usize::from(by_qr > 0), usize::from(by_qr > 0), say::BRING_OTHER_SCREEN.into());
    if let Some(custody) = script.custody().filter(|_| !script.made_keys().is_empty()) {
        let pages = script.made_keys().len() * custody.custodians.len();
        bring(pages, pages.div_ceil(2), say::BRING_PAGES.into());
        bring(
            1,
            0,
            if custody.printer.is_some() || custody.pages.is_some() { say::BRING_PRINTER } else { say::BRING_COVER }
                .into(),
        );
        bring(custody.recipients.len(), 0, say::BRING_RECIPIENTS.into());
        // Only a key that is made is mixed from throws.
        let thrown = custody.dice && steps(|action| matches!(action, Action::MakeKey(_) | Action::MakeKek(_))) > 0;
        bring(usize::from(thrown), usize::from(thrown), say::BRING_DIE.into());
    }
    let old_pages =
        steps(|action| matches!(action, Action::CheckShares(_) | Action::OpenBackup(_) | Action::DestroyShares(_)));
    bring(usize::from(old_pages > 0), 0, say::BRING_OLD_PAGES.into());
    let destroyed = steps(|action| matches!(action, Action::DestroyShares(_)));
    bring(usize::from(destroyed > 0), usize::from(destroyed > 0), say::BRING_DISH.into());
    bring(script.tokens.len(), usize::from(!script.tokens.is_empty()), say::bring_tags(script));
    bring(2, 2, say::BRING_PENS.into());
    list
}

fn key_file(action: &Action) -> Option<&str> {
    match action {
        Action::ImportKey(step) => Some(&step.file),
        Action::TakeKey(step) => Some(&step.file),
        _ => None,
    }
}

/// The files that come in, as the script names them.
pub(super) fn inputs(script: &Script) -> impl Iterator<Item = &str> {
    let keys = script.keys.iter().flat_map(|key| {
        let proof = match &key.possession {
            PossessionSpec::Statement(file) => Some(file.as_str()),
            PossessionSpec::HeldByServer | PossessionSpec::HeldByToken(_) => None,
        };
        std::iter::once(key.file.as_str()).chain(proof)
    });
    let list = script.last_ceremony.iter().filter_map(|last| Some(last.list.as_ref()?.0.as_str()));
    let kept = script.kept.iter().flat_map(|kept| {
        let opened =
            kept.sealed.as_ref().filter(|_| script.kind.opens_backups() || script.made_keys().contains(&&kept.name));
        std::iter::once(kept.file.as_str()).chain(opened.map(|sealed| sealed.file.as_str()))
    });
    script.previous.iter().map(|previous| previous.file.as_str()).chain(list).chain(keys).chain(kept)
}
