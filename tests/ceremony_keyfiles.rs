//! Whole ceremonies on SoftHSM in which an existing root key comes home from its file, and a tagging key goes out in one.

mod ceremony_support;
mod keyfile_support;
mod support;

use std::{fs, path::Path, sync::Arc};

use ceremony_support::{
    People, Pins, Room,
    home::{TAGGING, in_production, people, text},
    record, secret,
};
use keyfile_support::{open, passphrase};
use officiant::{
    ceremony::{
        Ceremony, Pending,
        check::{Severity, check},
        event::Event,
        operation::{Operation, Trouble},
        prompt::Scene,
        replay::decide_again,
        script::{Script, read},
    },
    device::KeyAttributes,
    digest::Digest,
    keyfile::{Headers, KeyFile, PrivateKey, write},
    rules::Rule,
    runner::Ended,
    secret::SecretKind,
    token::pkcs11::rehearsal::Rehearsal,
    tuf::{dialect::Dialect, key::KeyId},
};
use serde_json::Value;
use support::on_softhsm;

fn script(text: &str) -> Script {
    read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
}

const PAPER: &str = "9cd5e09331afacd14b615b2b65b22359cb23b4cb7e93275d6181a34a3057fa07";

fn rehearse(tokens: &Rehearsal) -> Room {
    Room::rehearse_text(tokens, text("/media/stick/root.key", PAPER).as_bytes(), people(), None)
}

fn is_import(pending: &Pending) -> bool {
    matches!(pending, Pending::Do(Operation::ImportKey { .. }))
}

fn is_hand_over(pending: &Pending) -> bool {
    matches!(pending, Pending::Do(Operation::HandOverKey { .. }))
}

/// The root that was signed, and the fingerprint of the key in the file that was handed over.
fn results(place: &Path) -> (Value, KeyId) {
    let root = fs::read(place.join("a/metadata/1.root.json")).expect("the root");
    assert_eq!(root, fs::read(place.join("b/metadata/1.root.json")).expect("the root"));
    let file = place.join("a/keys/tagging.key");
    assert_eq!(fs::read(&file).unwrap(), fs::read(place.join("b/keys/tagging.key")).unwrap());
    let key = open(&file, TAGGING);
    (serde_json::from_slice(&root).expect("JSON"), Dialect::Tuf1.key(key.public()).unwrap().id())
}

#[test]
fn one_key_comes_home_to_two_tokens_and_a_tagging_key_goes_out() {
    on_softhsm("one_key_comes_home_to_two_tokens_and_a_tagging_key_goes_out", |tokens| {
        let mut room = rehearse(tokens);
        room.until_scene(|scene| matches!(scene, Scene::Review(_)));
        let Scene::Review(sheet) = room.prompt().scene else { panic!("a sheet") };
        let names: Vec<_> = sheet.keys.iter().map(|key| key.name.as_str()).collect();
        assert!(names[0].starts_with("ONE KEY on 2 tokens: ") && names[0].contains("(token two)"), "{names:?}");
        assert!(names.contains(&"Sam Ferreira (key file)"), "{names:?}");
        room.finish();
        assert_eq!(room.ended(), Some(Ended::Closed));
        for medium in ["a", "b"] {
            record::holds(&room.place.join(medium));
        }
        let brought: Vec<_> = room.events().filter(|event| matches!(event, Event::KeyBroughtIn { .. })).collect();
        let [Event::KeyBroughtIn { canonical_id, attributes, .. }, Event::KeyBroughtIn { passed, .. }] = &brought[..]
        else {
            panic!("two tokens got it")
        };
        assert_eq!(attributes.never_extractable, Some(false), "and the record says so");
        assert!(
            passed
                .iter()
                .any(|p| p.rule == Rule::KeyCountedOnce && p.seen == "two and one hold one key, which counts once")
        );
        let (root, tagging) = results(&room.place);
        let of = |role: &str| root["signed"]["roles"][role]["keyids"].as_array().unwrap().clone();
        assert_eq!((of("root").len(), of("targets")), (1, vec![Value::from(tagging.as_str())]));

        // Of the file that came home the record holds its name, and nothing else.
        let inputs = room.place.join("a/rehearsal/inputs/media/stick/root.key");
        let pem = fs::read_to_string(&inputs).expect("the throw-away file");
        let digest = Digest::of(pem.as_bytes()).to_string();
        let line = pem.lines().nth(5).expect("a line of base64").to_owned();
        for (name, bytes) in everything(&room.place.join("b")) {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(&line) && !text.contains(&digest), "{name}");
        }
        let report = fs::read_to_string(room.place.join("b/report.html")).expect("a report");
        assert!(report.contains("not generated on this token") && report.contains(canonical_id.as_str()));
        assert!(report.contains("keys/tagging.key"));
    });
}

