//! The people of a script: duties that must check each other, who could sign alone, whose absence stops the day.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    Findings,
    Severity::{Note, Warning},
    tokens::{is_used, signs, spares},
};
use crate::{
    ceremony::{
        participants::{Alias, Duty, Person, PersonId},
        script::{CommonName, Script},
        steps::Action,
        words,
    },
    device::yubikey::TouchPolicy,
    rules::Rule,
    text::shown,
    tuf::role::RoleName,
};

/// A person as a script plans their day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PersonPlan {
    /// The short name.
    pub id: PersonId,
    /// The name.
    pub name: String,
    /// The duties in words.
    pub duties: Vec<&'static str>,
    /// Whom this person replaces if that one is absent.
    pub stands_in_for: Option<String>,
    /// Who replaces this person.
    pub surrogates: Vec<String>,
    /// The tokens that this person holds.
    pub tokens: Vec<Alias>,
    /// How many signatures on the metadata they make; in a ceremony about many repositories at most so many, since documents that
    /// say the same are signed once.
    pub signatures: u32,
    /// How many root certificates they sign.
    pub certificates: u32,
    /// How many other signatures: drills, proofs when a token is opened, the head at the close.
    pub other_signatures: u32,
    /// How often at most they touch a token, if it wants a touch for each signature. No PKCS#11 token tells whether it does; of a YubiKey
    /// that the program drives itself the script says it.
    pub touches: u32,
    /// Whether it is exactly so often: every token of theirs is such a YubiKey, and none counts one touch for several signatures.
    pub touches_exact: bool,
    /// Those of them that the script asks for: of YubiKeys with a touch for each signature.
    #[serde(skip)]
    pub touches_asked: u32,
    /// Those of YubiKeys on which a touch counts for 15 seconds.
    #[serde(skip)]
    pub touches_cached: u32,
    /// How often they type a user PIN; a new one is typed twice.
    pub user_pin_entries: u32,
    /// How often they type the passphrase of a key file; a new one is typed twice.
    pub passphrase_entries: u32,
    /// How often they type an SO-PIN; a new one is typed twice.
    pub so_pin_entries: u32,
    /// How often they confirm with their own word.
    pub confirmations: u32,
}

/// Somebody who could meet the root's threshold without anybody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Alone {
    /// Who.
    pub person: PersonId,
    /// The name.
    pub name: String,
    /// What they could sign: `root`, and with it everything below it; or `targets`, which tell what tags mean.
    pub role: RoleName,
    /// With which tokens: each in their hands, and its user PIN or its SO-PIN too.
    pub tokens: Vec<Alias>,
    /// Whether only on a day on which they stand in for somebody, or a spare takes the place of a token.
    pub only_as_surrogate: bool,
}

/// Somebody or something without which the ceremony cannot be held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stop {
    /// The name of a person, or a token.
    pub who: String,
    /// Why, as a sentence.
    pub why: String,
}

pub(super) fn plans(script: &Script) -> Vec<PersonPlan> {
    script.people.iter().map(|person| plan(script, person)).collect()
}

