//! Payloads of every size that look like what crosses.

/// Something like TUF metadata of about `size` bytes: indented JSON of which half is hexadecimal of digests and keys.
pub fn metadata(size: usize) -> Vec<u8> {
    let mut text =
        String::from("{\n \"signatures\": [],\n \"signed\": {\n  \"_type\": \"targets\",\n  \"targets\": {\n");
    for number in 0.. {
        let sha256 = officiant::digest::Digest::of(format!("target {number}").as_bytes());
        text.push_str(&format!(
            "   \"releases/officiant-{number}.tar.gz\": {{\n    \"hashes\": {{\n     \"sha256\": \"{sha256}\"\n    }},\n    \"length\": {}\n   }},\n",
            1000 + number * 37
        ));
        if text.len() + 40 >= size {
            break;
        }
    }
    text.push_str("   \"last\": {}\n  }\n }\n}\n");
    text.into_bytes()
}
