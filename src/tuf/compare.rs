//! The difference between two documents of one kind, in words.
//!
//! For roots these are [`RootChange`](super::RootChange)s; for the other kinds every member that differs, so that nothing can
//! hide in one that nobody knows.

use std::collections::BTreeSet;

use super::{
    describe::Names,
    diff::diff,
    document::Document,
    json::{self, Limits, Members, Value},
    key::KeyId,
};
use crate::{
    rules::{Refusal, Rule},
    text::{shown, shown_up_to},
};

/// What makes `new` of `old`, a line each; nothing where they say the same.
///
/// # Errors
/// `METADATA-WELL-FORMED` where the two are not of one kind.
pub fn compare(old: &Document, new: &Document, names: Names) -> Result<Vec<String>, Refusal> {
    if old.role() != new.role() {
        let what = format!("The first file is {} metadata and the second {} metadata.", old.role(), new.role());
        return Err(Refusal::new(Rule::MetadataWellFormed, what, "Give two files of one role."));
    }
    if let (Some(before), Some(after)) = (old.as_root(), new.as_root()) {
        return Ok(diff(Some(before), after).iter().map(|change| change.words_from(before, names)).collect());
    }
    let signed = |document: &Document| {
        let whole = json::parse(document.bytes(), Limits::METADATA).ok();
        whole.and_then(|whole| whole.member("signed").cloned()).unwrap_or(Value::Null)
    };
    let mut lines = Lines { names, lines: vec![] };
    lines.value("", &signed(old), &signed(new));
    Ok(lines.lines)
}

struct Lines<'a> {
    names: Names<'a>,
    lines: Vec<String>,
}

impl Lines<'_> {
    fn add(&mut self, place: &str, what: String) {
        self.lines.push(format!("{}: {what}", shown(place)));
    }

    fn value(&mut self, place: &str, old: &Value, new: &Value) {
        match (old, new) {
            _ if old == new => {}
            (Value::Object(old), Value::Object(new)) => self.members(place, old, new),
            (Value::Array(before), Value::Array(after)) => match (named(before), named(after)) {
                (Some(before), Some(after)) if before != after => self.members(place, &before, &after),
                _ => self.items(place, before, after),
            },
            _ => self.add(place, format!("{} becomes {}", self.words(old), self.words(new))),
        }
    }

    fn members(&mut self, place: &str, old: &Members, new: &Members) {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
            match (old.get(name), new.get(name)) {
                (Some(old), Some(new)) => self.value(&place, old, new),
                (Some(old), None) => self.add(&place, format!("removed (was {})", self.words(old))),
                (None, Some(new)) => self.add(&place, format!("added, {}", self.words(new))),
                (None, None) => {}
            }
        }
    }

    fn items(&mut self, place: &str, old: &[Value], new: &[Value]) {
        let before = self.lines.len();
        for gone in old.iter().filter(|item| !new.contains(item)) {
            self.add(place, format!("removes {}", self.words(gone)));
        }
        for added in new.iter().filter(|item| !old.contains(item)) {
            self.add(place, format!("adds {}", self.words(added)));
        }
        if self.lines.len() == before {
            self.add(place, "the same in another order or number".into());
        }
    }

    fn words(&self, value: &Value) -> String {
        let owner = value.as_str().and_then(|text| (self.names)(&KeyId::from(text)));
        let owner = owner.map(|name| format!(" ({})", shown(&name))).unwrap_or_default();
        shown_up_to(&serde_json::to_string(value).unwrap_or_default(), 200) + &owner
    }
}

/// A list of objects with different names, as an object.
fn named(items: &[Value]) -> Option<Members> {
    let named: Members = items
        .iter()
        .map(|item| Some((item.member("name")?.as_str()?.to_owned(), item.clone())))
        .collect::<Option<_>>()?;
    (named.len() == items.len()).then_some(named)
}
