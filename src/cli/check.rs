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
        check::{Checked, Finding, PersonPlan, TokenPlan, check},
        crossing::FrameSource,
        print,
        script::Script,
        steps::{Action, ImportQr},
    },
    qr::camera::BUILT_IN,
    text::shown,
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
    let mut lines = vec![
        format!("{}: {}", checked.ceremony, shown(&checked.title)),
        format!("  repository {}", shown(&checked.repository)),
        format!("  SHA-256 {}", checked.digest),
    ];
    lines.extend(checked.words.chunks(8).map(|words| format!("  {}", words.join(" "))));
    let hours = format!("{} h {:02} min", checked.minutes / 60, checked.minutes % 60);
    let planned = checked.planned.map_or_else(|| "no day is set".into(), |planned| format!("begins {planned}"));
    section(&mut lines, "time", vec![format!("{hours}; {planned}")]);
    let acts = checked.acts.iter();
    lines.extend(acts.map(|act| {
        format!("  act {:<2} {:>4} min  {:>2} steps  {}", act.number, act.minutes, act.steps, shown(&act.title))
    }));
    section(&mut lines, "people", checked.people.iter().map(person).collect());
    section(&mut lines, "tokens", checked.tokens.iter().map(token).collect());
    let media = checked.media.iter().map(|label| format!("“{}”", shown(label))).collect::<Vec<_>>().join(" and ");
    section(&mut lines, "media", vec![media]);
    let materials = checked.materials.iter().map(|material| {
        let spare = if material.spare > 0 { format!(" + {} spare", material.spare) } else { String::new() };
        format!("{}{spare}  {}", material.count, shown(&material.what))
    });
    section(&mut lines, "bring", materials.collect());
    let alone = checked.alone.iter().map(|alone| {
        let tokens: Vec<_> = alone.tokens.iter().map(|alias| alias.as_str()).collect();
        let when = if alone.only_as_surrogate { ", as a surrogate or with a spare" } else { "" };
        format!("{} with {}{when}", shown(&alone.name), tokens.join(", "))
    });
    section(&mut lines, "could sign alone", or_nobody(alone.collect()));
    let stops = checked.stops_the_day.iter().map(|stop| format!("{}: {}", shown(&stop.who), shown(&stop.why)));
    section(&mut lines, "stops the day", or_nobody(stops.collect()));
    if !checked.findings.is_empty() {
        section(&mut lines, "findings", vec![]);
        lines.extend(checked.findings.iter().flat_map(finding));
    }
    lines.push(match (&checked.first_impossible, checked.holds()) {
        (_, true) => "HOLDS: every step finds what it needs".into(),
        (Some(step), false) => format!("DOES NOT HOLD: step {step} cannot happen"),
        (None, false) => "DOES NOT HOLD".into(),
    });
    lines
}

fn section(lines: &mut Vec<String>, title: &str, body: Vec<String>) {
    lines.push(title.to_owned());
    lines.extend(body.into_iter().map(|line| format!("  {line}")));
}

fn or_nobody(lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() { vec!["nobody".into()] } else { lines }
}

fn person(plan: &PersonPlan) -> String {
    let mut line = format!("{}, {}", shown(&plan.name), plan.duties.join(" and "));
    if let Some(principal) = &plan.stands_in_for {
        line += &format!(", stands in for {}", shown(principal));
    }
    if !plan.surrogates.is_empty() {
        line += &format!(", replaced by {}", shown(&plan.surrogates.join(" or ")));
    }
    let counts = [
        (plan.signatures, "signatures"),
        (plan.other_signatures, "other signatures"),
        (if plan.touches_exact { plan.touches } else { 0 }, "touches"),
        (plan.user_pin_entries, "PIN entries"),
        (plan.so_pin_entries, "SO-PIN entries"),
        (plan.confirmations, "confirmations"),
    ];
    let counts: Vec<_> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !counts.is_empty() {
        line += &format!(" ({})", counts.join(", "));
    }
    line
}

fn token(plan: &TokenPlan) -> String {
    let mut line = format!(
        "{} ({} tag): held by {}, PIN {}, SO-PIN {}",
        plan.alias,
        shown(&plan.tag),
        shown(&plan.holder),
        shown(&plan.user_pin),
        shown(&plan.so_pin)
    );
    if let Some(alias) = &plan.spare_for {
        line += &format!(", spare for {alias}");
    }
    if let Some(serial) = &plan.serial {
        line += &format!(", serial {}", shown(serial));
    }
    match (plan.in_new_root, plan.signs) {
        (true, true) => line += "; its key is in the root, and it signs",
        (true, false) => line += "; its key is in the root",
        (false, true) => line += "; it signs, and its key goes",
        (false, false) => {}
    }
    line
}

fn finding(finding: &Finding) -> Vec<String> {
    let step = finding.step.as_ref().map(|step| format!(", step {step}")).unwrap_or_default();
    let rule = finding.rule.map(|rule| format!(" {rule}")).unwrap_or_default();
    vec![
        format!("  {}{step}:{rule} {}", finding.severity.word(), shown(&finding.what)),
        format!("    {}", shown(&finding.remedy)),
    ]
}
