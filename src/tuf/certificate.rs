//! X.509 certificates, in which Notary v1 carries root keys. Their own signature means nothing to it: what counts is the common
//! name, the dates, and that the bytes are spelt as Go spells them (notary 0.7.0, `trustpinning/certs.go`, `tuf/utils/x509.go`).

use std::fmt;

use der::{Decode as _, Encode as _, asn1::ObjectIdentifier};
use x509_cert::{ext::pkix::BasicConstraints, time::Time};

use super::{base64, key::PublicKey};
use crate::{
    rules::{Passed, Refusal, Rule},
    text::shown,
    utc::Utc,
};

mod template;
pub use template::CertificateTemplate;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";
/// How far ahead a certificate may begin, in days: Notary gives clocks that much.
const EARLY_DAYS: i64 = 1;
/// How many certificates one key may travel in.
const BUNDLE_MAX: usize = 16;

/// A certificate, and those that follow it where a key travels in a bundle. Every question is about the first, the leaf.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
    others: Vec<Certificate>,
}

impl Certificate {
    /// Reads one certificate in DER; `None` where it is none.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let parsed = x509_cert::Certificate::from_der(der).ok()?;
        Some(Self { der: der.to_vec(), parsed, others: vec![] })
    }

    /// Reads a certificate in PEM, or several in a row, as leniently as Go: with any line ending and width, and with text around
    /// them. `None` where one of them is none, or where there are none.
    pub fn from_pem(pem: &str) -> Option<Self> {
        let mut all = vec![];
        for block in pem.split(BEGIN).skip(1) {
            let body: String = block.split_once(END)?.0.split_ascii_whitespace().collect();
            all.push(Self::from_der(&base64::decode(&body)?)?);
            if all.len() > BUNDLE_MAX {
                return None;
            }
        }
        let mut all = all.into_iter();
        let leaf = all.next()?;
        Some(Self { others: all.collect(), ..leaf })
    }

    /// The bytes of the leaf.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The whole bundle as Go writes PEM: lines of 64 characters, each with a newline. Keyids are computed over just this.
    pub fn to_pem(&self) -> String {
        let mut out = String::new();
        for der in std::iter::once(&self.der).chain(self.others.iter().map(|other| &other.der)) {
            let body = base64::encode(der);
            out.push_str(BEGIN);
            let mut rest = body.as_str();
            while !rest.is_empty() {
                let (line, after) = rest.split_at(rest.len().min(64));
                out.extend(["\n", line]);
                rest = after;
            }
            out.push('\n');
            out.push_str(END);
            out.push('\n');
        }
        out
    }

    /// The certificates after the leaf.
    pub fn others(&self) -> &[Self] {
        &self.others
    }

    /// The same with only those certificates after the leaf that `keep` says.
    pub(super) fn keeping(&self, keep: impl Fn(&Self) -> bool) -> Self {
        Self { others: self.others.iter().filter(|other| keep(other)).cloned().collect(), ..self.clone() }
    }

    /// The last common name of the subject; empty where there is none.
    pub fn common_name(&self) -> String {
        let names = self.parsed.tbs_certificate().subject().iter().filter(|name| name.oid == COMMON_NAME);
        let text = names.last().map(|name| String::from_utf8_lossy(name.value.value()).into_owned());
        text.unwrap_or_default()
    }

    /// The instant from which it is valid.
    pub fn not_before(&self) -> Utc {
        instant(self.parsed.tbs_certificate().validity().not_before)
    }

    /// The last instant at which it is valid.
    pub fn not_after(&self) -> Utc {
        instant(self.parsed.tbs_certificate().validity().not_after)
    }

    /// Whether it says to be the certificate of an authority.
    pub fn is_ca(&self) -> bool {
        let constraints = self.parsed.tbs_certificate().get_extension::<BasicConstraints>();
        constraints.ok().flatten().is_some_and(|(_, constraints)| constraints.ca)
    }

    /// The public key; `None` where it is of a kind that is not known here.
    pub fn public(&self) -> Option<PublicKey> {
        PublicKey::from_spki_der(&self.parsed.tbs_certificate().subject_public_key_info().to_der().ok()?)
    }

    /// The serial number, most significant byte first.
    pub fn serial(&self) -> &[u8] {
        self.parsed.tbs_certificate().serial_number().as_bytes()
    }

    /// Whether its own signature is by way of SHA-1.
    pub fn is_sha1_signed(&self) -> bool {
        let algorithm = self.parsed.signature_algorithm().oid.to_string();
        ["1.2.840.113549.1.1.5", "1.3.14.3.2.29", "1.2.840.10040.4.3", "1.2.840.10045.4.1"]
            .contains(&algorithm.as_str())
    }

    /// `CERT-FITS-GUN`: the common name is `gun`, or what stands before the stars at its end begins it.
    ///
    /// # Errors
    /// Where it is the name of another repository.
    pub fn fits(&self, gun: &str) -> Result<Passed, Refusal> {
        let name = self.common_name();
        let prefix = name.trim_end_matches('*');
        let fits = if prefix.len() < name.len() { gun.starts_with(prefix) } else { name == gun };
        if fits {
            return Ok(Passed::new(Rule::CertFitsGun, format!("“{}” fits {}", shown(&name), shown(gun))));
        }
        let what = format!("The certificate is for “{}”, the repository is {}.", shown(&name), shown(gun));
        let remedy = "Make a certificate whose common name is the repository's, or its beginning and a star.";
        Err(Refusal::new(Rule::CertFitsGun, what, remedy))
    }

    /// `CERT-VALID` but for its dates against a clock: one leaf and it comes first, no SHA-1, a key that Notary takes.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn is_leaf(&self) -> Result<(), Refusal> {
        let refuse = |what: &str, remedy: &str| Err(Refusal::new(Rule::CertValid, format!("{what}."), remedy));
        let again = "Make the root certificate again, as this program makes it.";
        let leaves = self.others.iter().filter(|other| !other.is_ca()).count();
        match self.public() {
            _ if self.is_ca() && leaves > 0 => {
                refuse("The bundle begins with the certificate of an authority", "Put the leaf first.")
            }
            _ if self.is_ca() => refuse("The certificate says to be that of an authority (CA:TRUE)", again),
            _ if leaves > 0 => refuse("The bundle has more than one leaf", "Leave one leaf in it, as the first."),
            _ if self.not_before() > self.not_after() => refuse("The certificate ends before it begins", again),
            _ if self.is_sha1_signed() => refuse("The certificate is signed by way of SHA-1", again),
            None => refuse("The certificate has a key of a kind or length that Notary does not take", again),
            Some(PublicKey::Ed25519(_)) => refuse("The certificate has an Ed25519 key; Notary takes none there", again),
            Some(_) => Ok(()),
        }
    }

    /// `CERT-VALID`: [`Certificate::is_leaf`], and `now` lies inside its dates; it may begin a day ahead.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn is_valid(&self, now: Utc) -> Result<Passed, Refusal> {
        self.is_leaf()?;
        let (from, until) = (self.not_before(), self.not_after());
        if now > until {
            let what =
                format!("The certificate for “{}” ended {until}; the check is for {now}.", shown(&self.common_name()));
            let remedy = "Nothing renews it: clients that hold this root stop for good. Sign the next root also with the keys of the last \
                          root whose certificate is valid, or delete the repository and begin again.";
            return Err(Refusal::new(Rule::CertValid, what, remedy));
        }
        if from > now.plus_days(EARLY_DAYS) {
            let what =
                format!("The certificate for “{}” begins {from}; the check is for {now}.", shown(&self.common_name()));
            return Err(Refusal::new(Rule::CertValid, what, "Wait, or make the certificate again by the right clock."));
        }
        Ok(Passed::new(Rule::CertValid, format!("until {until}, in {} days", now.days_until(until))))
    }

    /// Whether an authority's certificate of a bundle is kept when Notary computes the keyid again at `now`.
    pub(super) fn is_kept(&self, now: Utc) -> bool {
        let short_rsa =
            self.parsed.tbs_certificate().subject_public_key_info().algorithm.oid == RSA && self.public().is_none();
        let begun = self.not_before() <= self.not_after() && self.not_before() <= now.plus_days(EARLY_DAYS);
        begun && now <= self.not_after() && !short_rsa && !self.is_sha1_signed()
    }
}

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

fn instant(time: Time) -> Utc {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Utc::from_seconds(seconds).unwrap_or(Utc::EPOCH.plus_days(i64::MAX))
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der && self.others == other.others
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificate for {:?} until {}", self.common_name(), self.not_after())
    }
}
