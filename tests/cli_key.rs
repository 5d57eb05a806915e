//! `key show`: what people learn of a private key file.

mod cli_support;
mod keyfile_support;

use std::{fs, io::Write as _, path::Path, process::Stdio};

use cli_support::{Ran, command};
use serde_json::Value;

fn key_show(place: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut child = command(place)
        .args(["key", "show"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn an_export_is_listed_without_a_passphrase_and_proven_with_it_or_skipped() {
    let vectors = vectors_or_skip!();
    let place = tempfile::tempdir().unwrap();
    let file = vectors.join("notary/stock/export-all.pem");
    let file = file.to_str().unwrap();
    let ran = key_show(place.path(), &[file], "");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    for part in [
        "role          targets",
        "GUN           localhost:5000/lab/stock",
        "e5ceda1df78704b8",
        "2048 rounds",
        "not proven",
    ] {
        assert!(ran.out.contains(part), "no “{part}” in {}", ran.out);
    }
    let ran = key_show(place.path(), &[file, "--open", "--json"], "delegpass-lab\nrootpass-lab\ntargetspass-lab\n");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let reports: Value = serde_json::from_str(&ran.out).unwrap();
    for report in reports.as_array().unwrap() {
        assert_eq!((&report["known_from"], &report["algorithm"]), (&"the key itself".into(), &"P-256".into()));
    }
    assert!(!ran.err.contains("pass-lab") && !ran.out.contains("pass-lab"));
    let wrong = key_show(place.path(), &[file, "--open"], "no\n");
    assert_eq!(wrong.code, Some(3), "{wrong:#?}");
    assert!(wrong.err.contains("the passphrase is wrong"), "{wrong:#?}");
}

#[test]
fn a_file_without_a_name_is_asked_for_its_passphrase_and_one_with_a_false_name_is_found_out_or_skipped() {
    let vectors = vectors_or_skip!();
    let place = tempfile::tempdir().unwrap();
    let (from, with) =
        keyfile_support::encrypted(&vectors).into_iter().find(|(_, with)| *with == "randompass").unwrap();
    fs::copy(&from, place.path().join("root.key")).unwrap();
    let ran = key_show(place.path(), &["root.key"], &format!("{with}\n"));
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    for part in ["SEC 1, encrypted: MD5, 1 round, AES-256-CBC", "known from the key itself", "in a short time"] {
        assert!(ran.out.contains(part), "no “{part}” in {}", ran.out);
    }
    assert_eq!(key_show(place.path(), &["root.key"], "").code, Some(1), "nobody gave it");
    let other = format!("{}.key", "0".repeat(64));
    fs::copy(&from, place.path().join(&other)).unwrap();
    assert_eq!(key_show(place.path(), &[&other], "").code, Some(0), "its name is believed, and it is said so");
    let ran = key_show(place.path(), &[&other, "--open"], &format!("{with}\n"));
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(ran.out.contains("ANOTHER KEY"), "{}", ran.out);
    let plain = vectors.join("notary/external-4443/root1.key.pem");
    let ran = key_show(place.path(), &[plain.to_str().unwrap()], "");
    assert!(ran.out.contains("whoever reads the file has the key"), "{ran:#?}");
    fs::write(place.path().join("no.key"), "nothing").unwrap();
    let ran = key_show(place.path(), &["no.key", "--json"], "");
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    assert!(ran.err.contains("no PEM"), "{ran:#?}");
}
