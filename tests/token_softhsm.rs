//! PKCS#11 tokens, on SoftHSM.

mod support;

use std::ops::ControlFlow;

use cryptoki::{
    context::Pkcs11,
    object::{Attribute, ObjectClass},
    session::Session,
};
use officiant::{
    device::probe::{Check, Verdict},
    fault::{Error, FaultKind, Tries},
    readback::{Challenge, Signable},
    rules::Rule,
    token::{
        Erase, KeyAlgorithm, KeyRequest, KeySelector, LastTry, PinEntry, Probe as _, Provision as _, Token as _, User,
        list,
        pkcs11::{self, Pkcs11Token, TokenUri, rehearsal::Rehearsal},
        quirks::Trust,
    },
};
use support::{SO_PIN, USER_PIN, alone, generate, login, module_uri, on_softhsm, pin, prepared};

fn challenge(number: u8) -> Signable {
    Signable::Challenge(Challenge::nonce(&[number]))
}

fn rule(result: Result<impl Sized, Error>) -> Option<Rule> {
    result.err().and_then(|error| error.refusal().map(|refusal| refusal.rule))
}

fn kind(result: Result<impl Sized, Error>) -> Option<FaultKind> {
    result.err().and_then(|error| error.fault().map(|fault| fault.kind.clone()))
}

/// A session behind the back of the token under test.
fn another_session(token: &Pkcs11Token) -> Session {
    let module = Pkcs11::new(&token.identity().module.path).unwrap();
    let slots = module.get_slots_with_token().unwrap();
    let is_it = |slot: &cryptoki::slot::Slot| {
        module.get_token_info(*slot).is_ok_and(|info| info.serial_number() == token.identity().serial)
    };
    module.open_rw_session(slots.into_iter().find(is_it).unwrap()).unwrap()
}

#[test]
fn a_token_is_prepared_signs_and_after_reopening_signs_again_with_the_same_key() {
    on_softhsm("a_token_is_prepared_signs_and_after_reopening_signs_again_with_the_same_key", |rehearsal| {
        let mut token = prepared(rehearsal, "root-a");
        login(&mut token);
        let key = generate(&mut token, KeyAlgorithm::P256, "root");
        let payload = challenge(1);
        let signature = token.sign(&key, &payload, None).unwrap();
        assert_eq!(signature.as_bytes().len(), 64);
        assert!(key.public.verify(payload.bytes(), &signature));

        let serial = token.identity().serial.clone();
        token.reopen().unwrap();
        assert_eq!(token.identity().serial, serial);
        assert_eq!(kind(token.sign(&key, &payload, None)), Some(FaultKind::TokenLost), "the old handle is stale");
        login(&mut token);
        let again = token.find_key(&KeySelector::Public(key.public.clone())).unwrap();
        token.prove_pair(&again, None).unwrap();
        assert!(key.public.verify(payload.bytes(), &token.sign(&again, &payload, None).unwrap()));
    });
}

#[test]
fn every_algorithm_signs_in_batches_that_stop_when_told() {
    on_softhsm("every_algorithm_signs_in_batches_that_stop_when_told", |rehearsal| {
        let mut token = prepared(rehearsal, "root-a");
        login(&mut token);
        for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519, KeyAlgorithm::Rsa3072] {
            let key = generate(&mut token, algorithm, &algorithm.to_string());
            assert_eq!(key.algorithm, algorithm);
            assert_eq!(key.attributes.local, Some(true));
            let payloads: Vec<_> = (0..5).map(challenge).collect();
            let mut count = 0;
            token
                .sign_batch(&key, &payloads, None, &mut |index, signature| {
                    assert_eq!(index, count);
                    assert!(key.public.verify(payloads[index].bytes(), &signature));
                    count += 1;
                    if index == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })
                .unwrap();
            assert_eq!(count, 4);
        }
    });
}

