//! Uniform Resources in several parts: BCR-2020-005 (the text), BCR-2020-012 (its letters) and BCR-2024-001 (the parts), as
//! published by Blockchain Commons.
//!
//! A message is cut into `count` fragments of equal length. Parts 1 to `count` are the fragments themselves; every later part is the
//! sum (XOR) of some of them, chosen by a generator that its number and the message's CRC-32 seed. Any part that says something
//! new brings the receiver on, so that losses cost no second round and a receiver may join late.
//!
//! A frame comes from a camera that was pointed at anything: [`Frame::parse`] checks every count and size that it declares against
//! [`limit`] and against each other before anything is allocated for it. CRC-32 finds misread letters; trust comes from the words
//! of the parcel's digest and from signatures, never from here.

pub mod bytewords;
pub(super) mod cbor;
pub mod crc;
pub mod fountain;
mod part;
pub mod receive;
mod solve;
pub mod stream;

pub use self::{
    part::{Frame, NotAFrame, Part},
    receive::{Heard, Progress, Receiver},
    stream::Stream,
};

/// The type of the only message that is sent and received: `ur:compressed`, BCR-2023-001.
pub const COMPRESSED: &str = "compressed";

/// What a frame may declare. Each is far above what a screen and a camera can do, and far below what would trouble a machine.
pub mod limit {
    /// Letters of one frame: a QR code holds at most 4,296 of this alphabet.
    pub const LETTERS: usize = 4296;
    /// Fragments of a message.
    pub const PARTS: u32 = 1024;
    /// The number of a part. At five frames a second it is reached after two days.
    pub const NUMBER: u32 = 999_999;
    /// Bytes of a fragment.
    pub const FRAGMENT: usize = 3000;
    /// Bytes of a message, which is compressed.
    pub const MESSAGE: usize = 1 << 20;
}
