//! YubiKeys that fail, are pulled, are used by others, and are old: each trap of the driver's ground.

#[path = "yubikey_support/driver.rs"]
mod driver;
mod yubikey_support;

use std::{ops::ControlFlow, process::Command, sync::Mutex, time::Duration};

use driver::*;
use officiant::{
    device::yubikey::ManagementHome,
    fault::{FaultKind, Tries},
    rules::Rule,
    token::{
        Attest as _, Erase, KeyAlgorithm, KeySelector, LastTry, PinEntry, Provision as _, Token as _, User,
        quirks::Trust,
        yubikey::{self, PinPolicy, Settings, TouchPolicy, list},
    },
};
use virtual_yubikey::{Control, Setup};
use yubikey_support::on_yubikeys;

const SERIAL: u32 = 7_150_001;
const VERIFY: u8 = 0x20;
const GENERATE: u8 = 0x47;
const SIGN: u8 = 0x87;
const PUT: u8 = 0xdb;
const IMPORT: u8 = 0xfe;
const MANAGEMENT: u8 = 0xff;

fn one() -> Setup {
    Setup::of(&[("5.7.1", SERIAL)])
}

/// Puts the card in again where it was pulled.
fn again(control: &Control) {
    control.eject(0);
    control.insert(0);
}

#[test]
fn a_generation_that_fails_is_looked_at_and_a_key_whose_answer_was_lost_is_found_and_completed() {
    let name = "a_generation_that_fails_is_looked_at_and_a_key_whose_answer_was_lost_is_found_and_completed";
    on_yubikeys(name, &one(), |control| {
        let mut token = prepared(control, SERIAL, settings());
        let wanted = request(KeyAlgorithm::P256, "shop root");
        // The card never acted: it says so, and the key can be made.
        login(&mut token);
        control.fault(0, GENERATE, 0, "status 6F00");
        let failed = token.generate_key(&wanted).unwrap_err().to_string();
        assert!(failed.contains("slot 9c is empty: nothing was made"), "{failed}");

        // It acted, and the answer came cut in half.
        login(&mut token);
        control.fault(0, GENERATE, 0, "cut");
        let failed = token.generate_key(&wanted).unwrap_err().to_string();
        assert!(failed.contains("slot 9c holds a key now"), "{failed}");
        login(&mut token);
        assert_eq!(rule(token.generate_key(&wanted)), Some(Rule::OutputFresh), "nothing is made over it");
        let named = KeySelector::Named { label: wanted.label.clone(), id: vec![0x9c] };
        let key = token.find_key(&named).unwrap();
        assert_eq!(key.label, "", "it has no certificate yet");
        let key = token.complete_key(&key, &wanted.label).unwrap();
        assert_eq!(key.label, "shop root");
        token.attest(&key).unwrap();
        let typed = pin(PIN);
        token.sign(&key, &challenge(1), Some(PinEntry::Typed(&typed))).unwrap();
    });
}

#[test]
fn a_yubikey_that_is_pulled_while_it_makes_a_key_is_lost_and_then_tells_what_became_of_it() {
    let name = "a_yubikey_that_is_pulled_while_it_makes_a_key_is_lost_and_then_tells_what_became_of_it";
    on_yubikeys(name, &one(), |control| {
        let mut token = prepared(control, SERIAL, settings());
        for (harm, made) in [("eject-before", 0), ("eject-after", 1)] {
            login(&mut token);
            control.fault(0, GENERATE, 0, harm);
            let failed = token.generate_key(&request(KeyAlgorithm::P256, "r"));
            assert!(failed.as_ref().unwrap_err().to_string().contains("could not be seen"), "{failed:?}");
            assert_eq!(kind(failed), Some(FaultKind::TokenLost), "{harm}");
            again(control);
            token.reopen().unwrap();
            assert_eq!(token.public_keys().unwrap().len(), made, "{harm}");
        }
    });
}

