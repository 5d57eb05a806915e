//! Data objects: certificates, and whatever tools leave behind.

use super::{Answer, Card};
use crate::{
    apdu::{Apdu, sw},
    tlv::{first, tlv},
};

/// The certificate of the key that attests.
pub(super) const ATTESTATION: &[u8] = &[0x5f, 0xff, 0x01];
const DISCOVERY: &[u8] = &[0x7e];
/// Fingerprints, face, printed information and iris: read with the PIN only.
const PRIVATE: [&[u8]; 4] = [&[0x5f, 0xc1, 0x03], &[0x5f, 0xc1, 0x08], &[0x5f, 0xc1, 0x09], &[0x5f, 0xc1, 0x21]];
/// The largest object, and all of them together.
const OBJECT: usize = 3052;
const ALL: usize = 51_200;

/// The tag that a command names, and what follows it.
fn tagged(apdu: &Apdu) -> Result<(&[u8], &[u8]), u16> {
    if (apdu.p1, apdu.p2) != (0x3f, 0xff) {
        return Err(sw::BAD_PARAMETERS);
    }
    match first(&apdu.data) {
        Some((0x5c, tag, rest)) if !tag.is_empty() && tag.len() <= 3 => Ok((tag, rest)),
        _ => Err(sw::BAD_DATA),
    }
}

impl Card {
    pub(super) fn get_data(&mut self, apdu: &Apdu) -> Answer {
        let (tag, _) = tagged(apdu)?;
        if PRIVATE.contains(&tag) && !self.now.verified {
            return Err(sw::SECURITY);
        }
        if tag == DISCOVERY {
            let aid = [0xa0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0];
            return Ok(tlv(&[0x7e], [tlv(&[0x4f], aid), tlv(&[0x5f, 0x2f], [0x40, 0])].concat()));
        }
        if tag == ATTESTATION && !self.objects.contains_key(tag) {
            let certificate = self.factory().certificate.clone();
            let body = [tlv(&[0x70], certificate), tlv(&[0x71], [0]), tlv(&[0xfe], [])].concat();
            return Ok(tlv(&[0x53], body));
        }
        self.objects.get(tag).map(|object| tlv(&[0x53], object)).ok_or(sw::NOT_FOUND)
    }

    pub(super) fn put_data(&mut self, apdu: &Apdu) -> Answer {
        self.wants_management()?;
        let (tag, rest) = tagged(apdu)?;
        let Some((0x53, object, [])) = first(rest) else { return Err(sw::BAD_DATA) };
        if object.is_empty() {
            self.objects.remove(tag);
            return Ok(vec![]);
        }
        let others: usize = self.objects.iter().filter(|(is, _)| *is != tag).map(|(_, object)| object.len()).sum();
        if object.len() > OBJECT || others + object.len() > ALL {
            return Err(sw::NO_ROOM);
        }
        self.objects.insert(tag.to_vec(), object.to_vec());
        Ok(vec![])
    }
}
