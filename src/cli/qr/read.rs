//! `qr read`.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, IsTerminal as _, Read as _, Write as _},
    path::{Path, PathBuf},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::show::say_words;
use crate::{
    cli::{
        args::qr::Read,
        exit::{Exit, Stop},
        out,
    },
    fault::{Error, Fault},
    files,
    qr::{
        camera::{Camera, Sight},
        pictures,
        scanner::{SILENCE_MS, Texts, open_serial},
    },
    rules::{Refusal, Rule},
    transfer::{
        compressed,
        parcel::Parcel,
        ur::{Heard, Progress, Receiver},
    },
    tui::qr::read::{self as page, Source},
};

pub(super) fn read(args: &Read) -> Result<Exit, Stop> {
    // Said before anybody takes a photograph.
    if fs::symlink_metadata(&args.output).is_ok() {
        let what = format!("{} already exists.", files::name(&args.output));
        return Err(Refusal::new(Rule::OutputFresh, what, "Name a new folder for the files.").into());
    }
    let message = if let Some(path) = &args.serial {
        let port = open_serial(path)?;
        match io::stdin().is_terminal() && io::stdout().is_terminal() {
            true => page::run(Source::Serial(port))?,
            false => from_serial(path, port)?,
        }
    } else if let Some(device) = &args.camera {
        let camera = Camera::open(device)?;
        match io::stdin().is_terminal() && io::stdout().is_terminal() {
            true => page::run(Source::Camera(camera))?,
            false => from_camera(camera)?,
        }
    } else if args.keyboard {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(Stop::Usage("--keyboard: a scanner that types needs a terminal to type into".into()));
        }
        page::run(Source::Keyboard)?
    } else {
        Some(from_pictures(&args.sources)?)
    };
    let Some(message) = message else {
        out::say("left; nothing was written");
        return Ok(Exit::Paused);
    };
    let parcel = Parcel::from_bytes(&compressed::inflate(&message)?)?;
    write(&parcel, &args.output)?;
    Ok(Exit::Done)
}

fn from_pictures(sources: &[PathBuf]) -> Result<Vec<u8>, Stop> {
    let on_terminal = io::stderr().is_terminal();
    let mut told = |progress: &Progress| {
        if on_terminal {
            show_map(progress);
        }
    };
    let found = pictures::message(sources, &mut told);
    if on_terminal {
        out::say("");
    }
    let found = found?;
    if found.among_others {
        out::say("pictures of several parcels lie here; the one that is whole was taken");
    }
    Ok(found.message)
}

/// One line on standard error that grows.
fn show_map(progress: &Progress) {
    const COLUMNS: usize = 60;
    let filled = COLUMNS * progress.rank / progress.count.max(1);
    let bar: String = (0..COLUMNS).map(|column| if column < filled { '#' } else { '.' }).collect();
    // Nothing can be done where nobody can be told.
    let _ = write!(io::stderr().lock(), "\r{bar} {} of {}", progress.rank, progress.count);
}

fn write(parcel: &Parcel, folder: &Path) -> Result<(), Stop> {
    files::create_directory(folder)?;
    let mut made = BTreeSet::new();
    for file in parcel.files() {
        // Names were looked at when the parcel was unpacked: they stay below this folder.
        for (at, _) in file.name.match_indices('/') {
            if made.insert(&file.name[..at]) {
                files::create_directory(&folder.join(&file.name[..at]))?;
            }
        }
        files::write_new(&folder.join(&file.name), &file.bytes)?;
    }
    out::product(&parcel.manifest())?;
    out::say(&format!("written to {}; nothing in it is trusted yet", files::name(folder)));
    say_words(parcel);
    Ok(())
}

/// A scanner on a serial port where there is no terminal: a line for each code.
pub(in crate::cli) fn from_serial(path: &Path, mut port: fs::File) -> Result<Option<Vec<u8>>, Error> {
    let doing = || format!("read from the scanner at {}", files::name(path));
    let (mut receiver, mut texts, mut buffer) = (Receiver::new(), Texts::default(), [0; 4096]);
    loop {
        let mut fds = [PollFd::new(&port, PollFlags::IN)];
        let silence = Timespec { tv_sec: 0, tv_nsec: i64::from(SILENCE_MS) * 1_000_000 };
        let ready = match poll(&mut fds, Some(&silence)) {
            Ok(ready) => ready > 0,
            Err(Errno::INTR) => continue,
            Err(cause) => return Err(Fault::machine(doing(), io::Error::from(cause)).into()),
        };
        let count = if ready { port.read(&mut buffer).map_err(|cause| Fault::machine(doing(), cause))? } else { 0 };
        if ready && count == 0 {
            return Err(Fault::machine(doing(), "it is gone").into());
        }
        let whole = buffer[..count].iter().filter_map(|byte| texts.byte(*byte)).collect::<Vec<_>>();
        for text in whole.into_iter().chain((!ready).then(|| texts.silence()).flatten()) {
            if is_whole_with(&mut receiver, &text) {
                return Ok(receiver.message().map(<[u8]>::to_vec));
            }
        }
    }
}

/// A camera where there is no terminal: a line for each code that another one followed.
pub(in crate::cli) fn from_camera(mut camera: Camera) -> Result<Option<Vec<u8>>, Error> {
    const WAIT_MS: u16 = 1000;
    let (mut receiver, mut last) = (Receiver::new(), String::new());
    loop {
        // A code stands in several pictures.
        let Some(Sight::Code(text)) = camera.look(WAIT_MS)?.filter(|sight| *sight != Sight::Code(last.clone())) else {
            continue;
        };
        if is_whole_with(&mut receiver, &text) {
            return Ok(receiver.message().map(<[u8]>::to_vec));
        }
        last = text;
    }
}

/// Takes the text of a code in and says how far it is; whether that is all.
fn is_whole_with(receiver: &mut Receiver, text: &str) -> bool {
    let heard = receiver.take(text);
    let progress = receiver.progress();
    let remark = page::remark(heard).map_or(String::new(), |said| format!(": {said}"));
    out::say(&format!("{} of {}{remark}", progress.rank, progress.count));
    heard == Heard::Whole
}
