//! More whole ceremonies in production on YubiKeys: the small team's, a rotation away from a lost one, an offline key that comes home to
//! two, and faults in the middle of each.

mod ceremony_support;
#[path = "yubikey_support/driver.rs"]
mod driver;
#[path = "yubikey_support/room.rs"]
mod room;
mod support;
mod yubikey_support;

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use ceremony_support::{People, Room, place, record, script, secret};
use officiant::{
    ceremony::{
        Pending,
        event::Event,
        operation::{Operation, Trouble},
        prompt::{Input, Scene},
    },
    digest::Digest,
    fault::FaultKind,
    keyfile::{Headers, PrivateKey, write},
    rules::Rule,
    secret::SecretKind,
    token::KeyAlgorithm,
};
use room::{ALIASES, again_in, alias, begun_by, begun_in, genesis, people, pins, three};
use virtual_yubikey::{Control, Setup, Trace};
use yubikey_support::on_yubikeys;

const VERIFY: u8 = 0x20;
const SIGN: u8 = 0x87;

/// PINs and signatures that were sent, in order.
fn sent(trace: &Trace) -> Vec<u8> {
    let commands = trace.commands().into_iter().filter(|command| match command {
        [_, VERIFY, ..] => command.len() > 5,
        [_, SIGN, _, slot, ..] => *slot == 0x9c,
        _ => false,
    });
    commands.map(|command| command[1]).collect()
}

fn holds(room: &Room, control: &Control) -> officiant::audit::Audit {
    record::holds_under(&room.place.join("a"), &driver::trust(control).roots())
}

#[test]
fn two_people_hold_the_shipped_small_genesis_on_three_yubikeys_with_a_touch_for_each_signature() {
    let name = "two_people_hold_the_shipped_small_genesis_on_three_yubikeys_with_a_touch_for_each_signature";
    on_yubikeys(name, &three(), |control| {
        let path = script("genesis-yubikeys-small");
        let text = fs::read_to_string(&path).expect("the shipped script");
        let mut room = begun_by(&text, People::of(&path), driver::trust(control));
        // Whoever chooses a YubiKey is told that a touch may type.
        room.until(|pending, _| matches!(pending, Pending::Ask(prompt) if matches!(prompt.input, Input::Pick(_))));
        let Input::Pick(options) = room.prompt().input else { panic!("a choice") };
        assert!(
            options[0].contains("YubiKey 7150001") && options[0].contains("Its OTP interface is on"),
            "{options:?}"
        );
        room.finish();
        let audit = holds(&room, control);
        assert!(audit.held.iter().any(|held| held.rule == Rule::KeyAttested && held.times == 3), "{:#?}", audit.held);
        // As `check` and the paper say: drill, signature, head.
        for card in [0, 1, 2] {
            assert_eq!(control.touches(card), 3, "card {card}");
        }
        let checked = officiant::ceremony::check::check(room.ceremony().script());
        let told: Vec<_> = checked.people.iter().map(|person| (person.touches, person.touches_exact)).collect();
        assert_eq!(told, [(3, true), (6, true), (0, false)]);
        let paper = officiant::ceremony::print::markdown(room.ceremony().script(), &checked);
        assert!(paper.contains("What each signs, touches and types"), "{paper}");
        for (file, wanted) in
            [("report.html", "generated on it, and attested"), ("card.html", "attested under CN=Virtual")]
        {
            let text = fs::read_to_string(room.place.join("a").join(file)).expect("a file of the record");
            assert!(text.contains(wanted), "{file}: {wanted}");
        }
    });
}

/// A line of the transcript with another text in one place.
fn with(line: &str, from: &str, to: &str) -> String {
    assert_eq!(line.matches(from).count(), 1, "{from} in {line}");
    line.replace(from, to)
}

