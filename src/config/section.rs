use super::places::join;
use serde_yaml::{Mapping, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One mistake in the file: where, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from 1.
    pub line: usize,
    /// The key's path, e.g. `registries[0].scan`; empty for the whole file.
    pub path: String,
    /// What is wrong and what is wanted.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.line)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Collects mistakes while the file is read on.
pub(super) struct Report {
    lines: BTreeMap<String, usize>,
    mistakes: RefCell<Vec<Mistake>>,
}

impl Report {
    pub(super) fn new(lines: BTreeMap<String, usize>) -> Self {
        Self {
            lines,
            mistakes: RefCell::default(),
        }
    }

    pub(super) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes.into_inner()
    }

    /// Notes a mistake at a path; a missing key stands at its parent's line.
    pub(super) fn mistake(&self, path: &str, message: impl Into<String>) {
        let mut place = path;
        let line = loop {
            if let Some(line) = self.lines.get(place) {
                break *line;
            }
            match place.rfind(['.', '[']) {
                Some(cut) => place = &place[..cut],
                None => break 1,
            }
        };
        self.mistakes.borrow_mut().push(Mistake {
            line,
            path: path.to_owned(),
            message: message.into(),
        });
    }
}

/// One mapping of the file: each key is asked for once, and what nobody asked for is unknown.
pub(super) struct Section<'a> {
    report: &'a Report,
    path: String,
    values: Mapping,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Section<'a> {
    pub(super) fn root(report: &'a Report, value: Value) -> Self {
        Self::of(report, String::new(), value)
    }

    fn of(report: &'a Report, path: String, value: Value) -> Self {
        let values = match value {
            Value::Mapping(values) => values,
            Value::Null => Mapping::new(),
            other => {
                report.mistake(&path, format!("keys with values are wanted here, not {}", name(&other)));
                Mapping::new()
            }
        };
        Self {
            report,
            path,
            values,
            known: RefCell::default(),
        }
    }

    pub(super) fn path(&self, key: &str) -> String {
        join(&self.path, key)
    }

    pub(super) fn mistake(&self, key: &str, message: impl Into<String>) {
        self.report.mistake(
            &if key.is_empty() {
                self.path.clone()
            } else {
                self.path(key)
            },
            message,
        );
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|value| !value.is_null())
    }

    fn take(&self, key: &'static str) -> Option<Value> {
        self.known.borrow_mut().insert(key);
        self.values.get(key).filter(|value| !value.is_null()).cloned()
    }

    pub(super) fn section(&self, key: &'static str) -> Section<'a> {
        Self::of(self.report, self.path(key), self.take(key).unwrap_or(Value::Null))
    }

    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        self.list(key)
            .into_iter()
            .enumerate()
            .map(|(i, value)| Self::of(self.report, format!("{}[{i}]", self.path(key)), value))
            .collect()
    }

    fn list(&self, key: &'static str) -> Vec<Value> {
        match self.take(key) {
            None => Vec::new(),
            Some(Value::Sequence(items)) => items,
            Some(other) => {
                self.mistake(key, format!("a list is wanted, not {}", name(&other)));
                Vec::new()
            }
        }
    }

    /// A text read by `parse`, if it is there.
    pub(super) fn text<T>(&self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match self.take(key)? {
            Value::String(text) => parse(&text).map_err(|message| self.mistake(key, message)).ok(),
            other => {
                let message = match scalar(&other).map(|text| parse(&text)) {
                    None => format!("a text is wanted, not {}", name(&other)),
                    Some(Ok(_)) => format!("a text is wanted, not {}: put it in quotes", name(&other)),
                    Some(Err(message)) => message,
                };
                self.mistake(key, message);
                None
            }
        }
    }

    pub(super) fn texts<T>(&self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let path = self.path(key);
        let mut found = Vec::new();
        for (i, value) in self.list(key).into_iter().enumerate() {
            let place = format!("{path}[{i}]");
            match value {
                Value::String(text) => match parse(&text) {
                    Ok(value) => found.push(value),
                    Err(message) => self.report.mistake(&place, message),
                },
                other => self
                    .report
                    .mistake(&place, format!("a text is wanted, not {}", name(&other))),
            }
        }
        found
    }

    pub(super) fn whether(&self, key: &'static str, default: bool) -> bool {
        match self.take(key) {
            None => default,
            Some(Value::Bool(value)) => value,
            Some(other) => {
                self.mistake(key, format!("true or false is wanted, not {}", name(&other)));
                default
            }
        }
    }

    pub(super) fn number(&self, key: &'static str, default: usize) -> usize {
        match self.take(key) {
            None => default,
            Some(value) => match value.as_u64().and_then(|number| usize::try_from(number).ok()) {
                Some(number) => number,
                None => {
                    self.mistake(key, format!("a whole number is wanted, not {}", name(&value)));
                    default
                }
            },
        }
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for key in self.values.keys() {
            let key = key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
            if !known.contains(key.as_str()) {
                let all: Vec<&str> = known.iter().copied().collect();
                let close = all
                    .iter()
                    .find(|k| k.eq_ignore_ascii_case(&key) || distance(k, &key) <= 2);
                let hint = close.map_or_else(
                    || format!("known here: {}", all.join(", ")),
                    |k| format!("did you mean {k}?"),
                );
                self.mistake(&key, format!("unknown key; {hint}"));
            }
        }
    }
}

/// A number or boolean as it would read in quotes.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        _ => None,
    }
}

fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) | Value::Tagged(_) => "keys with values",
    }
}

/// Levenshtein's distance, for texts short enough to be keys.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (to, cell) in b.chars().zip(row.iter_mut().skip(1)) {
            let here = (diagonal + usize::from(from != to)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            *cell = here;
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances() {
        for (a, b, want) in [
            ("url", "url", 0),
            ("url", "ulr", 2),
            ("scan", "scann", 1),
            ("", "abc", 3),
            ("paths", "path", 1),
        ] {
            assert_eq!(distance(a, b), want, "{a} {b}");
        }
    }
}
