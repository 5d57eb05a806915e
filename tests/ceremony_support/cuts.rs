//! Where a ceremony can be cut: the world as it was around an operation, kept, and put back to be resumed from.

use std::{fs, path::PathBuf};

use officiant::token::pkcs11::{self, rehearsal::Rehearsal};

use super::{People, Room, record};

/// What a cut finds: both media, and the soft tokens.
const WORLD: [&str; 3] = ["a", "b", "tokens/tokens"];

/// Moments of one ceremony, in order.
#[derive(Default)]
pub struct Moments(Vec<Moment>);

/// One of them.
pub struct Moment {
    /// When it was, for whoever reads a failure.
    pub what: String,
    copy: PathBuf,
    place: PathBuf,
}

impl Moments {
    /// Keeps the world as it is now.
    pub fn keep(&mut self, room: &Room, what: String) {
        let (place, copy) = (room.place.clone(), room.place.join(format!("moments/{}", self.0.len())));
        for part in WORLD {
            record::copy(&place.join(part), &copy.join(part));
        }
        self.0.push(Moment { what, copy, place });
    }

    /// Does the operation that is pending, and keeps the world before it, before its answer is told, and after.
    pub fn around_an_operation(&mut self, room: &mut Room) {
        let job = room.runner.intend().expect("an intent").expect("an operation");
        let what = job.operation.words();
        self.keep(room, format!("{what}, intended"));
        let answer = room.do_job(&job);
        self.keep(room, format!("{what}, done, and nobody told"));
        room.say(answer);
        self.keep(room, format!("{what}, done"));
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = &Moment> {
        self.0.iter()
    }
}

impl Moment {
    /// Puts the world back as it was, and opens the ceremony there.
    pub fn resumed(&self, tokens: &Rehearsal, people: &People) -> Room {
        pkcs11::close_all();
        for part in WORLD {
            fs::remove_dir_all(self.place.join(part)).expect("the last try is cleared away");
            record::copy(&self.copy.join(part), &self.place.join(part));
        }
        Room::resume(tokens, &self.place, people.clone()).unwrap_or_else(|error| panic!("{}: {error:?}", self.what))
    }
}
