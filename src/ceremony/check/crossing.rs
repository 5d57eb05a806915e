//! Steps by which files cross as QR codes: whether anything is there to cross, and not too much.

use super::{Findings, Severity::Error, materials::inputs};
use crate::{
    ceremony::{
        crossing::Received,
        script::Script,
        steps::{Action, ImportQr},
    },
    digest::Digest,
    rules::Rule,
    transfer::parcel::FILES_MAX,
};

/// The fewest files of a repository, going in or out.
const FILES_OF_A_REPOSITORY: u32 = 2;

pub(super) fn look(script: &Script, findings: &mut Findings) {
    let repositories = script.repositories.as_ref().map_or(0, |spec| spec.collection.repositories);
    let too_many = repositories.saturating_mul(FILES_OF_A_REPOSITORY) as usize + 1 > FILES_MAX;
    let last_import = script.numbered().filter(|(_, step)| imports(&step.action)).map(|(number, _)| number).last();
    for (number, step) in script.numbered() {
        match &step.action {
            Action::ShowQr(_) if too_many => {
                let what = format!(
                    "{repositories} bundles are to be shown as QR codes. They are two files or more each, and at most {FILES_MAX} files cross at a time."
                );
                let remedy = "Leave the step out, and take the bundles away on a medium.";
                findings.add(Error, Rule::FrameWithinLimits, Some(&number), what, remedy);
            }
            Action::ImportQr(qr) => {
                if too_many && carries_collection(script, qr) {
                    let what = format!(
                        "A collection of {repositories} repositories is to come as QR codes. They are two files or more each, and at most {FILES_MAX} files cross at a time."
                    );
                    let remedy = "Leave the step out, and bring the collection on a medium.";
                    findings.add(Error, Rule::FrameWithinLimits, Some(&number), what, remedy);
                }
                let used = paths(script).any(|path| name_in(qr, &path));
                let before = last_import.as_ref().is_some_and(|last| comes_before(script, &number, last));
                if !used || !before {
                    let place = if qr.folder.is_empty() { "the script's folder" } else { qr.folder.as_str() };
                    let what = format!("What comes as QR codes into {place} is read by no import after it.");
                    let remedy = "Put it before the imports, with the `folder` of the files that they name.";
                    findings.add(Error, Rule::ScriptHolds, Some(&number), what, remedy);
                }
            }
            _ => {}
        }
    }
}

fn imports(action: &Action) -> bool {
    matches!(action, Action::ImportKeys(_) | Action::ImportRoot(_) | Action::ImportRepositories(_))
}

fn comes_before(script: &Script, one: &str, other: &str) -> bool {
    let place = |wanted: &str| script.numbered().position(|(number, _)| number == wanted);
    place(one) < place(other)
}

fn name_in(qr: &ImportQr, path: &str) -> bool {
    Received { folder: qr.folder.clone(), parcel: Digest::from_bytes([0; 32]) }.name_of(path).is_some()
}

fn carries_collection(script: &Script, qr: &ImportQr) -> bool {
    script.repositories.as_ref().is_some_and(|spec| name_in(qr, &format!("{}/MANIFEST", spec.collection.folder)))
}

/// A path of each thing that comes in.
fn paths(script: &Script) -> impl Iterator<Item = String> {
    let folders = script.repositories.iter().flat_map(|spec| {
        let before = spec.before.iter().map(|before| before.folder.as_str());
        std::iter::once(spec.collection.folder.as_str()).chain(before)
    });
    inputs(script).map(str::to_owned).chain(folders.map(|folder| format!("{folder}/MANIFEST")))
}
