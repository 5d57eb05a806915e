//! Shares that are printed from memory, in whole ceremonies on SoftHSM: the page lies there until its custodian has the paper and no longer,
//! and whatever ends meanwhile leaves none unnoticed.

mod backup_support;
mod ceremony_support;
mod cli_support;
mod support;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use backup_support::{can_picture, pictured, rows_of, scanned};
use ceremony_support::{People, Room, paper, record, script, secret};
use officiant::{
    ceremony::{
        Ceremony, Pending,
        backups::LaidPage,
        check::check,
        event::Event,
        operation::{Giving, Operation, Trouble},
        prompt::Scene,
        script::read,
    },
    rules::Rule,
    secret::SecretKind,
    token::pkcs11::rehearsal::Rehearsal,
};
use support::on_softhsm;
use tempfile::TempDir;

const DCT: &str = "dct-genesis-backup";

fn with(name: &str, field: &str) -> String {
    let text = fs::read_to_string(script(name)).expect("a shipped script");
    text.replacen("\n[backup]\n", &format!("\n[backup]\n{field}\n"), 1)
}

/// A folder in memory, and a ceremony whose pages are put there.
fn begin(tokens: &Rehearsal, name: &str) -> (TempDir, Room) {
    let folder = backup_support::in_memory();
    let text = with(name, &format!("pages = \"{}\"", folder.path().display()));
    let room = Room::rehearse_text(tokens, text.as_bytes(), People::of(&script(name)), None);
    (folder, room)
}

fn lies_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
}

/// The page that waits to be printed.
fn waits(ceremony: &Ceremony) -> Option<LaidPage> {
    match ceremony.pending() {
        Pending::Ask(prompt) => match &prompt.scene {
            Scene::List { title, .. } if title.contains("lies in memory") => ceremony.backups().page().cloned(),
            _ => None,
        },
        _ => None,
    }
}

/// The custodian copies the rows off the page, as off paper.
fn copies(page: &LaidPage) {
    let html = fs::read_to_string(&page.file).expect("the page");
    let set = page.file.split("officiant-").nth(1).expect("a name").split('-').next().expect("a set").to_owned();
    for (row, number) in rows_of(&html).iter().zip(1..) {
        paper::wrote(&set, page.index, number, row.as_bytes());
    }
}

/// Goes on, printing each page by copying it, until something holds.
fn until(room: &mut Room, holds: impl Fn(&Room) -> bool) {
    while !holds(room) {
        assert!(room.ended().is_none(), "the ceremony is over");
        if let Some(page) = waits(room.ceremony()) {
            copies(&page);
        }
        if let Pending::Ask(prompt) = room.ceremony().pending()
            && let Scene::Trouble { trouble, .. } = &prompt.scene
        {
            panic!("at {}: {}", room.position(), trouble.words());
        }
        room.turn().unwrap_or_else(|error| panic!("at {}: {error:?}", room.position()));
    }
}

fn finish(room: &mut Room) {
    until(room, |room| room.ended().is_some());
    officiant::perform::record::finish(&room.runner).expect("a manifest");
    for medium in ["a", "b"] {
        record::holds(&room.place.join(medium));
    }
}

fn cleared(room: &Room) -> Vec<(u8, bool)> {
    let cleared = room.events().filter_map(|event| match event {
        Event::PageCleared { index, found, .. } => Some((index, found)),
        _ => None,
    });
    cleared.collect()
}

