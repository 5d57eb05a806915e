//! What the shares of a new backup open is read again from every medium, after it was out of the machine (`MEDIUM-READS-BACK`). Whole ceremonies on
//! SoftHSM.

mod ceremony_support;
mod support;

use std::{fs, path::Path};

use ceremony_support::{People, Room, program, record, script, text};
use officiant::{
    ceremony::{
        Pending,
        event::{Event, Program},
        operation::{Operation, Trouble},
        prompt::{Answer, AsideKind, Input},
    },
    perform::record as whole,
    rules::Rule,
    token::pkcs11::rehearsal::Rehearsal,
};
use support::on_softhsm;

const NAME: &str = "dct-genesis-backup";

fn asks_for(pending: &Pending, word: &str) -> bool {
    match pending {
        Pending::Ask(prompt) => matches!(&prompt.input, Input::Word(words) if words.iter().any(|one| one.word == word)),
        _ => false,
    }
}

/// The label of the medium that is to be read.
fn reads(pending: &Pending) -> Option<&str> {
    match pending {
        Pending::Do(Operation::ReadMedium { medium, .. }) => Some(medium),
        _ => None,
    }
}

/// Goes on until the second medium is out.
fn with_b_out(tokens: &Rehearsal) -> Room {
    let mut room = Room::rehearse(tokens, NAME);
    room.until(|pending, _| asks_for(pending, "OUT"));
    assert_eq!(room.count(|event| matches!(event, Event::ShareReadBack { .. })), 5, "every share was read back before");
    room.until(|_, ceremony| ceremony.backups().iter().any(|(_, backup)| backup.read_on.len() == 1));
    room.until(|pending, _| asks_for(pending, "WITHOUT"));
    room
}

/// The files of a folder that this process has open.
fn open_below(folder: &Path) -> usize {
    let folder = folder.canonicalize().expect("a folder");
    let open = fs::read_dir("/proc/self/fd").expect("the open files");
    open.filter(|entry| {
        let link = entry.as_ref().ok().and_then(|entry| fs::read_link(entry.path()).ok());
        link.is_some_and(|link| link.starts_with(&folder))
    })
    .count()
}

#[test]
fn each_medium_is_let_go_and_read_again_before_the_key_counts() {
    on_softhsm("each_medium_is_let_go_and_read_again_before_the_key_counts", |tokens| {
        let mut room = with_b_out(tokens);
        let (b, away) = (room.place.join("b"), room.place.join("away"));
        assert_eq!(open_below(&b), 0, "nothing of it is open");
        assert_eq!(room.runner.media().len(), 1);
        let before = record::lines(&b).len();
        // It is taken out, and IN is typed too early.
        fs::rename(&b, &away).expect("it is out");
        room.word("IN");
        room.perform().expect("the trouble is recorded");
        assert!(matches!(room.trouble(), Trouble::Fault(_)), "{:?}", room.trouble());
        room.word("AGAIN");
        assert!(asks_for(&room.ceremony().pending(), "IN"), "it is asked for once more");
        fs::rename(&away, &b).expect("it is in");
        assert_eq!(record::lines(&b).len(), before);
        room.word("IN");
        room.perform().expect("it is read");
        assert_eq!(room.runner.media().len(), 2);
        assert_eq!(record::lines(&b), record::lines(&room.place.join("a")), "it has what happened meanwhile");
        room.finish();
        for medium in ["a", "b"] {
            record::holds(&room.place.join(medium));
        }
        let read: Vec<_> = room
            .events()
            .filter_map(|event| match event {
                Event::MediumRead { medium, files, passed, .. } => Some((medium, files, passed)),
                _ => None,
            })
            .collect();
        assert_eq!(read.len(), 2);
        for (_, files, passed) in &read {
            assert!(files.iter().any(|file| file.name.ends_with(".age")), "{files:?}");
            assert!(passed.iter().any(|passed| passed.rule == Rule::MediumReadsBack));
        }
        let card = fs::read_to_string(room.place.join("a/card.html")).expect("a card");
        assert!(card.contains(&format!("read again from {} and {}", read[0].0, read[1].0)), "{card}");
    });
}

