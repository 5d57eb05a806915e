//! `qr`: files across the air gap, out of this machine and into it.

mod pack;
mod read;
mod show;

pub(super) use self::read::{from_camera, from_serial};
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
