//! Many repositories at one sitting: what was collected, what became of each, and the one batch of payloads that is reviewed
//! and signed. The fold of the events that are about them; no rules and no IO.
//!
//! Payload bytes are not here. They stand in `payloads/` of the record under their SHA-256 and come with the answers that need
//! them, so that twenty thousand repositories fit into little memory, and nobody has to trust the file they came from.

mod batch;
pub mod certify;
pub mod changes;
pub mod collected;
pub mod compose;
pub mod delegations;
pub mod judge;
pub mod leaving;
pub mod pack;
pub mod read;
pub mod sheet;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

pub use self::batch::{Batch, Document, DocumentShape, Drafted, Owed, PayloadManifest, Shape};
use super::{
    event::{Event, SignedVersion},
    participants::Alias,
};
use crate::{
    digest::Digest,
    rules::Refusal,
    transfer::Gun,
    tuf::{
        certificate::Certificate,
        key::{Key, KeyId},
        verify::VerifiedBefore,
    },
    utc::Utc,
};

/// How many repositories are read or drafted in one operation.
pub const AT_ONCE: usize = 256;
/// How many signatures are committed together.
pub const SIGNATURES_AT_ONCE: usize = 64;

/// Everything that is known of the repositories of a ceremony.
#[derive(Clone, Default)]
pub struct Repositories {
    /// Their names, once the collection was opened.
    pub(in crate::ceremony) guns: Option<Arc<[Gun]>>,
    /// Those that were read so far, in the order of the names.
    pub(in crate::ceremony) known: Vec<Known>,
    /// How many lines of the list of what was signed before were read.
    pub(in crate::ceremony) signed_read: u64,
    /// The inputs that were read, as they stand in the record.
    pub(in crate::ceremony) packs: Vec<Pack>,
    /// Keys of today's roots and targets, by the id of the bare key.
    pub(in crate::ceremony) keys: BTreeMap<KeyId, Key>,
    /// What is to become of tags that are not as they were.
    pub(in crate::ceremony) verdict: Option<Verdict>,
    /// Verdicts one by one.
    pub(in crate::ceremony) judged: HashMap<(u32, String), bool>,
    /// Certificates that were signed here, by token and common name.
    pub(in crate::ceremony) certificates: BTreeMap<(Alias, String), Certificate>,
    /// What is to be signed.
    pub(in crate::ceremony) batch: Batch,
    /// How many batches were voided.
    pub(in crate::ceremony) voided: u32,
    /// What tokens had signed of them.
    pub(in crate::ceremony) spent: Vec<SignedVersion>,
    /// Signatures of today's metadata, and of tokens, that were verified: drafts and bundles are built on the same ones.
    pub(in crate::ceremony) verified: VerifiedBefore,
}

/// Inputs that stand in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pack {
    /// Their SHA-256.
    pub sha256: Digest,
    /// The first repository in it.
    pub from: u32,
    /// How many repositories it holds.
    pub count: u32,
}

/// What is known of one repository before anything is drafted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Known {
    /// Its name.
    pub gun: Gun,
    /// The version of its root today; 0 where there is none.
    pub root: u64,
    /// The version of its targets today; 0 where there are none.
    pub targets: u64,
    /// How many tags its targets name.
    pub tags: u32,
    /// Tags and delegations that are not as they were before the compromise; all, where nobody knows how they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// Why it is left out of the batch, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<Box<Refusal>>,
}

/// What becomes of tags that are not as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// They stay as they are now.
    Keep,
    /// They become as they were before the compromise; what was not there goes.
    Drop,
    /// People decide one by one.
    Each,
}

impl Repositories {
    /// The names of all repositories; none before the collection was opened.
    pub fn guns(&self) -> &[Gun] {
        self.guns.as_deref().unwrap_or_default()
    }

    /// What is known of each, as far as they were read.
    pub fn known(&self) -> &[Known] {
        &self.known
    }

    /// The inputs that were read, as they stand in the record.
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// Certificates that were signed here, by token and common name.
    pub fn certificates(&self) -> &BTreeMap<(Alias, String), Certificate> {
        &self.certificates
    }

    /// How many batches were voided.
    pub fn voided(&self) -> u32 {
        self.voided
    }

    /// The batch.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Signatures that were verified in this process.
    pub fn verified_before(&self) -> &VerifiedBefore {
        &self.verified
    }

    /// Whether every repository was read.
    pub fn all_read(&self) -> bool {
        self.guns.as_ref().is_some_and(|guns| self.known.len() >= guns.len())
    }

    /// Which repositories are left out, and why.
    pub fn left_out(&self) -> impl Iterator<Item = (&Gun, &Refusal)> {
        let unread = self.known.iter().filter_map(|known| Some((&known.gun, known.left_out.as_deref()?)));
        let undrafted = self
            .batch
            .left_out
            .iter()
            .filter_map(|(number, refusal)| Some((&self.known.get(*number as usize)?.gun, refusal.as_ref())));
        unread.chain(undrafted)
    }

