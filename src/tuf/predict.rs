//! Which client would break on a document, and why (`CLIENT-ACCEPTS`).
//!
//! What is known was measured on python-tuf 7.0.1, tuf-js 6.0.2 (and 5.0.1, which npm still installs on Node 20), tough
//! 0.24.0 and go-tuf 2.4.2. Each of them takes metadata that another refuses; what this program writes by default lies in
//! what all of them take.

use std::fmt;

use serde::Serialize;

use super::{
    canonical::canonical,
    dialect::Dialect,
    json::{self, Limits, Members, Value},
    key::{Key, KeyId, PSS_SALT_BYTES, PublicKey},
    limits::{DELEGATIONS_PER_SEARCH, bytes_max},
    role::RoleName,
    signed::Signature,
};
use crate::{
    rules::{Passed, Refusal, Rule},
    text::shown_up_to,
    utc::Utc,
};

/// A client whose behaviour was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Client {
    /// The reference implementation, in Python.
    PythonTuf,
    /// In TypeScript; npm and Sigstore's JavaScript clients have it.
    TufJs,
    /// In Rust; Bottlerocket and others have it.
    Tough,
    /// In Go; GitHub's and Sigstore's tools have it.
    GoTuf,
    /// Notary 0.7, server and client, of which Docker's command line is made.
    Notary,
}

impl Client {
    /// The four of TUF 1.0.
    pub const ALL: [Self; 4] = [Self::PythonTuf, Self::TufJs, Self::Tough, Self::GoTuf];
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PythonTuf => "python-tuf",
            Self::TufJs => "tuf-js",
            Self::Tough => "tough",
            Self::GoTuf => "go-tuf",
            Self::Notary => "notary",
        })
    }
}

/// One reason for which clients refuse a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breakage {
    /// Which clients.
    pub clients: Vec<Client>,
    /// The member, `signed.expires`; shown escaped.
    pub place: String,
    /// Why, continuing "the member ".
    pub why: String,
}

impl fmt::Display for Breakage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients: Vec<String> = self.clients.iter().map(Client::to_string).collect();
        write!(f, "`{}` {} (refused by {})", self.place, self.why, clients.join(", "))
    }
}

/// `CLIENT-ACCEPTS`: all clients take the document `bytes`, apart from whether enough keys signed it.
///
/// # Errors
/// With every reason for which one of them would not.
pub fn client_accepts(dialect: Dialect, bytes: &[u8]) -> Result<Passed, Refusal> {
    let found = dialect.breakages(bytes);
    if found.is_empty() {
        return Ok(Passed::new(
            Rule::ClientAccepts,
            format!("no reason why a client would refuse these {} bytes", bytes.len()),
        ));
    }
    let reasons: Vec<String> = found.iter().take(10).map(Breakage::to_string).collect();
    let more = if found.len() > reasons.len() { "; …" } else { "" };
    let remedy = "Write what every client takes, or let the script declare which client may break.";
    Err(Refusal::new(Rule::ClientAccepts, format!("{}{more}.", reasons.join("; ")), remedy))
}

/// Every reason for which one of the four clients would refuse `bytes`.
pub(super) fn breakages(dialect: Dialect, bytes: &[u8]) -> Vec<Breakage> {
    let mut found = Found { dialect, breakages: vec![] };
    match json::parse(bytes, Limits::METADATA) {
        Err(error) => found.add(&Client::ALL, "document", format!("cannot be read: {error}")),
        Ok(document) => {
            found.texts("document", &document);
            found.signatures(document.member("signatures"));
            match document.member("signed") {
                Some(signed) => {
                    found.signed(signed, bytes.len());
                    found.salts(signed, document.member("signatures"));
                }
                None => found.add(&Client::ALL, "signed", "is missing"),
            }
        }
    }
    found.breakages
}

struct Found {
    dialect: Dialect,
    breakages: Vec<Breakage>,
}

use Client::{GoTuf, PythonTuf, Tough, TufJs};

impl Found {
    fn add(&mut self, clients: &[Client], place: &str, why: impl Into<String>) {
        self.breakages.push(Breakage { clients: clients.to_vec(), place: shown_up_to(place, 120), why: why.into() });
    }

    fn signatures(&mut self, signatures: Option<&Value>) {
        let Some(Value::Array(signatures)) = signatures else {
            return self.add(&Client::ALL, "signatures", "is not a list");
        };
        let mut seen = std::collections::BTreeSet::new();
        for keyid in signatures.iter().filter_map(|signature| signature.member("keyid")?.as_str()) {
            if !seen.insert(keyid) {
                self.add(&Client::ALL, "signatures", format!("names keyid {} twice", KeyId::from(keyid)));
            }
        }
    }