#[test]
fn verify_goes_through_the_certificates_of_the_record_and_believes_no_entry_about_them() {
    let name = "verify_goes_through_the_certificates_of_the_record_and_believes_no_entry_about_them";
    on_yubikeys(name, &three(), |control| {
        let path = script("genesis-yubikeys-small");
        let text = fs::read_to_string(&path).expect("the shipped script");
        let mut room = begun_by(&text, People::of(&path), driver::trust(control));
        room.until(|_, ceremony| ceremony.token(&alias("mira-1")).key.is_some());
        let roots = driver::trust(control).roots();
        let a = room.place.join("a");
        assert!(record::again_under(&a, &roots).holds());
        // Under the maker's roots nobody vouches for a virtual YubiKey: so would the shipped program say.
        let refused = record::again(&a).refused;
        assert!(
            refused
                .iter()
                .any(|found| found.refusal.rule == Rule::KeyAttested && found.refusal.what.contains("No root")),
            "{refused:#?}"
        );

        let events: Vec<Event> = room.events().collect();
        let at = events.iter().position(|event| matches!(event, Event::KeyGenerated { .. })).expect("a key");
        let Event::KeyGenerated { attestation: Some(kept), .. } = &events[at] else { panic!("an attested key") };
        let flipped = |hex: &str| {
            let last = hex.chars().last().expect("a digit");
            format!("{}{}", &hex[..hex.len() - 1], if last == '0' { '1' } else { '0' })
        };
        let lines = record::lines(&a);
        let line = String::from_utf8(lines[at].clone()).expect("text");
        // Each is an entry that says of itself that it holds; the chain behind it is made anew.
        for (spoilt, why) in [
            (with(&line, &kept.statement, &flipped(&kept.statement)), "signed by"),
            (with(&line, &kept.card, &flipped(&kept.card)), "No root"),
            (with(&line, "\"firmware\":[5,7,1]", "\"firmware\":[5,7,9]"), "something else"),
            (with(&line, "\"slot\":\"9c\"", "\"slot\":\"9a\""), "slot"),
        ] {
            let copy = room.place.join("copy");
            let _ = fs::remove_dir_all(&copy);
            record::copy(&a, &copy);
            let before: Vec<u8> = lines[..at].concat();
            fs::write(copy.join("transcript.jsonl"), [before, spoilt.into_bytes()].concat()).expect("a spoilt record");
            let refused = record::again_under(&copy, &roots).refused;
            assert!(
                refused.iter().any(|found| found.refusal.rule == Rule::KeyAttested && found.refusal.what.contains(why)),
                "{why}: {refused:#?}"
            );
        }
    });
}

#[test]
fn the_last_try_is_not_spent_without_a_typed_confirmation_and_the_tries_are_told_each_time() {
    let name = "the_last_try_is_not_spent_without_a_typed_confirmation_and_the_tries_are_told_each_time";
    on_yubikeys(name, &three(), |control| {
        let mut room = begun_by(&genesis("yubikey:?touch-policy=never"), people(), driver::trust(control));
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::Drill { .. })));
        let told = Arc::new(Mutex::new(vec![]));
        let seen = Arc::clone(&told);
        room.other_secret = Box::new(move |request| {
            seen.lock().unwrap().push((request.tries.to_string(), request.covers));
            Some(Some(secret("999999")))
        });
        for _ in 0..3 {
            room.perform().unwrap();
            room.word("AGAIN");
        }
        room.perform().unwrap();
        assert!(room.trouble().is_last_try(), "{:?}", room.trouble());
        control.trace(0);
        // AGAIN is no such confirmation.
        assert!(room.runner.answer(&officiant::ceremony::prompt::Answer::Word("AGAIN".into())).is_err());
        assert!(control.trace(0).commands().is_empty());
        room.word("SPEND THE LAST TRY");
        room.other_secret = Box::new(|_| None);
        room.perform().unwrap();
        let told = told.lock().unwrap().clone();
        let wanted = ["5 tries left", "4 tries left", "3 tries left", "2 tries left"].map(|told| (told.to_owned(), 1));
        assert_eq!(told, wanted);
        room.finish();
        holds(&room, control);
    });
}

