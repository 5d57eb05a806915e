//! Management keys that are kept on no YubiKey: sealed with the backup in a whole ceremony in production, opened by a stranger with stock
//! tools, and lost where the program ends before that.

mod backup_support;
mod ceremony_support;
#[path = "yubikey_support/driver.rs"]
mod driver;
#[path = "yubikey_support/room.rs"]
mod room;
mod support;
mod yubikey_support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

use backup_support::is_there;
use ceremony_support::{People, Room, paper, place, record, script};
use officiant::{
    ceremony::{
        Pending,
        check::check,
        event::Event,
        operation::{Operation, Trouble},
        prompt::{Answer, AsideKind, Input, Scene},
        script::read,
        words,
    },
    fault::FaultKind,
    rules::Rule,
    secret::SecretKind,
    token::yubikey::list,
};
use room::{again_in, alias, begun_in, pins, three};
use virtual_yubikey::{Control, Setup, Trace};
use yubikey_support::on_yubikeys;

const ALIASES: [&str; 3] = ["ana-1", "bo-1", "tag-1"];
const SERIALS: [&str; 3] = ["7150001", "7150002", "7150003"];
const SET_MANAGEMENT_KEY: u8 = 0xff;
const IMPORT: u8 = 0xfe;
const GENERATE: u8 = 0x47;
const RESET: u8 = 0xfb;

/// The shipped genesis with a backup, on YubiKeys: an offline key that is made in memory on two, a tagging key that the third makes.
fn text(uri: &str) -> String {
    let text = fs::read_to_string(script("dct-genesis-backup")).expect("the shipped script");
    text.replace("/usr/lib/softhsm/libsofthsm2.so", uri).replace("dice = true\n", "")
}

const SEALED: &str = "yubikey:?touch-policy=never&management-key=sealed";

fn inputs() -> PathBuf {
    let inputs = place().join("inputs");
    record::copy(script("genesis").parent().expect("a folder"), &inputs);
    inputs
}

fn begun(control: &Control) -> Room {
    let mut people = People::of(&script("dct-genesis-backup"));
    pins(&mut people, &ALIASES);
    begun_in(&place(), &inputs(), &text(SEALED), people, driver::trust(control))
}

fn resumed(room: Room, control: &Control) -> Room {
    again_in(room, &place().join("inputs"), control)
}

/// The management key that was put in force: header and length, algorithm, 9B, length, key.
fn set_in(trace: &Trace) -> Vec<Vec<u8>> {
    let set = trace.commands().into_iter().filter(|command| command[1] == SET_MANAGEMENT_KEY);
    set.map(|command| command[8..].to_vec()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every file below `folder` that holds one of these.
fn files_with(needles: &[Vec<u8>], folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files_with(needles, &path));
        } else if let Ok(bytes) = fs::read(&path)
            && needles.iter().any(|needle| bytes.windows(needle.len()).any(|window| window == needle))
        {
            found.push(path);
        }
    }
    found
}

