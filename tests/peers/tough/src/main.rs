//! Walks a TUF repository with tough, as a client that trusts one root would. The call and the answer are those of
//! `../python/peer.py`:
//!
//! ```text
//! tough-walk --root 1.root.json --metadata DIR [--targets DIR] [--target NAME] [--expect VERSION]
//! {"client":"tough 0.24.0","ok":true,"root":2,"target":null,"error":null}
//! ```
//! Nothing is served: tough reads the folders itself.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};
use tough::error::Error;
use tough::{FilesystemTransport, Prefix, Repository, RepositoryLoader, TargetName};
use url::Url;

/// Kept equal to the pin in Cargo.toml: a crate does not tell its own version at run time.
const CLIENT: &str = "tough 0.24.0";

struct Walk {
    root: PathBuf,
    metadata: PathBuf,
    targets: PathBuf,
    target: Option<String>,
    expect: Option<u64>,
}

fn main() -> ExitCode {
    let walk = match Walk::parse(std::env::args().skip(1)) {
        Ok(walk) => walk,
        Err(what) => {
            eprintln!("tough-walk: {what}");
            return ExitCode::from(2);
        }
    };
    let (root, outcome) = walk.go();
    let ok = outcome.is_ok();
    let target = walk.target.filter(|_| ok);
    println!("{}", json!({"client": CLIENT, "ok": ok, "root": root, "target": target, "error": outcome.err()}));
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Walk {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut root, mut metadata, mut targets, mut target, mut expect) = (None, None, None, None, None);
        while let Some(name) = args.next() {
            let value = args.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--root" => root = Some(PathBuf::from(value)),
                "--metadata" => metadata = Some(PathBuf::from(value)),
                "--targets" => targets = Some(PathBuf::from(value)),
                "--target" => target = Some(value),
                "--expect" => expect = Some(value.parse().map_err(|_| format!("--expect {value}: not a version"))?),
                other => return Err(format!("unknown argument {other}")),
            }
        }
        let metadata = metadata.ok_or("--metadata is missing")?;
        let targets = targets.unwrap_or_else(|| metadata.clone());
        Ok(Self { root: root.ok_or("--root is missing")?, metadata, targets, target, expect })
    }

    /// The version reached, and whether the whole walk succeeded.
    fn go(&self) -> (Option<u64>, Result<(), String>) {
        let place = std::env::temp_dir().join(format!("tough-walk-{}", std::process::id()));
        let outcome = match std::fs::create_dir_all(&place) {
            Ok(()) => self.walk(&place),
            Err(error) => (None, Err(format!("{}: {error}", place.display()))),
        };
        let _ = std::fs::remove_dir_all(&place);
        outcome
    }

    fn walk(&self, place: &Path) -> (Option<u64>, Result<(), String>) {
        let (store, saved) = (place.join("store"), place.join("saved"));
        for folder in [&store, &saved] {
            if let Err(error) = std::fs::create_dir(folder) {
                return (None, Err(error.to_string()));
            }
        }
        let runtime = match tokio::runtime::Builder::new_current_thread().build() {
            Ok(runtime) => runtime,
            Err(error) => return (None, Err(error.to_string())),
        };
        runtime.block_on(async {
            let trusted = match std::fs::read(&self.root) {
                Ok(bytes) => bytes,
                Err(error) => return (None, Err(format!("{}: {error}", self.root.display()))),
            };
            let urls =
                (plain_url(&self.metadata, &place.join("metadata")), plain_url(&self.targets, &place.join("targets")));
            let (metadata, targets) = match urls {
                (Ok(metadata), Ok(targets)) => (metadata, targets),
                (Err(what), _) | (_, Err(what)) => return (None, Err(what)),
            };
            let loader = RepositoryLoader::new(&trusted, metadata, targets).transport(FilesystemTransport);
            let loader = loader.datastore(&store);
            let repository = match loader.load().await {
                Ok(repository) => repository,
                Err(error) => return (reached(&error, &store, &trusted), Err(with_causes(&error))),
            };
            let version = repository.root().signed.version.get();
            if let Some(expected) = self.expect
                && expected != version
            {
                return (Some(version), Err(format!("reached root {version}, expected {expected}")));
            }
            (Some(version), self.save(&repository, &saved).await)
        })
    }

    async fn save(&self, repository: &Repository, saved: &Path) -> Result<(), String> {
        let Some(name) = &self.target else { return Ok(()) };
        let name = TargetName::new(name.as_str()).map_err(|error| with_causes(&error))?;
        repository.save_target(&name, saved, Prefix::None).await.map_err(|error| with_causes(&error))
    }
}

/// A file URL of `folder` by way of `link`: tough does not decode a URL, so that a blank in a path would stop it.
fn plain_url(folder: &Path, link: &Path) -> Result<Url, String> {
    let whole = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
    std::os::unix::fs::symlink(whole, link).map_err(|error| format!("{}: {error}", link.display()))?;
    Url::from_directory_path(link).map_err(|()| format!("{}: no file URL", link.display()))
}

/// tough stores a root only after it has trusted a newer one, so the version is the stored one, or else the first.
fn reached(error: &Error, store: &Path, trusted: &[u8]) -> Option<u64> {
    if matches!(error, Error::ParseTrustedMetadata { .. } | Error::VerifyTrustedMetadata { .. }) {
        return None;
    }
    let stored = std::fs::read(store.join("root.json"));
    let root: Value = serde_json::from_slice(stored.as_deref().unwrap_or(trusted)).ok()?;
    root["signed"]["version"].as_u64()
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_words = inner.to_string();
        if !words.contains(&inner_words) {
            words = format!("{words}: {inner_words}");
        }
        cause = inner.source();
    }
    words
}
