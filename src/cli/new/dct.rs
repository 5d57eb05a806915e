//! The questions of a ceremony of Docker Content Trust: who is in the room, with which tokens. Whatever stands in the collection is
//! read from it, and shown.

use super::{
    ask::Asking,
    collected::{Collected, Publisher},
    dct_keys::{new_tagging_keys, signers, tagging_keys_of_today},
    dct_shown::theft,
    interview::{days, threshold},
    plan::{DctPlan, Plan, TaggingPlan, TokenPlan},
    tokens::{TAGS, alias_on_card, free_alias, label_and_serial, name, new_officers, spare, token},
};
use crate::{
    ceremony::participants::Duty,
    cli::{args::ScriptKind, exit::Stop},
    preflight,
    tuf::{dialect::Dialect, key::KeyAlgorithm},
};

/// How long a certificate is valid, in days: longer than any root.
const CERTIFICATE_DAYS: u64 = 5475;

/// The roots expire in ten years, with room to be cut to what certificates allow.
const ROOT_DAYS: u64 = 3650;
const ROOT_LEAST: u64 = 730;

/// Asks for everything that is said beside the people who lead.
pub(super) fn interview(plan: &mut Plan, mut collected: Collected, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let publisher = collected.publishers.pop().unwrap_or_default();
    let mut dct = DctPlan {
        collection: (collected.folder.clone(), collected.manifest, collected.guns.len()),
        before: None,
        changed: None,
        root: vec![],
        signs: vec![],
        certified: vec![],
        certificate: None,
        tagging: None,
        signers: vec![],
        sealed: None,
    };
    plan.threshold = if plan.kind == ScriptKind::DctGenesis { 2 } else { publisher.threshold };
    match plan.kind {
        ScriptKind::DctGenesis => genesis(plan, &mut dct, &collected, ask)?,
        ScriptKind::DctDelegate => {
            tagging_keys_of_today(plan, &mut dct, &publisher, ask)?;
            signers(plan, &mut dct, Some(&publisher), ask)?;
        }
        ScriptKind::DctRotateTaggingKey => {
            theft(&mut dct, &collected, &publisher, ask)?;
            offline_keys(plan, &mut dct, &publisher, ask)?;
            root_days(plan, &dct, &publisher, ask)?;
            new_tagging_keys(plan, &mut dct, publisher.tagging_threshold, ask)?;
            spare(plan, ask)?;
        }
        ScriptKind::DctRotateRoot => rotate_root(plan, &mut dct, &collected, &publisher, ask)?,
        _ => {
            offline_keys(plan, &mut dct, &publisher, ask)?;
            root_days(plan, &dct, &publisher, ask)?;
            if ask.yes("Are the targets signed again as well", true)? {
                tagging_keys_of_today(plan, &mut dct, &publisher, ask)?;
            }
        }
    }
    if plan.duties_are_merged() {
        ask.say("  Somebody holds duties that should check each other: the script declares merged-duties.");
    }
    plan.dct = Some(dct);
    Ok(())
}

fn genesis(plan: &mut Plan, dct: &mut DctPlan, collected: &Collected, ask: &mut Asking<'_>) -> Result<(), Stop> {
    new_officers(plan, "How many officers hold an offline key", 3, ask)?;
    dct.root = plan.tokens.iter().map(|token| token.alias.clone()).collect();
    let keys = dct.root.len() as u64;
    threshold(plan, keys, keys, ask)?;
    plan.days = days("the roots expire", ROOT_DAYS, |_| ROOT_LEAST, 10, ask)?;
    algorithm(plan, ask)?;
    dct.certified = dct.root.clone();
    dct.signs = dct.root.clone();
    spare(plan, ask)?;
    certificate(plan, dct, collected, None, ask)?;
    new_tagging_keys(plan, dct, 1, ask)?;
    if ask.yes("Is a spare tagging key made as well, in no role, and sealed for the day on which it is needed", true)? {
        let holder = name(plan, "Who holds the token with the sealed spare tagging key", Duty::Officer, ask)?;
        let (alias, keeper) = (free_alias(plan, "tag"), plan.first(Duty::Keeper).to_owned());
        let mut token = token(plan, &alias, &holder, &keeper, ask)?;
        token.says = Some(
            "A spare tagging key, in no role: it is proven today, sealed, and kept for the day on which the tagging key is stolen.",
        );
        plan.tokens.push(token);
        dct.sealed = Some(alias);
    }
    if ask.yes("Do signers below the tagging keys come in today", false)? {
        signers(plan, dct, None, ask)?;
    }
    Ok(())
}

