//! What a token says of itself and of its keys, as plain facts without any device behind them, and the rules over those
//! facts. The transcript records facts; tokens are only where they come from.

use serde::{Deserialize, Serialize};

pub mod attestation;
pub mod probe;
pub mod yubikey;

pub use crate::fault::Tries;
use crate::{
    digest::Digest,
    rules::{Passed, Refusal, Rule},
    text::shown,
};

/// The PKCS#11 module through which a token is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleIdentity {
    /// The file that was loaded, symbolic links resolved.
    pub path: String,
    /// The SHA-256 of that file.
    pub sha256: Digest,
    /// `manufacturerID` of C_GetInfo.
    pub manufacturer: String,
    /// `libraryDescription` of C_GetInfo.
    pub description: String,
    /// `libraryVersion` of C_GetInfo, as `2.6`.
    pub version: String,
}

/// A token as it identifies itself. It is told from others by label *and* serial, never by its slot. All text is from
/// outside: show it through [`shown`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenIdentity {
    /// How it is reached.
    pub module: ModuleIdentity,
    /// Its label; empty on most tokens before they are initialised.
    pub label: String,
    /// Its serial. Some modules give the same one to every token ([`TokenIdentity::serial_tells`]).
    pub serial: String,
    /// Who made it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Firmware version, as `5.7`.
    pub firmware: String,
    /// Whether it was initialised.
    pub initialised: bool,
    /// Whether it has its own PIN pad, so that no PIN passes this machine.
    pub pin_pad: bool,
    /// Whether it types a one-time password into whatever has the keyboard when it is touched and does not blink: the OTP interface of
    /// a YubiKey.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub types: bool,
    /// Why it is known to be a software token; `None` where nothing says so, which proves nothing.
    pub software: Option<String>,
}

impl TokenIdentity {
    /// Whether the serial tells this token from others: not blank, not only zeros, not the constant `123` of openCryptoki.
    pub fn serial_tells(&self) -> bool {
        !self.serial.chars().all(|c| c == '0') && self.serial != "123"
    }

    /// Whether it is driven natively, and not through a PKCS#11 module: a YubiKey. It has no label.
    pub fn is_native_yubikey(&self) -> bool {
        self.module.path == yubikey::NATIVE
    }

    /// What a person types to name this very token: its serial, or its label where the serial does not tell.
    pub fn told_by(&self) -> &str {
        if self.serial_tells() { &self.serial } else { &self.label }
    }

    /// `token "root-a" (serial 5f1a…)`, fit to be shown.
    pub fn name(&self) -> String {
        if self.is_native_yubikey() {
            return format!("YubiKey {}", shown(&self.serial));
        }
        match (self.label.as_str(), self.serial.as_str()) {
            ("", "") => "the blank token".to_owned(),
            ("", serial) => format!("token without label (serial {})", shown(serial)),
            (label, "") => format!("token \"{}\" (no serial)", shown(label)),
            (label, serial) => format!("token \"{}\" (serial {})", shown(label), shown(serial)),
        }
    }
}

/// What a script pins of a hardware token's make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedMake {
    /// The SHA-256 of the module's file.
    pub module_sha256: Digest,
    /// The token's model, exactly as it says.
    pub model: String,
}

/// `TOKEN-IS-HARDWARE`, for production: the module is the one that the script pins, so is the model, and the token is no known
/// software token. What passes is *claimed* by the module, not attested.
///
/// # Errors
/// The refusal.
pub fn is_hardware(token: &TokenIdentity, pinned: &PinnedMake) -> Result<Passed, Refusal> {
    let no = |what: String, remedy: &str| Err(Refusal::new(Rule::TokenIsHardware, what, remedy));
    if let Some(why) = &token.software {
        return no(
            format!("{} is a software token: {why}.", token.name()),
            "Use a hardware token; software tokens are for `officiant rehearse`.",
        );
    }
    if token.module.sha256 != pinned.module_sha256 {
        return no(
            format!(
                "The module {} has SHA-256 {}, and the script pins {}.",
                shown(&token.module.path),
                token.module.sha256,
                pinned.module_sha256
            ),
            "Find out why the module differs; where it was meant to change, change the script and rehearse again.",
        );
    }
    if token.model != pinned.model {
        return no(
            format!(
                "{} is of model \"{}\", and the script pins \"{}\".",
                token.name(),
                shown(&token.model),
                shown(&pinned.model)
            ),
            "Take the token that the script names.",
        );
    }
    Ok(Passed::new(
        Rule::TokenIsHardware,
        format!("claimed: model \"{}\" through module SHA-256 {}", shown(&token.model), token.module.sha256),
    ))
}

