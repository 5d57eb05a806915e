//! A module that fails in the middle of wrapping, or lies: SoftHSM behind the fault-injecting shim.

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use officiant::{
    fault::Error,
    keyfile::{Kek, Wrapped},
    rules::Rule,
    token::{
        Erase, KeyAlgorithm, KeyRequest, KeySelector, LastTry, PinEntry, Provision as _, Token as _, User, Wrap as _,
        pkcs11::{self, Pkcs11Token, TokenUri, rehearsal::Rehearsal},
        quirks::Trust,
        wrap::{PinIsKey, WrappingKey},
    },
};
use support::{SO_PIN, USER_PIN, alone, folder, login, pin};

/// Runs `body` in a process of its own, with SoftHSM behind the shim.
fn on_shim(name: &str, body: impl FnOnce()) {
    let prepare = |folder: &Path| {
        let rehearsal = Rehearsal::prepare(folder, None).expect("SoftHSM is installed");
        vec![
            rehearsal.environment(),
            (pkcs11_shim::MODULE, rehearsal.module.into_os_string()),
            (pkcs11_shim::CONTROL, folder.join("control").into_os_string()),
        ]
    };
    alone(name, prepare, body);
}

fn shim() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().join("libpkcs11_shim.so")
}

/// From now on the shim does this.
fn control(lines: &str) {
    fs::write(folder().join("control"), lines).unwrap();
}

fn prepared(label: &str) -> Pkcs11Token {
    let uri = TokenUri { module_path: Some(shim()), ..TokenUri::default() };
    let mut token = pkcs11::open_blank(&uri, Trust::shipped()).unwrap();
    token.initialise(label, PinEntry::Typed(&pin(SO_PIN)), Erase::NothingThere).unwrap();
    token.set_user_pin(&pin(SO_PIN), &pin(USER_PIN)).unwrap();
    token
}

fn request() -> KeyRequest {
    KeyRequest { algorithm: KeyAlgorithm::P256, label: "root".into(), id: b"root".to_vec() }
}

fn selector() -> KeySelector {
    KeySelector::Named { label: "root".into(), id: b"root".to_vec() }
}

fn rule<T>(done: Result<T, Error>) -> Option<Rule> {
    done.err().and_then(|error| error.refusal().map(|refusal| refusal.rule))
}

fn with_kek(token: &mut Pkcs11Token, kek: &Kek) -> WrappingKey {
    login(token);
    let safe = token.wraps_safely(KeyAlgorithm::P256, None).unwrap();
    token.login(User::So, PinEntry::Typed(&pin(SO_PIN)), LastTry::Keep).unwrap();
    token.bring_kek(kek, &safe).unwrap();
    login(token);
    token.find_kek(&kek.fingerprint(), &safe).unwrap()
}

/// The token as it is found after something went wrong: opened again, with its key-encryption key read back.
fn again(token: &mut Pkcs11Token, kek: &Kek) -> WrappingKey {
    control("");
    token.reopen().unwrap();
    login(token);
    let safe = token.wraps_safely(KeyAlgorithm::P256, None).unwrap();
    token.find_kek(&kek.fingerprint(), &safe).unwrap()
}

#[test]
fn a_fault_at_any_call_leaves_no_copy_or_half_a_copy_that_is_found_and_cleared() {
    on_shim("a_fault_at_any_call_leaves_no_copy_or_half_a_copy_that_is_found_and_cleared", || {
        let (mut first, kek) = (prepared("a"), Kek::fresh().unwrap());
        let under = with_kek(&mut first, &kek);
        for (call, rv) in [("C_GenerateKeyPair", 0x30), ("C_SignInit", 0x06)] {
            control(&format!("fail {call} 1 {rv:#x}"));
            assert!(first.generate_wrappable(&request(), &under).unwrap_err().fault().is_some(), "{call}");
            again(&mut first, &kek);
            if let Ok(key) = first.find_key(&selector()) {
                first.destroy_key(&key).unwrap();
            }
        }
        let under = again(&mut first, &kek);
        let key = first.generate_wrappable(&request(), &under).unwrap();
        control("fail C_WrapKey 1 0x32");
        assert!(first.wrap(&key, &under).unwrap_err().fault().is_some_and(|fault| fault.token_lost()));
        let under = again(&mut first, &kek);
        let key = first.find_wrappable(&selector(), &under).unwrap();
        let wrapped: Wrapped = first.wrap(&key, &under).unwrap();

        let mut second = prepared("b");
        with_kek(&mut second, &kek);
        // Each call of unwrapping in turn: refused by the module, and gone from then on.
        for (lines, half) in [
            ("fail C_UnwrapKey 1+ 0x06", 0),
            ("fail C_UnwrapKey 1+ 0x32", 0),
            ("fail C_CreateObject 1 0x31", 0),
            ("fail C_CreateObject 1 0x32\nfail C_FindObjectsInit 9+ 0x32", 1),
        ] {
            let under = again(&mut second, &kek);
            control(lines);
            let error = second.unwrap(&wrapped, &under, &request()).map(drop).unwrap_err();
            assert!(error.fault().is_some(), "{lines}: {error}");
            again(&mut second, &kek);
            assert_eq!(second.clear_half_made(&request()).unwrap(), half, "{lines}");
            assert_eq!(second.public_keys().unwrap(), [], "{lines}");
        }
        // The token goes when the copy is to sign: it is whole, and is looked at again and proven then.
        let second_under = again(&mut second, &kek);
        control("fail C_SignInit 1+ 0x32");
        assert!(second.unwrap(&wrapped, &second_under, &request()).unwrap_err().fault().is_some());
        again(&mut second, &kek);
        let copied = second.find_copy(&selector()).unwrap();

        // Closing fails before it did anything, and is repeated; nothing else can have happened to the key.
        control("fail C_SetAttributeValue 1 0x32");
        assert!(first.close(key, &copied, &under).unwrap_err().fault().is_some_and(|fault| fault.token_lost()));
        let under = again(&mut first, &kek);
        let key = first.find_wrappable(&selector(), &under).unwrap();
        control("fail C_SetAttributeValue 1 0x10");
        assert_eq!(rule(first.close(key, &copied, &under)), Some(Rule::KeyClosed), "it refuses to close");
        let under = again(&mut first, &kek);
        let key = first.find_wrappable(&selector(), &under).unwrap();
        first.close(key, &copied, &under).unwrap();

        control("fail C_DestroyObject 1 0x32");
        assert!(first.remove_kek(&kek.fingerprint()).unwrap_err().fault().is_some());
        again(&mut first, &kek);
        first.remove_kek(&kek.fingerprint()).unwrap();
    });
}