#[test]
fn an_import_that_fails_is_looked_at_too() {
    on_yubikeys("an_import_that_fails_is_looked_at_too", &one(), |control| {
        let mut token = prepared(control, SERIAL, settings());
        let wanted = request(KeyAlgorithm::P256, "r");
        for (harm, found) in [("status 6F00", "is empty"), ("cut", "holds a key now")] {
            login(&mut token);
            control.fault(0, IMPORT, 0, harm);
            let failed = token.import_key(&private(KeyAlgorithm::P256, &[9; 32]), &wanted).unwrap_err().to_string();
            assert!(failed.contains(found), "{failed}");
        }
    });
}

#[test]
fn a_batch_goes_on_after_removal_and_insertion_with_a_fresh_pin() {
    on_yubikeys("a_batch_goes_on_after_removal_and_insertion_with_a_fresh_pin", &one(), |control| {
        let (mut token, key) = with_key(control, SERIAL, settings());
        let payloads: Vec<_> = (0..4).map(challenge).collect();
        let typed = pin(PIN);
        for harm in ["eject-before", "eject-after"] {
            token.logout().unwrap();
            login(&mut token);
            let key = token.find_key(&KeySelector::Public(key.public.clone())).unwrap();
            control.fault(0, SIGN, 2, harm);
            let mut done = 0;
            let mut count = |_: usize, _: officiant::token::RawSignature| {
                done += 1;
                ControlFlow::Continue(())
            };
            let stopped = token.sign_batch(&key, &payloads, Some(PinEntry::Typed(&typed)), &mut count);
            assert_eq!(kind(stopped), Some(FaultKind::TokenLost), "{harm}");
            assert_eq!(done, 2);
            again(control);
            control.trace(0);
            // Nothing logs in by itself: the crate would send the PIN that it keeps.
            assert_eq!(kind(token.sign(&key, &payloads[2], Some(PinEntry::Typed(&typed)))), Some(FaultKind::TokenLost));
            assert_eq!(control.trace(0).count(VERIFY), 0, "{harm}");
            token.reopen().unwrap();
            login(&mut token);
            let key = token.find_key(&KeySelector::Public(key.public)).unwrap();
            let on_each = &mut |_: usize, _: officiant::token::RawSignature| ControlFlow::Continue(());
            token.sign_batch(&key, &payloads[2..], Some(PinEntry::Typed(&typed)), on_each).unwrap();
        }
    });
}

#[test]
fn a_wrong_signature_is_thrown_away_and_an_answer_that_says_nothing_is_no_signature() {
    let name = "a_wrong_signature_is_thrown_away_and_an_answer_that_says_nothing_is_no_signature";
    on_yubikeys(name, &one(), |control| {
        let (mut token, key) = with_key(control, SERIAL, settings());
        let typed = pin(PIN);
        let mut sign = || token.sign(&key, &challenge(1), Some(PinEntry::Typed(&typed)));
        control.fault(0, SIGN, 0, "flip");
        assert_eq!(rule(sign()), Some(Rule::SignatureVerifies));
        control.fault(0, SIGN, 0, "status 6F00");
        assert_eq!(kind(sign()), Some(FaultKind::Other));
        control.fault(0, SIGN, 0, "cut");
        assert_eq!(kind(sign()), Some(FaultKind::Other));
        control.fault(0, SIGN, 0, "delay 700");
        sign().unwrap();
    });
}

#[test]
fn a_handle_that_another_program_reset_is_lost_and_its_pin_is_not_sent_again() {
    on_yubikeys("a_handle_that_another_program_reset_is_lost_and_its_pin_is_not_sent_again", &one(), |control| {
        let (mut token, key) = with_key(control, SERIAL, settings());
        let typed = pin(PIN);
        // Another program looks at it and leaves, which resets the card.
        let Ok(other) = Command::new("yubico-piv-tool").args(["-a", "status"]).output() else {
            eprintln!("skipped: yubico-piv-tool is not installed; tests/run installs it");
            return;
        };
        assert!(other.status.success(), "{}", yubikey_support::words(&other));
        control.trace(0);
        assert_eq!(kind(token.sign(&key, &challenge(1), Some(PinEntry::Typed(&typed)))), Some(FaultKind::TokenLost));
        assert_eq!(control.trace(0).count(VERIFY), 0);
        token.reopen().unwrap();
        login(&mut token);
        let key = token.find_key(&KeySelector::Public(key.public)).unwrap();
        token.sign(&key, &challenge(1), Some(PinEntry::Typed(&typed))).unwrap();
    });
}

