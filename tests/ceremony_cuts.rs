//! A resume loses nothing: a whole ceremony is cut after every entry and inside lines, with the tokens and files as they were
//! at that moment, and goes on to its end from there.
//!
//! The default run takes a sample; `OFFICIANT_FULL=1` takes every entry and every byte.

mod ceremony_support;
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ceremony_support::{People, Room, record, script};
use officiant::{
    ceremony::{
        Pending,
        event::Event,
        operation::{Operation, Trouble},
        prompt::{Answer, Scene},
    },
    fault::Error,
    rules::Rule,
    token::{pkcs11, pkcs11::rehearsal::Rehearsal},
    transcript,
};
use support::on_softhsm;

fn full() -> bool {
    std::env::var_os("OFFICIANT_FULL").is_some()
}

/// The state of the world at some moment: the tokens, and both media.
struct Moment {
    /// How many entries stood in the transcript.
    entries: usize,
    /// The operation that the last of them intends was performed already.
    performed: bool,
    copy: PathBuf,
}

/// A ceremony that was gone through once, with a copy of the world before and after each operation.
struct Recording {
    name: &'static str,
    place: PathBuf,
    moments: Vec<Moment>,
    lines: Vec<Vec<u8>>,
    events: Vec<Event>,
    tokens: usize,
}

const PARTS: [&str; 3] = ["a", "b", "tokens/tokens"];

impl Recording {
    fn make(rehearsal: &Rehearsal, name: &'static str) -> Self {
        let mut room = Room::rehearse(rehearsal, name);
        let place = room.place.clone();
        let mut moments = vec![];
        let mut keep = |room: &Room, performed: bool| {
            let copy = place.join(format!("moments/{}", moments.len()));
            for part in PARTS {
                record::copy(&place.join(part), &copy.join(part));
            }
            moments.push(Moment { entries: room.written(), performed, copy });
        };
        keep(&room, true);
        while room.ended().is_none() {
            if matches!(room.ceremony().pending(), Pending::Do(_)) {
                let job = room.runner.intend().expect("an intent").expect("an operation");
                keep(&room, false);
                let answer = room.do_job(&job);
                keep(&room, true);
                room.say(answer);
            } else {
                room.turn().unwrap_or_else(|error| panic!("{error:?}"));
            }
        }
        let events = room.events().collect();
        drop(room);
        let lines = record::lines(&place.join("a"));
        let tokens = tokens_in(&place);
        Self { name, place, moments, lines, events, tokens }
    }

    /// Every state of the world in which the transcript could have ended after `entries` entries.
    fn worlds(&self, entries: usize) -> Vec<&Moment> {
        let exact: Vec<_> = self.moments.iter().filter(|moment| moment.entries == entries).collect();
        if !exact.is_empty() {
            return exact;
        }
        self.moments.iter().rev().find(|moment| moment.entries < entries).into_iter().collect()
    }

    /// Puts the world back, with these transcripts on the two media.
    fn put_back(&self, moment: &Moment, transcripts: [&[u8]; 2]) {
        pkcs11::close_all();
        for part in PARTS {
            fs::remove_dir_all(self.place.join(part)).expect("the last try is cleared away");
            record::copy(&moment.copy.join(part), &self.place.join(part));
        }
        for (medium, bytes) in ["a", "b"].iter().zip(transcripts) {
            fs::write(self.place.join(medium).join(transcript::FILE), bytes).expect("a transcript");
        }
    }

    fn prefix(&self, entries: usize) -> Vec<u8> {
        self.lines[..entries].concat()
    }

    /// Goes on from there to the end, and looks whether anything was lost or done twice.
    fn goes_on(&self, rehearsal: &Rehearsal, entries: usize, about: &str) {
        let people = People::of(&script(self.name));
        let mut room =
            Room::resume(rehearsal, &self.place, people).unwrap_or_else(|error| panic!("{about}: {error:?}"));
        self.goes_some_way(&mut room, usize::MAX, about);
        self.looks_whole(&room, entries, &["a", "b"], about);
    }

    /// Goes on until there are `entries`, or to the end. What was in doubt and turns out not to have been done is done again.
    fn goes_some_way(&self, room: &mut Room, entries: usize, about: &str) {
        while room.ended().is_none() && room.written() < entries {
            if let Pending::Ask(prompt) = room.ceremony().pending()
                && let Scene::Trouble { trouble, .. } = &prompt.scene
            {
                let not_done = matches!(trouble, Trouble::Fault(fault) if fault.cause.contains("was not done"));
                assert!(not_done, "{about}: trouble at {}: {}", room.position(), trouble.words());
                room.word("AGAIN");
                continue;
            }
            room.turn().unwrap_or_else(|error| panic!("{about}: at {}: {error:?}", room.position()));
        }
    }

