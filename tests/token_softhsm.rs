//! PKCS#11 tokens, on SoftHSM.

mod support;

use officiant::{
    readback::{Challenge, Signable},
    token::{KeyAlgorithm, KeySelector, Token as _},
};
use support::{generate, login, on_softhsm, prepared};

#[test]
fn a_token_is_prepared_signs_and_after_reopening_signs_again_with_the_same_key() {
    on_softhsm("a_token_is_prepared_signs_and_after_reopening_signs_again_with_the_same_key", |rehearsal| {
        let mut token = prepared(rehearsal, "root-a");
        login(&mut token);
        let key = generate(&mut token, KeyAlgorithm::P256, "root");
        let payload = Signable::Challenge(Challenge::nonce(b"one"));
        let signature = token.sign(&key, &payload, None).unwrap();
        assert_eq!(signature.as_bytes().len(), 64);
        assert!(key.public.verify(payload.bytes(), &signature));

        let serial = token.identity().serial.clone();
        token.reopen().unwrap();
        assert_eq!(token.identity().serial, serial);
        let stale = token.sign(&key, &payload, None).unwrap_err();
        assert!(stale.fault().is_some_and(|fault| fault.token_lost()), "{stale}");
        login(&mut token);
        let again = token.find_key(&KeySelector::Public(key.public.clone())).unwrap();
        token.prove_pair(&again, None).unwrap();
        assert!(key.public.verify(payload.bytes(), &token.sign(&again, &payload, None).unwrap()));
    });
}
