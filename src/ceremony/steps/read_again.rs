//! Every medium of the record is taken out of the machine and put in again, one after the other, and what the shares open is read from it once
//! more (`MEDIUM-READS-BACK`). What was read a moment after it was written came from this machine's memory, and says nothing of the medium.

use super::{ask_to_type, preflight::failed};
use crate::{
    ceremony::{
        Ceremony, Pending, chosen,
        event::Event,
        operation::{ExportedFile, Operation, Outcome},
        participants::Alias,
        prompt::{Answer, Choice, Input, Prompt, Scene},
        unfit,
        words::media as say,
    },
    rules::{Passed, Refusal, Rule},
};

/// What is owed next.
enum Turn {
    /// The program lets go of it.
    Out(String),
    /// It is taken out and put in.
    In(String),
    /// It is read.
    Read(String),
}

fn turn(ceremony: &Ceremony, name: &Alias) -> Option<Turn> {
    let backup = ceremony.backups.get(name).filter(|_| ceremony.edition >= 2)?;
    if !backup.is_in_custody() {
        return None;
    }
    let medium = ceremony.media.iter().find(|medium| !backup.read_on.contains(medium))?.clone();
    // The last one that holds the record is read where it is: somebody has to write what happens.
    if ceremony.media.len() == 1 {
        return Some(Turn::Read(medium));
    }
    if ceremony.backups.let_go() != Some(&medium) {
        return Some(Turn::Out(medium));
    }
    // After trouble with reading it is taken out once more.
    let again = ceremony.here.iter().rposition(|event| matches!(event, Event::TryAgain { .. }));
    let since = &ceremony.here[again.map_or(0, |at| at + 1)..];
    let is_in = since.iter().any(|event| matches!(event, Event::Went { on, .. } if *on == say::is_in(&medium)));
    Some(if is_in { Turn::Read(medium) } else { Turn::In(medium) })
}

fn choices() -> Vec<Choice> {
    vec![Choice::new("IN", say::DOES_IN), Choice::new("WITHOUT", say::DOES_WITHOUT)]
}

/// What is waited for; `None` once every medium was read.
pub(super) fn pending(ceremony: &Ceremony, name: &Alias) -> Option<Pending> {
    match turn(ceremony, name)? {
        Turn::Out(medium) => {
            let scene = Scene::Plain { ask: say::out(&medium) };
            ask_to_type(ceremony.leaders(), scene, "OUT", say::DOES_OUT)
        }
        Turn::In(medium) => {
            let scene = Scene::Plain { ask: say::in_again(&medium) };
            let input = Input::Word(choices());
            Some(Pending::Ask(Box::new(Prompt { who: ceremony.leaders(), scene, input })))
        }
        Turn::Read(medium) => {
            let files = ceremony.backups.get(name)?.files.clone();
            Some(Pending::Do(Operation::ReadMedium { name: name.clone(), medium, files }))
        }
    }
}

/// What follows from an answer to [`pending`].
pub(super) fn decide(ceremony: &Ceremony, name: &Alias, answer: &Answer) -> Result<Vec<Event>, Refusal> {
    match (turn(ceremony, name), answer) {
        (_, Answer::Failed(trouble)) => failed(trouble),
        (Some(Turn::Out(medium)), Answer::Word(_)) => Ok(vec![Event::MediumLetGo { medium }]),
        (Some(Turn::In(medium)), Answer::Word(word)) => match chosen(&choices(), word) {
            Some("WITHOUT") => without(ceremony, medium),
            _ => Ok(vec![Event::Went { word: "IN".into(), on: say::is_in(&medium) }]),
        },
        // After a resume it may be read before it was let go once more: the intent says which one it is.
        (_, Answer::Done(outcome)) => match (outcome.as_ref(), ceremony.intent()) {
            (Outcome::MediumRead { files }, Some(Operation::ReadMedium { medium, files: wanted, .. })) => {
                read(name, medium, wanted, files)
            }
            _ => Err(unfit("A medium was to be read.")),
        },
        _ => Err(unfit("That is not what this step waits for.")),
    }
}

/// The record goes on without this medium, where two people decided so.
fn without(ceremony: &Ceremony, medium: String) -> Result<Vec<Event>, Refusal> {
    if !ceremony.here.iter().any(|event| matches!(event, Event::ExceptionNoted { .. })) {
        return Err(Refusal::new(Rule::MediumReadsBack, say::not_read(&medium), say::AFTER_BAD_MEDIUM));
    }
    Ok(vec![Event::MediumFailed { medium, cause: say::GIVEN_UP.into() }])
}

fn read(name: &Alias, medium: &str, wanted: &[ExportedFile], files: &[ExportedFile]) -> Result<Vec<Event>, Refusal> {
    if wanted != files {
        return Err(Refusal::new(Rule::MediumReadsBack, say::not_read(medium), say::AFTER_BAD_MEDIUM));
    }
    let passed = vec![Passed::new(Rule::MediumReadsBack, say::was_read(medium, files.len()))];
    let (name, medium) = (name.clone(), medium.to_owned());
    Ok(vec![Event::MediumRead { name, medium, files: files.to_vec(), passed }])
}
