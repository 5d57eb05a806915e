//! The two encryptions of private key files: PBES2 (RFC 8018, section 6.2), and the one that OpenSSL put into PEM headers before.

use std::fmt;

use aes::{Aes128Dec, Aes192Dec, Aes256Dec, Aes256Enc};
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _, block_padding::Pkcs7};
use md5::{Digest as _, Md5};
use p256::pkcs8::{
    ObjectIdentifier,
    der::{self, Decode, Reader as _, SliceReader, asn1::OctetStringRef},
    spki::AlgorithmIdentifierRef,
};
use pkcs5::pbes2::{HMAC_WITH_SHA1_OID, PBES2_OID, PBKDF2_OID, Pbkdf2Params, Pbkdf2Prf, SCRYPT_OID};
use zeroize::Zeroizing;

use super::{Wrong, pem::Shape};
use crate::{
    digest::from_hex,
    secret::{Passphrase, Secret},
    text::shown_up_to,
};

/// The most rounds of PBKDF2 that are done, to bound what a hostile file costs: some seconds. What this program writes has
/// [`super::ITERATIONS`].
pub const ITERATIONS_MAX: u32 = 10_000_000;

/// Below this many rounds a lock is quickly guessed. The stock client writes 2,048; OWASP asks for 600,000 and more.
const ROUNDS_FEW: u32 = 100_000;

const AES_BLOCK: usize = 16;

/// How a key in a file is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    stretch: Stretch,
    /// Of AES in CBC mode, in bytes.
    key_length: usize,
    iv: [u8; AES_BLOCK],
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stretch {
    Pbkdf2(Pbkdf2Params),
    /// EVP_BytesToKey of OpenSSL with MD5 and one round, salted with the first half of the initialisation vector.
    OpenSsl,
}

/// `PBKDF2-HMAC-SHA1, 2048 rounds, AES-256-CBC`.
impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stretch {
            Stretch::Pbkdf2(stretch) => {
                let prf = match stretch.prf {
                    Pbkdf2Prf::HmacWithSha1 => "SHA1",
                    Pbkdf2Prf::HmacWithSha224 => "SHA224",
                    Pbkdf2Prf::HmacWithSha256 => "SHA256",
                    Pbkdf2Prf::HmacWithSha384 => "SHA384",
                    Pbkdf2Prf::HmacWithSha512 => "SHA512",
                    _ => "unknown",
                };
                write!(f, "PBKDF2-HMAC-{prf}, {} rounds", stretch.iteration_count)?;
            }
            Stretch::OpenSsl => f.write_str("MD5, 1 round")?,
        }
        write!(f, ", AES-{}-CBC", self.key_length * 8)
    }
}

impl Lock {
    /// What this program writes: PBKDF2 with HMAC-SHA1, for Notary fails on any other only when the key is first used.
    pub(super) fn new(rounds: u32, salt: &[u8; 16], iv: [u8; AES_BLOCK]) -> Self {
        let salt = salt.as_slice().try_into().expect("a salt may have 32 bytes");
        let stretch = Pbkdf2Params { salt, iteration_count: rounds, key_length: None, prf: Pbkdf2Prf::HmacWithSha1 };
        Self { stretch: Stretch::Pbkdf2(stretch), key_length: 32, iv }
    }

    /// Whether a passphrase can be tried so fast that an ordinary one falls in an afternoon: MD5, or few rounds.
    pub fn is_quickly_guessed(&self) -> bool {
        match &self.stretch {
            Stretch::Pbkdf2(with) => with.iteration_count < ROUNDS_FEW,
            Stretch::OpenSsl => true,
        }
    }

    /// The key of the cipher.
    fn key(&self, passphrase: &Passphrase) -> Result<Secret, Wrong> {
        Secret::made(self.key_length, |room| {
            match &self.stretch {
                Stretch::Pbkdf2(with) => {
                    let (salt, rounds) = (with.salt.as_bytes(), with.iteration_count);
                    match with.prf {
                        Pbkdf2Prf::HmacWithSha1 => {
                            pbkdf2::pbkdf2_hmac::<sha1::Sha1>(passphrase.expose(), salt, rounds, room);
                        }
                        Pbkdf2Prf::HmacWithSha224 => {
                            pbkdf2::pbkdf2_hmac::<sha2::Sha224>(passphrase.expose(), salt, rounds, room);
                        }
                        Pbkdf2Prf::HmacWithSha256 => {
                            pbkdf2::pbkdf2_hmac::<sha2::Sha256>(passphrase.expose(), salt, rounds, room);
                        }
                        Pbkdf2Prf::HmacWithSha384 => {
                            pbkdf2::pbkdf2_hmac::<sha2::Sha384>(passphrase.expose(), salt, rounds, room);
                        }
                        Pbkdf2Prf::HmacWithSha512 => {
                            pbkdf2::pbkdf2_hmac::<sha2::Sha512>(passphrase.expose(), salt, rounds, room);
                        }
                        _ => return Err(unsupported("a pseudo-random function that is not known")),
                    }
                }
                Stretch::OpenSsl => openssl(passphrase, &self.iv[..8], room),
            }
            Ok(room.len())
        })
    }