/// Every offline key of today: who holds it, and whether it signs. Whoever rests stays in the root.
fn offline_keys(plan: &mut Plan, dct: &mut DctPlan, publisher: &Publisher, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let needed = publisher.threshold;
    for (at, (keyid, key)) in publisher.offline.iter().enumerate() {
        let question = format!("Who holds offline key {keyid} ({})", key.algorithm);
        let holder = name(plan, &question, Duty::Officer, ask)?;
        let (free, keeper) = (free_alias(plan, &holder), plan.first(Duty::Keeper).to_owned());
        let alias = alias_on_card(plan, &free, ask)?;
        let stays = plan.kind != ScriptKind::DctRotateRoot || ask.yes("Does this key stay in the root", true)?;
        let (sign, left) = (dct.signs.len() as u64, (publisher.offline.len() - at - 1) as u64);
        let signs = if sign + left < needed {
            ask.say(&format!("  It signs today: {needed} of today's keys must."));
            true
        } else {
            ask.yes(&format!("Does it sign today ({needed} of today's keys must, {sign} do so far)"), sign < needed)?
        };
        let mut token = match signs {
            true => token(plan, &alias, &holder, &keeper, ask)?,
            false => resting(plan, &alias, &holder, &keeper),
        };
        token.keyid = Some(keyid.as_str().to_owned());
        if signs {
            token.known = label_and_serial(plan, &alias, ask)?;
            dct.signs.push(alias.clone());
        }
        token.says = match (stays, signs) {
            (true, true) => None,
            (true, false) => Some("Not here today; its key stays in the root."),
            (false, true) => Some("Signs once more; its key goes today."),
            (false, false) => Some("Not here today; its key goes."),
        };
        plan.tokens.push(token);
        if stays {
            dct.root.push(alias);
        }
    }
    Ok(())
}

/// A token that lies in its bag.
fn resting(plan: &mut Plan, alias: &str, holder: &str, keeper: &str) -> TokenPlan {
    let taken = |tag: &&&str| !plan.tokens.iter().any(|token| token.tag == **tag);
    let tag = TAGS.iter().find(taken).map_or_else(|| alias.to_owned(), |tag| (*tag).to_owned());
    let (keyid, known, spare_for, says) = (None, None, None, None);
    let (alias, holder, so_pin) = (alias.to_owned(), holder.to_owned(), keeper.to_owned());
    TokenPlan { alias, user_pin: holder.clone(), holder, so_pin, tag, keyid, known, spare_for, says }
}

/// When the roots expire, where certificates of today stay: everything ends when the first of them does.
fn root_days(plan: &mut Plan, dct: &DctPlan, publisher: &Publisher, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let begins = plan.planned.map_or_else(preflight::now, Ok)?.midnight();
    let stay =
        plan.tokens.iter().filter(|token| dct.root.contains(&token.alias) && !dct.certified.contains(&token.alias));
    let end = publisher.certificates_end(stay.filter_map(|token| token.keyid.as_deref()));
    let left = end.map_or(u64::MAX, |end| u64::try_from(begins.days_until(end) - 1).unwrap_or_default());
    if let Some(end) = end.filter(|_| left < ROOT_DAYS) {
        ask.say(&format!(
            "  The first certificate ends on {}: a root that would live longer is cut to the day before.",
            end.date()
        ));
        if left < ROOT_LEAST {
            ask.say("  That is soon. dct-rotate-root renews certificates, on the same keys.");
        }
    }
    plan.days = days("the roots expire", ROOT_DAYS, |_| ROOT_LEAST.min(left), 10, ask)?;
    Ok(())
}

