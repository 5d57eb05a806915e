//! The end: what a token was to be left without is wiped from it, each officer's token signs the head of the transcript, and the final head is read back whole, so that paper
//! commits to the record and the record to paper.

use std::collections::VecDeque;

use super::{
    Fact, Kind, Prose, ask_to_type,
    at_the_token::{handover, sat, seated},
    destroy_shares::{ask_what_remains, judged, to_be_judged},
    erase_token,
    preflight::failed,
    went,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        event::Event,
        metadata,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Input, Prompt, Scene, WordsStand},
        script::{Kind as Kinds, Script},
        unfit, words,
    },
    digest::to_hex,
    readback::{Challenge, WORDS_OF_DIGEST},
    rules::{Refusal, Rule},
};

/// `close`.
#[derive(Clone, Debug)]
pub struct Close {
    /// Whose tokens sign the head, in order.
    pub tokens: Vec<Alias>,
    /// Who writes and reads back the final head.
    pub witness: PersonId,
}

impl Close {
    /// The next token that is to sign. An exception in the room lets the ceremony go on without the one whose turn it was.
    fn next_token(&self, ceremony: &Ceremony) -> Option<Alias> {
        let mut left: VecDeque<Alias> = self.tokens.iter().map(|alias| ceremony.playing(alias)).collect();
        for event in &ceremony.here {
            match event {
                // What was decided before the first token's turn is about something else.
                Event::OldSharesJudged { .. } => {
                    left = self.tokens.iter().map(|alias| ceremony.playing(alias)).collect()
                }
                Event::HeadSigned { alias, .. } => left.retain(|other| other != alias),
                Event::ExceptionNoted { .. } => drop(left.pop_front()),
                _ => {}
            }
        }
        left.pop_front()
    }
}

impl Kind for Close {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::close(script, &self.tokens, &self.witness)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        let officers = self.tokens.iter().filter_map(|alias| script.token(alias)).map(|spec| spec.user_pin.clone());
        let mut who: Vec<_> = std::iter::once(self.witness.clone()).chain(officers).collect();
        who.dedup();
        who
    }

    fn needs(&self, script: &Script) -> Vec<Fact> {
        let mut needs: Vec<Fact> = match script.kind {
            Kinds::ShareCheck => script.kept.iter().map(|kept| Fact::SharesChecked(kept.name.clone())).collect(),
            kind if kind.opens_backups() => {
                script.kept.iter().map(|kept| Fact::BackupRestores(kept.name.clone())).collect()
            }
            kind if kind.is_custody() => script.made_keys().into_iter().map(|name| script.counts_by(name)).collect(),
            _ => vec![],
        };
        let destroyed = script.ending_sets().filter(|kept| script.rotate_by(&kept.name).is_none());
        needs.extend(destroyed.map(|kept| Fact::SharesDestroyed(kept.name.clone())));
        if script.kind.writes_metadata() {
            needs.push(Fact::Exported);
        }
        needs.extend(self.tokens.iter().cloned().map(Fact::KeyCounts));
        needs
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::Closed]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        if let Some((name, set)) = to_be_judged(ceremony) {
            return Some(ask_what_remains(ceremony, name, set));
        }
        if let Some(left) = ceremony.key_to_wipe() {
            return erase_token::pending(ceremony, &left.alias);
        }
        if let Some(alias) = self.next_token(ceremony) {
            let user = ceremony.acting(&ceremony.script.token(&alias)?.user_pin);
            let inserted = words::inserted_for_close(&alias);
            if !went(ceremony, &inserted) {
                let scene = Scene::Swap { token: ceremony.card(&alias), ask: words::insert(&alias) };
                return ask_to_type(ceremony.leaders(), scene, "INSERTED", words::INSERTED);
            }
            if seated(ceremony) != Some(user.clone()) {
                return handover(ceremony, &user, &alias, words::USER_PIN);
            }
            let (keyid, public) = metadata::keyid_of(ceremony, &alias)?;
            return Some(Pending::Do(Operation::SignHead { alias, keyid, public, head: ceremony.stamp.head }));
        }
        let witness = vec![ceremony.acting(&self.witness)];
        let subject = words::FINAL_HEAD_SUBJECT.to_owned();
        match ceremony.written_here() {
            None => {
                let scene = Scene::WriteDown { subject, digest: ceremony.stamp.head, count: WORDS_OF_DIGEST };
                ask_to_type(witness, scene, "WRITTEN", words::DOES_WRITE)
            }
            Some(head) => {
                let blind = ceremony.blind(head, WORDS_OF_DIGEST);
                let input = Input::HiddenWords(blind.hidden().len());
                Some(Pending::Ask(Box::new(Prompt {
                    who: witness,
                    scene: Scene::ReadBack { subject, blind, stand: WordsStand::OnPaper },
                    input,
                })))
            }
        }
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        if let Some((name, set)) = to_be_judged(ceremony) {
            return match answer {
                Answer::Word(_) => judged(ceremony, name, set),
                _ => Err(unfit("That is not what this step waits for.")),
            };
        }
        if let Some(left) = ceremony.key_to_wipe() {
            return erase_token::decide(ceremony, &left.alias, answer);
        }
        match (self.next_token(ceremony), answer) {
            (_, Answer::Failed(trouble)) => failed(trouble),
            (Some(alias), Answer::Word(_)) => {
                let inserted = words::inserted_for_close(&alias);
                if went(ceremony, &inserted) {
                    let spec = ceremony.script.token(&alias).ok_or_else(|| unfit("No such token."))?;
                    return Ok(sat(&ceremony.acting(&spec.user_pin)));
                }
                Ok(vec![Event::Went { word: "INSERTED".into(), on: inserted }])
            }
            (Some(alias), Answer::Done(outcome)) => {
                let (Outcome::Signed { seen, signature }, Some(Operation::SignHead { head, keyid, .. })) =
                    (outcome.as_ref(), ceremony.intent())
                else {
                    return Err(unfit("The head was to be signed."));
                };
                super::open_token::is_expected(ceremony, &alias, seen)?;
                let key = ceremony.token(&alias).key.ok_or_else(|| unfit("The token holds no key."))?;
                if !key.public().verify(Challenge::head(*head).bytes(), signature) {
                    return Err(Refusal::new(
                        Rule::HeadSigned,
                        format!("The signature that {alias} gave over the head does not verify."),
                        "Try again. If it happens twice, note an exception and close without it.",
                    ));
                }
                let signature = to_hex(signature.as_bytes());
                Ok(vec![Event::HeadSigned { alias, keyid: keyid.clone(), head: *head, signature }])
            }
            (None, Answer::Word(_)) => {
                Ok(vec![Event::WrittenDown { subject: words::FINAL_HEAD_SUBJECT.into(), digest: ceremony.stamp.head }])
            }
            (None, Answer::HiddenWords(supplied)) => {
                let head = ceremony.written_here().ok_or_else(|| unfit("Write the words down first."))?;
                let read_back = ceremony.read_back(head, WORDS_OF_DIGEST, supplied, Rule::HeadOnPaper)?;
                Ok(vec![Event::FinalHead { head, read_back }, Event::Closed])
            }
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
