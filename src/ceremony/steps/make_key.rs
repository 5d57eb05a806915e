//! A key is made in the locked memory of this machine. Until every share of its backup was read back it is nowhere else: no token holds
//! a key whose shares nobody verified. If the program ends before that, the key is gone, and its shares are destroyed.

use super::{
    Fact, Kind, Prose,
    in_memory::{discarded, given_up},
    preflight::failed,
    went,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending, chosen,
        event::Event,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Choice, Input, Prompt},
        script::Script,
        unfit, words,
    },
    rules::{Passed, Refusal, Rule},
};

/// `make-key`.
#[derive(Clone, Debug)]
pub struct MakeKey {
    /// The short name by which the script knows the key.
    pub name: Alias,
}

fn choices() -> Vec<Choice> {
    vec![Choice::new("MAKE", words::backup::DOES_MAKE), Choice::new("LEAVE", words::DOES_LEAVE)]
}

impl Kind for MakeKey {
    fn prose(&self, script: &Script) -> Prose {
        words::backup::make_key(script, &self.name)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, script: &Script) -> Vec<Fact> {
        let mut needs = vec![Fact::RollCalled, Fact::ScriptRead, Fact::MachineSeen, Fact::ClockConfirmed];
        // Their randomness goes into the key.
        needs.extend(script.holders_of(&self.name).into_iter().cloned().map(Fact::TokenPrepared));
        needs
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KeyMade(self.name.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let ask = |scene, input| Some(Pending::Ask(Box::new(Prompt { who: ceremony.leaders(), scene, input })));
        match ceremony.backups.get(&self.name) {
            Some(backup) if backup.lost => return Some(given_up(ceremony, backup, &self.name)),
            Some(_) => return None,
            None => {}
        }
        if !went(ceremony, words::backup::MAKES) {
            return ask(words::backup::no_return_make(&self.name), Input::Word(choices()));
        }
        let script = &ceremony.script;
        let tokens = script.holders_of(&self.name).into_iter().map(|alias| ceremony.playing(alias)).collect();
        let dice = script.custody().is_some_and(|custody| custody.dice);
        Some(Pending::Do(Operation::MakeKey {
            name: self.name.clone(),
            algorithm: script.root.algorithm,
            tokens,
            dice,
        }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let name = self.name.clone();
        match (ceremony.backups.get(&name), answer) {
            (_, Answer::Failed(trouble)) => failed(trouble),
            (Some(backup), Answer::Word(_)) if backup.lost => Ok(discarded(backup, &name)),
            (_, Answer::Word(word)) => Ok(match chosen(&choices(), word) {
                Some("MAKE") => vec![Event::Went { word: "MAKE".into(), on: words::backup::MAKES.into() }],
                _ => vec![Event::Paused],
            }),
            (None, Answer::Done(outcome)) => match outcome.as_ref() {
                Outcome::Made { key, sources, dice } => {
                    let wanted = ceremony.script.custody().is_some_and(|custody| custody.dice);
                    if wanted != dice.is_some() {
                        return Err(unfit("Dice were to be thrown, or were not."));
                    }
                    let same = ceremony.tokens.values().filter_map(|token| token.key.as_ref());
                    let public = key.public().fingerprint();
                    if same.map(|known| known.public().fingerprint()).any(|known| known == public) {
                        return Err(Refusal::new(
                            Rule::KeyCountedOnce,
                            "The new key is one that a token of this ceremony holds already.",
                            "This machine's randomness is broken. Do not use it; leave, and report it.",
                        ));
                    }
                    let passed =
                        vec![Passed::new(Rule::KeyCountedOnce, "no token of this ceremony holds this public key")];
                    Ok(vec![Event::KeyMade { name, key: key.clone(), sources: sources.clone(), dice: *dice, passed }])
                }
                _ => Err(unfit("A key was to be made.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