/// The text of an age file, by the independent script and the stock tools.
fn opened_by_a_stranger(file: &Path, set: &str, shares: &[u8]) -> Option<String> {
    if !is_there("python3") {
        return None;
    }
    let tool = ["age", "rage"].into_iter().find(|tool| is_there(tool))?;
    let work = backup_support::in_memory();
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(work.path()).output().expect("it runs");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let recover = backup_support::script();
    let mut arguments = vec![recover.to_str().expect("text").to_owned(), "identity".to_owned()];
    for share in shares {
        let name = format!("share-{share}.txt");
        fs::write(work.path().join(&name), paper::page(set, *share)).expect("written");
        arguments.push(name);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    fs::write(work.path().join("identity.txt"), run("python3", &arguments)).expect("written");
    let text = run(tool, &["-d", "-i", "identity.txt", file.to_str().expect("text")]);
    Some(String::from_utf8(text).expect("text"))
}

/// Token and sealed file of each management key, in order.
fn sealed(room: &Room) -> Vec<(String, String)> {
    let sealed = room.events().filter_map(|event| match event {
        Event::ManagementKeySealed { alias, file, .. } => Some((alias.to_string(), file.name)),
        _ => None,
    });
    sealed.collect()
}

fn set_of(room: &Room) -> String {
    let set = room.events().filter_map(|event| match event {
        Event::BackupSealed { sealed, .. } => Some(sealed.set.id()),
        _ => None,
    });
    set.last().expect("a backup")
}

fn holds(room: &Room, control: &Control) -> officiant::audit::Audit {
    record::holds_under(&room.place.join("a"), &driver::trust(control).roots())
}

#[test]
fn management_keys_are_sealed_with_the_backup_and_a_stranger_opens_them_and_uses_them_with_ykman() {
    let name = "management_keys_are_sealed_with_the_backup_and_a_stranger_opens_them_and_uses_them_with_ykman";
    on_yubikeys(name, &three(), |control| {
        let mut room = begun(control);
        // All three are made ready and one of them makes a key, with a management key that is in memory alone.
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::MakeKey { .. })));
        let traces: Vec<Trace> = (0..3).map(|card| control.trace(card)).collect();
        let keys: Vec<Vec<u8>> = traces.iter().flat_map(set_in).collect();
        assert_eq!(keys.len(), 3, "one for each");
        assert!(keys.iter().all(|key| key.len() == 24) && keys[0] != keys[1], "drawn at random");
        assert_eq!(traces[2].count(GENERATE), 1);
        // Nothing of it is written to a YubiKey: neither behind the PIN nor anywhere else.
        for trace in &traces {
            let put = trace.commands().into_iter().filter(|command| command[1] == 0xdb);
            assert!(put.clone().all(|command| !keys.iter().any(|key| command.windows(24).any(|part| part == key))));
            assert!(put.clone().all(|command| command[7..10] != [0x5f, 0xc1, 0x09]), "no protected object");
        }
        let account = officiant::ceremony::outline::account(room.ceremony());
        assert_eq!(account.iter().filter(|line| line.contains("in memory only: when the program ends")).count(), 3);
        let report = list::list(driver::trust(control)).expect("they are in");
        for token in &report.tokens {
            let text = token.remarks.join("\n");
            assert!(text.contains("Management key: neither the factory's nor kept on it."), "{text}");
            assert!(!text.contains("Still the factory's"), "{text}");
        }

        room.finish();
        let audit = holds(&room, control);
        for rule in [Rule::ManagementKeySealed, Rule::BackupOpens, Rule::BackupRestores, Rule::PinNotDefault] {
            assert!(audit.held.iter().any(|held| held.rule == rule), "{rule}");
        }
        let (set, sealed) = (set_of(&room), sealed(&room));
        assert_eq!(sealed.iter().map(|(alias, _)| alias.as_str()).collect::<Vec<_>>(), ALIASES);

        // On both media, and in no other file in any form: not in the transcript, not in a report, not on a sheet.
        for ((_, file), serial) in sealed.iter().zip(SERIALS) {
            assert!(file.starts_with(&format!("backup/offline-{set}-yubikey-{serial}-")) && file.ends_with(".age"));
            let of = |medium: &str| fs::read(room.place.join(medium).join(file)).expect("the sealed file");
            assert_eq!(of("a"), of("b"));
            assert!(fs::read_to_string(room.place.join("a/MANIFEST")).expect("a manifest").contains(file));
            assert!(fs::read_to_string(room.place.join("a/report.html")).expect("a report").contains(file));
        }
        let needles: Vec<Vec<u8>> = keys
            .iter()
            .flat_map(|key| [key.clone(), hex(key).into_bytes(), hex(key).to_uppercase().into_bytes()])
            .collect();
        // The search finds what is there.
        let canary = room.place.join("canary");
        fs::write(&canary, [b"x".as_slice(), &needles[1]].concat()).expect("a file");
        assert_eq!(files_with(&needles, &room.place), std::slice::from_ref(&canary));
        fs::remove_file(canary).expect("it is there");
        assert_eq!(files_with(&needles, &room.place), [] as [PathBuf; 0]);

        // What opens the key opens them, by other people's programs alone.
        for (((_, file), serial), (key, medium)) in sealed.iter().zip(SERIALS).zip(keys.iter().zip(["a", "b", "a"])) {
            let path = room.place.join(medium).join(file);
            let Some(text) = opened_by_a_stranger(&path, &set, &[2, 3, 5]) else {
                return eprintln!("skipped: age or python3 is not here");
            };
            assert!(text.starts_with("officiant management key 1\n"), "{text}");
            let line = |name: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
            };
            assert_eq!((line("serial").as_str(), line("algorithm").as_str()), (serial, "AES-192"));
            assert_eq!(line("management key"), hex(key));
            if !is_there("ykman") {
                eprintln!("skipped: ykman is not here");
                continue;
            }
            let ykman = |arguments: &str| {
                let output = Command::new("ykman")
                    .args(["--device", serial])
                    .args(arguments.split(' '))
                    .current_dir(&room.place)
                    .env("HOME", &room.place)
                    .output()
                    .expect("it runs");
                (output.status.success(), yubikey_support::words(&output))
            };
            let (_, info) = ykman("piv info");
            assert!(!info.contains("protected by PIN"), "{info}");
            let wrong = hex(&[7; 24]);
            let (ok, said) = ykman(&format!("piv keys generate -m {wrong} -a ECCP256 9d no.pem"));
            assert!(!ok, "{said}");
            let (ok, said) = ykman(&format!("piv keys generate -m {} -a ECCP256 9d made.pem", line("management key")));
            assert!(ok, "{said}");
        }
    });
}

