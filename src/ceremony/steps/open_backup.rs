//! A backup that was made before is opened with its shares: its key is in the locked memory of this machine then, and gets a new backup with
//! new shares. The old identity is never split again: shares of two splittings would tell more together.
//!
//! The key of a wrapped backup is in no memory: a token unwraps it so that it can be wrapped anew, under another key-encryption key.

use std::collections::BTreeSet;

use super::{
    Fact, Kind, Prose, PutKey, ask_to_type,
    in_memory::{discarded, given_up},
    kept,
    preflight::failed,
    restore_kept::{self, place},
    went,
    wrap_key::both_pins,
};
use crate::{
    ceremony::{
        Ceremony, Decision, Now, Pending,
        event::Event,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Scene},
        script::{KeptSpec, Script},
        unfit, words,
    },
    rules::{Passed, Refusal, Rule},
};

/// `open-backup`.
#[derive(Clone, Debug)]
pub struct OpenBackup {
    /// The short name of a backup that was made before, and of its key.
    pub name: Alias,
    /// The token that unwraps the key, where it is a wrapped one.
    pub token: Option<Alias>,
}

impl OpenBackup {
    /// The token that unwraps it, and the same as a restore to that token; until it is there, or was wrapped anew.
    fn on_token<'a>(&self, ceremony: &'a Ceremony) -> Option<Option<(PutKey, &'a KeptSpec, Alias)>> {
        let token = self.token.as_ref()?;
        let alias = ceremony.playing(token);
        let is_there =
            ceremony.backups.wrapped(&self.name).is_none_or(|wrapped| wrapped.reopened.as_ref() == Some(&alias));
        if is_there || ceremony.backups.get(&self.name).is_some() {
            return Some(None);
        }
        let step = PutKey { name: self.name.clone(), token: token.clone(), from_shares: true, shares: vec![] };
        Some(kept::spec(&ceremony.script, &self.name).map(|spec| (step, spec, alias)))
    }
}

impl Kind for OpenBackup {
    fn prose(&self, script: &Script) -> Prose {
        words::custody::open_backup(script, self)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        match &self.token {
            Some(token) => both_pins(script, token),
            None => words::operators(script),
        }
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        if let Some(token) = &self.token {
            return vec![Fact::KekMade(self.name.clone()), Fact::TokenPrepared(token.clone())];
        }
        vec![Fact::RollCalled, Fact::ScriptRead, Fact::MachineSeen, Fact::ClockConfirmed]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![match self.token {
            Some(_) => Fact::KeyReopened(self.name.clone()),
            None => Fact::KeyMade(self.name.clone()),
        }]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        if let Some(on_token) = self.on_token(ceremony) {
            let (step, spec, alias) = on_token?;
            return restore_kept::pending(&step, spec, ceremony, alias);
        }
        match ceremony.backups.get(&self.name) {
            Some(backup) if backup.lost => return Some(given_up(ceremony, backup, &self.name)),
            Some(_) => return None,
            None => {}
        }
        let Some(set) = ceremony.backups.kept(&self.name) else { return kept::owed(ceremony, &self.name) };
        if !went(ceremony, words::backup::BROUGHT) {
            let scene = Scene::Plain { ask: words::backup::bring_shares(set) };
            return ask_to_type(ceremony.leaders(), scene, "BROUGHT", words::backup::DOES_BRING);
        }
        let spec = kept::spec(&ceremony.script, &self.name)?;
        let sealed = spec.sealed.as_ref()?;
        Some(Pending::Do(Operation::OpenBackup {
            name: self.name.clone(),
            file: place(spec, ceremony)?,
            sha256: ceremony.backups.twin_of(sealed.sha256).unwrap_or(sealed.sha256),
            keyid: kept::trusted(ceremony, spec)?,
            set: Box::new(set.clone()),
            parcels: ceremony.received.clone(),
        }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let name = &self.name;
        if let Some(on_token) = self.on_token(ceremony) {
            let (step, spec, alias) = on_token.ok_or_else(|| unfit("The key is on its token."))?;
            return restore_kept::decide(&step, spec, ceremony, alias, answer);
        }
        if let Answer::Failed(trouble) = answer {
            return failed(trouble);
        }
        if let Some(backup) = ceremony.backups.get(name) {
            return match answer {
                Answer::Word(_) if backup.lost => Ok(discarded(backup, name)),
                _ => Err(unfit("That is not what this step waits for.")),
            };
        }
        let Some(set) = ceremony.backups.kept(name) else { return kept::imported(ceremony, name, answer) };
        match answer {
            Answer::Word(_) => Ok(vec![Event::Went { word: "BROUGHT".into(), on: words::backup::BROUGHT.into() }]),
            Answer::Done(outcome) => match outcome.as_ref() {
                Outcome::BackupOpened { key, shares, history } => {
                    let spec = kept::spec(&ceremony.script, name).ok_or_else(|| unfit("No such backup is kept."))?;
                    let trusted = kept::trusted(ceremony, spec);
                    if trusted.is_none_or(|keyid| key.id() != keyid && key.canonical_id() != keyid) {
                        return Err(Refusal::new(
                            Rule::BackupOpens,
                            format!("The sealed file of {name} holds another key than the one of the paper."),
                            "Look for the sealed file of this key; this one is of another, or was put in its place.",
                        ));
                    }
                    let different: BTreeSet<&u8> =
                        shares.iter().filter(|share| (1..=set.scheme.count()).contains(*share)).collect();
                    if different.len() != shares.len() || shares.len() < usize::from(set.scheme.threshold()) {
                        return Err(unfit("The backup was to be opened with enough different shares."));
                    }
                    let seen = format!(
                        "shares {} opened the sealed file, and it holds {}",
                        words::backup::listed(shares),
                        key.id().short()
                    );
                    Ok(vec![Event::BackupOpened {
                        name: name.clone(),
                        set: set.id(),
                        key: key.clone(),
                        shares: shares.clone(),
                        history: history.clone(),
                        passed: vec![Passed::new(Rule::BackupOpens, seen)],
                    }])
                }
                _ => Err(unfit("A backup was to be opened.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }

    fn decide_whole(&self, ceremony: &Ceremony, answer: &Answer, now: Now) -> Result<Decision, Refusal> {
        let decision = Decision::of(self.decide(ceremony, answer, now)?);
        Ok(restore_kept::with_sealed_file(decision, answer))
    }
}
