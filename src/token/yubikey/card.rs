//! The handle of one YubiKey, and what an error of the crate means.

use yubikey::{Error as Raw, Serial, YubiKey, reader::Context};

use crate::{
    device::yubikey::Firmware,
    fault::{Error, Fault, FaultKind, Tries},
    rules::{Refusal, Rule},
};

/// One YubiKey, open or not.
pub(super) struct Card {
    pub(super) serial: u32,
    handle: Option<YubiKey>,
}

impl Card {
    pub(super) fn new(serial: u32) -> Self {
        Self { serial, handle: None }
    }

    /// Drops the handle. That resets the card: whatever was verified is forgotten.
    pub(super) fn close(&mut self) {
        self.handle = None;
    }

    /// The handle, opened where there is none. A handle that failed is never taken up again (`reconnect` would send the PIN).
    pub(super) fn handle(&mut self) -> Result<&mut YubiKey, Fault> {
        if self.handle.is_none() {
            let opened = YubiKey::open_by_serial(Serial(self.serial));
            self.handle = Some(opened.map_err(|error| self.fault("open", error))?);
        }
        Ok(self.handle.as_mut().expect("opened above"))
    }

    pub(super) fn is_open(&self) -> bool {
        self.handle.is_some()
    }

    /// Does `work` with the handle. After an error that says nothing, the card is looked at: it may have been pulled.
    pub(super) fn with<T>(
        &mut self,
        doing: &str,
        work: impl FnOnce(&mut YubiKey) -> Result<T, Raw>,
    ) -> Result<T, Fault> {
        self.try_with(doing, work)?.map_err(|error| self.fault(doing, error))
    }

    /// The same, where the caller knows what an error of the card itself means; a fault is that the card is gone.
    pub(super) fn try_with<T>(
        &mut self,
        doing: &str,
        work: impl FnOnce(&mut YubiKey) -> Result<T, Raw>,
    ) -> Result<Result<T, Raw>, Fault> {
        let handle = self.handle()?;
        let done = work(handle);
        let gone = match done {
            Err(Raw::PcscError { .. }) => true,
            // A card that is pulled in the middle of a command gives the same error as one that has no better answer.
            Err(Raw::GenericError | Raw::ParseError | Raw::SizeError) => handle.config_is_lost(),
            _ => false,
        };
        if let (true, Err(error)) = (gone, &done) {
            self.close();
            let cause = format!("{error}: it was taken out, or another program used it");
            return Err(Fault::new(FaultKind::TokenLost, self.doing(doing), cause));
        }
        Ok(done)
    }

    pub(super) fn doing(&self, doing: &str) -> String {
        format!("{doing}, YubiKey {}", self.serial)
    }

    pub(super) fn fault(&self, doing: &str, error: Raw) -> Fault {
        let (kind, cause) = meaning(error);
        Fault::new(kind, self.doing(doing), cause)
    }
}

/// Whether a card still answers.
trait Lost {
    fn config_is_lost(&mut self) -> bool;
}

impl Lost for YubiKey {
    /// Asks for something that every firmware answers and that no state depends on.
    fn config_is_lost(&mut self) -> bool {
        let asked = yubikey::piv::metadata(self, yubikey::piv::SlotId::Attestation);
        !matches!(asked, Ok(_) | Err(Raw::NotFound | Raw::NotSupported | Raw::AlgorithmError))
    }
}

fn meaning(error: Raw) -> (FaultKind, String) {
    match error {
        // The crate says "wrong PIN, none left" and "locked" for the same thing.
        Raw::WrongPin { tries: 0 } | Raw::PinLocked => (FaultKind::PinLocked, "it is blocked".into()),
        Raw::WrongPin { tries } => {
            let tries = Tries::Left(tries.into());
            (FaultKind::PinIncorrect { tries }, format!("wrong; {tries}"))
        }
        Raw::PcscError { inner } => {
            let why = inner.map_or_else(|| "PC/SC gives no reason".to_owned(), |inner| inner.to_string());
            (FaultKind::TokenLost, why)
        }
        Raw::NotFound => (FaultKind::TokenLost, "it is not there".into()),
        Raw::NotSupported | Raw::AlgorithmError => (FaultKind::NotSupported, format!("it cannot do this ({error})")),
        Raw::AuthenticationError => (FaultKind::Other, "it does not accept the authentication".into()),
        other => (FaultKind::Other, other.to_string()),
    }
}

/// A YubiKey that is in a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) reader: String,
    pub(super) serial: u32,
    pub(super) firmware: Firmware,
}

/// Every YubiKey that is plugged in now. What is no YubiKey, or is used by nobody else's leave, is left out.
pub(super) fn present() -> Result<Vec<Seen>, Fault> {
    let fault = |error: Raw| {
        let (_, cause) = meaning(error);
        let cause = format!("{cause}; is pcscd installed and running?");
        Fault::machine("look for YubiKeys", cause)
    };
    let mut context = match Context::open() {
        Ok(context) => context,
        // No reader at all: an answer, not a failure.
        Err(error) if is_no_reader(&error) => return Ok(vec![]),
        Err(error) => return Err(fault(error)),
    };
    let readers = context.iter().map_err(fault)?;
    let mut seen = vec![];
    for reader in readers {
        if let Ok(yubikey) = reader.open() {
            let version = yubikey.version();
            seen.push(Seen {
                reader: reader.name().into_owned(),
                serial: yubikey.serial().0,
                firmware: Firmware(version.major, version.minor, version.patch),
            });
            // Whoever else is logged in to it stays so.
            let _ = yubikey.disconnect(LEAVE);
        }
    }
    Ok(seen)
}

const LEAVE: pcsc::Disposition = pcsc::Disposition::LeaveCard;

fn is_no_reader(error: &Raw) -> bool {
    matches!(error, Raw::PcscError { inner: Some(pcsc::Error::NoReadersAvailable) })
}

/// `TOKEN-IS-EXPECTED`: this serial is not there, and who is.
pub(super) fn not_there(serial: u32, here: &[Seen]) -> Error {
    let others: Vec<_> = here.iter().map(|seen| format!("YubiKey {}", seen.serial)).collect();
    let here = if others.is_empty() { "no YubiKey is in".to_owned() } else { format!("here is {}", others.join(", ")) };
    Refusal::new(
        Rule::TokenIsExpected,
        format!("YubiKey {serial} is wanted, and {here}."),
        "Put in the right one. Nothing was done with the others.",
    )
    .into()
}
