//! Shares are destroyed: each is brought and read, so that it is known which it is, and then destroyed before the eyes of the witness, who
//! says so with their own word. With n−t+1 of them gone, those that are left open nothing. A share that is lost is not destroyed: whoever
//! finds it has it.

use std::sync::Arc;

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
    custody::Set,
    rules::{Passed, Refusal, Rule},
};

/// `destroy-shares`.
#[derive(Clone, Debug)]
pub struct DestroyShares {
    /// The short name of a backup that was made before.
    pub name: Alias,
    /// Before whose eyes.
    pub witness: PersonId,
}

fn choices() -> Vec<Choice> {
    vec![
        Choice::new("HERE", words::custody::DOES_HERE),
        Choice::new("ABSENT", words::backup::DOES_ABSENT),
        Choice::new("LOST", words::backup::DOES_LOST),
    ]
}

fn choices_at_the_end() -> Vec<Choice> {
    vec![
        Choice::new("ASK AGAIN", words::custody::DOES_ASK_AGAIN),
        Choice::new("GO ON", words::custody::DOES_GO_ON_WITH_SHARES_LEFT),
    ]
}

/// What is owed next.
enum Turn {
    /// Whether this share is here.
    Here(u8),
    /// That its custodian sits down.
    Seat(u8),
    /// That it is read.
    Read(u8),
    /// That the witness saw it destroyed.
    Destroyed(u8),
    /// That people decide what becomes of shares that are left, and open the old file.
    Left,
    /// Nothing.
    Over,
}

impl DestroyShares {
    fn turn(&self, ceremony: &Ceremony, set: &Set) -> Turn {
        let end = ceremony.backups.end_of(&self.name);
        // Since people were asked last: whoever was absent then may have come.
        let asked = ceremony.here.iter().rposition(
            |event| matches!(event, Event::Went { word, on } if word == "ASK AGAIN" && on == words::custody::LEFT),
        );
        let since = &ceremony.here[asked.map_or(0, |at| at + 1)..];
        let missing = |index: u8| {
            since.iter().any(|event| matches!(event, Event::ShareMissing { index: missing, .. } if *missing == index))
        };
        let next = (1..=set.scheme.count()).find(|index| !end.destroyed.contains(index) && !missing(*index));
        let Some(index) = next else {
            let open = set.scheme.count() - end.gone() >= set.scheme.threshold();
            return if open && !end.spared { Turn::Left } else { Turn::Over };
        };
        let is_read =
            happened(ceremony, |event| matches!(event, Event::ShareChecked { index: read, .. } if *read == index));
        // A share that was read is in the room, also when somebody else was absent meanwhile.
        match (went(ceremony, &words::backup::seat(index)), went(ceremony, &words::backup::alone_with(index))) {
            _ if is_read => Turn::Destroyed(index),
            (false, _) => Turn::Here(index),
            (true, false) => Turn::Seat(index),
            (true, true) => Turn::Read(index),
        }
    }

    fn statement(&self, set: &Set, index: u8) -> String {
        words::custody::share_destroyed(set, index)
    }
}

impl Kind for DestroyShares {
    fn prose(&self, script: &Script) -> Prose {
        words::custody::destroy_shares(script, self)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        let mut who = words::operators(script);
        if !who.contains(&self.witness) {
            who.push(self.witness.clone());
        }
        who
    }

