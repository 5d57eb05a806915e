//! The terminal UI: people are led through a ceremony, one screen at a time.
//!
//! # The rules of this UI
//!
//! 1. Nobody goes on by accident: a word is typed whole, never bare Enter. A list is answered by its number and then a word.
//! 2. Always visible: REHEARSAL or PRODUCTION (and SINGLE CONTROL), act and step, who is to act, UTC, the transcript's head.
//!    A rehearsal has a frame that no production screen has.
//! 3. The words of a step are those on paper. The program's own words stand in [`words`].
//! 4. A secret is read from the terminal's file descriptor into locked memory ([`keys`]), never through the event queue; the
//!    screen and the model know how many characters it has, and no more. Keys that were typed before it was asked for do not count.
//! 5. Everything that is drawn goes through [`paint`], which escapes what could paint the screen. Only cells are drawn, with the
//!    sixteen colours and the glyphs of the Linux console.
//! 6. A burst of keys from a token is swallowed ([`burst`]). Ctrl-C ends nothing; it offers to leave.
//! 7. [`model`] is what there is, [`update()`](update::update) what follows from a message, [`view()`](view::view) what is seen:
//!    all three are pure. The shell does what an [`model::Effect`] names, a worker thread does what touches the world.
//! 8. However it ends, the terminal is left as it was ([`terminal`]), and what happened is in the record already.

pub mod burst;
mod glyphs;
mod home;
pub mod keys;
pub mod model;
pub mod paint;
pub mod prompts;
pub mod qr;
mod shell;
pub mod terminal;
#[cfg(test)]
mod tests;
pub mod update;
pub mod view;
pub mod words;
mod worker;

pub use self::{
    home::{Choice, home},
    shell::run,
};
