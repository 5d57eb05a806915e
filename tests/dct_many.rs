//! Three hundred repositories at one sitting: the program ends in the middle and goes on, a token and a medium fail in the middle, and
//! whatever is tampered with is not signed, or told afterwards.
#![cfg(feature = "online")]

mod ceremony_support;
mod dct_support;
mod peers;
mod support;

use std::{
    cell::Cell,
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use ceremony_support::{Room, record};
use dct_support::{ALL, Plan, Publisher};
use officiant::{
    ceremony::{
        Pending,
        event::Event,
        operation::{Operation, Trouble},
        participants::Alias,
        prompt::Scene,
    },
    digest::Digest,
    fault::{Error, FaultKind},
    rules::Rule,
    secret::SecretKind,
    token::pkcs11::rehearsal::Rehearsal,
    transcript,
};
use peers::notary::{self, Keys};
use support::{alone, on_softhsm};

const MANY: usize = 300;

fn guns(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("docker.io/example/app-{number:03}")).collect()
}

fn genesis(publisher: &Publisher, count: usize) -> Plan {
    let guns = guns(count);
    let guns: Vec<&str> = guns.iter().map(String::as_str).collect();
    publisher
        .plan("dct-genesis", "new", &guns)
        .fresh("ana-1")
        .fresh("tag-1")
        .root(1, &["ana-1"])
        .certified(Some(ALL), &["ana-1"])
        .tagging(&["tag-1"])
}

fn signs(pending: &Pending) -> bool {
    matches!(pending, Pending::Do(Operation::SignBatch { .. }))
}

fn signatures(room: &Room) -> usize {
    room.count(|event| matches!(event, Event::RepositorySigned { .. }))
}

/// Each payload is signed by each token once, and clients of a few repositories are content.
fn a_good_end(publisher: &Publisher, mut room: Room, count: usize) {
    publisher.finishes(&mut room);
    let each: BTreeSet<_> = room
        .events()
        .filter_map(|event| match event {
            Event::RepositorySigned { alias, payload, .. } => Some((alias, payload)),
            _ => None,
        })
        .collect();
    assert_eq!((signatures(&room), each.len()), (count + 1, count + 1));
    let said = publisher.publish(&room.place);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.out.contains(&format!("{count} published")), "{}", said.out);
    let client = publisher.client("client");
    for number in [0, count / 2, count - 1] {
        assert!(client.list(&guns(count)[number]).expect("a client").is_empty());
    }
}

#[test]
fn three_hundred_repositories_are_signed_although_the_program_ends_twice_in_the_middle() {
    let test = "three_hundred_repositories_are_signed_although_the_program_ends_twice_in_the_middle";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let mut room = publisher.begins("genesis", &genesis(&publisher, MANY));
        room.until(|pending, _| signs(pending));
        let asked = Rc::new(Cell::new(0));
        let count = |room: &mut Room| {
            let asked = Rc::clone(&asked);
            room.other_secret = Box::new(move |request| {
                assert_eq!(request.what, SecretKind::UserPin);
                asked.set(asked.get() + 1);
                None
            });
        };
        count(&mut room);
        for _ in 0..2 {
            room.perform().expect("64 signatures");
        }
        assert_eq!((signatures(&room), asked.get()), (128, 1), "one login for all of them");
        let ana: Alias = "ana-1".to_owned().try_into().expect("an alias");
        let share = |room: &Room| room.ceremony().repositories().batch().share_of(&ana);
        assert_eq!(share(&room), (MANY, 128));

        // The power goes between two groups.
        let mut room = publisher.again(room);
        room.until(|pending, _| signs(pending) || matches!(pending, Pending::InDoubt(_)));
        assert_eq!(share(&room), (MANY, 128));
        count(&mut room);
        // And after the token signed a group, before that was written.
        let job = room.runner.intend().expect("an intent").expect("an operation");
        assert_eq!(job.signables.len(), 64);
        let _lost = room.do_job(&job);
        let mut room = publisher.again(room);
        count(&mut room);
        room.until(|_, ceremony| ceremony.repositories().batch().is_signed_by(&ana));
        assert_eq!((share(&room), asked.get()), ((MANY, MANY), 3), "one login after each start");
        room.other_secret = Box::new(|_| None);
        a_good_end(&publisher, room, MANY);
    });
}

