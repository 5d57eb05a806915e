//! What a test turns on a card from outside: touch, faults, insertion; and what it reads: the trace.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Who touches the sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Somebody does, as soon as it blinks.
    Auto,
    /// The test does, with [`Switches::press`].
    Manual,
    /// Nobody does.
    Never,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Harm {
    /// The card is pulled before it acts.
    EjectBefore,
    /// The card acts, and is pulled before it answers.
    EjectAfter,
    /// The card answers this status word and does not act.
    Status(u16),
    /// The card answers these bytes, status word and all, and does not act.
    Answer(Vec<u8>),
    /// The card acts, and its answer arrives cut in half.
    Cut,
    /// The card acts, and one bit of its answer is wrong.
    Flip,
    /// The card takes so much longer.
    Delay(Duration),
}

/// A fault that waits for its instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The instruction byte.
    pub ins: u8,
    /// How many of it pass unharmed first.
    pub skip: usize,
    pub harm: Harm,
}

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The card got power, or lost it.
    Power(bool),
    /// A command as it arrived, and the answer with its status word; empty where none was given.
    Exchange { command: Vec<u8>, answer: Vec<u8> },
}

struct State {
    touch: Touch,
    limit: Duration,
    pressed: bool,
    blinking: bool,
    touches: usize,
    inserted: bool,
    ending: bool,
    faults: Vec<Fault>,
    trace: Vec<Seen>,
}

/// The switches of one card, shared by the card and the test.
pub struct Switches {
    state: Mutex<State>,
    changed: Condvar,
}

impl Switches {
    /// Touched at once, not inserted; a touch is waited for as long as `limit`.
    pub fn new(limit: Duration) -> Self {
        let state = State {
            touch: Touch::Auto,
            limit,
            pressed: false,
            blinking: false,
            touches: 0,
            inserted: false,
            ending: false,
            faults: vec![],
            trace: vec![],
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.state());
        self.changed.notify_all();
        done
    }

    /// Says who touches from now on.
    pub fn touch(&self, touch: Touch) {
        self.change(|state| state.touch = touch);
    }

    /// Touches the sensor once. Where it does not blink, nothing comes of it.
    pub fn press(&self) {
        self.change(|state| state.pressed = state.blinking);
    }

    /// Whether it blinks, and how often it was touched while it did.
    pub fn touched(&self) -> (bool, usize) {
        let state = self.state();
        (state.blinking, state.touches)
    }

    /// Blinks until somebody touches; `false` where nobody does in time, or the card is pulled.
    pub(crate) fn wait_for_touch(&self) -> bool {
        let mut state = self.state();
        let until = Instant::now() + state.limit;
        state.blinking = true;
        state.pressed = false;
        let touched = loop {
            if state.pressed || state.touch == Touch::Auto {
                break state.inserted;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !state.inserted || state.ending {
                break false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        state.blinking = false;
        state.touches += usize::from(touched);
        touched
    }

    /// Puts the card in, or pulls it.
    pub fn insert(&self, inserted: bool) {
        self.change(|state| state.inserted = inserted);
    }

    pub fn is_inserted(&self) -> bool {
        self.state().inserted
    }

    /// Waits until the card is put in; `false` where that will not happen any more.
    pub(crate) fn wait_for_insertion(&self) -> bool {
        let mut state = self.state();
        while !state.inserted && !state.ending {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.ending
    }

    pub(crate) fn end(&self) {
        self.change(|state| (state.ending, state.inserted) = (true, false));
    }

    pub fn add_fault(&self, fault: Fault) {
        self.change(|state| state.faults.push(fault));
    }

    /// Whatever was to go wrong does not any more.
    pub fn clear_faults(&self) {
        self.change(|state| state.faults.clear());
    }

    /// The harm that is due at this instruction. Each fault is done once.
    pub(crate) fn due(&self, ins: u8) -> Option<Harm> {
        self.change(|state| {
            let at = state.faults.iter().position(|fault| fault.ins == ins)?;
            if state.faults[at].skip > 0 {
                state.faults[at].skip -= 1;
                return None;
            }
            Some(state.faults.remove(at).harm)
        })
    }

    pub(crate) fn note(&self, seen: Seen) {
        self.change(|state| state.trace.push(seen));
    }

    /// Everything that happened on the card's contacts since the last time this was called.
    pub fn take_trace(&self) -> Vec<Seen> {
        self.change(|state| std::mem::take(&mut state.trace))
    }
}
