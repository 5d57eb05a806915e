//! The real clients judge repositories that were recorded long before, so that their verdicts on ours can be trusted: they
//! follow what is good, refuse what is changed, and go by the clock they are given.

mod peers;

use std::fs;
use std::path::{Path, PathBuf};

use peers::{Verdict, Walk};

/// A repository by python-tuf: root 2-of-3, rotated once, P-256 throughout. It expires in 2036.
struct Recorded {
    metadata: PathBuf,
    targets: PathBuf,
    keys: PathBuf,
}

impl Recorded {
    fn find() -> Option<Self> {
        let folder = peers::recorded("tuf1/python-tuf-ecdsa")?;
        Some(Self { metadata: folder.join("metadata"), targets: folder.join("targets"), keys: folder.join("keys") })
    }

    /// Its roots with online roles made just now, or at `now`.
    fn completed(&self, folder: &Path, now: Option<&str>) -> Option<Self> {
        let keys = [self.keys.join("online.pem"), self.keys.join("targets.pem")];
        let whole = folder.join("whole");
        let done = peers::complete(&self.metadata, &[&keys[0], &keys[1]], &whole, now);
        done.then(|| Self { metadata: whole.join("metadata"), targets: whole.join("targets"), keys: self.keys.clone() })
    }

    /// Every client's verdict, beginning with root 1.
    fn walk(&self, target: &str, at: Option<&str>) -> Vec<Verdict> {
        let root = self.metadata.join("1.root.json");
        let target = Some(target);
        peers::walk(&Walk { root: &root, metadata: &self.metadata, targets: &self.targets, target, at })
    }
}

#[test]
fn every_client_walks_a_recorded_repository_from_root_1_to_3_or_skipped() {
    let Some(recorded) = Recorded::find() else { return };
    for verdict in recorded.walk("proj/hello.txt", None) {
        assert!(verdict.ok && verdict.root == Some(3), "{verdict:?}");
    }
}

#[test]
fn every_client_refuses_a_changed_second_root_and_stays_on_the_first_or_skipped() {
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
    let tampered = Recorded { metadata: copy.path().to_owned(), ..recorded };
    for verdict in tampered.walk("proj/hello.txt", None) {
        assert!(!verdict.ok && verdict.root == Some(1), "{verdict:?}");
    }
}

#[test]
fn signed_roots_are_completed_so_that_every_client_follows_or_skipped() {
    let Some(recorded) = Recorded::find() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(whole) = recorded.completed(folder.path(), None) else { return };
    for verdict in whole.walk("trusted_root.json", None) {
        assert!(verdict.ok && verdict.root == Some(3), "{verdict:?}");
    }
}

#[test]
fn a_client_goes_by_the_time_it_is_given_and_refuses_what_has_expired_or_skipped() {
    let Some(recorded) = Recorded::find() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(whole) = recorded.completed(folder.path(), Some("2030-01-01T00:00:00Z")) else { return };
    for verdict in whole.walk("hello.txt", Some("2030-01-02T00:00:00Z")) {
        assert!(verdict.ok && verdict.root == Some(3), "{verdict:?}");
    }
    for verdict in whole.walk("hello.txt", Some("2030-01-09T00:00:00Z")) {
        let expired = verdict.error.as_ref().is_some_and(|error| error.contains("expired"));
        assert!(expired && verdict.root == Some(3), "{verdict:?}");
    }
}
