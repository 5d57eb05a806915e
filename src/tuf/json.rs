//! JSON as metadata uses it: strict, bounded, and without a number that is not an integer.
//!
//! Two clients that read a duplicate member or a fraction differently would trust two different documents under one
//! signature, so such text is refused (TUF 1.0.34, section 4.1: without ambiguity, and without fractions).

use std::{cell::RefCell, collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor},
};

use crate::text;

/// The members of an object, by name. Their order in the text has no meaning; this one is that of the canonical form.
pub type Members = BTreeMap<String, Value>;

/// A JSON value without fractions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer of at most 64 bits, with or without a sign.
    Int(i128),
    /// Text.
    Str(String),
    /// A list.
    Array(Vec<Value>),
    /// An object.
    Object(Members),
}

/// How much is read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest text, in bytes.
    pub bytes: usize,
    /// The deepest nesting of lists and objects.
    pub depth: usize,
}

impl Limits {
    /// For one file of metadata: longer than any client reads, short enough for a small machine.
    pub const METADATA: Self = Self { bytes: 8 << 20, depth: 32 };
}

/// Why a text is not JSON of the kind that is read here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The line, from 1; 0 where the whole text is meant.
    pub line: usize,
    /// The column in bytes, from 1; 0 where the whole text is meant.
    pub column: usize,
    /// The names on the way to the place, `signed.keys.ab12…`; empty at the top.
    pub path: String,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}", self.line, self.column)?;
            if !self.path.is_empty() {
                write!(f, ", in {}", self.path)?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for JsonError {}

/// Reads `bytes` as one JSON value.
///
/// # Errors
/// Where the text is longer or deeper than `limits`, is not UTF-8, is not JSON, names a member twice, or holds a number
/// that is not an integer of 64 bits.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Value, JsonError> {
    if bytes.len() > limits.bytes {
        let what = format!("{} bytes are more than the {} that are read", bytes.len(), limits.bytes);
        return Err(JsonError { line: 0, column: 0, path: String::new(), what });
    }
    let path = RefCell::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let node = Node { path: &path, depth_left: limits.depth };
    node.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value)).map_err(|error| {
        let whole = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        JsonError {
            line: error.line(),
            column: error.column(),
            path: text::shown(&path.borrow().join(".")),
            what: text::shown(whole.strip_suffix(&place).unwrap_or(&whole)),
        }
    })
}

impl Value {
    /// The members, where this is an object.
    pub fn as_object(&self) -> Option<&Members> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The text, where this is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The member `name`, where this is an object that has it.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.as_object()?.get(name)
    }

    /// What this is, for people: `a list`, `an object`, …
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Int(_) => "an integer",
            Self::Str(_) => "text",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Int(number.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<Members> for Value {
    fn from(members: Members) -> Self {
        Self::Object(members)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Array(items)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => truth.serialize(serializer),
            Self::Int(number) => match (i64::try_from(*number), u64::try_from(*number)) {
                (Ok(number), _) => number.serialize(serializer),
                (_, Ok(number)) => number.serialize(serializer),
                _ => Err(serde::ser::Error::custom("an integer of more than 64 bits")),
            },
            Self::Str(text) => text.serialize(serializer),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(members) => members.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Node { path: &RefCell::default(), depth_left: Limits::METADATA.depth }.deserialize(deserializer)
    }
}

/// Reads one value. The path grows on the way in and shrinks on the way out, so that after an error it names the place.
#[derive(Clone, Copy)]
struct Node<'a> {
    path: &'a RefCell<Vec<String>>,
    depth_left: usize,
}

impl Node<'_> {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        let depth_left =
            self.depth_left.checked_sub(1).ok_or_else(|| E::custom("lists and objects are nested too deeply"))?;
        Ok(Self { depth_left, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON with whole numbers")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number.into()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Int(number.into()))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Value, E> {
        Err(E::custom("a number that is not an integer of 64 bits"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Str(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Str(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let node = self.deeper()?;
        let mut items = Vec::new();
        loop {
            node.path.borrow_mut().push(items.len().to_string());
            let Some(item) = list.next_element_seed(node)? else { break };
            node.path.borrow_mut().pop();
            items.push(item);
        }
        node.path.borrow_mut().pop();
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let node = self.deeper()?;
        let mut members = Members::new();
        while let Some(name) = map.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(de::Error::custom(format_args!("the member `{name}` stands here twice")));
            }
            node.path.borrow_mut().push(name);
            let value = map.next_value_seed(node)?;
            let name = node.path.borrow_mut().pop().expect("pushed three lines above");
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text.as_bytes(), Limits { bytes: 200, depth: 3 }).expect_err(text).to_string()
    }

    #[test]
    fn an_error_names_line_column_and_the_way_there() {
        assert_eq!(
            error("{\"signed\":\n  {\"version\": 1.5}}"),
            "line 2, column 17, in signed.version: a number that is not an integer of 64 bits"
        );
        assert_eq!(
            error("{\"a\":[0,{\"b\":1,\"b\":2}]}"),
            "line 1, column 18, in a.1: the member `b` stands here twice"
        );
    }

    #[test]
    fn what_two_clients_could_read_differently_is_refused() {
        for text in [
            "",
            "{",
            "{} {}",
            "{}x",
            "\u{feff}{}",
            "1.0",
            "1e3",
            "-0",
            "18446744073709551616",
            "NaN",
            "{\"a\":1,\"\\u0061\":2}",
            "\"\\ud800\"",
            "\"raw\nnewline\"",
            "[1,]",
            "{\"a\":1,}",
            "// no\n{}",
            "[[[[]]]]",
        ] {
            assert!(parse(text.as_bytes(), Limits { bytes: 200, depth: 3 }).is_err(), "{text:?}");
        }
        assert!(parse(b"\"\xff\"", Limits::METADATA).is_err());
        assert!(error(&"[".repeat(201)).starts_with("201 bytes are more"));
        assert!(error(&"[".repeat(150)).contains("nested too deeply"));
    }

    #[test]
    fn integers_keep_their_64_bits_and_text_its_letters() {
        let text = "{\"a\":[-9223372036854775808,18446744073709551615,null,true],\"ü\":\"\\u00fc\\ud83d\\ude00\\n\"}";
        let value = parse(text.as_bytes(), Limits::METADATA).expect("plain JSON");
        assert_eq!(value.member("ü").and_then(Value::as_str), Some("ü😀\n"));
        let again = serde_json::to_string(&value).expect("values serialise");
        assert_eq!(serde_json::from_str::<Value>(&again).expect("and come back"), value);
    }
}
