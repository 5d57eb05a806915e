//! One repository of a Notary server, as it is served.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    courier::{
        notary::{Server, ServerKey},
        outcome::Failure,
        peek::{Peek, served_public},
    },
    text::shown,
    transfer::Gun,
    tuf::{Dialect, RoleName},
};

/// How many roots are fetched of one repository.
const ROOTS_MAX: u64 = 1024;
/// How many delegated roles are.
const DELEGATIONS_MAX: usize = 1000;
/// How often a repository is fetched again that somebody published to meanwhile.
const TRIES: usize = 3;

/// What was fetched.
pub struct Fetched {
    /// The files, by their names in the repository's folder.
    pub files: BTreeMap<String, Vec<u8>>,
    /// In a few words.
    pub summary: String,
    /// What people should know.
    pub notes: Vec<String>,
}

/// For which repositories the server's keys are fetched. Each time that it is asked for those of a repository that it does not know
/// yet, it makes new ones; all of them work later, and none tells whether another one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKeys {
    /// For new ones too: a ceremony will build on them.
    OfAll,
    /// For those alone that the server knows.
    OfKnown,
}

/// Fetches a repository: all of one state of it, however often somebody publishes meanwhile.
///
/// # Errors
/// Where the server refuses or fails, or serves what is no metadata.
pub fn fetch(server: &Server, gun: &Gun, keys: ServerKeys) -> Result<Fetched, Failure> {
    for _ in 1..TRIES {
        let fetched = once(server, gun, keys)?;
        if fetched.notes.is_empty() {
            return Ok(fetched);
        }
    }
    // What does not agree three times is no publication in between: it is how the server is.
    once(server, gun, keys)
}

fn once(server: &Server, gun: &Gun, keys: ServerKeys) -> Result<Fetched, Failure> {
    let mut files = BTreeMap::new();
    let root = server.metadata(gun, "root.json")?;
    if root.is_some() || keys == ServerKeys::OfAll {
        for key in [ServerKey::Timestamp, ServerKey::Snapshot] {
            let bytes = server.key(gun, key, root.is_none())?;
            served_public(&bytes).map_err(|what| nonsense(gun, key.file(), &what))?;
            files.insert(key.file().to_owned(), bytes);
        }
    }
    let Some(root) = root else {
        return Ok(Fetched { files, summary: "new to the server: its two keys".into(), notes: vec![] });
    };
    let (seen, version) = look(gun, "root.json", &root)?;
    roots(server, gun, version, root, &mut files)?;
    let roots = files.len() - 3;

    let mut delegated = 0;
    let mut targets_version = None;
    let mut wanted = VecDeque::from(["targets".to_owned()]);
    let mut known = BTreeSet::from(["targets".to_owned()]);
    while let Some(role) = wanted.pop_front() {
        let file = format!("{role}.json");
        // A role that is named and has published nothing yet has no file.
        let Some(bytes) = server.metadata(gun, &file)? else { continue };
        let (targets, version) = look(gun, &file, &bytes)?;
        if role == "targets" {
            targets_version = Some(version)
        } else {
            delegated += 1
        }
        files.insert(file.clone(), bytes);
        for name in targets.delegated() {
            // What is called otherwise is no role of Notary, and may be no path either.
            if !Dialect::Notary.may_delegate(&RoleName::from(role.as_str()), &name) {
                return Err(nonsense(
                    gun,
                    &file,
                    &format!("it delegates to \"{}\", which is no name of a role below it", shown(&name)),
                ));
            }
            if known.insert(name.clone()) {
                wanted.push_back(name);
            }
        }
        if known.len() > DELEGATIONS_MAX {
            return Err(nonsense(gun, &file, &format!("more than {DELEGATIONS_MAX} roles are delegated")));
        }
    }
    let notes = compare(server, gun, &seen, &mut files)?;
    let targets = targets_version.map_or("no targets".into(), |version| format!("targets {version}"));
    let summary = format!("root {version} ({roots} roots), {targets}, {delegated} delegations");
    Ok(Fetched { files, summary, notes })
}

/// Every root that the server has, from the newest down.
fn roots(
    server: &Server,
    gun: &Gun,
    version: u64,
    root: Vec<u8>,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), Failure> {
    for before in (1..version).rev() {
        let file = format!("{before}.root.json");
        let Some(bytes) = server.metadata(gun, &file)? else { break };
        let (_, found) = look(gun, &file, &bytes)?;
        if found != before {
            return Err(nonsense(gun, &file, &format!("it is version {found}")));
        }
        files.insert(file, bytes);
        if version - before >= ROOTS_MAX {
            return Err(nonsense(gun, "root.json", &format!("there are more than {ROOTS_MAX} roots")));
        }
    }
    files.insert(format!("{version}.root.json"), root.clone());
    files.insert("root.json".into(), root);
    Ok(())
}

/// Compares what was fetched with the snapshot, which clients go by. Keeps the snapshot where its key is not the server's.
fn compare(
    server: &Server,
    gun: &Gun,
    root: &Peek,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<Vec<String>, Failure> {
    let mut notes = Vec::new();
    let Some(snapshot) = server.metadata(gun, "snapshot.json")? else {
        return Ok(vec!["the server has no snapshot: no client can read this repository".into()]);
    };
    let meta = look(gun, "snapshot.json", &snapshot)?.0.meta();
    for (name, bytes) in files.iter() {
        let Some(role) = name.strip_suffix(".json").filter(|role| !role.contains(".root") && *role != "snapshot")
        else {
            continue;
        };
        match meta.get(role) {
            Some(meta) if meta.names(bytes) => {}
            Some(_) => notes.push(format!(
                "the snapshot names another {name} than the server serves: clients cannot read it (NOTARY-BYTES)"
            )),
            None => notes.push(format!("the snapshot does not name {name}")),
        }
    }
    let held =
        served_public(&files[ServerKey::Snapshot.file()]).map_err(|what| nonsense(gun, "snapshot.key", &what))?;
    if !root.public_keys("snapshot").contains(&held) {
        files.insert("snapshot.json".into(), snapshot);
    }
    Ok(notes)
}

fn look(gun: &Gun, file: &str, bytes: &[u8]) -> Result<(Peek, u64), Failure> {
    let peek = Peek::new(bytes).map_err(|what| nonsense(gun, file, &what))?;
    let version =
        peek.version().filter(|version| *version > 0).ok_or_else(|| nonsense(gun, file, "it has no version"))?;
    Ok((peek, version))
}

fn nonsense(gun: &Gun, file: &str, what: &str) -> Failure {
    Failure::Server {
        doing: format!("read {file} of {gun}"),
        said: what.to_owned(),
        remedy: "Is this the address of a Notary server? Ask whoever runs it.".into(),
    }
}
