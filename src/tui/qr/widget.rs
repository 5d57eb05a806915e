//! A QR code in cells. A code is drawn whole or not at all.

use std::io;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Style},
};

use crate::{
    qr::{
        Symbol,
        symbol::{QUIET, QUIET_LEAST, VERSION_MAX, modules},
    },
    tui::{glyphs, terminal},
};

/// How modules become cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// Two modules a cell, one above the other: `▀` and `▄`.
    HalfBlocks,
    /// A module is two coloured spaces: for fonts without half blocks.
    Spaces,
}

/// Light modules are the glyph: as a background, bright white is only grey on the Linux console.
const BLOCKS: Style = Style::new().fg(Color::White).bg(Color::Black);
const LIGHT: Style = Style::new().fg(Color::Black).bg(Color::White);
const DARK: Style = Style::new().fg(Color::White).bg(Color::Black);

impl Drawing {
    /// What this terminal can show: the kernel tells what the font of a console has; any other terminal has half blocks.
    pub fn detect() -> Self {
        let has = glyphs::has(io::stdout(), &['▀', '▄', '█']);
        // A console that does not tell, such as one behind a multiplexer, may have any font.
        if has.unwrap_or_else(|| !terminal::is_console()) { Self::HalfBlocks } else { Self::Spaces }
    }

    /// Columns and rows of a code with this many modules along a side, its quiet zone among them.
    pub fn cells(self, side: usize) -> (usize, usize) {
        match self {
            Self::HalfBlocks => (side, side.div_ceil(2)),
            Self::Spaces => (2 * side, side),
        }
    }

    /// Whether a code of this side fits.
    fn fits(self, side: usize, area: Rect) -> bool {
        let (columns, rows) = self.cells(side);
        columns <= area.width.into() && rows <= area.height.into()
    }

    /// The largest version up to `most` that fits into `area` with its whole quiet zone, or at least with the narrowest.
    pub fn version_within(self, area: Rect, most: u8) -> Option<u8> {
        let fitting = |quiet: usize| {
            (1..=most.min(VERSION_MAX)).rev().find(|version| self.fits(modules(*version) + 2 * quiet, area))
        };
        fitting(QUIET).or_else(|| fitting(QUIET_LEAST))
    }

    /// The widest quiet zone with which a code of this version fits into `area`.
    pub fn quiet_within(self, version: u8, area: Rect) -> Option<usize> {
        (QUIET_LEAST..=QUIET).rev().find(|quiet| self.fits(modules(version) + 2 * quiet, area))
    }
}

/// Draws `symbol` into the upper left corner of `area`, every cell with its own colours. Returns the cells that it took; where it
/// does not fit nothing is drawn.
pub fn draw(symbol: &Symbol, drawing: Drawing, area: Rect, buffer: &mut Buffer) -> Option<Rect> {
    let quiet = (QUIET_LEAST..=QUIET).rev().find(|quiet| drawing.fits(symbol.width() + 2 * quiet, area))?;
    let (columns, rows) = drawing.cells(symbol.width() + 2 * quiet);
    let taken = Rect { width: u16::try_from(columns).ok()?, height: u16::try_from(rows).ok()?, ..area };
    for (y, row) in (taken.top()..taken.bottom()).zip(0..) {
        for (x, column) in (taken.left()..taken.right()).zip(0..) {
            let (glyph, style) = match drawing {
                Drawing::HalfBlocks => {
                    // Below a code with an odd number of rows all is light.
                    let above = symbol.is_dark(column, 2 * row, quiet);
                    let below = symbol.is_dark(column, 2 * row + 1, quiet);
                    let glyph = match (above, below) {
                        (false, false) => '█',
                        (false, true) => '▀',
                        (true, false) => '▄',
                        (true, true) => ' ',
                    };
                    (glyph, BLOCKS)
                }
                Drawing::Spaces => (' ', if symbol.is_dark(column / 2, row, quiet) { DARK } else { LIGHT }),
            };
            buffer[(x, y)].set_char(glyph).set_style(style);
        }
    }
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(width: u16, height: u16) -> Rect {
        Rect::new(0, 0, width, height)
    }

    #[test]
    fn the_versions_that_fit_usual_screens() {
        let version = |drawing: Drawing, width, height| drawing.version_within(area(width, height), 40);
        assert_eq!(version(Drawing::HalfBlocks, 80, 24), Some(5));
        assert_eq!(version(Drawing::HalfBlocks, 120, 40), Some(13));
        assert_eq!(version(Drawing::HalfBlocks, 240, 67), Some(27));
        assert_eq!(version(Drawing::Spaces, 80, 24), None);
        assert_eq!(version(Drawing::Spaces, 120, 40), Some(3));
        assert_eq!(version(Drawing::Spaces, 240, 67), Some(10));
        assert_eq!(Drawing::HalfBlocks.version_within(area(240, 67), 13), Some(13));
    }

    #[test]
    fn a_code_is_drawn_whole_or_not_at_all() {
        let symbol = Symbol::new("A", 1).unwrap();
        let mut buffer = Buffer::empty(area(29, 15));
        assert_eq!(draw(&symbol, Drawing::HalfBlocks, area(29, 15), &mut buffer), Some(area(29, 15)));
        assert!(
            buffer.content.iter().all(|cell| cell.fg == Color::White && cell.bg == Color::Black),
            "no default colours"
        );
        let mut buffer = Buffer::empty(area(24, 12));
        assert_eq!(draw(&symbol, Drawing::HalfBlocks, area(24, 12), &mut buffer), None);
        assert_eq!(buffer, Buffer::empty(area(24, 12)));
    }
}
