//! What the courier collected, for a ceremony to import: what servers hold today, file by file as they served it.
//!
//! ```text
//! MANIFEST
//! inventory.txt                       the repositories, one name a line
//! repositories/FOLDER/root.json       the current root; also under its number:
//! repositories/FOLDER/1.root.json …   every root from the first that the server has
//! repositories/FOLDER/targets.json    and targets/ROLE.json for what is delegated
//! repositories/FOLDER/timestamp.key   the server's public keys, as served;
//! repositories/FOLDER/snapshot.key    a repository that the server does not know yet has these two alone
//! ```
//!
//! `snapshot.json` is there only where the publisher holds the snapshot key. A TUF 1.0 repository has no server keys; its files
//! have the names under which clients ask for them.

use std::fmt;

use super::{
    Gun, Inventory, MANIFEST, Manifest, REPOSITORIES,
    inventory::INVENTORY,
    manifest::{Entry, Grouped, incomplete},
};
use crate::{rules::Refusal, tuf::RoleName};

/// A collection whose manifest and inventory agree. The files themselves are read one by one and held against the manifest
/// ([`Manifest::check`]).
#[derive(Clone, Debug)]
pub struct Collection {
    manifest: Manifest,
    inventory: Inventory,
}

/// The files of one repository in a collection.
#[derive(Clone, Copy, Debug)]
pub struct RepositoryListing<'a> {
    files: &'a [Entry],
    /// The length of `repositories/FOLDER/`.
    prefix: usize,
}

/// What one file of a repository is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `root.json`.
    CurrentRoot,
    /// `N.root.json`.
    Root(u64),
    /// `targets.json`.
    Targets,
    /// `targets/ROLE.json`: a delegation of Notary, named with the `targets/` before it.
    Delegation(RoleName),
    /// `snapshot.json`.
    Snapshot,
    /// `timestamp.key`.
    TimestampKey,
    /// `snapshot.key`.
    SnapshotKey,
    /// Any other, by its name in the folder.
    Other(String),
}

impl Part {
    /// What the file of this name is.
    pub fn of(file: &str) -> Self {
        match file {
            "root.json" => return Self::CurrentRoot,
            "targets.json" => return Self::Targets,
            "snapshot.json" => return Self::Snapshot,
            "timestamp.key" => return Self::TimestampKey,
            "snapshot.key" => return Self::SnapshotKey,
            _ => {}
        }
        let version = file.strip_suffix(".root.json").and_then(|number| number.parse().ok());
        if let Some(version) = version.filter(|version| *version > 0 && format!("{version}.root.json") == file) {
            return Self::Root(version);
        }
        match file.strip_suffix(".json").filter(|role| role.starts_with("targets/")) {
            Some(role) => Self::Delegation(RoleName::from(role)),
            None => Self::Other(file.to_owned()),
        }
    }
}

