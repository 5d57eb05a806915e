//! Text that came from outside and is shown to people: names in metadata, labels on tokens, words of a script.
//!
//! Such text must not be able to paint the screen, reorder a line or hide in it. Letters of every language stay as they are. And text
//! that becomes part of a URI or of a file's name, where no byte may mean anything.

/// `text` with each control, bidirectional-formatting and invisible character written out as `\u{…}`, cut after `max`
/// characters with `…`.
pub fn shown_up_to(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for (count, character) in text.chars().enumerate() {
        if count == max {
            out.push('…');
            break;
        }
        if paints(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// The longest text from outside that is shown in one place, in characters.
pub const SHOWN_MAX: usize = 300;

/// [`shown_up_to`] with [`SHOWN_MAX`].
pub fn shown(text: &str) -> String {
    shown_up_to(text, SHOWN_MAX)
}

/// `text` with each byte but ASCII letters, digits and those of `plain` as `%` and two upper-case hexadecimal digits (RFC 3986,
/// section 2.1).
pub fn percent_encoded(text: &str, plain: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len() + 8);
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', char::from(DIGITS[usize::from(byte >> 4)]), char::from(DIGITS[usize::from(byte & 15)])]);
        }
    }
    out
}

/// Whether a character could move the cursor, change direction or hide: control characters, bidirectional formatting,
/// zero-width and other invisible characters, line and paragraph separators, tags, variation selectors, private use.
pub fn paints(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_letters_and_nothing_paints() {
        assert_eq!(shown("Zoë Ångström 日本 Ñandú"), "Zoë Ångström 日本 Ñandú");
        assert_eq!(shown("a\u{1b}[31mred\u{202e}x\u{200b}\n"), "a\\u{1b}[31mred\\u{202e}x\\u{200b}\\u{a}");
        assert_eq!(shown_up_to("abcdef", 3), "abc…");
        assert_eq!(shown_up_to("abc", 3), "abc");
    }
}
