//! Attestation: a YubiKey states, under a certificate of its maker, that a key was made inside of it and never was anywhere
//! else. `KEY-ATTESTED` goes through the chain step by step.
//!
//! The steps are taken here and not by a general path validator: cards of the first generation carry a certificate that is no
//! authority by its own word, and validity runs to years that some readers cannot say. What counts is who signed what.

use p256::ecdsa::signature::Verifier as _;
use rsa::Pkcs1v15Sign;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use x509_cert::{
    Certificate,
    der::{Decode as _, DecodePem as _, Encode as _},
};

use super::yubikey::{Firmware, PinPolicy, Settings, Slot, TouchPolicy};
use crate::{
    digest::{Digest, to_hex},
    rules::{Passed, Refusal, Rule},
    text::shown,
    tuf::key::PublicKey,
};

/// How many certificates may stand between a card and a root: the second generation has two.
const STEPS_MAX: usize = 4;
/// How the subject of an attestation begins; the slot follows.
const SUBJECT: &str = "CN=YubiKey PIV Attestation ";

/// Extensions of an attestation, below Yubico's arc.
const FIRMWARE: &str = "1.3.6.1.4.1.41482.3.3";
const SERIAL: &str = "1.3.6.1.4.1.41482.3.7";
const POLICIES: &str = "1.3.6.1.4.1.41482.3.8";

/// The certificates that are trusted to vouch for YubiKeys.
#[derive(Clone, Debug)]
pub struct Roots {
    roots: Vec<Certificate>,
    /// Certificates between a root and the cards; a card does not carry them.
    between: Vec<Certificate>,
}

impl Roots {
    /// Yubico's own: the root of firmware up to 5.7.3, and the root of 5.7.4 and later with what stands below it.
    pub fn yubico() -> Self {
        let read =
            |pem: &str| Certificate::from_pem(pem).expect("the file is part of the program, and a test reads it");
        Self {
            roots: vec![
                read(include_str!("roots/yubico-piv-root-ca-263751.pem")),
                read(include_str!("roots/yubico-attestation-root-1.pem")),
            ],
            between: vec![
                read(include_str!("roots/yubico-attestation-intermediate-a-1.pem")),
                read(include_str!("roots/yubico-attestation-intermediate-b-1.pem")),
                read(include_str!("roots/yubico-piv-attestation-a-1.pem")),
                read(include_str!("roots/yubico-piv-attestation-b-1.pem")),
            ],
        }
    }

    /// Others, in DER; `None` where one is no certificate.
    pub fn of(roots: &[Vec<u8>], between: &[Vec<u8>]) -> Option<Self> {
        let read =
            |list: &[Vec<u8>]| list.iter().map(|der| Certificate::from_der(der).ok()).collect::<Option<Vec<_>>>();
        Some(Self { roots: read(roots)?, between: read(between)? })
    }
}

/// What a YubiKey gives as evidence, in DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What it states of the key.
    pub statement: Vec<u8>,
    /// The certificate of slot F9, whose key signed the statement.
    pub card: Vec<u8>,
}

/// What the evidence says, once its chain was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attested {
    /// The subject of the root.
    pub root: String,
    /// The SHA-256 of the root's certificate.
    pub root_sha256: Digest,
    /// The fingerprint of the attested public key.
    pub public: Digest,
    /// In which slot it is.
    pub slot: Slot,
    /// The serial of the YubiKey.
    pub serial: String,
    /// Its firmware.
    pub firmware: Firmware,
    /// When the key wants the PIN.
    pub pin: PinPolicy,
    /// When it wants a touch.
    pub touch: TouchPolicy,
}

/// What a record keeps of an attestation: what it says, and the two certificates, so that anybody can go through the chain again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// What was verified.
    pub says: Attested,
    /// What the YubiKey states of the key: a certificate as DER in hexadecimal.
    pub statement: String,
    /// The certificate of its slot F9, in the same form.
    pub card: String,
}

