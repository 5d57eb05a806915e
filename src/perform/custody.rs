//! Keys that existed before: one comes from its file into locked memory, to be backed up like one that was made there.

use super::{People, Performed, Performer, backup::Born, job_without, token};
use crate::{
    ceremony::operation::{Operation, Outcome},
    fault::{Fault, FaultKind},
    locked,
    runner::Job,
};

impl Performer {
    /// Takes the key of a file into memory. The file is read, and its key is known to be the one that is meant, before anything is kept.
    pub(super) fn take_key(&mut self, job: &Job, people: &mut dyn People) -> Performed {
        let Operation::TakeKey { name, file, public, keyid, keeper } = &job.operation else {
            return Err(job_without("a key to take").into());
        };
        if job.in_doubt {
            return Err(token::nothing_found("take a key from its file", "it would be in memory only").into());
        }
        let key = self.key_in(file, *public, keyid.as_ref(), Some(keeper), &mut |request| people.secret(request))?;
        locked::wipe_stack();
        // Nobody seals what no token can take back.
        if key.public().key_algorithm().is_none() {
            let cause = format!("this program signs with no {} key", key.public().algorithm());
            return Err(Fault::new(FaultKind::NotSupported, format!("take the key {name}"), cause).into());
        }
        let public = self.tuf_key_of(key.public())?;
        self.born.insert(name.clone(), Born::new(key));
        Ok(Outcome::Taken { key: public })
    }
}
