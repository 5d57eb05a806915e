//! Keys that are made in memory, in whole ceremonies on SoftHSM: sealed, shared out, restored from shares before they count, and opened
//! by a stranger with the stock tools.

mod backup_support;
mod ceremony_support;
mod support;

use std::{fs, path::Path, process::Command};

use backup_support::is_there;
use ceremony_support::{People, Room, cuts::Moments, paper, record, script};
use officiant::{
    backup::Sealed,
    ceremony::{
        Pending,
        backups::SealedBackup,
        check::check,
        event::Event,
        operation::{Operation, Trouble},
        prompt::{AsideKind, Scene},
        script::{Way, read},
        state::Closing,
    },
    rules::Rule,
    secret::{Passphrase, Secret},
    transcript,
    tuf::key::PublicKey,
};
use support::on_softhsm;

const DCT: &str = "dct-genesis-backup";

/// A genesis of TUF with two keys, each made in memory, on two tokens, and backed up.
fn tuf() -> (String, People) {
    let path = script("genesis-small");
    let text = fs::read_to_string(&path).expect("a shipped script");
    let (before, acts) = text.split_once("\n[[act]]\ntitle = \"Three tokens").expect("the act of the tokens");
    let (_, after) = acts.split_once("\n[[act]]\n").expect("the act after it");
    let more = "[[token]]\nalias = \"vault-2\"\nholder = \"petra\"\ntag = \"grey\"\nmodule = \"hsm\"\nuser-pin = \"mira\"\nso-pin = \"jon\"\n\n[root]";
    let before = before
        .replace("[root]", more)
        .replace("keys = [\"mira-1\", \"jon-1\", \"vault-1\"]", "keys = [\"mira-1\", \"jon-1\"]")
        .replace("merged-duties = true", "merged-duties = true\nno-spare = true");
    let backup = "[backup]\nway = \"software-born\"\nthreshold = 2\ncustodians = [\"mira\", \"jon\", \"petra\"]\ncontact = \"the shop\"\n";
    let mut act = "[[act]]\ntitle = \"Two keys\"\n".to_owned();
    for token in ["mira-1", "jon-1", "vault-1", "vault-2"] {
        act += &format!("[[act.step]]\ndo = \"prepare-token\"\ntoken = \"{token}\"\n");
    }
    for (name, first, second) in [("mira", "mira-1", "vault-1"), ("jon", "jon-1", "vault-2")] {
        for kind in ["make-key", "seal-backup", "give-shares"] {
            act += &format!("[[act.step]]\ndo = \"{kind}\"\nname = \"{name}\"\n");
        }
        for (kind, token) in [("put-key", first), ("restore-key", second)] {
            act += &format!("[[act.step]]\ndo = \"{kind}\"\nname = \"{name}\"\ntoken = \"{token}\"\n");
            act += &format!("[[act.step]]\ndo = \"drill-token\"\ntoken = \"{token}\"\n");
        }
        act += &format!("[[act.step]]\ndo = \"wipe-key\"\nname = \"{name}\"\n");
    }
    let after = after.replace("[[act.step]]\ndo = \"sign\"\ntoken = \"vault-1\"\nminutes = 2\n", "");
    let after = after.replace(", \"vault-1\"]", "]");
    let mut people = People::of(&path);
    let pins = people.pins["vault-1"].clone();
    people.pins.insert("vault-2".into(), pins);
    people.absent.clear();
    (format!("{before}\n{backup}\n{act}\n[[act]]\n{after}"), people)
}

fn sealed(room: &Room) -> Vec<SealedBackup> {
    let sealed = room.events().filter_map(|event| match event {
        Event::BackupSealed { sealed, .. } => Some(sealed.clone()),
        _ => None,
    });
    sealed.collect()
}

