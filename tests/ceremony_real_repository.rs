//! The main job on a real repository: python-tuf's, whose root keys lie on tokens; root 4 follows root 3 by a ceremony in
//! production, and clients follow.

mod ceremony_support;
mod peers;
mod support;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use ceremony_support::{People, Pins, Room, quiet_machine, record, script};
use officiant::{
    digest::Digest,
    preflight,
    rules::Rule,
    token::{pkcs11::rehearsal::Rehearsal, quirks::Trust},
    tuf::{
        dialect::Dialect,
        key::{KeyId, PublicKey},
        walk::{Files, walk},
    },
    utc::Utc,
};
use p256::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use serde_json::Value;
use support::on_softhsm;

const PIN: &str = "314159-user";

/// A private key as a token of its own, as an officer brings it.
fn on_a_token(name: &str, pem: &Path) {
    let run = |arguments: &[&str]| {
        let done = Command::new("softhsm2-util").args(arguments).output().expect("softhsm2-util is installed");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    run(&["--init-token", "--free", "--label", name, "--so-pin", "so-271828", "--pin", PIN]);
    let pem = pem.to_str().expect("a plain path");
    run(&["--import", pem, "--token", name, "--label", "root", "--id", "a1", "--pin", PIN]);
}

/// The keyid of every private key of the repository, by its file's name.
fn keyids(keys: &Path) -> BTreeMap<KeyId, PathBuf> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(keys).expect("keys") {
        let path = entry.expect("a key").path();
        let pem = fs::read_to_string(&path).expect("a PEM");
        let Ok(secret) = p256::SecretKey::from_pkcs8_pem(&pem) else { continue };
        let der = secret.public_key().to_public_key_der().expect("DER");
        let public = PublicKey::from_spki_der(der.as_bytes()).expect("a public key");
        found.insert(Dialect::Tuf1.key(&public).expect("a key").id(), path);
    }
    found
}

fn rotation(tokens: &Rehearsal, root: &[u8], officers: &[KeyId; 3]) -> String {
    let module = tokens.module.canonicalize().expect("the module");
    let pins = format!(
        "path = \"{}\"\nsha256 = \"{}\"\nmodel = \"SoftHSM v2\"",
        module.display(),
        Digest::of(&fs::read(&module).expect("the module"))
    );
    fs::read_to_string(script("rotate-root"))
        .expect("the shipped script")
        .replace("path = \"/usr/lib/softhsm/libsofthsm2.so\"", &pins)
        .replace("cc90d47d04217e709985ed12ead05e2c20420545a07872589c50a301e3fc9961", officers[0].as_str())
        .replace("a1844aa2d182b91b0d635ef09ccfd457e3dde7beca80d1b18e1bb589792391f6", officers[1].as_str())
        .replace("3742f3191708b17e1e6dae531a8d791bbe41f4189266d34f542b18037828a61e", officers[2].as_str())
        .replace("previous/1.root.json", "3.root.json")
        .replace("version = 1\nsha256", "version = 3\nsha256")
        .replace("21aae557388c42059a4a3d5fb3c3f90cb2c4090cafee059a5513e7612ed210c2", &Digest::of(root).to_string())
        .replace("example-shop", "python-tuf-ecdsa")
}

#[test]
fn root_four_of_a_real_repository_follows_root_three_by_a_ceremony_and_clients_follow_or_skipped() {
    let test = "root_four_of_a_real_repository_follows_root_three_by_a_ceremony_and_clients_follow_or_skipped";
    let Some(repository) = peers::recorded("tuf1/python-tuf-ecdsa") else { return };
    on_softhsm(test, |tokens| {
        let metadata = repository.join("metadata");
        let root = fs::read(metadata.join("3.root.json")).expect("root 3");
        let said: Value = serde_json::from_slice(&root).expect("JSON");
        let files = keyids(&repository.join("keys"));
        let officers: Vec<KeyId> = said["signed"]["roles"]["root"]["keyids"]
            .as_array()
            .expect("keyids")
            .iter()
            .map(|keyid| serde_json::from_value(keyid.clone()).expect("a keyid"))
            .collect();
        let officers: [KeyId; 3] = officers.try_into().expect("three officers");
        on_a_token("ana", &files[&officers[0]]);
        on_a_token("bo", &files[&officers[1]]);

        preflight::harden().expect("this process can be hardened");
        let place = ceremony_support::place();
        let inputs = place.join("inputs");
        fs::create_dir(&inputs).expect("a folder");
        fs::write(inputs.join("3.root.json"), &root).expect("the pinned root");
        let mut people = People::of(&script("rotate-root"));
        for alias in ["ana-1", "bo-1"] {
            people.pins.insert(alias.into(), Pins { user: PIN.into(), so: "so-271828".into() });
        }
        let text = rotation(tokens, &root, &officers);
        let probe = quiet_machine(&place.join("machine"));
        let mut room = Room::run(text.as_bytes(), &inputs, people, Trust::injected(|_| None), probe);
        room.finish();
        let audit = record::holds(&room.place.join("a"));
        assert!(audit.held.iter().any(|held| held.rule == Rule::TokenIsHardware));
        assert!(audit.held.iter().any(|held| held.rule == Rule::MachineFit));

        let new = fs::read(room.place.join("a/metadata/4.root.json")).expect("root 4");
        let first = fs::read(metadata.join("1.root.json")).expect("root 1");
        let mut held: Files = fs::read_dir(&metadata)
            .expect("metadata")
            .map(|entry| entry.expect("a file").path())
            .map(|path| {
                (path.file_name().expect("a name").to_string_lossy().into_owned(), fs::read(&path).expect("a file"))
            })
            .collect();
        let now = Utc::parse("2026-12-02T00:00:00Z").expect("an instant");
        let mut walks = |new: &[u8]| {
            held.insert("4.root.json".into(), new.to_vec());
            let walked = walk(Dialect::Tuf1, &first, &held, now);
            (walked.root_version, walked.refusal.map(|refusal| refusal.rule))
        };
        assert_eq!(walks(&new), (4, None));

        // Everything that clients see, with root 4 as `new` says it.
        let judged = |name: &str, new: &[u8], reached: u64| {
            let folder = place.join(name);
            record::copy(&metadata, &folder);
            fs::write(folder.join("4.root.json"), new).expect("root 4");
            let verdicts = peers::walk(&peers::Walk {
                root: &metadata.join("1.root.json"),
                metadata: &folder,
                targets: &repository.join("targets"),
                target: None,
                at: None,
            });
            for verdict in verdicts {
                assert_eq!((verdict.ok, verdict.root), (reached == 4, Some(reached)), "{name}: {verdict:?}");
            }
        };
        judged("whole", &new, 4);
        let whole: Value = serde_json::from_slice(&new).expect("JSON");
        let by = |keep: &dyn Fn(&str) -> bool| {
            let mut alone = whole.clone();
            let signatures = alone["signatures"].as_array_mut().expect("signatures");
            signatures.retain(|signature| keep(signature["keyid"].as_str().expect("a keyid")));
            serde_json::to_vec(&alone).expect("JSON")
        };
        let old = [officers[0].as_str(), officers[1].as_str()];
        // Ana alone is half of the old and of the new threshold; Ana and Dara are enough for the new root only.
        let ana = by(&|keyid| keyid == old[0]);
        let new_only = by(&|keyid| keyid != old[1]);
        for (name, bytes) in [("one old officer", &ana), ("the new threshold alone", &new_only)] {
            let (reached, refused) = walks(bytes);
            assert_eq!((reached, refused), (3, Some(Rule::RootTallyOld)), "{name}");
            judged(name, bytes, 3);
        }
    });
}
