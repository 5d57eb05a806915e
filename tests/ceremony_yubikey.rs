//! Whole ceremonies in production on YubiKeys: real prompts, real commands, the record held against itself.

mod ceremony_support;
#[path = "yubikey_support/driver.rs"]
mod driver;
#[path = "yubikey_support/room.rs"]
mod room;
mod support;
mod yubikey_support;

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ceremony_support::{People, record, script};
use officiant::{
    ceremony::{
        Pending,
        event::Event,
        operation::{Operation, Trouble},
        prompt::{Answer, Input},
        script::read,
        words,
    },
    digest::Digest,
    fault::FaultKind,
    rules::Rule,
    token::{PublicKey, pkcs11::rehearsal::Rehearsal, quirks::Trust},
};
use room::{ALIASES, again, alias, begun, begun_with, genesis, people, three};
use virtual_yubikey::{Control, Setup};
use yubikey_support::{on_yubikeys, on_yubikeys_and};

#[test]
fn a_genesis_in_production_on_three_yubikeys_two_of_which_must_sign() {
    on_yubikeys("a_genesis_in_production_on_three_yubikeys_two_of_which_must_sign", &three(), |control| {
        let mut room = begun(control, &genesis("yubikey:?touch-policy=cached"));
        room.finish();
        let audit = record::holds_under(&room.place.join("a"), &driver::trust(control).roots());
        for rule in [
            Rule::TokenIsHardware,
            Rule::KeyAttested,
            Rule::FirmwareKeepsKeys,
            Rule::PinNotDefault,
            Rule::PinWorksAgain,
        ] {
            assert!(audit.held.iter().any(|held| held.rule == rule), "{rule}");
        }
        let attested: Vec<_> = room
            .events()
            .filter_map(|event| match event {
                Event::KeyGenerated { key, attestation: Some(attestation), .. } => {
                    Some((key.public().fingerprint(), attestation))
                }
                _ => None,
            })
            .collect();
        assert_eq!(attested.len(), 3);
        for (serial, (public, attestation)) in ["7150001", "7150002", "7150003"].iter().zip(&attested) {
            assert_eq!((attestation.says.serial.as_str(), attestation.says.public), (*serial, *public));
            assert!(attestation.statement.starts_with("3082") && attestation.card.starts_with("3082"));
        }
        assert_eq!(attested[2].1.says.root, "CN=Virtual Attestation Root 1");
        assert!(
            fs::read_to_string(room.place.join("a/report.html")).unwrap().contains("CN=Virtual Attestation Root 1")
        );

        // Signed by YubiKeys, verified by the keys that the record has, and nothing of anybody's PIN in it.
        let root = fs::read(room.place.join("a/metadata/1.root.json")).expect("root 1");
        let root: serde_json::Value = serde_json::from_slice(&root).expect("JSON");
        assert!(root["signatures"].as_array().expect("signatures").len() >= 2);
        let pem = fs::read_to_string(room.place.join("a/keys/ana-1.pem")).expect("a public key");
        let key = PublicKey::from_spki_pem(&pem).expect("a key");
        assert_eq!(key.fingerprint(), attested[0].0);
        let transcript = fs::read_to_string(room.place.join("a/transcript.jsonl")).expect("a transcript");
        for alias in ALIASES {
            let pins = &room.people.pins[alias];
            assert!(!transcript.contains(&pins.user) && !transcript.contains(&pins.so), "{alias}");
        }
    });
}

