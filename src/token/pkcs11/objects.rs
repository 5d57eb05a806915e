//! Objects of a token: full templates for what is made, and public keys read from what tokens answer.

use cryptoki::{
    error::Error as CryptokiError,
    mechanism::Mechanism,
    mechanism::eddsa::{EddsaParams, EddsaSignatureScheme},
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};

use super::raw::SignMechanism;
use crate::{
    device::KeyAttributes,
    token::{KeyAlgorithm, KeyRequest, PublicKey, SeenKey},
};

/// OBJECT IDENTIFIER 1.2.840.10045.3.1.7 (RFC 5480).
const P256_OID: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// OBJECT IDENTIFIER 1.3.101.112 (RFC 8410).
const ED25519_OID: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
/// PrintableString "edwards25519" (PKCS#11 3.0, section 2.3.10).
const ED25519_NAME: &[u8] = b"\x13\x0cedwards25519";
/// AlgorithmIdentifier and BIT STRING header of a SubjectPublicKeyInfo of each curve.
const P256_SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const ED25519_SPKI: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

const RSA_BITS: u64 = 3072;

/// The mechanism that makes a key of this algorithm.
pub(super) fn generation(algorithm: KeyAlgorithm) -> Mechanism<'static> {
    match algorithm {
        KeyAlgorithm::P256 => Mechanism::EccKeyPairGen,
        KeyAlgorithm::Ed25519 => Mechanism::EccEdwardsKeyPairGen,
        KeyAlgorithm::Rsa3072Pss => Mechanism::RsaPkcsKeyPairGen,
    }
}

/// The mechanism that signs with a key of this algorithm.
pub(super) fn signing(algorithm: KeyAlgorithm) -> SignMechanism {
    match algorithm {
        KeyAlgorithm::P256 => SignMechanism::Ecdsa,
        KeyAlgorithm::Ed25519 => SignMechanism::Eddsa,
        KeyAlgorithm::Rsa3072Pss => SignMechanism::PssSha256,
    }
}

/// CKM_EDDSA as a verification in a module needs it.
pub(super) fn eddsa() -> Mechanism<'static> {
    Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519))
}

/// Templates of the public and the private half. Every attribute that modules default differently is given: they differ in five.
/// `stays` is CKA_TOKEN: a probe's keys end with its session.
pub(super) fn templates(request: &KeyRequest, stays: bool) -> (Vec<Attribute>, Vec<Attribute>) {
    let mut public = vec![
        Attribute::Token(stays),
        Attribute::Private(false),
        Attribute::Label(request.label.clone().into_bytes()),
        Attribute::Id(request.id.clone()),
        Attribute::Verify(true),
    ];
    match request.algorithm {
        KeyAlgorithm::P256 => public.push(Attribute::EcParams(P256_OID.to_vec())),
        KeyAlgorithm::Ed25519 => public.push(Attribute::EcParams(ED25519_OID.to_vec())),
        KeyAlgorithm::Rsa3072Pss => {
            public.push(Attribute::ModulusBits(RSA_BITS.into()));
            public.push(Attribute::PublicExponent(vec![1, 0, 1]));
        }
    }
    let private = vec![
        Attribute::Token(stays),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Label(request.label.clone().into_bytes()),
        Attribute::Id(request.id.clone()),
        Attribute::Sign(true),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
    ];
    (public, private)
}

/// What the token says of a private key. Attributes are asked one by one: some modules fail a whole query for one that they do
/// not know.
pub(super) fn attributes(session: &Session, key: ObjectHandle) -> Result<KeyAttributes, CryptokiError> {
    let ask = |kind: AttributeType| -> Result<Option<bool>, CryptokiError> {
        // Matched by type, since absent attributes are left out of the answer.
        Ok(session.get_attributes(key, &[kind])?.into_iter().find(|found| found.attribute_type() == kind).and_then(
            |attribute| match attribute {
                Attribute::Token(value)
                | Attribute::Private(value)
                | Attribute::Sensitive(value)
                | Attribute::Extractable(value)
                | Attribute::AlwaysSensitive(value)
                | Attribute::NeverExtractable(value)
                | Attribute::Local(value)
                | Attribute::Sign(value)
                | Attribute::Decrypt(value)
                | Attribute::Unwrap(value)
                | Attribute::Derive(value)
                | Attribute::AlwaysAuthenticate(value) => Some(value),
                _ => None,
            },
        ))
    };
    Ok(KeyAttributes {
        token: ask(AttributeType::Token)?,
        private: ask(AttributeType::Private)?,
        sensitive: ask(AttributeType::Sensitive)?,
        extractable: ask(AttributeType::Extractable)?,
        always_sensitive: ask(AttributeType::AlwaysSensitive)?,
        never_extractable: ask(AttributeType::NeverExtractable)?,
        local: ask(AttributeType::Local)?,
        sign: ask(AttributeType::Sign)?,
        decrypt: ask(AttributeType::Decrypt)?,
        unwrap: ask(AttributeType::Unwrap)?,
        derive: ask(AttributeType::Derive)?,
        always_authenticate: ask(AttributeType::AlwaysAuthenticate)?,
    })
}

/// Every public key object that the session sees.
pub(super) fn public_objects(session: &Session) -> Result<Vec<(ObjectHandle, SeenKey)>, CryptokiError> {
    let handles = session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY)])?;
    handles.into_iter().map(|handle| Ok((handle, seen(session, handle)?))).collect()
}

