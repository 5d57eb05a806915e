//! Records on the disk: gone through again, cut, copied.

use std::{fs, path::Path};

use officiant::{
    audit::{self, Audit, FileFact, Files, audit},
    device::attestation::Roots,
    digest::Digest,
    transcript,
};

/// Goes through a record again, and holds it to every rule.
pub fn holds(folder: &Path) -> Audit {
    let audit = again(folder);
    assert!(audit.holds(), "{}: {:#?}", folder.display(), audit.refused);
    audit
}

/// The same where other roots than the shipped ones vouch for YubiKeys.
pub fn holds_under(folder: &Path, roots: &Roots) -> Audit {
    let audit = again_under(folder, roots);
    assert!(audit.holds(), "{}: {:#?}", folder.display(), audit.refused);
    audit
}

/// Goes through a record again.
pub fn again(folder: &Path) -> Audit {
    again_under(folder, &Roots::yubico())
}

/// The same under other roots.
pub fn again_under(folder: &Path, roots: &Roots) -> Audit {
    let mut files = Files::new();
    collect(folder, "", &mut files);
    let read = |name: &str| fs::read(folder.join(name)).expect("a file of the record");
    let manifest = fs::read(folder.join(audit::MANIFEST)).ok();
    let material = |name: &str| fs::read(folder.join(name)).ok();
    audit(&read("script.toml"), &read(transcript::FILE), manifest.as_deref(), &files, &material, roots, false)
}

fn collect(folder: &Path, below: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type().expect("a type").is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
            continue;
        }
        let bytes = fs::read(entry.path()).expect("a file");
        files.insert(name, FileFact { sha256: Digest::of(&bytes), length: bytes.len() as u64 });
    }
}

/// Copies a folder whole.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file is copied");
        }
    }
}

/// The lines of a transcript, each with its newline.
pub fn lines(folder: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(folder.join(transcript::FILE)).expect("a transcript");
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// From now on nothing can be written to the transcript on this medium: its open file becomes a device that is always full.
pub fn fills_up(folder: &Path) {
    use std::os::fd::{FromRawFd as _, IntoRawFd as _, OwnedFd};
    let path = folder.join(transcript::FILE).canonicalize().expect("a transcript");
    let mut found = 0;
    for entry in fs::read_dir("/proc/self/fd").expect("the open files") {
        let entry = entry.expect("an open file");
        if fs::read_link(entry.path()).is_ok_and(|target| target == path) {
            let number = entry.file_name().to_string_lossy().parse().expect("a number");
            let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("the full device");
            #[allow(unsafe_code, reason = "the journal's file is open under this number, and stays so")]
            let mut journal = unsafe { OwnedFd::from_raw_fd(number) };
            rustix::io::dup2(&full, &mut journal).expect("the journal's file is replaced");
            assert_eq!(journal.into_raw_fd(), number);
            found += 1;
        }
    }
    assert_eq!(found, 1, "the journal is open once");
}
