//! A repository's metadata, walked as a client does that trusts one root.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    cli::{
        exit::{Exit, Stop},
        out,
    },
    fault::Fault,
    files, preflight,
    tuf::{
        dialect::Dialect,
        walk::{Outcome, Step, Walk, walk},
    },
    utc::Utc,
};

/// How many files a folder of metadata may have.
const FILES_MAX: usize = 200_000;
/// How many bytes all of them may have together.
const BYTES_MAX: u64 = 1 << 30;

pub(super) fn verify(trusted: &Path, folder: &Path, at: Option<Utc>, json: bool) -> Result<Exit, Stop> {
    let trusted = files::read(trusted, files::limit::METADATA)?;
    let mut found = BTreeMap::new();
    collect(folder, "", &mut found, &mut 0)?;
    let now = at.map_or_else(preflight::now, Ok)?;
    let walk = walk(Dialect::default(), &trusted, &found, now);
    out::report(json, &walk, || lines(&walk, now))?;
    Ok(if walk.refusal.is_none() { Exit::Done } else { Exit::Refused })
}

/// Every `.json` file below `folder`, by the name under which a client asks for it.
fn collect(folder: &Path, below: &str, found: &mut BTreeMap<String, Vec<u8>>, bytes: &mut u64) -> Result<(), Fault> {
    let doing = || format!("read the folder {}", files::name(folder));
    let failed = |error| Fault::machine(doing(), error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let name = format!("{below}{name}");
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            collect(&path, &format!("{name}/"), found, bytes)?;
        } else if name.ends_with(".json") {
            let content = files::read(&path, files::limit::METADATA)?;
            *bytes += content.len() as u64;
            if found.len() >= FILES_MAX || *bytes > BYTES_MAX {
                return Err(Fault::machine(doing(), format!("more than {FILES_MAX} files or {BYTES_MAX} bytes")));
            }
            found.insert(name, content);
        }
    }
    Ok(())
}

fn lines(walk: &Walk, now: Utc) -> Vec<String> {
    let mut lines = vec![format!("As a client whose clock says {now}:")];
    for Step { role, file, outcome } in &walk.steps {
        match outcome {
            Outcome::Verified { version, expires, passed, .. } => {
                lines.push(format!("verified  {role} {version}  {file}  expires {expires}"));
                lines.extend(passed.iter().map(|passed| format!("            {}: {}", passed.rule, passed.seen)));
            }
            Outcome::NotPresent => lines.push(format!("absent    {role}  {file}  (nothing is said about it)")),
        }
    }
    lines.extend(walk.notes.iter().map(|note| format!("note      {note}")));
    match &walk.refusal {
        None => lines.push(format!("ACCEPTED  the client ends on root {}", walk.root_version)),
        Some(refusal) => {
            lines.push(format!("REFUSED   {}: {}", refusal.rule, refusal.what));
            lines.push(format!("          {}", refusal.remedy));
        }
    }
    lines
}
