//! Keys that exist already, in whole ceremonies on SoftHSM: one in a file gets a backup, a backup gets other custodians.

mod backup_support;
mod ceremony_support;
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use backup_support::is_there;
use ceremony_support::{People, Room, cuts::Moments, paper, record, script, secret, text};
use officiant::{
    ceremony::{
        Pending,
        backups::SealedBackup,
        check::check,
        event::Event,
        operation::{Operation, Trouble},
        prompt::{Answer, AsideKind, Input, Scene},
        script::read,
    },
    perform::rehearsal,
    rules::Rule,
    tuf::key::PublicKey,
};
use support::on_softhsm;

fn shipped(name: &str) -> String {
    fs::read_to_string(script(name)).expect("a shipped script")
}

#[test]
fn backup() {
    on_softhsm("backup", |tokens| {
        let mut room = Room::rehearse(tokens, "backup");
        room.finish();
        record::holds(&room.place.join("a"));
        let taken = room.events().find_map(|event| match event {
            Event::KeyTaken { key, from, passed, .. } => Some((key, from, passed)),
            _ => None,
        });
        let (key, from, passed) = taken.expect("it was taken");
        assert_eq!(from, "/media/key/root.key");
        assert!(passed.iter().any(|p| p.rule == Rule::KeyOnPaper && p.seen.contains("its history is unknown")));
        let put: Vec<(String, Vec<u8>)> = room
            .events()
            .filter_map(|event| match event {
                Event::KeyPut { alias, shares, key: there, .. } => {
                    assert_eq!(there.id(), key.id());
                    Some((alias.to_string(), shares))
                }
                _ => None,
            })
            .collect();
        assert_eq!(put, [("ana-1".to_owned(), vec![]), ("bo-1".to_owned(), vec![1, 2, 3])]);
    });
}

