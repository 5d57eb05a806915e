//! Public keys and the one place where a signature is verified.

use std::fmt;

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::pkcs8::{DecodePublicKey as _, EncodePublicKey as _, LineEnding};
use rsa::traits::PublicKeyParts as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::often;
use crate::{digest::Digest, text::shown};

/// The kinds of key that this program makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256 with SHA-256. Every client and nearly every token has it.
    #[default]
    #[serde(rename = "p256")]
    P256,
    /// ECDSA on P-384 with SHA-384. Some clients lack it ([`crate::tuf::predict`]).
    #[serde(rename = "p384")]
    P384,
    /// Ed25519.
    #[serde(rename = "ed25519")]
    Ed25519,
    /// RSA with 3072 bits, PSS with SHA-256 and a salt of 32 bytes.
    #[serde(rename = "rsa3072-pss")]
    Rsa3072,
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Ed25519 => "Ed25519",
            Self::Rsa3072 => "RSA-3072 PSS",
        })
    }
}

/// The shortest RSA modulus that verifies anything, in bits (TUF 1.0.34, section 4.2.2).
pub const RSA_BITS_MIN: usize = 2048;
/// The longest RSA modulus that is used, in bits: a bound on the time of one verification.
pub const RSA_BITS_MAX: usize = 8192;

/// A public key, apart from how anybody writes it.
#[derive(Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// Ed25519.
    Ed25519(ed25519_dalek::VerifyingKey),
    /// ECDSA on P-256 with SHA-256.
    P256(p256::ecdsa::VerifyingKey),
    /// ECDSA on P-384 with SHA-384 (TUF 1.0).
    P384(p384::ecdsa::VerifyingKey),
    /// ECDSA on P-521. Only Notary's certificates are read with it; this program makes none.
    P521(Box<p521::ecdsa::VerifyingKey>),
    /// RSA of 2048 to 8192 bits, PSS with SHA-256.
    Rsa(Box<rsa::RsaPublicKey>),
    /// A key that verifies nothing here: of an unknown kind, or not decodable. It is carried, and counts for no threshold.
    Other {
        /// What it calls itself, and what is wrong with it: for people.
        what: String,
        /// The digest of its object.
        fingerprint: Digest,
    },
}

/// A signature without any encoding: `r‖s` at the width of the curve, the 64 bytes of Ed25519, or as many as the RSA modulus
/// has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RawSignature(Vec<u8>);

impl RawSignature {
    /// The bytes, as a token gives them.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER; `None` where it is malformed or of a kind that is not used here.
    pub fn from_spki_der(der: &[u8]) -> Option<Self> {
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(der) {
            return Some(Self::P256(key));
        }
        if let Ok(key) = p384::ecdsa::VerifyingKey::from_public_key_der(der) {
            return Some(Self::P384(key));
        }
        if let Ok(key) = p521::ecdsa::VerifyingKey::from_public_key_der(der) {
            return Some(Self::P521(Box::new(key)));
        }
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_der(der) {
            return Some(Self::Ed25519(key));
        }
        Self::rsa(rsa::RsaPublicKey::from_public_key_der(der).ok()?)
    }

    /// Reads `-----BEGIN PUBLIC KEY-----`, with any line ending and with or without a last one.
    pub fn from_spki_pem(pem: &str) -> Option<Self> {
        let (label, document) = p256::pkcs8::Document::from_pem(pem).ok()?;
        (label == "PUBLIC KEY").then(|| Self::from_spki_der(document.as_bytes()))?
    }

    /// Reads a point on P-256 or P-384 in SEC 1 form, as tokens (without the OCTET STRING around it) and old metadata have it.
    pub fn from_point(point: &[u8]) -> Option<Self> {
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_sec1_bytes(point) {
            return Some(Self::P256(key));
        }
        p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok().map(Self::P384)
    }

    /// Reads the 32 bytes of an Ed25519 key.
    pub fn from_ed25519(bytes: &[u8]) -> Option<Self> {
        ed25519_dalek::VerifyingKey::from_bytes(bytes.try_into().ok()?).ok().map(Self::Ed25519)
    }

