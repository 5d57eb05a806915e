//! A QR code as one path of an SVG picture.

use std::fmt::{self, Write};

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code: the standard asks for four.
const QUIET: usize = 4;

/// Writes the picture, `millimetres` wide, with a quarter of it allowed to be damaged (EC Q) or a seventh (EC M).
pub(super) fn svg(out: &mut impl Write, text: &[u8], level: EcLevel, millimetres: usize) -> fmt::Result {
    let code = QrCode::with_error_correction_level(text, level).map_err(|_| fmt::Error)?;
    let width = code.width();
    let whole = width + 2 * QUIET;
    write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {whole}\" width=\"{millimetres}mm\" \
         height=\"{millimetres}mm\" shape-rendering=\"crispEdges\"><rect width=\"{whole}\" height=\"{whole}\" fill=\"#fff\"/><path \
         fill=\"#000\" d=\""
    )?;
    let colours = code.into_colors();
    for (y, row) in colours.chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let run = row[x..].iter().take_while(|colour| **colour == row[x]).count();
            if row[x] == Color::Dark {
                write!(out, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET)?;
            }
            x += run;
        }
    }
    out.write_str("\"/></svg>")
}