#[test]
fn several_tokens_are_open_at_once_and_each_is_found_by_label_and_serial() {
    on_softhsm("several_tokens_are_open_at_once_and_each_is_found_by_label_and_serial", |rehearsal| {
        let mut a = prepared(rehearsal, "root-a");
        let mut b = prepared(rehearsal, "root-b");
        login(&mut a);
        login(&mut b);
        let (of_a, of_b) = (generate(&mut a, KeyAlgorithm::P256, "k"), generate(&mut b, KeyAlgorithm::P256, "k"));
        assert_ne!(of_a.public, of_b.public);
        b.reopen().unwrap();
        a.sign(&of_a, &challenge(1), None).expect("reopening another token leaves this one alone");
        assert_eq!(rule(b.find_key(&KeySelector::Public(of_a.public.clone()))), Some(Rule::TokenIsExpected));
        assert!(a.is_present().unwrap());

        let again = pkcs11::open(&b.uri(), Trust::shipped()).unwrap();
        assert_eq!(again.identity(), b.identity());
        let any = module_uri(rehearsal);
        let refusal = pkcs11::open(&any, Trust::shipped()).err().unwrap().to_string();
        assert!(refusal.contains("2 tokens answer"), "{refusal}");
        let none = TokenUri { label: Some("root-c".into()), ..any };
        let refusal = pkcs11::open(&none, Trust::shipped()).err().unwrap().to_string();
        assert!(refusal.contains("root-a") && refusal.contains("root-b") && refusal.contains("1 blank"), "{refusal}");
    });
}

#[test]
fn a_token_that_is_in_use_is_wiped_only_after_its_own_serial_was_typed() {
    on_softhsm("a_token_that_is_in_use_is_wiped_only_after_its_own_serial_was_typed", |rehearsal| {
        let mut token = prepared(rehearsal, "root-a");
        login(&mut token);
        let key = generate(&mut token, KeyAlgorithm::P256, "k");
        let so = pin(SO_PIN);
        let so = PinEntry::Typed(&so);
        for erase in [Erase::NothingThere, Erase::TypedSerial(""), Erase::TypedSerial("0000")] {
            assert_eq!(rule(token.initialise("new", so, erase)), Some(Rule::TokenInitialisedOnce));
        }
        token.sign(&key, &challenge(1), None).expect("nothing happened");

        let serial = token.identity().serial.clone();
        let wrong = pin("so-31415926");
        let refused = token.initialise("new", PinEntry::Typed(&wrong), Erase::TypedSerial(&serial));
        assert!(matches!(kind(refused), Some(FaultKind::PinIncorrect { .. })));
        token.initialise("new", so, Erase::TypedSerial(&serial)).unwrap();
        assert_eq!(token.identity().label, "new");
        assert_eq!(token.public_keys().unwrap(), []);
        assert_eq!(token.pins().unwrap().user.set, Some(false));
    });
}

#[test]
fn labels_are_refused_where_a_module_would_cut_them_and_where_another_token_has_them() {
    on_softhsm("labels_are_refused_where_a_module_would_cut_them_and_where_another_token_has_them", |rehearsal| {
        let _first = prepared(rehearsal, "Zoë Ångström, Kraków, trzeci");
        let mut blank = pkcs11::open_blank(&module_uri(rehearsal), Trust::shipped()).unwrap();
        let so = pin(SO_PIN);
        let mut initialise = |label: &str| blank.initialise(label, PinEntry::Typed(&so), Erase::NothingThere);
        for label in ["", " a", "a\u{202e}b", "Zoë Ångström, Kraków, trzeci!"] {
            assert!(kind(initialise(label)).is_some(), "{label}");
        }
        assert_eq!(rule(initialise("Zoë Ångström, Kraków, trzeci")), Some(Rule::TokenIsExpected));
        initialise("root-b").unwrap();
    });
}

#[test]
fn a_wrong_pin_is_told_with_what_the_token_says_of_the_tries_and_is_never_masked_by_an_open_login() {
    on_softhsm(
        "a_wrong_pin_is_told_with_what_the_token_says_of_the_tries_and_is_never_masked_by_an_open_login",
        |rehearsal| {
            let mut token = prepared(rehearsal, "root-a");
            assert_eq!(token.pins().unwrap().user.tries, Tries::TokenDoesNotTell);
            login(&mut token);
            let wrong = pin("user-271828");
            for user in [User::User, User::So] {
                let entered = token.login(user, PinEntry::Typed(&wrong), LastTry::Keep);
                let text = entered.as_ref().err().map(ToString::to_string).unwrap_or_default();
                assert!(
                    text.starts_with("C_Login, token \"root-a\" (serial ") && text.ends_with("CKR_PIN_INCORRECT"),
                    "{text}"
                );
                assert_eq!(kind(entered), Some(FaultKind::PinIncorrect { tries: Tries::Low }));
            }
            // A login that another session left open: the PIN must still be looked at.
            let other = another_session(&token);
            login(&mut token);
            assert!(token.login(User::User, PinEntry::Typed(&wrong), LastTry::Keep).is_err());
            drop(other);
            login(&mut token);
        },
    );
}

