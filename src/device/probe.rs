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
}

impl Check {
    /// Whether a bad outcome means that the token gives its keys away.
    pub const fn guards_keys(self) -> bool {
        !matches!(self, Self::Signs(_) | Self::Ed25519Vector)
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
        let guards = |finding: &&Finding| finding.check.guards_keys();
        let bad: Vec<_> =
            self.findings.iter().filter(guards).filter(|finding| finding.verdict == Verdict::Bad).collect();
        if !bad.is_empty() {
            let list: Vec<_> =
                bad.iter().map(|found| format!("fails \"{}\" ({})", found.check, shown(&found.seen))).collect();
            return Err(Refusal::new(
                Rule::KeyNotExtractable,
                format!("{} {}.", self.token.name(), list.join(", ")),
                "This token gives its keys away. Use another one.",
            ));
        }
        let tried: Vec<_> = self
            .findings
            .iter()
            .filter(guards)
            .filter(|finding| finding.verdict == Verdict::Good)
            .map(|found| found.check.to_string())
            .collect();
        Ok(Passed::new(Rule::KeyNotExtractable, format!("by trying: {}", tried.join("; "))))
    }
}
