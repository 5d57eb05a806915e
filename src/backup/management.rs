//! The management key of a YubiKey, sealed to the identity of a backup: whoever opens the one opens the other. The file is an ordinary age
//! file; inside is a text that people read, and copy to `ykman` from:
//!
//! ```text
//! officiant management key 1
//! serial: 7150001
//! algorithm: AES-192
//! management key: 48 hexadecimal digits
//! ceremony: what it was called
//! made: 2026-12-01T09:00:00Z
//! program: officiant 0.1.0
//! ```

use std::fmt::Write as _;

use super::{Identity, Lock, Sealed, Wrong, filling::composed, seal};
use crate::{
    device::yubikey::ManagementAlgorithm,
    locked,
    secret::{ManagementKey, Secret},
    utc::Utc,
};

pub(super) const TITLE: &str = "officiant management key 1";

/// What such a file says of itself, inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AboutManagementKey {
    /// Of which YubiKey.
    pub serial: String,
    /// What the ceremony was called. One line.
    pub ceremony: String,
    /// When it was sealed.
    pub made: Utc,
}

/// Seals `key` to `identity`, opens the result again and compares, all in memory.
///
/// # Errors
/// What went wrong; there is nothing to clean up.
pub fn seal_management_key(
    key: &ManagementKey,
    about: &AboutManagementKey,
    identity: &Identity,
) -> Result<Sealed, Wrong> {
    locked::apart(|| {
        let recipient = identity.to_age()?.to_public();
        let sealed = seal::close(&contents(key, about)?, &recipient)?;
        let (read, opened) = sealed.open_management_key(identity)?;
        if read != *about || !opened.same_as(key) {
            return Err(Wrong::Contents("what was sealed a moment ago opens as something else".into()));
        }
        Ok(sealed)
    })
}

fn contents(key: &ManagementKey, about: &AboutManagementKey) -> Result<Secret, Wrong> {
    seal::is_line(&about.ceremony)?;
    let hex = key.hex()?;
    Ok(composed(1024, |out| {
        write!(out, "{TITLE}\nserial: {}\nalgorithm: {}\nmanagement key: ", about.serial, key.algorithm())?;
        out.push(hex.expose())?;
        write!(out, "\nceremony: {}\nmade: {}\n", about.ceremony, about.made)?;
        writeln!(out, "program: officiant {}", env!("CARGO_PKG_VERSION"))
    })?)
}

impl Sealed {
    /// Opens the file of a management key.
    ///
    /// # Errors
    /// Why it does not open, or that it holds something else.
    pub fn open_management_key(&self, identity: &Identity) -> Result<(AboutManagementKey, ManagementKey), Wrong> {
        match self.lock() {
            Lock::Identity => locked::apart(|| read(&self.decrypted(&identity.to_age()?)?)),
            other => Err(Wrong::OtherLock(other.to_string())),
        }
    }
}

/// Lines of other names are passed over: a later version may have more.
fn read(text: &Secret) -> Result<(AboutManagementKey, ManagementKey), Wrong> {
    let none = |what: &str| Wrong::Contents(what.to_owned());
    let mut lines = text.expose().split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    if lines.next() != Some(TITLE.as_bytes()) {
        return Err(none(&format!("it does not begin with “{TITLE}”")));
    }
    let (mut serial, mut algorithm, mut hex, mut ceremony, mut made) = (None, None, None, None, None);
    for line in lines {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some([b' ', value @ ..])) = (parts.next(), parts.next()) else { continue };
        let words = std::str::from_utf8(value).map_err(|_| none("its lines are no text"))?;
        match name {
            b"serial" => serial = Some(words.to_owned()),
            b"algorithm" => algorithm = words.parse::<ManagementAlgorithm>().ok(),
            b"management key" => hex = Some(value),
            b"ceremony" => ceremony = Some(words.to_owned()),
            b"made" => made = Utc::parse_rfc3339(words),
            _ => {}
        }
    }
    let (Some(serial), Some(algorithm), Some(hex), Some(ceremony), Some(made)) =
        (serial, algorithm, hex, ceremony, made)
    else {
        return Err(none("it does not say whose management key it is, of which kind, which ceremony and when"));
    };
    let key = ManagementKey::typed(algorithm, hex).map_err(|fault| Wrong::Contents(fault.cause))?;
    Ok((AboutManagementKey { serial, ceremony, made }, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> AboutManagementKey {
        AboutManagementKey { serial: "7150001".into(), ceremony: "Genesis".into(), made: Utc::EPOCH }
    }

    #[test]
    fn a_management_key_that_was_sealed_opens_with_its_identity_and_no_other() {
        let identity = Identity::fresh().unwrap();
        for algorithm in ["3DES", "AES-128", "AES-192", "AES-256"] {
            let key = ManagementKey::fresh(algorithm.parse().unwrap()).unwrap();
            let sealed = seal_management_key(&key, &about(), &identity).unwrap();
            let (read, opened) = sealed.open_management_key(&identity).unwrap();
            assert!(read == about() && opened.same_as(&key), "{algorithm}");
            let other = sealed.open_management_key(&Identity::fresh().unwrap());
            assert_eq!(other.err(), Some(Wrong::OtherIdentity));
            // It is no backup of a key, and says so.
            assert!(matches!(sealed.open(&identity).err(), Some(Wrong::Contents(_))));
        }
    }

    #[test]
    fn what_is_inside_is_read_strictly_where_it_counts() {
        let hex = "00112233445566778899aabbccddeeff";
        let good = format!(
            "{TITLE}\nserial: 1\nalgorithm: AES-128\nmanagement key: {hex}\nceremony: a: b\nmade: {}\nlater: x\n",
            Utc::EPOCH
        );
        let read = |text: &str| read(&Secret::copied(text.as_bytes()).unwrap());
        let (about, _) = read(&good).unwrap();
        assert_eq!((about.serial.as_str(), about.ceremony.as_str()), ("1", "a: b"));
        for (from, to) in [
            ("management key 1", "management key 2"),
            ("serial: 1\n", ""),
            ("AES-128", "AES-192"),
            ("AES-128", "DES"),
            ("00112233", "0011223"),
            ("made: ", "made:"),
        ] {
            let wrong = read(&good.replacen(from, to, 1)).err().expect("it is refused");
            assert!(matches!(wrong, Wrong::Contents(_)) && !wrong.to_string().contains(&hex[8..]), "{from}: {wrong}");
        }
    }
}
