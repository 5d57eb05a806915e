//! Certificates that this program makes: what stands in them, byte for byte as Notary's own client makes them, and the
//! signature that a token gives.

use der::{
    Decode as _, Encode as _, Sequence,
    asn1::{Any, BitString, ObjectIdentifier, OctetString, Uint},
};
use x509_cert::{
    attr::AttributeTypeAndValue,
    certificate::Version,
    ext::Extension,
    name::{RdnSequence, RelativeDistinguishedName},
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
    time::{Time, Validity},
};

use super::{COMMON_NAME, Certificate};
use crate::{
    rules::{Refusal, Rule},
    tuf::key::{PublicKey, RawSignature},
    utc::Utc,
};

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
/// SHA-256, MGF1 with SHA-256, a salt of 32 bytes (RFC 4055, section 3.1).
const PSS_PARAMETERS: &[u8] = &[
    0x30, 0x34, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09,
    0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, 0x20,
];
/// The extensions of every root certificate, in Go's order: digital signature and key encipherment (critical), code signing,
/// no authority (critical).
const EXTENSIONS: [(&str, bool, &[u8]); 3] = [
    ("2.5.29.15", true, &[0x03, 0x02, 0x05, 0xa0]),
    ("2.5.29.37", false, &[0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03]),
    ("2.5.29.19", true, &[0x30, 0x00]),
];

/// TBSCertificate of RFC 5280, section 4.1, as far as it is written here.
#[derive(Sequence)]
struct ToBeSigned {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: Version,
    serial_number: Uint,
    signature: AlgorithmIdentifierOwned,
    issuer: RdnSequence,
    validity: Validity,
    subject: RdnSequence,
    subject_public_key_info: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct Whole {
    to_be_signed: Any,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// What a root certificate is to say. Once made it can be encoded.
#[derive(Clone, Debug)]
pub struct CertificateTemplate {
    common_name: String,
    public: PublicKey,
    to_be_signed: Vec<u8>,
}

impl CertificateTemplate {
    /// A certificate that `public` signs itself, for the repository `common_name`, or with a star at its end for all that begin so.
    /// `serial` is random; it is read as a number, most significant byte first.
    ///
    /// # Errors
    /// `CERT-VALID` where the key is none that this program makes root certificates for, where it ends before it begins, or where
    /// the name is empty.
    pub fn new(
        common_name: &str,
        public: &PublicKey,
        serial: [u8; 16],
        not_before: Utc,
        not_after: Utc,
    ) -> Result<Self, Refusal> {
        let refuse = |what: String, remedy: &str| Refusal::new(Rule::CertValid, what, remedy);
        if common_name.is_empty() {
            return Err(refuse("A root certificate needs the name of its repository.".into(), "Name it."));
        }
        if not_before >= not_after {
            let what = format!("The certificate would end {not_after}, and begin {not_before}.");
            return Err(refuse(what, "Let it end after it begins."));
        }
        let unmade = || {
            let what = format!("No root certificate is made for a key of kind {}.", public.algorithm());
            refuse(what, "Use a P-256 key, or one of RSA-3072: a token signs both as Notary verifies them.")
        };
        let to_be_signed = encode(common_name, public, &serial, not_before, not_after).ok_or_else(unmade)?;
        Ok(Self { common_name: common_name.to_owned(), public: public.clone(), to_be_signed })
    }

    /// The bytes to sign: a TBSCertificate in DER. ECDSA and PSS both hash them with SHA-256.
    pub fn to_be_signed(&self) -> Vec<u8> {
        self.to_be_signed.clone()
    }

    /// The common name that it will have.
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    /// The key that it is for, and by which it is signed.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The certificate with the signature that its own key gave.
    ///
    /// # Errors
    /// `SIGNATURE-VERIFIES` where that signature is not one of this key over these bytes.
    pub fn signed(&self, signature: &RawSignature) -> Result<Certificate, Refusal> {
        let verifies = self.public.verify(&self.to_be_signed, signature);
        let certificate = verifies.then(|| self.assemble(signature)).flatten();
        certificate.ok_or_else(|| {
            let what = format!("The signature on the certificate for {} does not verify.", self.common_name);
            Refusal::new(Rule::SignatureVerifies, what, "It does not count. Sign it again, or with the spare token.")
        })
    }

    fn assemble(&self, signature: &RawSignature) -> Option<Certificate> {
        let bytes = match &self.public {
            PublicKey::P256(_) => {
                p256::ecdsa::Signature::from_slice(signature.as_bytes()).ok()?.to_der().as_bytes().to_vec()
            }
            _ => signature.as_bytes().to_vec(),
        };
        let whole = Whole {
            to_be_signed: Any::from_der(&self.to_be_signed).ok()?,
            algorithm: algorithm(&self.public)?,
            signature: BitString::from_bytes(&bytes).ok()?,
        };
        Certificate::from_der(&whole.to_der().ok()?)
    }
}

fn encode(common_name: &str, public: &PublicKey, serial: &[u8], not_before: Utc, not_after: Utc) -> Option<Vec<u8>> {
    let name = name(common_name)?;
    let extension = |&(oid, critical, value): &(&str, bool, &[u8])| {
        let extn_value = OctetString::new(value).ok()?;
        Some(Extension { extn_id: ObjectIdentifier::new(oid).ok()?, critical, extn_value })
    };
    let to_be_signed = ToBeSigned {
        version: Version::V3,
        serial_number: Uint::new(serial).ok()?,
        signature: algorithm(public)?,
        issuer: name.clone(),
        validity: Validity::new(time(not_before)?, time(not_after)?),
        subject: name,
        subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(&public.to_spki_der()?).ok()?,
        extensions: EXTENSIONS.iter().map(extension).collect::<Option<_>>()?,
    };
    to_be_signed.to_der().ok()
}

/// How the certificate says to be signed: by the kinds of key that a token signs with SHA-256.
fn algorithm(public: &PublicKey) -> Option<AlgorithmIdentifierOwned> {
    match public {
        PublicKey::P256(_) => Some(AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None }),
        PublicKey::Rsa(_) => {
            let parameters = Some(Any::from_der(PSS_PARAMETERS).ok()?);
            Some(AlgorithmIdentifierOwned { oid: RSASSA_PSS, parameters })
        }
        _ => None,
    }
}

/// The common name alone, in the string type that Go takes for it.
fn name(common_name: &str) -> Option<RdnSequence> {
    let printable = |b: u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b);
    let tag = if common_name.bytes().all(printable) { der::Tag::PrintableString } else { der::Tag::Utf8String };
    let value = Any::new(tag, common_name.as_bytes()).ok()?;
    let mut names = RdnSequence::default();
    let attribute = AttributeTypeAndValue { oid: COMMON_NAME, value };
    let mut relative = RelativeDistinguishedName::default();
    relative.insert(attribute).ok()?;
    names.push(relative);
    Some(names)
}

/// UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280, section 4.1.2.5).
fn time(instant: Utc) -> Option<Time> {
    let since = std::time::Duration::from_secs(u64::try_from(instant.seconds()).ok()?);
    Some(der::DateTime::from_unix_duration(since).ok()?.into())
}
