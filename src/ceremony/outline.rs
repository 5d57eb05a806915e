//! The whole script with what is done, now and next; and, when a ceremony stops, where everything stands.

use super::{Ceremony, event::Mode, metadata, participants::PersonId, sheet::TallySheet, steps::Prose, words::erase};

/// What has become of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is done.
    Done,
    /// It is being done.
    Now,
    /// It comes later.
    Next,
}

/// A step as a line of the outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineStep {
    /// `3.2`.
    pub number: String,
    /// Its title.
    pub title: String,
    /// How long it is planned to take.
    pub minutes: u32,
    /// What has become of it.
    pub progress: Progress,
}

/// An act with its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineAct {
    /// The number of the act, from 0.
    pub number: usize,
    /// Its title.
    pub title: String,
    /// Its steps.
    pub steps: Vec<OutlineStep>,
    /// What has become of its end, where the head is read.
    pub end: Progress,
}

/// Where the ceremony is, for the line that is always visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// `REHEARSAL` or `PRODUCTION`.
    pub stamp: &'static str,
    /// Whether every page and screen says SINGLE CONTROL.
    pub single_control: bool,
    /// The act, from 0.
    pub act: usize,
    /// The last act's number.
    pub last_act: usize,
    /// The title of the act.
    pub act_title: String,
    /// How many steps are done, of all acts.
    pub steps_done: usize,
    /// How many steps there are.
    pub steps: usize,
    /// The number of the step, `3.2`; `3 end` where the act's head is read.
    pub number: String,
    /// Who is to act.
    pub who: Vec<PersonId>,
}

impl Ceremony {
    /// The whole script with what is done, now and next.
    pub fn outline(&self) -> Vec<OutlineAct> {
        let progress = |act: usize, step: usize| {
            let (here, there) = ((self.cursor.act, self.cursor.step), (act, step));
            match there.cmp(&here) {
                _ if self.closing.is_some() => Progress::Done,
                std::cmp::Ordering::Less => Progress::Done,
                std::cmp::Ordering::Equal => Progress::Now,
                std::cmp::Ordering::Greater => Progress::Next,
            }
        };
        let script = &self.script;
        let acts = script.acts.iter().enumerate();
        acts.map(|(number, act)| OutlineAct {
            number,
            title: act.title.clone(),
            steps: act
                .steps
                .iter()
                .enumerate()
                .map(|(index, step)| OutlineStep {
                    number: format!("{number}.{}", index + 1),
                    title: step.action.kind().prose(script).title,
                    minutes: step.minutes,
                    progress: progress(number, index),
                })
                .collect(),
            end: progress(number, act.steps.len()),
        })
        .collect()
    }

    /// Where the ceremony is.
    pub fn position(&self) -> Position {
        let script = &self.script;
        let act = script.acts.get(self.cursor.act);
        let before: usize = script.acts.iter().take(self.cursor.act).map(|act| act.steps.len()).sum();
        let number = match self.step() {
            Some(_) => format!("{}.{}", self.cursor.act, self.cursor.step + 1),
            None => format!("{} end", self.cursor.act),
        };
        let who = match self.pending() {
            super::Pending::Ask(prompt) => prompt.who,
            _ => self.step().map(|step| step.action.kind().who(script)).unwrap_or_else(|| vec![self.reader()]),
        };
        Position {
            stamp: self.mode().stamp(),
            single_control: script.declares.single_control,
            act: self.cursor.act,
            last_act: script.acts.len().saturating_sub(1),
            act_title: act.map(|act| act.title.clone()).unwrap_or_default(),
            steps_done: before + self.cursor.step,
            steps: script.step_count(),
            number,
            who,
        }
    }

    /// Whether what is asked now belongs to an aside or to a resume, and not to the step beneath.
    pub fn is_beside_the_step(&self) -> bool {
        self.aside.is_some() || self.resume.is_some() || self.abandoning.is_some()
    }

    /// The words of the current step, exactly as on paper.
    pub fn prose(&self) -> Option<Prose> {
        self.step().map(|step| step.prose(&self.script))
    }