fn plan(script: &Script, person: &Person) -> PersonPlan {
    let user = |alias: &Alias| script.token(alias).is_some_and(|token| token.user_pin == person.id);
    let mut plan = PersonPlan {
        id: person.id.clone(),
        name: person.name.clone(),
        duties: person.duties.iter().map(|duty| duty.word()).collect(),
        stands_in_for: person.stands_in_for.as_ref().map(|id| script.name(id).to_owned()),
        surrogates: surrogates(script, &person.id).map(|other| other.name.clone()).collect(),
        tokens: script.tokens.iter().filter(|token| token.holder == person.id).map(|t| t.alias.clone()).collect(),
        signatures: 0,
        certificates: 0,
        other_signatures: 0,
        touches: 0,
        touches_exact: false,
        touches_asked: 0,
        touches_cached: 0,
        user_pin_entries: 0,
        passphrase_entries: 0,
        so_pin_entries: 0,
        confirmations: 0,
    };
    let mut signed: Vec<(&Alias, u32)> = vec![];
    for (_, step) in script.numbered() {
        if let Some(token) = script.brings_kek(&step.action) {
            let keeper = script.token(token).is_some_and(|token| token.so_pin == person.id);
            plan.so_pin_entries += u32::from(keeper);
            plan.user_pin_entries += u32::from(user(token));
            continue;
        }
        match &step.action {
            Action::PrepareToken(step) => {
                let keeper = script.token(&step.token).is_some_and(|token| token.so_pin == person.id);
                plan.so_pin_entries += if keeper { 2 } else { 0 };
                plan.user_pin_entries += if user(&step.token) { 2 } else { 0 };
            }
            Action::GenerateKey(step) => plan.user_pin_entries += u32::from(user(&step.token)),
            Action::CloseKey(step) => plan.user_pin_entries += u32::from(user(&step.token)),
            Action::PutKey(step) => plan.user_pin_entries += u32::from(user(&step.token)),
            Action::EraseToken(step) => {
                // A YubiKey is reset without its PUK.
                let asked = script.token(&step.token).filter(|token| token.so_pin == person.id);
                let asked = asked.and_then(|token| script.module(&token.module));
                plan.so_pin_entries += u32::from(asked.is_some_and(|module| module.yubikey().is_none()));
            }
            Action::ImportKey(step) => {
                plan.user_pin_entries += u32::from(user(&step.token));
                plan.passphrase_entries += u32::from(user(&step.token));
            }
            Action::SealBackup(_) => {
                let copy = script.custody().and_then(|custody| custody.passphrase_copy.as_ref());
                plan.passphrase_entries += if copy == Some(&person.id) { 2 } else { 0 };
            }
            Action::TakeKey(step) => plan.passphrase_entries += u32::from(step.keeper == person.id),
            Action::HandOverKey(step) => plan.passphrase_entries += if step.keeper == person.id { 2 } else { 0 },
            Action::Certify(step) if user(&step.token) => {
                plan.user_pin_entries += 1;
                plan.certificates += certificates(script);
                signed.push((&step.token, certificates(script)));
            }
            Action::SignRepositories(step) if user(&step.token) => {
                plan.user_pin_entries += 1;
                let documents = words::repositories::documents(script, &step.token);
                plan.signatures += documents;
                signed.push((&step.token, documents));
            }
            Action::DrillToken(_) | Action::OpenToken(_) | Action::Sign(_) => {
                let mine = u32::from(step.action.token().is_some_and(user));
                plan.user_pin_entries += mine;
                signed.extend(step.action.token().map(|alias| (alias, mine)));
                match step.action {
                    Action::Sign(_) => plan.signatures += mine,
                    _ => plan.other_signatures += mine,
                }
            }
            Action::Close(step) => {
                signed.extend(step.tokens.iter().filter(|alias| user(alias)).map(|alias| (alias, 1)));
                let mine = step.tokens.iter().filter(|alias| user(alias)).count() as u32;
                plan.user_pin_entries += mine;
                plan.other_signatures += mine;
            }
            Action::Attest(step) => plan.confirmations += u32::from(step.who.contains(&person.id)),
            Action::Review(step) => plan.confirmations += u32::from(step.who.contains(&person.id)),
            _ => {}
        }
    }
    signed.retain(|(_, count)| *count > 0);
    let touched = |alias: &Alias| touch_policy(script, alias);
    let of = |wanted: fn(Option<TouchPolicy>) -> bool| -> u32 {
        signed.iter().filter(|(alias, _)| wanted(touched(alias))).map(|(_, count)| count).sum()
    };
    plan.touches = of(|policy| policy != Some(TouchPolicy::Never));
    plan.touches_asked = of(|policy| policy == Some(TouchPolicy::Always));
    plan.touches_cached = of(|policy| policy == Some(TouchPolicy::Cached));
    // Documents of many repositories that say the same are signed once: how many those are, nobody knows before.
    plan.touches_exact = script.repositories.is_none()
        && signed.iter().all(|(alias, _)| matches!(touched(alias), Some(TouchPolicy::Always | TouchPolicy::Never)))
        && plan.touches > 0;
    plan
}

