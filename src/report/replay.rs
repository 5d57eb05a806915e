//! The fold once more, keeping the step at which each entry was made.

use std::sync::Arc;

use crate::{
    ceremony::{
        Ceremony,
        event::{Event, Mode, Stamp},
        participants::Alias,
        script::Script,
        state::Cursor,
        steps::Step,
        words,
    },
    digest::Digest,
    rules::{Passed, Rule},
    utc::Utc,
};

/// A transcript with the place of each entry.
pub struct Replay<'a> {
    /// Every entry.
    pub entries: Vec<Placed<'a>>,
    /// Where they lead.
    pub ceremony: Ceremony,
    /// Signatures of which there are thousands, by the step in which a token made them.
    pub runs: Vec<Run>,
}

/// Like entries of one token in one step, counted.
pub struct Run {
    /// Which token.
    pub alias: Alias,
    /// At which step.
    pub place: Option<Cursor>,
    /// Whether they are certificates; otherwise signatures of a batch.
    pub certificates: bool,
    /// How many there are.
    pub count: u64,
    /// The number of the first.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
}

impl Run {
    /// `12 to 40`, or the number of the only one.
    pub fn entries(&self) -> String {
        if self.first == self.last {
            format!("entry {}", self.first)
        } else {
            format!("entries {} to {}", self.first, self.last)
        }
    }
}

/// Counts entries of which there may be thousands.
fn count(runs: &mut Vec<Run>, placed: &Placed<'_>) {
    let (alias, certificates) = match placed.event {
        Event::RepositorySigned { alias, .. } => (alias, false),
        Event::CertificateSigned { alias, .. } => (alias, true),
        _ => return,
    };
    let (place, seq) = (placed.place, placed.stamp.seq);
    match runs.last_mut() {
        Some(run) if run.alias == *alias && run.place == place && run.certificates == certificates => {
            run.count += 1;
            run.last = seq;
        }
        _ => runs.push(Run { alias: alias.clone(), place, certificates, count: 1, first: seq, last: seq }),
    }
}

/// An entry and where it was made.
pub struct Placed<'a> {
    /// Its number, time and head.
    pub stamp: Stamp,
    /// What happened.
    pub event: &'a Event,
    /// At which step; `None` before the first.
    pub place: Option<Cursor>,
    /// How many payloads had been drafted once it was made.
    pub drafts: usize,
}

impl<'a> Replay<'a> {
    /// Replays `entries`.
    pub fn of(entries: &'a [(Stamp, Event)], script: &Arc<Script>) -> Self {
        let mut ceremony = Ceremony::begin(Arc::clone(script));
        let mut began = false;
        let mut runs = vec![];
        let mut placed: Vec<Placed<'a>> = Vec::with_capacity(entries.len());
        for (stamp, event) in entries {
            // What a rehearsal prepares stands between entry 0 and the first step.
            let before = !began || prepared(event);
            let place = match (event, placed.last()) {
                // What follows from the entry before it belongs to the same step, although the cursor has moved on.
                (Event::ThresholdMet { .. } | Event::ClockConfirmed { .. }, Some(Placed { place, .. })) => *place,
                _ => (!before).then(|| ceremony.cursor()),
            };
            began |= matches!(event, Event::Began { .. });
            ceremony.apply(*stamp, event);
            placed.push(Placed { stamp: *stamp, event, place, drafts: ceremony.drafts().len() });
            placed.last().into_iter().for_each(|placed| count(&mut runs, placed));
        }
        Self { entries: placed, ceremony, runs }
    }

    /// The script.
    pub fn script(&self) -> &Script {
        self.ceremony.script()
    }

    /// Rehearsal or production.
    pub fn mode(&self) -> Mode {
        self.ceremony.mode()
    }

    /// When its last entry was written.
    pub fn ended_at(&self) -> Option<Utc> {
        self.entries.last().map(|entry| entry.stamp.at)
    }

    /// When entry 0 was written.
    pub fn began_at(&self) -> Option<Utc> {
        let first = self.entries.iter().find(|placed| matches!(placed.event, Event::Began { .. }))?;
        Some(first.stamp.at)
    }

    /// The head that was read back at the close.
    pub fn final_head(&self) -> Option<Digest> {
        self.entries.iter().rev().find_map(|placed| match placed.event {
            Event::FinalHead { head, .. } => Some(*head),
            _ => None,
        })
    }

    /// The entry after this one.
    pub fn after(&self, placed: &Placed<'_>) -> Option<&Placed<'a>> {
        let next = self.entries.partition_point(|other| other.stamp.seq <= placed.stamp.seq);
        self.entries.get(next)
    }

    /// The number of an entry's step: `3.2`, `3 end`, or a dash before the first.
    pub fn number(&self, placed: &Placed<'_>) -> String {
        match placed.place {
            None => "–".into(),
            Some(place) if self.step_at(place).is_some() => format!("{}.{}", place.act, place.step + 1),
            Some(place) => format!("{} end", place.act),
        }
    }

    /// The step at a place; `None` at the end of an act.
    pub fn step_at(&self, place: Cursor) -> Option<&Step> {
        self.script().acts.get(place.act)?.steps.get(place.step)
    }
}

/// What a rehearsal prepares, and entry 0.
fn prepared(event: &Event) -> bool {
    matches!(
        event,
        Event::Began { .. }
            | Event::StandIn { .. }
            | Event::TwinRoot { .. }
            | Event::TwinSet { .. }
            | Event::TwinCollection { .. }
    )
}

/// Every rule that held for an event to be there: those that it names, and the one that it stands for by its kind.
pub fn held(event: &Event) -> Vec<Passed> {
    let mut held = event.passed().to_vec();
    let paper = |rule, supplied: &[String], of: usize| {
        Some(Passed::new(rule, format!("{} hidden words of {of} supplied from paper", supplied.len())))
    };
    held.extend(match event {
        Event::Began { media, .. } if media.len() > 1 => Some(Passed::new(Rule::RecordOnTwoMedia, media.join(" and "))),
        Event::ReadBack { subject, read_back } if subject == words::SCRIPT_SUBJECT => {
            paper(Rule::ScriptDigest, &read_back.supplied, read_back.blind.length())
        }
        Event::ActClosed { read_back, .. }
        | Event::FinalHead { read_back, .. }
        | Event::HeadFitsPaper { read_back, .. } => {
            paper(Rule::HeadOnPaper, &read_back.supplied, read_back.blind.length())
        }
        Event::PayloadReadBack { read_back, .. } => {
            paper(Rule::PayloadReadback, &read_back.supplied, read_back.blind.length())
        }
        Event::HeadSigned { alias, keyid, .. } => {
            Some(Passed::new(Rule::HeadSigned, format!("by {alias}, with key {}", keyid.short())))
        }
        Event::Confirmed { person, .. } => Some(Passed::new(Rule::PersonalWord, person.to_string())),
        Event::ExceptionNoted { by, .. } => Some(Passed::new(Rule::ExceptionByTwo, format!("{} and {}", by[0], by[1]))),
        Event::Substituted { alias, spare, .. } => {
            Some(Passed::new(Rule::SubstituteDeclared, format!("{spare} for {alias}")))
        }
        _ => None,
    });
    held
}
