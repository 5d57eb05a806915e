//! How the key outlives the loss of a token (`BACKUP-DECLARED`), and whether a key for several tokens is backed up before it counts.

pub(super) mod wrapped;

use std::collections::BTreeMap;

use super::{
    Findings,
    Severity::{Error, Note, Warning},
};
use crate::{
    ceremony::{
        participants::{Alias, PersonId},
        script::{Kind, Origin, Script, Way},
        steps::Action,
        words::{self, backup::consequences},
    },
    rules::Rule,
    text::shown,
    tuf::KeyAlgorithm,
};

pub(super) fn look(script: &Script, findings: &mut Findings) {
    let Some(backup) = &script.backup else { return unsaid(script, findings) };
    let made = script.made_keys();
    let said = consequences(backup.way);
    let rule = Rule::BackupDeclared;
    if !script.kind.is_genesis() {
        let said = match script.kind {
            kind if kind.is_custody() && backup.way != Way::Wrapped => words::custody::CONSEQUENCES,
            _ => said,
        };
        findings.add(Note, rule, None, said, "Read it once more before anybody relies on it.");
        if script.kind.is_custody() && backup.way == Way::Wrapped {
            wrapped::anew(script, &made, findings);
        }
        return each_made(script, &made, findings);
    }
    match backup.way {
        Way::Redundancy => {
            findings.add(Note, rule, None, said, "It is what the script says; nothing to do.");
            if script.root.threshold >= script.distinct_root_keys() {
                let what = "way = \"redundancy\", and the threshold is the number of keys: there is none to spare.";
                findings.add(Error, rule, None, what, "Add a key, lower the threshold, or say another way.");
            }
        }
        Way::SoftwareBorn => {
            findings.add(Note, rule, None, said, "It is what the script says; nothing to do.");
            if made.is_empty() {
                let what = "way = \"software-born\", and no key is made in memory.";
                let remedy = "Give each root key the steps make-key, seal-backup, give-shares, put-key, restore-key, drill-token and wipe-key.";
                findings.add(Error, rule, None, what, remedy);
            }
            for alias in script.root.keys.iter().filter(|alias| script.put_on(alias).is_none()) {
                let what = format!("way = \"software-born\", and the key of {alias} is not made in memory.");
                findings.add(
                    Error,
                    rule,
                    None,
                    what,
                    "Put a key on it with put-key or restore-key, or say another way.",
                );
            }
        }
        Way::Wrapped => {
            findings.add(Note, rule, None, said, "It is what the script says; nothing to do.");
            wrapped::look(script, &made, findings);
        }
        Way::None => findings.unless(
            script.declares.no_backup,
            rule,
            None,
            said,
            "Say another way, or declare it where it can be reviewed: [declares] no-backup = true.",
        ),
    }
    each_made(script, &made, findings);
}

/// Nothing is said of a backup where a key is to get one.
fn unsaid(script: &Script, findings: &mut Findings) {
    if matches!(script.kind, Kind::Backup | Kind::ChangeCustodians) {
        let what =
            "The key is to get a backup, and the script has no [backup]: who gets a share, and how many open it.";
        let remedy = "Add [backup] with way = \"software-born\", threshold, custodians and contact.";
        findings.add(Error, Rule::BackupDeclared, None, what, remedy);
    }
}

