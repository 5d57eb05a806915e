//! TUF 1.0 (specification 1.0.34, sections 4.1 and 4.2).

use crate::{
    digest::{Digest, from_hex, to_hex},
    text::{percent_encoded, shown},
    tuf::{
        canonical::canonical,
        json::{Members, Value},
        key::{PublicKey, RawSignature},
        role::RoleName,
        signed::Signature,
    },
};

/// Written into new metadata. Every client takes it; later patch levels changed no format.
pub const SPEC_VERSION: &str = "1.0.31";

/// Any `1.x` or `1.x.y`.
pub fn knows_spec_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let numbers =
        parts.iter().all(|part| !part.is_empty() && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit()));
    numbers && (2..=3).contains(&parts.len()) && parts[0] == "1"
}

pub fn type_name(role: &RoleName) -> &'static str {
    match role {
        RoleName::Root => "root",
        RoleName::Snapshot => "snapshot",
        RoleName::Timestamp => "timestamp",
        RoleName::Targets | RoleName::Other(_) => "targets",
    }
}

/// Names of delegated roles are percent-encoded, as clients do before they put one into a URL.
pub fn file_name(role: &RoleName, version: Option<u64>) -> String {
    let version = version.map(|version| format!("{version}.")).unwrap_or_default();
    format!("{version}{}.json", percent_encoded(role.as_str(), b"-._~"))
}

pub fn key_members(public: &PublicKey) -> Option<Members> {
    let (keytype, scheme, text) = match public {
        PublicKey::Ed25519(key) => ("ed25519", "ed25519", to_hex(key.as_bytes())),
        PublicKey::P256(_) => ("ecdsa", "ecdsa-sha2-nistp256", public.to_spki_pem()?),
        PublicKey::P384(_) => ("ecdsa", "ecdsa-sha2-nistp384", public.to_spki_pem()?),
        PublicKey::Rsa(_) => ("rsa", "rsassa-pss-sha256", public.to_spki_pem()?),
        PublicKey::P521(_) | PublicKey::Other { .. } => return None,
    };
    let keyval = Members::from([("public".into(), text.into())]);
    Some(Members::from([
        ("keytype".into(), keytype.into()),
        ("keyval".into(), keyval.into()),
        ("scheme".into(), scheme.into()),
    ]))
}

pub fn read_public(members: &Members) -> Result<PublicKey, String> {
    let text = |name: &str| match members.get(name) {
        Some(Value::Str(text)) => Ok(text.as_str()),
        Some(other) => Err(format!("has a `{name}` that is {}, not text", other.kind())),
        None => Err(format!("has no `{name}`")),
    };
    let (keytype, scheme) = (text("keytype")?, text("scheme")?);
    let keyval = members.get("keyval").ok_or("has no `keyval`")?;
    let keyval =
        keyval.as_object().ok_or_else(|| format!("has a `keyval` that is {}, not an object", keyval.kind()))?;
    let public = keyval.get("public").and_then(Value::as_str).and_then(|public| decode_public(keytype, scheme, public));
    Ok(public.unwrap_or_else(|| other(members, keytype, scheme)))
}

/// The older keytype of ECDSA names the curve; the oldest metadata has the point in hexadecimal. A curve other than the
/// scheme's makes no key.
fn decode_public(keytype: &str, scheme: &str, public: &str) -> Option<PublicKey> {
    let ecdsa = || PublicKey::from_spki_pem(public).or_else(|| PublicKey::from_point(&from_hex(public)?));
    match (keytype, scheme) {
        ("ed25519", "ed25519") => PublicKey::from_ed25519(&from_hex(public)?),
        ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256") => {
            ecdsa().filter(|key| matches!(key, PublicKey::P256(_)))
        }
        ("ecdsa" | "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384") => {
            ecdsa().filter(|key| matches!(key, PublicKey::P384(_)))
        }
        ("rsa", "rsassa-pss-sha256") => PublicKey::from_spki_pem(public).filter(|key| matches!(key, PublicKey::Rsa(_))),
        _ => None,
    }
}

