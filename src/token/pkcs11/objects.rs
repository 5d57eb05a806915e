//! Objects of a token: full templates for what is made, and public keys read from what tokens answer.

use cryptoki::{
    error::Error as CryptokiError,
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};

use rsa::traits::PublicKeyParts as _;

use super::raw::SignMechanism;
use crate::{
    device::KeyAttributes,
    token::{KeyAlgorithm, KeyRequest, PublicKey, SeenKey},
};

/// OBJECT IDENTIFIER 1.2.840.10045.3.1.7 (RFC 5480).
const P256_OID: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// OBJECT IDENTIFIER 1.3.101.112 (RFC 8410).
pub(super) const ED25519_OID: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
/// PrintableString "edwards25519" (PKCS#11 3.0, section 2.3.10).
const ED25519_NAME: &[u8] = b"\x13\x0cedwards25519";
/// OBJECT IDENTIFIER 1.3.132.0.34 (RFC 5480).
const P384_OID: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

const RSA_BITS: u64 = 3072;

/// The mechanism that makes a key of this algorithm.
pub(super) fn generation(algorithm: KeyAlgorithm) -> Mechanism<'static> {
    match algorithm {
        KeyAlgorithm::P256 | KeyAlgorithm::P384 => Mechanism::EccKeyPairGen,
        KeyAlgorithm::Ed25519 => Mechanism::EccEdwardsKeyPairGen,
        KeyAlgorithm::Rsa3072 => Mechanism::RsaPkcsKeyPairGen,
    }
}

/// CKK of a key of this algorithm.
pub(super) fn key_type(algorithm: KeyAlgorithm) -> KeyType {
    match algorithm {
        KeyAlgorithm::P256 | KeyAlgorithm::P384 => KeyType::EC,
        KeyAlgorithm::Ed25519 => KeyType::EC_EDWARDS,
        KeyAlgorithm::Rsa3072 => KeyType::RSA,
    }
}

/// CKA_EC_PARAMS of a key of this algorithm; `None` for RSA.
pub(super) fn curve(algorithm: KeyAlgorithm) -> Option<&'static [u8]> {
    match algorithm {
        KeyAlgorithm::P256 => Some(P256_OID),
        KeyAlgorithm::P384 => Some(P384_OID),
        KeyAlgorithm::Ed25519 => Some(ED25519_OID),
        KeyAlgorithm::Rsa3072 => None,
    }
}

/// The template of a public object with a known value; `None` for a kind of key that no token of ours has. The point is inside an
/// OCTET STRING, the standard's form.
pub(super) fn public_template(key: &PublicKey, request: &KeyRequest) -> Option<Vec<Attribute>> {
    let mut template = vec![
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(key_type(request.algorithm)),
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Label(request.label.clone().into_bytes()),
        Attribute::Id(request.id.clone()),
    ];
    let point = match key {
        PublicKey::P256(key) => key.to_sec1_point(false).as_bytes().to_vec(),
        PublicKey::P384(key) => key.to_sec1_point(false).as_bytes().to_vec(),
        PublicKey::Ed25519(key) => key.as_bytes().to_vec(),
        PublicKey::Rsa(key) => {
            template.push(Attribute::Modulus(key.n_bytes().to_vec()));
            template.push(Attribute::PublicExponent(key.e_bytes().to_vec()));
            return Some(template);
        }
        PublicKey::P521(_) | PublicKey::Other { .. } => return None,
    };
    template.push(Attribute::EcParams(curve(request.algorithm)?.to_vec()));
    // Each length fits one byte of DER: 97 < 128.
    template.push(Attribute::EcPoint([&[0x04, point.len() as u8], point.as_slice()].concat()));
    Some(template)
}

/// The mechanism that signs with a key of this algorithm.
pub(super) fn signing(algorithm: KeyAlgorithm) -> SignMechanism {
    match algorithm {
        KeyAlgorithm::P256 | KeyAlgorithm::P384 => SignMechanism::Ecdsa,
        KeyAlgorithm::Ed25519 => SignMechanism::Eddsa,
        KeyAlgorithm::Rsa3072 => SignMechanism::PssSha256,
    }
}