#[test]
fn a_medium_that_fails_while_a_management_key_is_sealed_gets_the_same_file_at_the_next_try() {
    let name = "a_medium_that_fails_while_a_management_key_is_sealed_gets_the_same_file_at_the_next_try";
    on_yubikeys(name, &three(), |control| {
        let mut room = begun(control);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::SealManagementKey { .. })));
        let (folder, away) = (room.place.join("b/backup"), room.place.join("b-backup"));
        fs::rename(&folder, &away).expect("taken away");
        fs::write(&folder, b"no folder").expect("a file");
        room.perform().expect("the trouble is recorded");
        assert!(matches!(room.trouble(), Trouble::Fault(_)), "{:?}", room.trouble());
        fs::remove_file(&folder).expect("a file");
        fs::rename(&away, &folder).expect("put back");
        room.word("AGAIN");
        room.finish();
        holds(&room, control);
        for medium in ["a", "b"] {
            let files = fs::read_dir(room.place.join(medium).join("backup")).expect("a folder");
            let files =
                files.filter(|file| file.as_ref().expect("a file").file_name().to_string_lossy().contains("-yubikey-"));
            assert_eq!(files.count(), 3, "{medium}: one for each YubiKey");
        }
    });
}

/// What is asked where a management key is lost: what is said, and the words that are taken.
fn told(room: &Room) -> (String, Vec<&'static str>) {
    let prompt = room.prompt();
    let (Scene::PointOfNoReturn { what, .. }, Input::Word(choices)) = (&prompt.scene, &prompt.input) else {
        panic!("{prompt:?}")
    };
    (what.clone(), choices.iter().map(|choice| choice.word).collect())
}

fn until_lost(room: &mut Room, serial: &str) {
    room.until_scene(|scene| matches!(scene, Scene::PointOfNoReturn { what, .. } if what.contains("is lost") && what.contains(serial)));
}

/// A used YubiKey is wiped after its serial was typed.
fn typing(room: &mut Room, serial: &str) {
    room.people.records.insert(words::SERIAL_TYPED.into(), serial.into());
}

