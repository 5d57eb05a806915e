//! Questions of an interview: asked again until the answer is one.

use crate::{
    cli::{exit::Stop, line::Io},
    text::shown,
};

/// An interview with people, or with a file that answers for them.
pub(super) struct Asking<'a>(pub &'a mut dyn Io);

impl Asking<'_> {
    pub fn say(&mut self, line: &str) {
        self.0.say(line);
    }

    /// Asks until `read` takes the answer. An empty line is `default`, where there is one.
    pub fn ask<T>(
        &mut self,
        question: &str,
        default: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Stop> {
        let offered = default.map(|default| format!(" [{}]", shown(default))).unwrap_or_default();
        loop {
            let line = self.0.line(&format!("{question}{offered}: "))?;
            let line = line.ok_or_else(|| Stop::Usage(format!("the answers end before “{question}”")))?;
            let answer = match (line.trim(), default) {
                ("", Some(default)) => default,
                (line, _) => line,
            };
            match read(answer) {
                Ok(value) => return Ok(value),
                Err(why) if self.0.is_people() => self.0.say(&format!("  {why}")),
                Err(why) => return Err(Stop::Usage(format!("“{question}”: {} is no answer: {why}", shown(answer)))),
            }
        }
    }

    /// A line of text.
    pub fn text(&mut self, question: &str, default: Option<&str>) -> Result<String, Stop> {
        self.ask(question, default, |answer| match answer {
            "" => Err("something has to stand there".into()),
            text => Ok(text.to_owned()),
        })
    }

    /// A line of text, or nothing.
    pub fn maybe(&mut self, question: &str) -> Result<Option<String>, Stop> {
        self.ask(&format!("{question} (Enter for none)"), None, |answer| {
            Ok((!answer.is_empty()).then(|| answer.to_owned()))
        })
    }

    /// A number between two others.
    pub fn number(&mut self, question: &str, default: u64, least: u64, most: u64) -> Result<u64, Stop> {
        self.ask(question, Some(&default.to_string()), |answer| {
            let number = answer.parse().ok().filter(|number| (least..=most).contains(number));
            number.ok_or_else(|| format!("a number from {least} to {most} is wanted"))
        })
    }

    /// Yes or no.
    pub fn yes(&mut self, question: &str, default: bool) -> Result<bool, Stop> {
        self.ask(question, Some(if default { "yes" } else { "no" }), |answer| match answer.to_lowercase().as_str() {
            "yes" | "y" => Ok(true),
            "no" | "n" => Ok(false),
            _ => Err("yes or no".into()),
        })
    }
}
