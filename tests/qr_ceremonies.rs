//! Whole ceremonies whose inputs and outputs cross as QR codes alone: off the screen of the real program in a real pseudo-terminal, as
//! photographs, into the ceremony; and off the same screen, by a reader and a decoder that are not this project's, out of it.

mod ceremony_support;
mod qr_support;
mod support;
mod tui;

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use ceremony_support::{Room, record};
use image::ImageFormat;
use officiant::{
    ceremony::{
        Pending,
        event::Event,
        prompt::{Answer, Scene, WordsStand},
    },
    digest::Digest,
    fault::Error,
    perform::{Codes, Scanner, rehearsal},
    qr::picture::text_in,
    rules::Rule,
    transfer::{Gun, Manifest, Publication, compressed, parcel::Parcel, ur::Receiver},
    tuf::{
        dialect::Dialect,
        signed::Untrusted,
        verify::{first_root, next_root},
    },
};
use qr_support::{photograph, tool, zbar};
use support::on_softhsm;
use tui::driver::Terminal;

const PATIENCE: Duration = Duration::from_secs(120);

/// The screen of `officiant qr show PATHS…`, with the codes running.
fn shown(folder: &Path, paths: &[PathBuf]) -> Terminal {
    let paths: Vec<&str> = paths.iter().map(|path| path.to_str().expect("UTF-8")).collect();
    let arguments = [&["qr", "show"], paths.as_slice(), &["--speed", "15"]].concat();
    let mut terminal = Terminal::start(folder, &arguments, 120, 40);
    terminal.wait_for("Enter shows the codes.");
    terminal.press("\r");
    terminal.wait_for("of the digest:");
    terminal
}

/// Shows files on a screen of the program and leaves photographs of it in `to`, until there are enough. Every third is lost.
fn photographs(paths: &[PathBuf], to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    let mut terminal = shown(to, paths);
    let (mut receiver, mut last, mut taken) = (Receiver::new(), None, 0_u32);
    let deadline = Instant::now() + PATIENCE;
    while receiver.message().is_none() {
        assert!(Instant::now() < deadline, "{:?}\n{}", receiver.progress(), terminal.screen());
        let Some(picture) = terminal.cells(photograph) else { continue };
        let text = text_in(&picture).expect("a whole frame can be read");
        if last.replace(text.clone()).as_ref() == Some(&text) {
            continue;
        }
        taken += 1;
        if taken % 3 == 0 && receiver.progress().count > 2 {
            continue;
        }
        receiver.take(&text);
        picture.save(to.join(format!("{taken:04}.png"))).expect("a picture");
    }
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
}

/// The other side of a ceremony's screen: `zbarimg` reads, the published decoder puts together.
struct Laptop {
    folder: PathBuf,
    received: Arc<Mutex<Option<Parcel>>>,
}

impl Codes for Laptop {
    fn scan(&mut self, scanner: &Scanner) -> Result<Option<Vec<u8>>, Error> {
        panic!("there is no {scanner:?}")
    }

    fn show(&mut self, parcel: &Parcel, folders: &[PathBuf]) -> Result<(), Error> {
        let terminal = shown(&self.folder, folders);
        let mut decoder = ur::Decoder::default();
        let deadline = Instant::now() + PATIENCE;
        while !decoder.complete() {
            assert!(Instant::now() < deadline, "{}", terminal.screen());
            let Some(picture) = terminal.cells(photograph) else { continue };
            let Some(text) = zbar(&picture, &self.folder) else { continue };
            if let Ok((ur::ur::Kind::SinglePart, message)) = ur::decode(&text.to_lowercase()) {
                // A parcel that is one code.
                *self.received.lock().expect("nobody panics with it") = Some(unpacked(&message));
                return Ok(());
            }
            decoder.receive(&text.to_lowercase()).expect("it takes our frame");
        }
        let message = decoder.message().expect("a message").expect("it is complete");
        let received = unpacked(&message);
        assert_eq!(&received, parcel, "the verb shows the same as the ceremony");
        *self.received.lock().expect("nobody panics with it") = Some(received);
        Ok(())
    }
}

fn unpacked(message: &[u8]) -> Parcel {
    Parcel::from_bytes(&compressed::inflate(message).expect("it inflates")).expect("a parcel")
}

