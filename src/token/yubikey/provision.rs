//! A YubiKey is prepared: reset → tries → PIN → PUK → management key. The tries come first, because setting them brings the factory's
//! PIN and PUK back; the management key (`management.rs`) comes last, because it may be kept behind the new PIN.

use yubikey::{Error as Raw, MgmKey, YubiKey, piv::ManagementSlotId};

use super::{
    YubiKeyToken,
    codes::{PIN_MAX, PIN_MIN, own_name},
};
use crate::{
    device::{
        self, PinState,
        yubikey::{Firmware, keeps_keys},
    },
    fault::{Error, Fault, FaultKind},
    keyfile::PrivateKey,
    rules::{Refusal, Rule},
    secret::Pin,
    token::{Erase, Key, KeyRequest, LastTry, PinEntry, Provision, Tries, User, new_pin_is_good},
};

/// What everybody knows.
pub(super) const FACTORY_PIN: &[u8] = b"123456";
const FACTORY_PUK: &[u8] = b"12345678";
/// Commands until PIN and PUK are blocked: each has at most 255 tries, and a guess may be right.
const GUESSES: usize = 300;

impl Provision for YubiKeyToken {
    /// Resets a used YubiKey and sets the tries. A YubiKey has no label: `label` is not kept. `so_pin` is its PUK to be; it is looked
    /// at here, and set by [`Provision::set_user_pin`], after the PIN.
    fn initialise(&mut self, _label: &str, so_pin: PinEntry<'_>, erase: Erase<'_>) -> Result<(), Error> {
        let doing = self.card.doing("prepare");
        let PinEntry::Typed(puk) = so_pin else {
            return Err(Fault::new(FaultKind::NotSupported, doing, "it has no PIN pad").into());
        };
        new_pin_is_good(puk, None, &bounds())?;
        self.reopen_unless_renewed()?;
        self.may_be_erased(erase)?;
        if self.identity.initialised {
            self.reset()?;
        }
        self.set_tries()?;
        self.renew()
    }

    /// Sets PIN, PUK and management key, each where it is still the factory's; a PIN that is not is set anew with the PUK. What an
    /// earlier call did not come to is done by the next.
    fn set_user_pin(&mut self, so_pin: &Pin, user_pin: &Pin) -> Result<(), Error> {
        new_pin_is_good(user_pin, Some(so_pin), &bounds())?;
        let (pin, puk) = (self.code(ManagementSlotId::Pin)?, self.code(ManagementSlotId::Puk)?);
        if puk.default {
            new_pin_is_good(so_pin, Some(user_pin), &bounds())?;
        } else {
            self.keep_last_try(User::So, LastTry::Keep)?;
        }
        let new = user_pin.expose();
        if pin.default && pin.left > 0 {
            self.set_code(User::User, "set the PIN", |yubikey| yubikey.change_pin(FACTORY_PIN, new))?;
        } else {
            let puk = if puk.default { FACTORY_PUK } else { so_pin.expose() };
            self.set_code(User::So, "set the PIN with the PUK", |yubikey| yubikey.unblock_pin(puk, new))?;
        }
        if puk.default {
            let new = so_pin.expose();
            self.set_code(User::So, "set the PUK", |yubikey| yubikey.change_puk(FACTORY_PUK, new))?;
        }
        if self.has_default_management_key()? {
            self.make_management_key(user_pin)?;
        }
        self.renew()
    }

    fn change_pin(&mut self, user: User, old: &Pin, new: &Pin, last_try: LastTry) -> Result<(), Error> {
        new_pin_is_good(new, Some(old), &bounds())?;
        self.keep_last_try(user, last_try)?;
        let (old, new) = (old.expose(), new.expose());
        let doing = format!("change the {}", own_name(user));
        if !(PIN_MIN..=PIN_MAX).contains(&old.len()) {
            let cause = format!("it has {PIN_MIN} to {PIN_MAX} characters; nothing was sent");
            return Err(Fault::new(FaultKind::PinNotAcceptable, self.card.doing(&doing), cause).into());
        }
        self.set_code(user, &doing, |yubikey| match user {
            User::User => yubikey.change_pin(old, new),
            User::So => yubikey.change_puk(old, new),
        })?;
        self.forget();
        Ok(())
    }

    /// Makes a key in the slot of the [settings](super::Settings) and writes its certificate. There are no two objects that could
    /// differ, and no signature is asked for: the key shows that it works when the YubiKey is opened again.
    fn generate_key(&mut self, request: &KeyRequest) -> Result<Key, Error> {
        keeps_keys(self.firmware, request.algorithm, self.settings.old_firmware)?;
        let key = self.make_key(request)?;
        device::not_extractable(&key.attributes)?;
        Ok(key)
    }

    fn import_key(&mut self, key: &PrivateKey, request: &KeyRequest) -> Result<Key, Error> {
        self.bring_key(key, request)
    }

    /// A key without its certificate is whole, and found: nothing is destroyed.
    fn clear_half_made(&mut self, _request: &KeyRequest) -> Result<usize, Error> {
        Ok(0)
    }

