//! The document as it travels. A server that holds the snapshot key hashes the document as *it* would write it, keeps the bytes
//! that it was sent, and clients ask for the hash: bytes that Go would not have written are never found again (notary 0.7.0,
//! `tuf/tuf.go`, `UpdateSnapshot`).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    tuf::{
        base64,
        canonical::{canonical, to_json},
        json::{self, Limits, Members, Value},
        signed::Signature,
    },
    utc::Utc,
};

pub fn envelope(signed_canonical: &[u8], signatures: &[Signature]) -> Vec<u8> {
    let mut out = b"{\"signed\":".to_vec();
    out.extend_from_slice(&escaped(signed_canonical));
    out.extend_from_slice(b",\"signatures\":[");
    for (index, Signature { keyid, sig, extra }) in signatures.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        // The three members stand in this order, which is also that of their names.
        let mut members: Members = extra.clone();
        members.insert("keyid".into(), keyid.as_str().into());
        members.insert("sig".into(), sig.as_str().into());
        out.extend_from_slice(&escaped(&canonical(&Value::Object(members))));
    }
    out.extend_from_slice(b"]}");
    out
}

/// JSON that reads back as what `canonical` says, with the characters escaped that Go escapes for the sake of browsers.
pub fn escaped(canonical: &[u8]) -> Vec<u8> {
    let json = to_json(canonical);
    let mut out = Vec::with_capacity(json.len() + 16);
    let mut rest = json.as_slice();
    // Hardly anything is escaped: all that stands before it goes over at once.
    while let Some(place) = rest.iter().position(|byte| matches!(byte, b'&' | b'<' | b'>' | 0xe2)) {
        let (plain, from) = rest.split_at(place);
        out.extend_from_slice(plain);
        let (byte, after) = (from[0], &from[1..]);
        rest = after;
        match byte {
            b'&' | b'<' | b'>' => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            // U+2028 and U+2029, the separators of lines and paragraphs.
            0xe2 if after.len() >= 2 && after[0] == 0x80 && after[1] & 0xfe == 0xa8 => {
                out.extend_from_slice(format!("\\u202{:x}", after[1] & 0xf).as_bytes());
                rest = &after[2..];
            }
            _ => out.push(byte),
        }
    }
    out.extend_from_slice(rest);
    out
}

/// What Go would write of what it read in `bytes`.
///
/// # Errors
/// Where Go would read nothing: the place and what is wrong there, continuing "the member ".
pub fn respelt(bytes: &[u8]) -> Result<Vec<u8>, (String, String)> {
    respelt_as(&read(bytes)?, bytes)
}

/// What Go would read.
///
/// # Errors
/// As [`respelt`].
pub fn read(bytes: &[u8]) -> Result<Value, (String, String)> {
    json::parse(bytes, Limits::METADATA).map_err(|error| ("document".into(), format!("is no JSON: {error}")))
}

/// [`respelt`] of `bytes` that were read as `document`.
///
/// # Errors
/// As [`respelt`].
pub fn respelt_as(document: &Value, bytes: &[u8]) -> Result<Vec<u8>, (String, String)> {
    let signed = member(document, "", "signed")?;
    let common =
        ["_type", "expires", "version"].map(|name| plain(signed, "signed", name).map(|value| (name.to_owned(), value)));
    let mut members: Rendered = common.into_iter().collect::<Result<_, _>>()?;
    let expires = text(signed, "signed", "expires")?;
    let time = time(&expires).ok_or_else(|| wrong("signed", "expires", "is no instant that Go reads"))?;
    members.insert("expires".into(), rendered(&time.into()));
    match text(signed, "signed", "_type")?.as_str() {
        "Root" => {
            let consistent = signed.member("consistent_snapshot").unwrap_or(&Value::Bool(false));
            members.insert("consistent_snapshot".into(), rendered(consistent));
            members.insert("keys".into(), keys(signed, "signed")?);
            let roles = each(signed, "signed", "roles", |place, role| signers(place, role).map(object))?;
            members.insert("roles".into(), roles);
        }
        "Targets" => {
            members.insert("targets".into(), files(signed, "targets", &Customs::of(signed, "targets", bytes).targets)?);
            members.insert("delegations".into(), delegations(signed)?);
        }
        "Snapshot" | "Timestamp" => {
            members.insert("meta".into(), files(signed, "meta", &Customs::of(signed, "meta", bytes).meta)?);
        }
        _ => return Err(wrong("signed", "_type", "is none of Root, Targets, Snapshot and Timestamp")),
    }
    if canonical(signed).iter().any(|byte| *byte < 0x20) {
        return Err(wrong("", "signed", "has a control character in its text, which the server cannot write"));
    }
    let signatures = match member(document, "", "signatures")? {
        Value::Array(signatures) => signatures,
        other => return Err(wrong("", "signatures", &format!("is {}, not a list", other.kind()))),
    };
    let signature = |signature: &Value| -> Result<Vec<u8>, Wrong> {
        let method = signature.member("method").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        Ok(object(Rendered::from([
            ("keyid".into(), plain(signature, "signatures", "keyid")?),
            ("method".into(), rendered(&method.into())),
            ("sig".into(), base64(signature, "signatures", "sig")?),
        ])))
    };
    let signatures = signatures.iter().map(signature).collect::<Result<Vec<_>, _>>()?;
    let mut out = b"{\"signed\":".to_vec();
    out.extend(object(members));
    out.extend_from_slice(b",\"signatures\":");
    out.extend(list(&signatures));
    out.push(b'}');
    Ok(out)
}

