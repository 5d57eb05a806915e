//! Roles: who may sign what, and how many of them must.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    fields::{Fields, Problem},
    json::{Members, Value},
    key::KeyId,
};
use crate::text::shown;

/// The name of a role (TUF 1.0.34, section 4.3; section 4.5 for delegated roles).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleName {
    /// `root`.
    Root,
    /// `targets`.
    Targets,
    /// `snapshot`.
    Snapshot,
    /// `timestamp`.
    Timestamp,
    /// Any other: a delegated role, or an entry of a root that the specification does not know (`mirrors`).
    Other(String),
}

impl RoleName {
    /// The four roles that every root names, in the order in which people list them.
    pub const TOP: [Self; 4] = [Self::Root, Self::Targets, Self::Snapshot, Self::Timestamp];

    /// The name as written in metadata.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for RoleName {
    fn from(name: &str) -> Self {
        match Self::TOP.into_iter().find(|top| top.as_str() == name) {
            Some(top) => top,
            None => Self::Other(name.to_owned()),
        }
    }
}

/// For people: what could paint is written out.
impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(self.as_str()))
    }
}

impl Serialize for RoleName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RoleName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| Self::from(name.as_str()))
    }
}

/// Who may sign for a role: keyids, and how many different keys must.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// The keyids, in the order of the metadata, each once.
    pub keyids: Vec<KeyId>,
    /// How many different public keys must sign; at least 1 in metadata that was read.
    pub threshold: u64,
    /// Members that the specification does not know.
    pub extra: Members,
}

impl Role {
    pub(super) fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        let keyids = fields.keyids("keyids")?;
        let threshold = fields.at_least_one("threshold")?;
        Ok(Self { keyids, threshold, extra: fields.rest() })
    }

    pub(super) fn members(&self) -> Members {
        let mut members = self.extra.clone();
        let keyids: Vec<Value> = self.keyids.iter().map(|keyid| keyid.as_str().into()).collect();
        members.insert("keyids".into(), keyids.into());
        members.insert("threshold".into(), self.threshold.into());
        members
    }
}
