//! Tagging keys and signers: on a token, or with an owner who signs elsewhere.

use super::{
    ask::Asking,
    collected::Publisher,
    dct::{DIALECT, tagging},
    keys::{below, proof, read_key},
    plan::{DctPlan, KeyPlan, Plan, Proof, SignerPlan, fold},
    tokens::{alias_on_card, label_and_serial, name, token},
};
use crate::{
    ceremony::{participants::Duty, script::SignerAction},
    cli::{args::ScriptKind, exit::Stop},
};

/// Where a tagging key is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// On a blank token, today.
    New,
    /// On a token that was sealed for this day.
    Sealed,
    /// With its owner, who signs elsewhere.
    Owner,
}

/// The tagging keys as they are to be.
pub(super) fn new_tagging_keys(
    plan: &mut Plan,
    dct: &mut DctPlan,
    today: u64,
    ask: &mut Asking<'_>,
) -> Result<(), Stop> {
    let genesis = plan.kind == ScriptKind::DctGenesis;
    let (offered, question) = match genesis {
        true => {
            (&["TOKEN", "OWNER"][..], "Where it is made: on a blank TOKEN today, or by its OWNER, who signs elsewhere")
        }
        false => (
            &["TOKEN", "SPARE", "OWNER"][..],
            "Where it is: made on a blank TOKEN today, on a SPARE that was sealed for this day, or with its OWNER, who signs elsewhere",
        ),
    };
    let count = ask.number("How many tagging keys there will be", today, 1, 15)?;
    let mut keys = vec![];
    for number in 1..=count {
        let which = if count == 1 { "the tagging key".to_owned() } else { format!("tagging key {number}") };
        let place = ask.ask(&format!("{which}. {question}"), Some("TOKEN"), |answer| match answer {
            "TOKEN" => Ok(Place::New),
            "SPARE" if !genesis => Ok(Place::Sealed),
            "OWNER" => Ok(Place::Owner),
            _ => Err(offered.join(", ")),
        })?;
        if place == Place::Owner {
            keys.push(owned(plan, &which, "targets", None, ask)?);
            continue;
        }
        let holder = name(plan, &format!("Who holds the token with {which}"), Duty::Officer, ask)?;
        // Today's tagging key is most likely called tag-1.
        let taken = |alias: &String| plan.tokens.iter().any(|token| token.alias == *alias);
        let first = if genesis { 1 } else { 2 };
        let free = (first..).map(|number| format!("tag-{number}")).find(|alias| !taken(alias)).unwrap_or_default();
        let alias = match place {
            Place::Sealed => alias_on_card(plan, &free, ask)?,
            _ => free,
        };
        let keeper = plan.first(Duty::Keeper).to_owned();
        let mut token = token(plan, &alias, &holder, &keeper, ask)?;
        if place == Place::Sealed {
            token.says = Some("The spare tagging key, sealed since it was made.");
            token.known = label_and_serial(plan, &alias, ask)?;
            token.keyid = Some(sealed(plan, &alias, ask)?);
        }
        plan.tokens.push(token);
        dct.signs.push(alias.clone());
        keys.push(alias);
    }
    tagging(dct, keys, today, true, ask)
}

/// The public half of a sealed spare, and its keyid.
fn sealed(plan: &mut Plan, alias: &str, ask: &mut Asking<'_>) -> Result<String, Stop> {
    let (file, keyid) = public(alias, &format!("keys/{alias}.pem"), None, ask)?;
    let proof = Proof::Token(alias.to_owned());
    let owner = "Sealed spare tagging key".to_owned();
    plan.keys.push(KeyPlan { name: format!("{alias}-key"), owner, file, keyid: keyid.clone(), proof });
    Ok(keyid)
}

/// A public key below the script's folder, and its keyid from paper; both must be of one key.
fn public(whose: &str, default: &str, wanted: Option<&str>, ask: &mut Asking<'_>) -> Result<(String, String), Stop> {
    let question = format!("The file with the public key of {whose}, below the script's folder");
    let (file, lies) = ask.ask(&question, Some(default), |answer| {
        let file = below(answer)?;
        let key = read_key(&file, DIALECT).ok_or("no public key lies there: PEM, or a key as metadata has it")?;
        let id = key.canonical_id().as_str().to_owned();
        match wanted {
            Some(wanted) if wanted != id => Err(format!("{id} lies there, and {wanted} is wanted")),
            _ => Ok((file, id)),
        }
    })?;
    if wanted.is_some() {
        return Ok((file, lies));
    }
    ask.say(&format!("  The file holds {lies}. The paper decides, not the file."));
    let question = format!("The keyid of {whose}, copied from its owner's own paper or from the card");
    let paper = ask.ask(&question, None, |paper| match paper == lies {
        true => Ok(paper.to_owned()),
        false => Err("the file holds another key: ask the owner by another way, or bring the right file".into()),
    })?;
    Ok((file, paper))
}

