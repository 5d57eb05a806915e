//! One signature: verified in software, and known from then on where the same bytes, key and signature come by again.

use std::{
    cell::RefCell,
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    digest::Digest,
    tuf::key::{PublicKey, RawSignature},
};

/// A signature that was verified in software over the bytes of a payload (`SIGNATURE-VERIFIES`). There is no other way to have
/// one, so that nobody has to verify it twice.
#[derive(Clone, Debug)]
pub struct VerifiedSignature {
    payload: Digest,
    public: Digest,
    signature: RawSignature,
    /// Whether it is one that [`ecdsa_over_sha256`] is asked for.
    is_p256: bool,
}

impl VerifiedSignature {
    /// `signature` over `bytes` by `public`; `None` where it does not verify.
    pub fn new(public: &PublicKey, bytes: &[u8], signature: RawSignature) -> Option<Self> {
        let verifies = public.verify(bytes, &signature);
        let is_p256 = matches!(public, PublicKey::P256(_));
        verifies.then(|| Self { payload: Digest::of(bytes), public: public.fingerprint(), signature, is_p256 })
    }

    /// The SHA-256 of the bytes.
    pub fn payload(&self) -> Digest {
        self.payload
    }

    /// The fingerprint of the public key.
    pub fn public(&self) -> Digest {
        self.public
    }

    /// The signature as the token gave it.
    pub fn signature(&self) -> &RawSignature {
        &self.signature
    }
}

/// Signatures that were verified before, so that nobody verifies them again where the same bytes, key and signature come by once
/// more. It holds good ones only, by a digest over everything that the verdict depends on, and answers nothing else: whether
/// enough of them are there is counted anew each time.
#[derive(Clone, Default)]
pub struct VerifiedBefore(Arc<Mutex<HashSet<Digest>>>);

thread_local! {
    /// What the work of this thread may look up, and adds to.
    static BEFORE: RefCell<Option<VerifiedBefore>> = const { RefCell::new(None) };
}

impl VerifiedBefore {
    /// Does `work`, in which signatures that are known here are not verified again, and good ones become known. It holds for
    /// this thread, until `work` returns.
    pub fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        struct Restore(Option<VerifiedBefore>);
        impl Drop for Restore {
            fn drop(&mut self) {
                BEFORE.set(self.0.take());
            }
        }
        let _restore = Restore(BEFORE.replace(Some(self.clone())));
        work()
    }

    /// A signature that was verified elsewhere is known from now on.
    pub fn note(&self, verified: &VerifiedSignature) {
        // On P-256 it is the SHA-256 of the payload that is signed, in every dialect.
        if verified.is_p256 {
            self.add(known_as(verified.public, verified.payload.as_bytes(), &verified.signature));
        }
    }

    fn add(&self, known_as: Digest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(known_as);
    }

    fn has(&self, known_as: Digest) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&known_as)
    }
}

/// Only for signatures over a SHA-256, whose other parameters follow from the key.
fn known_as(public: Digest, sha256: &[u8; 32], signature: &RawSignature) -> Digest {
    Digest::of(&[public.as_bytes(), sha256, signature.as_bytes()].concat())
}

/// Whether an ECDSA signature on P-256 verifies over `sha256`: looked up where it was verified before.
pub(in crate::tuf) fn ecdsa_over_sha256(public: &PublicKey, sha256: &[u8; 32], signature: &RawSignature) -> bool {
    let before = BEFORE.with_borrow(Clone::clone).filter(|_| matches!(public, PublicKey::P256(_)));
    let Some(before) = before else { return public.verify_prehash(sha256, signature) };
    let known_as = known_as(public.fingerprint(), sha256, signature);
    if before.has(known_as) {
        return true;
    }
    let verifies = public.verify_prehash(sha256, signature);
    if verifies {
        before.add(known_as);
    }
    verifies
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::{Signature as Ecdsa, SigningKey, signature::Signer as _};

    use super::*;

    fn signed(seed: u8, message: &[u8]) -> (PublicKey, RawSignature) {
        let key = SigningKey::from_slice(&[seed; 32]).expect("a scalar");
        let signature: Ecdsa = key.sign(message);
        (PublicKey::P256(*key.verifying_key()), RawSignature::new(signature.to_bytes().to_vec()))
    }

    #[test]
    fn what_verified_before_is_known_by_key_bytes_and_signature_together() {
        let before = VerifiedBefore::default();
        let (public, signature) = signed(1, b"one");
        let (other, other_signature) = signed(2, b"one");
        let sha256 = |message: &[u8]| *Digest::of(message).as_bytes();
        let count = || before.0.lock().expect("no thread panicked").len();
        let ask = |public, message, signature| before.within(|| ecdsa_over_sha256(public, &sha256(message), signature));
        assert!(!ask(&public, b"two", &signature));
        assert!(!ask(&other, b"one", &signature));
        assert_eq!(count(), 0, "only good ones are kept");
        assert!(ask(&public, b"one", &signature));
        assert_eq!(count(), 1);
        for (public, message, signature) in
            [(&public, &b"two"[..], &signature), (&other, b"one", &signature), (&public, b"one", &other_signature)]
        {
            assert!(!ask(public, message, signature));
        }
        before.note(&VerifiedSignature::new(&other, b"one", other_signature.clone()).expect("it verifies"));
        assert_eq!(count(), 2);
        assert!(ask(&other, b"one", &other_signature));
        assert_eq!(count(), 2, "it was looked up");
    }

    #[test]
    fn it_holds_for_the_work_that_it_was_given_and_no_longer() {
        let before = VerifiedBefore::default();
        let (public, signature) = signed(1, b"one");
        let sha256 = *Digest::of(b"one").as_bytes();
        let inner = VerifiedBefore::default();
        before.within(|| {
            inner.within(|| assert!(ecdsa_over_sha256(&public, &sha256, &signature)));
            assert!(!before.has(known_as(public.fingerprint(), &sha256, &signature)));
        });
        assert!(ecdsa_over_sha256(&public, &sha256, &signature));
        assert!(!before.has(known_as(public.fingerprint(), &sha256, &signature)), "outside nothing is kept");
        assert!(inner.has(known_as(public.fingerprint(), &sha256, &signature)));
    }
}
