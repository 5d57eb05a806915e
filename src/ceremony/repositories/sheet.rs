//! What people read of a batch before it is signed: what is left out, the ways in which repositories change with the rarest
//! first, and every repository on a line of its own.

use std::fmt::Write as _;

use super::{Repositories, Shape};
use crate::{ceremony::script::Signatory, digest::Digest, text::shown};

/// The review sheet of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchSheet {
    /// How many repositories change.
    pub repositories: usize,
    /// How many documents are signed.
    pub documents: usize,
    /// How many payloads: documents that say the same are one.
    pub payloads: usize,
    /// The SHA-256 of the list of payloads.
    pub digest: Option<Digest>,
    /// What every document is to be dated by.
    pub date: String,
    /// Repositories that are left out, and why; a line each.
    pub left_out: Vec<String>,
    /// The ways in which repositories change, the rarest first.
    pub groups: Vec<Group>,
    /// How many signatures each gives, a line each.
    pub shares: Vec<String>,
}

/// Repositories that change in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What changes, and what people should know; a line each.
    pub words: Vec<String>,
    /// Each repository, a line each.
    pub repositories: Vec<String>,
}

impl BatchSheet {
    /// The sheet of a batch of which everything is drafted.
    pub fn of(repositories: &Repositories) -> Self {
        let batch = repositories.batch();
        let mut groups: Vec<Group> =
            batch.shapes.iter().map(|shape| Group { words: words(shape), repositories: vec![] }).collect();
        let mut documents = 0;
        for drafted in &batch.drafted {
            documents += drafted.documents.len();
            let Some(known) = repositories.known.get(drafted.number as usize) else { continue };
            let mut line = known.gun.to_string();
            for (document, of) in drafted.documents.iter().zip(&batch.shape(drafted).documents) {
                let _ = write!(line, "  {} {} {}", of.role, document.version, &document.payload.to_string()[..8]);
            }
            if let Some((kept, back)) = drafted.tags {
                let _ = write!(line, "  {kept} tags");
                if back > 0 {
                    let _ = write!(line, ", {back} as they were");
                }
            }
            groups[drafted.shape as usize].repositories.push(line);
        }
        groups.retain(|group| !group.repositories.is_empty());
        // Outliers first: what differs from the rest is what people have to look at.
        groups.sort_by_key(|group| group.repositories.len());
        let left_out =
            repositories.left_out().map(|(gun, refusal)| format!("{gun}: {}: {}", refusal.rule, refusal.what));
        Self {
            repositories: batch.drafted.len(),
            documents,
            payloads: batch.places.len(),
            digest: batch.manifest.as_ref().map(|manifest| manifest.digest),
            date: batch.date.map(|date| date.date()).unwrap_or_default(),
            left_out: left_out.collect(),
            groups,
            shares: batch.shares.iter().map(|(alias, (all, _))| format!("{alias}: {all} documents")).collect(),
        }
    }

    /// The whole sheet as lines: first what is rare.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{}, {} documents, {} payloads, dated {}",
            repositories(self.repositories),
            self.documents,
            self.payloads,
            self.date
        )];
        lines.extend(self.shares.iter().map(|share| format!("  signs {share}")));
        if !self.left_out.is_empty() {
            lines.push(String::new());
            lines.push(format!("LEFT OUT, and as before: {}", repositories(self.left_out.len())));
            lines.extend(self.left_out.iter().map(|line| format!("  {line}")));
        }
        for (index, group) in self.groups.iter().enumerate() {
            lines.push(String::new());
            let what = if self.groups.len() == 1 { "ALL ALIKE".to_owned() } else { format!("WAY {}", index + 1) };
            lines.push(format!("{what}: {}", repositories(group.repositories.len())));
            lines.extend(group.words.iter().map(|line| format!("  - {line}")));
            lines.extend(group.repositories.iter().map(|line| format!("    {line}")));
        }
        lines
    }
}

fn words(shape: &Shape) -> Vec<String> {
    let mut words = vec![];
    for document in &shape.documents {
        let signers: Vec<String> = document.signers.iter().map(signer).collect();
        words.push(format!("{}, signed by {}", document.role, signers.join(", ")));
        words.extend(document.changes.iter().map(|change| format!("  {change}")));
    }
    words.extend(shape.notes.iter().map(|note| format!("NOTE {note}")));
    words
}

/// `1 repository`, `3 repositories`.
pub fn repositories(count: usize) -> String {
    if count == 1 { "1 repository".into() } else { format!("{count} repositories") }
}

/// Who signs, in words.
pub fn signer(signatory: &Signatory) -> String {
    match signatory {
        Signatory::Token(alias) => alias.to_string(),
        Signatory::Elsewhere(name) => format!("{name}, elsewhere"),
        Signatory::Unnamed(keyid) => format!("the holder of key {}, elsewhere", shown(&keyid.short())),
    }
}