/// The public key that stands behind an age file, by the independent script and the stock tools.
fn opened_by_a_stranger(folder: &Path, sealed: &SealedBackup, shares: &[u8]) -> Option<PublicKey> {
    let work = backup_support::in_memory();
    let files: Vec<String> = shares
        .iter()
        .map(|share| {
            let name = format!("share-{share}.txt");
            fs::write(work.path().join(&name), paper::page(&sealed.set.id(), *share)).expect("written");
            name
        })
        .collect();
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(work.path()).output().expect("it runs");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    if !is_there("python3") {
        return None;
    }
    let recover = backup_support::script();
    let mut arguments = vec![recover.to_str().expect("text"), "identity"];
    arguments.extend(files.iter().map(String::as_str));
    fs::write(work.path().join("identity.txt"), run("python3", &arguments)).expect("written");
    let tool = ["age", "rage"].into_iter().find(|tool| is_there(tool))?;
    let file = folder.join(&sealed.file.name);
    let text = run(tool, &["-d", "-i", "identity.txt", file.to_str().expect("text")]);
    let text = String::from_utf8(text).expect("text");
    assert!(text.starts_with("officiant backup 1\n"));
    let at = text.find("-----BEGIN").expect("a key");
    fs::write(work.path().join("key.pem"), &text[at..]).expect("written");
    let public = run("openssl", &["pkey", "-in", "key.pem", "-pubout"]);
    PublicKey::from_spki_pem(&String::from_utf8(public).expect("a key"))
}

#[test]
fn dct_genesis_backup() {
    on_softhsm("dct_genesis_backup", |tokens| {
        let mut room = Room::rehearse(tokens, DCT);
        room.finish();
        let folder = room.place.join("a");
        record::holds(&folder);
        let [sealed] = sealed(&room).try_into().expect("one key");
        assert_eq!(room.count(|event| matches!(event, Event::ShareReadBack { .. })), 5);
        let put: Vec<(String, Vec<u8>)> = room
            .events()
            .filter_map(|event| match event {
                Event::KeyPut { alias, shares, .. } => Some((alias.to_string(), shares.clone())),
                _ => None,
            })
            .collect();
        assert_eq!(put, [("ana-1".to_owned(), vec![]), ("bo-1".to_owned(), vec![1, 2, 3])]);
        let made = room.events().find_map(|event| match event {
            Event::KeyMade { key, sources, dice, .. } => Some((key.clone(), sources.clone(), dice.is_some())),
            _ => None,
        });
        let (key, sources, dice) = made.expect("a key was made");
        assert_eq!(
            (sources, dice),
            (["the operating system", "ana-1", "bo-1", "dice"].map(str::to_owned).to_vec(), true)
        );
        // A certificate and a draft are made of a key that counts: both entries say so.
        let asked = room.events().filter(|event| {
            let restores = event.passed().iter().any(|passed| passed.rule == Rule::BackupRestores);
            restores && matches!(event, Event::CertificatesSigned { .. } | Event::BatchBegan { .. })
        });
        assert_eq!(asked.count(), 2);
        // Two tokens hold the key; the one that the script names in the root speaks for it in the review.
        let changes = room.events().find_map(|event| match event {
            Event::RepositoriesDrafted { shapes, .. } => Some(shapes[0].documents[0].changes.join("; ")),
            _ => None,
        });
        let changes = changes.expect("a draft");
        assert!(changes.contains("root: add the key of ana-1, Ana Ruiz") && !changes.contains("bo-1"), "{changes}");
        let text = fs::read_to_string(folder.join(format!("backup/offline-{}.txt", sealed.set.id()))).expect("a sheet");
        assert!(text.contains("SEALED BACKUP"));
        for medium in ["a", "b"] {
            for shares in [[1, 2, 3], [2, 4, 5]] {
                match opened_by_a_stranger(&room.place.join(medium), &sealed, &shares) {
                    Some(public) => assert_eq!(public, *key.public(), "shares {shares:?}"),
                    None => return println!("skipped: age or python3 is not here"),
                }
            }
        }
    });
}

