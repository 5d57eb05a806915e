//! `rehearse`, `run` and `resume`: a runner and a performer, a front end for people, and the end of the record.

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
};

use super::{
    answers::{self, Answers},
    args::{Front, Rehearse, Resume, Run},
    exit::{Exit, Stop},
    line::{self, Io, Keyboard},
    out,
    start::{self, Start, StartError},
};
use crate::{
    ceremony::{event::Mode, outline, words::erase},
    fault::Error,
    files,
    perform::{Performer, record, rehearsal},
    preflight,
    runner::{Ended, Found, Runner},
    token::{pkcs11::rehearsal::Rehearsal, quirks::Trust},
    tui,
};

/// The script that is rehearsed where none is named.
const GENESIS: &str = include_str!("../../ceremony-scripts/genesis.toml");

impl From<StartError> for Stop {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Script(what) => Self::Usage(what),
            StartError::Error(error) => Self::Error(error),
        }
    }
}

pub(super) fn rehearse(args: &Rehearse) -> Result<Exit, Stop> {
    let answers = args.answers.as_deref().map(read_answers).transpose()?;
    let record = match &args.place.record {
        Some(record) => record.clone(),
        None => {
            let now = preflight::now()?.to_string().replace(['-', ':'], "");
            PathBuf::from(format!("rehearsal-{now}"))
        }
    };
    let second = args.place.second.clone().unwrap_or_else(|| beside(&record, "-second"));
    let script = match &args.script {
        Some(script) => script.clone(),
        None => {
            let script = beside(&record, ".toml");
            out::write(Some(&script), GENESIS)?;
            script
        }
    };
    match start::rehearse(&script, &record, &second, args.module.as_deref())? {
        Start::Again(name, value) => {
            // Everything is named now, so that the second start does not choose anew.
            let mut again: Vec<OsString> = vec!["rehearse".into(), script.into()];
            again.extend(["--record".into(), record.into(), "--second".into(), second.into()]);
            again.extend(args.answers.iter().flat_map(|file| ["--answers".into(), file.into()]));
            again.extend(args.module.iter().flat_map(|module| ["--module".into(), module.into()]));
            again.extend(args.front.line.then(|| OsString::from("--line")));
            Err(start::again(name, &value, again).into())
        }
        Start::Ready(runner, performer) => go(*runner, *performer, answers.as_ref(), args.front, &record),
    }
}

pub(super) fn run(args: &Run, trust: Trust) -> Result<Exit, Stop> {
    people_are_there()?;
    match start::run(&args.script, &args.record, &args.second, args.previous.as_deref(), trust)? {
        Start::Again(name, value) => Err(start::again(name, &value, std::env::args_os().skip(1)).into()),
        Start::Ready(runner, performer) => go(*runner, *performer, None, args.front, &args.record),
    }
}

pub(super) fn resume(args: &Resume, trust: Trust) -> Result<Exit, Stop> {
    let answers = args.answers.as_deref().map(read_answers).transpose()?;
    let found = start::find(&args.record, args.second.as_deref())?;
    let ceremony = found.ceremony();
    if ceremony.closing().is_some() {
        let folders = [Some(args.record.as_path()), args.second.as_deref()];
        if !folders.into_iter().flatten().all(record::is_finished) {
            start::finish(found)?;
            out::say("this ceremony was over; its report, card and manifest are written now:");
            out::product(&format!("{}\n", files::name(&args.record)))?;
            return Ok(Exit::Done);
        }
        return Err(Stop::Usage(format!(
            "{}: this ceremony is over; officiant verify goes through its record",
            files::name(&args.record)
        )));
    }
    match ceremony.mode() {
        Mode::Rehearsal => {
            let tokens = Rehearsal::again(&args.record.join(rehearsal::FOLDER), args.module.as_deref())?;
            if !tokens.is_in_force() {
                let (name, value) = tokens.environment();
                return Err(again(args, name, &value));
            }
        }
        Mode::Production if answers.is_some() => {
            return Err(Stop::Usage("--answers: an answers file stands for people in a rehearsal only".into()));
        }
        Mode::Production => people_are_there()?,
    }
    if answers.is_none() && !agree(&found, &mut Keyboard::new())? {
        return Ok(Exit::Paused);
    }
    match start::resume(found, &args.record, &args.inputs, args.module.as_deref(), trust)? {
        Start::Again(name, value) => Err(again(args, name, &value)),
        Start::Ready(runner, performer) => go(*runner, *performer, answers.as_ref(), args.front, &args.record),
    }
}