#[test]
fn pins_are_changed_and_set_anew_and_no_default_short_or_shared_one_is_set() {
    on_softhsm("pins_are_changed_and_set_anew_and_no_default_short_or_shared_one_is_set", |rehearsal| {
        let mut token = prepared(rehearsal, "root-a");
        let (so, old) = (pin(SO_PIN), pin(USER_PIN));
        for bad in ["123456", "12345678", "77777777", "ab1", SO_PIN] {
            assert_eq!(rule(token.set_user_pin(&so, &pin(bad))), Some(Rule::PinNotDefault), "{bad}");
        }
        assert_eq!(rule(token.change_pin(User::User, &old, &old, LastTry::Keep)), Some(Rule::PinNotDefault));
        token.change_pin(User::User, &old, &pin("user-161803"), LastTry::Keep).unwrap();
        let entered = token.login(User::User, PinEntry::Typed(&old), LastTry::Keep);
        assert!(matches!(kind(entered), Some(FaultKind::PinIncorrect { .. })));
        token.set_user_pin(&so, &old).unwrap();
        login(&mut token);
        token.change_pin(User::So, &so, &pin("so-16180339"), LastTry::Keep).unwrap();
        assert!(token.set_user_pin(&so, &pin("user-577215")).is_err());
    });
}

#[test]
fn a_key_is_exactly_one_private_and_one_public_object() {
    on_softhsm("a_key_is_exactly_one_private_and_one_public_object", |rehearsal| {
        let mut token = prepared(rehearsal, "root-a");
        let named = KeySelector::Named { label: "k".into(), id: b"k".to_vec() };
        login(&mut token);
        assert_eq!(rule(token.find_key(&named)), Some(Rule::TokenIsExpected), "none");
        let key = generate(&mut token, KeyAlgorithm::P256, "k");
        for (label, id) in [("k", b"2"), ("2", b"k")] {
            let request = KeyRequest { algorithm: KeyAlgorithm::P256, label: label.into(), id: id.to_vec() };
            assert_eq!(rule(token.generate_key(&request)), Some(Rule::OutputFresh));
        }
        let other = another_session(&token);
        let half = |class| other.find_objects(&[Attribute::Class(class)]).unwrap().remove(0);
        let second = other.copy_object(half(ObjectClass::PRIVATE_KEY), &[Attribute::Label(b"k".to_vec())]).unwrap();
        for wanted in [&named, &KeySelector::Public(key.public.clone())] {
            assert_eq!(rule(token.find_key(wanted)), Some(Rule::TokenIsExpected), "two private objects");
        }
        other.destroy_object(second).unwrap();
        token.find_key(&named).unwrap();
        other.copy_object(half(ObjectClass::PUBLIC_KEY), &[Attribute::Label(b"k".to_vec())]).unwrap();
        for wanted in [&named, &KeySelector::Public(key.public.clone())] {
            assert_eq!(rule(token.find_key(wanted)), Some(Rule::TokenIsExpected), "two public objects");
        }
    });
}

#[test]
fn two_objects_that_are_no_pair_are_found_out_before_they_sign_anything_else() {
    on_softhsm("two_objects_that_are_no_pair_are_found_out_before_they_sign_anything_else", |rehearsal| {
        let mut token = prepared(rehearsal, "root-a");
        login(&mut token);
        generate(&mut token, KeyAlgorithm::P256, "a");
        generate(&mut token, KeyAlgorithm::P256, "b");
        let other = another_session(&token);
        let half = |class, id: &[u8]| {
            other.find_objects(&[Attribute::Class(class), Attribute::Id(id.to_vec())]).unwrap().remove(0)
        };
        other.destroy_object(half(ObjectClass::PUBLIC_KEY, b"a")).unwrap();
        other.destroy_object(half(ObjectClass::PRIVATE_KEY, b"b")).unwrap();
        other.update_attributes(half(ObjectClass::PUBLIC_KEY, b"b"), &[Attribute::Id(b"a".to_vec())]).unwrap();
        let public = token.public_keys().unwrap().remove(0).public.unwrap();
        let key = token.find_key(&KeySelector::Public(public)).unwrap();
        assert_eq!(rule(token.prove_pair(&key, None)), Some(Rule::SignatureVerifies));
    });
}

