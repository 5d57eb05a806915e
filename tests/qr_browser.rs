//! The courier page in a real browser: a camera plays a video of this program's own terminal, and the page's codes are photographed for
//! this program.

mod cli_support;
mod qr_support;
mod tui;

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use cli_support::officiant;
use image::GrayImage;
use officiant::{
    readback,
    transfer::{
        compressed,
        parcel::{File, Parcel},
        ur::Stream,
    },
};
use qr_support::{Peer, Warp, forged, hostile_frame, metadata, photograph, target, tool};
use serde_json::Value;
use tui::driver::Terminal;

/// The page in a folder of its own; `None` where it or the browser cannot be had.
fn page() -> Option<(Peer, tempfile::TempDir)> {
    let peer = Peer::find("browser.mjs")?;
    if !tool("chromium") || !tool("npm") {
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = page_in(&folder);
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/courier/page/build");
    // Tests build it side by side; the folder that it is built in is one.
    let lock = fs::File::create(target().join("courier-page.lock")).expect("a file");
    lock.lock().expect("a lock");
    let built = Command::new(build).arg(&file).env("CARGO_TARGET_DIR", target()).output().expect("it starts");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/QR.md")).expect("the document");
    let sha256 = String::from_utf8_lossy(&built.stdout)[..64].to_owned();
    assert!(document.contains(&sha256), "docs/QR.md names another SHA-256 of the page than {sha256}");
    Some((peer, folder))
}

fn page_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("courier.html")
}

/// The first `count` frames that the program shows in a terminal of this size, as pictures of the whole screen.
fn screens(folder: &Path, size: &str, columns: u16, rows: u16, count: u32) -> Vec<GrayImage> {
    let mut terminal = Terminal::start(folder, &["qr", "show", "2.root.json", "--size", size], columns, rows);
    terminal.wait_for("Enter shows the codes.");
    terminal.press("\rr");
    (1..=count)
        .map(|number| {
            terminal.wait_until("the frame", |screen| {
                let shown = screen.lines().find_map(|line| line.split_once("Frame ")).map(|(_, rest)| rest);
                shown.is_some_and(|rest| rest.split_whitespace().next() == Some(&number.to_string()))
            });
            let picture = loop {
                if let Some(picture) = terminal.cells(photograph) {
                    break picture;
                }
            };
            terminal.press("n");
            picture
        })
        .collect()
}

/// A video of 1280x720 in which each screen stands for a fifth of a second, from its `from`-th on; what is noisy is taken twice. As
/// Y4M, which costs nothing to make.
fn video(screens: &[GrayImage], warp: &Warp, from: usize, file: &Path) {
    let mut video = BufWriter::new(fs::File::create(file).expect("a file"));
    let (width, height) = Warp::SIZE;
    let grey = vec![128; (width * height / 2) as usize];
    let takes = if warp.is_noisy() { 2 } else { 1 };
    writeln!(video, "YUV4MPEG2 W{width} H{height} F{}:1 Ip A1:1 C420jpeg", 5 * takes).expect("a video");
    for (number, screen) in screens.iter().enumerate().skip(from) {
        for take in 0..takes {
            let picture = warp.take(screen, (number * 2 + take) as u64);
            let parts = [b"FRAME\n", picture.as_raw().as_slice(), &grey];
            parts.iter().try_for_each(|part| video.write_all(part)).expect("a video");
        }
    }
    video.flush().expect("a video");
}

/// A picture of one code, in the middle of one that is as large as a screen of 240x67.
fn picture_of(text: &str, version: u8) -> GrayImage {
    let symbol = officiant::qr::Symbol::new(text, version).expect("a code");
    let png = officiant::qr::paper::png(&symbol).expect("a picture");
    let code = image::load_from_memory(&png).expect("a picture").into_luma8();
    let (width, height) = code.dimensions();
    let code = match height {
        0..400 => code,
        _ => image::imageops::resize(&code, width / 2, height / 2, image::imageops::FilterType::Nearest),
    };
    let mut picture = GrayImage::from_pixel(960, 536, image::Luma([90]));
    image::imageops::replace(&mut picture, &code, 200, 60);
    picture
}

fn place(size: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("2.root.json"), metadata(size)).expect("a file");
    fs::create_dir(folder.path().join("arrived")).expect("a folder");
    folder
}

fn words_of(folder: &Path) -> Vec<String> {
    let manifest = format!(
        "{}  2.root.json\n",
        officiant::digest::Digest::of(&fs::read(folder.join("2.root.json")).expect("a file"))
    );
    readback::words(officiant::digest::Digest::of(manifest.as_bytes()).as_bytes())
}

