//! What only a ceremony about many repositories has to be asked: keys that today's repositories are known by, signatures that are
//! made elsewhere, tags after a theft, and what will end first.

use serde::Serialize;

use super::{
    Findings,
    Severity::{Error, Note, Warning},
    people::PersonPlan,
    tokens::{is_used, signs},
};
use crate::{
    ceremony::{
        participants::Alias,
        script::{Kind, RepositoriesSpec, Script, Signatory, SignerAction, TagPolicy},
        steps::Action,
        words::paper as say,
    },
    digest::Digest,
    rules::Rule,
    text::shown,
    tuf::{bundle, key::KeyAlgorithm},
    utc::Utc,
};

/// Something that will end, counted from the planned date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deadline {
    /// How many days after the ceremony.
    pub days: i64,
    /// On which day, where the script says when the ceremony begins.
    pub at: Option<Utc>,
    /// What ends.
    pub what: String,
    /// What happens then.
    pub then: String,
}

/// A root that ends earlier is worth a warning, in days: nine months, since the last six are lost to taggers.
const EXPIRY_DAYS_GOOD: u32 = 274;
/// From how many signatures on, a token that wants a touch for each is told of.
const TOUCHES_MANY: u32 = 100;

/// What ends after a ceremony about many repositories, the first first.
pub(super) fn deadlines(script: &Script) -> Vec<Deadline> {
    let Some(spec) = &script.repositories else { return vec![] };
    let date = script.planned.map(Utc::midnight);
    let deadline = |days: i64, what: &str, then: &str| Deadline {
        days,
        at: date.map(|date| date.plus_days(days)),
        what: what.into(),
        then: then.into(),
    };
    let mut found = vec![];
    if let Some(certificate) = &spec.certificate {
        let days = certificate.days.into();
        found.push(deadline(days, "the certificates of today", say::THEN_CERTIFICATES));
    }
    if script.kind.writes_roots() {
        let days: i64 = script.root.expiry.days.into();
        found.push(deadline(days, "the roots", say::THEN_ROOTS));
        let from = date.unwrap_or(Utc::EPOCH);
        let fails = from.days_until(bundle::taggers_fail_from(from.plus_days(days)));
        found.push(deadline(fails, "six months before the roots", say::THEN_TAGGERS));
    }
    if let Some(tagging) = &spec.tagging {
        found.push(deadline(tagging.expiry.days.into(), "the targets", say::THEN_TARGETS));
    }
    if script.kind == Kind::DctRotateTaggingKey {
        let what = "the old tagging key, where clients saw no new root";
        found.push(deadline(say::TIMESTAMP_DAYS, what, say::THEN_OLD_KEY));
    }
    found.sort_by_key(|deadline| deadline.days);
    found
}

pub(super) fn look(script: &Script, people: &[PersonPlan], findings: &mut Findings) {
    let Some(spec) = &script.repositories else { return };
    pinned(spec, findings);
    threshold(script, findings);
    known_keys(script, spec, findings);
    resting(script, findings);
    certificates(script, spec, findings);
    expiry(script, findings);
    elsewhere(script, spec, findings);
    tags(script, spec, findings);
    touches(people, findings);
}

/// Who signs so much that a touch for each signature could not be given.
fn touches(people: &[PersonPlan], findings: &mut Findings) {
    let many = |count: fn(&PersonPlan) -> u32| {
        let many = people.iter().filter(|person| count(person) > TOUCHES_MANY);
        let many: Vec<String> = many.map(|person| format!("{} ({})", shown(&person.name), count(person))).collect();
        many.join(", ")
    };
    let asked = many(|person| person.touches_asked);
    if !asked.is_empty() {
        let what = format!("A YubiKey of the script wants a touch for each signature, and signs much: {asked}.");
        let remedy = "Write touch-policy=cached, with which a touch counts for 15 seconds, or never into the path of its module before its key is made: a key keeps its policy.";
        findings.add(Warning, None, None, what, remedy);
    }
    let cached = many(|person| person.touches_cached);
    if !cached.is_empty() {
        let what = format!(
            "A touch counts for 15 seconds on a YubiKey of the script, which wants another one each time they are over: {cached} signatures at most."
        );
        findings.add(Note, None, None, what, "Its holder stays at it while it signs.");
    }
    let untold = many(|person| person.touches - person.touches_asked - person.touches_cached);
    if !untold.is_empty() {
        let what = format!(
            "A token that wants a touch for each signature would want many: {untold}. No PKCS#11 module tells beforehand."
        );
        let remedy = "Try the token with `officiant token probe`. Use a key without a touch for a batch of this size.";
        findings.add(Note, None, None, what, remedy);
    }
}

