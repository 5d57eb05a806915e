//! What a YubiKey does as a token: checks its PIN, finds keys, signs.

use std::ops::ControlFlow;

use yubikey::{Error as Raw, piv::ManagementSlotId};

use super::{
    Firmware, NATIVE, OnTouch, Settings, Slot,
    card::{self, Card, Seen},
    codes::{PIN_MAX, PIN_MIN},
    slots::{self, Held},
};
use crate::{
    device::{KeyAttributes, ModuleIdentity, PinState, PinStates, TokenIdentity},
    digest::Digest,
    fault::{Error, Fault, FaultKind, Tries},
    readback::Signable,
    rules::{Refusal, Rule},
    secret::ManagementKeys,
    text::shown,
    token::{
        Attest, Key, KeySelector, LastTry, PinEntry, Probe, Provision, RawSignature, SeenKey, Token, User,
        quirks::Trust,
    },
};

/// The tries that PIN and PUK have in the factory.
const FACTORY_TRIES: u8 = 3;
/// A YubiKey.
pub struct YubiKeyToken {
    pub(super) card: Card,
    pub(super) identity: TokenIdentity,
    pub(super) firmware: Firmware,
    pub(super) settings: Settings,
    pub(super) trust: Trust,
    /// Management keys that are kept on no YubiKey.
    pub(super) management: ManagementKeys,
    held: Vec<Held>,
    /// Counts logins, logouts and reopenings, as a [`Key`] does.
    epoch: u64,
    /// The PIN was verified with the handle that is open.
    pub(super) user: bool,
    /// And it was the last thing that was sent: a key that wants its PIN each time takes it.
    pub(super) fresh: bool,
    /// What old firmware said of the tries when its PIN was last used.
    pub(super) told: Tries,
    pub(super) on_touch: Option<OnTouch>,
}

impl YubiKeyToken {
    pub(super) fn open(serial: u32, settings: Settings, trust: Trust) -> Result<Self, Error> {
        let here = card::present()?;
        let seen = here.iter().find(|seen| seen.serial == serial).ok_or_else(|| card::not_there(serial, &here))?;
        let mut token = Self {
            card: Card::new(serial),
            identity: identity(seen, trust),
            firmware: seen.firmware,
            settings,
            trust,
            management: ManagementKeys::default(),
            held: vec![],
            epoch: 0,
            user: false,
            fresh: false,
            told: Tries::TokenDoesNotTell,
            on_touch: None,
        };
        token.renew()?;
        Ok(token)
    }

    /// Calls `on_touch` before each wait for a touch from now on. A touch that nobody gave is then asked for again, three times in
    /// all.
    pub fn when_it_blinks(&mut self, on_touch: OnTouch) {
        self.on_touch = Some(on_touch);
    }

    /// Whether a signature with some key that was seen on it may wait for a touch.
    pub fn may_blink(&self) -> bool {
        self.held.iter().any(Held::wants_touch)
    }

    /// How this YubiKey makes keys.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Opens it anew and finds out whether it was prepared.
    pub(super) fn renew(&mut self) -> Result<(), Error> {
        self.forget();
        if self.firmware < Firmware::WITH_METADATA {
            // Asked for right after opening: once a PIN was verified, the crate takes "it is verified" for "it is blocked".
            let left = self.card.with("ask for the tries of the PIN", |yubikey| yubikey.get_pin_retries())?;
            self.told = if left == 0 { Tries::Locked } else { Tries::Left(left.into()) };
        }
        self.identity.initialised = !self.is_as_from_the_factory()?;
        Ok(())
    }

    /// Drops the handle, which resets the card.
    pub(super) fn forget(&mut self) {
        self.card.close();
        self.held.clear();
        self.epoch += 1;
        (self.user, self.fresh) = (false, false);
    }

    /// Everything that is sent to the card goes through here, so that it is known what was sent last.
    pub(super) fn send<T>(
        &mut self,
        doing: &str,
        work: impl FnOnce(&mut yubikey::YubiKey) -> Result<T, Raw>,
    ) -> Result<T, Fault> {
        let sent = self.try_send(doing, work)?;
        sent.map_err(|error| self.card.fault(doing, error))
    }

    pub(super) fn try_send<T>(
        &mut self,
        doing: &str,
        work: impl FnOnce(&mut yubikey::YubiKey) -> Result<T, Raw>,
    ) -> Result<Result<T, Raw>, Fault> {
        self.fresh = false;
        // A handle that was lost took the login with it: nothing goes on as if it had not.
        if self.user && !self.card.is_open() {
            self.forget();
            return Err(Fault::new(FaultKind::TokenLost, self.card.doing(doing), "its PIN has to be typed again"));
        }
        let sent = self.card.try_with(doing, work);
        if sent.as_ref().is_err_and(Fault::token_lost) {
            self.forget();
        }
        sent
    }

