//! The record of a ceremony, gone through again.

use std::{fs, path::Path};

use crate::{
    audit::{self, Audit, FileFact, Files, audit},
    cli::{
        exit::{Exit, Stop},
        out,
    },
    device::attestation::Roots,
    fault::Fault,
    files,
    text::shown,
    transcript,
};

/// How many files a record may have: of 20,000 repositories with three signers each, payloads and bundles are two hundred thousand.
const FILES_MAX: usize = 1_000_000;

pub(super) fn verify(record: &Path, roots: &Roots, production: bool, json: bool) -> Result<Exit, Stop> {
    let transcript = files::read(&record.join(transcript::FILE), files::limit::TRANSCRIPT)?;
    let script = files::read(&record.join("script.toml"), files::limit::SCRIPT)?;
    let mut found = Files::new();
    collect(record, "", &mut found)?;
    let manifest = found
        .contains_key(audit::MANIFEST)
        .then(|| files::read(&record.join(audit::MANIFEST), files::limit::TRANSCRIPT))
        .transpose()?;
    let material = |name: &str| files::read(&record.join(name), files::limit::INPUTS).ok();
    let audit = audit(&script, &transcript, manifest.as_deref(), &found, &material, roots, production);
    out::report(json, &audit, || lines(&audit))?;
    Ok(if audit.holds() { Exit::Done } else { Exit::Refused })
}

fn collect(folder: &Path, below: &str, found: &mut Files) -> Result<(), Fault> {
    let doing = || format!("read the folder {}", files::name(folder));
    let failed = |error| Fault::machine(doing(), error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            collect(&path, &format!("{name}/"), found)?;
            continue;
        }
        if found.len() >= FILES_MAX {
            return Err(Fault::machine(doing(), format!("the record has more than {FILES_MAX} files")));
        }
        let length = entry.metadata().map_err(failed)?.len();
        found.insert(name, FileFact { sha256: files::digest(&path, files::limit::TRANSCRIPT)?, length });
    }
    Ok(())
}

fn lines(audit: &Audit) -> Vec<String> {
    let mut lines = vec![];
    if let Some(about) = &audit.about {
        lines.push(format!("{}: {}, {}", about.mode.stamp(), shown(&about.title), shown(&about.repository)));
        lines.push(format!("  began {}, last entry {}, {}", about.began, about.last, about.state));
        lines.push(format!("  by {} (SHA-256 {})", shown(&about.program.name), about.program.sha256));
        lines.push(format!("  {} entries, head {}", about.entries, about.head));
    }
    for held in &audit.held {
        let times = if held.times > 1 { format!(" ({} times)", held.times) } else { String::new() };
        lines.push(format!("held      {}{times}: {}", held.rule, shown(&held.seen)));
    }
    lines.extend(audit.left.iter().map(|left| left.replacen("KEY LEFT:", "KEY LEFT ", 1)));
    lines.extend(audit.notes.iter().map(|note| format!("note      {}", shown(note))));
    for found in &audit.refused {
        let entry = found.entry.map(|entry| format!("entry {entry}, ")).unwrap_or_default();
        lines.push(format!("REFUSED   {}: {entry}{}", found.refusal.rule, found.refusal.what));
        lines.push(format!("          {}", found.refusal.remedy));
    }
    lines.push(match audit.holds() {
        true => "HOLDS     every rule that can be asked without tokens was asked again".into(),
        false => format!("DOES NOT HOLD  {} refused", audit.refused.len()),
    });
    lines
}
