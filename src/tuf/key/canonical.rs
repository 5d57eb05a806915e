//! The name of a bare public key in Notary: its file name, and what people compare.

use base64ct::{Base64, Encoding as _};

use super::{KeyId, PublicKey};
use crate::digest::Digest;

impl PublicKey {
    /// The canonical id of Notary v1: the SHA-256 of the canonical JSON of the key object without certificate. It is the name of
    /// the private key's file; a root's key has another keyid in metadata, that of its certificate. `None` for
    /// [`PublicKey::Other`].
    pub fn canonical_id(&self) -> Option<KeyId> {
        let (keytype, public) = match self {
            Self::P256(_) | Self::P384(_) => ("ecdsa", self.to_spki_der()?),
            Self::Rsa(_) => ("rsa", self.to_spki_der()?),
            Self::Ed25519(key) => ("ed25519", key.as_bytes().to_vec()),
            Self::Other { .. } => return None,
        };
        let public = Base64::encode_string(&public);
        let object = format!(r#"{{"keytype":"{keytype}","keyval":{{"private":null,"public":"{public}"}}}}"#);
        Some(Digest::of(object.as_bytes()).into())
    }
}
