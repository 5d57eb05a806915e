//! The thread that performs operations. It asks the screen for secrets, and they are moved to it.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, Sender, TryRecvError, channel},
    thread,
};

use crate::{
    ceremony::prompt::Answer,
    fault::{Error, Fault},
    perform::{Codes, Performer, Scanner},
    runner::Job,
    secret::{Secret, SecretRequest},
    transfer::parcel::Parcel,
};

/// What the worker says.
pub enum Said {
    /// It wants a secret, and waits for [`Worker::give`].
    Wants(SecretRequest),
    /// It wants codes to be read, and waits for [`Worker::scanned`].
    Scan(Scanner),
    /// It wants codes to be shown, and waits for [`Worker::shown`].
    Show(Box<Parcel>),
    /// The operation came to its end.
    Done(Answer),
}

/// A performer on a thread of its own.
pub struct Worker {
    jobs: Sender<Job>,
    secrets: Sender<Option<Secret>>,
    scans: Sender<Result<Option<Vec<u8>>, Error>>,
    shows: Sender<Result<(), Error>>,
    said: Receiver<Said>,
}

impl Worker {
    /// Starts the thread. It ends when this value is dropped, after what is under way.
    pub fn start(performer: Performer) -> Self {
        let (jobs, todo) = channel::<Job>();
        let (secrets, given) = channel::<Option<Secret>>();
        let (scans, scanned) = channel();
        let (shows, shown) = channel();
        let (say, said) = channel();
        let mut performer = performer.with_codes(Box::new(ByScreen { say: say.clone(), scanned, shown }));
        thread::spawn(move || {
            for job in todo {
                let answer = performer.perform(&job, &mut |request: &SecretRequest| {
                    say.send(Said::Wants(request.clone())).ok()?;
                    given.recv().ok()?
                });
                if say.send(Said::Done(answer)).is_err() {
                    return;
                }
            }
        });
        Self { jobs, secrets, scans, shows, said }
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

    /// Answers [`Said::Scan`].
    ///
    /// # Errors
    /// Where the thread is gone.
    pub fn scanned(&self, message: Result<Option<Vec<u8>>, Error>) -> Result<(), Fault> {
        self.scans.send(message).map_err(|_| gone())
    }

    /// Answers [`Said::Show`].
    ///
    /// # Errors
    /// Where the thread is gone.
    pub fn shown(&self, shown: Result<(), Error>) -> Result<(), Fault> {
        self.shows.send(shown).map_err(|_| gone())
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

/// The screen and the scanner, from the thread that has neither.
struct ByScreen {
    say: Sender<Said>,
    scanned: Receiver<Result<Option<Vec<u8>>, Error>>,
    shown: Receiver<Result<(), Error>>,
}

impl Codes for ByScreen {
    fn scan(&mut self, scanner: &Scanner) -> Result<Option<Vec<u8>>, Error> {
        self.say.send(Said::Scan(scanner.clone())).map_err(|_| gone())?;
        self.scanned.recv().map_err(|_| gone())?
    }

    fn show(&mut self, parcel: &Parcel, _folders: &[PathBuf]) -> Result<(), Error> {
        self.say.send(Said::Show(Box::new(parcel.clone()))).map_err(|_| gone())?;
        self.shown.recv().map_err(|_| gone())?
    }
}

fn gone() -> Fault {
    Fault::machine(
        "perform an operation",
        "the thread that performs operations ended; this is a mistake of the program. The record is safe: resume",
    )
}