/// What `of` is exchanged for: the YubiKey of another alias, which is named with its holder, and gets no PIN.
#[test]
fn another_officers_yubikey_is_named_whatever_is_asked_of_it() {
    on_yubikeys("another_officers_yubikey_is_named_whatever_is_asked_of_it", &three(), |control| {
        let mut room = begun_by(&genesis("yubikey:?touch-policy=never"), people(), driver::trust(control));
        // Ana's is prepared; then Bo's alone lies in the reader when Ana's is to make a key, is drilled, signs.
        let asks: [fn(&Operation) -> bool; 3] = [
            |operation| matches!(operation, Operation::Generate { alias, .. } if alias.as_str() == "bo-1"),
            |operation| matches!(operation, Operation::Drill { alias, .. } if alias.as_str() == "bo-1"),
            |operation| matches!(operation, Operation::Sign { alias, .. } if alias.as_str() == "bo-1"),
        ];
        for is_it in asks {
            room.until(|pending, _| matches!(pending, Pending::Do(operation) if is_it(operation)));
            control.eject(1);
            control.trace(0);
            assert!(room.perform().is_err());
            assert_eq!(control.trace(0).count(VERIFY), 0, "no PIN went to Ana's");
            let Trouble::Refused(refusal) = room.trouble() else { panic!("{:?}", room.trouble()) };
            assert_eq!(refusal.rule, Rule::TokenIsExpected);
            let what = &refusal.what;
            assert!(what.contains("ana-1 (blue tag, Ana Ruiz)"), "{what}");
            assert!(what.contains("bo-1 (green tag, Bo Lindqvist) is wanted: serial 7150002"), "{what}");
            control.insert(1);
            room.word("AGAIN");
        }
        room.finish();
        holds(&room, control);
    });
}

/// Copies the inputs of the shipped scripts.
fn inputs() -> PathBuf {
    let inputs = place().join("inputs");
    record::copy(script("genesis").parent().expect("a folder"), &inputs);
    inputs
}

#[test]
fn a_root_is_rotated_away_from_a_lost_yubikey_with_faults_in_the_middle() {
    let name = "a_root_is_rotated_away_from_a_lost_yubikey_with_faults_in_the_middle";
    let four = Setup::of(&[("5.7.1", 7_150_001), ("5.7.1", 7_150_002), ("5.7.4", 7_150_003), ("5.7.4", 7_150_004)]);
    on_yubikeys(name, &four, |control| {
        // The root of the first ceremony, by three YubiKeys.
        let mut first = begun_by(&genesis("yubikey:?touch-policy=always"), people(), driver::trust(control));
        first.finish();
        let inputs = inputs();
        let root = fs::read(first.place.join("a/metadata/1.root.json")).expect("root 1");
        fs::write(inputs.join("previous/1.root.json"), &root).expect("the courier's medium");
        let keyid = |name: &str| first.ceremony().token(&alias(name)).key.expect("a key").id().to_string();

        // Cem's is lost.
        control.eject(2);
        let shipped = fs::read_to_string(script("rotate-root")).expect("the shipped script");
        let mut text = shipped.replace("/usr/lib/softhsm/libsofthsm2.so", "yubikey:?touch-policy=always").replace(
            "21aae557388c42059a4a3d5fb3c3f90cb2c4090cafee059a5513e7612ed210c2",
            &Digest::of(&root).to_string(),
        );
        for (old, now) in [
            ("cc90d47d04217e709985ed12ead05e2c20420545a07872589c50a301e3fc9961", keyid("ana-1")),
            ("a1844aa2d182b91b0d635ef09ccfd457e3dde7beca80d1b18e1bb589792391f6", keyid("bo-1")),
            ("3742f3191708b17e1e6dae531a8d791bbe41f4189266d34f542b18037828a61e", keyid("cem-1")),
        ] {
            text = text.replace(old, &now);
        }
        text = text.replacen("tag = \"blue\"", "tag = \"blue\"\nserial = \"7150001\"", 1).replacen(
            "tag = \"green\"",
            "tag = \"green\"\nserial = \"7150002\"",
            1,
        );
        let mut people = People::of(&script("rotate-root"));
        pins(&mut people, &["ana-1", "bo-1", "dara-1"]);
        let later = place().join("rotation");
        let mut room = begun_in(&later, &inputs, &text, people, driver::trust(control));

        // Ana's is pulled out while it is asked to prove its key; then put in again, and the PIN typed again.
        room.until(
            |pending, _| matches!(pending, Pending::Do(Operation::Open { alias, .. }) if alias.as_str() == "ana-1"),
        );
        control.fault(0, SIGN, 0, "eject-before");
        room.perform().unwrap();
        assert!(matches!(room.trouble(), Trouble::Fault(fault) if fault.token_lost()), "{:?}", room.trouble());
        control.eject(0);
        control.insert(0);
        room.word("AGAIN");

        // The power goes after Bo's YubiKey has signed and before that was written.
        room.until(
            |pending, _| matches!(pending, Pending::Do(Operation::Sign { alias, .. }) if alias.as_str() == "bo-1"),
        );
        let job = room.runner.intend().unwrap().expect("an operation");
        room.do_job(&job);
        room = again_in(room, &inputs, control);
        room.finish();
        holds(&room, control);
        let root = fs::read(room.place.join("a/metadata/2.root.json")).expect("root 2");
        let root: serde_json::Value = serde_json::from_slice(&root).expect("JSON");
        let keys: Vec<_> = root["signed"]["roles"]["root"]["keyids"].as_array().expect("keyids").clone();
        assert!(!keys.contains(&keyid("cem-1").into()) && keys.contains(&keyid("ana-1").into()), "{keys:?}");
        assert_eq!(room.count(|event| matches!(event, Event::KeyGenerated { attestation: Some(_), .. })), 1);
    });
}

