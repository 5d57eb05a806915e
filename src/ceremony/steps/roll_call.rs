//! Who is here. Each person sets a word of their own, with which they confirm for themselves from then on.

use super::{Fact, Kind, Prose, happened};
use crate::{
    ceremony::{
        Ceremony, Now, Pending, chosen,
        event::Event,
        participants::{Person, PersonId},
        prompt::{Answer, Choice, Input, Prompt, Scene},
        script::Script,
        unfit, words,
    },
    rules::{Refusal, Rule},
};

/// `roll-call`.
#[derive(Clone, Debug)]
pub struct RollCall;

enum Question<'a> {
    Here(&'a Person),
    Word(&'a Person),
}

fn next(ceremony: &Ceremony) -> Option<Question<'_>> {
    for person in &ceremony.script.people {
        // A surrogate is called only where the one they stand in for is absent.
        let wanted = person.stands_in_for.as_ref().is_none_or(|principal| is_absent(ceremony, principal));
        if !wanted {
            continue;
        }
        match ceremony.people.get(&person.id) {
            None => return Some(Question::Here(person)),
            Some(presence) if presence.here && presence.word.is_none() => return Some(Question::Word(person)),
            Some(_) => {}
        }
    }
    None
}

fn is_absent(ceremony: &Ceremony, person: &PersonId) -> bool {
    ceremony.people.get(person).is_some_and(|presence| !presence.here)
}

fn choices(person: &Person) -> Vec<Choice> {
    vec![Choice::new("PRESENT", words::present(person)), Choice::new("ABSENT", words::absent(person))]
}

impl Kind for RollCall {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::roll_call(script)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        script.people.iter().map(|person| person.id.clone()).collect()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::RollCalled]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let prompt = match next(ceremony)? {
            Question::Here(person) => Prompt {
                who: vec![person.id.clone()],
                scene: Scene::Plain { ask: words::is_here(person) },
                input: Input::Word(choices(person)),
            },
            Question::Word(person) => Prompt {
                who: vec![person.id.clone()],
                scene: Scene::Plain { ask: words::set_word(person) },
                input: Input::NewPersonalWord { person: person.id.clone() },
            },
        };
        Some(Pending::Ask(Box::new(prompt)))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        match (next(ceremony), answer) {
            (Some(Question::Here(person)), Answer::Word(word)) => {
                if chosen(&choices(person), word) == Some("PRESENT") {
                    return Ok(vec![Event::Present { person: person.id.clone() }]);
                }
                let replaced =
                    ceremony.script.people.iter().any(|other| {
                        other.stands_in_for.as_ref() == Some(&person.id) && !is_absent(ceremony, &other.id)
                    });
                let excepted = happened(ceremony, |event| matches!(event, Event::ExceptionNoted { .. }));
                if !replaced && !excepted && is_needed(ceremony, &person.id) {
                    return Err(Refusal::new(
                        Rule::RollCallComplete,
                        format!("{} is needed later, and the script declares no surrogate.", person.name),
                        "Wait for them, note an exception, or leave and set another day. Nothing was done yet that would be lost.",
                    ));
                }
                Ok(vec![Event::Absent { person: person.id.clone() }])
            }
            (Some(Question::Word(person)), Answer::NewPersonalWord { salt, verifier }) => {
                Ok(vec![Event::WordSet { person: person.id.clone(), salt: salt.clone(), verifier: *verifier }])
            }
            _ => Err(unfit("The roll-call is waited for.")),
        }
    }
}

fn is_needed(ceremony: &Ceremony, person: &PersonId) -> bool {
    let script = &ceremony.script;
    script.numbered().any(|(_, step)| {
        !matches!(step.action, super::Action::RollCall(_)) && step.action.kind().who(script).contains(person)
    })
}
