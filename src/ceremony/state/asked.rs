//! What may be asked of a ceremony: who plays which part, what is known of a token, what was drafted, signed and exported.

use std::{collections::BTreeSet, sync::Arc};

use super::{Ceremony, Closing, Cursor, Draft, TokenState};
use crate::{
    ceremony::{
        event::{Mode, PreviousCeremony, SignedVersion, Stamp},
        operation::{ExportedFile, Operation},
        participants::{Alias, PersonId},
        repositories::{Document, Drafted, Repositories},
        script::Script,
        sheet::TokenCard,
        steps::Step,
    },
    digest::Digest,
    readback::Blind,
    transfer::Gun,
    tuf::{role::RoleName, root::Root, verify::Verified},
};

impl Ceremony {
    /// The step that is being done; `None` at the end of an act and after the last.
    pub fn step(&self) -> Option<&Step> {
        self.script.acts.get(self.cursor.act)?.steps.get(self.cursor.step)
    }

    /// Whoever plays the part of `person` today: themselves, or their surrogate if they are absent.
    pub fn acting(&self, person: &PersonId) -> PersonId {
        if self.people.get(person).is_some_and(|presence| !presence.here) {
            let surrogate = self.script.people.iter().find(|other| {
                other.stands_in_for.as_ref() == Some(person) && self.people.get(&other.id).is_some_and(|p| p.here)
            });
            if let Some(surrogate) = surrogate {
                return surrogate.id.clone();
            }
        }
        person.clone()
    }

    /// The token that plays the part of `alias` today: itself, or the spare that replaced it.
    pub fn playing(&self, alias: &Alias) -> Alias {
        let mut alias = alias;
        while let Some(spare) = self.substitutes.get(alias) {
            alias = spare;
        }
        alias.clone()
    }

    /// What is known of a token.
    pub fn token(&self, alias: &Alias) -> TokenState {
        self.tokens.get(alias).cloned().unwrap_or_default()
    }

    /// A token as people recognise it.
    pub fn card(&self, alias: &Alias) -> TokenCard {
        let script = &self.script;
        let spec = script.token(alias);
        let holder = spec.map(|spec| self.acting(&spec.holder));
        let known = self.token(alias).bound.map(|seen| seen.token.serial);
        TokenCard {
            alias: alias.clone(),
            holder_name: holder.as_ref().map(|id| script.name(id).to_owned()).unwrap_or_default(),
            holder: holder.unwrap_or_else(|| script.people[0].id.clone()),
            tag: spec.map(|spec| spec.tag.clone()).unwrap_or_default(),
            serial: known.or_else(|| spec.and_then(|spec| spec.known.as_ref().map(|known| known.serial.clone()))),
        }
    }

    /// The payload that is being worked on: the last that is not void.
    pub fn draft(&self) -> Option<&Draft> {
        self.drafts.iter().rev().find(|draft| draft.voided.is_none())
    }

    /// Everything that was ever drafted, voided payloads too.
    pub fn drafts(&self) -> &[Draft] {
        &self.drafts
    }

    /// The previous root, verified.
    pub fn previous_root(&self) -> Option<&Verified<Root>> {
        self.previous.as_deref()
    }

    /// The script.
    pub fn script(&self) -> &Arc<Script> {
        &self.script
    }

    /// Rehearsal or production. A ceremony that has not begun counts as a rehearsal.
    pub fn mode(&self) -> Mode {
        self.mode.unwrap_or(Mode::Rehearsal)
    }

    /// The last entry.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Where the ceremony is.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// How it ended, if it did.
    pub fn closing(&self) -> Option<Closing> {
        self.closing
    }

    /// Whether the operator left; a resume is needed.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// What the program was about to do when the transcript ended.
    pub fn intent(&self) -> Option<&Operation> {
        self.intent.as_ref()
    }

    /// Whether the last try of a PIN may be spent on the operation that comes next.
    pub fn last_try_may_be_spent(&self) -> bool {
        self.last_try
    }

    /// The labels of the media that hold the record.
    pub fn media(&self) -> &[String] {
        &self.media
    }

    /// Whether enough tokens signed everything of the batch that they sign.
    pub fn batch_met(&self) -> bool {
        let signed = |alias: &Alias| self.signed_its_share(alias);
        self.repositories.batch().manifest().is_some() && self.script.repositories_met(&signed)
    }

    /// Whether enough others signed what a token of the script signs in the batch.
    pub fn can_spare(&self, alias: &Alias) -> bool {
        let signed = |other: &Alias| self.signed_its_share(other);
        self.repositories.batch().manifest().is_some() && self.script.can_spare(alias, &signed)
    }