    fn needs(&self, script: &Script) -> Vec<Fact> {
        let mut needs = vec![Fact::RollCalled, Fact::ScriptRead, Fact::MachineSeen];
        // Nobody destroys the shares of a key whose new backup does not restore yet.
        if script.made_keys().contains(&&self.name) {
            needs.push(script.counts_by(&self.name));
        }
        needs
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::SharesDestroyed(self.name.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let Some(set) = ceremony.backups.kept(&self.name) else { return kept::owed(ceremony, &self.name) };
        let ask = |scene, choices| {
            let input = Input::Word(choices);
            Some(Pending::Ask(Box::new(Prompt { who: ceremony.leaders(), scene, input })))
        };
        match self.turn(ceremony, set) {
            Turn::Here(index) => ask(Scene::Plain { ask: words::backup::share_is_here(set, index) }, choices()),
            Turn::Seat(index) => {
                let scene = Scene::Plain { ask: words::backup::share_is_typed(index) };
                ask_to_type(ceremony.leaders(), scene, "SEATED", words::SITS)
            }
            Turn::Read(index) => {
                Some(Pending::Do(Operation::CheckShare { name: self.name.clone(), index, set: Box::new(set.clone()) }))
            }
            Turn::Destroyed(index) => {
                let witness = ceremony.acting(&self.witness);
                Some(Pending::Ask(Box::new(ceremony.ask_word(&witness, self.statement(set, index)))))
            }
            Turn::Left => {
                let scene = Scene::List {
                    title: words::custody::TOO_FEW.into(),
                    lines: Arc::new(words::custody::remains(set, ceremony.backups.end_of(&self.name))),
                    ask: words::custody::TOO_FEW_ASK.into(),
                };
                ask(scene, choices_at_the_end())
            }
            Turn::Over => None,
        }
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let name = self.name.clone();
        if let Answer::Failed(trouble) = answer {
            return failed(trouble);
        }
        let Some(set) = ceremony.backups.kept(&self.name) else {
            return kept::imported(ceremony, &self.name, answer);
        };
        match (self.turn(ceremony, set), answer) {
            (Turn::Here(index), Answer::Word(word)) => Ok(match chosen(&choices(), word) {
                Some("HERE") => vec![Event::Went { word: "HERE".into(), on: words::backup::seat(index) }],
                other => vec![Event::ShareMissing { name, set: set.id(), index, lost: other == Some("LOST") }],
            }),
            (Turn::Seat(index), Answer::Word(_)) => {
                Ok(vec![Event::Went { word: "SEATED".into(), on: words::backup::alone_with(index) }])
            }
            (Turn::Read(index), Answer::Done(outcome)) => match outcome.as_ref() {
                Outcome::ShareReadBack { commitment } => super::check_shares::checked(name, set, index, *commitment),
                _ => Err(unfit("A share was to be read.")),
            },
            (Turn::Destroyed(index), _) => {
                let witness = ceremony.acting(&self.witness);
                ceremony.confirm(&witness, answer)?;
                let statement = self.statement(set, index);
                Ok(vec![
                    Event::Confirmed { person: witness.clone(), statement },
                    Event::ShareDestroyed { name, set: set.id(), index, witness },
                ])
            }
            (Turn::Left, Answer::Word(word)) => match chosen(&choices_at_the_end(), word) {
                Some("GO ON") if !happened(ceremony, |event| matches!(event, Event::ExceptionNoted { .. })) => {
                    Err(still_open(set, ceremony.backups.end_of(&self.name).gone()))
                }
                Some("GO ON") => Ok(vec![Event::Went { word: "GO ON".into(), on: words::custody::left(&name) }]),
                _ => Ok(vec![Event::Went { word: "ASK AGAIN".into(), on: words::custody::LEFT.into() }]),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}

/// `OLD-SHARES-DEAD`, as it says no.
fn still_open(set: &Set, gone: u8) -> Refusal {
    let left = set.scheme.count() - gone;
    Refusal::new(
        Rule::OldSharesDead,
        format!(
            "{left} shares of set {} are left, and {} open the old file. {} more must be destroyed.",
            set.id(),
            set.scheme.threshold(),
            set.scheme.to_destroy().saturating_sub(gone)
        ),
        "Bring the others and ask again, or leave and go on with this record when they are here. If they cannot be brought, two people note an exception, and the key is rotated at once.",
    )
}

/// The next set of shares of which the close says what remains.
pub(super) fn to_be_judged(ceremony: &Ceremony) -> Option<(&Alias, &Set)> {
    let mut ending = ceremony.script.ending_sets();
    ending.find_map(|kept| {
        let set = ceremony.backups.kept(&kept.name)?;
        (!ceremony.backups.end_of(&kept.name).judged).then_some((&kept.name, set))
    })
}

/// Says what remains of a set, to be read aloud.
pub(super) fn ask_what_remains(ceremony: &Ceremony, name: &Alias, set: &Set) -> Pending {
    let mut lines = words::custody::remains(set, ceremony.backups.end_of(name));
    lines.extend(ceremony.script.rotate_by(name).map(words::custody::rotate_by));
    let scene = Scene::List {
        title: words::custody::what_remains(name, set),
        lines: Arc::new(lines),
        ask: words::custody::REMAINS_ASK.into(),
    };
    let input = Input::Word(vec![Choice::new("READ", words::custody::DOES_READ)]);
    Pending::Ask(Box::new(Prompt { who: ceremony.leaders(), scene, input }))
}

/// `OLD-SHARES-DEAD`, decided when the record is about to be closed.
pub(super) fn judged(ceremony: &Ceremony, name: &Alias, set: &Set) -> Result<Vec<Event>, Refusal> {
    let end = ceremony.backups.end_of(name);
    let left = set.scheme.count() - end.gone();
    let rotate_by = ceremony.script.rotate_by(name);
    let mut passed = vec![];
    if left < set.scheme.threshold() {
        passed.push(Passed::new(
            Rule::OldSharesDead,
            format!("{left} shares of set {} are left, and {} would be needed", set.id(), set.scheme.threshold()),
        ));
    } else if rotate_by.is_none() && !end.spared {
        return Err(still_open(set, end.gone()));
    }
    let (name, destroyed) = (name.clone(), end.destroyed.clone());
    Ok(vec![Event::OldSharesJudged {
        name,
        set: set.id(),
        destroyed,
        left,
        threshold: set.scheme.threshold(),
        rotate_by,
        passed,
    }])
}
