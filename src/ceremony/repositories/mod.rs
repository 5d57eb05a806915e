//! Many repositories at one sitting: what was collected, what became of each, and the one batch of payloads that is reviewed
//! and signed. The fold of the events that are about them; no rules and no IO.
//!
//! Payload bytes are not here. They stand in `payloads/` of the record under their SHA-256 and come with the answers that need
//! them, so that twenty thousand repositories fit into little memory, and nobody has to trust the file they came from.

pub mod certify;
pub mod changes;
pub mod compose;
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

use super::{
    event::{Event, SignedVersion},
    participants::Alias,
    script::Signatory,
};
use crate::{
    digest::Digest,
    readback::{ManifestRead, ReadBack},
    rules::Refusal,
    transfer::Gun,
    tuf::{
        certificate::Certificate,
        key::{Key, KeyId},
        role::RoleName,
        verify::VerifiedBefore,
    },
    utc::Utc,
};

/// How many repositories are read or drafted in one operation.
pub const AT_ONCE: usize = 256;
/// How many signatures are committed together, at most; a slow token commits what it made in a few seconds.
pub const SIGNATURES_AT_ONCE: usize = 256;

/// Everything that is known of the repositories of a ceremony.
#[derive(Clone, Default)]
pub struct Repositories {
    /// Their names, once the collection was opened.
    pub(in crate::ceremony) guns: Option<Arc<[Gun]>>,
    /// Those that were read so far, in the order of the names.
    pub(in crate::ceremony) known: Vec<Known>,
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

/// The payloads that are reviewed and signed together.
#[derive(Clone, Default)]
pub struct Batch {
    /// The date of the batch, at midnight: the instant from which its expiries count.
    pub(in crate::ceremony) date: Option<Utc>,
    /// Ways in which repositories change; most share one.
    pub(in crate::ceremony) shapes: Vec<Arc<Shape>>,
    /// What was drafted, in the order of the names.
    pub(in crate::ceremony) drafted: Vec<Drafted>,
    /// Repositories that could not be drafted, by their number, beside those that could not be read.
    pub(in crate::ceremony) left_out: Vec<(u32, Box<Refusal>)>,
    /// How many packs were drafted.
    pub(in crate::ceremony) packs: usize,
    /// The list of its payloads, once all are drafted.
    pub(in crate::ceremony) manifest: Option<Arc<PayloadManifest>>,
    /// What people read, once all are drafted.
    pub(in crate::ceremony) sheet: Option<Arc<sheet::BatchSheet>>,
    /// The read-back of the list.
    pub(in crate::ceremony) read_back: Option<ReadBack>,
    /// The proof of it.
    pub(in crate::ceremony) reviewed: Option<Arc<ManifestRead>>,
    /// How many signatures tokens made.
    pub(in crate::ceremony) signatures: u32,
    /// How many documents each token signs, and has signed.
    shares: BTreeMap<Alias, (usize, usize)>,
    /// Which documents have a payload: targets that say the same in several repositories are the same bytes.
    places: HashMap<Digest, Vec<(u32, u8)>>,
    /// Where each token's last signature belonged: they come in the order of the documents.
    cursors: BTreeMap<Alias, usize>,
    /// How many repositories were written out.
    pub(in crate::ceremony) exported: u32,
    /// How many of these wait for a signature that is made elsewhere.
    pub(in crate::ceremony) incomplete: u32,
    /// Repositories whose bundle was not written, because a rule said no.
    pub(in crate::ceremony) refused: Vec<super::event::LeftOut>,
    /// The SHA-256 of the manifest of what was written out, once all is.
    pub(in crate::ceremony) published: Option<Digest>,
}

/// One way in which repositories change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Shape {
    /// The documents that are written, root before targets before delegated roles.
    pub documents: Vec<DocumentShape>,
    /// What people should know although no rule says no.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What is the same in one document of many repositories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DocumentShape {
    /// Which role.
    pub role: RoleName,
    /// The change in words, a line each, without what differs from repository to repository.
    pub changes: Vec<String>,
    /// Who signs it.
    pub signers: Vec<Signatory>,
}

/// What was drafted for one repository.
#[derive(Clone, Debug)]
pub struct Drafted {
    /// Its number among the names.
    pub number: u32,
    /// Its shape.
    pub shape: u32,
    /// Its documents, as many as the shape has.
    pub documents: Vec<Document>,
    /// How many tags are kept and how many become as they were, where tags are written.
    pub tags: Option<(u32, u32)>,
}

