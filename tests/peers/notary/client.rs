//! The stock client.

use std::{
    ffi::OsStr,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::json;

use super::Stack;

/// Of every key that the client keeps.
pub const PASSPHRASE: &str = "a-passphrase-of-tests";

/// A client with a trust folder of its own: what it cached of a repository, and its keys. A new one knows nothing; one that is
/// kept remembers what it trusted.
pub struct Client {
    folder: PathBuf,
    config: PathBuf,
}

impl Client {
    /// One whose files lie in the new folder `folder`.
    pub fn new(stack: &Stack, folder: &Path) -> Self {
        Self::with(stack, folder, json!({}))
    }

    /// The same with a `trust_pinning` section.
    pub fn with(stack: &Stack, folder: &Path, trust_pinning: serde_json::Value) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let config = folder.join("client.json");
        let server = json!({ "url": stack.url(), "root_ca": stack.ca() });
        let text =
            json!({ "trust_dir": folder.join("trust"), "remote_server": server, "trust_pinning": trust_pinning });
        std::fs::write(&config, text.to_string()).expect("a file");
        Self { folder: folder.to_owned(), config }
    }

    /// The trust folder: `private/*.key`, `tuf/GUN/metadata/*.json`.
    pub fn trust(&self) -> PathBuf {
        self.folder.join("trust")
    }

    /// Runs `notary` with these arguments.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        self.run_saying(args, "")
    }

    /// The same with `input` at its standard input.
    pub fn run_saying<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>, input: &str) -> Output {
        let mut command = Command::new("notary");
        command.arg("-c").arg(&self.config).args(args).env("HOME", &self.folder);
        for role in ["ROOT", "TARGETS", "SNAPSHOT", "DELEGATION"] {
            command.env(format!("NOTARY_{role}_PASSPHRASE"), PASSPHRASE);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("notary starts");
        // A client that asks nothing may be gone before it is told anything.
        let _ = child.stdin.take().expect("it was piped").write_all(input.as_bytes());
        child.wait_with_output().expect("notary ends")
    }

    /// The same, where it has to end well; returns what it wrote to standard output.
    pub fn does<S: AsRef<OsStr> + std::fmt::Debug + Clone>(&self, args: &[S]) -> String {
        let ended = self.run(args);
        assert!(ended.status.success(), "notary {args:?}: {}", super::super::words(&ended));
        String::from_utf8_lossy(&ended.stdout).into_owned()
    }

    /// Where it has to fail; returns all that it said.
    pub fn fails<S: AsRef<OsStr> + std::fmt::Debug + Clone>(&self, args: &[S]) -> String {
        let ended = self.run(args);
        assert!(!ended.status.success(), "notary {args:?} ended well: {}", super::super::words(&ended));
        super::super::words(&ended)
    }

    /// The names of the targets that it lists, sorted.
    ///
    /// # Errors
    /// What it said where it refused.
    pub fn list(&self, gun: &str) -> Result<Vec<String>, String> {
        let ended = self.run(["list", gun]);
        if !ended.status.success() {
            return Err(super::super::words(&ended));
        }
        let text = String::from_utf8_lossy(&ended.stdout).into_owned();
        // A table with two lines above it; without any target, a sentence.
        let rows = text.lines().skip_while(|line| !line.starts_with("---")).skip(1);
        let mut names: Vec<_> = rows.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    /// Adds a target and publishes it, to `roles` where any are given.
    ///
    /// # Errors
    /// What it said where it refused.
    pub fn publish(&self, gun: &str, target: &str, content: &str, roles: &[&str]) -> Result<(), String> {
        let file = self.folder.join("content");
        std::fs::write(&file, content).expect("a file");
        let file = file.to_str().expect("UTF-8");
        let mut args = vec!["add", gun, target, file];
        let joined = roles.join(",");
        if !roles.is_empty() {
            args.extend(["--roles", &joined]);
        }
        self.does(&args);
        let ended = self.run(["publish", gun]);
        if ended.status.success() { Ok(()) } else { Err(super::super::words(&ended)) }
    }

    /// Takes in a private key in PEM, without a passphrase.
    pub fn import_key(&self, pem: &Path, role: &str, gun: Option<&str>) {
        let mut args = vec!["key", "import", pem.to_str().expect("UTF-8"), "--role", role];
        args.extend(gun.into_iter().flat_map(|gun| ["-g", gun]));
        self.does(&args);
    }
}