#[test]
fn without_its_daemon_every_yubikey_is_lost_and_comes_back_with_it() {
    on_yubikeys("without_its_daemon_every_yubikey_is_lost_and_comes_back_with_it", &one(), |control| {
        let (mut token, key) = with_key(control, SERIAL, settings());
        control.ask("pcscd stop");
        assert!(token.is_present().is_err());
        let typed = pin(PIN);
        assert_eq!(kind(token.sign(&key, &challenge(1), Some(PinEntry::Typed(&typed)))), Some(FaultKind::TokenLost));
        let refused = yubikey::open(SERIAL, settings(), trust(control)).err().unwrap().to_string();
        assert!(refused.contains("pcscd"), "{refused}");
        assert_eq!(list::list(trust(control)), None);
        control.ask("pcscd start");
        control.insert(0);
        token.reopen().unwrap();
        login(&mut token);
    });
}

#[test]
fn a_preparation_that_is_cut_anywhere_is_finished_by_the_next_and_no_key_is_left_that_nobody_has() {
    let name = "a_preparation_that_is_cut_anywhere_is_finished_by_the_next_and_no_key_is_left_that_nobody_has";
    on_yubikeys(name, &one(), |control| {
        // Each command of the preparation that changes something, before and after the card acts.
        let cuts: [(u8, usize); 7] = [(0xfa, 0), (0x24, 0), (0x24, 1), (PUT, 0), (MANAGEMENT, 0), (PUT, 1), (PUT, 2)];
        for (ins, skip) in cuts {
            for harm in ["eject-before", "eject-after"] {
                let mut token = open(control, SERIAL, settings());
                let serial = SERIAL.to_string();
                let erase = Erase::TypedSerial(&serial);
                let puk = pin(PUK);
                let initialise = |token: &mut yubikey::YubiKeyToken| token.initialise("", PinEntry::Typed(&puk), erase);
                if ins == 0xfa {
                    control.fault(0, ins, skip, harm);
                    assert_eq!(kind(initialise(&mut token)), Some(FaultKind::TokenLost), "{harm}");
                } else {
                    initialise(&mut token).unwrap();
                    control.fault(0, ins, skip, harm);
                    // The last write only says where the management key is; the crate does not mind its failure.
                    if token.set_user_pin(&pin(PUK), &pin(PIN)).is_ok() {
                        assert_eq!((ins, skip), (PUT, 2), "{harm}");
                    }
                }
                again(control);
                token.reopen().unwrap();
                if ins == 0xfa {
                    initialise(&mut token).unwrap();
                }
                token.set_user_pin(&pin(PUK), &pin(PIN)).unwrap();
                assert!(token.defaults().unwrap().is_empty(), "{ins:02x} {skip} {harm}");
                login(&mut token);
                let made = token.generate_key(&request(KeyAlgorithm::P256, "r"));
                assert!(made.is_ok(), "{ins:02x} {skip} {harm}: {made:?}");
            }
        }
    });
}

