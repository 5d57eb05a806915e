//! A key that one token wraps for another, in whole ceremonies on SoftHSM: cut at every moment, given up where nobody can have its
//! key-encryption key again, and opened by a stranger with the stock tools.

mod backup_support;
mod ceremony_support;
mod shim_support;
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use backup_support::is_there;
use ceremony_support::{People, Room, cuts::Moments, paper, record, script, text};
use officiant::{
    ceremony::{
        Pending,
        backups::SealedBackup,
        check::check,
        event::Event,
        operation::{Operation, Trouble, Wrapping},
        prompt::{Answer, AsideKind, Scene},
        script::read,
        state::Closing,
    },
    rules::Rule,
    token::{
        KeySelector, LastTry, PinEntry, Token as _, User, Wrap as _,
        pkcs11::{self, TokenUri, rehearsal::Rehearsal},
        quirks::Trust,
    },
    tuf::{dialect::Dialect, key::PublicKey, role::RoleName, signed::Untrusted, verify::first_root},
};
use shim_support::{control, on_shim};
use support::{alone, on_softhsm, rehearsal};

const DCT: &str = "dct-genesis-wrapped";

fn shipped() -> (String, People) {
    let path = script(DCT);
    (fs::read_to_string(&path).expect("a shipped script"), People::of(&path))
}

/// The shipped script with a spare for the first token.
fn with_a_spare() -> (String, People) {
    let (text, mut people) = shipped();
    let spare = "[[token]]\nalias = \"ana-2\"\nholder = \"ana\"\ntag = \"grey\"\nmodule = \"hsm\"\nso-pin = \"kai\"\nspare-for = \"ana-1\"\n\n";
    let pins = people.pins["ana-1"].clone();
    people.pins.insert("ana-2".into(), pins);
    (text.replacen("# What was collected beforehand", &format!("{spare}# What was collected beforehand"), 1), people)
}

fn wrapped(room: &Room) -> Vec<SealedBackup> {
    let wrapped = room.events().filter_map(|event| match event {
        Event::KeyWrapped { sealed, .. } => Some(sealed.clone()),
        _ => None,
    });
    wrapped.collect()
}

fn is_wrapping(pending: &Pending, is_it: fn(&Wrapping) -> bool) -> bool {
    matches!(pending, Pending::Do(Operation::Wrapping(wrapping)) if is_it(wrapping))
}

fn until_share(room: &mut Room, index: u8) {
    room.until(|pending, _| matches!(pending, Pending::Do(Operation::GiveShare { index: next, .. }) if *next == index));
}

fn is_refused(room: &Room, rule: Rule, said: &str) -> bool {
    match room.trouble() {
        Trouble::Refused(refusal) => refusal.rule == rule && refusal.what.contains(said),
        _ => false,
    }
}

/// The key-encryption key that the pages of a set give, through the independent script; its 64 digits.
fn kek_by_a_stranger(work: &Path, set: &str, shares: &[u8]) -> String {
    let mut arguments = vec![backup_support::script().into_os_string(), "kek".into()];
    for share in shares {
        let name = format!("share-{share}.txt");
        fs::write(work.join(&name), paper::page(set, *share)).expect("written");
        arguments.push(name.into());
    }
    String::from_utf8(ran(Command::new("python3").args(arguments).current_dir(work))).expect("text").trim().to_owned()
}

fn ran(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The public key that stands behind a wrapped file, by the independent script and OpenSSL.
fn opened_by_a_stranger(file: &Path, set: &str, shares: &[u8]) -> PublicKey {
    let work = backup_support::in_memory();
    let kek = kek_by_a_stranger(work.path(), set, shares);
    let script = |arguments: &[&str]| {
        ran(Command::new("python3").arg(backup_support::script()).args(arguments).current_dir(work.path()))
    };
    let at = |name: &str| work.path().join(name);
    fs::write(at("wrapped.bin"), script(&["wrapped", file.to_str().expect("text")])).expect("written");
    ran(Command::new("openssl")
        .args(["enc", "-d", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K", &kek])
        .args(["-in", "wrapped.bin", "-out", "filled.der"])
        .current_dir(work.path()));
    fs::write(at("key.der"), script(&["bare", "filled.der"])).expect("written");
    let arguments = ["pkey", "-inform", "DER", "-in", "key.der", "-pubout"];
    let pem = ran(Command::new("openssl").args(arguments).current_dir(work.path()));
    PublicKey::from_spki_pem(&String::from_utf8(pem).expect("text")).expect("a public key")
}

/// Whether some file below `folder` holds these bytes.
fn lies_in(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => lies_in(&path, bytes),
            false => fs::read(path).expect("a file").windows(bytes.len()).any(|window| window == bytes),
        }
    })
}

