//! Codes as pictures in a folder, as a page and as a video: out of the program and into it.

mod cli_support;
mod qr_support;

use std::{fs, io::Cursor, path::Path};

use cli_support::{Ran, officiant};
use image::{DynamicImage, Frame, GrayImage, ImageFormat, codecs::gif::GifEncoder};
use officiant::transfer::ur::Receiver;
use qr_support::{metadata, tool, zbar};

/// A folder with files, and their codes as PNG pictures in `frames`.
fn place(size: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("record");
    fs::create_dir_all(record.join("metadata")).expect("a folder");
    fs::write(record.join("metadata/2.root.json"), metadata(size)).expect("a file");
    fs::write(record.join("MANIFEST"), "…\n").expect("a file");
    let shown = officiant(folder.path(), &["qr", "show", "record", "--frames", "frames"]);
    assert_eq!(shown.code, Some(0), "{shown:#?}");
    folder
}

fn pictures(folder: &Path) -> Vec<GrayImage> {
    let mut paths: Vec<_> =
        fs::read_dir(folder.join("frames")).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| image::open(path).expect("a picture").into_luma8()).collect()
}

fn read(folder: &Path, sources: &[&str]) -> Ran {
    officiant(folder, &[&["qr", "read", "-o", "in"], sources].concat())
}

fn arrived(folder: &Path, size: usize, ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert_eq!(fs::read(folder.join("in/metadata/2.root.json")).expect("the file"), metadata(size));
    assert_eq!(fs::read_to_string(folder.join("in/MANIFEST")).expect("the file"), "…\n");
    assert!(ran.err.contains("The words of the digest"), "{}", ran.err);
}

#[test]
fn pictures_go_out_and_come_in_with_a_third_of_them_lost() {
    let folder = place(8_000);
    let place = folder.path();
    for (number, entry) in fs::read_dir(place.join("frames")).expect("a folder").enumerate() {
        if number % 4 == 1 {
            fs::remove_file(entry.expect("an entry").path()).expect("removed");
        }
    }
    arrived(place, 8_000, &read(place, &["frames"]));
    let again = read(place, &["frames"]);
    assert_eq!(again.code, Some(1), "nothing is overwritten");
    assert!(again.err.contains("OUTPUT-FRESH"), "{}", again.err);
}

#[test]
fn sha256sum_makes_the_same_digest_again() {
    let folder = place(2_000);
    let script = "cd record; find . -type f | sed 's,^./,,' | xargs sha256sum | LC_ALL=C sort";
    let ours =
        std::process::Command::new("sh").args(["-c", script]).current_dir(folder.path()).output().expect("sh runs");
    let read = read(folder.path(), &["frames"]);
    assert_eq!(read.out, String::from_utf8_lossy(&ours.stdout));
    let words = officiant::readback::words(officiant::digest::Digest::of(&ours.stdout).as_bytes());
    assert!(words.iter().all(|word| read.err.contains(word)), "{}", read.err);
}

#[test]
fn every_kind_of_file_that_is_read_is_read() {
    let folder = place(2_000);
    let place = folder.path();
    let pictures = pictures(place);
    let (width, height) = pictures[0].dimensions();

    let mut jpegs = vec![];
    for picture in &pictures {
        jpegs.extend_from_slice(&picture_as_jpeg(picture));
    }
    fs::write(place.join("video.mjpeg"), &jpegs[..]).expect("a file");

    let mut gif = vec![];
    let frames = pictures.iter().map(|picture| Frame::new(DynamicImage::ImageLuma8(picture.clone()).into_rgba8()));
    GifEncoder::new(&mut gif).encode_frames(frames).expect("a GIF");
    fs::write(place.join("video.gif"), gif).expect("a file");

    let mut y4m = format!("YUV4MPEG2 W{width} H{height} F5:1 Cmono\n").into_bytes();
    for picture in &pictures {
        y4m.extend_from_slice(b"FRAME\n");
        y4m.extend_from_slice(picture.as_raw());
    }
    fs::write(place.join("video.y4m"), y4m).expect("a file");

    for file in ["video.mjpeg", "video.gif", "video.y4m"] {
        arrived(place, 2_000, &read(place, &[file]));
        fs::remove_dir_all(place.join("in")).expect("removed");
    }
}

fn picture_as_jpeg(picture: &GrayImage) -> Vec<u8> {
    let mut bytes = Cursor::new(vec![]);
    picture.write_to(&mut bytes, ImageFormat::Jpeg).expect("a picture");
    bytes.into_inner()
}

#[test]
fn pictures_of_two_parcels_in_one_folder_do_not_get_in_each_others_way() {
    let (one, other) = (place(2_000), place(8_000));
    fs::create_dir(one.path().join("mixed")).expect("a folder");
    for (folder, name, most) in [(&other, "a", 3), (&one, "b", 99)] {
        for number in 1..=most {
            let from = folder.path().join(format!("frames/frame-{number:04}.png"));
            if from.exists() {
                fs::copy(from, one.path().join(format!("mixed/{name}{number:04}.png"))).expect("copied");
            }
        }
    }
    let ran = read(one.path(), &["mixed"]);
    arrived(one.path(), 2_000, &ran);
    assert!(ran.err.contains("several parcels"), "{}", ran.err);
}

