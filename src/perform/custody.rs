//! Keys that existed before: one comes from its file into locked memory, to be backed up like one that was made there; one is opened
//! from the backup that it has, to get another.

use super::{People, Performed, Performer, backup::Born, inputs::Inputs, job_without, token};
use crate::{
    backup::{Gathering, SIZE_MAX, Sealed},
    ceremony::{
        backups::imported_from,
        operation::{Operation, Outcome},
    },
    digest::Digest,
    fault::{Fault, FaultKind},
    locked,
    rules::{Refusal, Rule},
    runner::Job,
    text::shown,
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
        self.pages_lie_in_memory()?;
        let key = self.key_in(file, *public, keyid.as_ref(), Some(keeper), &mut |request| people.secret(request))?;
        locked::wipe_stack();
        // Nobody seals what no token can take back.
        if key.public().key_algorithm().is_none() {
            let cause = format!("this program signs with no {} key", key.public().algorithm());
            return Err(Fault::new(FaultKind::NotSupported, format!("take the key {name}"), cause).into());
        }
        let public = self.tuf_key_of(key.public())?;
        self.born.insert(name.clone(), Born::new(key, Some(imported_from(file))));
        Ok(Outcome::Taken { key: public })
    }

    /// Opens a backup that was made before. The file is the pinned one, and the key in it the trusted one, or nothing is kept.
    pub(super) fn open_backup(&mut self, job: &Job, people: &mut dyn People) -> Performed {
        let Operation::OpenBackup { name, file, sha256, keyid, set, parcels } = &job.operation else {
            return Err(job_without("a backup to open").into());
        };
        if job.in_doubt {
            return Err(token::nothing_found("open a backup", "its key would be in memory only").into());
        }
        self.pages_lie_in_memory()?;
        let bytes = Inputs::open(&self.inputs, parcels, job)?.read(file, SIZE_MAX as u64)?;
        let shown = shown(file);
        if Digest::of(&bytes) != *sha256 {
            let what = format!("{shown} is not the sealed file that the script pins.");
            let remedy = "Bring the copy on the other medium, or scan the printed sheets.";
            return Err(Refusal::new(Rule::BackupOpens, what, remedy).into());
        }
        let sealed = Sealed::read(bytes).map_err(|wrong| wrong.fault(format!("read {shown}")))?;
        let identity = self.gathered(name, set, people, Gathering::identity)?;
        let shares =
            self.gathering.iter().flat_map(|(_, gathering)| gathering.there()).map(|label| label.index).collect();
        // Whoever opens the old file must not come to open a new share by it.
        identity.is_none_of(self.script.custody().iter().flat_map(|custody| custody.recipients.values()))?;
        let opened = sealed.open(&identity).map_err(|wrong| {
            Refusal::new(Rule::BackupOpens, format!("{wrong}."), "Bring the sealed file of this set of shares.")
        })?;
        drop(identity);
        let history = opened.about().history.clone();
        let private = self.is_trusted(opened, keyid)?;
        let key = self.tuf_key_of(private.public())?;
        self.gathering = None;
        self.born.insert(name.clone(), Born::new(private, history.clone()));
        Ok(Outcome::BackupOpened { key, shares, history })
    }
}
