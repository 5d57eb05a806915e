//! Key pairs, as the card holds them and as certificates write them.

use ed25519_dalek::Signer as _;
use getrandom::SysRng;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use rand_core::UnwrapErr;
use rsa::{
    BoxedUint, Pkcs1v15Sign, RsaPrivateKey,
    hazmat::rsa_decrypt_and_check,
    traits::{PrivateKeyParts as _, PublicKeyParts as _},
};
use sha2::{Digest as _, Sha256};

use crate::{
    apdu::{Status, sw},
    firmware::Firmware,
    tlv::{all, tlv},
};

/// PIV algorithm numbers.
pub const RSA_2048: u8 = 0x07;
pub const RSA_3072: u8 = 0x05;
pub const P256: u8 = 0x11;
pub const P384: u8 = 0x14;
pub const ED25519: u8 = 0xe0;

/// Whether a card of this firmware knows the algorithm, as far as this one goes.
pub fn known(algorithm: u8, firmware: Firmware) -> bool {
    match algorithm {
        RSA_2048 | P256 => true,
        P384 => firmware >= Firmware(4, 0, 0),
        RSA_3072 | ED25519 => firmware >= Firmware(5, 7, 0),
        _ => false,
    }
}

/// A key pair.
pub enum KeyPair {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
    Rsa(Box<RsaPrivateKey>),
}

/// So many random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the machine has randomness");
    bytes
}

