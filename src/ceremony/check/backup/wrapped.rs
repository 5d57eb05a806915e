//! Whether a key that one token wraps for another goes the whole way, on tokens that can.

use super::super::{
    Findings,
    Severity::{Error, Note, Warning},
};
use crate::{
    ceremony::{participants::Alias, script::Script, steps::Action, words::wrapping::PIN_IS_KEY},
    rules::Rule,
    tuf::KeyAlgorithm,
};

pub(super) fn look(script: &Script, made: &[&Alias], findings: &mut Findings) {
    let rule = Rule::BackupDeclared;
    if made.is_empty() {
        let what = "way = \"wrapped\", and no key is wrapped.";
        let remedy = "Give each root key the steps make-kek, wrap-key, give-shares, wipe-kek, unwrap-key, drill-token, close-key, drill-token.";
        findings.add(Error, rule, None, what, remedy);
    }
    for alias in script.root.keys.iter().filter(|alias| script.put_on(alias).is_none()) {
        let what = format!("way = \"wrapped\", and the key of {alias} is not wrapped.");
        findings.add(Error, rule, None, what, "Make it there with wrap-key or unwrap-key, or say another way.");
    }
    for name in made {
        one_way(script, name, findings);
    }
    is_declared(script, findings);
    if script.root.algorithm == KeyAlgorithm::Ed25519 {
        let what = "The root keys are to be Ed25519, and many modules wrap none: SoftHSM does not, so this script cannot be rehearsed on it.";
        let remedy =
            "Ask the tokens with officiant token probe; or set root.algorithm to p256, which every client reads.";
        findings.add(Warning, Rule::WrappingSafe, None, what, remedy);
    } else {
        are_tried(findings);
    }
}

/// A script that gives wrapped keys new custodians: each is wrapped anew, on the token that unwraps it.
pub(super) fn anew(script: &Script, made: &[&Alias], findings: &mut Findings) {
    for name in made {
        one_way(script, name, findings);
        let on = script.numbered().find_map(|(number, step)| match &step.action {
            Action::WrapKey(step) if step.name == **name => Some((number, &step.token)),
            _ => None,
        });
        match (script.reopened(name), on) {
            (None, _) => {
                let what = format!(
                    "The key {name} is made and wrapped, and this ceremony writes no metadata that would name it."
                );
                let remedy = "Put open-backup with its token before wrap-key. A new key is made in the genesis or the rotation by which clients come to trust it.";
                findings.add(Error, Rule::ScriptHolds, None, what, remedy);
            }
            (Some(opened), Some((number, wraps))) if opened != wraps => {
                let what = format!("The old backup of {name} is opened on {opened}, and {wraps} is to wrap the key.");
                findings.add(Error, Rule::ScriptHolds, Some(&number), what, "Name one token in both steps.");
            }
            _ => {}
        }
    }
    is_declared(script, findings);
    are_tried(findings);
}

/// A script whose tokens unwrap a key of an earlier ceremony, in the steps of these numbers.
pub(in crate::ceremony::check) fn unwraps<'a>(
    script: &Script,
    steps: impl Iterator<Item = (&'a str, &'a Alias)>,
    findings: &mut Findings,
) {
    for (number, token) in steps {
        can_wrap(script, number, token, findings);
    }
    is_declared(script, findings);
    are_tried(findings);
}

fn is_declared(script: &Script, findings: &mut Findings) {
    if script.declares.pin_is_key {
        let remedy = "Take tokens that hold a key to a wrapping key that the SO trusts, and declare nothing; officiant token probe tells.";
        findings.add(Warning, Rule::WrappingTrusted, None, PIN_IS_KEY, remedy);
    }
}

fn are_tried(findings: &mut Findings) {
    let what = "Each token is tried in the room before it gets a key-encryption key, and refused where it gives away what it should keep.";
    findings.add(Note, Rule::WrappingSafe, None, what, "Try the very tokens beforehand with officiant token probe.");
}

fn can_wrap(script: &Script, number: &str, token: &Alias, findings: &mut Findings) {
    let module = script.token(token).and_then(|spec| script.module(&spec.module));
    if module.is_some_and(|module| module.yubikey().is_some()) {
        let what = format!("A YubiKey wraps no keys, and unwraps none: {token} is one.");
        let remedy = match script.kind.opens_backups() {
            true => {
                "Take a token behind a PKCS#11 module. What it takes to bring the key to a YubiKey, through the memory of a machine, stands in docs/RECOVERY.md."
            }
            false => "Use way = \"software-born\" for several YubiKeys with one key.",
        };
        findings.add(Error, Rule::WrappingSafe, Some(number), what, remedy);
    }
}

/// One token makes and closes the key, others unwrap it.
fn one_way(script: &Script, name: &Alias, findings: &mut Findings) {
    let (mut wraps, mut closes) = (vec![], vec![]);
    for (number, step) in script.numbered() {
        let token = match &step.action {
            Action::WrapKey(step) if step.name == *name => {
                wraps.push(&step.token);
                &step.token
            }
            Action::UnwrapKey(step) if step.name == *name => &step.token,
            Action::CloseKey(step) if step.name == *name => {
                closes.push(&step.token);
                continue;
            }
            _ => continue,
        };
        can_wrap(script, &number, token, findings);
    }
    if wraps.len() > 1 {
        let what = format!("The key {name} is made on {} tokens.", wraps.len());
        let remedy = "Make it on one with wrap-key; the others unwrap it with unwrap-key.";
        findings.add(Error, Rule::BackupRestores, None, what, remedy);
    }
    if let (Some(first), false) = (wraps.first(), wraps == closes) {
        let what = format!("The key {name} is wrapped on {first}, and not closed there, or closed elsewhere.");
        findings.add(Error, Rule::KeyClosed, None, what, "Put a step with do = \"close-key\" for that token.");
    }
}