const PASSPHRASE: &str = "a horse of glass";

/// Docker Content Trust for three repositories: the offline key comes from a file to two YubiKeys, the tagging key is made on a third.
fn dct(file: &Path, keyid: &str) -> String {
    let token = |alias: &str, tag: &str| {
        format!(
            "[[token]]\nalias = \"{alias}\"\nholder = \"sam\"\ntag = \"{tag}\"\nmodule = \"yubikeys\"\nso-pin = \"sam\"\n\n"
        )
    };
    let step = |kind: &str, more: &str| format!("[[act.step]]\ndo = \"{kind}\"\n{more}\n");
    let of = |alias: &str| format!("token = \"{alias}\"\n");
    let mut text = "format = 1\nceremony = \"dct-genesis\"\ntitle = \"The offline key comes home\"\nrepository = \"docker.io/example\"\n\
                    dialect = \"notary\"\nmedia = [\"stick A\", \"stick B\"]\n\n[declares]\nsingle-control = true\n\
                    merged-duties = true\nno-spare = true\n\n[[people]]\nid = \"sam\"\nname = \"Sam Ferreira\"\n\
                    duties = [\"administrator\", \"operator\", \"officer\", \"witness\"]\n\n\
                    [[module]]\nname = \"yubikeys\"\npath = \"yubikey:?touch-policy=always\"\n\n"
        .to_owned();
    text += &[token("home-1", "blue"), token("home-2", "green"), token("tag-1", "white")].concat();
    text += "[collection]\nfolder = \"dct-new\"\n\
             manifest = \"b392d96688f1bce93dc8892d78b9e7584deb1bf65a08b74bebe8fe545142d9dc\"\nrepositories = 3\n\n\
             [root]\nthreshold = 1\nkeys = [\"home-1\", \"home-2\"]\n\
             expires = { days = 3650, at-least-days = 730, at-most-days = 3660 }\n\n[certificate]\ndays = 5475\n\n\
             [tagging]\nkeys = [\"tag-1\"]\nexpires = { days = 1095, at-least-days = 365, at-most-days = 1100 }\n\n\
             [[act]]\ntitle = \"The whole day\"\n\n";
    text += &step("roll-call", "");
    text += &step("script-words", "witness = \"sam\"\n");
    text += &step("confirm-clock", "who = [\"sam\"]\n");
    text += &step("preflight", "");
    text += &step("import-repositories", "");
    for alias in ["home-1", "home-2"] {
        text += &step("prepare-token", &of(alias));
        let import = format!("{}file = \"{}\"\nkeyid = \"{keyid}\"\n", of(alias), file.display());
        text += &step("import-key", &import);
        text += &step("drill-token", &of(alias));
    }
    for kind in ["prepare-token", "generate-key", "drill-token"] {
        text += &step(kind, &of("tag-1"));
    }
    for alias in ["home-1", "home-2"] {
        text += &step("certify", &of(alias));
    }
    text += &step("draft", "");
    text += &step("review", "witness = \"sam\"\nwho = [\"sam\"]\n");
    for alias in ["home-1", "tag-1"] {
        text += &step("sign", &of(alias));
    }
    text += &step("export", "");
    text += &step("close", "tokens = [\"home-1\", \"home-2\", \"tag-1\"]\nwitness = \"sam\"\n");
    text
}

