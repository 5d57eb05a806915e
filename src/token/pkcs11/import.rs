//! Puts a key from a file on a token. The value goes from locked memory to the module, without a copy of ours.
//!
//! C_CreateObject takes a private key in the open on most modules. Some refuse it by policy and want it wrapped: then a session
//! key of the token encrypts it (CKM_AES_CBC_PAD) and C_UnwrapKey takes it in.

use cryptoki::{
    error::Error as CryptokiError,
    mechanism::Mechanism,
    object::{Attribute, ObjectClass, ObjectHandle},
};
use cryptoki_sys::{
    CK_ATTRIBUTE_TYPE, CKA_COEFFICIENT, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_PRIME_1, CKA_PRIME_2, CKA_PRIVATE_EXPONENT,
    CKA_VALUE,
};
use p256::pkcs8::der::Decode as _;
use pkcs1::RsaPrivateKeyRef;

use super::{Pkcs11Token, objects};
use crate::{
    device,
    fault::{Error, Fault, FaultKind},
    keyfile::PrivateKey,
    rules::{Refusal, Rule},
    token::{Key, KeyAlgorithm, KeyRequest, KeySelector, Provision as _, Token as _, quirks},
};

/// What a module is told of a private key beside its template: values in the open, and values that are secret.
struct Parts<'a> {
    open: Vec<Attribute>,
    secret: Vec<(CK_ATTRIBUTE_TYPE, &'a [u8])>,
}

impl Pkcs11Token {
    pub(super) fn import(&mut self, key: &PrivateKey, request: &KeyRequest) -> Result<Key, Error> {
        self.can_take(key, request)?;
        self.nothing_of_that_name(request)?;
        let known = self.public_keys()?.into_iter().find(|seen| seen.public.as_ref() == Ok(key.public()));
        if let Some(known) = known {
            return Err(Refusal::new(
                Rule::OutputFresh,
                format!(
                    "{} holds this key already, as \"{}\".",
                    self.identity.name(),
                    crate::text::shown(&known.label)
                ),
                "Nothing has to be brought in. Look at the key that is there.",
            )
            .into());
        }
        self.take_private(key, request)?;
        let public = objects::public_template(key.public(), request).ok_or_else(|| self.unable("its kind"))?;
        if let Err(fault) = self.with_session(|session| session.create_object(&public)) {
            // The private half alone is no key. Where the token is gone it stays, and is cleared when that is looked at.
            let _ = self.clear_half_made(request);
            return Err(fault.into());
        }
        let key_there = self.find_key(&KeySelector::Named { label: request.label.clone(), id: request.id.clone() })?;
        let good = self.is_that_key(key, &key_there).and_then(|()| self.prove_pair(&key_there, None));
        match good {
            Ok(()) => Ok(key_there),
            Err(Error::Refused(mut refusal)) => {
                if let Err(error) = self.destroy_key(&key_there) {
                    refusal.what = format!("{} It could not be destroyed and is still there ({error}).", refusal.what);
                }
                Err(refusal.into())
            }
            // What happened is in doubt: the key is looked at again before anything else.
            fault => fault.map(|()| key_there),
        }
    }

    fn can_take(&self, key: &PrivateKey, request: &KeyRequest) -> Result<(), Fault> {
        let row = quirks::of(&self.identity);
        if row.takes_no_keys {
            return Err(self.unable(&format!("{} takes no keys from outside", row.name)));
        }
        match key.public().key_algorithm() {
            Some(algorithm) if algorithm == request.algorithm => Ok(()),
            Some(algorithm) => {
                Err(self.unable(&format!("the key is {algorithm}, and {} is wanted", request.algorithm)))
            }
            None => Err(self.unable(&format!("this program signs with no {} key", key.public().algorithm()))),
        }
    }

    fn unable(&self, why: &str) -> Fault {
        Fault::new(FaultKind::NotSupported, format!("bring a key to {}", self.identity.name()), why)
    }

    fn is_that_key(&self, wanted: &PrivateKey, there: &Key) -> Result<(), Error> {
        if there.public != *wanted.public() {
            return Err(self.unexpected("the public key that reads back is not that of the file.".into()));
        }
        device::brought_in(&there.attributes)?;
        Ok(())
    }

