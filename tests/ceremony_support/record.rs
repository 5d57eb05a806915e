//! Records on the disk: gone through again, cut, copied.

use std::{fs, path::Path};

use officiant::{
    audit::{self, Audit, FileFact, Files, audit},
    digest::Digest,
    transcript,
};

/// Goes through a record again, and holds it to every rule.
pub fn holds(folder: &Path) -> Audit {
    let audit = again(folder);
    assert!(audit.holds(), "{}: {:#?}", folder.display(), audit.refused);
    audit
}

/// Goes through a record again.
pub fn again(folder: &Path) -> Audit {
    let mut files = Files::new();
    collect(folder, "", &mut files);
    let read = |name: &str| fs::read(folder.join(name)).expect("a file of the record");
    let manifest = fs::read(folder.join(audit::MANIFEST)).ok();
    let material = |name: &str| fs::read(folder.join(name)).ok();
    audit(&read("script.toml"), &read(transcript::FILE), manifest.as_deref(), &files, &material, false)
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