fn everything(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(everything(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).expect("a file")));
        }
    }
    found
}

#[test]
fn check_knows_what_a_script_with_key_files_asks_for() {
    let good = script(&text("root.key", PAPER));
    let checked = check(&good);
    let errors: Vec<_> = checked.findings.iter().filter(|f| f.severity == Severity::Error).collect();
    assert!(errors.iter().all(|finding| finding.rule == Some(Rule::ThresholdLeavesSpare)), "{errors:#?}");
    assert!(checked.findings.iter().any(|finding| finding.what.starts_with("one and two hold one key")));
    assert!(!checked.findings.iter().any(|finding| finding.what.contains("does not sign the first root")));
    assert!(checked.materials.iter().any(|material| material.what.contains("key file root.key")));
    for (from, to, wrong) in [
        ("threshold = 1\nkeys = [\"one\"", "threshold = 2\nkeys = [\"one\"", "1 different keys"),
        ("keyid = \"9cd5", "#", "keyid is missing"),
        ("file = \"root.key\"", "file = \"../root.key\"", "without .."),
        ("gun = \"registry", "#", "needs a GUN"),
        ("keeper = \"sam\"", "keeper = \"max\"", "max"),
        ("keys = [\"tagging\"]", "keys = [\"other\"]", "no [[key]] and no step hand-over-key"),
        ("name = \"tagging\"", "name = \"snapshot\"", "stands twice"),
        ("role = \"targets\"\ngun", "role = \"targets\"\nfile = \"x\"\ngun", "has no field file"),
    ] {
        let changed = text("root.key", PAPER).replace(from, to);
        let error = read::script(changed.as_bytes()).err().unwrap_or_else(|| panic!("{to} was read")).to_string();
        assert!(error.contains(wrong), "{error}");
    }
    // The role's key is made before the draft, or the script does not hold.
    let (before, after) = text("root.key", PAPER)
        .split_once("[[act.step]]\ndo = \"hand-over-key\"")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let (step, rest) = after.split_once("[[act]]").unwrap();
    let (rest, last) = rest.split_once("[[act.step]]\ndo = \"export\"").unwrap();
    let late = format!(
        "{before}[[act]]{rest}[[act.step]]\ndo = \"hand-over-key\"{}[[act.step]]\ndo = \"export\"{last}",
        step.split("# ---").next().unwrap()
    );
    assert!(check(&script(&late)).findings.iter().any(|finding| finding.rule == Some(Rule::ScriptHolds)));
}

#[test]
fn a_wrong_passphrase_another_key_or_a_torn_file_puts_nothing_on_the_token() {
    on_softhsm("a_wrong_passphrase_another_key_or_a_torn_file_puts_nothing_on_the_token", |tokens| {
        let mut room = rehearse(tokens);
        room.until(|pending, _| is_import(pending));
        let file = room.place.join("a/rehearsal/inputs/media/stick/root.key");
        let right = fs::read(&file).expect("the file");
        let fails = |room: &mut Room, part: &str| {
            room.perform().unwrap();
            let trouble = room.trouble();
            assert!(trouble.words().contains(part), "{}", trouble.words());
            room.word("AGAIN");
            trouble
        };
        room.other_secret = Box::new(|request| {
            assert_ne!(request.what, SecretKind::UserPin, "no PIN is asked for");
            Some(Some(secret("not the passphrase")))
        });
        fails(&mut room, "the passphrase is wrong");
        room.other_secret = Box::new(|request| {
            assert_ne!(request.what, SecretKind::UserPin, "no PIN is asked for");
            None
        });
        fs::write(&file, &right[..right.len() / 2]).unwrap();
        fails(&mut room, "damaged");
        let other = PrivateKey::generate_p256().unwrap();
        let other = write(&other, &Headers::new("root", None).unwrap(), &passphrase("rehearsal-passphrase")).unwrap();
        fs::write(&file, &other).unwrap();
        let trouble = fails(&mut room, "is not the one that the script means");
        assert!(matches!(trouble, Trouble::Refused(refusal) if refusal.rule == Rule::KeyOnPaper));
        // Several keys: the one that is meant is found.
        fs::write(&file, [other.as_bytes(), &right].concat()).unwrap();
        room.other_secret = Box::new(|_| None);
        room.finish();
        record::holds(&room.place.join("a"));
        results(&room.place);
    });
}

