//! The ceremony engine. Pure: a ceremony is the fold of its events, the rules live in [`Ceremony::decide`], and the world is
//! a list of [`operation::Operation`]s that somebody else performs.
//!
//! In reading order: [`script`] (what is to happen), [`participants`], [`steps`] (one file a kind of step: its words, what it
//! needs and gives, what it waits for), [`prompt`] and [`operation`] (what the world owes), [`crossing`] (what goes by QR codes), [`event`] (what happened),
//! [`state`] (the fold), [`replay`] (what an entry was decided on), [`aside`] and [`resume`] (what a script does not foresee), [`earlier`] (what was signed before), [`words`] (everything that is said),
//! [`check`] and [`print`](mod@print) (a script weeks ahead, without a world).

pub mod aside;
pub mod backups;
pub mod check;
pub mod crossing;
pub mod earlier;
pub mod event;
pub mod history;
pub mod management_keys;
pub mod metadata;
pub mod operation;
pub mod outline;
pub mod participants;
pub mod possession;
pub mod print;
pub mod prompt;
pub mod replay;
pub mod repositories;
pub mod resume;
pub mod script;
pub mod sheet;
pub mod state;
pub mod steps;
pub mod words;

pub use self::state::Ceremony;

use std::sync::Arc;

use self::{
    event::Event,
    operation::{Operation, Trouble},
    participants::PersonId,
    prompt::{Answer, AsideKind, Choice, Input, Prompt, Scene, WordsStand},
    state::Closing,
};
use crate::{
    digest::Digest,
    readback::{ReadBack, Signable, Template, WORDS_OF_ACT},
    rules::{Refusal, Rule},
    utc::Utc,
};

/// The clock, as a value that is handed in.
pub type Now = Utc;

/// What the world owes the ceremony.
#[derive(Clone, Debug)]
pub enum Pending {
    /// People are asked.
    Ask(Box<Prompt>),
    /// Something is to be done.
    Do(Operation),
    /// Something was about to be done when the transcript ended: look before repeating it.
    InDoubt(Operation),
    /// The operator left. Resume to go on.
    Paused,
    /// It is over.
    Finished(Closing),
}

/// What follows from an answer: events, and bytes that must stand in the record before they do.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// What happened.
    pub events: Vec<Event>,
    /// Files of the record by name. Each is named by its own SHA-256, so that the events that name it are enough to trust it.
    pub attachments: Vec<(String, Arc<[u8]>)>,
}

impl Decision {
    /// Events without attachments.
    pub fn of(events: Vec<Event>) -> Self {
        Self { events, attachments: vec![] }
    }

    /// The same with one more attachment.
    #[must_use]
    pub fn with(mut self, name: String, bytes: impl Into<Arc<[u8]>>) -> Self {
        self.attachments.push((name, bytes.into()));
        self
    }
}

impl Ceremony {
    /// What the world owes the ceremony now.
    pub fn pending(&self) -> Pending {
        if let Some(closing) = self.closing {
            return Pending::Finished(closing);
        }
        if self.paused {
            return Pending::Paused;
        }
        if let Some(prompt) = self.resume.as_ref().and_then(|resume| resume.pending(self)) {
            return Pending::Ask(Box::new(prompt));
        }
        if let Some(aside) = &self.aside {
            return Pending::Ask(Box::new(aside.pending(self)));
        }
        if let Some(operation) = &self.intent {
            return Pending::InDoubt(operation.clone());
        }
        if let Some(trouble) = &self.trouble {
            return Pending::Ask(Box::new(self.ask_about(trouble)));
        }
        // Before anything else: a page with a share does not lie about.
        if let Some(page) = self.backups.page_left() {
            return Pending::Do(page.clears());
        }
        if let Some(left) = self.abandoning.as_ref().and_then(|_| self.key_to_wipe())
            && let Some(pending) = steps::erase_token::pending(self, &left.alias)
        {
            return pending;
        }
        match self.step() {
            Some(step) => step.action.kind().pending(self).unwrap_or(Pending::Finished(Closing::Closed)),
            None => Pending::Ask(Box::new(self.end_of_act())),
        }
    }

