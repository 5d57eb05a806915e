//! Root metadata: the keys of every top-level role (TUF 1.0.34, section 4.3).

use std::collections::BTreeMap;

use super::{
    dialect::Dialect,
    fields::{Fields, Path, Problem},
    json::{Members, Value},
    key::{Key, KeyId},
    role::{Role, RoleName},
    signed::{Header, Metadata, write_header},
};
use crate::{rules::Refusal, utc::Utc};

/// What a root says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The specification that it names, where its dialect has one.
    pub spec_version: Option<String>,
    /// The version; 0 only in [`Root::blank`].
    pub version: u64,
    /// The instant from which clients no longer trust it.
    pub expires: Utc,
    /// Whether files carry versions and hashes in their names; absent is read as no.
    pub consistent_snapshot: Option<bool>,
    /// The keys by keyid, as received; also keys that no role names.
    pub keys: BTreeMap<KeyId, Key>,
    /// The roles: the four that every root has, and any other that was read.
    pub roles: BTreeMap<RoleName, Role>,
    /// Members that the specification does not know.
    pub extra: Members,
}

impl Root {
    /// Nothing at all: what a first root is compared with.
    pub fn blank() -> Self {
        Self {
            spec_version: None,
            version: 0,
            expires: Utc::from_seconds(0).expect("1970 is an instant"),
            consistent_snapshot: None,
            keys: BTreeMap::new(),
            roles: BTreeMap::new(),
            extra: Members::new(),
        }
    }

    /// The role `name`. Every root that was read has the four top-level roles.
    pub fn role(&self, name: &RoleName) -> Option<&Role> {
        self.roles.get(name)
    }

    /// How many signatures `name` asks for; 1 where the root does not name it.
    pub fn threshold_of(&self, name: &RoleName) -> u64 {
        self.role(name).map_or(1, |role| role.threshold)
    }

    /// The keys that `name` lists and that are there, with their keyids, in the order of the list.
    pub fn keys_of<'a>(&'a self, name: &RoleName) -> impl Iterator<Item = (&'a KeyId, &'a Key)> + use<'a> {
        let keyids = self.roles.get(name).map(|role| role.keyids.as_slice()).unwrap_or_default();
        keyids.iter().filter_map(|keyid| self.keys.get_key_value(keyid))
    }

    fn read_roles(fields: &mut Fields<'_>) -> Result<BTreeMap<RoleName, Role>, Problem> {
        let members = fields.object("roles")?;
        let path = fields.path();
        let here = path.below("roles");
        let mut roles = BTreeMap::new();
        for (name, role) in members {
            let role = Role::read(Fields::of(here.below(&name), role)?)?;
            roles.insert(RoleName::from(name.as_str()), role);
        }
        match RoleName::TOP.iter().find(|top| !roles.contains_key(top)) {
            Some(absent) => Err(here.below(absent.as_str()).problem("is missing")),
            None => Ok(roles),
        }
    }
}

impl Metadata for Root {
    const ROLE: RoleName = RoleName::Root;

    fn from_value(dialect: Dialect, value: Value) -> Result<Self, Refusal> {
        let problem = |problem: Problem| problem.refusal("root metadata");
        let mut fields = Fields::of(Path::top("signed"), value).map_err(problem)?;
        let Header { spec_version, version, expires } = Header::read(dialect, &Self::ROLE, &mut fields)?;
        let consistent_snapshot = fields.optional_bool("consistent_snapshot").map_err(problem)?;
        let keys = fields.keys(dialect, "keys").map_err(problem)?;
        let roles = Self::read_roles(&mut fields).map_err(problem)?;
        Ok(Self { spec_version, version, expires, consistent_snapshot, keys, roles, extra: fields.rest() })
    }

    fn to_value(&self, dialect: Dialect) -> Value {
        let mut members = self.extra.clone();
        write_header(&mut members, dialect, &Self::ROLE, self.spec_version.as_deref(), self.version, self.expires);
        if let Some(consistent) = self.consistent_snapshot.or(dialect.consistent_snapshot()) {
            members.insert("consistent_snapshot".into(), consistent.into());
        }
        let keys: Members = self.keys.iter().map(|(id, key)| (id.as_str().to_owned(), key.to_value())).collect();
        let roles: Members =
            self.roles.iter().map(|(name, role)| (name.as_str().to_owned(), role.members().into())).collect();
        members.insert("keys".into(), keys.into());
        members.insert("roles".into(), roles.into());
        members.into()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Utc {
        self.expires
    }
}
