//! Real TUF clients that nobody of this project wrote, as judges of what it writes. `tests/run` installs them below the target
//! folder; a client that is not there is named and left out, or fails the test where `OFFICIANT_PEERS=required`.
#![allow(dead_code, unused_imports, reason = "each test program uses a part")]

pub mod docker;
pub mod http;
pub mod notary;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use serde_json::Value;

/// A repository as one client meets it.
pub struct Walk<'a> {
    /// The file of the root that the client trusts to begin with.
    pub root: &'a Path,
    pub metadata: &'a Path,
    pub targets: &'a Path,
    /// A target to download after the refresh. go-tuf can be asked for `trusted_root.json` only and leaves another one out.
    pub target: Option<&'a str>,
    /// The client's time as `YYYY-MM-DDTHH:MM:SSZ`; None: the machine's. go-tuf cannot be given one and is left out.
    pub at: Option<&'a str>,
}

/// What a client made of a walk.
#[derive(Debug)]
pub struct Verdict {
    /// Name and version, as the client itself tells them.
    pub client: String,
    /// Refreshed to the end, and the target downloaded where one was asked for.
    pub ok: bool,
    /// The version of the last root that it trusted; None: it refused even the first.
    pub root: Option<u64>,
    /// The client's own words where it refused.
    pub error: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    PythonTuf,
    TufJs,
    Tough,
    GoTuf,
}

/// Walks with every client that is installed.
pub fn walk(walk: &Walk) -> Vec<Verdict> {
    [Client::PythonTuf, Client::TufJs, Client::Tough, Client::GoTuf]
        .into_iter()
        .filter_map(|client| client.walk(walk))
        .collect()
}

/// Completes the signed roots of a folder (`1.root.json`, …) into a whole repository below `out`, which gets `metadata/` and
/// `targets/` (with `hello.txt`), by python-tuf's own writer. `keys` are the private keys of the online roles, PKCS#8 PEM.
/// `now` as in [`Walk::at`]. False where python-tuf is not installed.
///
/// # Panics
///
/// Where the repository cannot be completed, with the reason.
pub fn complete(roots: &Path, keys: &[&Path], out: &Path, now: Option<&str>) -> bool {
    let Some(mut call) = Client::PythonTuf.program("complete.py") else { return false };
    call.arg("--roots").arg(roots).arg("--out").arg(out);
    for key in keys {
        call.arg("--key").arg(key);
    }
    if let Some(now) = now {
        call.args(["--now", now]);
    }
    let ended = call.output().expect("python starts");
    assert!(ended.status.success(), "{}", words(&ended));
    true
}

/// A throw-away P-256 key for every online role: the file of its private half below `folder`, as [`complete`] takes it, and its
/// public half as PEM, as a ceremony imports it.
pub fn online_key(folder: &Path) -> (PathBuf, String) {
    let key = p256::SecretKey::from_slice(&[7; 32]).expect("a number in range");
    let file = folder.join("online.pem");
    std::fs::write(&file, key.to_pkcs8_pem(LineEnding::LF).expect("a P-256 key has a PEM").as_bytes()).expect("a file");
    (file, key.public_key().to_public_key_pem(LineEnding::LF).expect("a P-256 key has a PEM"))
}

/// A folder of recorded vectors, `../shared/vectors/NAME` beside the checkout. Where it is absent the test says that it was
/// skipped, which `tests/run` counts, and has nothing more to do.
pub fn recorded(name: &str) -> Option<PathBuf> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
    if !vectors.is_dir() {
        eprintln!("skipped: ../shared/vectors/{name} is not beside the checkout");
        return None;
    }
    let folder = vectors.join(name);
    assert!(folder.is_dir(), "{name} is not among the vectors");
    Some(folder)
}

impl Client {
    fn walk(self, walk: &Walk) -> Option<Verdict> {
        if self == Self::GoTuf && walk.at.is_some() {
            eprintln!("not run: go-tuf (it cannot be given another time)");
            return None;
        }
        let script = if self == Self::GoTuf { "walk_go_tuf.py" } else { "walk.py" };
        let mut call = at(walk.at, self.program(script)?);
        call.arg("--root").arg(walk.root).arg("--metadata").arg(walk.metadata).arg("--targets").arg(walk.targets);
        if let Some(target) = walk.target {
            call.args(["--target", target]);
        }
        let ended = call.output().expect("the peer starts");
        let line: Option<Value> = serde_json::from_slice(&ended.stdout).ok();
        let verdict = line.as_ref().and_then(Verdict::read);
        Some(verdict.unwrap_or_else(|| panic!("{} gave no verdict: {}", self.name(), words(&ended))))
    }

    fn name(self) -> &'static str {
        match self {
            Self::PythonTuf => "python-tuf",
            Self::TufJs => "tuf-js",
            Self::Tough => "tough",
            Self::GoTuf => "go-tuf",
        }
    }

    /// The command that starts the client; `script` is one of tests/peers/python.
    fn program(self, script: &str) -> Option<Command> {
        let peers = target().join("peers");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
        let python = peers.join("python/bin/python");
        let (needed, mut command) = match self {
            Self::PythonTuf => (peers.join("python/stamp"), Command::new(python)),
            Self::GoTuf => (peers.join("python/bin/gh"), Command::new(python)),
            Self::TufJs => (peers.join("js/stamp"), Command::new("node")),
            Self::Tough => {
                let program = peers.join("tough/release/tough-walk");
                (program.clone(), Command::new(program))
            }
        };
        if !needed.exists() {
            self.missing();
            return None;
        }
        match self {
            Self::PythonTuf | Self::GoTuf => command.arg(sources.join("python").join(script)),
            Self::TufJs => command.arg(sources.join("js/walk.mjs")).env("OFFICIANT_NODE_MODULES", peers.join("js")),
            Self::Tough => &mut command,
        };
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        Some(command)
    }

    /// go-tuf comes inside another program that not every machine can have; the others are always required by tests/run.
    fn missing(self) {
        let name = self.name();
        if self == Self::GoTuf {
            eprintln!("not run: go-tuf (gh is not installed; tests/run installs it where it can)");
            return;
        }
        assert!(!required(), "{name} is not installed below {}", target().join("peers").display());
        eprintln!("skipped: {name} is not installed; tests/run installs it");
    }
}

impl Verdict {
    fn read(line: &Value) -> Option<Self> {
        Some(Self {
            client: line["client"].as_str()?.to_owned(),
            ok: line["ok"].as_bool()?,
            root: line["root"].as_u64(),
            error: line["error"].as_str().map(str::to_owned),
        })
    }
}

/// The same command, under another clock.
fn at(time: Option<&str>, command: Command) -> Command {
    let Some(time) = time else { return command };
    let mut faked = Command::new("faketime");
    faked.arg("-f").arg(format!("@{}", time.replace('T', " ").trim_end_matches('Z'))).env("TZ", "UTC");
    faked.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            faked.env(name, value);
        }
    }
    faked
}

/// Whether an absent peer fails a test.
fn required() -> bool {
    std::env::var_os("OFFICIANT_PEERS").is_some_and(|value| value == "required")
}

/// Whether a program of this name is installed.
fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The target folder that this test program was built into: `TARGET/PROFILE/deps/PROGRAM`.
fn target() -> PathBuf {
    let program = std::env::current_exe().expect("a test program knows where it is");
    program.ancestors().nth(3).expect("a test program lies in TARGET/PROFILE/deps").to_owned()
}

fn words(ended: &Output) -> String {
    format!("{} {}{}", ended.status, String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr))
}
