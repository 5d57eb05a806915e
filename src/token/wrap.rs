//! A key that two tokens hold and a file too: generated on the first, wrapped there, unwrapped into the second. The way is
//! [`Wrap`]'s methods in their order, and the order is in their types:
//!
//! 1. [`Wrap::wraps_safely`] on both tokens: a probe with throw-away keys gives [`WrapsSafely`] (`WRAPPING-SAFE`, `WRAPPING-TRUSTED`).
//! 2. [`Wrap::bring_kek`] and [`Wrap::find_kek`]: only a key-encryption key that was read back is a [`WrappingKey`] (`KEK-READS-BACK`).
//! 3. [`Wrap::generate_wrappable`] and [`Wrap::wrap`] on the first: [`Wrappable`], [`Wrapped`].
//! 4. [`Wrap::unwrap`] on the second: [`Copied`] is a key that signed there (`WRAPPED-KEY-PROVEN`). It takes nothing that the same token wrapped.
//! 5. [`Wrap::close`] on the first wants [`Copied`]; the key can leave the token no more (`KEY-CLOSED`).
//! 6. [`Wrap::remove_kek`] on both (`KEK-GONE`): who has the file and the user PIN could else unwrap it again, readable.
//!
//! After a pause each proof is made anew by looking: [`Wrap::find_kek`], [`Wrap::find_wrappable`], [`Wrap::find_copy`].

use super::{Key, KeyAlgorithm, KeyRequest, KeySelector, Token, TokenIdentity};
use crate::{
    device::probe::{self, Finding},
    digest::Digest,
    fault::Error,
    keyfile::{Kek, Wrapped},
    rules::{Passed, Refusal, Rule},
    tuf::key::PublicKey,
};

/// A token that wraps keys, and unwraps those of another.
pub trait Wrap: Token {
    /// Finds out by use, with throw-away keys that are gone afterwards, whether keys of this algorithm may be wrapped on this token and
    /// unwrapped into it. Wants the user logged in; every [`Key`] must be found again afterwards. Takes a second, with RSA some.
    ///
    /// # Errors
    /// `WRAPPING-SAFE`; `WRAPPING-TRUSTED` where nothing is `declared`; a fault.
    fn wraps_safely(&mut self, algorithm: KeyAlgorithm, declared: Option<&PinIsKey>) -> Result<WrapsSafely, Error>;

    /// Puts a key-encryption key on the token, to be found by its [fingerprint](Kek::fingerprint). Wants the SO logged in where
    /// [`WrapsSafely::wants_so`], and the user elsewhere. After a fault it may be there.
    ///
    /// # Errors
    /// `OUTPUT-FRESH` where it is there already; a fault, [`super::FaultKind::NotSupported`] where the token takes none.
    fn bring_kek(&mut self, kek: &Kek, safe: &WrapsSafely) -> Result<(), Error>;

    /// Finds a key-encryption key and reads it back. Wants the user logged in.
    ///
    /// # Errors
    /// `KEK-READS-BACK` where it is not there, is there twice, or is not as it must be; a fault.
    fn find_kek(&mut self, kek: &Digest, safe: &WrapsSafely) -> Result<WrappingKey, Error>;

    /// Makes a key pair that can be wrapped, reads it back and proves the pair. Wants the user logged in. A key that breaks a rule is
    /// destroyed before the refusal; after a fault it may be there.
    ///
    /// # Errors
    /// `OUTPUT-FRESH`, `WRAPPING-TRUSTED`, `SIGNATURE-VERIFIES`; a fault.
    fn generate_wrappable(&mut self, request: &KeyRequest, under: &WrappingKey) -> Result<Wrappable, Error>;

    /// Finds a key that can be wrapped, and reads it back. Wants the user logged in.
    ///
    /// # Errors
    /// `TOKEN-IS-EXPECTED` where there is none or more than one, or where it is closed already; `WRAPPING-TRUSTED`; a fault.
    fn find_wrappable(&mut self, wanted: &KeySelector, under: &WrappingKey) -> Result<Wrappable, Error>;

    /// Wraps a key. It may be done again: what comes out are the same bytes.
    ///
    /// # Errors
    /// A fault.
    fn wrap(&mut self, key: &Wrappable, under: &WrappingKey) -> Result<Wrapped, Error>;