/// The state of one PIN of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinState {
    /// Whether it was set; `None` where the token does not tell (PKCS#11 has no flag for the SO-PIN).
    pub set: Option<bool>,
    /// What the token tells of the tries that are left.
    pub tries: Tries,
    /// Whether it is a first PIN that must be changed before use.
    pub must_change: bool,
    /// The shortest that the token takes, in bytes.
    pub min: usize,
    /// The longest, in bytes; `None` where the token sets no limit.
    pub max: Option<usize>,
}

/// Both PINs of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinStates {
    /// The user PIN.
    pub user: PinState,
    /// The SO-PIN.
    pub so: PinState,
}

/// Attributes of a private key as its token reads them back. `None` is *absent*: the token has no such attribute, which is
/// recorded as such and proves neither yes nor no. They are what the token says, not proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttributes {
    /// CKA_TOKEN: it stays when the session ends.
    pub token: Option<bool>,
    /// CKA_PRIVATE: only seen after login.
    pub private: Option<bool>,
    /// CKA_SENSITIVE: its value cannot be read.
    pub sensitive: Option<bool>,
    /// CKA_EXTRACTABLE: it can be wrapped out.
    pub extractable: Option<bool>,
    /// CKA_ALWAYS_SENSITIVE.
    pub always_sensitive: Option<bool>,
    /// CKA_NEVER_EXTRACTABLE.
    pub never_extractable: Option<bool>,
    /// CKA_LOCAL: it was generated on the token. NSS says no of keys that it generated.
    pub local: Option<bool>,
    /// CKA_SIGN.
    pub sign: Option<bool>,
    /// CKA_DECRYPT.
    pub decrypt: Option<bool>,
    /// CKA_UNWRAP.
    pub unwrap: Option<bool>,
    /// CKA_DERIVE.
    pub derive: Option<bool>,
    /// CKA_ALWAYS_AUTHENTICATE: the PIN is wanted for each signature.
    pub always_authenticate: Option<bool>,
}

/// `KEY-NOT-EXTRACTABLE`, over the attributes of a key that was just generated: it stays on the token, is sensitive and not
/// extractable, as the token reads them back, and never was otherwise as far as the token tells.
///
/// # Errors
/// The refusal, naming the attribute.
pub fn not_extractable(attributes: &KeyAttributes) -> Result<Passed, Refusal> {
    let stays = read_back("CKA_TOKEN", attributes.token, true, Presence::Wanted)?;
    let inside = stays_inside(attributes)?;
    Ok(Passed::new(Rule::KeyNotExtractable, format!("{stays}, {}", inside.seen)))
}

/// The same for a key that came from a file: it stays on the token, is sensitive and not extractable from now on. What it was before
/// no token can know, and whatever CKA_LOCAL, CKA_ALWAYS_SENSITIVE and CKA_NEVER_EXTRACTABLE read, they are only told.
///
/// # Errors
/// The refusal, naming the attribute.
pub fn brought_in(attributes: &KeyAttributes) -> Result<Passed, Refusal> {
    let told = |name: &str, value: Option<bool>| {
        format!("{name} {}", value.map_or("absent".to_owned(), |value| value.to_string()))
    };
    let seen = [
        read_back("CKA_TOKEN", attributes.token, true, Presence::Wanted)?,
        read_back("CKA_SENSITIVE", attributes.sensitive, true, Presence::Wanted)?,
        read_back("CKA_EXTRACTABLE", attributes.extractable, false, Presence::Wanted)?,
        told("CKA_LOCAL", attributes.local),
        told("CKA_NEVER_EXTRACTABLE", attributes.never_extractable),
    ];
    Ok(Passed::new(Rule::KeyNotExtractable, format!("imported, so only from now on: {}", seen.join(", "))))
}

/// The same for a key that need not outlive its session.
///
/// # Errors
/// The refusal, naming the attribute.
pub fn stays_inside(attributes: &KeyAttributes) -> Result<Passed, Refusal> {
    let seen = [
        read_back("CKA_SENSITIVE", attributes.sensitive, true, Presence::Wanted)?,
        read_back("CKA_EXTRACTABLE", attributes.extractable, false, Presence::Wanted)?,
        read_back("CKA_ALWAYS_SENSITIVE", attributes.always_sensitive, true, Presence::Optional)?,
        read_back("CKA_NEVER_EXTRACTABLE", attributes.never_extractable, true, Presence::Optional)?,
    ];
    Ok(Passed::new(Rule::KeyNotExtractable, seen.join(", ")))
}