#[test]
fn the_shipped_scripts_hold() {
    for name in ["backup", "change-custodians", "destroy", "transport"] {
        let checked = check(&read::script(shipped(name).as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}")));
        assert!(checked.holds(), "{name}: {checked}");
    }
}

fn whole(name: &str, judge: impl FnOnce(Room)) {
    on_softhsm(&name.replace('-', "_"), |tokens| {
        let mut room = Room::rehearse(tokens, name);
        room.finish();
        record::holds(&room.place.join("a"));
        judge(room);
    });
}

#[test]
fn change_custodians() {
    whole("change-custodians", |room| {
        let destroyed = room.count(|event| matches!(event, Event::ShareDestroyed { .. }));
        assert_eq!(destroyed, 5, "everybody came");
        let judged = room.events().find_map(|event| match event {
            Event::OldSharesJudged { left, threshold, passed, .. } => Some((left, threshold, passed)),
            _ => None,
        });
        let (left, threshold, passed) = judged.expect("what remains was read");
        assert_eq!((left, threshold), (0, 3));
        assert!(passed.iter().any(|passed| passed.rule == Rule::OldSharesDead));
    });
}

#[test]
fn destroy() {
    whole("destroy", |room| {
        assert_eq!(room.count(|event| matches!(event, Event::TokenErased { .. })), 2);
        assert_eq!(room.count(|event| matches!(event, Event::OldSharesJudged { left: 0, .. })), 1);
    });
}

#[test]
fn transport() {
    whole("transport", |room| {
        assert_eq!(room.count(|event| matches!(event, Event::TokenOpened { .. })), 2);
        assert_eq!(room.count(|event| matches!(event, Event::ShareChecked { .. })), 5);
    });
}

/// The forms that are written by hand, as they are printed before the day.
#[test]
fn what_changes_hands_and_what_ends_has_a_form() {
    let printed = |name: &str| {
        let place = tempfile::tempdir().expect("a folder");
        let out = place.path().join("script.html");
        let printed = Command::new(env!("CARGO_BIN_EXE_officiant"))
            .args(["print", script(name).to_str().expect("text"), "--output", out.to_str().expect("text")])
            .output()
            .expect("the program runs");
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        fs::read_to_string(out).expect("a page")
    };
    let transport = printed("transport");
    for said in [
        "Chain of custody",
        "token ana-1 (blue)",
        "share ___ of offline",
        "From, and signature",
        "holds its key already",
    ] {
        assert!(transport.contains(said), "{said}");
    }
    let destroy = printed("destroy");
    for said in
        ["<h2>Destroyed</h2>", "kept/offline-2026.age: printed sheets", "Second who saw it", "a dish that stands fire"]
    {
        assert!(destroy.contains(said), "{said}");
    }
    assert!(!printed("backup").contains("Chain of custody"));
}

fn sealed(room: &Room) -> SealedBackup {
    let sealed = room.events().filter_map(|event| match event {
        Event::BackupSealed { sealed, .. } => Some(sealed),
        _ => None,
    });
    sealed.last().expect("it was sealed")
}

fn is_refused(room: &Room, rule: Rule, said: &str) -> bool {
    match room.trouble() {
        Trouble::Refused(refusal) => refusal.rule == rule && refusal.what.contains(said),
        _ => false,
    }
}

/// Whether people are asked for this share, of the set that comes to its end.
fn asks_for(pending: &Pending, index: u8) -> bool {
    match pending {
        Pending::Ask(prompt) => {
            matches!(&prompt.scene, Scene::Plain { ask } if ask.starts_with(&format!("Is share {index} of 5 here")))
        }
        _ => false,
    }
}

/// Answers for each of the five shares of a set that comes to its end.
fn at_the_dish(room: &mut Room, answers: [&str; 5]) {
    for (index, answer) in (1..).zip(answers) {
        if !answer.is_empty() {
            room.until(|pending, _| asks_for(pending, index));
            room.word(answer);
        }
    }
}

/// Whether people are told that too many shares are left.
fn too_few(scene: &Scene) -> bool {
    matches!(scene, Scene::List { title, .. } if title.starts_with("Too few shares"))
}

/// What the independent script makes of pages: the public key behind the file, by stock age; `None` where the script says no.
fn opened_by_a_stranger(file: &Path, pages: &[String]) -> Option<PublicKey> {
    let work = backup_support::in_memory();
    let files: Vec<String> = (1..)
        .zip(pages)
        .map(|(number, page): (u8, &String)| {
            let name = format!("share-{number}.txt");
            fs::write(work.path().join(&name), page).expect("written");
            name
        })
        .collect();
    let run = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).current_dir(work.path()).output().expect("it runs")
    };
    let recover = backup_support::script();
    let mut arguments = vec![recover.to_str().expect("text"), "identity"];
    arguments.extend(files.iter().map(String::as_str));
    let identity = run("python3", &arguments);
    if !identity.status.success() {
        return None;
    }
    fs::write(work.path().join("identity.txt"), identity.stdout).expect("written");
    let opened = run("age", &["-d", "-i", "identity.txt", file.to_str().expect("text")]);
    if !opened.status.success() {
        return None;
    }
    let text = String::from_utf8(opened.stdout).expect("text");
    fs::write(work.path().join("key.pem"), &text[text.find("-----BEGIN").expect("a key")..]).expect("written");
    let public = run("openssl", &["pkey", "-in", "key.pem", "-pubout"]).stdout;
    PublicKey::from_spki_pem(&String::from_utf8(public).expect("a key"))
}

/// The page of an old share, as the rehearsal made it.
fn old_page(room: &Room, set: &str, share: u8) -> String {
    fs::read_to_string(rehearsal::page(&room.place.join("a"), set, share)).expect("a page")
}

