//! The key is sealed to an identity of its own as an age file, and what opens it is split. Nothing is on paper yet.

use super::{Fact, Kind, Prose, preflight::failed};
use crate::{
    ceremony::{
        Ceremony, Now, Pending,
        backups::{Backup, SealedBackup},
        event::Event,
        operation::{ExportedFile, Operation, Outcome},
        participants::{Alias, PersonId},
        prompt::Answer,
        script::Script,
        unfit, words,
    },
    rules::{Passed, Refusal, Rule},
};

/// `seal-backup`.
#[derive(Clone, Debug)]
pub struct SealBackup {
    /// Of which key.
    pub name: Alias,
}

impl Kind for SealBackup {
    fn prose(&self, script: &Script) -> Prose {
        words::backup::seal_backup(script, &self.name)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::KeyMade(self.name.clone())]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::BackupSealed(self.name.clone())]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let backup = ceremony.backups.get(&self.name)?;
        if let Some(sealed) = &backup.sealed {
            return self.seal_copy(ceremony, backup, sealed).or_else(|| self.seal_management_key(ceremony, sealed));
        }
        let (name, keyid) = (self.name.clone(), backup.key.id());
        Some(Pending::Do(Operation::SealBackup { name, keyid, made: ceremony.clock? }))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        match answer {
            Answer::Failed(trouble) => failed(trouble),
            Answer::Done(outcome) => match (outcome.as_ref(), ceremony.backups.get(&self.name)) {
                (Outcome::ManagementKeySealed { file, media }, Some(_)) => {
                    let alias = ceremony.management_keys.first_in_memory();
                    let alias = alias.ok_or_else(|| unfit("No management key was to be sealed."))?;
                    Ok(vec![management_key_sealed(&self.name, alias, file, media)])
                }
                (Outcome::CopySealed { file, media }, Some(_)) => {
                    let person = ceremony.script.custody().and_then(|custody| custody.passphrase_copy.clone());
                    let person = person.ok_or_else(|| unfit("No copy was to be sealed with a passphrase."))?;
                    ceremony.script.declares.one_person_opens()?;
                    Ok(vec![copy_sealed(&self.name, person, file, media)])
                }
                (Outcome::BackupSealed { sealed, sheets, media }, Some(backup)) => {
                    let set = &sealed.set;
                    if !ceremony.script.custody().is_some_and(|custody| custody.is_of(set))
                        || set.keyid != backup.key.id()
                    {
                        return Err(unfit("The key was to be sealed for other shares."));
                    }
                    let passed = vec![Passed::new(
                        Rule::BackupOpens,
                        format!(
                            "{} was opened again and compared; every {} shares give its identity",
                            sealed.file.name, set.scheme
                        ),
                    )];
                    Ok(vec![Event::BackupSealed {
                        name: self.name.clone(),
                        sealed: sealed.clone(),
                        sheets: sheets.clone(),
                        media: media.clone(),
                        passed,
                    }])
                }
                _ => Err(unfit("A key was to be sealed.")),
            },
            _ => Err(unfit("That is not what this step waits for.")),
        }
    }
}

impl SealBackup {
    /// A copy for one person, where the script asks for it.
    fn seal_copy(&self, ceremony: &Ceremony, backup: &Backup, sealed: &SealedBackup) -> Option<Pending> {
        let person = ceremony.script.custody()?.passphrase_copy.clone().filter(|_| backup.copy.is_none())?;
        let (name, keyid, set, made) = (self.name.clone(), backup.key.id(), sealed.set.id(), ceremony.clock?);
        Some(Pending::Do(Operation::SealCopy { name, keyid, person, set, made }))
    }

    /// The next management key that is in memory only goes to the same identity.
    fn seal_management_key(&self, ceremony: &Ceremony, sealed: &SealedBackup) -> Option<Pending> {
        let alias = ceremony.management_keys.first_in_memory()?.clone();
        let serial = ceremony.management_keys.serial(&alias).to_owned();
        let (name, made, set) = (self.name.clone(), ceremony.clock?, Box::new(sealed.set.clone()));
        Some(Pending::Do(Operation::SealManagementKey { name, alias, serial, made, set }))
    }
}

fn copy_sealed(name: &Alias, person: PersonId, file: &ExportedFile, media: &[String]) -> Event {
    let passed = vec![
        Passed::new(Rule::BackupOpens, format!("{} was opened again with the passphrase and compared", file.name)),
        Passed::new(Rule::BackupDeclared, "one person alone opens this copy: the script declares single-control"),
    ];
    Event::CopySealed { name: name.clone(), person, file: file.clone(), media: media.to_vec(), passed }
}

fn management_key_sealed(name: &Alias, alias: &Alias, file: &ExportedFile, media: &[String]) -> Event {
    let passed = vec![
        Passed::new(Rule::BackupOpens, format!("{} was opened again and compared", file.name)),
        Passed::new(Rule::ManagementKeySealed, format!("that of {alias}, for the shares of {name}")),
    ];
    Event::ManagementKeySealed {
        name: name.clone(),
        alias: alias.clone(),
        file: file.clone(),
        media: media.to_vec(),
        passed,
    }
}