/// A rehearsal of a shipped script with a step before one step and a step behind another.
fn room(
    tokens: &officiant::token::pkcs11::rehearsal::Rehearsal,
    name: &str,
    (before, import): (&str, &str),
) -> (Room, Arc<Mutex<Option<Parcel>>>) {
    let text = fs::read_to_string(ceremony_support::script(name)).expect("a shipped script");
    let step = |kind: &str| format!("[[act.step]]\ndo = \"{kind}\"\n");
    let witness = text.lines().find(|line| line.starts_with("witness = ")).expect("somebody reads words");
    let (before, import) = (step(before), import.replace("WITNESS", witness));
    let (head, rest) = text.split_once(&before).expect("such a step");
    let (middle, rest) = rest.split_once(&step("export")).expect("an export");
    let (of_export, rest) = rest.split_once("\n\n").expect("a step after it");
    let show = format!("{}{witness}\n", step("show-qr"));
    let text = format!("{head}{import}{before}{middle}{}{of_export}\n\n{show}\n{rest}", step("export"));
    let people = ceremony_support::People::of(&ceremony_support::script(name));
    let mut room = Room::rehearse_text(tokens, text.as_bytes(), people, None);
    let received = Arc::default();
    let folder = room.place.join("laptop");
    fs::create_dir(&folder).expect("a folder");
    // The performer is taken out of the room and put back with a screen.
    let place = room.place.clone();
    let script = Arc::clone(room.ceremony().script());
    let inputs = rehearsal::inputs(&place.join("a"));
    let trust = officiant::token::quirks::Trust::shipped();
    room.performer = officiant::perform::Performer::new(script, inputs, Some(tokens.module.clone()), trust)
        .with_codes(Box::new(Laptop { folder, received: Arc::clone(&received) }));
    (room, received)
}

fn import_step(from: &str, folder: &str) -> String {
    let folder = if folder.is_empty() { String::new() } else { format!("folder = \"{folder}\"\n") };
    format!("[[act.step]]\ndo = \"import-qr\"\nfrom = \"pictures:{from}\"\n{folder}WITNESS\n\n")
}

/// Whether the hidden words of what crossed are asked for.
fn compares(pending: &Pending) -> bool {
    matches!(pending, Pending::Ask(prompt) if matches!(&prompt.scene, Scene::ReadBack { stand: WordsStand::OnTheOtherScreen, .. }))
}

#[test]
fn a_root_is_rotated_and_nothing_but_codes_comes_in_or_goes_out() {
    if !tool("zbarimg") {
        return;
    }
    on_softhsm("a_root_is_rotated_and_nothing_but_codes_comes_in_or_goes_out", |tokens| {
        let import = import_step("photographs", "previous");
        let (mut room, received) = room(tokens, "rotate-root", ("import-root", &import));
        let inputs = rehearsal::inputs(&room.place.join("a"));
        let previous = inputs.join("previous/1.root.json");
        let old = fs::read(&previous).expect("the twin of the old root");
        photographs(std::slice::from_ref(&previous), &inputs.join("photographs"));
        fs::remove_file(&previous).expect("nothing lies beside the script");

        // A wrong word counts nothing, and what came in may be dropped and read again.
        room.until(|pending, _| compares(pending));
        let Scene::ReadBack { blind, .. } = room.prompt().scene else { panic!("words are asked for") };
        let mut wrong = blind.answer();
        wrong[0] = if wrong[0] == "aardvark" { "absurd".into() } else { "aardvark".into() };
        assert_eq!(room.refused(&Answer::HiddenWords(wrong)), Rule::ParcelReadback);
        assert!(room.ceremony().previous_root().is_none());
        room.word("AGAIN");
        room.finish();
        record::holds(&room.place.join("a"));
        record::holds(&room.place.join("b"));

        // The wire carried the old root in and the new one out, and what it carried is what stands in the record.
        let parcel = received.lock().expect("nobody panics with it").take().expect("it was received");
        let new = parcel.file("2.root.json").expect("the new root");
        assert_eq!(new.bytes, fs::read(room.place.join("a/metadata/2.root.json")).expect("an exported root"));
        let old = first_root(Untrusted::parse(Dialect::Tuf1, old.as_slice()).expect("a root")).expect("it verifies");
        let next = Untrusted::parse(Dialect::Tuf1, new.bytes.as_slice()).expect("a root");
        assert_eq!(next_root(&old, next).expect("the new root follows").document().version, 2);
        let told: Vec<Digest> = room
            .events()
            .filter_map(|event| match event {
                Event::ParcelCompared { digest, passed, .. } => {
                    assert_eq!(passed[0].rule, Rule::ParcelReadback);
                    Some(digest)
                }
                _ => None,
            })
            .collect();
        assert_eq!(told.len(), 2, "both ways were compared");
        assert_eq!(told[1], parcel.digest());
        let reads = room.count(|event| matches!(event, Event::ParcelRead { .. }));
        assert_eq!(reads, 2, "it was read again after the wrong word");
        assert_eq!(room.count(|event| matches!(event, Event::FramesShown { .. })), 1);
    });
}