    /// What follows from an answer. Every rule of the room is asked here and nowhere else; nothing is changed.
    ///
    /// # Errors
    /// The rule that says no. Nothing happened then.
    pub fn decide(&self, answer: &Answer, now: Now) -> Result<Vec<Event>, Refusal> {
        self.decide_whole(answer, now).map(|decision| decision.events)
    }

    /// [`Ceremony::decide`] with the bytes that must stand in the record before the events do.
    ///
    /// # Errors
    /// The rule that says no. Nothing happened then.
    pub fn decide_whole(&self, answer: &Answer, now: Now) -> Result<Decision, Refusal> {
        if now < self.stamp.at {
            return Err(Refusal::new(
                Rule::ClockForward,
                format!("The machine's clock says {now}, but the last entry was written at {}.", self.stamp.at),
                "Set the clock right (UTC) and go on.",
            ));
        }
        let pending = self.pending();
        match (&pending, answer) {
            (Pending::Finished(_) | Pending::Paused, _) => Err(unfit("Nothing is waited for.")),
            (Pending::InDoubt(_), Answer::Failed(trouble)) => {
                Ok(Decision::of(vec![Event::Failed { trouble: trouble.clone() }]))
            }
            (Pending::InDoubt(_), Answer::Done(_)) => self.decide_step(answer, now),
            (Pending::InDoubt(_) | Pending::Do(_), _) => Err(unfit("An operation is under way.")),
            (Pending::Ask(_), Answer::Done(_) | Answer::Failed(_)) => Err(unfit("No operation is under way.")),
            (Pending::Ask(_), Answer::Aside(aside)) => self.begin_aside(*aside).map(Decision::of),
            (Pending::Ask(prompt), _) => {
                fits(&prompt.input, answer).map_err(|refusal| match (&prompt.scene, answer) {
                    (Scene::PointOfNoReturn { .. }, Answer::Word(_)) => {
                        Refusal { rule: Rule::PointOfNoReturn, ..refusal }
                    }
                    _ => refusal,
                })?;
                if let Some(resume) = self.resume.as_ref().filter(|resume| resume.pending(self).is_some()) {
                    return resume.decide(self, answer).map(Decision::of);
                }
                if let Some(aside) = &self.aside {
                    return aside.decide(self, answer).map(Decision::of);
                }
                if let Some(trouble) = &self.trouble {
                    return Ok(Decision::of(vec![Event::TryAgain { last_try: trouble.is_last_try() }]));
                }
                if self.step().is_none() && self.abandoning.is_none() {
                    return self.decide_end_of_act(answer).map(Decision::of);
                }
                self.decide_step(answer, now)
            }
        }
    }

    /// The event that must be on disk before `operation` is performed.
    pub fn intend(&self) -> Option<Event> {
        match self.pending() {
            Pending::Do(operation) => Some(Event::Intended { operation }),
            _ => None,
        }
    }

    /// What an operation may sign, minted from the state: `None` where people have not reviewed it.
    pub fn signable(&self, operation: &Operation) -> Option<Signable> {
        match operation {
            Operation::Sign { payload, .. } => {
                // The same bytes may have been drafted before and voided: the last draft counts.
                let draft = self.drafts.iter().rev().find(|draft| draft.payload == *payload)?;
                draft.reviewed().map(Signable::Reviewed)
            }
            Operation::Drill { alias, keyid, challenge, .. } => {
                let statement = steps::drill_token::statement(self, alias, keyid)?;
                (Digest::of(statement.bytes()) == *challenge).then_some(Signable::Challenge(statement))
            }
            Operation::Open { alias, .. } => Some(Signable::Challenge(steps::open_token::nonce(self, alias))),
            Operation::SignHead { head, .. } => Some(Signable::Challenge(crate::readback::Challenge::head(*head))),
            _ => None,
        }
    }

