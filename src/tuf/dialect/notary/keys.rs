//! Keys: a type, bytes in base64, and a private half that is always `null` (notary 0.7.0, `tuf/data/keys.go`).

use std::{cell::RefCell, collections::VecDeque};

use crate::{
    digest::Digest,
    text::shown,
    tuf::{
        base64,
        canonical::canonical,
        certificate::Certificate,
        json::{Members, Value},
        key::{Key, KeyId, PublicKey},
    },
};

/// The object of a key by itself, as every role but root has it.
pub fn bare(public: &PublicKey) -> Option<Members> {
    let keytype = match public {
        PublicKey::Ed25519(key) => return Some(members("ed25519", key.as_bytes())),
        PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::P521(_) => "ecdsa",
        PublicKey::Rsa(_) => "rsa",
        PublicKey::Other { .. } => return None,
    };
    Some(members(keytype, &public.to_spki_der()?))
}

/// The object of a key in its certificate, as the root role has it. Notary takes no Ed25519 there.
pub fn certified(certificate: &Certificate) -> Option<Members> {
    let keytype = match certificate.public()? {
        PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::P521(_) => "ecdsa-x509",
        PublicKey::Rsa(_) => "rsa-x509",
        PublicKey::Ed25519(_) | PublicKey::Other { .. } => return None,
    };
    Some(members(keytype, certificate.to_pem().as_bytes()))
}

fn members(keytype: &str, public: &[u8]) -> Members {
    let keyval = Members::from([("private".into(), Value::Null), ("public".into(), base64::encode(public).into())]);
    Members::from([("keytype".into(), keytype.into()), ("keyval".into(), keyval.into())])
}

/// Whether an object looks like one of these keys and not like one of TUF 1.0.
pub fn looks_like(members: &Members) -> bool {
    !members.contains_key("scheme") && members.get("keyval").is_some_and(|keyval| keyval.member("private").is_some())
}

pub fn read_public(members: &Members) -> Result<PublicKey, String> {
    let keytype = match members.get("keytype") {
        Some(Value::Str(keytype)) => keytype.as_str(),
        Some(other) => return Err(format!("has a `keytype` that is {}, not text", other.kind())),
        None => return Err("has no `keytype`".into()),
    };
    let keyval = members.get("keyval").ok_or("has no `keyval`")?;
    let keyval =
        keyval.as_object().ok_or_else(|| format!("has a `keyval` that is {}, not an object", keyval.kind()))?;
    if keyval.get("private").is_some_and(|private| *private != Value::Null) {
        return Err("carries a PRIVATE key; whoever read this file has it".into());
    }
    let public = keyval.get("public").and_then(Value::as_str).map(|public| decoded(keytype, public));
    Ok(public.flatten().unwrap_or_else(|| other(members, keytype)))
}

thread_local! {
    /// The keys that were read last. A repository's root is read several times while it is composed and looked at, each time with the same
    /// keys, and to read one (a certificate, a compressed point) takes longer than all the rest of it.
    static READ: RefCell<VecDeque<(String, String, Option<PublicKey>)>> = const { RefCell::new(VecDeque::new()) };
}

/// How many of them.
const READ_MAX: usize = 16;

fn decoded(keytype: &str, public: &str) -> Option<PublicKey> {
    READ.with_borrow_mut(|read| {
        if let Some((_, _, known)) = read.iter().find(|(of, text, _)| of == keytype && text == public) {
            return known.clone();
        }
        let key = base64::decode(public).and_then(|public| decode(keytype, &public));
        read.truncate(READ_MAX - 1);
        read.push_front((keytype.to_owned(), public.to_owned(), key.clone()));
        key
    })
}

fn decode(keytype: &str, public: &[u8]) -> Option<PublicKey> {
    let certified = || Certificate::from_pem(std::str::from_utf8(public).ok()?)?.public();
    let key = match keytype {
        "ed25519" => return PublicKey::from_ed25519(public),
        "ecdsa" | "rsa" => PublicKey::from_spki_der(public)?,
        "ecdsa-x509" | "rsa-x509" => certified()?,
        _ => return None,
    };
    let rsa = keytype.starts_with("rsa");
    match key {
        PublicKey::Rsa(_) => rsa.then_some(key),
        PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::P521(_) => (!rsa).then_some(key),
        PublicKey::Ed25519(_) | PublicKey::Other { .. } => None,
    }
}

fn other(members: &Members, keytype: &str) -> PublicKey {
    let known = ["ed25519", "ecdsa", "rsa", "ecdsa-x509", "rsa-x509"].contains(&keytype);
    let why = if known { "not readable" } else { "unknown" };
    let what = format!("{why} ({})", shown(keytype));
    PublicKey::Other { what, fingerprint: Digest::of(&canonical(&Value::Object(members.clone()))) }
}

/// The text that a key's `public` stands for, where it is one: the PEM of a certificate.
pub fn certificate_text(members: &Members) -> Option<String> {
    let keytype = members.get("keytype")?.as_str()?;
    let public = members.get("keyval")?.member("public")?.as_str()?;
    let text = String::from_utf8(base64::decode(public)?).ok()?;
    keytype.ends_with("-x509").then_some(text)
}

/// The keyid of the bare key, whatever certificate it travels in: the name of its file in a trust directory.
pub fn canonical_id(key: &Key) -> KeyId {
    let bare = key.certificate().and_then(|_| bare(key.public()));
    bare.map_or_else(|| key.id(), |bare| Digest::of(&canonical(&Value::Object(bare))).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ecdsa(seed: u8) -> (PublicKey, String) {
        let key = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).expect("a scalar");
        let public = PublicKey::P256(*key.verifying_key());
        let text = base64::encode(&public.to_spki_der().expect("DER"));
        (public, text)
    }

    #[test]
    fn what_was_read_last_is_known_by_its_type_and_its_text_together() {
        for round in 0..3 {
            for seed in 1..=(READ_MAX as u8 + 4) {
                let (public, text) = ecdsa(seed);
                assert_eq!(decoded("ecdsa", &text), Some(public), "round {round}");
                assert_eq!(decoded("rsa", &text), None, "another type");
                assert_eq!(decoded("ecdsa", &text[1..]), None, "another text");
            }
        }
        assert_eq!(READ.with_borrow(VecDeque::len), READ_MAX);
    }
}
