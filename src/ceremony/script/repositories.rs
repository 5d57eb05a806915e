//! What a script says about repositories that were collected beforehand: which they are, who tags in them, who signs below.

use serde::{Deserialize, Serialize};

use super::ExpirySpec;
use crate::{ceremony::participants::Alias, digest::Digest, tuf::key::KeyId};

/// Everything that a ceremony about many repositories has beside the sections of every script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoriesSpec {
    /// What was collected for this ceremony.
    pub collection: CollectionSpec,
    /// The last collection from before a compromise, against which tags are judged.
    pub before: Option<CollectionSpec>,
    /// The targets role as it is to be, where it is written.
    pub tagging: Option<TaggingSpec>,
    /// Signers below the targets role that come, go or get other keys.
    pub signers: Vec<SignerSpec>,
    /// How new offline keys are certified.
    pub certificate: Option<CertificateSpec>,
    /// What becomes of tags that are not as they were before the compromise.
    pub changed_tags: TagPolicy,
}

impl RepositoriesSpec {
    /// Whether a token holds a tagging key.
    pub fn tags_with(&self, alias: &Alias) -> bool {
        self.tagging.iter().flat_map(|tagging| &tagging.keys).any(|key| key.token() == Some(alias))
    }
}

/// A folder that a courier collected, with its manifest pinned (`COLLECTION-PINNED`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionSpec {
    /// The folder, beside the script.
    pub folder: String,
    /// The SHA-256 of its MANIFEST.
    pub manifest: Digest,
    /// How many repositories it holds.
    pub repositories: u32,
}

/// The targets role of every repository: the tagging keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggingSpec {
    /// How many signatures it needs.
    pub threshold: u64,
    /// Whose keys: the whole set afterwards.
    pub keys: Vec<Signatory>,
    /// When targets metadata expires.
    pub expiry: ExpirySpec,
}

/// Whose key signs for a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signatory {
    /// A token of this ceremony.
    Token(Alias),
    /// A `[[key]]` whose owner signs elsewhere.
    Elsewhere(Alias),
    /// A key that today's metadata names and the script does not; its owner signs elsewhere.
    Unnamed(KeyId),
}

impl Signatory {
    /// The short name in the script, where it has one.
    pub fn alias(&self) -> Option<&Alias> {
        match self {
            Self::Token(alias) | Self::Elsewhere(alias) => Some(alias),
            Self::Unnamed(_) => None,
        }
    }

    /// The token of this ceremony, where it is one.
    pub fn token(&self) -> Option<&Alias> {
        match self {
            Self::Token(alias) => Some(alias),
            Self::Elsewhere(_) | Self::Unnamed(_) => None,
        }
    }
}

/// A signer below the targets role: `targets/<name>`, and a key in `targets/releases`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerSpec {
    /// The name, as Docker writes it.
    pub name: String,
    /// What becomes of them.
    pub action: SignerAction,
    /// Their keys afterwards; none where they go.
    pub keys: Vec<Signatory>,
}

/// What becomes of a signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignerAction {
    /// They come in.
    Add,
    /// They get other keys; the old ones go.
    Replace,
    /// They go, with their keys.
    Remove,
}

/// How a new offline key is certified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSpec {
    /// For whom.
    pub common_name: CommonName,
    /// How long it is valid, in days from the ceremony's date.
    pub days: u32,
}

/// The subject of certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommonName {
    /// One certificate for each repository, with its name.
    EachRepository,
    /// One certificate for all repositories below a prefix: `docker.io/example/*`.
    Wildcard(String),
}

/// What becomes of tags that are not as they were in the collection from before a compromise; of all tags, where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagPolicy {
    /// People decide in the room.
    #[default]
    Ask,
    /// They are kept.
    Keep,
    /// They are dropped.
    Drop,
}
