//! What can go wrong with an operation, and what it means for people.

use serde::{Deserialize, Serialize};

use crate::{
    fault::{Fault, FaultKind, Tries},
    rules::{Refusal, Rule},
};

/// What went wrong with an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// The world failed.
    Fault(Fault),
    /// A rule refused what came of it.
    Refused(Refusal),
    /// Nobody gave the secret that was asked for.
    NobodyAnswered {
        /// What was asked for.
        secret: String,
    },
}

impl Trouble {
    /// Whether the next wrong PIN locks the token (`PIN-TRIES-LEFT`).
    pub fn is_last_try(&self) -> bool {
        match self {
            Self::Fault(fault) => {
                matches!(fault.kind, FaultKind::PinIncorrect { tries: Tries::LastTry | Tries::Left(1) })
            }
            Self::Refused(refusal) => refusal.rule == Rule::PinTriesLeft,
            Self::NobodyAnswered { .. } => false,
        }
    }

    /// Whether nobody touched a token that blinked: nothing failed, and nothing is spent.
    pub fn is_no_touch(&self) -> bool {
        matches!(self, Self::Fault(fault) if fault.kind == FaultKind::NotTouched)
    }

    /// The trouble as a sentence for people.
    pub fn words(&self) -> String {
        match self {
            Self::Fault(fault) => fault.to_string(),
            Self::Refused(refusal) => format!("{}: {}", refusal.rule, refusal.what),
            Self::NobodyAnswered { secret } => format!("{secret} was not given"),
        }
    }
}
