//! Each custodian gets a share on paper, alone at the keyboard, and types it again from that paper before the next one is made. Where the
//! script has a recipient of theirs, they compare it first, and the share is encrypted to it once it was read back. At last every medium is read
//! again.

use std::sync::Arc;

use super::{Fact, Kind, Prose, ask_to_type, preflight::failed, read_again, went};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        backups::{Backup, LaidPage, encrypted_as, page_in},
        chosen,
        event::Event,
        operation::{ExportedFile, Giving, Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Input, Prompt, Scene},
        script::Script,
        unfit, words,
    },
    custody::{Commitment, Recipient, Set},
    rules::{Passed, Refusal, Rule},
};

/// `give-shares`.
#[derive(Clone, Debug)]
pub struct GiveShares {
    /// Of which key.
    pub name: Alias,
}

/// What is owed next of a share.
enum Turn<'a> {
    /// That its custodian sits down.
    Seat,
    /// That they compare the recipient that the script gives them.
    Compare(&'a Recipient),
    /// That its page is put into memory, here.
    Lay(String),
    /// That its custodian prints it.
    Print(&'a LaidPage),
    /// That it goes again.
    Clear(&'a LaidPage),
    /// That it comes to paper, where it did not so far, and is read back.
    Give,
    /// That it is encrypted to them as well.
    Encrypt(&'a Recipient),
}

impl GiveShares {
    /// The next share, who gets it, and what is owed of it.
    fn next<'a>(&self, ceremony: &'a Ceremony) -> Option<(u8, PersonId, Turn<'a>)> {
        let backup = ceremony.backups.get(&self.name)?;
        let custody = ceremony.script.custody()?;
        backup.shares().zip(&custody.custodians).find_map(|(index, custodian)| {
            // A surrogate keeps the share, and has no part in the recipient of whom they stand in for.
            let custodian = ceremony.acting(custodian);
            let own = custody.recipients.get(&custodian);
            let compared = own.and_then(|own| compared(ceremony, index, own));
            let turn = match (backup.read.contains(&index), own) {
                (true, Some(own)) if compared == Some(words::recipients::MINE) => {
                    (!backup.encrypted.contains_key(&index)).then_some(Turn::Encrypt(own))?
                }
                (true, _) => return None,
                (false, _) if !went(ceremony, &words::backup::seat(index)) => Turn::Seat,
                (false, Some(own)) if compared.is_none() => Turn::Compare(own),
                (false, _) => self.page(ceremony, index).unwrap_or(Turn::Give),
            };
            Some((index, custodian, turn))
        })
    }

    /// What is owed of the page in memory; `None` where the script has none, or it was printed and is gone.
    fn page<'a>(&self, ceremony: &'a Ceremony, index: u8) -> Option<Turn<'a>> {
        let folder = ceremony.script.custody()?.pages.as_ref()?;
        let of_share = |page: &&LaidPage| page.name == self.name && page.index == index && page.whole;
        if let Some(page) = ceremony.backups.page().filter(of_share) {
            let last = ceremony.here.iter().rev().find(|event| match event {
                Event::PageLaid { .. } => true,
                Event::Went { on, .. } => *on == words::pages::printed(index),
                _ => false,
            });
            return Some(if matches!(last, Some(Event::Went { .. })) { Turn::Clear(page) } else { Turn::Print(page) });
        }
        // Whoever could not read it back prints it again.
        let last = ceremony.here.iter().rev().find(|event| match event {
            Event::PageCleared { index: cleared, .. } => *cleared == index,
            event => matches!(event, Event::TryAgain { .. }),
        });
        match last {
            Some(Event::PageCleared { .. }) => None,
            _ => Some(Turn::Lay(page_in(folder, &self.set(ceremony)?.id(), index))),
        }
    }

    fn set<'a>(&self, ceremony: &'a Ceremony) -> Option<&'a Set> {
        Some(&ceremony.backups.get(&self.name)?.sealed.as_ref()?.set)
    }

    /// `SHARE-READ-BACK`.
    fn read_back(
        &self,
        ceremony: &Ceremony,
        index: u8,
        custodian: PersonId,
        commitment: Commitment,
    ) -> Result<Event, Refusal> {
        let known = self.set(ceremony).and_then(|set| set.commitments.get(usize::from(index) - 1));
        if known != Some(&commitment) {
            return Err(Refusal::new(
                Rule::ShareReadBack,
                format!("What was typed is not share {index}: it does not fit its commitment."),
                "Compare it with the paper, row by row, and type it again.",
            ));
        }
        let seen = format!("share {index} was typed again from its paper and fits its commitment");
        let (name, passed) = (self.name.clone(), vec![Passed::new(Rule::ShareReadBack, seen)]);
        Ok(Event::ShareReadBack { name, index, custodian, commitment, passed })
    }

    /// `RECIPIENT-OWN`: which share went to whom.
    fn encrypted(
        &self,
        ceremony: &Ceremony,
        (index, custodian, recipient): (u8, PersonId, &Recipient),
        (file, media, left): (&ExportedFile, &[String], &[String]),
    ) -> Result<Event, Refusal> {
        let set = self.set(ceremony).map(Set::id).unwrap_or_default();
        if encrypted_as(&self.name, &set, index, left.len()) != file.name {
            return Err(unfit("The file of this share was to be written."));
        }
        let seen = format!(
            "share {index} was encrypted to {recipient}, which {custodian} compared with their own paper and nobody else has"
        );
        Ok(Event::ShareEncrypted {
            name: self.name.clone(),
            index,
            custodian,
            recipient: recipient.clone(),
            file: file.clone(),
            media: media.to_vec(),
            left: left.to_vec(),
            passed: vec![Passed::new(Rule::RecipientOwn, seen)],
        })
    }
}

