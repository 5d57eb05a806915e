//! *Officiant* leads root-key ceremonies. This is its library; the programs are thin front ends.
//!
//! In reading order. What everybody speaks in: [`rules`] names every check; [`digest`], [`utc`] and [`text`] are the words;
//! [`fault`] says how the world fails, [`device`] and [`machine`] what tokens and this machine say of themselves.
//!
//! The pure part: [`readback`] turns digests into words and words into proofs; [`tuf`] reads, verifies and writes metadata;
//! [`ceremony`] is the engine; [`transcript`] is what happened; [`report`] tells people, and [`audit`] goes through it again.
//! [`transfer`] is what crosses the air gap: folders, and the frames of QR codes.
//!
//! The shell: [`secret`] holds PINs; [`files`] reads and writes without overwriting; [`keyfile`] opens and writes private keys
//! in files; [`backup`] seals a key, shares out what opens it, and prints the shares; [`preflight`] looks at the machine; [`token`] is where keys live; [`runner`] is the only writer, and [`perform`] does what a ceremony intends.
//!
//! Online, a program of its own: `courier` fetches what a ceremony builds on and publishes what it left.
//!
//! People: [`qr`] makes and reads QR codes, [`cli`] is the command line and the line UI, [`tui`] the terminal UI; `program` is how programs end and speak.

/// Freed memory is wiped: libraries that compute with a secret leave copies in buffers that only the allocator sees again.
#[cfg(feature = "tokens")]
#[global_allocator]
static HEAP: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

pub mod audit;
#[cfg(feature = "tokens")]
pub mod backup;
pub mod ceremony;
#[cfg(feature = "terminal")]
pub mod cli;
#[cfg(feature = "online")]
pub mod courier;
pub mod device;
pub mod digest;
pub mod fault;
#[cfg(any(feature = "tokens", feature = "online"))]
pub mod files;
#[cfg(feature = "tokens")]
pub mod keyfile;
#[cfg(feature = "tokens")]
mod locked;
pub mod machine;
#[cfg(feature = "tokens")]
pub mod perform;
#[cfg(any(feature = "tokens", feature = "online"))]
pub mod preflight;
#[cfg(any(feature = "terminal", feature = "online"))]
pub mod program;
#[cfg(feature = "tokens")]
pub mod qr;
pub mod readback;
pub mod report;
pub mod rules;
#[cfg(feature = "tokens")]
pub mod runner;
#[cfg(feature = "tokens")]
pub mod secret;
pub mod text;
#[cfg(feature = "tokens")]
pub mod token;
pub mod transcript;
pub mod transfer;
pub mod tuf;
#[cfg(feature = "terminal")]
pub mod tui;
pub mod utc;
