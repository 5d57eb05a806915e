//! What everybody else may ask of the repositories of a ceremony, and of its batch.

use std::{collections::BTreeMap, sync::Arc};

use super::{Batch, Drafted, Known, Pack, PayloadManifest, Repositories, Shape, sheet::BatchSheet};
use crate::{
    ceremony::{event::LeftOut, participants::Alias},
    digest::Digest,
    readback::ManifestRead,
    transfer::Gun,
    tuf::certificate::Certificate,
    utc::Utc,
};

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
}

impl Batch {
    /// The list of its payloads, once all are drafted.
    pub fn manifest(&self) -> Option<&Arc<PayloadManifest>> {
        self.manifest.as_ref()
    }

    /// What people read, once all are drafted.
    pub fn sheet(&self) -> Option<&Arc<BatchSheet>> {
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
}