impl Attestation {
    /// Of verified evidence.
    pub fn of(evidence: &Evidence, says: Attested) -> Self {
        Self { says, statement: to_hex(&evidence.statement), card: to_hex(&evidence.card) }
    }
}

/// What an attested key has to be.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The public key that was generated.
    pub public: &'a PublicKey,
    /// The serial of the YubiKey in which it was.
    pub serial: &'a str,
    /// Where it was put.
    pub slot: Slot,
    /// What was asked for.
    pub pin: PinPolicy,
    /// What was asked for.
    pub touch: TouchPolicy,
    /// The lowest firmware that will do.
    pub firmware: Firmware,
}

impl<'a> Wanted<'a> {
    /// What a key has to be that is made by `settings` on the YubiKey with this serial.
    pub fn of(settings: &Settings, public: &'a PublicKey, serial: &'a str) -> Self {
        let Settings { slot, pin, touch, least_firmware: firmware, .. } = *settings;
        Self { public, serial, slot, pin, touch, firmware }
    }
}

/// `KEY-ATTESTED`, first half: who vouches for what.
///
/// # Errors
/// The refusal: which step of the chain does not hold.
pub fn verify(evidence: &Evidence, roots: &Roots) -> Result<Attested, Refusal> {
    let read = |what: &str, der: &[u8]| {
        Certificate::from_der(der).map_err(|error| refused(format!("The {what} is no certificate ({error}).")))
    };
    let statement = read("attestation", &evidence.statement)?;
    let card = read("certificate of slot F9", &evidence.card)?;
    if !signed_by(&statement, &card) {
        return Err(refused("The attestation is not signed by the key of the YubiKey's slot F9.".into()));
    }
    let root = root_of(&card, roots)?;
    let der = root.to_der().map_err(|error| refused(format!("The root cannot be written ({error}).")))?;
    let told = Told::of(&statement)?;
    Ok(Attested {
        root: shown(&root.tbs_certificate().subject().to_string()),
        root_sha256: Digest::of(&der),
        public: told.public,
        slot: told.slot,
        serial: told.serial,
        firmware: told.firmware,
        pin: told.pin,
        touch: told.touch,
    })
}

/// `KEY-ATTESTED`, second half: what is attested is this key, in this YubiKey, as it was asked for.
///
/// # Errors
/// The refusal: what differs.
pub fn is_as_wanted(attested: &Attested, wanted: &Wanted<'_>) -> Result<Passed, Refusal> {
    let mut differs = vec![];
    if attested.public != wanted.public.fingerprint() {
        differs.push("another public key is attested than the one that was generated".to_owned());
    }
    if attested.serial != wanted.serial {
        differs.push(format!("serial {} is attested, and {} is in the reader", attested.serial, shown(wanted.serial)));
    }
    if attested.slot != wanted.slot {
        differs.push(format!("slot {} is attested, and {} was asked for", attested.slot, wanted.slot));
    }
    if (attested.pin, attested.touch) != (wanted.pin, wanted.touch) {
        differs.push(format!(
            "PIN {}, touch {} is attested, and PIN {}, touch {} was asked for",
            attested.pin, attested.touch, wanted.pin, wanted.touch
        ));
    }
    if attested.firmware < wanted.firmware {
        differs.push(format!("firmware {} is attested, and {} or later is wanted", attested.firmware, wanted.firmware));
    }
    if !differs.is_empty() {
        return Err(refused(format!(
            "The attestation is not about this key as it was asked for: {}.",
            differs.join("; ")
        )));
    }
    Ok(Passed::new(
        Rule::KeyAttested,
        format!(
            "by {} (SHA-256 {}): serial {}, firmware {}, slot {}, PIN {}, touch {}",
            attested.root,
            attested.root_sha256,
            attested.serial,
            attested.firmware,
            attested.slot,
            attested.pin,
            attested.touch
        ),
    ))
}

