//! Our verifier against repositories and verdicts of other programs, read in place from `../shared/vectors`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use officiant::{
    rules::Rule,
    tuf::{
        Dialect, RoleName, Walk,
        predict::{Breakage, Client},
        walk::{Files, Outcome, walk},
    },
    utc::Utc,
};

/// The instant for which the vectors were made.
const MADE: &str = "2026-11-22T15:00:00Z";

fn vectors() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
    path.is_dir().then_some(path)
}

macro_rules! vectors_or_skip {
    () => {
        match vectors() {
            Some(path) => path,
            None => return println!("skipped: no ../shared/vectors beside the checkout"),
        }
    };
}

fn at(text: &str) -> Utc {
    Utc::parse(text).expect("an instant")
}

/// Every `.json` of a folder.
fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files = Files::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            files.insert(name, fs::read(&path).expect("a readable file"));
        }
    }
    files
}

fn walked(folder: &Path, now: &str) -> Walk {
    let files = files(folder);
    walk(Dialect::Tuf1, &files["1.root.json"], &files, at(now))
}

/// Which roles were verified, in order, as `role version`.
fn verified(walk: &Walk) -> Vec<String> {
    let step = |step: &officiant::tuf::walk::Step| match &step.outcome {
        Outcome::Verified { version, .. } => Some(format!("{} {version}", step.role)),
        Outcome::NotPresent => None,
    };
    walk.steps.iter().filter_map(step).collect()
}

#[test]
fn sigstores_roots_are_walked_from_1_to_15_or_skipped() {
    let folder = vectors_or_skip!().join("public/sigstore-root-chain");
    let valid = walked(&folder, "2026-08-01T00:00:00Z");
    assert_eq!(valid.root_version, 15);
    let expired = walked(&folder, MADE);
    assert_eq!(expired.root_version, 15, "expiry is asked of the last root alone");
    assert_eq!(expired.refusal.expect("root 15 has expired").rule, Rule::NotExpired);
}

#[test]
fn the_repositories_of_python_tuf_are_read_in_full_or_skipped() {
    let vectors = vectors_or_skip!();
    for name in ["mixed", "ecdsa", "ed25519"] {
        let walk = walked(&vectors.join(format!("tuf1/python-tuf-{name}/metadata")), MADE);
        assert_eq!(walk.refusal, None, "{name}");
        assert_eq!(
            verified(&walk),
            ["root 1", "root 2", "root 3", "timestamp 1", "snapshot 1", "targets 1", "project 1"],
            "{name}"
        );
    }
}

#[test]
fn the_repositories_of_tuftool_and_tuf_js_are_read_in_full_or_skipped() {
    let vectors = vectors_or_skip!();
    for name in ["tuftool", "tufjs-models"] {
        let walk = walked(&vectors.join(format!("tuf1/{name}/metadata")), MADE);
        assert_eq!(walk.refusal, None, "{name}");
        assert_eq!(verified(&walk), ["root 1", "root 2", "timestamp 1", "snapshot 1", "targets 1"], "{name}");
    }
}

#[test]
fn the_repository_of_tuf_on_ci_is_read_in_full_or_skipped() {
    let walk = walked(&vectors_or_skip!().join("public/tuf-on-ci-0.11/metadata"), "2025-02-09T09:17:23Z");
    assert_eq!(walk.refusal, None);
    assert_eq!(verified(&walk), ["root 1", "timestamp 2", "snapshot 2", "targets 1", "delegatedrole 2"]);
}

#[test]
fn what_is_not_handed_in_is_reported_as_not_present_and_the_rest_is_verified_or_skipped() {
    let mut files = files(&vectors_or_skip!().join("tuf1/python-tuf-ecdsa/metadata"));
    files.remove("timestamp.json");
    files.remove("1.snapshot.json");
    let walk = walk(Dialect::Tuf1, &files["1.root.json"], &files, at(MADE));
    assert_eq!(walk.refusal, None);
    assert_eq!(verified(&walk), ["root 1", "root 2", "root 3", "targets 1", "project 1"]);
    let absent = walk.steps.iter().filter(|step| matches!(step.outcome, Outcome::NotPresent));
    assert_eq!(absent.map(|step| step.role.clone()).collect::<Vec<_>>(), [RoleName::Timestamp, RoleName::Snapshot]);
}

/// What we refuse of the recorded cases, and by which rule.
const REFUSED: &[(&str, Rule)] = &[
    ("spec2.0.0", Rule::SpecVersionKnown),
    ("nospec", Rule::SpecVersionKnown),
    ("rsapkcs", Rule::RootTallyNew),
    ("sigdup", Rule::SignaturesDistinct),
    ("sigbadfirst", Rule::SignaturesDistinct),
    ("thrhigh", Rule::ThresholdReachable),
    ("dupkid", Rule::MetadataWellFormed),
    ("rotoldonly", Rule::RootTallyNew),
    ("v2ver1", Rule::RootVersionStep),
    ("typecap", Rule::MetadataWellFormed),
];

