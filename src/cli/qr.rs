//! `qr`: files across the air gap, out of this machine and into it.

mod pack;
mod pictures;
mod read;
mod show;

use super::{
    args::qr::{Qr, QrVerb},
    exit::{Exit, Stop},
};

pub(super) fn qr(args: &Qr) -> Result<Exit, Stop> {
    match &args.verb {
        QrVerb::Show(args) => show::show(args),
        QrVerb::Read(args) => read::read(args),
    }
}