fn refused(what: String) -> Refusal {
    Refusal::new(
        Rule::KeyAttested,
        what,
        "Do not use this YubiKey for a key that has to be attested. Take another one, or let the script say that the key is \
         imported.",
    )
}

/// Goes from the certificate of a card to a root, one signature after the other.
fn root_of<'a>(card: &Certificate, roots: &'a Roots) -> Result<&'a Certificate, Refusal> {
    let mut at = card;
    for _ in 0..STEPS_MAX {
        if let Some(root) = roots.roots.iter().find(|root| signed_by(at, root)) {
            return Ok(root);
        }
        match roots.between.iter().find(|between| signed_by(at, between)) {
            Some(next) => at = next,
            None => break,
        }
    }
    let issuer = shown(&at.tbs_certificate().issuer().to_string());
    Err(refused(format!("No root that this program knows vouches for this YubiKey: its chain ends at \"{issuer}\".")))
}

/// Whether `issuer` names itself as the issuer of `certificate`, and its key verifies the signature.
fn signed_by(certificate: &Certificate, issuer: &Certificate) -> bool {
    let body = certificate.tbs_certificate();
    let named = body.issuer() == issuer.tbs_certificate().subject();
    let same_algorithm = body.signature() == certificate.signature_algorithm();
    let (Ok(signed), Some(signature)) = (body.to_der(), certificate.signature().as_bytes()) else { return false };
    let spki = issuer.tbs_certificate().subject_public_key_info().to_der();
    let Some(key) = spki.ok().and_then(|spki| PublicKey::from_spki_der(&spki)) else { return false };
    let algorithm = certificate.signature_algorithm().oid.to_string();
    named && same_algorithm && verifies(&key, &algorithm, &signed, signature)
}

fn verifies(key: &PublicKey, algorithm: &str, signed: &[u8], signature: &[u8]) -> bool {
    match (key, algorithm) {
        (PublicKey::Rsa(key), "1.2.840.113549.1.1.11") => {
            key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(signed), signature).is_ok()
        }
        (PublicKey::Rsa(key), "1.2.840.113549.1.1.12") => {
            key.verify(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(signed), signature).is_ok()
        }
        (PublicKey::Rsa(key), "1.2.840.113549.1.1.13") => {
            key.verify(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(signed), signature).is_ok()
        }
        (PublicKey::P256(key), "1.2.840.10045.4.3.2") => {
            p256::ecdsa::Signature::from_der(signature).is_ok_and(|signature| key.verify(signed, &signature).is_ok())
        }
        (PublicKey::P384(key), "1.2.840.10045.4.3.3") => {
            p384::ecdsa::Signature::from_der(signature).is_ok_and(|signature| key.verify(signed, &signature).is_ok())
        }
        _ => false,
    }
}

/// What an attestation states.
struct Told {
    public: Digest,
    slot: Slot,
    serial: String,
    firmware: Firmware,
    pin: PinPolicy,
    touch: TouchPolicy,
}

impl Told {
    fn of(statement: &Certificate) -> Result<Self, Refusal> {
        let body = statement.tbs_certificate();
        let missing = |what: &str| refused(format!("The attestation does not say {what}."));
        let extension = |oid: &str| {
            let mut all = body.extensions().into_iter().flatten();
            all.find(|extension| extension.extn_id.to_string() == oid).map(|extension| extension.extn_value.as_bytes())
        };
        let spki = body.subject_public_key_info().to_der().ok();
        let public = spki.and_then(|spki| PublicKey::from_spki_der(&spki)).ok_or_else(|| missing("a usable key"))?;
        let subject = body.subject().to_string();
        let slot = subject.strip_prefix(SUBJECT).and_then(|slot| slot.parse().ok());
        let firmware = match extension(FIRMWARE) {
            Some([major, minor, patch]) => Firmware(*major, *minor, *patch),
            _ => return Err(missing("the firmware")),
        };
        // The serial is an INTEGER; firmware and policies are bare bytes.
        let serial = extension(SERIAL).and_then(|der| u32::from_der(der).ok()).ok_or_else(|| missing("the serial"))?;
        let (pin, touch) = match extension(POLICIES) {
            Some([pin, touch]) => (pin_policy(*pin), touch_policy(*touch)),
            _ => (None, None),
        };
        Ok(Self {
            public: public.fingerprint(),
            slot: slot.ok_or_else(|| missing("the slot"))?,
            serial: serial.to_string(),
            firmware,
            pin: pin.ok_or_else(|| missing("a known PIN policy"))?,
            touch: touch.ok_or_else(|| missing("a known touch policy"))?,
        })
    }
}