    /// Reads an RSA modulus and public exponent, most significant byte first.
    pub fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        if modulus.len() > RSA_BITS_MAX / 8 + 1 || exponent.len() > 8 {
            return None;
        }
        let number = rsa::BoxedUint::from_be_slice_vartime;
        Self::rsa(rsa::RsaPublicKey::new(number(modulus), number(exponent)).ok()?)
    }

    fn rsa(key: rsa::RsaPublicKey) -> Option<Self> {
        let bits = key.n().bit_width_vartime() as usize;
        (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits).then(|| Self::Rsa(Box::new(key)))
    }

    /// The SubjectPublicKeyInfo in DER; `None` for [`PublicKey::Other`].
    pub fn to_spki_der(&self) -> Option<Vec<u8>> {
        let document = match self {
            Self::Ed25519(key) => key.to_public_key_der(),
            Self::P256(key) => key.to_public_key_der(),
            Self::P384(key) => key.to_public_key_der(),
            Self::P521(key) => key.to_public_key_der(),
            Self::Rsa(key) => key.to_public_key_der(),
            Self::Other { .. } => return None,
        };
        document.ok().map(|document| document.as_bytes().to_vec())
    }

    /// `-----BEGIN PUBLIC KEY-----` with LF line endings and a last one; `None` for [`PublicKey::Other`].
    pub fn to_spki_pem(&self) -> Option<String> {
        match self {
            Self::Ed25519(key) => key.to_public_key_pem(LineEnding::LF),
            Self::P256(key) => key.to_public_key_pem(LineEnding::LF),
            Self::P384(key) => key.to_public_key_pem(LineEnding::LF),
            Self::P521(key) => key.to_public_key_pem(LineEnding::LF),
            Self::Rsa(key) => key.to_public_key_pem(LineEnding::LF),
            Self::Other { .. } => return None,
        }
        .ok()
    }

    /// One digest for one public key, however metadata writes it (`KEY-COUNTED-ONCE`): the SHA-256 of its
    /// SubjectPublicKeyInfo, as we encode it.
    pub fn fingerprint(&self) -> Digest {
        match self {
            Self::Other { fingerprint, .. } => *fingerprint,
            known => Digest::of(&known.to_spki_der().unwrap_or_default()),
        }
    }

    /// What kind of key, for people: `P-256`, `RSA-3072 PSS`, …
    pub fn algorithm(&self) -> String {
        match self {
            Self::Ed25519(_) => "Ed25519".into(),
            Self::P256(_) => "P-256".into(),
            Self::P384(_) => "P-384".into(),
            Self::P521(_) => "P-521".into(),
            Self::Rsa(key) => format!("RSA-{} PSS", key.n().bit_width_vartime()),
            Self::Other { what, .. } => shown(what),
        }
    }

    /// The kind of key, where this program could have made it.
    pub fn key_algorithm(&self) -> Option<KeyAlgorithm> {
        match self {
            Self::Ed25519(_) => Some(KeyAlgorithm::Ed25519),
            Self::P256(_) => Some(KeyAlgorithm::P256),
            Self::P384(_) => Some(KeyAlgorithm::P384),
            Self::Rsa(key) => (key.n().bit_width_vartime() == 3072).then_some(KeyAlgorithm::Rsa3072),
            Self::P521(_) | Self::Other { .. } => None,
        }
    }

    /// Whether `signature` is one of this key over `message`, as TUF 1.0 hashes it.
    ///
    /// Ed25519 is verified strictly, so that a key of small order verifies nothing. A PSS salt may have any length: the
    /// specification names none and three of four clients take any; what this program writes has 32 bytes.
    pub fn verify(&self, message: &[u8], signature: &RawSignature) -> bool {
        match self {
            Self::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature.as_bytes())
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Self::P384(_) => self.verify_prehash(&Sha384::digest(message), signature),
            Self::P521(_) => self.verify_prehash(&Sha512::digest(message), signature),
            Self::P256(_) | Self::Rsa(_) => self.verify_prehash(&Sha256::digest(message), signature),
            Self::Other { .. } => false,
        }
    }

    /// The same over a digest that was computed before: SHA-256, or for the wider curves the one that the dialect wants. Never
    /// true for Ed25519, which signs messages.
    pub fn verify_prehash(&self, digest: &[u8], signature: &RawSignature) -> bool {
        match self {
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature.as_bytes()).is_ok_and(|signature| {
                match <&[u8; 32]>::try_from(digest) {
                    Ok(sha256) => often::verify(key, sha256, &signature),
                    Err(_) => key.verify_prehash(digest, &signature).is_ok(),
                }
            }),
            Self::P384(key) => p384::ecdsa::Signature::from_slice(signature.as_bytes())
                .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
            Self::P521(key) => {
                // The library takes no digest of less than half the width of the curve; zeros in front change no number.
                let mut wide = [0; P521_BYTES];
                let digest = &digest[..digest.len().min(P521_BYTES)];
                wide[P521_BYTES - digest.len()..].copy_from_slice(digest);
                p521::ecdsa::Signature::from_slice(signature.as_bytes())
                    .is_ok_and(|signature| key.verify_prehash(&wide, &signature).is_ok())
            }
            Self::Rsa(key) => {
                verify_pss(rsa::pss::VerifyingKey::new_with_auto_salt_len((**key).clone()), digest, signature)
            }
            Self::Ed25519(_) | Self::Other { .. } => false,
        }
    }
}