#[test]
fn a_tuf_genesis_with_two_keys_that_are_made_in_memory() {
    on_softhsm("a_tuf_genesis_with_two_keys_that_are_made_in_memory", |tokens| {
        let (text, people) = tuf();
        let checked = check(&read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}")));
        assert!(checked.holds(), "{checked}");
        let mut room = Room::rehearse_text(tokens, text.as_bytes(), people, None);
        room.finish();
        record::holds(&room.place.join("a"));
        let sealed = sealed(&room);
        assert_eq!(sealed.len(), 2);
        assert_ne!(sealed[0].set.id(), sealed[1].set.id());
        let drafted = room.events().find_map(|event| match event {
            Event::Drafted { passed, .. } => Some(passed.clone()),
            _ => None,
        });
        let asked = drafted.expect("a draft").iter().filter(|passed| passed.rule == Rule::BackupRestores).count();
        assert_eq!(asked, 2, "of each key");
    });
}

/// The same by people who declare that one of them has it all.
fn with_a_copy() -> (String, People) {
    let (text, mut people) = tuf();
    let text = text.replace("contact = \"the shop\"", "contact = \"the shop\"\npassphrase-copy = \"mira\"");
    for name in ["mira", "jon"] {
        people.passphrases.insert(name.into(), PASSPHRASE.into());
    }
    (text.replace("merged-duties = true", "merged-duties = true\nsingle-control = true"), people)
}

const PASSPHRASE: &str = "correct horse battery";

#[test]
fn a_copy_that_one_person_opens_is_made_where_the_script_declares_it_and_opens_without_a_share() {
    let test = "a_copy_that_one_person_opens_is_made_where_the_script_declares_it_and_opens_without_a_share";
    on_softhsm(test, |tokens| {
        let (text, people) = with_a_copy();
        let undeclared = check(&read::script(text.replace("single-control = true", "").as_bytes()).expect("a script"));
        let said: Vec<_> =
            undeclared.findings.iter().filter(|found| found.what.contains("the passphrase of")).collect();
        assert!(!undeclared.holds() && said[0].rule == Some(Rule::BackupDeclared), "{undeclared}");
        let wrapped = text.replace("way = \"software-born\"", "way = \"wrapped\"");
        assert!(read::script(wrapped.as_bytes()).expect_err("wrapped").what.contains("backup.passphrase-copy"));

        let mut room = Room::rehearse_text(tokens, text.as_bytes(), people, None);
        // Too short a passphrase: nothing is written, and it is asked for again.
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::SealCopy { .. })));
        room.people.passphrases.insert("mira".into(), "too short".into());
        room.turn().expect("trouble is an answer");
        assert!(matches!(room.prompt().scene, Scene::Trouble { .. }));
        assert_eq!(room.count(|event| matches!(event, Event::CopySealed { .. })), 0);
        room.people.passphrases.insert("mira".into(), PASSPHRASE.into());
        room.word("AGAIN");
        room.finish();
        for medium in ["a", "b"] {
            record::holds(&room.place.join(medium));
        }
        let copies: Vec<_> = room
            .events()
            .filter_map(|event| match event {
                Event::CopySealed { person, file, passed, .. } => {
                    Some((person.to_string(), file.clone(), passed.clone()))
                }
                _ => None,
            })
            .collect();
        let sealed = sealed(&room);
        assert_eq!((copies.len(), sealed.len()), (2, 2));
        let made: Vec<_> = room
            .events()
            .filter_map(|event| match event {
                Event::KeyMade { key, .. } => Some(key.clone()),
                _ => None,
            })
            .collect();
        for (((person, file, passed), of), key) in copies.iter().zip(&sealed).zip(&made) {
            assert_eq!(person, "mira");
            assert!(passed.iter().any(|passed| passed.rule == Rule::BackupDeclared));
            assert!(of.set.passphrase_copy, "the set says that shares alone are not all of it");
            for medium in ["a", "b"] {
                let bytes = fs::read(room.place.join(medium).join(&file.name)).expect("the copy");
                let copy = Sealed::read(bytes).expect("an age file");
                let opened = copy.open_alone(&passphrase(PASSPHRASE)).expect("it opens");
                opened.trusted(key).expect("it holds the private half");
                assert!(copy.open_alone(&passphrase("correct horse batterY")).is_err());
            }
            // It is among what is read from each medium again.
            assert!(
                room.events().any(|event| matches!(event, Event::MediumRead { files, .. } if files.contains(file)))
            );
        }
        let transcript = fs::read_to_string(room.place.join("a").join(transcript::FILE)).expect("a transcript");
        assert!(!transcript.contains(PASSPHRASE));
        let status = Command::new(env!("CARGO_BIN_EXE_officiant"))
            .args(["backup", "status"])
            .arg(room.place.join("a"))
            .output()
            .expect("the program");
        let said = String::from_utf8_lossy(&status.stdout).into_owned();
        assert_eq!(said.matches("a copy of it opens with a passphrase").count(), 2, "{said}");
    });
}

