//! The native driver for YubiKeys, on virtual ones: what it does, and what it sends.

#[path = "yubikey_support/driver.rs"]
mod driver;
mod yubikey_support;

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use driver::*;
use officiant::{
    device::yubikey::OldFirmware,
    fault::{FaultKind, Tries},
    readback::{Challenge, Signable},
    rules::Rule,
    token::{
        Attest as _, Erase, KeyAlgorithm, KeySelector, LastTry, PinEntry, Provision as _, Token as _, User,
        quirks::Trust,
        yubikey::{self, PinPolicy, Settings, TouchPolicy},
    },
};
use virtual_yubikey::{Setup, Trace};
use yubikey_support::on_yubikeys;

const SERIAL: u32 = 7_150_001;
const VERIFY: u8 = 0x20;
const CHANGE: u8 = 0x24;
const SIGN: u8 = 0x87;

fn one() -> Setup {
    Setup::of(&[("5.7.1", SERIAL)])
}

/// The signatures of a trace: GENERAL AUTHENTICATE with slot 9c.
fn signatures(trace: &Trace) -> Vec<usize> {
    let is_one = |command: &&[u8]| command[1] == SIGN && command[3] == 0x9c;
    trace.commands().iter().enumerate().filter(|(_, command)| is_one(command)).map(|(at, _)| at).collect()
}

/// Where a PIN was sent: VERIFY with data.
fn pins_sent(trace: &Trace) -> Vec<usize> {
    let is_one = |command: &&[u8]| command[1] == VERIFY && command.len() > 5;
    trace.commands().iter().enumerate().filter(|(_, command)| is_one(command)).map(|(at, _)| at).collect()
}

#[test]
fn a_new_yubikey_is_prepared_in_its_order_and_no_default_is_left() {
    on_yubikeys("a_new_yubikey_is_prepared_in_its_order_and_no_default_is_left", &one(), |control| {
        let mut token = open(control, SERIAL, settings());
        assert!(!token.identity().initialised);
        assert_eq!(token.identity().name(), "YubiKey 7150001");
        assert_eq!(token.defaults().unwrap(), ["PIN", "PUK", "management key"]);
        assert_eq!(rule(token.no_default_is_left()), Some(Rule::PinNotDefault));
        control.trace(0);
        token.initialise("root-a", PinEntry::Typed(&pin(PUK)), Erase::NothingThere).unwrap();
        assert!(token.identity().initialised, "five tries are not three");
        for bad in ["123456", "12345678", "77777777", "12345", "123456789", PUK] {
            assert_eq!(rule(token.set_user_pin(&pin(PUK), &pin(bad))), Some(Rule::PinNotDefault), "{bad}");
        }
        token.set_user_pin(&pin(PUK), &pin(PIN)).unwrap();
        let trace = control.trace(0);
        let order: Vec<_> = trace
            .commands()
            .iter()
            .filter(|command| matches!(command[1], CHANGE | 0xfa | 0xff | 0xfb))
            .map(|command| (command[1], if command[1] == CHANGE { command[3] } else { 0 }))
            .collect();
        assert_eq!(order, [(0xfa, 0), (CHANGE, 0x80), (CHANGE, 0x81), (0xff, 0)], "tries, PIN, PUK, management key");
        assert_eq!(token.defaults().unwrap(), Vec::<&str>::new());
        token.no_default_is_left().unwrap();
        let pins = token.pins().unwrap();
        assert_eq!((pins.user.tries, pins.so.tries), (Tries::Left(5), Tries::Left(5)));

        // The management key is not the factory's, and works through the PIN.
        login(&mut token);
        token.generate_key(&request(KeyAlgorithm::P256, "root")).unwrap();
    });
}

#[test]
fn a_used_yubikey_is_reset_only_after_its_serial_was_typed() {
    on_yubikeys("a_used_yubikey_is_reset_only_after_its_serial_was_typed", &one(), |control| {
        let (mut token, _) = with_key(control, SERIAL, settings());
        let puk = pin("16180339");
        for erase in [Erase::NothingThere, Erase::TypedSerial(""), Erase::TypedSerial("7150002")] {
            control.trace(0);
            assert_eq!(rule(token.initialise("", PinEntry::Typed(&puk), erase)), Some(Rule::TokenInitialisedOnce));
            assert!(pins_sent(&control.trace(0)).is_empty(), "nothing is guessed");
        }
        assert_eq!(token.public_keys().unwrap().len(), 1);
        token.initialise("", PinEntry::Typed(&puk), Erase::TypedSerial("7150001")).unwrap();
        assert_eq!(token.public_keys().unwrap(), []);
        assert_eq!(token.defaults().unwrap(), ["PIN", "PUK", "management key"]);
        token.set_user_pin(&puk, &pin("161803")).unwrap();
        assert!(token.defaults().unwrap().is_empty());
    });
}

