//! What is in the slots: keys by what the YubiKey itself tells of them, on old firmware by their certificates.

use yubikey::{
    Certificate, Error as Raw, YubiKey,
    piv::{self, Origin, SlotId},
};

use crate::{
    device::yubikey::{Firmware, PinPolicy, Slot, TouchPolicy},
    tuf::key::PublicKey,
};

/// A key in a slot.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) slot: Slot,
    /// The common name of the certificate in the slot; empty where there is none, or it is of another key.
    pub(super) label: String,
    /// Whether a certificate of this very key is in the slot.
    pub(super) certified: bool,
    pub(super) public: Result<PublicKey, String>,
    /// `None` where the firmware does not tell.
    pub(super) imported: Option<bool>,
    pub(super) pin: Option<PinPolicy>,
    pub(super) touch: Option<TouchPolicy>,
}

pub(super) fn id(slot: Slot) -> SlotId {
    SlotId::try_from(slot.number()).expect("every slot of ours is one of the crate's")
}

/// Every key. Wants no PIN.
pub(super) fn all(yubikey: &mut YubiKey) -> Result<Vec<Held>, Raw> {
    let mut held = vec![];
    for slot in Slot::all() {
        held.extend(one(yubikey, slot)?);
    }
    Ok(held)
}

/// The key in one slot.
pub(super) fn one(yubikey: &mut YubiKey, slot: Slot) -> Result<Option<Held>, Raw> {
    let version = yubikey.version();
    let tells = Firmware(version.major, version.minor, version.patch) >= Firmware::WITH_METADATA;
    if !tells {
        return Ok(certificate(yubikey, slot)?.map(|(label, public)| Held {
            slot,
            label,
            certified: true,
            public: public.ok_or_else(|| "its algorithm is not one to sign with".to_owned()),
            imported: None,
            pin: None,
            touch: None,
        }));
    }
    let told = match piv::metadata(yubikey, id(slot)) {
        Ok(told) => told,
        Err(Raw::NotFound) => return Ok(None),
        Err(error @ Raw::PcscError { .. }) => return Err(error),
        // Policies of a fingerprint reader, or an algorithm that the crate does not know: something is there.
        Err(error) => {
            let public = Err(format!("the YubiKey tells of it in a way that is not known here ({error})"));
            let (label, certified) = (String::new(), false);
            return Ok(Some(Held { slot, label, certified, public, imported: None, pin: None, touch: None }));
        }
    };
    let spki = told.public.and_then(|spki| x509_cert::der::Encode::to_der(&spki).ok());
    let public = spki
        .and_then(|spki| PublicKey::from_spki_der(&spki))
        .ok_or_else(|| "its algorithm is not one to sign with".to_owned());
    // A certificate that another key left behind tells nothing of this one.
    let named = certificate(yubikey, slot)?.filter(|(_, certified)| certified.as_ref() == public.as_ref().ok());
    let certified = named.is_some();
    let (pin, touch) = told.policy.map_or((None, None), |(pin, touch)| (pin_policy(pin), touch_policy(touch)));
    Ok(Some(Held {
        slot,
        label: named.map(|(label, _)| label).unwrap_or_default(),
        certified,
        public,
        imported: told.origin.map(|origin| origin == Origin::Imported),
        pin,
        touch,
    }))
}

/// The common name and the key of the certificate in a slot.
fn certificate(yubikey: &mut YubiKey, slot: Slot) -> Result<Option<(String, Option<PublicKey>)>, Raw> {
    let read = match Certificate::read(yubikey, id(slot)) {
        Ok(read) => read.cert,
        Err(error @ Raw::PcscError { .. }) => return Err(error),
        Err(_) => return Ok(None),
    };
    let body = read.tbs_certificate();
    let label = super::certificate::label_of(body.subject());
    let spki = x509_cert::der::Encode::to_der(body.subject_public_key_info()).ok();
    Ok(Some((label, spki.and_then(|spki| PublicKey::from_spki_der(&spki)))))
}

fn pin_policy(policy: yubikey::PinPolicy) -> Option<PinPolicy> {
    match policy {
        yubikey::PinPolicy::Never => Some(PinPolicy::Never),
        yubikey::PinPolicy::Once => Some(PinPolicy::Once),
        yubikey::PinPolicy::Always => Some(PinPolicy::Always),
        yubikey::PinPolicy::Default => None,
    }
}

fn touch_policy(policy: yubikey::TouchPolicy) -> Option<TouchPolicy> {
    match policy {
        yubikey::TouchPolicy::Never => Some(TouchPolicy::Never),
        yubikey::TouchPolicy::Always => Some(TouchPolicy::Always),
        yubikey::TouchPolicy::Cached => Some(TouchPolicy::Cached),
        yubikey::TouchPolicy::Default => None,
    }
}

impl Held {
    /// Whether the PIN is wanted before each signature. Where the firmware does not tell, the default of the slot is supposed: a
    /// right PIN too many costs nothing.
    pub(super) fn wants_pin_each_time(&self) -> bool {
        self.pin.map_or(self.slot == Slot::SIGNATURE, |pin| pin == PinPolicy::Always)
    }

    /// Whether a signature may come without a touch of its own.
    pub(super) fn may_not_blink(&self) -> bool {
        self.touch != Some(TouchPolicy::Always)
    }

    /// Whether a signature may wait for a touch.
    pub(super) fn wants_touch(&self) -> bool {
        self.touch.is_none_or(|touch| touch != TouchPolicy::Never)
    }
}
