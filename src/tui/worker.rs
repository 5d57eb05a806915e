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
    time::Duration,
};

use crate::{
    ceremony::prompt::Answer,
    fault::{Error, Fault},
    perform::{Codes, Covered, People, Performer, Scanner, Touching},
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
    /// A row of a share is to be shown on the covered screen, and it waits for [`Worker::copied`].
    Row(String, Secret),
    /// The operation came to its end.
    Done(Answer),
}

/// A performer on a thread of its own.
pub struct Worker {
    jobs: Sender<Job>,
    secrets: Sender<Option<Secret>>,
    scans: Sender<Result<Option<Vec<u8>>, Error>>,
    shows: Sender<Result<(), Error>>,
    copies: Sender<bool>,
    said: Receiver<Said>,
    /// Whether tokens that blink are left: set by [`Worker::leave_touch`], until people were asked what to do.
    left: Arc<AtomicBool>,
    /// The last to be dropped: by then the thread has been told.
    _ended: Ended,
}

/// Waits until the performer is dropped, and with it a page that lies in memory; not for ever, since a token may not answer.
struct Ended(Receiver<()>);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.recv_timeout(Duration::from_secs(2));
    }
}

impl Worker {
    /// Starts the thread. It ends when this value is dropped, after what is under way.
    pub fn start(performer: Performer) -> Self {
        let (jobs, todo) = channel::<Job>();
        let (secrets, given) = channel::<Option<Secret>>();
        let (scans, scanned) = channel();
        let (shows, shown) = channel();
        let (copies, copied) = channel::<bool>();
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
        let (ends, ended) = channel();
        thread::spawn(move || {
            // Dropped behind the performer, and told by that.
            let _ends: Sender<()> = ends;
            let mut performer = performer;
            for job in todo {
                let answer =
                    performer.perform_with(&job, &mut AtTheScreen { say: &say, given: &given, copied: &copied });
                if say.send(Said::Done(answer)).is_err() {
                    return;
                }
            }
        });
        Self { jobs, secrets, scans, shows, copies, said, left, _ended: Ended(ended) }
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

    /// Answers [`Said::Row`]: whether the row was copied.
    ///
    /// # Errors
    /// Where the thread is gone.
    pub fn copied(&self, copied: bool) -> Result<(), Fault> {
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
        self.say.send(Said::Row(row.says.clone(), text)).ok()?;
        self.copied.recv().ok()?.then_some(())
    }
}

fn gone() -> Fault {
    Fault::machine(
        "perform an operation",
        "the thread that performs operations ended; this is a mistake of the program. The record is safe: resume",
    )
}
