//! The yearly reading: each custodian types their share, which is held against its commitment. No key is made, and none is put together.

use super::{Fact, Kind, Prose, ask_to_type, happened, kept, preflight::failed, went};
use crate::{
    ceremony::{
        Ceremony, Now, Pending, chosen,
        event::Event,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Choice, Input, Prompt, Scene},
        script::Script,
        unfit, words,
    },
    custody::{Commitment, Set},
    rules::{Passed, Refusal, Rule},
};

/// `check-shares`.
#[derive(Clone, Debug)]
pub struct CheckShares {
    /// Of the backup of which key.
    pub name: Alias,
}

fn choices() -> Vec<Choice> {
    vec![
        Choice::new("HERE", words::backup::DOES_HERE),
        Choice::new("ABSENT", words::backup::DOES_ABSENT),
        Choice::new("LOST", words::backup::DOES_LOST),
    ]
}

impl CheckShares {
    /// The next share that was neither read nor said to be missing.
    fn next(&self, ceremony: &Ceremony, set: &Set) -> Option<u8> {
        let done = |index: u8| {
            happened(ceremony, |event| match event {
                Event::ShareChecked { index: read, .. } => *read == index,
                Event::ShareMissing { index: missing, .. } => *missing == index,
                _ => false,
            })
        };
        (1..=set.scheme.count()).find(|index| !done(*index))
    }
}

impl Kind for CheckShares {
    fn prose(&self, _script: &Script) -> Prose {
        words::backup::check_shares(&self.name)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::RollCalled, Fact::ScriptRead, Fact::MachineSeen]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::SharesChecked(self.name.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let Some(set) = ceremony.backups.kept(&self.name) else { return kept::owed(ceremony, &self.name) };
        let index = self.next(ceremony, set)?;
        if !went(ceremony, &words::backup::seat(index)) {
            let scene = Scene::Plain { ask: words::backup::share_is_here(set, index) };
            let input = Input::Word(choices());
            return Some(Pending::Ask(Box::new(Prompt { who: ceremony.leaders(), scene, input })));
        }
        if !went(ceremony, &words::backup::alone_with(index)) {
            let scene = Scene::Plain { ask: words::backup::share_is_typed(index) };
            return ask_to_type(ceremony.leaders(), scene, "SEATED", words::SITS);
        }
        Some(Pending::Do(Operation::CheckShare { name: self.name.clone(), index, set: Box::new(set.clone()) }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let name = self.name.clone();
        if let Answer::Failed(trouble) = answer {
            return failed(trouble);
        }
        let Some(set) = ceremony.backups.kept(&self.name) else {
            return kept::imported(ceremony, &self.name, answer);
        };
        let index = self.next(ceremony, set).ok_or_else(|| unfit("Every share was asked for."))?;
        match answer {
            Answer::Word(_) if went(ceremony, &words::backup::seat(index)) => {
                Ok(vec![Event::Went { word: "SEATED".into(), on: words::backup::alone_with(index) }])
            }
            Answer::Word(word) => Ok(match chosen(&choices(), word) {
                Some("HERE") => vec![Event::Went { word: "HERE".into(), on: words::backup::seat(index) }],
                other => vec![Event::ShareMissing { name, set: set.id(), index, lost: other == Some("LOST") }],
            }),
            Answer::Done(outcome) => match outcome.as_ref() {
                Outcome::ShareReadBack { commitment } => checked(name, set, index, *commitment),
                _ => Err(unfit("A share was to be read.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}

/// `SHARE-FITS`: what was typed is this share.
pub(super) fn checked(name: Alias, set: &Set, index: u8, commitment: Commitment) -> Result<Vec<Event>, Refusal> {
    if set.commitments.get(usize::from(index) - 1) != Some(&commitment) {
        return Err(Refusal::new(
            Rule::ShareFits,
            format!("What was typed is not share {index}: it does not fit its commitment."),
            "Compare it with the page, and type it again; or it is not the page that was made.",
        ));
    }
    let passed = vec![Passed::new(Rule::ShareFits, format!("share {index} fits its commitment"))];
    Ok(vec![Event::ShareChecked { name, set: set.id(), index, commitment, passed }])
}
