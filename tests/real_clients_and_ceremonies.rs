//! The shipped scripts, rehearsed from their answers files: what such a ceremony leaves, as real clients see it.

mod peers;
mod tuf_support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use officiant::{
    digest::Digest,
    tuf::{Dialect, PublicKey, RoleName, Root, RootChange, Untrusted, amend},
};
use peers::{Verdict, Walk};
use serde_json::Value;
use tuf_support::{Signer, signed};

#[test]
fn every_client_follows_the_root_of_every_rehearsed_genesis() {
    for script in
        ["genesis", "genesis-small", "genesis-yubikeys-small", "genesis-solo", "genesis-wrapped", "genesis-same-tokens"]
    {
        let place = tempfile::tempdir().expect("a temporary folder");
        let record = rehearse(&scripts(), script, place.path());
        // The online keys of a rehearsal are throw-away ones, whose private halves it keeps.
        let keys: Vec<_> = files(&record.join("rehearsal/keys")).collect();
        let root = record.join("metadata/1.root.json");
        for verdict in verdicts(&root, &record.join("metadata"), &keys, &place.path().join("whole")) {
            assert!(verdict.ok && verdict.root == Some(1), "{script}: {verdict:?}");
        }
    }
}

#[test]
fn every_client_follows_a_rehearsed_rotation_and_refuses_it_without_the_old_threshold() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let (online, online_public) = peers::online_key(place.path());
    let scripts = with_previous_root_of_our_own(&place.path().join("scripts"), &online_public);
    let record = rehearse(&scripts, "rotate-root", place.path());
    // Its officers' keys are throw-away, so a twin of the previous root names them.
    let first = fs::read(record.join("rehearsal/inputs/previous/1.root.json")).expect("the twin");
    let second = fs::read(record.join("metadata/2.root.json")).expect("the new root");

    for (what, second, reached) in
        [("whole", second.clone(), 2), ("half", by_one_old_and_the_new_officer(&first, &second), 1)]
    {
        let roots = place.path().join(what).join("roots");
        fs::create_dir_all(&roots).expect("a folder");
        fs::write(roots.join("1.root.json"), &first).expect("a file");
        fs::write(roots.join("2.root.json"), second).expect("a file");
        let whole = place.path().join(what).join("whole");
        for verdict in verdicts(&roots.join("1.root.json"), &roots, std::slice::from_ref(&online), &whole) {
            let expected = verdict.ok == (reached == 2) && verdict.root == Some(reached);
            assert!(expected, "{what}: {verdict:?}");
        }
    }
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ceremony-scripts")
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).expect("a folder").map(|file| file.expect("an entry").path())
}

/// Rehearses `scripts/NAME.toml` and gives the folder of its record, below `place`.
fn rehearse(scripts: &Path, name: &str, place: &Path) -> PathBuf {
    let record = place.join(format!("record-{name}"));
    let ended = Command::new(env!("CARGO_BIN_EXE_officiant"))
        .arg("rehearse")
        .arg(scripts.join(format!("{name}.toml")))
        .arg("--answers")
        .arg(scripts.join(format!("{name}.answers.toml")))
        .arg("--record")
        .arg(&record)
        .output()
        .expect("the program starts");
    let said = [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(ended.status.success(), "{name}: {}\n{said}", ended.status);
    record
}

/// The scripts with a previous root whose online key we hold: the example's, with other keys throughout.
fn with_previous_root_of_our_own(folder: &Path, online: &str) -> PathBuf {
    fs::create_dir_all(folder.join("previous")).expect("a folder");
    let example = fs::read(scripts().join("previous/1.root.json")).expect("the example");
    let old = Untrusted::<Root>::parse(Dialect::Tuf1, example.as_slice()).expect("a root");
    let online = Dialect::Tuf1.key(&PublicKey::from_spki_pem(online).expect("a public key")).expect("a key");
    let officers = [1, 2, 3].map(Signer::p256);

    let mut changes = vec![];
    let mut renamed = vec![];
    for role in RoleName::TOP {
        changes.extend(old.document().keys_of(&role).enumerate().map(|(position, (keyid, _))| {
            if role == RoleName::Root {
                renamed.push((keyid.to_string(), officers[position].id().to_string()));
            }
            RootChange::RemoveKey { role: role.clone(), keyid: keyid.clone() }
        }));
        if role == RoleName::Root {
            changes.extend(officers.iter().map(|officer| RootChange::add_key(RoleName::Root, officer.key())));
        } else {
            changes.push(RootChange::add_key(role.clone(), online.clone()));
        }
    }
    let previous = signed(&amend(old.document(), &changes), &[&officers[0], &officers[1]]);
    renamed.push((Digest::of(&example).to_string(), Digest::of(&previous).to_string()));

    fs::write(folder.join("previous/1.root.json"), previous).expect("a file");
    for name in ["rotate-root.toml", "rotate-root.answers.toml"] {
        let mut text = fs::read_to_string(scripts().join(name)).expect("a script");
        for (example, ours) in &renamed {
            text = text.replace(example, ours);
        }
        fs::write(folder.join(name), text).expect("a file");
    }
    folder.to_owned()
}

/// The new root as it would be without the second signature of an old officer: enough for the new threshold only.
fn by_one_old_and_the_new_officer(first: &[u8], second: &[u8]) -> Vec<u8> {
    let first: Value = serde_json::from_slice(first).expect("a root");
    let mut second: Value = serde_json::from_slice(second).expect("a root");
    let old = &first["signed"]["roles"]["root"]["keyids"];
    let is_old = |signature: &Value| old.as_array().expect("keyids").contains(&signature["keyid"]);
    let signatures = second["signatures"].as_array_mut().expect("signatures");
    let (mut keep, new): (Vec<_>, Vec<_>) = signatures.drain(..).partition(is_old);
    assert_eq!((keep.len(), new.len()), (2, 1), "two old officers and a new one signed");
    keep.truncate(1);
    keep.extend(new);
    signatures.extend(keep);
    serde_json::to_vec(&second).expect("JSON")
}

fn verdicts(root: &Path, roots: &Path, keys: &[PathBuf], whole: &Path) -> Vec<Verdict> {
    let keys: Vec<&Path> = keys.iter().map(PathBuf::as_path).collect();
    if !peers::complete(roots, &keys, whole, None) {
        return Vec::new();
    }
    let (metadata, targets) = (whole.join("metadata"), whole.join("targets"));
    let target = Some("trusted_root.json");
    peers::walk(&Walk { root, metadata: &metadata, targets: &targets, target, at: None })
}