    /// What the next few works of an operation sign, minted from the state; `payloads` gives the bytes of a payload from the
    /// record. Empty where people have not reviewed it, or where a payload is missing.
    pub fn signables(&self, operation: &Operation, payloads: &dyn Fn(Digest) -> Option<Arc<[u8]>>) -> Vec<Signable> {
        let all: Option<Vec<Signable>> = match operation {
            Operation::SignBatch { alias, batch, .. } => {
                let of = &self.repositories.batch;
                let Some(read) = of.reviewed().filter(|_| of.manifest().is_some_and(|m| m.digest == *batch)) else {
                    return vec![];
                };
                let reviewed = |payload: Digest| {
                    let bytes = payloads(payload).filter(|bytes| Digest::of(bytes) == payload)?;
                    // On the wire stands the JSON that reads back to the bytes that are signed.
                    let wire = Digest::of(&crate::tuf::canonical::to_json(&bytes));
                    read.reviewed(bytes, wire).map(Signable::Reviewed)
                };
                of.next_payloads(alias, repositories::SIGNATURES_AT_ONCE).into_iter().map(reviewed).collect()
            }
            Operation::Certify { alias, .. } => {
                let owed = repositories::certify::owed(self, alias);
                let template = |name: &String| {
                    let template = repositories::certify::template(self, alias, name).ok()?;
                    Template::new(template.to_be_signed()).map(Signable::Certificate)
                };
                owed.iter().take(repositories::SIGNATURES_AT_ONCE).map(template).collect()
            }
            other => return self.signable(other).into_iter().collect(),
        };
        all.unwrap_or_default()
    }

    /// Whether an operation of many small works is not over after the next `count` of them.
    pub fn more_follow(&self, operation: &Operation, count: usize) -> bool {
        match operation {
            Operation::SignBatch { alias, .. } => self.repositories.batch.next_payloads(alias, count + 1).len() > count,
            Operation::Certify { alias, .. } => repositories::certify::owed(self, alias).len() > count,
            _ => false,
        }
    }

    /// How many signatures an operation that goes on still makes: each is made once, however many documents it counts in. `count` for
    /// every other operation.
    pub fn signatures_owed(&self, operation: &Operation, count: usize) -> usize {
        match operation {
            Operation::SignBatch { alias, .. } => self.repositories.batch.next_payloads(alias, usize::MAX).len(),
            Operation::Certify { alias, .. } => repositories::certify::owed(self, alias).len(),
            _ => count,
        }
    }

    fn decide_step(&self, answer: &Answer, now: Now) -> Result<Decision, Refusal> {
        if let Answer::Done(outcome) = answer
            && let operation::Outcome::WrongToken(seen) = outcome.as_ref()
        {
            return Err(self.wrong_token(seen));
        }
        if let Answer::Done(outcome) = answer
            && let operation::Outcome::PageCleared { found } = outcome.as_ref()
        {
            return self.backups.cleared(*found).map(Decision::of);
        }
        if let Some((reason, by)) = &self.abandoning {
            return self.decide_what_is_left(reason, by, answer).map(Decision::of);
        }
        match self.step() {
            Some(step) => step.action.kind().decide_whole(self, answer, now),
            None => Err(unfit("No step is under way.")),
        }
    }

    /// Wipes what is left on tokens, and gives the ceremony up with the last of them.
    fn decide_what_is_left(&self, reason: &str, by: &[PersonId; 2], answer: &Answer) -> Result<Vec<Event>, Refusal> {
        let left = self.key_to_wipe().ok_or_else(|| unfit("Every token is wiped."))?;
        let mut events = steps::erase_token::decide(self, &left.alias, answer)?;
        let mut after = self.clone();
        events.iter().for_each(|event| after.apply(self.stamp, event));
        if after.key_to_wipe().is_none() {
            let (reason, by) = (reason.to_owned(), by.clone());
            events.push(Event::Abandoned { reason, by, account: outline::account(&after) });
        }
        Ok(events)
    }

