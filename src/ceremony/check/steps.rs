//! The fold of needs and gives over the acts: `SCRIPT-HOLDS`.

use std::collections::BTreeSet;

use super::{
    Findings,
    Severity::{Error, Warning},
    text::duration,
};
use crate::{
    ceremony::{
        participants::Alias,
        script::{Kind, Script},
        steps::{Action, Fact, Sign, SignRepositories, Step},
    },
    rules::Rule,
};

/// Goes through the steps with nothing but their needs and gives, and finds those that cannot happen.
pub(super) fn fold(script: &Script, findings: &mut Findings) {
    let steps: Vec<(String, &Step)> = script.numbered().collect();
    let mut facts = BTreeSet::new();
    let mut missing = BTreeSet::new();
    for (index, (number, step)) in steps.iter().enumerate() {
        let title = step.action.kind().prose(script).title;
        if facts.contains(&Fact::Closed) {
            let what = format!("“{title}” comes after the record is closed, and would never be done.");
            findings.add(
                Error,
                Rule::ScriptHolds,
                Some(number),
                what,
                "Move it before the step `close`, or leave it out.",
            );
        }
        for need in step.action.kind().needs(script) {
            // Each gap is reported once, at the first step that falls into it.
            if facts.contains(&need) || !missing.insert(need.clone()) {
                continue;
            }
            let later = steps[index + 1..].iter().find(|(_, later)| later.action.kind().gives(script).contains(&need));
            let what = format!("“{title}” cannot happen: nothing before it brings about that {}.", need.words());
            let remedy = match later {
                Some((later, _)) => format!("Move step {later} before it."),
                None => format!("Put {} before it.", giver(&need)),
            };
            findings.add(Error, Rule::ScriptHolds, Some(number), what, remedy);
        }
        match &step.action {
            Action::Sign(Sign { token }) | Action::SignRepositories(SignRepositories { token }) => {
                look_at_signature(script, token, number, &facts, findings);
            }
            _ => {}
        }
        facts.extend(step.action.kind().gives(script));
        if threshold_met(script, &facts) {
            facts.insert(Fact::ThresholdMet);
        }
    }
}

/// The steps without which no ceremony is one, whatever else it does.
pub(super) fn required(script: &Script, findings: &mut Findings) {
    let has = |wanted: fn(&Action) -> bool| script.numbered().any(|(_, step)| wanted(&step.action));
    let required: [(&str, bool, Rule); 8] = [
        ("roll-call", has(|action| matches!(action, Action::RollCall(_))), Rule::RollCallComplete),
        ("script-words", has(|action| matches!(action, Action::ScriptWords(_))), Rule::ScriptDigest),
        ("confirm-clock", has(|action| matches!(action, Action::ConfirmClock(_))), Rule::ClockConfirmed),
        ("preflight", has(|action| matches!(action, Action::Preflight(_))), Rule::MachineFit),
        ("draft", has(Action::drafts), Rule::ScriptHolds),
        ("review", has(|action| matches!(action, Action::Review(_))), Rule::PayloadReadback),
        (
            "export",
            has(|action| matches!(action, Action::Export(_) | Action::ExportRepositories(_))),
            Rule::ScriptHolds,
        ),
        ("close", has(|action| matches!(action, Action::Close(_))), Rule::HeadSigned),
    ];
    let of_metadata = ["draft", "review", "export"];
    for (kind, there, rule) in required {
        if !there && (script.kind.writes_metadata() || !of_metadata.contains(&kind)) {
            let what = format!("The script has no step `{kind}`.");
            findings.add(
                Error,
                rule,
                None,
                what,
                format!("Put a step with do = \"{kind}\" into the act where it belongs."),
            );
        }
    }
    let imports_root = has(|action| matches!(action, Action::ImportRoot(_)));
    if script.previous.is_some() && !imports_root {
        findings.add(
            Error,
            Rule::PreviousRootPinned,
            None,
            "The script changes a root and has no step `import-root`.",
            "Put a step with do = \"import-root\" before the first token is opened.",
        );
    }
    if !script.keys.is_empty() && !has(|action| matches!(action, Action::ImportKeys(_))) {
        findings.add(
            Error,
            Rule::KeyOnPaper,
            None,
            "The script names keys from outside and has no step `import-keys`.",
            "Put a step with do = \"import-keys\" before the draft.",
        );
    }
}

/// The longest time between two breaks, in minutes: tired people sign wrong things.
const WITHOUT_BREAK_MAX: u64 = 150;

/// Whether people are given a break in time.
pub(super) fn breaks(script: &Script, findings: &mut Findings) {
    let mut since = 0;
    for (number, step) in script.numbered() {
        since = if matches!(step.action, Action::Break(_)) { 0 } else { since + u64::from(step.minutes) };
        if since > WITHOUT_BREAK_MAX {
            let what = format!("By the end of this step people have worked for {} without a break.", duration(since));
            findings.add(
                Warning,
                None,
                Some(&number),
                what,
                "Put a step with do = \"break\" before the first signature.",
            );
            return;
        }
    }
}

