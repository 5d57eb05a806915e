//! Tokens that fail, lie and dawdle: SoftHSM behind the fault-injecting shim.

mod support;

use std::{fs, ops::ControlFlow, path::PathBuf};

use officiant::{
    fault::{Error, FaultKind, Tries},
    readback::{Challenge, Signable},
    rules::Rule,
    token::{
        Erase, Key, KeyAlgorithm, KeySelector, LastTry, PinEntry, Provision as _, RawSignature, Token as _, User,
        pkcs11::{self, Module, Pkcs11Token, TokenUri, rehearsal::Rehearsal},
        quirks::Trust,
    },
};
use support::{SO_PIN, USER_PIN, alone, folder, generate, login, pin};

const COUNT_LOW: u64 = 0x1_0000;
const FINAL_TRY: u64 = 0x2_0000;
const LOCKED: u64 = 0x4_0000;

/// The shim as the tests were built with it.
fn shim() -> PathBuf {
    let beside = std::env::current_exe().unwrap().parent().unwrap().join("libpkcs11_shim.so");
    assert!(beside.is_file(), "the shim was not built: {}", beside.display());
    beside
}

fn uri() -> TokenUri {
    TokenUri { module_path: Some(shim()), ..TokenUri::default() }
}

/// Runs `body` in a process of its own, with SoftHSM behind the shim.
fn on_shim(name: &str, body: impl FnOnce()) {
    let prepare = |folder: &std::path::Path| {
        let rehearsal = Rehearsal::prepare(folder, None).expect("SoftHSM is installed");
        vec![
            rehearsal.environment(),
            (pkcs11_shim::MODULE, rehearsal.module.into_os_string()),
            (pkcs11_shim::CONTROL, folder.join("control").into_os_string()),
        ]
    };
    alone(name, prepare, body);
}

/// From now on the shim does this.
fn control(lines: &str) {
    fs::write(folder().join("control"), lines).unwrap();
}

fn prepared(label: &str) -> Pkcs11Token {
    let mut token = pkcs11::open_blank(&uri(), Trust::shipped()).unwrap();
    token.initialise(label, PinEntry::Typed(&pin(SO_PIN)), Erase::NothingThere).unwrap();
    token.set_user_pin(&pin(SO_PIN), &pin(USER_PIN)).unwrap();
    token
}

fn with_key() -> (Pkcs11Token, Key) {
    let mut token = prepared("root-a");
    login(&mut token);
    let key = generate(&mut token, KeyAlgorithm::P256, "k");
    (token, key)
}

fn payloads(count: u8) -> Vec<Signable> {
    (0..count).map(|number| Signable::Challenge(Challenge::nonce(&[number]))).collect()
}

fn batch(token: &mut Pkcs11Token, key: &Key, payloads: &[Signable]) -> (Vec<RawSignature>, Result<(), Error>) {
    let mut made = Vec::new();
    let done = token.sign_batch(key, payloads, None, &mut |_, signature| {
        made.push(signature);
        ControlFlow::Continue(())
    });
    (made, done)
}

fn kind(error: &Error) -> FaultKind {
    error.fault().expect("a fault").kind.clone()
}

#[test]
fn a_device_gone_at_the_fifth_signature_keeps_four_and_goes_on_after_it_is_back() {
    on_shim("a_device_gone_at_the_fifth_signature_keeps_four_and_goes_on_after_it_is_back", || {
        let (mut token, key) = with_key();
        let payloads = payloads(8);
        control("fail C_Sign 5+ 0x32\nfail C_SignInit 6+ 0x32");
        let (made, done) = batch(&mut token, &key, &payloads);
        let error = done.unwrap_err();
        assert_eq!(kind(&error), FaultKind::TokenLost);
        assert!(error.to_string().starts_with("C_Sign, token \"root-a\" (serial "), "{error}");
        assert!(error.to_string().ends_with("CKR_DEVICE_REMOVED"), "{error}");
        assert_eq!(made.len(), 4);
        assert_eq!(kind(&batch(&mut token, &key, &payloads[4..]).1.unwrap_err()), FaultKind::TokenLost, "still gone");

        control("");
        token.reopen().unwrap();
        login(&mut token);
        let key = token.find_key(&KeySelector::Public(key.public)).unwrap();
        let (rest, done) = batch(&mut token, &key, &payloads[made.len()..]);
        done.unwrap();
        for (payload, signature) in payloads.iter().zip(made.iter().chain(&rest)) {
            assert!(key.public.verify(payload.bytes(), signature));
        }
        assert_eq!(made.len() + rest.len(), payloads.len());
    });
}