/// The width of a number on P-521, in bytes.
const P521_BYTES: usize = 66;

/// The salt that this program writes, and the only one that tough and Notary read, in bytes.
pub const PSS_SALT_BYTES: usize = 32;

impl PublicKey {
    /// Whether `signature` is a PSS signature over `message` whose salt has another length than [`PSS_SALT_BYTES`].
    pub fn has_unusual_salt(&self, message: &[u8], signature: &RawSignature) -> bool {
        let Self::Rsa(key) = self else { return false };
        let usual = rsa::pss::VerifyingKey::new_with_salt_len((**key).clone(), PSS_SALT_BYTES);
        self.verify(message, signature) && !verify_pss(usual, &Sha256::digest(message), signature)
    }

    /// Whether `signature` is one over `message` by RSA with PSS, SHA-256 and a salt of [`PSS_SALT_BYTES`].
    pub(in crate::tuf) fn verify_pss_usual(&self, message: &[u8], signature: &RawSignature) -> bool {
        let Self::Rsa(key) = self else { return false };
        let usual = rsa::pss::VerifyingKey::new_with_salt_len((**key).clone(), PSS_SALT_BYTES);
        verify_pss(usual, &Sha256::digest(message), signature)
    }

    /// Whether `signature` is one over `message` by RSA with PKCS#1 v1.5 and SHA-256.
    pub(in crate::tuf) fn verify_pkcs1v15(&self, message: &[u8], signature: &RawSignature) -> bool {
        let Self::Rsa(key) = self else { return false };
        let key = rsa::pkcs1v15::VerifyingKey::<Sha256>::new((**key).clone());
        rsa::pkcs1v15::Signature::try_from(signature.as_bytes())
            .is_ok_and(|signature| key.verify_prehash(&Sha256::digest(message), &signature).is_ok())
    }
}

