//! Targets metadata: files, and who else may name some of them (TUF 1.0.34, section 4.5; TAP 15 for bins).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    dialect::Dialect,
    fields::{Fields, Path, Problem},
    json::{Members, Value},
    key::{Key, KeyId},
    role::{Role, RoleName},
    signed::{Header, Metadata, write_header},
};
use crate::{rules::Refusal, utc::Utc};

/// What the targets role, or a role that it delegates to, says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    /// The specification that it names, where its dialect has one.
    pub spec_version: Option<String>,
    /// The version.
    pub version: u64,
    /// The instant from which clients no longer trust it.
    pub expires: Utc,
    /// The files by path.
    pub targets: BTreeMap<String, TargetFile>,
    /// Who else may name files.
    pub delegations: Option<Delegations>,
    /// Members that the specification does not know.
    pub extra: Members,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetFile {
    /// Its length in bytes.
    pub length: u64,
    /// Its hashes by algorithm, as written.
    pub hashes: BTreeMap<String, String>,
    /// Other members, `custom` among them.
    pub extra: Members,
}

/// Who else may name files, and their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delegations {
    /// The keys of the delegated roles.
    pub keys: BTreeMap<KeyId, Key>,
    /// The roles, in the order in which clients ask them.
    pub roles: Vec<DelegatedRole>,
    /// Bins of equal share, where there are any; then `roles` is empty.
    pub succinct: Option<SuccinctRoles>,
    /// Members that the specification does not know.
    pub extra: Members,
}

/// One delegated role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegatedRole {
    /// Its name; never one of the four top-level ones.
    pub name: RoleName,
    /// Who signs for it.
    pub role: Role,
    /// Which files it may name; none where nothing is said.
    pub paths: Option<Paths>,
    /// Whether a client that finds nothing here stops looking; absent is read as no.
    pub terminating: Option<bool>,
}

/// Which files a delegated role may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paths {
    /// Those that match one of these shell patterns; `*` does not cross a `/`. In Notary: those that begin with one of these.
    Patterns(Vec<String>),
    /// Those whose SHA-256 of the path begins with one of these, in hexadecimal.
    HashPrefixes(Vec<String>),
}

/// `2^bit_length` roles of one set of keys, each for its share of the hashes of paths (TAP 15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuccinctRoles {
    /// Who signs for each of them.
    pub role: Role,
    /// How many bits of the hash choose the bin: 1 to 32.
    pub bit_length: u32,
    /// What the names of the bins begin with.
    pub name_prefix: String,
}

impl SuccinctRoles {
    /// Whether `name` is the name of one of the bins.
    pub fn is_bin(&self, name: &str) -> bool {
        let digits = (self.bit_length as usize).div_ceil(4);
        let suffix = name.strip_prefix(&self.name_prefix).and_then(|rest| rest.strip_prefix('-'));
        suffix.is_some_and(|suffix| {
            let lower = suffix.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            let number = u64::from_str_radix(suffix, 16).unwrap_or(u64::MAX);
            lower && suffix.len() == digits && number < 1 << self.bit_length
        })
    }
}

impl Delegations {
    fn read(dialect: Dialect, mut fields: Fields<'_>) -> Result<Self, Problem> {
        let keys = fields.keys(dialect, "keys")?;
        let succinct = fields.optional("succinct_roles");
        let listed = if succinct.is_some() { vec![] } else { fields.list("roles")? };
        let path = fields.path();
        if succinct.is_some() && fields.optional("roles").is_some() {
            return Err(path.below("roles").problem("stands beside `succinct_roles`, and only one of the two may"));
        }
        let here = path.below("succinct_roles");
        let succinct = succinct.map(|value| Fields::of(here, value).and_then(SuccinctRoles::read)).transpose()?;
        let here = path.below("roles");
        let (mut roles, mut names) = (vec![], BTreeSet::new());
        for (index, role) in listed.into_iter().enumerate() {
            let index = index.to_string();
            let role = DelegatedRole::read(Fields::of(here.below(&index), role)?)?;
            if !names.insert(role.name.clone()) {
                return Err(here.below(&index).problem(format!("is a second role called {}", role.name)));
            }
            roles.push(role);
        }
        Ok(Self { keys, roles, succinct, extra: fields.rest() })
    }