#[test]
fn shares_are_printed_from_memory_and_read_back_from_a_picture_of_the_paper() {
    on_softhsm("shares_are_printed_from_memory_and_read_back_from_a_picture_of_the_paper", |tokens| {
        if !can_picture() {
            return println!("skipped: chromium or zbarimg is not here");
        }
        let (folder, mut room) = begin(tokens, DCT);
        let checked = check(room.ceremony().script());
        assert!(checked.holds(), "{checked}");
        assert!(checked.findings.iter().any(|finding| finding.what.contains("for as long as it takes to print them")));
        let codes: Arc<Mutex<BTreeMap<u8, String>>> = Arc::default();
        let (scanner, pages) = (Arc::clone(&codes), folder.path().to_owned());
        room.other_secret = Box::new(move |request| {
            let row = request.row.as_ref().filter(|_| request.what == SecretKind::ShareRow)?;
            assert_eq!(lies_in(&pages), [] as [PathBuf; 0], "nothing is read back while the page lies there");
            let code = scanner.lock().expect("codes").get(&row.share.unwrap_or(row.brought)).cloned()?;
            assert_eq!(row.row, 1, "the code is the whole share");
            Some(Some(secret(&code)))
        });
        while room.ended().is_none() {
            if let Some(page) = waits(room.ceremony()) {
                // A printer: what comes out of it is a picture, and the code is read off that.
                let path = Path::new(&page.file);
                assert_eq!(lies_in(folder.path()), [path]);
                assert_eq!(fs::metadata(path).expect("the page").permissions().mode() & 0o777, 0o600);
                assert!(fs::read_to_string(path).expect("text").contains("REHEARSAL, throw-away"));
                let prompt = room.prompt();
                assert_eq!(prompt.who.len(), 1);
                let Scene::List { lines, title, .. } = &prompt.scene else { panic!("a list") };
                assert!(title.contains(&page.file) && lines.iter().any(|line| line.contains("no spool")), "{lines:?}");
                let desk = backup_support::in_memory();
                let texts = scanned(&pictured(path, desk.path()));
                assert_eq!(texts.len(), 1, "one code is on the page");
                codes.lock().expect("codes").insert(page.index, texts[0].clone());
                copies(&page);
            }
            room.turn().unwrap_or_else(|error| panic!("at {}: {error:?}", room.position()));
        }
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        assert_eq!(codes.lock().expect("codes").len(), 5);
        assert_eq!(cleared(&room), (1..=5).map(|index| (index, true)).collect::<Vec<_>>());
        assert_eq!(lies_in(folder.path()), [] as [PathBuf; 0]);
        // Laid, printed, gone, read back: in this order, and one after the other.
        let order: Vec<&str> = room
            .events()
            .filter_map(|event| match event {
                Event::PageLaid { .. } => Some("laid"),
                Event::Went { word, .. } if word == "PRINTED" => Some("printed"),
                Event::PageCleared { .. } => Some("gone"),
                Event::ShareReadBack { .. } => Some("read"),
                _ => None,
            })
            .collect();
        assert_eq!(order, ["laid", "printed", "gone", "read"].repeat(5));
        for medium in ["a", "b"] {
            record::holds(&room.place.join(medium));
        }
    });
}

#[test]
fn a_page_that_cannot_be_read_back_is_printed_again() {
    on_softhsm("a_page_that_cannot_be_read_back_is_printed_again", |tokens| {
        let (folder, mut room) = begin(tokens, DCT);
        until(&mut room, |room| {
            matches!(room.ceremony().pending(), Pending::Do(Operation::GiveShare { index: 2, .. }))
        });
        assert_eq!(lies_in(folder.path()), [] as [PathBuf; 0]);
        room.other_secret = Box::new(|request| request.row.as_ref().map(|_| Some(secret("2222 2222 2222 2222 2222"))));
        room.perform().expect("the trouble is recorded");
        assert!(matches!(room.trouble(), Trouble::Refused(refusal) if refusal.rule == Rule::ShareFits));
        room.other_secret = Box::new(|_| None);
        room.word("AGAIN");
        assert!(matches!(room.ceremony().pending(), Pending::Do(Operation::Giving(Giving::LayPage { index: 2, .. }))));
        finish(&mut room);
        assert_eq!(cleared(&room), [1, 2, 2, 3, 4, 5].map(|index| (index, true)));
    });
}

/// What lies in memory when the program is ended by force, as it is found afterwards.
enum Left {
    Page,
    Nothing,
    Folder,
}

