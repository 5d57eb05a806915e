//! A key that was made in memory comes to a token: from that memory, or back from its shares. The second is the proof that the backup
//! restores.

use super::{
    Fact, Kind, Prose, ask_to_type,
    at_the_token::{inserted, token_in, user_sat, user_sits},
    preflight::failed,
    restore_kept, went,
    wrap_key::both_pins,
};
use crate::{
    ceremony::{
        Ceremony, Decision, Now, Pending,
        event::Event,
        operation::{Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::{Answer, Scene},
        script::Script,
        unfit, words,
    },
    custody::Opens,
    device,
    rules::{Passed, Refusal, Rule},
};

/// `put-key` and `restore-key`.
#[derive(Clone, Debug)]
pub struct PutKey {
    /// Which key.
    pub name: Alias,
    /// To which token of the script.
    pub token: Alias,
    /// Whether it has to come from its shares. Otherwise it comes from memory, and from its shares only where the memory is gone.
    pub from_shares: bool,
    /// Which shares are to be used, where the script says; of a backup that was made before.
    pub shares: Vec<u8>,
}

impl Kind for PutKey {
    fn prose(&self, script: &Script) -> Prose {
        match restore_kept::of(self, script) {
            Some(kept) => words::restore::restore_key(script, self, kept),
            None => words::backup::put_key(script, self),
        }
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        let kept = restore_kept::of(self, script);
        let mut who = match kept {
            Some(kept) if kept.opens == Opens::WrappedKey => both_pins(script, &self.token),
            _ => script.token(&self.token).map(|spec| spec.user_pin.clone()).into_iter().collect(),
        };
        let custodians = kept.into_iter().flat_map(|kept| &kept.custodians);
        for (_, person) in custodians {
            if !who.contains(person) {
                who.push(person.clone());
            }
        }
        who
    }

    fn needs(&self, script: &Script) -> Vec<Fact> {
        if restore_kept::of(self, script).is_some() {
            return vec![Fact::TokenPrepared(self.token.clone()), Fact::ClockConfirmed];
        }
        vec![Fact::SharesGiven(self.name.clone()), Fact::TokenPrepared(self.token.clone())]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KeyOnToken(self.token.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let alias = ceremony.playing(&self.token);
        if ceremony.token(&alias).key.is_some() {
            return None;
        }
        if let Some(kept) = restore_kept::of(self, &ceremony.script) {
            return restore_kept::pending(self, kept, ceremony, alias);
        }
        let backup = ceremony.backups.get(&self.name)?;
        let sealed = backup.sealed.as_ref()?;
        if let Some(owed) = token_in(ceremony, &alias, words::insert(&alias)) {
            return Some(owed);
        }
        if self.from_shares && !went(ceremony, words::backup::BROUGHT) {
            let scene = Scene::Plain { ask: words::backup::bring_shares(&sealed.set) };
            return ask_to_type(ceremony.leaders(), scene, "BROUGHT", words::backup::DOES_BRING);
        }
        if let Some(owed) = user_sits(ceremony, &alias) {
            return Some(owed);
        }
        Some(Pending::Do(Operation::PutKey {
            alias,
            name: self.name.clone(),
            key: Box::new(backup.key.clone()),
            label: words::key_label(&ceremony.script.repository),
            from_shares: self.from_shares,
            sealed: Box::new(sealed.clone()),
        }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let alias = ceremony.playing(&self.token);
        if let Some(kept) = restore_kept::of(self, &ceremony.script) {
            return restore_kept::decide(self, kept, ceremony, alias, answer);
        }
        match answer {
            Answer::Word(_) if !went(ceremony, words::INSERTED) => Ok(inserted()),
            Answer::Word(_) if self.from_shares && !went(ceremony, words::backup::BROUGHT) => {
                Ok(vec![Event::Went { word: "BROUGHT".into(), on: words::backup::BROUGHT.into() }])
            }
            Answer::Word(_) => user_sat(ceremony, &alias),
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => {
                let Outcome::KeyPut { key, attributes, shares, history } = outcome.as_ref() else {
                    return Err(unfit("A key was to be put on the token."));
                };
                let backup = ceremony.backups.get(&self.name).ok_or_else(|| unfit("No such key was made."))?;
                if key.public() != backup.key.public() {
                    return Err(Refusal::new(
                        Rule::BackupOpens,
                        format!("{alias} holds another key than {} now.", self.name),
                        "Do not use this token. Put its spare in its place, or leave.",
                    ));
                }
                let from = match shares.as_slice() {
                    [] if self.from_shares => return Err(unfit("The key was to come from its shares.")),
                    [] => "the memory of this machine".to_owned(),
                    shares => format!("shares {}", words::backup::listed(shares)),
                };
                let passed = vec![
                    device::brought_in(attributes)?,
                    Passed::new(Rule::BackupOpens, format!("the key came from {from} and is {}", key.id().short())),
                ];
                Ok(vec![Event::KeyPut {
                    alias,
                    name: self.name.clone(),
                    key: key.clone(),
                    attributes: *attributes,
                    shares: shares.clone(),
                    history: history.clone(),
                    passed,
                }])
            }
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }

    fn decide_whole(&self, ceremony: &Ceremony, answer: &Answer, now: Now) -> Result<Decision, Refusal> {
        let decision = Decision::of(self.decide(ceremony, answer, now)?);
        Ok(restore_kept::with_sealed_file(decision, answer))
    }
}
