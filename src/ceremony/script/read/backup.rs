//! Reads what a script says of the backup.

use toml::Spanned;

use super::{Read, Reader};
use crate::{
    ceremony::{
        participants::{Alias, Person, PersonId},
        script::{
            BackupSpec, CustodySpec, KeptFile, KeptSpec, Script, Way,
            raw::{RawAct, RawBackup, RawKept},
        },
        steps::Action,
    },
    custody::Scheme,
};

impl Reader<'_> {
    pub(super) fn backup(&self, raw: &RawBackup, people: &[Person]) -> Read<BackupSpec> {
        let way = *raw.way.get_ref();
        if !matches!(way, Way::SoftwareBorn | Way::Wrapped) {
            let given = [
                raw.threshold.as_ref().map(Spanned::span),
                raw.custodians.as_ref().map(Spanned::span),
                raw.contact.as_ref().map(Spanned::span),
                raw.printer.as_ref().map(Spanned::span),
                raw.dice.then(|| raw.way.span()),
            ];
            return match given.into_iter().flatten().next() {
                Some(span) => {
                    self.error(span, "backup: only way = \"software-born\" and way = \"wrapped\" have shares, custodians, paper and dice")
                }
                None => Ok(BackupSpec { way, custody: None }),
            };
        }
        let missing = |field: &str| self.error(raw.way.span(), format!("backup.{field} is missing"));
        let Some(threshold) = &raw.threshold else { return missing("threshold") };
        let Some(custodians) = &raw.custodians else { return missing("custodians") };
        let Some(contact) = &raw.contact else { return missing("contact") };
        let people: Vec<PersonId> =
            custodians.get_ref().iter().map(|person| self.known_person(person, people)).collect::<Read<_>>()?;
        let scheme = u8::try_from(people.len()).ok().and_then(|count| Scheme::new(*threshold.get_ref(), count));
        let Some(scheme) = scheme else {
            let what = format!(
                "backup.threshold is {} of {} custodians: it is at least 2, so that nobody opens the backup alone, less than all, so that a share may be lost, and there are at most {}",
                threshold.get_ref(),
                people.len(),
                crate::custody::SHARES_MAX
            );
            return self.error(threshold.span(), what);
        };
        let printer = raw.printer.as_ref().map(|printer| self.line_of_text("backup.printer", printer)).transpose()?;
        if let (Some(path), Some(of)) = (&printer, &raw.printer)
            && !path.starts_with("/dev/")
        {
            return self
                .error(of.span(), "backup.printer: the device of a printer without a spool, such as /dev/usb/lp0");
        }
        let contact = self.line_of_text("backup.contact", contact)?;
        Ok(BackupSpec {
            way,
            custody: Some(CustodySpec { scheme, custodians: people, contact, printer, dice: raw.dice }),
        })
    }

    pub(super) fn kept(&self, raw: &[RawKept]) -> Read<Vec<KeptSpec>> {
        self.unique("kept.name", raw.iter().map(|kept| &kept.name))?;
        let kept = raw.iter().map(|kept| {
            Ok(KeptSpec {
                name: self.short("kept.name", &kept.name)?,
                file: self.file("kept.file", &kept.file)?,
                sha256: self.digest("kept.sha256", &kept.sha256)?,
                sealed: match (&kept.sealed, &kept.sealed_sha256) {
                    (Some(file), Some(sha256)) => Some(KeptFile {
                        file: self.file("kept.sealed", file)?,
                        sha256: self.digest("kept.sealed-sha256", sha256)?,
                    }),
                    (None, None) => None,
                    (Some(one), None) | (None, Some(one)) => {
                        return self.error(one.span(), "kept.sealed and kept.sealed-sha256 go together");
                    }
                },
                keyid: kept.keyid.as_ref().map(|keyid| self.keyid(keyid)).transpose()?,
            })
        });
        kept.collect()
    }

    /// Steps about keys that are made in memory name keys that are.
    pub(super) fn made_in_memory(&self, script: &Script, acts: &Spanned<Vec<RawAct>>) -> Read<()> {
        let made: Vec<&Alias> = script.made_keys();
        for (at, name) in made.iter().enumerate() {
            if made[..at].contains(name) {
                return self.error(acts.span(), format!("the key {name} is made twice"));
            }
        }
        for (number, step) in script.numbered() {
            let name = match &step.action {
                Action::SealBackup(step) => &step.name,
                Action::GiveShares(step) => &step.name,
                Action::PutKey(step) => &step.name,
                Action::WipeKey(step) => &step.name,
                Action::WrapKey(step) => &step.name,
                Action::WipeKek(step) => &step.name,
                Action::UnwrapKey(step) => &step.name,
                Action::CloseKey(step) => &step.name,
                Action::CheckShares(step) if !script.kept.iter().any(|kept| kept.name == step.name) => {
                    let what = format!("step {number}: no [[kept]] has the name {}", step.name);
                    return self.error(acts.span(), what);
                }
                _ => continue,
            };
            if !made.contains(&name) {
                return self
                    .error(acts.span(), format!("step {number}: no step make-key, nor make-kek, has the name {name}"));
            }
        }
        if !made.is_empty() && script.custody().is_none() {
            return self.error(
                acts.span(),
                "[backup] is missing: a key for several tokens has way = \"software-born\" or way = \"wrapped\", with its custodians",
            );
        }
        let wrapped = script.backup.as_ref().is_some_and(|backup| backup.way == Way::Wrapped);
        for (number, step) in script.numbered() {
            let of_other = match &step.action {
                Action::MakeKey(_) | Action::SealBackup(_) | Action::PutKey(_) | Action::WipeKey(_) => wrapped,
                Action::MakeKek(_)
                | Action::WrapKey(_)
                | Action::WipeKek(_)
                | Action::UnwrapKey(_)
                | Action::CloseKey(_) => !wrapped,
                _ => false,
            };
            if of_other {
                let what = format!(
                    "step {number} belongs to another way than [backup] says: make-key, seal-backup, put-key, restore-key and wipe-key to \"software-born\"; make-kek, wrap-key, wipe-kek, unwrap-key and close-key to \"wrapped\""
                );
                return self.error(acts.span(), what);
            }
        }
        Ok(())
    }
}
