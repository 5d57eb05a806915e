//! Files of this machine: read with a limit, created and never overwritten (`OUTPUT-FRESH`), on the disk before anything is
//! said about them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    thread,
};

use sha2::{Digest as _, Sha256};

use crate::{
    digest::Digest,
    fault::{Error, Fault},
    rules::{Refusal, Rule},
    text::shown,
};

/// The largest sizes that are read, in bytes. Each is generous for what it names and far below what would trouble a machine.
pub mod limit {
    /// A script of a ceremony.
    pub const SCRIPT: u64 = 1 << 20;
    /// An answers file.
    pub const ANSWERS: u64 = 1 << 20;
    /// A public key or a certificate.
    pub const PUBLIC_KEY: u64 = 64 << 10;
    /// One piece of metadata: root files are small, targets files of large repositories are not.
    pub const METADATA: u64 = 64 << 20;
    /// Inputs of a ceremony about many repositories, as its record keeps them.
    pub const INPUTS: u64 = 256 << 20;
    /// A transcript.
    pub const TRANSCRIPT: u64 = 256 << 20;
    /// A PKCS#11 module or this program, to be hashed and not kept.
    pub const MODULE: u64 = 512 << 20;
}

/// Reads a whole regular file of at most `limit` bytes.
///
/// # Errors
/// A fault that names the file: absent, not a regular file, too large, or unreadable.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Fault> {
    let doing = || format!("read {}", name(path));
    let mut file = open_regular(path).map_err(|e| Fault::machine(doing(), e))?;
    // As much room as it takes, and not twice as much on the way there.
    let length = file.metadata().map_or(0, |facts| facts.len().min(limit));
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    (&mut file).take(limit + 1).read_to_end(&mut bytes).map_err(|e| Fault::machine(doing(), e))?;
    if bytes.len() as u64 > limit {
        return Err(Fault::machine(
            doing(),
            format!("larger than {limit} bytes, which is the limit for this kind of file"),
        ));
    }
    Ok(bytes)
}

/// Opens a regular file to be read by whoever keeps its bytes elsewhere, such as in locked memory.
///
/// # Errors
/// A fault that names the file: absent, or not a regular file.
pub fn open(path: &Path) -> Result<File, Fault> {
    open_regular(path).map_err(|e| Fault::machine(format!("open {}", name(path)), e))
}

/// The SHA-256 of a regular file of at most `limit` bytes, without keeping it.
///
/// # Errors
/// As [`read`].
pub fn digest(path: &Path, limit: u64) -> Result<Digest, Fault> {
    let doing = || format!("hash {}", name(path));
    let mut file = open_regular(path).map_err(|e| Fault::machine(doing(), e))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut total = 0u64;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Digest::from_bytes(hash.finalize().into())),
            Ok(count) => {
                total += count as u64;
                if total > limit {
                    return Err(Fault::machine(doing(), format!("larger than {limit} bytes")));
                }
                hash.update(&buffer[..count]);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Fault::machine(doing(), e)),
        }
    }
}

/// The same, read from the medium: what this machine remembers of the file is let go first, as far as it lets go of it.
///
/// # Errors
/// As [`read`].
pub fn digest_of_medium(path: &Path, limit: u64) -> Result<Digest, Fault> {
    let doing = || format!("read {} from its medium", name(path));
    let file = open_regular(path).map_err(|e| Fault::machine(doing(), e))?;
    // Only what is on the disk can be let go.
    file.sync_all().map_err(|e| Fault::machine(doing(), e))?;
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).map_err(|e| Fault::machine(doing(), e))?;
    drop(file);
    digest(path, limit)
}

/// Writes a new file and puts it and its name on the disk. Returns the SHA-256 of what was written.
///
/// # Errors
/// `OUTPUT-FRESH` where something already has this name; a fault where the disk fails. After a fault the file may be there in
/// part.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<Digest, Error> {
    let mut output = Output::create(path)?;
    output.write(bytes)?;
    Ok(output.finish()?)
}

/// Writes a new file like [`write_new`], or completes one that holds a beginning of `bytes`: what an earlier try had written when
/// the power went. A file that holds all of them stays as it is.
///
/// # Errors
/// As [`write_new`]; a file that holds anything else is never touched.
pub fn write_or_complete(path: &Path, bytes: &[u8]) -> Result<Digest, Error> {
    let Some(there) = begins(path, bytes) else { return write_new(path, bytes) };
    let missing = &bytes[there..];
    if !missing.is_empty() {
        let journal = Journal::resume(path, there as u64)?;
        journal.append(missing)?;
        journal.sync()?;
    }
    sync_directory_of(path)?;
    Ok(Digest::of(bytes))
}

