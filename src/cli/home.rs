//! No verb, in a terminal: the home screen, and then this program again with the verb that was chosen there.

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use super::exit::{Exit, Stop};
use crate::{
    fault::Fault,
    tui::{self, Choice},
};

pub(super) fn home() -> Result<Exit, Stop> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Stop::Usage("name a verb; officiant --help lists them".into()));
    }
    let Some(arguments) = arguments(tui::home()?) else { return Ok(Exit::Done) };
    let program = std::env::current_exe().map_err(|error| Fault::machine("find this program's own file", error))?;
    Err(Fault::machine("start this program again", Command::new(program).args(arguments).exec()).into())
}

/// What was chosen, as it would have been typed; `None` to leave.
fn arguments(choice: Choice) -> Option<Vec<OsString>> {
    let typed = |verb: &str, rest: Vec<PathBuf>| {
        std::iter::once(verb.into()).chain(rest.into_iter().map(OsString::from)).collect()
    };
    let named = |flag: &str, value: PathBuf| [PathBuf::from(flag), value];
    Some(match choice {
        Choice::Start { script, record, second } => {
            let mut rest = vec![script];
            rest.extend(named("--record", record));
            rest.extend(named("--second", second));
            typed("run", rest)
        }
        Choice::Resume { record, second } => {
            let mut rest = vec![record];
            rest.extend(second.into_iter().flat_map(|second| named("--second", second)));
            typed("resume", rest)
        }
        Choice::Rehearse { script } => typed("rehearse", script.into_iter().collect()),
        Choice::Inspect { path } => typed(verb_for(&path), vec![path]),
        Choice::Tokens => typed("token", vec!["list".into()]),
        Choice::Quit => return None,
    })
}

/// A record is verified, a script checked, and everything else shown as metadata.
fn verb_for(path: &Path) -> &'static str {
    if path.is_dir() {
        "verify"
    } else if path.extension().is_some_and(|extension| extension == "toml") {
        "check"
    } else {
        "show"
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::Arguments;

    #[test]
    fn every_choice_of_the_home_screen_is_a_line_that_could_have_been_typed() {
        let choices = [
            Choice::Start { script: "a.toml".into(), record: "one".into(), second: "two".into() },
            Choice::Resume { record: "one".into(), second: Some("two".into()) },
            Choice::Resume { record: "one".into(), second: None },
            Choice::Rehearse { script: None },
            Choice::Rehearse { script: Some("a.toml".into()) },
            Choice::Inspect { path: "root.json".into() },
            Choice::Inspect { path: ".".into() },
            Choice::Inspect { path: "a.toml".into() },
            Choice::Tokens,
        ];
        for choice in choices {
            let line = arguments(choice).expect("it is not QUIT");
            let parsed = Arguments::try_parse_from(std::iter::once("officiant".into()).chain(line.clone()));
            assert!(parsed.is_ok_and(|parsed| parsed.verb.is_some()), "{line:?}");
        }
        assert_eq!(arguments(Choice::Quit), None);
    }
}
