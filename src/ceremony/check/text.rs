//! What was found, for people at a terminal.

use std::fmt::{self, Display, Formatter};

use super::{Checked, Deadline, PersonPlan, Severity};
use crate::{text::shown, tuf::role::RoleName};

impl Display for Checked {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", shown(&self.title))?;
        writeln!(f, "{} of {}", self.ceremony, shown(&self.repository))?;
        writeln!(f, "script {}", self.digest)?;
        for words in self.words.chunks(8) {
            writeln!(f, "  {}", words.join(" "))?;
        }
        let begins = self.planned.map(|at| format!(", from {at}")).unwrap_or_default();
        if let Some(count) = self.repositories {
            writeln!(f, "about {count} repositories")?;
        }
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
            self.work(f, person)?;
        }
        self.alone(f)?;
        writeln!(f, "\nWhose absence stops the day")?;
        if self.stops_the_day.is_empty() {
            writeln!(f, "  nobody's")?;
        }
        for stop in &self.stops_the_day {
            writeln!(f, "  {}: {}", shown(&stop.who), stop.why)?;
        }
        Ok(())
    }

    /// What somebody signs and types.
    fn work(&self, f: &mut Formatter<'_>, person: &PersonPlan) -> fmt::Result {
        let times = |count: u32| counted(count as usize, "time");
        let entries = person.user_pin_entries + person.so_pin_entries;
        let mut typed = vec![];
        if entries > 0 {
            typed.push(format!("types a PIN {}", times(entries)));
        }
        if person.passphrase_entries > 0 {
            typed.push(format!("types a passphrase {}", times(person.passphrase_entries)));
        }
        if person.touches == 0 {
            return if typed.is_empty() { Ok(()) } else { writeln!(f, "      {}", typed.join(", ")) };
        }
        let at_most = if self.repositories.is_some() { "up to " } else { "" };
        let certificates = match person.certificates {
            0 => String::new(),
            count => format!(", {} of its key", counted(count as usize, "certificate")),
        };
        writeln!(
            f,
            "      signs {at_most}{}{certificates}, and {} more to prove a key or the head; {}",
            times(person.signatures),
            person.other_signatures,
            typed.join(", ")
        )?;
        match person.touches_exact {
            true => writeln!(f, "      touches a token {}", times(person.touches)),
            false => writeln!(f, "      touches a token if it blinks, up to {}", times(person.touches)),
        }
    }

    fn alone(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nWho could sign alone")?;
        if self.alone.is_empty() {
            writeln!(f, "  nobody")?;
        }
        for alone in &self.alone {
            let what = match (self.repositories, &alone.role) {
                (None, _) => String::new(),
                (Some(_), RoleName::Root) => ": roots, and with them everything".into(),
                (Some(_), role) => format!(": {role}, and no root"),
            };
            let when = if alone.only_as_surrogate { ", as a surrogate or with a spare" } else { "" };
            writeln!(f, "  {}{what}{when}", shown(&alone.name))?;
        }
        Ok(())
    }

    fn table(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nTokens")?;
        for token in &self.tokens {
            let spare = token.spare_for.as_ref().map(|alias| format!(", spare for {alias}")).unwrap_or_default();
            let serial = token.serial.as_ref().map(|serial| format!(", serial {}", shown(serial))).unwrap_or_default();
            writeln!(
                f,
                "  {} ({}): {}; user PIN {}, SO-PIN {}{spare}{serial}",
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
        writeln!(f, "  total  {:>7}", duration(self.minutes))?;
        if self.deadlines.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nWhat ends, if it is held as planned")?;
        for deadline in &self.deadlines {
            writeln!(f, "  {}  {}: {}", deadline.when(), deadline.what, deadline.then)?;
        }
        Ok(())
    }
}

impl Deadline {
    /// The day, or how many days after the ceremony.
    pub(in crate::ceremony) fn when(&self) -> String {
        self.at.map_or_else(|| format!("{} days after", self.days), |at| at.date())
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