    /// Signatures by keys that the document itself gives, as a root does.
    fn salts(&mut self, signed: &Value, signatures: Option<&Value>) {
        let Some(Value::Array(signatures)) = signatures else { return };
        let canonical = canonical(signed);
        for signature in signatures {
            let text = |name: &str| signature.member(name).and_then(Value::as_str);
            let (Some(keyid), Some(sig)) = (text("keyid"), text("sig")) else { continue };
            let key = signed.member("keys").and_then(|keys| keys.member(keyid)).cloned();
            let Some(key) = key.and_then(|key| Key::read(self.dialect, key).ok()) else { continue };
            let raw = self.dialect.raw_signature(key.public(), &Signature::new(keyid.into(), sig));
            if raw.is_some_and(|raw| key.public().has_unusual_salt(&canonical, &raw)) {
                let why = format!("has a PSS salt of other than {PSS_SALT_BYTES} bytes");
                self.add(&[Tough], &format!("signatures.{}", KeyId::from(keyid).short()), why);
            }
        }
    }

    fn signed(&mut self, signed: &Value, length: usize) {
        let role = RoleName::from(signed.member("_type").and_then(Value::as_str).unwrap_or_default());
        if !RoleName::TOP.contains(&role) {
            self.add(&Client::ALL, "signed._type", "is none of the four that are known");
        }
        if length > bytes_max(&role) {
            self.add(
                &[PythonTuf, TufJs],
                "document",
                format!("is longer than the {} bytes that are read", bytes_max(&role)),
            );
        }
        match signed.member("spec_version").and_then(Value::as_str) {
            None => self.add(&Client::ALL, "signed.spec_version", "is missing"),
            Some(text) if !self.dialect.knows_spec_version(Some(text)) => {
                self.add(&[PythonTuf, TufJs], "signed.spec_version", "is not 1.x");
            }
            Some(_) => {}
        }
        match signed.member("expires").and_then(Value::as_str) {
            None => self.add(&Client::ALL, "signed.expires", "is missing"),
            Some(text) => self.expires(text),
        }
        match role {
            RoleName::Root => self.root(signed),
            RoleName::Targets => self.targets(signed),
            _ => {}
        }
    }

    fn expires(&mut self, text: &str) {
        let place = "signed.expires";
        // What tough's library cannot hold: it keeps a day free for offsets at the end of the calendar.
        let last = Utc::parse("9999-12-30T22:00:00Z");
        if Utc::parse_rfc3339(text) >= last {
            self.add(&[Tough], place, "lies beyond the last instant that is read");
        }
        if Utc::parse(text).is_some() {
            return;
        }
        let fraction = text.get(19..).and_then(|rest| rest.strip_prefix('.')?.strip_suffix('Z'));
        let kept = text.get(10..11) == Some("T")
            && fraction.is_some_and(|digits| !digits.is_empty() && !digits.ends_with('0'));
        match Utc::parse_rfc3339(text) {
            None => self.add(&Client::ALL, place, "is no instant"),
            Some(_) if kept => self.add(&[PythonTuf], place, "has a fraction of a second"),
            // These two write the instant again in their own form before they verify.
            Some(_) => self.add(&[PythonTuf, Tough, GoTuf], place, "is not of the form 2026-12-01T09:00:00Z"),
        }
    }

    fn root(&mut self, root: &Value) {
        if root.member("consistent_snapshot").is_none() {
            self.add(&Client::ALL, "signed.consistent_snapshot", "is missing");
        }
        let empty = Members::new();
        let keys = root.member("keys").and_then(Value::as_object).unwrap_or(&empty);
        self.keys("signed.keys", keys);
        for (name, role) in root.member("roles").and_then(Value::as_object).unwrap_or(&empty) {
            let place = format!("signed.roles.{name}");
            if !RoleName::TOP.contains(&RoleName::from(name.as_str())) {
                self.add(&[PythonTuf, Tough], &place, "is a role beyond the four");
            }
            self.role(&place, role, keys);
        }
    }

    fn role(&mut self, place: &str, role: &Value, keys: &Members) {
        let Some(Value::Array(keyids)) = role.member("keyids") else {
            return self.add(&Client::ALL, place, "has no list of keyids");
        };
        let mut seen = std::collections::BTreeSet::new();
        for keyid in keyids.iter().filter_map(Value::as_str) {
            if !seen.insert(keyid) {
                self.add(&[PythonTuf, TufJs], place, "lists a keyid twice");
            }
            if !keys.contains_key(keyid) {
                self.add(&[GoTuf], place, format!("lists keyid {} without its key", KeyId::from(keyid)));
            }
        }
        if !matches!(role.member("threshold"), Some(Value::Int(1..))) {
            self.add(&Client::ALL, place, "has no threshold of at least 1");
        }
    }