fn passphrase(text: &str) -> Passphrase {
    Secret::copied(text.as_bytes()).expect("memory can be locked").into()
}

#[test]
fn a_script_in_which_a_key_counts_before_its_backup_restores_does_not_hold() {
    let (text, _) = tuf();
    let restore = "[[act.step]]\ndo = \"restore-key\"\nname = \"jon\"\ntoken = \"vault-2\"\n";
    let memory = "[[act.step]]\ndo = \"put-key\"\nname = \"jon\"\ntoken = \"vault-2\"\n";
    let wipe = "[[act.step]]\ndo = \"wipe-key\"\nname = \"jon\"\n";
    let give = "[[act.step]]\ndo = \"give-shares\"\nname = \"jon\"\n";
    for (from, to, said) in [
        (restore, memory, "a token to which jon was restored from shares has signed"),
        (wipe, "", "jon was wiped from memory"),
        (give, "", "the shares of jon were read back"),
    ] {
        assert!(text.contains(from));
        let checked = check(&read::script(text.replace(from, to).as_bytes()).expect("a script"));
        assert!(!checked.holds());
        assert!(checked.findings.iter().any(|finding| finding.what.contains(said)), "{checked}");
    }
    let unnamed = read::script(
        text.replace("do = \"wipe-key\"\nname = \"jon\"", "do = \"wipe-key\"\nname = \"joan\"").as_bytes(),
    );
    assert!(unnamed.expect_err("no such key").what.contains("or make-kek, has the name joan"));
}

/// Goes on to the moment before share `index` is made.
fn until_share(room: &mut Room, index: u8) {
    room.until(|pending, _| matches!(pending, Pending::Do(Operation::GiveShare { index: next, .. }) if *next == index));
}

