//! TOML as it grows: acts, steps and fields of a script.

use std::fmt::Write as _;

/// A field of a step, as TOML writes it.
pub(super) type Field = (&'static str, String);

pub(super) fn one(name: &'static str, value: &str) -> Field {
    (name, quoted(value))
}

pub(super) fn many<T: AsRef<str>>(name: &'static str, values: &[T]) -> Field {
    (name, list(values))
}

pub(super) fn who(people: &[&str]) -> Field {
    let mut once: Vec<&str> = vec![];
    people.iter().for_each(|person| {
        if !once.contains(person) {
            once.push(person);
        }
    });
    many("who", &once)
}

pub(super) fn say(words: &str) -> Field {
    one("say", words)
}

pub(super) fn statement(words: &str) -> Field {
    one("statement", words)
}

/// A TOML string, with everything escaped that has to be.
pub(in crate::cli) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

pub(super) fn list<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(|item| quoted(item.as_ref())).collect();
    let line = format!("[{}]", items.join(", "));
    if line.len() <= 100 {
        return line;
    }
    format!("[\n    {},\n]", items.join(",\n    "))
}

/// TOML as it grows.
#[derive(Default)]
pub(super) struct Text(String, usize);

impl Text {
    /// The whole of it.
    pub(super) fn whole(self) -> String {
        self.0.trim_end().to_owned() + "\n"
    }

    pub(super) fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.line("");
    }

    pub(super) fn field(&mut self, name: &str, value: &str) {
        self.line(&format!("{name} = {}", quoted(value)));
    }

    /// A comment in lines of at most 120 characters.
    pub(super) fn comment(&mut self, words: &str) {
        let mut line = String::from("#");
        for word in words.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > 120 {
                self.line(&std::mem::replace(&mut line, "#".into()));
            }
            line.push(' ');
            line.push_str(word);
        }
        self.line(&line);
    }

    pub(super) fn act(&mut self, title: &str) {
        let number = self.1;
        self.1 += 1;
        let rule = format!("# --- Act {number} ");
        self.line(&format!("{rule:-<120}"));
        self.blank();
        self.line("[[act]]");
        self.field("title", title);
        self.blank();
    }

    pub(super) fn step(&mut self, kind: &str, minutes: u32, fields: &[Field]) {
        self.line("[[act.step]]");
        self.field("do", kind);
        for (name, value) in fields {
            self.line(&format!("{name} = {value}"));
        }
        self.line(&format!("minutes = {minutes}"));
        self.blank();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_people_are_strings_of_toml() {
        for text in ["plain", "a \"quote\" and a \\ slash", "tab\tand\u{1b}escape", "Věra, 日本"] {
            let table: toml::Table = toml::from_str(&format!("a = {}", quoted(text))).expect("TOML");
            assert_eq!(table["a"].as_str(), Some(text));
        }
    }
}
