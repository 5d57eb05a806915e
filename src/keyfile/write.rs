//! Writes a key file that `notary key import` and `docker trust key load` take.

use base64ct::{Base64, Encoding as _};
use p256::pkcs8::der::{Encode as _, Header, Length, Tag, asn1::OctetStringRef};

use super::{Lock, PrivateKey, Wrong};
use crate::{
    fault::Fault,
    locked,
    secret::{Passphrase, Secret},
    tuf::key::{PublicKey, file_header_fits},
};

/// How often PBKDF2 is applied to the passphrase of a file that is written. The stock client writes 2,048; it reads this in about a
/// second.
pub const ITERATIONS: u32 = 600_000;

/// The PEM headers by which the stock tools know what a key is for. The `path:` header, without which they take an encrypted file
/// for no key, is the canonical id and is written always.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    role: String,
    gun: Option<String>,
}

impl Headers {
    /// `role` is `root`, `targets`, a delegation, or any name of a signer; `gun` is the repository of a key for one repository only.
    /// Metadata goes by the key, not by this role: a key for the targets role of many repositories can have any signer's name.
    ///
    /// # Errors
    /// For an empty role, a text that cannot stand in a header, and a targets, snapshot or timestamp key without a GUN, which
    /// the stock tools refuse to import.
    pub fn new(role: &str, gun: Option<&str>) -> Result<Self, String> {
        file_header_fits(role, gun)?;
        Ok(Self { role: role.into(), gun: gun.map(str::to_owned) })
    }
}

/// A P-256 key as PEM, encrypted with `passphrase`: PBES2 with PBKDF2-HMAC-SHA1 ([`ITERATIONS`]) and AES-256-CBC, and with nothing
/// else, since the stock client imports other files in silence and cannot open them when they are needed. Takes about a second.
///
/// # Errors
/// For a key of another kind, and where memory or randomness is missing.
pub fn write(key: &PrivateKey, headers: &Headers, passphrase: &Passphrase) -> Result<String, Wrong> {
    write_with(key, headers, passphrase, ITERATIONS)
}

/// The same with another number of rounds: for a file that protects nothing, and a test.
///
/// # Errors
/// As [`write()`].
pub fn write_with(key: &PrivateKey, headers: &Headers, passphrase: &Passphrase, rounds: u32) -> Result<String, Wrong> {
    let (PublicKey::P256(_), Some(path)) = (key.public(), key.public().canonical_id()) else {
        return Err(Wrong::Unsupported(format!("this program writes P-256 keys, not {}", key.public().algorithm())));
    };
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| Fault::machine("draw a salt", error))?;
    let (salt, iv) = random.split_at(16);
    let lock = Lock::new(rounds, salt.try_into().expect("a half"), iv.try_into().expect("a half"));
    let bare = key.to_pkcs8()?;
    // A block more than the key, for the padding.
    let closed = Secret::made(bare.len() + 16, |room| {
        room[..bare.len()].copy_from_slice(bare.expose());
        lock.close(room, bare.len(), passphrase)
    })?;
    locked::wipe_stack();
    let info = encrypted_info(&lock, closed.expose()).map_err(|_| Wrong::Damaged("it cannot be encoded".into()))?;
    let mut pem = String::from("-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
    // In the order of their names, as Go writes them.
    for (name, value) in [("gun", headers.gun.as_deref()), ("path", Some(path.as_str())), ("role", Some(&headers.role))]
    {
        if let Some(value) = value {
            pem.push_str(&format!("{name}: {value}\n"));
        }
    }
    pem.push('\n');
    let base64 = Base64::encode_string(&info);
    for line in base64.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem.push_str("-----END ENCRYPTED PRIVATE KEY-----\n");
    Ok(pem)
}

/// EncryptedPrivateKeyInfo (RFC 5208, section 6).
fn encrypted_info(lock: &Lock, data: &[u8]) -> p256::pkcs8::der::Result<Vec<u8>> {
    let algorithm = lock.to_der()?;
    let data = OctetStringRef::new(data)?.to_der()?;
    let length = Length::try_from(algorithm.len() + data.len())?;
    let mut info = Header::new(Tag::Sequence, length).to_der()?;
    info.extend(algorithm);
    info.extend(data);
    Ok(info)
}