#[test]
fn a_tagging_key_is_rotated_in_three_repositories_and_nothing_but_codes_comes_in_or_goes_out() {
    if !tool("zbarimg") {
        return;
    }
    let test = "a_tagging_key_is_rotated_in_three_repositories_and_nothing_but_codes_comes_in_or_goes_out";
    on_softhsm(test, |tokens| {
        let imports = import_step("today", "dct-today") + &import_step("before", "dct-before");
        let (mut room, received) = room(tokens, "dct-rotate-tagging-key", ("import-repositories", &imports));
        let inputs = rehearsal::inputs(&room.place.join("a"));
        for (collection, pictures) in [("dct-today", "today"), ("dct-before", "before")] {
            photographs(&[inputs.join(collection)], &inputs.join(pictures));
            fs::remove_dir_all(inputs.join(collection)).expect("nothing lies beside the script");
        }
        room.finish();
        record::holds(&room.place.join("a"));

        let parcel = received.lock().expect("nobody panics with it").take().expect("it was received");
        let manifest = &parcel.file("MANIFEST").expect("the manifest of the bundles").bytes;
        assert_eq!(*manifest, fs::read(room.place.join("a/publish/MANIFEST")).expect("a manifest"));
        let publication = Publication::open(Manifest::parse(manifest).expect("a manifest")).expect("a publication");
        assert_eq!(publication.guns().len(), 3);
        let gun = Gun::parse("docker.io/example/db").expect("a name");
        let folder = format!("repositories/{}", gun.folder_name());
        let files = publication.names(&gun).into_iter().map(|name| {
            let file = parcel.file(&format!("{folder}/{name}")).expect("it crossed");
            (name.to_owned(), file.bytes.clone())
        });
        let bundle = publication.bundle(&gun, &files.collect()).expect("a bundle that is whole");
        let documents: Vec<_> = bundle.files.iter().map(|file| format!("{} {}", file.role, file.version)).collect();
        assert_eq!(documents, ["root 2", "targets 6"]);
        assert_eq!(room.count(|event| matches!(event, Event::ParcelCompared { .. })), 3);
    });
}

/// An AVI as webcams write one: a head, and JPEG pictures in chunks with their lengths.
fn avi(pictures: &Path) -> Vec<u8> {
    let mut paths: Vec<_> =
        fs::read_dir(pictures).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let mut movie = b"movi".to_vec();
    for path in paths {
        let mut jpeg = Cursor::new(vec![]);
        image::open(path).expect("a picture").write_to(&mut jpeg, ImageFormat::Jpeg).expect("a picture");
        let mut jpeg = jpeg.into_inner();
        movie.extend_from_slice(b"00dc");
        movie.extend_from_slice(&u32::try_from(jpeg.len()).expect("it is small").to_le_bytes());
        jpeg.resize(jpeg.len().next_multiple_of(2), 0);
        movie.append(&mut jpeg);
    }
    let list = |kind: &[u8; 4], body: &[u8]| {
        [kind, &u32::try_from(body.len()).expect("it is small").to_le_bytes()[..], body].concat()
    };
    let body = [b"AVI ", &list(b"LIST", b"hdrl")[..], &list(b"LIST", &movie)].concat();
    list(b"RIFF", &body)
}

#[test]
fn a_video_of_the_screen_is_what_a_ceremony_reads() {
    on_softhsm("a_video_of_the_screen_is_what_a_ceremony_reads", |tokens| {
        let import = import_step("screen.avi", "previous");
        let (mut room, _) = room(tokens, "rotate-root", ("import-root", &import));
        let inputs = rehearsal::inputs(&room.place.join("a"));
        let previous = inputs.join("previous/1.root.json");
        photographs(std::slice::from_ref(&previous), &room.place.join("photographs"));
        let film = avi(&room.place.join("photographs"));
        fs::remove_file(&previous).expect("nothing lies beside the script");

        // A video that was stopped before the end is not enough, and the next one is.
        fs::write(inputs.join("screen.avi"), &film[..film.len() / 3]).expect("a file");
        room.until(|pending, _| format!("{pending:?}").contains("ReadFrames"));
        room.perform().expect("the trouble is recorded");
        let trouble = room.trouble().words();
        assert!(trouble.starts_with("PARCEL-INTACT: After ") && trouble.contains(" are known"), "{trouble}");
        fs::write(inputs.join("screen.avi"), &film).expect("a file");
        room.word("AGAIN");
        room.until_step("3.1");
        assert!(room.ceremony().previous_root().is_some());
        assert_eq!(room.count(|event| matches!(event, Event::ParcelCompared { .. })), 1);
    });
}

