//! Where a page with a secret may go.

use std::{
    fs::{self, File, OpenOptions},
    io::{IsTerminal as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use crate::{
    fault::{Error, Fault},
    files,
    rules::{Refusal, Rule},
};

mod sealed {
    pub trait Sealed {}
}

/// A place that a secret may be put to: paper, or memory on its way there. Only this module says what is one.
pub trait PaperSink: sealed::Sealed {
    /// Puts a page out.
    ///
    /// # Errors
    /// A fault where it fails.
    fn put(&mut self, page: &[u8]) -> Result<(), Fault>;
}

/// A printer that takes lines of text as they come, without a spool that would keep them.
pub struct Printer {
    path: PathBuf,
    device: File,
}

impl Printer {
    /// Opens the printer's device, such as `/dev/usb/lp0`.
    ///
    /// # Errors
    /// A fault where it cannot be opened, is a terminal, or is no character device: a file would keep the share.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let doing = || format!("open the printer {}", files::name(path));
        let kind = fs::metadata(path).map_err(|error| Fault::machine(doing(), error))?.file_type();
        if !kind.is_char_device() {
            return Err(Fault::machine(
                doing(),
                "it is no printer's device; a share is never written to a file on a disk",
            ));
        }
        let device = OpenOptions::new().write(true).custom_flags(OFlags::NOCTTY.bits() as i32).open(path);
        let device = device.map_err(|error| Fault::machine(doing(), error))?;
        if device.is_terminal() {
            return Err(Fault::machine(doing(), "it is a terminal; a share is shown row by row there, and covered"));
        }
        Ok(Self { path: path.to_owned(), device })
    }
}

impl sealed::Sealed for Printer {}

impl PaperSink for Printer {
    fn put(&mut self, page: &[u8]) -> Result<(), Fault> {
        let done = self.device.write_all(page).and_then(|()| self.device.flush());
        done.map_err(|error| Fault::machine(format!("print on {}", files::name(&self.path)), error))
    }
}

/// The file system that lies in memory (`TMPFS_MAGIC`, and that of its older brother `ramfs`).
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// A new file on a file system in memory (such as `/dev/shm`), for a program that prints pages. It is overwritten and removed when it
/// is dropped. That nothing is swapped out is asked of the machine before a ceremony begins (`MACHINE-FIT`).
pub struct MemoryFile {
    path: PathBuf,
    file: File,
}

impl MemoryFile {
    /// Creates it, readable by its owner alone.
    ///
    /// # Errors
    /// `OUTPUT-FRESH` where something has this name; a fault where the folder does not lie in memory, or the file cannot be created.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let doing = || format!("create {}", files::name(path));
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        in_memory(folder, doing)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        match file {
            Ok(file) => Ok(Self { path: path.to_owned(), file }),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Refusal::new(
                Rule::OutputFresh,
                format!("{} already exists.", files::name(path)),
                "Name another place.",
            )
            .into()),
            Err(error) => Err(Fault::machine(doing(), error).into()),
        }
    }

    /// Whether a file of this folder would lie in memory.
    ///
    /// # Errors
    /// A fault where it would not, or there is no such folder.
    pub fn can_lie_in(folder: &Path) -> Result<(), Fault> {
        in_memory(folder, || format!("put a page with a share into {}", files::name(folder)))
    }

    /// Overwrites it and removes it, and says where that failed; to be dropped does the same without a word.
    ///
    /// # Errors
    /// A fault that names the file: it may be there still.
    pub fn clear(mut self) -> Result<(), Fault> {
        cleared(&mut self.file, &self.path)
    }

    /// The same with one that a program left which was ended by force. Says whether one was there.
    ///
    /// # Errors
    /// A fault that names it where it is there still, or something else has its name.
    pub fn clear_left(path: &Path) -> Result<bool, Fault> {
        let doing = || format!("remove the page {}", files::name(path));
        let there = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            there => there.map_err(|error| Fault::machine(doing(), error))?,
        };
        if !there.is_file() {
            return Err(Fault::machine(
                doing(),
                "it is no file, and was not made by this program; look at it, and take it away",
            ));
        }
        let file = OpenOptions::new().write(true).custom_flags(OFlags::NOFOLLOW.bits() as i32).open(path);
        cleared(&mut file.map_err(|error| Fault::machine(doing(), error))?, path)?;
        Ok(true)
    }

    /// Where it is, for the program that prints it.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl sealed::Sealed for MemoryFile {}

impl PaperSink for MemoryFile {
    fn put(&mut self, page: &[u8]) -> Result<(), Fault> {
        let done = self.file.write_all(page).and_then(|()| self.file.flush());
        done.map_err(|error| Fault::machine(format!("write {}", files::name(&self.path)), error))
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        // Nobody is left to be told where this fails; the folder goes with the power.
        let _ = overwritten(&mut self.file);
        let _ = fs::remove_file(&self.path);
    }
}

fn in_memory(folder: &Path, doing: impl Fn() -> String) -> Result<(), Fault> {
    let system = rustix::fs::statfs(folder).map_err(|error| Fault::machine(doing(), error))?;
    #[allow(clippy::unnecessary_cast, reason = "its width differs between machines")]
    let magic = system.f_type as i64;
    match IN_MEMORY.contains(&magic) {
        true => Ok(()),
        false => Err(Fault::machine(doing(), "its folder lies on a disk; a page with a share goes to memory only")),
    }
}

fn cleared(file: &mut File, path: &Path) -> Result<(), Fault> {
    let failed = |error| Fault::machine(format!("overwrite and remove the page {}", files::name(path)), error);
    overwritten(file).map_err(failed)?;
    match fs::remove_file(path) {
        // Somebody took it away by hand; what was in it is overwritten.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(failed),
    }
}

fn overwritten(file: &mut File) -> std::io::Result<()> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), length), file)?;
    file.sync_all()
}
