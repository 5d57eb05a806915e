//! A repository's metadata, walked as a client does that trusts one root.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    cli::{
        args::Verify,
        exit::{Exit, Stop},
        out,
    },
    fault::Fault,
    files, preflight,
    tuf::walk::{Outcome, Published, Step, Walk},
    utc::Utc,
};

/// How many files a folder of metadata may have.
const FILES_MAX: usize = 1_000_000;
/// How many bytes all of them may have together.
const BYTES_MAX: u64 = 1 << 30;

pub(super) fn verify(args: &Verify, folder: &Path) -> Result<Exit, Stop> {
    let first_use = args.dialect.trusts_on_first_use();
    let gun = match (&args.gun, first_use) {
        (Some(gun), true) if !gun.is_empty() => gun.as_str(),
        (None, false) => "",
        (_, true) => return Err(Stop::Usage("--gun: this dialect wants the name of the repository".into())),
        (Some(_), false) => {
            return Err(Stop::Usage("--gun: this dialect has no use for it; did you mean --dialect notary?".into()));
        }
    };
    if args.trusted.is_none() && !first_use {
        return Err(Stop::Usage("--trusted: a client of this dialect needs a root that it trusts".into()));
    }
    let trusted = args.trusted.as_deref().map(|path| files::read(path, files::limit::METADATA)).transpose()?;
    let mut found = BTreeMap::new();
    collect(folder, "", &mut found, &mut 0)?;
    let now = args.at.map_or_else(preflight::now, Ok)?;
    let walk = args.dialect.predict(&Published { gun, files: &found, trusted: trusted.as_deref() }, now);
    out::report(args.format.json, &walk, || lines(&walk, now))?;
    Ok(if walk.refusal.is_none() { Exit::Done } else { Exit::Refused })
}

/// Every `.json` and `.key` file below `folder`, by the name under which a client asks for it.
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
        } else if name.ends_with(".json") || name.ends_with(".key") {
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
