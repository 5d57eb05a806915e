//! What the courier reads of metadata on the way: which version it is, what else there is to fetch, whom a root lets sign. Nothing is
//! trusted by it; the ceremony verifies.

use std::collections::BTreeMap;

use base64ct::{Base64, Encoding as _};

use crate::{
    digest::Digest,
    tuf::json::{Limits, Value, parse},
    utc::Utc,
};

/// How much is read of one file.
const LIMITS: Limits = Limits { bytes: super::http::METADATA_BYTES_MAX as usize, depth: 32 };

/// The `signed` part of some metadata.
pub struct Peek(Value);

impl Peek {
    /// Looks into `bytes`.
    ///
    /// # Errors
    /// Where they are not JSON with an object `signed`.
    pub fn new(bytes: &[u8]) -> Result<Self, String> {
        let mut value = parse(bytes, LIMITS).map_err(|error| error.to_string())?;
        let signed = match &mut value {
            Value::Object(members) => members.remove("signed"),
            _ => None,
        };
        signed.filter(|signed| signed.as_object().is_some()).map(Self).ok_or_else(|| "it has no `signed`".into())
    }

    /// The version.
    pub fn version(&self) -> Option<u64> {
        number(&self.0, "version")
    }

    /// What it calls itself in `_type`.
    pub fn kind(&self) -> Option<String> {
        Some(self.0.member("_type")?.as_str()?.to_owned())
    }

    /// Until when it holds.
    pub fn expires(&self) -> Option<Utc> {
        Utc::parse(self.0.member("expires")?.as_str()?)
    }

    /// The names of the roles that it delegates to, in their order; those of a root and of what names none are none.
    pub fn delegated(&self) -> Vec<String> {
        let roles = self.0.member("delegations").and_then(|delegations| delegations.member("roles"));
        let Some(Value::Array(roles)) = roles else { return vec![] };
        roles.iter().filter_map(|role| Some(role.member("name")?.as_str()?.to_owned())).collect()
    }

    /// What a snapshot or a timestamp says of other files, by the names there.
    pub fn meta(&self) -> BTreeMap<String, Meta> {
        let files = self.0.member("meta").and_then(Value::as_object);
        let meta = |file: &Value| Meta {
            version: number(file, "version"),
            sha256: file
                .member("hashes")
                .and_then(|hashes| hashes.member("sha256"))
                .and_then(Value::as_str)
                .map(str::to_owned),
        };
        files.into_iter().flatten().map(|(name, file)| (name.clone(), meta(file))).collect()
    }

    /// Whether files carry versions in their names (TUF 1.0).
    pub fn consistent_snapshot(&self) -> bool {
        self.0.member("consistent_snapshot") == Some(&Value::Bool(true))
    }

    /// The public keys, as written, that a root lets sign for `role`.
    pub fn public_keys(&self, role: &str) -> Vec<String> {
        let Some(Value::Array(keyids)) = self.0.member("roles").and_then(|roles| roles.member(role)?.member("keyids"))
        else {
            return vec![];
        };
        let keys = self.0.member("keys");
        let public = |keyid: &Value| {
            Some(keys?.member(keyid.as_str()?)?.member("keyval")?.member("public")?.as_str()?.to_owned())
        };
        keyids.iter().filter_map(public).collect()
    }
}

/// What is said of one file by the metadata above it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Its version, where one is named.
    pub version: Option<u64>,
    /// Its SHA-256 as written: hexadecimal in TUF 1.0, base64 in Notary.
    pub sha256: Option<String>,
}

impl Meta {
    /// Whether the digest that is named is that of `bytes`, in either way of writing it.
    pub fn names(&self, bytes: &[u8]) -> bool {
        let digest = Digest::of(bytes);
        self.sha256.as_deref().is_some_and(|text| {
            text == Base64::encode_string(digest.as_bytes()) || Digest::from_hex(text) == Some(digest)
        })
    }
}

/// The `public` of a key that a server holds, from what it serves.
///
/// # Errors
/// Where it is no key.
pub fn served_public(bytes: &[u8]) -> Result<String, String> {
    let value = parse(bytes, LIMITS).map_err(|error| error.to_string())?;
    let public = value.member("keyval").and_then(|keyval| keyval.member("public")).and_then(Value::as_str);
    let typed = value.member("keytype").and_then(Value::as_str).is_some();
    public
        .filter(|_| typed)
        .map(str::to_owned)
        .ok_or_else(|| format!("it is {}, not a key with `keytype` and `keyval.public`", value.kind()))
}

fn number(value: &Value, name: &str) -> Option<u64> {
    match value.member(name) {
        Some(Value::Int(number)) => u64::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_recognised_as_notary_and_as_tuf_write_it() {
        let named = |text: String| Meta { version: None, sha256: Some(text) };
        assert!(named(Digest::of(b"x").to_string()).names(b"x"));
        assert!(named(Base64::encode_string(Digest::of(b"x").as_bytes())).names(b"x"));
        assert!(!named(Base64::encode_string(Digest::of(b"x").as_bytes())).names(b"y"));
        assert!(!Meta::default().names(b""));
    }

    #[test]
    fn a_root_and_a_snapshot_tell_what_is_there() {
        let root = br#"{"signed":{"version":3,"keys":{"k":{"keyval":{"public":"P"}}},"roles":{"snapshot":{"keyids":["k","absent"]}}}}"#;
        let root = Peek::new(root).expect("metadata");
        assert_eq!(
            (root.version(), root.public_keys("snapshot"), root.public_keys("root")),
            (Some(3), vec!["P".into()], vec![])
        );
        let targets = Peek::new(br#"{"signed":{"delegations":{"roles":[{"name":"targets/a"},{"name":"targets/b"}]}}}"#)
            .expect("metadata");
        assert_eq!(targets.delegated(), ["targets/a", "targets/b"]);
        let snapshot =
            Peek::new(br#"{"signed":{"meta":{"root":{"hashes":{"sha256":"x"}},"targets.json":{"version":4}}}}"#)
                .expect("metadata");
        assert_eq!(snapshot.meta()["targets.json"].version, Some(4));
        assert_eq!(snapshot.meta()["root"].sha256.as_deref(), Some("x"));
        for bad in ["", "[]", "{}", r#"{"signed":1}"#] {
            assert!(Peek::new(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(
            served_public(br#"{"keytype":"ed25519","keyval":{"public":"P","private":null}}"#).as_deref(),
            Ok("P")
        );
        assert!(served_public(b"{}").is_err());
    }
}
