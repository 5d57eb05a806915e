//! The first token's key is closed once its copy has signed: it can leave no more, and its key-encryption key goes.

use super::{
    Fact, Kind, Prose,
    at_the_token::{inserted, token_in, user_sat, user_sits},
    preflight::failed,
    went,
    wrap_key::were_asked,
};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        backups::{Backup, WrappedKey},
        event::Event,
        operation::{Operation, Outcome, Wrapping, WrappingOutcome},
        participants::{Alias, PersonId},
        prompt::Answer,
        script::Script,
        unfit, words,
    },
    device,
    rules::{Refusal, Rule},
};

/// `close-key`.
#[derive(Clone, Debug)]
pub struct CloseKey {
    /// Which key.
    pub name: Alias,
    /// On which token of the script.
    pub token: Alias,
}

impl CloseKey {
    /// What is known of a key that is still open on this token.
    fn open<'a>(&self, ceremony: &'a Ceremony) -> Option<(&'a Backup, &'a WrappedKey)> {
        let alias = ceremony.playing(&self.token);
        let wrapped = ceremony.backups.wrapped(&self.name).filter(|wrapped| wrapped.open.as_ref() == Some(&alias))?;
        Some((ceremony.backups.get(&self.name)?, wrapped))
    }
}

/// The token whose copy must sign again first: this program has not seen it sign.
fn unseen(wrapped: &WrappedKey) -> Option<&Alias> {
    wrapped.copy.as_ref().filter(|_| !wrapped.copy_seen)
}

impl Kind for CloseKey {
    fn prose(&self, script: &Script) -> Prose {
        words::wrapping::close_key(script, self)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        script.token(&self.token).map(|spec| vec![spec.user_pin.clone()]).unwrap_or_default()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::BackupRestores(self.name.clone())]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KeyClosed(self.name.clone()), Fact::KeyOnToken(self.token.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let (backup, wrapped) = self.open(ceremony)?;
        let (name, key) = (self.name.clone(), Box::new(backup.key.clone()));
        if let Some(copy) = unseen(wrapped) {
            return user_sits(ceremony, copy).or_else(|| {
                let alias = copy.clone();
                Some(Pending::Do(Operation::Wrapping(Wrapping::ProveCopy { alias, name, key })))
            });
        }
        let alias = ceremony.playing(&self.token);
        let owed = token_in(ceremony, &alias, words::insert(&alias)).or_else(|| user_sits(ceremony, &alias));
        owed.or(Some(Pending::Do(Operation::Wrapping(Wrapping::CloseKey { alias, name, key, kek: wrapped.kek }))))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let (backup, wrapped) = self.open(ceremony).ok_or_else(|| unfit("The key is closed."))?;
        let (alias, name) = (ceremony.playing(&self.token), self.name.clone());
        let copy = unseen(wrapped);
        match (copy, answer) {
            (_, Answer::Failed(trouble)) => failed(trouble),
            (Some(copy), Answer::Word(_)) => user_sat(ceremony, copy),
            (Some(copy), Answer::Done(outcome)) => {
                let Outcome::Wrapping(WrappingOutcome::CopyProven { key, passed }) = outcome.as_ref() else {
                    return Err(unfit("A copy was to sign."));
                };
                if key.public() != backup.key.public() {
                    return Err(Refusal::new(
                        Rule::WrappedKeyProven,
                        format!("{copy} holds another key than {name}."),
                        "Do not use this token. Put its spare in its place, or leave.",
                    ));
                }
                were_asked(passed, &[Rule::WrappedKeyProven])?;
                let (alias, key) = (copy.clone(), key.clone());
                Ok(vec![Event::CopyProven { alias, name, key, passed: passed.clone() }])
            }
            (None, Answer::Word(_)) if !went(ceremony, words::INSERTED) => Ok(inserted()),
            (None, Answer::Word(_)) => user_sat(ceremony, &alias),
            (None, Answer::Done(outcome)) => {
                let Outcome::Wrapping(WrappingOutcome::Closed { attributes, passed }) = outcome.as_ref() else {
                    return Err(unfit("A key was to be closed."));
                };
                device::brought_in(attributes)?;
                were_asked(passed, &[Rule::KeyClosed, Rule::KekGone])?;
                Ok(vec![Event::KeyClosed { alias, name, attributes: *attributes, passed: passed.clone() }])
            }
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}
