//! Bytewords in their minimal form (BCR-2020-012): two letters a byte, the first and the last of a word of four, and a CRC-32 of the
//! bytes at the end.

use super::crc::crc32;

/// First and last letter of each of the 256 words, in the order of the published list.
const PAIRS: &[u8; 512] = b"\
    aeadaoaxaaahamatayasbkbdbnbtbabsbebybgbwbbbzcmchcscfcycwcecackct\
    cxclcpcndkdadsdidedtdrdndwdpdmdldyeheyeoeeecenemetesftfrfnfsfmfh\
    fzfpfwfxfyfefgflfdgagegrgsgtglgwgdgygmgughgohfhghdhkhthphhhlhyhe\
    hnhsidiaieihiyioisinimjejzjnjtjljojsjpjkjykpkoktkskkknkgkekikblb\
    lalylflslrlplnltloldlelulklgmnmymhmemomumwmdmtmsmknlnyndnsntnnne\
    nboyoeotoxonolospdptpkpypspmplpepfpaprqdqzrerprlrorhrdrkrfryrnrs\
    rtsesasrssskswstspsosgsbsfsntotktitttdtetytltbtstptatnuyuoutueur\
    vtvyvovlvevwvavdvswlwdwmwpwewywswtwnwzwfwkykynylyaytzszoztzczezm";

/// Not written by [`encode`]: another letter, half a pair, or a checksum that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misread;

/// `bytes` and their CRC-32 as lower-case letters.
pub fn encode(bytes: &[u8]) -> String {
    let check = crc32(bytes).to_be_bytes();
    let mut text = String::with_capacity((bytes.len() + check.len()) * 2);
    for byte in bytes.iter().chain(&check) {
        let at = usize::from(*byte) * 2;
        text.push(char::from(PAIRS[at]));
        text.push(char::from(PAIRS[at + 1]));
    }
    text
}

/// The bytes of lower-case letters.
///
/// # Errors
/// [`Misread`].
pub fn decode(text: &str) -> Result<Vec<u8>, Misread> {
    let letters = text.as_bytes();
    if letters.len() < 8 || !letters.len().is_multiple_of(2) {
        return Err(Misread);
    }
    let mut bytes = Vec::with_capacity(letters.len() / 2);
    for pair in letters.chunks_exact(2) {
        bytes.push(byte_of(pair[0], pair[1]).ok_or(Misread)?);
    }
    let check = bytes.split_off(bytes.len() - 4);
    if crc32(&bytes).to_be_bytes() != check.as_slice() { Err(Misread) } else { Ok(bytes) }
}

fn byte_of(first: u8, last: u8) -> Option<u8> {
    // The list is sorted by its first letters; the last of them is that of the word.
    let words = PAIRS.chunks_exact(2);
    let at = words.into_iter().position(|pair| pair == [first, last])?;
    u8::try_from(at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_the_published_paper() {
        // BCR-2020-012 prints this body; its checksum there is of an earlier draft, the letters of the body are these.
        let body = crate::digest::from_hex("d9012ca20150c7098580125e2ab0981253468b2dbc5202d8641947da").unwrap();
        let letters = encode(&body);
        assert_eq!(&letters[..letters.len() - 8], "taaddwoeadgdstaslplabghydrpfmkbggufgludprfgmaotpiecffltn");
        assert_eq!(decode(&letters), Ok(body));
    }

    #[test]
    fn every_byte_has_its_own_pair_and_a_wrong_letter_is_found() {
        let all: Vec<u8> = (0..=255).collect();
        let letters = encode(&all);
        assert_eq!(decode(&letters), Ok(all));
        for wrong in [
            letters.replacen('a', "z", 1),
            letters[..letters.len() - 1].to_owned(),
            letters[2..].to_owned(),
            letters.to_uppercase(),
            "xx".repeat(9),
            "é".repeat(8),
            String::new(),
        ] {
            assert_eq!(decode(&wrong), Err(Misread), "{wrong}");
        }
    }
}
