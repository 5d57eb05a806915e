//! Many signatures with one login: the token stays open and logged in from one group of signatures to the next, and no longer.

use super::{Ask, Performed, Performer, Stopped, driver::Opened, job_without, token::find_public};
use crate::{
    ceremony::{
        operation::{Outcome, SeenToken},
        participants::Alias,
    },
    digest::Digest,
    runner::Job,
    secret::Pin,
    token::{Key, KeySelector, LastTry, PinEntry, User},
};

/// A token that is logged in between two groups of signatures.
pub(super) struct Signing {
    alias: Alias,
    public: Digest,
    token: Opened,
    key: Key,
    pin: Option<Pin>,
    seen: SeenToken,
    /// How many signatures the entry of the PIN covers, and how many of them are made.
    covers: usize,
    made: usize,
}

impl Performer {
    /// Signs everything that the job carries. The PIN is asked for once, before the first group.
    pub(super) fn sign_some(&mut self, alias: &Alias, public: Digest, job: &Job, ask: Ask<'_>) -> Performed {
        let mut signing = match self.signing.take() {
            Some(signing) if signing.alias == *alias && signing.public == public => signing,
            other => {
                self.signing = other;
                self.end_signing();
                match self.begin_signing(alias, public, job, ask)? {
                    Ok(signing) => signing,
                    Err(others) => return Ok(Outcome::WrongToken(others)),
                }
            }
        };
        let pin = signing.pin.as_ref().map_or(PinEntry::Pad, PinEntry::Typed);
        let each_time = signing.key.wants_pin_each_time().then_some(pin);
        // Where a touch may be needed, each signature is committed by itself: nobody touches again for what was lost.
        let group = if signing.token.may_blink() { 1 } else { job.signables.len() };
        let (now, later) = job.signables.split_at(group.min(job.signables.len()));
        self.tell_of_touches(alias, &mut signing.token, signing.made, signing.covers);
        let signed = signing.token.sign_many(&signing.key, now, each_time);
        let seen = signing.seen.clone();
        signing.made += now.len();
        let goes_on = signed.is_ok() && (job.more || !later.is_empty());
        self.signing = Some(signing);
        if !goes_on {
            self.end_signing();
        }
        Ok(Outcome::SignedSome { seen, signatures: signed? })
    }

    fn begin_signing(
        &mut self,
        alias: &Alias,
        public: Digest,
        job: &Job,
        ask: Ask<'_>,
    ) -> Result<Result<Signing, Vec<SeenToken>>, Stopped> {
        if job.signables.is_empty() {
            return Err(job_without("reviewed bytes").into());
        }
        let mut token = match self.take_or_wrong(alias, job)? {
            Ok(token) => token,
            Err(others) => return Ok(Err(others)),
        };
        let seen = self.seen(&mut *token)?;
        let Some(wanted) = find_public(&mut *token, public)? else { return Ok(Err(vec![seen])) };
        let state = token.pins()?.user;
        let last_try = if job.last_try { LastTry::MayBeSpent } else { LastTry::Keep };
        let pin = match token.identity().pin_pad {
            true => None,
            false => Some(self.ask_user_pin(alias, &token, &state, job.covers, ask)?),
        };
        token.login(User::User, pin.as_ref().map_or(PinEntry::Pad, PinEntry::Typed), last_try)?;
        let key = match token.find_key(&KeySelector::Public(wanted)) {
            Ok(key) => key,
            Err(error) => {
                token.logout()?;
                self.open.insert(alias.clone(), token);
                return Err(error.into());
            }
        };
        Ok(Ok(Signing { alias: alias.clone(), public, token, key, pin, seen, covers: job.covers, made: 0 }))
    }

    /// Logs out whoever is still logged in. A token that cannot be logged out is closed, which logs out too.
    pub(super) fn end_signing(&mut self) {
        if let Some(mut signing) = self.signing.take()
            && signing.token.logout().is_ok()
        {
            self.open.insert(signing.alias, signing.token);
        }
    }
}
