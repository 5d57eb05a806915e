//! Ceremonies that open a backup which was made before: whether it can be opened, by enough people, for the trusted key; and whether what
//! they leave is what their kind says.

use std::collections::BTreeMap;

use super::{
    Findings,
    Severity::{Error, Note, Warning},
    backup::wrapped,
};
use crate::{
    ceremony::{
        participants::{Alias, PersonId},
        script::{KeptSpec, Kind, Script},
        steps::{Action, PutKey},
    },
    custody::Opens,
    rules::Rule,
    text::shown,
};

pub(super) fn look(script: &Script, findings: &mut Findings) {
    wiped_tokens(script, findings);
    if !script.kind.opens_backups() {
        return;
    }
    if script.kept.is_empty() {
        let what = "The script keeps no backup: there is nothing to open.";
        findings.add(
            Error,
            Rule::ScriptHolds,
            None,
            what,
            "Add a [[kept]] with its set, its sealed file and its keyid.",
        );
    }
    for kept in &script.kept {
        opened(script, kept, findings);
    }
    let restored = restored(script);
    let wiped = |alias: &Alias| {
        steps(script).any(|(_, action)| matches!(action, Action::EraseToken(step) if step.token == *alias))
    };
    for (number, step) in &restored {
        let token = &step.token;
        match script.kind {
            Kind::RestoreDrill if !wiped(token) => {
                let what =
                    format!("{token} gets the key in a drill, and is not wiped: the key would be on one token more.");
                let remedy = format!(
                    "Put a step with do = \"erase-token\" for {token} behind its drill-token. If the token is to stay, the ceremony is `restore`."
                );
                findings.add(Error, Rule::TokenErased, Some(number), what, remedy);
            }
            Kind::Restore | Kind::ReplaceToken if wiped(token) => {
                let what = format!("{token} gets the key, which is to stay there, and is wiped.");
                findings.add(
                    Error,
                    Rule::TokenErased,
                    Some(number),
                    what,
                    "Leave its erase-token out; or the ceremony is `restore-drill`.",
                );
            }
            _ => {}
        }
        let drilled =
            steps(script).any(|(_, action)| matches!(action, Action::DrillToken(step) if step.token == *token));
        if !drilled {
            let what = format!("{token} gets the key, and does not show that it works.");
            let remedy = format!("Put a step with do = \"drill-token\" for {token} behind it.");
            findings.add(Error, Rule::BackupRestores, Some(number), what, remedy);
        }
    }
    if script.kind == Kind::ReplaceToken {
        let old = script.tokens.iter().filter(|token| wiped(&token.alias) && token.known.is_some());
        if old.count() == 0 {
            let what = "No token that existed before is wiped: nothing is replaced.";
            let remedy = "Give the old token its label and serial (a YubiKey its serial), and a step with do = \"erase-token\" behind the new one's drill-token. Where it is gone, people say so in that step.";
            findings.add(Error, Rule::TokenErased, None, what, remedy);
        }
    }
    if script.kind == Kind::Restore {
        let what = "A key whose tokens are lost may be in the hands of whoever has them.";
        let remedy = "Plan a rotation of the root for the days after, with the restored tokens as the old key's.";
        findings.add(Note, Rule::BackupRestores, None, what, remedy);
    }
}

fn steps(script: &Script) -> impl Iterator<Item = (String, &Action)> {
    script.numbered().map(|(number, step)| (number, &step.action))
}

/// Every step that restores a backup which was made before.
fn restored(script: &Script) -> Vec<(String, &PutKey)> {
    let restored = steps(script).filter_map(|(number, action)| match action {
        Action::PutKey(step) if step.from_shares && script.kept_as(&step.name).is_some() => Some((number, step)),
        _ => None,
    });
    restored.collect()
}

