//! What the tests of QR codes share.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Something like TUF metadata of about `size` bytes: indented JSON of which half is hexadecimal of digests and keys.
pub fn metadata(size: usize) -> Vec<u8> {
    let mut text =
        String::from("{\n \"signatures\": [],\n \"signed\": {\n  \"_type\": \"targets\",\n  \"targets\": {\n");
    for number in 0.. {
        let sha256 = officiant::digest::Digest::of(format!("target {number}").as_bytes());
        text.push_str(&format!(
            "   \"releases/officiant-{number}.tar.gz\": {{\n    \"hashes\": {{\n     \"sha256\": \"{sha256}\"\n    }},\n    \"length\": {}\n   }},\n",
            1000 + number * 37
        ));
        if text.len() + 40 >= size {
            break;
        }
    }
    text.push_str("   \"last\": {}\n  }\n }\n}\n");
    text.into_bytes()
}

/// A program in another language that `tests/run` installs.
pub struct Peer {
    script: PathBuf,
    modules: PathBuf,
}

impl Peer {
    /// `@ngraveio/bc-ur`.
    pub fn bc_ur() -> Option<Self> {
        Self::find("bc_ur.mjs")
    }

    /// A script of tests/peers/qr; where its packages are absent, the test says that it was skipped.
    pub fn find(script: &str) -> Option<Self> {
        let modules = target().join("peers/qr");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/qr").join(script);
        if modules.join("stamp").exists() {
            return Some(Self { script, modules });
        }
        let required = std::env::var_os("OFFICIANT_PEERS").is_some_and(|value| value == "required");
        assert!(!required, "the packages of tests/peers/qr are not installed below {}", modules.display());
        eprintln!("skipped: the packages of tests/peers/qr are not installed; tests/run installs them");
        None
    }

    /// Runs it to its good end and returns what it said.
    pub fn run(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut child = Command::new("node")
            .arg(&self.script)
            .args(arguments)
            .env("OFFICIANT_NODE_MODULES", &self.modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node starts");
        child.stdin.take().expect("a pipe").write_all(input).expect("it reads");
        let ended = child.wait_with_output().expect("it ends");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).expect("text")
    }
}

/// The target folder that this test program was built into.
pub fn target() -> PathBuf {
    let program = std::env::current_exe().expect("a test program knows where it is");
    program.ancestors().nth(3).expect("a test program lies in TARGET/PROFILE/deps").to_owned()
}

/// Whether a program is there; where it is not, the test says that it was skipped.
pub fn tool(name: &str) -> bool {
    let there = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if there.is_ok_and(|status| status.success()) {
        return true;
    }
    let required = std::env::var_os("OFFICIANT_PEERS").is_some_and(|value| value == "required");
    assert!(!required, "{name} is not installed; tests/run installs it");
    eprintln!("skipped: {name} is not installed; tests/run installs it");
    false
}

/// A picture of a terminal: cells of 4x8 pixels in their colours, with something in place of each letter. What a camera would see.
pub fn photograph(screen: &vt100::Screen) -> image::GrayImage {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let width = usize::from(columns) * 4;
    let mut pixels = vec![0; width * usize::from(rows) * 8];
    for row in 0..rows {
        for column in 0..columns {
            let Some(cell) = screen.cell(row, column) else { continue };
            let (fg, bg) = (grey(cell.fgcolor(), 170), grey(cell.bgcolor(), 0));
            // A bit for each row of pixels.
            let lit: u8 = match cell.contents() {
                "█" => 0b1111_1111,
                "▀" => 0b0000_1111,
                "▄" => 0b1111_0000,
                "" | " " => 0,
                _ => 0b0101_0100,
            };
            for y in 0..8 {
                let at = (usize::from(row) * 8 + y) * width + usize::from(column) * 4;
                pixels[at..at + 4].fill(if lit >> y & 1 == 1 { fg } else { bg });
            }
        }
    }
    image::GrayImage::from_raw(u32::from(columns) * 4, u32::from(rows) * 8, pixels)
        .expect("as many pixels as there are")
}

/// The brightness of a colour of the Linux console.
fn grey(color: vt100::Color, default: u8) -> u8 {
    match color {
        vt100::Color::Default => default,
        vt100::Color::Idx(0) => 0,
        vt100::Color::Idx(8) => 85,
        vt100::Color::Idx(15) => 255,
        vt100::Color::Idx(index @ 1..8) => 40 + index * 18,
        _ => 170,
    }
}

/// What `zbarimg` reads in a picture.
pub fn zbar(picture: &image::GrayImage, folder: &Path) -> Option<String> {
    let file = folder.join("zbar.png");
    picture.save(&file).expect("a picture");
    let said = Command::new("zbarimg")
        .args(["-q", "--raw", "-Sdisable", "-Sqrcode.enable"])
        .arg(&file)
        .output()
        .expect("zbarimg runs");
    let text = String::from_utf8(said.stdout).expect("text").trim_end().to_owned();
    (!text.is_empty()).then_some(text)
}