/// How much of `bytes` stands in a file that holds a beginning of them and nothing else.
fn begins(path: &Path, bytes: &[u8]) -> Option<usize> {
    let mut file = open_regular(path).ok()?;
    let mut rest = bytes;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Some(bytes.len() - rest.len()),
            Ok(count) => rest = rest.strip_prefix(&buffer[..count])?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

/// Writes many files below `folder` that are named by what is in them, and puts all of them on the disk together. A file that is
/// there already with the same bytes, or with their beginning, stays or is completed.
///
/// # Errors
/// `OUTPUT-FRESH` where a file holds anything else, which is never touched; a fault where the disk fails.
pub fn write_together<'a>(folder: &Path, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<(), Error> {
    let mut made = std::collections::HashSet::new();
    for (file, bytes) in files {
        let path = folder.join(file);
        if let Some(parent) = path.parent().filter(|parent| !made.contains(*parent)) {
            fs::create_dir_all(parent).map_err(|e| Fault::machine(format!("make the folder {}", name(parent)), e))?;
            made.insert(parent.to_owned());
        }
        match OpenOptions::new().write(true).create_new(true).mode(0o666).open(&path) {
            Ok(mut new) => {
                new.write_all(bytes).map_err(|e| Fault::machine(format!("write {}", name(&path)), e))?;
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => drop(write_or_complete(&path, bytes)?),
            Err(e) => return Err(not_created(&path, &e)),
        }
    }
    Ok(sync_all_below(folder)?)
}

/// `work` for each of `media` at the same time: two disks need not wait for one another. The results stand in their order.
pub fn at_once<T: Sync, R: Send>(media: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (work, mut rest) = (&work, media.iter());
    let own = rest.next();
    thread::scope(|scope| {
        let spawn = |medium| (medium, thread::Builder::new().spawn_scoped(scope, move || work(medium)));
        let others: Vec<_> = rest.map(spawn).collect();
        let mut results: Vec<R> = own.map(work).into_iter().collect();
        results.extend(others.into_iter().map(|(medium, spawned)| match spawned {
            Ok(helper) => helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            // A thread that cannot be had costs time and nothing else.
            Err(_) => work(medium),
        }));
        results
    })
}

/// Puts everything on the disk that was written to the file system of `folder`.
fn sync_all_below(folder: &Path) -> Result<(), Fault> {
    let synced = File::open(folder).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
    synced.map_err(|e| Fault::machine(format!("sync {}", name(folder)), e))
}

/// A new file that is hashed while it is written.
pub struct Output {
    path: PathBuf,
    file: File,
    hash: Sha256,
}

impl Output {
    /// Creates the file, readable by its owner and group as the umask allows.
    ///
    /// # Errors
    /// `OUTPUT-FRESH` where something already has this name (a dangling link too), a fault where it cannot be created.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o666).open(path);
        let file = file.map_err(|e| not_created(path, &e))?;
        Ok(Self { path: path.to_owned(), file, hash: Sha256::new() })
    }

    /// Adds `bytes`.
    ///
    /// # Errors
    /// A fault where the disk fails.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.hash.update(bytes);
        self.file.write_all(bytes).map_err(|e| Fault::machine(format!("write {}", name(&self.path)), e))
    }

    /// Puts the file and its name on the disk, and returns the SHA-256 of everything written.
    ///
    /// # Errors
    /// A fault where the disk fails.
    pub fn finish(self) -> Result<Digest, Fault> {
        self.file.sync_all().map_err(|e| Fault::machine(format!("sync {}", name(&self.path)), e))?;
        sync_directory_of(&self.path)?;
        Ok(Digest::from_bytes(self.hash.finalize().into()))
    }
}

/// Writes a new file that is on the disk only after [`sync_filesystem_of`], for many small files at once.
///
/// # Errors
/// As [`write_new`].
pub fn write_new_to_sync_later(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    Ok(Output::create(path)?.write(bytes)?)
}

/// Puts everything on the disk that was written to the file system on which `path` lies.
///
/// # Errors
/// A fault where the disk fails.
pub fn sync_filesystem_of(path: &Path) -> Result<(), Fault> {
    let doing = || format!("sync the file system of {}", name(path));
    let file = File::open(path).map_err(|e| Fault::machine(doing(), e))?;
    rustix::fs::syncfs(&file).map_err(|e| Fault::machine(doing(), e))
}

/// Creates a directory that only its owner enters (mode 0700), and puts its name on the disk.
///
/// # Errors
/// `OUTPUT-FRESH` where something already has this name, a fault where it cannot be created.
pub fn create_directory(path: &Path) -> Result<(), Error> {
    fs::DirBuilder::new().mode(0o700).create(path).map_err(|e| not_created(path, &e))?;
    Ok(sync_directory_of(path)?)
}

