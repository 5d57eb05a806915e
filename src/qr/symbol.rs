//! One QR code as black and white modules: alphanumeric mode, error correction L, of a chosen version.

use qrcode::{Color, EcLevel, QrCode, Version};

use crate::fault::Fault;

/// The quiet zone that the standard asks for, in modules.
pub const QUIET: usize = 4;
/// The narrowest quiet zone with which readers still find a code.
pub const QUIET_LEAST: usize = 2;
/// The largest version there is.
pub const VERSION_MAX: u8 = 40;
/// The largest version that is chosen without being asked for: a camera that is held by hand reads it from a screen.
pub const VERSION_USUAL: u8 = 13;

/// Letters of the alphanumeric alphabet that each version holds at error correction L (ISO/IEC 18004, table 7).
const LETTERS: [u16; 40] = [
    25, 47, 77, 114, 154, 195, 224, 279, 335, 395, 468, 535, 619, 667, 758, 854, 938, 1046, 1153, 1249, 1352, 1460,
    1588, 1704, 1853, 1990, 2132, 2223, 2369, 2520, 2677, 2840, 3009, 3183, 3351, 3537, 3729, 3927, 4087, 4296,
];

/// The letters that a code of `version` (1 to 40) holds.
pub fn letters(version: u8) -> usize {
    LETTERS[usize::from(version.clamp(1, VERSION_MAX)) - 1].into()
}

/// Modules along a side of a code of `version`, without its quiet zone.
pub fn modules(version: u8) -> usize {
    17 + 4 * usize::from(version.clamp(1, VERSION_MAX))
}

/// The smallest version that holds `length` letters.
pub fn version_for(length: usize) -> Option<u8> {
    (1..=VERSION_MAX).find(|version| letters(*version) >= length)
}

/// A code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    width: usize,
    dark: Vec<bool>,
}

impl Symbol {
    /// The code of `version` that says `text`.
    ///
    /// # Errors
    /// A fault where the text does not fit.
    pub fn new(text: &str, version: u8) -> Result<Self, Fault> {
        let version = Version::Normal(version.clamp(1, VERSION_MAX).into());
        let code = QrCode::with_version(text, version, EcLevel::L);
        let code = code.map_err(|cause| Fault::machine("make a QR code", cause))?;
        let dark = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
        Ok(Self { width: code.width(), dark })
    }

    /// Modules along a side, without the quiet zone.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether the module is dark that stands at this place of the code inside `quiet` light modules on every side. Beyond, all is
    /// light.
    pub fn is_dark(&self, x: usize, y: usize, quiet: usize) -> bool {
        let inside = |at: usize| at.checked_sub(quiet).filter(|at| *at < self.width);
        inside(x).zip(inside(y)).is_some_and(|(x, y)| self.dark[y * self.width + x])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_holds_what_the_table_says_and_no_letter_more() {
        for version in 1..=VERSION_MAX {
            let text = "UR:COMPRESSED/".chars().cycle().take(letters(version)).collect::<String>();
            let symbol = Symbol::new(&text, version).unwrap();
            assert_eq!(symbol.width(), modules(version));
            assert!(Symbol::new(&(text + "A"), version).is_err(), "version {version}");
        }
        assert_eq!((version_for(619), version_for(620), version_for(4297)), (Some(13), Some(14), None));
    }

    #[test]
    fn around_a_code_all_is_light() {
        let symbol = Symbol::new("A", 1).unwrap();
        assert!(symbol.is_dark(4, 4, 4) && symbol.is_dark(24, 4, 4), "corners of two finder patterns");
        assert!(!symbol.is_dark(3, 4, 4) && !symbol.is_dark(25, 4, 4) && !symbol.is_dark(usize::MAX, 0, 4));
    }
}
