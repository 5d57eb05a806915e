//! Frames in, a message out: from anywhere in the stream, in any order, with losses, and with whatever else stood before the camera.

use super::{
    Frame, NotAFrame, Part,
    crc::crc32,
    fountain::Chooser,
    solve::{Added, Solver},
};

/// What a message is recognised by; its parts all repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    count: u32,
    length: u32,
    checksum: u32,
    /// Bytes of a fragment.
    fragment: usize,
}

impl Name {
    /// The stream of this part.
    pub fn of(part: &Part) -> Self {
        Self { count: part.count, length: part.length, checksum: part.checksum, fragment: part.data.len() }
    }
}

/// Takes frames in until the message is whole.
///
/// The first part that is read says which message it is. Frames of another are counted and have no effect on it.
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    set: Option<Set>,
    message: Option<Vec<u8>>,
    counts: Counts,
}

#[derive(Clone, Debug)]
struct Set {
    name: Name,
    chooser: Chooser,
    solver: Solver,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    frames: u64,
    foreign: u64,
    unusable: u64,
    restarts: u64,
}

/// What came of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It said something new.
    News,
    /// It said nothing new.
    Known,
    /// The message is whole.
    Whole,
    /// It belongs to another message, and was not used.
    Foreign,
    /// It is no frame, and was not used.
    Not(NotAFrame),
    /// Parts contradict each other: one of another message has the same length and checksum. All parts were dropped; what is shown
    /// next begins a new set.
    Poisoned,
}

/// How far a receiver has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Fragments of the message; 0 before the first part.
    pub count: usize,
    /// How many different things are known of them.
    pub rank: usize,
    /// Which fragments are there by themselves. At the end all are, most of them at once.
    pub known: Vec<bool>,
    /// Frames of the message that were read.
    pub frames: u64,
    /// Frames of another message.
    pub foreign: u64,
    /// Codes that are no frames.
    pub unusable: u64,
    /// How often all parts were dropped.
    pub restarts: u64,
}

impl Receiver {
    /// Before the first frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the text of one code in. Once the message is whole nothing changes any more.
    pub fn take(&mut self, text: &str) -> Heard {
        let frame = match Frame::parse(text) {
            Ok(frame) => frame,
            Err(why) => {
                self.counts.unusable += 1;
                return Heard::Not(why);
            }
        };
        let part = match frame {
            // A whole message while another comes in is another's.
            Frame::Whole(message) if self.set.is_none() && self.message.is_none() => {
                self.counts.frames += 1;
                self.message = Some(message);
                return Heard::Whole;
            }
            Frame::Whole(message) => {
                let same = self.message.as_ref() == Some(&message);
                return if same { self.known() } else { self.foreign() };
            }
            Frame::Part(part) => part,
        };
        let name = Name::of(&part);
        if self.message.is_some() && self.set.is_none() {
            return self.foreign();
        }
        let set = self.set.get_or_insert_with(|| {
            let count = part.count as usize;
            Set { name, chooser: Chooser::new(count), solver: Solver::new(count) }
        });
        if set.name != name {
            return self.foreign();
        }
        if self.message.is_some() {
            return self.known();
        }
        self.counts.frames += 1;
        match set.solver.add(&set.chooser.fragments(part.number, part.checksum), &part.data) {
            Added::Known => Heard::Known,
            Added::Contradiction => self.poisoned(),
            Added::News if !set.solver.is_whole() => Heard::News,
            Added::News => {
                let mut message = set.solver.message().unwrap_or_default();
                // What the last fragment was filled up with is zero in every stream that is meant.
                let filled = message.split_off(name.length as usize);
                if crc32(&message) != name.checksum || filled.iter().any(|byte| *byte != 0) {
                    return self.poisoned();
                }
                self.message = Some(message);
                Heard::Whole
            }
        }
    }

    /// The message, once it is whole.
    pub fn message(&self) -> Option<&[u8]> {
        self.message.as_deref()
    }

    /// Which message comes in, after its first part.
    pub fn name(&self) -> Option<Name> {
        self.set.as_ref().map(|set| set.name)
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        let Counts { frames, foreign, unusable, restarts } = self.counts;
        let (count, rank, known) = match &self.set {
            Some(set) => (set.name.count as usize, set.solver.rank(), set.solver.known()),
            None if self.message.is_some() => (1, 1, vec![true]),
            None => (0, 0, vec![]),
        };
        Progress { count, rank, known, frames, foreign, unusable, restarts }
    }

    fn known(&mut self) -> Heard {
        self.counts.frames += 1;
        Heard::Known
    }

    fn foreign(&mut self) -> Heard {
        self.counts.foreign += 1;
        Heard::Foreign
    }

    fn poisoned(&mut self) -> Heard {
        self.set = None;
        self.counts.restarts += 1;
        Heard::Poisoned
    }
}

#[cfg(test)]
mod tests;