/// The same on SoftHSM behind the shim, which fails as its control file says.
fn behind_the_shim(test: &str, body: impl FnOnce(&Publisher, Room)) {
    if !notary::installed() {
        return;
    }
    let prepare = |folder: &Path| {
        let rehearsal = Rehearsal::prepare(folder, None).expect("SoftHSM is installed");
        vec![
            rehearsal.environment(),
            (pkcs11_shim::MODULE, rehearsal.module.into_os_string()),
            (pkcs11_shim::CONTROL, folder.join("control").into_os_string()),
        ]
    };
    alone(test, prepare, || {
        let shim = std::env::current_exe().expect("this program").with_file_name("libpkcs11_shim.so");
        let tokens = Rehearsal::again(&support::folder(), Some(&shim)).expect("the parent prepared it");
        let publisher = Publisher::new(&tokens, Keys::Local);
        let mut room = publisher.begins("genesis", &genesis(&publisher, 100));
        room.until(|pending, _| signs(pending));
        body(&publisher, room);
    });
}

fn control(lines: &str) {
    fs::write(support::folder().join("control"), lines).expect("the control file");
}

#[test]
fn a_token_that_is_pulled_in_the_middle_of_a_batch_goes_on_where_it_stopped() {
    behind_the_shim(
        "a_token_that_is_pulled_in_the_middle_of_a_batch_goes_on_where_it_stopped",
        |publisher, mut room| {
            control("fail C_Sign 70+ 0x32");
            while matches!(room.ceremony().pending(), Pending::Do(_) | Pending::InDoubt(_)) {
                room.perform().expect("a group, or the trouble is recorded");
            }
            assert!(matches!(room.trouble(), Trouble::Fault(fault) if fault.kind == FaultKind::TokenLost));
            assert_eq!(signatures(&room), 69, "what was signed before it was pulled counts");
            control("");
            room.word("AGAIN");
            a_good_end(publisher, room, 100);
        },
    );
}

#[test]
fn a_signature_of_a_batch_that_is_wrong_by_one_bit_counts_for_nothing() {
    behind_the_shim("a_signature_of_a_batch_that_is_wrong_by_one_bit_counts_for_nothing", |publisher, mut room| {
        control("corrupt 3");
        room.perform().expect("the trouble is recorded");
        assert!(matches!(room.trouble(), Trouble::Refused(refusal) if refusal.rule == Rule::SignatureVerifies));
        assert_eq!(signatures(&room), 0);
        control("");
        room.word("AGAIN");
        a_good_end(publisher, room, 100);
    });
}

#[test]
fn a_medium_that_fails_in_the_middle_of_a_batch_is_left_behind() {
    let test = "a_medium_that_fails_in_the_middle_of_a_batch_is_left_behind";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let mut room = publisher.begins("genesis", &genesis(&publisher, 100));
        room.until(|pending, _| signs(pending));
        room.perform().expect("a group");
        record::fills_up(&room.place.join("b"));
        room.perform().expect("the other medium has it");
        assert_eq!(room.count(|event| matches!(event, Event::MediumFailed { .. })), 1);
        assert_eq!(room.runner.media().len(), 1);
        a_good_end(&publisher, room, 100);
    });
}

fn payload(place: &Path, medium: &str) -> PathBuf {
    let folder = place.join(medium).join("payloads");
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("payloads").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.remove(0)
}

#[test]
fn a_payload_that_was_tampered_with_is_not_signed_and_that_of_the_other_medium_is() {
    let test = "a_payload_that_was_tampered_with_is_not_signed_and_that_of_the_other_medium_is";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let mut room = publisher.begins("genesis", &genesis(&publisher, 20));
        room.until(|pending, _| signs(pending));
        let (one, other) = (payload(&room.place, "a"), payload(&room.place, "b"));
        let whole = fs::read(&one).expect("a payload");
        let evil = String::from_utf8(whole.clone()).expect("UTF-8").replace("\"version\":1", "\"version\":2");
        for path in [&one, &other] {
            fs::write(path, &evil).expect("a file");
        }
        // Some token owes it: whoever it is, nothing is signed before it is put right.
        let refused = loop {
            match room.turn() {
                Ok(()) => {}
                Err(Error::Refused(refusal)) => break refusal,
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(refused.rule, Rule::BytesMatchHash);
        let of_evil = Digest::of(evil.as_bytes());
        assert!(
            !room.events().any(|event| matches!(event, Event::RepositorySigned { payload, .. } if payload == of_evil))
        );
        fs::write(&other, &whole).expect("a file");
        room.until_scene(|scene| matches!(scene, Scene::Plain { .. } | Scene::WriteDown { .. } | Scene::Swap { .. }));
        fs::write(&one, &whole).expect("a file");
        a_good_end(&publisher, room, 20);
    });
}

/// Changes a file of a copy of the record, and returns the rules that then say no.
fn tampered(from: &Path, name: &str, change: impl FnOnce(&Path)) -> Vec<Rule> {
    let copy = from.with_extension("tampered");
    let _ = fs::remove_dir_all(&copy);
    record::copy(from, &copy);
    let file = copy.join(name);
    assert!(file.is_file(), "{name}");
    change(&file);
    let audit = record::again(&copy);
    assert!(!audit.holds(), "{name}: nobody noticed");
    audit.refused.iter().map(|found| found.refusal.rule).collect()
}