    /// `TOKEN-IS-EXPECTED`, naming whose token is in by its binding or its key.
    fn wrong_token(&self, seen: &[operation::SeenToken]) -> Refusal {
        let wanted = self.intent.as_ref().and_then(Operation::alias);
        let wanted_words = wanted.map(|alias| words::token(self, alias)).unwrap_or_default();
        let names: Vec<_> = seen
            .iter()
            .map(|seen| {
                let owner = self.tokens.iter().find(|(alias, token)| {
                    Some(*alias) != wanted && token.bound.as_ref().is_some_and(|bound| bound.same_as(seen))
                });
                owner.map_or_else(|| seen.words(), |(alias, _)| words::token(self, alias))
            })
            .collect();
        let here =
            if names.is_empty() { "No token is in.".to_owned() } else { format!("This is {}.", names.join("; ")) };
        // Whoever looks for the right one compares what is printed on it.
        let serial = wanted.and_then(|alias| self.card(alias).serial);
        let serial = serial.map(|serial| format!(": serial {}", crate::text::shown(&serial))).unwrap_or_default();
        Refusal::new(
            Rule::TokenIsExpected,
            format!("{here} {wanted_words} is wanted{serial}. No PIN was sent, nothing was signed."),
            "Take it out and put in the right one.",
        )
    }

    fn ask_about(&self, trouble: &Trouble) -> Prompt {
        let remedy = match trouble {
            Trouble::Refused(refusal) => refusal.remedy.clone(),
            trouble if trouble.is_no_touch() => words::AFTER_NO_TOUCH.into(),
            Trouble::Fault(_) => words::AFTER_FAULT.into(),
            Trouble::NobodyAnswered { .. } => words::AFTER_NO_ANSWER.into(),
        };
        Prompt {
            who: self.leaders(),
            scene: Scene::Trouble { trouble: trouble.clone(), remedy },
            input: Input::Word(vec![if trouble.is_last_try() {
                Choice::new("SPEND THE LAST TRY", words::DOES_LAST_TRY)
            } else {
                Choice::new("AGAIN", words::DOES_AGAIN)
            }]),
        }
    }

    /// Who speaks when nobody in particular does: the operator and the administrator, or the first of the script.
    pub(crate) fn leaders(&self) -> Vec<PersonId> {
        use participants::Duty::{Administrator, Operator};
        let script = &self.script;
        let mut leaders: Vec<_> = script
            .with_duty(Operator)
            .chain(script.with_duty(Administrator))
            // A surrogate is named only in the place of somebody who is absent.
            .filter(|person| person.stands_in_for.is_none())
            .map(|person| self.acting(&person.id))
            .collect();
        leaders.dedup();
        if leaders.is_empty() { vec![self.acting(&script.people[0].id)] } else { leaders }
    }

    /// Who supplies hidden words: the first witness who is here, or the administrator where the script has none.
    pub(crate) fn reader(&self) -> PersonId {
        let witnesses = self.script.with_duty(participants::Duty::Witness).map(|person| self.acting(&person.id));
        witnesses.into_iter().next().unwrap_or_else(|| self.leaders().remove(0))
    }

    fn end_of_act(&self) -> Prompt {
        let subject = words::head_subject(self);
        match self.written_here() {
            None => Prompt {
                who: vec![self.reader()],
                scene: Scene::WriteDown { subject, digest: self.stamp.head, count: WORDS_OF_ACT },
                input: Input::Word(vec![Choice::new("WRITTEN", "the witness has the words on paper")]),
            },
            Some(head) => {
                let blind = self.blind(head, WORDS_OF_ACT);
                let input = Input::HiddenWords(blind.hidden().len());
                Prompt {
                    who: vec![self.reader()],
                    scene: Scene::ReadBack { subject, blind, stand: WordsStand::OnPaper },
                    input,
                }
            }
        }
    }

    fn decide_end_of_act(&self, answer: &Answer) -> Result<Vec<Event>, Refusal> {
        match (answer, self.written_here()) {
            (Answer::Word(_), _) => {
                Ok(vec![Event::WrittenDown { subject: words::head_subject(self), digest: self.stamp.head }])
            }
            (Answer::HiddenWords(supplied), Some(head)) => {
                let read_back = self.read_back(head, WORDS_OF_ACT, supplied, Rule::HeadOnPaper)?;
                Ok(vec![Event::ActClosed { head, read_back }])
            }
            _ => Err(unfit("Words are waited for.")),
        }
    }

    /// The digest whose words were written down last in this step.
    pub(crate) fn written_here(&self) -> Option<Digest> {
        self.here.iter().rev().find_map(|event| match event {
            Event::WrittenDown { digest, .. } => Some(*digest),
            _ => None,
        })
    }

