//! Other people keep the shares of a key that one token wrapped for another: a blank token unwraps it out of its old file, and wraps it anew under
//! another key-encryption key. In whole ceremonies on SoftHSM, cut at every moment, with a module that lies.

mod canary_support;
mod ceremony_support;
mod memory_support;
mod shim_support;
mod support;

use std::fs;

use canary_support::{Canary, files_with, memory_with, share};
use ceremony_support::{
    People, Room,
    cuts::Moments,
    later::{brings, later, made_wrapped},
    paper, record, script, text,
};
use officiant::{
    backup::{Gathering, Sealed, Set},
    ceremony::{
        Pending,
        backups::SealedBackup,
        check::check,
        event::Event,
        operation::{Operation, Trouble, Wrapping},
        participants::Alias,
        prompt::{Answer, AsideKind, Scene},
        script::{Script, read},
    },
    digest::Digest,
    rules::Rule,
    token::{
        KeySelector, LastTry, PinEntry, Token as _, User, Wrap as _,
        pkcs11::{self, TokenUri, rehearsal::Rehearsal},
        quirks::Trust,
    },
    tuf::key::Key,
};
use shim_support::{control, goes_at_each, on_shim};
use support::on_softhsm;

const CHANGE: &str = "change-custodians-wrapped";

fn offline() -> Alias {
    "offline".to_owned().try_into().expect("a short name")
}

fn is_wrapping(pending: &Pending, is_it: fn(&Wrapping) -> bool) -> bool {
    matches!(pending, Pending::Do(Operation::Wrapping(wrapping)) if is_it(wrapping))
}

fn until_reopened(room: &mut Room) {
    room.until(|pending, _| is_wrapping(pending, |wrapping| matches!(wrapping, Wrapping::Reopen { .. })));
}

fn wrapped(room: &Room) -> Vec<SealedBackup> {
    let wrapped = room.events().filter_map(|event| match event {
        Event::KeyWrapped { sealed, .. } => Some(sealed),
        _ => None,
    });
    wrapped.collect()
}

fn old_set(room: &Room) -> Set {
    room.ceremony().backups().kept(&offline()).expect("the old set came in").clone()
}

fn is_refused(room: &Room, rule: Rule, said: &str) -> bool {
    match room.trouble() {
        Trouble::Refused(refusal) => refusal.rule == rule && refusal.what.contains(said),
        _ => false,
    }
}

/// What is really on the tokens at the end: the key, closed, and no key-encryption key that there was.
fn the_tokens_hold_the_key_and_nothing_else(tokens: &Rehearsal, room: Room, what: &str) {
    let mut keks: Vec<Digest> = room
        .events()
        .filter_map(|event| match event {
            Event::KekMade { kek, .. } => Some(kek),
            _ => None,
        })
        .collect();
    keks.push(old_set(&room).fingerprint);
    let key = room.ceremony().backups().get(&offline()).expect("a key").key.clone();
    let pins: Vec<_> = ["ana-2", "dora-2"].map(|alias| (alias, room.people.pins[alias].user.clone())).into();
    drop(room);
    pkcs11::close_all();
    for (alias, user_pin) in pins {
        let uri = TokenUri { label: Some(alias.into()), ..support::module_uri(tokens) };
        let mut token = pkcs11::open(&uri, Trust::shipped()).expect("the token");
        token.login(User::User, PinEntry::Typed(&support::pin(&user_pin)), LastTry::Keep).expect("log in");
        let there: Vec<_> = token.public_keys().expect("keys").into_iter().map(|seen| seen.public).collect();
        assert_eq!(there, [Ok(key.public().clone())], "{what}: {alias}");
        for kek in &keks {
            let gone = token.remove_kek(kek).expect("it can be looked for");
            assert!(gone.seen.starts_with("0 destroyed"), "{what}: {alias}: {}", gone.seen);
        }
        let found = token.find_key(&KeySelector::Public(key.public().clone())).expect("the key");
        assert_eq!(found.attributes.extractable, Some(false), "{what}: {alias}");
    }
}

fn comes_to_its_end(room: &Room, what: &str) {
    let backups = room.ceremony().backups();
    let backup = backups.get(&offline()).expect("a key");
    assert!(backup.proven && backup.wiped && backup.is_in_custody(), "{what}");
    let kek = backups.wrapped(&offline()).expect("it was wrapped");
    assert!(kek.open.is_none() && kek.keks.is_empty() && !kek.lost, "{what}: {kek:?}");
    let kept = backups.opened(&offline()).expect("the old one");
    assert!(kept.keks.is_empty(), "{what}: {kept:?}");
    assert_eq!(kept.key.as_ref(), Some(&backup.key), "{what}: the same key");
    let end = backups.end_of(&offline());
    assert!(end.gone() >= kept.set.scheme.to_destroy() && end.judged, "{what}: {end:?}");
    assert_ne!(backup.sealed.as_ref().expect("a file").set.fingerprint, kept.set.fingerprint, "{what}: another KEK");
}