/// A key whose owner signs elsewhere, by its short name.
fn owned(plan: &mut Plan, which: &str, role: &str, wanted: Option<&str>, ask: &mut Asking<'_>) -> Result<String, Stop> {
    let base = match role.strip_prefix("targets/") {
        Some(signer) => fold(&signer.replace('_', "-")),
        None => "tagging".into(),
    };
    let taken = |name: &str| {
        plan.keys.iter().any(|key| key.name == name) || plan.tokens.iter().any(|token| token.alias == name)
    };
    let more = (2..).map(|number| format!("{base}-{number}"));
    let short = std::iter::once(base.clone()).chain(more).find(|name| !taken(name)).unwrap_or(base);
    let owner = ask.text(&format!("Who owns {which}, in words"), Some(&short))?;
    let (file, keyid) = public(which, &format!("dct-keys/{short}.pem"), wanted, ask)?;
    let proof = proof(plan, role, &keyid, &format!("dct-keys/{short}.possession"), false, ask)?;
    plan.keys.push(KeyPlan { name: short.clone(), owner, file, keyid, proof });
    Ok(short)
}

/// The tagging keys that repositories have today: who has each of them.
pub(super) fn tagging_keys_of_today(
    plan: &mut Plan,
    dct: &mut DctPlan,
    publisher: &Publisher,
    ask: &mut Asking<'_>,
) -> Result<(), Stop> {
    let mut keys = vec![];
    for (number, keyid) in publisher.tagging.keys().enumerate() {
        let question =
            format!("Where tagging key {keyid} is: on a TOKEN that is here, or with its OWNER, who signs elsewhere");
        let here = ask.ask(&question, Some("TOKEN"), |answer| match answer {
            "TOKEN" => Ok(true),
            "OWNER" => Ok(false),
            _ => Err("TOKEN or OWNER".into()),
        })?;
        if !here {
            keys.push(owned(plan, "this tagging key", "targets", Some(keyid.as_str()), ask)?);
            continue;
        }
        let holder = name(plan, "Who holds that token", Duty::Officer, ask)?;
        let alias = alias_on_card(plan, &format!("tag-{}", number + 1), ask)?;
        let keeper = plan.first(Duty::Keeper).to_owned();
        let mut token = token(plan, &alias, &holder, &keeper, ask)?;
        token.known = label_and_serial(plan, &alias, ask)?;
        token.keyid = Some(keyid.as_str().to_owned());
        plan.tokens.push(token);
        dct.signs.push(alias.clone());
        keys.push(alias);
    }
    tagging(dct, keys, publisher.tagging_threshold, false, ask)
}

/// Who comes, goes or gets another key below the tagging keys. What is known of them today says which.
pub(super) fn signers(
    plan: &mut Plan,
    dct: &mut DctPlan,
    today: Option<&Publisher>,
    ask: &mut Asking<'_>,
) -> Result<(), Stop> {
    loop {
        let done: Vec<String> = dct.signers.iter().map(|signer| signer.name.clone()).collect();
        let question = match done.is_empty() {
            true => "The name of a signer who comes, goes or gets another key, as Docker writes it",
            false => "The name of another signer (Enter when these are all)",
        };
        let name = ask.ask(question, None, |name| signer_name(name, &done))?;
        if name.is_empty() {
            return Ok(());
        }
        let known = today.and_then(|today| Some((*today.signers.get(&name)?, today.guns.len())));
        let action = match known {
            None => {
                ask.say("  They are in no repository yet: they come in.");
                SignerAction::Add
            }
            Some((some, all)) => {
                if some < all {
                    ask.say(&format!(
                        "  They are in {some} of {all} repositories; the others are left out of this ceremony."
                    ));
                }
                ask.ask("REPLACE (they get another key) or REMOVE (they go)", None, |answer| match answer {
                    "REPLACE" => Ok(SignerAction::Replace),
                    "REMOVE" => Ok(SignerAction::Remove),
                    _ => Err("REPLACE or REMOVE".into()),
                })?
            }
        };
        let keys = match action {
            SignerAction::Remove => vec![],
            _ => vec![owned(plan, &format!("the key of {name}"), &format!("targets/{name}"), None, ask)?],
        };
        dct.signers.push(SignerPlan { name, action, keys });
    }
}

fn signer_name(name: &str, done: &[String]) -> Result<String, String> {
    let first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let begins = name.as_bytes().first().is_some_and(first);
    let rest = name.bytes().all(|byte| first(&byte) || b"_-".contains(&byte));
    match name {
        "" if !done.is_empty() => Ok(String::new()),
        "releases" => Err("releases is the role of all of them".into()),
        name if done.iter().any(|known| known == name) => Err("that signer was named already".into()),
        name if begins && rest => Ok(name.to_owned()),
        _ => Err("lower-case letters, digits, _ and -, beginning with a letter or digit".into()),
    }
}