/// In production nobody but people answers, so somebody must be able to.
fn people_are_there() -> Result<(), Stop> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Stop::Usage("standard input is no terminal; in production people type for themselves".into()))
}

/// Starts again with every argument of a resume, whether it was typed or chosen.
fn again(args: &Resume, name: &str, value: &OsString) -> Stop {
    let mut again: Vec<OsString> = vec!["resume".into(), args.record.clone().into()];
    again.extend(["--inputs".into(), args.inputs.clone().into()]);
    again.extend(args.second.iter().flat_map(|second| ["--second".into(), second.into()]));
    again.extend(args.answers.iter().flat_map(|file| ["--answers".into(), file.into()]));
    again.extend(args.module.iter().flat_map(|module| ["--module".into(), module.into()]));
    again.extend(args.front.line.then(|| OsString::from("--line")));
    start::again(name, value, again).into()
}

fn beside(record: &Path, suffix: &str) -> PathBuf {
    let mut name = record.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn read_answers(path: &Path) -> Result<Answers, Stop> {
    let bytes = files::read(path, files::limit::ANSWERS)?;
    let usage = |what: String| Stop::Usage(format!("{}: {}", files::name(path), what.trim_end()));
    let text = String::from_utf8(bytes).map_err(|_| usage("this is not UTF-8 text".into()))?;
    Answers::read(&text).map_err(usage)
}

/// Shows where a record stands, with what was being written when it stopped, and asks whether to go on.
fn agree(found: &Found, io: &mut dyn Io) -> Result<bool, Stop> {
    let ceremony = found.ceremony();
    let position = ceremony.position();
    io.say(&format!(
        "{}: {} stopped in act {}, step {} ({} of {} steps done).",
        position.stamp,
        crate::text::shown(&ceremony.script().title),
        position.act,
        position.number,
        position.steps_done,
        position.steps
    ));
    outline::account(&ceremony).iter().for_each(|line| io.say(&format!("  {line}")));
    let (word, what) = match found.torn() {
        Some(torn) => {
            io.say(&format!("  {torn}."));
            ("CUT", "cut the torn line off and go on")
        }
        None => ("RESUME", "go on"),
    };
    loop {
        match io.line(&format!("Type {word} to {what}, LEAVE to leave everything as it is: "))? {
            Some(line) if line.trim().eq_ignore_ascii_case(word) => return Ok(true),
            Some(line) if line.trim().eq_ignore_ascii_case("leave") => return Ok(false),
            Some(_) => {}
            None => return Ok(false),
        }
    }
}

fn go(
    mut runner: Runner,
    mut performer: Performer,
    answers: Option<&Answers>,
    front: Front,
    record: &Path,
) -> Result<Exit, Stop> {
    let ended = match answers {
        Some(answers) => answers::go_through(&mut runner, &mut performer, answers, &mut out::say)?,
        None => with_people(&mut runner, performer, front)?,
    };
    if ended != Ended::Paused {
        record::finish(&runner)?;
    }
    let ceremony = runner.ceremony();
    ceremony.keys_left().iter().for_each(|left| out::say(&erase::left(ceremony, left)));
    out::say(match ended {
        Ended::Closed => "closed; the record:",
        Ended::Abandoned => "abandoned; the record:",
        Ended::Paused => "paused; officiant resume goes on with the record:",
    });
    out::product(&format!("{}\n", files::name(record)))?;
    Ok(ended.into())
}

/// People get the whole screen where there is a terminal, and are asked line by line elsewhere.
fn with_people(runner: &mut Runner, performer: Performer, front: Front) -> Result<Ended, Error> {
    if has_screen(front) {
        return tui::run(runner, performer);
    }
    line::run(runner, &mut performer.with_codes(Box::new(line::ByTerminal)), &mut Keyboard::new())
}

/// Whether there is a terminal that can show a whole screen.
pub(super) fn has_screen(front: Front) -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    !front.line && !dumb && io::stdin().is_terminal() && io::stdout().is_terminal()
}
