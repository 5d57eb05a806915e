//! The real clients judge repositories that were recorded long before, so that their verdicts on ours can be trusted: they
//! follow what is good, refuse what is changed, and go by the clock they are given.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::peers::{self, Verdict, Walk};

/// A repository by python-tuf: root 2-of-3, rotated once, P-256 throughout. It expires in 2036.
struct Recorded {
    metadata: PathBuf,
    targets: PathBuf,
    keys: PathBuf,
}

impl Recorded {
    fn find() -> Option<Self> {
        let folder = support::vectors("tuf1/python-tuf-ecdsa")?;
        Some(Self { metadata: folder.join("metadata"), targets: folder.join("targets"), keys: folder.join("keys") })
    }

    /// Every client's verdict on this metadata, beginning with the recorded root 1.
    fn walk(&self, metadata: &Path) -> Vec<Verdict> {
        let root = self.metadata.join("1.root.json");
        peers::walk(&Walk { root: &root, metadata, targets: &self.targets, target: Some("proj/hello.txt"), at: None })
    }
}

#[test]
fn every_client_walks_a_recorded_repository_from_root_1_to_3() {
    let Some(recorded) = Recorded::find() else { return };
    for verdict in recorded.walk(&recorded.metadata) {
        assert!(verdict.ok && verdict.root == Some(3), "{verdict:?}");
    }
}

#[test]
fn every_client_refuses_a_changed_second_root_and_stays_on_the_first() {
    let Some(recorded) = Recorded::find() else { return };
    let copy = tempfile::tempdir().expect("a temporary folder");
    for file in fs::read_dir(&recorded.metadata).expect("the recorded metadata") {
        let file = file.expect("an entry");
        fs::write(copy.path().join(file.file_name()), fs::read(file.path()).expect("metadata")).expect("a copy");
    }
    let second = copy.path().join("2.root.json");
    let whole = fs::read_to_string(&second).expect("root 2");
    let changed = whole.replace("2036-11-19", "2036-11-18");
    assert_ne!(whole, changed);
    fs::write(&second, changed).expect("a changed root 2");
    for verdict in recorded.walk(copy.path()) {
        assert!(!verdict.ok && verdict.root == Some(1), "{verdict:?}");
    }
}

#[test]
fn signed_roots_are_completed_so_that_every_client_follows_until_the_online_roles_expire() {
    let Some(recorded) = Recorded::find() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = folder.path().join("whole");
    let (online, targets_key) = (recorded.keys.join("online.pem"), recorded.keys.join("targets.pem"));
    if !peers::complete(&recorded.metadata, &[&online, &targets_key], &whole, Some("2030-01-01T00:00:00Z")) {
        return;
    }
    let (root, metadata, targets) =
        (recorded.metadata.join("1.root.json"), whole.join("metadata"), whole.join("targets"));
    let at = |time| {
        let target = Some("hello.txt");
        peers::walk(&Walk { root: &root, metadata: &metadata, targets: &targets, target, at: time })
    };
    for verdict in at(Some("2030-01-02T00:00:00Z")) {
        assert!(verdict.ok && verdict.root == Some(3), "{verdict:?}");
    }
    for verdict in at(Some("2030-01-09T00:00:00Z")) {
        let expired = verdict.error.as_ref().is_some_and(|error| error.contains("expired"));
        assert!(expired && verdict.root == Some(3), "{verdict:?}");
    }
    // Without a time of its own, go-tuf judges too.
    for verdict in at(None) {
        assert!(verdict.ok && verdict.root == Some(3), "{verdict:?}");
    }
}