#[test]
fn a_medium_that_gives_back_something_else_is_named_and_two_people_go_on_without_it() {
    on_softhsm("a_medium_that_gives_back_something_else_is_named_and_two_people_go_on_without_it", |tokens| {
        let mut room = with_b_out(tokens);
        let sealed = room.events().find_map(|event| match event {
            Event::BackupSealed { sealed, .. } => Some(sealed.file.name),
            _ => None,
        });
        let path = room.place.join("b").join(sealed.expect("a backup"));
        let mut bytes = fs::read(&path).expect("the sealed file");
        bytes[100] ^= 1;
        fs::write(&path, &bytes).expect("one bit");
        room.word("IN");
        room.perform().expect("the trouble is recorded");
        let Trouble::Refused(refusal) = room.trouble() else { panic!("{:?}", room.trouble()) };
        assert_eq!(refusal.rule, Rule::MediumReadsBack);
        assert!(refusal.what.contains(".age on “record B, blue label”"), "{}", refusal.what);
        room.word("AGAIN");
        assert_eq!(room.refused(&Answer::Word("WITHOUT".into())), Rule::MediumReadsBack);
        room.aside(
            AsideKind::Exception,
            &["it reads back", "one bit differs", "on one medium, and copied tonight"].map(text),
        );
        room.word("WITHOUT");
        room.finish();
        record::holds(&room.place.join("a"));
        assert_eq!(room.count(|event| matches!(event, Event::MediumRead { .. })), 1);
        assert_eq!(room.count(|event| matches!(event, Event::MediumFailed { .. })), 1);
        assert_eq!(room.runner.media().len(), 1);
    });
}

fn stops(test: &str, intended: bool) {
    on_softhsm(test, |tokens| {
        let mut room = with_b_out(tokens);
        if intended {
            room.word("IN");
            assert_eq!(reads(&room.ceremony().pending()), Some("record B, blue label"));
            drop(room.runner.intend().expect("an intent"));
            let shorter = record::lines(&room.place.join("b")).len();
            assert!(shorter < record::lines(&room.place.join("a")).len(), "nobody writes on what is out");
        }
        let mut room = room.again(tokens);
        assert_eq!(record::lines(&room.place.join("b")), record::lines(&room.place.join("a")));
        room.finish();
        record::holds(&room.place.join("b"));
        let read =
            |label: &str| room.count(|event| matches!(event, Event::MediumRead { medium, .. } if medium == label));
        assert_eq!((read("record A, red label"), read("record B, blue label")), (1, 1));
    });
}

#[test]
fn a_machine_that_stops_while_a_medium_is_out_goes_on_when_it_is_in() {
    stops("a_machine_that_stops_while_a_medium_is_out_goes_on_when_it_is_in", false);
}

#[test]
fn a_machine_that_stops_while_a_medium_is_read_reads_it_again() {
    stops("a_machine_that_stops_while_a_medium_is_read_reads_it_again", true);
}

#[test]
fn a_medium_with_another_story_is_not_written_on() {
    on_softhsm("a_medium_with_another_story_is_not_written_on", |tokens| {
        let mut room = with_b_out(tokens);
        let transcript = room.place.join("b/transcript.jsonl");
        let other = fs::read_to_string(&transcript).expect("a transcript").replacen("rehearsal", "production", 1);
        fs::write(&transcript, &other).expect("another story");
        room.word("IN");
        room.perform().expect("its files are as they were");
        assert_eq!(room.count(|event| matches!(event, Event::MediumFailed { .. })), 1);
        assert_eq!(fs::read_to_string(&transcript).expect("a transcript"), other, "nobody wrote on it");
        room.finish();
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn an_older_record_was_not_asked_and_holds() {
    on_softhsm("an_older_record_was_not_asked_and_holds", |tokens| {
        let older = Program { edition: 1, ..program() };
        let path = script(NAME);
        let text = fs::read(&path).expect("a shipped script");
        let mut room = Room::rehearse_by(older, tokens, &text, People::of(&path), None);
        room.until(|pending, _| matches!(pending, Pending::Finished(_)));
        whole::finish(&room.runner).expect("a manifest");
        assert_eq!(room.count(|event| matches!(event, Event::MediumLetGo { .. } | Event::MediumRead { .. })), 0);
        record::holds(&room.place.join("a"));
    });
}
