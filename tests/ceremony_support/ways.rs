//! A shipped script of a genesis that says another way of backup than it is shipped with.

use std::fs;

use officiant::ceremony::{
    check::check,
    script::{Script, Way, read},
    words::backup::consequences,
};

use super::script;

/// The shipped script with a `[backup]` that has no shares; of the way `none` as the declared exception that it is.
pub fn says(name: &str, way: Way) -> String {
    let text = fs::read_to_string(script(name)).expect("a shipped script");
    let (way, declares) = match way {
        Way::Redundancy => ("redundancy", None),
        Way::None => ("none", Some("no-backup = true\n")),
        Way::SoftwareBorn | Way::Wrapped => panic!("{way:?} has steps of its own"),
    };
    let text = text.replacen("[root]\n", &format!("[backup]\nway = \"{way}\"\n\n[root]\n"), 1);
    match (declares, text.contains("\n[declares]\n")) {
        (None, _) => text,
        (Some(line), true) => text.replacen("\n[declares]\n", &format!("\n[declares]\n{line}"), 1),
        (Some(line), false) => text.replacen("[[people]]\n", &format!("[declares]\n{line}\n[[people]]\n"), 1),
    }
}

/// Shows that `check` holds it, that its consequences are said in a step, and that the way `none` is refused where it is not declared.
pub fn is_said(text: &str, way: Way) {
    let read = |text: &str| -> Script { read::script(text.as_bytes()).unwrap_or_else(|error| panic!("{error}")) };
    let script = read(text);
    let checked = check(&script);
    assert!(checked.holds(), "{checked}");
    assert_eq!(script.backup.as_ref().map(|backup| backup.way), Some(way));
    let mut steps = script.numbered().map(|(_, step)| step.action.kind().prose(&script).lines.join("\n"));
    assert!(steps.any(|lines| lines.contains(consequences(way))), "no step says what follows");
    if way == Way::None {
        let checked = check(&read(&text.replacen("no-backup = true\n", "", 1)));
        assert!(!checked.holds() && checked.to_string().contains("BACKUP-DECLARED"), "{checked}");
    }
}
