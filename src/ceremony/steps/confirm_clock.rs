//! Two people read an independent clock. Everything that is written depends on the machine's.

use super::{Fact, Kind, Prose, ask_for_text, happened};
use crate::{
    ceremony::{
        Ceremony, Now, Pending, event::Event, participants::PersonId, prompt::Answer, script::Script, unfit, words,
    },
    rules::{Passed, Refusal, Rule},
    utc::{DAY_SECONDS, Utc},
};

/// `confirm-clock`: each of `who` reads a clock of their own.
#[derive(Clone, Debug)]
pub struct ConfirmClock {
    /// Two people; one where the script declares single control.
    pub who: Vec<PersonId>,
}

fn readings(ceremony: &Ceremony) -> Vec<(Utc, Utc)> {
    let here = ceremony.here.iter();
    here.filter_map(|event| match event {
        Event::ClockRead { room, machine, .. } => Some((*room, *machine)),
        _ => None,
    })
    .collect()
}

impl Kind for ConfirmClock {
    fn prose(&self, script: &Script) -> Prose {
        words::steps::confirm_clock(script, &self.who)
    }

    fn who(&self, _script: &Script) -> Vec<PersonId> {
        self.who.clone()
    }

    fn needs(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::RollCalled]
    }

    fn gives(&self, _script: &Script) -> Vec<Fact> {
        vec![Fact::ClockConfirmed]
    }

    fn pending(&self, ceremony: &Ceremony) -> Option<Pending> {
        let person = ceremony.acting(self.who.get(readings(ceremony).len())?);
        let ask = words::read_clock(ceremony.script.name(&person));
        ask_for_text(vec![person], ask, words::CLOCK_LABEL.into(), words::CLOCK_HINT)
    }

    fn decide(&self, ceremony: &Ceremony, answer: &Answer, now: Now) -> Result<Vec<Event>, Refusal> {
        let mut readings = readings(ceremony);
        let (Answer::Text(text), Some(person)) = (answer, self.who.get(readings.len())) else {
            return Err(unfit("A time is waited for."));
        };
        let room = read_time(text.trim(), now).ok_or_else(|| unfit(words::CLOCK_HINT))?;
        let tolerance = i64::from(ceremony.script.clock_tolerance_seconds);
        let differs = (room.seconds() - now.seconds()).abs();
        if let Some(before) = ceremony.previous_ceremony.as_ref().filter(|before| now < before.ended) {
            return Err(Refusal::new(
                Rule::ClockForward,
                format!("The machine says {now}, but the ceremony before this one ended {}.", before.ended),
                "Leave, set the clock right, and resume.",
            ));
        }
        let excepted = happened(ceremony, |event| matches!(event, Event::ExceptionNoted { .. }));
        if differs > tolerance && !excepted {
            return Err(Refusal::new(
                Rule::ClockConfirmed,
                format!(
                    "The machine says {now}, the room says {room}: {differs} seconds apart, {tolerance} are allowed."
                ),
                "Read the clock once more (UTC, not local time). If the machine is wrong, leave, set its clock, and resume.",
            ));
        }
        let mut events = vec![Event::ClockRead { person: ceremony.acting(person), room, machine: now }];
        readings.push((room, now));
        if readings.len() == self.who.len() {
            let worst =
                readings.iter().map(|(room, machine)| (room.seconds() - machine.seconds()).abs()).max().unwrap_or(0);
            let by = if worst > tolerance { ", by the exception noted here" } else { "" };
            let seen =
                format!("{} independent readings, at most {worst} seconds apart from the machine{by}", readings.len());
            let mut passed = vec![Passed::new(Rule::ClockConfirmed, seen)];
            if let Some(before) = &ceremony.previous_ceremony {
                passed.push(Passed::new(
                    Rule::ClockForward,
                    format!("the ceremony before this one ended {}", before.ended),
                ));
            }
            events.push(Event::ClockConfirmed { at: now, differs_seconds: worst, passed });
        }
        Ok(events)
    }
}

/// `HH:MM` or `HH:MM:SS` of the day nearest to `now`, or a whole instant.
fn read_time(text: &str, now: Utc) -> Option<Utc> {
    if let Some(whole) = Utc::parse(text) {
        return Some(whole);
    }
    let mut seconds = 0;
    let mut parts = 0;
    for (part, limit) in text.split(':').zip([24, 60, 60]) {
        if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let value: i64 = part.parse().ok().filter(|value| *value < limit)?;
        seconds = seconds * 60 + value;
        parts += 1;
    }
    match (parts, text.matches(':').count()) {
        (2, 1) => seconds *= 60,
        (3, 2) => {}
        _ => return None,
    }
    // A reading just after midnight belongs to the next day, one just before it to the day before.
    [-DAY_SECONDS, 0, DAY_SECONDS]
        .into_iter()
        .filter_map(|shift| Utc::from_seconds(now.midnight().seconds() + seconds + shift))
        .min_by_key(|candidate| (candidate.seconds() - now.seconds()).abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_belongs_to_the_nearest_day() {
        let now = Utc::parse("2026-12-01T23:59:50Z").unwrap();
        assert_eq!(read_time("00:00:10", now), Utc::parse("2026-12-02T00:00:10Z"));
        assert_eq!(read_time("23:59", now), Utc::parse("2026-12-01T23:59:00Z"));
        for bad in ["24:00", "1:2", "12:60", "", "12:00:00:00", "noon", "12"] {
            assert_eq!(read_time(bad, now), None, "{bad}");
        }
    }
}