#[test]
fn an_offline_key_comes_home_to_two_yubikeys_and_signs_a_batch_in_which_one_is_pulled_out() {
    let name = "an_offline_key_comes_home_to_two_yubikeys_and_signs_a_batch_in_which_one_is_pulled_out";
    on_yubikeys(name, &three(), |control| {
        let inputs = inputs();
        let key = PrivateKey::generate_p256().expect("a key");
        let id = key.public().canonical_id().expect("an id");
        let headers = Headers::new("root", None).expect("headers");
        let closed = write(&key, &headers, &secret(PASSPHRASE).into()).expect("a key file");
        fs::write(inputs.join("root.key"), closed).expect("a medium");
        let file = inputs.join("root.key");
        let mut people = People::default();
        people.words.insert("sam".into(), "harbour".into());
        people.passphrases.insert(file.to_str().expect("UTF-8").into(), PASSPHRASE.into());
        pins(&mut people, &["home-1", "home-2", "tag-1"]);
        let text = dct(&file, id.as_str());
        let mut room = begun_in(&place(), &inputs, &text, people, driver::trust(control));

        // The answer to an import is lost: the key is found, and completed.
        let imports = |pending: &Pending| matches!(pending, Pending::Do(Operation::ImportKey { .. }));
        room.until(|pending, _| imports(pending));
        control.fault(0, 0xfe, 0, "eject-after");
        room.perform().unwrap();
        assert!(matches!(room.trouble(), Trouble::Fault(fault) if fault.token_lost()), "{:?}", room.trouble());
        control.eject(0);
        control.insert(0);
        control.trace(0);
        room.word("AGAIN");
        room.until(|_, ceremony| ceremony.token(&alias("home-1")).key.is_some());
        assert!(!control.trace(0).instructions().contains(&0xfe), "not imported twice");

        // Three roots with one entry of the PIN; the YubiKey is pulled out before the second.
        let batch = |pending: &Pending| matches!(pending, Pending::Do(Operation::SignBatch { alias, .. }) if alias.as_str() == "home-1");
        room.until(|pending, _| batch(pending));
        let asked = Arc::new(Mutex::new(vec![]));
        let seen = Arc::clone(&asked);
        room.other_secret = Box::new(move |request| {
            if request.what == SecretKind::UserPin {
                seen.lock().unwrap().push(request.covers);
            }
            None
        });
        control.fault(0, SIGN, 1, "eject-before");
        control.trace(0);
        room.perform().unwrap();
        assert_eq!(sent(&control.trace(0)), [VERIFY, SIGN], "each is committed by itself");
        room.perform().unwrap();
        assert!(matches!(room.trouble(), Trouble::Fault(fault) if fault.token_lost()), "{:?}", room.trouble());
        control.eject(0);
        control.insert(0);
        control.trace(0);
        room.word("AGAIN");
        room.perform().unwrap();
        assert_eq!(sent(&control.trace(0)), [VERIFY, SIGN], "a fresh PIN, and the next signature");
        assert_eq!(*asked.lock().unwrap(), [3, 2], "one entry covers what is left");

        // Whoever is told of each touch leaves before the third: nothing is sent. Then nobody touches it, and then the power goes.
        let told = Arc::new(Mutex::new(vec![]));
        let seen = Arc::clone(&told);
        room.performer.when_a_token_blinks(Box::new(move |touching| {
            seen.lock().unwrap().push((touching.ask(), touching.which()));
            ControlFlow::Break(())
        }));
        control.trace(0);
        room.perform().unwrap();
        assert!(room.trouble().is_no_touch(), "{:?}", room.trouble());
        assert!(control.trace(0).commands().is_empty(), "not even the PIN");
        let wanted =
            ("Sam Ferreira, touch 7150001 (home-1, blue tag)".to_owned(), Some("Signature 2 of 2.".to_owned()));
        assert_eq!(*told.lock().unwrap(), [wanted]);
        room.performer.when_a_token_blinks(Box::new(|touching| match touching.tried {
            0 | 1 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }));
        room.word("AGAIN");
        control.touch(0, "never");
        room.perform().unwrap();
        assert!(room.trouble().is_no_touch(), "{:?}", room.trouble());
        assert_eq!(sent(&control.trace(0)), [VERIFY, SIGN, VERIFY, SIGN], "waited for twice, and left");
        control.touch(0, "auto");
        room = again_in(room, &inputs, control);
        room.until(|pending, _| {
            batch(pending) || matches!(pending, Pending::Ask(prompt) if matches!(prompt.scene, Scene::Trouble { .. }))
        });
        if let Pending::Ask(_) = room.ceremony().pending() {
            assert!(room.trouble().is_no_touch());
            room.word("AGAIN");
        }
        room.finish();
        let audit = holds(&room, control);
        assert_eq!(
            room.count(|event| matches!(event, Event::RepositorySigned { alias, .. } if alias.as_str() == "home-1")),
            3
        );
        // Imported and attested are told apart: in the record's verification, the report and the card.
        for home in ["home-1", "home-2"] {
            let note = format!("The key of {home} was imported from");
            assert!(
                audit.notes.iter().any(|said| said.starts_with(&note) && said.ends_with("never attested.")),
                "{:?}",
                audit.notes
            );
        }
        assert!(audit.held.iter().any(|held| held.rule == Rule::KeyAttested && held.times == 1), "{:#?}", audit.held);
        for (file, imported, attested) in [
            ("report.html", "never: the key was imported", "generated on it, and attested"),
            ("card.html", "never attested", "attested under CN=Virtual"),
        ] {
            let text = fs::read_to_string(room.place.join("a").join(file)).expect("a file of the record");
            assert!(text.contains(imported) && text.contains(attested), "{file}");
        }
    });
}