    /// Unwraps a key that another token wrapped, with its public half, not extractable, and proves it. Wants the user logged in. A key
    /// that breaks a rule is destroyed before the refusal; after a fault it may be there.
    ///
    /// # Errors
    /// `WRAPPED-KEY-PROVEN` for a key of this very token, of another key-encryption key, or one that is not what it is said to be;
    /// `OUTPUT-FRESH`; a fault.
    fn unwrap(&mut self, wrapped: &Wrapped, under: &WrappingKey, request: &KeyRequest) -> Result<Copied, Error>;

    /// Unwraps a key so that it can be wrapped again, as if it had been made here by [`Wrap::generate_wrappable`], and proves it: for a
    /// backup that gets another key-encryption key. Wants the user logged in. A key that breaks a rule is destroyed before the refusal;
    /// after a fault it may be there.
    ///
    /// # Errors
    /// As [`Wrap::unwrap`]; `WRAPPING-TRUSTED`.
    fn unwrap_to_wrap(
        &mut self,
        wrapped: &Wrapped,
        under: &WrappingKey,
        request: &KeyRequest,
    ) -> Result<(Wrappable, Passed), Error>;

    /// Finds a copy that was unwrapped before, and proves it again. Wants the user logged in.
    ///
    /// # Errors
    /// `TOKEN-IS-EXPECTED` where there is none or more than one; `KEY-NOT-EXTRACTABLE`, `SIGNATURE-VERIFIES`; a fault.
    fn find_copy(&mut self, wanted: &KeySelector) -> Result<Copied, Error>;

    /// Makes a key not extractable, now that its copy is proven, and tries to wrap it in every way. Wants the user logged in.
    ///
    /// # Errors
    /// `WRAPPED-KEY-PROVEN` where the copy is of another key or on this very token; `KEY-CLOSED` where the key still comes out: it is
    /// left as it is. A fault: look for it with [`Wrap::find_wrappable`] and repeat.
    fn close(&mut self, key: Wrappable, copied: &Copied, under: &WrappingKey) -> Result<(Key, Passed), Error>;

    /// Finds a key that [`Wrap::close`] closed before, and tries again to wrap it in every way. Wants the user logged in.
    ///
    /// # Errors
    /// `TOKEN-IS-EXPECTED` where there is none or more than one; `KEY-NOT-EXTRACTABLE`; `KEY-CLOSED` where it still comes out; a fault.
    fn find_closed(&mut self, wanted: &KeySelector, under: &WrappingKey) -> Result<(Key, Passed), Error>;

    /// Destroys a key-encryption key, whatever it reads back as, and looks that it is gone. Does nothing where it is not there. Wants
    /// the user logged in.
    ///
    /// # Errors
    /// `KEK-GONE` where it is still there; a fault.
    fn remove_kek(&mut self, kek: &Digest) -> Result<Passed, Error>;
}

/// Proof that the script declares that a user PIN is as good as the key, while the key can be wrapped: for tokens that know no trusted
/// wrapping keys. Its whole purpose is to be asked for.
pub struct PinIsKey(());

impl PinIsKey {
    /// Where the script of the ceremony declares it, and nowhere else.
    pub const fn declared_in_the_script() -> Self {
        Self(())
    }
}

/// Proof that a token passed the probe of [`Wrap::wraps_safely`].
#[derive(Debug)]
pub struct WrapsSafely {
    token: TokenIdentity,
    algorithm: KeyAlgorithm,
    mechanism: u64,
    trusted: bool,
    passed: Vec<Passed>,
}