#[test]
fn change_custodians_wrapped() {
    on_softhsm("change_custodians_wrapped", |tokens| {
        let mut room = Room::rehearse(tokens, CHANGE);
        room.finish();
        for medium in ["a", "b"] {
            record::holds(&room.place.join(medium));
        }
        comes_to_its_end(&room, "in the end");
        let reopened = room.events().find_map(|event| match event {
            Event::BackupUnwrapped { alias, set, attributes, passed, .. } => Some((alias, set, attributes, passed)),
            _ => None,
        });
        let (alias, set, attributes, passed) = reopened.expect("the old backup was opened");
        assert_eq!((alias.as_str(), set), ("ana-2", old_set(&room).id()));
        assert_eq!(attributes.extractable, Some(true), "until it is closed");
        for rule in [
            Rule::WrappingSafe,
            Rule::WrappingTrusted,
            Rule::KekReadsBack,
            Rule::WrappedKeyProven,
            Rule::KekGone,
            Rule::BackupOpens,
            Rule::ShareFits,
        ] {
            assert!(passed.iter().any(|passed| passed.rule == rule), "{rule}");
        }
        assert!(
            passed.iter().any(|passed| passed.seen.contains("CKA_EXTRACTABLE true, CKA_WRAP_WITH_TRUSTED true")),
            "{passed:?}"
        );
        let report = fs::read_to_string(room.place.join("a/report.html")).expect("a report");
        for said in ["to be wrapped anew, not generated on this token", "never: the key came to it from outside"] {
            assert!(report.contains(said), "{said}");
        }
        // Nothing secret of the key was ever on this machine: what came into memory are key-encryption keys.
        assert_eq!(room.count(|event| matches!(event, Event::KeyMade { .. } | Event::BackupOpened { .. })), 0);
        the_tokens_hold_the_key_and_nothing_else(tokens, room, "in the end");
    });
}

#[test]
fn the_key_of_a_real_genesis_gets_other_custodians_and_its_old_backup_is_known_to_be_dead() {
    let test = "the_key_of_a_real_genesis_gets_other_custodians_and_its_old_backup_is_known_to_be_dead";
    on_softhsm(test, |tokens| {
        let made = made_wrapped(tokens);
        let file = made.file;
        let with_its_files = |text: String| {
            text.replace("way = \"wrapped\"\nway = \"wrapped\"\n", "way = \"wrapped\"\n")
                .replace("[[kept]]\nway = \"wrapped\"\nname = \"offline\"\n", "[[kept]]\nname = \"offline\"\n")
                .replace("kept/offline-wrapped.set.json", "offline.set.json")
                .replace("kept/offline.wrapped", file)
                .replace("kept/copy/offline.wrapped", &format!("copy/{file}"))
        };
        let mut room = later(tokens, &made, CHANGE, &with_its_files);
        until_reopened(&mut room);
        brings(&mut room, &[5, 2, 4]);
        room.perform().expect("enough old shares");
        room.other_secret = Box::new(|_| None);
        room.finish();
        for medium in ["a", "b"] {
            record::holds(&room.place.join(medium));
        }
        comes_to_its_end(&room, "in the end");
        let backup = room.ceremony().backups().get(&offline()).expect("a key");
        assert_eq!(backup.key.public(), made.key.public(), "the key that the first token has");
        let mut status = std::process::Command::new(env!("CARGO_BIN_EXE_officiant"));
        status.args(["backup", "status", "--json", "--at", "2029-12-04T00:00:00Z"]);
        let ran = status.args([&made.record, &room.place.join("a")]).output().expect("it runs");
        let status: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("JSON");
        let health: Vec<_> = status.as_array().expect("sets").iter().map(|set| set["health"].as_str()).collect();
        assert_eq!(health, [Some("dead"), Some("green")], "{status}");
        the_tokens_hold_the_key_and_nothing_else(tokens, room, "in the end");
    });
}