#[test]
fn dct_genesis_wrapped() {
    on_softhsm("dct_genesis_wrapped", |tokens| {
        let mut room = Room::rehearse(tokens, DCT);
        room.finish();
        let place = room.place.join("a");
        record::holds(&place);
        let [sealed] = wrapped(&room).try_into().expect("one key");
        let set = sealed.set.id();
        assert_eq!(room.count(|event| matches!(event, Event::ShareReadBack { .. })), 5);
        let asked = |rule: Rule| room.events().any(|event| event.passed().iter().any(|passed| passed.rule == rule));
        for rule in [
            Rule::WrappingSafe,
            Rule::WrappingTrusted,
            Rule::KekReadsBack,
            Rule::WrappedKeyProven,
            Rule::KeyClosed,
            Rule::KekGone,
        ] {
            assert!(asked(rule), "{rule}");
        }
        let key = room.events().find_map(|event| match event {
            Event::KeyUnwrapped { alias, key, shares, attributes, .. } => {
                assert_eq!((alias.as_str(), shares.as_slice()), ("bo-1", [1, 2, 3].as_slice()));
                assert_eq!(attributes.extractable, Some(false));
                Some(key.clone())
            }
            _ => None,
        });
        let key = key.expect("a key");
        let ceremony = room.ceremony();
        for token in ["ana-1", "bo-1"] {
            let alias = &ceremony.script().tokens.iter().find(|spec| spec.alias.as_str() == token).expect("it").alias;
            let state = ceremony.token(alias);
            assert_eq!(state.key.as_ref(), Some(&key), "{token}");
            assert_eq!(state.attributes.expect("attributes").extractable, Some(false), "{token}");
        }
        let sheet = fs::read_to_string(place.join(format!("backup/offline-{set}.txt"))).expect("a sheet");
        assert!(sheet.contains("a key that a token wrapped"), "{sheet}");
        if !is_there("python3") || Command::new("openssl").arg("version").output().is_err() {
            return println!("skipped: python3 or openssl is not here");
        }
        for (medium, shares) in [("a", [1, 2, 3]), ("b", [2, 4, 5])] {
            let file = room.place.join(medium).join(&sealed.file.name);
            assert_eq!(opened_by_a_stranger(&file, &set, &shares), *key.public(), "{medium}");
        }
        // SoftHSM has a trusted key in the open in its folder: it would be found if it were still there.
        let work = backup_support::in_memory();
        let kek = officiant::digest::from_hex(&kek_by_a_stranger(work.path(), &set, &[1, 4, 5])).expect("digits");
        for part in ["tokens", "a", "b"] {
            assert!(!lies_in(&room.place.join(part), &kek), "{part}");
        }
    });
}

#[test]
fn genesis_wrapped() {
    on_softhsm("genesis_wrapped", |tokens| {
        let mut room = Room::rehearse(tokens, "genesis-wrapped");
        room.finish();
        for medium in ["a", "b"] {
            record::holds(&room.place.join(medium));
        }
        assert_eq!(wrapped(&room).len(), 2);
        let root = fs::read(room.place.join("a/metadata/1.root.json")).expect("an exported root");
        let root = first_root(Untrusted::parse(Dialect::Tuf1, root).expect("metadata")).expect("a root that verifies");
        let signing: Vec<_> = root.document().keys_of(&RoleName::Root).map(|(keyid, _)| keyid.clone()).collect();
        let ceremony = room.ceremony();
        for (name, tokens) in [("north", ["ana-1", "cem-1"]), ("south", ["bo-1", "dora-1"])] {
            let name = name.to_owned().try_into().expect("a short name");
            let (backup, kek) =
                (ceremony.backups().get(&name).expect("a key"), ceremony.backups().wrapped(&name).expect("it"));
            assert!(backup.proven && backup.wiped && kek.open.is_none() && kek.keks.is_empty(), "{name}: {kek:?}");
            assert!(signing.contains(&backup.key.id()), "{name} is in the root");
            for token in tokens {
                let state = ceremony.token(&token.to_owned().try_into().expect("a short name"));
                assert_eq!(state.key.as_ref(), Some(&backup.key), "{token}");
                assert_eq!(state.attributes.expect("attributes").extractable, Some(false), "{token}");
            }
        }
    });
}

