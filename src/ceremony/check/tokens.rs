//! Tokens, thresholds and modules of a script.

use serde::Serialize;

use super::{
    Findings,
    Severity::{Error, Note, Warning},
    steps::old_threshold,
};
use crate::{
    ceremony::{
        participants::Alias,
        script::{Declares, Kind, ModuleSpec, PossessionSpec, Script, TokenSpec},
        steps::Action,
    },
    rules::{Refusal, Rule},
    text::shown,
    tuf::{KeyAlgorithm, authoring, role::RoleName},
};

/// A token as a script plans it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TokenPlan {
    /// Its short name.
    pub alias: Alias,
    /// The colour or mark on its tag.
    pub tag: String,
    /// Who holds it.
    pub holder: String,
    /// Who knows or keeps its user PIN.
    pub user_pin: String,
    /// Who keeps its SO-PIN.
    pub so_pin: String,
    /// Its serial, where the script knows it.
    pub serial: Option<String>,
    /// The keyid of the root key that it holds already.
    pub keyid: Option<String>,
    /// The token that it replaces if that one fails.
    pub spare_for: Option<Alias>,
    /// The tokens that replace it.
    pub spares: Vec<Alias>,
    /// Whether its key is in the root that is written.
    pub in_new_root: bool,
    /// Whether it signs that root.
    pub signs: bool,
}

pub(super) fn plans(script: &Script) -> Vec<TokenPlan> {
    let plan = |token: &TokenSpec| TokenPlan {
        alias: token.alias.clone(),
        tag: token.tag.clone(),
        holder: script.name(&token.holder).to_owned(),
        user_pin: script.name(&token.user_pin).to_owned(),
        so_pin: script.name(&token.so_pin).to_owned(),
        serial: token.known.as_ref().map(|known| known.serial.clone()),
        keyid: token.keyid.as_ref().map(ToString::to_string),
        spare_for: token.spare_for.clone(),
        spares: spares(script, &token.alias).map(|spare| spare.alias.clone()).collect(),
        in_new_root: script.root.keys.contains(&token.alias),
        signs: signs(script, &token.alias),
    };
    script.tokens.iter().map(plan).collect()
}

/// The tokens that may take the place of `alias`.
pub(super) fn spares<'a>(script: &'a Script, alias: &'a Alias) -> impl Iterator<Item = &'a TokenSpec> {
    script.tokens.iter().filter(move |token| token.spare_for.as_ref() == Some(alias))
}

/// Whether a token has any step of its own.
pub(super) fn is_used(script: &Script, alias: &Alias) -> bool {
    script.numbered().any(|(_, step)| step.action.token() == Some(alias))
}

/// Whether a token signs what is written.
pub(super) fn signs(script: &Script, alias: &Alias) -> bool {
    script.numbered().any(|(_, step)| {
        matches!(step.action, Action::Sign(_) | Action::SignRepositories(_)) && step.action.token() == Some(alias)
    })
}

pub(super) fn look(script: &Script, findings: &mut Findings) {
    thresholds(script, findings);
    root_keys(script, findings);
    for token in &script.tokens {
        each(script, token, findings);
    }
    for module in &script.modules {
        pinned(script, module, findings);
    }
    heads(script, findings);
}

fn thresholds(script: &Script, findings: &mut Findings) {
    let (threshold, keys) = (script.root.threshold, script.distinct_root_keys());
    let declares = &script.declares;
    if script.kind.writes_roots() {
        root_threshold(threshold, keys, declares, findings);
    }
    online_roles(script, findings);
}

fn root_threshold(threshold: u64, keys: u64, declares: &Declares, findings: &mut Findings) {
    if let Err(Refusal { rule, what, remedy }) = authoring::leaves_spare(threshold, keys) {
        findings.unless(declares.no_spare || declares.single_control, rule, None, what, &remedy);
    }
    if let Err(Refusal { rule, what, remedy }) = authoring::needs_two(threshold, keys) {
        findings.unless(declares.single_control, rule, None, what, &remedy);
    }
}

