//! Timestamp metadata: which snapshot is the newest (TUF 1.0.34, section 4.6).

use super::{
    dialect::Dialect,
    fields::{Fields, Path, Problem},
    json::{Members, Value},
    role::RoleName,
    signed::{Header, Metadata, write_header},
    snapshot::{MetaFile, read_meta, write_meta},
};
use crate::{rules::Refusal, utc::Utc};

/// What the timestamp role says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// The specification that it names, where its dialect has one.
    pub spec_version: Option<String>,
    /// The version.
    pub version: u64,
    /// The instant from which clients no longer trust it.
    pub expires: Utc,
    /// The snapshot.
    pub snapshot: MetaFile,
    /// Members that the specification does not know.
    pub extra: Members,
}

impl Metadata for Timestamp {
    const ROLE: RoleName = RoleName::Timestamp;

    fn from_value(dialect: Dialect, value: Value) -> Result<Self, Refusal> {
        let problem = |problem: Problem| problem.refusal("timestamp metadata");
        let mut fields = Fields::of(Path::top("signed"), value).map_err(problem)?;
        let Header { spec_version, version, expires } = Header::read(dialect, &Self::ROLE, &mut fields)?;
        let mut meta = read_meta(dialect, &mut fields).map_err(problem)?;
        let name = dialect.meta_name(&RoleName::Snapshot);
        let snapshot = meta.remove(&name).filter(|_| meta.is_empty());
        let snapshot = snapshot.ok_or_else(|| {
            problem(fields.path().below("meta").problem(format!("must have `{name}`, and nothing else")))
        })?;
        Ok(Self { spec_version, version, expires, snapshot, extra: fields.rest() })
    }

    fn to_value(&self, dialect: Dialect) -> Value {
        let mut members = self.extra.clone();
        write_header(&mut members, dialect, &Self::ROLE, self.spec_version.as_deref(), self.version, self.expires);
        write_meta(&mut members, &[(dialect.meta_name(&RoleName::Snapshot), self.snapshot.clone())].into());
        members.into()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Utc {
        self.expires
    }
}
