//! Shares that are encrypted to their custodians as well, in whole ceremonies on SoftHSM: what stock age gives back is the share, it is taken
//! wherever a share is, and nobody but the one custodian has it so.

mod backup_support;
mod ceremony_support;
mod cli_support;
mod support;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use backup_support::is_there;
use ceremony_support::{People, Room, cuts::Moments, paper, record, script, secret};
use officiant::{
    backup::Share,
    ceremony::{
        Pending,
        check::check,
        event::Event,
        operation::{ExportedFile, Giving, Operation, Trouble},
        prompt::Scene,
        script::read,
    },
    custody::Set,
    rules::Rule,
    secret::SecretKind,
    token::pkcs11::rehearsal::Rehearsal,
    tuf::key::{Key, PublicKey},
};
use support::on_softhsm;
use tempfile::TempDir;

const DCT: &str = "dct-genesis-backup";
const WRAPPED: &str = "dct-genesis-wrapped";
/// From the documentation of age; nobody here has its identity.
const STRANGER: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

/// Custodians with identities that stock age made, in memory.
struct Keepers {
    folder: TempDir,
    recipients: BTreeMap<&'static str, String>,
}

impl Keepers {
    fn new(people: &[&'static str]) -> Self {
        let folder = backup_support::in_memory();
        let recipients = people.iter().map(|person| {
            let path = folder.path().join(format!("{person}.txt"));
            let made = Command::new("age-keygen").arg("-o").arg(&path).output().expect("age-keygen runs");
            assert!(made.status.success());
            let text = String::from_utf8(made.stderr).expect("text");
            let recipient = text.trim().strip_prefix("Public key: ").expect("a recipient").to_owned();
            (*person, recipient)
        });
        let recipients = recipients.collect();
        Self { folder, recipients }
    }

    /// The field of a script.
    fn field(&self) -> String {
        let each: Vec<String> =
            self.recipients.iter().map(|(person, recipient)| format!("{person} = \"{recipient}\"")).collect();
        format!("recipients = {{ {} }}", each.join(", "))
    }

    /// What stock age makes of a file by the identity of `person`; `None` where it does not open.
    fn open(&self, person: &str, file: &Path) -> Option<String> {
        let identity = self.folder.path().join(format!("{person}.txt"));
        let output = Command::new("age").arg("-d").arg("-i").arg(identity).arg(file).output().expect("age runs");
        output.status.success().then(|| String::from_utf8(output.stdout).expect("text"))
    }
}

/// A shipped script with this in its section on the backup.
fn with(name: &str, field: &str) -> String {
    let text = fs::read_to_string(script(name)).expect("a shipped script");
    assert!(text.contains("\n[backup]\n"));
    text.replacen("\n[backup]\n", &format!("\n[backup]\n{field}\n"), 1)
}

fn begin(tokens: &Rehearsal, name: &str, field: &str) -> Room {
    Room::rehearse_text(tokens, with(name, field).as_bytes(), People::of(&script(name)), None)
}

/// Whether stock age is here. Without it the tests that need it say so.
fn age_is_here() -> bool {
    let there = is_there("age") && is_there("age-keygen");
    if !there {
        println!("skipped: age is not here");
    }
    there
}

/// The text of the code on a page, from the page as a person types it.
fn code(set: &str, share: u8) -> String {
    format!("OFFICIANT-SHARE-1:{}", paper::page(set, share).replace([' ', '\n'], ""))
}

fn set(room: &Room) -> Set {
    let backups = room.ceremony().backups();
    let (_, backup) = backups.iter().next().expect("a key");
    backup.sealed.as_ref().expect("it is sealed").set.clone()
}

fn key(room: &Room) -> Key {
    room.ceremony().backups().iter().next().expect("a key").1.key.clone()
}

/// Every share that was encrypted: number, custodian, recipient, file, and what was left by an earlier try.
fn encrypted(room: &Room) -> Vec<(u8, String, String, ExportedFile, Vec<String>)> {
    let encrypted = room.events().filter_map(|event| match event {
        Event::ShareEncrypted { index, custodian, recipient, file, left, media, passed, .. } => {
            assert_eq!(media.len(), 2);
            assert_eq!(passed.iter().map(|passed| passed.rule).collect::<Vec<_>>(), [Rule::RecipientOwn]);
            Some((index, custodian.to_string(), recipient.to_string(), file, left))
        }
        _ => None,
    });
    encrypted.collect()
}

/// The files of the shares open on both media with the identity of their custodian and with no other, and hold what the page holds.
fn each_opens(room: &Room, keepers: &Keepers) {
    let set = set(room);
    let files = encrypted(room);
    let shares: Vec<u8> = files.iter().map(|(index, ..)| *index).collect();
    assert_eq!(shares, set.encrypted);
    for (index, custodian, recipient, file, left) in &files {
        assert_eq!(keepers.recipients.get(custodian.as_str()), Some(recipient));
        if left.is_empty() {
            assert!(file.name.ends_with(&format!("-{}-share-{index}.age", set.id())), "{}", file.name);
        }
        for medium in ["a", "b"] {
            let path = room.place.join(medium).join(&file.name);
            let bytes = fs::read(&path).expect("the file");
            assert!(bytes.starts_with(b"age-encryption.org/v1\n-> X25519 "), "binary, and one native recipient");
            assert_eq!(bytes.len() as u64, file.length);
            assert_eq!(keepers.open(custodian, &path), Some(code(&set.id(), *index)), "{medium}: {}", file.name);
            for other in keepers.recipients.keys().filter(|other| *other != custodian) {
                assert_eq!(keepers.open(other, &path), None, "{other} has no part in share {index}");
            }
        }
    }
}

/// What the independent script makes of these texts.
fn recovered(kind: &str, texts: &[String]) -> String {
    let work = backup_support::in_memory();
    let names: Vec<PathBuf> = (0..texts.len()).map(|at| work.path().join(format!("share-{at}"))).collect();
    names.iter().zip(texts).for_each(|(name, text)| fs::write(name, text).expect("written"));
    let output =
        Command::new("python3").arg(backup_support::script()).arg(kind).args(&names).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The public key in a sealed file that this identity opens.
fn sealed_key(file: &Path, identity: &str) -> PublicKey {
    let work = backup_support::in_memory();
    fs::write(work.path().join("identity.txt"), identity).expect("written");
    let opened = Command::new("age").args(["-d", "-i", "identity.txt"]).arg(file).current_dir(&work).output();
    let text = String::from_utf8(opened.expect("age runs").stdout).expect("text");
    let at = text.find("-----BEGIN").expect("a key");
    fs::write(work.path().join("key.pem"), &text[at..]).expect("written");
    let arguments = ["pkey", "-in", "key.pem", "-pubout"];
    let public = Command::new("openssl").args(arguments).current_dir(&work).output().expect("openssl runs");
    PublicKey::from_spki_pem(&String::from_utf8(public.stdout).expect("PEM")).expect("a key")
}

#[test]
fn a_share_that_was_encrypted_to_its_custodian_opens_with_stock_age_and_is_taken_as_the_page_is() {
    let test = "a_share_that_was_encrypted_to_its_custodian_opens_with_stock_age_and_is_taken_as_the_page_is";
    on_softhsm(test, |tokens| {
        if !age_is_here() {
            return;
        }
        let keepers = Keepers::new(&["ana", "cem", "kai", "vera"]);
        let text = with(DCT, &keepers.field());
        let checked = check(&read::script(text.as_bytes()).expect("a script"));
        assert!(checked.holds(), "{checked}");
        let said = checked.findings.iter().find(|finding| finding.rule == Some(Rule::RecipientOwn)).expect("a note");
        assert!(
            said.what.contains("Each of the shares 1, 3, 4 and 5") && said.what.contains("no sender authentication")
        );
        let mut room = begin(tokens, DCT, &keepers.field());
        // Each compares their own, and nobody else is asked.
        room.until_scene(|scene| matches!(scene, Scene::List { title, .. } if title.contains("your own recipient")));
        let prompt = room.prompt();
        let Scene::List { lines, title, .. } = &prompt.scene else { panic!("a list") };
        assert_eq!(prompt.who.iter().map(|person| person.as_str()).collect::<Vec<_>>(), ["ana"]);
        assert_eq!(lines.concat().replace(' ', ""), keepers.recipients["ana"]);
        assert!(title.contains("Ana Ruiz") && title.contains("share 1"), "{title}");
        // At the restore, the custodians have no page but the file.
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::PutKey { from_shares: true, .. })));
        let id = set(&room).id();
        let brought: Vec<String> = encrypted(&room)
            .iter()
            .map(|(_, custodian, _, file, _)| {
                keepers.open(custodian, &room.place.join("b").join(&file.name)).expect("it opens")
            })
            .collect();
        let texts = brought.clone();
        room.other_secret = Box::new(move |request| {
            let row = request.row.as_ref().filter(|_| request.what == SecretKind::ShareRow)?;
            assert_eq!(row.row, 1, "the text is the whole share");
            Some(Some(secret(&texts[usize::from(row.brought) - 1])))
        });
        room.perform().expect("shares 1, 3 and 4");
        room.other_secret = Box::new(|_| None);
        room.finish();
        let put = room.events().find_map(|event| match event {
            Event::KeyPut { shares, .. } if !shares.is_empty() => Some(shares),
            _ => None,
        });
        assert_eq!(put, Some(vec![1, 3, 4]));
        each_opens(&room, &keepers);
        for medium in ["a", "b"] {
            record::holds(&room.place.join(medium));
        }
        let report = fs::read_to_string(room.place.join("a/report.html")).expect("a report");
        assert!(report.contains("was encrypted to kai as backup/offline-"), "the report says it");
        let card = fs::read_to_string(room.place.join("a/card.html")).expect("a card");
        assert!(card.contains("encrypted to their custodians as well: 1, 3, 4 and 5"), "the card says it");

        // The same by a stranger, with the stock tools.
        assert_eq!(brought.len(), 4);
        if is_there("python3") {
            let sealed = room.ceremony().backups().iter().next().expect("a key").1.sealed.clone().expect("sealed");
            for medium in ["a", "b"] {
                let identity = recovered("identity", &brought[1..]);
                let file = room.place.join(medium).join(&sealed.file.name);
                assert_eq!(sealed_key(&file, &identity), *key(&room).public());
            }
        } else {
            println!("skipped: python3 is not here");
        }
        // And by the program alone: what age gives is typed, or piped.
        let ran = cli_support::officiant_with(&room.place, &["share", "read"], &(brought[3].clone() + "\n"));
        assert!(ran.out.starts_with("Share 5 of 5: every check holds."), "{ran:#?}");
        let ran = cli_support::officiant(&room.place, &["backup", "status", "a", "--at", "2026-12-02T00:00:00Z"]);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        let also = format!("also backup/offline-{id}-share-4.age (SHA-256 ");
        assert!(ran.out.contains(&also) && ran.out.contains(&format!("to {}", keepers.recipients["kai"])), "{ran:#?}");
        assert!(!ran.out.contains("share-2.age"), "{ran:#?}");
        let ran =
            cli_support::officiant(&room.place, &["backup", "inspect", &format!("a/backup/offline-{id}-share-4.age")]);
        assert!(ran.out.contains("one X25519 identity"), "{ran:#?}");
        // A file that was changed is noticed.
        fs::write(room.place.join("b").join(format!("backup/offline-{id}-share-1.age")), b"another").expect("changed");
        assert!(!record::again(&room.place.join("b")).holds());
    });
}

