//! `verify`: metadata as a client walks it, or the record of a ceremony.

mod metadata;
mod record;

use super::{
    args::Verify,
    exit::{Exit, Stop},
};
use crate::token::quirks::Trust;

pub(super) fn verify(args: &Verify, trust: Trust) -> Result<Exit, Stop> {
    match (&args.metadata, &args.record) {
        (Some(folder), _) => metadata::verify(args, folder),
        (None, Some(record)) => record::verify(record, &trust.roots(), args.production, args.format.json),
        (None, None) => Err(Stop::Usage("verify RECORD, or verify --metadata DIR".into())),
    }
}
