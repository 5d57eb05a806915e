//! What was found, for people at a terminal.

use std::fmt::{self, Display, Formatter};

use super::{Checked, Severity};
use crate::text::shown;

impl Display for Checked {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", shown(&self.title))?;
        writeln!(f, "{} of {}", self.ceremony, shown(&self.repository))?;
        writeln!(f, "script {}", self.digest)?;
        let begins = self.planned.map(|at| format!(", from {at}")).unwrap_or_default();
        writeln!(f, "{} acts, {} planned{begins}\n", self.acts.len(), duration(self.minutes))?;
        self.findings(f)?;
        self.room(f)?;
        self.table(f)
    }
}

impl Checked {
    fn findings(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let rule = finding.rule.map(|rule| format!(" {rule}")).unwrap_or_default();
            let step = finding.step.as_ref().map(|step| format!(", step {step}")).unwrap_or_default();
            writeln!(f, "{}{rule}{step}: {}\n    {}", finding.severity.word(), finding.what, finding.remedy)?;
        }
        let count = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let (errors, warnings) =
            (counted(count(Severity::Error), "error"), counted(count(Severity::Warning), "warning"));
        match &self.first_impossible {
            Some(step) => writeln!(f, "The ceremony would stop at step {step}: {errors}, {warnings}.\n"),
            None if !self.holds() => writeln!(f, "The ceremony cannot be held like this: {errors}, {warnings}.\n"),
            None => writeln!(f, "Every step finds what it needs; {warnings}.\n"),
        }
    }

    fn room(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "Who")?;
        for person in &self.people {
            let surrogate = match (&person.stands_in_for, person.surrogates.as_slice()) {
                (Some(principal), _) => format!("; only if {} is absent", shown(principal)),
                (None, []) => String::new(),
                (None, others) => format!("; surrogate {}", shown(&others.join(", "))),
            };
            writeln!(f, "  {} ({}){surrogate}", shown(&person.name), person.duties.join(", "))?;
            let times = |count: u32| counted(count as usize, "time");
            let pins = times(person.user_pin_entries + person.so_pin_entries);
            match (person.signatures + person.other_signatures, person.user_pin_entries + person.so_pin_entries) {
                (0, 0) => {}
                (0, _) => writeln!(f, "      types a PIN {pins}")?,
                _ => writeln!(
                    f,
                    "      signs {}, and {} more to prove a key or the head; types a PIN {pins}",
                    times(person.signatures),
                    person.other_signatures
                )?,
            }
        }
        writeln!(f, "\nWho could sign alone")?;
        if self.alone.is_empty() {
            writeln!(f, "  nobody")?;
        }
        for alone in &self.alone {
            let when = if alone.only_as_surrogate { ", as a surrogate or with a spare" } else { "" };
            writeln!(f, "  {}{when}", shown(&alone.name))?;
        }
        writeln!(f, "\nWhose absence stops the day")?;
        if self.stops_the_day.is_empty() {
            writeln!(f, "  nobody's")?;
        }
        for stop in &self.stops_the_day {
            writeln!(f, "  {}: {}", shown(&stop.who), stop.why)?;
        }
        Ok(())
    }

    fn table(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nTokens")?;
        for token in &self.tokens {
            let spare = token.spare_for.as_ref().map(|alias| format!(", spare for {alias}")).unwrap_or_default();
            writeln!(
                f,
                "  {} ({}): {}; user PIN {}, SO-PIN {}{spare}",
                token.alias,
                shown(&token.tag),
                shown(&token.holder),
                shown(&token.user_pin),
                shown(&token.so_pin)
            )?;
        }
        writeln!(f, "\nTo bring")?;
        for material in &self.materials {
            let spare = if material.spare > 0 { format!(" + {} spare", material.spare) } else { String::new() };
            writeln!(f, "  {}{spare}  {}", material.count, material.what)?;
        }
        writeln!(f, "\nPlanned time")?;
        for act in &self.acts {
            writeln!(f, "  act {}  {:>7}  {}", act.number, duration(act.minutes), shown(&act.title))?;
        }
        writeln!(f, "  total  {:>7}", duration(self.minutes))
    }
}

/// `35 min`, `4 h 05`.
pub(in crate::ceremony) fn duration(minutes: u64) -> String {
    match minutes / 60 {
        0 => format!("{minutes} min"),
        hours => format!("{hours} h {:02}", minutes % 60),
    }
}

/// `1 error`, `2 errors`, `no errors`.
pub(in crate::ceremony) fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    }
}