/// `COLLECTION-PINNED`: the manifest is that of something.
fn pinned(spec: &RepositoriesSpec, findings: &mut Findings) {
    for collection in std::iter::once(&spec.collection).chain(&spec.before) {
        if collection.manifest == Digest::from_bytes([0; 32]) {
            let what = format!("The manifest of {} is 64 zeros: nothing is pinned yet.", shown(&collection.folder));
            let remedy =
                "Collect with `officiant-courier collect`, and write the SHA-256 of the folder's MANIFEST here.";
            findings.add(Warning, Rule::CollectionPinned, None, what, remedy);
        }
    }
}

fn threshold(script: &Script, findings: &mut Findings) {
    let tagging = script.repositories.as_ref().and_then(|spec| spec.tagging.as_ref());
    if let Some(tagging) = tagging.filter(|tagging| tagging.threshold > 1) {
        let what = format!(
            "{} of {} tagging keys must sign every tag: a stock client tags only where so many of them lie in one keystore.",
            tagging.threshold,
            tagging.keys.len()
        );
        let remedy =
            "Server and clients take such tags. Whoever tags daily wants a signer below the tagging keys ([[signer]]).";
        findings.add(Warning, None, None, what, remedy);
    }
    let root = &script.root;
    if !script.kind.writes_roots() || root.threshold < 2 {
        return;
    }
    let what = format!(
        "{} of {} offline keys must sign a root: stock tools (notary, docker trust) read such a root and cannot maintain it.",
        root.threshold,
        script.distinct_root_keys()
    );
    let makes = matches!(script.kind, Kind::DctGenesis | Kind::DctRotateRoot);
    let remedy = "From then on every change of the root is a ceremony such as this one; taggers go on as before.";
    findings.add(if makes { Warning } else { Note }, None, None, what, remedy);
}

/// `REPOSITORY-IS-OURS`: repositories are known by the keys that they have today, and those stand in the script.
fn known_keys(script: &Script, spec: &RepositoriesSpec, findings: &mut Findings) {
    let tags =
        |alias: &Alias| spec.tagging.iter().flat_map(|tagging| &tagging.keys).any(|key| key.token() == Some(alias));
    let missing: Vec<&Alias> = match script.kind {
        Kind::DctGenesis => vec![],
        Kind::DctRotateRoot => {
            let known = script.tokens.iter().any(|token| token.keyid.is_some());
            if known { vec![] } else { script.root.keys.iter().take(1).collect() }
        }
        Kind::DctDelegate => script.tokens.iter().map(|token| &token.alias).filter(|alias| tags(alias)).collect(),
        _ => script.root.keys.iter().collect(),
    };
    let keyless = |alias: &&Alias| script.token(alias).is_some_and(|token| token.keyid.is_none());
    for alias in missing.into_iter().filter(keyless) {
        let what = format!("{alias} has no keyid: repositories are known by the keys that they have today.");
        let remedy = "Give each token of today's keys its canonical id, as the card of the last ceremony or `officiant key show` has it. \
                      Otherwise every repository is left out.";
        findings.add(Error, Rule::RepositoryIsOurs, None, what, remedy);
    }
    if script.kind != Kind::DctRotateRoot {
        return;
    }
    let today = script.tokens.iter().filter(|token| token.keyid.is_some() && signs(script, &token.alias));
    let today = script.distinct_keys(today.map(|token| &token.alias));
    let what = format!(
        "{today} keys of today's roots sign. A repository whose root of today asks for more is left out when it is drafted."
    );
    findings.add(
        Note,
        Rule::RootTallyOld,
        None,
        what,
        "Compare with the threshold of today's root: `officiant show root.json`.",
    );
}

