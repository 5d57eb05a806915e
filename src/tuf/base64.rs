//! Base64 of what is public, as metadata has it: the usual alphabet, padded, nothing around it, and no bits left over. Secrets are read
//! in constant time elsewhere ([`crate::keyfile`]).

use ::base64::{Engine as _, engine::general_purpose::STANDARD};

/// The text of some bytes.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of a text; `None` where it is not spelt as [`encode`] spells it.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64, Encoding as _};

    use super::*;

    #[test]
    fn it_takes_and_writes_what_the_one_for_secrets_does() {
        for length in 0..100u8 {
            let bytes: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(57)).collect();
            let text = encode(&bytes);
            assert_eq!(text, Base64::encode_string(&bytes));
            assert_eq!(decode(&text), Some(bytes));
        }
        let wrong =
            ["AA", "AA=", "AB==", "AAB=", "AA==\n", " AA==", "AA ==", "A===", "====", "AA==AA==", "A-==", "A_8=", "é"];
        for text in wrong {
            assert_eq!(decode(text), None, "{text}");
            assert!(Base64::decode_vec(text).is_err(), "{text}");
        }
    }
}
