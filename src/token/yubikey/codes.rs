//! PIN, PUK and management key: what state they are in, and that none is spent or left as the factory set it.

use yubikey::piv::{self, ManagementSlotId, SlotId};

use super::{Firmware, YubiKeyToken};
use crate::{
    device::PinState,
    fault::{Error, Fault, FaultKind, Tries},
    rules::{Refusal, Rule},
    secret::Pin,
    token::{LastTry, Token as _, User},
};

/// The shortest PIN and PUK, in bytes.
pub(super) const PIN_MIN: usize = 6;
/// The longest.
pub(super) const PIN_MAX: usize = 8;

/// The state of PIN or PUK.
pub(super) struct Code {
    pub(super) default: bool,
    pub(super) total: u8,
    pub(super) left: u8,
}

impl Code {
    pub(super) fn state(&self) -> PinState {
        PinState {
            set: Some(!self.default),
            tries: if self.left == 0 { Tries::Locked } else { Tries::Left(self.left.into()) },
            must_change: self.default,
            min: PIN_MIN,
            max: Some(PIN_MAX),
        }
    }
}

/// What people call the code of this user.
pub(super) const fn own_name(user: User) -> &'static str {
    match user {
        User::User => "PIN",
        User::So => "PUK",
    }
}

impl YubiKeyToken {
    fn metadata(&mut self, of: ManagementSlotId) -> Result<piv::SlotMetadata, Fault> {
        self.send("ask for the state of PIN, PUK and management key", |yubikey| {
            piv::metadata(yubikey, SlotId::Management(of))
        })
    }

    /// PIN or PUK: whether it is the factory's, how many tries it has in all, how many are left.
    pub(super) fn code(&mut self, of: ManagementSlotId) -> Result<Code, Fault> {
        let told = self.metadata(of)?;
        let retries = told.retries.as_ref();
        Ok(Code {
            default: told.default == Some(true),
            // The crate's names: `retry_count` is all of them, `remaining_count` what is left.
            total: retries.map_or(0, |retries| retries.retry_count),
            left: retries.map_or(0, |retries| retries.remaining_count),
        })
    }

    /// Whether the management key is the published one.
    pub(super) fn has_default_management_key(&mut self) -> Result<bool, Fault> {
        Ok(self.metadata(ManagementSlotId::Management)?.default == Some(true))
    }

    /// `PIN-NOT-DEFAULT`: which of PIN, PUK and management key are still the factory's. Firmware before 5.3 does not tell.
    ///
    /// # Errors
    /// A fault.
    pub fn defaults(&mut self) -> Result<Vec<&'static str>, Error> {
        if self.firmware < Firmware::WITH_METADATA {
            return Ok(vec![]);
        }
        let found = [
            (self.code(ManagementSlotId::Pin)?.default, "PIN"),
            (self.code(ManagementSlotId::Puk)?.default, "PUK"),
            (self.has_default_management_key()?, "management key"),
        ];
        Ok(found.into_iter().filter(|(default, _)| *default).map(|(_, name)| name).collect())
    }

    /// `PIN-NOT-DEFAULT`, to be asked before a ceremony ends.
    ///
    /// # Errors
    /// The refusal; a fault.
    pub fn no_default_is_left(&mut self) -> Result<(), Error> {
        let left = self.defaults()?;
        if left.is_empty() {
            return Ok(());
        }
        let (name, left) = (self.identity.name(), left.join(" and "));
        Err(Refusal::new(
            Rule::PinNotDefault,
            format!("{name} still has the {left} of the factory, which everybody knows."),
            "Prepare it before it is used. Where its key has to stay, change what is named with its maker's tool (ykman piv access), and try \
             again.",
        )
        .into())
    }

    /// `PIN-TRIES-LEFT`.
    pub(super) fn keep_last_try(&mut self, user: User, last_try: LastTry) -> Result<(), Error> {
        let tries = self.pins()?.of(user).tries;
        if last_try == LastTry::Keep && matches!(tries, Tries::LastTry | Tries::Left(0 | 1)) {
            return Err(Refusal::new(
                Rule::PinTriesLeft,
                format!("{} has one try left for its {}.", self.identity.name(), own_name(user)),
                "Make sure of it first; then confirm that the last try may be spent.",
            )
            .into());
        }
        Ok(())
    }

    /// Sends the PIN. A PIN that cannot be right by its length costs no try.
    pub(super) fn verify(&mut self, pin: &Pin) -> Result<(), Fault> {
        if !(PIN_MIN..=PIN_MAX).contains(&pin.len()) {
            let cause = format!("a PIN has {PIN_MIN} to {PIN_MAX} characters; nothing was sent");
            return Err(Fault::new(FaultKind::PinNotAcceptable, self.card.doing("verify the PIN"), cause));
        }
        let sent = self.send("verify the PIN", |yubikey| yubikey.verify_pin(pin.expose()));
        (self.user, self.fresh) = (sent.is_ok(), sent.is_ok());
        match &sent {
            Ok(()) => self.told = Tries::TokenDoesNotTell,
            Err(fault) => match fault.kind {
                FaultKind::PinIncorrect { tries } => self.told = tries,
                FaultKind::PinLocked => self.told = Tries::Locked,
                _ => {}
            },
        }
        sent
    }
}
