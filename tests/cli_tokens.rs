//! `token list` and `token probe`, on the throw-away tokens of a rehearsal.

mod cli_support;

use std::{io::Write as _, path::Path, process::Stdio};

use cli_support::{Ran, command, rehearsed};
use officiant::token::pkcs11::rehearsal::find_module;
use serde_json::Value;

/// Runs the program where the tokens of a rehearsal are plugged in.
fn with_tokens(record: &Path, arguments: &[&str], input: &str) -> Ran {
    let module = find_module(None).expect("SoftHSM is installed");
    let mut child = command(record)
        .args(arguments)
        .arg("--module")
        .arg(module)
        .env("SOFTHSM2_CONF", record.join("rehearsal/softhsm2.conf"))
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
fn tokens_are_listed_with_label_serial_and_what_people_should_know() {
    let place = tempfile::tempdir().unwrap();
    let record = rehearsed(place.path());
    let text = with_tokens(&record, &["token", "list"], "");
    assert_eq!(text.code, Some(0), "{text:#?}");
    for part in ["SHA-256 ", "token \"one\" (serial ", "A software token, good for rehearsals only", "Blank"] {
        assert!(text.out.contains(part), "no “{part}” in {}", text.out);
    }
    let json = with_tokens(&record, &["token", "list", "--json"], "");
    let reports: Value = serde_json::from_str(&json.out).unwrap();
    let labels: Vec<_> =
        reports[0]["tokens"].as_array().unwrap().iter().filter_map(|token| token["token"]["label"].as_str()).collect();
    assert!(["one", "two", "three"].iter().all(|label| labels.contains(label)), "{labels:?}");
}

#[test]
fn a_token_is_probed_by_use_and_a_wrong_pin_is_a_fault() {
    let place = tempfile::tempdir().unwrap();
    let record = rehearsed(place.path());
    let answers = std::fs::read_to_string(cli_support::ours("ceremony-scripts/genesis-solo.answers.toml")).unwrap();
    let answers: toml::Table = toml::from_str(&answers).unwrap();
    let pin = answers["pins"]["one"]["user"].as_str().unwrap();
    let probed = with_tokens(&record, &["token", "probe", "--label", "one", "--json"], &format!("{pin}\n"));
    assert_eq!(probed.code, Some(0), "{probed:#?}");
    let report: Value = serde_json::from_str(&probed.out).unwrap();
    assert_eq!(report["token"]["label"], "one");
    assert!(!probed.err.contains(pin) && !probed.out.contains(pin), "the PIN was shown");
    let serial = report["token"]["serial"].as_str().unwrap();
    let (path, sha256) = (&report["token"]["module"]["path"], &report["token"]["module"]["sha256"]);
    let text = with_tokens(&record, &["token", "probe", "--label", "one"], &format!("{pin}\n"));
    let same = [(serial, "SERIAL"), (path.as_str().unwrap(), "MODULE"), (sha256.as_str().unwrap(), "DIGEST")];
    // The length of an RSA key in DER differs by a few bytes from key to key.
    let of_rsa = |line: &str| line.contains("wraps and unwraps RSA");
    let length = |line: &str| line.split(", ").filter(|part| !part.ends_with(" bytes")).collect::<Vec<_>>().join(", ");
    let lines = text.out.lines().map(|line| if of_rsa(line) { length(line) } else { line.to_owned() });
    let text = lines.collect::<Vec<_>>().join("\n");
    let reviewed = same.iter().fold(text, |text, (own, name)| text.replace(own, name));
    insta::assert_snapshot!("token-probe", reviewed);
    let wrong = with_tokens(&record, &["token", "probe", "--label", "one"], "not the PIN\n");
    assert_eq!(wrong.code, Some(3), "{wrong:#?}");
    let nobody = with_tokens(&record, &["token", "probe", "--label", "one"], "");
    assert!(nobody.code == Some(1) && nobody.err.contains("nothing was sent"), "{nobody:#?}");
    let absent = with_tokens(&record, &["token", "probe", "--label", "four"], "");
    assert!(absent.code == Some(1) && absent.err.contains("TOKEN-IS-EXPECTED"), "{absent:#?}");
}