    fn looks_whole(&self, room: &Room, entries: usize, media: &[&str], about: &str) {
        officiant::perform::record::finish(&room.runner).expect("a manifest");
        for medium in media {
            let audit = record::again(&self.place.join(medium));
            assert!(audit.holds(), "{about}, medium {medium}: {:#?}", audit.refused);
        }
        assert_eq!(tokens_in(&self.place), self.tokens, "{about}: a token was made twice, or lost");
        let events: Vec<_> = room.events().collect();
        for kind in KINDS {
            let count = |events: &[Event]| events.iter().filter(|event| kind(event)).count();
            let example = self.events.iter().find(|event| kind(event));
            assert_eq!(count(&events), count(&self.events), "{about}: as often as {example:?}");
        }
        if let Some(payload) = drafted(&self.events[..entries]) {
            assert_eq!(drafted(&events), Some(payload), "{about}: another payload was signed");
        }
    }
}

/// What happens once for each token or payload, whatever is cut.
const KINDS: [fn(&Event) -> bool; 8] = [
    |event| matches!(event, Event::TokenInitialised { .. }),
    |event| matches!(event, Event::UserPinSet { .. }),
    |event| matches!(event, Event::KeyGenerated { .. }),
    |event| matches!(event, Event::KeyDrilled { .. }),
    |event| matches!(event, Event::Signed { .. }),
    |event| matches!(event, Event::ThresholdMet { .. }),
    |event| matches!(event, Event::ClockConfirmed { .. }),
    |event| matches!(event, Event::HeadSigned { .. }),
];

fn drafted(events: &[Event]) -> Option<String> {
    events.iter().rev().find_map(|event| match event {
        Event::Drafted { payload, .. } => Some(payload.to_string()),
        _ => None,
    })
}

fn tokens_in(place: &Path) -> usize {
    fs::read_dir(place.join("tokens/tokens")).expect("the tokens").count()
}

/// The entries after which the sample cuts: every one after an operation was intended or performed, the last of everything
/// that was written together, and every `step`-th of the rest.
fn sample(recording: &Recording, step: usize) -> Vec<usize> {
    let beginning = recording.moments[0].entries;
    let about_operations = |entries: usize| {
        recording.moments.iter().any(|moment| moment.entries == entries)
            || matches!(
                recording.events[entries - 1],
                Event::Signed { .. } | Event::ClockRead { .. } | Event::FinalHead { .. } | Event::AsideNoted { .. }
            )
    };
    (beginning..=recording.lines.len())
        .filter(|entries| full() || about_operations(*entries) || entries % step == 0)
        .collect()
}

fn after_every_entry(test: &str, name: &'static str) {
    on_softhsm(test, |rehearsal| {
        let recording = Recording::make(rehearsal, name);
        for entries in sample(&recording, 9) {
            for moment in recording.worlds(entries) {
                let whole = recording.prefix(entries);
                let next = recording.lines.get(entries).map(Vec::as_slice).unwrap_or_default();
                let torn = [&whole, &next[..next.len() / 2]].concat();
                let behind = recording.prefix(entries - 1);
                // Power goes while a line is written on the first medium, on both, or before the second had the line before.
                let on_media: [&[u8]; 2] = match entries % 3 {
                    0 => [&whole, &whole],
                    1 => [&torn, &whole],
                    _ => [&torn, &behind],
                };
                recording.put_back(moment, on_media);
                let about = format!("{name} cut after {entries} entries, performed: {}", moment.performed);
                recording.goes_on(rehearsal, entries, &about);
            }
        }
    });
}

#[test]
fn a_genesis_that_is_cut_after_any_entry_goes_on_and_loses_nothing() {
    after_every_entry("a_genesis_that_is_cut_after_any_entry_goes_on_and_loses_nothing", "genesis-small");
}

#[test]
fn a_rotation_that_is_cut_after_any_entry_goes_on_and_loses_nothing() {
    after_every_entry("a_rotation_that_is_cut_after_any_entry_goes_on_and_loses_nothing", "rotate-root");
}

