//! The key-encryption key (KEK) under which a token will wrap the root key is made in the locked memory of this machine. Until every share
//! of it was read back, a key that was wrapped under it is given up where the program ends: from the tokens that hold it first.

use std::sync::Arc;

use super::{
    Fact, Kind, Prose,
    at_the_token::{user_sat, user_sits},
    preflight::failed,
    went,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        backups::WrappedKey,
        chosen,
        event::Event,
        operation::{Operation, Outcome, Wrapping, WrappingOutcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Choice, Input, Prompt, Scene},
        script::Script,
        unfit, words,
    },
    rules::Refusal,
};

/// `make-kek`.
#[derive(Clone, Debug)]
pub struct MakeKek {
    /// The short name of the key that it will wrap.
    pub name: Alias,
}

fn choices() -> Vec<Choice> {
    vec![Choice::new("MAKE", words::wrapping::DOES_MAKE), Choice::new("LEAVE", words::DOES_LEAVE)]
}

impl MakeKek {
    /// What is to be given up, and the next token that it goes from.
    fn lost<'a>(&self, ceremony: &'a Ceremony) -> Option<(&'a WrappedKey, Option<&'a Alias>)> {
        let wrapped = ceremony.backups.wrapped(&self.name).filter(|wrapped| wrapped.lost)?;
        Some((wrapped, wrapped.touched.first()))
    }
}

impl Kind for MakeKek {
    fn prose(&self, script: &Script) -> Prose {
        words::wrapping::make_kek(script, &self.name)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, script: &Script) -> Vec<Fact> {
        let mut needs = vec![Fact::RollCalled, Fact::ScriptRead, Fact::MachineSeen, Fact::ClockConfirmed];
        // Their randomness goes into it.
        needs.extend(script.holders_of(&self.name).into_iter().cloned().map(Fact::TokenPrepared));
        needs
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KekMade(self.name.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let ask = |scene, input| Some(Pending::Ask(Box::new(Prompt { who: ceremony.leaders(), scene, input })));
        if let Some((wrapped, next)) = self.lost(ceremony) {
            if let Some(alias) = next {
                return user_sits(ceremony, alias).or_else(|| {
                    let (alias, name) = (alias.clone(), self.name.clone());
                    let label = words::key_label(&ceremony.script.repository);
                    // Where a try to open the old backup failed, its KEK may be there too.
                    let kept = ceremony.backups.opened(&name).filter(|kept| kept.keks.contains(&alias));
                    let old = kept.map(|kept| kept.set.fingerprint);
                    Some(Pending::Do(Operation::Wrapping(Wrapping::Clear {
                        alias,
                        name,
                        kek: wrapped.kek,
                        label,
                        old,
                    })))
                });
            }
            let origin = ceremony.script.origin_of(&self.name);
            let scene = Scene::List {
                title: words::wrapping::lost(&self.name, origin),
                lines: Arc::new(words::wrapping::to_destroy(ceremony, &self.name)),
                ask: words::backup::DESTROY_ASK.into(),
            };
            return ask(scene, Input::Word(vec![Choice::new("DESTROYED", words::backup::does_discard(origin))]));
        }
        if ceremony.backups.wrapped(&self.name).is_some() {
            return None;
        }
        if !went(ceremony, words::wrapping::MAKES) {
            return ask(words::wrapping::no_return_make(&self.name), Input::Word(choices()));
        }
        let script = &ceremony.script;
        let tokens = script.holders_of(&self.name).into_iter().map(|alias| ceremony.playing(alias)).collect();
        let dice = script.custody().is_some_and(|custody| custody.dice);
        Some(Pending::Do(Operation::Wrapping(Wrapping::MakeKek { name: self.name.clone(), tokens, dice })))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let name = self.name.clone();
        match (self.lost(ceremony), answer) {
            (_, Answer::Failed(trouble)) => failed(trouble),
            (Some((_, Some(alias))), Answer::Word(_)) => user_sat(ceremony, alias),
            (Some((_, Some(alias))), Answer::Done(outcome)) => match outcome.as_ref() {
                Outcome::Wrapping(WrappingOutcome::Cleared { passed }) => {
                    Ok(vec![Event::WrappingCleared { alias: alias.clone(), name, passed: passed.clone() }])
                }
                _ => Err(unfit("A key that is given up was to be destroyed.")),
            },
            (Some((_, None)), Answer::Word(_)) => {
                let backup = ceremony.backups.get(&name);
                let set = backup.and_then(|backup| Some(backup.sealed.as_ref()?.set.id()));
                let shares = backup.map(|backup| backup.given.clone()).unwrap_or_default();
                Ok(vec![Event::BackupDiscarded { name, set, shares }])
            }
            (None, Answer::Word(word)) => Ok(match chosen(&choices(), word) {
                Some("MAKE") => vec![Event::Went { word: "MAKE".into(), on: words::wrapping::MAKES.into() }],
                _ => vec![Event::Paused],
            }),
            (None, Answer::Done(outcome)) => match outcome.as_ref() {
                Outcome::Wrapping(WrappingOutcome::KekMade { kek, sources, dice }) => {
                    let wanted = ceremony.script.custody().is_some_and(|custody| custody.dice);
                    if wanted != dice.is_some() {
                        return Err(unfit("Dice were to be thrown, or were not."));
                    }
                    Ok(vec![Event::KekMade { name, kek: *kek, sources: sources.clone(), dice: *dice }])
                }
                _ => Err(unfit("A key-encryption key was to be made.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
