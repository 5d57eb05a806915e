//! A camera before the screen of the real program: the codes of one terminal, as a camera held by hand sees them, are handed to another
//! by what answers as the kernel's Video4Linux would. There is no camera and no kernel driver in it.
#![cfg(feature = "camera")]

mod qr_support;
mod tui;

use std::{
    fs,
    io::Cursor,
    path::Path,
    process::{Command, Stdio},
};

use image::{DynamicImage, GrayImage, ImageFormat};
use officiant::readback::words;
use portable_pty::CommandBuilder;
use qr_support::{
    Warp, metadata, photograph,
    rotation::{answers, parcel_of, script},
    run, tool,
};
use tui::{driver::Terminal, people::People};

const DEVICE: &str = "/dev/video0";

/// A folder with the driver, a file of metadata, and what a camera sees of the program that shows it.
struct Place {
    folder: tempfile::TempDir,
    pictures: Vec<GrayImage>,
}

impl Place {
    fn new(count: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("2.root.json"), metadata(2_000)).expect("a file");
        Self::of(folder, "2.root.json", count)
    }

    /// What it sees of the first `count` frames of a file in `folder`.
    fn of(folder: tempfile::TempDir, file: &str, count: u32) -> Option<Self> {
        if !tool("cc") {
            return None;
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/qr_support/fake_camera.c");
        let (source, driver) = (source.to_str().expect("UTF-8"), folder.path().join("camera.so"));
        run("cc", &["-shared", "-fPIC", "-O2", "-o", driver.to_str().expect("UTF-8"), source, "-ldl"], b"");
        let mut terminal = Terminal::start(folder.path(), &["qr", "show", file, "--size", "10"], 120, 40);
        terminal.wait_for("Enter shows the codes.");
        terminal.press("\rr");
        let mut pictures = vec![];
        for number in 1..=count {
            terminal.wait_until("the frame", |screen| {
                let shown = screen.lines().find_map(|line| line.split_once("Frame ")).map(|(_, rest)| rest);
                shown.is_some_and(|rest| rest.split_whitespace().next() == Some(&number.to_string()))
            });
            let screen = terminal.cells(photograph).expect("a whole frame");
            let warp = Warp::held_by_hand(screen.dimensions());
            // Each code stands in two pictures.
            pictures.extend([0, 1].map(|take| warp.take(&screen, u64::from(number * 2 + take))));
            terminal.press("n");
        }
        Some(Self { folder, pictures })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What the driver gets: every picture as `encoded` makes it.
    fn frames(&self, encoded: impl Fn(&GrayImage) -> Vec<u8>) {
        let frames = self.pictures.iter().map(encoded);
        let frames =
            frames.map(|bytes| [&u32::try_from(bytes.len()).expect("small").to_le_bytes()[..], &bytes].concat());
        fs::write(self.path().join("frames"), frames.collect::<Vec<_>>().concat()).expect("a file");
    }

    fn variables(&self, format: &str, trouble: &str) -> [(&'static str, String); 5] {
        let path = |name: &str| self.path().join(name).to_str().expect("UTF-8").to_owned();
        [
            ("LD_PRELOAD", path("camera.so")),
            ("FAKE_CAMERA", DEVICE.into()),
            ("FAKE_CAMERA_FORMAT", format.into()),
            ("FAKE_CAMERA_FRAMES", path("frames")),
            ("FAKE_CAMERA_TROUBLE", trouble.into()),
        ]
    }

    /// `officiant qr read --camera` without a terminal: exit code and what it said.
    fn read(&self, format: &str, trouble: &str) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_officiant"));
        command.args(["qr", "read", "--camera", "-o", "in"]).current_dir(self.path()).stdin(Stdio::null());
        let ended = command.envs(self.variables(format, trouble)).output().expect("it starts");
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    }

    /// The program in a terminal, before a camera that gives YUYV.
    fn start(&self, arguments: &[&str], trouble: &str) -> Terminal {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_officiant"));
        command.args(arguments);
        command.cwd(self.path());
        command.env("TERM", "xterm-256color");
        self.variables("YUYV 1280 720 2560", trouble).into_iter().for_each(|(name, value)| command.env(name, value));
        Terminal::with(command, 100, 40)
    }

    fn arrived(&self) {
        assert_eq!(fs::read(self.path().join("in/2.root.json")).expect("it arrived"), metadata(2_000));
        fs::remove_dir_all(self.path().join("in")).expect("removed");
    }
}

fn yuyv(picture: &GrayImage) -> Vec<u8> {
    picture.iter().flat_map(|grey| [*grey, 128]).collect()
}

fn jpeg(picture: &GrayImage) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    DynamicImage::ImageLuma8(picture.clone()).into_rgb8().write_to(&mut bytes, ImageFormat::Jpeg).expect("a picture");
    bytes.into_inner()
}