#[test]
fn every_way_to_vanish_is_one_state_in_every_call() {
    on_shim("every_way_to_vanish_is_one_state_in_every_call", || {
        let (mut token, key) = with_key();
        // GENERAL_ERROR, DEVICE_ERROR, DEVICE_REMOVED, OBJECT_HANDLE_INVALID, SESSION_HANDLE_INVALID, TOKEN_NOT_PRESENT
        for rv in [0x05, 0x30, 0x32, 0x82, 0xb3, 0xe0] {
            for call in ["C_SignInit", "C_Sign", "C_FindObjectsInit", "C_OpenSession", "C_GetTokenInfo"] {
                control(&format!("fail {call} 1+ {rv:#x}"));
                let error = match call {
                    "C_FindObjectsInit" => token.public_keys().unwrap_err(),
                    "C_OpenSession" | "C_GetTokenInfo" => {
                        let _ = token.reopen();
                        token.login(User::User, PinEntry::Typed(&pin(USER_PIN)), LastTry::Keep).unwrap_err()
                    }
                    _ => batch(&mut token, &key, &payloads(1)).1.unwrap_err(),
                };
                assert_eq!(kind(&error), FaultKind::TokenLost, "{call} {rv:#x}: {error}");
                control("");
                token.reopen().unwrap();
                login(&mut token);
                let key = token.find_key(&KeySelector::Public(key.public.clone())).unwrap();
                token.prove_pair(&key, None).unwrap();
            }
        }
    });
}

#[test]
fn a_wrong_signature_is_caught_before_anybody_gets_it() {
    on_shim("a_wrong_signature_is_caught_before_anybody_gets_it", || {
        let (mut token, key) = with_key();
        control("corrupt 3");
        let (made, done) = batch(&mut token, &key, &payloads(5));
        assert_eq!(made.len(), 2);
        assert_eq!(done.unwrap_err().refusal().map(|refusal| refusal.rule), Some(Rule::SignatureVerifies));
    });
}

#[test]
fn a_failed_operation_is_not_left_active_and_the_login_stays() {
    on_shim("a_failed_operation_is_not_left_active_and_the_login_stays", || {
        let (mut token, key) = with_key();
        // CKR_FUNCTION_FAILED after C_SignInit: the operation stays active in the old session.
        control("fail C_Sign 2 0x6");
        let payloads = payloads(3);
        let (made, done) = batch(&mut token, &key, &payloads);
        assert_eq!((made.len(), kind(&done.unwrap_err())), (1, FaultKind::Other));
        let (rest, done) = batch(&mut token, &key, &payloads[1..]);
        done.expect("no new login, no new search");
        assert_eq!(rest.len(), 2);
    });
}

#[test]
fn pin_flags_and_return_values_are_both_read() {
    on_shim("pin_flags_and_return_values_are_both_read", || {
        let mut token = prepared("root-a");
        let (right, wrong) = (pin(USER_PIN), pin("user-271828"));
        let mut enter = |pin, last_try| token.login(User::User, PinEntry::Typed(pin), last_try);
        control("fail C_Login 1 0xa4");
        assert_eq!(kind(&enter(&right, LastTry::Keep).unwrap_err()), FaultKind::PinLocked, "by return value");
        control(&format!("flags {LOCKED:#x}"));
        assert_eq!(kind(&enter(&wrong, LastTry::Keep).unwrap_err()), FaultKind::PinLocked, "by flag");
        control(&format!("flags {COUNT_LOW:#x}"));
        assert_eq!(kind(&enter(&wrong, LastTry::Keep).unwrap_err()), FaultKind::PinIncorrect { tries: Tries::Low });

        control(&format!("flags {FINAL_TRY:#x}\nfail C_Login 1+ 0xa0"));
        let refusal = enter(&wrong, LastTry::Keep).unwrap_err();
        assert_eq!(refusal.refusal().map(|refusal| refusal.rule), Some(Rule::PinTriesLeft), "{refusal}");
        let spent = enter(&wrong, LastTry::MayBeSpent).unwrap_err();
        assert_eq!(kind(&spent), FaultKind::PinIncorrect { tries: Tries::LastTry });
        // The locked flag may linger after unblocking: it must not keep the right PIN out.
        control(&format!("flags {LOCKED:#x}"));
        enter(&right, LastTry::Keep).unwrap();
    });
}

