//! Canonical JSON, the bytes that are signed and hashed (TUF 1.0.34, section 4.1; the form that OLPC described).
//!
//! Not RFC 8785: only `\` and `"` are escaped, so a newline inside text stays a newline and the result may not be JSON.

use super::json::Value;

/// The canonical form of `value`: no space, members in the order of their code points, integers in decimal.
pub fn canonical(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

/// JSON that reads back as the value whose canonical form is `canonical`: the same bytes with their control characters
/// escaped. Outside text the canonical form has none.
pub fn to_json(canonical: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(canonical.len() + 64);
    let mut rest = canonical;
    while let Some(place) = rest.iter().position(|byte| *byte < 0x20) {
        out.extend_from_slice(&rest[..place]);
        match rest[place] {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = &rest[place + 1..];
    }
    out.extend_from_slice(rest);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Str(text) => write_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            // The order of UTF-8 bytes, which the map has, is the order of code points.
            for (index, (name, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_text(name, out);
                out.push(b':');
                write(member, out);
            }
            out.push(b'}');
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(place) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        out.extend_from_slice(&rest[..place]);
        out.extend([b'\\', rest[place]]);
        rest = &rest[place + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuf::json::{Limits, parse};

    #[test]
    fn the_canonical_form_escapes_two_characters_and_sorts_by_code_point() {
        let text = r#"{ "b": [1, -2, true, null], "a": "\"\\\/\n\u0000é", "😀": 1, "￿": 2 }"#;
        let value = parse(text.as_bytes(), Limits::METADATA).expect("JSON");
        let bytes = canonical(&value);
        assert_eq!(
            String::from_utf8(bytes.clone()).expect("UTF-8"),
            "{\"a\":\"\\\"\\\\/\n\0é\",\"b\":[1,-2,true,null],\"￿\":2,\"😀\":1}"
        );
        assert_eq!(parse(&to_json(&bytes), Limits::METADATA), Ok(value));
    }
}
