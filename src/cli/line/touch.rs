//! An operation at the line UI: it runs on a thread of its own, so that a token that blinks can be counted down and left.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use super::{Io, STOP, secret_words};
use crate::{
    ceremony::prompt::Answer,
    fault::Fault,
    perform::{Performer, Touching},
    runner::Job,
    secret::{Secret, SecretRequest},
};

/// How often the countdown and the keyboard are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// From this many seconds on each second is said; before, each fifth.
const EACH_SECOND: u32 = 3;

/// Whether a token that blinks is left: nothing more is sent to it until people were asked what to do.
#[derive(Clone, Default)]
pub(super) struct Left(Arc<AtomicBool>);

impl Left {
    /// People are asked.
    pub fn take_back(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_left(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

enum Said {
    Wants(SecretRequest),
    Blinks(Touching),
    Done(Answer),
}

/// Performs a job while people see what it waits for.
///
/// # Errors
/// A fault where the keyboard fails.
pub(super) fn perform(performer: &mut Performer, job: Job, left: &Left, io: &mut dyn Io) -> Result<Answer, Fault> {
    let (say, said) = channel();
    let (give, given) = channel::<Option<Secret>>();
    let (blinks, is_left) = (say.clone(), left.clone());
    performer.when_a_token_blinks(Box::new(move |touching| {
        // The last look before the next command: once it was left, none is sent.
        match is_left.is_left() || blinks.send(Said::Blinks(touching.clone())).is_err() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }));
    thread::scope(|scope| {
        scope.spawn(move || {
            let answer = performer.perform(&job, &mut |request| {
                say.send(Said::Wants(request.clone())).ok()?;
                given.recv().ok()?
            });
            let _ = say.send(Said::Done(answer));
        });
        let mut countdown: Option<Countdown> = None;
        loop {
            match said.recv_timeout(LOOK) {
                Ok(Said::Done(answer)) => return Ok(answer),
                Ok(Said::Wants(request)) => {
                    countdown = None;
                    // A keyboard that fails is as good as nobody: the ceremony says so and asks what to do.
                    let secret = io.secret(&secret_words(&request)).ok().flatten();
                    let _ = give.send(secret.filter(|secret| !secret.is_empty()));
                }
                Ok(Said::Blinks(touching)) => countdown = Some(Countdown::begin(&touching, io)),
                Err(RecvTimeoutError::Timeout) => {
                    let Some(counting) = &mut countdown else { continue };
                    counting.say(io);
                    // A keyboard that fails is nobody: the token ends its wait, and nothing more is sent.
                    if !left.is_left() && io.stops().unwrap_or(true) {
                        left.leave();
                        io.say("Left. Nothing more is sent to it. Do not touch it: what it has already, it would still sign.");
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Fault::machine("perform an operation", "the thread that performs it ended"));
                }
            }
        }
    })
}

struct Countdown {
    began: Instant,
    seconds: u32,
    /// What was said last.
    said: u32,
}

impl Countdown {
    fn begin(touching: &Touching, io: &mut dyn Io) -> Self {
        for line in [touching.again(), touching.which()].into_iter().flatten() {
            io.say(&line);
        }
        let seconds = touching.seconds;
        io.say(&format!("TOUCH: {}: it blinks, {seconds} s.", touching.ask()));
        if io.is_people() {
            io.say(&format!("       Type {STOP} and Enter to leave it; then nothing more is sent."));
        }
        Self { began: Instant::now(), seconds, said: seconds }
    }

    fn say(&mut self, io: &mut dyn Io) {
        let gone = u32::try_from(self.began.elapsed().as_secs()).unwrap_or(u32::MAX);
        let rest = self.seconds.saturating_sub(gone);
        if rest < self.said && rest > 0 && (rest.is_multiple_of(5) || rest <= EACH_SECOND) {
            io.say(&format!("       {rest:>2} s"));
        }
        self.said = rest;
    }
}
