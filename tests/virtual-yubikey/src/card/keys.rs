//! Keys in slots: made, taken in, used, told about, attested, moved.

use super::{Answer, Card, Slot, management};
use crate::{
    apdu::{Apdu, sw},
    cert::Authority,
    keys::{KeyPair, known},
    tlv::{all, first, tlv},
};

/// The slot of the key that attests.
pub(super) const ATTESTATION: u8 = 0xf9;
const PIN_NEVER: u8 = 1;
const PIN_ALWAYS: u8 = 3;

fn is_slot(slot: u8) -> bool {
    matches!(slot, 0x9a | 0x9c | 0x9d | 0x9e | 0x82..=0x95 | ATTESTATION)
}

/// What a key gets that names no policy.
fn pin_by_default(slot: u8) -> u8 {
    match slot {
        0x9c => PIN_ALWAYS,
        0x9e => PIN_NEVER,
        _ => 2,
    }
}

/// PIN and touch policy as a command asks for them.
fn policies(slot: u8, parts: &[(u8, &[u8])]) -> Result<(u8, u8), u16> {
    let asked = |tag| match parts.iter().find(|(is, _)| *is == tag) {
        None => Ok(0),
        Some((_, [policy])) if *policy <= 3 => Ok(*policy),
        Some(_) => Err(sw::BAD_DATA),
    };
    let or = |asked, otherwise| if asked == 0 { otherwise } else { asked };
    Ok((or(asked(0xaa)?, pin_by_default(slot)), or(asked(0xab)?, 1)))
}

impl Card {
    pub(super) fn generate(&mut self, apdu: &Apdu) -> Answer {
        self.wants_management()?;
        let slot = apdu.p2;
        if !is_slot(slot) {
            return Err(sw::BAD_SLOT);
        }
        let Some((0xac, template, [])) = first(&apdu.data) else { return Err(sw::BAD_DATA) };
        let parts = all(template).ok_or(sw::BAD_DATA)?;
        let algorithm = match parts.iter().find(|(tag, _)| *tag == 0x80) {
            Some((_, [algorithm])) if known(*algorithm, self.make.firmware) => *algorithm,
            _ => return Err(sw::BAD_DATA),
        };
        let (pin, touch) = policies(slot, &parts)?;
        let key = KeyPair::generate(algorithm).ok_or(sw::BAD_DATA)?;
        let answer = tlv(&[0x7f, 0x49], key.public_template());
        self.slots.insert(slot, Slot { key, imported: false, pin, touch });
        Ok(answer)
    }

    pub(super) fn import(&mut self, apdu: &Apdu) -> Answer {
        self.wants_management()?;
        let (algorithm, slot) = (apdu.p1, apdu.p2);
        if !is_slot(slot) {
            return Err(sw::BAD_SLOT);
        }
        if !known(algorithm, self.make.firmware) {
            return Err(sw::BAD_DATA);
        }
        let parts = all(&apdu.data).ok_or(sw::BAD_DATA)?;
        let (pin, touch) = policies(slot, &parts)?;
        let key = KeyPair::import(algorithm, &apdu.data).ok_or(sw::BAD_DATA)?;
        self.slots.insert(slot, Slot { key, imported: true, pin, touch });
        Ok(vec![])
    }

    pub(super) fn sign(&mut self, apdu: &Apdu) -> Answer {
        let (pin, touch) = match self.slots.get(&apdu.p2) {
            Some(slot) if slot.key.algorithm() == apdu.p1 && apdu.p2 != ATTESTATION => (slot.pin, slot.touch),
            _ => return Err(sw::BAD_DATA),
        };
        let (0x7c, template, _) = first(&apdu.data).ok_or(sw::BAD_DATA)? else { return Err(sw::BAD_DATA) };
        let parts = all(template).ok_or(sw::BAD_DATA)?;
        let data = parts.iter().find(|(tag, _)| *tag == 0x81).map(|(_, data)| *data).ok_or(sw::BAD_DATA)?;
        let fresh = std::mem::take(&mut self.now.fresh);
        let allowed = match pin {
            PIN_NEVER => true,
            PIN_ALWAYS => fresh && self.now.verified,
            _ => self.now.verified,
        };
        if !allowed {
            return Err(sw::SECURITY);
        }
        self.wants_touch(touch)?;
        let signature = self.slots[&apdu.p2].key.sign(data)?;
        Ok(tlv(&[0x7c], tlv(&[0x82], signature)))
    }

    pub(super) fn metadata(&mut self, reference: u8) -> Answer {
        let code = match reference {
            0x80 => Some(&self.pin),
            0x81 => Some(&self.puk),
            _ => None,
        };
        if let Some(code) = code {
            let default = tlv(&[5], [u8::from(code.is_default())]);
            return Ok([tlv(&[1], [0xff]), default, tlv(&[6], [code.total, code.left])].concat());
        }
        if reference == management::REFERENCE {
            let key = &self.management;
            let default = tlv(&[5], [u8::from(key.is_default())]);
            return Ok([tlv(&[1], [key.algorithm]), tlv(&[2], [0, key.touch]), default].concat());
        }
        let told = |key: &KeyPair, imported: bool, pin: u8, touch: u8| {
            let origin = if imported { 2 } else { 1 };
            let public = tlv(&[4], key.public_template());
            [tlv(&[1], [key.algorithm()]), tlv(&[2], [pin, touch]), tlv(&[3], [origin]), public].concat()
        };
        match self.slots.get(&reference) {
            Some(slot) => Ok(told(&slot.key, slot.imported, slot.pin, slot.touch)),
            None if reference == ATTESTATION => Ok(told(&self.factory().key, true, 2, 1)),
            None => Err(sw::NO_REFERENCE),
        }
    }

    /// The key of the factory in slot F9, which a reset keeps.
    pub(super) fn factory(&mut self) -> &Authority {
        let (roots, firmware) = (&self.roots, self.make.firmware);
        self.factory.get_or_insert_with(|| roots.card(firmware))
    }

    pub(super) fn attest(&mut self, slot: u8) -> Answer {
        if !is_slot(slot) || slot == ATTESTATION {
            return Err(sw::BAD_SLOT);
        }
        self.factory();
        match (self.slots.get(&slot), &self.factory) {
            (Some(held), Some(factory)) if !held.imported => {
                let policies = [held.pin, held.touch];
                Ok(factory.attest(slot, &held.key, self.make.firmware, self.make.serial, policies))
            }
            (Some(_), _) => Err(sw::BAD_DATA),
            (None, _) => Err(sw::NO_REFERENCE),
        }
    }

    /// Moves a key, or deletes it where the place to move to is FF.
    pub(super) fn move_key(&mut self, apdu: &Apdu) -> Answer {
        self.wants_management()?;
        let (to, from) = (apdu.p1, apdu.p2);
        if !is_slot(from) || (to != 0xff && !is_slot(to)) {
            return Err(sw::BAD_SLOT);
        }
        if to != 0xff && self.slots.contains_key(&to) {
            return Err(sw::BAD_PARAMETERS);
        }
        let slot = self.slots.remove(&from).ok_or(sw::NO_REFERENCE)?;
        if to != 0xff {
            self.slots.insert(to, slot);
        }
        Ok(vec![])
    }
}