fn other(members: &Members, keytype: &str, scheme: &str) -> PublicKey {
    let known = ["ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "rsassa-pss-sha256"].contains(&scheme);
    let why = if known { "not readable" } else { "unknown" };
    let what = format!("{why} ({} / {})", shown(keytype), shown(scheme));
    PublicKey::Other { what, fingerprint: Digest::of(&canonical(&Value::Object(members.clone()))) }
}

pub fn encode_signature(public: &PublicKey, signature: &RawSignature) -> Option<String> {
    let bytes = signature.as_bytes();
    match public {
        PublicKey::P256(_) => p256::ecdsa::Signature::from_slice(bytes).ok().map(|s| to_hex(s.to_der().as_bytes())),
        PublicKey::P384(_) => p384::ecdsa::Signature::from_slice(bytes).ok().map(|s| to_hex(s.to_der().as_bytes())),
        PublicKey::Ed25519(_) | PublicKey::Rsa(_) => Some(to_hex(bytes)),
        PublicKey::P521(_) | PublicKey::Other { .. } => None,
    }
}

pub fn decode_signature(public: &PublicKey, text: &str) -> Option<RawSignature> {
    let bytes = from_hex(text)?;
    match public {
        PublicKey::P256(_) => {
            p256::ecdsa::Signature::from_der(&bytes).ok().map(|s| RawSignature::new(s.to_bytes().to_vec()))
        }
        PublicKey::P384(_) => {
            p384::ecdsa::Signature::from_der(&bytes).ok().map(|s| RawSignature::new(s.to_bytes().to_vec()))
        }
        PublicKey::Ed25519(_) | PublicKey::Rsa(_) => Some(RawSignature::new(bytes)),
        PublicKey::P521(_) | PublicKey::Other { .. } => None,
    }
}

/// `signatures` before `signed`, each in the order of its name: the order that the reference implementation writes.
pub fn envelope(signed: &[u8], signatures: &[Signature]) -> Vec<u8> {
    let list: Vec<Value> = signatures
        .iter()
        .map(|Signature { keyid, sig, extra }| {
            let mut members = extra.clone();
            members.insert("keyid".into(), keyid.as_str().into());
            members.insert("sig".into(), sig.as_str().into());
            members.into()
        })
        .collect();
    let mut out = b"{\"signatures\":".to_vec();
    out.extend_from_slice(&crate::tuf::canonical::to_json(&canonical(&list.into())));
    out.extend_from_slice(b",\"signed\":");
    out.extend_from_slice(signed);
    out.push(b'}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuf::{Dialect, Key};

    #[test]
    fn every_version_1_is_known_and_no_other() {
        for known in ["1.0", "1.0.0", "1.0.31", "1.34.999999999"] {
            assert!(knows_spec_version(known), "{known}");
        }
        for unknown in ["", "1", "1.", "1.0.", ".1", "2.0.0", "11.0", "1.0.0.0", "1.0.x", "+1.0", "1.0000000000"] {
            assert!(!knows_spec_version(unknown), "{unknown}");
        }
    }

    #[test]
    fn a_key_is_written_with_the_members_that_every_client_hashes() {
        let public =
            PublicKey::from_ed25519(ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key().as_bytes());
        let key = Dialect::Tuf1.key(&public.expect("a key")).expect("a key that can be written");
        let text = String::from_utf8(canonical(&key.to_value())).expect("UTF-8");
        let hex = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
        assert_eq!(text, format!(r#"{{"keytype":"ed25519","keyval":{{"public":"{hex}"}},"scheme":"ed25519"}}"#));
        assert_eq!(key.id().as_str(), Digest::of(text.as_bytes()).to_string());
    }

    #[test]
    fn signatures_of_curves_are_der_and_come_back_at_the_width_of_the_curve() {
        let p256 = PublicKey::P256(*p256::ecdsa::SigningKey::from_slice(&[1; 32]).expect("a scalar").verifying_key());
        let p384 = PublicKey::P384(*p384::ecdsa::SigningKey::from_slice(&[1; 48]).expect("a scalar").verifying_key());
        for (public, width) in [(p256, 32), (p384, 48)] {
            // Small numbers: DER drops their zeros, and the fixed width brings them back.
            let mut raw = vec![0; 2 * width];
            (raw[width - 1], raw[2 * width - 1]) = (1, 0x80);
            let text = encode_signature(&public, &RawSignature::new(raw.clone())).expect("a signature");
            assert_eq!(text, "300702010102020080");
            assert_eq!(decode_signature(&public, &text), Some(RawSignature::new(raw)));
            assert_eq!(
                decode_signature(&public, &text.to_uppercase()).map(|raw| raw.as_bytes().len()),
                Some(2 * width)
            );
            for bad in ["", "30", "300602010102010", "300702010102020080ff", "3006020101020100", "30080202000102020080"]
            {
                assert_eq!(decode_signature(&public, bad), None, "{bad}");
            }
            assert_eq!(encode_signature(&public, &RawSignature::new(vec![1; width])), None);
        }
    }

    #[test]
    fn what_is_no_key_here_is_carried_and_verifies_nothing() {
        let object = r#"{"keytype":"ml-dsa","scheme":"ml-dsa-65","keyval":{"public":"x","more":[1]},"x":null}"#;
        let key: Key = serde_json::from_str(object).expect("a key");
        assert_eq!(key.public().algorithm(), "unknown (ml-dsa / ml-dsa-65)");
        assert_eq!(serde_json::to_value(&key).ok(), serde_json::from_str(object).ok());
        assert!(!Dialect::Tuf1.verifies(key.public(), b"", &Signature::new(key.id(), "")));
        assert_eq!(Dialect::Tuf1.key(key.public()), None);
        let unreadable = r#"{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":"zz"}}"#;
        let key: Key = serde_json::from_str(unreadable).expect("a key");
        assert_eq!(key.public().algorithm(), "not readable (ed25519 / ed25519)");
    }
}
