//! *Officiant* leads root-key ceremonies. This is its library; the programs are thin front ends.
//!
//! In reading order: [`rules`] names every check; [`digest`], [`utc`] and [`text`] are the words in which the rest speaks;
//! [`readback`] turns digests into words and words into proofs; [`tuf`] reads, verifies and writes metadata.
//!
//! The shell: [`fault`] says how the world fails; [`secret`] holds PINs; [`files`] reads and writes without overwriting; [`token`]
//! is where keys live, and [`device`] what they say of themselves; [`preflight`] looks at the machine, and [`machine`] judges it.

pub mod device;
pub mod digest;
pub mod fault;
#[cfg(feature = "tokens")]
pub mod files;
#[cfg(feature = "tokens")]
mod locked;
pub mod machine;
#[cfg(feature = "tokens")]
pub mod preflight;
pub mod readback;
pub mod rules;
#[cfg(feature = "tokens")]
pub mod secret;
pub mod text;
#[cfg(feature = "tokens")]
pub mod token;
pub mod tuf;
pub mod utc;
