//! What the tests of QR codes share.
#![allow(dead_code, reason = "each test program uses a part")]

mod metadata;
pub mod rotation;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

#[allow(unused_imports, reason = "each test program uses a part")]
pub use metadata::metadata;

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
        let mut command = Command::new("node");
        command.arg(&self.script).args(arguments).env("OFFICIANT_NODE_MODULES", &self.modules);
        ended_well(command, input)
    }
}

/// Runs any program to its good end and returns what it said.
pub fn run(program: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut command = Command::new(program);
    command.args(arguments);
    ended_well(command, input)
}

fn ended_well(mut command: Command, input: &[u8]) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // It may have heard enough before the end.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    let ended = child.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    String::from_utf8(ended.stdout).expect("text")
}

/// A frame of fewer than a hundred letters, with a right checksum, that declares four thousand million fragments.
pub fn hostile_frame() -> String {
    let number = |value: u32| [&[0x1a][..], &value.to_be_bytes()].concat();
    let declared = [4_000_000_001, 4_000_000_000, 4_000_000_000, 16_909_060].map(number).concat();
    let cbor = [&[0x85], declared.as_slice(), &[0x41, 0]].concat();
    let letters = officiant::transfer::ur::bytewords::encode(&cbor);
    format!("ur:compressed/4000000001-4000000000/{letters}").to_uppercase()
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

/// What a camera makes of a screen: where each pixel comes from, and how much worse it gets.
pub struct Warp {
    /// Of each pixel of the picture the place in the screen, in 256ths of a pixel; `None` where the screen is not.
    places: Vec<Option<(u32, u32)>>,
    /// How often each pixel is mixed with its neighbours.
    blur: u32,
    /// In 256ths.
    contrast: i32,
    noise: i32,
}

impl Warp {
    /// Width and height of a picture.
    pub const SIZE: (u32, u32) = (1280, 720);

    /// The screen upright in the middle, as large as it can be.
    pub fn none(screen: (u32, u32)) -> Self {
        Self::new(screen, 1.0, 0.0, 0.0, 0, 256, 0)
    }

    /// The screen small in the middle.
    pub fn far_away(screen: (u32, u32)) -> Self {
        Self::new(screen, 0.2, 0.0, 0.0, 1, 200, 20)
    }

    /// Tilted two ways, a little turned, blurred, of low contrast and noisy.
    pub fn held_by_hand(screen: (u32, u32)) -> Self {
        Self::new(screen, 0.96, 0.10, 0.04, 1, 180, 24)
    }

    fn new(screen: (u32, u32), size: f64, tilt: f64, turn: f64, blur: u32, contrast: i32, noise: i32) -> Self {
        let (width, height) = (f64::from(Self::SIZE.0), f64::from(Self::SIZE.1));
        let scale = (width / f64::from(screen.0)).min(height / f64::from(screen.1)) * size;
        let mut places = vec![];
        for y in 0..Self::SIZE.1 {
            for x in 0..Self::SIZE.0 {
                let (x, y) = (f64::from(x) - width / 2.0, f64::from(y) - height / 2.0);
                // What is farther away is smaller.
                let away = 1.0 + tilt * x / width + tilt / 2.0 * y / height;
                let (x, y) = ((x + turn * y) * away / scale, (y - turn * x) * away / scale);
                let (x, y) = (x + f64::from(screen.0) / 2.0 - 0.5, y + f64::from(screen.1) / 2.0 - 0.5);
                let inside = x >= 0.0 && y >= 0.0 && x < f64::from(screen.0 - 1) && y < f64::from(screen.1 - 1);
                places.push(inside.then_some(((x * 256.0) as u32, (y * 256.0) as u32)));
            }
        }
        Self { places, blur, contrast, noise }
    }

    /// Whether two pictures of the same differ.
    pub fn is_noisy(&self) -> bool {
        self.noise > 0
    }

    /// One picture; another `seed` has other noise.
    pub fn take(&self, screen: &image::GrayImage, seed: u64) -> image::GrayImage {
        let (pixels, width) = (screen.as_raw(), screen.width() as usize);
        let bent: Vec<u8> = self
            .places
            .iter()
            .map(|place| {
                let Some((x, y)) = *place else { return 60 };
                let at = (y >> 8) as usize * width + (x >> 8) as usize;
                let (x, y) = (x & 255, y & 255);
                let above = u32::from(pixels[at]) * (256 - x) + u32::from(pixels[at + 1]) * x;
                let below = u32::from(pixels[at + width]) * (256 - x) + u32::from(pixels[at + width + 1]) * x;
                ((above * (256 - y) + below * y) >> 16) as u8
            })
            .collect();
        let mut picture = bent;
        for _ in 0..self.blur {
            picture = mixed(&picture, Self::SIZE.0 as usize);
        }
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        if self.noise > 0 {
            for pixel in &mut picture {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let noise = (state >> 40) as i32 % (2 * self.noise + 1) - self.noise;
                *pixel = ((i32::from(*pixel) - 128) * self.contrast / 256 + 128 + noise).clamp(0, 255) as u8;
            }
        }
        image::GrayImage::from_raw(Self::SIZE.0, Self::SIZE.1, picture).expect("as many pixels as there are")
    }
}

/// Each pixel with a third of those on its four sides.
fn mixed(pixels: &[u8], width: usize) -> Vec<u8> {
    let mut mixed = pixels.to_vec();
    for at in width..pixels.len() - width {
        let around = [at - 1, at + 1, at - width, at + width].map(|at| u32::from(pixels[at]));
        mixed[at] = ((u32::from(pixels[at]) * 2 + around.iter().sum::<u32>()) / 6) as u8;
    }
    mixed
}

/// The same part with other data and right checksums: what somebody shows who wants the true message to fail.
pub fn forged(frame: &str) -> String {
    use officiant::transfer::ur::bytewords::{decode, encode};

    let (head, letters) = frame.rsplit_once('/').expect("a part");
    let mut cbor = decode(&letters.to_lowercase()).expect("letters of ours");
    *cbor.last_mut().expect("data") ^= 0x55;
    format!("{head}/{}", encode(&cbor)).to_uppercase()
}
