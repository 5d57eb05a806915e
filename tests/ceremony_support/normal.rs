//! A transcript that is the same in every run: what is random (keys, signatures, serials, digests) is numbered by its first
//! appearance, so that two things which are one in the record are one here.

use std::collections::BTreeMap;

use officiant::{
    ceremony::event::{Event, Stamp},
    tuf::key::Key,
};
use serde_json::{Map, Value};

/// One line an entry.
pub fn transcript(entries: &[(Stamp, Event)]) -> String {
    let mut names = Names::default();
    for (_, event) in entries {
        names.keys(&serde_json::to_value(event).expect("an event"));
    }
    let mut lines = String::new();
    for (stamp, event) in entries {
        let value = serde_json::to_value(event).expect("an event");
        let value = names.value(None, &value);
        let (name, fields) = match &value {
            Value::Object(object) => object.iter().next().expect("a tagged event"),
            other => (&other.as_str().expect("a tagged event").to_owned(), &Value::Null),
        };
        let fields = if fields.is_null() { String::new() } else { fields.to_string() };
        lines.push_str(&format!("{} {name} {fields}\n", stamp.seq));
    }
    lines
}

/// The shortest run of hexadecimal digits that is taken for something random.
const SHORT: usize = 8;

#[derive(Default)]
struct Names(BTreeMap<String, usize>);

impl Names {
    fn value(&mut self, field: Option<&str>, value: &Value) -> Value {
        match value {
            // What the machine is, and the words of random digests.
            _ if matches!(field, Some("facts" | "sig" | "supplied" | "firmware" | "hardware" | "path")) => "…".into(),
            Value::String(text) if text.starts_with("-----BEGIN") => format!("PEM {}", self.number(text)).into(),
            Value::String(text) if text.starts_with('{') => {
                // The canonical form leaves newlines in text as they are.
                match serde_json::from_str(&text.replace('\n', "\\n")) {
                    Ok(document) => self.value(None, &document),
                    Err(_) => self.text(text).into(),
                }
            }
            Value::String(text) => self.text(text).into(),
            // Which words are hidden follows the digest; how many does not.
            Value::Array(items) if field == Some("hidden") => format!("{} of them", items.len()).into(),
            Value::Array(items) => {
                let mut items: Vec<Value> = items.iter().map(|item| self.value(None, item)).collect();
                // The order of changes and of keys on a token follows random keyids.
                if matches!(field, Some("keyids" | "signatures" | "changes" | "public-keys" | "spent")) {
                    items.sort_by_key(Value::to_string);
                }
                items.into()
            }
            Value::Object(object) => {
                let is_blind = object.contains_key("hidden");
                let mut named = Map::new();
                for (key, value) in object {
                    let value = match value {
                        // A DER signature has 70 to 72 bytes, and so have files that hold some.
                        Value::Number(_) if key == "length" && !is_blind => "…".into(),
                        _ => self.value(Some(key), value),
                    };
                    named.insert(self.text(key), value);
                }
                named.into()
            }
            other => other.clone(),
        }
    }

    /// Numbers every keyid by the entry in which its key appears first: documents list them in an order that is random.
    fn keys(&mut self, value: &Value) {
        match value {
            Value::Object(object) if object.contains_key("keytype") => {
                let key: Key = serde_json::from_value(value.clone()).expect("a key");
                self.number(key.id().as_str());
                self.value(None, value);
            }
            Value::Object(object) => object.values().for_each(|value| self.keys(value)),
            Value::Array(items) => items.iter().for_each(|value| self.keys(value)),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) -> String {
        let text = without(without(text.to_owned(), " with the words ", "."), "refuse these ", " bytes");
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(|c: char| c.is_ascii_hexdigit() && !c.is_ascii_uppercase()) {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            let end = from.find(|c: char| !c.is_ascii_hexdigit() || c.is_ascii_uppercase()).unwrap_or(from.len());
            let (hex, after) = from.split_at(end);
            let inside = before.chars().last().is_some_and(char::is_alphanumeric)
                || after.chars().next().is_some_and(char::is_alphanumeric);
            if hex.len() < SHORT || inside {
                out.push_str(hex);
            } else {
                out.push_str(&self.hex(hex));
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// The name of something random; a beginning of something known has its name too.
    fn hex(&mut self, hex: &str) -> String {
        let whole = self.0.iter().find(|(known, _)| known.starts_with(hex) && known.len() > hex.len());
        match whole {
            Some((_, number)) => format!("#{number}…"),
            None => format!("#{}", self.number(hex)),
        }
    }

    fn number(&mut self, text: &str) -> usize {
        let next = self.0.len() + 1;
        *self.0.entry(text.to_owned()).or_insert(next)
    }
}

/// `text` with whatever stands between `before` and `after` left out.
fn without(text: String, before: &str, after: &str) -> String {
    let Some((head, rest)) = text.split_once(before) else { return text };
    match rest.find(after) {
        Some(end) => format!("{head}{before}…{}", &rest[end..]),
        None => text,
    }
}