/// Whether a kept backup can be opened.
fn opened(script: &Script, kept: &KeptSpec, findings: &mut Findings) {
    let name = &kept.name;
    let used: Vec<_> = restored(script).into_iter().filter(|(_, step)| step.name == *name).collect();
    if used.is_empty() {
        let what = format!("The backup {name} is restored to no token.");
        let remedy =
            format!("Put a step with do = \"restore-key\", the name {name} and a blank token into the script.");
        findings.add(Error, Rule::BackupRestores, None, what, remedy);
    }
    if kept.sealed.is_none() {
        let what = format!("The backup {name} has no sealed file: without it the shares are useless.");
        let remedy = "Name it in [[kept]]: sealed and sealed-sha256, backup/….age of the record that made it, backup/….wrapped of a wrapped key.";
        findings.add(Error, Rule::BackupOpens, None, what, remedy);
    }
    if kept.keyid.is_none() {
        let what = format!("The script does not say which key the backup {name} is of: any key would do.");
        let remedy = "Name the keyid under which clients trust it in [[kept]] keyid, copied from paper.";
        findings.add(Error, Rule::BackupOpens, None, what, remedy);
    }
    if kept.copies.is_empty() && kept.sealed.is_some() {
        let what = format!("The script names one copy of the sealed file of {name}.");
        findings.add(Warning, Rule::BackupOpens, None, what, "Name the one on the other medium too, in sealed-copies.");
    }
    if kept.opens == Opens::WrappedKey {
        wrapped::unwraps(script, used.iter().map(|(number, step)| (number.as_str(), &step.token)), findings);
    }
    custodians(script, kept, &used, findings);
}

/// Whether enough people come with shares, and nobody with so many that they could do it alone.
fn custodians(script: &Script, kept: &KeptSpec, used: &[(String, &PutKey)], findings: &mut Findings) {
    let name = &kept.name;
    let Some(threshold) = kept.threshold.map(usize::from) else {
        let what = format!("The script does not say how many shares open the backup {name}, nor who brings them.");
        findings.add(Error, Rule::ShareFits, None, what, "Give [[kept]] its threshold and its custodians.");
        return;
    };
    if kept.custodians.len() < threshold {
        let what =
            format!("Custodians with {} shares of {name} are called, and {threshold} open it.", kept.custodians.len());
        findings.add(
            Error,
            Rule::ShareFits,
            None,
            what,
            "Name more in [[kept]] custodians: one more than are needed lets one be ill.",
        );
    } else if kept.custodians.len() == threshold {
        let what = format!("As many custodians of {name} are called as open it: whoever is ill stops the day.");
        findings.add(Warning, Rule::ShareFits, None, what, "Call one more.");
    }
    let mut of_each: BTreeMap<&PersonId, usize> = BTreeMap::new();
    for (_, person) in &kept.custodians {
        *of_each.entry(person).or_default() += 1;
    }
    for (person, count) in of_each.into_iter().filter(|(_, count)| *count >= threshold) {
        let what = format!(
            "{} brings {count} shares of {name}, and {threshold} open it: one person alone has the key.",
            shown(script.name(person))
        );
        let remedy = "Change the custodians first.";
        findings.unless(script.declares.single_control, Rule::BackupDeclared, None, what, remedy);
    }
    for (number, step) in used.iter().filter(|(_, step)| !step.shares.is_empty()) {
        let strangers: Vec<_> =
            step.shares.iter().filter(|share| !kept.custodians.iter().any(|(of, _)| of == *share)).collect();
        if let Some(share) = strangers.first() {
            let what = format!("Share {share} is to be used, and nobody is called who brings it.");
            findings.add(Error, Rule::ShareFits, Some(number), what, "Name its custodian in [[kept]] custodians.");
        }
        if step.shares.len() < threshold {
            let what = format!("{} shares are to be used, and {threshold} open the backup.", step.shares.len());
            findings.add(
                Error,
                Rule::ShareFits,
                Some(number),
                what,
                "Name as many as open it, or leave the choice to the room.",
            );
        }
    }
}

/// A token that is wiped and was not prepared today is known beforehand, or anybody's could be wiped.
fn wiped_tokens(script: &Script, findings: &mut Findings) {
    for (number, action) in steps(script) {
        let Action::EraseToken(step) = action else { continue };
        let token = &step.token;
        let prepared =
            steps(script).any(|(_, action)| matches!(action, Action::PrepareToken(of) if of.token == *token));
        if !prepared && script.token(token).is_some_and(|spec| spec.known.is_none()) {
            let what = format!("{token} is wiped, and the script knows neither its label nor its serial.");
            let remedy = "Copy both from the card of the last ceremony (of a YubiKey the serial): nobody wipes a token that looks like the one.";
            findings.add(Error, Rule::TokenIsExpected, Some(&number), what, remedy);
        }
    }
}
