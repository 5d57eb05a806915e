//! Preparing a token: initialise, set PINs, make a key.

use cryptoki::object::{Attribute, ObjectClass};

use super::{Pkcs11Token, objects};
use crate::{
    device,
    fault::{Error, Fault, FaultKind},
    keyfile::PrivateKey,
    rules::{Refusal, Rule},
    secret::Pin,
    text::shown,
    token::{Erase, Key, KeyRequest, KeySelector, LastTry, PinEntry, Provision, Token as _, User, new_pin_is_good},
};

/// The longest label of a token, in bytes of UTF-8: the standard's field.
pub const LABEL_MAX: usize = 32;

impl Provision for Pkcs11Token {
    fn initialise(&mut self, label: &str, so_pin: PinEntry<'_>, erase: Erase<'_>) -> Result<(), Error> {
        let padded = padded(label)?;
        self.may_be_erased(erase)?;
        let named_so = self.module.tokens()?.into_iter().filter(|listed| {
            let token = listed.token.as_ref().ok().map(|(token, _)| token);
            listed.slot != self.slot.id() && token.is_some_and(|token| token.initialised && token.label == label)
        });
        if named_so.count() > 0 {
            return Err(Refusal::new(
                Rule::TokenIsExpected,
                format!("Another token is already labelled \"{}\".", shown(label)),
                "Give each token a label of its own, or take the other one out.",
            )
            .into());
        }
        if let PinEntry::Typed(pin) = so_pin {
            let (_, pins) = self.module.read(self.slot).map_err(|e| self.fault(&e))?;
            // Some tokens leave the factory with an SO-PIN and want it here: it is changed afterwards.
            if !pins.so.must_change {
                new_pin_is_good(pin, None, &pins.so)?;
            }
        }
        self.init(label, &padded, so_pin)
    }

    fn wipe(&mut self, so_pin: Option<PinEntry<'_>>, typed: &str, last_try: LastTry) -> Result<(), Error> {
        let Some(so_pin) = so_pin else {
            let doing = format!("wipe {}", self.identity.name());
            return Err(Fault::new(FaultKind::NotSupported, doing, "a token is wiped with its SO-PIN").into());
        };
        let label = self.identity.label.clone();
        let padded = padded(&label)?;
        self.may_be_erased(Erase::TypedSerial(typed))?;
        self.keep_last_try(User::So, last_try)?;
        self.init(&label, &padded, so_pin)
    }

    fn keys_left(&mut self) -> Result<usize, Error> {
        let classes = [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY, ObjectClass::SECRET_KEY];
        Ok(self.with_session(|session| {
            classes.into_iter().try_fold(0, |seen, class| {
                Ok(seen + session.find_objects(&[Attribute::Class(class), Attribute::Token(true)])?.len())
            })
        })?)
    }

    /// C_InitToken takes the user PIN with everything else, and no key that was on it can be seen or used after that.
    fn is_wiped(&mut self) -> Result<bool, Error> {
        Ok(self.pins()?.user.set != Some(true) && self.keys_left()? == 0)
    }

    fn set_user_pin(&mut self, so_pin: &Pin, user_pin: &Pin) -> Result<(), Error> {
        let pins = self.pins()?;
        new_pin_is_good(user_pin, Some(so_pin), &pins.user)?;
        self.keep_last_try(User::So, LastTry::Keep)?;
        self.enter(User::So, PinEntry::Typed(so_pin))?;
        let session = self.session()?.handle();
        let done = self.module.raw().init_pin(session, user_pin).map_err(|e| self.fault(&e));
        self.leave(done)
    }

    fn change_pin(&mut self, user: User, old: &Pin, new: &Pin, last_try: LastTry) -> Result<(), Error> {
        let pins = self.pins()?;
        new_pin_is_good(new, Some(old), pins.of(user))?;
        self.keep_last_try(user, last_try)?;
        self.enter(user, PinEntry::Typed(old))?;
        let session = self.session()?.handle();
        let done = self.module.raw().set_pin(session, old, new).map_err(|e| self.pin_fault(user, &e));
        self.leave(done)
    }

    fn generate_key(&mut self, request: &KeyRequest) -> Result<Key, Error> {
        self.nothing_of_that_name(request)?;
        let (public, private) = objects::templates(request, true);
        let mechanism = objects::generation(request.algorithm);
        self.with_session(|session| session.generate_key_pair(&mechanism, &public, &private))?;
        let wanted = KeySelector::Named { label: request.label.clone(), id: request.id.clone() };
        let key = self.find_key(&wanted)?;
        if key.algorithm != request.algorithm {
            let doing = format!("C_GenerateKeyPair, {}", self.identity.name());
            return Err(
                Fault::new(FaultKind::Other, doing, "the new key is of another algorithm than was asked for").into()
            );
        }
        let good =
            device::not_extractable(&key.attributes).map_err(Error::from).and_then(|_| self.prove_pair(&key, None));
        match good {
            Ok(()) => Ok(key),
            Err(Error::Refused(mut refusal)) => {
                if let Err(error) = self.destroy_key(&key) {
                    refusal.what = format!("{} It could not be destroyed and is still there ({error}).", refusal.what);
                }
                Err(refusal.into())
            }
            // What happened is in doubt: the key is looked at again before anything else.
            fault => fault.map(|()| key),
        }
    }

