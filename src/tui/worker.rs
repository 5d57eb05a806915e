//! The thread that performs operations. It asks the screen for secrets, and they are moved to it.

use std::{
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
    thread,
};

use crate::{
    ceremony::prompt::Answer,
    fault::Fault,
    perform::{Covered, People, Performer},
    runner::Job,
    secret::{Secret, SecretRequest},
};

/// What the worker says.
pub enum Said {
    /// It wants a secret, and waits for [`Worker::give`].
    Wants(SecretRequest),
    /// A row of a share is to be shown on the covered screen, and it waits for [`Worker::shown`].
    Shows(String, Secret),
    /// The operation came to its end.
    Done(Answer),
}

/// A performer on a thread of its own.
pub struct Worker {
    jobs: Sender<Job>,
    secrets: Sender<Option<Secret>>,
    copies: Sender<bool>,
    said: Receiver<Said>,
}

impl Worker {
    /// Starts the thread. It ends when this value is dropped, after what is under way.
    pub fn start(mut performer: Performer) -> Self {
        let (jobs, todo) = channel::<Job>();
        let (secrets, given) = channel::<Option<Secret>>();
        let (copies, copied) = channel::<bool>();
        let (say, said) = channel();
        thread::spawn(move || {
            for job in todo {
                let answer =
                    performer.perform_with(&job, &mut AtTheScreen { say: &say, given: &given, copied: &copied });
                if say.send(Said::Done(answer)).is_err() {
                    return;
                }
            }
        });
        Self { jobs, secrets, copies, said }
    }

    /// Begins an operation.
    ///
    /// # Errors
    /// Where the thread is gone.
    pub fn perform(&self, job: Job) -> Result<(), Fault> {
        self.jobs.send(job).map_err(|_| gone())
    }

    /// Answers [`Said::Wants`].
    ///
    /// # Errors
    /// Where the thread is gone.
    pub fn give(&self, secret: Option<Secret>) -> Result<(), Fault> {
        self.secrets.send(secret).map_err(|_| gone())
    }

    /// Answers [`Said::Shows`]: whether the row was copied.
    ///
    /// # Errors
    /// Where the thread is gone.
    pub fn shown(&self, copied: bool) -> Result<(), Fault> {
        self.copies.send(copied).map_err(|_| gone())
    }

    /// What it said since the last time.
    ///
    /// # Errors
    /// Where the thread is gone.
    pub fn said(&self) -> Result<Option<Said>, Fault> {
        match self.said.try_recv() {
            Ok(said) => Ok(Some(said)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(gone()),
        }
    }
}

/// The screen, as the thread that performs sees it.
struct AtTheScreen<'a> {
    say: &'a Sender<Said>,
    given: &'a Receiver<Option<Secret>>,
    copied: &'a Receiver<bool>,
}

impl People for AtTheScreen<'_> {
    fn secret(&mut self, request: &SecretRequest) -> Option<Secret> {
        self.say.send(Said::Wants(request.clone())).ok()?;
        self.given.recv().ok()?
    }

    fn show(&mut self, row: &Covered<'_>) -> Option<()> {
        let text = Secret::copied(row.text.expose()).ok()?;
        self.say.send(Said::Shows(row.says.clone(), text)).ok()?;
        self.copied.recv().ok()?.then_some(())
    }
}

fn gone() -> Fault {
    Fault::machine(
        "perform an operation",
        "the thread that performs operations ended; this is a mistake of the program. The record is safe: resume",
    )
}
