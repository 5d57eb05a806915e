//! Roots made by this library and signed on SoftHSM tokens, as real clients see them.

mod peers;
mod support;

use std::{fs, path::Path, sync::Arc};

use officiant::{
    digest::Digest,
    readback::{Blind, ReadBack, Reviewed, Signable, WORDS_OF_DIGEST},
    token::{Key, KeyAlgorithm, Token as _, pkcs11::Pkcs11Token},
    tuf::{Dialect, KeyId, PublicKey, RoleName, Root, RootChange, Signature, amend},
    utc::Utc,
};
use peers::{Verdict, Walk};
use support::{generate, login, on_softhsm, prepared};

#[test]
fn every_client_follows_a_rotation_of_all_p256_keys_and_refuses_it_from_old_or_new_alone() {
    judge("every_client_follows_a_rotation_of_all_p256_keys_and_refuses_it_from_old_or_new_alone", KeyAlgorithm::P256);
}

#[test]
fn every_client_follows_a_rotation_of_all_ed25519_keys_and_refuses_it_from_old_or_new_alone() {
    judge(
        "every_client_follows_a_rotation_of_all_ed25519_keys_and_refuses_it_from_old_or_new_alone",
        KeyAlgorithm::Ed25519,
    );
}

#[test]
fn every_client_follows_a_rotation_of_all_rsa_keys_and_refuses_it_from_old_or_new_alone() {
    judge(
        "every_client_follows_a_rotation_of_all_rsa_keys_and_refuses_it_from_old_or_new_alone",
        KeyAlgorithm::Rsa3072,
    );
}

fn judge(test: &str, algorithm: KeyAlgorithm) {
    on_softhsm(test, |rehearsal| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (online, online_public) = peers::online_key(folder.path());
        let mut officers: Vec<Officer> = ["a", "b", "c", "d", "e", "f"]
            .map(|name| {
                let mut token = prepared(rehearsal, name);
                login(&mut token);
                let key = generate(&mut token, algorithm, name);
                Officer { token, key }
            })
            .into();
        let (old, new) = ([0, 1, 2], [3, 4, 5]);
        let first = amend(&Root::blank(), &genesis(&officers, old, &online_public));
        let second = amend(&first, &rotation(&officers, old, new));

        for (signers, reached) in [(&[0, 1, 3, 4][..], 2), (&[0, 1], 1), (&[3, 4], 1), (&[0, 1, 3], 1), (&[0, 3, 4], 1)]
        {
            let place = folder.path().join(format!("signed by {signers:?}"));
            let roots = place.join("roots");
            fs::create_dir_all(&roots).expect("a folder");
            fs::write(roots.join("1.root.json"), signed(&first, &mut officers, &[0, 2])).expect("a file");
            fs::write(roots.join("2.root.json"), signed(&second, &mut officers, signers)).expect("a file");
            for verdict in verdicts(&roots, &place.join("whole"), &online) {
                let expected = verdict.ok == (reached == 2) && verdict.root == Some(reached);
                assert!(expected, "signed by {signers:?}: {verdict:?}");
            }
        }
    });
}

struct Officer {
    token: Pkcs11Token,
    key: Key,
}

fn genesis(officers: &[Officer], holders: [usize; 3], online: &str) -> Vec<RootChange> {
    let tomorrow = Utc::from_seconds(now() + 86_400).expect("an instant").midnight();
    let mut changes = vec![
        RootChange::SetVersion { version: 1 },
        RootChange::SetExpires { expires: tomorrow.plus_days(365) },
        RootChange::SetSpecVersion { spec_version: Dialect::Tuf1.spec_version().map(str::to_owned) },
        RootChange::SetConsistentSnapshot { value: Some(true) },
        RootChange::SetThreshold { role: RoleName::Root, threshold: 2 },
    ];
    changes.extend(holders.map(|holder| added(RoleName::Root, &officers[holder].key.public)));
    let online = PublicKey::from_spki_pem(online).expect("a public key");
    for role in [RoleName::Targets, RoleName::Snapshot, RoleName::Timestamp] {
        changes.push(RootChange::SetThreshold { role: role.clone(), threshold: 1 });
        changes.push(added(role, &online));
    }
    changes
}

fn rotation(officers: &[Officer], old: [usize; 3], new: [usize; 3]) -> Vec<RootChange> {
    let mut changes = vec![RootChange::SetVersion { version: 2 }];
    changes.extend(new.map(|holder| added(RoleName::Root, &officers[holder].key.public)));
    changes
        .extend(old.map(|holder| RootChange::RemoveKey { role: RoleName::Root, keyid: keyid(&officers[holder].key) }));
    changes
}

fn added(role: RoleName, public: &PublicKey) -> RootChange {
    RootChange::add_key(role, Dialect::Tuf1.key(public).expect("a key that can be written"))
}

fn keyid(key: &Key) -> KeyId {
    Dialect::Tuf1.key(&key.public).expect("a key that can be written").id()
}

/// The root as it goes out, signed by these officers' tokens.
fn signed(root: &Root, officers: &mut [Officer], signers: &[usize]) -> Vec<u8> {
    let bytes = Dialect::Tuf1.signed_bytes(root);
    let signatures: Vec<Signature> = signers
        .iter()
        .map(|&signer| {
            let Officer { token, key } = &mut officers[signer];
            let signature = token.sign(key, &read_back(&bytes), None).expect("a signature");
            Dialect::Tuf1.signature(keyid(key), &key.public, &signature).expect("a signature that can be written")
        })
        .collect();
    Dialect::Tuf1.envelope(&bytes, &signatures)
}

fn read_back(bytes: &[u8]) -> Signable {
    let to_sign: Arc<[u8]> = bytes.into();
    let digest = Digest::of(bytes);
    let blind = Blind::new(digest, WORDS_OF_DIGEST, 0);
    let read_back = ReadBack { supplied: blind.answer(), blind };
    Signable::Reviewed(Reviewed::new(to_sign, digest, &read_back).expect("every word is right"))
}

fn verdicts(roots: &Path, whole: &Path, online: &Path) -> Vec<Verdict> {
    if !peers::complete(roots, &[online], whole, None) {
        return Vec::new();
    }
    let root = roots.join("1.root.json");
    let (metadata, targets) = (whole.join("metadata"), whole.join("targets"));
    let target = Some("trusted_root.json");
    peers::walk(&Walk { root: &root, metadata: &metadata, targets: &targets, target, at: None })
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("seconds fit")
}