#[test]
fn new_shares_open_the_new_file_and_what_is_left_of_the_old_ones_opens_nothing() {
    on_softhsm("new_shares_open_the_new_file_and_what_is_left_of_the_old_ones_opens_nothing", |tokens| {
        let mut room = Room::rehearse(tokens, "change-custodians");
        room.until(|pending, _| asks_for(pending, 1));
        // Three come, and that is enough.
        at_the_dish(&mut room, ["", "ABSENT", "", "LOST", ""]);
        room.finish();
        record::holds(&room.place.join("a"));
        let destroyed: Vec<(u8, String)> = room
            .events()
            .filter_map(|event| match event {
                Event::ShareDestroyed { index, witness, .. } => Some((index, witness.to_string())),
                _ => None,
            })
            .collect();
        assert_eq!(destroyed, [1, 3, 5].map(|index| (index, "vera".to_owned())));
        let opened = room.events().find_map(|event| match event {
            Event::BackupOpened { set, key, shares, history, .. } => Some((set, key, shares, history)),
            _ => None,
        });
        let (old, key, shares, history) = opened.expect("the old backup was opened");
        assert_eq!((shares, history), (vec![1, 2, 3], None));
        let new = sealed(&room);
        assert_ne!(new.set.id(), old, "another identity");
        assert_eq!(new.set.keyid, key.id(), "the same key");
        let judged = room.events().find_map(|event| match event {
            Event::OldSharesJudged { destroyed, left, threshold, rotate_by, .. } => {
                Some((destroyed, left, threshold, rotate_by))
            }
            _ => None,
        });
        assert_eq!(judged, Some((vec![1, 3, 5], 2, 3, None)));
        if !["age", "python3", "openssl"].into_iter().all(is_there) {
            return println!("skipped: age, python3 or openssl is not here");
        }
        let folder = room.place.join("a");
        let old_file = rehearsal::inputs(&folder).join("kept/offline-2026.age");
        let of_old = |shares: &[u8]| shares.iter().map(|share| old_page(&room, &old, *share)).collect::<Vec<_>>();
        let of_new = |shares: &[u8]| shares.iter().map(|share| paper::page(&new.set.id(), *share)).collect::<Vec<_>>();
        for medium in ["a", "b"] {
            let file = room.place.join(medium).join(&new.file.name);
            for shares in [[1, 2, 3], [2, 4, 5]] {
                assert_eq!(opened_by_a_stranger(&file, &of_new(&shares)).as_ref(), Some(key.public()), "{shares:?}");
            }
            assert_eq!(opened_by_a_stranger(&file, &of_old(&[1, 2, 3])), None, "old shares and the new file");
        }
        // Those that were burnt would have opened the old file; those that are left do not, not even together with new ones.
        assert_eq!(opened_by_a_stranger(&old_file, &of_old(&[1, 3, 5])).as_ref(), Some(key.public()));
        assert_eq!(opened_by_a_stranger(&old_file, &of_old(&[2, 4])), None);
        let mixed = [of_old(&[2, 4]), of_new(&[3])].concat();
        assert_eq!(opened_by_a_stranger(&old_file, &mixed), None);
    });
}

#[test]
fn too_few_old_shares_are_refused_until_two_people_note_an_exception() {
    on_softhsm("too_few_old_shares_are_refused_until_two_people_note_an_exception", |tokens| {
        let mut room = Room::rehearse(tokens, "change-custodians");
        room.until(|pending, _| asks_for(pending, 1));
        at_the_dish(&mut room, ["", "ABSENT", "LOST", "", "ABSENT"]);
        room.until_scene(too_few);
        let Scene::List { lines, .. } = room.prompt().scene else { panic!("a list") };
        assert!(
            lines.contains(
                &"3 of the old shares are left; 3 open the old file: whoever gathers them has the key.".into()
            ),
            "{lines:?}"
        );
        assert!(lines.iter().any(|line| line.contains("Share 3 is lost: it was not destroyed")), "{lines:?}");
        assert_eq!(room.refused(&Answer::Word("GO ON".into())), Rule::OldSharesDead);
        // Once more: nobody came.
        room.word("ASK AGAIN");
        at_the_dish(&mut room, ["", "ABSENT", "LOST", "", "ABSENT"]);
        room.until_scene(too_few);
        assert_eq!(room.refused(&Answer::Word("GO ON".into())), Rule::OldSharesDead);
        let lines = ["five pages", "two came", "the key is rotated this week"].map(text);
        room.aside(AsideKind::Exception, &lines);
        room.until_scene(too_few);
        room.word("GO ON");
        room.finish();
        record::holds(&room.place.join("a"));
        let judged = room.events().find_map(|event| match event {
            Event::OldSharesJudged { left, passed, rotate_by, .. } => Some((left, passed.is_empty(), rotate_by)),
            _ => None,
        });
        assert_eq!(judged, Some((3, true, None)));
        let card = fs::read_to_string(room.place.join("a/card.html")).expect("a card");
        assert!(card.contains("must be rotated at once") && card.contains("Rotate the key, at the latest"), "{card}");
        let status = status(&[&room.place.join("a")]);
        assert!(status.contains("RED") && status.contains("3 of its shares are left, and 3 open its file"), "{status}");
    });
}