fn online_roles(script: &Script, findings: &mut Findings) {
    if script.kind == Kind::Genesis {
        for role in [RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp] {
            if !script.roles.iter().any(|spec| spec.role == role) {
                let what = format!("A first root names the keys of {role}, and the script has no [[role]] for it.");
                findings.add(
                    Error,
                    Rule::ThresholdReachable,
                    None,
                    what,
                    "Add the role with its keys and its threshold.",
                );
            }
        }
    }
    for key in &script.keys {
        // It proves the key of a token that has a role.
        let has_role = |alias: &Alias| {
            script.root.keys.contains(alias) || script.repositories.as_ref().is_some_and(|spec| spec.tags_with(alias))
        };
        let opened = matches!(&key.possession, PossessionSpec::HeldByToken(alias) if has_role(alias));
        if script.kind.writes_metadata() && script.roles_of(&key.name).is_empty() && !opened {
            let what = format!("The key {} is imported and used in no role.", key.name);
            findings.add(Warning, None, None, what, "Name it in a [[role]], or take it out.");
        }
    }
}

/// Which tokens the root is made of, and how each of their keys comes to be here.
fn root_keys(script: &Script, findings: &mut Findings) {
    let everybody_signs =
        "A key that signed once is known to be able to. Add a step `sign`, or say in the script why not.";
    for holders in script.one_key_on_several() {
        let names: Vec<_> = holders.iter().map(|alias| alias.to_string()).collect();
        let what = format!("{} hold one key: it counts once, and each of them signs for all.", names.join(" and "));
        let remedy = "Keep each of them as if it were the only one; whoever takes one has the key.";
        findings.add(Note, Rule::KeyCountedOnce, None, what, remedy);
    }
    for alias in &script.root.keys {
        let copies = script.one_key_on_several().into_iter().find(|holders| holders.contains(&alias));
        let signed = signs(script, alias) || copies.is_some_and(|copies| copies.iter().any(|copy| signs(script, copy)));
        if script.kind.is_genesis() && !signed {
            let what = format!("{alias} does not sign the first root.");
            findings.add(Warning, None, None, what, everybody_signs);
        }
    }
    let Some(change) = &script.change else { return };
    for token in script.tokens.iter().filter(|token| script.root.keys.contains(&token.alias)) {
        let alias = &token.alias;
        let (added, removed) =
            (change.adds.contains(alias), token.keyid.as_ref().is_some_and(|keyid| change.removes.contains(keyid)));
        let what = match (token.keyid.is_some(), added, removed) {
            (_, _, true) => format!("The key of {alias} is removed, and [root] keys names the token."),
            (true, true, false) => format!("{alias} holds a root key already, and [change] adds it as a new one."),
            (false, false, _) => format!("{alias} is in [root] keys; it has no keyid, and [change] does not add it."),
            _ => continue,
        };
        let remedy = "[root] keys is the whole set afterwards; [change] is what comes in and what goes out.";
        findings.add(Error, Rule::DraftIsTheChange, None, what, remedy);
    }
    for alias in change.adds.iter().filter(|alias| !script.root.keys.contains(alias)) {
        let what = format!("[change] adds {alias}, and [root] keys does not name it.");
        findings.add(Error, Rule::DraftIsTheChange, None, what, "Name it in [root] keys, the whole set afterwards.");
    }
    let old = script.tokens.iter().filter(|token| token.keyid.is_some()).count() as u64;
    if old < old_threshold(script) {
        let what =
            format!("{old} tokens of the script hold a key of the old root; it asks for {}.", old_threshold(script));
        let remedy = "Bring more officers of the old root: give their tokens a keyid, an open-token and a sign step.";
        findings.add(Error, Rule::RootTallyOld, None, what, remedy);
    }
}

