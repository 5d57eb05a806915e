//! A token is wiped: named by its label and serial, typed by a person, and looked at afterwards. One that is lost or dead cannot be
//! wiped; people say so, and the record keeps their words. The same is asked at the end of a ceremony, of every token that is to be left empty
//! and holds a key (`DRILL-LEAVES-NOTHING`).

use serde::{Deserialize, Serialize};

use super::{
    Fact, Kind, Prose, ask_for_text,
    at_the_token::{handover, inserted, sat, seated},
    open_token::{is_expected, is_hardware},
    preflight::failed,
    went,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending, chosen,
        event::{Event, Mode},
        operation::{Operation, Outcome, SeenToken},
        participants::{Alias, PersonId},
        prompt::{Answer, Choice, Input, Prompt, Scene},
        script::{self, KnownToken, Script},
        sheet::TokenCard,
        unfit, words,
    },
    rules::{Passed, Refusal, Rule},
    text::shown,
    tuf::key::Key,
};

/// `erase-token`.
#[derive(Clone, Debug)]
pub struct EraseToken {
    /// Which token of the script.
    pub token: Alias,
}

/// What became of a token that is not to hold its key any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gone {
    /// It was wiped, and looked at afterwards.
    Erased,
    /// It is not here, and nobody knows who has it.
    Lost,
    /// It is here, or was destroyed, and answers no more.
    Dead,
    /// It is here, and is kept as it is, with the key on it.
    Kept,
}

/// What the step waits for, in order.
enum Stage {
    Insert,
    Account(Gone),
    Look,
    Tell(SeenToken),
    NoReturn(SeenToken),
    Sits(PersonId),
    Erase(SeenToken),
}

fn stage(ceremony: &Ceremony, alias: &Alias) -> Option<Stage> {
    if ceremony.token(alias).gone.is_some() {
        return None;
    }
    let seen = ceremony.here.iter().rev().find_map(|event| match event {
        Event::TokensSeen { seen, .. } => seen.first().cloned(),
        _ => None,
    });
    let Some(seen) = seen else {
        // After trouble with looking people are asked again whether it is here at all.
        return Some(match ceremony.here.iter().rev().find_map(said) {
            Some(Said::In) => Stage::Look,
            Some(Said::Gone(gone)) => Stage::Account(gone),
            None | Some(Said::Again) => Stage::Insert,
        });
    };
    let keeper = ceremony.acting(&ceremony.script.token(alias)?.so_pin);
    Some(if !went(ceremony, words::erase::TOLD) {
        Stage::Tell(seen)
    } else if !went(ceremony, words::erase::ERASES) {
        Stage::NoReturn(seen)
    } else if seated(ceremony) != Some(keeper.clone()) {
        Stage::Sits(keeper)
    } else {
        Stage::Erase(seen)
    })
}

/// What was said last of where the token is.
enum Said {
    In,
    Gone(Gone),
    Again,
}

fn said(event: &Event) -> Option<Said> {
    match event {
        Event::Went { on, .. } if on == words::INSERTED => Some(Said::In),
        Event::Went { word, on } if on == words::erase::GONE => Some(Said::Gone(match word.as_str() {
            "LOST" => Gone::Lost,
            "KEPT" => Gone::Kept,
            _ => Gone::Dead,
        })),
        Event::TryAgain { .. } => Some(Said::Again),
        _ => None,
    }
}

/// A token that was prepared a moment ago is here, or two people say what became of it; one that existed before may be gone.
fn whereabouts(ceremony: &Ceremony, alias: &Alias) -> Vec<Choice> {
    let mut choices = vec![Choice::new("INSERTED", words::INSERTED)];
    let owes = ceremony.owes_a_wipe(alias);
    if ceremony.token(alias).bound.is_none() || owes {
        choices.push(Choice::new("LOST", words::erase::DOES_LOST));
        choices.push(Choice::new("DEAD", words::erase::DOES_DEAD));
    }
    if owes {
        choices.push(Choice::new("KEPT", words::erase::DOES_KEEP));
    }
    choices
}

/// `DRILL-LEAVES-NOTHING`: a token that got a key today and is not wiped is decided by two people.
fn may_stay(ceremony: &Ceremony, alias: &Alias) -> Result<(), Refusal> {
    let decided = ceremony.here.iter().any(|event| matches!(event, Event::ExceptionNoted { .. }));
    match ceremony.keys_left().into_iter().find(|left| left.alias == *alias) {
        Some(left) if ceremony.owes_a_wipe(alias) && !decided => Err(Refusal::new(
            Rule::DrillLeavesNothing,
            words::erase::left(ceremony, &left),
            "Put it in, type INSERTED, and wipe it. If it cannot be wiped, two people note an exception first, and then say so here.",
        )),
        _ => Ok(()),
    }
}