/// Members by name, each as it goes over the wire.
type Rendered = BTreeMap<String, Vec<u8>>;
type Wrong = (String, String);

fn wrong(place: &str, name: &str, why: &str) -> Wrong {
    let place = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    (place, why.to_owned())
}

fn rendered(value: &Value) -> Vec<u8> {
    escaped(&canonical(value))
}

fn object(members: Rendered) -> Vec<u8> {
    let members: Vec<Vec<u8>> =
        members.into_iter().map(|(name, value)| [&rendered(&name.into()), &b":"[..], &value].concat()).collect();
    [b"{", members.join(&b',').as_slice(), b"}"].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [b"[", items.join(&b',').as_slice(), b"]"].concat()
}

fn member<'a>(value: &'a Value, place: &str, name: &str) -> Result<&'a Value, Wrong> {
    value.member(name).ok_or_else(|| wrong(place, name, "is missing"))
}

fn text(value: &Value, place: &str, name: &str) -> Result<String, Wrong> {
    let value = member(value, place, name)?;
    value.as_str().map(str::to_owned).ok_or_else(|| wrong(place, name, &format!("is {}, not text", value.kind())))
}

/// A member as it is: text, or an integer that a float of 64 bits holds, as Go makes one of it on the way to a signature.
fn plain(value: &Value, place: &str, name: &str) -> Result<Vec<u8>, Wrong> {
    match member(value, place, name)? {
        Value::Int(number) if number.unsigned_abs() > 1 << 53 => Err(wrong(place, name, "is beyond 2^53")),
        value @ (Value::Int(_) | Value::Str(_)) => Ok(rendered(value)),
        other => Err(wrong(place, name, &format!("is {}", other.kind()))),
    }
}

fn base64(value: &Value, place: &str, name: &str) -> Result<Vec<u8>, Wrong> {
    let text = text(value, place, name)?;
    match base64::decode(&text) {
        Some(_) => Ok(rendered(&text.into())),
        None => Err(wrong(place, name, "is not base64 as Go writes it")),
    }
}

/// An object of objects, each written by `write`.
fn each(
    value: &Value,
    place: &str,
    name: &str,
    mut write: impl FnMut(&str, &Value) -> Result<Vec<u8>, Wrong>,
) -> Result<Vec<u8>, Wrong> {
    let found = member(value, place, name)?;
    let members =
        found.as_object().ok_or_else(|| wrong(place, name, &format!("is {}, not an object", found.kind())))?;
    let place = wrong(place, name, "").0;
    let write =
        |(name, value): (&String, &Value)| write(&wrong(&place, name, "").0, value).map(|value| (name.clone(), value));
    Ok(object(members.iter().map(write).collect::<Result<_, _>>()?))
}

fn keys(value: &Value, place: &str) -> Result<Vec<u8>, Wrong> {
    each(value, place, "keys", |place, key| {
        let keyval = member(key, place, "keyval")?;
        let inside = format!("{place}.keyval");
        let private = match keyval.member("private") {
            None | Some(Value::Null) => rendered(&Value::Null),
            Some(_) => base64(keyval, &inside, "private")?,
        };
        let keyval =
            Rendered::from([("private".into(), private), ("public".into(), base64(keyval, &inside, "public")?)]);
        Ok(object(Rendered::from([
            ("keytype".into(), plain(key, place, "keytype")?),
            ("keyval".into(), object(keyval)),
        ])))
    })
}