fn inside_lines(test: &str, name: &'static str) {
    on_softhsm(test, |rehearsal| {
        let recording = Recording::make(rehearsal, name);
        let last = recording.moments.last().expect("a moment");
        let all = recording.prefix(recording.lines.len());
        recording.put_back(last, [&all, &all]);
        let path = recording.place.join("a").join(transcript::FILE);
        let beginning = recording.moments[0].entries;
        let short = recording.prefix(beginning);
        fs::write(recording.place.join("b").join(transcript::FILE), short).expect("a copy that ends early");
        for entries in beginning..recording.lines.len() {
            let whole = recording.prefix(entries);
            let line = &recording.lines[entries];
            let step = if full() || entries % 59 == 0 { 1 } else { 37 };
            let mut standing: Option<String> = None;
            for cut in (1..line.len()).step_by(step) {
                let bytes = [&whole, &line[..cut]].concat();
                fs::write(&path, &bytes).expect("a transcript");
                let found = match Room::find(&recording.place) {
                    Ok(found) => found,
                    Err(error) => panic!("{name}: {cut} bytes of entry {entries}: {error:?}"),
                };
                assert_eq!(found.chain().entries.len(), entries);
                assert_eq!(found.torn().map(|torn| torn.length), Some(cut as u64));
                assert_eq!(fs::read(&path).expect("the transcript"), bytes, "only a resume cuts");
                if cut % 3 != 1 {
                    continue;
                }
                let stands = format!("{:?}", found.ceremony().pending());
                assert_eq!(*standing.get_or_insert_with(|| stands.clone()), stands);
            }
        }
        // The whole line without its newline is torn too; a resume says so and cuts it.
        let entries = recording.lines.len() - 2;
        let line = &recording.lines[entries];
        let bytes = [&recording.prefix(entries), &line[..line.len() - 1]].concat();
        fs::write(&path, &bytes).expect("a transcript");
        let room =
            Room::resume(rehearsal, &recording.place, People::of(&script(name))).unwrap_or_else(|e| panic!("{e:?}"));
        assert_eq!(room.count(|event| matches!(event, Event::TornTailCut { .. })), 1);
        let after = fs::read(&path).expect("the transcript");
        assert!(after.starts_with(&recording.prefix(entries)) && !after.starts_with(&bytes));
        assert!(transcript::read(&after).expect("a chain").torn.is_none());
    });
}

#[test]
fn a_genesis_that_is_cut_inside_a_line_stands_where_it_stood_before_that_line() {
    inside_lines("a_genesis_that_is_cut_inside_a_line_stands_where_it_stood_before_that_line", "genesis-small");
}

#[test]
fn a_rotation_that_is_cut_inside_a_line_stands_where_it_stood_before_that_line() {
    inside_lines("a_rotation_that_is_cut_inside_a_line_stands_where_it_stood_before_that_line", "rotate-root");
}

/// kill -9 of the real program, as often as its transcript has grown to some length; and then on to the end.
fn killed(name: &str) {
    let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder");
    let script = script(name);
    let answers = script.with_extension("answers.toml");
    let program = |record: &Path, verb: &str| {
        let mut call = Command::new(env!("CARGO_BIN_EXE_officiant"));
        call.arg(verb);
        if verb == "rehearse" {
            call.arg(&script).arg("--record").arg(record);
        } else {
            call.arg(record);
        }
        call.arg("--second").arg(record.with_extension("second")).arg("--answers").arg(&answers);
        call.stdout(Stdio::null()).stdin(Stdio::null()).stderr(Stdio::piped());
        call
    };
    let step = if full() { 1 } else { 12 };
    for entries in (5..150).step_by(step) {
        let record = place.path().join(format!("killed at {entries}"));
        let mut child = program(&record, "rehearse").spawn().expect("the program starts");
        let transcript = record.join(transcript::FILE);
        let over = loop {
            let lines = fs::read(&transcript).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count());
            if lines >= entries {
                break child.try_wait().expect("a state").is_some();
            }
            if child.try_wait().expect("a state").is_some() {
                break true;
            }
            std::thread::sleep(std::time::Duration::from_micros(300));
        };
        if !over {
            child.kill().expect("it is killed");
        }
        let ended = child.wait_with_output().expect("it ended");
        let words = String::from_utf8_lossy(&ended.stderr).into_owned();
        if !over {
            assert_eq!(ended.status.code(), None, "killed, not ended: {words}");
            let resumed = program(&record, "resume").output().expect("the program starts");
            let words = String::from_utf8_lossy(&resumed.stderr);
            assert!(resumed.status.success(), "{name} killed at {entries}: {words}");
        } else {
            assert!(ended.status.success(), "{words}");
        }
        for medium in [record.clone(), record.with_extension("second")] {
            record::holds(&medium);
        }
    }
}

