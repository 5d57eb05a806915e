//! What each scene shows, a file a scene. Every function here makes lines of a width; nothing here draws or decides.

pub mod asides;
mod batch;
mod closed;
pub(in crate::tui) mod grid;
mod handover;
pub mod help;
pub mod input;
mod no_return;
pub mod outline;
mod pause;
mod plain;
mod read_back;
mod review;
mod secret;
mod statement;
pub mod step;
mod stopped;
mod swap;
pub mod tally;
mod touch;
mod trouble;
mod working;
mod write_down;

use ratatui::text::Line;

use super::{
    model::{Asking, Listening, Model, Screen},
    paint, words,
};
use crate::ceremony::prompt::Scene;

/// What is in the middle of the screen, `width` columns wide and, where that can be, `rows` rows high.
pub fn lines(model: &Model, width: usize, rows: usize) -> Vec<Line<'static>> {
    match &model.screen {
        Screen::Asking(asking) => scene(model, asking, width, rows),
        Screen::Working(working) => working::lines(working, model.now, width),
        Screen::Secret { request, working, .. } => secret::lines(request, working, model.now, width),
        Screen::Touch { touching, since, left, working } => {
            touch::lines(touching, (*since, model.now), *left, working, width)
        }
        Screen::Blocked(refusal) => trouble::refusal(refusal, width),
        Screen::Stopped { account, head } => stopped::lines(account, *head, width),
        Screen::Closed { closing, head, exported, record } => closed::lines(*closing, *head, exported, record, width),
    }
}

fn scene(model: &Model, asking: &Asking, width: usize, rows: usize) -> Vec<Line<'static>> {
    match &asking.prompt.scene {
        Scene::Plain { ask } => plain::lines(ask, width),
        Scene::Statement { text } => statement::lines(text, width),
        Scene::WriteDown { subject, digest, count } => write_down::lines(subject, digest, *count, width, rows),
        Scene::ReadBack { subject, blind, stand } => {
            read_back::lines(subject, (blind, *stand), &asking.supplied, width, rows)
        }
        Scene::Review(sheet) => review::lines(sheet, width),
        Scene::Batch(sheet) => asking.set_at(width, || batch::lines(sheet, width)),
        Scene::List { title, lines, ask } => asking.set_at(width, || batch::list(title, lines, ask, width)),
        Scene::Handover { from, to, token, secret } => handover::lines(model, (from, to), token, secret, width),
        Scene::Swap { token, ask } => swap::lines(token, ask, width),
        Scene::PointOfNoReturn { what, leaving_now, leaving_later } => {
            no_return::lines(what, leaving_now, leaving_later, width)
        }
        Scene::Trouble { trouble, remedy } => trouble::lines(trouble, remedy, width),
        Scene::Break { minutes, ask } => pause::lines(*minutes, ask, asking.since, model.now, width),
        Scene::Stopped { account, head } => stopped::lines(account, *head, width),
    }
}

/// The line of keys at the foot of the screen.
pub fn keys(model: &Model) -> Line<'static> {
    let text = if model.overlay.is_some() {
        words::KEYS_OVERLAY
    } else {
        match (&model.screen, model.listening()) {
            (_, Listening::Pin { .. }) => words::KEYS_SECRET,
            (_, Listening::NewWord { .. } | Listening::Word { .. }) => words::KEYS_WORD,
            (Screen::Asking(_), _) => words::KEYS,
            (Screen::Working(_), _) => words::KEYS_WORKING,
            (Screen::Touch { left: false, .. }, _) => words::KEYS_TOUCH,
            (Screen::Touch { .. }, _) => words::KEYS_WORKING,
            _ => words::KEYS_END,
        }
    };
    paint::line(text, paint::DIM)
}