#[test]
fn the_order_of_the_steps_is_forced_by_what_they_need() {
    let (text, _) = shipped();
    let step = |kind: &str, token: Option<&str>| {
        let token = token.map(|token| format!("token = \"{token}\"\n")).unwrap_or_default();
        let at = text.find(&format!("do = \"{kind}\"\nname = \"offline\"\n{token}")).expect("the step");
        let begin = text[..at].rfind("[[act.step]]").expect("its head");
        let end = text[at..].find("\n\n").expect("its end") + at + 2;
        text[begin..end].to_owned()
    };
    let findings = |text: &str| {
        let checked = check(&read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}")));
        (checked.holds(), checked.to_string())
    };
    assert!(findings(&text).0);
    for (gone, said) in [
        (step("make-kek", None), ""),
        (step("wrap-key", Some("ana-1")), "the backup of offline is sealed"),
        (step("give-shares", None), "the shares of offline were read back"),
        (step("wipe-kek", None), "the key-encryption key of offline was wiped from memory"),
        (step("unwrap-key", Some("bo-1")), "The key offline comes to 1 token"),
        (step("close-key", Some("ana-1")), "offline can leave its first token no more"),
    ] {
        let without = text.replacen(&gone, "", 1);
        if said.is_empty() {
            let error = read::script(without.as_bytes()).expect_err("no such key");
            assert!(error.what.contains("or make-kek, has the name offline"), "{}", error.what);
            continue;
        }
        let (holds, printed) = findings(&without);
        assert!(!holds && printed.contains(said), "without {gone}: {printed}");
    }
    // Closed before the copy has signed; and on another token than the one that wrapped.
    let close = step("close-key", Some("ana-1"));
    let early = text.replacen(&close, "", 1);
    let unwrap = step("unwrap-key", Some("bo-1"));
    let (holds, printed) = findings(&early.replacen(&unwrap, &format!("{close}{unwrap}"), 1));
    assert!(!holds && printed.contains("a token to which offline was restored from shares has signed"), "{printed}");
    let elsewhere = close.replace("ana-1", "bo-1");
    let (holds, printed) = findings(&text.replacen(&close, &elsewhere, 1));
    assert!(!holds && printed.contains("not closed there, or closed elsewhere"), "{printed}");
    // Steps of another way.
    let other = text.replacen("way = \"wrapped\"", "way = \"software-born\"", 1);
    assert!(read::script(other.as_bytes()).expect_err("another way").what.contains("belongs to another way"));
    // What is declared is said, by check and in the steps.
    let declared = text.replacen("# pin-is-key = true", "pin-is-key = true", 1);
    let (holds, printed) = findings(&declared);
    assert!(holds && printed.contains("WRAPPING-TRUSTED: The script declares that a user PIN"), "{printed}");
    let script = read::script(declared.as_bytes()).expect("a script");
    let said = script.numbered().filter(|(_, step)| {
        step.action.kind().prose(&script).lines.iter().any(|line| line.contains("whoever types that PIN"))
    });
    assert_eq!(said.count(), 2);
}

/// Shows that the world was left as it should be at the end of a ceremony that was cut: one key counts, on two tokens, closed, and no
/// key-encryption key stays.
fn comes_to_its_end(room: &Room, what: &str) {
    let (name, last) = room.ceremony().backups().iter().next().expect("a key");
    assert!(last.proven && last.wiped && last.is_in_custody(), "{what}");
    let wrapped = room.ceremony().backups().wrapped(name).expect("it was wrapped");
    assert!(wrapped.open.is_none() && wrapped.keks.is_empty() && !wrapped.lost, "{what}: {wrapped:?}");
    let holders: Vec<String> = room
        .ceremony()
        .script()
        .tokens
        .iter()
        .filter(|token| room.ceremony().token(&token.alias).key.as_ref() == Some(&last.key))
        .map(|token| token.alias.to_string())
        .collect();
    assert_eq!(holders.len(), 2, "{what}: {holders:?}");
}

