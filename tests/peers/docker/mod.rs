//! The Docker CLI with Content Trust, and a stand-in for the engine that it talks to: enough for `trust sign` and `pull` to run
//! to their end, and to see which digest a pull asks for.

mod engine;

pub use engine::Engine;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::notary::Stack;

/// Of every key that the CLI keeps.
pub const PASSPHRASE: &str = "a-passphrase-of-tests";

/// The CLI, installed or unpacked by `tests/run`. Where it is not there, the test says that it was skipped, or fails where
/// `OFFICIANT_PEERS=required`.
pub fn cli() -> Option<PathBuf> {
    if super::on_path("docker") {
        return Some("docker".into());
    }
    let unpacked = super::target().join("peers/docker/usr/bin/docker");
    if unpacked.exists() {
        return Some(unpacked);
    }
    assert!(!super::required(), "the Docker CLI is not installed");
    eprintln!("skipped: the Docker CLI is not installed; tests/run installs it");
    None
}

/// A CLI with a configuration folder of its own, which is also its trust folder.
pub struct Docker {
    program: PathBuf,
    folder: PathBuf,
    server: String,
    engine: PathBuf,
}

impl Docker {
    /// One whose files lie in the new folder `folder`, and that trusts `stack` and talks to `engine`.
    pub fn new(program: PathBuf, stack: &Stack, engine: &Engine, folder: &Path) -> Self {
        let tls = folder.join("tls").join(stack.host());
        std::fs::create_dir_all(&tls).expect("a folder");
        std::fs::copy(stack.ca(), tls.join("ca.crt")).expect("the certificate");
        Self { program, folder: folder.to_owned(), server: stack.url(), engine: engine.socket().to_owned() }
    }

    /// `trust/`, with `private/*.key` and `tuf/GUN/metadata/*.json`.
    pub fn trust(&self) -> PathBuf {
        self.folder.join("trust")
    }

    /// Runs `docker` with these arguments and Content Trust on.
    pub fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(&self.folder).env("DOCKER_CONFIG", &self.folder).env("HOME", &self.folder);
        command.env("DOCKER_HOST", format!("unix://{}", self.engine.display()));
        command.env("DOCKER_CONTENT_TRUST", "1").env("DOCKER_CONTENT_TRUST_SERVER", &self.server);
        for kind in ["ROOT", "REPOSITORY"] {
            command.env(format!("DOCKER_CONTENT_TRUST_{kind}_PASSPHRASE"), PASSPHRASE);
        }
        command.output().expect("docker starts")
    }

    /// The same, where it has to end well; returns what it wrote to standard output.
    pub fn does(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert!(ended.status.success(), "docker {args:?}: {}", super::words(&ended));
        String::from_utf8_lossy(&ended.stdout).into_owned()
    }

    /// Where it has to fail; returns all that it said.
    pub fn fails(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert!(!ended.status.success(), "docker {args:?} ended well: {}", super::words(&ended));
        super::words(&ended)
    }
}