#[test]
fn a_genesis_that_is_killed_at_any_entry_is_resumed_to_a_record_that_holds() {
    killed("genesis-small");
}

#[test]
fn a_rotation_that_is_killed_at_any_entry_is_resumed_to_a_record_that_holds() {
    killed("rotate-root");
}

fn a_medium_fails(test: &str, name: &'static str) {
    on_softhsm(test, |rehearsal| {
        let recording = Recording::make(rehearsal, name);
        let step = if full() { 1 } else { 13 };
        for entries in (recording.moments[0].entries..recording.lines.len()).step_by(step) {
            let moment = *recording.worlds(entries).last().expect("a moment");
            let whole = recording.prefix(entries);
            recording.put_back(moment, [&whole, &whole]);
            let (fails, lives) = if entries % 2 == 0 { ("a", "b") } else { ("b", "a") };
            let about = format!("{name}, medium {fails} fails after {entries} entries");
            let people = People::of(&script(name));
            let mut room =
                Room::resume(rehearsal, &recording.place, people).unwrap_or_else(|e| panic!("{about}: {e:?}"));
            if room.ceremony().closing().is_some() {
                // The resume wrote the last line of the last decision: nothing is left to be written.
                continue;
            }
            record::fills_up(&recording.place.join(fails));
            let before = room.written();
            recording.goes_some_way(&mut room, before + 4, &about);
            assert_eq!(room.count(|event| matches!(event, Event::MediumFailed { .. })), 1, "{about}");
            assert_eq!(room.runner.media().len(), 1, "{about}");
            assert_eq!(room.ceremony().media().len(), 1, "{about}");
            // The bad stick is pulled. The tokens of a rehearsal lie beside the first medium's record, so that folder stays.
            if fails == "b" || entries % 4 == 0 {
                drop(room);
                pkcs11::close_all();
                let dead = recording.place.join(fails);
                let inputs = dead.join("rehearsal");
                let kept = inputs.is_dir().then(|| recording.place.join("kept"));
                if let Some(kept) = &kept {
                    fs::rename(&inputs, kept).expect("the rehearsal's own folder is kept");
                }
                fs::remove_dir_all(&dead).expect("the medium is gone");
                room = Room::resume_from(
                    rehearsal,
                    &recording.place,
                    &[lives],
                    kept.as_deref(),
                    People::of(&script(name)),
                )
                .unwrap_or_else(|e| panic!("{about}: {e:?}"));
                recording.goes_some_way(&mut room, usize::MAX, &about);
                recording.looks_whole(&room, entries, &[lives], &about);
                fs::create_dir_all(recording.place.join(fails)).expect("a folder for the next try");
                if let Some(kept) = kept {
                    fs::remove_dir_all(kept).expect("the next try has its own");
                }
            } else {
                recording.goes_some_way(&mut room, usize::MAX, &about);
                recording.looks_whole(&room, entries, &[lives], &about);
            }
        }
    });
}

#[test]
fn a_genesis_goes_on_when_a_medium_fails_at_any_entry_and_resumes_from_the_other() {
    a_medium_fails("a_genesis_goes_on_when_a_medium_fails_at_any_entry_and_resumes_from_the_other", "genesis-small");
}

#[test]
fn a_rotation_goes_on_when_a_medium_fails_at_any_entry_and_resumes_from_the_other() {
    a_medium_fails("a_rotation_goes_on_when_a_medium_fails_at_any_entry_and_resumes_from_the_other", "rotate-root");
}

#[test]
fn a_ceremony_stops_when_the_last_medium_fails_and_nothing_is_done_without_a_record() {
    on_softhsm("a_ceremony_stops_when_the_last_medium_fails_and_nothing_is_done_without_a_record", |rehearsal| {
        let mut room = Room::rehearse(rehearsal, "genesis-small");
        room.until(
            |pending, _| matches!(pending, Pending::Do(operation) if format!("{operation:?}").contains("Initialise")),
        );
        let tokens = tokens_in(&room.place);
        let entries = room.written();
        record::fills_up(&room.place.join("a"));
        record::fills_up(&room.place.join("b"));
        let failed = room.runner.intend().map(|_| ()).expect_err("no medium is left");
        assert!(failed.fault().is_some_and(|fault| fault.cause.contains("No space left")), "{failed:?}");
        assert_eq!((tokens_in(&room.place), room.written()), (tokens, entries));
        let mut room = room.again(rehearsal);
        room.finish();
        record::holds(&room.place.join("a"));
    });
}