fn pin_policy(byte: u8) -> Option<PinPolicy> {
    match byte {
        1 => Some(PinPolicy::Never),
        2 => Some(PinPolicy::Once),
        3 => Some(PinPolicy::Always),
        _ => None,
    }
}

fn touch_policy(byte: u8) -> Option<TouchPolicy> {
    match byte {
        1 => Some(TouchPolicy::Never),
        2 => Some(TouchPolicy::Always),
        3 => Some(TouchPolicy::Cached),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As published; each stands in Yubico's own documentation too.
    const PUBLISHED: [&str; 6] = [
        "63ece914e54dd87915f34033c85af4c0696ba1512f8add66ced738331207b546",
        "62760c6a6ef91679f454c8902b80fd009825b3f25da90f1fbace2ec6586cd5a8",
        "4698a1d3389c3ec60016c216250f1d0439922832d65142327436376dc2942b55",
        "d4cc3f456fdaf4e7812a21aab1dfe9d8e27d24e2fd2d6f21c9940109f0daa754",
        "6de693f05376f5d8ca29069261e1c8626c75d503bd2edbfd75354cad1f722870",
        "2d55b7998f4e42569d6d8fa382b6dc77d1dacf07358b19701163892922b17052",
    ];

    #[test]
    fn the_roots_are_the_published_ones_and_vouch_for_what_stands_between() {
        let roots = Roots::yubico();
        let all: Vec<_> = roots.roots.iter().chain(&roots.between).collect();
        let digests: Vec<_> = all.iter().map(|root| Digest::of(&root.to_der().unwrap()).to_string()).collect();
        assert_eq!(digests, PUBLISHED);
        for between in &roots.between {
            assert_eq!(root_of(between, &roots).unwrap(), &roots.roots[1]);
        }
        // A root of the first generation vouches for itself and for nothing of the second.
        assert!(signed_by(&roots.roots[0], &roots.roots[0]));
        assert!(signed_by(&roots.roots[1], &roots.roots[1]), "SHA-512");
        assert!(!signed_by(&roots.between[0], &roots.roots[0]));
        assert!(!signed_by(&roots.between[3], &roots.between[0]), "B 1 is not below A 1");
    }

    #[test]
    fn what_is_no_certificate_or_has_another_issuer_attests_nothing() {
        let roots = Roots::yubico();
        let der = |certificate: &Certificate| certificate.to_der().unwrap();
        let nonsense = Evidence { statement: vec![0x30, 0], card: der(&roots.between[2]) };
        assert_eq!(verify(&nonsense, &roots).unwrap_err().rule, Rule::KeyAttested);
        // A genuine certificate that states nothing of a key.
        let genuine = Evidence { statement: der(&roots.between[2]), card: der(&roots.between[0]) };
        let refusal = verify(&genuine, &roots).unwrap_err();
        assert!(refusal.what.contains("does not say"), "{refusal}");
        let unsigned = Evidence { statement: der(&roots.between[3]), card: der(&roots.between[0]) };
        assert!(verify(&unsigned, &roots).unwrap_err().what.contains("not signed by"));
        let nobody = Roots { roots: vec![], between: vec![] };
        assert!(verify(&genuine, &nobody).unwrap_err().what.contains("No root"));
    }
}
