//! Interviews of `new`, and what becomes of their scripts.

use std::path::Path;

use super::{Ran, officiant, officiant_with, ours};

/// Repository, day, media, module, and no look at it.
pub const FIRST: &str = "my-shop\n2026-12-01T09:00:00Z\n\n\n/usr/lib/softhsm/libsofthsm2.so\nno\n";
/// Administrator, operator and a surrogate, witness without one, keeper, publisher.
pub const TEAM: &str = "Ida Holm\nOmar Said\nNils Berg\nVěra Nováková\n\nKai Mbeki\nPia Sørensen\n";

pub fn interview(folder: &Path, kind: &str, answers: &str) -> Ran {
    officiant_with(folder, &["new", kind, "-o", "script.toml"], answers)
}

pub fn holds(folder: &Path) -> serde_json::Value {
    let ran = officiant(folder, &["check", "script.toml", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    serde_json::from_str(&ran.out).unwrap()
}

/// `check` says nothing that the interview could have avoided: what it still names is what a day needs, a module that nobody looked at, or
/// `known`: what lies in the matter, by a piece of its sentence. Each of these is said.
pub fn without_complaint(folder: &Path, known: &[&str]) -> serde_json::Value {
    let report = holds(folder);
    let findings = report["script"]["findings"].as_array().unwrap();
    let says = |finding: &serde_json::Value, what: &str| finding["what"].as_str().unwrap().contains(what);
    for finding in findings {
        let module = finding["rule"] == "TOKEN-IS-HARDWARE";
        let known = known.iter().any(|what| says(finding, what));
        assert!(finding["severity"] == "note" || module || known, "{finding:#}");
    }
    for what in known {
        assert!(findings.iter().any(|finding| says(finding, what)), "nothing says “{what}”");
    }
    report
}

/// Rehearses a script to its end, with the answers of the shipped one of that kind, and goes through the record.
pub fn rehearsed(folder: &Path, kind: &str) {
    let answers = ours(&format!("ceremony-scripts/{kind}.answers.toml"));
    let ran = officiant(folder, &["rehearse", "script.toml", "--answers", &answers, "--record", "record"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let verified = officiant(folder, &["verify", "record"]);
    assert!(verified.code == Some(0) && verified.out.contains("HOLDS"), "{verified:#?}");
}
