//! What the tests of the command line share.
#![allow(dead_code, reason = "each test program uses a part")]

pub mod new;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// How the program ended, and what it said.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// The program, in a folder of its own, with nothing of this environment that matters to it.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_officiant"));
    command.current_dir(folder).env_remove("SOFTHSM2_CONF").env("TERM", "dumb");
    command
}

/// Runs the program with a standard input that ends after `input`.
pub fn officiant_with(folder: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut child = command(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // The program may refuse before it has read everything.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs the program with an empty standard input.
pub fn officiant(folder: &Path, arguments: &[&str]) -> Ran {
    officiant_with(folder, arguments, "")
}

/// A file of this package.
pub fn ours(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// Files that other programs made, beside the checkout; `None` where they are absent.
pub fn vectors(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors/tuf1").join(path);
    path.exists().then_some(path)
}

/// The record of a rehearsal by one person, in `folder`, answered by the answers file.
pub fn rehearsed(folder: &Path) -> PathBuf {
    let (script, answers) =
        (ours("ceremony-scripts/genesis-solo.toml"), ours("ceremony-scripts/genesis-solo.answers.toml"));
    let ran = officiant(folder, &["rehearse", &script, "--answers", &answers, "--record", "record"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    folder.join("record")
}

/// Copies a folder with everything in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}