/// A file that grows by whole entries, such as a transcript.
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Starts an empty one.
    ///
    /// # Errors
    /// As [`Output::create`].
    pub fn create(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().append(true).create_new(true).mode(0o666).open(path);
        let file = file.map_err(|e| not_created(path, &e))?;
        sync_directory_of(path)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Goes on with an existing one, after cutting it to `length` bytes (its whole entries).
    ///
    /// # Errors
    /// A fault where it cannot be opened or is shorter than `length`.
    pub fn resume(path: &Path, length: u64) -> Result<Self, Fault> {
        let doing = || format!("open {} to append", name(path));
        let file = OpenOptions::new().append(true).open(path).map_err(|e| Fault::machine(doing(), e))?;
        let now = file.metadata().map_err(|e| Fault::machine(doing(), e))?.len();
        if now < length {
            return Err(Fault::machine(doing(), format!("it has {now} bytes where {length} were read before")));
        }
        if now > length {
            file.set_len(length).and_then(|()| file.sync_all()).map_err(|e| Fault::machine(doing(), e))?;
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends `bytes`, which are on the disk after [`Journal::sync`].
    ///
    /// # Errors
    /// A fault where the medium fails; the file may end in a part of `bytes`.
    pub fn append(&self, bytes: &[u8]) -> Result<(), Fault> {
        (&self.file).write_all(bytes).map_err(|e| Fault::machine(format!("append to {}", name(&self.path)), e))
    }

    /// Puts everything appended on the disk.
    ///
    /// # Errors
    /// A fault where the medium fails.
    pub fn sync(&self) -> Result<(), Fault> {
        self.file.sync_data().map_err(|e| Fault::machine(format!("sync {}", name(&self.path)), e))
    }
}

/// A path as people see it.
pub fn name(path: &Path) -> String {
    shown(&path.to_string_lossy())
}

fn open_regular(path: &Path) -> io::Result<File> {
    // Without O_NONBLOCK, opening a FIFO would wait for ever.
    let file = OpenOptions::new().read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}

fn not_created(path: &Path, cause: &io::Error) -> Error {
    if cause.kind() == io::ErrorKind::AlreadyExists {
        let what = format!("{} already exists.", name(path));
        return Refusal::new(Rule::OutputFresh, what, "Name another place, or move the old one away.").into();
    }
    Fault::machine(format!("create {}", name(path)), cause).into()
}

fn sync_directory_of(path: &Path) -> Result<(), Fault> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(parent).and_then(|directory| directory.sync_all());
    synced.map_err(|e| Fault::machine(format!("sync {}", name(parent)), e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_exists_is_overwritten_not_even_a_dangling_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.json");
        assert_eq!(write_new(&path, b"one").unwrap(), Digest::of(b"one"));
        let refused = write_new(&path, b"two").unwrap_err();
        assert_eq!(refused.refusal().map(|r| r.rule), Some(Rule::OutputFresh));
        assert_eq!(read(&path, 3).unwrap(), b"one");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        assert!(write_new(&link, b"x").unwrap_err().refusal().is_some());
        assert!(create_directory(folder.path()).unwrap_err().refusal().is_some());
    }

    #[test]
    fn a_file_that_was_written_in_part_is_completed_and_any_other_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.json");
        for there in [None, Some(""), Some("ro"), Some("root")] {
            let _ = fs::remove_file(&path);
            if let Some(there) = there {
                fs::write(&path, there).unwrap();
            }
            assert_eq!(write_or_complete(&path, b"root").unwrap(), Digest::of(b"root"));
            assert_eq!(read(&path, 4).unwrap(), b"root");
        }
        for there in ["rot", "roots", "other"] {
            fs::write(&path, there).unwrap();
            let refused = write_or_complete(&path, b"root").unwrap_err();
            assert_eq!(refused.refusal().map(|r| r.rule), Some(Rule::OutputFresh));
            assert_eq!(read(&path, 9).unwrap(), there.as_bytes());
        }
    }

    #[test]
    fn each_medium_is_worked_on_and_the_results_stand_in_order() {
        for count in 0..4u8 {
            let media: Vec<u8> = (0..count).collect();
            assert_eq!(at_once(&media, |medium| medium * 2), media.iter().map(|medium| medium * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_too_large_or_not_a_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a\u{1b}b");
        write_new(&path, b"four").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"four");
        assert!(read(&path, 3).unwrap_err().to_string().contains("a\\u{1b}b: larger than 3 bytes"));
        assert!(digest(&path, 3).is_err());
        assert_eq!(digest(&path, 4).unwrap(), Digest::of(b"four"));
        assert!(read(folder.path(), 3).is_err());
        assert!(read(Path::new("/dev/zero"), 3).unwrap_err().to_string().contains("not a regular file"));
    }

    #[test]
    fn many_files_are_synced_at_once_and_overwrite_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_new_to_sync_later(&path, b"one").unwrap();
        assert!(write_new_to_sync_later(&path, b"two").unwrap_err().refusal().is_some());
        sync_filesystem_of(folder.path()).unwrap();
        assert!(sync_filesystem_of(&folder.path().join("absent")).is_err());
        assert_eq!(read(&path, 3).unwrap(), b"one");
    }

    #[test]
    fn a_journal_is_cut_to_its_whole_entries_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("transcript.jsonl");
        let journal = Journal::create(&path).unwrap();
        journal.append(b"one\ntw").unwrap();
        journal.sync().unwrap();
        assert!(Journal::create(&path).is_err());
        assert!(Journal::resume(&path, 7).is_err());
        Journal::resume(&path, 4).unwrap().append(b"two\n").unwrap();
        assert_eq!(read(&path, 100).unwrap(), b"one\ntwo\n");
    }
}