#[test]
fn a_management_key_that_went_with_the_memory_is_told_of_and_the_yubikey_is_prepared_again_or_kept() {
    let name = "a_management_key_that_went_with_the_memory_is_told_of_and_the_yubikey_is_prepared_again_or_kept";
    on_yubikeys(name, &three(), |control| {
        let mut room = begun(control);
        // The key is made, and the power goes while its backup is being sealed.
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::SealManagementKey { .. })));
        drop(room.runner.intend().expect("an intent"));
        room = resumed(room, control);
        room.until(|pending, _| matches!(pending, Pending::InDoubt(Operation::SealManagementKey { .. })));
        room.perform().expect("the trouble is recorded");
        assert!(matches!(room.trouble(), Trouble::Fault(fault) if fault.cause.contains("in memory only")));
        room.word("AGAIN");

        // Ana's holds no key: it is of no use without, and is prepared again. Nothing was sent to it before.
        until_lost(&mut room, "7150001");
        let (what, choices) = told(&room);
        for said in ["YubiKey 7150001, is lost", "still signs with its PIN", "until it is reset"] {
            assert!(what.contains(said), "{what}");
        }
        assert_eq!(choices, ["PREPARE AGAIN", "LEAVE"]);
        assert_eq!(room.refused(&Answer::Word("KEEP".into())), Rule::PointOfNoReturn);
        assert!(!control.trace(0).instructions().contains(&RESET));
        room.word("PREPARE AGAIN");
        typing(&mut room, "7150001");
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::Initialise { .. })));
        assert!(!control.trace(0).instructions().contains(&RESET), "not before its serial and INITIALISE were typed");
        room.perform().expect("prepared");
        assert!(control.trace(0).instructions().contains(&RESET), "wiped once more");
        until_lost(&mut room, "7150002");
        room.word("PREPARE AGAIN");
        typing(&mut room, "7150002");
        // The third has its key already: people may keep it as it is.
        until_lost(&mut room, "7150003");
        assert_eq!(told(&room).1, ["PREPARE AGAIN", "KEEP", "LEAVE"]);
        room.word("KEEP");
        // The key that was in memory is lost too, and another is made.
        room.finish();
        let audit = holds(&room, control);
        let decided: Vec<_> = room
            .events()
            .filter_map(|event| match event {
                Event::ManagementKeyLost { alias, serial, again } => Some((alias.to_string(), serial, again)),
                _ => None,
            })
            .collect();
        let wanted = [("ana-1", "7150001", true), ("bo-1", "7150002", true), ("tag-1", "7150003", false)];
        assert_eq!(decided, wanted.map(|(alias, serial, again)| (alias.to_owned(), serial.to_owned(), again)));
        assert_eq!(room.count(|event| matches!(event, Event::BackupDiscarded { .. })), 1);
        // Whoever reads the record years later is told, too.
        let report = fs::read_to_string(room.place.join("a/report.html")).expect("a report");
        for said in [
            "YubiKey 7150001, went with the memory: it is prepared again",
            "7150003, went with the memory: it goes on without",
        ] {
            assert!(audit.notes.iter().any(|note| note.contains(said)), "{said}: {:?}", audit.notes);
            assert!(report.contains(said), "{said}");
        }
        assert_eq!(room.count(|event| matches!(event, Event::KeyGenerated { .. })), 1, "the third kept its key");
        let sealed: Vec<_> = sealed(&room).into_iter().map(|(alias, _)| alias).collect();
        assert_eq!(sealed, ["ana-1", "bo-1"]);
    });
}

#[test]
fn a_management_key_that_was_set_before_the_power_went_is_known_to_be_lost_and_not_taken_for_set() {
    let name = "a_management_key_that_was_set_before_the_power_went_is_known_to_be_lost_and_not_taken_for_set";
    on_yubikeys(name, &three(), |control| {
        let mut room = begun(control);
        let sets = |pending: &Pending| matches!(pending, Pending::Do(Operation::SetUserPin { .. }));
        // The answer to the command that sets it is lost: it is in memory, proven, and not set twice.
        room.until(|pending, _| sets(pending));
        control.fault(0, SET_MANAGEMENT_KEY, 0, "eject-after");
        room.perform().expect("the trouble is recorded");
        assert!(matches!(room.trouble(), Trouble::Fault(fault) if fault.token_lost()), "{:?}", room.trouble());
        control.eject(0);
        control.insert(0);
        control.trace(0);
        room.word("AGAIN");
        room.until(|_, ceremony| ceremony.token(&alias("ana-1")).pin_set);
        assert_eq!(control.trace(0).count(SET_MANAGEMENT_KEY), 0, "not set twice");
        assert!(room.ceremony().management_keys().in_memory(&alias("ana-1")).is_some());

        // It was set on Bo's, and what came of it is lost with the program.
        room.until(|pending, _| sets(pending));
        let job = room.runner.intend().expect("an intent").expect("an operation");
        assert!(matches!(room.do_job(&job), Answer::Done(_)));
        room = resumed(room, control);
        room.until(|pending, _| matches!(pending, Pending::InDoubt(Operation::SetUserPin { .. })));
        room.perform().expect("looked at");
        until_lost(&mut room, "7150001");
        room.word("PREPARE AGAIN");
        typing(&mut room, "7150001");
        room.until(|_, ceremony| ceremony.token(&alias("ana-1")).pin_set);
        until_lost(&mut room, "7150002");
        room.word("PREPARE AGAIN");
        typing(&mut room, "7150002");
        room.finish();
        holds(&room, control);
        assert_eq!(sealed(&room).len(), 3);
    });
}

