//! `check` and `print`: a script weeks ahead.

use std::{path::Path, sync::Arc};

use serde_json::json;

use super::{
    args::{Check, Print},
    exit::{Exit, Stop},
    out, start,
};
use crate::{
    backup::paper::MemoryFile,
    ceremony::{
        check::{Checked, check},
        crossing::FrameSource,
        print,
        script::Script,
        steps::{Action, ImportQr},
    },
    qr::camera::BUILT_IN,
};

pub(super) fn run(args: &Check) -> Result<Exit, Stop> {
    let script = read(&args.script)?;
    let checked = check(&script);
    let holds = checked.holds();
    let report = json!({ "holds": holds, "script": checked });
    out::report(args.format.json, &report, || lines(&checked))?;
    cameras(&script).iter().chain(&pages(&script)).for_each(|line| out::say(line));
    Ok(if holds { Exit::Done } else { Exit::Usage })
}

pub(super) fn print(args: &Print) -> Result<Exit, Stop> {
    let script = read(&args.script)?;
    let checked = check(&script);
    if !checked.holds() {
        out::say("officiant: this script cannot be held as it is; officiant check says why");
    }
    let text = if args.markdown { print::markdown(&script, &checked) } else { print::html(&script, &checked) };
    out::write(args.output.as_deref(), &text)?;
    Ok(Exit::Done)
}

/// Steps that want a camera, where this program reads none. The machine of the day may have another program, so the script holds.
fn cameras(script: &Script) -> Vec<String> {
    let wanted = script.numbered().filter(|_| !BUILT_IN).filter_map(|(number, step)| match &step.action {
        Action::ImportQr(ImportQr { from: from @ FrameSource::Camera(_), .. }) => Some((number, from)),
        _ => None,
    });
    let line = |(number, from): (_, &FrameSource)| {
        format!(
            "officiant: step {number} reads codes from {}, and this program was built without cameras (--features camera)",
            from.words()
        )
    };
    wanted.map(line).collect()
}

/// Where pages with shares would lie on a disk of this machine. That of the day may have another.
fn pages(script: &Script) -> Vec<String> {
    let folder = script.custody().and_then(|custody| custody.pages.as_ref());
    let refused = folder.and_then(|folder| MemoryFile::can_lie_in(Path::new(folder)).err());
    refused.map(|fault| format!("officiant: backup.pages, as it is on this machine: {fault}")).into_iter().collect()
}

fn read(path: &Path) -> Result<Arc<Script>, Stop> {
    Ok(start::load_script(path)?.1)
}

fn lines(checked: &Checked) -> Vec<String> {
    let mut lines: Vec<String> = checked.to_string().lines().map(str::to_owned).collect();
    lines.push(String::new());
    lines.push(match (&checked.first_impossible, checked.holds()) {
        (_, true) => "HOLDS: every step finds what it needs".into(),
        (Some(step), false) => format!("DOES NOT HOLD: step {step} cannot happen"),
        (None, false) => "DOES NOT HOLD".into(),
    });
    lines
}
