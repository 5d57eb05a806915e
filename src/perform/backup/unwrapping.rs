//! A wrapped key comes out of its file into a token: of this ceremony, or of an earlier one. Shares give its key-encryption key (KEK) into
//! locked memory; the token unwraps, so that the key itself is never in this memory.

use super::{
    Performed, Performer, Stopped, job_without, sealed_file,
    wrapping::{Done, clear, wrapper},
};
use crate::{
    backup::{Gathering, Wrong},
    ceremony::{
        operation::{Outcome, Wrapping, WrappingOutcome, WrapsBy},
        participants::Alias,
    },
    keyfile::{Kek, Wrapped},
    perform::{People, driver::Opened},
    rules::{Refusal, Rule},
    runner::Job,
    token::{
        Key, KeyRequest,
        wrap::{Copied, WrappingKey},
    },
    tuf::key::KeyId,
};

impl Performer {
    pub(super) fn unwrap_key(&mut self, wrapping: &Wrapping, job: &Job, people: &mut dyn People) -> Performed {
        let Wrapping::UnwrapKey { alias, name, key: trusted, label, sealed } = wrapping else {
            return Err(job_without("a key to unwrap").into());
        };
        let (wrapped, _) = sealed_file(job, &sealed.file)?.wrapped().map_err(unusable)?.trusted(trusted)?;
        let kek = self.gathered(name, &sealed.set, people, Gathering::kek)?;
        let request = self.request_of(alias, label, self.script.root.algorithm)?;
        let (outcome, copied) = match self.unwrapped(alias, &wrapped, &kek, &request, job, people)? {
            Ok(done) => done,
            Err(others) => return Ok(others),
        };
        self.copies.insert(name.clone(), copied);
        Ok(outcome)
    }

    /// The same of a key that was wrapped in another ceremony. No custodian types for nothing: the token is the right one, and the file is
    /// whole and of the trusted key and of this set, before the first row.
    pub(super) fn restore_wrapped(&mut self, wrapping: &Wrapping, job: &Job, people: &mut dyn People) -> Performed {
        let (Wrapping::RestoreKey { alias, name, keyid, label, sealed }
        | Wrapping::Reopen { alias, name, keyid, label, sealed }) = wrapping
        else {
            return Err(job_without("a key to restore").into());
        };
        let again = matches!(wrapping, Wrapping::Reopen { .. });
        match self.take_or_wrong(alias, job)? {
            Ok(mut token) => {
                let wraps = wrapper(&mut token).map(drop);
                self.open.insert(alias.clone(), token);
                wraps?;
            }
            Err(others) => return Ok(Outcome::WrongToken(others)),
        }
        let wrapped = self.trusted_wrapped(sealed_file(job, &sealed.file)?.wrapped().map_err(unusable)?, keyid)?;
        if *wrapped.kek() != sealed.set.fingerprint {
            let what =
                format!("The file was wrapped under another key-encryption key than set {} gives.", sealed.set.id());
            let remedy = "Bring the file of this set: its first lines name the key-encryption key, which begins with the id of the set.";
            return Err(Refusal::new(Rule::BackupOpens, what, remedy).into());
        }
        let algorithm = wrapped.public().key_algorithm().unwrap_or(self.script.root.algorithm);
        let kek = self.gathered(name, &sealed.set, people, Gathering::kek)?;
        let request = self.request_of(alias, label, algorithm)?;
        if !again {
            let done = self.unwrapped(alias, &wrapped, &kek, &request, job, people)?;
            return Ok(done.map_or_else(|others| others, |(done, _)| done));
        }
        let shares = self.brought_shares();
        let done = self.under_kek(alias, &kek, &request, job, people, |token, under| {
            let (key, signed) = wrapper(token)?.unwrap_to_wrap(&wrapped, under, &request)?;
            Ok((key.key().clone(), vec![key.passed().clone(), signed]))
        })?;
        let (Done { key, by, mut passed }, more) = match done {
            Ok(done) => done,
            Err(others) => return Ok(others),
        };
        passed.extend(more);
        self.gathering = None;
        let public = self.tuf_key(&key)?;
        Ok(WrappingOutcome::Reopened { key: public, attributes: key.attributes, by, shares, passed }.into())
    }

