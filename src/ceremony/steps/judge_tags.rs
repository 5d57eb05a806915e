//! After a compromise: tags and delegations that are not as they were before are kept or put back by a decision of people.

use std::sync::Arc;

use super::{Fact, Kind, Prose};
use crate::{
    ceremony::{
        Ceremony, Now, Pending, chosen,
        event::Event,
        participants::PersonId,
        prompt::{Answer, Choice, Input, Prompt, Scene},
        repositories::Verdict,
        script::{Script, TagPolicy},
        unfit, words,
    },
    rules::Refusal,
    text::shown,
};

/// `judge-tags`.
#[derive(Clone, Debug)]
pub struct JudgeTags;

fn choices(policy: TagPolicy) -> Vec<Choice> {
    use words::repositories as say;
    match policy {
        TagPolicy::Ask => vec![
            Choice::new("EACH", say::DOES_EACH),
            Choice::new("DROP", say::DOES_DROP_ALL),
            Choice::new("KEEP", say::DOES_KEEP_ALL),
        ],
        TagPolicy::Keep => vec![Choice::new("KEEP", say::DOES_KEEP_ALL)],
        TagPolicy::Drop => vec![Choice::new("DROP", say::DOES_DROP_ALL)],
    }
}

fn one() -> Vec<Choice> {
    use words::repositories as say;
    vec![Choice::new("DROP", say::DOES_DROP), Choice::new("KEEP", say::DOES_KEEP)]
}

impl Kind for JudgeTags {
    fn prose(&self, script: &Script) -> Prose {
        words::repositories::judge(script)
    }

    fn who(&self, script: &Script) -> Vec<PersonId> {
        words::operators(script)
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::RepositoriesRead]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::TagsJudged]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let repositories = &ceremony.repositories;
        let who = ceremony.leaders();
        if repositories.verdict.is_none() {
            let policy = ceremony.script.repositories.as_ref()?.changed_tags;
            let scene = Scene::List {
                title: words::repositories::judged_title(ceremony),
                lines: Arc::new(lines(ceremony)),
                ask: words::repositories::judge_ask(policy),
            };
            return Some(Pending::Ask(Box::new(Prompt { who, scene, input: Input::Word(choices(policy)) })));
        }
        let (_, gun, what) = repositories.next_to_judge()?;
        let scene = Scene::Plain { ask: words::repositories::judge_one(gun, what) };
        Some(Pending::Ask(Box::new(Prompt { who, scene, input: Input::Word(one()) })))
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, _now: Now) -> Result<Vec<Event>, Refusal> {
        let Answer::Word(word) = answer else { return Err(unfit("A word is waited for.")) };
        let repositories = &ceremony.repositories;
        if repositories.verdict.is_none() {
            let policy = ceremony.script.repositories.as_ref().map(|spec| spec.changed_tags).unwrap_or_default();
            let verdict = match chosen(&choices(policy), word) {
                Some("EACH") => Verdict::Each,
                Some("DROP") => Verdict::Drop,
                Some("KEEP") => Verdict::Keep,
                _ => return Err(unfit("That is not one of the words.")),
            };
            return Ok(vec![Event::TagsJudged { verdict }]);
        }
        let (_, gun, what) = repositories.next_to_judge().ok_or_else(|| unfit("Everything is judged."))?;
        let keep = chosen(&one(), word) == Some("KEEP");
        Ok(vec![Event::TagJudged { gun: gun.clone(), what: what.to_owned(), keep }])
    }
}

/// Everything that is not as it was, a line each.
fn lines(ceremony: &Ceremony) -> Vec<String> {
    let known = ceremony.repositories.known.iter().filter(|known| known.left_out.is_none());
    known.flat_map(|known| known.changed.iter().map(|what| format!("{}  {}", known.gun, shown(what)))).collect()
}
