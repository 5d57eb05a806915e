//! Root certificates: which a token has to sign, and what they will say. A template follows from the script, the key and the
//! confirmed clock alone, so that whoever holds the record makes it again.

use crate::{
    ceremony::{Ceremony, participants::Alias, script::CommonName, unfit},
    digest::Digest,
    rules::Refusal,
    tuf::{certificate::CertificateTemplate, key::Key},
    utc::Utc,
};

/// How long before the date of the ceremony a certificate begins, in days: clocks of clients differ.
const EARLIER_DAYS: i64 = 1;

/// The common names for which the key of `alias` is certified, in order: one for all, or that of each repository.
pub fn common_names(ceremony: &Ceremony) -> Vec<String> {
    let Some(spec) = &ceremony.script.repositories else { return vec![] };
    match spec.certificate.as_ref().map(|certificate| &certificate.common_name) {
        None => vec![],
        Some(CommonName::Wildcard(name)) => vec![name.clone()],
        Some(CommonName::EachRepository) => {
            let known = ceremony.repositories.known.iter().filter(|known| known.left_out.is_none());
            known.map(|known| known.gun.as_str().to_owned()).collect()
        }
    }
}

/// The common names of which the key of `alias` has no certificate yet.
pub fn owed(ceremony: &Ceremony, alias: &Alias) -> Vec<String> {
    let made = &ceremony.repositories.certificates;
    common_names(ceremony).into_iter().filter(|name| !made.contains_key(&(alias.clone(), name.clone()))).collect()
}

/// From when to when certificates of this ceremony are valid; `None` before the clock is confirmed.
pub fn validity(ceremony: &Ceremony) -> Option<(Utc, Utc)> {
    let days = ceremony.script.repositories.as_ref()?.certificate.as_ref()?.days;
    let date = ceremony.clock?.midnight();
    Some((date.plus_days(-EARLIER_DAYS), date.plus_days(days.into())))
}

/// What the certificate of `alias` for `common_name` will say.
///
/// # Errors
/// `CERT-VALID` where the key is of a kind that no root certificate is made for.
pub fn template(ceremony: &Ceremony, alias: &Alias, common_name: &str) -> Result<CertificateTemplate, Refusal> {
    let key = ceremony.token(alias).key.ok_or_else(|| unfit("The token holds no key."))?;
    let (from, until) = validity(ceremony).ok_or_else(|| unfit("The clock is not confirmed."))?;
    CertificateTemplate::new(common_name, key.public(), serial(ceremony, &key, common_name), from, until)
}

/// A number that no other certificate has: the digest of everything that could make two differ. Its first bit is 0 and its second
/// 1, so that it is positive and always as long.
fn serial(ceremony: &Ceremony, key: &Key, common_name: &str) -> [u8; 16] {
    let began = ceremony.began_at.unwrap_or(Utc::EPOCH);
    let seed = format!("{}\n{began}\n{}\n{common_name}\n", ceremony.script.digest, key.public().fingerprint());
    let mut serial = [0; 16];
    serial.copy_from_slice(&Digest::of(seed.as_bytes()).as_bytes()[..16]);
    serial[0] = serial[0] & 0x3f | 0x40;
    serial
}