#[test]
fn half_a_parcel_is_trouble_that_says_what_is_missing_and_files_may_come_by_the_medium_instead() {
    on_softhsm(
        "half_a_parcel_is_trouble_that_says_what_is_missing_and_files_may_come_by_the_medium_instead",
        |tokens| {
            let import = import_step("photographs", "previous");
            let (mut room, _) = room(tokens, "rotate-root", ("import-root", &import));
            let inputs = rehearsal::inputs(&room.place.join("a"));
            fs::create_dir(inputs.join("photographs")).expect("a folder");
            room.until(|pending, _| format!("{pending:?}").contains("ReadFrames"));
            room.perform().expect("the trouble is recorded");
            let trouble = room.trouble().words();
            assert!(trouble.starts_with("PARCEL-INTACT: No picture could be read."), "{trouble}");
            room.word("AGAIN");
            room.word("FILES");
            room.until_step("3.1");
            assert!(room.ceremony().previous_root().is_some());
            assert_eq!(room.count(|event| matches!(event, Event::ParcelRead { .. })), 0);
        },
    );
}

#[test]
fn what_came_in_is_read_out_of_the_record_after_a_resume_and_only_as_it_came_in() {
    on_softhsm("what_came_in_is_read_out_of_the_record_after_a_resume_and_only_as_it_came_in", |tokens| {
        let import = import_step("photographs", "previous");
        let (mut room, _) = room(tokens, "rotate-root", ("import-root", &import));
        let inputs = rehearsal::inputs(&room.place.join("a"));
        let previous = inputs.join("previous/1.root.json");
        photographs(std::slice::from_ref(&previous), &inputs.join("photographs"));
        fs::remove_file(&previous).expect("nothing lies beside the script");
        fs::write(&previous, "{}").expect("and what lies there is another");
        room.until(|pending, _| format!("{pending:?}").contains("ReadInput"));
        let mut room = room.again(tokens);
        room.until(|pending, _| format!("{pending:?}").contains("ReadInput"));

        // On both media the parcel is another now: nothing is taken, and nothing else in its place.
        let parcels: Vec<PathBuf> = ["a/inputs", "b/inputs"]
            .iter()
            .flat_map(|folder| fs::read_dir(room.place.join(folder)).expect("a folder"))
            .map(|entry| entry.expect("an entry").path())
            .collect();
        assert_eq!(parcels.len(), 2);
        let whole = fs::read(&parcels[0]).expect("the parcel");
        let mut spoilt = whole.clone();
        *spoilt.last_mut().expect("a byte") ^= 1;
        parcels.iter().for_each(|path| fs::write(path, &spoilt).expect("a file"));
        room.perform().expect("the trouble is recorded");
        assert!(room.trouble().words().contains("no medium holds it as it came in"), "{}", room.trouble().words());
        fs::write(&parcels[1], &whole).expect("one medium has it");
        room.word("AGAIN");
        room.perform().expect("it is taken from the other medium");
        assert!(room.ceremony().previous_root().is_some());
    });
}

#[test]
fn codes_that_are_left_out_or_shown_again_leave_the_same_files_and_say_so() {
    on_softhsm("codes_that_are_left_out_or_shown_again_leave_the_same_files_and_say_so", |tokens| {
        let import = import_step("photographs", "previous");
        let (mut room, _) = room(tokens, "rotate-root", ("import-root", &import));
        let script = Arc::clone(room.ceremony().script());
        let inputs = rehearsal::inputs(&room.place.join("a"));
        // A front end without a screen, and the pictures that the rehearsal made for itself.
        let trust = officiant::token::quirks::Trust::shipped();
        let frames = rehearsal::frames(&room.place.join("a"));
        room.performer =
            officiant::perform::Performer::new(script, inputs, Some(tokens.module.clone()), trust).with_frames(frames);
        let asks = |word: &'static str| {
            move |pending: &Pending, _: &officiant::ceremony::Ceremony| match pending {
                Pending::Ask(prompt) => match &prompt.input {
                    officiant::ceremony::prompt::Input::Word(choices) => choices[0].word == word,
                    _ => false,
                },
                _ => false,
            }
        };
        room.until(asks("SHOW"));
        room.word("SHOW");
        room.perform().expect("everything fits");
        room.word("AGAIN");
        room.perform().expect("everything fits");
        room.word("SKIP");
        room.finish();
        record::holds(&room.place.join("a"));
        assert_eq!(room.count(|event| matches!(event, Event::FramesShown { .. })), 2);
        let compared = room.count(|event| matches!(event, Event::ParcelCompared { .. }));
        assert_eq!(compared, 1, "what came in; nobody compared what went out, and nothing says so");
        assert!(room.place.join("a/metadata/2.root.json").is_file());
    });
}
