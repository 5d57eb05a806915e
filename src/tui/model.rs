//! What there is: everything that the screen shows, and nothing that is secret.

use std::{cell::RefCell, collections::BTreeMap};

use crossterm::event::KeyEvent;
use ratatui::text::Line;

use super::burst::Burst;
use crate::{
    ceremony::{
        Ceremony,
        event::Mode,
        outline::OutlineAct,
        participants::PersonId,
        prompt::{Answer, Input, Prompt, Scene},
        sheet::TallySheet,
        state::Closing,
        steps::{Action, Prose},
        words,
    },
    digest::Digest,
    perform::Touching,
    rules::Refusal,
    secret::SecretRequest,
    utc::Utc,
};

/// Everything that the screen shows.
#[derive(Clone, Debug)]
pub struct Model {
    /// What is always visible.
    pub status: Status,
    /// What is in the middle.
    pub screen: Screen,
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// The line that is being typed.
    pub line: String,
    /// A word from the program about what was typed.
    pub notice: Option<Notice>,
    /// How many rows of the middle were scrolled past.
    pub scroll: usize,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The machine's clock.
    pub now: Utc,
    /// What this machine says of its keyboard layout.
    pub keyboard: Option<String>,
    /// Whether only the glyphs of the Linux console may be used.
    pub console: bool,
    /// Watches for passwords that tokens type.
    pub burst: Burst,
}

/// What is always visible, and the words of the step.
#[derive(Clone, Debug)]
pub struct Status {
    /// `REHEARSAL` or `PRODUCTION`.
    pub stamp: &'static str,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
    /// Whether one person can sign alone.
    pub single_control: bool,
    /// The script's title.
    pub title: String,
    /// The act, from 0.
    pub act: usize,
    /// The last act's number.
    pub last_act: usize,
    /// The act's title.
    pub act_title: String,
    /// `3.2`, or `3 end`.
    pub number: String,
    /// Which step this is, from 1, of all acts.
    pub step: usize,
    /// How many steps there are.
    pub steps: usize,
    /// The names of those who are to act.
    pub who: String,
    /// Everybody's name.
    pub names: BTreeMap<PersonId, String>,
    /// The transcript's head.
    pub head: Digest,
    /// The whole script.
    pub outline: Vec<OutlineAct>,
    /// The words of the step, as on paper; none where what is asked does not belong to it.
    pub prose: Option<Prose>,
    /// Who signed and who is missing; during reviews and signatures only.
    pub tally: Option<TallySheet>,
}

impl Status {
    /// What a ceremony shows of itself.
    pub fn of(ceremony: &Ceremony) -> Self {
        let position = ceremony.position();
        let signing = matches!(ceremony.step().map(|step| &step.action), Some(Action::Review(_) | Action::Sign(_)));
        Self {
            stamp: position.stamp,
            rehearsal: ceremony.mode() == Mode::Rehearsal,
            single_control: position.single_control,
            title: ceremony.script().title.clone(),
            act: position.act.min(position.last_act),
            last_act: position.last_act,
            act_title: position.act_title,
            number: position.number,
            step: (position.steps_done + 1).min(position.steps),
            steps: position.steps,
            who: words::names(ceremony.script(), &position.who),
            names: ceremony.script().people.iter().map(|person| (person.id.clone(), person.name.clone())).collect(),
            head: ceremony.stamp().head,
            outline: ceremony.outline(),
            prose: ceremony.prose().filter(|_| !ceremony.is_beside_the_step()),
            tally: ceremony.tally().filter(|_| signing),
        }
    }
}

impl Status {
    /// The name of a person.
    pub fn name<'a>(&'a self, person: &'a PersonId) -> &'a str {
        self.names.get(person).map_or(person.as_str(), String::as_str)
    }
}

/// What is in the middle of the screen.
#[derive(Clone, Debug)]
pub enum Screen {
    /// People are asked.
    Asking(Box<Asking>),
    /// Something is done, on the worker thread.
    Working(Working),
    /// A token wants a secret, while something is done.
    Secret {
        /// Which.
        request: SecretRequest,
        /// How many characters were typed.
        characters: usize,
        /// What is being done.
        working: Working,
    },
    /// A token blinks and waits for a touch, while something is done.
    Touch {
        /// Which, whose, and how long.
        touching: Touching,
        /// Since when.
        since: Utc,
        /// Whether it was left: nothing is sent any more.
        left: bool,
        /// What is being done.
        working: Working,
    },
    /// Nothing may be begun now; the record is as it was.
    Blocked(Refusal),
    /// The operator left.
    Stopped {
        /// Where everything stands, a line each.
        account: Vec<String>,
        /// What the witness writes down.
        head: Digest,
    },
    /// It is over.
    Closed {
        /// How.
        closing: Closing,
        /// The final head.
        head: Digest,
        /// What left, a line each.
        exported: Vec<String>,
        /// Where the record is, a line each.
        record: Vec<String>,
    },
}

