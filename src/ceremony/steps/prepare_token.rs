//! A token is initialised: its SO-PIN comes from whoever keeps it, its user PIN from whoever holds the token.

use super::{
    Fact, Kind, Prose, ask_for_text, ask_to_type,
    at_the_token::{handover, inserted, sat, seated},
    preflight::failed,
    went,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending, chosen,
        event::{Event, Mode},
        metadata,
        operation::{Operation, Outcome, SeenToken},
        participants::{Alias, PersonId},
        prompt::{Answer, Choice, Input, Prompt, Scene},
        script::Script,
        unfit, words,
    },
    device::yubikey::OTP_ADVICE,
    rules::{Passed, Refusal, Rule},
};

/// `prepare-token`.
#[derive(Clone, Debug)]
pub struct PrepareToken {
    /// Which token of the script.
    pub token: Alias,
}

/// What the step waits for, in order.
enum Stage {
    Lost(Vec<Choice>),
    Insert,
    Find,
    Pick(Vec<SeenToken>),
    TypeSerial(SeenToken),
    NoReturn(SeenToken),
    SoSits(PersonId),
    Initialise(SeenToken),
    UserSits(PersonId),
    SetPin,
}

impl PrepareToken {
    fn stage(&self, ceremony: &Ceremony) -> Option<Stage> {
        let alias = ceremony.playing(&self.token);
        let spec = ceremony.script.token(&alias)?;
        let token = ceremony.token(&alias);
        let (user, keeper) = (ceremony.acting(&spec.user_pin), ceremony.acting(&spec.so_pin));
        if ceremony.management_keys.is_lost(&alias) {
            return Some(Stage::Lost(words::management::choices(token.key.is_some())));
        }
        if token.pin_set {
            return None;
        }
        if token.bound.is_some() {
            return Some(if seated(ceremony) == Some(user.clone()) { Stage::SetPin } else { Stage::UserSits(user) });
        }
        if let Some(chosen) = token.chosen {
            return Some(if chosen.token.initialised && !went(ceremony, words::SERIAL_TYPED) {
                Stage::TypeSerial(chosen)
            } else if !went(ceremony, words::INITIALISES) {
                Stage::NoReturn(chosen)
            } else if seated(ceremony) != Some(keeper.clone()) {
                Stage::SoSits(keeper)
            } else {
                Stage::Initialise(chosen)
            });
        }
        // An empty list is the wish to look again: the step begins at its insertion once more.
        let since =
            ceremony.here.iter().rposition(|event| matches!(event, Event::TokensSeen { seen, .. } if seen.is_empty()));
        let mut here = ceremony.here[since.map_or(0, |at| at + 1)..].iter().rev();
        Some(match here.find(|event| matches!(event, Event::TokensSeen { .. } | Event::Went { .. })) {
            Some(Event::TokensSeen { seen, .. }) => Stage::Pick(seen.clone()),
            Some(_) => Stage::Find,
            None => Stage::Insert,
        })
    }
}

/// A token as it is offered: with what its holder should know before it is used.
fn option_words(seen: &SeenToken) -> String {
    let advice = if seen.token.types { format!(". {OTP_ADVICE}") } else { String::new() };
    format!("{}{advice}", seen.words())
}

fn no_return_choices() -> Vec<Choice> {
    vec![Choice::new("INITIALISE", words::DOES_INITIALISE), Choice::new("LEAVE", words::DOES_LEAVE)]
}