#[test]
fn a_recipient_that_is_not_one_custodians_own_is_refused_by_name_before_the_day() {
    let other = {
        let text = fs::read_to_string(script(DCT)).expect("a shipped script");
        move |field: &str| read::script(text.replacen("\n[backup]\n", &format!("\n[backup]\n{field}\n"), 1).as_bytes())
    };
    assert!(other(&format!("recipients = {{ ana = \"{STRANGER}\" }}")).is_ok());
    for (field, said) in [
        (format!("recipients = {{ omar = \"{STRANGER}\" }}"), "omar: they are no custodian"),
        (format!("recipients = {{ nobody = \"{STRANGER}\" }}"), "nobody: they are no custodian"),
        // Who stands in for a custodian has no part in it.
        (format!("recipients = {{ lea = \"{STRANGER}\" }}"), "lea: they are no custodian"),
        (format!("recipients = {{ ana = \"{STRANGER}\", bo = \"{STRANGER}\" }}"), "ana has the same one"),
        (
            "recipients = { ana = \"age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t\" }".into(),
            "of the kind “yubikey”",
        ),
        ("recipients = { ana = \"ssh-ed25519 AAAA\" }".into(), "an SSH key"),
        ("recipients = { ana = \"correct horse\" }".into(), "no recipient of age"),
        (format!("recipients = {{ ana = \"{}\" }}", STRANGER.replace("aqm", "aqn")), "a letter of it is another one"),
        ("recipients = { ana = \"AGE-SECRET-KEY-1QQQQ\" }".into(), "the secret half"),
    ] {
        let wrong = other(&field).expect_err(&field);
        assert!(wrong.what.contains("backup.recipients") && wrong.what.contains(Rule::RecipientOwn.name()), "{wrong}");
        assert!(wrong.what.contains(said) && wrong.line == 132, "{wrong}");
        assert!(!wrong.what.contains("QQQQ"), "{wrong}");
    }
    let twice = fs::read_to_string(script(DCT)).expect("a shipped script");
    let twice = twice.replacen("\"cem\", \"kai\"", "\"ana\", \"kai\"", 1);
    let twice = twice.replacen("\n[backup]\n", &format!("\n[backup]\nrecipients = {{ ana = \"{STRANGER}\" }}\n"), 1);
    let wrong = read::script(twice.as_bytes()).expect_err("one person, one share");
    assert!(wrong.what.contains("ana: they keep 2 shares"), "{wrong}");
    let none = fs::read_to_string(script("genesis")).expect("a shipped script");
    let none = none.replacen(
        "[root]",
        &format!("[backup]\nway = \"redundancy\"\nrecipients = {{ ana = \"{STRANGER}\" }}\n\n[root]"),
        1,
    );
    assert!(
        read::script(none.as_bytes())
            .expect_err("no shares")
            .what
            .contains("have shares, custodians, paper, recipients")
    );
}

