//! Reads what a script says of the backup.

use std::collections::BTreeMap;

use toml::Spanned;

use super::{Read, Reader};
use crate::{
    ceremony::{
        participants::{Alias, Person, PersonId},
        script::{
            BackupSpec, CustodySpec, KeptFile, KeptSpec, OldShares, Script, Way,
            raw::{RawAct, RawBackup, RawKept, RawOldShares},
        },
        steps::{Action, CheckShares, DestroyShares, OpenBackup},
    },
    custody::{Opens, Recipient, Scheme},
    rules::Rule,
    text::shown,
    utc::Utc,
};

impl Reader<'_> {
    pub(super) fn backup(&self, raw: &RawBackup, all: &[Person]) -> Read<BackupSpec> {
        let way = *raw.way.get_ref();
        if !matches!(way, Way::SoftwareBorn | Way::Wrapped) {
            let given = [
                raw.threshold.as_ref().map(Spanned::span),
                raw.custodians.as_ref().map(Spanned::span),
                raw.contact.as_ref().map(Spanned::span),
                raw.printer.as_ref().map(Spanned::span),
                raw.pages.as_ref().map(Spanned::span),
                raw.recipients.values().next().map(Spanned::span),
                raw.passphrase_copy.as_ref().map(Spanned::span),
                raw.dice.then(|| raw.way.span()),
            ];
            return match given.into_iter().flatten().next() {
                Some(span) => {
                    self.error(span, "backup: only way = \"software-born\" and way = \"wrapped\" have shares, custodians, paper, recipients and dice")
                }
                None => Ok(BackupSpec { way, custody: None }),
            };
        }
        let missing = |field: &str| self.error(raw.way.span(), format!("backup.{field} is missing"));
        let Some(threshold) = &raw.threshold else { return missing("threshold") };
        let Some(custodians) = &raw.custodians else { return missing("custodians") };
        let Some(contact) = &raw.contact else { return missing("contact") };
        let people: Vec<PersonId> =
            custodians.get_ref().iter().map(|person| self.known_person(person, all)).collect::<Read<_>>()?;
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
        if let (Way::Wrapped, Some(copy)) = (way, &raw.passphrase_copy) {
            let what = "backup.passphrase-copy: a wrapped key is in no memory, and is sealed with no passphrase";
            return self.error(copy.span(), what);
        }
        let copy = raw.passphrase_copy.as_ref().map(|person| self.known_person(person, all)).transpose()?;
        let pages = raw.pages.as_ref().map(|pages| self.pages(pages, raw)).transpose()?;
        let contact = self.line_of_text("backup.contact", contact)?;
        Ok(BackupSpec {
            way,
            custody: Some(CustodySpec {
                recipients: self.recipients(raw, &people)?,
                scheme,
                custodians: people,
                contact,
                printer,
                pages,
                passphrase_copy: copy,
                dice: raw.dice,
            }),
        })
    }

    /// A folder that lies in memory; whether it does, only the machine can say.
    fn pages(&self, pages: &Spanned<String>, raw: &RawBackup) -> Read<String> {
        let folder = self.line_of_text("backup.pages", pages)?;
        if raw.printer.is_some() {
            return self.error(pages.span(), "backup.pages: printer and pages are two ways; name one of them");
        }
        if !folder.starts_with('/') || folder.split('/').any(|part| matches!(part, "." | "..")) {
            let what = "backup.pages: the whole path of a folder that lies in memory, such as /dev/shm, without ..";
            return self.error(pages.span(), what);
        }
        Ok(folder)
    }

    /// `RECIPIENT-OWN`, as far as a script can say it: one person, one share.
    fn recipients(&self, raw: &RawBackup, custodians: &[PersonId]) -> Read<BTreeMap<PersonId, Recipient>> {
        let mut recipients: BTreeMap<PersonId, Recipient> = BTreeMap::new();
        for (id, text) in &raw.recipients {
            let refuse = |what: String| {
                self.error(text.span(), format!("backup.recipients: {}: {}: {what}", Rule::RecipientOwn, shown(id)))
            };
            let shares = custodians.iter().filter(|person| person.as_str() == id).count();
            let Ok(person) = PersonId::try_from(id.clone()) else { return refuse("that is no id of a person".into()) };
            match shares {
                0 => return refuse("they are no custodian, and a share is encrypted to nobody else".into()),
                1 => {}
                more => return refuse(format!("they keep {more} shares, and one identity would open all of them")),
            }
            let recipient: Recipient = match text.get_ref().parse() {
                Ok(recipient) => recipient,
                Err(what) => return refuse(what),
            };
            if let Some((other, _)) = recipients.iter().find(|(_, known)| **known == recipient) {
                return refuse(format!("{other} has the same one, and one identity would open both shares"));
            }
            recipients.insert(person, recipient);
        }
        Ok(recipients)
    }

    pub(super) fn kept(&self, raw: &[RawKept], people: &[Person]) -> Read<Vec<KeptSpec>> {
        self.unique("kept.name", raw.iter().map(|kept| &kept.name))?;
        let kept = raw.iter().map(|kept| {
            Ok(KeptSpec {
                name: self.short("kept.name", &kept.name)?,
                file: self.file("kept.file", &kept.file)?,
                sha256: self.digest("kept.sha256", &kept.sha256)?,
                opens: self.opens(kept)?,
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
                copies: self.copies(kept)?,
                keyid: kept.keyid.as_ref().map(|keyid| self.keyid(keyid)).transpose()?,
                threshold: kept.threshold.as_ref().map(|threshold| *threshold.get_ref()),
                custodians: self.holders(kept, people)?,
                old_shares: self.old_shares(kept)?,
            })
        });
        kept.collect()
    }

    /// What its shares open.
    fn opens(&self, kept: &RawKept) -> Read<Opens> {
        match kept.way.as_ref().map(|way| (*way.get_ref(), way.span())) {
            None | Some((Way::SoftwareBorn, _)) => Ok(Opens::SealedFile),
            Some((Way::Wrapped, _)) => Ok(Opens::WrappedKey),
            Some((Way::Redundancy | Way::None, span)) => {
                self.error(span, "kept.way: a backup with shares is of \"software-born\" or of \"wrapped\"")
            }
        }
    }

    /// Where else the sealed file lies.
    fn copies(&self, kept: &RawKept) -> Read<Vec<String>> {
        let copies = kept.sealed_copies.iter().map(|copy| {
            let path = self.line_of_text("kept.sealed-copies", copy)?;
            if path.is_empty() || path.ends_with('/') || path.split('/').any(|part| matches!(part, "." | "..")) {
                let what = "kept.sealed-copies: a path from the script's own folder on, or an absolute one, without ..";
                return self.error(copy.span(), what);
            }
            Ok(path)
        });
        match kept.sealed_copies.first().filter(|_| kept.sealed.is_none()) {
            Some(copy) => self.error(copy.span(), "kept.sealed-copies: copies of what? kept.sealed is missing"),
            None => copies.collect(),
        }
    }

    /// Who comes with which share.
    fn holders(&self, kept: &RawKept, people: &[Person]) -> Read<Vec<(u8, PersonId)>> {
        let mut holders: Vec<(u8, PersonId)> = vec![];
        for holder in &kept.custodians {
            let share = *holder.share.get_ref();
            if share == 0 || share > crate::custody::SHARES_MAX || holders.iter().any(|(other, _)| *other == share) {
                let what = format!("kept.custodians: share {share} is named twice, or is none (they count from 1)");
                return self.error(holder.share.span(), what);
            }
            holders.push((share, self.known_person(&holder.person, people)?));
        }
        Ok(holders)
    }

    fn old_shares(&self, kept: &RawKept) -> Read<Option<OldShares>> {
        match (&kept.old_shares, &kept.rotate_by) {
            (None, None) => Ok(None),
            (Some(what), Some(by)) if matches!(what.get_ref(), RawOldShares::Rotate) => {
                let day = Utc::parse_rfc3339(&format!("{}T00:00:00Z", by.get_ref()));
                day.map_or_else(
                    || self.error(by.span(), "kept.rotate-by: a day like 2028-01-31"),
                    |by| Ok(Some(OldShares::Rotate { by })),
                )
            }
            (Some(what), None) if matches!(what.get_ref(), RawOldShares::Destroy) => Ok(Some(OldShares::Destroy)),
            (Some(what), None) => {
                self.error(what.span(), "kept.rotate-by is missing: the day by which the key is rotated")
            }
            (_, Some(by)) => self.error(by.span(), "kept.rotate-by goes with old-shares = \"rotate\" alone"),
        }
    }

    /// A wrapped key is opened on a token, and in no memory; any other key in memory, and on no token.
    fn is_opened_where_it_can(
        &self,
        number: &str,
        step: &OpenBackup,
        kept: &KeptSpec,
        acts: &Spanned<Vec<RawAct>>,
    ) -> Read<()> {
        let name = &step.name;
        let what = match (kept.opens, &step.token) {
            (Opens::WrappedKey, None) => {
                format!(
                    "step {number}: open-backup of {name}, which is a wrapped key, needs the field token: a token unwraps it, to wrap it anew"
                )
            }
            (Opens::SealedFile, Some(_)) => {
                format!(
                    "step {number}: open-backup of {name} has no field token: its [[kept]] is no wrapped key, and is opened in memory"
                )
            }
            _ => return Ok(()),
        };
        self.error(acts.span(), what)
    }

    /// Steps about keys that are made in memory name keys that are.
    pub(super) fn made_in_memory(&self, script: &Script, acts: &Spanned<Vec<RawAct>>) -> Read<()> {
        let made: Vec<&Alias> = script.made_keys();
        for (at, name) in made.iter().enumerate() {
            if made[..at].contains(name) {
                return self.error(acts.span(), format!("the key {name} is made, or brought into memory, twice"));
            }
        }
        for (number, step) in script.numbered() {
            let name = match &step.action {
                Action::SealBackup(step) => &step.name,
                Action::GiveShares(step) => &step.name,
                // A backup that was made before is restored without a key in memory.
                Action::PutKey(step)
                    if step.from_shares && script.kept_as(&step.name).is_some() && !made.contains(&&step.name) =>
                {
                    continue;
                }
                Action::PutKey(step) => &step.name,
                Action::WipeKey(step) => &step.name,
                Action::WrapKey(step) => &step.name,
                Action::WipeKek(step) => &step.name,
                Action::UnwrapKey(step) => &step.name,
                Action::CloseKey(step) => &step.name,
                Action::CheckShares(CheckShares { name })
                | Action::DestroyShares(DestroyShares { name, .. })
                | Action::OpenBackup(OpenBackup { name, .. }) => {
                    let Some(kept) = script.kept_as(name) else {
                        let what = format!("step {number}: no [[kept]] has the name {name}");
                        return self.error(acts.span(), what);
                    };
                    let opens = matches!(step.action, Action::OpenBackup(_));
                    if opens && (kept.sealed.is_none() || kept.keyid.is_none()) {
                        let what = format!(
                            "step {number}: the [[kept]] {name} needs sealed, sealed-sha256 and keyid to be opened"
                        );
                        return self.error(acts.span(), what);
                    }
                    if let Action::OpenBackup(step) = &step.action {
                        self.is_opened_where_it_can(&number, step, kept, acts)?;
                    }
                    if step.action.token().is_none() {
                        continue;
                    }
                    name
                }
                _ => continue,
            };
            if !made.contains(&name) {
                return self.error(
                    acts.span(),
                    format!(
                        "step {number}: no step make-key, nor take-key, open-backup or make-kek, has the name {name}"
                    ),
                );
            }
        }
        if !made.is_empty() && script.custody().is_none() {
            return self.error(
                acts.span(),
                "[backup] is missing (BACKUP-DECLARED): a key for several tokens, made or taken into memory or wrapped, has way = \"software-born\" or way = \"wrapped\", with its custodians",
            );
        }
        let wrapped = script.backup.as_ref().is_some_and(|backup| backup.way == Way::Wrapped);
        for (number, step) in script.numbered() {
            let of_other = match &step.action {
                Action::MakeKey(_) | Action::SealBackup(_) | Action::PutKey(_) | Action::WipeKey(_) => wrapped,
                Action::OpenBackup(step) => wrapped == step.token.is_none(),
                Action::MakeKek(_)
                | Action::WrapKey(_)
                | Action::WipeKek(_)
                | Action::UnwrapKey(_)
                | Action::CloseKey(_) => !wrapped,
                _ => false,
            };
            if of_other {
                let what = format!(
                    "step {number} belongs to another way than [backup] says: make-key, open-backup without a token, seal-backup, put-key, restore-key and wipe-key to \"software-born\"; make-kek, open-backup with a token, wrap-key, wipe-kek, unwrap-key and close-key to \"wrapped\""
                );
                return self.error(acts.span(), what);
            }
        }
        Ok(())
    }
}