#[test]
fn an_old_yubikey_is_listed_by_its_certificates_and_signs_with_a_key_that_is_there() {
    let setup = Setup::of(&[("5.2.7", 527), ("4.3.5", 435)]);
    on_yubikeys("an_old_yubikey_is_listed_by_its_certificates_and_signs_with_a_key_that_is_there", &setup, |control| {
        let place = tempfile::tempdir().unwrap();
        let factory = "010203040506070801020304050607080102030405060708";
        for serial in ["527", "435"] {
            for arguments in [
                format!("piv keys generate -m {factory} -a ECCP256 9c 9c.pem"),
                format!("piv certificates generate -m {factory} -P 123456 -s root 9c 9c.pem"),
            ] {
                let ykman = Command::new("ykman")
                    .args(["--device", serial])
                    .args(arguments.split(' '))
                    .current_dir(place.path())
                    .output()
                    .unwrap();
                assert!(ykman.status.success(), "{}", yubikey_support::words(&ykman));
            }
        }
        for serial in [527, 435] {
            let mut token = open(control, serial, settings());
            assert!(token.identity().initialised && token.provision().is_none());
            assert_eq!(token.pins().unwrap().user.tries, Tries::Left(3), "asked for right after opening");
            let keys = token.public_keys().unwrap();
            assert_eq!((keys.len(), keys[0].label.as_str()), (1, "root"));
            let wrong = token.login(User::User, PinEntry::Typed(&pin("999999")), LastTry::Keep);
            assert_eq!(kind(wrong), Some(FaultKind::PinIncorrect { tries: Tries::Left(2) }));
            assert_eq!(token.pins().unwrap().user.tries, Tries::Left(2));
            let typed = pin("123456");
            token.login(User::User, PinEntry::Typed(&typed), LastTry::Keep).unwrap();
            assert_ne!(token.pins().unwrap().user.tries, Tries::Locked, "a verified PIN is not a blocked one");
            let key = token.find_key(&KeySelector::Public(keys[0].public.clone().unwrap())).unwrap();
            assert_eq!((key.wants_pin_each_time(), key.attributes.local), (true, None));
            token.sign(&key, &challenge(1), Some(PinEntry::Typed(&typed))).unwrap();
        }
        let report = list::list(trust(control)).unwrap();
        for token in &report.tokens {
            let text = token.remarks.join("\n");
            assert!(text.contains("as Notary names its root key") && text.contains("FIRMWARE-KEEPS-KEYS"), "{text}");
        }
    });
}

#[test]
fn a_list_tells_state_slots_and_who_vouches_and_asks_nothing_that_counts() {
    let setup = Setup::of(&[("5.7.1", SERIAL), ("5.7.4", SERIAL + 1)]);
    on_yubikeys("a_list_tells_state_slots_and_who_vouches_and_asks_nothing_that_counts", &setup, |control| {
        let (token, _) = with_key(control, SERIAL, with("9c", PinPolicy::Always, TouchPolicy::Cached));
        drop(token);
        let mut token = open(control, SERIAL, with("9a", PinPolicy::Once, TouchPolicy::Never));
        login(&mut token);
        token.import_key(&private(KeyAlgorithm::P256, &[9; 32]), &request(KeyAlgorithm::P256, "root")).unwrap();
        drop(token);
        control.trace(0);
        let report = list::list(trust(control)).unwrap();
        let trace = control.trace(0);
        assert!(
            trace.instructions().iter().all(|ins| matches!(ins, 0xa4 | 0xfd | 0xf8 | 0xf7 | 0xcb | 0xc0 | 0xf9)),
            "{:02x?}",
            trace.instructions()
        );
        let [used, new] = report.tokens.as_slice() else { panic!("{report:?}") };
        assert_eq!(used.uri.as_deref(), Some("yubikey:7150001"));
        let text = used.remarks.join("\n");
        for wanted in [
            "slot 9c: P-256, public key ",
            "generated, attested under \"CN=Virtual PIV Root CA Serial 1\"; PIN always, touch cached; certificate CN=shop root",
            "slot 9a: P-256, public key ",
            "imported, never attested; PIN once, touch never; certificate CN=root, as Notary names its root key",
        ] {
            assert!(text.contains(wanted), "{text}");
        }
        assert!(!text.contains("factory"), "{text}");
        assert!(text.contains("Management key: kept on it, readable with its PIN."), "{text}");
        assert!(
            text.contains("Its OTP interface is on: touched while it does not blink, it types 44 characters"),
            "{text}"
        );
        let text = new.remarks.join("\n");
        assert!(text.contains("Still the factory's, known to everybody: PIN, PUK, management key."), "{text}");
        assert!(text.contains("No key in any slot."), "{text}");
        // The shipped program does not know these roots, and says so.
        let report = list::list(Trust::shipped()).unwrap();
        assert!(report.tokens[0].remarks.join("\n").contains("NOT attested (KEY-ATTESTED"));

        let program = Command::new(env!("CARGO_BIN_EXE_officiant")).args(["token", "list"]).output().unwrap();
        let text = yubikey_support::words(&program);
        assert!(program.status.success(), "{text}");
        for wanted in ["yubikey:7150001", "firmware 5.7.4", "PIN: 5 tries left; PUK: 5 tries left"] {
            assert!(text.contains(wanted), "{text}");
        }
    });
}