fn no_return_choices() -> Vec<Choice> {
    vec![Choice::new("ERASE", words::erase::DOES_ERASE), Choice::new("LEAVE", words::DOES_LEAVE)]
}

/// By which label and serial it is found: those of its binding, otherwise those of the script. A throw-away token of a rehearsal has the
/// label that the rehearsal gave it, and a serial that nobody chose.
fn known(ceremony: &Ceremony, alias: &Alias) -> Option<KnownToken> {
    if let Some(bound) = ceremony.token(alias).bound {
        return Some(KnownToken { label: bound.token.label, serial: bound.token.serial });
    }
    match ceremony.mode() {
        Mode::Rehearsal => Some(KnownToken { label: alias.to_string(), serial: String::new() }),
        Mode::Production => ceremony.script.token(alias)?.known.clone(),
    }
}

/// The key that it must hold, where the ceremony knows it.
fn held(ceremony: &Ceremony, alias: &Alias) -> Option<Key> {
    if let Some(key) = ceremony.token(alias).key {
        return Some(key);
    }
    let keyid = ceremony.script.token(alias)?.keyid.as_ref()?;
    ceremony.stand_ins.get(keyid).cloned().or_else(|| {
        let of_tokens = ceremony.tokens.values().filter_map(|token| token.key.clone());
        of_tokens.into_iter().find(|key| key.id() == *keyid || key.canonical_id() == *keyid)
    })
}

/// `TOKEN-IS-EXPECTED` of a token that is to be wiped: by its binding, and by the key that it must hold.
fn is_the_one(ceremony: &Ceremony, alias: &Alias, seen: &SeenToken) -> Result<Vec<Passed>, Refusal> {
    let mut passed = vec![is_expected(ceremony, alias, seen)?];
    passed.extend(is_hardware(ceremony, alias, seen)?);
    if let Some(key) = held(ceremony, alias)
        && !seen.public_keys.contains(&key.public().fingerprint())
    {
        return Err(Refusal::new(
            Rule::TokenIsExpected,
            format!("{} does not hold the key {}, which is to go with it.", seen.words(), key.id().short()),
            "Compare label and serial with the last card. Nothing was wiped.",
        ));
    }
    Ok(passed)
}

impl Kind for EraseToken {
    fn prose(&self, script: &Script) -> Prose {
        words::erase::erase_token(script, &self.token)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        let Some(spec) = script.token(&self.token) else { return vec![] };
        let mut who = vec![spec.holder.clone()];
        who.extend(Some(&spec.so_pin).filter(|keeper| **keeper != spec.holder).cloned());
        who
    }

