//! What crosses the air gap, and in which shape. Pure: bytes and text in, text and bytes out.
//!
//! A [`parcel`] is some files with a manifest; its digest is what people on both sides say aloud. [`compressed`] makes one message
//! of it, and [`ur`] turns the message into frames (the texts of QR codes) and frames, in any order and with losses, into the
//! message again.

pub mod compressed;
pub mod parcel;
pub mod ur;
