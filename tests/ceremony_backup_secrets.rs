//! Key, identity, shares and throws are nowhere after a whole ceremony that made a key in memory: not in the memory of the process, in no
//! file of the record, and in nothing that is printed for debugging; nor is anything of one in which a token wrapped a key. Each test searches
//! all memory of its own process.

mod canary_support;
mod ceremony_support;
mod memory_support;
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use canary_support::{Canary, files_with, memory_with, of_pages, share};
use ceremony_support::{People, Room, paper, script};
use officiant::{
    backup::{Gathering, Sealed, Set},
    ceremony::{backups::SealedBackup, event::Event},
    token::pkcs11::rehearsal::Rehearsal,
    tuf::key::Key,
};
use support::on_softhsm;

/// Goes through a whole ceremony that leaves a backup, and gives what there is to look for: what is left in the open, and everything that was
/// printed for debugging.
fn left_by(tokens: &Rehearsal, name: &str) -> (SealedBackup, Key, PathBuf, String) {
    left_by_room(Room::rehearse(tokens, name), |_| {})
}

/// The same; `before` sees the room before each turn.
fn left_by_room(mut room: Room, before: impl Fn(&Room)) -> (SealedBackup, Key, PathBuf, String) {
    let mut debug = String::new();
    while room.ended().is_none() {
        debug.push_str(&format!("{:?}", room.ceremony().pending()));
        before(&room);
        room.turn().unwrap_or_else(|error| panic!("at {}: {error:?}", room.position()));
    }
    officiant::perform::record::finish(&room.runner).expect("a manifest");
    debug.push_str(&format!("{:?}", room.entries()));
    let sealed = room.events().find_map(|event| match event {
        Event::BackupSealed { sealed, .. } | Event::KeyWrapped { sealed, .. } => Some(sealed.clone()),
        _ => None,
    });
    let key = room.events().find_map(|event| match event {
        Event::KeyMade { key, .. } | Event::KeyWrapped { key, .. } => Some(key.clone()),
        _ => None,
    });
    let place = room.place.clone();
    drop(room);
    officiant::token::pkcs11::close_all();
    (sealed.expect("a backup"), key.expect("a key"), place, debug)
}

/// Shares as the text of a code has them (`between` is nothing), or a page for a browser.
fn of_codes(set: &str, between: &str) -> Vec<Canary> {
    let rows = (1..=5).flat_map(|index| (4..=8).map(move |row| (index, row)));
    let between: Vec<u8> = between.bytes().map(|byte| byte ^ 0x80).collect();
    let letters = rows.map(|(index, row)| {
        let row = paper::row(set, index, row).expect("a page");
        let groups: Vec<&[u8]> = row[..19].split(|letter| *letter == b' ' ^ 0x80).collect();
        Canary("a row of a code or a page", groups.join(between.as_slice()))
    });
    letters.collect()
}

/// The custodian copies the rows of the page that lies in memory, as off paper.
fn copies(room: &Room) {
    let backups = room.ceremony().backups();
    let Some(page) = backups.page().filter(|page| page.whole) else { return };
    let set = backups.get(&page.name).and_then(|backup| backup.sealed.as_ref()).expect("it is sealed").set.id();
    let html = fs::read_to_string(&page.file).expect("the page");
    let (_, rows) = html.split_once("<table class=rows>").expect("its rows");
    for (row, number) in rows.split("<tr><td>").skip(1).zip(1..=8) {
        let groups: Vec<&str> =
            row.split("<td>").skip(1).filter_map(|cell| Some(cell.split_once("</td>")?.0)).collect();
        paper::wrote(&set, page.index, number, groups.join(" ").as_bytes());
    }
}

/// Throws and shares, of which there are pages.
fn of_paper(set: &str) -> Vec<Canary> {
    let mut canaries = vec![Canary("the throws", paper::throws()[..40].to_vec())];
    canaries.extend(of_pages(set, 1..=5));
    canaries
}

/// Shows that nothing is left of these in the memory of this process, in a file below `place`, and in what was printed.
fn none_is_left(canaries: Vec<Canary>, place: &Path, debug: &str) {
    let mut both: Vec<Canary> = canaries.iter().map(Canary::reversed).collect();
    both.extend(canaries);
    let last = &both.last().expect("a canary").1;
    let held = paper::typed(last).expect("memory can be locked");
    assert_eq!(memory_with(&both).len(), 1, "the search finds what is there, and nothing else");
    drop(held);
    assert_eq!(memory_with(&both), [] as [String; 0]);
    let mut found = vec![];
    files_with(&both, place, &mut found);
    assert_eq!(found, [] as [String; 0]);
    assert!(!both.iter().any(|Canary(_, turned)| memory_support::holds(debug.as_bytes(), turned)));
}