/// A question, and how far its answer is.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The question.
    pub prompt: Prompt,
    /// Since when it is on the screen.
    pub since: Utc,
    /// Why the last answer did not do.
    pub refusal: Option<Refusal>,
    /// The hidden words that were supplied so far.
    pub supplied: Vec<String>,
    /// Which option was picked by its number, from 0, and waits for the word.
    pub picked: Option<usize>,
    /// How many characters of a personal word were typed.
    pub characters: usize,
    /// Whether a new personal word is typed for the second time.
    pub again: bool,
    /// Whether the review sheet was scrolled to its end.
    pub read: bool,
    /// A long sheet as it is set at one width: thousands of lines are not broken again for every key.
    set: RefCell<Option<(usize, Vec<Line<'static>>)>>,
}

impl Asking {
    /// A question that is asked now.
    pub fn new(prompt: Prompt, since: Utc) -> Self {
        let set = RefCell::default();
        Self {
            prompt,
            since,
            refusal: None,
            supplied: vec![],
            picked: None,
            characters: 0,
            again: false,
            read: false,
            set,
        }
    }

    /// A long sheet at this width: set once, and kept.
    pub fn set_at(&self, width: usize, set: impl FnOnce() -> Vec<Line<'static>>) -> Vec<Line<'static>> {
        let mut kept = self.set.borrow_mut();
        if kept.as_ref().is_none_or(|(at, _)| *at != width) {
            *kept = Some((width, set()));
        }
        kept.as_ref().map(|(_, lines)| lines.clone()).unwrap_or_default()
    }

    /// Whether this is a review sheet or a list, which is read before it is answered.
    pub fn is_review(&self) -> bool {
        matches!(self.prompt.scene, Scene::Review(_) | Scene::Batch(_) | Scene::List { .. })
    }
}

/// What is being done.
#[derive(Clone, Debug)]
pub struct Working {
    /// "generate a key on ana-1".
    pub what: String,
    /// Whether it is looked whether it was done already.
    pub in_doubt: bool,
    /// Since when.
    pub since: Utc,
}

/// What lies over the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// What the question means and what can go wrong.
    Help,
    /// The whole script.
    Script,
    /// The words of the step, whole.
    Step,
    /// What people may want that the script does not foresee.
    Asides,
}

/// A word from the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The answer needs something else.
    Mind(String),
    /// A token typed by itself.
    Swallowed,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key, and when it came, in milliseconds.
    Key(KeyEvent, u64),
    /// The terminal has another size.
    Size(u16, u16),
    /// It is later.
    Now(Utc),
    /// The ceremony stands elsewhere.
    Show(Box<Status>, Box<Screen>),
    /// An answer was refused.
    Refused(Refusal),
    /// A token wants a secret.
    Wanted(SecretRequest),
    /// A token blinks and waits for a touch.
    Blinks(Touching),
    /// A secret has this many characters now.
    Typed(usize),
    /// The entry of a secret ended.
    SecretEnded(SecretEnd),
}

/// How the entry of a secret ended, as far as the screen is concerned. The secret itself goes another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretEnd {
    /// It was given, and goes where it must.
    Given,
    /// It is too short.
    TooShort,
    /// A new personal word was typed once.
    Once,
    /// The second entry differs from the first.
    Differs,
    /// A token typed by itself; nothing of it was kept.
    Swallowed,
    /// Nothing was given: Esc.
    GaveUp,
    /// Nothing was given: Ctrl-C.
    Interrupted,
    /// Somebody wants to know what this is: F1.
    Help,
    /// Somebody wants to see the script: F2.
    Script,
    /// Somebody wants something else: F10.
    Asides,
}

/// What follows from a message, for the shell to do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Answer the ceremony.
    Answer(Answer),
    /// A token gets no secret.
    NoSecret,
    /// A token gets no further command while nobody touches it.
    LeaveTouch,
    /// Try to begin the operation again.
    TryAgain,
    /// Leave the UI.
    Leave,
}

/// From whom the shell takes the next keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listening {
    /// Keys are events.
    Keys,
    /// Keys are a PIN; they go to the token.
    Pin {
        /// The shortest that can be right, in bytes.
        min: usize,
    },
    /// Keys are a new personal word.
    NewWord {
        /// Whether for the second time.
        again: bool,
    },
    /// Keys are a personal word.
    Word {
        /// The salt of its hash.
        salt: String,
    },
}

impl Model {
    /// A model of `size` that shows `screen`.
    pub fn new(status: Status, screen: Screen, size: (u16, u16), now: Utc) -> Self {
        Self {
            status,
            screen,
            overlay: None,
            line: String::new(),
            notice: None,
            scroll: 0,
            size,
            now,
            keyboard: None,
            console: false,
            burst: Burst::default(),
        }
    }

    /// From whom the next keys are taken.
    pub fn listening(&self) -> Listening {
        if self.overlay.is_some() {
            return Listening::Keys;
        }
        match &self.screen {
            Screen::Secret { request, .. } => Listening::Pin { min: request.min.unwrap_or(1).max(1) },
            Screen::Asking(asking) => match &asking.prompt.input {
                Input::NewPersonalWord { .. } => Listening::NewWord { again: asking.again },
                Input::PersonalWord { salt, .. } => Listening::Word { salt: salt.clone() },
                _ => Listening::Keys,
            },
            _ => Listening::Keys,
        }
    }

    /// The question, where one is asked.
    pub fn asking(&self) -> Option<&Asking> {
        match &self.screen {
            Screen::Asking(asking) => Some(asking),
            _ => None,
        }
    }
}