/// The shipped genesis with one key that is made in memory, backed up, and on all three YubiKeys, two of them from its shares.
fn made_in_memory(text: &str) -> String {
    let step = |kind: &str, token: &str| format!("[[act.step]]\ndo = \"{kind}\"\ntoken = \"{token}\"\nminutes = 5\n");
    let of_key = |kind: &str| format!("[[act.step]]\ndo = \"{kind}\"\nname = \"offline\"\n");
    let on =
        |kind: &str, token: &str| format!("[[act.step]]\ndo = \"{kind}\"\nname = \"offline\"\ntoken = \"{token}\"\n");
    let backup = "[declares]\nsingle-control = true\n\n[backup]\nway = \"software-born\"\nthreshold = 2\ncustodians = [\"ana\", \"bo\", \"cem\"]\ncontact = \"us\"\n\n[[people]]";
    let births = [of_key("make-key"), of_key("seal-backup"), of_key("give-shares"), on("put-key", "ana-1")].concat()
        + &on("restore-key", "bo-1")
        + &on("restore-key", "cem-1");
    let mut text = text
        .replacen("[[people]]", backup, 1)
        .replacen("threshold = 2\nkeys = [\"ana-1\"", "threshold = 1\nkeys = [\"ana-1\"", 1)
        .replacen(&step("generate-key", "ana-1"), "", 1)
        .replacen(&step("generate-key", "bo-1"), "", 1)
        .replacen(&step("generate-key", "cem-1"), &births, 1)
        .replacen(&step("sign", "bo-1"), "", 1);
    let drill = step("drill-token", "cem-1");
    text = text.replacen(&drill, &format!("{drill}\n{}", of_key("wipe-key")), 1);
    let sign = step("sign", "cem-1");
    let (before, after) = text.split_once(&sign).expect("the last signature");
    let (_, after) = after.split_once("\n\n").expect("what is said of it");
    format!("{before}{after}")
}

#[test]
fn a_genesis_in_production_of_a_key_that_is_made_in_memory_on_three_yubikeys() {
    on_yubikeys("a_genesis_in_production_of_a_key_that_is_made_in_memory_on_three_yubikeys", &three(), |control| {
        let mut room = begun(control, &made_in_memory(&genesis("yubikey:?touch-policy=cached")));
        room.finish();
        let audit = record::holds(&room.place.join("a"));
        for rule in [Rule::BackupRestores, Rule::ShareReadBack, Rule::BackupOpens, Rule::KeyNotExtractable] {
            assert!(audit.held.iter().any(|held| held.rule == rule), "{rule}");
        }
        // Imported, and never attested: in the record's verification, the report, the card and the transcript's own words.
        for (alias, from) in [("ana-1", "memory"), ("bo-1", "shares 1 and 2"), ("cem-1", "shares 1 and 2")] {
            let note = format!("The key offline on {alias} came from {from} and was not made on it: never attested.");
            assert!(audit.notes.contains(&note), "{note}: {:?}", audit.notes);
        }
        for (file, wanted) in [
            ("report.html", "never: the key came to it from outside"),
            ("report.html", "from memory: imported, and never attested"),
            ("card.html", "imported, not generated on it: never attested"),
        ] {
            let text = fs::read_to_string(room.place.join("a").join(file)).expect("a file of the record");
            assert!(text.contains(wanted), "{file}: {wanted}");
        }
        let put: Vec<(String, usize)> = room
            .events()
            .filter_map(|event| match event {
                Event::KeyPut { alias, shares, .. } => Some((alias.to_string(), shares.len())),
                _ => None,
            })
            .collect();
        assert_eq!(put, [("ana-1".into(), 0), ("bo-1".into(), 2), ("cem-1".into(), 2)]);
        // A YubiKey gives no randomness away: the record says what went into the key, and no more.
        let sources = room.events().find_map(|event| match event {
            Event::KeyMade { sources, .. } => Some(sources.clone()),
            _ => None,
        });
        assert_eq!(sources.expect("a key was made"), ["the operating system"]);
        let root = fs::read(room.place.join("a/metadata/1.root.json")).expect("root 1");
        let root: serde_json::Value = serde_json::from_slice(&root).expect("JSON");
        assert_eq!(root["signed"]["roles"]["root"]["keyids"].as_array().expect("keyids").len(), 1);
    });
}

