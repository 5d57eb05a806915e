//! Management keys that are not kept on their YubiKeys: each is sealed behind the step that makes it (`MANAGEMENT-KEY-SEALED`).

use super::{
    Findings,
    Severity::{Error, Note, Warning},
    tokens::spares,
};
use crate::{
    ceremony::{
        participants::Alias,
        script::{Script, Way},
        steps::Action,
    },
    rules::Rule,
};

const RULE: Rule = Rule::ManagementKeySealed;

pub(super) fn look(script: &Script, findings: &mut Findings) {
    let steps: Vec<_> = script.numbered().collect();
    // What opens the backup of a wrapped key is no identity of age: nothing else can be sealed to it.
    let has_shares = script.backup.as_ref().is_some_and(|backup| backup.way == Way::SoftwareBorn);
    let mut told = false;
    for (at, (number, step)) in steps.iter().enumerate() {
        let Action::PrepareToken(prepare) = &step.action else { continue };
        let Some(alias) = who_seals(script, &prepare.token) else { continue };
        let later = &steps[at + 1..];
        let sealed = later.iter().position(|(_, later)| has_shares && matches!(later.action, Action::SealBackup(_)));
        let Some(sealed) = sealed else {
            let what = format!(
                "The management key of {alias} is to be sealed with a backup (management-key=sealed), and no backup is sealed after it is made."
            );
            let remedy = if !has_shares {
                "Only the backup of a key that is made in memory has shares. Leave management-key=sealed out of the path of its module: the \
                 management key is then kept on the YubiKey, readable with its PIN."
            } else {
                "Prepare the YubiKey before the step seal-backup."
            };
            findings.add(Error, RULE, Some(number), what, remedy);
            continue;
        };
        let between = &later[..sealed];
        if let Some((pause, _)) = between.iter().find(|(_, step)| matches!(step.action, Action::Break(_))) {
            let what = format!("A break while the management key of {alias} is in memory only.");
            let remedy = "Move it behind seal-backup: until then the management key is lost if the machine stops.";
            findings.add(Warning, RULE, Some(pause), what, remedy);
        }
        let counts = |action: &Action| {
            matches!(action, Action::Sign(_) | Action::SignRepositories(_) | Action::Certify(_)) || action.drafts()
        };
        if let Some((early, _)) = between.iter().find(|(_, step)| counts(&step.action)) {
            let what = format!("This comes while the management key of {alias} is in memory only, and is refused.");
            findings.add(Error, RULE, Some(early), what, "Move it behind seal-backup.");
        }
        told = true;
    }
    if told {
        let what = "Management keys are kept on no YubiKey: whoever makes or brings a key later needs enough shares together, or a reset.";
        findings.add(Note, RULE, None, what, "It is what the script says; nothing to do.");
    }
}

/// The token of a step, or one that takes its place, if its management key is to be sealed.
fn who_seals<'a>(script: &'a Script, alias: &'a Alias) -> Option<&'a Alias> {
    std::iter::once(alias)
        .chain(spares(script, alias).map(|spare| &spare.alias))
        .find(|alias| script.seals_management_key(alias))
}