    /// Decrypts the body of a key of this shape.
    pub(super) fn open(&self, shape: Shape, body: &Secret, passphrase: &Passphrase) -> Result<Secret, Wrong> {
        let encrypted = match shape {
            Shape::Pkcs8Encrypted => parts(body.expose())?.1,
            _ => body.expose(),
        };
        let key = self.key(passphrase)?;
        Secret::made(encrypted.len(), |room| {
            room.copy_from_slice(encrypted);
            let (key, iv) = (key.expose(), &self.iv);
            let bare = match self.key_length {
                16 => {
                    cbc::Decryptor::<Aes128Dec>::new_from_slices(key, iv).map(|aes| aes.decrypt_padded::<Pkcs7>(room))
                }
                24 => {
                    cbc::Decryptor::<Aes192Dec>::new_from_slices(key, iv).map(|aes| aes.decrypt_padded::<Pkcs7>(room))
                }
                _ => cbc::Decryptor::<Aes256Dec>::new_from_slices(key, iv).map(|aes| aes.decrypt_padded::<Pkcs7>(room)),
            };
            let bare = bare.map_err(|_| Wrong::Passphrase)?;
            bare.map(<[u8]>::len).map_err(|_| Wrong::Passphrase)
        })
    }

    /// Encrypts `length` bytes at the beginning of `room`, which has a block more, and says how many came of them.
    pub(super) fn close(&self, room: &mut [u8], length: usize, passphrase: &Passphrase) -> Result<usize, Wrong> {
        let key = self.key(passphrase)?;
        let aes = cbc::Encryptor::<Aes256Enc>::new_from_slices(key.expose(), &self.iv).expect("both have their length");
        let closed = aes.encrypt_padded::<Pkcs7>(room, length).expect("there is room for the padding");
        Ok(closed.len())
    }

    /// The AlgorithmIdentifier of PBES2 in DER.
    pub(super) fn to_der(&self) -> der::Result<Vec<u8>> {
        use der::Encode as _;
        let Stretch::Pbkdf2(stretch) = &self.stretch else { return Err(der::ErrorKind::Failed.into()) };
        let encryption = pkcs5::pbes2::EncryptionScheme::Aes256Cbc { iv: self.iv };
        let parameters = pkcs5::pbes2::Parameters { kdf: (*stretch).into(), encryption };
        pkcs5::EncryptionScheme::Pbes2(parameters).to_der()
    }
}

/// AlgorithmIdentifier and encrypted data of an EncryptedPrivateKeyInfo.
fn parts(body: &[u8]) -> Result<(AlgorithmIdentifierRef<'_>, &[u8]), Wrong> {
    let mut reader = SliceReader::new(body).map_err(|_| not_pkcs8())?;
    let parts = reader.sequence(|reader| {
        let algorithm = AlgorithmIdentifierRef::decode(reader)?;
        let data = <&OctetStringRef>::decode(reader)?;
        Ok::<_, der::Error>((algorithm, data.as_bytes()))
    });
    let parts = parts.map_err(|_| not_pkcs8())?;
    reader.finish().map_err(|_| not_pkcs8())?;
    Ok(parts)
}

fn not_pkcs8() -> Wrong {
    Wrong::Damaged("it is cut short, or no EncryptedPrivateKeyInfo (PKCS#8)".into())
}

