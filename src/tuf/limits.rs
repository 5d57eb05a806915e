//! How much clients read. What this program writes must stay inside; what it walks is held to the same numbers, as far as a
//! client would see them.

use super::role::RoleName;

/// The longest root that python-tuf and tuf-js read, in bytes; tough reads a mebibyte.
pub const ROOT_BYTES_MAX: usize = 512_000;
/// The longest timestamp that python-tuf and tuf-js read, in bytes.
pub const TIMESTAMP_BYTES_MAX: usize = 16_384;
/// The longest snapshot that python-tuf and tuf-js read, in bytes.
pub const SNAPSHOT_BYTES_MAX: usize = 2_000_000;
/// The longest targets metadata that python-tuf and tuf-js read, in bytes.
pub const TARGETS_BYTES_MAX: usize = 5_000_000;
/// How many roots one update of python-tuf, tuf-js and go-tuf follows. After that they stop without saying so.
pub const ROOTS_PER_UPDATE: u64 = 256;
/// How many roots a walk here follows: what tough follows, and what the specification suggests (2^10).
pub const ROOTS_PER_WALK: u64 = 1024;
/// How many files a walk here takes: beyond any repository with bins, and an end for one that delegates without end.
pub const STEPS_PER_WALK: usize = 100_000;
/// How many delegated roles python-tuf and tuf-js visit in search of one target.
pub const DELEGATIONS_PER_SEARCH: usize = 32;

/// The longest metadata of a role, in bytes.
pub fn bytes_max(role: &RoleName) -> usize {
    match role {
        RoleName::Root => ROOT_BYTES_MAX,
        RoleName::Timestamp => TIMESTAMP_BYTES_MAX,
        RoleName::Snapshot => SNAPSHOT_BYTES_MAX,
        RoleName::Targets | RoleName::Other(_) => TARGETS_BYTES_MAX,
    }
}