fn gathered(set: &Set) -> Gathering {
    let mut gathering = Gathering::of(set.clone());
    for index in [1, 3, 5] {
        gathering.add(share(&set.id(), index)).expect("it fits");
    }
    gathering
}

fn file_of(place: &Path, sealed: &SealedBackup) -> Sealed {
    Sealed::read(fs::read(place.join("a").join(&sealed.file.name)).expect("the file")).expect("a file of a backup")
}

/// A hardened process shows its memory to root alone.
fn show_memory() {
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).expect("our own process");
}

#[test]
fn nothing_secret_is_left_of_a_ceremony_that_made_a_key_in_memory() {
    on_softhsm("nothing_secret_is_left_of_a_ceremony_that_made_a_key_in_memory", |tokens| {
        let (sealed, key, place, debug) = left_by(tokens, "dct-genesis-backup");
        let mut canaries = of_paper(&sealed.set.id());
        show_memory();
        // Before anything of the test itself has held them.
        assert_eq!(memory_with(&canaries), [] as [String; 0]);
        {
            let identity = gathered(&sealed.set).identity().expect("an identity");
            let text = identity.age_text().expect("text");
            canaries.push(Canary::of("the identity", &text.expose()[20..60]));
            let opened = file_of(&place, &sealed).open(&identity).expect("it opens");
            let (private, _) = opened.trusted(&key).expect("the key");
            canaries.push(Canary::of("the key", private.material().expose()));
        }
        none_is_left(canaries, &place, &debug);
    });
}

#[test]
fn nothing_of_a_share_is_left_in_the_open_where_shares_were_encrypted_to_their_custodians() {
    let test = "nothing_of_a_share_is_left_in_the_open_where_shares_were_encrypted_to_their_custodians";
    on_softhsm(test, |tokens| {
        let path = script("dct-genesis-backup");
        let text = fs::read_to_string(&path).expect("a shipped script");
        // Nobody here has the identities.
        let recipients = "recipients = { ana = \"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\", \
                          vera = \"age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg\" }";
        let text = text.replacen("[backup]", &format!("[backup]\n{recipients}"), 1);
        let room = Room::rehearse_text(tokens, text.as_bytes(), People::of(&path), None);
        let (sealed, _, place, debug) = left_by_room(room, |_| {});
        let set = sealed.set.id();
        assert_eq!(sealed.set.encrypted, [1, 5]);
        assert!(place.join(format!("b/backup/offline-{set}-share-5.age")).is_file());
        let mut canaries = of_paper(&set);
        canaries.extend(of_codes(&set, ""));
        show_memory();
        none_is_left(canaries, &place, &debug);
    });
}

#[test]
fn nothing_of_a_share_is_left_that_was_printed_from_memory() {
    on_softhsm("nothing_of_a_share_is_left_that_was_printed_from_memory", |tokens| {
        let folder = tempfile::tempdir_in("/dev/shm").expect("/dev/shm lies in memory");
        let path = script("dct-genesis-backup");
        let text = fs::read_to_string(&path).expect("a shipped script");
        let text = text.replacen("[backup]", &format!("[backup]\npages = \"{}\"", folder.path().display()), 1);
        let room = Room::rehearse_text(tokens, text.as_bytes(), People::of(&path), None);
        let (sealed, _, place, debug) = left_by_room(room, copies);
        let set = sealed.set.id();
        let mut canaries = of_paper(&set);
        canaries.extend(of_codes(&set, ""));
        canaries.extend(of_codes(&set, "</td><td>"));
        show_memory();
        let mut found = vec![];
        files_with(&canaries, folder.path(), &mut found);
        assert_eq!((found, fs::read_dir(folder.path()).expect("a folder").count()), (vec![], 0));
        none_is_left(canaries, &place, &debug);
    });
}

#[test]
fn nothing_secret_is_left_of_a_ceremony_in_which_a_token_wrapped_a_key() {
    on_softhsm("nothing_secret_is_left_of_a_ceremony_in_which_a_token_wrapped_a_key", |tokens| {
        let (sealed, key, place, debug) = left_by(tokens, "dct-genesis-wrapped");
        let mut canaries = of_paper(&sealed.set.id());
        show_memory();
        assert_eq!(memory_with(&canaries), [] as [String; 0]);
        {
            let kek = gathered(&sealed.set).kek().expect("a key-encryption key");
            canaries.push(Canary::of("the key-encryption key", kek.material().expose()));
            let opened = file_of(&place, &sealed).wrapped().expect("a wrapped key").open(&kek).expect("it opens");
            let (private, _) = opened.trusted(&key).expect("the key");
            canaries.push(Canary::of("the key", private.material().expose()));
        }
        none_is_left(canaries, &place, &debug);
    });
}
