//! Management keys of YubiKeys that are not kept on them: asked for where one is wanted, sealed to the identity of a backup, and opened
//! again where shares gave it back. They are in the ring of the performer and in nothing that an operation, an outcome or an event could
//! hold.

use super::{Ask, People, Performed, Performer, Stopped, driver::Opened, file::write_to, job_without};
use crate::{
    backup::{AboutManagementKey, Identity, Sealed, seal_management_key},
    ceremony::{
        metadata::Leaving,
        operation::{Operation, Outcome},
        participants::Alias,
    },
    custody::Set,
    fault::{Error, Fault, FaultKind},
    locked,
    rules::{Refusal, Rule},
    runner::Job,
    secret::{CameBy, ManagementKey, SecretKind, SecretRequest, Tries},
};

impl Performer {
    /// Does something for which a YubiKey wants its management key. Where it is neither on the YubiKey nor in memory, it is asked for, and
    /// the same is done once more: nothing was done before.
    pub(super) fn administered<T>(
        &self,
        alias: &Alias,
        token: &mut Opened,
        ask: Ask<'_>,
        mut work: impl FnMut(&mut Opened) -> Result<T, Error>,
    ) -> Result<T, Stopped> {
        match work(token) {
            Err(Error::Fault(fault)) if fault.kind == FaultKind::WantsManagementKey => {
                let request = self.management_request(alias, token)?;
                let typed = ask(&request).ok_or(Stopped::Nobody(request.what.name()))?;
                token.take_management_key(&typed)?;
                Ok(work(token)?)
            }
            done => Ok(done?),
        }
    }

    fn management_request(&self, alias: &Alias, token: &mut Opened) -> Result<SecretRequest, Stopped> {
        let (state, digits) = (token.pins()?.user, token.management_key_digits()?);
        let request = self.request(SecretKind::ManagementKey, alias, token, &state)?;
        // There may be spaces between the digits.
        let (min, max) = (Some(digits), Some(2 * digits));
        Ok(SecretRequest { tries: Tries::TokenDoesNotTell, min, max, touch: false, ..request })
    }

    /// Seals the management key of one YubiKey to the identity of the backup of `name`, and writes it on every medium.
    pub(super) fn seal_management_key(&mut self, job: &Job, people: &mut dyn People) -> Performed {
        let Operation::SealManagementKey { name, serial, made, set, .. } = &job.operation else {
            return Err(job_without("a management key").into());
        };
        let number: u32 = serial.parse().map_err(|_| job_without("a YubiKey"))?;
        if !self.management.holds(number) {
            return Err(not_in_memory(serial).into());
        }
        let identity = match self.kept_identity(name) {
            Some(identity) => identity,
            // A YubiKey that takes the place of another after the backup was sealed: what opens it is on paper only.
            None => self.gathered(name, set, people)?,
        };
        let about = AboutManagementKey { serial: serial.clone(), ceremony: self.script.title.clone(), made: *made };
        let ring = self.management.handle();
        let before = self.management_files.remove(&number);
        let sealed = ring.with(number, |key| match before {
            // What an earlier try wrote on one medium goes to the other.
            Some(sealed) if holds(&sealed, key, &identity) => Ok(sealed),
            _ => locked::apart(|| seal_management_key(key, &about, &identity)),
        });
        let sealed =
            sealed.ok_or_else(|| not_in_memory(serial))?.map_err(|wrong| wrong.fault("seal the management key"))?;
        self.management_files.insert(number, sealed.clone());
        let file = Leaving { name: place_of(name, set, serial, &sealed), bytes: sealed.bytes().to_vec() };
        write_to(&job.media, std::slice::from_ref(&file))?;
        let media = job.media.iter().map(|medium| medium.label.clone()).collect();
        self.management_files.remove(&number);
        self.gathering = None;
        Ok(Outcome::ManagementKeySealed { file: file.described(), media })
    }

    /// Takes up the management key of the YubiKey that a job is about, where it was sealed to this identity and is not in memory any more.
    pub(super) fn management_key_from(&self, identity: &Identity, name: &Alias, job: &Job) -> Result<(), Stopped> {
        let Some(kept) = job.management_key.as_ref().filter(|kept| kept.name == *name) else { return Ok(()) };
        let number: u32 = kept.serial.parse().map_err(|_| job_without("a YubiKey"))?;
        if self.management.holds(number) {
            return Ok(());
        }
        let file = super::backup::sealed_file(job, &kept.file)?;
        let opened = file.open_management_key(identity).map_err(|wrong| {
            let remedy = "Take the copy on the other medium.";
            Refusal::new(Rule::BackupOpens, format!("{wrong}."), remedy)
        })?;
        let (about, key) = opened;
        if about.serial != kept.serial {
            let what = format!("{} holds the management key of another YubiKey, {}.", kept.file.name, about.serial);
            return Err(Refusal::new(Rule::BackupOpens, what, "Keep the medium as evidence.").into());
        }
        self.management.keep(number, key, CameBy::Itself);
        Ok(())
    }
}

/// Whether a file that was sealed before holds this very key, for this identity.
fn holds(sealed: &Sealed, key: &ManagementKey, identity: &Identity) -> bool {
    sealed.open_management_key(identity).is_ok_and(|(_, opened)| opened.same_as(key))
}

/// Beside the sealed key. The digits of the file's own digest tell two tries from one another.
fn place_of(name: &Alias, set: &Set, serial: &str, sealed: &Sealed) -> String {
    let digest = sealed.digest().to_string();
    format!("{}/{name}-{}-yubikey-{serial}-{}.age", super::backup::FOLDER, set.id(), &digest[..8])
}

fn not_in_memory(serial: &str) -> Fault {
    Fault::machine(
        format!("seal the management key of YubiKey {serial}"),
        "it was in memory only, and the program ended since; it was not done",
    )
}
