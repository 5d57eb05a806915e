//! A token behind a module: one session, one login, one handle, for a whole act.

use std::{
    borrow::Cow,
    ops::ControlFlow,
    sync::{Arc, atomic::Ordering},
};

use cryptoki::{
    context::Function,
    error::{Error as CryptokiError, RvError},
    object::{ObjectClass, ObjectHandle},
    session::{Session, SessionState},
    slot::Slot,
};
use cryptoki_sys::{CKU_SO, CKU_USER};
use sha2::{Digest as _, Sha256, Sha384};

use super::{Module, TokenUri, objects, raw, rv};
use crate::{
    device::{PinStates, TokenIdentity, Tries},
    fault::{Error, Fault, FaultKind},
    readback::Signable,
    rules::{Refusal, Rule},
    token::{Key, KeyAlgorithm, KeySelector, LastTry, PinEntry, Probe, Provision, RawSignature, SeenKey, Token, User},
};

/// A token behind a PKCS#11 module.
pub struct Pkcs11Token {
    // Dropped first: a session ends before its module may be finalised.
    session: Option<Session>,
    pub(super) module: Arc<Module>,
    pub(super) slot: Slot,
    pub(super) identity: TokenIdentity,
    /// Pairs that were found since the last login; a [`Key`] holds an index.
    pairs: Vec<Pair>,
    /// Counts logins, logouts and reopenings: handles of private objects do not outlive one on every module.
    epoch: u64,
}

#[derive(Clone, Copy)]
struct Pair {
    private: ObjectHandle,
    public: ObjectHandle,
}

impl Pkcs11Token {
    pub(super) fn new(module: Arc<Module>, slot: Slot, identity: TokenIdentity) -> Self {
        module.open.fetch_add(1, Ordering::SeqCst);
        Self { session: None, module, slot, identity, pairs: Vec::new(), epoch: 0 }
    }

    /// The URI that finds this token again.
    pub fn uri(&self) -> TokenUri {
        TokenUri::of(&self.identity)
    }

    /// The session, opened where there is none. Read and write, since an SO cannot log in beside a read-only one; read-only
    /// where the token is write-protected.
    pub(super) fn session(&mut self) -> Result<&Session, Fault> {
        if self.session.is_none() {
            self.session = Some(self.new_session().map_err(|e| self.fault(&e))?);
        }
        Ok(self.session.as_ref().expect("opened above"))
    }

    fn new_session(&self) -> Result<Session, CryptokiError> {
        match self.module.pkcs11().open_rw_session(self.slot) {
            Err(e) if raw::is(&e, RvError::TokenWriteProtected) => self.module.pkcs11().open_ro_session(self.slot),
            other => other,
        }
    }

    pub(super) fn end_session(&mut self) {
        self.session = None;
        self.forget_keys();
    }

    pub(super) fn forget_keys(&mut self) {
        self.pairs.clear();
        self.epoch += 1;
    }

    /// After a failed call an operation may be left active in the session, and then even a search fails. A new session beside
    /// the old one keeps the login, which is the token's.
    pub(super) fn renew_session(&mut self) {
        let fresh = self.new_session().ok();
        if fresh.is_none() {
            self.forget_keys();
        }
        self.session = fresh;
    }

    pub(super) fn fault(&self, error: &CryptokiError) -> Fault {
        rv::fault(&self.identity.name(), error)
    }

    /// A fault of a call that takes a PIN, with what the flags say now.
    pub(super) fn pin_fault(&self, user: User, error: &CryptokiError) -> Fault {
        let mut fault = self.fault(error);
        if let FaultKind::PinIncorrect { tries } = &mut fault.kind {
            if let Ok((_, pins)) = self.module.read(self.slot) {
                *tries = pins.of(user).tries;
            }
            if *tries == Tries::Locked {
                fault.kind = FaultKind::PinLocked;
            }
        }
        fault
    }

    pub(super) fn keep_last_try(&self, user: User, last_try: LastTry) -> Result<(), Error> {
        let (_, pins) = self.module.read(self.slot).map_err(|e| self.fault(&e))?;
        let at_stake = matches!(pins.of(user).tries, Tries::LastTry | Tries::Left(0 | 1));
        if at_stake && last_try == LastTry::Keep {
            return Err(Refusal::new(
                Rule::PinTriesLeft,
                format!("{} announces the last try of its {}.", self.identity.name(), user.pin_name()),
                "Make sure of the PIN first; then confirm that the last try may be spent.",
            )
            .into());
        }
        Ok(())
    }

