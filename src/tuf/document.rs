//! A document of whatever kind it says to be, for verbs that take any file.

use super::{
    dialect::Dialect,
    fields::REMEDY,
    json::{self, Limits, Value},
    role::RoleName,
    root::Root,
    signed::{Metadata, Signature, Untrusted},
    snapshot::Snapshot,
    targets::Targets,
    timestamp::Timestamp,
};
use crate::{
    digest::Digest,
    rules::{Refusal, Rule},
    text::shown,
    utc::Utc,
};

/// Metadata that was parsed and that nobody has verified, of one of the four kinds.
#[derive(Clone, Debug)]
pub enum Document {
    /// A root.
    Root(Untrusted<Root>),
    /// Targets, or a role that they delegate to: the file does not tell the two apart.
    Targets(Untrusted<Targets>),
    /// A snapshot.
    Snapshot(Untrusted<Snapshot>),
    /// A timestamp.
    Timestamp(Untrusted<Timestamp>),
}

macro_rules! each {
    ($document:expr, $received:ident => $value:expr) => {
        match $document {
            Document::Root($received) => $value,
            Document::Targets($received) => $value,
            Document::Snapshot($received) => $value,
            Document::Timestamp($received) => $value,
        }
    };
}

impl Document {
    /// Reads a document of whichever dialect its kind is spelt in.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn parse_any(bytes: &[u8]) -> Result<Self, Refusal> {
        let value = json::parse(bytes, Limits::METADATA).ok();
        let kind = value.as_ref().and_then(|value| value.member("signed")?.member("_type")?.as_str());
        let dialect = kind.and_then(Dialect::of_type_name).unwrap_or_default();
        match value {
            Some(value) => Self::of(dialect, bytes, value),
            None => Self::parse(dialect, bytes),
        }
    }

    /// Reads a document by the kind that it names.
    ///
    /// # Errors
    /// `METADATA-WELL-FORMED` with line, column and member, or `SPEC-VERSION-KNOWN`.
    pub fn parse(dialect: Dialect, bytes: &[u8]) -> Result<Self, Refusal> {
        let refuse = |what: String| Refusal::new(Rule::MetadataWellFormed, what, REMEDY);
        let value = json::parse(bytes, Limits::METADATA)
            .map_err(|error| refuse(format!("The file is no metadata: {error}.")))?;
        Self::of(dialect, bytes, value)
    }

    /// The same of `bytes` that read as `value`.
    pub(super) fn of(dialect: Dialect, bytes: &[u8], value: Value) -> Result<Self, Refusal> {
        let refuse = |what: String| Refusal::new(Rule::MetadataWellFormed, what, REMEDY);
        let kind = value.member("signed").and_then(|signed| signed.member("_type")).and_then(Value::as_str);
        let kind = kind.ok_or_else(|| refuse("The file is no metadata: it has no `signed._type`.".into()))?;
        match RoleName::TOP.into_iter().find(|role| dialect.type_name(role) == kind) {
            Some(RoleName::Root) => Untrusted::of(dialect, bytes, value).map(Self::Root),
            Some(RoleName::Targets) => Untrusted::of(dialect, bytes, value).map(Self::Targets),
            Some(RoleName::Snapshot) => Untrusted::of(dialect, bytes, value).map(Self::Snapshot),
            Some(RoleName::Timestamp) => Untrusted::of(dialect, bytes, value).map(Self::Timestamp),
            _ => Err(refuse(format!("`signed._type` is \"{}\", which is no kind of metadata.", shown(kind)))),
        }
    }

    /// The top-level role of its kind.
    pub fn role(&self) -> RoleName {
        match self {
            Self::Root(_) => RoleName::Root,
            Self::Targets(_) => RoleName::Targets,
            Self::Snapshot(_) => RoleName::Snapshot,
            Self::Timestamp(_) => RoleName::Timestamp,
        }
    }

    /// The version that it claims.
    pub fn version(&self) -> u64 {
        each!(self, received => received.document().version())
    }

    /// The expiry that it claims.
    pub fn expires(&self) -> Utc {
        each!(self, received => received.document().expires())
    }

    /// The bytes as received.
    pub fn bytes(&self) -> &[u8] {
        each!(self, received => received.bytes())
    }

    /// The digest of the bytes as received.
    pub fn digest(&self) -> Digest {
        each!(self, received => received.digest())
    }

    /// The bytes over which signatures are verified.
    pub fn signed(&self) -> &[u8] {
        each!(self, received => received.signed())
    }

    /// The signatures in the order received.
    pub fn signatures(&self) -> &[Signature] {
        each!(self, received => received.signatures())
    }

    /// Which dialect it was read as.
    pub fn dialect(&self) -> Dialect {
        each!(self, received => received.dialect())
    }

    /// The root, where it is one.
    pub fn as_root(&self) -> Option<&Root> {
        match self {
            Self::Root(root) => Some(root.document()),
            _ => None,
        }
    }
}