/// Everything that was logged.
static LOGGED: Mutex<String> = Mutex::new(String::new());
struct Listener;

impl log::Log for Listener {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LOGGED.lock().unwrap().push_str(&format!("{} {}\n", record.target(), record.args()));
    }

    fn flush(&self) {}
}

#[test]
fn no_pin_puk_management_key_or_private_key_is_logged_at_any_level() {
    on_yubikeys("no_pin_puk_management_key_or_private_key_is_logged_at_any_level", &one(), |control| {
        log::set_logger(&Listener).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        let scalar: Vec<u8> = (101..133).collect();
        let (mut token, key) = with_key(control, SERIAL, settings());
        // SET MANAGEMENT KEY: header and length, algorithm, 9B, length, key.
        let trace = control.trace(0);
        let set = trace.commands().into_iter().find(|command| command[1] == MANAGEMENT).unwrap();
        let management = set[8..].to_vec();
        assert_eq!(management.len(), 24);
        let typed = pin(PIN);
        token.sign(&key, &challenge(1), Some(PinEntry::Typed(&typed))).unwrap();
        let wrong = token.login(User::User, PinEntry::Typed(&pin("998877")), LastTry::Keep);
        assert!(wrong.is_err());
        drop(token);
        let mut token = open(control, SERIAL, with("9a", PinPolicy::Once, TouchPolicy::Never));
        login(&mut token);
        token.import_key(&private(KeyAlgorithm::P256, &scalar), &request(KeyAlgorithm::P256, "x")).unwrap();
        control.fault(0, SIGN, 0, "status 6F00");
        let key = token.find_key(&KeySelector::Named { label: "x".into(), id: vec![0x9a] }).unwrap();
        assert!(token.sign(&key, &challenge(1), None).is_err());
        // A management key that is kept on no YubiKey, from memory and as it is typed.
        drop(token);
        let sealed = Settings { management_key: ManagementHome::Sealed, ..settings() };
        let mut token = open(control, SERIAL, sealed);
        let serial = SERIAL.to_string();
        token.initialise("", PinEntry::Typed(&pin(PUK)), Erase::TypedSerial(&serial)).unwrap();
        control.trace(0);
        token.set_user_pin(&pin(PUK), &pin(PIN)).unwrap();
        let trace = control.trace(0);
        let set = trace.commands().into_iter().find(|command| command[1] == MANAGEMENT).unwrap();
        let kept = set[8..].to_vec();
        drop(token);
        let mut token = open(control, SERIAL, sealed);
        login(&mut token);
        let digits: String = kept.iter().map(|byte| format!("{byte:02x}")).collect();
        token.take_management_key(&secret(digits.as_bytes())).unwrap();
        token.generate_key(&request(KeyAlgorithm::P256, "y")).unwrap();
        std::thread::sleep(Duration::from_millis(10));

        let logged = LOGGED.lock().unwrap().clone();
        assert!(logged.contains("yubikey"), "the listener hears the crate:\n{logged}");
        for secret in [PIN.as_bytes(), PUK.as_bytes(), b"998877", &scalar, &management, &kept] {
            let decimal = secret.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
            let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            let text = String::from_utf8_lossy(secret).into_owned();
            for form in [decimal, hex, text] {
                assert!(!logged.contains(&form), "{form} is in:\n{logged}");
            }
        }
    });
}
