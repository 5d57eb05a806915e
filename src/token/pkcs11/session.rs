//! The one session and the one login of a token, and what happens to them when a call fails.

use std::sync::{Arc, atomic::Ordering};

use cryptoki::{
    context::Function,
    error::{Error as CryptokiError, RvError},
    object::ObjectHandle,
    session::{Session, SessionState},
    slot::Slot,
};
use cryptoki_sys::{CKU_SO, CKU_USER};

use super::{Module, TokenUri, raw, rv};
use crate::{
    device::{TokenIdentity, Tries},
    fault::{Error, Fault, FaultKind},
    rules::{Refusal, Rule},
    token::{LastTry, PinEntry, User},
};

/// A token behind a PKCS#11 module.
pub struct Pkcs11Token {
    // Dropped first: a session ends before its module may be finalised.
    session: Option<Session>,
    pub(super) module: Arc<Module>,
    pub(super) slot: Slot,
    pub(super) identity: TokenIdentity,
    /// Pairs that were found since the last login; a [`Key`] holds an index.
    pub(super) pairs: Vec<Pair>,
    /// Counts logins, logouts and reopenings: handles of private objects do not outlive one on every module.
    pub(super) epoch: u64,
}

#[derive(Clone, Copy)]
pub(super) struct Pair {
    pub(super) private: ObjectHandle,
    pub(super) public: ObjectHandle,
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

    /// Does `work` in the session. After a failure the session is ended where the token is gone, and renewed where it is not.
    pub(super) fn with_session<T>(
        &mut self,
        work: impl FnOnce(&Session) -> Result<T, CryptokiError>,
    ) -> Result<T, Fault> {
        let done = work(self.session()?);
        done.map_err(|e| {
            let fault = self.fault(&e);
            self.recover(&fault);
            fault
        })
    }

    pub(super) fn recover(&mut self, fault: &Fault) {
        if fault.token_lost() { self.end_session() } else { self.renew_session() }
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

    /// Logs out, where somebody is logged in through this session.
    pub(super) fn end_login(&mut self) -> Result<(), Fault> {
        if self.session.is_none() {
            return Ok(());
        }
        let was_in = self.with_session(|session| match session.get_session_info()?.session_state() {
            SessionState::RoPublic | SessionState::RwPublic => Ok(false),
            _ => session.logout().map(|()| true),
        })?;
        if was_in {
            self.forget_keys();
        }
        Ok(())
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
        self.end_login()?;
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

    /// The session, where one is open.
    pub(super) fn open_session(&self) -> Result<&Session, CryptokiError> {
        self.session.as_ref().ok_or(CryptokiError::Pkcs11(RvError::SessionClosed, Function::GetSessionInfo))
    }
}

impl Drop for Pkcs11Token {
    fn drop(&mut self) {
        self.session = None;
        self.module.open.fetch_sub(1, Ordering::SeqCst);
    }
}