fn each(script: &Script, token: &TokenSpec, findings: &mut Findings) {
    let alias = &token.alias;
    let opened =
        script.numbered().find(|(_, step)| matches!(&step.action, Action::OpenToken(open) if open.token == *alias));
    if let Some((number, _)) = opened {
        if token.keyid.is_none() {
            let what = format!("{alias} is opened, and the script names no keyid for it.");
            let remedy = match script.repositories {
                Some(_) => "Give the token the canonical id of its key, as the card of the last ceremony has it.",
                None if script.kind.is_custody() || script.kind == Kind::Genesis => {
                    "Give the token the keyid of its key, as the card of the last ceremony has it."
                }
                None => "Give the token the keyid under which the previous root knows its key.",
            };
            findings.add(Error, Rule::ScriptHolds, Some(&number), what, remedy);
        }
        if token.known.is_none() {
            let what = format!("{alias} existed before this ceremony, and the script names neither label nor serial.");
            let remedy =
                "Copy both from the card of the last ceremony; a wrong token is then named before its PIN is asked.";
            findings.add(Warning, Rule::TokenIsExpected, Some(&number), what, remedy);
        }
    }
    // An offline key that lies in its bag today is told of with the other offline keys.
    let rests = script.repositories.is_some() && token.keyid.is_some();
    if !is_used(script, alias) && token.spare_for.is_none() && !rests {
        findings.add(
            Note,
            None,
            None,
            format!("{alias} has no step of its own."),
            "Take it out, or give it its steps.",
        );
    }
    let principal = token.spare_for.as_ref().and_then(|principal| script.token(principal));
    if let Some(principal) = principal.filter(|principal| principal.keyid.is_some() && token.keyid.is_none()) {
        let what = format!(
            "{alias} is a spare for {}, which holds a root key; a blank token cannot sign in its place.",
            principal.alias
        );
        let remedy = "A spare is for a token that is prepared on the day.";
        findings.add(Warning, Rule::SubstituteDeclared, None, what, remedy);
    }
    let same = |other: &&TokenSpec| other.alias > *alias;
    for other in script.tokens.iter().filter(same) {
        if token.known.is_some() && token.known == other.known {
            let what = format!("{alias} and {} have the same label and serial.", other.alias);
            findings.add(Error, Rule::TokenIsExpected, None, what, "Two tokens of one script are two objects.");
        }
        if token.tag == other.tag {
            let what = format!("{alias} and {} have the same tag, “{}”.", other.alias, shown(&token.tag));
            findings.add(Warning, None, None, what, "Give each token a tag that is told from across the table.");
        }
    }
}

fn pinned(script: &Script, module: &ModuleSpec, findings: &mut Findings) {
    if !script.tokens.iter().any(|token| token.module == module.name) {
        return;
    }
    if module.yubikey().is_some() {
        return native(script, module, findings);
    }
    let missing: Vec<_> = [("sha256", module.sha256.is_none()), ("model", module.model.is_none())]
        .into_iter()
        .filter_map(|(field, absent)| absent.then_some(field))
        .collect();
    if !missing.is_empty() {
        let what = format!(
            "The module {} has no {}: a rehearsal works, and `officiant run` will refuse its tokens.",
            module.name,
            missing.join(" and no ")
        );
        let remedy = "Let `officiant token list` show both on the machine of the day, and put them into the script.";
        findings.add(Warning, Rule::TokenIsHardware, None, what, remedy);
    }
}

/// YubiKeys are driven by the program itself: no file to pin, and ECDSA only.
fn native(script: &Script, module: &ModuleSpec, findings: &mut Findings) {
    let algorithm = script.root.algorithm;
    let generates = script.numbered().any(|(_, step)| match &step.action {
        Action::GenerateKey(step) => script.token(&step.token).is_some_and(|token| token.module == module.name),
        _ => false,
    });
    if generates && !matches!(algorithm, KeyAlgorithm::P256 | KeyAlgorithm::P384) {
        let what = format!(
            "The root keys are to be {algorithm}, and a YubiKey makes P-256 and P-384 keys here: it signs at most 1014 bytes with Ed25519, which a usual root exceeds, and RSA goes through PKCS#11 only."
        );
        findings.add(Error, None, None, what, "Set root.algorithm to p256, which every client reads.");
    }
    if script.declares.old_firmware {
        let what = "ECDSA keys may be made on YubiKeys with firmware below 5.7, out of which they can be measured.";
        let remedy = "Take YubiKeys with firmware 5.7 or later, and declare nothing.";
        findings.add(Warning, Rule::FirmwareKeepsKeys, None, what, remedy);
    }
}

/// `HEAD-SIGNED`: the tokens of the new root sign the head at the close.
fn heads(script: &Script, findings: &mut Findings) {
    for (number, step) in script.numbered() {
        let Action::Close(close) = &step.action else { continue };
        let held: Vec<&Alias> = match script.repositories {
            // Whoever was in the room today: a tagging key too, and no token that lies in its bag.
            Some(_) => script.tokens.iter().map(|token| &token.alias).filter(|alias| is_used(script, alias)).collect(),
            None => script.root.keys.iter().collect(),
        };
        for alias in held.into_iter().filter(|alias| !close.tokens.contains(alias)) {
            let what = format!("{alias} does not sign the head of the transcript at the close.");
            let remedy = "Name it in `tokens` of the step `close`, so that its officer vouches for the record.";
            findings.add(Warning, Rule::HeadSigned, Some(&number), what, remedy);
        }
    }
}
