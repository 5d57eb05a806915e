//! A message out of photographs and videos.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{picture::text_in, video::each_picture};
use crate::{
    fault::{Error, Fault},
    files,
    rules::{Refusal, Rule},
    transfer::ur::{Frame, Progress, Receiver, receive::Name},
};

/// The largest picture or video, in bytes.
const FILE_MAX: u64 = 1 << 30;
/// The most files that are looked at.
const FILES_MAX: usize = 20_000;
/// The most texts that are kept to be gone through again.
const TEXTS_MAX: usize = 4096;
/// How many streams are tried, where pictures of several lie in one folder.
const STREAMS_MAX: usize = 4;

/// What was seen.
#[derive(Default)]
struct Seen {
    pictures: usize,
    without_code: usize,
    undecodable: usize,
    not_read: Vec<String>,
    texts: Vec<String>,
}

/// A message that is whole.
pub struct Found {
    /// Its bytes.
    pub message: Vec<u8>,
    /// Whether pictures of another message lie there too, which is not whole.
    pub among_others: bool,
}

/// Looks at every picture of these files and folders until a message is whole. `told` hears after each picture how far it is.
///
/// # Errors
/// `PARCEL-INTACT` where none is, with what was seen; a fault where a file cannot be read.
pub fn message(sources: &[PathBuf], told: &mut dyn FnMut(&Progress)) -> Result<Found, Error> {
    let mut seen = Seen::default();
    let mut receiver = Receiver::new();
    for path in paths(sources)? {
        let bytes = files::read(&path, FILE_MAX)?;
        let look = &mut |picture| {
            seen.pictures += 1;
            match text_in(&picture) {
                None => seen.without_code += 1,
                Some(text) => {
                    receiver.take(&text);
                    if seen.texts.len() < TEXTS_MAX && seen.texts.last() != Some(&text) {
                        seen.texts.push(text);
                    }
                }
            }
            told(&receiver.progress());
            receiver.message().is_none()
        };
        match each_picture(&bytes, look) {
            Some(bad) => seen.undecodable += bad,
            None => seen.not_read.push(files::name(&path)),
        }
        if receiver.message().is_some() {
            break;
        }
    }
    if let Some(message) = receiver.message() {
        return Ok(Found { message: message.to_vec(), among_others: false });
    }
    let found = of_another(&receiver, &seen.texts).map(|message| Found { message, among_others: true });
    found.ok_or_else(|| incomplete(&seen, &receiver.progress()).into())
}

/// Where the first stream did not come to its end, another may: pictures of several tries lie in one folder.
fn of_another(first: &Receiver, texts: &[String]) -> Option<Vec<u8>> {
    let mut left_out = vec![first.name()?];
    for _ in 1..STREAMS_MAX {
        let mut receiver = Receiver::new();
        let old =
            |text: &str| matches!(Frame::parse(text), Ok(Frame::Part(part)) if left_out.contains(&Name::of(&part)));
        for text in texts.iter().filter(|text| !old(text)) {
            receiver.take(text);
        }
        if let Some(message) = receiver.message() {
            return Some(message.to_vec());
        }
        left_out.push(receiver.name()?);
    }
    None
}

fn incomplete(seen: &Seen, progress: &Progress) -> Refusal {
    let mut what = match (seen.pictures, progress.count) {
        (0, _) => "No picture could be read.".to_owned(),
        (pictures, 0) if seen.texts.is_empty() => format!("No code was found in {pictures} pictures."),
        (pictures, 0) => format!("The codes in {pictures} pictures are no frames of this program."),
        (pictures, count) => {
            format!(
                "After {pictures} pictures {} of {count} are known; {} had no code that could be read.",
                progress.rank, seen.without_code
            )
        }
    };
    let mut add = |count: u64, text: &str| {
        if count > 0 {
            what.push_str(&format!(" {count} {text}."));
        }
    };
    add(progress.foreign, "frames were of another parcel");
    add(progress.unusable, "codes were of something else or misread");
    add(progress.restarts, "times parts contradicted each other, and all were dropped");
    add(seen.undecodable as u64, "pictures were damaged or too large");
    for name in seen.not_read.iter().take(3) {
        what.push_str(&format!(" {name} is neither a picture nor a video that is read here."));
    }
    let remedy = match () {
        () if !seen.not_read.is_empty() && seen.pictures == 0 => {
            "PNG, JPEG, GIF, MJPEG and Y4M are read. Make pictures of a telephone's video: ffmpeg -i video.mp4 pictures/%04d.png"
        }
        () if progress.count == 0 => {
            "Go closer, until the code fills most of the picture; make the screen bright; hold still."
        }
        () => "Take more photographs and add them: any frames will do, in any order.",
    };
    Refusal::new(Rule::ParcelIntact, what, remedy)
}

/// Files as they were named, and those of folders in the order of their names.
fn paths(sources: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut paths = vec![];
    for source in sources {
        if !source.is_dir() {
            paths.push(source.clone());
            continue;
        }
        paths.extend(in_folder(source)?);
        if paths.len() > FILES_MAX {
            let what = format!("more than {FILES_MAX} files");
            return Err(Fault::machine(format!("read the folder {}", files::name(source)), what).into());
        }
    }
    Ok(paths)
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let failed = |cause| Fault::machine(format!("read the folder {}", files::name(folder)), cause);
    let mut paths = vec![];
    for entry in fs::read_dir(folder).map_err(failed)?.take(FILES_MAX + 1) {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