/// The world before and after each operation about the key, with the transcript as it then was.
fn moments(room: &mut Room) -> Moments {
    let mut moments = Moments::default();
    let of_it = |pending: &Pending| {
        matches!(
            pending,
            Pending::Do(
                Operation::ReadInput { .. }
                    | Operation::Wrapping(_)
                    | Operation::GiveShare { index: 1 | 5, .. }
                    | Operation::CheckShare { index: 1, .. }
            )
        )
    };
    room.until(|pending, _| is_wrapping(pending, |wrapping| matches!(wrapping, Wrapping::MakeKek { .. })));
    while room.ended().is_none() {
        match of_it(&room.ceremony().pending()) {
            true => moments.around_an_operation(room),
            false => room.turn().unwrap_or_else(|error| panic!("{error:?}")),
        }
    }
    moments
}

/// Goes on as people do who type AGAIN where the last operation was not done, and DESTROYED where something is to be destroyed.
fn finished(room: &mut Room, what: &str) {
    let begun = room.entries().len();
    while room.ended().is_none() {
        let at = room.position();
        assert!(room.ceremony().stamp().seq < begun as u64 + 500, "{what}: it turns in a circle at {at}");
        match room.ceremony().pending() {
            Pending::Ask(prompt) if matches!(prompt.scene, Scene::Trouble { .. }) => {
                let Scene::Trouble { trouble, .. } = prompt.scene else { unreachable!() };
                assert!(trouble.words().contains("was not done"), "{what}: {}", trouble.words());
                room.word("AGAIN");
            }
            _ => room.turn().unwrap_or_else(|error| panic!("{what}: {error:?}")),
        }
    }
    officiant::perform::record::finish(&room.runner).expect("a manifest");
}

#[test]
fn a_change_that_is_cut_at_any_moment_is_finished_or_begun_again_and_no_key_encryption_key_stays() {
    let test = "a_change_that_is_cut_at_any_moment_is_finished_or_begun_again_and_no_key_encryption_key_stays";
    on_softhsm(test, |tokens| {
        let mut room = Room::rehearse(tokens, CHANGE);
        let people = room.people.clone();
        let moments = moments(&mut room);
        assert!(moments.len() >= 10 * 3, "{}", moments.len());
        drop(room);
        let mut given_up = 0;
        for moment in moments.iter() {
            let what = &moment.what;
            let mut room = moment.resumed(tokens, &people);
            finished(&mut room, what);
            comes_to_its_end(&room, what);
            given_up += room.count(|event| matches!(event, Event::BackupDiscarded { .. }));
            for medium in ["a", "b"] {
                record::holds(&room.place.join(medium));
            }
            the_tokens_hold_the_key_and_nothing_else(tokens, room, what);
        }
        assert!(given_up >= 9, "{given_up} of {} moments", moments.len());
    });
}

#[test]
fn what_was_reopened_goes_from_its_token_before_it_is_opened_again() {
    on_softhsm("what_was_reopened_goes_from_its_token_before_it_is_opened_again", |tokens| {
        let mut room = Room::rehearse(tokens, CHANGE);
        until_reopened(&mut room);
        room.perform().expect("it is opened");
        let known = room.ceremony().backups().wrapped(&offline()).expect("it").clone();
        assert_eq!((known.open.as_ref(), known.reopened.as_ref()), (known.touched.first(), known.touched.first()));
        let mut room = room.again(tokens);
        room.until(|pending, _| is_wrapping(pending, |wrapping| matches!(wrapping, Wrapping::Clear { .. })));
        room.until_scene(|scene| matches!(scene, Scene::List { .. }));
        let Scene::List { title, .. } = room.prompt().scene else { panic!("a list") };
        assert!(title.contains("The old shares open the old file as before"), "{title}");
        assert_eq!(ceremony_support::later::keys_on(tokens, "ana-2", Some(&room.people.pins["ana-2"].user)), 0);
        room.word("DESTROYED");
        room.finish();
        record::holds(&room.place.join("a"));
        assert_eq!(room.count(|event| matches!(event, Event::BackupUnwrapped { .. })), 2);
        comes_to_its_end(&room, "the second");
    });
}

#[test]
fn whoever_stops_for_good_is_told_that_the_key_can_still_be_wrapped() {
    on_softhsm("whoever_stops_for_good_is_told_that_the_key_can_still_be_wrapped", |tokens| {
        let mut room = Room::rehearse(tokens, CHANGE);
        until_reopened(&mut room);
        room.perform().expect("it is opened");
        room.until(|pending, _| matches!(pending, Pending::Ask(_)));
        room.aside(AsideKind::Abandon, &[text("the machine is not to be trusted")]);
        let account = room.events().find_map(|event| match event {
            Event::Abandoned { account, .. } => Some(account.join("\n")),
            _ => None,
        });
        let account = account.expect("an account");
        assert!(account.contains("On ana-2 it can still be wrapped"), "{account}");
    });
}

