//! A key that one token wrapped for another is restored from its file and its shares in a later ceremony: a drill, a restore after a loss,
//! the replacement of a token. The host never holds the key, and no key-encryption key stays on a token.

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
    later::{Made, brings, keys_on, later, made_wrapped},
    paper, record, script, text,
};
use officiant::{
    backup::{Gathering, Sealed, split_kek},
    ceremony::{
        Pending,
        check::check,
        event::Event,
        operation::{Operation, Trouble, Wrapping},
        prompt::{Answer, AsideKind, Scene},
        script::read,
    },
    digest::Digest,
    keyfile::Kek,
    rules::Rule,
    token::{
        KeySelector, LastTry, PinEntry, Token as _, User, Wrap as _,
        pkcs11::{self, TokenUri, rehearsal::Rehearsal},
        quirks::Trust,
    },
};
use shim_support::{control, goes_at_each, on_shim};
use support::on_softhsm;

const DRILL: &str = "restore-drill-wrapped";

fn is_restoring(pending: &Pending) -> bool {
    matches!(pending, Pending::Do(Operation::Wrapping(Wrapping::RestoreKey { .. })))
}

fn until_restored(room: &mut Room) {
    room.until(|pending, _| is_restoring(pending));
}

fn is_refused(room: &Room, rule: Rule, said: &str) -> bool {
    match room.trouble() {
        Trouble::Refused(refusal) => refusal.rule == rule && refusal.what.contains(said),
        _ => false,
    }
}

fn unwrapped(room: &Room) -> Vec<(String, Vec<u8>)> {
    let unwrapped = room.events().filter_map(|event| match event {
        Event::KeyUnwrapped { alias, shares, .. } => Some((alias.to_string(), shares)),
        _ => None,
    });
    unwrapped.collect()
}

/// Whether the token holds this key, closed, and no key-encryption key; nothing of either where `key` is none.
fn holds(tokens: &Rehearsal, label: &str, pin: &str, kek: &Digest, key: Option<&officiant::tuf::key::Key>) {
    pkcs11::close_all();
    let uri = TokenUri { label: Some(label.into()), ..support::module_uri(tokens) };
    let mut token = pkcs11::open(&uri, Trust::shipped()).expect("the token");
    token.login(User::User, PinEntry::Typed(&support::pin(pin)), LastTry::Keep).expect("log in");
    let gone = token.remove_kek(kek).expect("it can be looked for");
    assert!(gone.seen.starts_with("0 destroyed"), "{label}: {}", gone.seen);
    let there: Vec<_> = token.public_keys().expect("keys").into_iter().map(|seen| seen.public).collect();
    assert_eq!(there, key.map(|key| Ok(key.public().clone())).into_iter().collect::<Vec<_>>(), "{label}");
    if let Some(key) = key {
        let found = token.find_key(&KeySelector::Public(key.public().clone())).expect("the key");
        assert_eq!(found.attributes.extractable, Some(false), "{label}");
    }
}