#[test]
fn what_is_typed_wrong_is_named_and_nothing_is_lost() {
    on_softhsm("what_is_typed_wrong_is_named_and_nothing_is_lost", |tokens| {
        let mut room = Room::rehearse(tokens, DCT);
        until_share(&mut room, 2);
        let set = sealed(&room)[0].set.id();

        // The page of somebody else instead of one's own.
        let other = set.clone();
        room.other_secret = Box::new(move |request| {
            let row = request.row.as_ref()?;
            Some(paper::row(&other, 1, row.row).and_then(|row| paper::typed(&row)))
        });
        room.perform().expect("the trouble is recorded");
        assert!(is_refused(&room, Rule::ShareReadBack, "This is share 1; share 2 was to be typed."));
        room.word("AGAIN");

        // A wrong letter, five times.
        let asked = std::sync::Arc::new(std::sync::Mutex::new(vec![]));
        let told = std::sync::Arc::clone(&asked);
        room.other_secret = Box::new(move |request| {
            let row = request.row.as_ref().filter(|row| row.row == 3)?;
            told.lock().expect("a list").push(request.wrong.clone().unwrap_or_default());
            assert_eq!((row.share, row.rows), (Some(2), 8));
            Some(Some(ceremony_support::secret("2222 2222 2222 2222 2222")))
        });
        room.perform().expect("the trouble is recorded");
        assert!(is_refused(&room, Rule::ShareFits, "row 3: some letter of it is another one"));
        let asked = asked.lock().expect("a list").clone();
        assert_eq!(asked.len(), 5);
        assert!(asked[0].is_empty() && asked[1..].iter().all(|wrong| wrong.starts_with("row 3: some letter")));
        room.word("AGAIN");

        // Nobody types.
        room.other_secret = Box::new(|request| request.row.as_ref().map(|_| None));
        room.perform().expect("the trouble is recorded");
        assert!(matches!(room.trouble(), Trouble::NobodyAnswered { .. }));
        room.word("AGAIN");

        // All goes well again, up to the restore: a share twice, and one that was altered, are named, and the others stay.
        room.other_secret = Box::new(|_| None);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::PutKey { from_shares: true, .. })));
        let first = set.clone();
        room.other_secret = Box::new(move |request| {
            let row = request.row.as_ref()?;
            Some(paper::row(&first, 4, row.row).and_then(|row| paper::typed(&row)))
        });
        room.perform().expect("the trouble is recorded");
        assert!(is_refused(&room, Rule::ShareFits, "Share 4 is here already."));
        room.word("AGAIN");
        let (last, set) = (set.clone(), set);
        room.other_secret = Box::new(move |request| {
            let row = request.row.as_ref()?;
            assert!(row.brought > 1, "the first share stayed");
            let share = if row.brought == 2 { 5 } else { 2 };
            Some(paper::row(&last, share, row.row).and_then(|row| paper::typed(&row)))
        });
        room.perform().expect("enough shares");
        let shares = room.events().find_map(|event| match event {
            Event::KeyPut { shares, .. } if !shares.is_empty() => Some(shares.clone()),
            _ => None,
        });
        assert_eq!(shares, Some(vec![4, 5, 2]), "of set {set}");
        room.other_secret = Box::new(|_| None);
        room.finish();
        record::holds(&room.place.join("a"));
    });
}

fn is_refused(room: &Room, rule: Rule, said: &str) -> bool {
    match room.trouble() {
        Trouble::Refused(refusal) => refusal.rule == rule && refusal.what.contains(said),
        _ => false,
    }
}

