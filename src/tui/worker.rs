//! The thread that performs operations. It asks the screen for secrets, and they are moved to it.

use std::{
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, TryRecvError, channel},
    },
    thread,
};

use crate::{
    ceremony::prompt::Answer,
    fault::{Error, Fault},
    perform::{Codes, Performer, Scanner, Touching},
    runner::Job,
    secret::{Secret, SecretRequest},
    transfer::parcel::Parcel,
};

/// What the worker says.
pub enum Said {
    /// It wants a secret, and waits for [`Worker::give`].
    Wants(SecretRequest),
    /// A token blinks from now on, and waits for a touch.
    Blinks(Touching),
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
    /// Whether tokens that blink are left: set by [`Worker::leave_touch`], until people were asked what to do.
    left: Arc<AtomicBool>,
}

impl Worker {
    /// Starts the thread. It ends when this value is dropped, after what is under way.
    pub fn start(performer: Performer) -> Self {
        let (jobs, todo) = channel::<Job>();
        let (secrets, given) = channel::<Option<Secret>>();
        let (scans, scanned) = channel();
        let (shows, shown) = channel();
        let (say, said) = channel();
        let left = Arc::new(AtomicBool::new(false));
        let (blinks, is_left) = (say.clone(), Arc::clone(&left));
        let mut performer = performer.with_codes(Box::new(ByScreen { say: say.clone(), scanned, shown }));
        performer.when_a_token_blinks(Box::new(move |touching| {
            // The last look before the next command: once it was left, none is sent.
            let left = is_left.load(Ordering::SeqCst);
            match left || blinks.send(Said::Blinks(touching.clone())).is_err() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }));
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
        Self { jobs, secrets, scans, shows, said, left }
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

    /// Whether a token that blinks is left: what was sent to it, it ends itself, and nothing more is sent until this is taken back.
    pub fn leave_touch(&self, leave: bool) {
        self.left.store(leave, Ordering::SeqCst);
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