fn signers(place: &str, role: &Value) -> Result<Rendered, Wrong> {
    let keyids = member(role, place, "keyids")?;
    Ok(Rendered::from([("keyids".into(), rendered(keyids)), ("threshold".into(), plain(role, place, "threshold")?)]))
}

fn delegations(signed: &Value) -> Result<Vec<u8>, Wrong> {
    let place = "signed.delegations";
    let Some(delegations) = signed.member("delegations") else {
        return Ok(b"{\"keys\":null,\"roles\":null}".to_vec());
    };
    let Value::Array(roles) = member(delegations, place, "roles")? else {
        return Err(wrong(place, "roles", "is not a list"));
    };
    let role = |role: &Value| -> Result<Vec<u8>, Wrong> {
        let mut members = signers(place, role)?;
        members.insert("name".into(), plain(role, place, "name")?);
        if let Some(paths @ Value::Array(list)) = role.member("paths")
            && !list.is_empty()
        {
            members.insert("paths".into(), rendered(paths));
        }
        Ok(object(members))
    };
    let roles: Vec<Vec<u8>> = roles.iter().map(role).collect::<Result<_, _>>()?;
    Ok(object(Rendered::from([("keys".into(), keys(delegations, place)?), ("roles".into(), list(&roles))])))
}

fn files(signed: &Value, name: &str, customs: &BTreeMap<String, Custom>) -> Result<Vec<u8>, Wrong> {
    let under = format!("signed.{name}.");
    each(signed, "signed", name, |place, file| {
        let hashes = member(file, place, "hashes")?;
        let hashes_place = format!("{place}.hashes");
        let algorithms = hashes.as_object().ok_or_else(|| wrong(place, "hashes", "is not an object"))?;
        let hash = |algorithm: &String| base64(hashes, &hashes_place, algorithm).map(|hash| (algorithm.clone(), hash));
        let hashes: Rendered = algorithms.keys().map(hash).collect::<Result<_, _>>()?;
        let mut members =
            Rendered::from([("hashes".into(), object(hashes)), ("length".into(), plain(file, place, "length")?)]);
        let custom = customs.get(place.strip_prefix(&under).unwrap_or_default()).and_then(|file| file.custom.as_ref());
        if let Some(custom) = custom.filter(|custom| custom.get() != "null") {
            members.insert("custom".into(), compact(custom.get()));
        }
        Ok(object(members))
    })
}

/// The members that Go keeps as they were spelt.
#[derive(Default, Deserialize)]
struct Customs {
    #[serde(default)]
    targets: BTreeMap<String, Custom>,
    #[serde(default)]
    meta: BTreeMap<String, Custom>,
}

#[derive(Deserialize)]
struct Custom {
    custom: Option<Box<RawValue>>,
}

impl Customs {
    /// Those of `bytes`, which are read once more only where there is one.
    fn of(signed: &Value, name: &str, bytes: &[u8]) -> Self {
        let files = signed.member(name).and_then(Value::as_object);
        if files.is_none_or(|files| files.values().all(|file| file.member("custom").is_none())) {
            return Self::default();
        }
        #[derive(Default, Deserialize)]
        struct Whole {
            #[serde(default)]
            signed: Customs,
        }
        serde_json::from_slice::<Whole>(bytes).unwrap_or_default().signed
    }
}

/// JSON without the space around its values; its text stays as it was spelt, but for what Go escapes.
fn compact(json: &str) -> Vec<u8> {
    let (mut out, mut inside, mut after_backslash) = (String::new(), false, false);
    for letter in json.chars() {
        if !inside && letter.is_ascii_whitespace() {
            continue;
        }
        if letter == '"' && !after_backslash {
            inside = !inside;
        }
        after_backslash = inside && letter == '\\' && !after_backslash;
        out.push(letter);
    }
    escaped(out.as_bytes())
}