impl KeyPair {
    /// Makes one of a known algorithm.
    pub fn generate(algorithm: u8) -> Option<Self> {
        let rsa = |bits| RsaPrivateKey::new(&mut UnwrapErr(SysRng), bits).ok().map(|key| Self::Rsa(Box::new(key)));
        match algorithm {
            // Not every string of bytes is a scalar; almost all are.
            P256 => std::iter::from_fn(|| Some(random::<32>()))
                .find_map(|d| p256::ecdsa::SigningKey::from_slice(&d).ok())
                .map(Self::P256),
            P384 => std::iter::from_fn(|| Some(random::<48>()))
                .find_map(|d| p384::ecdsa::SigningKey::from_slice(&d).ok())
                .map(Self::P384),
            ED25519 => Some(Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&random()))),
            RSA_2048 => rsa(2048),
            RSA_3072 => rsa(3072),
            _ => None,
        }
    }

    /// Takes one from the template of IMPORT.
    pub fn import(algorithm: u8, template: &[u8]) -> Option<Self> {
        let parts = all(template)?;
        let part = |tag| parts.iter().find(|(is, _)| *is == tag).map(|(_, value)| *value);
        match algorithm {
            P256 => p256::ecdsa::SigningKey::from_slice(part(6)?).ok().map(Self::P256),
            P384 => p384::ecdsa::SigningKey::from_slice(part(6)?).ok().map(Self::P384),
            ED25519 => Some(Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(part(7)?.try_into().ok()?))),
            RSA_2048 | RSA_3072 => {
                let bits = if algorithm == RSA_2048 { 2048 } else { 3072 };
                let prime = |tag| BoxedUint::from_be_slice(part(tag)?, bits / 2).ok();
                let e = BoxedUint::from_be_slice(&[1, 0, 1], 32).ok()?;
                let key = RsaPrivateKey::from_p_q(prime(1)?, prime(2)?, e).ok()?;
                (key.n().bit_width() == bits).then(|| Self::Rsa(Box::new(key)))
            }
            _ => None,
        }
    }

    /// The PIV number of its algorithm.
    pub fn algorithm(&self) -> u8 {
        match self {
            Self::P256(_) => P256,
            Self::P384(_) => P384,
            Self::Ed25519(_) => ED25519,
            Self::Rsa(key) if key.size() == 256 => RSA_2048,
            Self::Rsa(_) => RSA_3072,
        }
    }

    fn point(&self) -> Option<Vec<u8>> {
        match self {
            Self::P256(key) => Some(key.verifying_key().to_sec1_point(false).as_bytes().to_vec()),
            Self::P384(key) => Some(key.verifying_key().to_sec1_point(false).as_bytes().to_vec()),
            Self::Ed25519(key) => Some(key.verifying_key().to_bytes().to_vec()),
            Self::Rsa(_) => None,
        }
    }

    /// The public half as GENERATE and METADATA write it, without an outer tag.
    pub fn public_template(&self) -> Vec<u8> {
        match (self.point(), self) {
            (None, Self::Rsa(key)) => [tlv(&[0x81], key.n_bytes()), tlv(&[0x82], key.e_bytes())].concat(),
            (point, _) => tlv(&[0x86], point.unwrap_or_default()),
        }
    }

    /// The public half as a SubjectPublicKeyInfo (RFC 5280).
    pub fn spki(&self) -> Vec<u8> {
        const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
        const OF_P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
        const OF_P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
        const EDWARDS: &[u8] = &[0x2b, 0x65, 0x70];
        const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
        let oid = |oid: &[u8]| tlv(&[6], oid);
        let (algorithm, bits) = match self {
            Self::P256(_) => ([oid(EC), oid(OF_P256)].concat(), self.point().unwrap_or_default()),
            Self::P384(_) => ([oid(EC), oid(OF_P384)].concat(), self.point().unwrap_or_default()),
            Self::Ed25519(_) => (oid(EDWARDS), self.point().unwrap_or_default()),
            Self::Rsa(key) => {
                let numbers = [unsigned(&key.n_bytes()), unsigned(&key.e_bytes())].concat();
                ([oid(RSA), vec![5, 0]].concat(), tlv(&[0x30], numbers))
            }
        };
        tlv(&[0x30], [tlv(&[0x30], algorithm), tlv(&[3], [vec![0], bits].concat())].concat())
    }

    /// What the card does with the data of a signature: digests for ECDSA, whole messages for Ed25519, padded blocks for RSA.
    ///
    /// # Errors
    /// A status word where the data does not fit.
    pub fn sign(&self, data: &[u8]) -> Result<Vec<u8>, Status> {
        match self {
            Self::P256(key) => {
                let digest = padded::<32>(data)?;
                let signature: p256::ecdsa::DerSignature = key.sign_prehash(&digest).map_err(|_| sw::BAD_DATA)?;
                Ok(signature.as_bytes().to_vec())
            }
            Self::P384(key) => {
                let digest = padded::<48>(data)?;
                let signature: p384::ecdsa::DerSignature = key.sign_prehash(&digest).map_err(|_| sw::BAD_DATA)?;
                Ok(signature.as_bytes().to_vec())
            }
            Self::Ed25519(key) => Ok(key.sign(data).to_bytes().to_vec()),
            Self::Rsa(key) => {
                if data.len() != key.size() {
                    return Err(sw::BAD_DATA);
                }
                let bits = u32::try_from(key.size() * 8).expect("a key is short");
                let block = BoxedUint::from_be_slice(data, bits).map_err(|_| sw::BAD_DATA)?;
                let done = rsa_decrypt_and_check(&**key, Some(&mut UnwrapErr(SysRng)), &block);
                Ok(done.map_err(|_| sw::BAD_DATA)?.to_be_bytes().to_vec())
            }
        }
    }

    /// Signs the body of a certificate; only keys that attest are asked to.
    pub(crate) fn sign_certificate(&self, body: &[u8]) -> Vec<u8> {
        let digest = Sha256::digest(body);
        match self {
            Self::Rsa(key) => {
                key.sign(Pkcs1v15Sign::new::<Sha256>(), &digest).expect("a digest fits a key of this size")
            }
            _ => self.sign(&digest).expect("a digest fits"),
        }
    }

    /// The AlgorithmIdentifier of [`KeyPair::sign_certificate`].
    pub(crate) fn certificate_algorithm(&self) -> Vec<u8> {
        const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
        const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
        match self {
            Self::Rsa(_) => tlv(&[0x30], [tlv(&[6], RSA_SHA256), vec![5, 0]].concat()),
            _ => tlv(&[0x30], tlv(&[6], ECDSA_SHA256)),
        }
    }

    /// The primes of an RSA key, for a test that imports it.
    pub fn primes(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Rsa(key) => key.primes().iter().map(|prime| prime.to_be_bytes_trimmed_vartime().to_vec()).collect(),
            _ => vec![],
        }
    }
}

/// An INTEGER without a sign.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count().min(bytes.len().saturating_sub(1));
    let bytes = &bytes[zeros..];
    let sign: &[u8] = if bytes.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
    tlv(&[2], [sign, bytes].concat())
}

fn padded<const N: usize>(data: &[u8]) -> Result<[u8; N], Status> {
    let mut digest = [0; N];
    let start = N.checked_sub(data.len()).ok_or(sw::BAD_DATA)?;
    digest[start..].copy_from_slice(data);
    Ok(digest)
}
