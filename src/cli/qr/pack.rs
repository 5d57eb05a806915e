//! Files of this machine as a parcel.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    cli::exit::Stop,
    fault::Fault,
    files,
    transfer::{
        compressed::INFLATED_MAX,
        parcel::{File, Parcel},
    },
};

/// How deep folders lie in each other at most.
const DEPTH_MAX: usize = 8;
/// How many entries are looked at; a parcel has far fewer files.
const ENTRIES_MAX: usize = 4096;

/// Packs files under their own names, and what lies in folders under its name below the folder.
///
/// # Errors
/// What the parcel refuses; a fault where something cannot be read.
pub(super) fn pack(paths: &[PathBuf]) -> Result<Parcel, Stop> {
    let mut found = vec![];
    for path in paths {
        if path.is_dir() {
            below(path, "", 0, &mut found)?;
        } else {
            found.push((plain_name(path)?, path.clone()));
        }
    }
    let mut packed = vec![];
    let mut room = INFLATED_MAX as u64;
    for (name, path) in found {
        let bytes = files::read(&path, room)?;
        room -= bytes.len() as u64;
        packed.push(File { name, bytes });
    }
    Ok(Parcel::new(packed)?)
}

fn below(folder: &Path, above: &str, depth: usize, found: &mut Vec<(String, PathBuf)>) -> Result<(), Stop> {
    let doing = || format!("read the folder {}", files::name(folder));
    let entries = fs::read_dir(folder).map_err(|cause| Fault::machine(doing(), cause))?;
    for entry in entries {
        let entry = entry.map_err(|cause| Fault::machine(doing(), cause))?;
        let path = entry.path();
        let name = format!("{above}{}", plain_name(&path)?);
        if found.len() >= ENTRIES_MAX || depth > DEPTH_MAX {
            return Err(Fault::machine(doing(), "it holds more files or folders than are carried").into());
        }
        match entry.file_type().map_err(|cause| Fault::machine(doing(), cause))? {
            kind if kind.is_dir() => below(&path, &format!("{name}/"), depth + 1, found)?,
            kind if kind.is_file() => found.push((name, path)),
            _ => return Err(Fault::machine(doing(), format!("{} is no regular file", files::name(&path))).into()),
        }
    }
    Ok(())
}

fn plain_name(path: &Path) -> Result<String, Stop> {
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    name.ok_or_else(|| Stop::Usage(format!("{}: its name is no text", files::name(path))))
}