/// When a token wants a touch, where the script says so.
fn touch_policy(script: &Script, alias: &Alias) -> Option<TouchPolicy> {
    let token = script.token(alias)?;
    Some(script.module(&token.module)?.yubikey()?.touch)
}

/// How many certificates a key gets: one for all repositories, or one for each.
fn certificates(script: &Script) -> u32 {
    let Some(spec) = &script.repositories else { return 0 };
    match spec.certificate.as_ref().map(|certificate| &certificate.common_name) {
        None => 0,
        Some(CommonName::Wildcard(_)) => 1,
        Some(CommonName::EachRepository) => spec.collection.repositories,
    }
}

fn surrogates<'a>(script: &'a Script, id: &'a PersonId) -> impl Iterator<Item = &'a Person> {
    script.people.iter().filter(move |other| other.stands_in_for.as_ref() == Some(id))
}

pub(super) fn look(script: &Script, findings: &mut Findings) {
    for person in &script.people {
        duties(script, person, findings);
    }
    present(script, findings);
    readers(script, findings);
    surrogates_of_officers(script, findings);
    // A tagging key is meant to be in one hand; who that is stands in the list, and is no finding.
    for alone in alone(script).into_iter().filter(|alone| alone.role == RoleName::Root) {
        let tokens: Vec<_> = alone.tokens.iter().map(ToString::to_string).collect();
        let what = format!(
            "{} could sign alone{}: {} in one hand, with a PIN of each.",
            shown(&alone.name),
            if alone.only_as_surrogate { " on a day of surrogates or spares" } else { "" },
            tokens.join(" and ")
        );
        let remedy = "Give tokens and PINs to different people, so that two must meet to sign.";
        if alone.only_as_surrogate && !script.declares.single_control {
            findings.add(Warning, Rule::ThresholdNeedsTwo, None, what, remedy);
        } else {
            findings.unless(script.declares.single_control, Rule::ThresholdNeedsTwo, None, what, remedy);
        }
    }
}

/// Duties that somebody has by what they hold, whatever the script calls them.
fn duties_of(script: &Script, person: &Person) -> BTreeSet<Duty> {
    let mut duties: BTreeSet<Duty> = person.duties.iter().copied().collect();
    if script.tokens.iter().any(|token| token.holder == person.id || token.user_pin == person.id) {
        duties.insert(Duty::Officer);
    }
    if script.tokens.iter().any(|token| token.so_pin == person.id) {
        duties.insert(Duty::Keeper);
    }
    duties
}

/// `DUTY-SEPARATED`.
fn duties(script: &Script, person: &Person, findings: &mut Findings) {
    let own = duties_of(script, person);
    let declared = script.declares.merged_duties || script.declares.single_control;
    let pairs: Vec<_> =
        clashes(&own).iter().map(|(one, other)| format!("{} and {}", one.word(), other.word())).collect();
    if !pairs.is_empty() {
        let what = format!("{} is {}, who check each other.", shown(&person.name), pairs.join(", "));
        let remedy = "Give one of the two to somebody else, or declare merged-duties where it can be reviewed.";
        findings.unless(declared, Rule::DutySeparated, None, what, remedy);
    }
    let Some(principal) = person.stands_in_for.as_ref().and_then(|id| script.person(id)) else { return };
    let both: BTreeSet<Duty> = own.union(&duties_of(script, principal)).copied().collect();
    if clashes(&own).is_empty() && !clashes(&both).is_empty() && !declared {
        let what = format!(
            "{} would hold duties that check each other on a day on which {} is absent.",
            shown(&person.name),
            shown(&principal.name)
        );
        findings.add(Warning, Rule::DutySeparated, None, what, "Name another surrogate.");
    }
}