    /// Whether enough tokens signed everything that is drafted for a repository: whoever holds the record can publish it.
    fn is_complete(&self, drafted: &Drafted) -> bool {
        let of = &self.repositories.batch().shape(drafted).documents;
        drafted.documents.iter().zip(of).all(|(document, of)| {
            let signed = |alias: &Alias| {
                let playing = self.playing(alias);
                let place = of.signers.iter().position(|signer| signer.token() == Some(&playing));
                place.is_some_and(|place| document.signatures.iter().any(|(signer, _)| usize::from(*signer) == place))
            };
            !document.signatures.is_empty() && self.script.document_met(&of.role, &signed)
        })
    }

    /// How many repositories of the batch have every signature that they need from tokens, whatever is missing of others; and the first.
    pub fn complete_repositories(&self) -> (usize, Option<&Gun>) {
        let batch = self.repositories.batch();
        // Those that were signed by the same are complete, or not, alike.
        let mut known: Vec<(u32, Vec<Vec<u8>>, bool)> = vec![];
        let mut complete = batch.drafted().iter().filter(|drafted| {
            let by = |document: &Document| document.signatures.iter().map(|(signer, _)| *signer).collect();
            let by: Vec<Vec<u8>> = drafted.documents.iter().map(by).collect();
            match known.iter().find(|(shape, others, _)| *shape == drafted.shape && *others == by) {
                Some((.., complete)) => *complete,
                None => {
                    let complete = self.is_complete(drafted);
                    known.push((drafted.shape, by, complete));
                    complete
                }
            }
        });
        let first = complete.next();
        let named = first.and_then(|drafted| self.repositories.guns().get(drafted.number as usize));
        (usize::from(first.is_some()) + complete.count(), named)
    }

    fn signed_its_share(&self, alias: &Alias) -> bool {
        let (all, signed) = self.repositories.batch().share_of(&self.playing(alias));
        all > 0 && signed >= all
    }

    /// What is known of the repositories of a ceremony about many.
    pub fn repositories(&self) -> &Repositories {
        &self.repositories
    }

    /// Everything that was exported.
    pub fn exported(&self) -> &[ExportedFile] {
        &self.exported
    }

    /// The head that paper holds: the last whose words were written down, or the last entry's where none were.
    pub fn paper_head(&self) -> Digest {
        self.last_paper.map_or(self.stamp.head, |paper| paper.head)
    }

    /// The ceremony before this one, where it is known.
    pub fn previous_ceremony(&self) -> Option<&PreviousCeremony> {
        self.previous_ceremony.as_ref()
    }

    /// What this ceremony signed, for the card and for the next ceremony (`VERSION-SIGNED-ONCE`).
    pub fn signed_versions(&self) -> Vec<SignedVersion> {
        let given_up = self.closing == Some(Closing::Abandoned);
        let signed = self.drafts.iter().filter(|draft| !draft.signatures.is_empty());
        let single = signed.map(|draft| SignedVersion {
            repository: self.script.repository.clone(),
            role: RoleName::Root,
            version: draft.version,
            payload: draft.payload,
            spent: draft.voided.is_some() || (given_up && !draft.met),
        });
        single.chain(self.signed_documents()).collect()
    }

    /// The same of a batch alone, one after the other.
    pub(in crate::ceremony) fn signed_documents(&self) -> impl Iterator<Item = SignedVersion> {
        let given_up = self.closing == Some(Closing::Abandoned);
        let repositories = &self.repositories;
        let kept_back: BTreeSet<&Gun> = repositories.batch.refused.iter().map(|out| &out.gun).collect();
        repositories.signed_versions(move |drafted| {
            let gun = repositories.guns().get(drafted.number as usize);
            // What a rule kept back at the export went to nobody.
            gun.is_some_and(|gun| kept_back.contains(gun)) || (given_up && !self.is_complete(drafted))
        })
    }

    /// The same as records have it that were written before signatures were called spent.
    pub(in crate::ceremony) fn signed_documents_of_the_batch(&self) -> impl Iterator<Item = SignedVersion> {
        self.repositories.signed_versions(|_| false).skip(self.repositories.spent.len())
    }

    /// A blind read-back of `digest`; each refusal and each entry hides other words.
    pub(in crate::ceremony) fn blind(&self, digest: Digest, length: usize) -> Blind {
        Blind::new(digest, length, self.stamp.seq)
    }
}