    /// Logs in without the rule about the last try.
    pub(super) fn enter(&mut self, user: User, pin: PinEntry<'_>) -> Result<(), Error> {
        self.logout()?;
        let who = match user {
            User::User => CKU_USER,
            User::So => CKU_SO,
        };
        let handle = self.session()?.handle();
        let mut entered = self.module.raw().login(handle, who, pin);
        // Some modules share a login between slots: end it, or the PIN is not looked at.
        if let Err(CryptokiError::Pkcs11(RvError::UserAlreadyLoggedIn | RvError::UserAnotherAlreadyLoggedIn, _)) =
            entered
        {
            let _ = self.session()?.logout();
            entered = self.module.raw().login(handle, who, pin);
        }
        self.forget_keys();
        entered.map_err(|e| {
            let fault = self.pin_fault(user, &e);
            self.end_session();
            fault.into()
        })
    }

    pub(super) fn pair(&self, key: &Key) -> Result<(ObjectHandle, ObjectHandle), Fault> {
        match self.pairs.get(key.handle) {
            Some(pair) if key.epoch == self.epoch => Ok((pair.private, pair.public)),
            _ => {
                let doing = format!("use a key of {}", self.identity.name());
                Err(Fault::new(FaultKind::TokenLost, doing, "it was found before the last login; find it again"))
            }
        }
    }

    /// The key whose halves are the only objects with this id, and this label where one is given.
    pub(super) fn only_pair(&mut self, seen: SeenKey, public: ObjectHandle, label: Option<&str>) -> Result<Key, Error> {
        let key = seen.public.map_err(|why| self.unexpected(format!("The public key is not usable: {why}.")))?;
        let name = self.identity.name();
        let failed = |e: &CryptokiError| rv::fault(&name, e);
        let session = self.session()?;
        let publics = objects::with_id(session, ObjectClass::PUBLIC_KEY, &seen.id, label).map_err(|e| failed(&e))?;
        let privates = objects::with_id(session, ObjectClass::PRIVATE_KEY, &seen.id, label).map_err(|e| failed(&e))?;
        let &[private] = privates.as_slice() else {
            let what = format!(
                "{} private key objects have its id, where one is wanted (they are seen after login only).",
                privates.len()
            );
            return Err(self.unexpected(what));
        };
        if publics != [public] {
            let what = format!("{} public key objects have its id, where one is wanted.", publics.len());
            return Err(self.unexpected(what));
        }
        let attributes = objects::attributes(session, private).map_err(|e| failed(&e))?;
        let algorithm =
            key.key_algorithm().ok_or_else(|| self.unexpected("its algorithm is not one to sign with.".into()))?;
        self.pairs.push(Pair { private, public });
        let (handle, epoch) = (self.pairs.len() - 1, self.epoch);
        Ok(Key { algorithm, public: key, label: seen.label, id: seen.id, attributes, handle, epoch })
    }

    pub(super) fn unexpected(&self, what: String) -> Error {
        let what = format!("{}: {what}", self.identity.name());
        Refusal::new(Rule::TokenIsExpected, what, "Make sure that this is the right token; nothing was done with it.")
            .into()
    }

    /// The session, where one is open.
    pub(super) fn open_session(&self) -> Result<&Session, CryptokiError> {
        self.session.as_ref().ok_or(CryptokiError::Pkcs11(RvError::SessionClosed, Function::GetSessionInfo))
    }

    /// One signature as the module makes it, not verified.
    pub(super) fn sign_raw(
        &self,
        private: ObjectHandle,
        algorithm: KeyAlgorithm,
        message: &[u8],
        again: Option<PinEntry<'_>>,
    ) -> Result<RawSignature, CryptokiError> {
        // Modules sign the first bytes of whatever ECDSA is given: it gets a digest that we computed, and nothing else.
        let data: Cow<'_, [u8]> = match algorithm {
            KeyAlgorithm::Ed25519 => message.into(),
            KeyAlgorithm::P256 | KeyAlgorithm::Rsa3072 => Sha256::digest(message).to_vec().into(),
            KeyAlgorithm::P384 => Sha384::digest(message).to_vec().into(),
        };
        let session = self.open_session()?.handle();
        let mechanism = objects::signing(algorithm);
        self.module.raw().sign(session, mechanism, private.handle(), &data, again).map(RawSignature::new)
    }

    fn sign_one(
        &mut self,
        private: ObjectHandle,
        key: &Key,
        payload: &Signable,
        pin: Option<PinEntry<'_>>,
    ) -> Result<RawSignature, Error> {
        let again = pin.filter(|_| key.wants_pin_each_time());
        if key.wants_pin_each_time() && again.is_none() {
            let doing = format!("sign with a key of {}", self.identity.name());
            return Err(Fault::new(FaultKind::Other, doing, "this key wants its PIN for each signature").into());
        }
        self.session()?;
        let made = self.sign_raw(private, key.algorithm, payload.bytes(), again);
        let signature = match made {
            Ok(signature) => signature,
            Err(e) => {
                let fault = self.pin_fault(User::User, &e);
                if fault.token_lost() {
                    self.end_session();
                } else {
                    self.renew_session();
                }
                return Err(fault.into());
            }
        };
        if !key.public.verify(payload.bytes(), &signature) {
            return Err(Refusal::new(
                Rule::SignatureVerifies,
                format!("{} returned a signature that its public key does not verify.", self.identity.name()),
                "Do not use this token. The signature was thrown away.",
            )
            .into());
        }
        Ok(signature)
    }
}