    /// Resets the PIV part, whatever state its codes are in. The key that attests stays.
    fn wipe(&mut self, _so_pin: Option<PinEntry<'_>>, typed: &str, _last_try: LastTry) -> Result<(), Error> {
        self.reopen_unless_renewed()?;
        if typed != self.identity.told_by() {
            self.may_be_erased(Erase::NothingThere)?;
        }
        self.reset()?;
        self.renew()
    }

    fn keys_left(&mut self) -> Result<usize, Error> {
        Ok(self.look()?.len())
    }

    /// Old firmware does not tell whether its codes are the factory's: there the slots alone are looked at.
    fn is_wiped(&mut self) -> Result<bool, Error> {
        let tells = self.firmware >= Firmware::WITH_METADATA;
        Ok(self.look()?.is_empty() && (!tells || !self.identity.initialised))
    }

    fn destroy_key(&mut self, _key: &Key) -> Result<(), Error> {
        let doing = self.card.doing("destroy a key");
        let cause = "this driver destroys no single key; the YubiKey is reset as a whole when it is prepared";
        Err(Fault::new(FaultKind::NotSupported, doing, cause).into())
    }
}

/// What PINs and PUKs may be.
fn bounds() -> PinState {
    let (min, max) = (PIN_MIN, Some(PIN_MAX));
    PinState { set: None, tries: Tries::TokenDoesNotTell, must_change: false, min, max }
}

impl YubiKeyToken {
    fn reopen_unless_renewed(&mut self) -> Result<(), Error> {
        // What it says now, not when it was opened.
        crate::token::Token::reopen(self)
    }

    fn may_be_erased(&self, erase: Erase<'_>) -> Result<(), Error> {
        let allowed = match erase {
            Erase::NothingThere => !self.identity.initialised,
            Erase::TypedSerial(typed) => !self.identity.initialised || typed == self.identity.told_by(),
        };
        if allowed {
            return Ok(());
        }
        Err(Refusal::new(
            Rule::TokenInitialisedOnce,
            format!("{} is in use already, and everything on it would be gone.", self.identity.name()),
            "Insert a new YubiKey; or type the serial of this one to have it wiped.",
        )
        .into())
    }

    /// Blocks PIN and PUK by wrong guesses, which is the only way to a reset, and resets. The key that attests stays.
    fn reset(&mut self) -> Result<(), Error> {
        let random = || -> Result<[u8; 8], Fault> {
            let mut guess = [0; 8];
            getrandom::fill(&mut guess).map_err(|error| Fault::machine("draw a random PIN", error))?;
            Ok(guess.map(|byte| b'0' + byte % 10))
        };
        for user in [User::User, User::So] {
            let doing = format!("block the {} before a reset", own_name(user));
            let mut guesses = 0;
            loop {
                let (guess, new) = (random()?, random()?);
                let tried = self.try_send(&doing, |yubikey| match user {
                    User::User => yubikey.verify_pin(&guess),
                    User::So => yubikey.change_puk(&guess, &new),
                })?;
                match tried {
                    Err(Raw::WrongPin { tries: 0 } | Raw::PinLocked) => break,
                    // Wrong, as it should be; or right by chance, and then the next is not.
                    Ok(()) | Err(Raw::WrongPin { .. }) if guesses < GUESSES => guesses += 1,
                    Ok(()) => {
                        return Err(Fault::new(FaultKind::Other, self.card.doing(&doing), "it never blocks").into());
                    }
                    Err(error) => return Err(self.card.fault(&doing, error).into()),
                }
            }
        }
        self.send("reset", YubiKey::reset_device)?;
        self.management.forget(self.card.serial);
        self.forget();
        Ok(())
    }

    /// Sets the tries, which wants the factory's PIN and management key and brings both codes of the factory back.
    fn set_tries(&mut self) -> Result<(), Error> {
        let (pin, puk) = self.settings.tries;
        self.send("verify the factory's PIN", |yubikey| yubikey.verify_pin(FACTORY_PIN))?;
        self.send("use the factory's management key", |yubikey| {
            let key = MgmKey::get_default(yubikey)?;
            yubikey.authenticate(&key)
        })?;
        Ok(self.send("set the tries of PIN and PUK", |yubikey| yubikey.set_pin_retries(pin, puk))?)
    }

    /// A command that sets a PIN or PUK; `user` says whose code it wants. The YubiKey's own refusal of a new code has no name.
    fn set_code(
        &mut self,
        user: User,
        doing: &str,
        work: impl FnOnce(&mut YubiKey) -> Result<(), Raw>,
    ) -> Result<(), Fault> {
        match self.try_send(doing, work)? {
            Ok(()) => Ok(()),
            Err(Raw::GenericError) => Err(Fault::new(
                FaultKind::PinNotAcceptable,
                self.card.doing(doing),
                "the YubiKey itself refuses it (its length, or it is too simple)",
            )),
            Err(error) => {
                let mut fault = self.card.fault(doing, error);
                fault.cause = format!("{} {}", own_name(user), fault.cause);
                Err(fault)
            }
        }
    }
}