#[test]
fn a_genesis_in_production_on_a_yubikey_and_two_tokens_behind_a_module() {
    let name = "a_genesis_in_production_on_a_yubikey_and_two_tokens_behind_a_module";
    let setup = Setup::of(&[("5.7.4", 7_150_003)]);
    let soft = |place: &Path| vec![Rehearsal::prepare(&place.join("softhsm"), None).expect("SoftHSM").environment()];
    on_yubikeys_and(name, &setup, soft, |control, place| {
        let module = Rehearsal::again(&place.join("softhsm"), None).expect("the parent made it").module;
        let module = module.canonicalize().expect("the module");
        let sha256 = Digest::of(&fs::read(&module).expect("the module"));
        let hsm = format!("{}\"\nsha256 = \"{sha256}\"\nmodel = \"SoftHSM v2", module.display());
        let text = genesis(&hsm)
            .replacen(
                "[[module]]",
                "[[module]]\nname = \"yubikeys\"\npath = \"yubikey:?touch-policy=cached\"\n\n[[module]]",
                1,
            )
            .replacen("module = \"hsm\"", "module = \"yubikeys\"", 1);
        let mut people = people();
        for alias in ["bo-1", "cem-1"] {
            people.pins.insert(alias.into(), People::of(&script("genesis")).pins[alias].clone());
        }
        let mut room = begun_with(&text, driver::trust(control));
        room.people = people;
        room.finish();
        let told: Vec<_> = room
            .events()
            .filter_map(|event| match event {
                Event::KeyGenerated { alias, attestation, .. } => Some((alias.to_string(), attestation.is_some())),
                _ => None,
            })
            .collect();
        assert_eq!(told, [("ana-1".into(), true), ("bo-1".into(), false), ("cem-1".into(), false)]);
        record::holds_under(&room.place.join("a"), &driver::trust(control).roots());
    });
}

#[test]
fn a_ceremony_is_not_closed_while_a_yubikey_of_it_has_a_default_of_the_factory() {
    let name = "a_ceremony_is_not_closed_while_a_yubikey_of_it_has_a_default_of_the_factory";
    on_yubikeys(name, &three(), |control| {
        let mut room = begun(control, &genesis("yubikey:?touch-policy=never"));
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::SignHead { .. })));
        // Somebody puts the factory's management key back with another tool.
        let ykman = |arguments: &str| {
            let change =
                format!("--device 7150001 piv access change-management-key -f -P 271828 -a AES192 {arguments}");
            let ended = Command::new("ykman").args(change.split(' ')).output().ok()?;
            assert!(ended.status.success(), "{}", yubikey_support::words(&ended));
            Some(())
        };
        let Some(()) = ykman("-n 010203040506070801020304050607080102030405060708") else {
            return eprintln!("skipped: ykman is not installed; tests/run installs it");
        };
        control.trace(0);
        room.perform().expect("the trouble is recorded");
        let Trouble::Refused(refusal) = room.trouble() else { panic!("{:?}", room.trouble()) };
        assert_eq!(refusal.rule, Rule::PinNotDefault);
        assert!(refusal.what.contains("YubiKey 7150001 still has the management key of the factory"), "{refusal}");
        assert_eq!(control.trace(0).count(0x20), 0, "no PIN was asked for or sent");
        ykman("-m 010203040506070801020304050607080102030405060708 --generate --protect").expect("it was there before");
        room.word("AGAIN");
        room.finish();
        record::holds_under(&room.place.join("a"), &driver::trust(control).roots());
    });
}

