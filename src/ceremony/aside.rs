//! What a script does not foresee: an exception, a payload to be voided, a token to be replaced, the end before the end. Each
//! asks its questions one by one, and two people decide it with their own words (`EXCEPTION-BY-TWO`).

use super::{
    Ceremony,
    event::{AsideQuestion, Event},
    outline,
    participants::{Alias, PersonId},
    prompt::{Answer, AsideKind, Choice, Input, Prompt, Scene},
    unfit, words,
};
use crate::rules::{Refusal, Rule};

/// An aside under way.
#[derive(Clone, Debug)]
pub struct Aside {
    kind: AsideKind,
    notes: Vec<(AsideQuestion, String)>,
}

/// Whether an aside makes sense now.
///
/// # Errors
/// Why it does not.
pub(super) fn possible(ceremony: &Ceremony, kind: AsideKind) -> Result<(), Refusal> {
    match kind {
        AsideKind::Void | AsideKind::Substitute | AsideKind::Abandon if ceremony.abandoning.is_some() => {
            Err(unfit("It is decided that the ceremony is given up; the tokens come first."))
        }
        AsideKind::Void if ceremony.repositories.batch.manifest.is_some() => match ceremony.complete_repositories() {
            (count, Some(gun)) => Err(Refusal::new(
                Rule::VersionSignedOnce,
                format!(
                    "{count} repositories of this batch have every signature that they need: their documents exist. The first is {gun}."
                ),
                "Go on to the end: what is wrong with one is mended by its next version. Where a token fails, leave, and come back with it.",
            )),
            _ if ceremony.batch_met() => Err(Refusal::new(
                Rule::VersionSignedOnce,
                "Enough tokens have signed this batch: its documents exist.",
                "What is wrong with one is mended by the next version of it.",
            )),
            _ => can_be_decided(ceremony),
        },
        AsideKind::Void => match ceremony.draft() {
            None => Err(unfit("There is no payload to void.")),
            Some(draft) if draft.met => Err(Refusal::new(
                Rule::VersionSignedOnce,
                format!("Root version {} has met its threshold: it exists.", draft.version),
                "What is wrong with it is mended by the next version.",
            )),
            Some(_) => can_be_decided(ceremony),
        },
        AsideKind::Substitute if spares(ceremony).is_empty() => Err(Refusal::new(
            Rule::SubstituteDeclared,
            "The script declares no spare token that is still free.",
            "Note an exception, or leave and write another script.",
        )),
        AsideKind::Substitute if ceremony.draft().is_some() || ceremony.repositories.batch.date.is_some() => {
            Err(Refusal::new(
                Rule::SubstituteDeclared,
                "A root is drafted already, with the key of the token that would go.",
                "Void the payload first. Once its threshold is met, note an exception and go on without that signature.",
            ))
        }
        _ => can_be_decided(ceremony),
    }
}

fn can_be_decided(ceremony: &Ceremony) -> Result<(), Refusal> {
    let here = with_words(ceremony).len();
    if here >= deciders_wanted(ceremony) {
        return Ok(());
    }
    Err(Refusal::new(
        Rule::ExceptionByTwo,
        format!("{here} people have answered the roll-call; two must decide."),
        "Finish the roll-call first, or leave: leaving needs nobody's word.",
    ))
}

fn with_words(ceremony: &Ceremony) -> Vec<PersonId> {
    let here = ceremony.people.iter().filter(|(_, presence)| presence.here && presence.word.is_some());
    here.map(|(person, _)| person.clone()).collect()
}

/// Two people decide; one where the script declares that one person is alone.
fn deciders_wanted(ceremony: &Ceremony) -> usize {
    let alone = ceremony.script.declares.single_control && ceremony.script.people.len() == 1;
    if alone { 1 } else { 2 }
}

/// Every token that has a declared spare which is still free, with that spare.
fn spares(ceremony: &Ceremony) -> Vec<(Alias, Alias)> {
    let free =
        ceremony.script.tokens.iter().filter(|spare| !ceremony.substitutes.values().any(|used| *used == spare.alias));
    free.filter_map(|spare| spare.spare_for.as_ref().map(|alias| (ceremony.playing(alias), spare.alias.clone())))
        .collect()
}

impl Aside {
    pub(super) fn new(kind: AsideKind) -> Self {
        Self { kind, notes: vec![] }
    }

    pub(super) fn note(&mut self, event: &Event) {
        if let Event::AsideNoted { question, answer } = event {
            self.notes.push((*question, answer.clone()));
        }
    }

    /// Which aside it is.
    pub fn kind(&self) -> AsideKind {
        self.kind
    }

    /// The next question; `None` once two people have decided.
    fn next(&self, ceremony: &Ceremony) -> Option<AsideQuestion> {
        use AsideQuestion::{Confirms, Decided, Expected, Happened, Which, Who};
        let asked: &[AsideQuestion] = match self.kind {
            AsideKind::Exception => &[Expected, Happened, Decided],
            AsideKind::Void | AsideKind::Abandon => &[Decided],
            AsideKind::Substitute => &[Which, Decided],
            AsideKind::Leave => &[],
        };
        let done = self.notes.len();
        match done.checked_sub(asked.len()) {
            None => asked.get(done).copied(),
            Some(beyond) if beyond < 2 * deciders_wanted(ceremony) => {
                Some(if beyond.is_multiple_of(2) { Who } else { Confirms })
            }
            Some(_) => None,
        }
    }

    fn noted(&self, question: AsideQuestion) -> impl Iterator<Item = &str> {
        self.notes.iter().filter(move |(asked, _)| *asked == question).map(|(_, answer)| answer.as_str())
    }

