//! The certificate by which other tools find a key. It is signed by a throw-away key: a root key signs nothing but what people
//! read back and challenges, and whoever looks a key up by its certificate does not ask who signed it.

use p256::ecdsa::{DerSignature, SigningKey};
use x509_cert::{
    Certificate, TbsCertificate,
    builder::{Builder as _, CertificateBuilder, profile::BuilderProfile},
    der::{Decode as _, asn1::GeneralizedTime},
    ext::Extension,
    name::Name,
    serial_number::SerialNumber,
    spki::{SubjectPublicKeyInfoOwned, SubjectPublicKeyInfoRef},
    time::{Time, Validity},
};

use crate::{fault::Fault, tuf::key::PublicKey};

/// Who signs: nobody in particular.
const ISSUER: &str = "officiant, throw-away issuer";
/// From before any ceremony, since a token has no clock.
const FROM: u64 = 1_577_836_800;

struct Bare {
    issuer: Name,
    subject: Name,
}

impl BuilderProfile for Bare {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _spk: SubjectPublicKeyInfoRef<'_>,
        _issuer_spk: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        Ok(vec![])
    }
}

/// A certificate of `key` for the subject `CN=label`.
pub(super) fn of(key: &PublicKey, label: &str) -> Result<Certificate, Fault> {
    let odd = |error: &dyn std::fmt::Display| Fault::machine("write the certificate of a key", error);
    let mut random = [0; 48];
    getrandom::fill(&mut random).map_err(|error| odd(&error))?;
    let issuer = SigningKey::from_slice(&random[..32]).map_err(|error| odd(&error))?;
    // Positive, and never zero.
    random[32] = random[32] & 0x7f | 1;
    let serial = SerialNumber::new(&random[32..]).map_err(|error| odd(&error))?;
    let from =
        GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(FROM)).map_err(|error| odd(&error))?;
    let validity = Validity::new(Time::GeneralTime(from), Time::INFINITY);
    let der = key.to_spki_der().ok_or_else(|| odd(&"it has no public form"))?;
    let spki = SubjectPublicKeyInfoOwned::from_der(&der).map_err(|error| odd(&error))?;
    let names = Bare { issuer: common_name(ISSUER)?, subject: common_name(label)? };
    let builder = CertificateBuilder::new(names, serial, validity, spki).map_err(|error| odd(&error))?;
    builder.build::<_, DerSignature>(&issuer).map_err(|error| odd(&error))
}

/// The longest label (RFC 5280 bounds a common name), in bytes.
const LABEL_MAX: usize = 64;

/// `CN=label`, whatever the label holds.
fn common_name(label: &str) -> Result<Name, Fault> {
    let odd = |why: &dyn std::fmt::Display| Fault::machine("write a label into a certificate", why);
    let length = u8::try_from(label.len()).ok().filter(|length| (1..=LABEL_MAX).contains(&usize::from(*length)));
    let length = length.ok_or_else(|| odd(&format!("it has 1 to {LABEL_MAX} bytes")))?;
    // One attribute in one set in one sequence: every length fits one byte.
    let mut der = vec![0x30, length + 11, 0x31, length + 9, 0x30, length + 7, 0x06, 3, 0x55, 4, 3, 0x0c, length];
    der.extend_from_slice(label.as_bytes());
    Name::from_der(&der).map_err(|error| odd(&error))
}

/// The common name of a subject; the whole subject where it has none.
pub(super) fn label_of(subject: &Name) -> String {
    match subject.common_name() {
        Ok(Some(name)) => name.value().into_owned(),
        _ => subject.to_string(),
    }
}
