//! A share that its custodian has twice: on paper, and as an ordinary age file that is encrypted to their own recipient. What is inside is
//! the text of the page's QR code, to the letter: it is typed or scanned wherever a share is asked for. One person, one share: a file for
//! one recipient is no weakness here, as it would be of the key itself.

use super::{Identity, Sealed, Share, Wrong, paper, seal};
use crate::{
    custody::Recipient,
    fault::{Error, Fault},
    locked,
    rules::{Refusal, Rule},
};

/// Encrypts `share` to `recipient`. Nobody here can open it again: what goes in is read as a share before.
///
/// # Errors
/// What went wrong; there is nothing to clean up.
pub fn encrypt_share(share: &Share, recipient: &Recipient) -> Result<Sealed, Wrong> {
    let failed = |what: &str| Wrong::Machine(Fault::machine("encrypt a share", what));
    let native = recipient.as_str().parse::<age::x25519::Recipient>().map_err(failed)?;
    locked::apart(|| {
        let text = paper::qr_text(share)?;
        let read = Share::read(&text).map_err(|_| failed("what was to be encrypted is no share"))?;
        if read.commitment() != share.commitment() {
            return Err(failed("what was to be encrypted is another share"));
        }
        seal::close(&text, &native)
    })
}

impl Identity {
    /// `RECIPIENT-OWN`: none of `recipients` is that of this identity, which opens a backup. Whoever had its file would have the
    /// backup, too.
    ///
    /// # Errors
    /// The rule, or a fault where memory cannot be locked.
    pub fn is_none_of<'a>(&self, recipients: impl IntoIterator<Item = &'a Recipient>) -> Result<(), Error> {
        let own = self.to_age()?.to_public().to_string();
        locked::wipe_stack();
        match recipients.into_iter().find(|recipient| recipient.as_str() == own) {
            None => Ok(()),
            Some(recipient) => Err(Refusal::new(
                Rule::RecipientOwn,
                format!("{recipient} is the recipient of a backup, and no custodian's own."),
                "Leave, and write each custodian's own recipient into the script. Find out who wrote this one.",
            )
            .into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret as _;

    use super::*;
    use crate::{
        backup::{RECORD, Scheme, split},
        secret::Secret,
        tuf::key::KeyId,
    };

    #[test]
    fn the_backups_own_identity_is_nobodys_recipient() {
        let identity = Identity::fresh().unwrap();
        let own: Recipient = identity.to_age().unwrap().to_public().to_string().parse().unwrap();
        let other: Recipient = age::x25519::Identity::generate().to_public().to_string().parse().unwrap();
        assert!(identity.is_none_of([&other]).is_ok());
        match identity.is_none_of([&other, &own]) {
            Err(Error::Refused(refusal)) => assert_eq!(refusal.rule, Rule::RecipientOwn),
            Err(fault) => panic!("{fault:?}"),
            Ok(()) => panic!("it is the backup's own"),
        }
    }

    #[test]
    fn what_comes_out_is_the_share_as_every_step_takes_it() {
        let keyid = KeyId::from("ab".repeat(32));
        let split = split(&Identity::fresh().unwrap(), Scheme::new(2, 3).unwrap(), &keyid).unwrap();
        let keeper = age::x25519::Identity::generate();
        let recipient: Recipient = keeper.to_public().to_string().parse().unwrap();
        assert!(keeper.to_string().expose_secret().starts_with("AGE-SECRET-KEY-1"));
        for share in &split.shares {
            let sealed = encrypt_share(share, &recipient).unwrap();
            assert!(sealed.bytes().len() < 1024 && sealed.bytes().len() > RECORD);
            let text = sealed.decrypted(&keeper).unwrap();
            assert_eq!(text.len(), 178);
            assert!(Share::is_code(&text) && Share::read(&text).unwrap().commitment() == share.commitment());
            // Another time it is another file.
            assert_ne!(encrypt_share(share, &recipient).unwrap().digest(), sealed.digest());
            assert!(sealed.decrypted(&age::x25519::Identity::generate()).is_err());
        }
        let _: Secret = Secret::copied(b"").unwrap();
    }
}