#[test]
fn a_recipient_that_its_custodian_does_not_know_gets_nothing_and_nothing_else_changes() {
    let test = "a_recipient_that_its_custodian_does_not_know_gets_nothing_and_nothing_else_changes";
    on_softhsm(test, |tokens| {
        let mut room = begin(tokens, DCT, &format!("recipients = {{ bo = \"{STRANGER}\" }}"));
        room.until_scene(|scene| matches!(scene, Scene::List { title, .. } if title.contains("your own recipient")));
        assert_eq!(room.refused(&officiant::ceremony::prompt::Answer::Word("YES".into())), Rule::AnswerFits);
        room.word("not mine");
        room.finish();
        assert_eq!(encrypted(&room), []);
        assert_eq!(room.count(|event| matches!(event, Event::ShareReadBack { .. })), 5);
        let notes = record::again(&room.place.join("a")).notes.join("\n");
        assert!(notes.contains("A custodian said that it is not their own") && notes.contains(STRANGER), "{notes}");
        assert!(
            room.events()
                .any(|event| matches!(event, Event::Went { word, on } if word == "NOT MINE" && on.contains(STRANGER)))
        );
        for medium in ["a", "b"] {
            let folder = room.place.join(medium).join("backup");
            let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
            assert!(files.into_iter().all(|name| !name.to_string_lossy().contains("-share-")));
            record::holds(&room.place.join(medium));
        }
    });
}

