//! QR codes themselves: made for a screen and for paper, read off pictures, videos, scanners and cameras. What their text means is the
//! business of [`crate::transfer`].

pub mod camera;
pub mod luma;
pub mod paper;
pub mod picture;
pub mod pictures;
pub mod scanner;
pub mod symbol;
pub mod video;

pub use self::symbol::Symbol;