/// An instant as Go writes it again: no zeros at the end of a fraction of at most nine digits, `Z` for no offset.
fn time(text: &str) -> Option<String> {
    Utc::parse_rfc3339(text)?;
    let (local, rest) = text.split_at_checked(19)?;
    let shape = |(place, byte): (usize, u8)| match place {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (fraction, zone) = rest.split_at(zone_at);
    let digits = fraction.strip_prefix('.').unwrap_or_default();
    let fraction_ok = fraction.is_empty() || (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
    if !local.bytes().enumerate().all(shape) || !fraction_ok || &local[11..13] > "23" || &local[17..] > "59" {
        return None;
    }
    let digits = digits.trim_end_matches('0');
    let fraction = if digits.is_empty() { String::new() } else { format!(".{digits}") };
    let zone = if matches!(zone, "+00:00" | "-00:00") { "Z" } else { zone };
    Some(format!("{local}{fraction}{zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuf::{Dialect, KeyId};

    #[test]
    fn browsers_are_spared_in_the_envelope_and_not_in_what_is_signed() {
        let value = Value::from("a&<>\u{2028}\u{2029}\u{202a}é\\\"");
        let canonical = canonical(&value);
        assert_eq!(String::from_utf8_lossy(&canonical), "\"a&<>\u{2028}\u{2029}\u{202a}é\\\\\\\"\"");
        assert_eq!(
            String::from_utf8_lossy(&escaped(&canonical)),
            "\"a\\u0026\\u003c\\u003e\\u2028\\u2029\u{202a}é\\\\\\\"\""
        );
        assert_eq!(json::parse(&escaped(&canonical), Limits::METADATA), Ok(value));
        assert_eq!(escaped(b"\xe2\x80"), b"\xe2\x80", "the end of the bytes");
    }

    #[test]
    fn an_envelope_has_its_members_in_the_order_of_go_and_no_newline() {
        let mut signature = Signature::new(KeyId::from("ab"), "AA==");
        signature.extra.insert("method".into(), "ecdsa".into());
        let bytes = Dialect::Notary.envelope(b"{\"a\":\"<\"}", &[signature.clone(), signature]);
        let one = r#"{"keyid":"ab","method":"ecdsa","sig":"AA=="}"#;
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            format!(r#"{{"signed":{{"a":"\u003c"}},"signatures":[{one},{one}]}}"#)
        );
    }

    #[test]
    fn instants_are_written_again_as_go_writes_them() {
        for (read, written) in [
            ("2036-11-19T14:37:10.204006682Z", Some("2036-11-19T14:37:10.204006682Z")),
            ("2036-11-19T14:37:10Z", Some("2036-11-19T14:37:10Z")),
            ("2036-11-19T14:37:10+02:00", Some("2036-11-19T14:37:10+02:00")),
            ("2036-11-19T14:37:10+00:00", Some("2036-11-19T14:37:10Z")),
            ("2036-11-19T14:37:10.000Z", Some("2036-11-19T14:37:10Z")),
            ("2036-11-19T14:37:10.120Z", Some("2036-11-19T14:37:10.12Z")),
            ("2036-11-19T14:37:10.1234567891Z", None),
            ("2036-11-19T14:37:10z", None),
            ("2036-11-19 14:37:10Z", None),
            ("2036-11-19T14:37:10", None),
            ("2036-11-19T14:37:10.Z", None),
            ("2036-11-19T14:37:60Z", None),
            ("soon", None),
        ] {
            assert_eq!(time(read).as_deref(), written, "{read}");
        }
    }

    #[test]
    fn what_go_keeps_as_it_was_spelt_stays_so() {
        let file = |custom: &str| {
            let text = format!(
                r#"{{"signed":{{"_type":"Targets","delegations":{{"keys":{{}},"roles":[]}},"expires":"2036-01-01T00:00:00Z","targets":{{"a.b":{{{custom}"hashes":{{"sha256":"AA=="}},"length":1}}}},"version":1}},"signatures":[]}}"#
            );
            (respelt(text.as_bytes()).map(|bytes| String::from_utf8(bytes).expect("UTF-8")), text)
        };
        for same in ["", r#""custom":{"z":1,"a":"\u00e9\/"},"#, r#""custom":[" \" "],"#] {
            let (again, text) = file(same);
            assert_eq!(again, Ok(text));
        }
        for (custom, again) in [
            (r#""custom":null,"#, ""),
            (r#""custom":{"a": 1},"#, r#""custom":{"a":1},"#),
            (r#""custom":"<","#, r#""custom":"\u003c","#),
        ] {
            assert_eq!(file(custom).0, Ok(file(again).1));
        }
    }
}
