//! A script weeks ahead, without a world: whether its steps can follow each other, who and what must be there, how long it
//! takes, who could sign alone, and whose absence stops the day.

mod backup;
mod crossing;
mod custody;
mod management;
mod materials;
mod people;
mod repositories;
mod restore;
mod steps;
pub(in crate::ceremony) mod text;
mod tokens;

use serde::Serialize;

pub use self::{
    materials::Material,
    people::{Alone, PersonPlan, Stop},
    repositories::Deadline,
    tokens::TokenPlan,
};
use super::{script::Script, words};
use crate::{digest::Digest, rules::Rule, utc::Utc};

/// What a script asks for, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Checked {
    /// The title on the first page.
    pub title: String,
    /// Which ceremony it is, in words.
    pub ceremony: &'static str,
    /// The repository.
    pub repository: String,
    /// The SHA-256 of the script's text.
    pub digest: Digest,
    /// The same as 32 words.
    pub words: Vec<String>,
    /// When it is planned to begin.
    pub planned: Option<Utc>,
    /// What is wrong, and what should be known; the worst first.
    pub findings: Vec<Finding>,
    /// The first step that cannot happen, `3.2`.
    pub first_impossible: Option<String>,
    /// Everybody, in the order of the script.
    pub people: Vec<PersonPlan>,
    /// Every token, spares too.
    pub tokens: Vec<TokenPlan>,
    /// The labels of the two media that hold the record.
    pub media: [String; 2],
    /// What to bring.
    pub materials: Vec<Material>,
    /// Every act with its planned time.
    pub acts: Vec<ActPlan>,
    /// How long it is planned to take, in minutes.
    pub minutes: u64,
    /// Who could sign alone.
    pub alone: Vec<Alone>,
    /// Whose absence stops the day: people without a surrogate, tokens without a spare.
    pub stops_the_day: Vec<Stop>,
    /// How many repositories it is about; none where it is about one root.
    pub repositories: Option<u32>,
    /// What ends after it, the first first; empty where it is about one root.
    pub deadlines: Vec<Deadline>,
}

impl Checked {
    /// Whether nothing is wrong that would stop the ceremony. Warnings and notes may stand.
    pub fn holds(&self) -> bool {
        !self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The ceremony cannot be held like this.
    Error,
    /// It can, and somebody should think again.
    Warning,
    /// It is as the script declares, and readers should know.
    Note,
}

impl Severity {
    /// The severity as a word for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// Something that a reader of the script should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// By which rule.
    pub rule: Option<Rule>,
    /// At which step, `3.2`.
    pub step: Option<String>,
    /// What is wrong, as a sentence.
    pub what: String,
    /// What to do, as a sentence.
    pub remedy: String,
}

/// An act with its planned time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ActPlan {
    /// Its number, from 0.
    pub number: usize,
    /// Its title.
    pub title: String,
    /// How many steps it has.
    pub steps: usize,
    /// How long it is planned to take, in minutes.
    pub minutes: u64,
}

/// The planned time of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedStep {
    /// Its number, `3.2`.
    pub number: String,
    /// Minutes from the beginning of the ceremony.
    pub after: u64,
    /// The instant, where the script says when the ceremony begins.
    pub at: Option<Utc>,
}

impl PlannedStep {
    /// `09:35`, or `+0:35` where the script has no date.
    pub fn words(&self) -> String {
        match self.at {
            Some(at) => at.time_of_day()[..5].to_owned(),
            None => format!("+{}:{:02}", self.after / 60, self.after % 60),
        }
    }
}

/// Looks at a script without any world.
pub fn check(script: &Script) -> Checked {
    let mut findings = Findings::default();
    steps::fold(script, &mut findings);
    let first_impossible = findings.0.iter().find_map(|finding| {
        let impossible = finding.severity == Severity::Error && finding.rule == Some(Rule::ScriptHolds);
        if impossible { finding.step.clone() } else { None }
    });
    steps::required(script, &mut findings);
    steps::breaks(script, &mut findings);
    tokens::look(script, &mut findings);
    backup::look(script, &mut findings);
    restore::look(script, &mut findings);
    custody::look(script, &mut findings);
    management::look(script, &mut findings);
    people::look(script, &mut findings);
    let people = people::plans(script);
    repositories::look(script, &people, &mut findings);
    crossing::look(script, &mut findings);
    findings.0.sort_by_key(|finding| finding.severity);
    let acts: Vec<_> = script
        .acts
        .iter()
        .enumerate()
        .map(|(number, act)| ActPlan {
            number,
            title: act.title.clone(),
            steps: act.steps.len(),
            minutes: act.steps.iter().map(|step| u64::from(step.minutes)).sum(),
        })
        .collect();
    Checked {
        title: script.title.clone(),
        ceremony: script.kind.title(),
        repository: script.repository.clone(),
        digest: script.digest,
        words: words::paper::digest_words(script.digest),
        planned: script.planned,
        findings: findings.0,
        first_impossible,
        people,
        tokens: tokens::plans(script),
        media: script.media.clone(),
        materials: materials::list(script),
        minutes: acts.iter().map(|act| act.minutes).sum(),
        acts,
        alone: people::alone(script),
        stops_the_day: people::stops_the_day(script),
        repositories: script.repositories.as_ref().map(|spec| spec.collection.repositories),
        deadlines: repositories::deadlines(script),
    }
}

/// When each step is planned to begin, in the order of the script.
pub fn timetable(script: &Script) -> Vec<PlannedStep> {
    let mut after = 0;
    let mut rows = vec![];
    for (number, step) in script.numbered() {
        let seconds = |begin: Utc| i64::try_from(after).ok()?.checked_mul(60)?.checked_add(begin.seconds());
        rows.push(PlannedStep {
            number,
            after,
            at: script.planned.and_then(|begin| Utc::from_seconds(seconds(begin)?)),
        });
        after += u64::from(step.minutes);
    }
    rows
}

/// Findings on their way.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        severity: Severity,
        rule: impl Into<Option<Rule>>,
        step: Option<&str>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.0.push(Finding {
            severity,
            rule: rule.into(),
            step: step.map(str::to_owned),
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// An error, or only a note where the script declares it.
    fn unless(&mut self, declared: bool, rule: Rule, step: Option<&str>, what: impl Into<String>, remedy: &str) {
        if declared {
            self.add(Severity::Note, rule, step, what, "The script declares it; nothing to do.");
        } else {
            self.add(Severity::Error, rule, step, what, remedy);
        }
    }
}

#[cfg(test)]
mod tests;
