//! `qr show`.

use std::{
    io::{self, IsTerminal as _},
    path::Path,
};

use super::pack::pack;
use crate::{
    cli::{
        args::qr::{Draw, Show},
        exit::{Exit, Stop},
        out,
    },
    files,
    qr::{
        Symbol, paper,
        symbol::{VERSION_USUAL, letters, version_for},
    },
    readback,
    transfer::{compressed, parcel::Parcel, ur::Stream},
    tui::qr::{
        show::{self, Wanted},
        widget::Drawing,
    },
};

/// The size of codes on paper: a telephone reads it from a page that was printed anyhow.
const VERSION_PAPER: u8 = 13;

pub(super) fn show(args: &Show) -> Result<Exit, Stop> {
    let parcel = pack(&args.files)?;
    if let Some(folder) = &args.frames {
        return frames(&parcel, args.size.unwrap_or(VERSION_USUAL), folder);
    }
    if let Some(path) = &args.page {
        return page(&parcel, args.size.unwrap_or(VERSION_PAPER), path);
    }
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let what =
            "here is no terminal to show codes on; --frames DIR writes them as pictures, --page FILE a page to print";
        return Err(Stop::Usage(what.into()));
    }
    let drawing = match args.draw {
        Draw::Auto => Drawing::detect(),
        Draw::Blocks => Drawing::HalfBlocks,
        Draw::Spaces => Drawing::Spaces,
    };
    show::run(&parcel, Wanted { version: args.size.unwrap_or(VERSION_USUAL), speed: args.speed, drawing })?;
    say_words(&parcel);
    Ok(Exit::Done)
}

/// Every code that is needed, and as many again for those that are not read.
fn frames(parcel: &Parcel, version: u8, folder: &Path) -> Result<Exit, Stop> {
    let (stream, version) = stream(parcel, version)?;
    let count = if stream.count() == 1 { 1 } else { 2 * stream.count() + 8 };
    files::create_directory(folder)?;
    for number in 1..=count {
        let png = paper::png(&Symbol::new(&stream.frame(number), version)?)?;
        files::write_new(&folder.join(format!("frame-{number:04}.png")), &png)?;
    }
    out::say(&format!(
        "{count} codes written to {}; any {} of them or a few more suffice",
        files::name(folder),
        stream.count()
    ));
    say_words(parcel);
    Ok(Exit::Done)
}

fn page(parcel: &Parcel, version: u8, path: &Path) -> Result<Exit, Stop> {
    let (stream, version) = stream(parcel, version)?;
    let symbols = (1..=stream.count()).map(|number| Symbol::new(&stream.frame(number), version));
    let symbols = symbols.collect::<Result<Vec<_>, _>>()?;
    let (manifest, words) = (parcel.manifest(), readback::words(parcel.digest().as_bytes()));
    let html = paper::page(&paper::Page { manifest: &manifest, words: &words, symbols: &symbols });
    out::write(Some(path), &html)?;
    say_words(parcel);
    Ok(Exit::Done)
}

/// The frames, and the smallest version up to `version` that holds them.
fn stream(parcel: &Parcel, version: u8) -> Result<(Stream, u8), Stop> {
    let stream = Stream::new(compressed::compress(&parcel.to_bytes())?, letters(version))?;
    let needed = if stream.count() == 1 { version_for(stream.frame(1).len()) } else { None };
    Ok((stream, needed.unwrap_or(version)))
}

/// The words, as they are compared.
pub(super) fn say_words(parcel: &Parcel) {
    let words = readback::words(parcel.digest().as_bytes());
    out::say("The words of the digest, to compare with the other side:");
    for (index, row) in words.chunks(4).enumerate() {
        let row: String = row.iter().map(|word| format!(" {word:<13}")).collect();
        out::say(format!("  {:>2}{row}", 4 * index + 1).trim_end());
    }
}