/// Offline keys that lie in their bags.
fn resting(script: &Script, findings: &mut Findings) {
    if script.kind.is_genesis() || !script.kind.writes_roots() {
        return;
    }
    let rests = |alias: &&Alias| !signs(script, alias) && !script.is_brought_a_key(alias);
    for alias in script.root.keys.iter().filter(rests) {
        let what = format!("{alias} holds an offline key and does not sign today; its key stays in the root.");
        let remedy = "Nothing to do where the others are enough. Whether its PIN still works is not seen today.";
        findings.add(Note, None, None, what, remedy);
    }
    let known = script.tokens.iter().filter(|token| token.keyid.is_some());
    for token in known.filter(|token| script.kind == Kind::DctRotateRoot && !script.root.keys.contains(&token.alias)) {
        let alias = &token.alias;
        let what = if is_used(script, alias) {
            format!("{alias} holds an offline key of today, which goes; it signs once more.")
        } else {
            format!("{alias} holds an offline key of today, which goes; the token need not be here.")
        };
        findings.add(
            Note,
            None,
            None,
            what,
            "Destroy the key once every repository was published, and write down who did.",
        );
    }
}

fn certificates(script: &Script, spec: &RepositoriesSpec, findings: &mut Findings) {
    let certified: Vec<(String, &Alias)> = script
        .numbered()
        .filter_map(|(number, step)| match &step.action {
            Action::Certify(step) => Some((number, &step.token)),
            _ => None,
        })
        .collect();
    for (number, alias) in certified.iter().filter(|(_, alias)| !script.root.keys.contains(alias)) {
        let what = format!("{alias} is certified, and is not in [root] keys: its certificate would be in no root.");
        findings.add(Warning, Rule::CertFitsGun, Some(number), what, "Name it in [root] keys, or leave the step out.");
    }
    if spec.certificate.is_some() && !matches!(script.root.algorithm, KeyAlgorithm::P256 | KeyAlgorithm::Rsa3072) {
        let what = format!("No root certificate is made for a key of kind {}.", script.root.algorithm);
        findings.add(Error, Rule::CertValid, None, what, "Write algorithm = \"p256\", or \"rsa3072-pss\".");
    }
    match script.kind {
        Kind::DctRotateRoot => {
            let stays = |alias: &&Alias| script.token(alias).is_some_and(|token| token.keyid.is_some());
            let renewed = |alias: &Alias| certified.iter().any(|(_, other)| *other == alias);
            for alias in script.root.keys.iter().filter(stays).filter(|alias| !renewed(alias)) {
                let what =
                    format!("{alias} keeps the certificate that it has today, and everything ends when that does.");
                let remedy =
                    "See its end with `officiant-courier watch`. A step `certify` for it renews it, on the same key.";
                findings.add(Note, Rule::CertExpiryFirst, None, what, remedy);
            }
        }
        Kind::DctRotateTaggingKey | Kind::DctRenew => {
            let what = "The certificates of today's offline keys stay. An expiry that goes beyond their end is cut to the day before it.";
            let remedy =
                "See their end with `officiant-courier watch`. They are renewed by a rotation of the offline key.";
            findings.add(Note, Rule::CertExpiryFirst, None, what, remedy);
        }
        _ => {}
    }
}

/// `NOTARY-SIX-MONTHS`.
fn expiry(script: &Script, findings: &mut Findings) {
    let days = script.root.expiry.days;
    if !script.kind.writes_roots() || days >= EXPIRY_DAYS_GOOD {
        return;
    }
    let from = script.planned.map_or(Utc::EPOCH, Utc::midnight);
    let fails = bundle::taggers_fail_from(from.plus_days(days.into()));
    let when = match script.planned {
        Some(_) => format!("from {} on", fails.date()),
        None => format!("from about {} days after the ceremony on", from.days_until(fails)),
    };
    let what =
        format!("The roots end {days} days after the ceremony: {when} whoever tags without an offline key fails.");
    let remedy = "Let the roots end a year or more after the ceremony.";
    if fails <= from {
        findings.unless(script.declares.not_for_every_client, Rule::NotarySixMonths, None, what, remedy);
    } else {
        findings.add(Warning, Rule::NotarySixMonths, None, what, remedy);
    }
}