fn rotate_root(
    plan: &mut Plan,
    dct: &mut DctPlan,
    collected: &Collected,
    publisher: &Publisher,
    ask: &mut Asking<'_>,
) -> Result<(), Stop> {
    offline_keys(plan, dct, publisher, ask)?;
    let begins = plan.planned.map_or_else(preflight::now, Ok)?.midnight();
    let old: Vec<String> = plan.tokens.iter().map(|token| token.alias.clone()).collect();
    let goes = old.iter().filter(|alias| !dct.root.contains(alias)).count() as u64;
    for token in plan.tokens.iter().filter(|token| dct.root.contains(&token.alias) && dct.signs.contains(&token.alias))
    {
        let end = publisher.certificates_end(token.keyid.as_deref().into_iter());
        let soon = end.is_none_or(|end| begins.days_until(end) <= ROOT_LEAST as i64);
        let until = end.map_or_else(|| "has none".to_owned(), |end| format!("ends on {}", end.date()));
        let question = format!("Does {} get a new certificate on the same key (today's {until})", token.alias);
        if ask.yes(&question, soon)? {
            dct.certified.push(token.alias.clone());
        }
    }
    let needed = u64::from(dct.root.is_empty());
    new_officers(plan, "How many offline keys come in", goes.max(needed), ask)?;
    let new: Vec<String> =
        plan.tokens.iter().map(|token| token.alias.clone()).filter(|alias| !old.contains(alias)).collect();
    if !new.is_empty() {
        algorithm(plan, ask)?;
    }
    dct.root.extend(new.iter().cloned());
    dct.certified.extend(new.iter().cloned());
    dct.signs.extend(new);
    let keys = dct.root.len() as u64;
    let sign = dct.root.iter().filter(|alias| dct.signs.contains(alias)).count() as u64;
    if sign < keys {
        ask.say(&format!("  {sign} of them sign today, and the new root needs as many as it asks for."));
    }
    if sign == 0 {
        return Err(Stop::Usage("no key of the new root signs today: bring one that stays, or a new one".into()));
    }
    threshold(plan, keys, sign, ask)?;
    if goes == 0 && dct.certified.is_empty() && plan.threshold == publisher.threshold {
        let what = "nothing would change: no key goes or comes in, none gets a new certificate, and the threshold stays. To renew the expiry alone take dct-renew";
        return Err(Stop::Usage(what.into()));
    }
    spare(plan, ask)?;
    root_days(plan, dct, publisher, ask)?;
    certificate(plan, dct, collected, Some(publisher), ask)
}

/// The kind of keys that are made: root certificates are made for two.
fn algorithm(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<(), Stop> {
    plan.algorithm = ask.ask("The kind of the new keys (p256, rsa3072-pss)", Some("p256"), |answer| match answer {
        "p256" => Ok(KeyAlgorithm::P256),
        "rsa3072-pss" => Ok(KeyAlgorithm::Rsa3072),
        _ => Err("p256 or rsa3072-pss: root certificates are made for these alone".into()),
    })?;
    Ok(())
}

/// For whom new certificates are, and for how long.
fn certificate(
    plan: &Plan,
    dct: &mut DctPlan,
    collected: &Collected,
    publisher: Option<&Publisher>,
    ask: &mut Asking<'_>,
) -> Result<(), Stop> {
    let guns = publisher.map_or(collected.guns.as_slice(), |publisher| &publisher.guns);
    let today =
        publisher.into_iter().flat_map(|publisher| publisher.offline.values()).flat_map(|key| &key.common_names);
    let fits = |name: &str| {
        let prefix =
            name.strip_suffix('*').filter(|prefix| prefix.ends_with('/') && name.len() <= 64 && !prefix.contains('*'));
        prefix.is_some_and(|prefix| name.is_ascii() && guns.iter().all(|gun| gun.as_str().starts_with(prefix)))
    };
    let prefix = format!("{}/*", collected.prefix());
    let each = publisher.is_some() && today.clone().any(|name| !name.ends_with("/*"));
    let default = today.chain([&prefix]).find(|name| fits(name)).filter(|_| !each).map_or("EACH", String::as_str);
    let question = "One certificate of each key for all repositories below a name, or EACH for one for each repository";
    let name = ask.ask(question, Some(default), |name| match name {
        "EACH" => Ok(None),
        name if fits(name) => Ok(Some(name.to_owned())),
        _ => Err("a name with /* at its end, at most 64 characters, below which all repositories are; or EACH".into()),
    })?;
    let least = plan.days[2] + 1;
    let question = "For how many days certificates are valid; when they end, everything does";
    dct.certificate = Some((name, ask.number(question, CERTIFICATE_DAYS.max(least), least, 36_525)?));
    Ok(())
}

/// When targets expire, and how many tagging keys must sign.
pub(super) fn tagging(
    dct: &mut DctPlan,
    keys: Vec<String>,
    today: u64,
    asked: bool,
    ask: &mut Asking<'_>,
) -> Result<(), Stop> {
    let count = keys.len() as u64;
    let threshold = match asked && count > 1 {
        true => ask.number(&format!("How many of the {count} tagging keys must sign"), today.min(count), 1, count)?,
        false => today.min(count),
    };
    let days = days("the targets expire", 1095, |days| days.saturating_sub(730).min(365), 5, ask)?;
    dct.tagging = Some(TaggingPlan { threshold, keys, days });
    Ok(())
}

/// The dialect of everything here.
pub(super) const DIALECT: Dialect = Dialect::Notary;