    /// `BACKUP-OPENS`: the file says that it is of the key that is trusted under this keyid. Whether it is, the token proves.
    fn trusted_wrapped(&self, file: crate::backup::WrappedFile, keyid: &KeyId) -> Result<Wrapped, Refusal> {
        let key = self.script.dialect.key(file.wrapped().public());
        match key.filter(|key| key.id() == *keyid || key.canonical_id() == *keyid) {
            Some(key) => file.trusted(&key).map(|(wrapped, _)| wrapped),
            None => Err(Refusal::new(
                Rule::BackupOpens,
                format!("The file is of another key than the trusted key {}.", keyid.short()),
                "Nothing was put on the token. Look for the file of this key, and whether the script names its dialect.",
            )),
        }
    }

    /// The shares that were typed, in ascending order.
    fn brought_shares(&self) -> Vec<u8> {
        let there = self.gathering.iter().flat_map(|(_, gathering)| gathering.there());
        let mut shares: Vec<u8> = there.map(|label| label.index).collect();
        shares.sort_unstable();
        shares
    }

    /// Unwraps a copy that stays, not extractable, and lets it sign; or says which other tokens are in.
    fn unwrapped(
        &mut self,
        alias: &Alias,
        wrapped: &Wrapped,
        kek: &Kek,
        request: &KeyRequest,
        job: &Job,
        people: &mut dyn People,
    ) -> Result<Result<(Outcome, Copied), Outcome>, Stopped> {
        let shares = self.brought_shares();
        let done = self.under_kek(alias, kek, request, job, people, |token, under| {
            let copied = wrapper(token)?.unwrap(wrapped, under, request)?;
            Ok((copied.key().clone(), copied))
        })?;
        let (Done { key, by, mut passed }, copied) = match done {
            Ok(done) => done,
            Err(others) => return Ok(Err(others)),
        };
        passed.extend(copied.passed().iter().cloned());
        self.gathering = None;
        let public = self.tuf_key(&key)?;
        let outcome = WrappingOutcome::Unwrapped { key: public, attributes: key.attributes, by, shares, passed };
        Ok(Ok((outcome.into(), copied)))
    }

    /// Brings the KEK, does one thing under it, and removes the KEK; or says which other tokens are in.
    fn under_kek<T>(
        &mut self,
        alias: &Alias,
        kek: &Kek,
        request: &KeyRequest,
        job: &Job,
        people: &mut dyn People,
        act: impl FnOnce(&mut Opened, &WrappingKey) -> Result<(Key, T), Stopped>,
    ) -> Result<Result<(Done, T), Outcome>, Stopped> {
        self.with_entry(alias, job, people, |performer, token, entry, people| {
            // What an earlier try left is no proof: the key has to come out of this file, under what the shares gave.
            clear(token, request)?;
            let safe = performer.brought_kek(alias, token, kek, request.algorithm, entry, people)?;
            let done = (|| {
                let under = wrapper(token)?.find_kek(&kek.fingerprint(), &safe)?;
                let (key, more) = act(token, &under)?;
                Ok::<_, Stopped>((under.passed().clone(), key, more))
            })();
            // Whatever came of it, the KEK does not stay; where it cannot go now, the ceremony knows that it may be there.
            let removed = wrapper(token)?.remove_kek(&kek.fingerprint());
            let (read_back, key, more) = done?;
            let mut passed = safe.passed().to_vec();
            passed.extend([read_back, removed?]);
            let by = WrapsBy { mechanism: safe.mechanism(), trusted: safe.wants_so() };
            Ok((Done { key, by, passed }, more))
        })
    }
}

fn unusable(wrong: Wrong) -> Refusal {
    Refusal::new(
        Rule::BackupOpens,
        format!("{wrong}."),
        "Take the copy on the other medium, or scan the printed sheets.",
    )
}
