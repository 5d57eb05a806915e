//! The one batch of payloads that is reviewed and signed together, and what leaves of it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    super::{event::LeftOut, participants::Alias, script::Signatory},
    sheet,
};
use crate::{
    digest::Digest,
    readback::{ManifestRead, ReadBack},
    rules::Refusal,
    tuf::role::RoleName,
    utc::Utc,
};

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
    pub(super) shares: BTreeMap<Alias, (usize, usize)>,
    /// Which documents have a payload: targets that say the same in several repositories are the same bytes.
    pub(super) places: HashMap<Digest, Vec<(u32, u8)>>,
    /// Where each token's last signature belonged: they come in the order of the documents.
    pub(super) cursors: BTreeMap<Alias, usize>,
    /// How many repositories were written out.
    pub(in crate::ceremony) exported: u32,
    /// How many of these wait for a signature that is made elsewhere.
    pub(in crate::ceremony) incomplete: u32,
    /// Repositories whose bundle was not written, because a rule said no.
    pub(in crate::ceremony) refused: Vec<LeftOut>,
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

/// The length of a line: two digests in hexadecimal, and what stands between and after them.
const LINE: usize = 64 + "  payloads/".len() + 64 + 1;

impl PayloadManifest {
    /// The list of these payloads.
    pub fn of(payloads: impl IntoIterator<Item = Digest>) -> Self {
        // Lines stand in the order of their digests.
        let mut payloads: Vec<Digest> = payloads.into_iter().collect();
        payloads.sort_unstable();
        payloads.dedup();
        let mut text = String::with_capacity(payloads.len() * LINE);
        payloads
            .iter()
            .for_each(|payload| text.extend([&payload.to_string(), "  payloads/", &payload.to_string(), "\n"]));
        let text: Arc<str> = text.into();
        Self { digest: Digest::of(text.as_bytes()), text }
    }
}

impl Batch {
    pub(super) fn intern(&mut self, shape: &Shape) -> u32 {
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

    /// Its date, at midnight: its expiries count from there.
    pub fn date(&self) -> Option<Utc> {
        self.date
    }

    /// The ways in which repositories change.
    pub fn shapes(&self) -> &[Arc<Shape>] {
        &self.shapes
    }

    /// Repositories whose bundle was not written, because a rule said no.
    pub fn refused(&self) -> &[LeftOut] {
        &self.refused
    }

    /// How many bundles wait for a signature that is made elsewhere.
    pub fn incomplete(&self) -> u32 {
        self.incomplete
    }

    /// The SHA-256 of the manifest of what was written out, once all is.
    pub fn published(&self) -> Option<Digest> {
        self.published
    }

    /// How many documents each token signs, and has signed.
    pub fn shares(&self) -> impl Iterator<Item = (&Alias, usize, usize)> {
        self.shares.iter().map(|(alias, (all, signed))| (alias, *all, *signed))
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

    /// Every document that a token signed, with what was drafted beside it and its shape.
    pub fn signed_documents(&self) -> impl Iterator<Item = (&Drafted, &DocumentShape, &Document)> {
        self.drafted.iter().flat_map(|drafted| {
            let documents = drafted.documents.iter().zip(&self.shape(drafted).documents);
            documents
                .filter(|(document, _)| !document.signatures.is_empty())
                .map(move |(document, of)| (drafted, of, document))
        })
    }

    /// The first document with this payload, and the signature that a token made over it.
    pub fn first_with(&self, payload: Digest) -> Option<(&Drafted, &DocumentShape)> {
        let (drafted, place) = self.places.get(&payload)?.first()?;
        let drafted = self.drafted.get(*drafted as usize)?;
        Some((drafted, self.shape(drafted).documents.get(usize::from(*place))?))
    }

    pub(super) fn complete(&mut self) {
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

    pub(super) fn signed(&mut self, alias: &Alias, payload: Digest, signature: &str) {
        let Some(bytes) = crate::digest::from_hex(signature) else { return };
        let mut counted = 0;
        for (index, place) in self.places.get(&payload).map(Vec::as_slice).unwrap_or_default() {
            let Some(drafted) = self.drafted.get_mut(*index as usize) else { continue };
            let of = &self.shapes[drafted.shape as usize].documents[usize::from(*place)];
            let signer = of.signers.iter().position(|signer| signer.token() == Some(alias));
            let Some(signer) = signer.and_then(|signer| u8::try_from(signer).ok()) else { continue };
            let document = &mut drafted.documents[usize::from(*place)];
            if document.signatures.iter().all(|(known, _)| *known != signer) {
                // Few sign, and there are thousands of documents.
                document.signatures.reserve_exact(1);
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
