//! A sealed file opened again (`BACKUP-OPENS`). What comes out is no key yet: it becomes one by being the key that is trusted.

use std::{io::Read as _, iter};

use age::{DecryptError, Decryptor};

use super::{
    About, Identity, Lock, SIZE_MAX, Sealed, WORK_FACTOR_MAX, Wrong,
    seal::{TITLE, for_age},
};
use crate::{
    fault::Fault,
    keyfile::{self, KeyFile, PrivateKey},
    locked,
    rules::{Passed, Refusal, Rule},
    secret::{Passphrase, Secret},
    text::shown,
    tuf::key::{Key, KeyId, PublicKey},
    utc::Utc,
};

/// What is done about a file that holds another key.
const OTHER_FILE: &str = "Look for the sealed file of this key; this one is of another, or was put in its place.";

/// What was sealed. age does not say who sealed it: until [`Opened::trusted`] it is anybody's key.
pub struct Opened {
    about: About,
    key: PrivateKey,
}

impl Opened {
    pub(super) fn new(about: About, key: PrivateKey) -> Self {
        Self { about, key }
    }

    /// What the file says of itself. From outside.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The public half of what is in it. From outside.
    pub fn public(&self) -> &PublicKey {
        self.key.public()
    }

    /// The private key, if it is that of `trusted`, a key of the root that is trusted.
    ///
    /// # Errors
    /// `BACKUP-OPENS` where the public halves differ. What was opened is wiped.
    pub fn trusted(self, trusted: &Key) -> Result<(PrivateKey, Passed), Refusal> {
        let id = trusted.id();
        if self.key.public() != trusted.public() {
            let what = format!("The file opened, and the key in it is not the trusted key {}.", shown(id.as_str()));
            return Err(Refusal::new(Rule::BackupOpens, what, OTHER_FILE));
        }
        Ok((self.key, Passed::new(Rule::BackupOpens, format!("the file opened, and holds the private half of {id}"))))
    }

    /// Whether it is what was sealed, byte for byte.
    pub(super) fn same_as(&self, key: &PrivateKey, about: &About) -> Result<(), Wrong> {
        if self.key.public() == key.public() && self.key.material().same_as(key.material()) && self.about == *about {
            return Ok(());
        }
        Err(Fault::machine("open what was sealed a moment ago", "it is not what went in").into())
    }
}

impl Sealed {
    /// Opens it with the identity that shares gave back.
    ///
    /// # Errors
    /// Why it does not open.
    pub fn open(&self, identity: &Identity) -> Result<Opened, Wrong> {
        match self.lock() {
            Lock::Identity => locked::apart(|| opened(self.decrypted(&identity.to_age()?)?)),
            other => Err(Wrong::OtherLock(other.to_string())),
        }
    }

    /// Opens it with a passphrase.
    ///
    /// # Errors
    /// Why it does not open.
    pub fn open_alone(&self, passphrase: &Passphrase) -> Result<Opened, Wrong> {
        match self.lock() {
            Lock::Passphrase { work } if *work > WORK_FACTOR_MAX => Err(Wrong::Work(*work)),
            Lock::Passphrase { .. } => {
                let mut identity = age::scrypt::Identity::new(for_age(passphrase)?);
                identity.set_max_work_factor(WORK_FACTOR_MAX);
                opened(self.decrypted(&identity)?)
            }
            other => Err(Wrong::OtherLock(other.to_string())),
        }
    }

    pub(super) fn decrypted(&self, identity: &dyn age::Identity) -> Result<Secret, Wrong> {
        let decryptor = Decryptor::new_buffered(self.bytes()).map_err(|error| self.wrong(&error))?;
        let mut reader = decryptor.decrypt(iter::once(identity)).map_err(|error| self.wrong(&error))?;
        let text = Secret::made(SIZE_MAX, |room| {
            let mut count = 0;
            loop {
                let read = reader.read(&mut room[count..]);
                match read.map_err(|_| Wrong::Damaged("it was altered, or is cut short, behind its header".into()))? {
                    0 if count == room.len() => return Err(Wrong::Contents("it is too long".into())),
                    0 => return Ok(count),
                    more => count += more,
                }
            }
        });
        drop(reader);
        locked::wipe_stack();
        text
    }

    fn wrong(&self, error: &DecryptError) -> Wrong {
        match (error, self.lock()) {
            (DecryptError::NoMatchingKeys, _) => Wrong::OtherIdentity,
            (DecryptError::KeyDecryptionFailed | DecryptError::DecryptionFailed, Lock::Passphrase { .. }) => {
                Wrong::Passphrase
            }
            (DecryptError::ExcessiveWork { required, .. }, _) => Wrong::Work(*required),
            (DecryptError::InvalidMac, _) => Wrong::Damaged("its header was altered".into()),
            (error, _) => Wrong::Damaged(format!("its header cannot be read ({error})")),
        }
    }
}

fn opened(text: Secret) -> Result<Opened, Wrong> {
    let about = about(text.expose())?;
    let contents = |wrong: keyfile::Wrong| match wrong {
        keyfile::Wrong::Machine(fault) => Wrong::Machine(fault),
        other => Wrong::Contents(other.to_string()),
    };
    let file = KeyFile::parse(text).map_err(contents)?;
    if file.keys().len() != 1 || file.keys()[0].lock.is_some() {
        return Err(Wrong::Contents("it holds something else than one private key".into()));
    }
    let key = file.open(0, None).map_err(contents)?;
    Ok(Opened { about, key })
}

/// The lines before the key. Lines of other names are passed over: a later version may have more.
fn about(text: &[u8]) -> Result<About, Wrong> {
    let none = |what: &str| Wrong::Contents(what.to_owned());
    let mut lines = text.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    if lines.next() != Some(TITLE.as_bytes()) {
        return Err(none(&format!("it does not begin with “{TITLE}”")));
    }
    let (mut keyid, mut ceremony, mut made, mut history) = (None, None, None, None);
    for line in lines {
        let line = std::str::from_utf8(line).map_err(|_| none("its first lines are no text"))?;
        match line.split_once(": ") {
            Some(("keyid", value)) => keyid = Some(KeyId::from(value)),
            Some(("ceremony", value)) => ceremony = Some(value.to_owned()),
            Some(("made", value)) => made = Utc::parse_rfc3339(value),
            Some(("history", value)) => history = Some(value.to_owned()),
            _ => {}
        }
    }
    match (keyid, ceremony, made) {
        (Some(keyid), Some(ceremony), Some(made)) => Ok(About { keyid, ceremony, made, history }),
        _ => Err(none("it does not say which key, which ceremony and when")),
    }
}
