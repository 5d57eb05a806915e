//! Snapshot metadata: which version of each targets file belongs together (TUF 1.0.34, section 4.4).

use std::collections::BTreeMap;

use super::{
    dialect::Dialect,
    fields::{Fields, Path, Problem},
    json::{Members, Value},
    role::RoleName,
    signed::{Header, Metadata, write_header},
    targets::texts_by_name,
};
use crate::{rules::Refusal, utc::Utc};

/// What the snapshot role says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The specification that it names, where its dialect has one.
    pub spec_version: Option<String>,
    /// The version.
    pub version: u64,
    /// The instant from which clients no longer trust it.
    pub expires: Utc,
    /// The files of metadata by name without version: `targets.json`.
    pub meta: BTreeMap<String, MetaFile>,
    /// Members that the specification does not know.
    pub extra: Members,
}

/// What one file of metadata says about another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaFile {
    /// Its version; `None` where the dialect gives hashes alone.
    pub version: Option<u64>,
    /// Its length in bytes.
    pub length: Option<u64>,
    /// Its hashes by algorithm, as written.
    pub hashes: Option<BTreeMap<String, String>>,
    /// Members that the specification does not know.
    pub extra: Members,
}

impl MetaFile {
    fn read(dialect: Dialect, mut fields: Fields<'_>) -> Result<Self, Problem> {
        let version = if dialect.meta_has_versions() { Some(fields.at_least_one("version")?) } else { None };
        let length = if fields.has("length") { Some(fields.length("length")?) } else { None };
        let hashes = if fields.has("hashes") { Some(fields.hashes("hashes")?) } else { None };
        Ok(Self { version, length, hashes, extra: fields.rest() })
    }

    fn to_value(&self) -> Value {
        let mut members = self.extra.clone();
        if let Some(version) = self.version {
            members.insert("version".into(), version.into());
        }
        if let Some(length) = self.length {
            members.insert("length".into(), length.into());
        }
        if let Some(hashes) = &self.hashes {
            members.insert("hashes".into(), texts_by_name(hashes));
        }
        members.into()
    }
}

pub(super) fn read_meta(dialect: Dialect, fields: &mut Fields<'_>) -> Result<BTreeMap<String, MetaFile>, Problem> {
    let members = fields.object("meta")?;
    let path = fields.path();
    let here = path.below("meta");
    let read = |(name, file): (String, Value)| {
        let file = Fields::of(here.below(&name), file).and_then(|file| MetaFile::read(dialect, file))?;
        Ok((name, file))
    };
    members.into_iter().map(read).collect()
}

pub(super) fn write_meta(members: &mut Members, meta: &BTreeMap<String, MetaFile>) {
    let files: Members = meta.iter().map(|(name, file)| (name.clone(), file.to_value())).collect();
    members.insert("meta".into(), files.into());
}

impl Metadata for Snapshot {
    const ROLE: RoleName = RoleName::Snapshot;

    fn from_value(dialect: Dialect, value: Value) -> Result<Self, Refusal> {
        let problem = |problem: Problem| problem.refusal("snapshot metadata");
        let mut fields = Fields::of(Path::top("signed"), value).map_err(problem)?;
        let Header { spec_version, version, expires } = Header::read(dialect, &Self::ROLE, &mut fields)?;
        let meta = read_meta(dialect, &mut fields).map_err(problem)?;
        Ok(Self { spec_version, version, expires, meta, extra: fields.rest() })
    }

    fn to_value(&self, dialect: Dialect) -> Value {
        let mut members = self.extra.clone();
        write_header(&mut members, dialect, &Self::ROLE, self.spec_version.as_deref(), self.version, self.expires);
        write_meta(&mut members, &self.meta);
        members.into()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Utc {
        self.expires
    }
}
