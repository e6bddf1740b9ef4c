use super::lines;
use super::mistake::Mistake;
use crate::model::Printable;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Collects the mistakes of one file.
pub(super) struct Report {
    lines: BTreeMap<String, usize>,
    found: RefCell<Found>,
}

#[derive(Default)]
struct Found {
    mistakes: Vec<Mistake>,
    rejected: BTreeSet<String>,
}

impl Report {
    /// For the file with this text.
    pub(super) fn new(text: &str) -> Self {
        Self {
            lines: lines::by_path(text),
            found: RefCell::default(),
        }
    }

    /// Adds a mistake. A key that is not in the file has the line of its section.
    pub(super) fn mistake(&self, path: &str, message: impl Into<String>) {
        let mistake = Mistake {
            line: self.line(path),
            path: path.to_owned(),
            message: shortened(&message.into()),
        };
        self.found.borrow_mut().mistakes.push(mistake);
    }

    /// Adds a mistake about a value that cannot be used. The file is read on as if the value were not there.
    pub(super) fn reject(&self, path: &str, message: impl Into<String>) {
        self.mistake(path, message);
        self.found.borrow_mut().rejected.insert(path.to_owned());
    }

    /// Adds a mistake about a required key, unless the key or its section is there with a value that cannot be used.
    pub(super) fn missing(&self, path: &str, message: &str) {
        let mut sections = std::iter::successors(Some(path), |path| parent(path));
        if !sections.any(|path| self.is_rejected(path)) {
            self.mistake(path, format!("missing; {message}"));
        }
    }

    pub(super) fn is_rejected(&self, path: &str) -> bool {
        self.found.borrow().rejected.contains(path)
    }

    pub(super) fn count(&self) -> usize {
        self.found.borrow().mistakes.len()
    }

    /// All mistakes, sorted by line.
    pub(super) fn into_mistakes(self) -> Vec<Mistake> {
        let mut mistakes = self.found.into_inner().mistakes;
        mistakes.sort_by_key(|mistake| mistake.line);
        mistakes
    }

    fn line(&self, path: &str) -> usize {
        let mut sections = std::iter::successors(Some(path), |path| parent(path));
        sections.find_map(|path| self.lines.get(path).copied()).unwrap_or(1)
    }
}

/// The longest message, in characters, but for its cut: a message that quotes a long value keeps its beginning and its end,
/// which says what to write instead.
const LONGEST: usize = 1000;

/// One line of printable characters.
fn shortened(message: &str) -> String {
    let line = Printable::new(message).with_blanks().uncut().to_string();
    let length = line.chars().count();
    if length <= LONGEST {
        return line;
    }
    let start: String = line.chars().take(LONGEST / 2).collect();
    let end: String = line.chars().skip(length - LONGEST / 2).collect();
    format!("{start} … {end}")
}

/// The path of the section or list around a key or item; empty for the whole file.
fn parent(path: &str) -> Option<&str> {
    let end = path.rfind(['.', '[']).unwrap_or(0);
    (!path.is_empty()).then(|| &path[..end])
}
