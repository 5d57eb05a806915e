//! Private key files that real tools wrote, with their passphrases, read in place.
#![allow(dead_code, reason = "each test program uses a part")]

use std::path::{Path, PathBuf};

use officiant::{
    keyfile::{KeyFile, PrivateKey},
    secret::{Passphrase, Secret},
};

/// Where the vectors are, if they are.
pub fn vectors() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
    path.is_dir().then_some(path)
}

#[macro_export]
macro_rules! vectors_or_skip {
    () => {
        match keyfile_support::vectors() {
            Some(path) => path,
            None => return println!("skipped: no ../shared/vectors beside the checkout"),
        }
    };
}

pub fn passphrase(text: &str) -> Passphrase {
    Secret::copied(text.as_bytes()).expect("memory can be locked").into()
}

pub fn text(text: &[u8]) -> Secret {
    Secret::made(text.len(), |room| {
        room[..text.len()].copy_from_slice(text);
        Ok::<_, officiant::fault::Fault>(text.len())
    })
    .expect("memory can be locked")
}

/// Every file that a stock tool encrypted, with its passphrase.
pub fn encrypted(vectors: &Path) -> Vec<(PathBuf, &'static str)> {
    let mut files = vec![];
    let of = |folder: &str| {
        let mut found = vec![];
        walk(&vectors.join(folder), &mut found);
        found
    };
    for file in of("notary/stock/trust/private") {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        files.push((
            file,
            match &name[..4] {
                "9cd5" | "75d3" => "rootpass-lab",
                "e5ce" => "targetspass-lab",
                _ => "delegpass-lab",
            },
        ));
    }
    for file in of("notary/docker-cli/private") {
        let root = std::fs::read_to_string(&file).expect("a file").contains("role: root");
        files.push((file, if root { "rootpass-lab" } else { "repopass-lab" }));
    }
    for file in of("public/notary-compat") {
        // As the tests of Notary itself have it, which wrote both.
        let with = if file.to_string_lossy().contains("notary0.3") { "password" } else { "randompass" };
        files.push((file, with));
    }
    assert_eq!(files.len(), 15, "{files:?}");
    files
}

/// Keys in the open: the same in two forms, and Notary's server-side ones.
pub fn plain(vectors: &Path) -> Vec<PathBuf> {
    let mut files = vec![vectors.join("notary/stock/keys-in/alice.key")];
    for folder in ["external-4443", "external-4444"] {
        for key in ["root1", "root2", "tag1", "tag2"] {
            files.push(vectors.join(format!("notary/{folder}/{key}.key.pem")));
        }
    }
    files
}

pub fn open(path: &Path, with: &str) -> PrivateKey {
    let file = KeyFile::load(path).unwrap_or_else(|fault| panic!("{fault}"));
    file.open(0, Some(&passphrase(with))).unwrap_or_else(|wrong| panic!("{}: {wrong}", path.display()))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "key") {
            found.push(path);
        }
    }
    found.sort();
}