#[test]
fn after_a_crash_the_token_tells_whether_the_key_is_there() {
    on_softhsm("after_a_crash_the_token_tells_whether_the_key_is_there", |tokens| {
        let mut room = rehearse(tokens);
        room.until(|pending, _| is_import(pending));
        // The intent is on the disk, and nothing was done.
        room.runner.intend().unwrap().expect("a job");
        let mut room = room.again(tokens);
        room.until(|pending, _| matches!(pending, Pending::InDoubt(_)));
        room.perform().unwrap();
        assert!(room.trouble().words().contains("no key of that name"), "{}", room.trouble().words());
        room.word("AGAIN");
        // It was done, and its answer was lost. Nobody has to find the file again.
        room.until(|pending, _| is_import(pending));
        let job = room.runner.intend().unwrap().expect("a job");
        drop(room.do_job(&job));
        fs::remove_file(room.place.join("a/rehearsal/inputs/media/stick/root.key")).unwrap();
        let mut room = room.again(tokens);
        room.until(|pending, _| matches!(pending, Pending::InDoubt(_)));
        room.perform().unwrap();
        assert_eq!(room.count(|event| matches!(event, Event::KeyBroughtIn { .. })), 1);
    });
}

#[test]
fn after_a_crash_a_key_that_is_handed_over_is_in_its_file_or_nowhere() {
    on_softhsm("after_a_crash_a_key_that_is_handed_over_is_in_its_file_or_nowhere", |tokens| {
        let mut room = rehearse(tokens);
        room.until(|pending, _| is_hand_over(pending));
        room.runner.intend().unwrap().expect("a job");
        let mut room = room.again(tokens);
        room.until(|pending, _| matches!(pending, Pending::InDoubt(_)));
        room.perform().unwrap();
        assert!(room.trouble().words().contains("the key was in memory only"), "{}", room.trouble().words());
        room.word("AGAIN");
        // The first medium has it whole, the second a part, and the answer was lost.
        room.until(|pending, _| is_hand_over(pending));
        let job = room.runner.intend().unwrap().expect("a job");
        drop(room.do_job(&job));
        let (a, b) = (room.place.join("a/keys/tagging.key"), room.place.join("b/keys/tagging.key"));
        let whole = fs::read(&a).expect("the file");
        fs::write(&b, &whole[..100]).unwrap();
        let mut room = room.again(tokens);
        room.until(|pending, _| matches!(pending, Pending::InDoubt(_)));
        room.other_secret = Box::new(|request| {
            assert_eq!(request.what, SecretKind::Passphrase, "no new one is asked for");
            Some(Some(secret("another horse")))
        });
        room.perform().unwrap();
        assert!(room.trouble().words().contains("the passphrase is wrong"));
        room.word("AGAIN");
        room.other_secret = Box::new(|_| None);
        room.finish();
        assert_eq!(fs::read(&b).unwrap(), whole);
        results(&room.place);
        record::holds(&room.place.join("b"));
    });
}

#[test]
fn a_passphrase_that_is_short_or_mistyped_is_not_taken_and_a_foreign_file_is_not_overwritten() {
    on_softhsm("a_passphrase_that_is_short_or_mistyped_is_not_taken_and_a_foreign_file_is_not_overwritten", |tokens| {
        let mut room = rehearse(tokens);
        room.until(|pending, _| is_hand_over(pending));
        let again = |room: &mut Room, part: &str| {
            room.perform().unwrap();
            assert!(room.trouble().words().contains(part), "{}", room.trouble().words());
            room.word("AGAIN");
        };
        room.other_secret = Box::new(|_| Some(Some(secret("short"))));
        again(&mut room, "shorter than 12 bytes");
        room.other_secret =
            Box::new(|request| (request.what == SecretKind::NewPassphraseAgain).then(|| Some(secret("another horse"))));
        again(&mut room, "the two entries differ");
        room.other_secret = Box::new(|request| request.what.is_passphrase().then_some(None));
        again(&mut room, "new passphrase was not given");
        room.other_secret = Box::new(|_| None);
        let file = room.place.join("b/keys/tagging.key");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "somebody else's").unwrap();
        again(&mut room, "OUTPUT-FRESH");
        assert_eq!(fs::read_to_string(&file).unwrap(), "somebody else's");
        // It is moved away, and the key that was made goes there too: nobody chooses a passphrase again.
        fs::rename(&file, file.with_extension("old")).unwrap();
        room.other_secret = Box::new(|request| {
            assert!(!request.what.is_passphrase());
            None
        });
        room.perform().unwrap();
        fs::remove_file(file.with_extension("old")).unwrap();
        room.other_secret = Box::new(|_| None);
        room.finish();
        results(&room.place);
    });
}