/// What a custodian said of a recipient.
fn compared(ceremony: &Ceremony, index: u8, recipient: &Recipient) -> Option<&'static str> {
    let point = words::recipients::compared(index, recipient);
    ceremony.here.iter().rev().find_map(|event| match event {
        Event::Went { word, on } if *on == point => chosen(&words::recipients::choices(), word),
        _ => None,
    })
}

impl Kind for GiveShares {
    fn prose(&self, script: &Script) -> Prose {
        words::backup::give_shares(script, &self.name)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        script.custody().map(|custody| custody.custodians.clone()).unwrap_or_default()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::BackupSealed(self.name.clone())]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::SharesGiven(self.name.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let Some((index, custodian, turn)) = self.next(ceremony) else {
            return read_again::pending(ceremony, &self.name);
        };
        let name = self.name.clone();
        match turn {
            Turn::Seat => {
                let ask = words::backup::custodian_sits(ceremony, &custodian, index);
                ask_to_type(vec![custodian], Scene::Plain { ask }, "SEATED", words::SITS)
            }
            Turn::Compare(recipient) => {
                let scene = Scene::List {
                    title: words::recipients::title(&ceremony.script, &custodian, index),
                    lines: Arc::new(recipient.rows()),
                    ask: words::recipients::ASK.into(),
                };
                let input = Input::Word(words::recipients::choices());
                Some(Pending::Ask(Box::new(Prompt { who: vec![custodian], scene, input })))
            }
            Turn::Lay(file) => Some(Pending::Do(Operation::Giving(Giving::LayPage { name, index, custodian, file }))),
            Turn::Print(page) => {
                let (title, ask) = (words::pages::title(page), words::pages::ASK.into());
                let scene = Scene::List { title, lines: Arc::new(words::pages::how_to_print(page)), ask };
                ask_to_type(vec![custodian], scene, words::pages::PRINTED, words::pages::DOES_PRINTED)
            }
            Turn::Clear(page) => Some(Pending::Do(page.clears())),
            Turn::Give => Some(Pending::Do(Operation::GiveShare { name, index, custodian })),
            Turn::Encrypt(recipient) => {
                let (recipient, set) = (recipient.clone(), Box::new(self.set(ceremony)?.clone()));
                let from_paper = ceremony.backups.get(&self.name).is_some_and(Backup::is_in_custody);
                Some(Pending::Do(Operation::Giving(Giving::EncryptShare {
                    name,
                    index,
                    custodian,
                    recipient,
                    from_paper,
                    set,
                })))
            }
        }
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let Some((index, custodian, turn)) = self.next(ceremony) else {
            return read_again::decide(ceremony, &self.name, answer);
        };
        let went = |word: &str, on: String| Ok(vec![Event::Went { word: word.into(), on }]);
        match (turn, answer) {
            (Turn::Seat, Answer::Word(_)) => went("SEATED", words::backup::seat(index)),
            (Turn::Compare(recipient), Answer::Word(word)) => {
                let word = chosen(&words::recipients::choices(), word).unwrap_or(words::recipients::NOT_MINE);
                went(word, words::recipients::compared(index, recipient))
            }
            (Turn::Print(_), Answer::Word(_)) => went(words::pages::PRINTED, words::pages::printed(index)),
            (_, Answer::Failed(trouble)) => failed(trouble),
            (Turn::Lay(file), Answer::Done(outcome)) => match outcome.as_ref() {
                Outcome::PageLaid => Ok(vec![Event::PageLaid { name: self.name.clone(), index, file }]),
                _ => Err(unfit("A page was to be put into memory.")),
            },
            (Turn::Give, Answer::Done(outcome)) => match outcome.as_ref() {
                Outcome::ShareReadBack { commitment } => {
                    Ok(vec![self.read_back(ceremony, index, custodian, *commitment)?])
                }
                _ => Err(unfit("A share was to be read back.")),
            },
            (Turn::Encrypt(recipient), Answer::Done(outcome)) => match outcome.as_ref() {
                Outcome::ShareEncrypted { file, media, left } => {
                    Ok(vec![self.encrypted(ceremony, (index, custodian, recipient), (file, media, left))?])
                }
                _ => Err(unfit("A share was to be encrypted.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
