//! `verify`: metadata as a client walks it, or the record of a ceremony.

mod metadata;
mod record;

use super::{
    args::Verify,
    exit::{Exit, Stop},
};

pub(super) fn verify(args: &Verify) -> Result<Exit, Stop> {
    match (&args.metadata, &args.record) {
        (Some(folder), _) => metadata::verify(args, folder),
        (None, Some(record)) => record::verify(record, args.production, args.format.json),
        (None, None) => Err(Stop::Usage("verify RECORD, or verify --metadata DIR".into())),
    }
}