/// The name of the file in the repository's folder.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CurrentRoot => f.write_str("root.json"),
            Self::Root(version) => write!(f, "{version}.root.json"),
            Self::Targets => f.write_str("targets.json"),
            Self::Delegation(role) => write!(f, "{}.json", role.as_str()),
            Self::Snapshot => f.write_str("snapshot.json"),
            Self::TimestampKey => f.write_str("timestamp.key"),
            Self::SnapshotKey => f.write_str("snapshot.key"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

impl Collection {
    /// Holds the manifest and the inventory of a collection together.
    ///
    /// # Errors
    /// `MANIFEST-COMPLETE` where a repository of the inventory has no files or the other way round, where something lies
    /// beside them, where a root is missing between two others or `root.json` is not the last of them, or where one of the
    /// server's two keys is there without the other; `BYTES-MATCH-HASH` where the inventory is not the file that is listed.
    pub fn open(manifest: Manifest, inventory: &[u8]) -> Result<Self, Refusal> {
        manifest.check(INVENTORY, inventory)?;
        let inventory = Inventory::parse(inventory).map_err(|error| incomplete(format!("{INVENTORY}: {error}.")))?;
        let Grouped { repositories, others } = manifest.repositories()?;
        if let Some(other) = others.iter().find(|entry| entry.path != INVENTORY) {
            return Err(incomplete(format!("{MANIFEST} lists {}, which is no part of a collection.", other.path)));
        }
        for (gun, files) in &repositories {
            if !inventory.contains(gun) {
                return Err(incomplete(format!("{MANIFEST} lists files of {gun}, which {INVENTORY} does not name.")));
            }
            RepositoryListing::of(gun, files).check().map_err(|what| incomplete(format!("{gun}: {what}.")))?;
        }
        // Both are sorted sets, and the first was found to lie inside the second.
        if repositories.len() < inventory.guns().len() {
            let absent = inventory.guns().iter().find(|gun| manifest.below(&folder(gun)).is_empty());
            let absent = absent.map_or_else(String::new, Gun::to_string);
            return Err(incomplete(format!("{INVENTORY} names {absent}, of which {MANIFEST} lists no file.")));
        }
        Ok(Self { manifest, inventory })
    }

    /// Every file, with its digest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The repositories.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The files of one repository; `None` where it was not collected.
    pub fn repository(&self, gun: &Gun) -> Option<RepositoryListing<'_>> {
        self.inventory.contains(gun).then(|| RepositoryListing::of(gun, self.manifest.below(&folder(gun))))
    }
}

/// The path of a repository's folder in a collection or a publication.
pub fn folder(gun: &Gun) -> String {
    format!("{REPOSITORIES}/{}", gun.folder_name())
}

impl<'a> RepositoryListing<'a> {
    fn of(gun: &Gun, files: &'a [Entry]) -> Self {
        Self { files, prefix: folder(gun).len() + 1 }
    }

    /// Each file, in the order of paths: what it is, and where it lies with which digest.
    pub fn parts(&self) -> impl Iterator<Item = (Part, &'a Entry)> {
        let prefix = self.prefix;
        self.files.iter().map(move |entry| (Part::of(&entry.path[prefix..]), entry))
    }

