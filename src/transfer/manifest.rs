//! The list of a folder's files as `sha256sum` writes it: a digest, two blanks and a path a line, in the order of the paths'
//! bytes. `sha256sum -c MANIFEST` checks it without this program.

use std::fmt::Write as _;

use super::{Gun, MANIFEST, Malformed, REPOSITORIES};
use crate::{
    digest::Digest,
    rules::{Refusal, Rule},
    text::shown,
};

/// The longest manifest that is read, in bytes: room for 20,000 repositories of fifteen files with the longest names.
pub const MANIFEST_BYTES_MAX: usize = 128 << 20;

/// The longest path, in bytes.
pub const PATH_BYTES_MAX: usize = 1024;

/// One file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path from the folder on, with `/`.
    pub path: String,
    /// The SHA-256 of the file.
    pub digest: Digest,
}

/// Every file below a folder but the manifest itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest(Vec<Entry>);

/// The files of a manifest by repository.
#[derive(Clone, Debug, Default)]
pub struct Grouped<'a> {
    /// The repositories below [`REPOSITORIES`], in the order of their folders, with their files.
    pub repositories: Vec<(Gun, &'a [Entry])>,
    /// Everything else that is listed.
    pub others: Vec<&'a Entry>,
}

impl Manifest {
    /// The manifest of these files, in any order.
    ///
    /// # Errors
    /// Where a path is not one that a manifest can hold, or stands there twice.
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Result<Self, Malformed> {
        let mut entries: Vec<Entry> = entries.into_iter().collect();
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        for entry in &entries {
            check_path(&entry.path).map_err(Malformed::whole)?;
        }
        match entries.windows(2).find(|pair| pair[0].path == pair[1].path) {
            Some(pair) => Err(Malformed::whole(format!("{} is listed twice", shown(&pair[0].path)))),
            None => Ok(Self(entries)),
        }
    }