    /// Compares supplied words with those of `digest`, or refuses by `rule`.
    pub(crate) fn read_back(
        &self,
        digest: Digest,
        length: usize,
        supplied: &[String],
        rule: Rule,
    ) -> Result<ReadBack, Refusal> {
        let blind = self.blind(digest, length);
        blind.check(supplied).map_err(|wrong| {
            Refusal::new(rule, format!("{}.", capital(&wrong.to_string())), words::AFTER_WRONG_WORD)
        })?;
        Ok(ReadBack { blind, supplied: supplied.to_vec() })
    }

    /// Compares a personal word with the one set at roll-call (`PERSONAL-WORD`).
    pub(crate) fn confirm(&self, person: &PersonId, answer: &Answer) -> Result<(), Refusal> {
        let Answer::PersonalWord(hash) = answer else {
            return Err(unfit("A personal word is waited for."));
        };
        let known = self.people.get(person).and_then(|presence| presence.word.as_ref());
        match known {
            Some((_, verifier)) if *verifier == Digest::of(&hash.0) => Ok(()),
            _ => Err(Refusal::new(
                Rule::PersonalWord,
                format!("That is not the word that {} set at roll-call.", self.script.name(person)),
                "Type it again. If it is forgotten, note an exception and let a surrogate confirm.",
            )),
        }
    }

    /// A prompt for a person's own word.
    pub(crate) fn ask_word(&self, person: &PersonId, text: impl Into<String>) -> Prompt {
        let salt =
            self.people.get(person).and_then(|presence| presence.word.clone()).map(|word| word.0).unwrap_or_default();
        Prompt {
            who: vec![person.clone()],
            scene: Scene::Statement { text: text.into() },
            input: Input::PersonalWord { person: person.clone(), salt },
        }
    }

    fn begin_aside(&self, aside: AsideKind) -> Result<Vec<Event>, Refusal> {
        if aside == AsideKind::Leave {
            return Ok(vec![Event::Paused]);
        }
        if self.aside.is_some() || self.resume.as_ref().is_some_and(|resume| resume.pending(self).is_some()) {
            return Err(unfit("Finish what is being asked first."));
        }
        aside::possible(self, aside)?;
        Ok(vec![Event::AsideBegan { aside }])
    }
}

/// An answer that does not fit its prompt.
pub(crate) fn unfit(what: impl Into<String>) -> Refusal {
    Refusal::new(Rule::AnswerFits, what, "Answer what the screen asks.")
}

/// Whether an answer is of the kind that is waited for, and one of the words that are named.
fn fits(input: &Input, answer: &Answer) -> Result<(), Refusal> {
    let ok = match (input, answer) {
        (Input::Word(choices), Answer::Word(word)) => {
            if chosen(choices, word).is_none() {
                let words: Vec<_> = choices.iter().map(|choice| choice.word).collect();
                return Err(unfit(format!("Type {} whole.", words.join(" or "))));
            }
            true
        }
        (Input::Text { label, .. }, Answer::Text(text)) => {
            if text.trim().is_empty() {
                return Err(unfit(format!("“{label}” must not be empty.")));
            }
            if text.chars().count() > TEXT_MAX {
                return Err(unfit(format!("“{label}” is longer than {TEXT_MAX} characters.")));
            }
            true
        }
        (Input::HiddenWords(count), Answer::HiddenWords(words)) => {
            if words.len() != *count {
                return Err(unfit(format!("{count} words are hidden, {} were given.", words.len())));
            }
            true
        }
        (Input::Pick(options), Answer::Picked(index)) => *index < options.len(),
        (Input::NewPersonalWord { .. }, Answer::NewPersonalWord { .. })
        | (Input::PersonalWord { .. }, Answer::PersonalWord(_)) => true,
        _ => false,
    };
    if ok { Ok(()) } else { Err(unfit("That is not an answer to this question.")) }
}

/// The choice that `word` names, in any case and without surrounding space.
pub(crate) fn chosen(choices: &[Choice], word: &str) -> Option<&'static str> {
    choices.iter().map(|choice| choice.word).find(|choice| choice.eq_ignore_ascii_case(word.trim()))
}

/// The longest line of text that people may put into the record, in characters.
pub const TEXT_MAX: usize = 1000;

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
