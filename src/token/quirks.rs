//! Every difference between PKCS#11 modules that this program knows of: one row a module. Code elsewhere asks a row; it never
//! names a module.

use crate::device::{TokenIdentity, attestation::Roots};

/// What is known of a family of modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quirks {
    /// What people call it.
    pub name: &'static str,
    /// How its file names begin.
    file_names: &'static [&'static str],
    /// Lower-case words, one of which is in what the module or its token says of manufacturer, description or model.
    words: &'static [&'static str],
    /// Whether its tokens are software.
    pub software: bool,
    /// Whether no number of wrong PINs locks it: "tries left" means nothing.
    pub never_locks: bool,
    /// Whether its PIN flags are no help (never raised, or raised for ever).
    pub flags_say_nothing: bool,
    /// Whether it makes no keys that end with the session, so that a probe has to make and destroy ones that stay.
    pub only_token_keys: bool,
    /// Whether it takes no private key from outside in any way.
    pub takes_no_keys: bool,
    /// What an operator should know, as sentences.
    pub notes: &'static [&'static str],
}

/// The row for a module that is not listed.
pub const UNKNOWN: Quirks = Quirks {
    name: "unknown module",
    file_names: &[],
    words: &[],
    software: false,
    never_locks: false,
    flags_say_nothing: false,
    only_token_keys: false,
    takes_no_keys: false,
    notes: &[],
};

/// The rows, first match first.
pub const ROWS: &[Quirks] = &[
    Quirks {
        name: "SoftHSM",
        file_names: &["libsofthsm"],
        words: &["softhsm"],
        software: true,
        never_locks: true,
        flags_say_nothing: true,
        only_token_keys: false,
        takes_no_keys: false,
        notes: &[
            "Never locks a PIN; the low flag stays up until the next good login.",
            "Cannot wrap or unwrap Ed25519 keys.",
            "Signs plain Ed25519 where Ed25519ph is asked for.",
            "Always shows one more, uninitialised token.",
            "Only one process may use a token directory.",
        ],
    },
    Quirks {
        name: "kryoptic",
        file_names: &["libkryoptic"],
        words: &["kryoptic"],
        software: true,
        never_locks: false,
        flags_say_nothing: false,
        only_token_keys: false,
        takes_no_keys: false,
        notes: &[
            "Lets the user make a CKA_TRUSTED key: trusted wrapping keys prove nothing.",
            "The locked flag stays up after unblocking, until the next good login.",
            "Goes on signing after its file was removed.",
            "Only one process may use a token file.",
        ],
    },
    Quirks {
        name: "NSS softokn",
        file_names: &["libsoftokn"],
        words: &["nss ", "mozilla", "network security services"],
        software: true,
        never_locks: true,
        flags_say_nothing: true,
        only_token_keys: false,
        takes_no_keys: false,
        notes: &[
            "Wraps keys that are not extractable.",
            "Imports no Ed25519 key.",
            "Says CKA_LOCAL false of keys that it generated.",
            "Keeps one object for each CKA_ID.",
        ],
    },
    Quirks {
        name: "openCryptoki soft token",
        file_names: &["libpkcs11_sw", "pkcs11_sw"],
        words: &["ibm softtok", "ibm pkcs#11 soft token"],
        software: true,
        never_locks: false,
        flags_say_nothing: false,
        only_token_keys: false,
        takes_no_keys: false,
        notes: &[
            "Gives every token the serial 123.",
            "A login on one slot counts for the others.",
            "Ignores CKA_SENSITIVE and CKA_EXTRACTABLE in an unwrap template.",
            "Says CKA_ALWAYS_SENSITIVE of keys that were brought in; takes P-256 keys and cannot sign with them.",
            "Wants its factory SO-PIN to be initialised; change it at once.",
            "Can crash when a second slot is initialised by the same process.",
        ],
    },
    Quirks {
        name: "openCryptoki",
        file_names: &["libopencryptoki", "pkcs11_api"],
        words: &["opencryptoki"],
        software: false,
        never_locks: false,
        flags_say_nothing: false,
        only_token_keys: false,
        takes_no_keys: false,
        notes: &["Gives every token the serial 123.", "A login on one slot counts for the others."],
    },
    Quirks {
        name: "TPM simulator",
        file_names: &[],
        words: &["sw   tpm", "sw tpm", "swtpm"],
        software: true,
        never_locks: false,
        flags_say_nothing: true,
        only_token_keys: true,
        takes_no_keys: true,
        notes: &[],
    },
    Quirks {
        name: "tpm2-pkcs11",
        file_names: &["libtpm2_pkcs11"],
        words: &["tpm2 pkcs", "tpm2.0 cryptoki", "tpm2-pkcs11"],
        software: false,
        never_locks: false,
        flags_say_nothing: true,
        only_token_keys: true,
        takes_no_keys: true,
        notes: &[
            "A locked PIN locks the whole TPM, the SO-PIN and other tokens too.",
            "Gives every token the same serial.",
            "Has no Ed25519 and imports no keys.",
        ],
    },
    Quirks {
        name: "proxy for other modules",
        file_names: &["p11-kit-proxy", "libp11-kit", "p11-kit"],
        words: &["p11-kit"],
        software: true,
        never_locks: false,
        flags_say_nothing: true,
        only_token_keys: false,
        takes_no_keys: false,
        notes: &["Hides the module behind it: name that module by its path."],
    },
    Quirks {
        name: "desktop key store",
        file_names: &["gnome-keyring"],
        words: &["gnome keyring", "gnome2 key storage"],
        software: true,
        never_locks: true,
        flags_say_nothing: true,
        only_token_keys: false,
        takes_no_keys: false,
        notes: &[],
    },
    Quirks {
        name: "HSM simulator",
        file_names: &["libpkcs11-mock", "pkcs11-mock", "bouncyhsm", "libcs_pkcs11_sim"],
        words: &["simulator", "emulator", "mock", "bouncyhsm", "virtual hsm", "software token", "soft token"],
        software: true,
        never_locks: false,
        flags_say_nothing: false,
        only_token_keys: false,
        takes_no_keys: false,
        notes: &[],
    },
];