impl WrapsSafely {
    /// The one constructor: asks the rules over what a token was just seen to do.
    pub(super) fn seen(
        token: &TokenIdentity,
        findings: &[Finding],
        algorithm: KeyAlgorithm,
        mechanism: Option<u64>,
        declared: Option<&PinIsKey>,
    ) -> Result<Self, Refusal> {
        let safe = probe::wraps_safely(token, findings, algorithm)?;
        let (trusted, trust) = match (probe::holds_to_trusted(token, findings), declared) {
            (Ok(passed), _) => (true, passed),
            (Err(lacks), Some(PinIsKey(()))) => {
                (false, Passed::new(Rule::WrappingTrusted, format!("declared beforehand: {}", lacks.what)))
            }
            (Err(refusal), None) => return Err(refusal),
        };
        let mechanism = mechanism.ok_or_else(|| {
            Refusal::new(Rule::WrappingSafe, format!("{} has no mechanism for it.", token.name()), "Use another token.")
        })?;
        Ok(Self { token: token.clone(), algorithm, mechanism, trusted, passed: vec![safe, trust] })
    }

    /// The same without trust, as the script declares: for a token that keeps to CKA_TRUSTED and takes no trusted key from outside.
    #[must_use]
    pub fn untrusted(self, _declared: &PinIsKey) -> Self {
        let mut passed = self.passed;
        passed.retain(|passed| passed.rule != Rule::WrappingTrusted);
        let seen = format!("declared beforehand: {} is not asked for a trusted wrapping key", self.token.name());
        passed.push(Passed::new(Rule::WrappingTrusted, seen));
        Self { trusted: false, passed, ..self }
    }

    /// The PKCS#11 mechanism with which the token does RFC 5649: 0x210B, or 0x210A where it was seen to mean that.
    pub fn mechanism(&self) -> u64 {
        self.mechanism
    }

    /// Whether the key-encryption key is brought by the SO, who alone can call it trusted.
    pub fn wants_so(&self) -> bool {
        self.trusted
    }

    /// What was asked and held, for the transcript.
    pub fn passed(&self) -> &[Passed] {
        &self.passed
    }

    /// Whether it was `token` that passed.
    pub(super) fn is_of(&self, token: &TokenIdentity) -> bool {
        self.token == *token
    }

    pub(super) fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }
}

/// A key-encryption key on a token, as it was read back. Good until the next login, logout or reopening.
#[derive(Debug)]
pub struct WrappingKey {
    pub(super) token: TokenIdentity,
    pub(super) kek: Digest,
    pub(super) algorithm: KeyAlgorithm,
    pub(super) mechanism: u64,
    pub(super) trusted: bool,
    pub(super) handle: u64,
    pub(super) epoch: u64,
    pub(super) passed: Passed,
}

impl WrappingKey {
    /// Which one it is: [`Kek::fingerprint`].
    pub fn kek(&self) -> &Digest {
        &self.kek
    }

    /// What was read back, for the transcript.
    pub fn passed(&self) -> &Passed {
        &self.passed
    }
}

/// A key pair that can leave its token wrapped, as it was read back. Good until the next login, logout or reopening.
#[derive(Debug)]
pub struct Wrappable {
    pub(super) key: Key,
    pub(super) passed: Passed,
}

impl Wrappable {
    /// The pair. It may sign.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What was read back, for the transcript.
    pub fn passed(&self) -> &Passed {
        &self.passed
    }
}

/// A key that came wrapped, is not extractable on its token, and signed there.
#[derive(Debug)]
pub struct Copied {
    pub(super) token: TokenIdentity,
    pub(super) key: Key,
    pub(super) passed: Vec<Passed>,
}

impl Copied {
    /// The token that holds it.
    pub fn token(&self) -> &TokenIdentity {
        &self.token
    }

    /// The pair.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What was asked and held, for the transcript.
    pub fn passed(&self) -> &[Passed] {
        &self.passed
    }

    /// `WRAPPED-KEY-PROVEN`: this is a copy, on another token, of the key that `token` holds.
    pub(super) fn is_copy_of(&self, public: &PublicKey, token: &TokenIdentity) -> Result<(), Refusal> {
        let what = if self.key.public != *public {
            format!("What {} holds is a copy of another key.", self.token.name())
        } else if is_same(&self.token, token) {
            format!("The copy is on {} itself.", token.name())
        } else {
            return Ok(());
        };
        Err(Refusal::new(Rule::WrappedKeyProven, what, "Unwrap the key into a second token, and prove it there."))
    }
}

/// Whether two are one token, as far as label and serial tell.
pub(super) fn is_same(one: &TokenIdentity, other: &TokenIdentity) -> bool {
    one.label == other.label && one.serial == other.serial
}