/// Where we say otherwise than a client does, and why. Everything else must agree.
const OTHERWISE: &[(&str, &str, &str)] = &[
    (
        "spec2.0.0",
        "tough go-tuf",
        "stricter: the specification asks clients to match the version (section 4.3); another major one is another format",
    ),
    ("p256oldhex", "python-tuf go-tuf", "looser: a point in hexadecimal is how Sigstore's roots 1 to 4 have it"),
    ("p384", "tuf-js tough", "looser: the scheme is listed by securesystemslib; these clients do not have it"),
    (
        "rsapkcs",
        "python-tuf",
        "stricter: PKCS#1 v1.5 is no scheme of the specification; the key is carried and counts for nothing",
    ),
    (
        "kidarb",
        "tough",
        "looser: the specification asks clients to compute keyids (section 4.3), and one of Sigstore's own roots would be refused; \
         what is written is held to it (KEYID-MATCHES-KEY)",
    ),
    ("expms", "python-tuf", "looser: bytes as received are verified, so the form of an instant cannot matter"),
    (
        "explow",
        "python-tuf tough go-tuf",
        "looser: bytes as received are verified, so the form of an instant cannot matter",
    ),
    ("exp9999", "tough", "looser: an instant of four-digit years is an instant"),
    ("dupkid", "tough go-tuf", "stricter: a role that lists a keyid twice is not a list of keys"),
    (
        "mirrors",
        "python-tuf tough",
        "looser: the specification has the role (section 4.3), and unknown ones are carried",
    ),
];

#[test]
fn we_agree_with_every_recorded_verdict_of_clients_that_the_specification_decides_or_skipped() {
    let path = vectors_or_skip!().join("tuf1/client-verdicts.jsonl");
    let mut cases = 0;
    for line in fs::read_to_string(path).expect("the verdicts").lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let name = case["case"].as_str().expect("a name");
        let roots = case["roots"].as_object().expect("roots");
        let bytes = |version: &str| base64(roots[version].as_str().expect("base64"));
        let files: Files = roots.keys().map(|version| (format!("{version}.root.json"), bytes(version))).collect();
        let trusted = case["trusted_root"].as_str().expect("a version");
        let ours = walk(Dialect::Tuf1, &bytes(trusted), &files, at(MADE));
        let refused = REFUSED.iter().find(|(case, _)| *case == name).map(|(_, rule)| *rule);
        assert_eq!(ours.refusal.as_ref().map(|refusal| refusal.rule), refused, "{name}");
        let ours =
            ours.refusal.as_ref().map_or(format!("ok v{}", ours.root_version), |refusal| format!("FAIL {refusal}"));
        for (client, theirs) in case["verdicts"].as_object().expect("verdicts") {
            let theirs = theirs.as_str().expect("a verdict");
            // It knows Ed25519 alone and two spellings of the version, and counts a keyid that signs twice.
            if client == "rust-tuf" {
                continue;
            }
            let agree = if theirs.starts_with("ok") { ours == theirs } else { ours.starts_with("FAIL") };
            let listed =
                OTHERWISE.iter().any(|(case, clients, _)| *case == name && clients.split(' ').any(|c| c == client));
            assert_ne!(agree, listed, "{name}, {client}: theirs {theirs}, ours {ours}");
        }
        cases += 1;
    }
    assert_eq!(cases, 34);
}

/// What no look at one document tells: who signed, and which version comes next.
const NOT_IN_ONE_DOCUMENT: [&str; 3] = ["thrhigh", "rotoldonly", "v2ver1"];

#[test]
fn the_prediction_names_every_client_that_was_seen_to_break_and_no_other_or_skipped() {
    let path = vectors_or_skip!().join("tuf1/client-verdicts.jsonl");
    for line in fs::read_to_string(path).expect("the verdicts").lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let name = case["case"].as_str().expect("a name");
        if NOT_IN_ONE_DOCUMENT.contains(&name) {
            continue;
        }
        let roots = case["roots"].as_object().expect("roots").values();
        let breakages: Vec<Breakage> =
            roots.flat_map(|root| Dialect::Tuf1.breakages(&base64(root.as_str().expect("base64")))).collect();
        for client in Client::ALL {
            let broke = case["verdicts"][client.to_string()].as_str().expect("a verdict").starts_with("FAIL");
            let predicted = breakages.iter().any(|breakage| breakage.clients.contains(&client));
            assert_eq!(predicted, broke, "{name}, {client}: {breakages:?}");
        }
    }
}

#[test]
fn every_client_takes_the_repositories_that_every_client_took_or_skipped() {
    let vectors = vectors_or_skip!();
    for name in ["python-tuf-mixed", "python-tuf-ecdsa", "python-tuf-ed25519", "tuftool", "tufjs-models"] {
        for (file, bytes) in files(&vectors.join(format!("tuf1/{name}/metadata"))) {
            assert_eq!(Dialect::Tuf1.breakages(&bytes), [], "{name}/{file}");
        }
    }
}

#[test]
fn the_prediction_tells_from_which_of_sigstores_roots_each_client_starts_or_skipped() {
    let files = files(&vectors_or_skip!().join("public/sigstore-root-chain"));
    let first = |client: Client| {
        let breaks = |n: &u32| {
            let breakages = Dialect::Tuf1.breakages(&files[&format!("{n}.root.json")]);
            breakages.iter().any(|breakage| breakage.clients.contains(&client))
        };
        (1..=15).filter(breaks).max().unwrap_or(0) + 1
    };
    assert_eq!(Client::ALL.map(first), [5, 1, 12, 5]);
}

fn base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = 0u32;
    let mut out = vec![];
    for (index, letter) in text.bytes().filter(|letter| *letter != b'=').enumerate() {
        let value = LETTERS.iter().position(|known| *known == letter).expect("base64") as u32;
        bits = bits << 6 | value;
        if index % 4 != 0 {
            out.push((bits >> (6 - 2 * (index % 4)) & 0xff) as u8);
        }
    }
    out
}