#[test]
fn after_a_resume_the_shares_give_the_sealed_management_key_back_and_otherwise_it_is_typed() {
    let name = "after_a_resume_the_shares_give_the_sealed_management_key_back_and_otherwise_it_is_typed";
    on_yubikeys(name, &three(), |control| {
        let mut room = begun(control);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::PutKey { .. })));
        let keys: Vec<Vec<u8>> = (0..3).flat_map(|card| set_in(&control.trace(card))).collect();
        // The power goes when every share is in its bag: key and management keys come from the shares.
        room = resumed(room, control);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::PutKey { .. })));
        room.perform().expect("from shares");
        assert!(room.ceremony().token(&alias("ana-1")).key.is_some());
        let trace = control.trace(0);
        assert_eq!((trace.count(IMPORT), trace.count(SET_MANAGEMENT_KEY)), (1, 0));

        // The sealed file of Bo's is damaged on both media: it is not believed, and the import waits.
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::PutKey { .. })));
        let file = sealed(&room)[1].1.clone();
        room = resumed(room, control);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::PutKey { .. })));
        let good = fs::read(room.place.join("a").join(&file)).expect("the sealed file");
        for medium in ["a", "b"] {
            fs::write(room.place.join(medium).join(&file), &good[..good.len() - 3]).expect("spoilt");
        }
        room.perform().expect("the trouble is recorded");
        assert!(matches!(room.trouble(), Trouble::Refused(refusal) if refusal.rule == Rule::BackupOpens));
        assert_eq!(control.trace(1).count(IMPORT), 0);
        for medium in ["a", "b"] {
            fs::write(room.place.join(medium).join(&file), &good).expect("put back");
        }
        room.word("AGAIN");
        room.finish();
        holds(&room, control);

        // A later ceremony has neither memory nor shares: whoever makes a key types the management key of the opened file.
        drop(room);
        let mut token = driver::open(
            control,
            7_150_003,
            driver::with(
                "9a",
                officiant::token::yubikey::PinPolicy::Once,
                officiant::token::yubikey::TouchPolicy::Never,
            ),
        );
        use officiant::token::{KeyAlgorithm, LastTry, PinEntry, Provision as _, Token as _, User};
        let typed = driver::pin("141421");
        token.login(User::User, PinEntry::Typed(&typed), LastTry::Keep).expect("log in");
        let request = driver::request(KeyAlgorithm::P256, "later");
        control.trace(2);
        assert_eq!(driver::kind(token.generate_key(&request)), Some(FaultKind::WantsManagementKey));
        assert_eq!(control.trace(2).count(GENERATE), 0);
        assert_eq!(
            driver::kind(token.take_management_key(&driver::secret(b"12 34"))),
            Some(FaultKind::PinNotAcceptable)
        );
        token.take_management_key(&driver::secret(hex(&[9; 24]).as_bytes())).expect("it has the form of one");
        let wrong = token.generate_key(&request).expect_err("another key");
        assert!(wrong.to_string().contains("does not take it"), "{wrong}");
        assert_eq!(driver::kind(token.generate_key(&request)), Some(FaultKind::WantsManagementKey), "asked for again");
        token.take_management_key(&driver::secret(hex(&keys[2]).as_bytes())).expect("the right one");
        token.generate_key(&request).expect("a key");
    });
}

