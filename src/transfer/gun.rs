//! The name of a repository: Notary's globally unique name (GUN), such as `docker.io/library/alpine` or `localhost:5000/lab/app`.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Malformed;
use crate::text::{paints, percent_encoded, shown, shown_up_to};

/// The longest name, in bytes: what registries take.
pub const NAME_BYTES_MAX: usize = 255;

/// The longest folder name, in bytes: what file systems take.
pub const FOLDER_BYTES_MAX: usize = 255;

/// The name of one repository. Printable, without blanks, and safe as part of a URL and, encoded, as the name of a folder. A
/// TUF 1.0 repository, which has no name of its own, is given one by people.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gun(Arc<str>);

impl Gun {
    /// Reads a name.
    ///
    /// # Errors
    /// Where it is empty or too long, holds blanks, control or invisible characters or `*` (which no server takes), has a
    /// segment that is empty, `.`, `..` or `_trust` (which would be another address), or is too long for a folder.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let wrong = |what: &str| {
            Err(Malformed::whole(format!("\"{}\" is not the name of a repository: {what}", shown_up_to(text, 60))))
        };
        if text.is_empty() || text.len() > NAME_BYTES_MAX {
            return wrong("a name has 1 to 255 bytes");
        }
        if text.chars().any(|c| c.is_whitespace() || paints(c)) {
            return wrong("it holds a blank or a character that cannot be seen");
        }
        if text.contains('*') {
            return wrong("a name stands for one repository, without `*`");
        }
        if text.split('/').any(|segment| matches!(segment, "" | "." | ".." | "_trust")) {
            return wrong("no part between slashes may be empty, `.`, `..` or `_trust`");
        }
        let gun = Self(text.into());
        if gun.folder_name().len() > FOLDER_BYTES_MAX {
            return wrong("written as the name of a folder it has more than 255 bytes");
        }
        Ok(gun)
    }

    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its folder: each byte outside `A-Z a-z 0-9 . _ -` is `%` and two upper-case hexadecimal digits.
    pub fn folder_name(&self) -> String {
        percent_encoded(&self.0, b"._-")
    }

    /// The name whose folder is called `folder`: the exact inverse of [`Gun::folder_name`].
    ///
    /// # Errors
    /// Where no name has such a folder: other escapes than those that are needed, or what [`Gun::parse`] refuses.
    pub fn from_folder_name(folder: &str) -> Result<Self, Malformed> {
        let wrong = || Malformed::whole(format!("\"{}\" is not the name of a repository's folder", shown(folder)));
        let mut bytes = Vec::with_capacity(folder.len());
        let mut rest = folder.as_bytes();
        while let Some((&first, after)) = rest.split_first() {
            rest = after;
            if first == b'%' {
                let (escaped, after) = rest.split_at_checked(2).ok_or_else(wrong)?;
                let escaped = std::str::from_utf8(escaped).ok().and_then(crate::digest::from_hex).ok_or_else(wrong)?;
                bytes.extend_from_slice(&escaped);
                rest = after;
            } else {
                bytes.push(first);
            }
        }
        let gun = Self::parse(&String::from_utf8(bytes).map_err(|_| wrong())?)?;
        // Lower-case digits and escapes that nothing asks for would be a second folder of one repository.
        if gun.folder_name() == folder { Ok(gun) } else { Err(wrong()) }
    }
}

/// For people.
impl fmt::Display for Gun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl fmt::Debug for Gun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Gun {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Gun {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_its_folder_go_both_ways() {
        for (name, folder) in [
            ("docker.io/library/alpine", "docker.io%2Flibrary%2Falpine"),
            ("localhost:5000/lab/stock", "localhost%3A5000%2Flab%2Fstock"),
            ("a%2Fb", "a%252Fb"),
            ("ü/~x+y", "%C3%BC%2F%7Ex%2By"),
            ("...", "..."),
        ] {
            let gun = Gun::parse(name).expect(name);
            assert_eq!(gun.folder_name(), folder);
            assert_eq!(Gun::from_folder_name(folder), Ok(gun));
        }
    }

    #[test]
    fn what_could_be_another_address_or_another_folder_is_no_name() {
        let long = "a".repeat(256);
        let too_long_as_folder = "ü".repeat(60);
        let names =
            ["", ".", "..", "a/../b", "/a", "a/", "a//b", "a/./b", "a b", "a\nb", "a\u{202e}b", "a/*", "a/_trust/b"];
        for name in names.into_iter().chain([long.as_str(), too_long_as_folder.as_str()]) {
            assert!(Gun::parse(name).is_err(), "{name:?}");
        }
        for folder in ["", ".", "..", "a%2fb", "a%", "a%2", "a%zz", "%61", "a/b", "a%FF", "%2E%2E"] {
            assert!(Gun::from_folder_name(folder).is_err(), "{folder:?}");
        }
        assert!(Gun::parse(&"a".repeat(255)).is_ok());
    }

    #[test]
    fn names_in_json_are_held_to_the_same_form() {
        let gun: Gun = serde_json::from_str("\"a/b\"").expect("a name");
        assert_eq!(serde_json::to_string(&gun).expect("text"), "\"a/b\"");
        assert!(serde_json::from_str::<Gun>("\"a/../b\"").is_err());
    }
}