    fn needs(&self, script: &Script) -> Vec<Fact> {
        let mut needs = vec![Fact::RollCalled, Fact::ScriptRead, Fact::MachineSeen];
        // Nothing goes before what takes its place was proven.
        if matches!(script.kind, script::Kind::RestoreDrill | script::Kind::ReplaceToken) {
            needs.extend(script.kept.iter().map(|kept| Fact::BackupRestores(kept.name.clone())));
        }
        needs
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::TokenErased(self.token.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        pending(ceremony, &ceremony.playing(&self.token))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        decide(ceremony, &ceremony.playing(&self.token), answer)
    }
}

/// What is waited for before this token is wiped, or is known not to be.
pub(in crate::ceremony) fn pending(ceremony: &Ceremony, alias: &Alias) -> Option<Pending> {
    let alias = alias.clone();
    let leaders = ceremony.leaders();
    match stage(ceremony, &alias)? {
        Stage::Insert => {
            let scene = Scene::Swap { token: ceremony.card(&alias), ask: words::erase::insert(&alias) };
            let input = Input::Word(whereabouts(ceremony, &alias));
            Some(Pending::Ask(Box::new(Prompt { who: leaders, scene, input })))
        }
        Stage::Account(gone) => ask_for_text(
            leaders,
            words::erase::account_ask(ceremony, &alias, gone),
            words::erase::ACCOUNT.into(),
            words::erase::ACCOUNT_HINT,
        ),
        Stage::Look => {
            let KnownToken { label, serial } = known(ceremony, &alias)?;
            Some(Pending::Do(Operation::LookAtToken { alias, label, serial }))
        }
        Stage::Tell(seen) => {
            let token = TokenCard { serial: Some(seen.token.told_by().into()), ..ceremony.card(&alias) };
            let scene = Scene::Swap { token, ask: words::erase::tell(&seen) };
            let input = Input::Text { label: words::erase::TOLD.into(), hint: words::erase::TOLD_HINT.into() };
            Some(Pending::Ask(Box::new(Prompt { who: leaders, scene, input })))
        }
        Stage::NoReturn(seen) => {
            let scene = words::erase::no_return(&alias, &seen);
            Some(Pending::Ask(Box::new(Prompt { who: leaders, scene, input: Input::Word(no_return_choices()) })))
        }
        Stage::Sits(keeper) => handover(ceremony, &keeper, &alias, words::erase::SO_PIN),
        Stage::Erase(seen) => Some(Pending::Do(Operation::EraseToken { alias, seen: Box::new(seen) })),
    }
}

/// What follows from an answer to [`pending`].
///
/// # Errors
/// The rule that says no.
pub(in crate::ceremony) fn decide(ceremony: &Ceremony, alias: &Alias, answer: &Answer) -> Result<Vec<Event>, Refusal> {
    let alias = alias.clone();
    let stage = stage(ceremony, &alias).ok_or_else(|| unfit("The token is gone."))?;
    if let Answer::Failed(trouble) = answer {
        return failed(trouble);
    }
    match (stage, answer) {
        (Stage::Insert, Answer::Word(word)) => match chosen(&whereabouts(ceremony, &alias), word) {
            Some(gone @ ("LOST" | "DEAD" | "KEPT")) => {
                may_stay(ceremony, &alias)?;
                Ok(vec![Event::Went { word: gone.into(), on: words::erase::GONE.into() }])
            }
            _ => Ok(inserted()),
        },
        (Stage::Account(gone), Answer::Text(account)) => {
            let account = account.trim().to_owned();
            if account.is_empty() {
                return Err(unfit("Say in a line what is known of it."));
            }
            Ok(vec![Event::TokenGone { alias, gone, account }])
        }
        (Stage::Look, Answer::Done(outcome)) => match outcome.as_ref() {
            Outcome::Tokens(seen) if seen.len() == 1 => {
                is_the_one(ceremony, &alias, &seen[0])?;
                Ok(vec![Event::TokensSeen { alias, seen: seen.clone() }])
            }
            _ => Err(unfit("One token was to be looked at.")),
        },
        (Stage::Tell(seen), Answer::Text(text)) => {
            if text.trim() != seen.token.told_by().trim() {
                return Err(Refusal::new(
                    Rule::TokenInitialisedOnce,
                    format!("“{}” is not what names the token that is to be wiped.", shown(text)),
                    "Read it from the screen and from the token itself. If they differ, this is the wrong token.",
                ));
            }
            Ok(vec![Event::Went { word: seen.token.told_by().to_owned(), on: words::erase::TOLD.into() }])
        }
        (Stage::NoReturn(_), Answer::Word(word)) => Ok(match chosen(&no_return_choices(), word) {
            Some("ERASE") => vec![Event::Went { word: "ERASE".into(), on: words::erase::ERASES.into() }],
            _ => vec![Event::Paused],
        }),
        (Stage::Sits(person), Answer::Word(_)) => Ok(sat(&person)),
        (Stage::Erase(before), Answer::Done(outcome)) => match outcome.as_ref() {
            Outcome::Erased { seen, left } => erased(ceremony, alias, &before, seen, *left),
            _ => Err(unfit("A token was to be wiped.")),
        },
        _ => Err(unfit("That is not what this step waits for.")),
    }
}

/// `TOKEN-ERASED`: the same token, with no key on it.
fn erased(
    ceremony: &Ceremony,
    alias: Alias,
    before: &SeenToken,
    seen: &SeenToken,
    left: u32,
) -> Result<Vec<Event>, Refusal> {
    let refuse = |what: String| {
        let remedy =
            "Do not let it leave the room. Try again; if it stays so, destroy the token, in sight of the witness.";
        Err(Refusal::new(Rule::TokenErased, what, remedy))
    };
    // A module may give a token another serial when it is wiped, and a wiped token may have no label any more.
    if seen.token.label != before.token.label && seen.token.serial != before.token.serial {
        return refuse(format!("{} was to be wiped; {} was looked at afterwards.", before.words(), seen.words()));
    }
    if left > 0 || !seen.public_keys.is_empty() {
        let left = left.max(u32::try_from(seen.public_keys.len()).unwrap_or(u32::MAX));
        return refuse(format!("{} says that it was wiped, and {left} keys are still on it.", seen.words()));
    }
    let mut passed = is_the_one(ceremony, &alias, before)?;
    passed.push(Passed::new(
        Rule::TokenErased,
        format!(
            "{} public keys were on it before; it was looked at afterwards, and no key is on it",
            before.public_keys.len()
        ),
    ));
    passed.extend(ceremony.leaves_nothing(&alias));
    Ok(vec![Event::TokenErased { alias, seen: seen.clone(), passed }])
}
