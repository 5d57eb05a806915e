//! The document as it travels. A server that holds the snapshot key hashes the document as *it* would write it, keeps the bytes
//! that it was sent, and clients ask for the hash: bytes that Go would not have written are never found again (notary 0.7.0,
//! `tuf/tuf.go`, `UpdateSnapshot`).

use crate::tuf::{
    canonical::{canonical, to_json},
    json::{Members, Value},
    signed::Signature,
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
    while let Some((&byte, after)) = rest.split_first() {
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
    out
}
