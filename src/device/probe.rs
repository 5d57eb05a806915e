//! What a token really does, found out by use: the report of a probe, and the rule over it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{PinStates, TokenIdentity};
use crate::{
    rules::{Passed, Refusal, Rule},
    text::shown,
    tuf::KeyAlgorithm,
};

/// What a token was seen to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// Which token.
    pub token: TokenIdentity,
    /// Its PINs.
    pub pins: PinStates,
    /// The family of its module, as far as it is known.
    pub family: String,
    /// What is known of that family, as sentences.
    pub notes: Vec<String>,
    /// Every mechanism that it lists, by number. What it can do is in `findings`.
    pub mechanisms: Vec<u64>,
    /// One finding for each check.
    pub findings: Vec<Finding>,
}

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was tried.
    pub check: Check,
    /// How it went.
    pub verdict: Verdict,
    /// What was seen: a return value, an attribute. From outside.
    pub seen: String,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should.
    Good,
    /// The token cannot do it, and says so.
    Cannot,
    /// The token did what it must not, or said that it did and did not.
    Bad,
}

/// What a probe tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what", content = "of")]
pub enum Check {
    /// Generates a key pair, signs with it, and verifies the signature in software.
    Signs(KeyAlgorithm),
    /// Reads the attributes of a generated key back: sensitive and not extractable, as asked.
    ObeysTemplate(KeyAlgorithm),
    /// Imports a known Ed25519 key and compares its signature byte by byte with the one that software makes.
    Ed25519Vector,
    /// Tries to read the value of a sensitive key. It must not come.
    HidesValue,
    /// Tries to wrap a key that is not extractable. It must not come out.
    RefusesWrap,
    /// Tries to copy a key that is not extractable into one that is.
    RefusesLooserCopy,
    /// Tries to make a key extractable that is not.
    RefusesLoosening,
    /// Wraps an extractable key under an AES key that software knows too, opens the result in software by RFC 5649, and lets the token
    /// unwrap it again and sign.
    Wraps(KeyAlgorithm),
    /// Reads the attributes of an unwrapped key back: sensitive and not extractable, as asked.
    UnwrapsAsAsked,
    /// Tries to decrypt with a wrapping key that must not, as it is, altered and copied.
    DecryptsNoWrapped,
    /// Makes an extractable key not extractable, and tries to wrap it then. It must not come out.
    ClosesKeys,
    /// Tries to wrap, under a wrapping key that nobody calls trusted, a key that wants a trusted one. It must not come out.
    WantsTrusted,
    /// Tries to call a wrapping key trusted, logged in as user. Only the SO may.
    TrustsSoOnly,
    /// Looks for what the other checks left behind, and destroys it.
    LeavesNothing,
}

impl Check {
    /// Whether a bad outcome means that the token gives its keys away.
    pub const fn guards_keys(self) -> bool {
        matches!(
            self,
            Self::ObeysTemplate(_)
                | Self::HidesValue
                | Self::RefusesWrap
                | Self::RefusesLooserCopy
                | Self::RefusesLoosening
        )
    }

    /// Whether a bad outcome means that a key that may be wrapped is not safe, beside [`Check::guards_keys`].
    pub const fn guards_wrapping(self) -> bool {
        matches!(self, Self::Wraps(_) | Self::UnwrapsAsAsked | Self::DecryptsNoWrapped | Self::ClosesKeys)
    }

    /// Whether it asks who decides which wrapping key is trusted.
    pub const fn guards_trust(self) -> bool {
        matches!(self, Self::WantsTrusted | Self::TrustsSoOnly)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signs(algorithm) => write!(f, "generates {algorithm} keys and signs"),
            Self::ObeysTemplate(algorithm) => write!(f, "makes {algorithm} keys as asked: sensitive, not extractable"),
            Self::Ed25519Vector => f.write_str("signs Ed25519 as software does, with an imported key"),
            Self::HidesValue => f.write_str("keeps the value of a sensitive key"),
            Self::RefusesWrap => f.write_str("does not wrap a key that is not extractable"),
            Self::RefusesLooserCopy => f.write_str("does not copy a key into an extractable one"),
            Self::RefusesLoosening => f.write_str("does not make a key extractable afterwards"),
            Self::Wraps(algorithm) => write!(f, "wraps and unwraps {algorithm} keys by RFC 5649"),
            Self::UnwrapsAsAsked => f.write_str("unwraps keys as asked: sensitive, not extractable"),
            Self::DecryptsNoWrapped => f.write_str("does not decrypt with a wrapping key"),
            Self::ClosesKeys => f.write_str("wraps no key that was made not extractable"),
            Self::WantsTrusted => f.write_str("wraps a key that wants a trusted wrapping key under no other"),
            Self::TrustsSoOnly => f.write_str("lets the SO alone call a wrapping key trusted"),
            Self::LeavesNothing => f.write_str("keeps nothing of this probe"),
        }
    }
}