#[test]
fn a_file_that_was_being_written_when_the_power_went_is_completed_and_nothing_is_overwritten() {
    on_softhsm(
        "a_file_that_was_being_written_when_the_power_went_is_completed_and_nothing_is_overwritten",
        |rehearsal| {
            let mut room = Room::rehearse(rehearsal, "genesis-small");
            for (name, keep) in [("payloads", 10), ("metadata", 0)] {
                room.until(|pending, _| {
                    matches!(pending, Pending::Do(Operation::StorePayload { .. } | Operation::Export { .. }))
                });
                let job = room.runner.intend().expect("an intent").expect("an operation");
                assert!(matches!(room.do_job(&job), Answer::Done(_)));
                let folder = room.place.join("a").join(name);
                let file = fs::read_dir(&folder).expect("a folder").next().expect("a file").expect("a file").path();
                let bytes = fs::read(&file).expect("a file");
                fs::write(&file, &bytes[..keep]).expect("only a part reached the disk");
                fs::remove_dir_all(room.place.join("b").join(name)).expect("nothing did on the other medium");
                room = room.again(rehearsal);
                room.until(|pending, _| matches!(pending, Pending::InDoubt(_)));
                room.turn().expect("it is completed");
                assert_eq!(fs::read(&file).expect("a file"), bytes);
            }
            room.finish();
            record::holds(&room.place.join("a"));
            record::holds(&room.place.join("b"));
        },
    );
}

#[test]
fn an_older_copy_of_the_record_is_noticed_by_the_words_of_the_witness() {
    on_softhsm("an_older_copy_of_the_record_is_noticed_by_the_words_of_the_witness", |rehearsal| {
        let mut room = Room::rehearse(rehearsal, "genesis-small");
        room.until(|_, ceremony| ceremony.cursor().act == 1);
        let old: Vec<_> =
            ["a", "b"].iter().map(|medium| fs::read(room.place.join(medium).join(transcript::FILE))).collect();
        room.until(|_, ceremony| ceremony.cursor().act == 2);
        let words_of_today = |event: &Event| match event {
            Event::ActClosed { head, .. } => Some(*head),
            _ => None,
        };
        let last = room.events().filter_map(|event| words_of_today(&event)).last().expect("an act was closed");
        for (medium, bytes) in ["a", "b"].iter().zip(old) {
            fs::write(room.place.join(medium).join(transcript::FILE), bytes.expect("a transcript"))
                .expect("the older copy");
        }
        let mut room = room.again(rehearsal);
        let Scene::ReadBack { blind, .. } = room.prompt().scene else { panic!("the witness is asked first") };
        let on_paper = officiant::readback::words(last.as_bytes());
        let said = blind.hidden().iter().map(|index| on_paper[*index].clone()).collect();
        assert_eq!(room.refused(&Answer::HiddenWords(said)), Rule::HeadOnPaper);
    });
}

#[test]
fn two_media_that_tell_different_stories_are_refused() {
    on_softhsm("two_media_that_tell_different_stories_are_refused", |rehearsal| {
        let mut room = Room::rehearse(rehearsal, "genesis-small");
        room.until_step("0.3");
        let place = room.place.clone();
        drop(room);
        let path = place.join("b").join(transcript::FILE);
        let other = place.join("other.jsonl");
        fs::copy(&path, &other).expect("a copy");
        // The second medium goes its own way from the same beginning.
        let text = fs::read(place.join("a/script.toml")).expect("a script");
        let script = officiant::ceremony::script::read::script(&text).expect("a script");
        let second = ceremony_support::media(&script, &place).remove(1);
        let clock = ceremony_support::Pinned::at("2026-12-01T10:00:00Z");
        let found = officiant::runner::Runner::find(std::slice::from_ref(&second)).unwrap_or_else(|e| panic!("{e:?}"));
        drop(found.resume(ceremony_support::program(), clock.hand_in()).unwrap_or_else(|e| panic!("{e:?}")));
        // So far the first medium is a beginning of the second; now it gets a story of its own.
        let bytes = fs::read(&other).expect("the copy");
        let chain = transcript::read(&bytes).expect("a chain");
        let own = transcript::write(chain.last(), chain.last().expect("an entry").at, &Event::Paused).expect("a line");
        fs::write(place.join("a").join(transcript::FILE), [bytes, own.line].concat()).expect("another story");
        match Room::find(&place).map(|_| ()) {
            Err(Error::Refused(refusal)) => assert_eq!(refusal.rule, Rule::TranscriptChain),
            other => panic!("{other:?}"),
        }
    });
}
