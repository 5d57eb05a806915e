//! Between the pure parts and the world: draws, listens, and does what effects name.

use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyEventKind};

use super::{
    keys::{Read, Reader},
    model::{Asking, Effect, Listening, Model, Msg, Screen, SecretEnd, Status, Working},
    qr::{self, read::Source},
    terminal,
    update::{leaves_the_question, update},
    view,
    words::PERSONAL_WORD_MIN,
    worker::{Said, Worker},
};
use crate::{
    ceremony::{
        Ceremony, Pending, outline,
        prompt::{Answer, SlowHash},
        state::Closing,
    },
    digest::{from_hex, to_hex},
    fault::{Error, Fault},
    perform::{Performer, Scanner, record},
    qr::{camera::Camera, scanner::open_serial},
    rules::Refusal,
    runner::{Ended, Job, Runner},
    secret::{Secret, WORD_SALT_LENGTH, WordProof},
};

/// How long the terminal is listened to before everything else is looked at, in milliseconds.
const LISTEN_MS: u32 = 100;
/// The same while something is under way.
const LISTEN_WORKING_MS: u32 = 20;

/// Leads people through the ceremony of `runner` until it ends or is left, and finishes its record where it ended. The
/// terminal is as it was afterwards.
///
/// # Errors
/// Where the terminal or the last medium fails, a signal tells the program to end, or a rule keeps an operation from being
/// begun and people leave. The record can be resumed.
pub fn run(runner: &mut Runner, performer: Performer) -> Result<Ended, Error> {
    let screen = terminal::Screen::take()?;
    let size = crossterm::terminal::size().map_err(|e| Fault::machine("ask for the terminal's size", e))?;
    let mut shell = Shell::new(runner, Worker::start(performer), size)?;
    shell.model.console = terminal::is_console();
    shell.model.keyboard = terminal::keyboard_layout();
    shell.run(screen)
}

struct Shell<'a> {
    runner: &'a mut Runner,
    worker: Worker,
    model: Model,
    began: Instant,
    reader: Option<(Listening, Reader)>,
    /// The first entry of a new personal word.
    first: Option<Secret>,
    ended: Option<Result<Ended, Error>>,
}

impl<'a> Shell<'a> {
    fn new(runner: &'a mut Runner, worker: Worker, size: (u16, u16)) -> Result<Self, Error> {
        let now = runner.now();
        let (status, screen, job) = present(runner)?;
        let model = Model::new(status, screen, size, now);
        let mut shell = Self { runner, worker, model, began: Instant::now(), reader: None, first: None, ended: None };
        if let Some(job) = job {
            shell.worker.perform(*job)?;
        }
        // The first screen may fit whole, and counts as seen then.
        update(&mut shell.model, Msg::Now(now));
        Ok(shell)
    }

    fn run(mut self, mut screen: terminal::Screen) -> Result<Ended, Error> {
        loop {
            self.get_ready()?;
            screen.draw(|frame| view::view(&self.model, frame))?;
            if let Some(ended) = self.ended {
                return ended;
            }
            if let Some(signal) = screen.told_to_end() {
                return Err(Fault::machine(
                    "lead the ceremony",
                    format!("the program was told to end ({signal}); the record is safe: resume"),
                )
                .into());
            }
            while let Some(said) = self.worker.said()? {
                self.worker_said(said, &mut screen)?;
            }
            self.listen()?;
            let now = self.runner.now();
            self.take(Msg::Now(now))?;
        }
    }