#[test]
fn a_sealed_file_that_is_damaged_on_one_medium_comes_from_the_other_and_on_both_is_named() {
    let test = "a_sealed_file_that_is_damaged_on_one_medium_comes_from_the_other_and_on_both_is_named";
    on_softhsm(test, |tokens| {
        let mut room = Room::rehearse(tokens, DCT);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::PutKey { from_shares: true, .. })));
        let name = sealed(&room)[0].file.name.clone();
        let (a, b) = (room.place.join("a").join(&name), room.place.join("b").join(&name));
        let good = fs::read(&a).expect("the sealed file");
        fs::write(&a, &good[..good.len() - 7]).expect("cut short");
        fs::write(&b, b"another").expect("another file");
        room.perform().expect("the trouble is recorded");
        assert!(is_refused(&room, Rule::BackupOpens, "it is not the file that was sealed"));
        fs::write(&b, &good).expect("put back");
        room.word("AGAIN");
        room.perform().expect("from the other medium");
        fs::write(&a, &good).expect("put back");
        room.finish();
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn a_key_that_went_with_the_memory_is_given_up_its_shares_are_destroyed_and_no_token_held_it() {
    let test = "a_key_that_went_with_the_memory_is_given_up_its_shares_are_destroyed_and_no_token_held_it";
    on_softhsm(test, |tokens| {
        let mut room = Room::rehearse(tokens, DCT);
        until_share(&mut room, 3);
        // In the middle of a share: its intent stands, and its page may be half written.
        drop(room.runner.intend().expect("an intent"));
        let first = sealed(&room)[0].set.id();
        let mut room = room.again(tokens);
        let destroyed = |room: &mut Room| {
            room.until(|pending, _| match pending {
                Pending::Ask(prompt) => matches!(prompt.scene, Scene::List { .. } | Scene::Trouble { .. }),
                _ => false,
            });
            if matches!(room.prompt().scene, Scene::Trouble { .. }) {
                room.word("AGAIN");
                room.until_scene(|scene| matches!(scene, Scene::List { .. }));
            }
            let Scene::List { lines, title, .. } = room.prompt().scene else { panic!("a list") };
            assert!(title.contains("no token holds it"), "{title}");
            lines.to_vec()
        };
        let lines = destroyed(&mut room);
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert!(lines[2].contains(&format!("share 3 of set {first}")), "{lines:?}");
        let holders =
            room.ceremony().script().tokens.iter().filter(|token| room.ceremony().token(&token.alias).key.is_some());
        assert_eq!(holders.map(|token| token.alias.as_str()).collect::<Vec<_>>(), ["tag-1"], "no token holds it");
        room.word("DESTROYED");
        // Once more, this time by leaving before anything was sealed.
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::SealBackup { .. })));
        let mut room = room.again(tokens);
        assert_eq!(destroyed(&mut room), ["No share was made. There is nothing to destroy."]);
        room.word("DESTROYED");
        room.finish();
        record::holds(&room.place.join("a"));
        assert_eq!(room.count(|event| matches!(event, Event::BackupDiscarded { .. })), 2);
        assert_eq!(room.count(|event| matches!(event, Event::KeyMade { .. })), 3);
        let second = sealed(&room)[1].set.id();
        assert_ne!(first, second);
    });
}

#[test]
fn once_every_share_was_read_back_a_lost_memory_loses_nothing() {
    on_softhsm("once_every_share_was_read_back_a_lost_memory_loses_nothing", |tokens| {
        let mut room = Room::rehearse(tokens, DCT);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::PutKey { from_shares: false, .. })));
        let mut room = room.again(tokens);
        room.finish();
        record::holds(&room.place.join("a"));
        let put: Vec<usize> = room
            .events()
            .filter_map(|event| match event {
                Event::KeyPut { shares, .. } => Some(shares.len()),
                _ => None,
            })
            .collect();
        assert_eq!(put, [3, 3], "both tokens got it from shares");
        assert_eq!(room.count(|event| matches!(event, Event::KeyMade { .. })), 1);
    });
}

#[test]
fn a_ceremony_may_be_left_for_good_in_the_middle_and_says_what_there_is() {
    on_softhsm("a_ceremony_may_be_left_for_good_in_the_middle_and_says_what_there_is", |tokens| {
        let mut room = Room::rehearse(tokens, DCT);
        until_share(&mut room, 2);
        drop(room.runner.intend().expect("an intent"));
        let mut room = room.again(tokens);
        room.until_scene(|scene| matches!(scene, Scene::Trouble { .. } | Scene::List { .. }));
        room.aside(AsideKind::Abandon, &[ceremony_support::text("the machine is not to be trusted")]);
        assert!(matches!(room.ceremony().pending(), Pending::Finished(Closing::Abandoned)));
        let account = room.events().find_map(|event| match event {
            Event::Abandoned { account, .. } => Some(account.clone()),
            _ => None,
        });
        let account = account.expect("an account").join("\n");
        assert!(account.contains("share 1") && account.contains("share 2"), "{account}");
        let text = fs::read(room.place.join("a").join(transcript::FILE)).expect("a transcript");
        assert!(transcript::read(&text).is_ok());
    });
}