    /// The private half, in the open or wrapped.
    fn take_private(&mut self, key: &PrivateKey, request: &KeyRequest) -> Result<(), Error> {
        let parts = parts(key, request.algorithm).ok_or_else(|| self.unable("the key is not whole"))?;
        let (_, mut template) = objects::templates(request, true);
        template.push(Attribute::Class(ObjectClass::PRIVATE_KEY));
        template.push(Attribute::KeyType(objects::key_type(request.algorithm)));
        let whole = [template.as_slice(), parts.open.as_slice()].concat();
        let session = self.session()?.handle();
        let refused = match self.module.raw().create_object(session, &whole, &parts.secret) {
            Ok(_) => return Ok(()),
            Err(error) => self.fault(&error),
        };
        self.recover(&refused);
        if refused.token_lost() {
            return Err(refused.into());
        }
        match self.unwrapped(key, &template, request) {
            Ok(_) => Ok(()),
            Err(also) => {
                self.recover(&also);
                let cause = format!(
                    "the module takes no private key in the open ({}) and none that is wrapped ({}: {})",
                    refused.cause,
                    also.doing.split(',').next().unwrap_or_default(),
                    also.cause
                );
                Err(Fault::new(also.kind, refused.doing, cause).into())
            }
        }
    }

    /// Lets the token encrypt the key with a session key of its own, and unwrap it again.
    fn unwrapped(
        &mut self,
        key: &PrivateKey,
        template: &[Attribute],
        request: &KeyRequest,
    ) -> Result<ObjectHandle, Fault> {
        let pkcs8 = key.to_pkcs8()?;
        let mut iv = [0; 16];
        getrandom::fill(&mut iv).map_err(|e| Fault::machine("draw an initialisation vector", e))?;
        let aes = [
            Attribute::Token(false),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::ValueLen(32.into()),
            Attribute::Encrypt(true),
            Attribute::Unwrap(true),
        ];
        let mut template = template.to_vec();
        // NSS unwraps no key of a curve that it is not told.
        template.extend(objects::curve(request.algorithm).map(|curve| Attribute::EcParams(curve.to_vec())));
        self.session()?;
        let by = |token: &Self| -> Result<ObjectHandle, CryptokiError> {
            let session = token.open_session()?;
            let wrapping = session.generate_key(&Mechanism::AesKeyGen, &aes)?;
            let mechanism = Mechanism::AesCbcPad(iv);
            let made = session.encrypt(&mechanism, wrapping, pkcs8.expose()).and_then(|wrapped| {
                session.unwrap_key(&mechanism, wrapping, &wrapped, &template).or_else(|error| {
                    // The curve is in the key too, and other modules refuse to hear it twice.
                    let bare: Vec<_> =
                        template.iter().filter(|a| !matches!(a, Attribute::EcParams(_))).cloned().collect();
                    session.unwrap_key(&mechanism, wrapping, &wrapped, &bare).map_err(|_| error)
                })
            });
            let _ = session.destroy_object(wrapping);
            made
        };
        by(self).map_err(|error| self.fault(&error))
    }
}

/// What a module wants to know of a private key of this algorithm; `None` where the bytes are not one.
fn parts(key: &PrivateKey, algorithm: KeyAlgorithm) -> Option<Parts<'_>> {
    let bare = key.material().expose();
    if let Some(curve) = objects::curve(algorithm) {
        return Some(Parts { open: vec![Attribute::EcParams(curve.to_vec())], secret: vec![(CKA_VALUE, bare)] });
    }
    let rsa = RsaPrivateKeyRef::from_der(bare).ok()?;
    Some(Parts {
        open: vec![
            Attribute::Modulus(rsa.modulus.as_bytes().to_vec()),
            Attribute::PublicExponent(rsa.public_exponent.as_bytes().to_vec()),
        ],
        secret: vec![
            (CKA_PRIVATE_EXPONENT, rsa.private_exponent.as_bytes()),
            (CKA_PRIME_1, rsa.prime1.as_bytes()),
            (CKA_PRIME_2, rsa.prime2.as_bytes()),
            (CKA_EXPONENT_1, rsa.exponent1.as_bytes()),
            (CKA_EXPONENT_2, rsa.exponent2.as_bytes()),
            (CKA_COEFFICIENT, rsa.coefficient.as_bytes()),
        ],
    })
}