impl Drop for Pkcs11Token {
    fn drop(&mut self) {
        self.session = None;
        self.module.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Token for Pkcs11Token {
    fn identity(&self) -> &TokenIdentity {
        &self.identity
    }

    fn pins(&mut self) -> Result<PinStates, Error> {
        let (identity, pins) = self.module.read(self.slot).map_err(|e| self.fault(&e))?;
        if identity.serial != self.identity.serial || identity.label != self.identity.label {
            return Err(self.unexpected(format!("its place was taken by {}.", identity.name())));
        }
        Ok(pins)
    }

    fn login(&mut self, user: User, entry: PinEntry<'_>, last_try: LastTry) -> Result<(), Error> {
        self.pins()?;
        self.keep_last_try(user, last_try)?;
        self.enter(user, entry)
    }

    fn logout(&mut self) -> Result<(), Error> {
        let name = self.identity.name();
        let Some(session) = &self.session else { return Ok(()) };
        let state = session.get_session_info().map(|info| info.session_state());
        let done = match state {
            Ok(SessionState::RoPublic | SessionState::RwPublic) => return Ok(()),
            Ok(_) => session.logout(),
            Err(e) => Err(e),
        };
        self.forget_keys();
        done.map_err(|e| {
            self.end_session();
            rv::fault(&name, &e).into()
        })
    }

    fn public_keys(&mut self) -> Result<Vec<SeenKey>, Error> {
        let name = self.identity.name();
        let found = objects::public_objects(self.session()?).map_err(|e| rv::fault(&name, &e));
        found.map(|all| all.into_iter().map(|(_, seen)| seen).collect()).map_err(|fault| {
            self.end_session();
            fault.into()
        })
    }

    fn find_key(&mut self, wanted: &KeySelector) -> Result<Key, Error> {
        let name = self.identity.name();
        let all = objects::public_objects(self.session()?).map_err(|e| rv::fault(&name, &e))?;
        let is_wanted = |seen: &SeenKey| match wanted {
            KeySelector::Public(public) => seen.public.as_ref() == Ok(public),
            KeySelector::Named { label, id } => seen.label == *label && seen.id == *id,
        };
        let mut found: Vec<_> = all.into_iter().filter(|(_, seen)| is_wanted(seen)).collect();
        let (Some((handle, seen)), 0) = (found.pop(), found.len()) else {
            let count = if found.is_empty() { "No" } else { "More than one" };
            return Err(self.unexpected(format!("{count} public key object is the wanted one.")));
        };
        let label = match wanted {
            KeySelector::Public(_) => None,
            KeySelector::Named { label, .. } => Some(label.as_str()),
        };
        self.only_pair(seen, handle, label)
    }

    fn sign_batch(
        &mut self,
        key: &Key,
        payloads: &[Signable],
        pin: Option<PinEntry<'_>>,
        on_each: &mut dyn FnMut(usize, RawSignature) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        for (index, payload) in payloads.iter().enumerate() {
            let (private, _) = self.pair(key)?;
            let signature = self.sign_one(private, key, payload, pin)?;
            if on_each(index, signature).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), Error> {
        self.end_session();
        // This token does not count while its module is asked whether it may be finalised.
        self.module.open.fetch_sub(1, Ordering::SeqCst);
        let renewed = self.module.renewed();
        if let Ok(module) = &renewed {
            self.module = Arc::clone(module);
        }
        self.module.open.fetch_add(1, Ordering::SeqCst);
        renewed?;
        (self.slot, self.identity) = match self.identity.initialised {
            true => self.module.find(&self.uri())?,
            false => self.module.find_blank(&self.uri())?,
        };
        Ok(())
    }

    fn is_present(&mut self) -> Result<bool, Error> {
        let (uri, initialised) = (self.uri(), self.identity.initialised);
        let tokens = self.module.tokens()?;
        Ok(tokens.iter().any(|listed| {
            listed.token.as_ref().is_ok_and(|(token, _)| token.initialised == initialised && uri.matches(token))
        }))
    }

    fn provision(&mut self) -> Option<&mut dyn Provision> {
        Some(self)
    }

    fn prober(&mut self) -> Option<&mut dyn Probe> {
        Some(self)
    }
}