#[test]
fn each_way_says_its_consequences_and_what_is_not_there_is_not_promised() {
    let script = |backup: &str, declares: &str| {
        let text = fs::read_to_string(ceremony_support::script("genesis")).expect("a shipped script");
        let text = text.replacen("[[people]]", &format!("{declares}\n[[people]]"), 1);
        let text = text.replacen("[root]", &format!("[backup]\n{backup}\n\n[root]"), 1);
        read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
    };
    let findings = |backup: &str, declares: &str| {
        let checked = check(&script(backup, declares));
        let declared = checked.findings.iter().filter(|finding| finding.rule == Some(Rule::BackupDeclared));
        (checked.holds(), declared.map(|finding| finding.what.clone()).collect::<Vec<_>>().join("\n"))
    };
    let (holds, said) = findings("way = \"redundancy\"", "");
    assert!(holds && said.contains("no private backup"), "{said}");
    let (holds, said) = findings("way = \"none\"", "");
    assert!(!holds && said.contains("Nothing brings it back"), "{said}");
    assert!(findings("way = \"none\"", "[declares]\nno-backup = true\n").0);
    let born = "way = \"software-born\"\nthreshold = 2\ncustodians = [\"ana\", \"bo\", \"cem\"]\ncontact = \"us\"";
    let (holds, said) = findings(born, "");
    assert!(!holds && said.contains("no key is made in memory"), "{said}");
    let (holds, said) = findings(&born.replace("software-born", "wrapped"), "");
    assert!(!holds && said.contains("This machine never holds it") && said.contains("no key is wrapped"), "{said}");
    let alone = born.replace("\"bo\"", "\"ana\"");
    let wrong = |backup: &str| {
        let text = fs::read_to_string(ceremony_support::script("genesis")).expect("a shipped script");
        read::script(text.replacen("[root]", &format!("[backup]\n{backup}\n\n[root]"), 1).as_bytes())
            .expect_err("wrong")
    };
    assert!(wrong(&alone.replace("threshold = 2", "threshold = 3")).what.contains("less than all"));
    assert!(wrong(&born.replace("threshold = 2", "threshold = 1")).what.contains("at least 2"));
    assert!(wrong(&born.replace("contact = \"us\"", "")).what.contains("backup.contact is missing"));
    assert!(wrong("way = \"none\"\ncontact = \"us\"").what.contains("only way"));
    assert!(wrong(&format!("{born}\nprinter = \"page.txt\"")).what.contains("printer"));
    assert_eq!(script("way = \"redundancy\"", "").backup.expect("a way").way, Way::Redundancy);
}

/// The world before and after each operation between the making of a key and its wiping, with the transcript as it then was.
fn moments(room: &mut Room) -> Moments {
    let mut moments = Moments::default();
    let of_a_backup = |pending: &Pending| match pending {
        Pending::Do(operation) => matches!(
            operation,
            Operation::MakeKey { .. }
                | Operation::SealBackup { .. }
                | Operation::GiveShare { index: 1 | 2 | 5, .. }
                | Operation::PutKey { .. }
                | Operation::WipeKey { .. }
        ),
        _ => false,
    };
    room.until(|pending, _| matches!(pending, Pending::Do(Operation::MakeKey { .. })));
    while room.count(|event| matches!(event, Event::KeyWiped { .. })) == 0 {
        if !of_a_backup(&room.ceremony().pending()) {
            room.turn().unwrap_or_else(|error| panic!("{error:?}"));
            continue;
        }
        moments.around_an_operation(room);
    }
    moments
}

