//! What a page tells whoever finds it, in words that need no other page.

use super::super::{Label, Opens, ROWS};

/// What a share is, for somebody who has never heard of any of this; a paragraph each.
pub(super) fn what_this_is(label: &Label) -> [String; 3] {
    let (needed, count) = (label.scheme.threshold(), label.scheme.count());
    let others = needed - 1;
    [
        format!(
            "This page is one of {count} parts of a secret. Any {needed} of the {count}, put together, open the backup of an \
             important signing key. Fewer than {needed} open nothing and tell nothing. Each part is kept by another person. Keep \
             this one secret and dry: do not copy, photograph or scan it, and give it to nobody outside of a ceremony."
        ),
        "If you found this page, or keep it and do not know what to do: please call the contact above. Tell them the set and the \
         number of the page, which are no secret, and nothing of the rows."
            .to_owned(),
        format!(
            "To open the backup people need {others} more page{} of set {} and the {}, which is kept on media and printed on sheets \
             of its own.",
            if others == 1 { "" } else { "s" },
            set(&label.set),
            match label.opens {
                Opens::SealedFile => "sealed file, an ordinary age file (age-encryption.org)",
                Opens::WrappedKey => "file of the wrapped key, a text that says so in its first line",
            }
        ),
    ]
}

/// How to use a share with the program and without it; a paragraph each.
pub(super) fn how_to_read(label: &Label) -> [String; 3] {
    let polynomial = "For each of the 32 places of y find the polynomial over GF(256) (x^8+x^4+x^3+x+1) of lowest degree through the points \
         (x, y) of all pages; its value at 0 is one byte of the";
    [
        "With the program: `officiant share read` checks this page alone, row by row, and shows nothing of it."
            .to_owned(),
        format!(
            "Without the program: the letters stand for numbers, 2345678CFHJMPRVX for 0 to 15. Two letters are one byte, the first \
             times 16 plus the second. The last group of each row is a check; leave it out. The {ROWS} rows give 64 bytes, counted from \
             0: byte 3 is x, bytes 28 to 59 are y."
        ),
        match label.opens {
            Opens::SealedFile => format!(
                "{polynomial} age identity. Write the 32 bytes in Bech32 with the prefix AGE-SECRET-KEY- in upper case; the program \
                 age opens the sealed file with it. RECOVERY.md has a short script for this."
            ),
            Opens::WrappedKey => format!(
                "{polynomial} key-encryption key, an AES-256 key. It unwraps the base64 of the file by RFC 5649: the program openssl \
                 does it with enc -d -id-aes256-wrap-pad -iv A65959A6. RECOVERY.md has a short script for this."
            ),
        },
    ]
}

/// A set id as people read it: groups of four digits.
pub(super) fn set(id: &str) -> String {
    grouped(id)
}

/// Hexadecimal digits in groups of four, upper case.
pub(super) fn grouped(hex: &str) -> String {
    let upper = hex.to_ascii_uppercase();
    let groups: Vec<String> = upper.chars().collect::<Vec<_>>().chunks(4).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

/// Only what every printer has: anything else becomes a question mark.
pub(super) fn ascii(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

/// Breaks a text into lines of at most `width` characters.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is one");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + 1 + word.len() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