    fn is_as_from_the_factory(&mut self) -> Result<bool, Error> {
        let held = self.look()?.is_empty();
        if self.firmware < Firmware::WITH_METADATA {
            return Ok(false);
        }
        let (pin, puk) = (self.code(ManagementSlotId::Pin)?, self.code(ManagementSlotId::Puk)?);
        let codes = [&pin, &puk].iter().all(|code| code.default && code.total == FACTORY_TRIES);
        Ok(held && codes && self.has_default_management_key()?)
    }

    /// What is in the slots now.
    pub(super) fn look(&mut self) -> Result<&[Held], Fault> {
        self.held = self.send("look into the slots", slots::all)?;
        Ok(&self.held)
    }

    pub(super) fn held(&self) -> &[Held] {
        &self.held
    }

    pub(super) fn wants_login(&self, doing: &str) -> Result<(), Fault> {
        if self.user && self.card.is_open() {
            return Ok(());
        }
        Err(Fault::new(FaultKind::TokenLost, self.card.doing(doing), "its PIN has to be typed first"))
    }

    pub(super) fn unexpected(&self, what: String) -> Error {
        let what = format!("{}: {what}", self.identity.name());
        Refusal::new(Rule::TokenIsExpected, what, "Make sure that this is the right YubiKey; nothing was done with it.")
            .into()
    }

    pub(super) fn key_of(&self, held: &Held) -> Result<Key, Error> {
        let public = held.public.clone().map_err(|why| self.unexpected(format!("the key is not usable: {why}.")))?;
        let algorithm =
            public.key_algorithm().ok_or_else(|| self.unexpected("its algorithm is not one to sign with.".into()))?;
        let made_here = held.imported.map(|imported| !imported);
        let attributes = KeyAttributes {
            token: Some(true),
            // The applet has no command that gives a private key out.
            sensitive: Some(true),
            extractable: Some(false),
            always_sensitive: made_here,
            never_extractable: made_here,
            local: made_here,
            sign: Some(true),
            always_authenticate: Some(held.wants_pin_each_time()),
            ..KeyAttributes::default()
        };
        Ok(Key {
            public,
            algorithm,
            label: held.label.clone(),
            id: vec![held.slot.number()],
            attributes,
            handle: held.slot.number().into(),
            epoch: self.epoch,
        })
    }

    pub(super) fn slot_of(&self, key: &Key) -> Result<Held, Fault> {
        let held = self.held.iter().find(|held| usize::from(held.slot.number()) == key.handle);
        held.filter(|_| key.epoch == self.epoch).cloned().ok_or_else(|| {
            let doing = self.card.doing("use a key");
            Fault::new(FaultKind::TokenLost, doing, "it was found before the last login; find it again")
        })
    }
}

/// Whether a YubiKey behind this reader types: its name, as USB has it, lists the interfaces that are on (`YubiKey OTP+FIDO+CCID`). A
/// reader that the YubiKey is only held against does not tell, and there it does not type either.
fn types_passwords(reader: &str) -> bool {
    let interfaces = reader.to_ascii_uppercase();
    interfaces.split(|c: char| !c.is_ascii_alphanumeric()).any(|interface| interface == "OTP")
}

fn identity(seen: &Seen, trust: Trust) -> TokenIdentity {
    let mut identity = TokenIdentity {
        module: ModuleIdentity {
            path: NATIVE.into(),
            // No file was loaded: the driver is part of the program, whose own digest stands in entry 0. This is that of the name.
            sha256: Digest::of(NATIVE.as_bytes()),
            manufacturer: "officiant".into(),
            description: "native driver for YubiKeys".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        },
        label: String::new(),
        serial: seen.serial.to_string(),
        manufacturer: "Yubico".into(),
        model: format!("YubiKey {}", seen.firmware.0),
        firmware: seen.firmware.to_string(),
        initialised: true,
        pin_pad: false,
        types: types_passwords(&seen.reader),
        software: None,
    };
    identity.software = trust.software(&identity);
    identity
}

impl Token for YubiKeyToken {
    fn identity(&self) -> &TokenIdentity {
        &self.identity
    }

    fn pins(&mut self) -> Result<PinStates, Error> {
        if self.firmware < Firmware::WITH_METADATA {
            let unknown = |tries| PinState { set: None, tries, must_change: false, min: PIN_MIN, max: Some(PIN_MAX) };
            return Ok(PinStates { user: unknown(self.told), so: unknown(Tries::TokenDoesNotTell) });
        }
        let user = self.code(ManagementSlotId::Pin)?.state();
        let so = self.code(ManagementSlotId::Puk)?.state();
        Ok(PinStates { user, so })
    }

