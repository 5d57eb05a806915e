//! Metadata that came from outside, as bytes and as what they say.
//!
//! What is verified is the canonical form of the `signed` object *as received*: members that nobody knows are part of it. The
//! bytes themselves are kept and handed on, never made again from the parsed form.

use std::sync::Arc;

use super::{
    canonical::canonical,
    dialect::Dialect,
    fields::{Fields, Path, Problem, REMEDY},
    json::{self, Limits, Members, Value},
    key::KeyId,
    role::RoleName,
};
use crate::{
    digest::Digest,
    rules::{Refusal, Rule},
    utc::Utc,
};

/// One kind of metadata: what stands in `signed`.
pub trait Metadata: Clone {
    /// The top-level role that has this kind; delegated roles have the kind of targets.
    const ROLE: RoleName;

    /// Reads the `signed` object.
    ///
    /// # Errors
    /// `METADATA-WELL-FORMED` or `SPEC-VERSION-KNOWN`.
    fn from_value(dialect: Dialect, value: Value) -> Result<Self, Refusal>;

    /// The `signed` object, with every unknown member that was read.
    fn to_value(&self, dialect: Dialect) -> Value;

    /// The version.
    fn version(&self) -> u64;

    /// The instant from which clients no longer trust it.
    fn expires(&self) -> Utc;
}

/// One entry of `signatures`, as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Which key it says to be by.
    pub keyid: KeyId,
    /// The signature as written; empty where a signer is still awaited.
    pub sig: String,
    /// Other members, for example a method.
    pub extra: Members,
}

impl Signature {
    /// A signature without other members.
    pub fn new(keyid: KeyId, sig: impl Into<String>) -> Self {
        Self { keyid, sig: sig.into(), extra: Members::new() }
    }

    /// How it says to have been made, where its dialect says so; empty where it does not.
    pub fn method(&self) -> &str {
        self.extra.get("method").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Metadata that was parsed and that nobody has verified.
#[derive(Clone, Debug)]
pub struct Untrusted<T> {
    bytes: Arc<[u8]>,
    dialect: Dialect,
    signed: Vec<u8>,
    signatures: Vec<Signature>,
    document: T,
}

impl<T: Metadata> Untrusted<T> {
    /// Reads a whole document.
    ///
    /// # Errors
    /// `METADATA-WELL-FORMED` with line, column and member, or `SPEC-VERSION-KNOWN`.
    pub fn parse(dialect: Dialect, bytes: impl Into<Arc<[u8]>>) -> Result<Self, Refusal> {
        let bytes = bytes.into();
        let name = format!("{} metadata", T::ROLE);
        let value = json::parse(&bytes, Limits::METADATA)
            .map_err(|error| Refusal::new(Rule::MetadataWellFormed, format!("{name}: {error}."), REMEDY))?;
        Self::of(dialect, bytes, value)
    }

    /// The same of `bytes` that read as `value`.
    pub(super) fn of(dialect: Dialect, bytes: impl Into<Arc<[u8]>>, value: Value) -> Result<Self, Refusal> {
        let (bytes, name) = (bytes.into(), format!("{} metadata", T::ROLE));
        let (signed, signatures) = open(value).map_err(|problem| problem.refusal(&name))?;
        let canonical = canonical(&signed);
        let document = T::from_value(dialect, signed)?;
        Ok(Self { bytes, dialect, signed: canonical, signatures, document })
    }
}

impl<T> Untrusted<T> {
    /// What the metadata claims.
    pub fn document(&self) -> &T {
        &self.document
    }

    /// The bytes as received.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The digest of the bytes as received.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// Which dialect it was read as.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The bytes over which signatures are verified.
    pub fn signed(&self) -> &[u8] {
        &self.signed
    }

    /// The signatures in the order received, empty and repeated ones included.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The first keyid that more than one signature names.
    pub fn repeated_keyid(&self) -> Option<&KeyId> {
        let mut seen = std::collections::BTreeSet::new();
        self.signatures.iter().map(|signature| &signature.keyid).find(|keyid| !seen.insert(*keyid))
    }
}

fn open(value: Value) -> Result<(Value, Vec<Signature>), Problem> {
    let mut envelope = Fields::of(Path::top("document"), value)?;
    let path = envelope.path();
    let here = path.below("signatures");
    let mut signatures = Vec::new();
    for (index, entry) in envelope.list("signatures")?.into_iter().enumerate() {
        let index = index.to_string();
        let mut entry = Fields::of(here.below(&index), entry)?;
        let keyid = KeyId::from(entry.text("keyid")?);
        let sig = entry.text("sig")?;
        signatures.push(Signature { keyid, sig, extra: entry.rest() });
    }
    Ok((envelope.required("signed")?, signatures))
}

/// The members that every kind of metadata begins with.
pub(super) struct Header {
    pub spec_version: Option<String>,
    pub version: u64,
    pub expires: Utc,
}

impl Header {
    /// Reads them, and refuses another kind or another specification.
    pub fn read(dialect: Dialect, role: &RoleName, fields: &mut Fields<'_>) -> Result<Self, Refusal> {
        let name = format!("{role} metadata");
        let problem = |problem: Problem| problem.refusal(&name);
        let wanted = dialect.type_name(role);
        let found = fields.text("_type").map_err(problem)?;
        if found != wanted {
            let what = format!("is \"{}\", not \"{wanted}\"", crate::text::shown(&found));
            return Err(problem(fields.path().below("_type").problem(what)));
        }
        let spec_version = match fields.optional("spec_version") {
            None => None,
            Some(Value::Str(text)) => Some(text),
            Some(other) => {
                let what = format!("is {}, not text", other.kind());
                return Err(problem(fields.path().below("spec_version").problem(what)));
            }
        };
        if !dialect.knows_spec_version(spec_version.as_deref()) {
            let found = spec_version.map_or("none".into(), |text| format!("\"{}\"", crate::text::shown(&text)));
            let ours = dialect.spec_version().unwrap_or("none");
            let what =
                format!("{name}: `signed.spec_version` is {found}; this program knows {ours} and what is like it.");
            return Err(Refusal::new(Rule::SpecVersionKnown, what, "Use a program that knows this specification."));
        }
        let version = fields.at_least_one("version").map_err(problem)?;
        let expires = fields.instant("expires").map_err(problem)?;
        Ok(Self { spec_version, version, expires })
    }
}

/// Writes the members that every kind of metadata begins with into `members`.
pub(super) fn write_header(
    members: &mut Members,
    dialect: Dialect,
    role: &RoleName,
    spec_version: Option<&str>,
    version: u64,
    expires: Utc,
) {
    members.insert("_type".into(), dialect.type_name(role).into());
    if let Some(spec_version) = spec_version {
        members.insert("spec_version".into(), spec_version.into());
    }
    members.insert("version".into(), version.into());
    members.insert("expires".into(), expires.to_string().into());
}
