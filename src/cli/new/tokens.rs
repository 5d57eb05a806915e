//! People with tokens: what is asked of each, whatever the ceremony.

use super::{
    ask::Asking,
    plan::{Plan, TokenPlan},
};
use crate::{
    ceremony::participants::{Alias, Duty},
    cli::exit::Stop,
    device::yubikey::NATIVE,
};

pub(super) fn name(plan: &mut Plan, question: &str, duty: Duty, ask: &mut Asking<'_>) -> Result<String, Stop> {
    let name = ask.text(question, None)?;
    Ok(plan.person(&name, duty))
}

pub(super) const TAGS: [&str; 8] = ["blue", "green", "yellow", "orange", "white", "red", "black", "grey"];

/// A token for `holder`: its tag, and who keeps which PIN.
pub(super) fn token(
    plan: &mut Plan,
    alias: &str,
    holder: &str,
    so_pin: &str,
    ask: &mut Asking<'_>,
) -> Result<TokenPlan, Stop> {
    let tag = TAGS[plan.tokens.len() % TAGS.len()];
    let tag = ask.text(&format!("The tag of token {alias}"), Some(tag))?;
    let user = plan.name(holder);
    let user = ask.text(&format!("Who knows the user PIN of {alias}"), Some(&user))?;
    let user_pin = known(plan, &user, Duty::Officer);
    let keeper = plan.name(so_pin);
    let keeper = ask.text(&format!("Who keeps the SO-PIN of {alias}, sealed"), Some(&keeper))?;
    let so_pin = known(plan, &keeper, Duty::Keeper);
    Ok(TokenPlan {
        alias: alias.to_owned(),
        holder: holder.to_owned(),
        user_pin,
        so_pin,
        tag,
        keyid: None,
        known: None,
        spare_for: None,
        says: None,
    })
}

/// The short name of somebody; a new person gets `duty`.
pub(super) fn known(plan: &mut Plan, name: &str, duty: Duty) -> String {
    let known = plan.people.iter().find(|person| person.name == name || person.id == name);
    known.map(|person| person.id.clone()).unwrap_or_else(|| plan.person(name, duty))
}

pub(super) fn free_alias(plan: &Plan, id: &str) -> String {
    let taken = |alias: &str| plan.tokens.iter().any(|token| token.alias == alias);
    (1..).map(|number| format!("{id}-{number}")).find(|alias| !taken(alias)).unwrap_or_else(|| id.to_owned())
}

pub(super) fn new_officers(plan: &mut Plan, question: &str, default: u64, ask: &mut Asking<'_>) -> Result<(), Stop> {
    // A rotation may take a key out and bring none.
    let least = u64::from(plan.tokens.is_empty() && plan.previous.is_none());
    for number in 1..=ask.number(question, default.max(least), least, 15)? {
        let holder = name(plan, &format!("Officer {number} with a new root key"), Duty::Officer, ask)?;
        let (alias, keeper) = (free_alias(plan, &holder), plan.first(Duty::Keeper).to_owned());
        let token = token(plan, &alias, &holder, &keeper, ask)?;
        plan.tokens.push(token);
    }
    Ok(())
}

pub(super) fn spare(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let new: Vec<_> =
        plan.tokens.iter().filter(|token| token.keyid.is_none()).map(|token| token.alias.clone()).collect();
    let Some(last) = new.last() else { return Ok(()) };
    if !ask.yes(&format!("Is a blank spare token in the kit, for {last}"), true)? {
        return Ok(());
    }
    let Some(principal) = plan.tokens.iter().find(|token| token.alias == *last) else { return Ok(()) };
    let (holder, user_pin, so_pin) = (principal.holder.clone(), principal.user_pin.clone(), principal.so_pin.clone());
    let tag = ask.text("The tag of the spare", Some("white with a stripe"))?;
    let alias = free_alias(plan, &holder);
    let spare_for = Some(last.clone());
    let (keyid, known, says) = (None, None, None);
    plan.tokens.push(TokenPlan { alias, holder, user_pin, so_pin, tag, keyid, known, spare_for, says });
    Ok(())
}

pub(super) fn two_people(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let first = name(plan, "The first of you", Duty::Administrator, ask)?;
    let second = name(plan, "The second of you, who sits at the keyboard", Duty::Operator, ask)?;
    let outside = name(plan, "Who, outside the room, takes the third token in a sealed bag", Duty::Keeper, ask)?;
    for id in [&first, &second] {
        plan.person(id, Duty::Officer);
        plan.person(id, Duty::Witness);
    }
    for (holder, so_pin, alias) in [
        (&first, &second, format!("{first}-1")),
        (&second, &first, format!("{second}-1")),
        (&outside, &first, "vault-1".to_owned()),
    ] {
        let mut token = token(plan, &alias, holder, so_pin, ask)?;
        // Whoever has the token must not have its PIN, or there would be a third who can sign.
        if *holder == outside && token.user_pin == outside {
            ask.say("  The outsider keeps the token; its PIN is known to the second of you.");
            token.user_pin = second.clone();
        }
        plan.tokens.push(token);
    }
    Ok(())
}

pub(super) fn one_person(plan: &mut Plan, ask: &mut Asking<'_>) -> Result<(), Stop> {
    let alone = name(plan, "Your name", Duty::Administrator, ask)?;
    for duty in [Duty::Operator, Duty::Officer, Duty::Witness] {
        plan.person(&alone, duty);
    }
    for alias in ["one", "two", "three"] {
        let token = token(plan, alias, &alone, &alone, ask)?;
        plan.tokens.push(token);
    }
    Ok(())
}

/// What is known of a token that exists already.
pub(super) fn label_and_serial(
    plan: &Plan,
    alias: &str,
    ask: &mut Asking<'_>,
) -> Result<Option<(String, String)>, Stop> {
    if plan.module.path.starts_with(NATIVE) {
        let serial = ask.maybe(&format!("The serial of {alias}, as it stands on the YubiKey"))?;
        return Ok(serial.map(|serial| (String::new(), serial)));
    }
    match ask.maybe(&format!("The label of {alias}, as officiant token list shows it"))? {
        Some(label) => Ok(Some((label, ask.text(&format!("The serial of {alias}"), None)?))),
        None => Ok(None),
    }
}

/// The short name of a token that exists already; no other token has it.
pub(super) fn alias_on_card(plan: &Plan, default: &str, ask: &mut Asking<'_>) -> Result<String, Stop> {
    ask.ask("Its short name, as the card of the last ceremony has it", Some(default), |alias| {
        if plan.tokens.iter().any(|token| token.alias == alias) {
            return Err(format!("another token is called {alias} already"));
        }
        Alias::try_from(alias.to_owned()).map(|_| alias.to_owned()).map_err(|_| "a-z, 0-9 and -, such as ana-1".into())
    })
}