    /// Whether a tag or delegation of a repository is to become as it was before the compromise; `None` where people have not
    /// decided yet.
    pub fn goes_back(&self, number: u32, what: &str) -> Option<bool> {
        match self.verdict? {
            Verdict::Keep => Some(false),
            Verdict::Drop => Some(true),
            Verdict::Each => self.judged.get(&(number, what.to_owned())).copied(),
        }
    }

    /// The first tag that is still to be judged, where people decide one by one.
    pub fn next_to_judge(&self) -> Option<(u32, &Gun, &str)> {
        if self.verdict != Some(Verdict::Each) {
            return None;
        }
        let all = self.known.iter().enumerate().filter(|(_, known)| known.left_out.is_none());
        let mut all = all.flat_map(|(number, known)| {
            known.changed.iter().map(move |what| (u32::try_from(number).unwrap_or(u32::MAX), &known.gun, what.as_str()))
        });
        all.find(|(number, _, what)| !self.judged.contains_key(&(*number, (*what).to_owned())))
    }

    /// How many tags and delegations are not as they were.
    pub fn changed(&self) -> usize {
        self.known.iter().filter(|known| known.left_out.is_none()).map(|known| known.changed.len()).sum()
    }

    /// Every document that a token signed: of batches that were voided, and of the one that stands, with whether it `is_spent`.
    pub(in crate::ceremony) fn signed_versions<'a>(
        &'a self,
        is_spent: impl Fn(&Drafted) -> bool + 'a,
    ) -> impl Iterator<Item = SignedVersion> + 'a {
        let stands = self.batch.signed_documents().filter_map(move |(drafted, of, document)| {
            Some(SignedVersion {
                repository: self.guns().get(drafted.number as usize)?.as_str().to_owned(),
                role: of.role.clone(),
                version: document.version,
                payload: document.payload,
                spent: is_spent(drafted),
            })
        });
        self.spent.iter().cloned().chain(stands)
    }

    /// The number of a repository.
    pub fn number(&self, gun: &Gun) -> Option<u32> {
        let number = self.guns().binary_search(gun).ok()?;
        u32::try_from(number).ok()
    }

    /// Folds in an event that is about repositories.
    pub(in crate::ceremony) fn apply(&mut self, event: &Event, at: Utc) {
        match event {
            Event::CollectionOpened { guns, .. } => self.guns = Some(guns.clone().into()),
            Event::RepositoriesRead { pack, repositories, keys } => {
                let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
                self.packs.push(Pack {
                    sha256: *pack,
                    from: count(self.known.len()),
                    count: count(repositories.len()),
                });
                self.known.extend(repositories.iter().cloned());
                self.keys.extend(keys.iter().map(|key| (key.canonical_id(), key.clone())));
            }
            Event::SignedBefore { to, .. } => self.signed_read = *to,
            Event::TagsJudged { verdict } => self.verdict = Some(*verdict),
            Event::TagJudged { gun, what, keep } => {
                if let Some(number) = self.number(gun) {
                    self.judged.insert((number, what.clone()), !keep);
                }
            }
            Event::BatchBegan { .. } => self.batch = Batch { date: Some(at.midnight()), ..Batch::default() },
            Event::RepositoriesDrafted { shapes, repositories, left_out, .. } => {
                self.drafted(shapes, repositories, left_out);
            }
            Event::RepositorySigned { alias, payload, signature, .. } => self.batch.signed(alias, *payload, signature),
            Event::RepositoriesExported { to, incomplete, refused, manifest, .. } => {
                self.batch.refused.extend(refused.iter().cloned());
                self.batch.exported = *to;
                self.batch.incomplete += incomplete;
                self.batch.published = *manifest;
                if manifest.is_some() {
                    // Nothing is verified of these repositories any more; tens of thousands of digests go.
                    self.verified = Default::default();
                }
            }
            _ => {}
        }
    }

    /// The batch with this list is void; another may be composed.
    pub(in crate::ceremony) fn void(&mut self, payload: Digest) {
        if self.batch.manifest.as_ref().is_some_and(|manifest| manifest.digest == payload) {
            self.spent = self.signed_versions(|_| true).collect();
            self.batch = Batch::default();
            self.voided += 1;
        }
    }

    fn drafted(
        &mut self,
        shapes: &[Shape],
        repositories: &[super::event::DraftedRepository],
        left_out: &[super::event::LeftOut],
    ) {
        let places: Vec<u32> = shapes.iter().map(|shape| self.batch.intern(shape)).collect();
        for drafted in repositories {
            let (Some(number), Some(shape)) = (self.number(&drafted.gun), places.get(drafted.shape)) else { continue };
            let documents = drafted.versions.iter().zip(&drafted.payloads);
            self.batch.drafted.push(Drafted {
                number,
                shape: *shape,
                documents: documents
                    .map(|(version, payload)| Document { version: *version, payload: *payload, signatures: vec![] })
                    .collect(),
                tags: drafted.tags,
            });
        }
        for out in left_out {
            if let Some(number) = self.number(&out.gun) {
                self.batch.left_out.push((number, Box::new(out.refusal.clone())));
            }
        }
        self.batch.packs += 1;
        if self.batch.packs == self.packs.len() {
            self.batch.complete();
            self.batch.sheet = Some(Arc::new(sheet::BatchSheet::of(self)));
        }
    }
}
