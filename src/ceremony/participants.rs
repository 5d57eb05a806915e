//! Who is in the room, and what part each plays.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as it stands in the script.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                let fits = (1..=32).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
                if fits { Ok(Self(text)) } else {
                    Err(format!("“{}” is not a short name (1 to 32 of a-z, 0-9 and -)", crate::text::shown(&text)))
                }
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

names! {
    /// A person, by the short name that the script gives them.
    PersonId;
    /// A token, by the short name that the script gives it.
    Alias;
    /// A PKCS#11 module, by the short name that the script gives it.
    ModuleName;
}

/// A person's part in the ceremony. (*Role* is a word of TUF.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duty {
    /// Reads the script aloud and decides.
    Administrator,
    /// The only one at the keyboard, but for PINs and people's own confirmations.
    Operator,
    /// Holds a token with a root key.
    Officer,
    /// Holds a share of the backup.
    Custodian,
    /// Supplies the hidden words, writes times and exceptions on paper, touches nothing.
    Witness,
    /// Watches on behalf of others.
    Auditor,
    /// Keeps sealed SO-PINs and other spare secrets, and holds no token.
    Keeper,
    /// Brings inputs from online and takes the results back.
    Publisher,
}

impl Duty {
    /// The duty as a word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Operator => "operator",
            Self::Officer => "officer",
            Self::Custodian => "custodian",
            Self::Witness => "witness",
            Self::Auditor => "auditor",
            Self::Keeper => "keeper",
            Self::Publisher => "publisher",
        }
    }

    /// Whether one person with both duties would check themselves (`DUTY-SEPARATED`).
    pub fn clashes_with(self, other: Self) -> bool {
        let pair = (self.min(other), self.max(other));
        matches!(
            pair,
            (Self::Operator, Self::Officer | Self::Witness | Self::Custodian)
                | (Self::Administrator, Self::Witness)
                | (Self::Officer, Self::Witness | Self::Keeper)
                | (Self::Officer, Self::Auditor)
                | (Self::Operator, Self::Auditor)
        )
    }
}

/// One person of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The short name.
    pub id: PersonId,
    /// The name as people write it.
    pub name: String,
    /// At least one.
    pub duties: Vec<Duty>,
    /// Whom this person replaces if that one is absent.
    pub stands_in_for: Option<PersonId>,
}

impl Person {
    /// Whether the person has `duty`.
    pub fn is(&self, duty: Duty) -> bool {
        self.duties.contains(&duty)
    }

    /// `Ana Ruiz (officer)`.
    pub fn introduced(&self) -> String {
        let duties: Vec<_> = self.duties.iter().map(|duty| duty.word()).collect();
        format!("{} ({})", self.name, duties.join(", "))
    }
}