    /// Who signed and who is missing, once there is a draft.
    pub fn tally(&self) -> Option<TallySheet> {
        self.draft().map(|draft| metadata::tally(self, draft))
    }
}

/// The same of a batch: in numbers, since there may be thousands.
fn batch_account(ceremony: &Ceremony) -> Vec<String> {
    let batch = ceremony.repositories.batch();
    let Some(manifest) = batch.manifest() else { return vec![] };
    let mut lines = vec![];
    for alias in ceremony.tokens.keys() {
        let (all, signed) = batch.share_of(alias);
        if signed > 0 {
            lines.push(format!(
                "{alias} signed {signed} of {all} documents of batch {}….",
                &manifest.digest.to_string()[..16]
            ));
        }
    }
    let fate = match (batch.progress().0, ceremony.batch_met(), ceremony.complete_repositories().0) {
        (0, ..) => "none of it is signed".into(),
        (_, true, _) => "enough signed it: its documents exist".into(),
        (_, false, 0) => "not enough signed it: nobody accepts it".into(),
        (_, false, complete) => {
            format!("enough signed everything of {complete} of them: these can be published, the others nobody accepts")
        }
    };
    lines.push(format!("Batch of {} repositories: {fate}.", batch.drafted().len()));
    if batch.progress().1 > 0 {
        lines.push(format!("{} bundles lie in publish/ of the record.", batch.progress().1));
    }
    lines
}

/// Where everything stands: every key, token, signature and medium, a line each.
pub fn account(ceremony: &Ceremony) -> Vec<String> {
    let mut lines = vec![];
    for token in &ceremony.script.tokens {
        let state = ceremony.token(&token.alias);
        let card = ceremony.card(&token.alias);
        let serial =
            card.serial.map_or_else(|| "not bound".into(), |serial| format!("serial {}", crate::text::shown(&serial)));
        let key = match (&state.key, state.counts) {
            (Some(key), true) => format!("holds root key {}, which counts", key.id().short()),
            (Some(key), false) => format!("holds key {}, which does not count yet", key.id().short()),
            (None, _) if state.gone.is_some() => state.gone.map(erase::became).unwrap_or_default().into(),
            (None, _) if state.bound.is_some() => "initialised, without a key".into(),
            (None, _) => "untouched".into(),
        };
        let key = match &state.imported_from {
            Some(file) => format!("{key}; the key was imported: destroy {} and every copy", crate::text::shown(file)),
            None => key,
        };
        lines.push(format!(
            "Token {} ({}, {serial}): {key}. Bag it; its holder is {}.",
            token.alias, card.tag, card.holder_name
        ));
    }
    lines.extend(ceremony.keys_left().iter().map(|left| erase::left(ceremony, left)));
    for draft in &ceremony.drafts {
        let signers: Vec<_> = draft.signatures.iter().map(|signature| signature.keyid.short()).collect();
        let signed = if signers.is_empty() { "not signed".into() } else { format!("signed by {}", signers.join(", ")) };
        let fate = match (&draft.voided, draft.met) {
            (Some(reason), _) => format!("void: {}", crate::text::shown(reason)),
            (None, true) => "its threshold is met: it exists".into(),
            (None, false) => "its threshold is not met: nobody accepts it".into(),
        };
        lines.push(format!(
            "Payload {}… of root version {}: {signed}; {fate}.",
            &draft.payload.to_string()[..16],
            draft.version
        ));
    }
    lines.extend(batch_account(ceremony));
    for file in &ceremony.exported {
        lines.push(format!("File {} left, SHA-256 {}….", file.name, &file.sha256.to_string()[..16]));
    }
    lines.extend(super::words::backup::account(ceremony));
    lines.extend(ceremony.management_keys().account());
    for medium in &ceremony.media {
        lines.push(format!("Medium “{}” holds the record. Take it out and bag it.", crate::text::shown(medium)));
    }
    if ceremony.mode() == Mode::Rehearsal {
        lines.push("This was a rehearsal: every key is throw-away.".into());
    }
    lines
}