#[test]
fn one_signature_sends_the_pin_once_and_nothing_between_it_and_the_signature() {
    on_yubikeys("one_signature_sends_the_pin_once_and_nothing_between_it_and_the_signature", &one(), |control| {
        let (mut token, key) = with_key(control, SERIAL, settings());
        token.reopen().unwrap();
        assert_eq!(kind(token.sign(&key, &challenge(1), None)), Some(FaultKind::TokenLost), "the old key is stale");
        control.trace(0);
        let typed = pin(PIN);
        login(&mut token);
        let key = token.find_key(&KeySelector::Public(key.public)).unwrap();
        assert!(key.wants_pin_each_time());
        let made = token.sign(&key, &challenge(1), Some(PinEntry::Typed(&typed))).unwrap();
        assert_eq!(made.as_bytes().len(), 64);
        assert!(key.public.verify(challenge(1).bytes(), &made));
        token.logout().unwrap();
        let trace = control.trace(0);
        let (sent, signed) = (pins_sent(&trace), signatures(&trace));
        assert_eq!((sent.len(), signed.len()), (1, 1), "{trace:02x?}");
        assert_eq!(sent[0] + 1, signed[0], "nothing between");
    });
}

#[test]
fn a_batch_takes_one_entry_and_sends_the_pin_before_each_signature_and_stops_when_told() {
    let name = "a_batch_takes_one_entry_and_sends_the_pin_before_each_signature_and_stops_when_told";
    on_yubikeys(name, &one(), |control| {
        let (mut token, key) = with_key(control, SERIAL, settings());
        let payloads: Vec<_> = (0..5).map(challenge).collect();
        let typed = pin(PIN);
        control.trace(0);
        let mut count = 0;
        token
            .sign_batch(&key, &payloads, Some(PinEntry::Typed(&typed)), &mut |index, made| {
                assert!(key.public.verify(payloads[index].bytes(), &made));
                count += 1;
                if index == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        let trace = control.trace(0);
        assert_eq!(count, 3);
        assert_eq!(pins_sent(&trace), [0, 2, 4], "{trace:02x?}");
        assert_eq!(signatures(&trace), [1, 3, 5], "nothing else, and nothing after the stop");
        // Without the PIN, the key that wants it each time is not even asked.
        assert_eq!(kind(token.sign(&key, &challenge(9), None)), Some(FaultKind::Other));
        assert!(control.trace(0).commands().is_empty());
    });
}

#[test]
fn a_key_that_wants_the_pin_once_gets_it_once() {
    on_yubikeys("a_key_that_wants_the_pin_once_gets_it_once", &one(), |control| {
        let (mut token, key) = with_key(control, SERIAL, with("9a", PinPolicy::Once, TouchPolicy::Never));
        assert!(!key.wants_pin_each_time());
        token.logout().unwrap();
        control.trace(0);
        login(&mut token);
        let key = token.find_key(&KeySelector::Public(key.public)).unwrap();
        let payloads: Vec<_> = (0..3).map(challenge).collect();
        token.sign_batch(&key, &payloads, None, &mut |_, _| ControlFlow::Continue(())).unwrap();
        let trace = control.trace(0);
        assert_eq!(pins_sent(&trace).len(), 1);
        assert_eq!(trace.count(SIGN), 3);
    });
}

#[test]
fn a_touch_that_nobody_gives_is_asked_for_again_and_costs_no_try() {
    on_yubikeys("a_touch_that_nobody_gives_is_asked_for_again_and_costs_no_try", &one(), |control| {
        let (mut token, key) = with_key(control, SERIAL, with("9c", PinPolicy::Always, TouchPolicy::Always));
        let typed = pin(PIN);
        let sign = |token: &mut yubikey::YubiKeyToken| token.sign(&key, &challenge(1), Some(PinEntry::Typed(&typed)));
        control.touch(0, "never");
        assert_eq!(kind(sign(&mut token)), Some(FaultKind::NotTouched));
        assert_eq!(token.pins().unwrap().user.tries, Tries::Left(5));

        // The second time somebody is there.
        control.touch(0, "manual");
        let asked = Arc::new(AtomicU32::new(0));
        let (seen, switches) = (Arc::clone(&asked), control.clone());
        token.when_it_blinks(Box::new(move |touch| {
            assert_eq!(touch.tried, seen.fetch_add(1, Ordering::SeqCst));
            if touch.tried == 1 {
                let switches = switches.clone();
                std::thread::spawn(move || switches.press(0));
            }
            ControlFlow::Continue(())
        }));
        control.trace(0);
        sign(&mut token).unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        let trace = control.trace(0);
        assert_eq!(pins_sent(&trace).len(), 2, "the PIN is wanted for each try");
        assert_eq!(control.touches(0), 1);
    });
}

#[test]
fn nothing_is_sent_after_the_operator_left() {
    on_yubikeys("nothing_is_sent_after_the_operator_left", &one(), |control| {
        let (mut token, key) = with_key(control, SERIAL, with("9c", PinPolicy::Always, TouchPolicy::Always));
        control.touch(0, "never");
        token.when_it_blinks(Box::new(|touch| match touch.tried {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }));
        control.trace(0);
        let typed = pin(PIN);
        let left = token.sign(&key, &challenge(1), Some(PinEntry::Typed(&typed)));
        assert_eq!(kind(left), Some(FaultKind::NotTouched));
        let trace = control.trace(0);
        assert_eq!((pins_sent(&trace).len(), trace.commands().len()), (1, 2), "{trace:02x?}");

        token.when_it_blinks(Box::new(|_| ControlFlow::Break(())));
        assert_eq!(kind(token.sign(&key, &challenge(1), Some(PinEntry::Typed(&typed)))), Some(FaultKind::NotTouched));
        assert!(control.trace(0).commands().is_empty(), "not even the PIN");
    });
}

#[test]
fn the_tries_are_told_and_the_last_one_is_kept() {
    let mut setup = Setup::of(&[("5.7.1", SERIAL), ("5.7.1", SERIAL + 1)]);
    // What a wrong PIN at the last try is answered with is told differently; both have to do.
    setup.cards[1].make.last_try_says_blocked = true;
    on_yubikeys("the_tries_are_told_and_the_last_one_is_kept", &setup, |control| {
        for card in [0, 1] {
            let mut token = prepared(control, SERIAL + card as u32, settings());
            let wrong = pin("999999");
            let mut enter = |last_try| token.login(User::User, PinEntry::Typed(&wrong), last_try);
            for left in [4, 3, 2, 1] {
                let tries = Tries::Left(left);
                assert_eq!(kind(enter(LastTry::Keep)), Some(FaultKind::PinIncorrect { tries }));
            }
            control.trace(card);
            let refused = enter(LastTry::Keep);
            assert!(refused.as_ref().unwrap_err().to_string().contains("one try left for its PIN"), "{refused:?}");
            assert_eq!(rule(refused), Some(Rule::PinTriesLeft));
            assert!(pins_sent(&control.trace(card)).is_empty(), "it was not sent");
            assert_eq!(kind(enter(LastTry::MayBeSpent)), Some(FaultKind::PinLocked));
            let right = token.login(User::User, PinEntry::Typed(&pin(PIN)), LastTry::MayBeSpent);
            assert_eq!(kind(right), Some(FaultKind::PinLocked), "the right one is of no use now");
            assert_eq!(token.pins().unwrap().user.tries, Tries::Locked);

            let wrong_puk = token.set_user_pin(&pin("99999999"), &pin("161803"));
            assert!(wrong_puk.as_ref().unwrap_err().to_string().contains("PUK wrong; 4 tries left"), "{wrong_puk:?}");
            token.set_user_pin(&pin(PUK), &pin("161803")).unwrap();
            token.login(User::User, PinEntry::Typed(&pin("161803")), LastTry::Keep).unwrap();
            token.change_pin(User::User, &pin("161803"), &pin(PIN), LastTry::Keep).unwrap();
            token.change_pin(User::So, &pin(PUK), &pin("57721566"), LastTry::Keep).unwrap();
            login(&mut token);
        }
    });
}

#[test]
fn what_cannot_be_a_pin_is_not_sent() {
    on_yubikeys("what_cannot_be_a_pin_is_not_sent", &one(), |control| {
        let mut token = prepared(control, SERIAL, settings());
        control.trace(0);
        for text in ["12345", "123456789", ""] {
            let entered = token.login(User::User, PinEntry::Typed(&pin(text)), LastTry::Keep);
            assert_eq!(kind(entered), Some(FaultKind::PinNotAcceptable), "{text}");
        }
        assert_eq!(
            kind(token.login(User::So, PinEntry::Typed(&pin(PUK)), LastTry::Keep)),
            Some(FaultKind::NotSupported)
        );
        assert!(pins_sent(&control.trace(0)).is_empty());
    });
}

#[test]
fn a_yubikey_that_refuses_a_simple_pin_says_so() {
    let mut setup = one();
    setup.cards[0].make.complexity = true;
    on_yubikeys("a_yubikey_that_refuses_a_simple_pin_says_so", &setup, |control| {
        let mut token = open(control, SERIAL, settings());
        token.initialise("", PinEntry::Typed(&pin(PUK)), Erase::NothingThere).unwrap();
        assert_eq!(kind(token.set_user_pin(&pin(PUK), &pin("345678"))), Some(FaultKind::PinNotAcceptable));
        token.set_user_pin(&pin(PUK), &pin(PIN)).unwrap();
        assert!(token.defaults().unwrap().is_empty());
    });
}

#[test]
fn a_generated_key_is_attested_under_both_generations_of_roots_and_by_nobody_else() {
    let name = "a_generated_key_is_attested_under_both_generations_of_roots_and_by_nobody_else";
    on_yubikeys(name, &Setup::of(&[("5.7.1", 1001), ("5.7.4", 1002)]), |control| {
        for (serial, root) in [(1001, "CN=Virtual PIV Root CA Serial 1"), (1002, "CN=Virtual Attestation Root 1")] {
            let (mut token, key) = with_key(control, serial, with("9c", PinPolicy::Always, TouchPolicy::Cached));
            assert_eq!(key.attributes.local, Some(true));
            let (evidence, attested) = token.attest(&key).unwrap();
            assert_eq!((attested.root.as_str(), attested.serial.as_str()), (root, serial.to_string().as_str()));
            assert_eq!(attested.public, key.public.fingerprint());
            assert_eq!((attested.pin, attested.touch), (PinPolicy::Always, TouchPolicy::Cached));

            let text = serde_json::to_string(&attested).unwrap();
            assert_eq!(serde_json::from_str::<officiant::token::Attested>(&text).unwrap(), attested);

            // The shipped program knows the maker's roots only.
            drop(token);
            let mut token = yubikey::open(serial, settings(), Trust::shipped()).unwrap();
            let key = token.find_key(&KeySelector::Public(key.public)).unwrap();
            let refused = token.attest(&key).unwrap_err();
            assert!(refused.to_string().contains("No root that this program knows"), "{refused}");
            assert_eq!(rule::<()>(Err(refused)), Some(Rule::KeyAttested));

            // One bit of the statement, and it is nobody's.
            let mut spoilt = evidence.clone();
            *spoilt.statement.last_mut().unwrap() ^= 1;
            let roots = trust(control).roots();
            assert_eq!(officiant::device::attestation::verify(&spoilt, &roots).unwrap_err().rule, Rule::KeyAttested);
        }
    });
}

#[test]
fn an_attestation_of_another_key_serial_slot_policy_or_firmware_is_not_this_ones() {
    let name = "an_attestation_of_another_key_serial_slot_policy_or_firmware_is_not_this_ones";
    on_yubikeys(name, &one(), |control| {
        use officiant::device::{
            attestation::{Wanted, is_as_wanted},
            yubikey::Firmware,
        };
        let (mut token, key) = with_key(control, SERIAL, settings());
        let (_, attested) = token.attest(&key).unwrap();
        let serial = SERIAL.to_string();
        let other =
            officiant::token::PublicKey::P256(*p256::ecdsa::SigningKey::from_slice(&[3; 32]).unwrap().verifying_key());
        let right = || Wanted {
            public: &key.public,
            serial: &serial,
            slot: "9c".parse().unwrap(),
            pin: PinPolicy::Always,
            touch: TouchPolicy::Never,
            firmware: Firmware(5, 7, 0),
        };
        assert!(is_as_wanted(&attested, &right()).unwrap().seen.contains("serial 7150001, firmware 5.7.1, slot 9c"));
        let wrong = [
            (Wanted { public: &other, ..right() }, "another public key"),
            (Wanted { serial: "7150002", ..right() }, "serial"),
            (Wanted { slot: "9a".parse().unwrap(), ..right() }, "slot"),
            (Wanted { pin: PinPolicy::Once, ..right() }, "PIN"),
            (Wanted { touch: TouchPolicy::Always, ..right() }, "touch"),
            (Wanted { firmware: Firmware(5, 7, 4), ..right() }, "5.7.4 or later"),
        ];
        for (wanted, why) in wrong {
            let refusal = is_as_wanted(&attested, &wanted).unwrap_err();
            assert_eq!(refusal.rule, Rule::KeyAttested);
            assert!(refusal.what.contains(why), "{refusal}");
        }
    });
}

#[test]
fn an_imported_key_signs_as_software_does_and_is_never_attested() {
    on_yubikeys("an_imported_key_signs_as_software_does_and_is_never_attested", &one(), |control| {
        let mut slots = ["9a", "9c", "9d"].into_iter();
        let mut token = prepared(control, SERIAL, settings());
        for (algorithm, bytes) in
            [(KeyAlgorithm::P256, vec![9; 32]), (KeyAlgorithm::P384, vec![9; 48]), (KeyAlgorithm::Ed25519, vec![9; 32])]
        {
            drop(token);
            token = open(control, SERIAL, with(slots.next().unwrap(), PinPolicy::Once, TouchPolicy::Never));
            login(&mut token);
            let named = request(algorithm, &format!("imported {algorithm}"));
            for other in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519] {
                control.trace(0);
                let wrong = private(other, &vec![9; if other == KeyAlgorithm::P384 { 48 } else { 32 }]);
                if other != algorithm {
                    assert_eq!(kind(token.import_key(&wrong, &named)), Some(FaultKind::NotSupported));
                    assert!(control.trace(0).commands().is_empty(), "a key of {other} is not sent");
                }
            }
            let key = token.import_key(&private(algorithm, &bytes), &named).unwrap();
            assert_eq!(key.attributes.local, Some(false));
            let made = token.sign(&key, &challenge(1), None).unwrap();
            assert!(key.public.verify(challenge(1).bytes(), &made));
            let refused = token.attest(&key);
            assert!(refused.as_ref().unwrap_err().to_string().contains("was imported"));
            assert_eq!(rule(refused), Some(Rule::KeyAttested));
            assert_eq!(rule(token.import_key(&private(algorithm, &bytes), &named)), Some(Rule::OutputFresh));
            assert_eq!(rule(token.generate_key(&request(KeyAlgorithm::P256, "x"))), Some(Rule::OutputFresh));
        }
    });
}

#[test]
fn ed25519_signs_what_fits_and_refuses_what_does_not_before_anything_is_sent() {
    on_yubikeys("ed25519_signs_what_fits_and_refuses_what_does_not_before_anything_is_sent", &one(), |control| {
        let mut token = prepared(control, SERIAL, settings());
        login(&mut token);
        assert_eq!(kind(token.generate_key(&request(KeyAlgorithm::Ed25519, "no"))), Some(FaultKind::NotSupported));
        let key = token
            .import_key(&private(KeyAlgorithm::Ed25519, &[9; 32]), &request(KeyAlgorithm::Ed25519, "old"))
            .unwrap();
        let about = |repository: &str| Challenge::possession(repository, "root", "key", "2026-12-01", &[]);
        let of_length = |length: usize| {
            let filling = "x".repeat(length - about("").bytes().len());
            Signable::Challenge(about(&filling))
        };
        let typed = pin(PIN);
        // The one at which the crate panics, the longest that it takes, and their neighbours.
        for length in [180, 253, 254, 255, 256, 257, 1013, 1014, 1015, 1016, 2000] {
            let message = of_length(length);
            assert_eq!(message.bytes().len(), length);
            control.trace(0);
            let made = token.sign(&key, &message, Some(PinEntry::Typed(&typed)));
            if length == 255 || length > 1014 {
                assert_eq!(kind(made), Some(FaultKind::NotSupported), "{length}");
                assert!(control.trace(0).commands().is_empty(), "{length}");
            } else {
                assert!(key.public.verify(message.bytes(), &made.unwrap()), "{length}");
            }
        }
    });
}

#[test]
fn ecdsa_is_not_made_on_firmware_below_5_7_unless_the_script_declared_it() {
    let name = "ecdsa_is_not_made_on_firmware_below_5_7_unless_the_script_declared_it";
    on_yubikeys(name, &Setup::of(&[("5.4.3", SERIAL)]), |control| {
        let mut token = prepared(control, SERIAL, settings());
        login(&mut token);
        control.trace(0);
        assert_eq!(rule(token.generate_key(&request(KeyAlgorithm::P256, "r"))), Some(Rule::FirmwareKeepsKeys));
        let imported = token.import_key(&private(KeyAlgorithm::P384, &[9; 48]), &request(KeyAlgorithm::P384, "r"));
        assert_eq!(rule(imported), Some(Rule::FirmwareKeepsKeys));
        assert!(control.trace(0).commands().is_empty(), "nothing was sent");
        drop(token);

        let declared = Settings { old_firmware: OldFirmware::Declared, ..settings() };
        let mut token = open(control, SERIAL, declared);
        login(&mut token);
        let key = token.generate_key(&request(KeyAlgorithm::P256, "r")).unwrap();
        assert_eq!(token.attest(&key).unwrap().1.firmware.to_string(), "5.4.3");
        let typed = pin(PIN);
        token.sign(&key, &challenge(1), Some(PinEntry::Typed(&typed))).unwrap();
    });
}

#[test]
fn the_yubikey_of_this_serial_is_used_and_the_others_are_named() {
    let name = "the_yubikey_of_this_serial_is_used_and_the_others_are_named";
    on_yubikeys(name, &Setup::of(&[("5.7.1", 1), ("5.7.1", 2), ("5.7.4", 3)]), |control| {
        let (mut a, of_a) = with_key(control, 1, settings());
        let (mut c, of_c) = with_key(control, 3, settings());
        assert_ne!(of_a.public, of_c.public);
        assert_eq!(rule(c.find_key(&KeySelector::Public(of_a.public.clone()))), Some(Rule::TokenIsExpected));
        let typed = pin(PIN);
        a.sign(&of_a, &challenge(1), Some(PinEntry::Typed(&typed))).expect("another YubiKey leaves this one alone");
        control.trace(1);
        control.eject(0);
        assert!(!a.is_present().unwrap() && c.is_present().unwrap());
        let refused = yubikey::open(1, settings(), trust(control)).err().unwrap();
        assert!(refused.to_string().contains("YubiKey 1 is wanted, and here is YubiKey 2, YubiKey 3."), "{refused}");
        assert_eq!(rule::<()>(Err(refused)), Some(Rule::TokenIsExpected));
        assert_eq!(rule(a.reopen()), Some(Rule::TokenIsExpected));
        assert!(pins_sent(&control.trace(1)).is_empty(), "no PIN went to anybody else's");
        control.insert(0);
        a.reopen().unwrap();
        login(&mut a);
        let again = a.find_key(&KeySelector::Public(of_a.public)).unwrap();
        a.sign(&again, &challenge(2), Some(PinEntry::Typed(&typed))).unwrap();
    });
}

#[test]
fn a_key_is_found_by_other_tools_and_signs_through_ykcs11_too() {
    on_yubikeys("a_key_is_found_by_other_tools_and_signs_through_ykcs11_too", &one(), |control| {
        let (token, key) = with_key(control, SERIAL, settings());
        drop(token);
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("message"), b"root").unwrap();
        let module = ["/usr/lib/x86_64-linux-gnu/libykcs11.so", "/usr/lib/aarch64-linux-gnu/libykcs11.so"];
        let Some(module) = module.iter().find(|module| std::path::Path::new(module).exists()) else {
            eprintln!("skipped: ykcs11 is not installed; tests/run installs it");
            return;
        };
        let tool = |arguments: &[&str]| {
            let mut call = std::process::Command::new("pkcs11-tool");
            let ended = call.args(["--module", module]).args(arguments).current_dir(place.path()).output().unwrap();
            let text = yubikey_support::words(&ended);
            assert!(ended.status.success(), "{text}");
            text
        };
        let listed = tool(&["--list-objects", "--login", "--pin", PIN]);
        assert!(
            listed.contains("X.509 Certificate for Digital Signature") && listed.contains("CN=shop root"),
            "{listed}"
        );
        tool(&["--sign", "--mechanism", "ECDSA-SHA256", "--id", "02", "--pin", PIN, "-i", "message", "-o", "made"]);
        let made = std::fs::read(place.path().join("made")).unwrap();
        let made = officiant::token::RawSignature::new(made);
        assert!(key.public.verify(b"root", &made));
    });
}
