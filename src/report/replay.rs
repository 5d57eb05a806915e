//! What a report asks of a ceremony and its history.

use crate::{
    ceremony::{
        Ceremony,
        event::{Event, Mode},
        history::{History, Placed, Run},
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

/// A ceremony as its report sees it.
pub struct Replay<'a> {
    /// Every entry with its step; of like signatures the first and the last.
    pub entries: &'a [Placed],
    /// Where they lead.
    pub ceremony: &'a Ceremony,
    /// Signatures of which there are thousands, by the step in which a token made them.
    pub runs: &'a [Run],
}

impl Run {
    /// `12 to 40`, or the number of the only one.
    pub(super) fn entries(&self) -> String {
        if self.first == self.last {
            format!("entry {}", self.first)
        } else {
            format!("entries {} to {}", self.first, self.last)
        }
    }
}

impl Replay<'_> {
    /// The subject of the root under which the key of `alias` is attested; `None` where nobody vouches for it.
    pub fn attested_by(&self, alias: &Alias) -> Option<&str> {
        self.entries.iter().rev().find_map(|placed| match &placed.event {
            Event::KeyGenerated { alias: of, attestation, .. } if of == alias => {
                attestation.as_deref().map(|attestation| attestation.says.root.as_str())
            }
            _ => None,
        })
    }
}

impl<'a> Replay<'a> {
    /// What `history` kept of a ceremony.
    pub fn of(history: &'a History, ceremony: &'a Ceremony) -> Self {
        Self { entries: history.entries(), ceremony, runs: history.runs() }
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
        self.entries.iter().rev().find_map(|placed| match &placed.event {
            Event::FinalHead { head, .. } => Some(*head),
            _ => None,
        })
    }

    /// Whether the key of this token was made in memory, and put on it.
    pub fn was_put(&self, alias: &Alias) -> bool {
        let last = self.entries.iter().rev().find_map(|placed| match &placed.event {
            Event::KeyPut { alias: of, .. } if of == alias => Some(true),
            Event::KeyGenerated { alias: of, .. } | Event::KeyBroughtIn { alias: of, .. } if of == alias => Some(false),
            _ => None,
        });
        last.unwrap_or_default()
    }

    /// The entry after this one.
    pub fn after(&self, placed: &Placed) -> Option<&'a Placed> {
        let next = self.entries.partition_point(|other| other.stamp.seq <= placed.stamp.seq);
        self.entries.get(next)
    }

    /// The number of an entry's step: `3.2`, `3 end`, or a dash before the first.
    pub fn number(&self, placed: &Placed) -> String {
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