/// How an EncryptedPrivateKeyInfo is encrypted.
pub(super) fn pbes2(body: &[u8]) -> Result<Lock, Wrong> {
    let (algorithm, _) = parts(body)?;
    if algorithm.oid != PBES2_OID {
        return Err(unsupported(&name_of(algorithm.oid)));
    }
    let malformed = |_| Wrong::Damaged("the parameters of its encryption are malformed".into());
    let parameters = algorithm.parameters.ok_or_else(not_pkcs8)?;
    let both = parameters.sequence(|reader| {
        Ok::<_, der::Error>((AlgorithmIdentifierRef::decode(reader)?, AlgorithmIdentifierRef::decode(reader)?))
    });
    let (stretch, cipher) = both.map_err(malformed)?;
    let key_length = match cipher.oid {
        pkcs5::pbes2::AES_128_CBC_OID => 16,
        pkcs5::pbes2::AES_192_CBC_OID => 24,
        pkcs5::pbes2::AES_256_CBC_OID => 32,
        other => return Err(unsupported(&name_of(other))),
    };
    let iv = cipher.parameters.and_then(|iv| iv.decode_as::<&OctetStringRef>().ok()?.as_bytes().try_into().ok());
    let iv = iv.ok_or_else(|| Wrong::Damaged("its initialisation vector is not 16 bytes".into()))?;
    if stretch.oid != PBKDF2_OID {
        return Err(unsupported(&name_of(stretch.oid)));
    }
    let stretch =
        Pbkdf2Params::try_from(stretch.parameters.ok_or_else(not_pkcs8)?).map_err(|error| match error.kind() {
            der::ErrorKind::OidUnknown { oid } => unsupported(&name_of(oid)),
            _ => malformed(error),
        })?;
    if stretch.iteration_count > ITERATIONS_MAX {
        return Err(Wrong::Iterations(stretch.iteration_count));
    }
    if stretch.iteration_count == 0 || stretch.key_length.is_some_and(|length| usize::from(length) != key_length) {
        return Err(Wrong::Damaged("the parameters of its encryption contradict each other".into()));
    }
    Ok(Lock { stretch: Stretch::Pbkdf2(stretch), key_length, iv })
}

/// How a `DEK-Info` header says that a key is encrypted.
pub(super) fn legacy(info: &str) -> Result<Lock, Wrong> {
    let (cipher, iv) = info.split_once(',').unwrap_or((info, ""));
    let key_length = match cipher.trim() {
        "AES-128-CBC" => 16,
        "AES-192-CBC" => 24,
        "AES-256-CBC" => 32,
        other => return Err(unsupported(&shown_up_to(other, 40))),
    };
    let iv = from_hex(iv.trim()).and_then(|iv| iv.try_into().ok());
    let iv = iv.ok_or_else(|| Wrong::Damaged("its DEK-Info has no initialisation vector of 16 bytes".into()))?;
    Ok(Lock { stretch: Stretch::OpenSsl, key_length, iv })
}

/// EVP_BytesToKey of OpenSSL: each block is the MD5 of the block before, the passphrase and the salt.
fn openssl(passphrase: &Passphrase, salt: &[u8], key: &mut [u8]) {
    let mut block = Zeroizing::new([0u8; 16]);
    for (index, part) in key.chunks_mut(16).enumerate() {
        let mut hash = Md5::new();
        if index > 0 {
            hash.update(block.as_slice());
        }
        hash.update(passphrase.expose());
        hash.update(salt);
        block.copy_from_slice(&hash.finalize());
        part.copy_from_slice(&block[..part.len()]);
    }
}

fn unsupported(what: &str) -> Wrong {
    Wrong::Unsupported(format!(
        "the key is encrypted with {what}, which this program does not open; on the machine where it is used, \
         `openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out OUT` encrypts it anew"
    ))
}

/// What people call the algorithms that turn up in key files.
fn name_of(oid: ObjectIdentifier) -> String {
    let name = match oid.to_string().as_str() {
        "1.2.840.113549.1.5.3" => "PBES1 (MD5, DES)",
        "1.2.840.113549.1.5.10" => "PBES1 (SHA-1, DES)",
        "1.2.840.113549.1.12.1.3" => "PKCS#12 (SHA-1, 3DES)",
        "1.2.840.113549.1.12.1.6" => "PKCS#12 (SHA-1, RC2-40)",
        "1.2.840.113549.3.7" => "3DES",
        "1.3.14.3.2.7" => "DES",
        "2.16.840.1.101.3.4.1.6" | "2.16.840.1.101.3.4.1.46" => "AES-GCM",
        _ if oid == SCRYPT_OID => "scrypt",
        _ if oid == HMAC_WITH_SHA1_OID => "HMAC-SHA1",
        other => return format!("an algorithm {other}"),
    };
    name.to_owned()
}