#[test]
fn an_absent_custodian_who_comes_later_is_asked_again_and_a_wrong_page_is_not_burnt() {
    on_softhsm("an_absent_custodian_who_comes_later_is_asked_again_and_a_wrong_page_is_not_burnt", |tokens| {
        let mut room = Room::rehearse(tokens, "change-custodians");
        room.until(|pending, _| asks_for(pending, 1));
        at_the_dish(&mut room, ["ABSENT", "ABSENT", "ABSENT", "", ""]);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::CheckShare { index: 4, .. })));
        let place = room.place.join("a");
        room.other_secret = Box::new(move |request| {
            let row = request.row.as_ref()?;
            let page = fs::read_to_string(rehearsal::page(&place, &row.set, 5)).expect("a page");
            Some(Some(secret(page.lines().nth(usize::from(row.row) - 1).expect("a row"))))
        });
        room.perform().expect("the trouble is recorded");
        assert!(is_refused(&room, Rule::ShareFits, "This is share 5; share 4 was to be typed."));
        room.other_secret = Box::new(|_| None);
        room.word("AGAIN");
        assert_eq!(room.count(|event| matches!(event, Event::ShareDestroyed { .. })), 0);
        room.until_scene(too_few);
        room.word("ASK AGAIN");
        at_the_dish(&mut room, ["ABSENT", "HERE", "ABSENT", "", ""]);
        room.finish();
        record::holds(&room.place.join("a"));
        let status = status(&[&room.place.join("a")]);
        assert!(status.contains("DEAD") && status.contains("GREEN") && status.contains("took its place"), "{status}");
    });
}

fn status(records: &[&PathBuf]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_officiant"))
        .args(["backup", "status", "--at", "2026-12-02T00:00:00Z"])
        .args(records)
        .output()
        .expect("the program runs");
    String::from_utf8([output.stdout, output.stderr].concat()).expect("text")
}

#[test]
fn where_the_key_is_to_be_rotated_instead_record_and_card_say_by_when() {
    on_softhsm("where_the_key_is_to_be_rotated_instead_record_and_card_say_by_when", |tokens| {
        let text = shipped("change-custodians")
            .replace("old-shares = \"destroy\"", "old-shares = \"rotate\"\nrotate-by = 2028-06-30")
            .replace(
                "[[act.step]]\ndo = \"destroy-shares\"\nname = \"offline\"\nwitness = \"vera\"\nminutes = 40\n",
                "[[act.step]]\ndo = \"break\"\n",
            );
        let checked = check(&read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}")));
        assert!(checked.holds(), "{checked}");
        assert!(checked.to_string().contains("The key must be rotated by 2028-06-30"), "{checked}");
        let mut room = Room::rehearse_text(tokens, text.as_bytes(), People::of(&script("change-custodians")), None);
        room.finish();
        record::holds(&room.place.join("a"));
        let judged = room.events().find_map(|event| match event {
            Event::OldSharesJudged { left, rotate_by, .. } => Some((left, rotate_by.map(|by| by.date()))),
            _ => None,
        });
        assert_eq!(judged, Some((5, Some("2028-06-30".into()))));
        for page in ["card.html", "report.html"] {
            let page = fs::read_to_string(room.place.join("a").join(page)).expect("a page");
            assert!(page.contains("2028-06-30"), "{page}");
        }
        let status = status(&[&room.place.join("a")]);
        assert!(status.contains("AMBER") && status.contains("to be rotated by 2028-06-30"), "{status}");
    });
}

#[test]
fn a_file_with_another_key_is_refused_and_one_that_is_locked_wants_its_passphrase() {
    on_softhsm("a_file_with_another_key_is_refused_and_one_that_is_locked_wants_its_passphrase", |tokens| {
        let mut room = Room::rehearse(tokens, "backup");
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::TakeKey { .. })));
        room.other_secret =
            Box::new(|request| request.what.is_passphrase().then(|| Some(secret("not this one at all"))));
        room.perform().expect("the trouble is recorded");
        assert!(matches!(room.trouble(), Trouble::Fault(_)), "{:?}", room.trouble());
        room.other_secret = Box::new(|_| None);
        room.word("AGAIN");
        // Somebody put another key in its place.
        let file = room.place.join("a/rehearsal/inputs/media/key/root.key");
        let good = fs::read(&file).expect("a key file");
        let other = officiant::keyfile::PrivateKey::generate_p256().expect("a key");
        let headers = officiant::keyfile::Headers::new("root", None).expect("headers");
        let passphrase = officiant::secret::Passphrase::from(secret(rehearsal::PASSPHRASE));
        let other = officiant::keyfile::write_with(&other, &headers, &passphrase, 2048).expect("a key file");
        fs::write(&file, other).expect("another key");
        room.perform().expect("the trouble is recorded");
        assert!(
            is_refused(&room, Rule::KeyOnPaper, "which is not the one that the script means"),
            "{:?}",
            room.trouble()
        );
        assert_eq!(room.count(|event| matches!(event, Event::KeyTaken { .. })), 0);
        fs::write(&file, good).expect("put back");
        room.word("AGAIN");
        room.finish();
        record::holds(&room.place.join("a"));
        // It says so wherever the key is shown, and in the file that outlives everything.
        for page in ["card.html", "report.html"] {
            let page = fs::read_to_string(room.place.join("a").join(page)).expect("a page");
            assert!(page.contains("imported from /media/key/root.key; unknown before that"), "{page}");
        }
        let status = status(&[&room.place.join("a")]);
        assert!(status.contains("the key was imported from /media/key/root.key"), "{status}");
    });
}

