//! How a kind of repository writes what another writes otherwise. Every difference is asked of [`Dialect`], and matched on
//! here and nowhere else.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    canonical::{canonical, to_json},
    certificate::Certificate,
    json::{Members, Value},
    key::{Key, KeyAlgorithm, KeyId, PublicKey, RawSignature},
    predict::{self, Breakage},
    role::RoleName,
    signed::{Metadata, Signature},
    walk::{Published, Walk, walk},
};
use crate::utc::Utc;

mod notary;
mod tuf1;

/// Which family of metadata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Dialect {
    /// The Update Framework, specification version 1.
    #[default]
    #[serde(rename = "tuf1")]
    Tuf1,
    /// Notary v1, which Docker Content Trust uses.
    #[serde(rename = "notary")]
    Notary,
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tuf1" => Ok(Self::Tuf1),
            "notary" => Ok(Self::Notary),
            _ => Err("one of tuf1, notary".into()),
        }
    }
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 2] = [Self::Tuf1, Self::Notary];

    /// The dialect whose metadata has this `_type`.
    pub fn of_type_name(name: &str) -> Option<Self> {
        let has = |dialect: &Self| RoleName::TOP.iter().any(|role| dialect.type_name(role) == name);
        Self::ALL.into_iter().find(has)
    }

    /// The object that stands for `public` in metadata: exactly the members that every client hashes, so that all of them
    /// compute the same keyid. `None` for a key that this dialect cannot write.
    pub fn key(self, public: &PublicKey) -> Option<Key> {
        let members = match self {
            Self::Tuf1 => tuf1::key_members(public)?,
            Self::Notary => notary::keys::bare(public)?,
        };
        Key::read(self, Value::Object(members)).ok()
    }

    /// The object that stands for a key in its certificate; `None` where the dialect knows no certificates, or takes none for
    /// such a key.
    pub fn certified_key(self, certificate: &Certificate) -> Option<Key> {
        let members = match self {
            Self::Tuf1 => return None,
            Self::Notary => notary::keys::certified(certificate)?,
        };
        Key::read(self, Value::Object(members)).ok()
    }

    /// Whether a key of this role travels in a certificate.
    pub fn certifies(self, role: &RoleName) -> bool {
        match self {
            Self::Tuf1 => false,
            Self::Notary => *role == RoleName::Root,
        }
    }

    /// Why no key of this kind is made for a role; `None` where it is.
    pub fn refuses_key(self, role: &RoleName, algorithm: KeyAlgorithm) -> Option<&'static str> {
        match (self, algorithm) {
            (Self::Notary, KeyAlgorithm::P384) => {
                Some("Notary hashes with SHA-256 on every curve, and tokens are asked for SHA-384 on P-384: use p256")
            }
            (Self::Notary, KeyAlgorithm::Ed25519) if *role == RoleName::Root => {
                Some("Notary takes no Ed25519 key in a root certificate: use p256")
            }
            _ => None,
        }
    }

    /// A signature as metadata carries it; `None` where these are no bytes of such a key, or the dialect cannot write it.
    pub fn signature(self, keyid: KeyId, public: &PublicKey, raw: &RawSignature) -> Option<Signature> {
        match self {
            Self::Tuf1 => tuf1::encode_signature(public, raw).map(|sig| Signature::new(keyid, sig)),
            Self::Notary => notary::signatures::encode(keyid, public, raw),
        }
    }

    /// The same from the text alone that [`Dialect::signature`] made of it, as a record keeps it.
    pub fn signature_of_text(self, keyid: KeyId, public: &PublicKey, sig: &str) -> Option<Signature> {
        match self {
            Self::Tuf1 => Some(Signature::new(keyid, sig)),
            Self::Notary => notary::signatures::of_text(keyid, public, sig.to_owned()),
        }
    }

    /// The bytes of a signature that metadata carries; `None` where it is no signature of such a key.
    pub fn raw_signature(self, public: &PublicKey, signature: &Signature) -> Option<RawSignature> {
        match self {
            Self::Tuf1 => tuf1::decode_signature(public, &signature.sig),
            Self::Notary => notary::signatures::decode(public, signature),
        }
    }

    /// Whether `signature` is one of `public` over `signed`, as this dialect hashes it.
    pub fn verifies(self, public: &PublicKey, signed: &[u8], signature: &Signature) -> bool {
        match self {
            Self::Tuf1 => {
                let raw = tuf1::decode_signature(public, &signature.sig);
                raw.is_some_and(|raw| public.verify(signed, &raw))
            }
            Self::Notary => notary::signatures::verifies(public, signed, signature),
        }
    }

    /// Whether a document may name a keyid in several signatures. One good one is then enough.
    pub fn repeats_keyids(self) -> bool {
        match self {
            Self::Tuf1 => false,
            Self::Notary => true,
        }
    }

    /// The bytes that are signed for `metadata`: the canonical form of its `signed` object.
    pub fn signed_bytes<M: Metadata>(self, metadata: &M) -> Vec<u8> {
        canonical(&metadata.to_value(self))
    }

    /// The whole document as it goes out, on one line without a newline: `signed_canonical` and its signatures, in the order
    /// given. What is signed is the canonical form that these bytes read back to, never this text.
    pub fn envelope(self, signed_canonical: &[u8], signatures: &[Signature]) -> Vec<u8> {
        match self {
            Self::Tuf1 => tuf1::envelope(&to_json(signed_canonical), signatures),
            Self::Notary => notary::wire::envelope(signed_canonical, signatures),
        }
    }

    /// The name under which clients ask for a role's metadata: `3.root.json`, `timestamp.json`. `version` is `None` for
    /// the name without one.
    pub fn file_name(self, role: &RoleName, version: Option<u64>) -> String {
        match self {
            Self::Tuf1 => tuf1::file_name(role, version),
            Self::Notary => notary::file_name(role, version),
        }
    }

    /// The name by which timestamp and snapshot metadata speak of a role's metadata.
    pub fn meta_name(self, role: &RoleName) -> String {
        match self {
            Self::Tuf1 => format!("{}.json", role.as_str()),
            Self::Notary => role.as_str().to_owned(),
        }
    }

    /// Whether timestamp and snapshot metadata give versions, and not hashes alone.
    pub fn meta_has_versions(self) -> bool {
        match self {
            Self::Tuf1 => true,
            Self::Notary => false,
        }
    }

    /// Every reason for which a client of this dialect would refuse the document `bytes`.
    pub fn breakages(self, bytes: &[u8]) -> Vec<Breakage> {
        match self {
            Self::Tuf1 => predict::breakages(self, bytes),
            Self::Notary => notary::client::breakages(bytes),
        }
    }

    /// What a client does with what is published, in the eyes of `published`: whether a server takes it and a client then works, file
    /// by file, or the rule that says no.
    pub fn predict(self, published: &Published<'_>, now: Utc) -> Walk {
        match (self, published.trusted) {
            (Self::Tuf1, trusted) => walk(self, trusted.unwrap_or_default(), published.files, now),
            (Self::Notary, _) => notary::client::predict(published, now),
        }
    }

    /// Whether what is published goes to a server in one upload, and not file by file into a folder that is served.
    pub fn is_uploaded(self) -> bool {
        match self {
            Self::Tuf1 => false,
            Self::Notary => true,
        }
    }

    /// Whether a client begins without a root that it trusts, and with the name of the repository instead.
    pub fn trusts_on_first_use(self) -> bool {
        match self {
            Self::Tuf1 => false,
            Self::Notary => true,
        }
    }

    /// The value of `_type` in a role's metadata; delegated roles have that of targets.
    pub fn type_name(self, role: &RoleName) -> &'static str {
        match self {
            Self::Tuf1 => tuf1::type_name(role),
            Self::Notary => notary::type_name(role),
        }
    }

    /// The `spec_version` that is written, where the dialect has one.
    pub fn spec_version(self) -> Option<&'static str> {
        match self {
            Self::Tuf1 => Some(tuf1::SPEC_VERSION),
            Self::Notary => None,
        }
    }

    /// Whether a document that names `spec_version` is of this dialect.
    pub fn knows_spec_version(self, spec_version: Option<&str>) -> bool {
        match self {
            Self::Tuf1 => spec_version.is_some_and(tuf1::knows_spec_version),
            Self::Notary => true,
        }
    }

    /// What a root says about consistent snapshots where nobody chose.
    pub fn consistent_snapshot(self) -> Option<bool> {
        match self {
            Self::Tuf1 => None,
            Self::Notary => Some(false),
        }
    }

    /// Whether targets metadata speaks of delegations even where there are none, and leaves out an empty list of paths.
    pub fn delegations_always(self) -> bool {
        match self {
            Self::Tuf1 => false,
            Self::Notary => true,
        }
    }

    /// The name of a role that `parent` may delegate to.
    pub fn may_delegate(self, parent: &RoleName, name: &str) -> bool {
        match self {
            Self::Tuf1 => !name.is_empty() && matches!(RoleName::from(name), RoleName::Other(_)),
            Self::Notary => notary::is_child(parent, name),
        }
    }

    /// The public key in an object of this dialect.
    pub(super) fn read_public(self, members: &Members) -> Result<PublicKey, String> {
        match self {
            Self::Tuf1 => tuf1::read_public(members),
            Self::Notary => notary::keys::read_public(members),
        }
    }
}

/// The dialect of a key's object, which its members tell apart.
pub(super) fn of_key(members: &Members) -> Dialect {
    if notary::keys::looks_like(members) { Dialect::Notary } else { Dialect::Tuf1 }
}

/// The certificate in PEM that a key's object carries, as it is spelt there.
pub(super) fn certificate_text(members: &Members) -> Option<String> {
    notary::keys::certificate_text(members)
}

/// The keyid of a key apart from the certificate that it travels in.
pub(super) fn canonical_id(key: &Key) -> KeyId {
    notary::keys::canonical_id(key)
}

/// The keyid of a key by itself, in the dialect that names the files of private keys by it.
pub(super) fn bare_id(public: &PublicKey) -> Option<KeyId> {
    Dialect::Notary.key(public).map(|key| key.id())
}

/// The signature that OpenSSL makes over a statement of this program's own, in hexadecimal: DER for curves. It has nothing to
/// do with the dialect of the metadata.
pub fn statement_signature(public: &PublicKey, text: &str) -> Option<RawSignature> {
    tuf1::decode_signature(public, text)
}