#[test]
fn the_key_of_a_published_root_is_brought_to_a_fresh_token_and_signs_the_next_one() {
    on_softhsm("the_key_of_a_published_root_is_brought_to_a_fresh_token_and_signs_the_next_one", |tokens| {
        let path = ceremony_support::script("rotate-root");
        let text = fs::read_to_string(&path).expect("the shipped script");
        let (before, after) =
            text.split_once("[[act.step]]\ndo = \"open-token\"\ntoken = \"ana-1\"\n").expect("the step");
        let (rest, after) = after.split_once("\n[[act.step]]").expect("the next");
        let home = ["prepare-token", "import-key", "drill-token"].map(|kind| {
            let file = if kind == "import-key" { "file = \"keys/root.key\"\n" } else { "" };
            format!("[[act.step]]\ndo = \"{kind}\"\ntoken = \"ana-1\"\n{file}\n")
        });
        let text = format!("{before}{}{}[[act.step]]{after}", home.concat(), if rest.is_empty() { "" } else { "\n" });
        let mut people = People::of(&path);
        people.pins.insert("ana-1".into(), Pins { user: "ana-1-user-pin".into(), so: "ana-1-so-pin".into() });
        let mut room = Room::rehearse_text(tokens, text.as_bytes(), people, None);
        room.finish();
        record::holds(&room.place.join("a"));
        let brought = room.events().find(|event| matches!(event, Event::KeyBroughtIn { .. })).expect("it came home");
        assert!(brought.passed().iter().any(|p| p.rule == Rule::KeyOnPaper && p.seen.ends_with("the published root")));
    });
}

#[test]
fn the_offline_key_of_a_stock_client_comes_home_in_production_or_skipped() {
    on_softhsm("the_offline_key_of_a_stock_client_comes_home_in_production_or_skipped", |tokens| {
        let Some(vectors) = keyfile_support::vectors() else {
            return eprintln!("skipped: no ../shared/vectors beside the checkout");
        };
        let file = vectors.join(format!("notary/stock/trust/private/{PAPER}.key")).canonicalize().expect("the file");
        let mut people = people();
        let path = file.to_str().expect("a plain path").to_owned();
        people.passphrases.insert(path, "rootpass-lab".into());
        let mut room = in_production(tokens, &file, PAPER, people);
        room.finish();
        record::holds(&room.place.join("a"));
        let (root, _) = results(&room.place);
        let key = open(&file, "rootpass-lab");
        let keyid = Dialect::Tuf1.key(key.public()).unwrap().id();
        assert_eq!(root["signed"]["roles"]["root"]["keyids"][0], Value::from(keyid.as_str()));
        let handed = KeyFile::load(&room.place.join("b/keys/tagging.key")).unwrap();
        assert_eq!(handed.keys()[0].gun.as_deref(), Some("registry.example/solo-shop"));
    });
}

#[test]
fn a_record_that_says_another_key_or_a_looser_token_is_found_out() {
    on_softhsm("a_record_that_says_another_key_or_a_looser_token_is_found_out", |tokens| {
        let mut room = rehearse(tokens);
        room.until_scene(|scene| matches!(scene, Scene::Review(_)));
        let other = Dialect::Tuf1.key(PrivateKey::generate_p256().unwrap().public()).unwrap();
        let mut before = Ceremony::begin(Arc::clone(room.ceremony().script()));
        let mut asked = 0;
        for (stamp, event) in &room.entries() {
            let rule = |event: &Event| {
                let decided = decide_again(&before, event, stamp.at, &|_| None);
                decided.map(|_| ()).map_err(|refusal| refusal.rule)
            };
            if let Event::KeyBroughtIn { attributes, .. } = event {
                asked += 1;
                assert_eq!(rule(event), Ok(()));
                let mut changed = event.clone();
                let Event::KeyBroughtIn { key, .. } = &mut changed else { unreachable!() };
                *key = other.clone();
                assert_eq!(rule(&changed), Err(Rule::KeyOnPaper));
                let mut changed = event.clone();
                let loose = KeyAttributes { extractable: Some(true), ..*attributes };
                let Event::KeyBroughtIn { attributes, .. } = &mut changed else { unreachable!() };
                *attributes = loose;
                assert_eq!(rule(&changed), Err(Rule::KeyNotExtractable));
            }
            if let Event::KeyHandedOver { .. } = event {
                asked += 1;
                assert_eq!(rule(event), Ok(()));
                let mut changed = event.clone();
                let Event::KeyHandedOver { key, .. } = &mut changed else { unreachable!() };
                *key = other.clone();
                assert_eq!(rule(&changed), Err(Rule::KeyPossession));
            }
            before.apply(*stamp, event);
        }
        assert_eq!(asked, 3);
        assert_eq!(
            room.ceremony().token(&"one".to_owned().try_into().unwrap()).imported_from.as_deref(),
            Some("/media/stick/root.key")
        );
        let account = officiant::ceremony::outline::account(room.ceremony());
        assert!(account[0].contains("destroy /media/stick/root.key and every copy"), "{account:?}");
    });
}