    fn login(&mut self, user: User, entry: PinEntry<'_>, last_try: LastTry) -> Result<(), Error> {
        let doing = self.card.doing("log in");
        let (User::User, PinEntry::Typed(pin)) = (user, entry) else {
            let cause = "only its PIN logs in, typed at this machine; the PUK sets a new PIN and does nothing else";
            return Err(Fault::new(FaultKind::NotSupported, doing, cause).into());
        };
        self.keep_last_try(user, last_try)?;
        self.epoch += 1;
        // Everything that is to be known of the keys is asked before the PIN: what comes between it and a signature can spoil it.
        self.look()?;
        Ok(self.verify(pin)?)
    }

    fn logout(&mut self) -> Result<(), Error> {
        if self.user {
            self.forget();
        }
        Ok(())
    }

    fn public_keys(&mut self) -> Result<Vec<SeenKey>, Error> {
        let seen = |held: &Held| SeenKey {
            label: held.label.clone(),
            id: vec![held.slot.number()],
            public: held.public.clone(),
        };
        Ok(self.look()?.iter().map(seen).collect())
    }

    fn find_key(&mut self, wanted: &KeySelector) -> Result<Key, Error> {
        // What was seen when somebody logged in still holds: nothing is asked between the PIN and a signature.
        if !self.user {
            self.look()?;
        }
        let is_wanted = |held: &&Held| match wanted {
            KeySelector::Public(public) => held.public.as_ref() == Ok(public),
            KeySelector::Named { label, id } => {
                *id == [held.slot.number()] && (held.label == *label || !held.certified)
            }
        };
        let found: Vec<_> = self.held.iter().filter(is_wanted).collect();
        match found.as_slice() {
            [held] => self.key_of(held),
            [] => Err(self.unexpected("no slot holds the wanted key.".into())),
            several => {
                let slots: Vec<_> = several.iter().map(|held| held.slot.to_string()).collect();
                Err(self.unexpected(format!("the wanted key is in several slots ({}).", slots.join(", "))))
            }
        }
    }

    fn sign_batch(
        &mut self,
        key: &Key,
        payloads: &[Signable],
        pin: Option<PinEntry<'_>>,
        on_each: &mut dyn FnMut(usize, RawSignature) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let held = self.slot_of(key)?;
        let pin = match pin {
            Some(PinEntry::Typed(pin)) => Some(pin),
            _ => None,
        };
        // A PIN that was not right a moment ago is only sent where a try is left for it.
        if held.wants_pin_each_time() && !self.user {
            self.keep_last_try(User::User, LastTry::Keep)?;
        }
        for (number, payload) in payloads.iter().enumerate() {
            let signature = self.sign_one(key, &held, number, payload, pin)?;
            if on_each(number, signature).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), Error> {
        self.forget();
        let here = card::present()?;
        let seen = here.iter().find(|seen| seen.serial == self.card.serial);
        seen.ok_or_else(|| card::not_there(self.card.serial, &here))?;
        self.renew()
    }

    fn is_present(&mut self) -> Result<bool, Error> {
        // It may have been out in between: a handle that holds no login is opened anew when it is next wanted.
        if !self.user {
            self.card.close();
        }
        Ok(card::present()?.iter().any(|seen| seen.serial == self.card.serial))
    }

    fn provision(&mut self) -> Option<&mut dyn Provision> {
        (self.firmware >= Firmware::WITH_METADATA).then_some(self as &mut dyn Provision)
    }

    fn prober(&mut self) -> Option<&mut dyn Probe> {
        None
    }

    fn attester(&mut self) -> Option<&mut dyn Attest> {
        Some(self)
    }
}

impl YubiKeyToken {
    /// `OUTPUT-FRESH`: the slot is empty, and no other holds a key of this label.
    pub(super) fn is_free(&mut self, slot: Slot, label: &str) -> Result<(), Error> {
        let taken =
            self.look()?.iter().find(|held| held.slot == slot || (held.certified && held.label == label)).cloned();
        match taken {
            None => Ok(()),
            Some(held) => Err(Refusal::new(
                Rule::OutputFresh,
                format!(
                    "{} already holds a key in slot {} (label \"{}\").",
                    self.identity.name(),
                    held.slot,
                    shown(&held.label)
                ),
                "Look at the key that is there before making another. A slot is emptied by preparing the YubiKey anew.",
            )
            .into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::types_passwords;

    #[test]
    fn the_name_of_the_reader_tells_whether_a_touch_may_type() {
        for (reader, types) in [
            ("Yubico YubiKey OTP+FIDO+CCID 00 00", true),
            ("Yubico Yubikey 4 OTP+U2F+CCID 01 00", true),
            ("Yubico YubiKey OTP+CCID", true),
            ("Yubico YubiKey FIDO+CCID 00 00", false),
            ("Yubico YubiKey CCID", false),
            ("HID Global OMNIKEY 5022 Smart Card Reader 00 00", false),
            ("Some Laptop Reader 00 00", false),
        ] {
            assert_eq!(types_passwords(reader), types, "{reader}");
        }
    }
}
