//! Folders that are no collection: people are told what is wrong, and asked again.

use std::{collections::VecDeque, fs, path::Path};

use super::{ask::Asking, collected::read, dct_shown::collected};
use crate::{
    cli::{args::ScriptKind, line::Io},
    digest::Digest,
    fault::Fault,
    secret::Secret,
    transfer::{Manifest, manifest::Entry},
};

/// People who type these lines, and read what is said.
struct People {
    types: VecDeque<String>,
    read: Vec<String>,
}

impl Io for People {
    fn say(&mut self, line: &str) {
        self.read.push(line.to_owned());
    }

    fn line(&mut self, prompt: &str) -> Result<Option<String>, Fault> {
        self.read.push(prompt.to_owned());
        Ok(self.types.pop_front())
    }

    fn secret(&mut self, _prompt: &str) -> Result<Option<Secret>, Fault> {
        Ok(None)
    }

    fn is_people(&self) -> bool {
        true
    }
}

/// A folder below this package, where the tests are run; scripts name folders below their own.
fn place() -> (tempfile::TempDir, String) {
    let place = tempfile::tempdir_in("target").expect("a folder");
    let name = place.path().strip_prefix(std::env::current_dir().expect("a folder")).unwrap_or(place.path());
    let name = name.to_string_lossy().into_owned();
    (place, name)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

const TODAY: &str = "ceremony-scripts/dct-today";

#[test]
fn a_wrong_folder_is_named_and_asked_for_again() {
    let (place, name) = place();
    fs::create_dir(place.path().join("empty")).expect("a folder");
    let types = [
        "nowhere",
        "../dct-today",
        &format!("{name}/empty"),
        "ceremony-scripts/previous",
        "ceremony-scripts/dct-new",
        TODAY,
    ];
    let mut people = People { types: types.map(str::to_owned).into(), read: vec![] };
    let found = collected(ScriptKind::DctRotateTaggingKey, &mut Asking(&mut people)).expect("the last folder is one");
    assert_eq!((found.guns.len(), found.publishers.len(), people.types.len()), (3, 1, 0));
    let said = people.read.join("\n");
    for why in [
        "there is no folder nowhere here",
        "a path below the script's own folder",
        "it is empty",
        "metadata lies in it and no MANIFEST",
        "the server knows no repository of ceremony-scripts/dct-new yet; dct-genesis",
        "SHA-256 of MANIFEST",
        "Offline keys, of which 2 must sign a root",
        "alice (in 3)",
    ] {
        assert!(said.contains(why), "no “{why}” in {said}");
    }
}

#[test]
fn a_collection_is_read_whole_and_of_this_kind() {
    let refused = |kind, folder: &str| read(kind, folder).err().expect("it is refused");
    assert!(refused(ScriptKind::DctGenesis, TODAY).contains("knows every repository"));
    // One byte of one file.
    let (place, name) = place();
    copy(Path::new(TODAY), place.path());
    assert!(read(ScriptKind::DctRenew, &name).is_ok());
    let file = "repositories/docker.io%2Fexample%2Fdb/targets/alice.json";
    fs::write(place.path().join(file), "{}").expect("written");
    let why = refused(ScriptKind::DctRenew, &name);
    assert!(why.contains("BYTES-MATCH-HASH") && why.contains(file), "{why}");
    // What a ceremony left to be published.
    fs::write(place.path().join("MANIFEST"), format!("{}  repositories/a/root.json\n", Digest::of(b"")))
        .expect("written");
    assert!(refused(ScriptKind::DctRenew, &name).contains("lists no inventory.txt"));
}

#[test]
fn a_collection_of_a_tuf_repository_is_called_that() {
    let (place, name) = place();
    let root = fs::read("ceremony-scripts/previous/1.root.json").expect("a root");
    let files = [
        ("inventory.txt", b"lab/tuf\n".to_vec()),
        ("repositories/lab%2Ftuf/1.root.json", root.clone()),
        ("repositories/lab%2Ftuf/root.json", root),
    ];
    for (path, bytes) in &files {
        let to = place.path().join(path);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::write(to, bytes).expect("written");
    }
    let entries = files.iter().map(|(path, bytes)| Entry { path: (*path).into(), digest: Digest::of(bytes) });
    let manifest = Manifest::of(entries).expect("a manifest");
    fs::write(place.path().join("MANIFEST"), manifest.to_text()).expect("written");
    let why = read(ScriptKind::DctRotateTaggingKey, &name).err().expect("it is refused");
    assert!(why.contains("lab/tuf: it is a repository of TUF 1.0"), "{why}");
}