#[test]
fn a_generation_after_a_resume_asks_for_the_management_key_of_the_opened_file() {
    let name = "a_generation_after_a_resume_asks_for_the_management_key_of_the_opened_file";
    on_yubikeys(name, &three(), |control| {
        // The tagging key is made after the backup was sealed.
        let step = |kind: &str| format!("[[act.step]]\ndo = \"{kind}\"\ntoken = \"tag-1\"\nminutes = 5\n\n");
        let late = step("generate-key") + &step("drill-token");
        let text = text(SEALED).replacen(&late, "", 1).replacen(
            "[[act.step]]\ndo = \"certify\"",
            &format!("{late}[[act.step]]\ndo = \"certify\""),
            1,
        );
        let mut people = People::of(&script("dct-genesis-backup"));
        pins(&mut people, &ALIASES);
        let mut room = begun_in(&place(), &inputs(), &text, people, driver::trust(control));
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::Generate { .. })));
        let key = set_in(&control.trace(2)).remove(0);
        room = resumed(room, control);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::Generate { .. })));

        // Nobody has it: nothing is made.
        let asked = Arc::new(Mutex::new(vec![]));
        let seen = Arc::clone(&asked);
        room.other_secret = Box::new(move |request| {
            (request.what == SecretKind::ManagementKey).then(|| {
                seen.lock().unwrap().push((request.label.clone(), request.serial.clone(), request.holder.clone()));
                None
            })
        });
        room.perform().expect("the trouble is recorded");
        assert!(matches!(room.trouble(), Trouble::NobodyAnswered { secret } if secret.contains("management key")));
        assert_eq!(control.trace(2).count(GENERATE), 0);
        let of = |text: &str| Some(text.to_owned());
        assert_eq!(*asked.lock().unwrap(), [(of("tag-1"), of("7150003"), of("Tia Okafor"))]);
        // Somebody types another, and then the right one.
        for (typed, made) in [(hex(&[9; 24]), 0), (hex(&key), 1)] {
            room.word("AGAIN");
            room.until(|pending, _| matches!(pending, Pending::Do(Operation::Generate { .. })));
            room.other_secret = Box::new(move |request| {
                let wanted = request.what == SecretKind::ManagementKey;
                wanted.then(|| Some(ceremony_support::secret(&typed)))
            });
            room.perform().expect("done, or its trouble is recorded");
            assert_eq!(control.trace(2).count(GENERATE), made);
        }
        room.other_secret = Box::new(|_| None);
        room.finish();
        holds(&room, control);
        assert_eq!(files_with(&[key.clone(), hex(&key).into_bytes()], &room.place), [] as [PathBuf; 0]);
    });
}

#[test]
fn a_script_that_seals_management_keys_seals_them_before_anything_counts() {
    let checked = |text: &str| check(&read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}")));
    let good = checked(&text(SEALED));
    assert!(good.holds(), "{good}");
    let of_rule = |text: &str| -> Vec<(String, Option<String>)> {
        let findings = checked(text).findings.into_iter().filter(|found| found.rule == Some(Rule::ManagementKeySealed));
        findings
            .map(|found| (format!("{} {} {}", found.severity.word(), found.what, found.remedy), found.step))
            .collect()
    };
    let said = of_rule(&text(SEALED));
    assert!(
        said.iter().any(|(what, _)| what.starts_with("warning A break while the management key of ana-1")),
        "{said:?}"
    );
    assert!(said.iter().any(|(what, _)| what.starts_with("note Management keys are kept on no YubiKey")), "{said:?}");
    assert_eq!(of_rule(&text("yubikey:?touch-policy=never")), []);

    // Redundancy has no shares: it is said what to do.
    let redundancy = fs::read_to_string(script("genesis-yubikeys-small")).expect("the shipped script");
    let redundancy = redundancy
        .replace("path = \"yubikey:", "path = \"yubikey:?management-key=sealed&")
        .replace("sealed&?", "sealed&");
    let said = of_rule(&redundancy);
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[0].0.starts_with("error") && said[0].0.contains("Leave management-key=sealed out"), "{said:?}");
    assert!(!checked(&redundancy).holds());

    // A YubiKey that is prepared behind the seal is refused too.
    let step = "[[act.step]]\ndo = \"prepare-token\"\ntoken = \"tag-1\"\nminutes = 10\n\n";
    let late = text(SEALED).replacen(step, "", 1).replacen(
        "[[act.step]]\ndo = \"give-shares\"",
        &format!("{step}[[act.step]]\ndo = \"give-shares\""),
        1,
    );
    let said = of_rule(&late);
    assert!(said.iter().any(|(what, step)| what.contains("Prepare the YubiKey before") && step.is_some()), "{said:?}");

    // On paper and on the screen people read where it stays.
    let paper = officiant::ceremony::print::markdown(&read::script(text(SEALED).as_bytes()).expect("a script"), &good);
    assert!(
        paper.contains("made at random and not kept on it") && paper.contains("sealed to the same identity"),
        "{paper}"
    );
}