/// The objects of a class with this id, and this label where one is given.
pub(super) fn with_id(
    session: &Session,
    class: ObjectClass,
    id: &[u8],
    label: Option<&str>,
) -> Result<Vec<ObjectHandle>, CryptokiError> {
    let mut template = vec![Attribute::Class(class), Attribute::Id(id.to_vec())];
    template.extend(label.map(|label| Attribute::Label(label.as_bytes().to_vec())));
    session.find_objects(&template)
}

fn seen(session: &Session, handle: ObjectHandle) -> Result<SeenKey, CryptokiError> {
    let mut key = SeenKey { label: String::new(), id: Vec::new(), public: Err("its key type is missing".into()) };
    let (mut kind, mut parameters, mut point, mut modulus, mut exponent) = (None, vec![], vec![], vec![], vec![]);
    let common = [AttributeType::Label, AttributeType::Id, AttributeType::KeyType];
    for attribute in session.get_attributes(handle, &common)? {
        match attribute {
            Attribute::Label(label) => key.label = String::from_utf8_lossy(&label).into_owned(),
            Attribute::Id(id) => key.id = id,
            Attribute::KeyType(found) => kind = Some(found),
            _ => {}
        }
    }
    let wanted: &[AttributeType] = match kind {
        Some(KeyType::EC | KeyType::EC_EDWARDS) => &[AttributeType::EcParams, AttributeType::EcPoint],
        Some(KeyType::RSA) => &[AttributeType::Modulus, AttributeType::PublicExponent],
        Some(_) => {
            key.public = Err("this program does not use keys of its type".into());
            return Ok(key);
        }
        None => return Ok(key),
    };
    for attribute in session.get_attributes(handle, wanted)? {
        match attribute {
            Attribute::EcParams(bytes) => parameters = bytes,
            Attribute::EcPoint(bytes) => point = bytes,
            Attribute::Modulus(bytes) => modulus = bytes,
            Attribute::PublicExponent(bytes) => exponent = bytes,
            _ => {}
        }
    }
    key.public = if kind == Some(KeyType::RSA) { rsa(&modulus, &exponent) } else { elliptic(&parameters, &point) };
    Ok(key)
}

/// Reads CKA_EC_PARAMS and CKA_EC_POINT. Modules encode the point in four ways, told apart by exact length.
fn elliptic(parameters: &[u8], point: &[u8]) -> Result<PublicKey, String> {
    if parameters == P256_OID {
        let sec1 = match point.len() {
            65 => Some(point),
            67 => point.strip_prefix(&[0x04, 0x41]),
            68 => point.strip_prefix(&[0x03, 0x42, 0x00]),
            91 => point.strip_prefix(P256_SPKI),
            _ => None,
        };
        let sec1 = sec1.ok_or_else(|| format!("its P-256 point has an unknown form of {} bytes", point.len()))?;
        return PublicKey::p256(sec1).ok_or_else(|| "its P-256 point is not on the curve".into());
    }
    if [ED25519_OID, ED25519_NAME].contains(&parameters) {
        let raw = match point.len() {
            32 => Some(point),
            34 => point.strip_prefix(&[0x04, 0x20]),
            35 => point.strip_prefix(&[0x03, 0x21, 0x00]),
            44 => point.strip_prefix(ED25519_SPKI),
            _ => None,
        };
        let raw = raw.ok_or_else(|| format!("its Ed25519 point has an unknown form of {} bytes", point.len()))?;
        return PublicKey::ed25519(raw).ok_or_else(|| "its Ed25519 point is not a public key".into());
    }
    Err("this program does not use keys of its curve".into())
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, String> {
    let strip = |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().skip_while(|byte| *byte == 0).collect() };
    let (modulus, exponent) = (strip(modulus), strip(exponent));
    if modulus.len() != 384 || modulus[0] < 0x80 || exponent != [1, 0, 1] {
        return Err("this program uses RSA keys of 3072 bits with exponent 65537 only".into());
    }
    PublicKey::rsa(&modulus, &exponent).ok_or_else(|| "its modulus is not one of RSA".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_in_four_forms_by_exact_length_and_in_no_other() {
        let secret = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let sec1 = secret.verifying_key().to_sec1_point(false).as_bytes().to_vec();
        let ed = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes().to_vec();
        for (parameters, bare, heads) in [
            (P256_OID, &sec1, [&[][..], &[4, 0x41], &[3, 0x42, 0], P256_SPKI]),
            (ED25519_OID, &ed, [&[][..], &[4, 0x20], &[3, 0x21, 0], ED25519_SPKI]),
            (ED25519_NAME, &ed, [&[][..], &[4, 0x20], &[3, 0x21, 0], ED25519_SPKI]),
        ] {
            let whole = elliptic(parameters, bare).unwrap();
            for head in heads {
                let point = [head, bare.as_slice()].concat();
                assert_eq!(elliptic(parameters, &point).as_ref(), Ok(&whole));
                assert!(elliptic(parameters, &point[..point.len() - 1]).is_err());
                assert!(elliptic(parameters, &[&point[..], &[0]].concat()).is_err());
            }
        }
        assert!(elliptic(&[5, 0], &sec1).is_err());
        assert!(elliptic(P256_OID, &[4; 65]).is_err(), "not on the curve");
        assert!(rsa(&[0xff; 256], &[1, 0, 1]).is_err());
    }
}
