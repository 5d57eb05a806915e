//! What is asked before a ceremony goes on after it stopped: the witness's last words, so that an older copy of the record is
//! noticed; everybody's own word; and the numbers of the bags.

use super::{
    Ceremony,
    event::Event,
    participants::PersonId,
    prompt::{Answer, Input, Prompt, Scene, WordsStand},
    state::Paper,
    unfit, words,
};
use crate::rules::{Refusal, Rule};

/// A resume under way.
#[derive(Clone, Debug)]
pub struct Resume {
    paper: Option<Paper>,
    head_fits: bool,
    confirmed: Vec<PersonId>,
    absent: Vec<PersonId>,
    bags: bool,
}

enum Question {
    Head(Paper),
    Person(PersonId),
    Bags,
}

impl Resume {
    pub(super) fn new(paper: Option<Paper>) -> Self {
        Self { paper, head_fits: false, confirmed: vec![], absent: vec![], bags: false }
    }

    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::HeadFitsPaper { .. } => self.head_fits = true,
            Event::Confirmed { person, .. } => self.confirmed.push(person.clone()),
            Event::Absent { person } => self.absent.push(person.clone()),
            Event::Recorded { .. } => self.bags = true,
            _ => {}
        }
    }

    fn next(&self, ceremony: &Ceremony) -> Option<Question> {
        if let Some(paper) = self.paper.filter(|_| !self.head_fits) {
            return Some(Question::Head(paper));
        }
        let mut people = ceremony.people.iter().filter(|(_, presence)| presence.here && presence.word.is_some());
        if let Some((person, _)) =
            people.find(|(person, _)| !self.confirmed.contains(person) && !self.absent.contains(person))
        {
            return Some(Question::Person(person.clone()));
        }
        // Before anybody wrote words down there is no bag that could have been opened.
        (self.paper.is_some() && !self.bags).then_some(Question::Bags)
    }

    pub(super) fn pending(&self, ceremony: &Ceremony) -> Option<Prompt> {
        Some(match self.next(ceremony)? {
            Question::Head(paper) => {
                let blind = ceremony.blind(paper.head, paper.count);
                let input = Input::HiddenWords(blind.hidden().len());
                Prompt {
                    who: vec![ceremony.reader()],
                    scene: Scene::ReadBack {
                        subject: words::LAST_WORDS_SUBJECT.into(),
                        blind,
                        stand: WordsStand::OnPaper,
                    },
                    input,
                }
            }
            Question::Person(person) => ceremony.ask_word(&person, words::here_again(ceremony.script.name(&person))),
            Question::Bags => Prompt {
                who: ceremony.leaders(),
                scene: Scene::Plain { ask: words::BAGS_ASK.into() },
                input: Input::Text { label: words::BAGS_LABEL.into(), hint: words::BAGS_HINT.into() },
            },
        })
    }

    pub(super) fn decide(&self, ceremony: &Ceremony, answer: &Answer) -> Result<Vec<Event>, Refusal> {
        match (self.next(ceremony), answer) {
            (Some(Question::Head(paper)), Answer::HiddenWords(supplied)) => {
                let read_back = ceremony.read_back(paper.head, paper.count, supplied, Rule::HeadOnPaper)?;
                Ok(vec![Event::HeadFitsPaper { head: paper.head, read_back }])
            }
            (Some(Question::Person(person)), _) => {
                ceremony.confirm(&person, answer)?;
                let statement = words::here_again(ceremony.script.name(&person));
                Ok(vec![Event::Confirmed { person, statement }])
            }
            (Some(Question::Bags), Answer::Text(value)) => {
                Ok(vec![Event::Recorded { label: words::BAGS_LABEL.into(), value: value.trim().into() }])
            }
            _ => Err(unfit("That is not what is asked after a resume.")),
        }
    }
}