/// What is really on the tokens of a ceremony that came to its end: the one key, and no key-encryption key of this ceremony.
fn the_tokens_hold_nothing_else(tokens: &Rehearsal, room: Room, what: &str) {
    let keks: Vec<_> = room
        .events()
        .filter_map(|event| match event {
            Event::KekMade { kek, .. } => Some(kek),
            _ => None,
        })
        .collect();
    let key = room.ceremony().backups().iter().next().expect("a key").1.key.clone();
    let pins: Vec<_> = ["ana-1", "bo-1"].map(|alias| (alias, room.people.pins[alias].user.clone())).into();
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

/// Goes on as people do who type AGAIN where the last operation was not done, and DESTROYED where something is to be destroyed.
fn finished(room: &mut Room, what: &str) {
    let begun = room.entries().len();
    while room.ended().is_none() {
        assert!(
            room.ceremony().stamp().seq < begun as u64 + 400,
            "{what}: it turns in a circle at {}",
            room.position()
        );
        match room.ceremony().pending() {
            Pending::Ask(prompt) => match &prompt.scene {
                Scene::Trouble { trouble: Trouble::Fault(fault), .. } => {
                    assert!(fault.cause.contains("was not done"), "{what}: {fault}");
                    room.word("AGAIN");
                }
                Scene::Trouble { trouble, .. } => panic!("{what}: {}", trouble.words()),
                _ => room.turn().unwrap_or_else(|error| panic!("{what}: {error:?}")),
            },
            _ => room.turn().unwrap_or_else(|error| panic!("{what}: {error:?}")),
        }
    }
    officiant::perform::record::finish(&room.runner).expect("a manifest");
}

/// The world before and after each operation about the key, with the transcript as it then was.
fn moments(room: &mut Room) -> Moments {
    let mut moments = Moments::default();
    let of_it = |pending: &Pending| {
        matches!(pending, Pending::Do(Operation::Wrapping(_) | Operation::GiveShare { index: 1 | 5, .. }))
    };
    room.until(|pending, _| is_wrapping(pending, |wrapping| matches!(wrapping, Wrapping::MakeKek { .. })));
    while room.count(|event| matches!(event, Event::KeyClosed { .. })) == 0 {
        if !of_it(&room.ceremony().pending()) {
            room.turn().unwrap_or_else(|error| panic!("{error:?}"));
            continue;
        }
        moments.around_an_operation(room);
    }
    moments
}

#[test]
fn a_cut_at_any_moment_is_finished_or_given_up_and_no_key_encryption_key_stays() {
    on_softhsm("a_cut_at_any_moment_is_finished_or_given_up_and_no_key_encryption_key_stays", |tokens| {
        let mut room = Room::rehearse(tokens, DCT);
        let people = room.people.clone();
        let moments = moments(&mut room);
        assert_eq!(moments.len(), 7 * 3);
        drop(room);
        let mut given_up = 0;
        for moment in moments.iter() {
            let what = &moment.what;
            let mut room = moment.resumed(tokens, &people);
            finished(&mut room, what);
            comes_to_its_end(&room, what);
            let discarded = room.count(|event| matches!(event, Event::BackupDiscarded { .. }));
            given_up += discarded;
            assert!(discarded <= 1, "{what}");
            for medium in ["a", "b"] {
                record::holds(&room.place.join(medium));
            }
            the_tokens_hold_nothing_else(tokens, room, what);
        }
        // From the key-encryption key on, and until the last share is read back. An intent to make one made none.
        assert_eq!(given_up, 9, "of {} moments", moments.len());
    });
}

#[test]
fn what_was_wrapped_under_a_lost_key_encryption_key_goes_from_its_token_before_its_pages() {
    on_softhsm("what_was_wrapped_under_a_lost_key_encryption_key_goes_from_its_token_before_its_pages", |tokens| {
        let mut room = Room::rehearse(tokens, DCT);
        until_share(&mut room, 3);
        drop(room.runner.intend().expect("an intent"));
        let first = wrapped(&room)[0].set.clone();
        let mut room = room.again(tokens);
        room.until_scene(|scene| matches!(scene, Scene::Trouble { .. }));
        room.word("AGAIN");
        room.until(|pending, _| is_wrapping(pending, |wrapping| matches!(wrapping, Wrapping::Clear { .. })));
        let name = room.ceremony().backups().all_wrapped().next().expect("one").0.clone();
        let known = room.ceremony().backups().wrapped(&name).expect("it").clone();
        assert_eq!((known.open.clone(), known.keks.len()), (known.touched.first().cloned(), 1));
        room.until_scene(|scene| matches!(scene, Scene::List { .. }));
        let Scene::List { lines, title, .. } = room.prompt().scene else { panic!("a list") };
        assert!(title.contains("is given up"), "{title}");
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert!(lines[2].contains(&format!("share 3 of set {}", first.id())), "{lines:?}");
        let known = room.ceremony().backups().wrapped(&name).expect("it");
        assert!(known.open.is_none() && known.keks.is_empty(), "{known:?}");
        let holders =
            room.ceremony().script().tokens.iter().filter(|token| room.ceremony().token(&token.alias).key.is_some());
        assert_eq!(holders.map(|token| token.alias.as_str()).collect::<Vec<_>>(), ["tag-1"], "no token holds it");
        room.word("DESTROYED");
        room.finish();
        record::holds(&room.place.join("a"));
        let sets = wrapped(&room);
        assert_eq!(sets.len(), 2);
        assert_ne!(sets[1].set.keyid, first.keyid, "another key");
        comes_to_its_end(&room, "the second");
    });
}

#[test]
fn whoever_stops_for_good_is_told_what_is_on_the_tokens() {
    on_softhsm("whoever_stops_for_good_is_told_what_is_on_the_tokens", |tokens| {
        let mut room = Room::rehearse(tokens, DCT);
        until_share(&mut room, 2);
        room.perform().expect("share 2");
        room.aside(AsideKind::Abandon, &[text("the machine is not to be trusted")]);
        assert!(matches!(room.ceremony().pending(), Pending::Finished(Closing::Abandoned)));
        let account = room.events().find_map(|event| match event {
            Event::Abandoned { account, .. } => Some(account.join("\n")),
            _ => None,
        });
        let account = account.expect("an account");
        for said in [
            "not every share was read back",
            "On ana-1 it can still be wrapped",
            "ana-1 may hold the key-encryption key of offline",
            "To be destroyed: share 2",
        ] {
            assert!(account.contains(said), "{said}: {account}");
        }
    });
}

#[test]
fn a_first_token_that_fails_before_the_shares_are_read_back_takes_its_key_with_it() {
    on_softhsm("a_first_token_that_fails_before_the_shares_are_read_back_takes_its_key_with_it", |tokens| {
        let (text_of, people) = with_a_spare();
        let mut room = Room::rehearse_text(tokens, text_of.as_bytes(), people, None);
        until_share(&mut room, 2);
        drop(room.runner.intend().expect("an intent"));
        room.say(Answer::Failed(Trouble::NobodyAnswered { secret: "share".into() }));
        room.aside(AsideKind::Substitute, &[Answer::Picked(0), text("ana-1 fell into the water")]);
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
fn a_first_token_that_fails_afterwards_is_replaced_from_the_file_and_the_shares() {
    on_softhsm("a_first_token_that_fails_afterwards_is_replaced_from_the_file_and_the_shares", |tokens| {
        let (text_of, people) = with_a_spare();
        let mut room = Room::rehearse_text(tokens, text_of.as_bytes(), people, None);
        room.until(|pending, _| is_wrapping(pending, |wrapping| matches!(wrapping, Wrapping::CloseKey { .. })));
        drop(room.runner.intend().expect("an intent"));
        room.say(Answer::Failed(Trouble::NobodyAnswered { secret: "user PIN".into() }));
        room.aside(AsideKind::Substitute, &[Answer::Picked(0), text("ana-1 fell into the water")]);
        room.finish();
        record::holds(&room.place.join("a"));
        assert_eq!(wrapped(&room).len(), 1, "the same key");
        assert_eq!(room.count(|event| matches!(event, Event::KeyUnwrapped { .. })), 2);
        let name = room.ceremony().backups().all_wrapped().next().expect("one").0.clone();
        let left = &room.ceremony().backups().wrapped(&name).expect("it").left;
        assert_eq!(left.iter().map(|alias| alias.as_str()).collect::<Vec<_>>(), ["ana-1"]);
    });
}

#[test]
fn a_module_that_lies_is_refused_by_name_and_the_ceremony_goes_on_with_a_good_one() {
    on_shim("a_module_that_lies_is_refused_by_name_and_the_ceremony_goes_on_with_a_good_one", |tokens| {
        let mut room = Room::rehearse(tokens, DCT);
        let refused = |room: &mut Room, lines: &str, rule: Rule, said: &str| {
            control(lines);
            room.perform().expect("the trouble is recorded");
            control("");
            assert!(is_refused(room, rule, said), "{lines}: {}", room.trouble().words());
            room.word("AGAIN");
        };
        room.until(|pending, _| is_wrapping(pending, |wrapping| matches!(wrapping, Wrapping::WrapKey { .. })));
        refused(&mut room, "leak", Rule::WrappingSafe, "ana-1");
        refused(&mut room, "turn 0x162", Rule::WrappingSafe, "unwraps keys as asked");
        // It knows no trusted wrapping keys, and the script does not declare that.
        refused(&mut room, "fail C_GenerateKeyPair 5+ 0x12", Rule::WrappingTrusted, "");
        room.until(|pending, _| is_wrapping(pending, |wrapping| matches!(wrapping, Wrapping::UnwrapKey { .. })));
        refused(&mut room, "leak", Rule::WrappingSafe, "bo-1");
        // It says that it destroyed the key-encryption key, and did not.
        room.until(|pending, _| is_wrapping(pending, |wrapping| matches!(wrapping, Wrapping::CloseKey { .. })));
        let known = room.ceremony().backups().all_wrapped().next().expect("one").1.clone();
        assert_eq!(known.keks.iter().map(|alias| alias.as_str()).collect::<Vec<_>>(), ["ana-1"]);
        refused(&mut room, "leak", Rule::WrappingSafe, "ana-1");
        room.finish();
        record::holds(&room.place.join("a"));
        comes_to_its_end(&room, "in the end");
    });
}

#[test]
fn a_token_that_goes_in_the_middle_is_opened_again_and_the_key_is_the_same() {
    on_shim("a_token_that_goes_in_the_middle_is_opened_again_and_the_key_is_the_same", |tokens| {
        let mut room = Room::rehearse(tokens, DCT);
        // Gone at the n-th call of each of these and from then on, and there again for the next try: until one of them is not called so often.
        let sweep = |room: &mut Room, is_it: fn(&Wrapping) -> bool, calls: &[&str]| {
            room.until(|pending, _| is_wrapping(pending, is_it));
            let tries = (1..).flat_map(|nth| calls.iter().map(move |call| format!("fail {call} {nth}+ 0x32")));
            let mut failed = 0;
            for lines in tries {
                control(&lines);
                room.perform().expect("the trouble is recorded");
                control("");
                if !matches!(&room.ceremony().pending(), Pending::Ask(prompt) if matches!(prompt.scene, Scene::Trouble { .. }))
                {
                    break;
                }
                failed += 1;
                room.word("AGAIN");
            }
            failed
        };
        let calls = ["C_GenerateKeyPair", "C_WrapKey", "C_SignInit", "C_CreateObject"];
        let wraps = sweep(&mut room, |wrapping| matches!(wrapping, Wrapping::WrapKey { .. }), &calls);
        let calls = ["C_UnwrapKey", "C_SignInit", "C_DestroyObject", "C_CreateObject"];
        let unwraps = sweep(&mut room, |wrapping| matches!(wrapping, Wrapping::UnwrapKey { .. }), &calls);
        let calls = ["C_SetAttributeValue", "C_SignInit", "C_DestroyObject"];
        let closes = sweep(&mut room, |wrapping| matches!(wrapping, Wrapping::CloseKey { .. }), &calls);
        assert!(wraps >= 8 && unwraps >= 6 && closes >= 4, "{wraps} {unwraps} {closes}");
        room.finish();
        record::holds(&room.place.join("a"));
        assert_eq!(wrapped(&room).len(), 1);
        comes_to_its_end(&room, "in the end");
        the_tokens_hold_nothing_else(tokens, room, "in the end");
    });
}

/// Where kryoptic lies: named, or as it is built beside these tests.
fn kryoptic() -> Option<PathBuf> {
    let named = std::env::var_os("OFFICIANT_TEST_KRYOPTIC").map(PathBuf::from);
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/kryoptic/release/libkryoptic_module.so");
    named.or(Some(built)).filter(|path| path.is_file())
}

/// The shipped script for production, with tokens of two makes: SoftHSM makes the key, kryoptic unwraps it; or the other way round.
fn of_two_makes(soft: &Path, other: &Path, first: &str) -> String {
    let module = |name: &str, path: &Path, model: &str| {
        let path = path.canonicalize().expect("the module");
        let sha256 = officiant::digest::Digest::of(&fs::read(&path).expect("the module"));
        format!(
            "[[module]]\nname = \"{name}\"\npath = \"{}\"\nsha256 = \"{sha256}\"\nmodel = \"{model}\"\n",
            path.display()
        )
    };
    let modules = module("hsm", soft, "SoftHSM v2") + "\n" + &module("other", other, KRYOPTIC_MODEL);
    let (text, _) = shipped();
    let begin = text.find("[[module]]").expect("the module");
    let end = text.find("[[token]]").expect("the tokens");
    let text = format!("{}{modules}\n{}", &text[..begin], &text[end..]);
    let of =
        |alias: &str| format!("alias = \"{alias}\"\nholder = \"{}\"\ntag = ", alias.split('-').next().expect("a name"));
    let at = text.find(&of(first)).expect("the token");
    let (before, after) = text.split_at(at);
    // It lets its user call a key trusted: the script has to declare what follows.
    format!("{before}{}", after.replacen("module = \"hsm\"", "module = \"other\"", 1)).replacen(
        "# pin-is-key = true",
        "pin-is-key = true",
        1,
    )
}

/// As kryoptic calls itself.
const KRYOPTIC_MODEL: &str = "v1";

/// A whole ceremony in production, in which `other` is a token of kryoptic and the rest is SoftHSM.
fn of_two_makes_in_production(test: &str, other: &str) {
    let Some(module) = kryoptic() else {
        return println!("skipped: kryoptic is not built (tests/kryoptic/Cargo.toml)");
    };
    let prepare = |folder: &Path| {
        let rehearsal = Rehearsal::prepare(folder, None).expect("SoftHSM is installed");
        let configuration = folder.join("kryoptic.conf");
        let slot = format!("[[slots]]\nslot = 1\ndbtype = \"sqlite\"\ndbargs = \"{}/1.sql\"\n", folder.display());
        fs::write(&configuration, slot).expect("written");
        vec![rehearsal.environment(), ("KRYOPTIC_CONF", configuration.into_os_string())]
    };
    alone(test, prepare, || {
        officiant::preflight::harden().expect("this process can be hardened");
        let (tokens, beside) = (rehearsal(), script(DCT).parent().expect("a folder").to_owned());
        let text = of_two_makes(&tokens.module, &module, other);
        let place = ceremony_support::place();
        let probe = ceremony_support::quiet_machine(&place.join("machine"));
        let mut room = Room::run(text.as_bytes(), &beside, shipped().1, Trust::injected(|_| None), probe);
        room.finish();
        for medium in ["a", "b"] {
            record::holds(&room.place.join(medium));
        }
        comes_to_its_end(&room, other);
        let trusted: Vec<(String, bool)> = room
            .events()
            .filter_map(|event| match event {
                Event::KeyWrapped { alias, by, .. } | Event::KeyUnwrapped { alias, by, .. } => {
                    Some((alias.to_string(), by.trusted))
                }
                _ => None,
            })
            .collect();
        let both = ["ana-1", "bo-1"].map(|alias| (alias.to_owned(), alias != other));
        assert_eq!(trusted, both, "the one of the other make is not held to a trusted key");
    });
}

#[test]
fn what_softhsm_wraps_another_make_of_token_unwraps_in_a_ceremony_or_skipped() {
    let test = "what_softhsm_wraps_another_make_of_token_unwraps_in_a_ceremony_or_skipped";
    of_two_makes_in_production(test, "bo-1");
}

#[test]
fn what_another_make_of_token_wraps_softhsm_unwraps_in_a_ceremony_or_skipped() {
    let test = "what_another_make_of_token_wraps_softhsm_unwraps_in_a_ceremony_or_skipped";
    of_two_makes_in_production(test, "ana-1");
}