#[test]
fn a_first_token_that_fails_before_the_new_shares_are_read_back_is_replaced_and_the_old_backup_opened_again() {
    let test =
        "a_first_token_that_fails_before_the_new_shares_are_read_back_is_replaced_and_the_old_backup_opened_again";
    on_softhsm(test, |tokens| {
        let path = script(CHANGE);
        let spare = "[[token]]\nalias = \"ana-3\"\nholder = \"ana\"\ntag = \"grey\"\nmodule = \"hsm\"\nso-pin = \"kai\"\nspare-for = \"ana-2\"\n\n[[kept]]\n";
        let mut people = People::of(&path);
        people.pins.insert("ana-3".into(), people.pins["ana-2"].clone());
        let with_a_spare = fs::read_to_string(&path).expect("a shipped script").replacen("[[kept]]\n", spare, 1);
        let mut room = Room::rehearse_text(tokens, with_a_spare.as_bytes(), people, None);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::GiveShare { index: 2, .. })));
        drop(room.runner.intend().expect("an intent"));
        room.say(Answer::Failed(Trouble::NobodyAnswered { secret: "share".into() }));
        room.aside(AsideKind::Substitute, &[Answer::Picked(0), text("ana-2 fell into the water")]);
        room.until_scene(|scene| matches!(scene, Scene::List { .. }));
        let Scene::List { lines, .. } = room.prompt().scene else { panic!("a list") };
        assert!(lines.iter().any(|line| line.contains("which was replaced and may hold offline")), "{lines:?}");
        room.word("DESTROYED");
        room.finish();
        record::holds(&room.place.join("a"));
        assert_eq!(wrapped(&room).len(), 2);
        comes_to_its_end(&room, "the spare");
    });
}

#[test]
fn a_token_that_lies_or_goes_in_the_middle_ends_with_one_key_wrapped_anew() {
    on_shim("a_token_that_lies_or_goes_in_the_middle_ends_with_one_key_wrapped_anew", |tokens| {
        let mut room = Room::rehearse(tokens, CHANGE);
        until_reopened(&mut room);
        for (lines, rule) in [
            ("leak", Rule::WrappingSafe),
            ("turn 0x162", Rule::WrappingSafe),
            // It knows no trusted wrapping keys, and the script does not declare that.
            ("fail C_GenerateKeyPair 5+ 0x12", Rule::WrappingTrusted),
        ] {
            control(lines);
            room.perform().expect("the trouble is recorded");
            control("");
            assert!(is_refused(&room, rule, ""), "{lines}: {}", room.trouble().words());
            room.word("AGAIN");
        }
        let calls = ["C_UnwrapKey", "C_SignInit", "C_DestroyObject", "C_CreateObject"];
        let failed = goes_at_each(&mut room, &calls);
        assert!(failed >= 6, "{failed}");
        room.finish();
        record::holds(&room.place.join("a"));
        comes_to_its_end(&room, "in the end");
        the_tokens_hold_the_key_and_nothing_else(tokens, room, "in the end");
    });
}

#[test]
fn nothing_secret_is_left_of_a_wrapped_key_that_got_other_custodians() {
    on_softhsm("nothing_secret_is_left_of_a_wrapped_key_that_got_other_custodians", |tokens| {
        let mut room = Room::rehearse(tokens, CHANGE);
        let mut debug = String::new();
        while room.ended().is_none() {
            debug.push_str(&format!("{:?}", room.ceremony().pending()));
            room.turn().unwrap_or_else(|error| panic!("at {}: {error:?}", room.position()));
        }
        debug.push_str(&format!("{:?}", room.entries()));
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        let (place, sealed) = (room.place.clone(), wrapped(&room).remove(0));
        let key: Key = room.ceremony().backups().get(&offline()).expect("a key").key.clone();
        let set = sealed.set.id();
        drop(room);
        pkcs11::close_all();
        let mut canaries = canary_support::of_pages(&set, [1, 5]);
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).expect("our own process");
        // Before anything of the test itself has held them.
        assert_eq!(memory_with(&canaries), [] as [String; 0]);
        {
            let mut gathering = Gathering::of(sealed.set.clone());
            for index in [1, 3, 5] {
                gathering.add(share(&set, index)).expect("it fits");
            }
            let kek = gathering.kek().expect("a key-encryption key");
            canaries.push(Canary::of("the new key-encryption key", kek.material().expose()));
            let file = Sealed::read(fs::read(place.join("a").join(&sealed.file.name)).expect("the file"));
            let opened = file.expect("a file").wrapped().expect("a wrapped key").open(&kek).expect("it opens");
            let (private, _) = opened.trusted(&key).expect("the key");
            canaries.push(Canary::of("the key", private.material().expose()));
        }
        let mut both: Vec<Canary> = canaries.iter().map(Canary::reversed).collect();
        both.extend(canaries);
        let held = paper::typed(&both.last().expect("a canary").1).expect("memory can be locked");
        assert_eq!(memory_with(&both).len(), 1, "the search finds what is there, and nothing else");
        drop(held);
        assert_eq!(memory_with(&both), [] as [String; 0]);
        let mut found = vec![];
        files_with(&both, &place, &mut found);
        assert_eq!(found, [] as [String; 0]);
        assert!(!both.iter().any(|Canary(_, turned)| memory_support::holds(debug.as_bytes(), turned)));
    });
}