#[test]
fn another_sealed_file_than_the_pinned_one_is_refused_and_nothing_of_it_is_kept() {
    on_softhsm("another_sealed_file_than_the_pinned_one_is_refused_and_nothing_of_it_is_kept", |tokens| {
        let mut room = Room::rehearse(tokens, "change-custodians");
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::OpenBackup { .. })));
        let file = room.place.join("a/rehearsal/inputs/kept/offline-2026.age");
        let good = fs::read(&file).expect("a sealed file");
        fs::write(&file, &good[..good.len() - 3]).expect("cut short");
        room.perform().expect("the trouble is recorded");
        assert!(is_refused(&room, Rule::BackupOpens, "is not the sealed file that the script pins"));
        fs::write(&file, good).expect("put back");
        room.word("AGAIN");
        room.finish();
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn an_offline_key_in_a_file_gets_its_backup_in_the_genesis_of_its_repositories() {
    on_softhsm("an_offline_key_in_a_file_gets_its_backup_in_the_genesis_of_its_repositories", |tokens| {
        let keyid = "f571aa6a2e69072f2de07b0723172eebc5f8fdee1f3a0ecc63229830773b58f0";
        let take =
            format!("do = \"take-key\"\nfile = \"/media/key/root.key\"\nkeyid = \"{keyid}\"\nkeeper = \"ana\"\n");
        let text = shipped("dct-genesis-backup").replace("do = \"make-key\"\n", &take).replace("dice = true\n", "");
        let checked = check(&read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}")));
        assert!(checked.holds(), "{checked}");
        assert!(checked.to_string().contains("its history is unknown"), "{checked}");
        let people = People::of(&script("dct-genesis-backup"));
        let mut room = Room::rehearse_text(tokens, text.as_bytes(), people, None);
        room.finish();
        record::holds(&room.place.join("a"));
        assert_eq!(room.count(|event| matches!(event, Event::KeyTaken { .. })), 1);
        assert_eq!(room.count(|event| matches!(event, Event::RepositoriesExported { .. })), 1);
    });
}

#[test]
fn what_a_script_leaves_open_is_an_error_before_the_day() {
    let said = |name: &str, changes: &[(&str, &str)]| {
        let mut text = shipped(name);
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        match read::script(text.as_bytes()) {
            Ok(script) => {
                let checked = check(&script);
                assert!(!checked.holds(), "{changes:?}");
                checked.to_string()
            }
            Err(error) => error.what,
        }
    };
    let destroys = "[[act.step]]\ndo = \"destroy-shares\"\nname = \"offline\"\nwitness = \"vera\"\nminutes = 40\n";
    let wipe = "[[act.step]]\ndo = \"wipe-key\"\nname = \"offline\"\nminutes = 1\n";
    for (name, changes, expected) in [
        ("change-custodians", vec![("old-shares = \"destroy\"\n", "")], "does not say what becomes of the old ones"),
        (
            "change-custodians",
            vec![("old-shares = \"destroy\"", "old-shares = \"rotate\"")],
            "kept.rotate-by is missing",
        ),
        (
            "change-custodians",
            vec![(destroys, "[[act.step]]\ndo = \"break\"\n")],
            "the shares of offline were asked for and destroyed",
        ),
        ("change-custodians", vec![(wipe, "")], "offline was wiped from memory"),
        ("change-custodians", vec![("keyid = \"cc96", "#keyid = \"cc96")], "needs sealed, sealed-sha256 and keyid"),
        ("backup", vec![(wipe, "")], "offline was wiped from memory"),
        ("backup", vec![("keeper = \"ana\"\n", "")], "needs the field keeper"),
        (
            "destroy",
            vec![("[[act.step]]\ndo = \"erase-token\"\ntoken = \"bo-1\"\nminutes = 10\n", "")],
            "bo-1 is not wiped",
        ),
        (
            "destroy",
            vec![("minutes = 45", "minutes = 45\n\n[[act.step]]\ndo = \"make-key\"\nname = \"more\"\n")],
            "[backup] is missing",
        ),
    ] {
        let said = said(name, &changes);
        assert!(said.contains(expected), "{name}: {changes:?}\n{said}");
    }
}