impl ProbeReport {
    /// The finding of one check.
    pub fn finding(&self, check: Check) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.check == check)
    }

    /// Whether the token signs with keys of this algorithm.
    pub fn signs(&self, algorithm: KeyAlgorithm) -> bool {
        self.finding(Check::Signs(algorithm)).is_some_and(|finding| finding.verdict == Verdict::Good)
    }

    /// `KEY-NOT-EXTRACTABLE`, over what was tried: the token gave no key away.
    ///
    /// # Errors
    /// The refusal: what it did.
    pub fn keeps_keys(&self) -> Result<Passed, Refusal> {
        let bad = failed(&self.findings, Check::guards_keys);
        if !bad.is_empty() {
            return Err(Refusal::new(
                Rule::KeyNotExtractable,
                format!("{} {}.", self.token.name(), bad.join(", ")),
                "This token gives its keys away. Use another one.",
            ));
        }
        let tried = held(&self.findings, Check::guards_keys);
        Ok(Passed::new(Rule::KeyNotExtractable, format!("by trying: {}", tried.join("; "))))
    }

    /// [`wraps_safely`] over this report.
    ///
    /// # Errors
    /// `WRAPPING-SAFE`.
    pub fn wraps_safely(&self, algorithm: KeyAlgorithm) -> Result<Passed, Refusal> {
        wraps_safely(&self.token, &self.findings, algorithm)
    }

    /// [`holds_to_trusted`] over this report.
    ///
    /// # Errors
    /// `WRAPPING-TRUSTED`.
    pub fn holds_to_trusted(&self) -> Result<Passed, Refusal> {
        holds_to_trusted(&self.token, &self.findings)
    }
}

/// `WRAPPING-SAFE`, over what was tried on `token`: keys of this algorithm may be wrapped on it, and unwrapped into it.
///
/// # Errors
/// The refusal: what it did, or what it cannot do.
pub fn wraps_safely(token: &TokenIdentity, findings: &[Finding], algorithm: KeyAlgorithm) -> Result<Passed, Refusal> {
    let guards = |check: Check| {
        let other = matches!(check, Check::Wraps(of) if of != algorithm);
        !other && (check.guards_keys() || check.guards_wrapping())
    };
    let no = |what: String, remedy: &str| Err(Refusal::new(Rule::WrappingSafe, what, remedy));
    let bad = failed(findings, guards);
    if !bad.is_empty() {
        return no(
            format!("{} {}.", token.name(), bad.join(", ")),
            "Whoever has its user PIN could have the key. Use another make of token, or have no wrapped backup.",
        );
    }
    let wanted = [
        Check::Wraps(algorithm),
        Check::RefusesWrap,
        Check::UnwrapsAsAsked,
        Check::DecryptsNoWrapped,
        Check::ClosesKeys,
    ];
    for check in wanted {
        let finding = findings.iter().find(|finding| finding.check == check);
        if finding.is_none_or(|finding| finding.verdict != Verdict::Good) {
            let seen = finding.map_or("it was not tried".to_owned(), |finding| shown(&finding.seen));
            return no(
                format!("{} was not seen to pass \"{check}\" ({seen}).", token.name()),
                "Use a token that wraps such keys, or another way to back up: a key made in software and imported, or several keys.",
            );
        }
    }
    Ok(Passed::new(Rule::WrappingSafe, format!("by trying: {}", held(findings, guards).join("; "))))
}

/// `WRAPPING-TRUSTED`, over what was tried on `token`: a key can be held to a wrapping key that the SO calls trusted.
///
/// # Errors
/// The refusal: what the token did, or that it knows no trust.
pub fn holds_to_trusted(token: &TokenIdentity, findings: &[Finding]) -> Result<Passed, Refusal> {
    let lacks: Vec<_> = [Check::WantsTrusted, Check::TrustsSoOnly]
        .into_iter()
        .filter_map(|check| match findings.iter().find(|finding| finding.check == check) {
            Some(finding) if finding.verdict == Verdict::Good => None,
            Some(finding) => Some(format!("does not pass \"{check}\" ({})", shown(&finding.seen))),
            None => Some(format!("was not asked for \"{check}\"")),
        })
        .collect();
    if lacks.is_empty() {
        let seen = format!("by trying: {}", held(findings, Check::guards_trust).join("; "));
        return Ok(Passed::new(Rule::WrappingTrusted, seen));
    }
    Err(Refusal::new(
        Rule::WrappingTrusted,
        format!("{} {}.", token.name(), lacks.join(", ")),
        "While the key can be wrapped, whoever has the user PIN can have it. Use a token that keeps to CKA_TRUSTED, or declare it.",
    ))
}

/// Each bad finding among the guards, as the end of a sentence about the token.
fn failed(findings: &[Finding], guards: impl Fn(Check) -> bool) -> Vec<String> {
    let bad = findings.iter().filter(|finding| finding.verdict == Verdict::Bad && guards(finding.check));
    bad.map(|found| format!("fails \"{}\" ({})", found.check, shown(&found.seen))).collect()
}

/// Each good finding among the guards.
fn held(findings: &[Finding], guards: impl Fn(Check) -> bool) -> Vec<String> {
    let good = findings.iter().filter(|finding| finding.verdict == Verdict::Good && guards(finding.check));
    good.map(|found| found.check.to_string()).collect()
}