    fn text(&self, question: AsideQuestion) -> String {
        self.noted(question).next().unwrap_or_default().to_owned()
    }

    fn named(&self) -> Vec<PersonId> {
        self.noted(AsideQuestion::Who).filter_map(|name| PersonId::try_from(name.to_owned()).ok()).collect()
    }

    /// Everybody here who has not been named yet.
    fn candidates(&self, ceremony: &Ceremony) -> Vec<PersonId> {
        let named = self.named();
        with_words(ceremony).into_iter().filter(|person| !named.contains(person)).collect()
    }

    pub(super) fn pending(&self, ceremony: &Ceremony) -> Prompt {
        let question = self.next(ceremony).unwrap_or(AsideQuestion::Decided);
        let input = match question {
            AsideQuestion::Confirms => {
                let person = self.named().pop().unwrap_or_else(|| ceremony.leaders().remove(0));
                return ceremony.ask_word(&person, self.statement());
            }
            AsideQuestion::Who => Input::Pick(
                self.candidates(ceremony).iter().map(|person| ceremony.script.name(person).to_owned()).collect(),
            ),
            AsideQuestion::Which => {
                Input::Pick(spares(ceremony).iter().map(|(alias, spare)| words::substitution(alias, spare)).collect())
            }
            question => Input::Text { label: words::aside_label(question).into(), hint: words::ASIDE_HINT.into() },
        };
        Prompt {
            who: ceremony.leaders(),
            scene: Scene::Plain { ask: words::aside_question(self.kind, question) },
            input,
        }
    }

    fn statement(&self) -> String {
        words::aside_statement(self.kind, &self.text(AsideQuestion::Decided))
    }

    pub(super) fn decide(&self, ceremony: &Ceremony, answer: &Answer) -> Result<Vec<Event>, Refusal> {
        let question = self.next(ceremony).ok_or_else(|| unfit("It is decided."))?;
        let noted = match (question, answer) {
            (_, Answer::Text(text)) if text.trim() == "-" => return Ok(vec![Event::AsideDropped]),
            (_, Answer::Text(text)) => text.trim().to_owned(),
            (AsideQuestion::Which, Answer::Picked(index)) => {
                let spares = spares(ceremony);
                spares.get(*index).map(|(_, spare)| spare.to_string()).ok_or_else(|| unfit("No such spare."))?
            }
            (AsideQuestion::Who, Answer::Picked(index)) => self
                .candidates(ceremony)
                .get(*index)
                .map(ToString::to_string)
                .ok_or_else(|| unfit("No such person."))?,
            (AsideQuestion::Confirms, answer) => {
                let person = self.named().pop().ok_or_else(|| unfit("Nobody was named."))?;
                ceremony.confirm(&person, answer)?;
                person.to_string()
            }
            _ => return Err(unfit("That is not an answer to this question.")),
        };
        let event = Event::AsideNoted { question, answer: noted };
        let mut after = self.clone();
        after.note(&event);
        let mut events = vec![event];
        if after.next(ceremony).is_none() {
            events.extend(after.conclusion(ceremony));
        }
        Ok(events)
    }

    /// What stands in the transcript once two people have decided.
    fn conclusion(&self, ceremony: &Ceremony) -> Option<Event> {
        let named = self.named();
        let by = [named.first()?.clone(), named.last()?.clone()];
        let reason = self.text(AsideQuestion::Decided);
        Some(match self.kind {
            AsideKind::Exception => Event::ExceptionNoted {
                number: ceremony.exceptions + 1,
                expected: self.text(AsideQuestion::Expected),
                happened: self.text(AsideQuestion::Happened),
                decided: reason,
                by,
            },
            AsideKind::Void if ceremony.repositories.batch.manifest.is_some() => {
                let batch = &ceremony.repositories.batch;
                let spent = ceremony.tokens.iter().filter(|(alias, _)| batch.share_of(alias).1 > 0);
                let spent = spent.filter_map(|(_, token)| Some(token.key.as_ref()?.id())).collect();
                Event::Voided { payload: batch.manifest.as_ref()?.digest, reason, by, spent }
            }
            AsideKind::Void => {
                let draft = ceremony.draft()?;
                let spent = draft.signatures.iter().map(|signature| signature.keyid.clone()).collect();
                Event::Voided { payload: draft.payload, reason, by, spent }
            }
            AsideKind::Substitute => {
                let spare = Alias::try_from(self.text(AsideQuestion::Which)).ok()?;
                let alias = ceremony.script.token(&spare)?.spare_for.clone()?;
                Event::Substituted { alias: ceremony.playing(&alias), spare, reason, by }
            }
            AsideKind::Abandon if ceremony.key_to_wipe().is_some() => Event::Abandoning { reason, by },
            AsideKind::Abandon => Event::Abandoned { reason, by, account: outline::account(ceremony) },
            AsideKind::Leave => Event::Paused,
        })
    }
}

/// The choices of a screen that offers asides.
pub fn offered() -> [(AsideKind, Choice); 5] {
    [
        (AsideKind::Exception, Choice::new("EXCEPTION", words::OFFER_EXCEPTION)),
        (AsideKind::Void, Choice::new("VOID", words::OFFER_VOID)),
        (AsideKind::Substitute, Choice::new("SUBSTITUTE", words::OFFER_SUBSTITUTE)),
        (AsideKind::Leave, Choice::new("LEAVE", words::OFFER_LEAVE)),
        (AsideKind::Abandon, Choice::new("ABANDON", words::OFFER_ABANDON)),
    ]
}