#[test]
fn a_drill_unwraps_the_key_of_a_real_ceremony_and_leaves_an_empty_token_and_a_card() {
    let test = "a_drill_unwraps_the_key_of_a_real_ceremony_and_leaves_an_empty_token_and_a_card";
    on_softhsm(test, |tokens| {
        let made = made_wrapped(tokens);
        let mut room = later(tokens, &made, "restore-drill", &|text| text);
        brings(&mut room, &[5, 2, 4]);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::EraseToken { .. })));
        room.other_secret = Box::new(|_| None);
        let pin = room.people.pins["drill-1"].user.clone();
        assert_eq!(keys_on(tokens, "drill-1", Some(&pin)), 2, "the pair, until it is wiped, and no other object");
        let asked = |rule: Rule| room.events().any(|event| event.passed().iter().any(|passed| passed.rule == rule));
        for rule in [
            Rule::BytesMatchHash,
            Rule::KeyOnPaper,
            Rule::ShareFits,
            Rule::WrappingSafe,
            Rule::WrappingTrusted,
            Rule::KekReadsBack,
            Rule::KeyNotExtractable,
            Rule::WrappedKeyProven,
            Rule::KekGone,
            Rule::BackupOpens,
            Rule::KeyPossession,
        ] {
            assert!(asked(rule), "{rule}");
        }
        room.finish();
        for medium in ["a", "b"] {
            record::holds(&room.place.join(medium));
        }
        assert_eq!(unwrapped(&room), [("drill-1".to_owned(), vec![2, 4, 5])]);
        assert_eq!(keys_on(tokens, "drill-1", None), 0, "nothing is left on it");
        let card = fs::read_to_string(room.place.join("a/card.html")).expect("a card");
        for said in [
            "File of the wrapped key",
            "2 (Uma Iyer), 4 (Rui Almeida), 5 (Mae Okonkwo)",
            "restored from shares 2, 4 and 5; it unwrapped the key itself",
            "wiped, and seen to hold no key",
            "1 and 3",
        ] {
            assert!(card.contains(said), "no “{said}” in {card}");
        }
        let mut status = std::process::Command::new(env!("CARGO_BIN_EXE_officiant"));
        status.args(["backup", "status", "--json", "--at", "2029-12-04T00:00:00Z"]);
        let ran = status.args([&made.record, &room.place.join("a")]).output().expect("it runs");
        let status: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("JSON");
        assert_eq!(status[0]["restored_from"], serde_json::json!([2, 4, 5]), "{status}");
        assert_eq!(status[0]["health"], "green", "{status}");
    });
}

#[test]
fn what_does_not_belong_is_named_and_nothing_of_it_comes_to_a_token() {
    let test = "what_does_not_belong_is_named_and_nothing_of_it_comes_to_a_token";
    on_softhsm(test, |tokens| {
        let made = made_wrapped(tokens);
        let mut room = later(tokens, &made, "restore", &|text| text);
        // The first copy is cut short, the second is good.
        let good = fs::read(made.inputs.join(made.file)).expect("the file");
        fs::write(made.inputs.join(made.file), &good[..good.len() - 40]).expect("cut short");
        room.until(
            |pending, _| matches!(pending, Pending::Do(Operation::ReadInput { file, .. }) if file == "offline.wrapped"),
        );
        let refused = room.perform().expect_err("a damaged file");
        assert_eq!(refused.refusal().expect("a rule").rule, Rule::BytesMatchHash);
        room.word("AGAIN");
        until_restored(&mut room);

        // A share of another set, one that is here already: each is named, and no token was touched.
        let foreign = split_kek(&Kek::fresh().expect("a KEK"), made.sealed.set.scheme, &made.key.id()).expect("shares");
        let other = foreign.set.id();
        room.other_secret = Box::new(move |request| {
            let row = request.row.as_ref()?;
            Some(foreign.shares[0].row(usize::from(row.row)).ok())
        });
        room.perform().expect("the trouble is recorded");
        assert!(is_refused(&room, Rule::ShareFits, &other), "{:?}", room.trouble());
        room.word("AGAIN");
        brings(&mut room, &[3, 3, 3]);
        room.perform().expect("the trouble is recorded");
        assert!(is_refused(&room, Rule::ShareFits, "Share 3 is here already."), "{:?}", room.trouble());
        room.word("AGAIN");
        let pin = room.people.pins["ana-2"].user.clone();
        assert_eq!(keys_on(tokens, "ana-2", Some(&pin)), 0, "nothing was put on it");
        brings(&mut room, &[3, 1, 4]);
        room.perform().expect("enough shares");
        until_restored(&mut room);
        brings(&mut room, &[2, 1, 4]);
        room.perform().expect("enough shares");
        room.other_secret = Box::new(|_| None);
        room.finish();
        record::holds(&room.place.join("a"));
        assert_eq!(unwrapped(&room), [("ana-2".to_owned(), vec![1, 3, 4]), ("bo-2".to_owned(), vec![1, 2, 4])]);
        let pins: Vec<_> = ["ana-2", "bo-2"].map(|alias| (alias, room.people.pins[alias].user.clone())).into();
        drop(room);
        for (alias, pin) in pins {
            holds(tokens, alias, &pin, &made.sealed.set.fingerprint, Some(&made.key));
        }
    });
}