impl Kind for PrepareToken {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::prepare_token(script, &self.token)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        let Some(spec) = script.token(&self.token) else { return vec![] };
        let mut who = vec![spec.user_pin.clone()];
        for other in [&spec.user_pin, &spec.so_pin] {
            if !who.contains(other) {
                who.push(other.clone());
            }
        }
        who
    }

    fn needs(&self, script: &Script) -> Vec<Fact> {
        // Nothing irreversible before the script on paper, the machine and the people are known to be the right ones, and
        // nothing is wiped before it is known which keys are trusted.
        let mut needs = vec![Fact::RollCalled, Fact::ScriptRead, Fact::MachineSeen];
        needs.extend(script.previous.as_ref().map(|_| Fact::PreviousRoot));
        if script.kind.is_about_repositories() && !script.kind.is_genesis() {
            needs.push(Fact::RepositoriesRead);
        }
        needs
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::TokenPrepared(self.token.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let alias = ceremony.playing(&self.token);
        let leaders = ceremony.leaders();
        match self.stage(ceremony)? {
            Stage::Lost(choices) => {
                let scene = words::management::lost(&alias, ceremony.management_keys.serial(&alias));
                Some(Pending::Ask(Box::new(Prompt { who: leaders, scene, input: Input::Word(choices) })))
            }
            Stage::Insert => {
                let scene = Scene::Swap { token: ceremony.card(&alias), ask: words::insert_blank(&alias) };
                ask_to_type(leaders, scene, "INSERTED", words::INSERTED)
            }
            Stage::Find => Some(Pending::Do(Operation::FindTokens { alias })),
            Stage::Pick(seen) => {
                let mut options: Vec<_> = seen.iter().map(option_words).collect();
                options.push(words::LOOK_AGAIN.into());
                let scene = Scene::Plain { ask: words::pick_token(&alias) };
                Some(Pending::Ask(Box::new(Prompt { who: leaders, scene, input: Input::Pick(options) })))
            }
            Stage::TypeSerial(seen) => ask_for_text(
                leaders,
                words::type_serial(&seen),
                words::SERIAL_TYPED.into(),
                "the serial as it stands above, whole",
            ),
            Stage::NoReturn(seen) => {
                let scene = words::no_return_initialise(&alias, &seen);
                Some(Pending::Ask(Box::new(Prompt { who: leaders, scene, input: Input::Word(no_return_choices()) })))
            }
            Stage::SoSits(keeper) => handover(ceremony, &keeper, &alias, words::NEW_SO_PIN),
            Stage::Initialise(seen) => {
                Some(Pending::Do(Operation::Initialise { label: alias.to_string(), alias, seen: Box::new(seen) }))
            }
            Stage::UserSits(user) => handover(ceremony, &user, &alias, words::NEW_USER_PIN),
            Stage::SetPin => Some(Pending::Do(Operation::SetUserPin { alias })),
        }
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let alias = ceremony.playing(&self.token);
        let stage = self.stage(ceremony).ok_or_else(|| unfit("The token is prepared."))?;
        if let Answer::Failed(trouble) = answer {
            return failed(trouble);
        }
        match (stage, answer) {
            (Stage::Lost(choices), Answer::Word(word)) => {
                let serial = ceremony.management_keys.serial(&alias).to_owned();
                Ok(match chosen(&choices, word) {
                    Some(words::management::PREPARE_AGAIN) => {
                        vec![Event::ManagementKeyLost { alias, serial, again: true }]
                    }
                    Some(words::management::KEEP) => vec![Event::ManagementKeyLost { alias, serial, again: false }],
                    _ => vec![Event::Paused],
                })
            }
            (Stage::Insert, Answer::Word(_)) => Ok(inserted()),
            (Stage::Find, Answer::Done(outcome)) => match outcome.as_ref() {
                Outcome::Tokens(seen) if !seen.is_empty() => Ok(vec![Event::TokensSeen { alias, seen: seen.clone() }]),
                _ => Err(Refusal::new(
                    Rule::TokenIsExpected,
                    format!("No token is there that could become {alias}."),
                    "Put the token in, wait until the reader shows it, and try again.",
                )),
            },
            (Stage::Pick(seen), Answer::Picked(index)) => match seen.get(*index) {
                Some(chosen) => {
                    let passed = may_be_prepared(ceremony, &alias, chosen)?;
                    Ok(vec![Event::TokenChosen { alias, seen: chosen.clone(), passed }])
                }
                // The last option looks again.
                None => Ok(vec![Event::TokensSeen { alias, seen: vec![] }]),
            },
            (Stage::TypeSerial(seen), Answer::Text(text)) => {
                if text.trim() != seen.token.serial.trim() {
                    return Err(Refusal::new(
                        Rule::TokenInitialisedOnce,
                        format!("“{}” is not the serial of the token that was chosen.", crate::text::shown(text)),
                        "Read the serial from the screen and from the token itself. If they differ, this is the wrong token.",
                    ));
                }
                Ok(vec![Event::Went { word: seen.token.serial, on: words::SERIAL_TYPED.into() }])
            }
            (Stage::NoReturn(_), Answer::Word(word)) => Ok(match chosen(&no_return_choices(), word) {
                Some("INITIALISE") => vec![Event::Went { word: "INITIALISE".into(), on: words::INITIALISES.into() }],
                _ => vec![Event::Paused],
            }),
            (Stage::SoSits(person) | Stage::UserSits(person), Answer::Word(_)) => Ok(sat(&person)),
            (Stage::Initialise(_), Answer::Done(outcome)) => match outcome.as_ref() {
                Outcome::Initialised(seen) => Ok(vec![Event::TokenInitialised { alias, seen: seen.clone() }]),
                _ => Err(unfit("A token was to be initialised.")),
            },
            (Stage::SetPin, Answer::Done(outcome)) => match outcome.as_ref() {
                Outcome::UserPinSet { management_key } => {
                    if management_key.is_some() != has_to_be_sealed(ceremony, &alias) {
                        return Err(unfit("The management key is kept elsewhere than the script says."));
                    }
                    Ok(vec![Event::UserPinSet {
                        alias,
                        management_key: *management_key,
                        passed: vec![Passed::new(Rule::PinNotDefault, "typed twice, not a default, not the SO-PIN")],
                    }])
                }
                _ => Err(unfit("A PIN was to be set.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}

/// Whether a token is a YubiKey whose management key is not kept on it. In a rehearsal no token is a YubiKey.
fn has_to_be_sealed(ceremony: &Ceremony, alias: &Alias) -> bool {
    ceremony.mode() == Mode::Production && ceremony.script.seals_management_key(alias)
}

/// Whether a token may be wiped and become `alias`.
fn may_be_prepared(ceremony: &Ceremony, alias: &Alias, seen: &SeenToken) -> Result<Vec<Passed>, Refusal> {
    let mut passed = vec![];
    passed.extend(super::open_token::is_hardware(ceremony, alias, seen)?);
    let mut trusted = metadata::trusted_keys(ceremony);
    trusted
        .extend(ceremony.tokens.values().filter_map(|token| token.key.as_ref()).map(|key| key.public().fingerprint()));
    if seen.public_keys.iter().any(|key| trusted.contains(key)) {
        return Err(Refusal::new(
            Rule::TokenHoldsNoTrustedKey,
            format!("The token {} holds a key of the trusted root. Initialising would destroy it.", seen.words()),
            "Take it out, give it back to its holder, and put in the blank token.",
        ));
    }
    let bound = ceremony
        .tokens
        .iter()
        .find(|(other, token)| *other != alias && token.bound.as_ref().is_some_and(|b| b.same_as(seen)));
    if let Some((other, _)) = bound {
        return Err(Refusal::new(
            Rule::TokenHoldsNoTrustedKey,
            format!("This token was prepared as {other} already."),
            "Put in the token that is meant.",
        ));
    }
    passed.push(Passed::new(
        Rule::TokenHoldsNoTrustedKey,
        format!("{} public keys on it, none of them trusted", seen.public_keys.len()),
    ));
    if !seen.token.initialised {
        passed.push(Passed::new(Rule::TokenInitialisedOnce, "the token is blank"));
    }
    Ok(passed)
}
