//! From a YAML value to the types of the written form, with every mistake reported.
//!
//! serde stops at the first value that it cannot use. [`read`] reports that value, leaves it out, and reads again, until
//! the rest can be used. The types of the written form take every key as optional, so that leaving out works.

use super::lines::join;
use super::report::Report;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde_yaml::Value;
use std::fmt;

/// A file with more mistakes than this is not a configuration file.
const MOST_MISTAKES: usize = 200;

/// Reads a file's root. A value that cannot be used is reported, and absent in the result. `None` where too little of the file
/// can be used.
pub(super) fn read<T: DeserializeOwned>(value: &Value, report: &Report) -> Option<T> {
    while report.count() < MOST_MISTAKES {
        let root = Node {
            value,
            path: String::new(),
            report,
        };
        match T::deserialize(root) {
            Ok(written) => return Some(written),
            Err(Rejected::Reported) => {}
            Err(Rejected::Message(message)) => {
                report.reject("", message);
                return None;
            }
        }
    }
    None
}

/// Why a value cannot be used.
#[derive(Debug)]
pub(super) enum Rejected {
    /// Not reported yet, since its path is not known where it is made.
    Message(String),
    /// In the report.
    Reported,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => f.write_str(message),
            Self::Reported => f.write_str("reported"),
        }
    }
}

impl std::error::Error for Rejected {}

impl de::Error for Rejected {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Message(message.to_string())
    }
}

/// A value of the file and where it stands.
struct Node<'a> {
    value: &'a Value,
    path: String,
    report: &'a Report,
}

impl<'a> Node<'a> {
    fn child(&self, path: String, value: &'a Value) -> Self {
        Self {
            value,
            path,
            report: self.report,
        }
    }

    fn expected(&self, what: &str) -> Rejected {
        Rejected::Message(format!("expected {what}, found {}", describe(self.value)))
    }

    /// Reads this value; a failure is reported at the value's own path, not at a path above.
    fn read<'de, S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Rejected> {
        let (path, report) = (self.path.clone(), self.report);
        seed.deserialize(self).map_err(|rejected| {
            if let Rejected::Message(message) = rejected {
                report.reject(&path, message);
            }
            Rejected::Reported
        })
    }

    /// The values of the known keys; of all, if no keys are known. Unknown keys are reported once.
    fn entries(&self, known: Option<&'static [&'static str]>) -> Result<Vec<(String, Node<'a>)>, Rejected> {
        let values = match self.value {
            Value::Mapping(values) => values,
            Value::Null => return Ok(Vec::new()),
            _ => return Err(self.expected("keys with values")),
        };
        let mut entries = Vec::new();
        for (key, value) in values {
            let key = key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
            let path = join(&self.path, &key);
            if self.report.is_rejected(&path) {
                continue;
            }
            if let Some(known) = known.filter(|known| !known.contains(&key.as_str())) {
                self.report.reject(&path, unknown(&key, known));
            } else if !value.is_null() {
                entries.push((key, self.child(path, value)));
            }
        }
        Ok(entries)
    }
}

/// The words for a value of the wrong type.
pub(super) fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) | Value::Tagged(_) => "keys with values",
    }
}

/// Names the closest of the known keys, or all of them where none is close.
fn unknown(key: &str, known: &[&str]) -> String {
    let lower = key.to_ascii_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&known.to_ascii_lowercase(), &lower);
    let length = key.chars().count();
    let close = length / 3;
    // The distance takes memory for each pair of characters. It is never below the difference of the lengths.
    let closest = known
        .iter()
        .filter(|known| known.chars().count().abs_diff(length) <= close.max(1))
        .map(|known| (distance(known), *known))
        .filter(|(distance, _)| *distance <= close.max(1))
        .min();
    match closest {
        Some((_, closest)) => format!("unknown key; did you mean {closest}?"),
        None => format!("unknown key; known here: {}", known.join(", ")),
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Rejected;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejected> {
        match self.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::String(text) => visitor.visit_str(text),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => Err(self.expected("a string")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejected> {
        match self.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            _ => Err(self.expected("true or false")),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejected> {
        match self.value.as_u64() {
            Some(number) => visitor.visit_u64(number),
            None => Err(match self.value {
                Value::Number(number) => {
                    Rejected::Message(format!("expected a whole number that is not negative, found {number}"))
                }
                _ => self.expected("a whole number"),
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejected> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejected> {
        let Value::Sequence(items) = self.value else {
            return Err(self.expected("a list"));
        };
        let items = items.iter().enumerate();
        let items = items.map(|(index, item)| self.child(format!("{}[{index}]", self.path), item));
        let items: Vec<Node<'_>> = items.filter(|item| !self.report.is_rejected(&item.path)).collect();
        visitor.visit_seq(Items(items.into_iter()))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Rejected> {
        let entries = self.entries(Some(keys))?;
        visitor.visit_map(Entries {
            entries: entries.into_iter(),
            next: None,
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Rejected> {
        let entries = self.entries(None)?;
        visitor.visit_map(Entries {
            entries: entries.into_iter(),
            next: None,
        })
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct tuple
        tuple_struct enum identifier ignored_any
    }
}

struct Items<'a>(std::vec::IntoIter<Node<'a>>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Rejected;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Rejected> {
        self.0.next().map(|item| item.read(seed)).transpose()
    }
}

struct Entries<'a> {
    entries: std::vec::IntoIter<(String, Node<'a>)>,
    next: Option<Node<'a>>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Rejected;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Rejected> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.next = Some(value);
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Rejected> {
        let value = self.next.take().ok_or_else(|| de::Error::custom("expected a value"))?;
        value.read(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn the_closest_key_is_suggested() {
        let known = ["branch", "key", "knownHosts", "paths", "poll", "timeout", "url"];
        for (key, suggestion) in [
            ("urll", "url"),
            ("ulr", "url"),
            ("pol", "poll"),
            ("path", "paths"),
            ("knownhosts", "knownHosts"),
            ("known-hosts", "knownHosts"),
        ] {
            assert_eq!(unknown(key, &known), format!("unknown key; did you mean {suggestion}?"));
        }
        assert_eq!(unknown("extra", &["a", "b"]), "unknown key; known here: a, b");
    }
}
