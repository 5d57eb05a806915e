//! A backup that was made before is opened: with shares that custodians type, in locked memory, for the key that is trusted and no other.

use super::{People, Performed, Performer, backup, job_without, token};
use crate::{
    backup::{Gathering, Opened},
    ceremony::operation::Operation,
    keyfile::PrivateKey,
    rules::{Refusal, Rule},
    runner::Job,
    token::KeyRequest,
    tuf::key::KeyId,
};

impl Performer {
    pub(super) fn restore_key(&mut self, job: &Job, people: &mut dyn People) -> Performed {
        let Operation::RestoreKey { alias, name, keyid, label, sealed } = &job.operation else {
            return Err(job_without("a key to restore").into());
        };
        let id = self.driver(alias)?.key_id(label, alias);
        if job.in_doubt {
            // The token tells whether the key is there, and not from which shares it came.
            let request = KeyRequest { algorithm: self.script.root.algorithm, label: label.clone(), id };
            self.brought(alias, None, &request, job, &mut |request| people.secret(request))?;
            let what = "the key is on the token; which shares it came from is not known, and they are asked for again";
            return Err(token::nothing_found("restore a key", what).into());
        }
        // No custodian types for nothing: the token is the right one, and the file is whole, before the first row.
        match self.take_or_wrong(alias, job)? {
            Ok(token) => drop(self.open.insert(alias.clone(), token)),
            Err(others) => return Ok(crate::ceremony::operation::Outcome::WrongToken(others)),
        }
        let file = backup::sealed_file(job, &sealed.file)?;
        let identity = self.gathered(name, &sealed.set, people, Gathering::identity)?;
        let mut shares: Vec<u8> =
            self.gathering.iter().flat_map(|(_, gathering)| gathering.there()).map(|label| label.index).collect();
        shares.sort_unstable();
        let opened = file.open(&identity).map_err(|wrong| {
            let remedy =
                "Use another copy of the sealed file: from the other medium, or scanned from the printed sheets.";
            Refusal::new(Rule::BackupOpens, format!("{wrong}."), remedy)
        })?;
        drop(identity);
        let history = opened.about().history.clone();
        let key = self.is_trusted(opened, keyid)?;
        let algorithm = key.public().key_algorithm().unwrap_or(self.script.root.algorithm);
        self.driver(alias)?.brings(algorithm)?;
        let request = KeyRequest { algorithm, label: label.clone(), id };
        let brought = self.brought(alias, Some(&key), &request, job, &mut |request| people.secret(request))?;
        self.gathering = None;
        Ok(backup::put(brought, shares, history))
    }

    /// `BACKUP-OPENS`: what came out is the private half of the key that is trusted under this keyid.
    pub(super) fn is_trusted(&self, opened: Opened, keyid: &KeyId) -> Result<PrivateKey, Refusal> {
        let key = self.script.dialect.key(opened.public());
        match key.filter(|key| key.id() == *keyid || key.canonical_id() == *keyid) {
            Some(key) => opened.trusted(&key).map(|(private, _)| private),
            None => Err(Refusal::new(
                Rule::BackupOpens,
                format!("The file opened, and the key in it is not the trusted key {}.", keyid.short()),
                "Nothing was put on the token. Look for the sealed file of this key, and whether the script names its dialect.",
            )),
        }
    }
}