/// Ana's YubiKey fails when the backup is sealed and in custody, and a spare takes its place. The management key of the spare goes to the
/// same shares: from memory, or where that is gone from the pages that custodians type.
fn a_spare_takes_its_place(control: &Control, after_a_resume: bool) {
    let spare = "[[token]]\nalias = \"ana-2\"\nholder = \"ana\"\ntag = \"grey\"\nmodule = \"hsm\"\nso-pin = \"kai\"\nspare-for = \"ana-1\"\n\n[collection]";
    let text = text(SEALED).replacen("[collection]", spare, 1);
    assert!(check(&read::script(text.as_bytes()).expect("a script")).holds());
    let mut people = People::of(&script("dct-genesis-backup"));
    pins(&mut people, &["ana-1", "bo-1", "tag-1", "ana-2"]);
    let mut room = begun_in(&place(), &inputs(), &text, people, driver::trust(control));
    room.until(|pending, _| matches!(pending, Pending::Do(Operation::PutKey { .. })));
    if after_a_resume {
        room = resumed(room, control);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::PutKey { .. })));
    }
    control.eject(0);
    assert!(room.perform().is_err());
    room.aside(AsideKind::Substitute, &[Answer::Picked(0), Answer::Text("it does not answer".into())]);
    room.until(|pending, _| matches!(pending, Pending::Do(Operation::SealManagementKey { .. })));
    let asked = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&asked);
    room.other_secret = Box::new(move |request| {
        *seen.lock().unwrap() += usize::from(request.what == SecretKind::ShareRow);
        None
    });
    room.perform().expect("sealed");
    assert_eq!(*asked.lock().unwrap(), if after_a_resume { 3 * 8 } else { 0 }, "rows of pages");
    room.other_secret = Box::new(|_| None);
    room.finish();
    holds(&room, control);
    let sealed = sealed(&room);
    assert_eq!(sealed.iter().map(|(alias, _)| alias.as_str()).collect::<Vec<_>>(), ["ana-1", "bo-1", "tag-1", "ana-2"]);
    let (file, key) = (room.place.join("b").join(&sealed[3].1), set_in(&control.trace(3)).remove(0));
    match opened_by_a_stranger(&file, &set_of(&room), &[1, 3, 4]) {
        Some(text) => assert!(text.contains(&hex(&key)) && text.contains("serial: 7150004"), "{text}"),
        None => eprintln!("skipped: age or python3 is not here"),
    }
}

fn four() -> Setup {
    Setup::of(&[("5.7.1", 7_150_001), ("5.7.1", 7_150_002), ("5.7.4", 7_150_003), ("5.7.4", 7_150_004)])
}

#[test]
fn a_spare_yubikeys_management_key_goes_to_the_shares_that_are_in_memory() {
    let name = "a_spare_yubikeys_management_key_goes_to_the_shares_that_are_in_memory";
    on_yubikeys(name, &four(), |control| a_spare_takes_its_place(control, false));
}

#[test]
fn a_spare_yubikeys_management_key_goes_to_the_shares_that_custodians_type() {
    let name = "a_spare_yubikeys_management_key_goes_to_the_shares_that_custodians_type";
    on_yubikeys(name, &four(), |control| a_spare_takes_its_place(control, true));
}
