//! Certificates: the test root, those between it and a card, a card's own, and attestations. Laid out as the real ones are,
//! under names that nobody can mistake for them.

use std::sync::OnceLock;

use crate::{
    firmware::Firmware,
    keys::{KeyPair, RSA_2048, random, unsigned},
    tlv::tlv,
};

/// A key with its certificate.
pub struct Authority {
    pub key: KeyPair,
    pub name: Vec<u8>,
    pub certificate: Vec<u8>,
    validity: Vec<u8>,
}

/// Whether a certificate says that it is an authority: the cards of the first generation leave that out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Authority,
    Nothing,
}

/// Both generations of roots: the first signs cards, the second has two certificates between.
pub struct Roots {
    first: OnceLock<Authority>,
    second: OnceLock<Vec<Authority>>,
}

/// 2016 to 2052, past what a UTCTime can say.
fn first_validity() -> Vec<u8> {
    tlv(&[0x30], [tlv(&[0x17], b"160314000000Z"), tlv(&[0x18], b"20520417000000Z")].concat())
}

/// For ever, as RFC 5280 writes it.
fn second_validity() -> Vec<u8> {
    tlv(&[0x30], [tlv(&[0x17], b"241201000000Z"), tlv(&[0x18], b"99991231235959Z")].concat())
}

impl Roots {
    /// Nothing is made before it is asked for: RSA keys take a moment.
    pub const fn new() -> Self {
        Self { first: OnceLock::new(), second: OnceLock::new() }
    }

    fn first(&self) -> &Authority {
        self.first.get_or_init(|| Authority::root("Virtual PIV Root CA Serial 1", first_validity()))
    }

    fn second(&self) -> &[Authority] {
        self.second.get_or_init(|| {
            let root = Authority::root("Virtual Attestation Root 1", second_validity());
            let between = root.issue("Virtual Attestation Intermediate B 1", Says::Authority);
            let piv = between.issue("Virtual PIV Attestation B 1", Says::Authority);
            vec![root, between, piv]
        })
    }

    /// The two roots, then the certificates between, in DER.
    pub fn certificates(&self) -> Vec<Vec<u8>> {
        let [root, between, piv] = self.second() else { unreachable!("three are made") };
        [self.first(), root, between, piv].map(|authority| authority.certificate.clone()).to_vec()
    }

    /// What a card of this firmware leaves the factory with in slot F9.
    pub fn card(&self, firmware: Firmware) -> Authority {
        if firmware.has_second_root() {
            self.second()[2].issue("Virtual YubiKey PIV Attestation", Says::Authority)
        } else {
            self.first().issue("Virtual PIV Attestation", Says::Nothing)
        }
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    fn root(name: &str, validity: Vec<u8>) -> Self {
        let key = KeyPair::generate(RSA_2048).expect("a known algorithm");
        let name = common_name(name);
        let certificate = certificate(&name, &key, &name, &validity, &key.spki(), &[authority()]);
        Self { key, name, certificate, validity }
    }

    fn issue(&self, name: &str, says: Says) -> Self {
        let key = KeyPair::generate(RSA_2048).expect("a known algorithm");
        let name = common_name(name);
        let extensions = if says == Says::Authority { vec![authority()] } else { vec![] };
        let certificate = certificate(&self.name, &self.key, &name, &self.validity, &key.spki(), &extensions);
        Self { key, name, certificate, validity: self.validity.clone() }
    }

    /// States of the key in `slot` that it was made on the card: firmware, serial, policies, form factor.
    pub fn attest(&self, slot: u8, key: &KeyPair, firmware: Firmware, serial: u32, policies: [u8; 2]) -> Vec<u8> {
        let extensions = [
            yubico(3, &[firmware.0, firmware.1, firmware.2]),
            // The serial is an INTEGER, the others are bare bytes.
            yubico(7, &unsigned(&serial.to_be_bytes())),
            yubico(8, &policies),
            yubico(9, &[1]),
        ];
        let name = common_name(&format!("YubiKey PIV Attestation {slot:02x}"));
        certificate(&self.name, &self.key, &name, &self.validity, &key.spki(), &extensions)
    }
}

fn certificate(
    issuer: &[u8],
    signer: &KeyPair,
    subject: &[u8],
    validity: &[u8],
    spki: &[u8],
    extensions: &[Vec<u8>],
) -> Vec<u8> {
    let mut serial = random::<16>();
    serial[0] = serial[0] & 0x7f | 1;
    let extensions = match extensions {
        [] => vec![],
        some => tlv(&[0xa3], tlv(&[0x30], some.concat())),
    };
    let version = tlv(&[0xa0], tlv(&[2], [2]));
    let algorithm = signer.certificate_algorithm();
    let parts = [&version, &unsigned(&serial), &algorithm, issuer, validity, subject, spki, &extensions];
    let body = tlv(&[0x30], parts.concat());
    let signature = tlv(&[3], [vec![0], signer.sign_certificate(&body)].concat());
    tlv(&[0x30], [body, algorithm, signature].concat())
}

/// `CN=` and nothing else.
fn common_name(name: &str) -> Vec<u8> {
    let attribute = [tlv(&[6], [0x55, 0x04, 0x03]), tlv(&[0x0c], name)].concat();
    tlv(&[0x30], tlv(&[0x31], tlv(&[0x30], attribute)))
}

fn authority() -> Vec<u8> {
    let yes = tlv(&[0x30], tlv(&[1], [0xff]));
    tlv(&[0x30], [tlv(&[6], [0x55, 0x1d, 0x13]), tlv(&[1], [0xff]), tlv(&[4], yes)].concat())
}

/// An extension below 1.3.6.1.4.1.41482.3.
fn yubico(number: u8, value: &[u8]) -> Vec<u8> {
    let oid = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xc4, 0x0a, 0x03, number];
    tlv(&[0x30], [tlv(&[6], oid), tlv(&[4], value)].concat())
}