#[test]
fn a_yubikey_that_fails_in_the_middle_of_a_genesis_is_gone_on_with() {
    on_yubikeys("a_yubikey_that_fails_in_the_middle_of_a_genesis_is_gone_on_with", &three(), |control| {
        let mut room = begun(control, &genesis("yubikey:?touch-policy=always"));
        // The answer to a generation is lost: the key is found, completed and attested, and not made again.
        let generates = |pending: &Pending| matches!(pending, Pending::Do(Operation::Generate { .. }));
        room.until(|pending, _| generates(pending));
        control.fault(0, 0x47, 0, "eject-after");
        room.perform().unwrap();
        assert!(matches!(room.trouble(), Trouble::Fault(fault) if fault.token_lost()));
        control.eject(0);
        control.insert(0);
        control.trace(0);
        room.word("AGAIN");
        room.until(|_, ceremony| ceremony.token(&alias("ana-1")).key.is_some());
        assert!(!control.trace(0).instructions().contains(&0x47), "no second key");

        // Nobody touches Bo's in time: nothing is spent, and it is done again.
        room.until(
            |pending, _| matches!(pending, Pending::Do(Operation::Drill { alias, .. }) if alias.as_str() == "bo-1"),
        );
        control.touch(1, "never");
        let asked = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&asked);
        room.other_secret = Box::new(move |request| {
            seen.fetch_or(request.touch, Ordering::SeqCst);
            None
        });
        room.perform().unwrap();
        assert!(asked.load(Ordering::SeqCst), "whoever types the PIN is told of the touch");
        assert!(matches!(room.trouble(), Trouble::Fault(fault) if fault.kind == FaultKind::NotTouched));
        control.touch(1, "auto");
        room.word("AGAIN");

        // Ana's key is not in: the others are named, and get no PIN.
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::Sign { .. })));
        control.eject(0);
        for card in [1, 2] {
            control.trace(card);
        }
        assert!(room.perform().is_err());
        for card in [1, 2] {
            assert_eq!(control.trace(card).count(0x20), 0, "card {card}");
        }
        let Trouble::Refused(refusal) = room.trouble() else { panic!("{:?}", room.trouble()) };
        assert_eq!(refusal.rule, Rule::TokenIsExpected);
        assert!(refusal.what.contains("This is bo-1") && refusal.what.contains("Ana Ruiz) is wanted"), "{refusal}");
        control.insert(0);
        room.word("AGAIN");
        room.finish();
        record::holds_under(&room.place.join("a"), &driver::trust(control).roots());
    });
}

#[test]
fn what_was_done_before_the_power_went_is_found_on_the_yubikey_and_not_done_twice() {
    on_yubikeys(
        "what_was_done_before_the_power_went_is_found_on_the_yubikey_and_not_done_twice",
        &three(),
        |control| {
            let mut room = begun(control, &genesis("yubikey:?touch-policy=never"));
            // Each operation that changes a YubiKey is done, and what came of it is lost.
            for (ins, is_it) in [
                (
                    0xfa,
                    (|operation: &Operation| matches!(operation, Operation::Initialise { .. }))
                        as fn(&Operation) -> bool,
                ),
                (0xff, |operation| matches!(operation, Operation::SetUserPin { .. })),
                (0x47, |operation| matches!(operation, Operation::Generate { .. })),
            ] {
                room.until(|pending, _| matches!(pending, Pending::Do(operation) if is_it(operation)));
                let job = room.runner.intend().unwrap().expect("an operation");
                let done = room.do_job(&job);
                assert!(matches!(done, Answer::Done(_)), "{done:?}");
                control.trace(0);
                room = again(room, control);
                room.until(|pending, _| matches!(pending, Pending::InDoubt(operation) if is_it(operation)));
                room.perform().unwrap();
                assert!(!control.trace(0).instructions().contains(&ins), "{ins:02x} once more");
            }
            room.finish();
            let keys = room.count(|event| matches!(event, Event::KeyGenerated { .. }));
            assert_eq!(keys, 3);
            record::holds_under(&room.place.join("a"), &driver::trust(control).roots());
        },
    );
}

