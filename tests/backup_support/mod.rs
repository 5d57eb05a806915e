//! What the tests of the backup share.
#![allow(dead_code, reason = "each test program uses a part")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use officiant::{
    backup::{
        About, Identity, ROWS, Scheme, Share, Split,
        paper::{Heading, MemoryFile, Paper},
        split,
    },
    keyfile::PrivateKey,
    secret::Secret,
    tuf::{dialect::Dialect, key::Key},
    utc::Utc,
};

pub fn key() -> (PrivateKey, Key, About) {
    let key = PrivateKey::generate_p256().expect("a key");
    let trusted = Dialect::default().key(key.public()).expect("a TUF key");
    let made = Utc::parse_rfc3339("2026-12-01T09:00:00Z").expect("an instant");
    let about = About { keyid: trusted.id(), ceremony: "Genesis of example/shop".into(), made, history: None };
    (key, trusted, about)
}

pub fn shares(identity: &Identity, threshold: u8, count: u8, key: &Key) -> Split {
    split(identity, Scheme::new(threshold, count).expect("a scheme"), &key.id()).expect("shares")
}

/// As a person types it from the page.
pub fn typed(share: &Share) -> String {
    (1..=ROWS)
        .map(|row| String::from_utf8(share.row(row).expect("a row").expose().to_vec()).expect("letters") + "\n")
        .collect()
}

/// The same share once more, by way of paper.
pub fn again(share: &Share) -> Share {
    Share::read(&Secret::copied(typed(share).as_bytes()).expect("memory")).expect("a share")
}

pub fn heading() -> Heading {
    Heading {
        repository: "example/shop <b>&".into(),
        ceremony: "Genesis, Zürich".into(),
        made: Utc::parse_rfc3339("2026-12-01T09:00:00Z").expect("an instant"),
        custodian: "Zoë Ångström".into(),
        contact: "security office, +41 00 000 00 00".into(),
    }
}

/// A folder in memory, where there is one.
pub fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").expect("/dev/shm lies in memory")
}

/// What a page says: by way of a file in memory, as for a printing program.
pub fn printed(paper: &Paper) -> String {
    let folder = in_memory();
    let mut file = MemoryFile::create(&folder.path().join("page")).expect("a file in memory");
    paper.print(&mut file).expect("printed");
    fs::read_to_string(file.path()).expect("text")
}

pub fn is_there(tool: &str) -> bool {
    let (none, quiet) = (Stdio::null, Stdio::null);
    let asked = Command::new(tool).arg("--version").stdin(none()).stdout(quiet()).stderr(quiet()).status();
    asked.is_ok_and(|status| status.success())
}

pub fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backup_support/recover.py")
}

/// Every choice of `choose` of the numbers below `of`.
pub fn choices(of: usize, choose: usize) -> Vec<Vec<usize>> {
    (0u32..1 << of)
        .filter(|bits| bits.count_ones() as usize == choose)
        .map(|bits| (0..of).filter(|at| bits >> at & 1 == 1).collect())
        .collect()
}

/// Between tags, or the tags away.
pub fn cells(html: &str, class: &str) -> Vec<Vec<String>> {
    let table = html.split_once(&format!("<table class={class}>")).expect("the table").1;
    let table = table.split_once("</table>").expect("its end").0;
    let row = |row: &str| {
        let cells = row.split("<td>").skip(1);
        cells.map(|cell| cell.split_once("</td>").expect("a cell").0.to_owned()).collect()
    };
    table.split("<tr>").skip(1).map(row).collect()
}

/// The rows of a page, as a person types them.
pub fn rows_of(html: &str) -> Vec<String> {
    cells(html, "rows").iter().map(|row| row[1..].join(" ")).collect()
}

/// A picture of a page, as people see it on paper.
pub fn pictured(page: &Path, place: &Path) -> PathBuf {
    let png = place.join("page.png");
    let done = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,2600"])
        .arg("--force-device-scale-factor=2")
        .arg(format!("--user-data-dir={}", place.join("profile").display()))
        .arg(format!("--screenshot={}", png.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("chromium runs");
    assert!(png.exists(), "{}", String::from_utf8_lossy(&done.stderr));
    png
}

/// The texts of the codes in a picture, by another reader than ours.
pub fn scanned(png: &Path) -> Vec<String> {
    let output = Command::new("zbarimg").args(["--quiet", "--raw"]).arg(png).output().expect("zbarimg runs");
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

/// Whether pages can be made pictures of, and codes be read off those.
pub fn can_picture() -> bool {
    is_there("chromium") && is_there("zbarimg")
}