fn first_in(folder: &Path, name: &str) -> String {
    let mut files: Vec<_> =
        fs::read_dir(folder.join(name)).expect("a folder").map(|entry| entry.expect("an entry")).collect();
    files.sort_by_key(fs::DirEntry::file_name);
    format!("{name}/{}", files[0].file_name().to_string_lossy())
}

#[test]
fn whatever_of_a_record_is_tampered_with_afterwards_is_told() {
    let test = "whatever_of_a_record_is_tampered_with_afterwards_is_told";
    if !notary::installed() {
        return;
    }
    on_softhsm(test, |tokens| {
        let publisher = Publisher::new(tokens, Keys::Local);
        let room = publisher.holds("genesis", &genesis(&publisher, 20));
        let record = room.place.join("a");
        // A second machine makes the list of payloads that people read back with nothing but coreutils.
        let batch = first_in(&record, "batches");
        let list = std::process::Command::new("sh").args(["-c", "sha256sum payloads/*"]).current_dir(&record).output();
        let list = String::from_utf8(list.expect("coreutils").stdout).expect("UTF-8");
        assert_eq!(fs::read_to_string(record.join(&batch)).expect("the list"), list);
        assert_eq!(batch, format!("batches/{}", Digest::of(list.as_bytes())));
        assert_eq!(list.lines().count(), 21);

        let flip = |path: &Path| {
            let mut bytes = fs::read(path).expect("a file");
            let at = bytes.len() / 2;
            bytes[at] ^= 1;
            fs::write(path, bytes).expect("a file");
        };
        let gone = |path: &Path| fs::remove_file(path).expect("it was there");
        let bundle = first_in(&record, "publish/repositories");
        let (payload, inputs) = (first_in(&record, "payloads"), first_in(&record, "inputs"));
        for (name, rule) in [
            (payload.as_str(), Rule::BytesMatchHash),
            (inputs.as_str(), Rule::ManifestComplete),
            (batch.as_str(), Rule::ManifestComplete),
            (&format!("{bundle}/root.json"), Rule::ManifestComplete),
            (&format!("{bundle}/bundle.json"), Rule::ManifestComplete),
            ("publish/MANIFEST", Rule::ManifestComplete),
            ("keys/ana-1.pem", Rule::ManifestComplete),
            ("script.toml", Rule::ScriptDigest),
            (transcript::FILE, Rule::TranscriptChain),
        ] {
            let rules = tampered(&record, name, flip);
            assert!(rules.contains(&rule), "{name}: {rules:?}");
            assert!(
                !tampered(&record, name, |path| fs::write(
                    path,
                    [fs::read(path).expect("it").as_slice(), b"\n"].concat()
                )
                .expect("a file"))
                .is_empty()
            );
            if name != "script.toml" && name != transcript::FILE {
                assert!(!tampered(&record, name, gone).is_empty());
            }
        }
        // A line that was altered with care, and every line after it chained anew: the engine decides otherwise.
        let rules = tampered(&record, transcript::FILE, |path| {
            let text = fs::read_to_string(path).expect("a transcript");
            let (mut changed, mut last, mut lines) = (false, None, String::new());
            for line in text.lines() {
                let (stamp, event) = rewritten(line, last, &mut changed);
                last = Some(stamp);
                lines.push_str(&event);
            }
            assert!(changed, "a signature was exchanged");
            fs::write(path, lines).expect("a file");
        });
        assert!(rules.contains(&Rule::ManifestComplete) && rules.len() > 1, "{rules:?}");
    });
}

/// The entry of a line written anew behind `last`, with the first signature of a batch given to another repository.
fn rewritten(
    line: &str,
    last: Option<officiant::ceremony::event::Stamp>,
    changed: &mut bool,
) -> (officiant::ceremony::event::Stamp, String) {
    let value: serde_json::Value = serde_json::from_str(line).expect("a line");
    let at = officiant::utc::Utc::parse(value["at"].as_str().expect("an instant")).expect("an instant");
    let mut event: Event = serde_json::from_value(value["event"].clone()).expect("an event");
    if let Event::RepositorySigned { gun, .. } = &mut event
        && !*changed
    {
        *gun = officiant::transfer::Gun::parse("docker.io/example/app-019").expect("a name");
        *changed = true;
    }
    let written = transcript::write(last, at, &event).expect("a line that can be read");
    (written.stamp, String::from_utf8(written.line).expect("UTF-8"))
}