    /// One file.
    pub fn get(&self, part: &Part) -> Option<&'a Entry> {
        let name = part.to_string();
        self.files.iter().find(|entry| entry.path[self.prefix..] == *name)
    }

    /// The numbered roots, from the oldest.
    pub fn roots(&self) -> Vec<(u64, &'a Entry)> {
        let mut roots: Vec<_> = self
            .parts()
            .filter_map(|(part, entry)| match part {
                Part::Root(version) => Some((version, entry)),
                _ => None,
            })
            .collect();
        roots.sort_by_key(|(version, _)| *version);
        roots
    }

    /// Whether the server knew nothing of this repository but its own keys for it.
    pub fn is_new(&self) -> bool {
        self.get(&Part::CurrentRoot).is_none()
    }

    fn check(&self) -> Result<(), String> {
        let roots = self.roots();
        if let Some(gap) = roots.windows(2).find(|pair| pair[0].0 + 1 != pair[1].0) {
            return Err(format!("it has root {} and root {} and none between them", gap[0].0, gap[1].0));
        }
        let current = self.get(&Part::CurrentRoot).map(|entry| entry.digest);
        if current != roots.last().map(|(_, entry)| entry.digest) {
            return Err("its root.json is not the last of its numbered roots".into());
        }
        let keys = [Part::TimestampKey, Part::SnapshotKey].map(|key| self.get(&key).is_some());
        if keys[0] != keys[1] {
            return Err("it has one of timestamp.key and snapshot.key without the other".into());
        }
        let beside =
            self.parts().map(|(part, _)| part).find(|part| !matches!(part, Part::TimestampKey | Part::SnapshotKey));
        match beside {
            Some(part) if self.is_new() => Err(format!("it has {part} and no root")),
            None if !keys[0] => Err("it has no file".into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{digest::Digest, rules::Rule};

    fn entry(path: &str, content: &str) -> Entry {
        Entry { path: path.into(), digest: Digest::of(content.as_bytes()) }
    }

    fn collection(inventory: &str, files: &[(&str, &str)]) -> Result<Collection, Refusal> {
        let mut entries: Vec<_> =
            files.iter().map(|(path, content)| entry(&format!("repositories/{path}"), content)).collect();
        entries.push(entry(INVENTORY, inventory));
        Collection::open(Manifest::of(entries).expect("paths"), inventory.as_bytes())
    }

    const KNOWN: [(&str, &str); 8] = [
        ("lab%2Fapp/1.root.json", "one"),
        ("lab%2Fapp/10.root.json", "ten"),
        ("lab%2Fapp/9.root.json", "nine"),
        ("lab%2Fapp/root.json", "ten"),
        ("lab%2Fapp/targets.json", "t"),
        ("lab%2Fapp/targets/releases.json", "r"),
        ("lab%2Fapp/timestamp.key", "k"),
        ("lab%2Fapp/snapshot.key", "s"),
    ];

    #[test]
    fn a_collection_tells_its_repositories_and_what_each_file_is() {
        let files = [&KNOWN[1..], &[("new/timestamp.key", "k"), ("new/snapshot.key", "s")]].concat();
        let collection = collection("lab/app\nnew\n", &files).expect("a collection");
        let app = collection.repository(&Gun::parse("lab/app").expect("a name")).expect("it was collected");
        assert_eq!(app.roots().iter().map(|(version, _)| *version).collect::<Vec<_>>(), [9, 10]);
        assert!(!app.is_new());
        let releases = Part::Delegation(RoleName::from("targets/releases"));
        assert_eq!(app.get(&releases).map(|entry| entry.digest), Some(Digest::of(b"r")));
        assert!(app.parts().any(|(part, _)| part == releases));
        assert!(collection.repository(&Gun::parse("new").expect("a name")).expect("it was collected").is_new());
        assert!(collection.repository(&Gun::parse("lab").expect("a name")).is_none());
    }

    #[test]
    fn manifest_and_inventory_must_agree() {
        let keys = [("a/timestamp.key", "k"), ("a/snapshot.key", "s")];
        assert!(collection("a\n", &keys).is_ok());
        for (inventory, files, what) in [
            ("", &keys[..], "does not name"),
            ("a\nb\n", &keys[..], "names b, of which"),
            ("a\n", &keys[..1], "without the other"),
            ("lab/app\n", &KNOWN[..], "root 1 and root 9 and none between"),
            ("a\n", &[keys[0], keys[1], ("a/targets.json", "t")][..], "no root"),
            ("a\n", &[keys[0], keys[1], ("a/root.json", "t")][..], "not the last"),
            ("a\n", &[keys[0], keys[1], ("a/root.json", "t"), ("a/1.root.json", "u")][..], "not the last"),
        ] {
            let refused = collection(inventory, files).expect_err(what);
            assert_eq!(refused.rule, Rule::ManifestComplete);
            assert!(refused.what.contains(what), "{refused}");
        }
        let manifest = Manifest::of([entry(INVENTORY, "a\n")]).expect("paths");
        assert_eq!(
            Collection::open(manifest, b"b\n").map_err(|refusal| refusal.rule).err(),
            Some(Rule::BytesMatchHash)
        );
    }

    #[test]
    fn the_name_of_a_file_and_what_it_is_go_both_ways() {
        for name in [
            "root.json",
            "7.root.json",
            "targets.json",
            "targets/a/b.json",
            "snapshot.json",
            "timestamp.key",
            "snapshot.key",
            "timestamp.json",
            "07.root.json",
            "0.root.json",
            "+7.root.json",
        ] {
            assert_eq!(Part::of(name).to_string(), name);
        }
        assert_eq!(Part::of("07.root.json"), Part::Other("07.root.json".into()));
        assert_eq!(Part::of("0.root.json"), Part::Other("0.root.json".into()));
    }
}