/// One document to be signed.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its version.
    pub version: u64,
    /// The SHA-256 of the bytes to sign.
    pub payload: Digest,
    /// Signatures so far: which of the shape's signers, and the signature as a token gave it.
    pub signatures: Vec<(u8, Box<[u8]>)>,
}

/// The list of payloads in the form of `sha256sum`, sorted: what people read back. A second machine makes the same list from the
/// files of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadManifest {
    /// The lines.
    pub text: Arc<str>,
    /// Their SHA-256.
    pub digest: Digest,
}

impl PayloadManifest {
    /// The list of these payloads.
    pub fn of(payloads: impl IntoIterator<Item = Digest>) -> Self {
        let mut lines: Vec<String> =
            payloads.into_iter().map(|payload| format!("{payload}  payloads/{payload}\n")).collect();
        lines.sort_unstable();
        lines.dedup();
        let text: Arc<str> = lines.concat().into();
        Self { digest: Digest::of(text.as_bytes()), text }
    }
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

    /// Every document of the batch that a token signed.
    pub fn signed_versions(&self) -> impl Iterator<Item = SignedVersion> {
        self.batch.drafted.iter().flat_map(move |drafted| {
            let shape = self.batch.shape(drafted);
            let signed =
                drafted.documents.iter().zip(&shape.documents).filter(|(document, _)| !document.signatures.is_empty());
            signed.filter_map(move |(document, of)| {
                Some(SignedVersion {
                    repository: self.guns().get(drafted.number as usize)?.as_str().to_owned(),
                    role: of.role.clone(),
                    version: document.version,
                    payload: document.payload,
                })
            })
        })
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
            Event::TagsJudged { verdict } => self.verdict = Some(*verdict),
            Event::TagJudged { gun, what, keep } => {
                if let Some(number) = self.number(gun) {
                    self.judged.insert((number, what.clone()), !keep);
                }
            }
            Event::BatchBegan => self.batch = Batch { date: Some(at.midnight()), ..Batch::default() },
            Event::RepositoriesDrafted { shapes, repositories, left_out, .. } => {
                self.drafted(shapes, repositories, left_out);
            }
            Event::RepositorySigned { alias, payload, signature, .. } => self.batch.signed(alias, *payload, signature),
            Event::RepositoriesExported { to, incomplete, refused, manifest, .. } => {
                self.batch.refused.extend(refused.iter().cloned());
                self.batch.exported = *to;
                self.batch.incomplete += incomplete;
                self.batch.published = *manifest;
            }
            _ => {}
        }
    }

    /// The batch with this list is void; another may be composed.
    pub(in crate::ceremony) fn void(&mut self, payload: Digest) {
        if self.batch.manifest.as_ref().is_some_and(|manifest| manifest.digest == payload) {
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

impl Batch {
    fn intern(&mut self, shape: &Shape) -> u32 {
        let place = self.shapes.iter().position(|known| **known == *shape).unwrap_or_else(|| {
            self.shapes.push(Arc::new(shape.clone()));
            self.shapes.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    /// The list of its payloads, once all are drafted.
    pub fn manifest(&self) -> Option<&Arc<PayloadManifest>> {
        self.manifest.as_ref()
    }

    /// What people read, once all are drafted.
    pub fn sheet(&self) -> Option<&Arc<sheet::BatchSheet>> {
        self.sheet.as_ref()
    }

    /// The proof that the list was read back.
    pub fn reviewed(&self) -> Option<&Arc<ManifestRead>> {
        self.reviewed.as_ref()
    }

    /// What was drafted.
    pub fn drafted(&self) -> &[Drafted] {
        &self.drafted
    }

    /// The shape of what was drafted.
    pub fn shape(&self, drafted: &Drafted) -> &Shape {
        &self.shapes[drafted.shape as usize]
    }

    /// Every payload, once all are drafted.
    pub fn payloads(&self) -> impl Iterator<Item = Digest> {
        self.places.keys().copied()
    }

    /// The SHA-256 of the manifest of what was written out, once all is.
    pub fn published(&self) -> Option<Digest> {
        self.published
    }

    /// How many signatures were made, and how many repositories were written out.
    pub fn progress(&self) -> (u32, u32) {
        (self.signatures, self.exported)
    }

    /// Keeps a right read-back of the list, and mints the proof.
    pub(in crate::ceremony) fn read_back(&mut self, payload: Digest, read_back: &ReadBack) {
        if let Some(manifest) = self.manifest.as_ref().filter(|manifest| manifest.digest == payload) {
            self.reviewed = ManifestRead::new(&manifest.text, read_back).map(Arc::new);
            self.read_back = Some(read_back.clone());
        }
    }

    /// Every document that `alias` signs and has not signed.
    pub fn owed_by<'a>(&'a self, alias: &'a Alias) -> impl Iterator<Item = Owed<'a>> {
        let start = self.cursors.get(alias).copied().unwrap_or_default();
        let (before, after) = self.drafted.split_at(start.min(self.drafted.len()));
        after.iter().chain(before).flat_map(move |drafted| {
            drafted.documents.iter().zip(&self.shape(drafted).documents).filter_map(move |(document, of)| {
                let place = of.signers.iter().position(|signer| signer.token() == Some(alias))?;
                let signed = document.signatures.iter().any(|(signer, _)| usize::from(*signer) == place);
                (!signed).then_some(Owed { number: drafted.number, role: &of.role, document })
            })
        })
    }

    /// The payloads of the next few signatures that `alias` owes: each once, however many documents it is in.
    pub fn next_payloads(&self, alias: &Alias, count: usize) -> Vec<Digest> {
        let mut seen = std::collections::HashSet::new();
        let owed = self.owed_by(alias).map(|owed| owed.document.payload);
        owed.filter(|payload| seen.insert(*payload)).take(count).collect()
    }

    /// How many documents `alias` signs, and how many of them it has signed.
    pub fn share_of(&self, alias: &Alias) -> (usize, usize) {
        self.shares.get(alias).copied().unwrap_or_default()
    }

    /// How many documents have this payload and are signed by `alias`.
    pub fn documents_with(&self, payload: Digest, alias: &Alias) -> usize {
        let places = self.places.get(&payload).map(Vec::as_slice).unwrap_or_default();
        let signs = |(index, place): &&(u32, u8)| {
            let of = self.drafted.get(*index as usize).map(|drafted| self.shape(drafted));
            let of = of.and_then(|shape| shape.documents.get(usize::from(*place)));
            of.is_some_and(|of| of.signers.iter().any(|signer| signer.token() == Some(alias)))
        };
        places.iter().filter(signs).count()
    }

    /// Whether `alias` signed everything that it signs.
    pub fn is_signed_by(&self, alias: &Alias) -> bool {
        let (all, signed) = self.share_of(alias);
        signed >= all
    }

    /// The first document with this payload, and the signature that a token made over it.
    pub fn first_with(&self, payload: Digest) -> Option<(&Drafted, &DocumentShape)> {
        let (drafted, place) = self.places.get(&payload)?.first()?;
        let drafted = self.drafted.get(*drafted as usize)?;
        Some((drafted, self.shape(drafted).documents.get(usize::from(*place))?))
    }

    fn complete(&mut self) {
        for (index, drafted) in self.drafted.iter().enumerate() {
            let shape = &self.shapes[drafted.shape as usize];
            for (place, (document, of)) in drafted.documents.iter().zip(&shape.documents).enumerate() {
                let at = (u32::try_from(index).unwrap_or(u32::MAX), u8::try_from(place).unwrap_or(u8::MAX));
                self.places.entry(document.payload).or_default().push(at);
                for alias in of.signers.iter().filter_map(Signatory::token) {
                    self.shares.entry(alias.clone()).or_default().0 += 1;
                }
            }
        }
        self.manifest = Some(Arc::new(PayloadManifest::of(self.places.keys().copied())));
    }

    fn signed(&mut self, alias: &Alias, payload: Digest, signature: &str) {
        let Some(bytes) = crate::digest::from_hex(signature) else { return };
        let mut counted = 0;
        for (index, place) in self.places.get(&payload).map(Vec::as_slice).unwrap_or_default() {
            let Some(drafted) = self.drafted.get_mut(*index as usize) else { continue };
            let of = &self.shapes[drafted.shape as usize].documents[usize::from(*place)];
            let signer = of.signers.iter().position(|signer| signer.token() == Some(alias));
            let Some(signer) = signer.and_then(|signer| u8::try_from(signer).ok()) else { continue };
            let document = &mut drafted.documents[usize::from(*place)];
            if document.signatures.iter().all(|(known, _)| *known != signer) {
                document.signatures.push((signer, bytes.as_slice().into()));
                counted += 1;
                let cursor = self.cursors.entry(alias.clone()).or_default();
                *cursor = (*cursor).max(*index as usize);
            }
        }
        self.shares.entry(alias.clone()).or_default().1 += counted;
        self.signatures += u32::from(counted > 0);
    }
}

/// A document that somebody has yet to sign.
#[derive(Clone, Copy, Debug)]
pub struct Owed<'a> {
    /// The number of its repository.
    pub number: u32,
    /// Its role.
    pub role: &'a RoleName,
    /// The document.
    pub document: &'a Document,
}
