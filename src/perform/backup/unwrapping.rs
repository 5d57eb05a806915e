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
    perform::People,
    rules::{Refusal, Rule},
    runner::Job,
    token::{KeyRequest, wrap::Copied},
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
        let Wrapping::RestoreKey { alias, name, keyid, label, sealed } = wrapping else {
            return Err(job_without("a key to restore").into());
        };
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
        Ok(self.unwrapped(alias, &wrapped, &kek, &request, job, people)?.map_or_else(|others| others, |(done, _)| done))
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

    /// Brings the KEK, unwraps, lets the key sign, and removes the KEK; or says which other tokens are in.
    fn unwrapped(
        &mut self,
        alias: &Alias,
        wrapped: &Wrapped,
        kek: &Kek,
        request: &KeyRequest,
        job: &Job,
        people: &mut dyn People,
    ) -> Result<Result<(Outcome, Copied), Outcome>, Stopped> {
        let mut shares: Vec<u8> =
            self.gathering.iter().flat_map(|(_, gathering)| gathering.there()).map(|label| label.index).collect();
        shares.sort_unstable();
        let done = self.with_entry(alias, job, people, |performer, token, entry, people| {
            // What an earlier try left is no proof: the copy has to come out of this file, under what the shares gave.
            clear(token, request)?;
            let safe = performer.brought_kek(alias, token, kek, request.algorithm, entry, people)?;
            let unwrapped = (|| {
                let under = wrapper(token)?.find_kek(&kek.fingerprint(), &safe)?;
                let copied = wrapper(token)?.unwrap(wrapped, &under, request)?;
                Ok::<_, Stopped>((under.passed().clone(), copied))
            })();
            // Whatever came of it, the KEK does not stay; where it cannot go now, the ceremony knows that it may be there.
            let removed = wrapper(token)?.remove_kek(&kek.fingerprint());
            let (read_back, copied) = unwrapped?;
            let mut passed = safe.passed().to_vec();
            passed.push(read_back);
            passed.extend(copied.passed().iter().cloned());
            passed.push(removed?);
            let by = WrapsBy { mechanism: safe.mechanism(), trusted: safe.wants_so() };
            Ok((Done { key: copied.key().clone(), by, passed }, copied))
        })?;
        let (Done { key, by, passed }, copied) = match done {
            Ok(done) => done,
            Err(others) => return Ok(Err(others)),
        };
        self.gathering = None;
        let public = self.tuf_key(&key)?;
        let outcome = WrappingOutcome::Unwrapped { key: public, attributes: key.attributes, by, shares, passed };
        Ok(Ok((outcome.into(), copied)))
    }
}

fn unusable(wrong: Wrong) -> Refusal {
    Refusal::new(
        Rule::BackupOpens,
        format!("{wrong}."),
        "Take the copy on the other medium, or scan the printed sheets.",
    )
}
