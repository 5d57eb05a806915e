//! A private key in locked memory, with its public half.

use p256::{
    ecdsa::signature::Signer as _,
    elliptic_curve::zeroize::Zeroizing,
    pkcs8::{
        AssociatedOid as _, ObjectIdentifier,
        der::{self, Decode as _, Reader as _, SliceReader, asn1::OctetStringRef},
        spki::AlgorithmIdentifierRef,
    },
};
use pkcs1::RsaPrivateKeyRef;
use sec1::{EcParameters, EcPrivateKey};

use super::Wrong;
use crate::{
    fault::Fault,
    locked,
    secret::{KeyMaterial, Secret},
    tuf::key::{KeyAlgorithm, PublicKey, RawSignature},
};

/// id-Ed25519 (RFC 8410).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// What Notary writes for Ed25519, from before there was a standard.
const NOTARY_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.15.1");
/// id-ecPublicKey (RFC 5480).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// rsaEncryption (RFC 8017).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A private key with its public half. What the bytes of the private half are follows from the kind of the public one
/// ([`KeyMaterial`]). It can be neither shown nor copied.
pub struct PrivateKey {
    public: PublicKey,
    material: KeyMaterial,
}

/// A private key as DER, or what Notary has in its place.
pub(super) enum Encoded<'a> {
    Pkcs8(&'a [u8]),
    Sec1(&'a [u8]),
    Pkcs1(&'a [u8]),
    /// Public key, seed, public key.
    NotaryEd25519(&'a [u8]),
}

impl PrivateKey {
    /// Makes a P-256 key from the randomness of the operating system.
    ///
    /// # Errors
    /// A fault where there is none, or memory cannot be locked.
    pub fn generate_p256() -> Result<Self, Fault> {
        loop {
            let scalar = Secret::made(32, |room| {
                getrandom::fill(room).map_err(|error| Fault::machine("draw a new key", error))?;
                Ok::<_, Fault>(room.len())
            })?;
            // Not every 32 bytes are a scalar of the curve; almost all are.
            if let Ok(key) = p256(scalar.expose(), None) {
                locked::wipe_stack();
                return Ok(key);
            }
        }
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The private half, for the call that puts it on a token.
    pub fn material(&self) -> &KeyMaterial {
        &self.material
    }

    /// Signs as metadata is signed; `None` for RSA, which this program signs with on tokens only.
    pub fn sign(&self, message: &[u8]) -> Option<RawSignature> {
        let bare = self.material.expose();
        let signature = match &self.public {
            PublicKey::P256(_) => {
                let key = p256::ecdsa::SigningKey::from_slice(bare).ok()?;
                let signature: p256::ecdsa::Signature = key.try_sign(message).ok()?;
                signature.to_bytes().to_vec()
            }
            PublicKey::P384(_) => {
                let key = p384::ecdsa::SigningKey::from_slice(bare).ok()?;
                let signature: p384::ecdsa::Signature = key.try_sign(message).ok()?;
                signature.to_bytes().to_vec()
            }
            PublicKey::Ed25519(_) => {
                let seed: Zeroizing<[u8; 32]> = Zeroizing::new(bare.try_into().ok()?);
                ed25519_dalek::SigningKey::from_bytes(&seed).try_sign(message).ok()?.to_bytes().to_vec()
            }
            PublicKey::P521(_) | PublicKey::Rsa(_) | PublicKey::Other { .. } => return None,
        };
        locked::wipe_stack();
        Some(RawSignature::new(signature))
    }

    /// As a PrivateKeyInfo (RFC 5208), in locked memory: for a token that takes keys only wrapped, and for a file.
    ///
    /// # Errors
    /// A fault where memory cannot be locked.
    pub fn to_pkcs8(&self) -> Result<Secret, Fault> {
        let bare = self.material.expose();
        match &self.public {
            PublicKey::P256(key) => {
                join(&[&BEFORE_P256, bare, &[0xa1, 0x44, 0x03, 0x42, 0], key.to_sec1_point(false).as_bytes()])
            }
            PublicKey::P384(key) => {
                join(&[&BEFORE_P384, bare, &[0xa1, 0x64, 0x03, 0x62, 0], key.to_sec1_point(false).as_bytes()])
            }
            PublicKey::Ed25519(_) => join(&[&BEFORE_ED25519, bare]),
            PublicKey::P521(_) | PublicKey::Rsa(_) | PublicKey::Other { .. } => {
                // A key of the longest modulus comes to less than 8 KiB, and one of the shortest to more than 255 bytes.
                let length = |bytes: usize| [0x82, (bytes >> 8) as u8, bytes as u8];
                let whole = length(bare.len() + RSA_ALGORITHM.len() + 4);
                join(&[&[0x30], &whole, &RSA_ALGORITHM, &[0x04], &length(bare.len()), bare])
            }
        }
    }

    pub(super) fn read(encoded: Encoded<'_>) -> Result<Self, Wrong> {
        match encoded {
            Encoded::Pkcs8(der) => pkcs8(der),
            Encoded::Sec1(der) => sec1(der, None),
            Encoded::Pkcs1(der) => rsa(der),
            Encoded::NotaryEd25519(bytes) => notary_ed25519(bytes),
        }
    }

    fn new(public: PublicKey, bare: &[u8]) -> Result<Self, Wrong> {
        Ok(Self { public, material: Secret::made(bare.len(), |room| fill(room, bare))?.into() })
    }
}

/// What stands before the scalar of a PrivateKeyInfo with an ECPrivateKey inside (RFC 5915, without its parameters, with its point).
const BEFORE_P256: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
];
const BEFORE_P384: [u8; 35] = [
    0x30, 0x81, 0xb6, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05,
    0x2b, 0x81, 0x04, 0x00, 0x22, 0x04, 0x81, 0x9e, 0x30, 0x81, 0x9b, 0x02, 0x01, 0x01, 0x04, 0x30,
];
/// What stands before the seed (RFC 8410).
const BEFORE_ED25519: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// Version and algorithm before an RSAPrivateKey.
const RSA_ALGORITHM: [u8; 18] =
    [0x02, 0x01, 0x00, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

fn join(parts: &[&[u8]]) -> Result<Secret, Fault> {
    Secret::made(parts.iter().map(|part| part.len()).sum(), |room| {
        let mut length = 0;
        for part in parts {
            room[length..length + part.len()].copy_from_slice(part);
            length += part.len();
        }
        Ok(length)
    })
}

fn fill(room: &mut [u8], bytes: &[u8]) -> Result<usize, Wrong> {
    room.copy_from_slice(bytes);
    Ok(bytes.len())
}

fn damaged(what: &str) -> Wrong {
    Wrong::Damaged(what.into())
}

fn pkcs8(der: &[u8]) -> Result<PrivateKey, Wrong> {
    let (algorithm, inner) =
        private_key_info(der).map_err(|_| damaged("it is cut short, or no PrivateKeyInfo (PKCS#8)"))?;
    match algorithm.oid {
        EC => {
            let curve = algorithm.parameters_oid().map_err(|_| unused("a curve without a name"))?;
            sec1(inner, Some(curve))
        }
        RSA => rsa(inner),
        ED25519 => {
            let seed = <&OctetStringRef>::from_der(inner).map_err(|_| damaged("its Ed25519 seed is malformed"))?;
            ed25519(seed.as_bytes(), None)
        }
        NOTARY_ED25519 => notary_ed25519(inner),
        other => Err(unused(&format!("algorithm {other}"))),
    }
}

/// Algorithm and key of a PrivateKeyInfo. Notary gives it the version of an OneAsymmetricKey (RFC 5958) and no public key, which a
/// strict reader refuses; attributes and public key are passed over.
fn private_key_info(der: &[u8]) -> der::Result<(AlgorithmIdentifierRef<'_>, &[u8])> {
    let mut reader = SliceReader::new(der)?;
    let parts = reader.sequence(|reader| {
        if u8::decode(reader)? > 1 {
            return Err(reader.error(der::Tag::Integer.value_error()));
        }
        let algorithm = AlgorithmIdentifierRef::decode(reader)?;
        let key = <&OctetStringRef>::decode(reader)?.as_bytes();
        let rest = reader.remaining_len();
        reader.read_slice(rest)?;
        Ok((algorithm, key))
    })?;
    reader.finish()?;
    Ok(parts)
}

fn unused(what: &str) -> Wrong {
    Wrong::Unsupported(format!("the key is of {what}, which this program does not use"))
}

fn sec1(der: &[u8], curve: Option<ObjectIdentifier>) -> Result<PrivateKey, Wrong> {
    let key = EcPrivateKey::from_der(der).map_err(|_| damaged("it is cut short, or no ECPrivateKey (SEC 1)"))?;
    let curve = curve.or(key.parameters.and_then(EcParameters::named_curve));
    match curve.ok_or_else(|| unused("a curve without a name"))? {
        p256::NistP256::OID => p256(key.private_key, key.public_key),
        p384::NistP384::OID => p384(key.private_key, key.public_key),
        other => Err(unused(&format!("curve {other}"))),
    }
}

/// The scalar at its full width: some writers leave zeros at its beginning out.
fn full(scalar: &[u8], width: usize) -> Result<Secret, Wrong> {
    let zeros = width.checked_sub(scalar.len()).ok_or_else(|| damaged("its scalar is too long for the curve"))?;
    Secret::made(width, |room| {
        room[zeros..].copy_from_slice(scalar);
        Ok(width)
    })
}

/// A private key of its bare bytes.
pub(super) fn bare(algorithm: KeyAlgorithm, bytes: &[u8]) -> Result<PrivateKey, Wrong> {
    match algorithm {
        KeyAlgorithm::P256 => p256(bytes, None),
        KeyAlgorithm::P384 => p384(bytes, None),
        KeyAlgorithm::Ed25519 => ed25519(bytes, None),
        other => Err(unused(&other.to_string())),
    }
}

fn p256(scalar: &[u8], public: Option<&[u8]>) -> Result<PrivateKey, Wrong> {
    let scalar = full(scalar, 32)?;
    let key = p256::ecdsa::SigningKey::from_slice(scalar.expose()).map_err(|_| damaged("its scalar is none"))?;
    of_point(PublicKey::P256(*key.verifying_key()), scalar, public)
}

fn p384(scalar: &[u8], public: Option<&[u8]>) -> Result<PrivateKey, Wrong> {
    let scalar = full(scalar, 48)?;
    let key = p384::ecdsa::SigningKey::from_slice(scalar.expose()).map_err(|_| damaged("its scalar is none"))?;
    of_point(PublicKey::P384(*key.verifying_key()), scalar, public)
}

fn of_point(computed: PublicKey, scalar: Secret, written: Option<&[u8]>) -> Result<PrivateKey, Wrong> {
    if written.is_some_and(|point| PublicKey::from_point(point).as_ref() != Some(&computed)) {
        return Err(damaged("the public key that is written beside it is another"));
    }
    Ok(PrivateKey { public: computed, material: scalar.into() })
}

fn ed25519(seed: &[u8], public: Option<&[u8]>) -> Result<PrivateKey, Wrong> {
    let bytes: [u8; 32] = seed.try_into().map_err(|_| damaged("its Ed25519 seed is not 32 bytes"))?;
    let bytes = Zeroizing::new(bytes);
    let computed = ed25519_dalek::SigningKey::from_bytes(&bytes).verifying_key();
    if public.is_some_and(|public| public != computed.as_bytes()) {
        return Err(damaged("the public key that is written beside it is another"));
    }
    PrivateKey::new(PublicKey::Ed25519(computed), seed)
}

fn notary_ed25519(bytes: &[u8]) -> Result<PrivateKey, Wrong> {
    if bytes.len() != 96 {
        return Err(damaged("Notary's form of an Ed25519 key has 96 bytes"));
    }
    if bytes[..32] != bytes[64..] {
        return Err(damaged("its two public keys differ"));
    }
    ed25519(&bytes[32..64], Some(&bytes[..32]))
}

fn rsa(der: &[u8]) -> Result<PrivateKey, Wrong> {
    let key = RsaPrivateKeyRef::from_der(der).map_err(|_| damaged("it is cut short, or no RSAPrivateKey (PKCS#1)"))?;
    let public = PublicKey::from_rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes());
    let public = public.ok_or_else(|| unused("RSA with a modulus that is too short or too long"))?;
    PrivateKey::new(public, der)
}