fn each_made(script: &Script, made: &[&Alias], findings: &mut Findings) {
    if made.is_empty() {
        return;
    }
    let wrapped = script.backup.as_ref().is_some_and(|backup| backup.way == Way::Wrapped);
    if script.root.algorithm == KeyAlgorithm::Rsa3072 && !wrapped {
        let what = "An RSA key is to be made in memory, and this program makes none there.";
        findings.add(Error, None, None, what, "Set root.algorithm to p256, which every client reads.");
    }
    for name in made {
        let holders = script.holders_of(name);
        // A key that exists elsewhere needs one proof; that it is one from shares is asked by the step that wipes.
        if holders.len() < if script.kind.is_custody() { 1 } else { 2 } {
            let what = format!("The key {name} comes to {} token.", holders.len());
            let remedy = match wrapped {
                true => {
                    "Let one make it with wrap-key, and another unwrap it with unwrap-key: its second token is the proof of its backup."
                }
                false => {
                    "Put it on one with put-key and restore it to another with restore-key: its second token is the proof of its backup."
                }
            };
            findings.add(Error, Rule::BackupRestores, None, what, remedy);
        }
        for (at, holder) in holders.iter().enumerate() {
            if holders[..at].contains(holder) {
                let what = format!("The key {name} is put on {holder} twice.");
                findings.add(Error, Rule::BackupRestores, None, what, "Restore it to another token.");
            }
        }
    }
    unbroken(script, findings);
    custodians(script, findings);
    if let Some(what) = words::recipients::consequences(script) {
        findings.add(Note, Rule::RecipientOwn, None, what, words::recipients::REMEDY);
    }
    if let Some(folder) = script.custody().and_then(|custody| custody.pages.as_ref()) {
        findings.add(Note, Rule::ShareReadBack, None, words::pages::note(folder), words::pages::REMEDY);
    }
    if let Some(printer) = script.custody().and_then(|custody| custody.printer.as_ref()) {
        let what = format!("Shares are printed on {}; a rehearsal shows them on the screen instead.", shown(printer));
        findings.add(
            Note,
            Rule::ShareReadBack,
            None,
            what,
            "Print a page of anything on that printer on the machine of the day.",
        );
    }
}

/// Between the making of a key and its last share nothing else has to be done: if the program ends there, the key is lost.
fn unbroken(script: &Script, findings: &mut Findings) {
    let mut open: Option<&Alias> = None;
    for (number, step) in script.numbered() {
        match &step.action {
            Action::MakeKek(step) => open = Some(&step.name),
            Action::GiveShares(step) if open == Some(&step.name) => open = None,
            Action::Break(_) => {
                if let Some(name) = open {
                    let what = format!("A break while {name} is in memory, and its shares are not all read back.");
                    let remedy = match script.origin_of(name) {
                        Origin::Made => "Move it behind give-shares: until then the key is lost if the machine stops.",
                        Origin::TakenFrom(_) | Origin::Opened => {
                            "Move it behind give-shares: until then its pages are worth nothing if the machine stops."
                        }
                    };
                    findings.add(Warning, Rule::ShareReadBack, Some(&number), what, remedy);
                }
            }
            action => {
                if let Some((name, _)) = action.brings_into_memory() {
                    open = Some(name);
                }
            }
        }
    }
}

/// Nobody holds as many shares as open the backup.
fn custodians(script: &Script, findings: &mut Findings) {
    let Some(custody) = script.custody() else { return };
    if let Some(person) = &custody.passphrase_copy {
        let what = format!(
            "A copy of the backup opens with the passphrase of {}: one person alone has the key.",
            shown(script.name(person))
        );
        let remedy = "Leave passphrase-copy out of [backup].";
        findings.unless(script.declares.single_control, Rule::BackupDeclared, None, what, remedy);
    }
    let mut shares: BTreeMap<&PersonId, usize> = BTreeMap::new();
    for person in &custody.custodians {
        *shares.entry(person).or_default() += 1;
    }
    for (person, count) in shares.into_iter().filter(|(_, count)| *count > 1) {
        let name = shown(script.name(person));
        if count >= usize::from(custody.scheme.threshold()) {
            let what = format!(
                "{name} keeps {count} shares, and {} open the backup: one person alone has the key.",
                custody.scheme.threshold()
            );
            findings.unless(
                script.declares.single_control,
                Rule::BackupDeclared,
                None,
                what,
                "Name another custodian for each share.",
            );
        } else {
            let what = format!("{name} keeps {count} shares.");
            findings.add(Warning, Rule::BackupDeclared, None, what, "Name another custodian for each share.");
        }
    }
}