    fn take(&mut self, msg: Msg) -> Result<(), Error> {
        for effect in update(&mut self.model, msg) {
            match effect {
                Effect::Answer(answer) => self.answer(&answer)?,
                Effect::NoSecret => self.worker.give(None)?,
                Effect::LeaveTouch => self.worker.leave_touch(true),
                Effect::TryAgain => self.show()?,
                Effect::Leave => self.leave(),
            }
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.ended = Some(match &self.model.screen {
            Screen::Closed { closing: Closing::Closed, .. } => Ok(Ended::Closed),
            Screen::Closed { closing: Closing::Abandoned, .. } => Ok(Ended::Abandoned),
            Screen::Blocked(refusal) => Err(refusal.clone().into()),
            _ => Ok(Ended::Paused),
        });
    }

    fn answer(&mut self, answer: &Answer) -> Result<(), Error> {
        match self.runner.answer(answer) {
            Ok(()) => self.show(),
            Err(Error::Refused(refusal)) if self.model.asking().is_some() => {
                if !leaves_the_question(refusal.rule) {
                    self.show()?;
                }
                self.take(Msg::Refused(refusal))
            }
            // What came of an operation was refused: the ceremony asks about it itself, unless nothing of it was recorded.
            Err(Error::Refused(refusal)) if leaves_the_question(refusal.rule) => self.block(refusal),
            Err(Error::Refused(_)) => self.show(),
            Err(fault) => Err(fault),
        }
    }

    /// Shows what the ceremony waits for now, and begins it where it is an operation.
    fn show(&mut self) -> Result<(), Error> {
        self.first = None;
        match present(self.runner) {
            Ok((status, screen, job)) => {
                // A batch that was left stays so from one signature to the next, until people are asked.
                if job.is_none() {
                    self.worker.leave_touch(false);
                }
                self.take(Msg::Show(Box::new(status), Box::new(screen)))?;
                if let Some(job) = job {
                    self.worker.perform(*job)?;
                }
                Ok(())
            }
            Err(Error::Refused(refusal)) => self.block(refusal),
            Err(fault) => Err(fault),
        }
    }

    fn block(&mut self, refusal: Refusal) -> Result<(), Error> {
        let status = Status::of(self.runner.ceremony());
        self.take(Msg::Show(Box::new(status), Box::new(Screen::Blocked(refusal))))
    }

    fn worker_said(&mut self, said: Said, screen: &mut terminal::Screen) -> Result<(), Error> {
        match said {
            Said::Scan(scanner) => {
                let message = scan(screen, &scanner);
                self.after_page(screen)?;
                Ok(self.worker.scanned(message)?)
            }
            Said::Show(parcel) => {
                let shown = qr::show::run_on(screen, &parcel, qr::show::Wanted::usual());
                self.after_page(screen)?;
                Ok(self.worker.shown(shown)?)
            }
            Said::Wants(request) => self.take(Msg::Wanted(request)),
            Said::Row(says, text) => Ok(self.worker.copied(screen.cover(&says, &text)?)?),
            Said::Blinks(touching) => self.take(Msg::Blinks(touching)),
            Said::Done(answer) => self.answer(&answer),
        }
    }

    /// After a page that had the whole screen: what was typed there is nobody's answer, and the screen may have another size.
    fn after_page(&mut self, screen: &terminal::Screen) -> Result<(), Error> {
        forget_events();
        if screen.told_to_end().is_some() {
            return Ok(());
        }
        let (columns, rows) =
            crossterm::terminal::size().map_err(|e| Fault::machine("ask for the terminal's size", e))?;
        self.take(Msg::Size(columns, rows))
    }

    /// Makes a reader before the question for a secret is on the screen: what was typed until then is forgotten, what is
    /// typed from then on is not.
    fn get_ready(&mut self) -> Result<(), Error> {
        let listening = self.model.listening();
        if listening == Listening::Keys {
            self.reader = None;
        } else if self.reader.as_ref().is_none_or(|(before, _)| *before != listening) {
            forget_events();
            self.reader = Some((listening, Reader::new()?));
        }
        Ok(())
    }

    fn listen(&mut self) -> Result<(), Error> {
        let wait = if matches!(self.model.screen, Screen::Working(_) | Screen::Touch { .. }) {
            LISTEN_WORKING_MS
        } else {
            LISTEN_MS
        };
        // A reader that is not the one for this question was made for another; the next turn makes its own.
        let Some((listening, reader)) = self.reader.take() else {
            return self.listen_to_events(wait);
        };
        if listening != self.model.listening() {
            return Ok(());
        }
        let (reader, read) = reader.read(wait)?;
        self.reader = reader.map(|reader| (listening.clone(), reader));
        match read {
            Read::Going(characters) => self.take(Msg::Typed(characters)),
            Read::Ended(end) => self.take(Msg::SecretEnded(end)),
            Read::Given(secret) => self.given(&listening, secret),
        }
    }

    fn listen_to_events(&mut self, wait: u32) -> Result<(), Error> {
        if self.model.listening() != Listening::Keys {
            return Ok(());
        }
        let fault = |e| Fault::machine("read from the terminal", e);
        let mut wait = Duration::from_millis(wait.into());
        while terminal::event_within(wait)? {
            wait = Duration::ZERO;
            let at = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            match event::read().map_err(fault)? {
                Event::Key(key) if key.kind != KeyEventKind::Release => self.take(Msg::Key(key, at))?,
                Event::Resize(columns, rows) => self.take(Msg::Size(columns, rows))?,
                _ => {}
            }
            // The next key may belong to a secret, or the screen may be another.
            if self.model.listening() != Listening::Keys || self.ended.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn given(&mut self, listening: &Listening, secret: Secret) -> Result<(), Error> {
        let word_is_short = || {
            let text = secret.expose().trim_ascii();
            text.iter().filter(|byte| **byte & 0xc0 != 0x80).count() < PERSONAL_WORD_MIN
        };
        match listening {
            Listening::Keys => Ok(()),
            Listening::Pin { min } if secret.len() < *min => self.take(Msg::SecretEnded(SecretEnd::TooShort)),
            Listening::Pin { .. } => {
                self.worker.give(Some(secret))?;
                self.take(Msg::SecretEnded(SecretEnd::Given))
            }
            Listening::NewWord { again: false } if word_is_short() => self.take(Msg::SecretEnded(SecretEnd::TooShort)),
            Listening::NewWord { again: false } => {
                self.first = Some(secret);
                self.take(Msg::SecretEnded(SecretEnd::Once))
            }
            Listening::NewWord { again: true } => {
                let mut salt = [0; WORD_SALT_LENGTH];
                getrandom::fill(&mut salt).map_err(|e| Fault::machine("ask the system for random bytes", e))?;
                let first = self.first.take();
                let again = WordProof::derive(&secret, &salt)?;
                let same = match first {
                    Some(first) => WordProof::derive(&first, &salt)?.as_bytes() == again.as_bytes(),
                    None => false,
                };
                if !same {
                    return self.take(Msg::SecretEnded(SecretEnd::Differs));
                }
                self.answer(&Answer::NewPersonalWord { salt: to_hex(&salt), verifier: again.verifier() })
            }
            Listening::Word { salt } => {
                let salt: Option<[u8; WORD_SALT_LENGTH]> = from_hex(salt).and_then(|bytes| bytes.try_into().ok());
                let Some(salt) = salt else {
                    return Err(
                        Fault::machine("read the salt of a personal word", "the record holds no valid one").into()
                    );
                };
                let proof = WordProof::derive(&secret, &salt)?;
                self.take(Msg::Typed(0))?;
                self.answer(&Answer::PersonalWord(SlowHash(*proof.as_bytes())))
            }
        }
    }
}

/// Reads a scanner on a page of its own.
fn scan(screen: &mut terminal::Screen, scanner: &Scanner) -> Result<Option<Vec<u8>>, Error> {
    let source = match scanner {
        Scanner::Keyboard => Source::Keyboard,
        Scanner::Serial(port) => Source::Serial(open_serial(port)?),
        Scanner::Camera(device) => Source::Camera(Camera::open(device)?),
    };
    qr::read::run_on(screen, source)
}

/// Keys that were typed before a secret was asked for are nobody's secret.
fn forget_events() {
    while terminal::event_within(Duration::ZERO).unwrap_or(false) {
        if event::read().is_err() {
            return;
        }
    }
}

type Present = (Status, Screen, Option<Box<Job>>);

/// What the ceremony waits for. An operation's intent is on every medium when it is returned.
fn present(runner: &mut Runner) -> Result<Present, Error> {
    let pending = runner.ceremony().pending();
    let since = runner.now();
    let (screen, job) = match pending {
        Pending::Ask(prompt) => (Screen::Asking(Box::new(Asking::new(*prompt, since))), None),
        Pending::Do(_) | Pending::InDoubt(_) => {
            let Some(job) = runner.intend()? else {
                return Err(Fault::machine("begin an operation", "none is waited for").into());
            };
            let working = Working { what: job.operation.words(), in_doubt: job.in_doubt, since };
            (Screen::Working(working), Some(Box::new(job)))
        }
        Pending::Paused => {
            let ceremony = runner.ceremony();
            let screen = Screen::Stopped { account: outline::account(ceremony), head: ceremony.stamp().head };
            (screen, None)
        }
        Pending::Finished(closing) => {
            record::finish(runner)?;
            (closed(runner, closing), None)
        }
    };
    Ok((Status::of(runner.ceremony()), screen, job))
}

fn closed(runner: &Runner, closing: Closing) -> Screen {
    let ceremony: &Ceremony = runner.ceremony();
    let exported = ceremony.exported().iter();
    let exported = exported.map(|file| format!("{}, SHA-256 {}", file.name, file.sha256)).collect();
    let record = runner.media().iter().map(|medium| format!("{}: {}", medium.label, medium.folder.display())).collect();
    Screen::Closed { closing, head: ceremony.stamp().head, exported, record }
}
