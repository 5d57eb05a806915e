//! The Update Framework 1.0 and Notary v1: keys, metadata, verification and drafting. Pure: bytes in, values out.
//!
//! In reading order: [`json`] and [`canonical`] are the text; [`key`], [`certificate`] and [`dialect`] say how keys and signatures
//! are written; [`role`], [`root`], [`targets`], [`snapshot`] and [`timestamp`] are the metadata; [`signed`] holds what came from
//! outside, as bytes; [`verify`] has the one threshold rule and mints [`Verified`]; [`mod@walk`] does what a client does, within
//! [`limits`]; [`change`], [`mod@diff`], [`authoring`] and [`bundle`] make and check drafts; [`predict`] says which client would break;
//! [`document`], [`describe`] and [`compare`] show any file to people.

pub mod authoring;
mod base64;
pub mod bundle;
pub mod canonical;
pub mod certificate;
pub mod change;
pub mod compare;
pub mod describe;
pub mod dialect;
pub mod diff;
pub mod document;
mod fields;
pub mod json;
pub mod key;
pub mod limits;
pub mod parallel;
pub mod predict;
pub mod role;
pub mod root;
pub mod signed;
pub mod snapshot;
pub mod targets;
pub mod targets_change;
pub mod timestamp;
pub mod verify;
pub mod walk;

pub use certificate::{Certificate, CertificateTemplate};
pub use change::{RootChange, amend};
pub use dialect::Dialect;
pub use diff::diff;
pub use document::Document;
pub use key::{Key, KeyAlgorithm, KeyId, PublicKey, RawSignature};
pub use role::{Role, RoleName};
pub use root::Root;
pub use signed::{Metadata, Signature, Untrusted};
pub use snapshot::Snapshot;
pub use targets::Targets;
pub use timestamp::Timestamp;
pub use verify::{Tally, Verified, first_root, next_root, tally};
pub use walk::{Walk, walk};
