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