/// The row for a token, by the file name of its module and by what module and token say of themselves.
pub fn of(token: &TokenIdentity) -> &'static Quirks {
    let path = &token.module.path;
    let file = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let said = format!(
        "{}\n{}\n{}\n{}\n",
        token.module.manufacturer, token.module.description, token.manufacturer, token.model
    )
    .to_lowercase();
    let matches = |row: &&Quirks| {
        row.file_names.iter().any(|name| file.starts_with(name)) || row.words.iter().any(|word| said.contains(word))
    };
    ROWS.iter().find(matches).unwrap_or(&UNKNOWN)
}

/// What this program trusts of its environment, as a value: the shipped program has only [`Trust::shipped`], a test may
/// inject another.
#[derive(Clone, Copy, Debug)]
pub struct Trust {
    software: fn(&TokenIdentity) -> Option<String>,
    attestation: fn() -> Roots,
}

impl Trust {
    /// The real one.
    pub const fn shipped() -> Self {
        Self { software: known_software, attestation: Roots::yubico }
    }

    /// Another one, for a test program that goes through production with software tokens. No shipped program calls it.
    pub const fn injected(software: fn(&TokenIdentity) -> Option<String>) -> Self {
        Self { software, attestation: Roots::yubico }
    }

    /// The same, with other roots under which keys are attested. For a test program too.
    #[must_use]
    pub const fn with_injected_roots(self, attestation: fn() -> Roots) -> Self {
        Self { attestation, ..self }
    }

    /// The roots under which keys of YubiKeys are attested.
    pub fn roots(&self) -> Roots {
        (self.attestation)()
    }

    /// Why `token` is known to be software.
    pub fn software(&self, token: &TokenIdentity) -> Option<String> {
        (self.software)(token)
    }
}

fn known_software(token: &TokenIdentity) -> Option<String> {
    let row = of(token);
    row.software.then(|| format!("its module or its name is that of {}", row.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{device::ModuleIdentity, digest::Digest};

    fn token(path: &str, description: &str, manufacturer: &str, model: &str) -> TokenIdentity {
        TokenIdentity {
            module: ModuleIdentity {
                path: path.into(),
                sha256: Digest::of(b""),
                manufacturer: String::new(),
                description: description.into(),
                version: "1.0".into(),
            },
            label: "root-a".into(),
            serial: "5f1a".into(),
            manufacturer: manufacturer.into(),
            model: model.into(),
            firmware: "1.0".into(),
            initialised: true,
            pin_pad: false,
            types: false,
            software: None,
        }
    }

    #[test]
    fn a_software_token_is_known_by_its_file_or_by_what_it_says_however_it_is_named() {
        for (path, description, manufacturer, model, software) in [
            ("/usr/lib/softhsm/libsofthsm2.so", "", "", "", true),
            ("/opt/renamed.so", "Implementation of PKCS11", "SoftHSM project", "SoftHSM v2", true),
            ("/opt/libkryoptic_pkcs11.so", "", "", "", true),
            ("/opt/renamed.so", "Kryoptic PKCS11 Module", "", "v1", true),
            ("/usr/lib/libsoftokn3.so", "NSS Internal Crypto Services", "Mozilla Foundation", "NSS 3", true),
            ("/usr/lib/opencryptoki/libopencryptoki.so", "openCryptoki", "IBM", "IBM SoftTok", true),
            ("/usr/lib/opencryptoki/libopencryptoki.so", "openCryptoki", "IBM", "EP11", false),
            ("/usr/lib/pkcs11/libtpm2_pkcs11.so", "TPM2.0 Cryptoki", "IBM", "SW   TPM", true),
            ("/usr/lib/pkcs11/libtpm2_pkcs11.so", "TPM2.0 Cryptoki", "Infineon", "SLB9670", false),
            ("/usr/lib/p11-kit-proxy.so", "", "", "", true),
            (
                "/usr/lib/libykcs11.so",
                "PKCS#11 PIV Library (SP-800-73)",
                "Yubico (www.yubico.com)",
                "YubiKey YK5",
                false,
            ),
            (
                "/usr/lib/opensc-pkcs11.so",
                "OpenSC smartcard framework",
                "www.CardContact.de",
                "PKCS#15 emulated",
                false,
            ),
        ] {
            let found = Trust::shipped().software(&token(path, description, manufacturer, model));
            assert_eq!(found.is_some(), software, "{path} {description} {model}: {found:?}");
        }
        let softhsm = token("/usr/lib/softhsm/libsofthsm2.so", "", "", "");
        assert_eq!(Trust::injected(|_| None).software(&softhsm), None);
    }
}