#[test]
fn a_module_that_lies_about_wrapping_is_refused_by_name() {
    on_shim("a_module_that_lies_about_wrapping_is_refused_by_name", || {
        let (mut first, mut second, kek) = (prepared("a"), prepared("b"), Kek::fresh().unwrap());
        login(&mut first);
        let declared = PinIsKey::declared_in_the_script();
        // It gives out what it must not; no declaration helps.
        control("leak");
        let error = first.wraps_safely(KeyAlgorithm::P256, Some(&declared)).map(drop).unwrap_err();
        assert!(error.to_string().contains("WRAPPING-SAFE"), "{error}");
        // CKA_EXTRACTABLE reads back turned around: what is unwrapped is not as asked, as far as anybody can tell.
        control("turn 0x162");
        let error = first.wraps_safely(KeyAlgorithm::P256, Some(&declared)).map(drop).unwrap_err();
        assert!(error.to_string().contains("unwraps keys as asked"), "{error}");
        // CKA_TRUSTED (0x86) the same: a wrapping key of the user reads back as untrusted, one of the SO too.
        control("");
        let under = with_kek(&mut first, &kek);
        let key = first.generate_wrappable(&request(), &under).unwrap();
        let wrapped = first.wrap(&key, &under).unwrap();
        let safe = first.wraps_safely(KeyAlgorithm::P256, None).unwrap();
        for attribute in ["0x86", "0x105", "0x162", "0x106", "0x103"] {
            control(&format!("turn {attribute}"));
            assert_eq!(rule(first.find_kek(&kek.fingerprint(), &safe)), Some(Rule::KekReadsBack), "{attribute}");
        }
        control("");
        // A copy that reads back as extractable is destroyed.
        let second_under = with_kek(&mut second, &kek);
        control("turn 0x162");
        assert_eq!(rule(second.unwrap(&wrapped, &second_under, &request())), Some(Rule::KeyNotExtractable));
        control("");
        assert_eq!(second.public_keys().unwrap(), []);
        let second_under = again(&mut second, &kek);
        let copied = second.unwrap(&wrapped, &second_under, &request()).unwrap();
        // It says that the key is closed, and wraps it: the room is told.
        let under = again(&mut first, &kek);
        let key = first.find_wrappable(&selector(), &under).unwrap();
        control("leak");
        let refusal = first.close(key, &copied, &under).map(drop).unwrap_err();
        assert_eq!(refusal.refusal().map(|refusal| refusal.rule), Some(Rule::KeyClosed));
        assert!(refusal.to_string().contains("gave 80 wrapped bytes"), "{refusal}");
        // It says that it destroyed the key-encryption key, and did not.
        control("fail C_DestroyObject 1+ 0x0");
        assert_eq!(rule(first.remove_kek(&kek.fingerprint())), Some(Rule::KekGone));
        control("");
        first.remove_kek(&kek.fingerprint()).unwrap();
    });
}

#[test]
fn where_trust_is_not_kept_only_a_declaration_lets_the_user_bring_the_kek() {
    on_shim("where_trust_is_not_kept_only_a_declaration_lets_the_user_bring_the_kek", || {
        let (mut first, mut second, kek) = (prepared("a"), prepared("b"), Kek::fresh().unwrap());
        let mut under = vec![];
        let declared = PinIsKey::declared_in_the_script();
        for token in [&mut first, &mut second] {
            login(token);
            // CKR_ATTRIBUTE_TYPE_INVALID: the second pair of the probe that wants a trusted key. Then everything as it is.
            control("fail C_GenerateKeyPair 5+ 0x12");
            let refused = token.wraps_safely(KeyAlgorithm::P256, None);
            assert_eq!(rule(refused), Some(Rule::WrappingTrusted));
            control("fail C_GenerateKeyPair 5+ 0x12 ");
            let safe = token.wraps_safely(KeyAlgorithm::P256, Some(&declared)).unwrap();
            assert!(!safe.wants_so());
            let seen = &safe.passed().iter().find(|passed| passed.rule == Rule::WrappingTrusted).unwrap().seen;
            assert!(seen.starts_with("declared beforehand: "), "{seen}");
            control("");
            token.bring_kek(&kek, &safe).unwrap();
            under.push(token.find_kek(&kek.fingerprint(), &safe).unwrap());
        }
        let key = first.generate_wrappable(&request(), &under[0]).unwrap();
        assert!(key.passed().seen.contains("CKA_WRAP_WITH_TRUSTED false"), "{}", key.passed().seen);
        let wrapped = first.wrap(&key, &under[0]).unwrap();
        let copied = second.unwrap(&wrapped, &under[1], &request()).unwrap();
        first.close(key, &copied, &under[0]).unwrap();
    });
}
