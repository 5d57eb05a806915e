//! Before a PIN is asked for: the token is in the machine, and whoever types its PIN sits at the keyboard.

use super::{ask_to_type, went};
use crate::{
    ceremony::{
        Ceremony, Pending,
        event::Event,
        participants::{Alias, PersonId},
        prompt::Scene,
        unfit, words,
    },
    rules::Refusal,
};

/// Who sat down last in this step.
pub(super) fn seated(ceremony: &Ceremony) -> Option<PersonId> {
    ceremony.here.iter().rev().find_map(|event| match event {
        Event::Went { word, on } if word == "SEATED" => PersonId::try_from(on.clone()).ok(),
        _ => None,
    })
}

/// The handover to `to`, who will be asked for `secret` of `alias`.
pub(super) fn handover(ceremony: &Ceremony, to: &PersonId, alias: &Alias, secret: &str) -> Option<Pending> {
    let from = ceremony.leaders().remove(0);
    let scene = Scene::Handover { from, to: to.clone(), token: ceremony.card(alias), secret: secret.into() };
    ask_to_type(vec![to.clone()], scene, "SEATED", words::SITS)
}

/// What follows from somebody having sat down.
pub(super) fn sat(person: &PersonId) -> Vec<Event> {
    vec![Event::Went { word: "SEATED".into(), on: person.to_string() }]
}

/// What follows from a token having been put in.
pub(super) fn inserted() -> Vec<Event> {
    vec![Event::Went { word: "INSERTED".into(), on: words::INSERTED.into() }]
}

/// Asks for the token to be handled as `ask` says; `None` once it was.
pub(super) fn token_in(ceremony: &Ceremony, alias: &Alias, ask: String) -> Option<Pending> {
    if went(ceremony, words::INSERTED) {
        return None;
    }
    let scene = Scene::Swap { token: ceremony.card(alias), ask };
    ask_to_type(ceremony.leaders(), scene, "INSERTED", words::INSERTED)
}

/// Asks whoever types the user PIN of `alias` to sit down; `None` once they sit.
pub(super) fn user_sits(ceremony: &Ceremony, alias: &Alias) -> Option<Pending> {
    let user = ceremony.acting(&ceremony.script.token(alias)?.user_pin);
    if seated(ceremony) == Some(user.clone()) {
        return None;
    }
    handover(ceremony, &user, alias, words::USER_PIN)
}

/// What follows from the word that [`token_in`], and after it [`user_sits`], asked for.
pub(super) fn word_typed(ceremony: &Ceremony, alias: &Alias) -> Result<Vec<Event>, Refusal> {
    if !went(ceremony, words::INSERTED) {
        return Ok(inserted());
    }
    user_sat(ceremony, alias)
}

/// What follows from the word that [`user_sits`] asked for.
pub(super) fn user_sat(ceremony: &Ceremony, alias: &Alias) -> Result<Vec<Event>, Refusal> {
    let spec = ceremony.script.token(alias).ok_or_else(|| unfit("No such token."))?;
    Ok(sat(&ceremony.acting(&spec.user_pin)))
}