enum Presence {
    Wanted,
    Optional,
}

fn read_back(name: &str, value: Option<bool>, right: bool, presence: Presence) -> Result<String, Refusal> {
    let read = value.map_or("absent".to_owned(), |value| value.to_string());
    let good = value.map_or(matches!(presence, Presence::Optional), |value| value == right);
    if !good {
        return Err(Refusal::new(
            Rule::KeyNotExtractable,
            format!("{name} of the new key reads back as {read}, and {right} was asked for."),
            "This token does not keep its keys to itself. Use another token.",
        ));
    }
    Ok(format!("{name} {read}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> TokenIdentity {
        TokenIdentity {
            module: ModuleIdentity {
                path: "/usr/lib/hsm.so".into(),
                sha256: Digest::of(b"module"),
                manufacturer: "Maker".into(),
                description: "HSM".into(),
                version: "1.0".into(),
            },
            label: "root-a".into(),
            serial: "5f1a".into(),
            manufacturer: "Maker".into(),
            model: "HSM 2".into(),
            firmware: "1.0".into(),
            initialised: true,
            pin_pad: false,
            types: false,
            software: None,
        }
    }

    #[test]
    fn only_the_pinned_make_counts_as_hardware_and_no_software_token_does() {
        let pinned = PinnedMake { module_sha256: Digest::of(b"module"), model: "HSM 2".into() };
        assert!(is_hardware(&token(), &pinned).is_ok());
        let other_module = PinnedMake { module_sha256: Digest::of(b"other"), ..pinned.clone() };
        assert!(is_hardware(&token(), &other_module).is_err());
        assert!(is_hardware(&token(), &PinnedMake { model: "HSM 3".into(), ..pinned.clone() }).is_err());
        let soft = TokenIdentity { software: Some("SoftHSM".into()), ..token() };
        assert_eq!(is_hardware(&soft, &pinned).unwrap_err().rule, Rule::TokenIsHardware);
    }

    #[test]
    fn blank_zero_and_constant_serials_do_not_tell_tokens_apart() {
        for (serial, tells) in [("", false), ("0000000000000000", false), ("123", false), ("5f1a", true)] {
            assert_eq!(TokenIdentity { serial: serial.into(), ..token() }.serial_tells(), tells, "{serial}");
        }
    }

    #[test]
    fn an_imported_key_is_only_asked_what_it_is_now_and_is_called_imported() {
        let good = KeyAttributes {
            token: Some(true),
            sensitive: Some(true),
            extractable: Some(false),
            local: Some(false),
            never_extractable: Some(false),
            ..KeyAttributes::default()
        };
        assert!(not_extractable(&good).is_err());
        let seen = brought_in(&good).unwrap().seen;
        assert!(seen.starts_with("imported") && seen.contains("CKA_LOCAL false"), "{seen}");
        for bad in [
            KeyAttributes { extractable: Some(true), ..good },
            KeyAttributes { sensitive: None, ..good },
            KeyAttributes { token: Some(false), ..good },
        ] {
            assert_eq!(brought_in(&bad).unwrap_err().rule, Rule::KeyNotExtractable);
        }
    }

    #[test]
    fn a_key_counts_only_when_it_reads_back_as_sensitive_and_not_extractable_and_absent_is_said() {
        let good = KeyAttributes {
            token: Some(true),
            sensitive: Some(true),
            extractable: Some(false),
            ..KeyAttributes::default()
        };
        assert!(not_extractable(&good).unwrap().seen.ends_with("CKA_NEVER_EXTRACTABLE absent"));
        for bad in [
            KeyAttributes { extractable: Some(true), ..good },
            KeyAttributes { extractable: None, ..good },
            KeyAttributes { sensitive: Some(false), ..good },
            KeyAttributes { token: Some(false), ..good },
            KeyAttributes { never_extractable: Some(false), ..good },
            KeyAttributes { always_sensitive: Some(false), ..good },
        ] {
            assert_eq!(not_extractable(&bad).unwrap_err().rule, Rule::KeyNotExtractable);
        }
    }
}