/// The file of the wrapped key with a change in one place, pinned by the script that follows.
fn spoil(made: &Made, change: impl FnOnce(String) -> String) {
    let path = made.inputs.join(made.file);
    let text = fs::read_to_string(&path).expect("the file");
    let changed = change(text.clone());
    assert_ne!(changed, text);
    fs::write(path, changed).expect("written");
}

#[test]
fn a_file_that_is_pinned_and_wrong_opens_nothing_and_leaves_nothing_on_the_token() {
    let test = "a_file_that_is_pinned_and_wrong_opens_nothing_and_leaves_nothing_on_the_token";
    on_softhsm(test, |tokens| {
        let made = made_wrapped(tokens);
        let path = made.inputs.join(made.file);
        let good = fs::read_to_string(&path).expect("the file");
        let again = |alias: &str, spoilt: &dyn Fn(String) -> String, says: &dyn Fn(&Room)| {
            fs::write(&path, &good).expect("written");
            spoil(&made, spoilt);
            let mut room = later(tokens, &made, "restore-drill", &|text| text.replace("drill-1", alias));
            let pins = room.people.pins["drill-1"].clone();
            room.people.pins.insert(alias.into(), pins);
            until_restored(&mut room);
            brings(&mut room, &[1, 2, 3]);
            room.perform().expect("the trouble is recorded");
            says(&room);
            let pin = room.people.pins["drill-1"].user.clone();
            let place = room.place.clone();
            drop(room);
            holds(tokens, alias, &pin, &made.sealed.set.fingerprint, None);
            pkcs11::close_all();
            fs::remove_dir_all(place).expect("a record");
        };
        // Cut: refused before anybody types.
        again("drill-1", &|text| text.replace("-----END WRAPPED KEY-----\n", ""), &|room| {
            assert!(is_refused(room, Rule::BackupOpens, "cut short"), "{:?}", room.trouble());
        });
        // Of another set.
        let fingerprint = made.sealed.set.fingerprint.to_string();
        again("drill-2", &|text| text.replace(&fingerprint, &"ab".repeat(32)), &|room| {
            assert!(is_refused(room, Rule::BackupOpens, "another key-encryption key"), "{:?}", room.trouble());
        });
        // Of another key, as it says.
        let spki = |pem: &str| pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
        let own = spki(&made.key.public().to_spki_pem().expect("PEM"));
        let other = officiant::keyfile::PrivateKey::generate_p256().expect("a key");
        let other = spki(&other.public().to_spki_pem().expect("PEM"));
        again("drill-3", &|text| text.replace(&own, &other), &|room| {
            assert!(is_refused(room, Rule::BackupOpens, "of another key than the trusted key"), "{:?}", room.trouble());
        });
        // Altered where nobody can see it: the token refuses to unwrap it.
        let turned = |text: String| {
            let at = text.find("-----BEGIN WRAPPED KEY-----\n").expect("the key") + 30;
            let swapped = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{}{swapped}{}", &text[..at], &text[at + 1..])
        };
        again("drill-4", &turned, &|room| {
            let Trouble::Fault(fault) = room.trouble() else { panic!("{:?}", room.trouble()) };
            assert!(fault.cause.contains("altered"), "{fault}");
        });
    });
}

#[test]
fn a_token_is_replaced_by_one_that_unwraps_the_key_and_then_the_old_one_is_wiped() {
    let test = "a_token_is_replaced_by_one_that_unwraps_the_key_and_then_the_old_one_is_wiped";
    on_softhsm(test, |tokens| {
        let made = made_wrapped(tokens);
        let mut room = later(tokens, &made, "replace-token", &|text| text);
        brings(&mut room, &[1, 2, 4]);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::EraseToken { .. })));
        assert_eq!(room.count(|event| matches!(event, Event::KeyDrilled { .. })), 1, "the new one was proven before");
        room.other_secret = Box::new(|_| None);
        room.finish();
        record::holds(&room.place.join("a"));
        assert_eq!(keys_on(tokens, "ana-1", None), 0);
        let pin = room.people.pins["ana-2"].user.clone();
        drop(room);
        holds(tokens, "ana-2", &pin, &made.sealed.set.fingerprint, Some(&made.key));
    });
}

