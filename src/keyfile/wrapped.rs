//! A private key that is wrapped under a key-encryption key: AES-256 key wrap with padding (RFC 5649) of a PrivateKeyInfo (RFC 5208).
//! Tokens make and open such bytes; here they are opened and made in software, to check a token and to need none.

use aes_kw::{KeyInit as _, KwpAes256};
use p256::pkcs8::der::{Encode as _, Header, SliceReader};
use sha2::{Digest as _, Sha256};

use super::{PrivateKey, Wrong, private::Encoded};
use crate::{device::TokenIdentity, digest::Digest, fault::Fault, locked, secret::Secret, tuf::key::PublicKey};

/// The longest wrapped key that is read, in bytes: an RSA key of 8,192 bits comes to a third of it.
pub const WRAPPED_MAX: usize = 16 << 10;
/// One block more than the least: no private key is shorter.
const WRAPPED_MIN: usize = 24;
/// Of AES-256, in bytes.
pub(super) const KEK_LENGTH: usize = 32;
/// What RFC 5649 adds, in bytes: one semiblock, beside what fills the last.
const SEMIBLOCK: usize = 8;

/// A key-encryption key (KEK): AES-256, for one key of one ceremony. It is made here, brought to tokens, split among custodians, and
/// wiped. It can be neither shown nor copied.
pub struct Kek(Secret);

impl Kek {
    /// Draws a fresh one from the operating system.
    ///
    /// # Errors
    /// A fault where there is no randomness or memory cannot be locked.
    pub fn fresh() -> Result<Self, Fault> {
        Secret::made(KEK_LENGTH, |room| {
            getrandom::fill(room).map_err(|error| Fault::machine("draw a key-encryption key", error))?;
            Ok(KEK_LENGTH)
        })
        .map(Self)
    }

    /// The one of these bytes: what shares gave back, or what was mixed from several sources of randomness. `None` where they are not 32.
    pub fn of(bytes: Secret) -> Option<Self> {
        (bytes.len() == KEK_LENGTH).then_some(Self(bytes))
    }

    /// Its 32 bytes, for the call that puts it on a token, and for splitting it.
    pub fn material(&self) -> &Secret {
        &self.0
    }

    /// What it is known by: SHA-256 of `officiant kek 1:` and its 32 bytes. It stands in the file of a wrapped key, on tokens as the id
    /// of the key-encryption key, and begins the id of the set of its shares.
    pub fn fingerprint(&self) -> Digest {
        let hash = Sha256::new().chain_update(b"officiant kek 1:").chain_update(self.0.expose()).finalize();
        locked::wipe_stack();
        Digest::from_bytes(hash.into())
    }

    /// Wraps a key in software.
    ///
    /// # Errors
    /// A fault where memory cannot be locked.
    pub fn wrap(&self, key: &PrivateKey) -> Result<Wrapped, Fault> {
        let pkcs8 = key.to_pkcs8()?;
        let mut bytes = vec![0; pkcs8.len().next_multiple_of(SEMIBLOCK) + SEMIBLOCK];
        let done = locked::apart(|| Ok(self.cipher()?.wrap_key(pkcs8.expose(), &mut bytes).is_ok()))?;
        let wrapped = Wrapped::new(key.public().clone(), bytes, self.fingerprint(), None).filter(|_| done);
        wrapped.ok_or_else(|| Fault::machine("wrap a key in software", "it is too long"))
    }

    /// Opens a wrapped key in software: the way out where no token unwraps. What comes out is the private half of the key that it is
    /// said to be.
    ///
    /// # Errors
    /// [`Wrong::Other`] for one that is under another key-encryption key; [`Wrong::Damaged`] for one that was altered, or that holds
    /// another key; where memory cannot be locked.
    pub fn unwrap(&self, wrapped: &Wrapped) -> Result<PrivateKey, Wrong> {
        if wrapped.kek != self.fingerprint() {
            return Err(Wrong::Other("a key that is wrapped under another key-encryption key".into()));
        }
        let key = self.opened(&wrapped.bytes)?;
        if *key.public() != wrapped.public {
            return Err(Wrong::Damaged("the key that is wrapped is not the one that is named beside it".into()));
        }
        Ok(key)
    }

    /// Opens bytes that a token made, whatever key they hold.
    ///
    /// # Errors
    /// As [`Kek::unwrap`].
    pub fn opened(&self, bytes: &[u8]) -> Result<PrivateKey, Wrong> {
        locked::apart(|| {
            let pkcs8 = Secret::made(bytes.len().max(SEMIBLOCK), |room| {
                let open = self.cipher()?.unwrap_key(bytes, room).map(<[u8]>::len);
                open.map_err(|_| Wrong::Damaged("it does not unwrap as RFC 5649 says: it was altered, or cut".into()))
            })?;
            PrivateKey::read(Encoded::Pkcs8(without_filling(pkcs8.expose())))
        })
    }