#[test]
fn public_keys_are_seen_without_a_pin_and_destroyed_keys_are_gone() {
    on_softhsm("public_keys_are_seen_without_a_pin_and_destroyed_keys_are_gone", |rehearsal| {
        let mut token = prepared(rehearsal, "root-a");
        login(&mut token);
        let key = generate(&mut token, KeyAlgorithm::Ed25519, "k");
        token.logout().unwrap();
        let seen = token.public_keys().unwrap();
        assert_eq!((seen.len(), seen[0].public.as_ref()), (1, Ok(&key.public)));
        let wanted = KeySelector::Public(key.public);
        assert_eq!(rule(token.find_key(&wanted)), Some(Rule::TokenIsExpected), "the private half wants a login");
        login(&mut token);
        let key = token.find_key(&wanted).unwrap();
        token.destroy_key(&key).unwrap();
        assert_eq!(token.public_keys().unwrap(), []);
    });
}

#[test]
fn a_key_that_wants_its_pin_each_time_signs_with_it_and_not_without() {
    on_softhsm("a_key_that_wants_its_pin_each_time_signs_with_it_and_not_without", |rehearsal| {
        let mut token = prepared(rehearsal, "root-a");
        login(&mut token);
        let other = another_session(&token);
        let id = Attribute::Id(b"k".to_vec());
        let p256 = Attribute::EcParams(vec![0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]);
        let public = [Attribute::Token(true), Attribute::Private(false), Attribute::Verify(true), id.clone(), p256];
        let private = [Attribute::Token(true), Attribute::Sign(true), Attribute::AlwaysAuthenticate(true), id];
        other.generate_key_pair(&cryptoki::mechanism::Mechanism::EccKeyPairGen, &public, &private).unwrap();

        let key = token.find_key(&KeySelector::Named { label: String::new(), id: b"k".to_vec() }).unwrap();
        assert!(key.wants_pin_each_time());
        let payload = challenge(1);
        assert!(token.sign(&key, &payload, None).is_err());
        login(&mut token);
        let key = token.find_key(&KeySelector::Public(key.public)).unwrap();
        let (right, wrong) = (pin(USER_PIN), pin("user-271828"));
        assert!(matches!(
            kind(token.sign(&key, &payload, Some(PinEntry::Typed(&wrong)))),
            Some(FaultKind::PinIncorrect { .. })
        ));
        for _ in 0..2 {
            token.sign(&key, &payload, Some(PinEntry::Typed(&right))).unwrap();
        }
    });
}

#[test]
fn a_token_that_vanishes_is_lost_and_after_it_is_back_it_is_opened_and_signs_again() {
    on_softhsm("a_token_that_vanishes_is_lost_and_after_it_is_back_it_is_opened_and_signs_again", |rehearsal| {
        let mut token = prepared(rehearsal, "root-a");
        login(&mut token);
        let key = generate(&mut token, KeyAlgorithm::P256, "k");
        let (here, away) = (support::folder().join("tokens"), support::folder().join("away"));
        std::fs::rename(&here, &away).unwrap();
        std::fs::create_dir(&here).unwrap();
        assert_eq!(kind(token.sign(&key, &challenge(1), None)), Some(FaultKind::TokenLost));
        assert_eq!(rule(token.reopen()), Some(Rule::TokenIsExpected), "it is not there");
        std::fs::remove_dir_all(&here).unwrap();
        std::fs::rename(&away, &here).unwrap();
        token.reopen().unwrap();
        login(&mut token);
        let key = token.find_key(&KeySelector::Public(key.public)).unwrap();
        token.sign(&key, &challenge(1), None).unwrap();
    });
}