#[test]
fn a_set_of_the_other_way_is_refused_when_it_comes_in_and_says_what_the_script_would_say() {
    let test = "a_set_of_the_other_way_is_refused_when_it_comes_in_and_says_what_the_script_would_say";
    on_softhsm(test, |tokens| {
        let made = made_wrapped(tokens);
        let unsaid = |text: String| text.replace("way = \"wrapped\"\n", "");
        let mut room = later(tokens, &made, "restore-drill", &unsaid);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::ReadInput { .. })));
        let refused = room.perform().expect_err("another way");
        let refusal = refused.refusal().expect("a rule");
        assert_eq!(refusal.rule, Rule::BackupOpens);
        assert!(refusal.remedy.contains("way = \"wrapped\""), "{refusal:?}");
    });
}

/// The world before and after each operation that touches a file or a token, with the transcript as it then was.
fn moments(room: &mut Room) -> Moments {
    let mut moments = Moments::default();
    while room.ended().is_none() {
        let of_it = matches!(
            room.ceremony().pending(),
            Pending::Do(
                Operation::ReadInput { .. }
                    | Operation::Wrapping(_)
                    | Operation::Drill { .. }
                    | Operation::LookAtToken { .. }
                    | Operation::EraseToken { .. }
            )
        );
        match of_it {
            true => moments.around_an_operation(room),
            false => room.turn().unwrap_or_else(|error| panic!("{error:?}")),
        }
    }
    moments
}

#[test]
fn a_drill_that_is_cut_at_any_moment_leaves_no_key_and_no_key_encryption_key() {
    let test = "a_drill_that_is_cut_at_any_moment_leaves_no_key_and_no_key_encryption_key";
    on_softhsm(test, |tokens| {
        let mut room = Room::rehearse(tokens, DRILL);
        let people = room.people.clone();
        let moments = moments(&mut room);
        assert!(moments.len() >= 6 * 3, "{}", moments.len());
        drop(room);
        let mut cleared = 0;
        for moment in moments.iter() {
            let what = &moment.what;
            let mut room = moment.resumed(tokens, &people);
            while room.ended().is_none() {
                let before = room.count(|event| matches!(event, Event::WrappingCleared { .. }));
                match room.ceremony().pending() {
                    Pending::Ask(prompt) if matches!(prompt.scene, Scene::Trouble { .. }) => {
                        let Scene::Trouble { trouble, .. } = prompt.scene else { unreachable!() };
                        assert!(trouble.words().contains("was not done"), "{what}: {}", trouble.words());
                        room.word("AGAIN");
                    }
                    _ => room.turn().unwrap_or_else(|error| panic!("{what}: {error:?}")),
                }
                // What a try left is gone before anybody is asked to type a share again.
                if room.count(|event| matches!(event, Event::WrappingCleared { .. })) > before {
                    let (_, kept) = room.ceremony().backups().all_opened().next().expect("a backup");
                    assert!(kept.keks.is_empty() && kept.restored.is_empty(), "{what}: {kept:?}");
                    assert_eq!(keys_on(tokens, "drill-1", Some(&people.pins["drill-1"].user)), 0, "{what}");
                    assert!(matches!(room.ceremony().pending(), Pending::Ask(_)), "{what}: custodians are asked for");
                    cleared += 1;
                }
            }
            assert_eq!(room.count(|event| matches!(event, Event::KeyUnwrapped { .. })), 1, "{what}");
            assert_eq!(room.count(|event| matches!(event, Event::TokenErased { .. })), 1, "{what}");
            officiant::perform::record::finish(&room.runner).expect("a manifest");
            for medium in ["a", "b"] {
                record::holds(&room.place.join(medium));
            }
            assert_eq!(keys_on(tokens, "drill-1", None), 0, "{what}");
        }
        assert_eq!(cleared, 2, "intended, and done and nobody told");
    });
}