/// `BUNDLE-COMPLETE`: what waits for a signature after the ceremony.
fn elsewhere(script: &Script, spec: &RepositoriesSpec, findings: &mut Findings) {
    let names = |keys: &[Signatory]| -> Vec<String> {
        keys.iter().filter(|key| key.token().is_none()).map(|key| owner(script, key)).collect()
    };
    let remedy = "The courier refuses it until then. The owner signs the .payload files, and `officiant-courier complete` takes the signatures in.";
    if let Some(tagging) = &spec.tagging {
        let away = names(&tagging.keys);
        let here = tagging.keys.len() - away.len();
        if (here as u64) < tagging.threshold {
            let needed = tagging.threshold.saturating_sub(here as u64);
            let who = match needed < away.len() as u64 {
                true => format!("any {needed} of {}", away.join(", ")),
                false => away.join(" and "),
            };
            let what = format!("The targets wait for {who}, who sign elsewhere: every bundle leaves incomplete.");
            findings.add(Warning, Rule::BundleComplete, None, what, remedy);
        }
    }
    if script.kind != Kind::DctDelegate {
        return;
    }
    for signer in spec.signers.iter().filter(|signer| signer.action == SignerAction::Replace) {
        let away = names(&signer.keys);
        if !away.is_empty() {
            let what = format!(
                "Where targets/{} or targets/releases has tags, its file waits for {}, who sign elsewhere.",
                signer.name,
                away.join(" and ")
            );
            findings.add(Warning, Rule::DelegationSigned, None, what, remedy);
        }
    }
    for signer in spec.signers.iter().filter(|signer| signer.action == SignerAction::Remove) {
        let what = format!(
            "Where targets/releases was last signed by {}, its file waits for a signer who stays.",
            shown(&signer.name)
        );
        findings.add(Warning, Rule::DelegationSigned, None, what, remedy);
    }
}

/// Who has a key that is not here, in words.
fn owner(script: &Script, key: &Signatory) -> String {
    let Some(name) = key.alias() else { return "its holder".into() };
    let brought = script.keys.iter().find(|spec| spec.name == *name).map(|spec| shown(&spec.owner));
    let made = script.keeper_of(name).map(|keeper| shown(script.name(keeper)));
    brought.or(made).unwrap_or_else(|| name.to_string())
}

/// `TAGS-JUDGED`: what is known of tags after a theft.
fn tags(script: &Script, spec: &RepositoriesSpec, findings: &mut Findings) {
    if script.kind != Kind::DctRotateTaggingKey {
        return;
    }
    let collect =
        "Pin the last collection from before the theft as [collection-before]: only it tells which tags changed.";
    let (what, remedy) = match (&spec.before, spec.changed_tags) {
        (Some(_), TagPolicy::Ask | TagPolicy::Drop) => return,
        (Some(_), TagPolicy::Keep) => (
            "[tags] keeps every tag that is not as it was before the theft: what a thief signed is signed again.",
            "Write changed = \"ask\", and let those decide who know what was published.",
        ),
        (None, TagPolicy::Ask) => {
            ("There is no [collection-before]: every tag of every repository is laid before people.", collect)
        }
        (None, TagPolicy::Keep) => {
            ("There is no [collection-before], and [tags] keeps all: what a thief signed is signed again.", collect)
        }
        (None, TagPolicy::Drop) => (
            "There is no [collection-before], and [tags] drops all: no tag and no delegation is left in any repository.",
            collect,
        ),
    };
    findings.add(Warning, Rule::TagsJudged, None, what, remedy);
}