    fn to_value(&self, dialect: Dialect) -> Value {
        let mut members = self.extra.clone();
        let keys: Members = self.keys.iter().map(|(id, key)| (id.as_str().to_owned(), key.to_value())).collect();
        members.insert("keys".into(), keys.into());
        match &self.succinct {
            Some(succinct) => {
                let mut bins = succinct.role.members();
                bins.insert("bit_length".into(), u64::from(succinct.bit_length).into());
                bins.insert("name_prefix".into(), succinct.name_prefix.as_str().into());
                members.insert("succinct_roles".into(), bins.into());
            }
            None => {
                let roles: Vec<Value> = self.roles.iter().map(|role| role.to_value(dialect)).collect();
                members.insert("roles".into(), roles.into());
            }
        }
        members.into()
    }
}

impl DelegatedRole {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        let path = fields.path();
        let name = match RoleName::from(fields.text("name")?.as_str()) {
            RoleName::Other(name) if !name.is_empty() => RoleName::Other(name),
            taken => {
                return Err(path
                    .below("name")
                    .problem(format!("is \"{taken}\", which no delegated role may be called")));
            }
        };
        let patterns = fields.optional_texts("paths")?;
        let prefixes = fields.optional_texts("path_hash_prefixes")?;
        let paths = match (patterns, prefixes) {
            (Some(_), Some(_)) => return Err(path.problem("has both `paths` and `path_hash_prefixes`")),
            (patterns, prefixes) => patterns.map(Paths::Patterns).or(prefixes.map(Paths::HashPrefixes)),
        };
        let terminating = fields.optional_bool("terminating")?;
        Ok(Self { name, role: Role::read(fields)?, paths, terminating })
    }

    fn to_value(&self, dialect: Dialect) -> Value {
        let texts = |list: &[String]| Value::Array(list.iter().map(|text| text.as_str().into()).collect());
        let mut members = self.role.members();
        members.insert("name".into(), self.name.as_str().into());
        match &self.paths {
            Some(Paths::Patterns(patterns)) if patterns.is_empty() && dialect.delegations_always() => {}
            Some(Paths::Patterns(patterns)) => drop(members.insert("paths".into(), texts(patterns))),
            Some(Paths::HashPrefixes(prefixes)) => drop(members.insert("path_hash_prefixes".into(), texts(prefixes))),
            None => {}
        }
        if let Some(terminating) = self.terminating {
            members.insert("terminating".into(), terminating.into());
        }
        members.into()
    }
}

impl SuccinctRoles {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        let path = fields.path();
        let bits = fields.at_least_one("bit_length")?;
        let bit_length = u32::try_from(bits).ok().filter(|bits| *bits <= 32);
        let bit_length =
            bit_length.ok_or_else(|| path.below("bit_length").problem(format!("is {bits}, and at most 32")))?;
        let name_prefix = fields.text("name_prefix")?;
        Ok(Self { role: Role::read(fields)?, bit_length, name_prefix })
    }
}

impl TargetFile {
    fn read(mut fields: Fields<'_>) -> Result<Self, Problem> {
        let length = fields.length("length")?;
        let hashes = fields.hashes("hashes")?;
        Ok(Self { length, hashes, extra: fields.rest() })
    }

    fn to_value(&self) -> Value {
        let mut members = self.extra.clone();
        members.insert("length".into(), self.length.into());
        members.insert("hashes".into(), texts_by_name(&self.hashes));
        members.into()
    }
}

pub(super) fn texts_by_name(texts: &BTreeMap<String, String>) -> Value {
    let members: Members = texts.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect();
    members.into()
}