fn clashes(duties: &BTreeSet<Duty>) -> Vec<(Duty, Duty)> {
    let pairs = duties.iter().flat_map(|one| duties.iter().map(move |other| (*one, *other)));
    pairs.filter(|(one, other)| one < other && one.clashes_with(*other)).collect()
}

/// The duties without which nobody leads, types or watches.
fn present(script: &Script, findings: &mut Findings) {
    for (duty, then) in [
        (Duty::Operator, "the first person of the script sits at the keyboard"),
        (Duty::Administrator, "the operator reads the script aloud too"),
        (Duty::Witness, "nobody who touches nothing holds the paper"),
    ] {
        if script.with_duty(duty).next().is_none() {
            let what = format!("Nobody is {}: {then}.", duty.word());
            let severity = if script.declares.single_control || script.declares.merged_duties { Note } else { Warning };
            findings.add(severity, Rule::DutySeparated, None, what, "Give somebody the duty.");
        }
    }
    for person in script.people.iter().filter(|person| person.stands_in_for.is_none()) {
        // Whoever holds a token that lies in its bag today need not come.
        let holds = script.tokens.iter().any(|token| token.holder == person.id);
        if !(is_needed(script, &person.id) || script.repositories.is_some() && holds) {
            let what = format!("{} has no step and no token.", shown(&person.name));
            findings.add(Note, None, None, what, "Nothing stops if they are absent; a surrogate is not needed.");
        }
    }
}

/// A surrogate for somebody with a token that holds its key already needs that token and that PIN.
fn surrogates_of_officers(script: &Script, findings: &mut Findings) {
    for token in script.tokens.iter().filter(|token| {
        token.keyid.is_some() && is_used(script, &token.alias) && !script.is_brought_a_key(&token.alias)
    }) {
        for surrogate in surrogates(script, &token.user_pin) {
            let what = format!(
                "{} can stand in for {} only with {} in hand and its user PIN.",
                shown(&surrogate.name),
                shown(script.name(&token.user_pin)),
                token.alias
            );
            let remedy = "Settle beforehand how both come to them sealed, or name no surrogate.";
            findings.add(Note, None, None, what, remedy);
        }
    }
}

/// Who reads clocks, who reads words back, who confirms.
fn readers(script: &Script, findings: &mut Findings) {
    let alone = script.declares.single_control;
    for (number, step) in script.numbered() {
        match &step.action {
            Action::ConfirmClock(clock) => {
                let different: BTreeSet<_> = clock.who.iter().collect();
                if different.len() < 2 {
                    let what = "One person reads the clock; two should.";
                    findings.unless(alone, Rule::ClockConfirmed, Some(&number), what, "Name two people in `who`.");
                }
            }
            Action::Review(review) if script.repositories.is_none() => {
                let officers = script.root.keys.iter().filter_map(|alias| script.token(alias));
                let officers = officers.map(|token| &token.holder).collect();
                confirmed(script, &number, (&review.witness, &review.who), officers, "holds a root key", findings);
            }
            Action::Review(review) => {
                let officers = script.tokens.iter().filter(|token| signs(script, &token.alias));
                let officers = officers.map(|token| &token.user_pin).collect();
                confirmed(script, &number, (&review.witness, &review.who), officers, "signs the batch", findings);
            }
            _ => {}
        }
    }
}

/// Whether everybody who should confirms a draft, and somebody else reads it back.
fn confirmed(
    script: &Script,
    number: &str,
    (witness, who): (&PersonId, &[PersonId]),
    officers: BTreeSet<&PersonId>,
    why: &str,
    findings: &mut Findings,
) {
    let rule = Rule::PayloadReadback;
    if who.contains(witness) && !script.declares.single_control {
        let what = format!("{} reads the payload back and confirms it too.", shown(script.name(witness)));
        findings.add(Warning, rule, Some(number), what, "Let a witness read back who signs nothing.");
    }
    for officer in officers.into_iter().filter(|officer| !who.contains(officer)) {
        let what = format!("{} {why} and does not confirm the draft.", shown(script.name(officer)));
        findings.add(Warning, rule, Some(number), what, "Name every officer in `who`.");
    }
}