/// The world before and after each operation about a key in memory or an old share, with the transcript as it then was.
fn moments(room: &mut Room) -> Moments {
    let mut moments = Moments::default();
    let is_of_it = |pending: &Pending| match pending {
        Pending::Do(operation) => matches!(
            operation,
            Operation::TakeKey { .. }
                | Operation::OpenBackup { .. }
                | Operation::SealBackup { .. }
                | Operation::GiveShare { index: 1 | 5, .. }
                | Operation::PutKey { .. }
                | Operation::WipeKey { .. }
                | Operation::CheckShare { index: 2, .. }
        ),
        // The witness is about to say that a share is gone.
        Pending::Ask(prompt) => {
            matches!(&prompt.input, Input::PersonalWord { .. })
                && matches!(&prompt.scene, Scene::Statement { text } if text.starts_with("Share 2 of set"))
        }
        _ => false,
    };
    while room.ended().is_none() {
        let pending = room.ceremony().pending();
        if !is_of_it(&pending) {
            room.turn().unwrap_or_else(|error| panic!("{error:?}"));
            continue;
        }
        if matches!(pending, Pending::Do(_)) {
            moments.around_an_operation(room);
            continue;
        }
        moments.keep(room, "a share is read, and not destroyed".into());
        room.turn().unwrap_or_else(|error| panic!("{error:?}"));
        moments.keep(room, "a share is destroyed".into());
    }
    moments
}

fn cut_at_any_moment(name: &str, test: &str, least: usize) {
    on_softhsm(test, |tokens| {
        let mut room = Room::rehearse(tokens, name);
        let people = room.people.clone();
        let moments = moments(&mut room);
        assert!(moments.len() >= least, "{}", moments.len());
        drop(room);
        for moment in moments.iter() {
            let what = &moment.what;
            let mut room = moment.resumed(tokens, &people);
            while room.ended().is_none() {
                match room.ceremony().pending() {
                    Pending::Ask(prompt) => match &prompt.scene {
                        Scene::Trouble { trouble: Trouble::Fault(fault), .. } => {
                            assert!(fault.cause.contains("was not done"), "{what}: {fault}");
                            room.word("AGAIN");
                        }
                        Scene::Trouble { trouble, .. } => panic!("{what}: {}", trouble.words()),
                        Scene::List { title, .. } if title.contains("was read back") => {
                            assert!(!title.contains("no token holds it"), "the key is not lost: {title}");
                            room.word("DESTROYED");
                        }
                        _ => room.turn().unwrap_or_else(|error| panic!("{what}: {error:?}")),
                    },
                    _ => room.turn().unwrap_or_else(|error| panic!("{what}: {error:?}")),
                }
            }
            let last = room.ceremony().backups().iter().next().expect("a key").1;
            assert!(last.proven && last.wiped && last.is_in_custody(), "{what}");
            let set = sealed(&room).set;
            assert_eq!(last.sealed.as_ref().map(|sealed| sealed.set.id()), Some(set.id()), "{what}");
            let others =
                room.events().filter(|event| matches!(event, Event::KeyPut { key, .. } if key.id() != last.key.id()));
            assert_eq!(others.count(), 0, "{what}: one key, however often it came into memory");
            // Whatever was given up has other pages than what stands.
            for event in room.events() {
                if let Event::BackupDiscarded { set: Some(given_up), .. } = event {
                    assert_ne!(given_up, set.id(), "{what}");
                }
            }
            officiant::perform::record::finish(&room.runner).expect("a manifest");
            for medium in ["a", "b"] {
                record::holds(&room.place.join(medium));
            }
        }
    });
}

#[test]
fn a_backup_of_a_file_that_is_cut_at_any_moment_is_finished_or_begun_again() {
    cut_at_any_moment("backup", "a_backup_of_a_file_that_is_cut_at_any_moment_is_finished_or_begun_again", 7 * 3);
}

#[test]
fn a_change_of_custodians_that_is_cut_at_any_moment_is_finished_or_begun_again() {
    let test = "a_change_of_custodians_that_is_cut_at_any_moment_is_finished_or_begun_again";
    cut_at_any_moment("change-custodians", test, 7 * 3 + 2);
}
