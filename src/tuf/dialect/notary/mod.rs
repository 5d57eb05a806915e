//! Notary v1, the metadata of Docker Content Trust, as notary 0.7.0 reads and writes it.
//!
//! [`keys`] and [`signatures`] say how both are written, [`wire`] is the envelope and the one spelling that clients find again.
//! [`client`] says what the stock server and client would do: [`roots`] which root they trust, [`server`] what only a server
//! knows, [`below`] the metadata below the root.

mod below;
pub mod client;
pub mod keys;
mod roots;
mod server;
pub mod signatures;
pub mod wire;

use crate::tuf::role::RoleName;

/// The longest name of a delegated role, in bytes: a column of the server's database.
const DELEGATION_BYTES_MAX: usize = 255;

pub fn type_name(role: &RoleName) -> &'static str {
    match role {
        RoleName::Root => "Root",
        RoleName::Snapshot => "Snapshot",
        RoleName::Timestamp => "Timestamp",
        RoleName::Targets | RoleName::Other(_) => "Targets",
    }
}

/// `root.json`, `3.root.json`, `targets/releases.json`: delegated roles lie in folders.
pub fn file_name(role: &RoleName, version: Option<u64>) -> String {
    match version {
        Some(version) => format!("{version}.{}.json", role.as_str()),
        None => format!("{}.json", role.as_str()),
    }
}

/// Whether a role may be called so: `targets/` and then lower-case letters, digits, `-`, `_` and clean slashes.
pub fn is_delegation(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_/".contains(&b);
    name.len() <= DELEGATION_BYTES_MAX
        && name.bytes().all(allowed)
        && name.strip_prefix("targets/").is_some_and(|rest| rest.split('/').all(|part| !part.is_empty()))
}

/// Whether `child` is called as a role that `parent` itself delegates to.
pub fn is_child(parent: &RoleName, child: &str) -> bool {
    is_delegation(child) && child.rsplit_once('/').is_some_and(|(above, _)| above == parent.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delegated_roles_are_called_as_the_server_wants_them() {
        for good in ["targets/releases", "targets/a/b", "targets/-", "targets/a_b-9"] {
            assert!(is_delegation(good), "{good}");
        }
        let long = format!("targets/{}", "a".repeat(248));
        for bad in [
            "targets",
            "targets/",
            "targets//a",
            "targets/a/",
            "targets/A",
            "targets/a.b",
            "root",
            "releases",
            "",
            &long,
        ] {
            assert!(!is_delegation(bad), "{bad}");
        }
        assert!(is_child(&RoleName::Targets, "targets/a") && !is_child(&RoleName::Targets, "targets/a/b"));
        assert!(is_child(&RoleName::from("targets/a"), "targets/a/b"));
    }
}
