//! The verbs of QR codes.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::ceremony::crossing::CAMERA_USUAL;

/// Carry files across the air gap as QR codes
///
/// Nothing but a screen and a camera crosses: no stick, no cable, no network. Both sides then show the words of the same digest, and
/// people compare them before anything is used.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  officiant qr show 2.root.json
  officiant qr read photographs/ -o inputs")]
pub struct Qr {
    /// Which way.
    #[command(subcommand)]
    pub verb: QrVerb,
}

/// Which way files go.
#[derive(Clone, Debug, Subcommand)]
pub enum QrVerb {
    Show(Show),
    Read(Read),
}

/// Show files as QR codes: moving on this screen, as pictures, or on paper
///
/// In a terminal: what will be shown and the words of its digest, then one code after the other. Whoever reads may begin at any
/// moment and miss some. Keys change size and speed, pause, and step one by one for a scanner that is held by hand. Without a
/// terminal, name --frames or --page.
///
/// A file that looks like a private key is refused: a screen is seen by every camera in the room.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  officiant qr show record/metadata
  officiant qr show ana-1.pem --page ana-1.html
  officiant qr show 2.root.json targets.json --frames frames")]
pub struct Show {
    /// The files; of a folder, every file in it
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The largest size of a code, 1 to 40 (a QR code's version) [default: 13, or what fits the terminal]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=40))]
    pub size: Option<u8>,
    /// Codes a second, at first
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=15))]
    pub speed: u32,
    /// How codes are drawn
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Draw::Auto)]
    pub draw: Draw,
    /// A new folder that gets the codes as PNG pictures, more than twice as many as are needed
    #[arg(long, value_name = "DIR", conflicts_with = "page")]
    pub frames: Option<PathBuf>,
    /// A new HTML page with every code, to print
    #[arg(long, value_name = "FILE")]
    pub page: Option<PathBuf>,
}

/// How codes are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Draw {
    /// With half blocks where the terminal's font has them
    Auto,
    /// With half blocks
    Blocks,
    /// With coloured spaces, which need no glyph and four times the room
    Spaces,
}

/// Read files from QR codes: photographs, a video, a scanner, or a camera
///
/// Pictures are PNG, JPEG or GIF, in any order; a folder stands for every picture in it. Videos are MJPEG (also in AVI) and Y4M. Other
/// videos, such as a telephone's MP4, are not read: make pictures of them first, `ffmpeg -i video.mp4 pictures/%04d.png`.
///
/// A scanner is set to a serial port (USB-COM), which needs no keyboard layout. One that types like a keyboard is read on a page of its
/// own, on which nothing it types is a command, not even Ctrl-C; two words that stand on the screen leave it.
///
/// A camera is read by a program that was built for it (--features camera); every other says so.
///
/// Frames of other codes are counted and ignored. Files are written once the whole parcel is there, into a new folder, and the words
/// of its digest are shown. They are trusted no further: compare the words with the other side.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  officiant qr read photographs/ -o inputs
  officiant qr read screen.avi -o inputs
  officiant qr read --serial /dev/ttyACM0 -o inputs
  officiant qr read --keyboard -o inputs
  officiant qr read --camera -o inputs")]
pub struct Read {
    /// Pictures, folders of pictures, or videos
    #[arg(
        required_unless_present_any = ["serial", "keyboard", "camera"],
        conflicts_with_all = ["serial", "keyboard", "camera"]
    )]
    pub sources: Vec<PathBuf>,
    /// The serial port of a scanner
    #[arg(long, value_name = "PORT", conflicts_with_all = ["keyboard", "camera"])]
    pub serial: Option<PathBuf>,
    /// A scanner that types like a keyboard
    #[arg(long, conflicts_with = "camera")]
    pub keyboard: bool,
    /// A camera [default: /dev/video0]
    #[arg(long, value_name = "DEVICE", num_args = 0..=1, default_missing_value = CAMERA_USUAL)]
    pub camera: Option<PathBuf>,
    /// The new folder for the files
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
}