#[test]
fn a_probe_proves_by_use_what_the_token_can_do_and_leaves_nothing_behind() {
    on_softhsm("a_probe_proves_by_use_what_the_token_can_do_and_leaves_nothing_behind", |rehearsal| {
        let mut token = prepared(rehearsal, "root-a");
        login(&mut token);
        let report = token.probe().unwrap();
        for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519, KeyAlgorithm::Rsa3072] {
            assert!(report.signs(algorithm), "{algorithm}: {:?}", report.findings);
        }
        let bad: Vec<_> = report.findings.iter().filter(|finding| finding.verdict != Verdict::Good).collect();
        let bad_checks: Vec<_> = bad.iter().map(|finding| (finding.check, finding.verdict)).collect();
        assert_eq!(bad_checks, [(Check::Wraps(KeyAlgorithm::Ed25519), Verdict::Cannot)], "{bad:?}");
        assert_eq!(report.finding(Check::Ed25519Vector).map(|found| found.verdict), Some(Verdict::Good));
        report.keeps_keys().unwrap();
        assert_eq!(report.family, "SoftHSM");
        assert_eq!(another_session(&token).find_objects(&[]).unwrap().len(), 0);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<officiant::device::probe::ProbeReport>(&text).unwrap(), report);
    });
}

#[test]
fn a_list_names_each_token_by_the_uri_that_opens_it_and_a_bad_module_hides_nothing() {
    on_softhsm("a_list_names_each_token_by_the_uri_that_opens_it_and_a_bad_module_hides_nothing", |rehearsal| {
        let token = prepared(rehearsal, "Zoë; root?");
        let missing: TokenUri = "pkcs11:?module-path=/nowhere/lib.so".parse().unwrap();
        let not_a_module: TokenUri = "pkcs11:?module-path=/etc/passwd".parse().unwrap();
        let reports = list::list(&[missing, module_uri(rehearsal), not_a_module], Trust::shipped());
        assert!(reports[0].fault.is_some() && reports[2].fault.is_some(), "{reports:?}");
        let [made, blank] = &reports[1].tokens[..] else { panic!("{reports:?}") };
        assert!(blank.uri.is_none() && blank.token.is_some());
        assert!(made.remarks.iter().any(|remark| remark.contains("software")), "{made:?}");
        let uri: TokenUri = made.uri.as_deref().unwrap().parse().unwrap();
        let opened = pkcs11::open(&uri, Trust::shipped()).unwrap();
        assert_eq!(opened.identity(), token.identity());
        assert!(list::installed().contains(&rehearsal.module.canonicalize().unwrap()));
    });
}

#[test]
fn a_token_is_used_from_whatever_thread_holds_it() {
    on_softhsm("a_token_is_used_from_whatever_thread_holds_it", |rehearsal| {
        let mut token = prepared(rehearsal, "root-a");
        login(&mut token);
        let key = generate(&mut token, KeyAlgorithm::P256, "k");
        let mut token = std::thread::spawn(move || {
            token.sign(&key, &challenge(1), None).unwrap();
            token
        })
        .join()
        .unwrap();
        token.logout().unwrap();
    });
}

#[test]
fn softhsm_without_its_configuration_fails_with_what_to_look_at() {
    let name = "softhsm_without_its_configuration_fails_with_what_to_look_at";
    alone(
        name,
        |_| vec![("SOFTHSM2_CONF", "/nowhere/softhsm2.conf".into())],
        || {
            let module = pkcs11::rehearsal::find_module(None).unwrap();
            let error = pkcs11::Module::load(&module, None, Trust::shipped()).err().unwrap().to_string();
            assert!(error.contains("CKR_GENERAL_ERROR") && error.contains("SOFTHSM2_CONF"), "{error}");
        },
    );
}

#[test]
fn a_rehearsal_folder_is_private_and_never_reused() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("tokens");
    let made = Rehearsal::prepare(&folder, None).unwrap();
    assert_eq!(rule(Rehearsal::prepare(&folder, None)), Some(Rule::OutputFresh));
    assert_eq!(Rehearsal::again(&folder, None).unwrap(), made);
    assert!(!made.is_in_force());
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(folder.join("tokens")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    assert!(Rehearsal::prepare(&place.path().join("x"), Some("/nowhere.so".as_ref())).is_err());
}
