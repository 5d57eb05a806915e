//! What happened, as far as anybody is told of it later: every entry with the step at which it was made. Of like signatures, of which
//! there may be thousands, the first and the last are kept and the rest are counted; the transcript has each of them.

use super::{
    Ceremony,
    event::{Event, Stamp},
    participants::Alias,
    state::Cursor,
};

/// The entries of a ceremony so far, each with its place.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: Vec<Placed>,
    runs: Vec<Run>,
}

/// An entry and where it was made.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Its number, time and head.
    pub stamp: Stamp,
    /// What happened.
    pub event: Event,
    /// At which step; `None` before the first.
    pub place: Option<Cursor>,
    /// How many payloads had been drafted once it was made.
    pub drafts: usize,
}

/// Like entries of one token in one step, counted.
#[derive(Clone, Debug)]
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

impl History {
    /// Folds an entry into `ceremony`, and keeps where it was made.
    pub fn fold(&mut self, ceremony: &mut Ceremony, stamp: Stamp, event: Event) {
        // What a rehearsal prepares stands between entry 0 and the first step.
        let before = self.entries.is_empty() || prepared(&event);
        let place = match (&event, self.entries.last()) {
            // What follows from the entry before it belongs to the same step, although the cursor has moved on.
            (Event::ThresholdMet { .. } | Event::ClockConfirmed { .. }, Some(Placed { place, .. })) => *place,
            _ => (!before).then(|| ceremony.cursor()),
        };
        ceremony.apply(stamp, &event);
        let placed = Placed { stamp, event, place, drafts: ceremony.drafts().len() };
        // The first of a run stays, and the newest takes the place of the one before it.
        if self.goes_on(&placed) && self.runs.last().is_some_and(|run| run.count > 2) {
            self.entries.pop();
        }
        self.entries.push(placed);
    }

    /// The entries, in their order; of a [`Run`] its first and its last.
    pub fn entries(&self) -> &[Placed] {
        &self.entries
    }

    /// Signatures of which there are thousands, by the step in which a token made them.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The last entry's number, time and head.
    pub fn last(&self) -> Option<Stamp> {
        self.entries.last().map(|placed| placed.stamp)
    }

    /// Counts an entry of which there may be thousands; whether it follows another of its run.
    fn goes_on(&mut self, placed: &Placed) -> bool {
        let (alias, certificates) = match &placed.event {
            Event::RepositorySigned { alias, .. } => (alias, false),
            Event::CertificateSigned { alias, .. } => (alias, true),
            _ => return false,
        };
        let (place, seq) = (placed.place, placed.stamp.seq);
        match self.runs.last_mut() {
            Some(run)
                if run.alias == *alias
                    && run.place == place
                    && run.certificates == certificates
                    && run.last + 1 == seq =>
            {
                run.count += 1;
                run.last = seq;
                true
            }
            _ => {
                self.runs.push(Run { alias: alias.clone(), place, certificates, count: 1, first: seq, last: seq });
                false
            }
        }
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