    fn import_key(&mut self, key: &PrivateKey, request: &KeyRequest) -> Result<Key, Error> {
        self.import(key, request)
    }

    fn clear_half_made(&mut self, request: &KeyRequest) -> Result<usize, Error> {
        let (id, label) = (request.id.as_slice(), Some(request.label.as_str()));
        let cleared = self.with_session(|session| {
            let private = objects::with_id(session, ObjectClass::PRIVATE_KEY, id, label)?;
            let public = objects::with_id(session, ObjectClass::PUBLIC_KEY, id, label)?;
            if !private.is_empty() && !public.is_empty() {
                return Ok(0);
            }
            let half: Vec<_> = private.into_iter().chain(public).collect();
            half.iter().try_for_each(|handle| session.destroy_object(*handle)).map(|()| half.len())
        })?;
        self.forget_keys();
        Ok(cleared)
    }

    fn draw(&mut self, room: &mut [u8]) -> Result<bool, Error> {
        Ok(self.with_session(|session| session.generate_random_slice(room)).map(|()| true)?)
    }

    fn destroy_key(&mut self, key: &Key) -> Result<(), Error> {
        let (private, public) = self.pair(key)?;
        let done =
            self.with_session(|session| session.destroy_object(private).and_then(|()| session.destroy_object(public)));
        self.forget_keys();
        Ok(done?)
    }
}

impl Pkcs11Token {
    /// C_InitToken, and whether it did what it says.
    fn init(&mut self, label: &str, padded: &[u8; LABEL_MAX], so_pin: PinEntry<'_>) -> Result<(), Error> {
        // C_InitToken is refused while a session is open.
        self.end_session();
        let done = self.module.raw().init_token(self.slot.id(), so_pin, padded);
        done.map_err(|e| self.pin_fault(User::So, &e))?;
        // Until the module is loaded again the token keeps its slot, but it may have a new serial.
        let (identity, _) = self.module.read(self.slot).map_err(|e| self.fault(&e))?;
        if !identity.initialised || identity.label != label {
            let doing = format!("C_InitToken, {}", self.identity.name());
            return Err(
                Fault::new(FaultKind::Other, doing, "the token says OK and does not carry the new label").into()
            );
        }
        self.identity = identity;
        Ok(())
    }

    fn may_be_erased(&self, erase: Erase<'_>) -> Result<(), Error> {
        // What the token says now, not when it was opened.
        let (now, _) = self.module.read(self.slot).map_err(|e| self.fault(&e))?;
        let allowed = match erase {
            Erase::NothingThere => !now.initialised,
            Erase::TypedSerial(typed) => !now.initialised || (!typed.is_empty() && typed == now.told_by()),
        };
        if now.serial != self.identity.serial || now.label != self.identity.label {
            return Err(self.unexpected(format!("its place was taken by {}.", now.name())));
        }
        if !allowed {
            return Err(Refusal::new(
                Rule::TokenInitialisedOnce,
                format!("{} is initialised already, and everything on it would be gone.", now.name()),
                "Insert a blank token; or type this token's serial (its label, where the serial does not tell) to have it wiped.",
            )
            .into());
        }
        Ok(())
    }

    /// Two objects of one label or id are told apart by no module in the same way, and one module overwrites.
    pub(super) fn nothing_of_that_name(&mut self, request: &KeyRequest) -> Result<(), Error> {
        let names = [Attribute::Id(request.id.clone()), Attribute::Label(request.label.clone().into_bytes())];
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
            for name in &names {
                let template = [Attribute::Class(class), name.clone()];
                if !self.with_session(|session| session.find_objects(&template))?.is_empty() {
                    let (token, label) = (self.identity.name(), shown(&request.label));
                    return Err(Refusal::new(
                        Rule::OutputFresh,
                        format!("{token} already holds a key of label \"{label}\" or of that id."),
                        "Look at the key that is there before making another; name the new one differently.",
                    )
                    .into());
                }
            }
        }
        Ok(())
    }

    /// Logs out after `done`, whatever it was.
    fn leave(&mut self, done: Result<(), Fault>) -> Result<(), Error> {
        let left = self.logout();
        done?;
        left
    }
}

/// A label in the standard's field: refused where a module would cut it in silence.
fn padded(label: &str) -> Result<[u8; LABEL_MAX], Fault> {
    let bytes = label.as_bytes();
    if bytes.is_empty() || bytes.len() > LABEL_MAX || label.trim() != label || label.contains(crate::text::paints) {
        return Err(Fault::new(
            FaultKind::NotSupported,
            format!("label a token \"{}\"", shown(label)),
            format!("a label has 1 to {LABEL_MAX} bytes, no invisible characters, and no space at its ends"),
        ));
    }
    let mut padded = [b' '; LABEL_MAX];
    padded[..bytes.len()].copy_from_slice(bytes);
    Ok(padded)
}