#[test]
fn what_a_camera_sees_of_one_screen_arrives_at_the_other_in_every_kind_of_format() {
    let Some(place) = Place::new(12) else { return };
    type Encoded = fn(&GrayImage) -> Vec<u8>;
    let formats: [(&str, Encoded); 4] = [
        ("MJPG 1280 720 0", jpeg),
        ("YUYV 1280 720 2560", yuyv),
        ("GREY 1280 720 1280", |picture| picture.as_raw().clone()),
        ("NV12 1280 720 1280", |picture| [picture.as_raw().as_slice(), &vec![128; picture.len() / 2]].concat()),
    ];
    for (format, encoded) in formats {
        place.frames(encoded);
        let (code, said) = place.read(format, "");
        assert_eq!(code, Some(0), "{format}: {said}");
        assert!(said.contains("The words of the digest"), "{said}");
        place.arrived();
    }
}

#[test]
fn a_page_says_how_far_the_camera_is_and_q_leaves_it() {
    let Some(mut place) = Place::new(12) else { return };
    place.frames(yuyv);
    let start = |place: &Place, trouble: &str| place.start(&["qr", "read", "--camera", DEVICE, "-o", "in"], trouble);
    let mut terminal = start(&place, "");
    terminal.wait_for(" known");
    assert_eq!(terminal.ended(), 0);
    place.arrived();

    // Pulled out in the middle: the terminal is given back, and what happened is said.
    let mut terminal = start(&place, "3");
    assert_eq!(terminal.ended(), 3);
    let screen = terminal.wait_for("read from the camera at");
    assert!(!terminal.is_taken() && screen.contains("the camera is gone"), "{screen}");
    assert!(!place.path().join("in").exists());

    // A camera before a wall: nothing is known, and a key leaves.
    place.pictures = vec![GrayImage::from_pixel(1280, 720, image::Luma([130]))];
    place.frames(yuyv);
    let mut terminal = start(&place, "");
    terminal.wait_for("No code that can be read is in the picture.");
    terminal.press("q");
    assert_eq!(terminal.ended(), 4);
    assert!(!place.path().join("in").exists());
}

#[test]
fn a_ceremony_takes_its_root_from_a_camera_once_the_words_were_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = script(folder.path(), "camera", true);
    let mut people = People::of(&path, &answers());
    let root = folder.path().join("previous/1.root.json");
    let parcel = parcel_of(&root);
    let Some(place) = Place::of(folder, "previous/1.root.json", 12) else { return };
    place.frames(yuyv);
    fs::remove_file(&root).expect("nothing lies beside the script");
    let script = path.to_str().expect("UTF-8");
    let mut terminal = place.start(&["run", script, "--record", "a", "--second", "b"], "");
    let screen = people.go_on_until(&mut terminal, "Type READ");
    assert!(screen.contains("The camera is at /dev/video0."), "{screen}");
    terminal.enter("READ");
    terminal.wait_for("1 files came in. Nothing of them counts yet.");
    people.knows("the files that came in", words(parcel.digest().as_bytes()));
    people.go_on_until(&mut terminal, "confirm with your own word");
    let transcript = fs::read_to_string(place.path().join("a/transcript.jsonl")).expect("a transcript");
    let of = |event: &str| transcript.lines().filter(|line| line.contains(&format!("{{\"{event}\""))).count();
    assert_eq!((of("parcel-read"), of("parcel-compared"), of("previous-root")), (1, 1, 1));
    assert!(transcript.contains("\"from\":\"camera:/dev/video0\""), "{transcript}");
}

#[test]
fn every_way_in_which_a_camera_fails_is_said_with_what_to_do() {
    let Some(place) = Place::new(1) else { return };
    place.frames(yuyv);
    for (format, trouble, says) in [
        ("YUYV 1280 720 2560", "denied", "group video"),
        ("YUYV 1280 720 2560", "busy", "another program uses this camera"),
        ("YUYV 1280 720 2560", "metadata", "gives no pictures"),
        ("YUYV 1280 720 2560", "silent", "Is its shutter closed?"),
        ("YUYV 1280 720 2560", "2", "the camera is gone"),
        ("H264 1280 720 0", "", "it gives pictures as H264 only"),
        ("YUYV 1280 720 100", "", "it gives pictures as YUYV only"),
    ] {
        let (code, said) = place.read(format, trouble);
        assert!(code == Some(3) && said.contains(says), "{trouble}: {code:?} {said}");
        assert!(!said.contains("panicked"), "{said}");
        assert!(!place.path().join("in").exists());
    }
}
