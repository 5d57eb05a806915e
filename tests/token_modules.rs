//! Any other PKCS#11 module, taken through everything that a ceremony does with a token. Run by hand:
//!
//! ```text
//! OFFICIANT_TEST_MODULE=/path/to/module.so cargo nextest run --test token_modules --run-ignored all
//! ```
//!
//! with whatever environment the module is configured by. It wants a blank token, or one labelled `root-a` with this file's
//! PINs, and it makes and destroys keys on it.

mod support;

use std::path::PathBuf;

use officiant::{
    readback::{Challenge, Signable},
    token::{
        Erase, KeyAlgorithm, KeySelector, LastTry, PinEntry, Probe as _, Provision as _, Token as _, User,
        pkcs11::{self, Pkcs11Token, TokenUri},
        quirks::Trust,
    },
};
use support::{generate, pin};

const LABEL: &str = "root-a";

/// Of eight bytes: the only length that every module takes.
const SO_PIN: &str = "so-27182";
const USER_PIN: &str = "usr-3141";

/// What openCryptoki's tokens leave the factory with.
const FACTORY_SO_PIN: &str = "87654321";

fn token() -> Pkcs11Token {
    let module = std::env::var_os("OFFICIANT_TEST_MODULE").expect("OFFICIANT_TEST_MODULE names the module");
    let module = TokenUri { module_path: Some(PathBuf::from(module)), ..TokenUri::default() };
    let named = TokenUri { label: Some(LABEL.into()), ..module.clone() };
    if let Ok(token) = pkcs11::open(&named, Trust::shipped()) {
        return token;
    }
    let mut token = pkcs11::open_blank(&module, Trust::shipped()).expect("a blank token, or one labelled root-a");
    let so_pin = pin(SO_PIN);
    if token.pins().unwrap().so.must_change {
        let factory = pin(FACTORY_SO_PIN);
        token.initialise(LABEL, PinEntry::Typed(&factory), Erase::NothingThere).unwrap();
        token.change_pin(User::So, &factory, &so_pin, LastTry::Keep).unwrap();
    } else {
        token.initialise(LABEL, PinEntry::Typed(&so_pin), Erase::NothingThere).unwrap();
    }
    token.set_user_pin(&so_pin, &pin(USER_PIN)).unwrap();
    token
}

fn login(token: &mut Pkcs11Token) {
    token.login(User::User, PinEntry::Typed(&pin(USER_PIN)), LastTry::Keep).unwrap();
}

#[test]
#[ignore = "wants OFFICIANT_TEST_MODULE"]
fn a_module_keeps_its_keys_and_each_algorithm_that_it_proves_survives_reopening() {
    let mut token = token();
    login(&mut token);
    let report = token.probe().unwrap();
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
    report.keeps_keys().unwrap();
    let all = [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519, KeyAlgorithm::Rsa3072];
    let proven: Vec<_> = all.into_iter().filter(|algorithm| report.signs(*algorithm)).collect();
    assert!(!proven.is_empty());
    for algorithm in proven {
        let before = token.public_keys().unwrap().len();
        let made = generate(&mut token, algorithm, &format!("test {algorithm}"));
        token.reopen().unwrap();
        login(&mut token);
        let key = token.find_key(&KeySelector::Public(made.public.clone())).unwrap();
        let payloads: Vec<_> = (0..20).map(|number| Signable::Challenge(Challenge::nonce(&[number]))).collect();
        for payload in &payloads {
            let signature = token.sign(&key, payload, None).unwrap();
            assert!(made.public.verify(payload.bytes(), &signature));
        }
        token.destroy_key(&key).unwrap();
        assert_eq!(token.public_keys().unwrap().len(), before);
    }
}