fn verify_pss(key: rsa::pss::VerifyingKey<Sha256>, digest: &[u8], signature: &RawSignature) -> bool {
    rsa::pss::Signature::try_from(signature.as_bytes())
        .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok())
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm(), self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::from_hex;

    // An RSA key of 2048 bits and its signatures over "salt", by OpenSSL 3.
    const RSA_2048: &str = concat!(
        "30820122300d06092a864886f70d01010105000382010f003082010a0282010100a2b1807f67d052752ae564c4c1fb0e",
        "478a3f73bf9a48a9c017371291433121f6a83b60f64c867e0f656d5abb9c755b68882d9a42ff587e0474f52a47b434bf",
        "12af85ab524e9925b5e50f7c881d303ffcebd054126120311a1f62715fbe3dc901bba39b3a1102811129a6b6cd3a8a68",
        "23c8d158830fed2d78c20173c02ccf4aaca5086565defdcfcdbfbb60f85c258abfb68a2958fe96812e2f7a1842fc4eb0",
        "8f133eace17675d5b14aae7b4e544b68975b87856627a7282c7ccf2a1e506d361200671c40536af8e8290c873dff2546",
        "79d0c6db2e4a648a20a6ff5e5b8ffc70499ae0dbe109d2b9dbeee2a79d7d873e20dbea2dfe3fbe030833689f36d1b765",
        "5b0203010001",
    );
    const SALT_32: &str = concat!(
        "93a12125ecd1d913497a271eaabad2c51e49ec3c051118f0a8c9f3dcc24288183826441c98de0711f16eff71fd55a7c6",
        "01bcf5db58ae0ba356f6a6c3890e99791500693daba80fd7c2b3ec4c185ac0b4ca7a7dbd40ac5a443f9561c018c1b788",
        "35a5de6f2831470eb9298fabe1850271e408d745ebffe859d3e412f025245de77246c3c46cc1a7e5dbef36952ec8f51f",
        "ed33522b9b2ce460ae9bcc31dd94722fa6a5e50984d93068e79e0964db4480d0dc7bef270f5b043b32cb8a531c83e530",
        "7d3c97f83f0b14700d67ecb049a2fd76498693be4893bc8611e93ea07c076ebac5ea9d6e654c66f5a6f48d8795b0e648",
        "ee89a00609cec9d031cbece7a8ed5b7b",
    );
    const SALT_MAX: &str = concat!(
        "1669f711259f3e4268e6e7a86d080031c6b05641cdad917f43ebcc5ca5a160dde1fbae30b09c0960d3136b0c876d36ec",
        "c5874c0d1b49115ff9f1a1ab28755bdd02be61864127113d19f196ec3b3335ba2044e066d5d262dd655f81f64b01bb66",
        "dfbc5a1274278d4b6846d2a7b08f091d26a61b90fa3ac001602759a53e7b79bb18263c60cb12eaa3d0ea50061659a114",
        "22f3f444e2d8e3444c843fdc12da65c8dd8c5364b083a0348d9577d5a2072da79152c5522192fe38d56f8d5bafe042f5",
        "b743af7abcf542700f85700901541fbb43adf902905dff9f85737031f9e93e3b9f4f2e8edc277c7d81ded768bbdb45a5",
        "c2e095bee78ee2d17a4ad5c6e76bb2e4",
    );
    const SALT_0: &str = concat!(
        "6229d043fb6900f7d0877840b5eaa21ec8f121e5baad4583383317a60f4ad65b20a56cd2b687cf4ec00ee0b391f31357",
        "2593bc608710e2a35ce862b0c539ef02ce109042fee23a749410719f37b5b5aa9c7aa6e85bb66e33a9fc1b69ad8d4022",
        "5ee9b590347b8f53a09c5ecd51a4517db263707370cd63060b73eb25a8bd182f5339aeb46c92cd5a4fc91596d2129847",
        "2e322721ec375f89cacf2cad24780b7dcc63c90a95363963ef4fba355cec83d2672920457d5f8a8e0a06ce25660b079e",
        "3427c9b08be10121e1f4a11bcc24b6652e33521c8626eeeaef4fd983c1eb431816eb734a16725202c758d8479c1c54f0",
        "cc3884ca385453e760adda71bc66b81f",
    );
    const PKCS1: &str = concat!(
        "374395ed88704986dfd4f48531b83fa24a1a3637c53acc7f11f8e11b8d47f9ce1c67be2868833803c2d9b4d0cca7b6bc",
        "0370d5e548a080e62f7c1c834291f7c46cd8e5009d3ad86466495885c9e50bedf2299b1724edec0a819960392fce6432",
        "82a1b9db672c6b832f1c0c627114e93ae04cc509b17334b6fcd13c2f40ce44a79fb0c5110c06e1c2142a36c117b5a544",
        "6ca6a6073e7ede3b155b5c11f7fd437b1f1d651477c1d84aec0048c5ac5906d252a3fb3d297bf26edcae6441a0551fb5",
        "2fb9d7fd5666ef0474f103d8586fc32999e670b40643428c84f6f199d00d177aa6126be603af534181b11710dd07c73a",
        "7c0ab629e53b315215a3823aa1735d60",
    );
    // One of 1024 bits.
    const RSA_1024: &str = concat!(
        "30819f300d06092a864886f70d010101050003818d003081890281810099b5a00d3dcd6afb5e884328c39c4602d09a93",
        "3e9052a831c1b35ba7f04558bd534639cf41db80797d542f8309d4894914fac0ecc770c7fb7c8de2e8322e58800df173",
        "81bf8c652533f8743258446344d7661113fa1511777f7ea6575d5f5174babefc5f9a59cc54486630cc2a94e8e198d539",
        "bc30e303321d5118b2057d60050203010001",
    );

    fn bytes(hex: &str) -> Vec<u8> {
        from_hex(hex).expect("hexadecimal")
    }

    fn p256() -> p256::ecdsa::VerifyingKey {
        *p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a scalar").verifying_key()
    }

    #[test]
    fn one_key_has_one_fingerprint_however_it_is_written() {
        let key = PublicKey::P256(p256());
        let pem = key.to_spki_pem().expect("PEM");
        let der = key.to_spki_der().expect("DER");
        assert!(pem.ends_with("-----END PUBLIC KEY-----\n"));
        let spellings = [
            PublicKey::from_spki_pem(&pem),
            PublicKey::from_spki_pem(pem.trim_end()),
            PublicKey::from_spki_pem(&pem.replace('\n', "\r\n")),
            PublicKey::from_spki_der(&der),
            PublicKey::from_point(&p256().to_sec1_bytes()),
            PublicKey::from_point(p256().to_sec1_point(true).as_bytes()),
        ];
        for spelling in spellings {
            assert_eq!(spelling.expect("a key").fingerprint(), key.fingerprint());
        }
        assert_eq!(key.fingerprint(), Digest::of(&der));
    }

    #[test]
    fn every_kind_of_key_comes_back_from_its_encodings() {
        let p384 = *p384::ecdsa::SigningKey::from_slice(&[7; 48]).expect("a scalar").verifying_key();
        let keys = [
            (PublicKey::P256(p256()), "P-256", Some(KeyAlgorithm::P256)),
            (PublicKey::P384(p384), "P-384", Some(KeyAlgorithm::P384)),
            (
                PublicKey::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key()),
                "Ed25519",
                Some(KeyAlgorithm::Ed25519),
            ),
            (PublicKey::from_spki_der(&bytes(RSA_2048)).expect("a key"), "RSA-2048 PSS", None),
        ];
        for (key, name, algorithm) in keys {
            assert_eq!(key.algorithm(), name);
            assert_eq!(key.key_algorithm(), algorithm);
            assert_eq!(PublicKey::from_spki_der(&key.to_spki_der().expect("DER")), Some(key.clone()));
            assert_eq!(PublicKey::from_spki_pem(&key.to_spki_pem().expect("PEM")), Some(key));
        }
    }

    #[test]
    fn a_modulus_and_an_exponent_from_a_token_are_the_key_of_the_certificate() {
        let key = PublicKey::from_spki_der(&bytes(RSA_2048)).expect("a key");
        let PublicKey::Rsa(parts) = &key else { panic!("an RSA key") };
        let (modulus, exponent) = (parts.n_bytes(), parts.e_bytes());
        assert_eq!(PublicKey::from_rsa(&modulus, &exponent), Some(key.clone()));
        let zero_first = [&[0], &*modulus].concat();
        assert_eq!(
            PublicKey::from_rsa(&zero_first, &[0, 1, 0, 1]).map(|key| key.fingerprint()),
            Some(key.fingerprint())
        );
        assert_eq!(PublicKey::from_rsa(&[0xff; 2000], &[1, 0, 1]), None);
        assert_eq!(PublicKey::from_rsa(&[], &[]), None);
    }

    #[test]
    fn pss_is_verified_with_a_salt_of_any_length_and_nothing_else_is() {
        let key = PublicKey::from_spki_der(&bytes(RSA_2048)).expect("a key");
        for (signature, verifies) in [(SALT_32, true), (SALT_MAX, true), (SALT_0, true), (PKCS1, false)] {
            assert_eq!(key.verify(b"salt", &RawSignature::new(bytes(signature))), verifies);
            assert!(!key.verify(b"pepper", &RawSignature::new(bytes(signature))));
            assert_eq!(
                key.has_unusual_salt(b"salt", &RawSignature::new(bytes(signature))),
                [SALT_MAX, SALT_0].contains(&signature)
            );
        }
        for length in [0, 1, 255, 257, 4096] {
            assert!(!key.verify(b"salt", &RawSignature::new(vec![1; length])));
        }
    }

    #[test]
    fn short_keys_and_other_things_are_no_keys() {
        assert_eq!(PublicKey::from_spki_der(&bytes(RSA_1024)), None);
        assert_eq!(PublicKey::from_point(&[4; 65]), None, "not on the curve");
        assert_eq!(PublicKey::from_point(&[0]), None, "the point at infinity");
        assert_eq!(PublicKey::from_ed25519(&[1; 31]), None);
        for text in ["", "-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"] {
            assert_eq!(PublicKey::from_spki_pem(text), None);
        }
        let pem = PublicKey::P256(p256()).to_spki_pem().expect("PEM");
        assert_eq!(PublicKey::from_spki_pem(&pem.replace("PUBLIC", "PRIVATE")), None);
    }
}
