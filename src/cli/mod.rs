//! The line UI: arguments and a file a verb.

pub mod answers;
pub mod start;
