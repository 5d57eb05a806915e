//! How a kind of repository writes what another writes otherwise. Every difference is asked of [`Dialect`], and matched on
//! here and nowhere else.

use serde::{Deserialize, Serialize};

use super::{
    canonical::{canonical, to_json},
    json::{Members, Value},
    key::{Key, KeyId, PublicKey, RawSignature},
    predict::{self, Breakage},
    role::RoleName,
    signed::Metadata,
};

mod tuf1;

/// Which family of metadata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Dialect {
    /// The Update Framework, specification version 1.
    #[default]
    #[serde(rename = "tuf1")]
    Tuf1,
}

impl Dialect {
    /// The object that stands for `public` in metadata: exactly the members that every client hashes, so that all of them
    /// compute the same keyid. `None` for [`PublicKey::Other`], which nobody can write.
    pub fn key(self, public: &PublicKey) -> Option<Key> {
        let members = match self {
            Self::Tuf1 => tuf1::key_members(public)?,
        };
        Key::from_value(Value::Object(members)).ok()
    }

    /// A signature as metadata carries it.
    pub fn encode_signature(self, public: &PublicKey, signature: &RawSignature) -> Option<String> {
        match self {
            Self::Tuf1 => tuf1::encode_signature(public, signature),
        }
    }

    /// The signature that metadata carries as `text`; `None` where it is no signature of such a key.
    pub fn decode_signature(self, public: &PublicKey, text: &str) -> Option<RawSignature> {
        match self {
            Self::Tuf1 => tuf1::decode_signature(public, text),
        }
    }

    /// Whether the signature written as `text` is one of `public` over `signed`, as this dialect hashes it.
    pub fn verifies(self, public: &PublicKey, signed: &[u8], text: &str) -> bool {
        let verifies = match self {
            Self::Tuf1 => PublicKey::verify,
        };
        self.decode_signature(public, text).is_some_and(|signature| verifies(public, signed, &signature))
    }

    /// The bytes that are signed for `metadata`: the canonical form of its `signed` object.
    pub fn signed_bytes<M: Metadata>(self, metadata: &M) -> Vec<u8> {
        canonical(&metadata.to_value(self))
    }

    /// The whole document as it goes out, on one line without a newline: `signed_canonical` and its signatures, in the order
    /// given. What is signed is the canonical form that these bytes read back to, never this text.
    pub fn envelope(self, signed_canonical: &[u8], signatures: &[(KeyId, String)]) -> Vec<u8> {
        match self {
            Self::Tuf1 => tuf1::envelope(&to_json(signed_canonical), signatures),
        }
    }

    /// The name under which clients ask for a role's metadata: `3.root.json`, `timestamp.json`. `version` is `None` for
    /// the name without one.
    pub fn file_name(self, role: &RoleName, version: Option<u64>) -> String {
        match self {
            Self::Tuf1 => tuf1::file_name(role, version),
        }
    }

    /// The name by which timestamp and snapshot metadata speak of a role's metadata.
    pub fn meta_name(self, role: &RoleName) -> String {
        match self {
            Self::Tuf1 => format!("{}.json", role.as_str()),
        }
    }

    /// Every reason for which a client of this dialect would refuse the document `bytes`.
    pub fn breakages(self, bytes: &[u8]) -> Vec<Breakage> {
        match self {
            Self::Tuf1 => predict::breakages(bytes),
        }
    }

    /// The value of `_type` in a role's metadata; delegated roles have that of targets.
    pub fn type_name(self, role: &RoleName) -> &'static str {
        match self {
            Self::Tuf1 => tuf1::type_name(role),
        }
    }

    /// The `spec_version` that is written, where the dialect has one.
    pub fn spec_version(self) -> Option<&'static str> {
        match self {
            Self::Tuf1 => Some(tuf1::SPEC_VERSION),
        }
    }

    /// Whether a document that names `spec_version` is of this dialect.
    pub fn knows_spec_version(self, spec_version: Option<&str>) -> bool {
        match self {
            Self::Tuf1 => spec_version.is_some_and(tuf1::knows_spec_version),
        }
    }
}

/// The public key in an object of any dialect, which its members tell apart.
pub(super) fn read_public(members: &Members) -> Result<PublicKey, String> {
    tuf1::read_public(members)
}