    fn keys(&mut self, place: &str, keys: &Members) {
        for (keyid, object) in keys {
            let place = format!("{place}.{}", KeyId::from(keyid.as_str()).short());
            let Ok(key) = Key::read(self.dialect, object.clone()) else {
                self.add(&Client::ALL, &place, "is no key");
                continue;
            };
            if !key.id().as_str().eq_ignore_ascii_case(keyid) {
                self.add(&[Tough], &place, "stands under a keyid that is not the SHA-256 of its members");
            }
            let text = |name: &str| object.member(name).and_then(Value::as_str).unwrap_or_default();
            let public =
                object.member("keyval").and_then(|keyval| keyval.member("public")?.as_str()).unwrap_or_default();
            let pem = public.starts_with("-----BEGIN");
            match key.public() {
                PublicKey::P256(_) if !pem => {
                    self.add(&[PythonTuf, GoTuf], &place, "has a point in hexadecimal, not PEM")
                }
                PublicKey::P384(_) => self.add(&[TufJs, Tough], &place, "is on P-384 (tuf-js reads it from 6.0.2 on)"),
                PublicKey::Other { .. } if text("scheme") == "ed25519" && pem => {
                    self.add(&[PythonTuf, Tough], &place, "has an Ed25519 key as PEM, not in hexadecimal");
                }
                PublicKey::Other { .. } if text("scheme").starts_with("rsa-pkcs1v15") => {
                    self.add(&[TufJs, Tough, GoTuf], &place, "signs with PKCS#1 v1.5");
                }
                PublicKey::Other { .. } if text("scheme") == "ecdsa-sha2-nistp521" => {
                    self.add(&[TufJs, Tough, GoTuf], &place, "is on P-521");
                }
                PublicKey::Other { what, .. } => self.add(&[PythonTuf, Tough], &place, format!("is {what}")),
                _ => {}
            }
        }
    }

    fn targets(&mut self, targets: &Value) {
        let empty = Members::new();
        for (path, file) in targets.member("targets").and_then(Value::as_object).unwrap_or(&empty) {
            let place = format!("signed.targets.{path}");
            if file.member("hashes").is_none_or(|hashes| hashes.member("sha256").is_none()) {
                self.add(&[Tough], &place, "has no sha256");
            }
            if file.member("custom").and_then(Value::as_object).is_some_and(Members::is_empty) {
                self.add(&[Tough], &place, "has an empty `custom`");
            }
        }
        let Some(delegations) = targets.member("delegations") else { return };
        let place = "signed.delegations";
        if delegations.member("succinct_roles").is_some() {
            self.add(&[Tough], place, "has succinct roles");
        }
        let keys = delegations.member("keys").and_then(Value::as_object).unwrap_or(&empty);
        self.keys("signed.delegations.keys", keys);
        let Some(Value::Array(roles)) = delegations.member("roles") else { return };
        if roles.len() > DELEGATIONS_PER_SEARCH {
            self.add(
                &[PythonTuf, TufJs],
                place,
                format!("has {} roles; {DELEGATIONS_PER_SEARCH} are searched", roles.len()),
            );
        }
        for role in roles {
            let name = role.member("name").and_then(Value::as_str).unwrap_or_default();
            let place = format!("{place}.{name}");
            if name.contains(['?', '#']) || name.contains("../") {
                self.add(&[Tough], &place, "has a name that does not survive in a URL");
            }
            if role.member("paths").is_none() && role.member("path_hash_prefixes").is_none() {
                self.add(&[PythonTuf], &place, "has neither `paths` nor `path_hash_prefixes`");
            }
            if role.member("terminating").is_none() {
                self.add(&[PythonTuf, TufJs], &place, "does not say whether it is `terminating`");
            }
            self.role(&place, role, keys);
        }
    }

    /// Text and numbers that clients canonicalise differently, anywhere in the document.
    fn texts(&mut self, place: &str, value: &Value) {
        match value {
            Value::Str(text) if is_normalised_away(text) => {
                self.add(&[Tough], place, "has letters that Unicode normalisation (NFC) may replace");
            }
            Value::Int(number) if number.unsigned_abs() > 1 << 53 => {
                self.add(&[TufJs], place, "is beyond 2^53, where JavaScript rounds");
            }
            Value::Array(items) => items.iter().for_each(|item| self.texts(place, item)),
            Value::Object(members) => {
                for (name, member) in members {
                    let place = if place == "document" { name.clone() } else { format!("{place}.{name}") };
                    if name.chars().any(|letter| letter > '\u{ffff}') {
                        self.add(
                            &[TufJs],
                            &place,
                            "has a name beyond the Basic Multilingual Plane, which is sorted otherwise",
                        );
                    }
                    if is_normalised_away(name) {
                        self.add(&[Tough], &place, "has a name that Unicode normalisation (NFC) may replace");
                    }
                    self.texts(&place, member);
                }
            }
            _ => {}
        }
    }
}

/// Whether NFC may change the text: it has combining marks, conjoining Hangul or compatibility characters. Errs on the side
/// of yes.
fn is_normalised_away(text: &str) -> bool {
    text.chars().any(|letter| {
        matches!(letter, '\u{300}'..='\u{36f}' | '\u{1100}'..='\u{11ff}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}' | '\u{2126}' | '\u{212a}' | '\u{212b}' | '\u{3099}' | '\u{309a}' | '\u{f900}'..='\u{faff}'
            | '\u{fe20}'..='\u{fe2f}')
    })
}
