//! *Officiant* leads root-key ceremonies. This is its library; the programs are thin front ends.
//!
//! In reading order: [`rules`] names every check; [`digest`], [`utc`] and [`text`] are the words in which the rest speaks;
//! [`readback`] turns digests into words and words into proofs; [`tuf`] reads, verifies and writes metadata.

pub mod digest;
pub mod readback;
pub mod rules;
pub mod text;
pub mod tuf;
pub mod utc;