#[test]
fn a_cut_at_any_moment_leaves_no_key_or_one_that_is_finished_or_given_up() {
    on_softhsm("a_cut_at_any_moment_leaves_no_key_or_one_that_is_finished_or_given_up", |tokens| {
        let mut room = Room::rehearse(tokens, DCT);
        let people = room.people.clone();
        let moments = moments(&mut room);
        assert!(moments.len() >= 8 * 3, "{}", moments.len());
        drop(room);
        for moment in moments.iter() {
            let what = &moment.what;
            let mut room = moment.resumed(tokens, &people);
            let before = room.entries().len();
            while room.ended().is_none() {
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
            let after: Vec<Event> = room.events().skip(before).collect();
            let discarded = after.iter().filter(|event| matches!(event, Event::BackupDiscarded { .. })).count();
            let made = room.count(|event| matches!(event, Event::KeyMade { .. }));
            // Which key counts in the end, and that no token got another one before or after.
            let last = room.ceremony().backups().iter().next().expect("a key").1;
            assert!(last.proven && last.wiped && last.is_in_custody(), "{what}");
            let put = room.events().filter_map(|event| match event {
                Event::KeyPut { key, .. } => Some(key.id()),
                _ => None,
            });
            assert!(put.eq([last.key.id(), last.key.id()]), "{what}: two tokens, and this key alone");
            assert!(made == 1 + room.count(|event| matches!(event, Event::BackupDiscarded { .. })), "{what}");
            assert!(discarded <= 1, "{what}");
            officiant::perform::record::finish(&room.runner).expect("a manifest");
            for medium in ["a", "b"] {
                record::holds(&room.place.join(medium));
            }
        }
    });
}

#[test]
fn share_check() {
    on_softhsm("share_check", |tokens| {
        let mut room = Room::rehearse(tokens, "share-check");
        // One custodian did not come, one has lost the page, one brought the page of another.
        let of_share = |pending: &Pending, index: u8| match pending {
            Pending::Ask(prompt) => {
                matches!(&prompt.scene, Scene::Plain { ask } if ask.starts_with(&format!("Is share {index} of 5 here")))
            }
            _ => false,
        };
        room.until(|pending, _| of_share(pending, 2));
        room.word("ABSENT");
        room.until(|pending, _| of_share(pending, 4));
        room.word("LOST");
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::CheckShare { index: 5, .. })));
        let place = room.place.join("a");
        room.other_secret = Box::new(move |request| {
            let row = request.row.as_ref()?;
            let page = officiant::perform::rehearsal::page(&place, &row.set, 3);
            let text = fs::read_to_string(page).expect("a page");
            Some(Some(ceremony_support::secret(text.lines().nth(usize::from(row.row) - 1).expect("a row"))))
        });
        room.perform().expect("the trouble is recorded");
        assert!(is_refused(&room, Rule::ShareFits, "This is share 3; share 5 was to be typed."));
        room.other_secret = Box::new(|_| None);
        room.word("AGAIN");
        room.finish();
        record::holds(&room.place.join("a"));
        let read: Vec<u8> = room
            .events()
            .filter_map(|event| match event {
                Event::ShareChecked { index, .. } => Some(index),
                _ => None,
            })
            .collect();
        assert_eq!(read, [1, 3, 5]);
        let missing: Vec<(u8, bool)> = room
            .events()
            .filter_map(|event| match event {
                Event::ShareMissing { index, lost, .. } => Some((index, lost)),
                _ => None,
            })
            .collect();
        assert_eq!(missing, [(2, false), (4, true)]);
        assert_eq!(room.count(|event| matches!(event, Event::KeyPut { .. } | Event::KeyMade { .. })), 0);
    });
}

#[test]
fn a_set_of_shares_that_is_not_the_pinned_one_is_refused() {
    on_softhsm("a_set_of_shares_that_is_not_the_pinned_one_is_refused", |tokens| {
        let mut room = Room::rehearse(tokens, "share-check");
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::ReadInput { .. })));
        let file = room.place.join("a/rehearsal/inputs/kept/offline.set.json");
        let good = fs::read(&file).expect("a set");
        fs::write(&file, String::from_utf8(good.clone()).expect("text").replace("    3,", "    2,")).expect("another");
        let refused = room.perform().expect_err("another set");
        assert_eq!(refused.refusal().expect("a rule").rule, Rule::BytesMatchHash);
        fs::write(&file, good).expect("put back");
        room.word("AGAIN");
        room.finish();
        record::holds(&room.place.join("a"));
    });
}
