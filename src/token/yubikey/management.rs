//! The management key: made at random, and kept on the YubiKey behind its PIN, or in locked memory; and who proves to have it.

use yubikey::{
    Error as Raw, MgmAlgorithmId, MgmKey, YubiKey,
    piv::{self, ManagementSlotId, SlotAlgorithmId, SlotId},
};

use super::YubiKeyToken;
use crate::{
    device::yubikey::{ManagementAlgorithm, ManagementHome, NewManagementKey},
    fault::{Error, Fault, FaultKind},
    secret::{CameBy, ManagementKey, ManagementKeys, Pin, Secret},
};

/// The object that is read with the PIN only; tools keep the management key there.
const PROTECTED: u32 = 0x005f_c109;
/// The object in which tools say, for everybody, where the management key is.
const ADMIN_DATA: u32 = 0x005f_ff00;
/// Of its flags, the one that says that it is kept behind the PIN.
const IS_PROTECTED: u8 = 0x02;

/// Where the management key of a YubiKey is, as far as it tells without a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagementKeyIs {
    /// The factory's, which everybody knows.
    Factorys,
    /// Kept on it, readable with its PIN.
    BehindThePin,
    /// Neither: whoever has it, has it elsewhere.
    Elsewhere,
}

impl YubiKeyToken {
    /// Lets it keep and find management keys in this ring, from now on.
    pub fn share_management_keys(&mut self, ring: &ManagementKeys) {
        self.management = ring.handle();
    }

    /// Makes a management key at random, and puts it in force.
    pub(super) fn make_management_key(&mut self, pin: &Pin) -> Result<(), Error> {
        let algorithm = self.management_algorithm()?;
        self.verify(pin)?;
        self.send("use the factory's management key", |yubikey| {
            let key = MgmKey::get_default(yubikey)?;
            yubikey.authenticate(&key)
        })?;
        let key = ManagementKey::fresh(algorithm)?;
        match self.settings.management_key {
            ManagementHome::Protected => self.keep_behind_the_pin(&key),
            ManagementHome::Sealed => {
                // In memory before it is in force: it is never in force and nowhere. Where the answer is lost, it is the one that is here.
                self.management.keep(self.card.serial, key, CameBy::Itself);
                self.set_one_in_memory()
            }
        }
    }

    /// Keeps it on the YubiKey, readable with the PIN. It is written down there before it is in force: a failure between leaves the
    /// factory's key in force, and never one that nobody has.
    fn keep_behind_the_pin(&mut self, secret: &ManagementKey) -> Result<(), Error> {
        let key = self.as_the_crate_has_it(secret)?;
        let length = secret.expose().len();
        let entry = Secret::read(|room| {
            room[..4].copy_from_slice(&[0x88, length as u8 + 2, 0x89, length as u8]);
            room[4..4 + length].copy_from_slice(secret.expose());
            Ok(4 + length)
        })?;
        let mut object = zeroize::Zeroizing::new(entry.expose().to_vec());
        self.send("keep the new management key", |yubikey| yubikey.save_object(PROTECTED, &mut object))?;
        Ok(self.send("set the management key", |yubikey| key.set_protected(yubikey))?)
    }

    /// Puts the key that is in memory in force, and proves to have it: that the YubiKey took it says that it is the one that will be
    /// sealed.
    fn set_one_in_memory(&mut self) -> Result<(), Error> {
        let ring = self.management.handle();
        let key = ring.with(self.card.serial, |key| self.as_the_crate_has_it(key));
        let key = key.ok_or_else(|| self.wants_management_key())??;
        self.send("set the management key", |yubikey| key.set_manual(yubikey, false))?;
        Ok(self.send("use the new management key", |yubikey| yubikey.authenticate(&key))?)
    }

    /// Every algorithm is named: 24 bytes without a name are taken for 3DES.
    fn as_the_crate_has_it(&self, key: &ManagementKey) -> Result<MgmKey, Fault> {
        let algorithm = match key.algorithm() {
            ManagementAlgorithm::TripleDes => MgmAlgorithmId::ThreeDes,
            ManagementAlgorithm::Aes128 => MgmAlgorithmId::Aes128,
            ManagementAlgorithm::Aes192 => MgmAlgorithmId::Aes192,
            ManagementAlgorithm::Aes256 => MgmAlgorithmId::Aes256,
        };
        let key = MgmKey::from_bytes(key.expose(), Some(algorithm));
        key.map_err(|error| self.card.fault("take up a management key", error))
    }

    fn management_algorithm(&mut self) -> Result<ManagementAlgorithm, Fault> {
        let told = self.send("ask for the kind of the management key", |yubikey| {
            piv::metadata(yubikey, SlotId::Management(ManagementSlotId::Management))
        })?;
        match told.algorithm {
            SlotAlgorithmId::Management(MgmAlgorithmId::ThreeDes) => Ok(ManagementAlgorithm::TripleDes),
            SlotAlgorithmId::Management(MgmAlgorithmId::Aes128) => Ok(ManagementAlgorithm::Aes128),
            SlotAlgorithmId::Management(MgmAlgorithmId::Aes192) => Ok(ManagementAlgorithm::Aes192),
            SlotAlgorithmId::Management(MgmAlgorithmId::Aes256) => Ok(ManagementAlgorithm::Aes256),
            _ => Err(Fault::new(
                FaultKind::Other,
                self.card.doing("ask for the kind of the management key"),
                "no answer",
            )),
        }
    }

