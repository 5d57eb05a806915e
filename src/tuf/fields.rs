//! Reading the members of an object one by one, with the way to each in every complaint.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    dialect::Dialect,
    json::{Members, Value},
    key::{Key, KeyId},
};
use crate::{
    rules::{Refusal, Rule},
    text::shown,
    utc::Utc,
};

/// A member that is missing or is not what its place asks for.
#[derive(Debug)]
pub struct Problem {
    pub path: String,
    pub what: String,
}

impl Problem {
    /// The refusal for a document called `document` ("root metadata").
    pub fn refusal(self, document: &str) -> Refusal {
        let what = format!("{document}: `{}` {}.", shown(&self.path), self.what);
        Refusal::new(Rule::MetadataWellFormed, what, REMEDY)
    }
}

/// What to do with a file that cannot be read.
pub const REMEDY: &str = "Fetch the file again from its repository; if it is the same, its publisher has to mend it.";

/// The members of one object that have not been read yet.
pub struct Fields<'a> {
    path: Path<'a>,
    members: Members,
}

/// Where we are, without allocating until something is wrong.
#[derive(Clone, Copy)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    name: &'a str,
}

impl<'a> Path<'a> {
    /// The top of a document.
    pub const fn top(name: &'a str) -> Self {
        Self { parent: None, name }
    }

    /// A place below.
    pub const fn below(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), name }
    }

    /// A complaint about this place.
    pub fn problem(&self, what: impl Into<String>) -> Problem {
        let mut names = vec![self.name];
        let mut at = self.parent;
        while let Some(path) = at {
            names.push(path.name);
            at = path.parent;
        }
        names.reverse();
        Problem { path: names.join("."), what: what.into() }
    }
}

impl<'a> Fields<'a> {
    /// The members of `value`, which must be an object.
    pub fn of(path: Path<'a>, value: Value) -> Result<Self, Problem> {
        match value {
            Value::Object(members) => Ok(Self { path, members }),
            other => Err(path.problem(format!("is {}, not an object", other.kind()))),
        }
    }

    /// Where this object is.
    pub fn path(&self) -> Path<'a> {
        self.path
    }

    /// What nobody asked for.
    pub fn rest(self) -> Members {
        self.members
    }

    /// Whether a member is there.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// A member, where it is there.
    pub fn optional(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    /// A member that must be there.
    pub fn required(&mut self, name: &str) -> Result<Value, Problem> {
        self.optional(name).ok_or_else(|| self.path.below(name).problem("is missing"))
    }

    /// Text.
    pub fn text(&mut self, name: &str) -> Result<String, Problem> {
        match self.required(name)? {
            Value::Str(text) => Ok(text),
            other => Err(self.wrong(name, &other, "text")),
        }
    }

    /// An integer of at least 1.
    pub fn at_least_one(&mut self, name: &str) -> Result<u64, Problem> {
        match self.required(name)? {
            Value::Int(number) => match u64::try_from(number) {
                Ok(number) if number > 0 => Ok(number),
                _ => Err(self.path.below(name).problem(format!("is {number}, and must be at least 1"))),
            },
            other => Err(self.wrong(name, &other, "an integer")),
        }
    }

    /// An integer of at least 0.
    pub fn length(&mut self, name: &str) -> Result<u64, Problem> {
        match self.required(name)? {
            Value::Int(number) => {
                u64::try_from(number).map_err(|_| self.path.below(name).problem(format!("is {number}, below zero")))
            }
            other => Err(self.wrong(name, &other, "an integer")),
        }
    }

    /// `true` or `false`, where it is there.
    pub fn optional_bool(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        match self.optional(name) {
            None => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(truth)),
            Some(other) => Err(self.wrong(name, &other, "true or false")),
        }
    }

    /// An instant in any RFC 3339 form. Which form it was does not matter: what is verified are the bytes as received.
    pub fn instant(&mut self, name: &str) -> Result<Utc, Problem> {
        let text = self.text(name)?;
        Utc::parse_rfc3339(&text).ok_or_else(|| {
            let what = format!("is \"{}\", not an instant like 2026-12-01T09:00:00Z", shown(&text));
            self.path.below(name).problem(what)
        })
    }

    /// An object, as its members by name.
    pub fn object(&mut self, name: &str) -> Result<Members, Problem> {
        match self.required(name)? {
            Value::Object(members) => Ok(members),
            other => Err(self.wrong(name, &other, "an object")),
        }
    }

    /// A list.
    pub fn list(&mut self, name: &str) -> Result<Vec<Value>, Problem> {
        match self.required(name)? {
            Value::Array(items) => Ok(items),
            other => Err(self.wrong(name, &other, "a list")),
        }
    }

    /// A list of text.
    pub fn texts(&mut self, name: &str) -> Result<Vec<String>, Problem> {
        let items = self.list(name)?;
        let text = |item| match item {
            Value::Str(text) => Ok(text),
            other => Err(self.wrong(name, &other, "a list of text")),
        };
        items.into_iter().map(text).collect()
    }

    /// A list of text, where it is there.
    pub fn optional_texts(&mut self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        if self.has(name) { self.texts(name).map(Some) } else { Ok(None) }
    }

    /// Hashes by algorithm: at least one, each of them text.
    pub fn hashes(&mut self, name: &str) -> Result<BTreeMap<String, String>, Problem> {
        let members = self.object(name)?;
        if members.is_empty() {
            return Err(self.path.below(name).problem("is empty"));
        }
        let text = |(algorithm, value)| match value {
            Value::Str(hash) => Ok((algorithm, hash)),
            other => Err(self.path.below(name).problem(format!("has {}, not text", other.kind()))),
        };
        members.into_iter().map(text).collect()
    }

    /// A list of keyids, each once.
    pub fn keyids(&mut self, name: &str) -> Result<Vec<KeyId>, Problem> {
        let keyids: Vec<KeyId> = self.texts(name)?.into_iter().map(KeyId::from).collect();
        let mut seen = BTreeSet::new();
        match keyids.iter().find(|keyid| !seen.insert(*keyid)) {
            Some(twice) => Err(self.path.below(name).problem(format!("lists {twice} twice"))),
            None => Ok(keyids),
        }
    }

    /// Keys by keyid.
    pub fn keys(&mut self, dialect: Dialect, name: &str) -> Result<BTreeMap<KeyId, Key>, Problem> {
        let members = self.object(name)?;
        let here = self.path.below(name);
        let key = |(keyid, value): (String, Value)| {
            let key = Key::read(dialect, value).map_err(|what| here.below(&keyid).problem(what))?;
            Ok((KeyId::from(keyid), key))
        };
        members.into_iter().map(key).collect()
    }

    fn wrong(&self, name: &str, found: &Value, wanted: &str) -> Problem {
        self.path.below(name).problem(format!("is {}, not {wanted}", found.kind()))
    }
}
