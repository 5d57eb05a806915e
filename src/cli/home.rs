//! `officiant` without a verb: the home screen, and then the verb that was chosen there.

use std::path::PathBuf;

use super::{
    args::{
        Check, Format, Front, RehearsalPlace, Rehearse, Resume, Run, Show, Token, TokenList, TokenVerb, Verb, Verify,
    },
    ceremony,
    exit::{Exit, Stop},
};
use crate::{
    token::quirks::Trust,
    transcript,
    tui::{self, Choice},
};

pub(super) fn home(trust: Trust) -> Result<Exit, Stop> {
    if !ceremony::has_screen(Front::default()) {
        return Err(Stop::Usage("name a verb; officiant --help lists them".into()));
    }
    match verb(tui::home()?) {
        Some(verb) => super::run(verb, trust),
        None => Ok(Exit::Done),
    }
}

/// The verb as it would have been typed.
fn verb(choice: Choice) -> Option<Verb> {
    let front = Front::default();
    let format = Format::default();
    Some(match choice {
        Choice::Quit => return None,
        Choice::Start { script, record, second } => Verb::Run(Run { script, record, second, previous: None, front }),
        Choice::Resume { record, second } => {
            Verb::Resume(Resume { record, second, inputs: PathBuf::from("."), answers: None, front, module: None })
        }
        Choice::Rehearse { script } => {
            let place = RehearsalPlace { record: None, second: None };
            Verb::Rehearse(Rehearse { script, answers: None, place, front, module: None })
        }
        Choice::Tokens => Verb::Token(Token { verb: TokenVerb::List(TokenList { module: vec![], format }) }),
        Choice::Inspect { path } if path.join(transcript::FILE).is_file() => Verb::Verify(Verify {
            record: Some(path),
            production: false,
            trusted: None,
            metadata: None,
            at: None,
            format,
        }),
        Choice::Inspect { path } if path.extension() == Some("toml".as_ref()) => {
            Verb::Check(Check { script: path, format })
        }
        Choice::Inspect { path } => Verb::Show(Show { file: path, trusted: None, at: None, format }),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_inspected_is_taken_for_what_it_is() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join(transcript::FILE), "").unwrap();
        let inspect = |path: &Path| verb(Choice::Inspect { path: path.to_owned() });
        assert!(matches!(inspect(place.path()), Some(Verb::Verify(_))));
        assert!(matches!(inspect(Path::new("genesis.toml")), Some(Verb::Check(_))));
        assert!(matches!(inspect(Path::new("1.root.json")), Some(Verb::Show(_))));
    }
}
