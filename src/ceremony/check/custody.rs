//! Ceremonies about keys, tokens and shares alone: whether each does what its kind says, and what it cannot do.

use super::{
    Findings,
    Severity::{Error, Note, Warning},
};
use crate::{
    ceremony::{
        script::{Kind, OldShares, Origin, Script},
        steps::Action,
        words,
    },
    rules::Rule,
    text::shown,
};

pub(super) fn look(script: &Script, findings: &mut Findings) {
    for name in script.made_keys() {
        if let Origin::TakenFrom(file) = script.origin_of(name) {
            let what = format!(
                "{name} comes from {}: {}. A backup protects against its loss, and not against whoever has copied it.",
                shown(file),
                words::custody::HISTORY_UNKNOWN
            );
            let remedy =
                "Destroy the file and every copy afterwards; rotate the key if nobody can say where it has been.";
            findings.add(Note, Rule::KeyOnPaper, None, what, remedy);
        }
    }
    if matches!(script.kind, Kind::RotateRoot | Kind::RenewExpiry) {
        return rotation(script, findings);
    }
    if !script.kind.is_custody() {
        return;
    }
    for (number, step) in script.numbered() {
        if let Action::MakeKey(step) = &step.action {
            let what =
                format!("The key {} is made, and this ceremony writes no metadata that would name it.", step.name);
            let remedy = "A new key is made in the genesis or the rotation by which clients come to trust it.";
            findings.add(Error, Rule::ScriptHolds, Some(&number), what, remedy);
        }
    }
    let has = |wanted: fn(&Action) -> bool| script.numbered().any(|(_, step)| wanted(&step.action));
    let lacks = |kind: &str, findings: &mut Findings| {
        let what = format!("The script has no step `{kind}`.");
        let remedy = format!("Put a step with do = \"{kind}\" where it belongs, or say another kind of ceremony.");
        findings.add(Error, Rule::ScriptHolds, None, what, remedy);
    };
    match script.kind {
        Kind::Backup if !has(|action| matches!(action, Action::TakeKey(_))) => lacks("take-key", findings),
        Kind::ChangeCustodians if !has(|action| matches!(action, Action::OpenBackup(_))) => {
            lacks("open-backup", findings);
        }
        Kind::Destroy => destroy(script, findings),
        _ => {}
    }
    old_shares(script, findings);
}

/// A key is not brought to its backup on the day on which a root changes.
fn rotation(script: &Script, findings: &mut Findings) {
    for (number, step) in script.numbered() {
        if let Action::TakeKey(_) | Action::OpenBackup(_) = &step.action {
            let what = "An existing key comes into memory, and this ceremony writes a root.";
            let remedy = "Hold the ceremony `backup` or `change-custodians` first. Here its token is opened with open-token, or the key is brought to one with import-key.";
            findings.add(Error, Rule::BackupDeclared, Some(&number), what, remedy);
        }
    }
}

/// Whoever gets new shares of a key whose old ones are still there says what becomes of those.
fn old_shares(script: &Script, findings: &mut Findings) {
    for (number, step) in script.numbered() {
        let (name, opens) = match &step.action {
            Action::OpenBackup(step) => (&step.name, true),
            Action::DestroyShares(step) => (&step.name, false),
            _ => continue,
        };
        let Some(kept) = script.kept_as(name) else { continue };
        let rule = Rule::OldSharesDead;
        match (opens, kept.old_shares) {
            (true, None) => {
                let what = format!(
                    "{name} gets new shares, and the script does not say what becomes of the old ones, which open the old file."
                );
                let remedy = "Say old-shares = \"destroy\" in its [[kept]], or \"rotate\" with rotate-by.";
                findings.add(Error, rule, Some(&number), what, remedy);
            }
            (true, Some(OldShares::Rotate { by })) => {
                findings.add(
                    Warning,
                    rule,
                    Some(&number),
                    words::custody::rotate_by(by),
                    "Plan the rotation before this day, or destroy the old shares in the room.",
                );
            }
            (true, Some(OldShares::Destroy)) => {
                let what = "The old shares open every copy of the old file until n−t+1 of them are destroyed.";
                findings.add(
                    Note,
                    rule,
                    Some(&number),
                    what,
                    "Bring at least so many old pages; the screen counts them.",
                );
            }
            (false, Some(OldShares::Rotate { .. })) => {
                let what =
                    format!("The shares of {name} are destroyed, and its [[kept]] says old-shares = \"rotate\".");
                findings.add(Error, rule, Some(&number), what, "Say old-shares = \"destroy\", or leave the step out.");
            }
            (false, _) => {}
        }
    }
}

/// The end of a key: every token and every set that the script names comes to its end.
fn destroy(script: &Script, findings: &mut Findings) {
    if script.kept.is_empty() && script.tokens.is_empty() {
        let what = "The script names no token and no backup: nothing would be destroyed.";
        findings.add(
            Error,
            Rule::ScriptHolds,
            None,
            what,
            "Name each [[token]] with the key, and each [[kept]] backup.",
        );
    }
    for token in &script.tokens {
        let wiped = script
            .numbered()
            .any(|(_, step)| matches!(&step.action, Action::EraseToken(step) if step.token == token.alias));
        if !wiped {
            let what = format!("{} is not wiped, and it is the end of its key.", token.alias);
            findings.add(Error, Rule::TokenErased, None, what, "Give it a step with do = \"erase-token\".");
        }
    }
    if script.kept.is_empty() {
        let what = "No backup of the key is named. One that exists is not at its end.";
        findings.add(
            Note,
            Rule::OldSharesDead,
            None,
            what,
            "If there is one, name it as [[kept]] and destroy its shares.",
        );
    }
    if script.kept.iter().any(|kept| kept.sealed.is_none()) {
        let what = "A backup is named without its sealed file.";
        findings.add(Note, Rule::OldSharesDead, None, what, "Name it as sealed, so that the form lists it.");
    }
}