#[test]
fn a_surrogate_keeps_a_share_and_has_no_part_in_the_recipient_of_whom_they_stand_in_for() {
    let test = "a_surrogate_keeps_a_share_and_has_no_part_in_the_recipient_of_whom_they_stand_in_for";
    on_softhsm(test, |tokens| {
        let text = with(DCT, &format!("recipients = {{ vera = \"{STRANGER}\" }}"));
        let mut people = People::of(&script(DCT));
        people.absent.push("vera".into());
        let mut room = Room::rehearse_text(tokens, text.as_bytes(), people, None);
        room.finish();
        let kept = room.events().find_map(|event| match event {
            Event::ShareReadBack { index: 5, custodian, .. } => Some(custodian.to_string()),
            _ => None,
        });
        assert_eq!(kept.as_deref(), Some("lea"));
        assert_eq!(encrypted(&room), []);
        assert!(!room.events().any(|event| matches!(event, Event::Went { on, .. } if on.contains(STRANGER))));
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn the_shares_of_a_key_encryption_key_are_encrypted_in_the_same_way() {
    on_softhsm("the_shares_of_a_key_encryption_key_are_encrypted_in_the_same_way", |tokens| {
        if !age_is_here() {
            return;
        }
        let keepers = Keepers::new(&["ana", "bo", "vera"]);
        let mut room = begin(tokens, WRAPPED, &keepers.field());
        room.finish();
        each_opens(&room, &keepers);
        for medium in ["a", "b"] {
            record::holds(&room.place.join(medium));
        }
        let texts: Vec<String> = encrypted(&room)
            .iter()
            .map(|(_, custodian, _, file, _)| {
                keepers.open(custodian, &room.place.join("a").join(&file.name)).expect("it opens")
            })
            .collect();
        if is_there("python3") {
            let kek = recovered("kek", &texts);
            let kek = officiant::digest::from_hex(kek.trim()).expect("digits");
            let fingerprint = officiant::digest::Digest::of(&[b"officiant kek 1:".as_slice(), &kek].concat());
            assert_eq!(fingerprint, set(&room).fingerprint);
        } else {
            println!("skipped: python3 is not here");
        }
    });
}

#[test]
fn new_custodians_get_theirs_encrypted_and_who_destroys_an_old_page_is_told_of_its_file() {
    on_softhsm("new_custodians_get_theirs_encrypted_and_who_destroys_an_old_page_is_told_of_its_file", |tokens| {
        if !age_is_here() {
            return;
        }
        let keepers = Keepers::new(&["dora"]);
        let mut room = begin(tokens, "change-custodians", &keepers.field());
        room.finish();
        each_opens(&room, &keepers);
        record::holds(&room.place.join("a"));
        let text =
            fs::read_to_string(room.place.join("a").join(format!("backup/offline-{}.set.json", set(&room).id())));
        let left: Set = serde_json::from_str(&text.expect("the set")).expect("a set");
        assert_eq!(left.encrypted, [3]);
        use officiant::ceremony::words::custody::share_destroyed;
        assert!(share_destroyed(&left, 3).contains("their identity of age"));
        assert!(!share_destroyed(&left, 2).contains("identity"));
    });
}

/// The world around every operation that gives the first and the last share, and as it is when a medium was not reached.
fn moments(room: &mut Room) -> Moments {
    let mut moments = Moments::default();
    while room.count(|event| matches!(event, Event::ShareEncrypted { index: 5, .. })) == 0 {
        match room.ceremony().pending() {
            Pending::Do(Operation::GiveShare { index: 1 | 5, .. }) => moments.around_an_operation(room),
            Pending::Do(Operation::Giving(Giving::EncryptShare { index: 1 | 5, .. })) => {
                let job = room.runner.intend().expect("an intent").expect("an operation");
                let what = job.operation.words();
                moments.keep(room, format!("{what}, intended"));
                let answer = room.do_job(&job);
                moments.keep(room, format!("{what}, done, and nobody told"));
                let folder = room.place.join("b/backup");
                let path = fs::read_dir(&folder)
                    .expect("a folder")
                    .map(|entry| entry.expect("an entry").path())
                    .find(|path| {
                        path.to_string_lossy().ends_with(if what.contains("share 1") {
                            "-share-1.age"
                        } else {
                            "-share-5.age"
                        })
                    })
                    .expect("the file");
                let whole = fs::read(&path).expect("the file");
                fs::write(&path, &whole[..100]).expect("cut short");
                moments.keep(room, format!("{what}, half on the second medium"));
                fs::write(&path, whole).expect("put back");
                room.say(answer);
                moments.keep(room, format!("{what}, done"));
            }
            _ => room.turn().unwrap_or_else(|error| panic!("{error:?}")),
        }
    }
    moments
}

#[test]
fn a_cut_between_reading_back_and_the_file_leaves_no_share_unencrypted_unnoticed() {
    on_softhsm("a_cut_between_reading_back_and_the_file_leaves_no_share_unencrypted_unnoticed", |tokens| {
        if !age_is_here() {
            return;
        }
        let keepers = Keepers::new(&["ana", "vera"]);
        let mut room = begin(tokens, DCT, &keepers.field());
        let people = room.people.clone();
        let moments = moments(&mut room);
        assert_eq!(moments.len(), 2 * 3 + 2 * 4);
        drop(room);
        let mut ends = vec![];
        for moment in moments.iter() {
            let what = &moment.what;
            let mut room = moment.resumed(tokens, &people);
            while room.ended().is_none() {
                let fault = match room.ceremony().pending() {
                    Pending::Ask(prompt) => match &prompt.scene {
                        Scene::Trouble { trouble: Trouble::Fault(fault), .. } => Some(fault.cause.clone()),
                        Scene::Trouble { trouble, .. } => panic!("{what}: {}", trouble.words()),
                        Scene::List { title, lines, .. } if title.contains("The program ended") => {
                            // What was written for the first share is named among what is to be destroyed.
                            let named = lines.iter().any(|line| line.contains("-share-1.age"));
                            let written = room.count(|event| matches!(event, Event::ShareEncrypted { .. })) > 0;
                            assert_eq!(named, written, "{what}: {lines:?}");
                            None
                        }
                        _ => None,
                    },
                    _ => None,
                };
                match fault {
                    Some(cause) => {
                        assert!(cause.contains("was not done"), "{what}: {cause}");
                        room.word("AGAIN");
                    }
                    None => room.turn().unwrap_or_else(|error| panic!("{what}: {error:?}")),
                }
            }
            officiant::perform::record::finish(&room.runner).expect("a manifest");
            let last = room.ceremony().backups().iter().next().expect("a key").1;
            assert!(last.proven && last.wiped && last.is_in_custody(), "{what}");
            assert_eq!(last.encrypted.keys().copied().collect::<Vec<_>>(), [1, 5], "{what}");
            let discarded = room.count(|event| matches!(event, Event::BackupDiscarded { .. }));
            let id = set(&room).id();
            for (index, custodian, _, file, left) in
                encrypted(&room).iter().filter(|(.., file, _)| file.name.contains(&id))
            {
                for medium in ["a", "b"] {
                    let path = room.place.join(medium).join(&file.name);
                    assert_eq!(keepers.open(custodian, &path), Some(code(&id, *index)), "{what}");
                }
                ends.push((what.clone(), *index, discarded, left.len()));
            }
            for medium in ["a", "b"] {
                record::holds(&room.place.join(medium));
            }
        }
        // After the last share was read back nothing is given up, and what a try left behind is named.
        let of_last = |what: &str| {
            ends.iter()
                .filter(|(of, index, ..)| of.starts_with("encrypt share 5") && of.ends_with(what) && *index == 5)
                .map(|(.., discarded, left)| (*discarded, *left))
                .collect::<Vec<_>>()
        };
        assert_eq!(of_last("intended"), [(0, 0)]);
        assert_eq!(of_last("nobody told"), [(0, 1)]);
        assert_eq!(of_last("half on the second medium"), [(0, 1)]);
        assert_eq!(of_last("vera, done"), [(0, 0)]);
        let given_up = ends
            .iter()
            .filter(|(of, ..)| {
                !of.starts_with("encrypt share 5") && !of.starts_with("put share 5 on paper and read it back, done")
            })
            .all(|(_, _, discarded, _)| *discarded == 1);
        assert!(given_up, "{ends:?}");
    });
}

#[test]
fn a_medium_that_fails_in_the_middle_gets_the_same_file_later() {
    on_softhsm("a_medium_that_fails_in_the_middle_gets_the_same_file_later", |tokens| {
        if !age_is_here() {
            return;
        }
        let keepers = Keepers::new(&["vera"]);
        let mut room = begin(tokens, DCT, &keepers.field());
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::Giving(_))));
        let id = set(&room).id();
        // A folder lies where the file would come on the second medium, put there behind the back of the program.
        let job = room.runner.intend().expect("an intent").expect("an operation");
        let place = format!("backup/offline-{id}-share-5.age");
        fs::rename(room.place.join("b/backup"), room.place.join("b/away")).expect("away");
        fs::write(room.place.join("b/backup"), b"no folder").expect("written");
        let answer = room.do_job(&job);
        room.say(answer);
        assert!(matches!(room.trouble(), Trouble::Fault(_)), "{:?}", room.trouble());
        let first = fs::read(room.place.join("a").join(&place)).expect("on the first medium");
        fs::remove_file(room.place.join("b/backup")).expect("gone");
        fs::rename(room.place.join("b/away"), room.place.join("b/backup")).expect("back");
        room.word("AGAIN");
        room.perform().expect("the other medium");
        assert_eq!(fs::read(room.place.join("b").join(&place)).expect("the same"), first);
        each_opens(&room, &keepers);
        room.finish();
        record::holds(&room.place.join("b"));
    });
}