/// Whether the tokens that signed so far meet every threshold: in a genesis that of the new root, otherwise that of the
/// root before as well (`ROOT-TALLY-OLD`, `ROOT-TALLY-NEW`).
fn threshold_met(script: &Script, facts: &BTreeSet<Fact>) -> bool {
    let signed = |alias: &Alias| facts.contains(&Fact::SignedBy(alias.clone()));
    if script.kind.is_about_repositories() {
        return script.repositories_met(&signed);
    }
    let new = script.distinct_keys(script.root.keys.iter().filter(|alias| signed(alias)));
    let held = script.tokens.iter().filter(|token| token.keyid.is_some() && signed(&token.alias));
    let old = script.distinct_keys(held.map(|token| &token.alias));
    new >= script.root.threshold && (script.kind == Kind::Genesis || old >= old_threshold(script))
}

/// The threshold of the root before.
pub(super) fn old_threshold(script: &Script) -> u64 {
    script.change.as_ref().and_then(|change| change.threshold_was).unwrap_or(script.root.threshold)
}

fn look_at_signature(script: &Script, alias: &Alias, number: &str, facts: &BTreeSet<Fact>, findings: &mut Findings) {
    if facts.contains(&Fact::SignedBy(alias.clone())) {
        let what = format!("{alias} signed before; a second signature of one key counts for nothing.");
        findings.add(Warning, Rule::KeyCountedOnce, Some(number), what, "Leave the step out.");
    }
    let in_old = script.kind != Kind::Genesis && script.token(alias).is_some_and(|token| token.keyid.is_some());
    let repositories = script.repositories.as_ref();
    let below = repositories.is_some_and(|spec| {
        let tagging = spec.tagging.iter().flat_map(|tagging| &tagging.keys);
        tagging.chain(spec.signers.iter().flat_map(|signer| &signer.keys)).any(|key| key.token() == Some(alias))
    });
    if !in_old && !below && !script.root.keys.contains(alias) {
        let what = format!("{alias} signs, and its key is in no root: the signature would count for nothing.");
        findings.add(
            Error,
            Rule::ScriptHolds,
            Some(number),
            what,
            "Name the token in [root] keys, or leave the step out.",
        );
    }
}

/// Which step would bring a fact about, in words.
fn giver(fact: &Fact) -> String {
    let step = |kind: &str| format!("a step with do = \"{kind}\"");
    let of_token = |kind: &str, alias: &Alias| format!("a step with do = \"{kind}\" for {alias}");
    match fact {
        Fact::RollCalled => step("roll-call"),
        Fact::ScriptRead => step("script-words"),
        Fact::ClockConfirmed => step("confirm-clock"),
        Fact::MachineSeen => step("preflight"),
        Fact::TokenPrepared(alias) => of_token("prepare-token", alias),
        Fact::KeyOnToken(alias) => {
            format!("a step with do = \"generate-key\" (or \"import-key\", for a key that exists) for {alias}")
        }
        Fact::KeyMade(name) => {
            format!(
                "a step with do = \"make-key\" (\"take-key\" for a key in a file, \"open-backup\" for one of a [[kept]] backup) and the name {name}"
            )
        }
        Fact::BackupSealed(name) => {
            format!("a step with do = \"seal-backup\" (or \"wrap-key\", where a token wraps it) and the name {name}")
        }
        Fact::SharesGiven(name) => format!("a step with do = \"give-shares\" and the name {name}"),
        Fact::BackupRestores(name) => {
            format!(
                "a step with do = \"restore-key\" (or \"unwrap-key\") and the name {name}, and a drill-token of its token,"
            )
        }
        Fact::TokenErased(alias) => of_token("erase-token", alias),
        Fact::SharesChecked(name) => format!("a step with do = \"check-shares\" and the name {name}"),
        Fact::SharesDestroyed(name) => format!("a step with do = \"destroy-shares\" and the name {name}"),
        Fact::KeyWiped(name) => format!("a step with do = \"wipe-key\" and the name {name}"),
        Fact::KekMade(name) => format!("a step with do = \"make-kek\" and the name {name}"),
        Fact::KeyReopened(name) => format!("a step with do = \"open-backup\" and the name {name}"),
        Fact::KekWiped(name) => format!("a step with do = \"wipe-kek\" and the name {name}"),
        Fact::KeyClosed(name) => format!("a step with do = \"close-key\" and the name {name}"),
        Fact::KeyHandedOver(name) => format!("a step with do = \"hand-over-key\" and the name {name}"),
        Fact::KeyCounts(alias) => {
            format!("a step with do = \"drill-token\" (or \"open-token\", if it holds its key already) for {alias}")
        }
        Fact::KeysImported => step("import-keys"),
        Fact::PreviousRoot => step("import-root"),
        Fact::RepositoriesRead => step("import-repositories"),
        Fact::TagsJudged => step("judge-tags"),
        Fact::Certified(alias) => of_token("certify", alias),
        Fact::Drafted => step("draft"),
        Fact::Reviewed => step("review"),
        Fact::SignedBy(alias) => of_token("sign", alias),
        Fact::ThresholdMet => "enough steps with do = \"sign\" for the thresholds of the old and the new root".into(),
        Fact::Exported => step("export"),
        Fact::Closed => step("close"),
    }
}
