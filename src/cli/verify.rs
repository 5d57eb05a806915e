//! `verify`: metadata as a client walks it, or the record of a ceremony.

mod metadata;
mod record;

use super::{
    args::Verify,
    exit::{Exit, Stop},
};

pub(super) fn verify(args: &Verify) -> Result<Exit, Stop> {
    match (&args.trusted, &args.metadata, &args.record) {
        (Some(trusted), Some(folder), _) => metadata::verify(trusted, folder, args.at, args.format.json),
        (_, _, Some(record)) => record::verify(record, args.production, args.format.json),
        _ => Err(Stop::Usage("verify RECORD, or verify --trusted ROOT --metadata DIR".into())),
    }
}