/// What a first generation is refused by.
fn refused(control: &Control, text: &str, trust: Trust) -> Rule {
    let mut room = begun_with(text, trust);
    room.until(|pending, _| matches!(pending, Pending::Do(Operation::Generate { .. })));
    room.perform().unwrap();
    assert_eq!(room.count(|event| matches!(event, Event::KeyGenerated { .. })), 0);
    control.trace(0);
    match room.trouble() {
        Trouble::Refused(refusal) => refusal.rule,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_yubikey_with_old_firmware_makes_no_key_unless_the_script_declared_it() {
    let setup = Setup::of(&[("5.4.3", 1)]);
    on_yubikeys("a_yubikey_with_old_firmware_makes_no_key_unless_the_script_declared_it", &setup, |control| {
        let text = genesis("yubikey:?touch-policy=never");
        assert_eq!(refused(control, &text, driver::trust(control)), Rule::FirmwareKeepsKeys);
        fs::remove_dir_all(ceremony_support::place()).expect("a new place");
        // The same YubiKey, wiped again.
        let declared = text.replace("[root]", "[declares]\nold-firmware = true\n\n[root]");
        let mut room = begun_with(&declared, driver::trust(control));
        room.people.records.insert(words::SERIAL_TYPED.into(), "1".into());
        room.until(|_, ceremony| ceremony.token(&alias("ana-1")).key.is_some());
        let said = room.entries().iter().flat_map(|(_, event)| event.passed()).any(|passed| {
            passed.rule == Rule::FirmwareKeepsKeys
                && passed.seen.contains("declared beforehand: P-256 on firmware 5.4.3")
        });
        assert!(said);
    });
}

#[test]
fn a_yubikey_with_older_firmware_than_the_script_asks_for_is_refused_before_it_is_wiped() {
    let setup = Setup::of(&[("5.7.1", 1)]);
    on_yubikeys(
        "a_yubikey_with_older_firmware_than_the_script_asks_for_is_refused_before_it_is_wiped",
        &setup,
        |control| {
            let mut room = begun(control, &genesis("yubikey:?least-firmware=5.7.4"));
            room.until(|pending, _| matches!(pending, Pending::Ask(prompt) if matches!(prompt.input, Input::Pick(_))));
            control.trace(0);
            assert_eq!(room.refused(&Answer::Picked(0)), Rule::FirmwareKeepsKeys);
            assert!(control.trace(0).commands().is_empty());
        },
    );
}

#[test]
fn a_yubikey_that_no_root_vouches_for_makes_no_key_that_counts() {
    let setup = Setup::of(&[("5.7.1", 1)]);
    on_yubikeys("a_yubikey_that_no_root_vouches_for_makes_no_key_that_counts", &setup, |control| {
        // The roots of the shipped program: they know no virtual YubiKey.
        let trust = Trust::injected(|_| None);
        assert_eq!(refused(control, &genesis("yubikey:"), trust), Rule::KeyAttested);
    });
}

#[test]
fn a_script_names_yubikeys_by_serial_and_pins_nothing_of_them() {
    let script = |module: &str, token: &str| {
        let text = genesis("yubikey:").replace("path = \"yubikey:\"", module);
        read::script(text.replacen("tag = \"blue\"", &format!("tag = \"blue\"\n{token}"), 1).as_bytes())
            .map_err(|error| error.what)
    };
    let good = script("path = \"yubikey:?slot=9a\"", "serial = \"7150001\"").expect("a script");
    let known = good.tokens[0].known.as_ref().expect("a known token");
    assert_eq!((known.label.as_str(), known.serial.as_str()), ("", "7150001"));
    for (module, token, why) in [
        ("path = \"yubikey:7150001\"", "", "the serial of a YubiKey stands in its [[token]]"),
        ("path = \"yubikey:?slot=f9\"", "", "a slot is 9a"),
        ("path = \"yubikey:\"\nmodel = \"YubiKey 5\"", "", "sha256 and model are not given"),
        ("path = \"yubikey:\"", "label = \"a\"\nserial = \"1\"", "a YubiKey has none"),
    ] {
        let error = script(module, token).expect_err(why);
        assert!(error.contains(why), "{error}");
    }
}