#[test]
fn an_ed25519_key_is_not_brought_to_a_yubikey_and_nothing_is_asked_of_it() {
    let name = "an_ed25519_key_is_not_brought_to_a_yubikey_and_nothing_is_asked_of_it";
    on_yubikeys(name, &three(), |control| {
        let inputs = inputs();
        let key = driver::private(KeyAlgorithm::Ed25519, &[7; 32]);
        let id = key.public().canonical_id().expect("an id");
        fs::write(inputs.join("root.key"), driver::pem(KeyAlgorithm::Ed25519, &[7; 32])).expect("a medium");
        let file = inputs.join("root.key");
        let mut people = People::default();
        people.words.insert("sam".into(), "harbour".into());
        pins(&mut people, &["home-1", "home-2", "tag-1"]);
        let mut room = begun_in(&place(), &inputs, &dct(&file, id.as_str()), people, driver::trust(control));
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::ImportKey { .. })));
        control.trace(0);
        room.perform().expect("the trouble is recorded");
        let Trouble::Fault(fault) = room.trouble() else { panic!("{:?}", room.trouble()) };
        assert_eq!(fault.kind, FaultKind::NotSupported);
        // The reason, and what to do.
        assert!(fault.cause.contains("at most 1014 bytes") && fault.cause.contains("use a P-256 key"), "{fault}");
        let trace = control.trace(0);
        assert!(sent(&trace).is_empty() && !trace.instructions().contains(&0xfe), "{:02x?}", trace.instructions());
        assert_eq!(room.count(|event| matches!(event, Event::KeyBroughtIn { .. })), 0);
    });
}

