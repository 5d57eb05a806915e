//! What is asked before a ceremony goes on after it stopped: the witness's last words, so that an older copy of the record is
//! noticed; everybody's own word; the numbers of the bags; and, while a key is on a token that is to be left empty, whether the ceremony goes on or
//! that token is wiped at once.

use std::sync::Arc;

use super::{
    Ceremony,
    backups::LeftKey,
    chosen,
    event::Event,
    participants::PersonId,
    prompt::{Answer, AsideKind, Choice, Input, Prompt, Scene, WordsStand},
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
    left: bool,
}

fn choices() -> Vec<Choice> {
    vec![Choice::new("GO ON", words::erase::DOES_GO_ON), Choice::new("WIPE", words::erase::DOES_WIPE)]
}

enum Question {
    Head(Paper),
    Person(PersonId),
    Bags,
    Left(Vec<LeftKey>),
}

impl Resume {
    pub(super) fn new(paper: Option<Paper>) -> Self {
        Self { paper, head_fits: false, confirmed: vec![], absent: vec![], bags: false, left: false }
    }

    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::HeadFitsPaper { .. } => self.head_fits = true,
            Event::Confirmed { person, .. } => self.confirmed.push(person.clone()),
            Event::Absent { person } => self.absent.push(person.clone()),
            Event::Recorded { .. } => self.bags = true,
            Event::Went { on, .. } if on == words::erase::LEFT => self.left = true,
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
        if self.paper.is_some() && !self.bags {
            return Some(Question::Bags);
        }
        let asks = ceremony.key_to_wipe().is_some() && ceremony.abandoning.is_none() && !self.left;
        asks.then(|| Question::Left(ceremony.keys_left()))
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
            Question::Left(left) => Prompt {
                who: ceremony.leaders(),
                scene: Scene::List {
                    title: words::erase::LEFT_TITLE.into(),
                    lines: Arc::new(left.iter().map(|left| words::erase::left(ceremony, left)).collect()),
                    ask: words::erase::LEFT_ASK.into(),
                },
                input: Input::Word(choices()),
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
            (Some(Question::Left(_)), Answer::Word(word)) => {
                let on = words::erase::LEFT.to_owned();
                Ok(match chosen(&choices(), word) {
                    Some("WIPE") => {
                        let aside = AsideKind::Abandon;
                        super::aside::possible(ceremony, aside)?;
                        vec![Event::Went { word: "WIPE".into(), on }, Event::AsideBegan { aside }]
                    }
                    _ => vec![Event::Went { word: "GO ON".into(), on }],
                })
            }
            _ => Err(unfit("That is not what is asked after a resume.")),
        }
    }
}