#[test]
fn a_page_that_a_crash_left_is_wiped_before_anything_else_or_named() {
    on_softhsm("a_page_that_a_crash_left_is_wiped_before_anything_else_or_named", |tokens| {
        let (folder, mut room) = begin(tokens, DCT);
        for (left, share) in [(Left::Page, 2), (Left::Nothing, 1), (Left::Folder, 1)] {
            until(&mut room, |room| waits(room.ceremony()).is_some_and(|page| page.index == share));
            let page = waits(room.ceremony()).expect("a page");
            let path = PathBuf::from(&page.file);
            let whole = fs::read(&path).expect("the page");
            let before = cleared(&room).len();
            room = room.again(tokens);
            assert_eq!(lies_in(folder.path()), [] as [PathBuf; 0], "a program that ends takes it away");
            let link = folder.path().join("link");
            match left {
                Left::Page => {
                    fs::write(&path, &whole).expect("as a kill leaves it");
                    fs::hard_link(&path, &link).expect("a link");
                }
                Left::Nothing => {}
                Left::Folder => fs::create_dir(&path).expect("something else"),
            }
            // People say who they are; then the page, and only then what is lost.
            room.until(|pending, ceremony| {
                assert!(!matches!(pending, Pending::Ask(prompt) if matches!(&prompt.scene, Scene::List { title, .. } if title.contains("The program ended"))));
                ceremony.backups().page().is_some_and(|page| page.left)
                    && matches!(pending, Pending::Do(Operation::Giving(Giving::ClearPage { .. })))
            });
            room.perform().expect("it is looked for");
            if let Left::Folder = left {
                match room.trouble() {
                    Trouble::Fault(fault) => assert!(fault.to_string().contains(&page.file), "it is named: {fault}"),
                    other => panic!("{}", other.words()),
                }
                fs::remove_dir(&path).expect("taken away");
                room.word("AGAIN");
                room.perform().expect("it is gone");
            }
            if let Left::Page = left {
                assert!(fs::read(&link).expect("the link").iter().all(|byte| *byte == 0), "overwritten");
                fs::remove_file(&link).expect("the link");
            }
            assert_eq!(lies_in(folder.path()), [] as [PathBuf; 0]);
            let found = matches!(left, Left::Page);
            assert_eq!(cleared(&room)[before..], [(share, found)]);
            assert!(room.ceremony().backups().page().is_none());
            room.until_scene(|scene| matches!(scene, Scene::List { title, .. } if title.contains("The program ended")));
            room.word("DESTROYED");
        }
        finish(&mut room);
        assert_eq!(lies_in(folder.path()), [] as [PathBuf; 0]);
    });
}

#[test]
fn a_page_that_was_half_written_when_the_program_ended_is_wiped_too() {
    on_softhsm("a_page_that_was_half_written_when_the_program_ended_is_wiped_too", |tokens| {
        let (folder, mut room) = begin(tokens, DCT);
        until(&mut room, |room| {
            matches!(room.ceremony().pending(), Pending::Do(Operation::Giving(Giving::LayPage { index: 1, .. })))
        });
        let job = room.runner.intend().expect("an intent").expect("an operation");
        let Operation::Giving(Giving::LayPage { file, .. }) = &job.operation else { panic!("a page") };
        fs::write(file, b"<!doctype html>SHARE").expect("as a kill leaves it");
        let mut room = room.again(tokens);
        room.until(|pending, _| matches!(pending, Pending::InDoubt(_)));
        room.perform().expect("it is looked for");
        assert_eq!(lies_in(folder.path()), [] as [PathBuf; 0]);
        assert!(matches!(room.trouble(), Trouble::Fault(fault) if fault.cause.contains("was not done")));
        room.word("AGAIN");
        assert!(matches!(room.ceremony().pending(), Pending::Do(Operation::Giving(Giving::ClearPage { .. }))));
        finish(&mut room);
        assert_eq!(cleared(&room)[0], (1, false));
    });
}