/// Templates of the public and the private half. Every attribute that modules default differently is given: they differ in five.
/// CKA_VERIFY is not: signatures are verified in software, and the TPM's module takes it for a wish to decrypt. `stays` is
/// CKA_TOKEN: a probe's keys end with its session.
pub(super) fn templates(request: &KeyRequest, stays: bool) -> (Vec<Attribute>, Vec<Attribute>) {
    let mut public = vec![
        Attribute::Token(stays),
        Attribute::Private(false),
        Attribute::Label(request.label.clone().into_bytes()),
        Attribute::Id(request.id.clone()),
    ];
    match curve(request.algorithm) {
        Some(curve) => public.push(Attribute::EcParams(curve.to_vec())),
        None => {
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

/// Templates of a pair that can be wrapped: as [`templates`], but extractable; only under a trusted key where `trusted`. It is not to be
/// copied, since a copy would stay extractable when the key is closed.
pub(super) fn wrappable(request: &KeyRequest, stays: bool, trusted: bool) -> (Vec<Attribute>, Vec<Attribute>) {
    let (public, private) = templates(request, stays);
    (public, to_be_wrapped(private, trusted))
}

fn to_be_wrapped(mut private: Vec<Attribute>, trusted: bool) -> Vec<Attribute> {
    private.retain(|attribute| !matches!(attribute, Attribute::Extractable(_)));
    private.extend([Attribute::Extractable(true), Attribute::Copyable(false)]);
    if trusted {
        private.push(Attribute::WrapWithTrusted(true));
    }
    private
}

/// The template of a private key that is unwrapped. Modules want the curve of some keys to be told, and others refuse to hear it.
pub(super) fn unwrapped(request: &KeyRequest, stays: bool) -> Vec<Attribute> {
    let (_, mut template) = templates(request, stays);
    template.push(Attribute::Class(ObjectClass::PRIVATE_KEY));
    template.push(Attribute::KeyType(key_type(request.algorithm)));
    template
}

/// The same of one that is unwrapped to be wrapped again, under another key-encryption key: as [`wrappable`].
pub(super) fn unwrapped_to_wrap(request: &KeyRequest, trusted: bool) -> Vec<Attribute> {
    to_be_wrapped(unwrapped(request, true), trusted)
}

/// The template of a key-encryption key, without its value. It wraps and unwraps and does nothing else, for good. A trusted one is a
/// public object: the SO, who makes it, has no private ones.
pub(super) fn kek(label: &str, id: &[u8], stays: bool, trusted: bool) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(stays),
        Attribute::Private(!trusted),
        Attribute::Label(label.into()),
        Attribute::Id(id.to_vec()),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Wrap(true),
        Attribute::Unwrap(true),
        Attribute::Encrypt(false),
        Attribute::Decrypt(false),
        Attribute::Derive(false),
        Attribute::Modifiable(false),
        Attribute::Copyable(false),
    ];
    if trusted {
        template.push(Attribute::Trusted(true));
    }
    template
}

/// The same without CKA_COPYABLE, which modules from before PKCS#11 2.40 do not know.
pub(super) fn without_copyable(template: &[Attribute]) -> Vec<Attribute> {
    template.iter().filter(|attribute| !matches!(attribute, Attribute::Copyable(_))).cloned().collect()
}

/// What the token says of one attribute that is true or false; `None` where it has no such attribute.
pub(super) fn flag(session: &Session, key: ObjectHandle, kind: AttributeType) -> Result<Option<bool>, CryptokiError> {
    // Matched by type, since absent attributes are left out of the answer.
    let found = session.get_attributes(key, &[kind])?.into_iter().find(|found| found.attribute_type() == kind);
    Ok(found.and_then(|attribute| match attribute {
        Attribute::Token(value)
        | Attribute::Private(value)
        | Attribute::Sensitive(value)
        | Attribute::Extractable(value)
        | Attribute::AlwaysSensitive(value)
        | Attribute::NeverExtractable(value)
        | Attribute::Local(value)
        | Attribute::Sign(value)
        | Attribute::Encrypt(value)
        | Attribute::Decrypt(value)
        | Attribute::Wrap(value)
        | Attribute::Unwrap(value)
        | Attribute::Derive(value)
        | Attribute::Modifiable(value)
        | Attribute::Trusted(value)
        | Attribute::WrapWithTrusted(value)
        | Attribute::AlwaysAuthenticate(value) => Some(value),
        _ => None,
    }))
}

/// What the token says of a private key. Attributes are asked one by one: some modules fail a whole query for one that they do
/// not know.
pub(super) fn attributes(session: &Session, key: ObjectHandle) -> Result<KeyAttributes, CryptokiError> {
    let ask = |kind| flag(session, key, kind);
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

/// What a public key object is.
pub(super) fn seen(session: &Session, handle: ObjectHandle) -> Result<SeenKey, CryptokiError> {
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

type ReadPoint = fn(&[u8]) -> Option<PublicKey>;

/// Reads CKA_EC_PARAMS and CKA_EC_POINT. Modules give the bare point, the same inside an OCTET STRING (the standard's form) or a
/// BIT STRING, or a whole SubjectPublicKeyInfo: told apart by exact length.
fn elliptic(parameters: &[u8], point: &[u8]) -> Result<PublicKey, String> {
    let (name, bare, read): (_, usize, ReadPoint) = match parameters {
        P256_OID => ("P-256", 65, PublicKey::from_point),
        P384_OID => ("P-384", 97, PublicKey::from_point),
        ED25519_OID | ED25519_NAME => ("Ed25519", 32, PublicKey::from_ed25519),
        _ => return Err("this program does not use keys of its curve".into()),
    };
    // Each length fits one byte of DER: 97 + 1 < 128.
    let octets = [0x04, bare as u8];
    let bits = [0x03, bare as u8 + 1, 0x00];
    let key = match point.len() {
        length if length == bare => read(point),
        length if length == bare + octets.len() => point.strip_prefix(&octets).and_then(read),
        length if length == bare + bits.len() => point.strip_prefix(&bits).and_then(read),
        _ => PublicKey::from_spki_der(point),
    };
    let wanted = |key: &PublicKey| match key.key_algorithm() {
        Some(KeyAlgorithm::P256) => name == "P-256",
        Some(KeyAlgorithm::P384) => name == "P-384",
        Some(KeyAlgorithm::Ed25519) => name == "Ed25519",
        _ => false,
    };
    key.filter(wanted).ok_or_else(|| format!("its {name} point of {} bytes is not one", point.len()))
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, String> {
    let key = PublicKey::from_rsa(modulus, exponent);
    key.filter(|key| key.key_algorithm() == Some(KeyAlgorithm::Rsa3072))
        .ok_or_else(|| "this program uses RSA keys of 3072 bits only".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_leave_nothing_that_guards_a_key_to_the_module_and_do_not_ask_to_verify() {
        for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519, KeyAlgorithm::Rsa3072] {
            let request = KeyRequest { algorithm, label: "root".into(), id: vec![1] };
            let (public, private) = templates(&request, true);
            for wanted in [
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Sign(true),
                Attribute::Decrypt(false),
                Attribute::Unwrap(false),
                Attribute::Derive(false),
            ] {
                assert!(private.contains(&wanted), "{algorithm} {wanted:?}");
            }
            assert!(public.contains(&Attribute::Token(true)) && public.contains(&Attribute::Private(false)));
            assert!(public.iter().all(|attribute| attribute.attribute_type() != AttributeType::Verify));
        }
    }

    #[test]
    fn a_point_is_read_in_four_forms_by_exact_length_and_in_no_other() {
        let p256 = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
        let p256 = p256.verifying_key().to_sec1_point(false).as_bytes().to_vec();
        let p384 = p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
        let p384 = p384.verifying_key().to_sec1_point(false).as_bytes().to_vec();
        let ed = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes().to_vec();
        for (parameters, bare) in [(P256_OID, &p256), (P384_OID, &p384), (ED25519_OID, &ed), (ED25519_NAME, &ed)] {
            let whole = elliptic(parameters, bare).unwrap();
            let length = bare.len() as u8;
            let octets = [&[4, length], bare.as_slice()].concat();
            let bits = [&[3, length + 1, 0], bare.as_slice()].concat();
            for point in [bare.clone(), octets, bits, whole.to_spki_der().unwrap()] {
                assert_eq!(elliptic(parameters, &point).as_ref(), Ok(&whole));
                assert!(elliptic(parameters, &point[..point.len() - 1]).is_err());
                assert!(elliptic(parameters, &[&point[..], &[0]].concat()).is_err());
            }
        }
        assert!(elliptic(&[5, 0], &p256).is_err(), "unknown curve");
        assert!(elliptic(P384_OID, &p256).is_err(), "a point of another curve");
        assert!(elliptic(P256_OID, &[4; 65]).is_err(), "not on the curve");
        assert!(rsa(&[0xff; 256], &[1, 0, 1]).is_err());
    }
}