#[test]
fn a_lying_clock_hides_no_token_nul_padding_is_no_name_and_an_unreadable_slot_hides_no_other() {
    on_shim("a_lying_clock_hides_no_token_nul_padding_is_no_name_and_an_unreadable_slot_hides_no_other", || {
        let (a, b) = (prepared("root-a"), prepared("root-b"));
        control("utc whenever\nnul");
        for token in [&a, &b] {
            let opened = pkcs11::open(&token.uri(), Trust::shipped()).unwrap();
            assert_eq!(opened.identity(), token.identity());
        }
        control("fail C_GetTokenInfo 1 0x30");
        let listed = Module::load(&shim(), None, Trust::shipped()).unwrap().tokens().unwrap();
        assert_eq!(listed.iter().map(|one| one.token.is_err()).collect::<Vec<_>>(), [true, false, false]);
    });
}

#[test]
fn tokens_of_one_serial_are_told_apart_by_their_label_and_not_otherwise() {
    on_shim("tokens_of_one_serial_are_told_apart_by_their_label_and_not_otherwise", || {
        drop((prepared("root-a"), prepared("root-b")));
        control("serial 123");
        let by_serial = TokenUri { serial: Some("123".into()), ..uri() };
        let refusal = pkcs11::open(&by_serial, Trust::shipped()).err().unwrap();
        assert_eq!(refusal.refusal().map(|refusal| refusal.rule), Some(Rule::TokenIsExpected));
        let b = pkcs11::open(&TokenUri { label: Some("root-b".into()), ..by_serial }, Trust::shipped()).unwrap();
        assert_eq!(b.identity().label, "root-b");
        assert!(!b.identity().serial_tells());
        control("serial 0000000000000000");
        let by_serial = TokenUri { serial: Some("0000000000000000".into()), ..uri() };
        drop(b);
        let named = TokenUri { label: Some("root-b".into()), ..by_serial.clone() };
        let mut b = pkcs11::open(&named, Trust::shipped()).unwrap();
        let so = pin(SO_PIN);
        let mut wipe = |typed| b.initialise("root-c", PinEntry::Typed(&so), Erase::TypedSerial(typed));
        assert!(wipe("0000000000000000").unwrap_err().refusal().is_some(), "that could be any token");
        wipe("root-b").unwrap();
        drop(b);
        assert!(pkcs11::open(&by_serial, Trust::shipped()).err().unwrap().refusal().is_some());
    });
}

#[test]
fn another_token_in_the_same_slot_gets_no_pin() {
    on_shim("another_token_in_the_same_slot_gets_no_pin", || {
        let mut token = prepared("root-a");
        control("serial 5f1a\nfail C_Login 1+ 0xa0");
        let error = token.login(User::User, PinEntry::Typed(&pin(USER_PIN)), LastTry::Keep).unwrap_err();
        assert_eq!(error.refusal().map(|refusal| refusal.rule), Some(Rule::TokenIsExpected), "{error}");
    });
}

#[test]
fn a_slow_token_signs_and_a_failed_generation_leaves_no_key() {
    on_shim("a_slow_token_signs_and_a_failed_generation_leaves_no_key", || {
        let (mut token, key) = with_key();
        control("slow 50");
        let (made, done) = batch(&mut token, &key, &payloads(2));
        done.unwrap();
        assert_eq!(made.len(), 2);
        control("fail C_GenerateKeyPair 1 0x30");
        let request =
            officiant::token::KeyRequest { algorithm: KeyAlgorithm::P256, label: "l".into(), id: b"l".to_vec() };
        assert_eq!(kind(&token.generate_key(&request).unwrap_err()), FaultKind::TokenLost);
        token.reopen().unwrap();
        assert_eq!(token.public_keys().unwrap().len(), 1);
    });
}