#[test]
fn who_stops_while_a_page_lies_there_is_told_and_the_page_is_gone() {
    on_softhsm("who_stops_while_a_page_lies_there_is_told_and_the_page_is_gone", |tokens| {
        let (folder, mut room) = begin(tokens, DCT);
        until(&mut room, |room| waits(room.ceremony()).is_some());
        let file = waits(room.ceremony()).expect("a page").file;
        let account = officiant::ceremony::outline::account(room.ceremony()).join("\n");
        assert!(account.contains(&file) && account.contains("look that it is gone"), "{account}");
        room.say(officiant::ceremony::prompt::Answer::Aside(officiant::ceremony::prompt::AsideKind::Leave));
        assert!(matches!(room.ceremony().pending(), Pending::Paused));
        drop(room);
        assert_eq!(lies_in(folder.path()), [] as [PathBuf; 0]);
    });
}

#[test]
fn a_folder_on_a_disk_is_refused_before_a_key_is_made() {
    on_softhsm("a_folder_on_a_disk_is_refused_before_a_key_is_made", |tokens| {
        let on_disk = Path::new(env!("CARGO_TARGET_TMPDIR"));
        if officiant::backup::paper::MemoryFile::can_lie_in(on_disk).is_ok() {
            return println!("skipped: the target folder lies in memory");
        }
        let text = with(DCT, &format!("pages = \"{}\"", on_disk.display()));
        let mut room = Room::rehearse_text(tokens, text.as_bytes(), People::of(&script(DCT)), None);
        room.until(|pending, _| matches!(pending, Pending::Do(Operation::MakeKey { .. })));
        room.perform().expect("the trouble is recorded");
        match room.trouble() {
            Trouble::Fault(fault) => assert!(fault.to_string().contains("lies on a disk"), "{fault}"),
            other => panic!("{}", other.words()),
        }
        assert_eq!(room.count(|event| matches!(event, Event::KeyMade { .. })), 0);
        // What the machine of the day would say, that of today says weeks before.
        let path = room.place.join("script.toml");
        fs::write(&path, &text).expect("written");
        let ran = cli_support::officiant(&room.place, &["check", path.to_str().expect("text")]);
        assert!(ran.err.contains("as it is on this machine") && ran.err.contains("lies on a disk"), "{ran:#?}");
    });
}

#[test]
fn a_script_names_one_way_to_paper_and_a_whole_path() {
    let wrong = |field: &str| read::script(with(DCT, field).as_bytes()).expect_err(field).what;
    assert!(wrong("pages = \"/dev/shm\"\nprinter = \"/dev/usb/lp0\"").contains("printer and pages are two ways"));
    assert!(wrong("pages = \"shm\"").contains("the whole path"));
    assert!(wrong("pages = \"/dev/shm/../tmp\"").contains("without .."));
    assert!(read::script(with(DCT, "pages = \"/dev/shm\"").as_bytes()).is_ok());
    let none = fs::read_to_string(script("genesis")).expect("a shipped script");
    let none = none.replacen("[root]", "[backup]\nway = \"redundancy\"\npages = \"/dev/shm\"\n\n[root]", 1);
    assert!(read::script(none.as_bytes()).expect_err("no shares").what.contains("only way"));
}

#[test]
fn an_answers_file_copies_its_pages_from_memory() {
    if !Path::new("/usr/lib/softhsm/libsofthsm2.so").exists() {
        return println!("skipped: SoftHSM is not here");
    }
    let (folder, place) = (backup_support::in_memory(), tempfile::tempdir().expect("a folder"));
    let scripts = place.path().join("scripts");
    cli_support::copy(Path::new(&cli_support::ours("ceremony-scripts")), &scripts);
    let path = scripts.join("dct-genesis-backup.toml");
    fs::write(&path, with(DCT, &format!("pages = \"{}\"", folder.path().display()))).expect("written");
    let answers = scripts.join("dct-genesis-backup.answers.toml");
    let arguments =
        ["rehearse", path.to_str().expect("text"), "--answers", answers.to_str().expect("text"), "--record", "record"];
    let ran = cli_support::officiant(place.path(), &arguments);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(lies_in(folder.path()), [] as [PathBuf; 0]);
    assert!(cli_support::officiant(place.path(), &["verify", "record"]).code == Some(0));
}