/// Everybody who has enough tokens in their hands, with a secret of each that opens it: offline keys for a root, tagging keys for
/// targets.
pub(super) fn alone(script: &Script) -> Vec<Alone> {
    let tagging = script.repositories.as_ref().and_then(|spec| spec.tagging.as_ref());
    let tagging = tagging.map(|tagging| {
        let tokens: Vec<&Alias> = tagging.keys.iter().filter_map(|key| key.token()).collect();
        (RoleName::Targets, tagging.threshold, tokens)
    });
    let root = (RoleName::Root, script.root.threshold, script.holders_of_root_keys());
    std::iter::once(root)
        .chain(tagging)
        .flat_map(|(role, threshold, keys)| {
            script.people.iter().filter_map(move |person| could_sign(script, person, &role, threshold, &keys))
        })
        .collect()
}

fn could_sign(script: &Script, person: &Person, role: &RoleName, threshold: u64, keys: &[&Alias]) -> Option<Alone> {
    let own: BTreeSet<&PersonId> = [&person.id].into();
    let with_principal: BTreeSet<&PersonId> = own.iter().copied().chain(&person.stands_in_for).collect();
    let plain = within_reach(script, keys, &own, false);
    let stretched = within_reach(script, keys, &with_principal, true);
    let enough = |tokens: &Vec<Alias>| script.distinct_keys(tokens) >= threshold;
    (enough(&plain) || enough(&stretched)).then(|| Alone {
        person: person.id.clone(),
        name: person.name.clone(),
        role: role.clone(),
        only_as_surrogate: !enough(&plain),
        tokens: if enough(&plain) { plain } else { stretched },
    })
}

/// The tokens of `keys` whose place somebody can take, being all of `hands`.
fn within_reach(script: &Script, keys: &[&Alias], hands: &BTreeSet<&PersonId>, with_spares: bool) -> Vec<Alias> {
    let opens = |alias: &Alias| {
        // Whoever holds a token and its SO-PIN can set a new user PIN.
        script.token(alias).is_some_and(|token| {
            hands.contains(&token.holder) && (hands.contains(&token.user_pin) || hands.contains(&token.so_pin))
        })
    };
    let plays = |alias: &&Alias| opens(alias) || with_spares && spares(script, alias).any(|spare| opens(&spare.alias));
    keys.iter().copied().filter(plays).cloned().collect()
}

/// Whether a step or a token needs this person.
fn is_needed(script: &Script, id: &PersonId) -> bool {
    let in_step = script
        .numbered()
        .any(|(_, step)| !matches!(step.action, Action::RollCall(_)) && step.action.kind().who(script).contains(id));
    in_step || script.tokens.iter().any(|token| is_used(script, &token.alias) && token.holder == *id)
}

pub(super) fn stops_the_day(script: &Script) -> Vec<Stop> {
    let mut stops = vec![];
    for person in script.people.iter().filter(|person| person.stands_in_for.is_none()) {
        if is_needed(script, &person.id) && surrogates(script, &person.id).next().is_none() {
            let why = "The script needs them and names no surrogate.".into();
            stops.push(Stop { who: person.name.clone(), why });
        }
    }
    for token in &script.tokens {
        if is_used(script, &token.alias) && spares(script, &token.alias).next().is_none() {
            let why = match &token.keyid {
                Some(_) if script.root.keys.contains(&token.alias) || script.repositories.is_none() => {
                    "It holds a root key; nothing else can sign in its place."
                }
                Some(_) => "It holds its key already; nothing else can sign in its place.",
                None => "The script names no spare token for it.",
            };
            stops.push(Stop { who: format!("token {}", token.alias), why: why.into() });
        }
    }
    stops
}
