//! QR codes in the line UI: on pages that take the terminal over where there is one; where there is none, it says how to show them.

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
};

use crate::{
    cli::{out, qr},
    fault::{Error, Fault},
    files,
    perform::{Codes, Scanner},
    qr::{camera::Camera, scanner::open_serial},
    transfer::{compressed, parcel::Parcel},
    tui::qr::{
        read::{self, Source},
        show::{self, Wanted},
    },
};

/// The terminal, where there is one.
pub struct ByTerminal;

impl Codes for ByTerminal {
    fn scan(&mut self, scanner: &Scanner) -> Result<Option<Vec<u8>>, Error> {
        match scanner {
            Scanner::Serial(port) if !has_terminal() => qr::from_serial(port, open_serial(port)?),
            Scanner::Serial(port) => read::run(Source::Serial(open_serial(port)?)),
            Scanner::Keyboard if !has_terminal() => {
                Err(Fault::machine("read from a scanner that types", "it needs a terminal to type into").into())
            }
            Scanner::Keyboard => read::run(Source::Keyboard),
            Scanner::Camera(device) if !has_terminal() => qr::from_camera(Camera::open(device)?),
            Scanner::Camera(device) => read::run(Source::Camera(Camera::open(device)?)),
        }
    }

    fn show(&mut self, parcel: &Parcel, folders: &[PathBuf]) -> Result<(), Error> {
        if has_terminal() {
            return show::run(parcel, Wanted::usual());
        }
        compressed::compress(&parcel.to_bytes())?;
        let folders: Vec<_> = folders.iter().map(|folder| files::name(folder)).collect();
        out::say("Here is no terminal to show codes on. These show the same files with the same words:");
        out::say(&format!("  officiant qr show {}", folders.join(" ")));
        out::say(&format!("  officiant qr show {} --frames DIR", folders.join(" ")));
        Ok(())
    }
}

fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}