fn well_behaved(said: &Value) {
    assert_eq!(said["problems"], Value::Array(vec![]), "{said}");
    assert_eq!(said["wide"], false, "it fits a telephone: {said}");
    assert_eq!(said["unnamed"], 0, "everything has a name for a screen reader: {said}");
    assert_eq!(said["sealed"], true, "{said}");
}

fn received(peer: &Peer, page: &Path, folder: &Path, size: usize) -> Value {
    let (video, out) = (folder.join("camera.y4m"), folder.join("arrived"));
    let said = peer.run(&["receive", path(page), path(&video), path(&out)], b"");
    let said: Value = serde_json::from_str(&said).expect("JSON");
    well_behaved(&said);
    assert_eq!(said["early"], false, "nothing is saved before the words were compared");
    let words: Vec<String> = serde_json::from_value(said["words"].clone()).expect("words");
    assert_eq!(words, words_of(folder));
    assert_eq!(fs::read(out.join("2.root.json")).expect("it was saved"), metadata(size), "bytes equal");
    assert!(said["view"].as_str().expect("text").contains("targets"), "{said}");
    println!("{size} bytes: {} s, {}", said["seconds"], said["counts"]);
    said
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// From the program's terminal to the page, the screen as `warp` shows it and from its `from`-th frame on.
fn from_terminal_to_page(size: usize, count: u32, warp: impl Fn((u32, u32)) -> Warp, from: usize) {
    let Some((peer, built)) = page() else { return };
    let folder = place(size);
    let screens = screens(folder.path(), "13", 120, 40, count);
    video(&screens, &warp(screens[0].dimensions()), from, &folder.path().join("camera.y4m"));
    received(&peer, &page_in(&built), folder.path(), size);
}

#[test]
fn two_kilobytes_cross_from_the_terminal_to_the_page() {
    from_terminal_to_page(2_000, 12, Warp::none, 0);
}

#[test]
fn two_kilobytes_cross_before_a_camera_in_the_hand() {
    from_terminal_to_page(2_000, 14, Warp::held_by_hand, 2);
}

#[test]
fn eight_kilobytes_cross_from_the_terminal_to_the_page() {
    from_terminal_to_page(8_000, 22, Warp::none, 0);
}

#[test]
fn eight_kilobytes_cross_before_a_camera_in_the_hand() {
    from_terminal_to_page(8_000, 24, Warp::held_by_hand, 2);
}

#[test]
fn sixty_kilobytes_cross_from_the_terminal_to_the_page() {
    from_terminal_to_page(60_000, 70, Warp::none, 0);
}

#[test]
fn sixty_kilobytes_cross_before_a_camera_in_the_hand() {
    from_terminal_to_page(60_000, 84, Warp::held_by_hand, 2);
}

#[test]
fn coloured_spaces_cross_too_and_a_wrong_stream_is_named() {
    let Some((peer, built)) = page() else { return };
    let page = page_in(&built);
    let folder = place(2_000);
    let mut terminal = Terminal::start(folder.path(), &["qr", "show", "2.root.json", "--draw", "spaces"], 240, 67);
    terminal.wait_for("Enter shows the codes.");
    terminal.press("\rr");
    terminal.wait_for("paused");
    let mut screens = vec![];
    for number in 1..=12 {
        terminal.wait_until("the frame", |screen| {
            screen.contains(&format!("Frame {number} "))
                || screen.lines().any(|line| line.trim_end().ends_with(&format!("Frame {number}")))
        });
        screens.extend(terminal.cells(photograph));
        terminal.press("n");
    }
    // Between the frames of one parcel stand some of another, as if the camera saw a second screen.
    let other = place(8_000);
    let foreign = self::screens(other.path(), "13", 240, 67, 6);
    // And one code of 95 letters that declares four thousand million fragments.
    let hostile = picture_of(&hostile_frame(), 5);
    let mixed: Vec<GrayImage> =
        [&hostile].into_iter().chain(&screens[..2]).chain(&foreign).chain(&screens[2..]).cloned().collect();
    video(&mixed, &Warp::none(mixed[1].dimensions()), 0, &folder.path().join("camera.y4m"));
    let said = received(&peer, &page, folder.path(), 2_000);
    assert!(said["statuses"].to_string().contains("of another parcel"), "{said}");
}

#[test]
fn a_poisoned_set_is_dropped_with_a_word_and_the_next_one_finishes() {
    let Some((peer, built)) = page() else { return };
    let folder = place(8_000);
    let bytes = fs::read(folder.path().join("2.root.json")).expect("a file");
    let parcel = Parcel::new(vec![File { name: "2.root.json".into(), bytes }]).expect("a parcel");
    let stream = Stream::new(compressed::compress(&parcel.to_bytes()).expect("it is small"), 619).expect("it fits");
    // After five of ours comes a part of the same name that says something else than one of them, and then ours go on.
    let frame = |number| stream.frame(number);
    let frames = (1..=5).map(frame).chain([forged(&frame(3))]).chain((6..=4 * stream.count()).map(frame));
    let screens: Vec<GrayImage> = frames.map(|frame| picture_of(&frame, 13)).collect();
    video(&screens, &Warp::none(screens[0].dimensions()), 0, &folder.path().join("camera.y4m"));
    let said = received(&peer, &page_in(&built), folder.path(), 8_000);
    assert!(said["statuses"].to_string().contains("contradicted each other"), "{said}");
}

#[test]
fn files_cross_from_the_page_back_to_the_program() {
    let Some((peer, built)) = page() else { return };
    let page = page_in(&built);
    for (size, version, count) in [(2_000, "10", 12), (8_000, "13", 20), (60_000, "25", 34)] {
        let folder = place(size);
        let (file, out) = (folder.path().join("2.root.json"), folder.path().join("photographs"));
        fs::create_dir(&out).expect("a folder");
        let said = peer.run(&["show", path(&page), path(&out), &count.to_string(), version, path(&file)], b"");
        let said: Value = serde_json::from_str(&said).expect("JSON");
        well_behaved(&said);
        let words: Vec<String> = serde_json::from_value(said["words"].clone()).expect("words");
        assert_eq!(words, words_of(folder.path()));
        // One of the first is missed.
        fs::remove_file(out.join("photograph-0001.png")).expect("removed");
        let ran = officiant(folder.path(), &["qr", "read", "photographs", "-o", "in"]);
        assert_eq!(ran.code, Some(0), "{ran:#?}");
        assert_eq!(fs::read(folder.path().join("in/2.root.json")).expect("a file"), metadata(size));
    }
}

#[test]
fn firefox_opens_the_page_as_a_file_starts_its_camera_and_files_cross_both_ways() {
    if !tool("firefox-esr") {
        return;
    }
    let (Some((_, built)), Some(peer)) = (page(), Peer::find("firefox.mjs")) else { return };
    let folder = place(8_000);
    let place = folder.path();
    let shown = officiant(place, &["qr", "show", "2.root.json", "--frames", "frames"]);
    assert_eq!(shown.code, Some(0), "{shown:#?}");
    fs::create_dir(place.join("photographs")).expect("a folder");
    let (frames, photographs, file) = (place.join("frames"), place.join("photographs"), place.join("2.root.json"));
    let page = page_in(&built);
    let arguments = [&page, &frames, &photographs].map(|path| self::path(path));
    let said = peer.run(&[&arguments[..], &["20", path(&file)]].concat(), b"");
    let said: Value = serde_json::from_str(&said).expect("JSON");
    for side in ["words", "shown"] {
        let words: Vec<String> = serde_json::from_value(said[side].clone()).expect("words");
        assert_eq!(words, words_of(place), "{side}");
    }
    let view = said["view"].as_str().expect("text");
    let digest = officiant::digest::Digest::of(&metadata(8_000)).to_string();
    assert!(view.contains("targets") && view.contains(&digest), "{said}");
    let ran = officiant(place, &["qr", "read", "photographs", "-o", "in"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(fs::read(place.join("in/2.root.json")).expect("a file"), metadata(8_000));
}

/// A folder as the courier collects it, with a name that is longer than an archive of old has room for.
fn collection(below: &Path) -> Vec<(String, Vec<u8>)> {
    let long = format!("repositories/docker.io%2Fexample%2F{}/targets/releases.json", "a".repeat(90));
    let files = [("MANIFEST", 700), ("repositories/docker.io%2Fexample%2Fdb/root.json", 2_000), (&long, 900)];
    let write = |(name, size): (&str, usize)| {
        let (path, bytes) = (below.join(name), metadata(size));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, &bytes).expect("a file");
        (name.to_owned(), bytes)
    };
    files.map(write).into()
}

#[test]
fn folders_cross_both_ways_with_their_names() {
    let Some((peer, built)) = page() else { return };
    let page = page_in(&built);
    let folder = tempfile::tempdir().expect("a folder");
    let (files, arrived) = (collection(&folder.path().join("collection")), folder.path().join("arrived"));
    fs::create_dir(&arrived).expect("a folder");

    // Out of the program's terminal, into an archive that tar unpacks.
    let mut terminal = Terminal::start(folder.path(), &["qr", "show", "collection"], 120, 40);
    terminal.wait_for("Enter shows the codes.");
    terminal.press("\rr");
    let mut screens = vec![];
    for number in 1..=20 {
        let wanted = [format!("Frame {number} of"), format!("Frame {number} "), format!("Frame {number}\n")];
        terminal.wait_until("the frame", |screen| wanted.iter().any(|wanted| screen.contains(wanted)));
        screens.extend(terminal.cells(photograph));
        terminal.press("n");
    }
    let camera = folder.path().join("camera.y4m");
    video(&screens, &Warp::none(screens[0].dimensions()), 0, &camera);
    let said = peer.run(&["receive", path(&page), path(&camera), path(&arrived)], b"");
    well_behaved(&serde_json::from_str(&said).expect("JSON"));
    let unpacked = folder.path().join("unpacked");
    fs::create_dir(&unpacked).expect("a folder");
    let archive = arrived.join("officiant-files.tar");
    qr_support::run("tar", &["-xf", path(&archive), "-C", path(&unpacked)], b"");
    for (name, bytes) in &files {
        assert_eq!(&fs::read(unpacked.join(name)).expect("it was unpacked"), bytes, "{name}");
    }

    // And back: the folder is chosen as one.
    let photographs = folder.path().join("photographs");
    fs::create_dir(&photographs).expect("a folder");
    let collected = folder.path().join("collection");
    let said = peer.run(&["show", path(&page), path(&photographs), "20", "13", path(&collected)], b"");
    well_behaved(&serde_json::from_str(&said).expect("JSON"));
    let ran = officiant(folder.path(), &["qr", "read", "photographs", "-o", "in"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    for (name, bytes) in &files {
        assert_eq!(&fs::read(folder.path().join("in").join(name)).expect("it was read"), bytes, "{name}");
    }
}

#[cfg(feature = "online")]
#[test]
fn the_courier_writes_the_page_that_belongs_to_it_and_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("officiant-courier");
    fs::copy(env!("CARGO_BIN_EXE_officiant-courier"), &program).expect("a copy");
    let writes = |out: &str| {
        let done =
            Command::new(&program).args(["page", "-o"]).arg(folder.path().join(out)).output().expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    };
    let (code, _, said) = writes("none.html");
    assert!(code == Some(3) && said.contains("src/courier/page/build makes it"), "{said}");
    let beside = folder.path().join("courier.html");
    fs::write(&beside, "<html>").expect("a file");
    let (code, _, said) = writes("wrong.html");
    assert!(code == Some(1) && said.contains("BYTES-MATCH-HASH"), "{said}");
    assert!(!folder.path().join("wrong.html").exists());
    let Some((_, built)) = page() else { return };
    fs::copy(page_in(&built), &beside).expect("a copy");
    let (code, product, said) = writes("right.html");
    assert_eq!(code, Some(0), "{said}");
    let right = fs::read(folder.path().join("right.html")).expect("it was written");
    assert_eq!(right, fs::read(&beside).expect("the page"));
    assert!(product.starts_with(&officiant::digest::Digest::of(&right).to_string()), "{product}");
    assert_eq!(writes("right.html").0, Some(1), "nothing is overwritten");
}

#[test]
fn the_page_says_what_is_wrong_with_the_picture() {
    let Some((peer, built)) = page() else { return };
    let page = page_in(&built);
    let folder = place(8_000);
    let screen = screens(folder.path(), "13", 120, 40, 1).remove(0);
    let other_code = picture_of("HTTPS://EXAMPLE.ORG/", 3);
    let dark = GrayImage::from_pixel(640, 400, image::Luma([12]));
    let wall = GrayImage::from_pixel(640, 400, image::Luma([140]));
    for (picture, warp, words) in [
        (&dark, Warp::none(dark.dimensions()), "Too dark."),
        (&wall, Warp::none(wall.dimensions()), "No code in the picture."),
        (&screen, Warp::far_away(screen.dimensions()), "Too far away."),
        (&other_code, Warp::none(other_code.dimensions()), "a code of something else"),
    ] {
        let file = folder.path().join("camera.y4m");
        video(&[picture.clone(), picture.clone()], &warp, 0, &file);
        let said = peer.run(&["hint", path(&page), path(&file), words], b"");
        well_behaved(&serde_json::from_str(&said).expect("JSON"));
    }
}

#[test]
fn the_page_shows_no_private_key() {
    let Some((peer, built)) = page() else { return };
    let page = page_in(&built);
    let folder = place(10);
    let key = folder.path().join("key.pem");
    fs::write(&key, "-----BEGIN PRIVATE KEY-----\n").expect("a file");
    let said = peer.run(&["show", path(&page), path(folder.path()), "1", "13", path(&key)], b"");
    assert!(said.contains("looks like a private key"), "{said}");
}