impl Metadata for Targets {
    const ROLE: RoleName = RoleName::Targets;

    fn from_value(dialect: Dialect, value: Value) -> Result<Self, Refusal> {
        let problem = |problem: Problem| problem.refusal("targets metadata");
        let mut fields = Fields::of(Path::top("signed"), value).map_err(problem)?;
        let Header { spec_version, version, expires } = Header::read(dialect, &Self::ROLE, &mut fields)?;
        let path = fields.path();
        let here = path.below("targets");
        let mut targets = BTreeMap::new();
        for (name, file) in fields.object("targets").map_err(problem)? {
            let file = Fields::of(here.below(&name), file).and_then(TargetFile::read).map_err(problem)?;
            targets.insert(name, file);
        }
        let here = path.below("delegations");
        let delegations = fields.optional("delegations");
        let delegations = delegations
            .map(|value| Fields::of(here, value).and_then(|fields| Delegations::read(dialect, fields)))
            .transpose();
        Ok(Self {
            spec_version,
            version,
            expires,
            targets,
            delegations: delegations.map_err(problem)?,
            extra: fields.rest(),
        })
    }

    fn to_value(&self, dialect: Dialect) -> Value {
        let mut members = self.extra.clone();
        write_header(&mut members, dialect, &Self::ROLE, self.spec_version.as_deref(), self.version, self.expires);
        let targets: Members = self.targets.iter().map(|(name, file)| (name.clone(), file.to_value())).collect();
        members.insert("targets".into(), targets.into());
        let none = dialect.delegations_always().then(Delegations::default);
        if let Some(delegations) = self.delegations.as_ref().or(none.as_ref()) {
            members.insert("delegations".into(), delegations.to_value(dialect));
        }
        members.into()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Utc {
        self.expires
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuf::json::{Limits, parse};

    #[test]
    fn bins_have_names_of_just_as_many_digits_as_their_bits_need() {
        let bins = |bit_length| SuccinctRoles { role: Role::default(), bit_length, name_prefix: "bin".into() };
        for (bits, name, is) in [
            (1, "bin-0", true),
            (1, "bin-1", true),
            (1, "bin-2", false),
            (8, "bin-0f", true),
            (8, "bin-f", false),
            (8, "bin-0F", false),
            (8, "bin-00f", false),
            (9, "bin-1ff", true),
            (9, "bin-200", false),
            (32, "bin-ffffffff", true),
            (8, "bin-", false),
            (8, "bin", false),
            (8, "other-0f", false),
            (8, "bin-+f", false),
        ] {
            assert_eq!(bins(bits).is_bin(name), is, "{bits} {name}");
        }
    }

    #[test]
    fn targets_are_written_as_they_were_read_with_what_nobody_knows() {
        for delegations in [
            r#"{"keys":{},"roles":[{"keyids":["a"],"name":"n","path_hash_prefixes":["0"],"threshold":1,"x":1}],"y":2}"#,
            r#"{"keys":{},"roles":[{"keyids":[],"name":"n","paths":["*"],"terminating":false,"threshold":9}]}"#,
            r#"{"keys":{},"roles":[{"keyids":[],"name":"n","threshold":1}]}"#,
            r#"{"keys":{},"succinct_roles":{"bit_length":32,"keyids":[],"name_prefix":"bin","threshold":1,"x":1}}"#,
        ] {
            let text = format!(
                r#"{{"_type":"targets","spec_version":"1.0","version":1,"expires":"2027-01-01T00:00:00Z","delegations":{delegations},
                    "targets":{{"a":{{"length":0,"hashes":{{"sha256":"00"}},"custom":{{"b":[null]}}}}}},"z":3}}"#
            );
            let value = parse(text.as_bytes(), Limits::METADATA).expect("JSON");
            let targets = Targets::from_value(Dialect::Tuf1, value.clone()).expect("targets");
            assert_eq!(targets.to_value(Dialect::Tuf1), value);
        }
    }
}