#[test]
fn whoever_stops_a_drill_in_the_middle_wipes_the_token_and_with_it_the_key_encryption_key() {
    let test = "whoever_stops_a_drill_in_the_middle_wipes_the_token_and_with_it_the_key_encryption_key";
    on_softhsm(test, |tokens| {
        let mut room = Room::rehearse(tokens, DRILL);
        until_restored(&mut room);
        drop(room.runner.intend().expect("an intent"));
        room.say(Answer::Failed(Trouble::NobodyAnswered { secret: "user PIN".into() }));
        room.aside(AsideKind::Abandon, &[text("the machine is not to be trusted")]);
        let kept = |room: &Room| room.ceremony().backups().all_opened().next().expect("a backup").1.clone();
        assert_eq!(kept(&room).keks.len(), 1, "from the intent on it may be there");
        room.finish();
        assert!(kept(&room).keks.is_empty());
        assert_eq!(keys_on(tokens, "drill-1", None), 0);
        let account = room.events().find_map(|event| match event {
            Event::Abandoned { account, .. } => Some(account.join("\n")),
            _ => None,
        });
        assert!(!account.expect("an account").contains("may hold the key-encryption key"));
    });
}

#[test]
fn a_token_that_was_replaced_in_the_middle_stands_on_the_card_with_what_it_may_hold() {
    on_softhsm("a_token_that_was_replaced_in_the_middle_stands_on_the_card_with_what_it_may_hold", |tokens| {
        let path = script(DRILL);
        let spare = "[[token]]\nalias = \"drill-2\"\nholder = \"ana\"\ntag = \"grey\"\nmodule = \"hsm\"\nso-pin = \"kai\"\nspare-for = \"drill-1\"\n\n# What the ceremony left";
        let shipped = fs::read_to_string(&path).expect("a shipped script");
        let mut people = People::of(&path);
        people.pins.insert("drill-2".into(), people.pins["drill-1"].clone());
        let with_a_spare = shipped.replacen("# What the ceremony left", spare, 1);
        let mut room = Room::rehearse_text(tokens, with_a_spare.as_bytes(), people, None);
        until_restored(&mut room);
        drop(room.runner.intend().expect("an intent"));
        room.say(Answer::Failed(Trouble::NobodyAnswered { secret: "user PIN".into() }));
        room.aside(AsideKind::Substitute, &[Answer::Picked(0), text("drill-1 fell into the water")]);
        room.finish();
        record::holds(&room.place.join("a"));
        assert_eq!(unwrapped(&room), [("drill-2".to_owned(), vec![1, 2, 3])]);
        let card = fs::read_to_string(room.place.join("a/card.html")).expect("a card");
        assert!(card.contains("drill-1, which was replaced, may hold the key-encryption key of offline"), "{card}");
    });
}

#[test]
fn a_token_that_lies_or_goes_in_the_middle_of_a_restore_ends_with_the_key_and_nothing_else() {
    let test = "a_token_that_lies_or_goes_in_the_middle_of_a_restore_ends_with_the_key_and_nothing_else";
    on_shim(test, |tokens| {
        let mut room = Room::rehearse(tokens, DRILL);
        until_restored(&mut room);
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
        let (_, kept) = room.ceremony().backups().all_opened().next().expect("a backup");
        let (kek, key, empty) = (kept.set.fingerprint, kept.key.clone(), kept.keks.is_empty());
        assert!(empty, "{kept:?}");
        let pin = room.people.pins["drill-1"].user.clone();
        drop(room);
        holds(tokens, "drill-1", &pin, &kek, key.as_ref());
    });
}