/// What goes wrong with a YubiKey while it signs, and what makes it well again.
#[test]
fn each_fault_in_the_middle_of_a_genesis_is_told_and_gone_on_with_after_a_resume() {
    let name = "each_fault_in_the_middle_of_a_genesis_is_told_and_gone_on_with_after_a_resume";
    on_yubikeys(name, &three(), |control| {
        let mut room = begun_by(&genesis("yubikey:?touch-policy=always"), people(), driver::trust(control));
        let inputs = script("genesis").parent().expect("a folder").to_owned();
        // Drills, signatures and heads of three YubiKeys: nine signatures.
        let signs = |pending: &Pending| match pending {
            Pending::Do(
                Operation::Drill { alias, .. } | Operation::Sign { alias, .. } | Operation::SignHead { alias, .. },
            )
            | Pending::InDoubt(
                Operation::Drill { alias, .. } | Operation::Sign { alias, .. } | Operation::SignHead { alias, .. },
            ) => ALIASES.iter().position(|known| *known == alias.as_str()),
            _ => None,
        };
        let asked = |pending: &Pending| matches!(pending, Pending::Ask(prompt) if matches!(prompt.scene, Scene::Trouble { .. }));
        let faults = [
            "status 6F00",
            "cut",
            "flip",
            "eject-before",
            "eject-after",
            "delay 700",
            "taken out",
            "daemon",
            "wrong PIN",
        ];
        // Two more befall signatures that are done once those are over with.
        let twice = |fault: &str| match fault {
            "cut" => Some("no touch"),
            "eject-after" => Some("another program"),
            _ => None,
        };
        let faults = faults.into_iter().flat_map(|fault| twice(fault).into_iter().chain([fault]));
        for fault in faults {
            if fault == "another program" && Command::new("ykman").arg("--version").output().is_err() {
                eprintln!("skipped: ykman is not installed; tests/run installs it");
                continue;
            }
            room.until(|pending, _| signs(pending).is_some());
            let card = signs(&room.ceremony().pending()).expect("a signature");
            let alias_of = ALIASES[card];
            match fault {
                "taken out" => {
                    // Once the PIN was typed, all are taken out and put in again, which resets them.
                    let (pulled, done) = (control.clone(), AtomicBool::new(false));
                    room.performer.when_a_token_blinks(Box::new(move |_| {
                        if !done.swap(true, Ordering::SeqCst) {
                            for card in 0..3 {
                                pulled.eject(card);
                                pulled.insert(card);
                            }
                        }
                        ControlFlow::Continue(())
                    }));
                }
                "no touch" => control.touch(card, "never"),
                "another program" => {
                    // It looks at the YubiKey once the PIN was typed, and leaves, which resets it.
                    let serial = (7_150_001 + card).to_string();
                    room.performer.when_a_token_blinks(Box::new(move |_| {
                        let ended = Command::new("ykman").args(["--device", &serial, "piv", "info"]).output();
                        assert!(ended.expect("ykman").status.success());
                        ControlFlow::Continue(())
                    }));
                }
                "daemon" => {
                    let stopped = control.clone();
                    room.performer.when_a_token_blinks(Box::new(move |_| {
                        stopped.ask("pcscd stop");
                        ControlFlow::Continue(())
                    }));
                }
                "wrong PIN" => room.other_secret = Box::new(|_| Some(Some(secret("999999")))),
                harm => control.fault(card, SIGN, 0, harm),
            }
            room.perform().unwrap();
            if fault == "delay 700" {
                continue;
            }
            let trouble = room.trouble();
            match (&trouble, fault) {
                (Trouble::Refused(refusal), "flip") => assert_eq!(refusal.rule, Rule::SignatureVerifies),
                (Trouble::Fault(fault), "status 6F00" | "cut") => assert!(!fault.token_lost(), "{fault}"),
                (Trouble::Fault(fault), "wrong PIN") => assert!(fault.cause.contains("4 tries left"), "{fault}"),
                (trouble, "no touch") => assert!(trouble.is_no_touch(), "{trouble:?}"),
                (Trouble::Fault(lost), _) => assert!(lost.token_lost(), "{fault}: {lost}"),
                other => panic!("{other:?}"),
            }
            match fault {
                "eject-before" | "eject-after" => {
                    control.eject(card);
                    control.insert(card);
                }
                "no touch" => control.touch(card, "auto"),
                "daemon" => {
                    control.ask("pcscd start");
                    for other in 0..3 {
                        control.insert(other);
                    }
                }
                _ => {}
            }
            room = again_in(room, &inputs, control);
            room.until(|pending, _| asked(pending) || signs(pending).is_some());
            if asked(&room.ceremony().pending()) {
                room.word("AGAIN");
            }
            let pending = room.ceremony().pending();
            assert_eq!(signs(&pending).map(|card| ALIASES[card]), Some(alias_of), "{fault}: the same is done again");
            if matches!(fault, "no touch" | "another program") {
                continue;
            }
            room.perform().unwrap_or_else(|error| panic!("{fault}: {error:?}"));
        }
        room.finish();
        holds(&room, control);
    });
}
