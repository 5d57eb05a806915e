//! The backup of a root key that no single person can open, and that stock tools can.
//!
//! A private key is sealed ([`seal()`]) as an ordinary age file to a fresh [`Identity`], which is split among custodians
//! ([`split`]): any threshold of [`Share`]s gives the identity back ([`Gathering`]), one fewer gives nothing. A share lives on
//! [`paper`], is copied row by row from a covered screen, and is typed back ([`Typing`]) before it counts. What is public of a set
//! ([`Set`]: commitments, a fingerprint) goes to the transcript.
//!
//! Where a token wrapped the key, the file is a text of its own ([`wrapped_file`]), and the key-encryption key is split in the place of
//! the identity ([`split_kek`]): what is copied, printed, typed and gathered is the same.
//!
//! `docs/RECOVERY.md` is the format, and the way out for people who have neither this program nor anybody to ask.
//!
//! Shares, identities and keys are in locked memory only. None of them can be shown, cloned or serialised. A whole share leaves as
//! [`paper::Paper`] alone, which goes to a printer or to a file in memory and to no screen.

mod alphabet;
mod encrypted;
mod filling;
mod gather;
mod header;
mod identity;
mod management;
mod open;
pub mod paper;
mod seal;
mod shares;
mod typed;
mod wrapped;
mod wrong;

pub use self::{
    alphabet::{GROUP, RowWrong, SYMBOLS},
    encrypted::encrypt_share,
    gather::{Gathering, Kept},
    header::{Lock, Outline},
    identity::Identity,
    management::{AboutManagementKey, seal_management_key},
    open::Opened,
    seal::{About, PASSPHRASE_MIN, SIZE_MAX, Sealed, SingleControl, WORK_FACTOR, WORK_FACTOR_MAX, seal, seal_alone},
    shares::{RECORD, Share, Split, split, split_kek},
    typed::{ROWS, Typing},
    wrapped::{WrappedFile, wrapped_file},
    wrong::{ShareWrong, Wrong},
};
pub use crate::custody::{Commitment, Label, Opens, SHARES_MAX, Scheme, Set};