    fn cipher(&self) -> Result<KwpAes256, Fault> {
        KwpAes256::new_from_slice(self.0.expose()).map_err(|error| Fault::machine("use a key-encryption key", error))
    }
}

/// A private key wrapped by RFC 5649 under a [`Kek`]. It is no secret: without the KEK it is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    public: PublicKey,
    bytes: Vec<u8>,
    kek: Digest,
    origin: Option<TokenIdentity>,
}

impl Wrapped {
    /// `bytes` hold the private half of `public` under the KEK of this fingerprint; `origin` wrapped it. `None` where they are of no
    /// length that RFC 5649 gives a private key.
    pub fn new(public: PublicKey, bytes: Vec<u8>, kek: Digest, origin: Option<TokenIdentity>) -> Option<Self> {
        let fits = (WRAPPED_MIN..=WRAPPED_MAX).contains(&bytes.len()) && bytes.len().is_multiple_of(SEMIBLOCK);
        fits.then_some(Self { public, bytes, kek, origin })
    }

    /// The public half of what is wrapped, as it is said.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// What the token gave.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Which key-encryption key opens it: [`Kek::fingerprint`].
    pub fn kek(&self) -> &Digest {
        &self.kek
    }

    /// The token that wrapped it; `None` where it comes from a file.
    pub fn origin(&self) -> Option<&TokenIdentity> {
        self.origin.as_ref()
    }
}

/// Without the zeros with which SoftHSM fills the last semiblock before it wraps: RFC 5649, which would do that by itself, counts them
/// as part of the key then.
fn without_filling(der: &[u8]) -> &[u8] {
    let whole = SliceReader::new(der).and_then(|reader| {
        let header = Header::peek(&reader)?;
        (header.encoded_len()? + header.length()).and_then(usize::try_from)
    });
    match whole.ok().and_then(|length| der.split_at_checked(length)) {
        Some((key, filling)) if filling.len() < SEMIBLOCK && filling.iter().all(|byte| *byte == 0) => key,
        _ => der,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kek(byte: u8) -> Kek {
        Kek::of(Secret::copied(&[byte; KEK_LENGTH]).unwrap()).unwrap()
    }

    #[test]
    fn a_wrapped_key_opens_with_its_own_kek_and_unaltered_alone() {
        let key = PrivateKey::generate_p256().unwrap();
        let wrapped = kek(7).wrap(&key).unwrap();
        // 138 bytes of PKCS#8 with its point, filled to 144, and 8.
        assert_eq!(wrapped.bytes().len(), 152);
        assert!(kek(7).unwrap(&wrapped).unwrap().material().same_as(key.material()));
        assert!(matches!(kek(8).unwrap(&wrapped).map(|_| ()), Err(Wrong::Other(_))));
        assert!(matches!(kek(8).opened(wrapped.bytes()).map(|_| ()), Err(Wrong::Damaged(_))));
        for at in 0..wrapped.bytes().len() {
            let mut bytes = wrapped.bytes().to_vec();
            bytes[at] ^= 1;
            assert!(matches!(kek(7).opened(&bytes).map(|_| ()), Err(Wrong::Damaged(_))), "{at}");
            assert!(kek(7).opened(&wrapped.bytes()[..at]).is_err(), "{at}");
        }
        let other = PrivateKey::generate_p256().unwrap().public().clone();
        let named = Wrapped::new(other, wrapped.bytes().to_vec(), kek(7).fingerprint(), None).unwrap();
        assert!(matches!(kek(7).unwrap(&named).map(|_| ()), Err(Wrong::Damaged(_))));
        for length in [0, 16, 25, WRAPPED_MAX + 8] {
            assert!(Wrapped::new(key.public().clone(), vec![0; length], kek(7).fingerprint(), None).is_none());
        }
        assert!(Kek::of(Secret::copied(&[0; 31]).unwrap()).is_none());
    }

    /// Made with Python's `cryptography` (OpenSSL), `aes_key_wrap_with_padding`, of the key of the scalar 1 on P-256.
    #[test]
    fn what_openssl_wrapped_opens_and_is_wrapped_so_again() {
        let text = include_str!("../../tests/keyfiles/wrapped-p256.hex");
        let bytes = crate::digest::from_hex(text.trim()).unwrap();
        let key = kek(0x11).opened(&bytes).unwrap();
        let mut one = [0; 32];
        one[31] = 1;
        assert!(key.material().same_as(&Secret::copied(&one).unwrap()));
        assert_eq!(kek(0x11).wrap(&key).unwrap().bytes(), bytes);
    }
}