#[test]
fn what_is_typed_for_the_file_after_the_program_ended_must_be_the_share() {
    on_softhsm("what_is_typed_for_the_file_after_the_program_ended_must_be_the_share", |tokens| {
        let mut room = begin(tokens, DCT, &format!("recipients = {{ vera = \"{STRANGER}\" }}"));
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::Giving(_))));
        let mut room = room.again(tokens);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::Giving(_))));
        let id = set(&room).id();
        let other = id.clone();
        room.other_secret = Box::new(move |request| {
            let row = request.row.as_ref()?;
            assert!(row.row > 1 || (row.share, request.holder.as_deref()) == (Some(5), Some("Věra Nováková")));
            Some(paper::row(&other, 2, row.row).and_then(|row| paper::typed(&row)))
        });
        room.perform().expect("the trouble is recorded");
        match room.trouble() {
            Trouble::Refused(refusal) => {
                assert_eq!(refusal.rule, Rule::ShareReadBack);
                assert!(refusal.what.contains("This is share 2; share 5 was to be typed."), "{refusal}");
            }
            other => panic!("{}", other.words()),
        }
        room.other_secret = Box::new(|_| None);
        room.word("AGAIN");
        room.finish();
        assert_eq!(encrypted(&room).len(), 1);
        assert_eq!(room.count(|event| matches!(event, Event::BackupDiscarded { .. })), 0);
        record::holds(&room.place.join("a"));
        let whole = secret(&code(&id, 5));
        assert_eq!(Share::read(&whole).expect("a share").commitment(), set(&room).commitments[4]);
    });
}
