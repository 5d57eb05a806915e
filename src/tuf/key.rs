//! Keys: the object that metadata carries, and the public key that it stands for.
//!
//! A [`Key`] keeps every member that it came with, since its keyid is a hash over all of them. Whether two of them are the
//! same key is asked of [`PublicKey::fingerprint`] alone.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    canonical::canonical,
    certificate::Certificate,
    dialect::{self, Dialect},
    json::{Members, Value},
};
use crate::{digest::Digest, text::shown_up_to};

mod canonical;
mod often;
mod public;
pub use canonical::file_header_fits;
pub use public::{KeyAlgorithm, PSS_SALT_BYTES, PublicKey, RawSignature};

/// The name of a key in metadata. Any text is taken as received; what this program writes is the SHA-256 of the key's
/// canonical form in hexadecimal (TUF 1.0.34, section 4.2.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// The keyid as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight characters: enough to tell the keys of one ceremony apart on a screen.
    pub fn short(&self) -> String {
        shown_up_to(self.0.get(..8).unwrap_or(&self.0), 8)
    }
}

impl From<String> for KeyId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for KeyId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<Digest> for KeyId {
    fn from(digest: Digest) -> Self {
        Self(digest.to_string())
    }
}

/// For people: what could paint is written out, and a keyid longer than a SHA-512 is cut.
impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown_up_to(&self.0, 128))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A public key as metadata carries it. Made by [`super::Dialect::key`], or read with every member kept. Serialised as its
/// JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    // Shared: the same few keys stand in thousands of documents, and are handed about.
    members: Arc<Members>,
    public: Arc<PublicKey>,
}

impl Key {
    /// Reads a key object of whichever dialect it looks like. A key of a kind that is not known here is carried as
    /// [`PublicKey::Other`], not refused.
    ///
    /// # Errors
    /// Where the object lacks what every key of its dialect has; the text continues "`keys.ab12…` ".
    pub fn from_value(value: Value) -> Result<Self, String> {
        let dialect = value.as_object().map(dialect::of_key).unwrap_or_default();
        Self::read(dialect, value)
    }

    /// Reads a key object of metadata of this dialect.
    ///
    /// # Errors
    /// As [`Key::from_value`].
    pub fn read(dialect: Dialect, value: Value) -> Result<Self, String> {
        match value {
            Value::Object(members) => {
                dialect.read_public(&members).map(|public| Self { members: members.into(), public: public.into() })
            }
            other => Err(format!("is {}, not an object", other.kind())),
        }
    }

    /// The keyid over the whole object, whatever the metadata that it came from calls it.
    pub fn id(&self) -> KeyId {
        Digest::of(&canonical(&self.to_value())).into()
    }

    /// The keyid of the key without the certificate that it travels in: what Notary's tools list, and the name of the key's file
    /// in a trust directory. For any other key it is [`Key::id`].
    pub fn canonical_id(&self) -> KeyId {
        dialect::canonical_id(self)
    }

    /// The certificate that the key travels in, with what follows it in a bundle; `None` where it travels in none.
    pub fn certificate(&self) -> Option<Certificate> {
        Certificate::from_pem(&dialect::certificate_text(&self.members)?)
    }

    /// The public key.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The object, member by member.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// The object as a JSON value.
    pub fn to_value(&self) -> Value {
        Value::Object(self.members().clone())
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_value(value).map_err(|what| de::Error::custom(format_args!("a key {what}")))
    }
}