    /// Reads the file strictly: lower-case digests, sorted, each path once, none that leaves the folder.
    ///
    /// # Errors
    /// With the line that is otherwise.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            let what = format!("{} bytes are more than the {MANIFEST_BYTES_MAX} that are read", bytes.len());
            return Err(Malformed::whole(what));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed::whole("it is not UTF-8"))?;
        let mut entries: Vec<Entry> = Vec::with_capacity(text.len() / 128);
        for (index, line) in text.split_inclusive('\n').enumerate() {
            let at = |what: &str| Malformed::at(index + 1, what);
            let line = line.strip_suffix('\n').ok_or_else(|| at("the last line has no newline at its end"))?;
            let (hex, path) = line.split_once("  ").ok_or_else(|| at("not a digest, two blanks and a path"))?;
            let digest = Some(hex).filter(|hex| !hex.bytes().any(|byte| byte.is_ascii_uppercase()));
            let digest = digest
                .and_then(Digest::from_hex)
                .ok_or_else(|| at("it does not begin with a SHA-256 in lower-case digits"))?;
            check_path(path).map_err(|what| at(&what))?;
            if entries.last().is_some_and(|before| before.path.as_str() >= path) {
                return Err(at("its path does not follow the one before it in the order of bytes, each once"));
            }
            entries.push(Entry { path: path.to_owned(), digest });
        }
        Ok(Self(entries))
    }

    /// Reads a manifest that a rule asks for.
    ///
    /// # Errors
    /// `MANIFEST-COMPLETE`, with the line.
    pub fn required(bytes: &[u8]) -> Result<Self, Refusal> {
        Self::parse(bytes).map_err(|error| incomplete(format!("{MANIFEST}: {error}.")))
    }

    /// The file as [`Manifest::parse`] reads it.
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(self.0.iter().map(|entry| entry.path.len() + 67).sum());
        for Entry { path, digest } in &self.0 {
            writeln!(text, "{digest}  {path}").expect("text grows as long as there is memory");
        }
        text
    }

    /// The digest of the written form, which people read aloud for the whole folder.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_text().as_bytes())
    }

    /// The files, in the order of their paths.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The digest of one file.
    pub fn get(&self, path: &str) -> Option<Digest> {
        let at = self.0.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        Some(self.0[at].digest)
    }

    /// The files whose path begins with `folder` and a slash.
    pub fn below(&self, folder: &str) -> &[Entry] {
        let prefix = format!("{folder}/");
        let begin = self.0.partition_point(|entry| entry.path.as_str() < prefix.as_str());
        let count = self.0[begin..].partition_point(|entry| entry.path.starts_with(&prefix));
        &self.0[begin..begin + count]
    }

    /// That `bytes` are the file that is listed as `path`.
    ///
    /// # Errors
    /// `MANIFEST-COMPLETE` where it is not listed, `BYTES-MATCH-HASH` where it holds something else.
    pub fn check(&self, path: &str, bytes: &[u8]) -> Result<(), Refusal> {
        let Some(listed) = self.get(path) else {
            return Err(incomplete(format!("{} is not listed in {MANIFEST}.", shown(path))));
        };
        if listed == Digest::of(bytes) {
            return Ok(());
        }
        let what = format!("{} is not the file that {MANIFEST} lists: its SHA-256 is another.", shown(path));
        Err(Refusal::new(
            Rule::BytesMatchHash,
            what,
            "Take the folder again from where it was made; do not mend it by hand.",
        ))
    }

    /// The files by repository, and what lies beside them.
    ///
    /// # Errors
    /// `MANIFEST-COMPLETE` where a folder's name is not that of a repository.
    pub fn repositories(&self) -> Result<Grouped<'_>, Refusal> {
        let prefix = format!("{REPOSITORIES}/");
        let mut grouped = Grouped::default();
        let mut rest = self.0.as_slice();
        while let Some(first) = rest.first() {
            let name = first.path.strip_prefix(&prefix).and_then(|below| Some(below.split_once('/')?.0));
            let Some(name) = name else {
                grouped.others.push(first);
                rest = &rest[1..];
                continue;
            };
            let gun = Gun::from_folder_name(name).map_err(|error| incomplete(format!("{MANIFEST}: {error}.")))?;
            let folder = format!("{prefix}{name}/");
            let (files, after) = rest.split_at(rest.partition_point(|entry| entry.path.starts_with(&folder)));
            grouped.repositories.push((gun, files));
            rest = after;
        }
        Ok(grouped)
    }
}

pub(super) fn incomplete(what: String) -> Refusal {
    Refusal::new(Rule::ManifestComplete, what, "Take the folder again from where it was made; do not mend it by hand.")
}

