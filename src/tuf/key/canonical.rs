//! The name of a bare public key in Notary, and the headers of its private key's file.

use super::{KeyId, PublicKey};
use crate::tuf::dialect;

impl PublicKey {
    /// The canonical id of Notary v1: the keyid of the key without a certificate. It is the name of the private key's file; a
    /// root's key has another keyid in metadata, that of its certificate. `None` for [`PublicKey::Other`].
    pub fn canonical_id(&self) -> Option<KeyId> {
        dialect::bare_id(self)
    }
}

/// Whether the stock tools of Notary v1 import a private key whose file says that it is for this role and this repository: both are
/// one line, and a key of the role targets, snapshot or timestamp names its repository.
///
/// # Errors
/// What is wrong, as a sentence without its full stop.
pub fn file_header_fits(role: &str, gun: Option<&str>) -> Result<(), String> {
    for text in [Some(role), gun].into_iter().flatten() {
        if text.is_empty() || text.trim() != text || text.len() > 255 || text.contains(crate::text::paints) {
            return Err("a role or a GUN is a line of 1 to 255 bytes without space at its ends".into());
        }
    }
    if gun.is_none() && ["targets", "snapshot", "timestamp"].contains(&role) {
        return Err(format!(
            "a key of the role {role} needs a GUN, or the stock tools refuse it; a key for many GUNs gets a signer's name"
        ));
    }
    Ok(())
}
