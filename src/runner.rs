//! The only writer: decide, append and fsync, apply.
//!
//! A runner holds one ceremony and the media that its record is on. Whatever happened stands on every medium before anybody
//! is told so; what is about to be done stands there before it is done.

mod media;
mod open;

use self::media::Media;
pub use self::{
    media::Medium,
    open::{Beginning, Found},
};
use crate::{
    ceremony::{
        Ceremony, Pending,
        event::{Event, Program, Stamp},
        metadata::{self, Leaving},
        operation::Operation,
        participants::Alias,
        prompt::Answer,
    },
    device::TokenIdentity,
    fault::{Error, Fault},
    readback::Signable,
    rules::{Refusal, Rule},
    transcript,
    utc::Utc,
};

/// The machine's clock, handed in: whole seconds, UTC.
pub type Clock = Box<dyn FnMut() -> Utc + Send>;

/// Runs one ceremony.
pub struct Runner {
    ceremony: Ceremony,
    entries: Vec<(Stamp, Event)>,
    media: Media,
    clock: Clock,
}

/// How a front end left a ceremony.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The script is done.
    Closed,
    /// It was given up.
    Abandoned,
    /// The operator left; it can be resumed.
    Paused,
}

/// An operation whose intent is on every medium, with everything that its performer needs and nothing more.
pub struct Job {
    /// What to do.
    pub operation: Operation,
    /// Whether it may have been done already: look before repeating it.
    pub in_doubt: bool,
    /// Whether the last try of a PIN may be spent.
    pub last_try: bool,
    /// What it signs, minted from reviewed state.
    pub signable: Option<Signable>,
    /// The token that its alias is bound to.
    pub bound: Option<TokenIdentity>,
    /// What it writes.
    pub files: Vec<Leaving>,
    /// Where it writes.
    pub media: Vec<Medium>,
}

impl Runner {
    /// The ceremony.
    pub fn ceremony(&self) -> &Ceremony {
        &self.ceremony
    }

    /// Every entry so far.
    pub fn entries(&self) -> &[(Stamp, Event)] {
        &self.entries
    }

    /// The media that still hold the record.
    pub fn media(&self) -> Vec<Medium> {
        self.media.alive()
    }

    /// The machine's clock now.
    pub fn now(&mut self) -> Utc {
        (self.clock)()
    }

    /// Decides on an answer, writes what follows, and only then applies it.
    ///
    /// # Errors
    /// A rule said no (it is recorded, but for a mistyped word), or the last medium failed.
    pub fn answer(&mut self, answer: &Answer) -> Result<(), Error> {
        let now = self.now();
        match self.ceremony.decide(answer, now) {
            Ok(events) => Ok(self.append(&events, now)?),
            Err(refusal) => {
                if refusal.rule != Rule::AnswerFits && refusal.rule != Rule::ClockForward {
                    self.append(&[Event::Refused { refusal: refusal.clone() }], now)?;
                }
                Err(refusal.into())
            }
        }
    }

    /// Writes the intent of the pending operation and hands it out; `None` where people are asked. An operation in doubt was
    /// written before, and is handed out as such.
    ///
    /// # Errors
    /// Where the last medium failed, or the clock runs backwards.
    pub fn intend(&mut self) -> Result<Option<Job>, Error> {
        let (operation, in_doubt) = match self.ceremony.pending() {
            Pending::Do(operation) => (operation, false),
            Pending::InDoubt(operation) => (operation, true),
            Pending::Ask(_) | Pending::Paused | Pending::Finished(_) => return Ok(None),
        };
        let signable = self.ceremony.signable(&operation);
        let files = self.files_of(&operation)?;
        if !in_doubt {
            let now = self.now();
            if now < self.ceremony.stamp().at {
                return Err(Refusal::new(
                    Rule::ClockForward,
                    "The machine's clock ran backwards.",
                    "Set it right and go on.",
                )
                .into());
            }
            self.append(&[Event::Intended { operation: operation.clone() }], now)?;
        }
        let bound = operation.alias().and_then(|alias| self.binding(alias));
        let last_try = self.ceremony.last_try_may_be_spent();
        Ok(Some(Job { operation, in_doubt, last_try, signable, bound, files, media: self.media.alive() }))
    }

    fn binding(&self, alias: &Alias) -> Option<TokenIdentity> {
        self.ceremony.token(alias).bound.map(|seen| seen.token)
    }

    fn files_of(&self, operation: &Operation) -> Result<Vec<Leaving>, Refusal> {
        match operation {
            Operation::Export { .. } => metadata::leaving(&self.ceremony),
            Operation::StorePayload { payload } => {
                let draft = self.ceremony.drafts().iter().find(|draft| draft.payload == *payload);
                let payloads =
                    draft.map(|draft| Leaving { name: format!("payloads/{payload}"), bytes: draft.signed.to_vec() });
                Ok(payloads.into_iter().collect())
            }
            _ => Ok(vec![]),
        }
    }

    /// Writes events as one group with one fsync a medium, then applies them.
    fn append(&mut self, events: &[Event], now: Utc) -> Result<(), Fault> {
        let mut queue: Vec<Event> = events.to_vec();
        while !queue.is_empty() {
            let mut last = self.entries.last().map(|(stamp, _)| *stamp);
            let mut group = vec![];
            let mut stamps = vec![];
            for event in &queue {
                let written = transcript::write(last, now, event);
                last = Some(written.stamp);
                stamps.push(written.stamp);
                group.extend(written.line);
            }
            let failed = self.media.append(&group)?;
            for (stamp, event) in stamps.into_iter().zip(queue.drain(..)) {
                self.ceremony.apply(stamp, &event);
                self.entries.push((stamp, event));
            }
            queue = failed
                .into_iter()
                .map(|(medium, fault)| Event::MediumFailed { medium, cause: fault.to_string() })
                .collect();
        }
        Ok(())
    }
}

/// Which program runs, for entry 0.
pub fn this_program(sha256: crate::digest::Digest, trust: &str) -> Program {
    Program { name: concat!("officiant ", env!("CARGO_PKG_VERSION")).into(), sha256, trust: trust.into() }
}