/// Whether `path` stays inside its folder and can stand in a line that `sha256sum` does not escape.
pub(super) fn check_path(path: &str) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("the path \"{}\" {what}", shown(path)));
    if path.is_empty() || path.len() > PATH_BYTES_MAX {
        return wrong("is empty or longer than 1024 bytes");
    }
    if path.chars().any(|c| c.is_control() || c == '\\') {
        return wrong("holds a control character or a backslash");
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return wrong("does not name a file below the folder");
    }
    if path == MANIFEST {
        return wrong("is that of the manifest itself");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> Entry {
        Entry { path: path.into(), digest: Digest::of(path.as_bytes()) }
    }

    #[test]
    fn the_written_form_is_sorted_by_bytes_and_read_back() {
        let manifest = Manifest::of(["b", "a/c", "a.x", "a/b", "B"].map(entry)).expect("paths");
        let paths: Vec<_> = manifest.entries().iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["B", "a.x", "a/b", "a/c", "b"]);
        let text = manifest.to_text();
        assert!(text.starts_with("df7e70e5021544f4834bbee64a9e3789febc4be81470df629cad6ddb03320a5c  B\n"), "{text}");
        assert_eq!(Manifest::parse(text.as_bytes()), Ok(manifest.clone()));
        assert_eq!(manifest.digest(), Digest::of(text.as_bytes()));
        assert_eq!(manifest.get("a/b"), Some(Digest::of(b"a/b")));
        assert_eq!(manifest.get("a"), None);
        assert_eq!(manifest.below("a").len(), 2);
        assert!(manifest.below("c").is_empty());
        assert!(Manifest::of(["a", "a"].map(entry)).is_err());
        assert_eq!(Manifest::parse(b""), Ok(Manifest::default()));
    }

    #[test]
    fn a_line_that_is_otherwise_is_refused_by_its_number() {
        let good = format!("{}  a\n", Digest::of(b""));
        let hex = Digest::of(b"").to_string();
        for (line, bad) in [
            (2, format!("{good}{hex}  a\n")),
            (2, format!("{good}{hex}  B\n")),
            (2, format!("{good}{hex}  b")),
            (2, format!("{good}\n")),
            (1, format!("{hex} *a\n")),
            (1, format!("{}  a\n", hex.to_uppercase())),
            (1, format!("{}  a\n", &hex[1..])),
            (1, format!("{hex}  /etc/passwd\n")),
            (1, format!("{hex}  a/../../b\n")),
            (1, format!("{hex}  a//b\n")),
            (1, format!("{hex}  ./a\n")),
            (1, format!("{hex}  a\\b\n")),
            (1, format!("{hex}  MANIFEST\n")),
            (1, format!("{hex}  \n")),
            (1, format!("{hex}  a\r\n")),
        ] {
            assert_eq!(Manifest::parse(bad.as_bytes()).expect_err(&bad).line, line, "{bad:?}");
        }
        assert_eq!(Manifest::required(b"x").expect_err("no manifest").rule, Rule::ManifestComplete);
    }

    #[test]
    fn a_file_is_the_one_that_is_listed_or_it_is_refused() {
        let manifest = Manifest::of([entry("a")]).expect("a path");
        assert_eq!(manifest.check("a", b"a"), Ok(()));
        assert_eq!(manifest.check("a", b"b").map_err(|refusal| refusal.rule), Err(Rule::BytesMatchHash));
        assert_eq!(manifest.check("b", b"b").map_err(|refusal| refusal.rule), Err(Rule::ManifestComplete));
    }

    #[test]
    fn repositories_are_told_apart_from_what_lies_beside_them() {
        let paths = [
            "inventory.txt",
            "repositories/a%2Fb/root.json",
            "repositories/a%2Fb/targets/x.json",
            "repositories/a/root.json",
        ];
        let manifest = Manifest::of(paths.map(entry)).expect("paths");
        let Grouped { repositories, others } = manifest.repositories().expect("names");
        let seen: Vec<_> = repositories.iter().map(|(gun, files)| (gun.as_str(), files.len())).collect();
        assert_eq!(seen, [("a/b", 2), ("a", 1)]);
        assert_eq!(others.len(), 1);
        let spoilt = Manifest::of(["repositories/a%2fb/root.json"].map(entry)).expect("a path");
        assert!(spoilt.repositories().is_err());
    }

    #[test]
    fn twenty_thousand_repositories_are_read_and_looked_up_without_a_square() {
        let files = (0..20_000).flat_map(|n| {
            ["1.root.json", "root.json", "snapshot.key", "targets.json", "timestamp.key"].map(|file| (n, file))
        });
        let manifest = Manifest::of(files.map(|(n, file)| entry(&format!("repositories/lab%2Fapp-{n:05}/{file}"))))
            .expect("paths");
        let text = manifest.to_text();
        let read = Manifest::parse(text.as_bytes()).expect("the written form");
        assert_eq!(read.entries().len(), 100_000);
        let Grouped { repositories, others } = read.repositories().expect("names");
        assert_eq!((repositories.len(), others.len()), (20_000, 0));
        assert!(
            repositories.iter().all(|(gun, files)| files.len() == 5
                && read.below(&format!("{REPOSITORIES}/{}", gun.folder_name())).len() == 5)
        );
    }
}