#[test]
fn nothing_secret_is_left_of_a_wrapped_key_that_was_restored() {
    on_softhsm("nothing_secret_is_left_of_a_wrapped_key_that_was_restored", |tokens| {
        let made = made_wrapped(tokens);
        let mut room = later(tokens, &made, "restore-drill", &|text| text);
        brings(&mut room, &[5, 2, 4]);
        let mut debug = String::new();
        while room.ended().is_none() {
            debug.push_str(&format!("{:?}", room.ceremony().pending()));
            room.turn().unwrap_or_else(|error| panic!("at {}: {error:?}", room.position()));
        }
        debug.push_str(&format!("{:?}", room.entries()));
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        let (place, set) = (room.place.clone(), made.sealed.set.id());
        drop(room);
        pkcs11::close_all();
        let mut canaries = canary_support::of_pages(&set, [2, 4, 5]);
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).expect("our own process");
        // Before anything of the test itself has held them.
        assert_eq!(memory_with(&canaries), [] as [String; 0]);
        {
            let mut gathering = Gathering::of(made.sealed.set.clone());
            for index in [1, 3, 5] {
                gathering.add(share(&set, index)).expect("it fits");
            }
            let kek = gathering.kek().expect("a key-encryption key");
            canaries.push(Canary::of("the key-encryption key", kek.material().expose()));
            let file = Sealed::read(fs::read(made.inputs.join(made.file)).expect("the file")).expect("a file");
            let opened = file.wrapped().expect("a wrapped key").open(&kek).expect("it opens");
            let (private, _) = opened.trusted(&made.key).expect("the key");
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
fn shares_of_a_key_encryption_key_are_read_once_a_year_as_others_are() {
    on_softhsm("shares_of_a_key_encryption_key_are_read_once_a_year_as_others_are", |tokens| {
        let path = script("share-check");
        let real = path.with_file_name("kept/offline-wrapped.set.json");
        let shipped = fs::read_to_string(&path).expect("a shipped script");
        let pinned = Digest::of(&fs::read(path.with_file_name("kept/offline.set.json")).expect("a set")).to_string();
        let own = Digest::of(&fs::read(real).expect("a set")).to_string();
        let of_wrapped =
            shipped.replace("kept/offline.set.json", "kept/offline-wrapped.set.json").replace(&pinned, &own);
        assert_ne!(of_wrapped, shipped);
        let mut room = Room::rehearse_text(tokens, of_wrapped.as_bytes(), People::of(&path), None);
        room.finish();
        record::holds(&room.place.join("a"));
        assert!(room.count(|event| matches!(event, Event::ShareChecked { .. })) >= 3);
        let (_, kept) = room.ceremony().backups().all_opened().next().expect("a set");
        assert_eq!(kept.set.opens, officiant::custody::Opens::WrappedKey);
    });
}

#[test]
fn what_a_script_that_restores_a_wrapped_key_lacks_is_named() {
    let shipped = fs::read_to_string(script(DRILL)).expect("a shipped script");
    let checked = |text: &str| check(&read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}")));
    let whole = checked(&shipped);
    assert!(whole.holds(), "{whole}");
    let kai = whole.people.iter().find(|person| person.id.as_str() == "kai").expect("who keeps the SO-PIN");
    assert_eq!(kai.so_pin_entries, 4, "set twice, for the key-encryption key, and for the wiping");
    assert!(whole.to_string().contains("WRAPPING-SAFE: Each token is tried in the room"), "{whole}");
    // A YubiKey unwraps nothing.
    let on_yubikey = shipped.replace("path = \"/usr/lib/softhsm/libsofthsm2.so\"", "path = \"yubikey:\"");
    let refused = checked(&on_yubikey);
    let named = refused.findings.iter().any(|finding| {
        finding.rule == Some(Rule::WrappingSafe)
            && finding.what.contains("A YubiKey wraps no keys, and unwraps none: drill-1")
    });
    assert!(named && !refused.holds(), "{refused}");
    // What is declared is said, by check and in the step.
    let declared = checked(&shipped.replacen("# pin-is-key = true", "pin-is-key = true", 1));
    assert!(declared.holds() && declared.to_string().contains("WRAPPING-TRUSTED"), "{declared}");
    let script = read::script(shipped.as_bytes()).expect("a script");
    let said: Vec<String> = script.numbered().flat_map(|(_, step)| step.action.kind().prose(&script).lines).collect();
    for line in ["the token unwraps it", "and Kai Mbeki the SO-PIN"] {
        assert!(said.iter().any(|said| said.contains(line)), "{line}: {said:?}");
    }
    let wrong = |way: &str| {
        let text = shipped.replacen("way = \"wrapped\"", &format!("way = \"{way}\""), 1);
        read::script(text.as_bytes()).expect_err("no such way").what
    };
    assert!(wrong("redundancy").contains("kept.way"));
    assert!(wrong("none").contains("kept.way"));
}