    /// Where its management key is.
    ///
    /// # Errors
    /// A fault.
    pub fn management_key_is(&mut self) -> Result<ManagementKeyIs, Error> {
        if self.has_default_management_key()? {
            return Ok(ManagementKeyIs::Factorys);
        }
        let told = self.try_send("ask where the management key is", |yubikey| yubikey.fetch_object(ADMIN_DATA))?;
        let protected = told.is_ok_and(|object| flags_of(&object).is_some_and(|flags| flags & IS_PROTECTED != 0));
        Ok(if protected { ManagementKeyIs::BehindThePin } else { ManagementKeyIs::Elsewhere })
    }

    /// What a ceremony has to know of the management key of a YubiKey that was prepared: `None` where it is kept on it.
    ///
    /// # Errors
    /// A fault.
    pub fn new_management_key(&mut self) -> Result<Option<NewManagementKey>, Error> {
        if self.settings.management_key == ManagementHome::Protected {
            return Ok(None);
        }
        let algorithm = self.management_algorithm()?;
        let in_memory = self.management.holds(self.card.serial) && self.proves_management_key()?;
        Ok(Some(NewManagementKey { algorithm, in_memory }))
    }

    /// Whether the key that is in memory is the one that is in force.
    fn proves_management_key(&mut self) -> Result<bool, Error> {
        let ring = self.management.handle();
        let Some(key) = ring.with(self.card.serial, |key| self.as_the_crate_has_it(key)).transpose()? else {
            return Ok(false);
        };
        match self.try_send("use the management key", |yubikey| yubikey.authenticate(&key))? {
            Ok(()) => Ok(true),
            Err(Raw::AuthenticationError) => Ok(false),
            Err(error) => Err(self.card.fault("use the management key", error).into()),
        }
    }

    /// How many hexadecimal digits its management key has.
    ///
    /// # Errors
    /// A fault.
    pub fn management_key_digits(&mut self) -> Result<usize, Error> {
        Ok(2 * self.management_algorithm()?.length())
    }

    /// Takes up a management key that somebody typed, as hexadecimal digits. Whether it is right is seen when it is used.
    ///
    /// # Errors
    /// [`FaultKind::PinNotAcceptable`] where it is none of the kind that this YubiKey has; a fault.
    pub fn take_management_key(&mut self, typed: &Secret) -> Result<(), Error> {
        let algorithm = self.management_algorithm()?;
        let key = ManagementKey::typed(algorithm, typed.expose())?;
        self.management.keep(self.card.serial, key, CameBy::Typing);
        Ok(())
    }

    fn wants_management_key(&self) -> Fault {
        let cause = "it is neither kept on it nor in memory; it was sealed in the backup of the ceremony that prepared it, or whoever \
                     set it has it";
        Fault::new(FaultKind::WantsManagementKey, self.card.doing("use the management key"), cause)
    }

    /// Proves to have the management key: the one that is in memory, the one that is kept behind the PIN, or the factory's. Wants the
    /// user logged in. Nothing else was done where it fails.
    pub(super) fn administer(&mut self) -> Result<(), Error> {
        let doing = "use the management key";
        self.wants_login(doing)?;
        if self.management.holds(self.card.serial) {
            if self.proves_management_key()? {
                return Ok(());
            }
            self.management.forget_typed(self.card.serial);
            let cause = "the YubiKey does not take it: it is another one. Wrong management keys are not counted";
            return Err(Fault::new(FaultKind::Other, self.card.doing(doing), cause).into());
        }
        match self.management_key_is()? {
            ManagementKeyIs::Factorys => Ok(self.send("use the factory's management key", |yubikey| {
                let key = MgmKey::get_default(yubikey)?;
                yubikey.authenticate(&key)
            })?),
            ManagementKeyIs::BehindThePin => self.use_the_one_behind_the_pin(),
            // A tool may have kept it there and said nothing.
            ManagementKeyIs::Elsewhere => self.use_the_one_behind_the_pin().map_err(|error| match error {
                Error::Fault(fault) if fault.kind == FaultKind::Other => self.wants_management_key().into(),
                other => other,
            }),
        }
    }

    fn use_the_one_behind_the_pin(&mut self) -> Result<(), Error> {
        let used = self.try_send("use the management key", |yubikey: &mut YubiKey| {
            let key = MgmKey::get_protected(yubikey)?;
            yubikey.authenticate(&key)
        })?;
        used.map_err(|error| {
            let cause = format!(
                "its management key is not the one that is kept behind its PIN ({error}); only preparing it anew helps"
            );
            Fault::new(FaultKind::Other, self.card.doing("use the management key"), cause).into()
        })
    }
}

/// The first flags of the admin data: `80 len { 81 01 flags … }`.
fn flags_of(object: &[u8]) -> Option<u8> {
    let inner = object.strip_prefix(&[0x80])?.get(1..)?;
    let mut rest = inner;
    while let [tag, length, more @ ..] = rest {
        let value = more.get(..usize::from(*length))?;
        if (*tag, value.len()) == (0x81, 1) {
            return Some(value[0]);
        }
        rest = &more[value.len()..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::flags_of;

    #[test]
    fn the_admin_data_tells_by_its_flags_and_nothing_else() {
        for (object, flags) in [
            (&[0x80, 3, 0x81, 1, 2][..], Some(2)),
            (&[0x80, 9, 0x83, 4, 1, 2, 3, 4, 0x81, 1, 3], Some(3)),
            (&[0x80, 2, 0x81, 0], None),
            (&[0x80, 0], None),
            (&[0x80], None),
            (&[], None),
            (&[0x80, 3, 0x81, 9, 2], None),
            (&[0x53, 3, 0x81, 1, 2], None),
        ] {
            assert_eq!(flags_of(object), flags, "{object:02x?}");
        }
    }
}