#[test]
fn a_script_that_would_do_it_otherwise_is_refused_and_says_how() {
    let shipped = fs::read_to_string(script(CHANGE)).expect("a shipped script");
    let script = |text: &str| -> Script { read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}")) };
    let whole = check(&script(&shipped));
    assert!(whole.holds(), "{whole}");
    let step = |kind: &str| {
        let at = shipped.find(&format!("do = \"{kind}\"\nname = \"offline\"\n")).expect("the step");
        let begin = shipped[..at].rfind("[[act.step]]").expect("its head");
        let end = shipped[at..].find("\n\n").expect("its end") + at + 2;
        shipped[begin..end].to_owned()
    };
    let refused = |text: &str, rule: Rule, said: &str| {
        let checked = check(&script(text));
        let named = checked.findings.iter().any(|finding| finding.rule == Some(rule) && finding.what.contains(said));
        assert!(!checked.holds() && named, "{said}: {checked}");
    };
    // The old key-encryption key is not split again, and no new key is made in the place of the old one.
    let without = shipped.replacen(&step("open-backup"), "", 1);
    refused(&without, Rule::ScriptHolds, "this ceremony writes no metadata that would name it");
    refused(&without, Rule::ScriptHolds, "The script has no step `open-backup`");
    // Opened on one token, and wrapped on another.
    let elsewhere = shipped.replacen(&step("open-backup"), &step("open-backup").replace("ana-2", "dora-2"), 1);
    refused(
        &elsewhere,
        Rule::ScriptHolds,
        "The old backup of offline is opened on dora-2, and ana-2 is to wrap the key",
    );
    // Before the new key-encryption key is there, to which the ceremony goes back.
    let early = shipped.replacen(&step("open-backup"), "", 1);
    let early = early.replacen(&step("make-kek"), &(step("open-backup") + &step("make-kek")), 1);
    refused(&early, Rule::ScriptHolds, "the key-encryption key of offline was made");
    // What becomes of the old shares is said; and they stay until the key is closed.
    refused(&shipped.replacen("old-shares = \"destroy\"\n", "", 1), Rule::OldSharesDead, "does not say what becomes");
    let too_early = shipped.replacen(&step("close-key"), "", 1);
    refused(&too_early, Rule::ScriptHolds, "offline can leave its first token no more");
    // On a YubiKey, never.
    let on_yubikeys = shipped.replace("/usr/lib/softhsm/libsofthsm2.so", "yubikey:");
    refused(&on_yubikeys, Rule::WrappingSafe, "A YubiKey wraps no keys, and unwraps none: ana-2");
    let wrong = |from: &str, to: &str| {
        assert!(shipped.contains(from), "{from}");
        read::script(shipped.replacen(from, to, 1).as_bytes()).expect_err("wrong").what
    };
    let opens = "do = \"open-backup\"\nname = \"offline\"\ntoken = \"ana-2\"\n";
    assert!(wrong(&step("make-kek"), "").contains("no step make-key"), "nothing is split");
    let in_memory =
        shipped.replacen(&step("make-kek"), "", 1).replacen(opens, "do = \"open-backup\"\nname = \"offline\"\n", 1);
    let what = read::script(in_memory.as_bytes()).expect_err("wrong").what;
    assert!(what.contains("needs the field token: a token unwraps it, to wrap it anew"), "{what}");
    assert!(wrong("way = \"wrapped\"\nfile", "file").contains("has no field token"));
    assert!(
        wrong("[backup]\nway = \"wrapped\"", "[backup]\nway = \"software-born\"").contains("belongs to another way")
    );
}