#[test]
fn what_is_missing_or_not_read_is_said() {
    let folder = place(8_000);
    let place = folder.path();
    fs::create_dir(place.join("some")).expect("a folder");
    for number in [1, 2] {
        let name = format!("frame-{number:04}.png");
        fs::copy(place.join("frames").join(&name), place.join("some").join(&name)).expect("copied");
    }
    GrayImage::new(64, 64).save(place.join("some/dark.png")).expect("a picture");
    let some = read(place, &["some"]);
    assert_eq!(some.code, Some(1));
    assert!(some.err.contains("PARCEL-INTACT: After 3 pictures 2 of "), "{}", some.err);
    assert!(some.err.contains("1 had no code") && some.err.contains("any frames will do"), "{}", some.err);
    assert!(!place.join("in").exists());

    fs::write(place.join("clip.mp4"), b"\0\0\0\x18ftypmp42").expect("a file");
    let video = read(place, &["clip.mp4"]);
    assert!(video.err.contains("clip.mp4 is neither") && video.err.contains("ffmpeg -i"), "{}", video.err);
    let dark = read(place, &["some/dark.png"]);
    assert!(dark.err.contains("No code was found in 1 pictures."), "{}", dark.err);
}

/// A picture of one SVG of ours: a path of bars that are one module high.
fn raster(svg: &str) -> GrayImage {
    const PIXELS: u32 = 6;
    let number = |text: &str| text.parse::<u32>().expect("a number");
    let side = number(svg.split_once("viewBox=\"0 0 ").expect("a size").1.split_once(' ').expect("two").0);
    let mut picture = GrayImage::from_pixel(side * PIXELS, side * PIXELS, image::Luma([255]));
    let path = svg.split_once("<path d=\"").expect("a path").1.split_once('"').expect("its end").0;
    for bar in path.split('M').skip(1) {
        let (place, rest) = bar.split_once('h').expect("a bar");
        let (x, y) = place.split_once(' ').expect("two numbers");
        let run = number(rest.split_once('v').expect("its height").0);
        for (dx, dy) in (0..run * PIXELS).flat_map(|dx| (0..PIXELS).map(move |dy| (dx, dy))) {
            picture.put_pixel(number(x) * PIXELS + dx, number(y) * PIXELS + dy, image::Luma([0]));
        }
    }
    picture
}

#[test]
fn a_page_for_paper_holds_every_code() {
    let folder = place(2_000);
    let place = folder.path();
    let ran = officiant(place, &["qr", "show", "record", "--page", "page.html"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let html = fs::read_to_string(place.join("page.html")).expect("a page");
    assert!(
        html.contains("metadata/2.root.json") && !html.contains("http://www.w3.org/1999"),
        "it needs nothing beside itself"
    );
    fs::create_dir(place.join("scanned")).expect("a folder");
    let codes: Vec<GrayImage> = html.split("<svg").skip(1).map(raster).collect();
    assert!(codes.len() > 1);
    for (number, code) in codes.iter().enumerate() {
        code.save(place.join(format!("scanned/{number}.png"))).expect("a picture");
    }
    arrived(place, 2_000, &read(place, &["scanned"]));
    let again = officiant(place, &["qr", "show", "record", "--page", "page.html"]);
    assert!(again.err.contains("OUTPUT-FRESH"), "{}", again.err);
}

#[test]
fn an_independent_reader_reads_the_pictures() {
    if !tool("zbarimg") {
        return;
    }
    let folder = place(2_000);
    let mut receiver = Receiver::new();
    for picture in pictures(folder.path()) {
        let text = zbar(&picture, folder.path()).expect("it is read");
        receiver.take(&text);
    }
    assert!(receiver.message().is_some());
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path();
    fs::write(place.join("key.pem"), "-----BEGIN PRIVATE KEY-----\n").expect("a file");
    let secret = officiant(place, &["qr", "show", "key.pem", "--frames", "frames"]);
    assert_eq!(secret.code, Some(1));
    assert!(secret.err.contains("FRAMES-CARRY-NO-SECRET") && !place.join("frames").exists(), "{}", secret.err);

    fs::write(place.join("a.txt"), "a").expect("a file");
    let nowhere = officiant(place, &["qr", "show", "a.txt"]);
    assert_eq!(nowhere.code, Some(2));
    assert!(nowhere.err.contains("no terminal") && nowhere.err.contains("--frames"), "{}", nowhere.err);
    let typed = officiant(place, &["qr", "read", "--keyboard", "-o", "in"]);
    assert_eq!(typed.code, Some(2));
    for arguments in [&["--camera"][..], &["--camera", "/nowhere/video0"]] {
        let camera = officiant(place, &[&["qr", "read", "-o", "in"], arguments].concat());
        assert_eq!(camera.code, Some(3), "{camera:#?}");
        let says = if cfg!(feature = "camera") { "there is no such device" } else { "built without cameras" };
        assert!(
            camera.err.contains("open the camera at /") && camera.err.contains(says) && !place.join("in").exists(),
            "{}",
            camera.err
        );
    }
    fs::write(place.join("large"), vec![0; 5 << 20]).expect("a file");
    assert_eq!(officiant(place, &["qr", "show", "large", "--frames", "frames"]).code, Some(3));
}
