//! QR codes: pictures are read here; a screen and a scanner are the front end's, which is asked through [`Codes`].

use std::path::{Path, PathBuf};

use super::{Performed, Performer, Stopped, rehearsal};
use crate::{
    ceremony::{
        crossing::{FrameSource, Shown, crosses_as},
        operation::{ExportedFile, Outcome},
    },
    digest::Digest,
    fault::{Error, Fault},
    files,
    qr::pictures,
    rules::{Refusal, Rule},
    runner::{Job, Medium, PUBLISH},
    transfer::{
        MANIFEST, Manifest, compressed,
        parcel::{FILES_MAX, File, Parcel},
    },
};

/// What only a front end can do with QR codes. It sees frames and parcels, and can answer nothing else by it.
pub trait Codes: Send {
    /// Reads codes from a scanner or a camera until a message is whole; `None` where people leave before.
    ///
    /// # Errors
    /// A fault where the scanner, the camera or the terminal fails.
    fn scan(&mut self, scanner: &Scanner) -> Result<Option<Vec<u8>>, Error>;

    /// Shows a parcel until people leave it. Its files lie in `folders`, from which the verb `qr show` makes the same parcel.
    ///
    /// # Errors
    /// `FRAME-WITHIN-LIMITS`; a fault where the terminal fails.
    fn show(&mut self, parcel: &Parcel, folders: &[PathBuf]) -> Result<(), Error>;
}

/// A scanner of a ceremony, or a camera in the place of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scanner {
    /// On this serial port.
    Serial(PathBuf),
    /// One that types.
    Keyboard,
    /// The camera at this device, which scans whatever is before it.
    Camera(PathBuf),
}

/// Where nobody sits at a screen.
pub struct Unattended;

impl Codes for Unattended {
    fn scan(&mut self, _scanner: &Scanner) -> Result<Option<Vec<u8>>, Error> {
        Err(Fault::machine("read from a scanner", "nobody is here to hold it").into())
    }

    fn show(&mut self, parcel: &Parcel, _folders: &[PathBuf]) -> Result<(), Error> {
        // What would be shown has to fit all the same.
        compressed::compress(&parcel.to_bytes())?;
        Ok(())
    }
}

impl Performer {
    /// The same with a front end that has a screen.
    #[must_use]
    pub fn with_codes(self, codes: Box<dyn Codes>) -> Self {
        Self { codes, ..self }
    }

    /// The same with pictures in the place of every source: what a rehearsal made for itself, a folder for each parcel.
    #[must_use]
    pub fn with_frames(self, frames: PathBuf) -> Self {
        Self { frames: Some(frames), ..self }
    }

    pub(super) fn read_frames(&mut self, from: &FrameSource, folder: &str) -> Performed {
        let rehearsed = self.frames.as_ref().map(|frames| rehearsal::frames_of(frames, folder));
        let message = match (rehearsed, from) {
            (Some(pictures), _) => message_in(pictures)?,
            (None, FrameSource::Pictures(path)) => message_in(self.inputs.join(path))?,
            (None, FrameSource::Serial(port)) => self.scan(&Scanner::Serial(port.into()))?,
            (None, FrameSource::Keyboard) => self.scan(&Scanner::Keyboard)?,
            (None, FrameSource::Camera(device)) => self.scan(&Scanner::Camera(device.into()))?,
        };
        Ok(Outcome::Parcel(compressed::inflate(&message)?.into()))
    }

    fn scan(&mut self, scanner: &Scanner) -> Result<Vec<u8>, Stopped> {
        self.codes.scan(scanner)?.ok_or(Stopped::Nobody("a whole parcel"))
    }

    pub(super) fn show_frames(&mut self, what: &Shown, job: &Job) -> Performed {
        let carried = match what {
            Shown::Files(files) => files.iter().map(|file| exported(&job.media, file)).collect::<Result<_, _>>()?,
            Shown::Bundles { manifest } => bundles(&job.media, *manifest)?,
        };
        let parcel = Parcel::new(carried)?;
        let first = job.media.first().map(|medium| medium.folder.clone()).unwrap_or_default();
        let folders = match what {
            Shown::Files(files) => {
                let mut folders: Vec<_> =
                    files.iter().filter_map(|file| first.join(&file.name).parent().map(Path::to_path_buf)).collect();
                folders.dedup();
                folders
            }
            Shown::Bundles { .. } => vec![first.join(PUBLISH)],
        };
        self.codes.show(&parcel, &folders)?;
        let described = |file: &File| ExportedFile {
            name: file.name.clone(),
            sha256: file.digest(),
            length: file.bytes.len() as u64,
        };
        Ok(Outcome::Shown { files: parcel.files().map(described).collect() })
    }
}

fn message_in(place: PathBuf) -> Result<Vec<u8>, Error> {
    Ok(pictures::message(&[place], &mut |_| {})?.message)
}

/// A file of the record from the first medium that has it as it was written, under the name by which it crosses.
fn exported(media: &[Medium], file: &ExportedFile) -> Result<File, Error> {
    let bytes = found(media, &file.name, file.sha256)?;
    Ok(File { name: crosses_as(&file.name).to_owned(), bytes })
}

fn found(media: &[Medium], name: &str, sha256: Digest) -> Result<Vec<u8>, Error> {
    let read = |medium: &Medium| files::read(&medium.folder.join(name), files::limit::METADATA).ok();
    let bytes = media.iter().filter_map(read).find(|bytes| Digest::of(bytes) == sha256);
    bytes.ok_or_else(|| Fault::machine(format!("read {name}"), "no medium holds it as it was written").into())
}

/// The bundles with their manifest. How many there are is known before any of them is read.
fn bundles(media: &[Medium], manifest: Digest) -> Result<Vec<File>, Error> {
    let list = media.iter().find_map(|medium| {
        let bytes = files::read(&medium.folder.join(PUBLISH).join(MANIFEST), files::limit::INPUTS).ok()?;
        (Digest::of(&bytes) == manifest).then_some(bytes)
    });
    let list =
        list.ok_or_else(|| Fault::machine("read the manifest of the bundles", "no medium holds it as it was written"))?;
    let listed = Manifest::required(&list)?;
    let count = listed.entries().len() + 1;
    if count > FILES_MAX {
        let what = format!("The bundles are {count} files; at most {FILES_MAX} cross as QR codes at a time.");
        let remedy = "Type SKIP, and take the bundles away on a medium.";
        return Err(Refusal::new(Rule::FrameWithinLimits, what, remedy).into());
    }
    let mut carried = vec![File { name: MANIFEST.into(), bytes: list }];
    for entry in listed.entries() {
        let bytes = found(media, &format!("{PUBLISH}/{}", entry.path), entry.digest)?;
        carried.push(File { name: entry.path.clone(), bytes });
    }
    Ok(carried)
}
