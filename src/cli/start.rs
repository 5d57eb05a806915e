//! Begins and resumes ceremonies: makes the runner and the performer that every front end drives.

use std::{
    ffi::OsString,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use crate::{
    ceremony::{
        event::{Mode, Program},
        script::{Script, read},
    },
    fault::{Error, Fault},
    files,
    perform::{Performer, record, rehearsal},
    preflight,
    runner::{Beginning, Clock, Medium, Runner, previous, this_program},
    token::{pkcs11::rehearsal::Rehearsal, quirks::Trust},
    utc::Utc,
};

/// What came of starting.
pub enum Start {
    /// Go on with these.
    Ready(Box<Runner>, Box<Performer>),
    /// Start this program again with this in its environment: SoftHSM reads its configuration before anything else.
    Again(&'static str, OsString),
}

/// Why a ceremony did not start.
#[derive(Debug)]
pub enum StartError {
    /// The script cannot be read: the file, and what is wrong where.
    Script(String),
    /// A rule said no, or the world failed.
    Error(Error),
}

impl<E: Into<Error>> From<E> for StartError {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Reads and parses a script.
///
/// # Errors
/// What is wrong with it, with file and line.
pub fn load_script(path: &Path) -> Result<(Vec<u8>, Arc<Script>), StartError> {
    let text = files::read(path, files::limit::SCRIPT)?;
    let script = read::script(&text).map_err(|error| StartError::Script(format!("{}, {error}", files::name(path))))?;
    Ok((text, Arc::new(script)))
}

/// Begins a rehearsal in the new folder `record`, with a second copy in `second`.
///
/// # Errors
/// A script that cannot be read, an existing record, SoftHSM missing, or a fault.
pub fn rehearse(path: &Path, record: &Path, second: &Path, module: Option<&Path>) -> Result<Start, StartError> {
    let (text, script) = load_script(path)?;
    let folder = record.join(rehearsal::FOLDER);
    let tokens = match Rehearsal::again(&folder, module) {
        Ok(tokens) if tokens.is_in_force() => tokens,
        _ => {
            files::create_directory(record)?;
            let (name, value) = Rehearsal::prepare(&folder, module)?.environment();
            return Ok(Start::Again(name, value));
        }
    };
    let beside = path.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let stand_ins = rehearsal::stand_ins(&script, &beside, record, &tokens.module, preflight::now()?)?;
    let media = media_of(&script, record, second);
    let previous = previous::of_card(&script, &beside)?;
    let beginning = Beginning { script: text, mode: Mode::Rehearsal, program: program()?, media, previous, stand_ins };
    let runner = Runner::begin(beginning, machine_clock())?;
    let performer = Performer::new(script, rehearsal::inputs(record), Some(tokens.module), Trust::shipped())
        .with_frames(rehearsal::frames(record));
    Ok(Start::Ready(Box::new(runner), Box::new(performer)))
}

/// Begins the real thing. `previous` is the record of the ceremony before this one.
///
/// # Errors
/// A script that cannot be read, an existing record, a previous record that does not hold, or a fault.
pub fn run(
    path: &Path,
    record: &Path,
    second: &Path,
    previous: Option<&Path>,
    trust: Trust,
) -> Result<Start, StartError> {
    let (text, script) = load_script(path)?;
    let inputs = path.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let previous = match previous {
        Some(folder) => Some(previous::of_record(&find(folder, None)?, folder, &script)?),
        None => previous::of_card(&script, &inputs)?,
    };
    let media = media_of(&script, record, second);
    let beginning =
        Beginning { script: text, mode: Mode::Production, program: program()?, media, previous, stand_ins: vec![] };
    let runner = Runner::begin(beginning, machine_clock())?;
    let performer = Performer::new(script, inputs, None, trust);
    Ok(Start::Ready(Box::new(runner), Box::new(performer)))
}

/// Looks for a record on its media, to show where it stands before it goes on.
///
/// # Errors
/// As [`Runner::find`].
pub fn find(record: &Path, second: Option<&Path>) -> Result<crate::runner::Found, StartError> {
    // The labels stand in the script, which is found with the record.
    let (_, script) = load_script(&record.join("script.toml"))?;
    let mut media = vec![Medium { label: script.media[0].clone(), folder: record.to_path_buf() }];
    if let Some(second) = second {
        media.push(Medium { label: script.media[1].clone(), folder: second.to_path_buf() });
    }
    Ok(Runner::find(&media)?)
}

/// Goes on with a record that was found. `inputs` is the folder that the script's file names are relative to.
///
/// # Errors
/// SoftHSM missing for a rehearsal, or a fault.
pub fn resume(
    found: crate::runner::Found,
    record: &Path,
    inputs: &Path,
    module: Option<&Path>,
    trust: Trust,
) -> Result<Start, StartError> {
    let script = Arc::clone(found.script());
    let rehearsed = found.ceremony().mode() == Mode::Rehearsal;
    let (inputs, module) = if rehearsed {
        let tokens = Rehearsal::again(&record.join(rehearsal::FOLDER), module)?;
        if !tokens.is_in_force() {
            let (name, value) = tokens.environment();
            return Ok(Start::Again(name, value));
        }
        (rehearsal::inputs(record), Some(tokens.module))
    } else {
        (inputs.to_path_buf(), None)
    };
    let runner = found.resume(program()?, machine_clock())?;
    let performer = Performer::new(script, inputs, module, trust);
    let performer = if rehearsed { performer.with_frames(rehearsal::frames(record)) } else { performer };
    Ok(Start::Ready(Box::new(runner), Box::new(performer)))
}

/// Finishes the record of a ceremony that is over: the program was stopped before it wrote report, card and manifest.
///
/// # Errors
/// A fault where a medium cannot be written.
pub fn finish(found: crate::runner::Found) -> Result<(), StartError> {
    Ok(record::finish(&found.reopen(machine_clock())?)?)
}

/// Starts this program again in its own place, with one more variable in its environment. Returns only where that fails.
pub fn again(name: &str, value: &OsString, arguments: impl IntoIterator<Item = OsString>) -> Fault {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return Fault::machine("find this program's own file", error),
    };
    let error = Command::new(program).args(arguments).env(name, value).exec();
    Fault::machine("start this program again", error)
}

fn media_of(script: &Script, first: &Path, second: &Path) -> Vec<Medium> {
    let [a, b] = script.media.clone();
    vec![Medium { label: a, folder: first.to_path_buf() }, Medium { label: b, folder: second.to_path_buf() }]
}

fn program() -> Result<Program, Fault> {
    let path = std::env::current_exe().map_err(|error| Fault::machine("find this program's own file", error))?;
    Ok(this_program(files::digest(&path, files::limit::MODULE)?, "shipped"))
}

/// The machine's clock. Where it cannot be read it stands at 1970, which `CLOCK-FORWARD` refuses.
fn machine_clock() -> Clock {
    Box::new(|| preflight::now().unwrap_or(Utc::EPOCH))
}
