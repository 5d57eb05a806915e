//! The only writer: decide, append and fsync, apply.
//!
//! A runner holds one ceremony and the media that its record is on. Whatever happened stands on every medium before anybody
//! is told so; what is about to be done stands there before it is done.

mod bundles;
mod media;
mod open;
pub mod previous;

use std::sync::Arc;

use self::media::Media;
pub use self::{
    bundles::{PUBLISH, Part},
    media::Medium,
    open::{Beginning, Found},
};
use crate::{
    ceremony::{
        Ceremony, Pending,
        event::{EDITION, Event, Program},
        history::History,
        management_keys::SealedManagementKey,
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
    history: History,
    media: Media,
    clock: Clock,
    /// Whether the intent that stands is one that this process began, and goes on with.
    goes_on: bool,
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
    /// What it signs, minted from reviewed state: one thing, or the next few of many.
    pub signables: Vec<Signable>,
    /// The token that its alias is bound to.
    pub bound: Option<TokenIdentity>,
    /// The sealed management key of that token, where it is a YubiKey that has one.
    pub management_key: Option<SealedManagementKey>,
    /// Whether others of many follow.
    pub more: bool,
    /// How many signatures one entry of a PIN covers from here on, these included. Counted where many begin, and not for each group.
    pub covers: usize,
    /// What it writes.
    pub files: Vec<Leaving>,
    /// Which of many bundles these are.
    pub part: Option<Part>,
    /// Where it writes.
    pub media: Vec<Medium>,
}

impl Job {
    /// What an operation that signs one thing signs.
    pub fn signable(&self) -> Option<&Signable> {
        self.signables.first()
    }
}

impl Runner {
    /// The ceremony.
    pub fn ceremony(&self) -> &Ceremony {
        &self.ceremony
    }

    /// What happened so far, as far as anybody is told of it later.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The media that still hold the record.
    pub fn media(&self) -> Vec<Medium> {
        self.media.alive()
    }

    /// A file of the record that is named by its SHA-256, from the first medium that has it whole.
    pub fn kept(&self, folder: &str, digest: crate::digest::Digest) -> Option<Vec<u8>> {
        self.media.named_by_digest(folder, digest)
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
        match self.ceremony.decide_whole(answer, now) {
            Ok(decision) => {
                let failed = match decision.attachments.as_slice() {
                    [] => vec![],
                    files => self.media.attach(files)?,
                };
                let failed = failed.into_iter().map(failed_medium);
                let events: Vec<Event> = failed.chain(decision.events).collect();
                self.append(&events, now)
            }
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
        let signables = self.signables(&operation)?;
        let (files, part) = self.files_of(&operation)?;
        let in_doubt = in_doubt && !(operation.goes_on() && self.goes_on);
        let covers = match self.history.entries().last() {
            Some(last) if last.event.is_one_of_many() => signables.len(),
            _ => self.ceremony.signatures_owed(&operation, signables.len()),
        };
        if self.ceremony.intent().is_none() {
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
        let more = self.ceremony.more_follow(&operation, signables.len());
        self.goes_on = operation.goes_on();
        let bound = operation.alias().and_then(|alias| self.binding(alias));
        let management_key = operation.alias().and_then(|alias| self.ceremony.management_keys().sealed(alias)).cloned();
        let last_try = self.ceremony.last_try_may_be_spent();
        let media = match &operation {
            Operation::ReadMedium { medium, .. } => self.media.of(medium),
            _ => self.media.alive(),
        };
        Ok(Some(Job {
            operation,
            in_doubt,
            last_try,
            signables,
            more,
            covers,
            bound,
            management_key,
            files,
            part,
            media,
        }))
    }

    /// What the operation signs, or the next few of many.
    fn signables(&self, operation: &Operation) -> Result<Vec<Signable>, Error> {
        let payload = |digest| self.media.named_by_digest("payloads", digest).map(Arc::from);
        let signables = self.ceremony.signables(operation, &payload);
        if signables.is_empty() && matches!(operation, Operation::SignBatch { .. }) {
            return Err(Refusal::new(
                Rule::BytesMatchHash,
                "A payload of the batch is missing from the record, or is not what was reviewed.",
                "Put the other medium in its place, or void the batch and compose it again.",
            )
            .into());
        }
        Ok(signables)
    }

    fn binding(&self, alias: &Alias) -> Option<TokenIdentity> {
        self.ceremony.token(alias).bound.map(|seen| seen.token)
    }

    fn files_of(&mut self, operation: &Operation) -> Result<(Vec<Leaving>, Option<Part>), Refusal> {
        let files = match operation {
            Operation::ExportRepositories { .. } => {
                let now = self.now();
                let find = |folder: &str, digest| self.media.named_by_digest(folder, digest);
                return bundles::next(&self.ceremony, &find, now).map(|(files, part)| (files, Some(part)));
            }
            Operation::Export { .. } => metadata::leaving(&self.ceremony)?,
            Operation::StorePayload { payload } => {
                let draft = self.ceremony.drafts().iter().find(|draft| draft.payload == *payload);
                let payloads =
                    draft.map(|draft| Leaving { name: format!("payloads/{payload}"), bytes: draft.signed.to_vec() });
                payloads.into_iter().collect()
            }
            _ => vec![],
        };
        Ok((files, None))
    }

    /// Writes events as one group with one fsync a medium, then applies them.
    fn append(&mut self, events: &[Event], now: Utc) -> Result<(), Error> {
        let mut queue: Vec<Event> = events.to_vec();
        for event in events {
            if let Event::MediumRead { medium, .. } = event
                && let Err(fault) = self.media.take_back(medium)
            {
                queue.push(failed_medium((medium.clone(), fault)));
            }
        }
        while !queue.is_empty() {
            let mut last = self.history.last();
            let mut group = vec![];
            let mut stamps = vec![];
            for event in &queue {
                let written = transcript::write(last, now, event)?;
                last = Some(written.stamp);
                stamps.push(written.stamp);
                group.extend(written.line);
            }
            let failed = self.media.append(&group)?;
            for (stamp, event) in stamps.into_iter().zip(queue.drain(..)) {
                match &event {
                    Event::MediumLetGo { medium } => self.media.let_go(medium),
                    Event::MediumFailed { medium, .. } => self.media.forget(medium),
                    _ => {}
                }
                self.history.fold(&mut self.ceremony, stamp, event);
            }
            queue = failed.into_iter().map(failed_medium).collect();
        }
        Ok(())
    }
}

fn failed_medium((medium, fault): (String, Fault)) -> Event {
    Event::MediumFailed { medium, cause: fault.to_string() }
}

/// Which program runs, for entry 0.
pub fn this_program(sha256: crate::digest::Digest, trust: &str) -> Program {
    Program {
        name: concat!("officiant ", env!("CARGO_PKG_VERSION")).into(),
        sha256,
        trust: trust.into(),
        edition: EDITION,
    }
}
