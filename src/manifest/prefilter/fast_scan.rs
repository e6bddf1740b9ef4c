//! Recognises files of objects in a plain form line by line, without a parser.
//!
//! The form is a small part of YAML that every reader reads alike: entries `key: value` and items `- value` or
//! `- key: value`, indented by blanks; values without quotes, in quotes without escapes, in flow style on one line, or as
//! a block of text; comments; documents that each are an object with a name, and maps without duplicate keys. Every
//! other file is left to the parser.

use crate::manifest::prefilter::line::{Value, is_word, key, value};
use std::collections::HashSet;

/// Whether each document of a text is an object in the plain form, and no two objects have the same kind and name.
pub(crate) fn is_plain_objects(text: &str) -> bool {
    let mut file = File::default();
    let mut lines = text.split('\n');
    lines.all(|line| file.line(line.strip_suffix('\r').unwrap_or(line)).is_some()) && file.end_document().is_some()
}

/// Characters that some readers take for a line end or ignore.
const ODD: [char; 5] = ['\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'];
/// Deepest nesting of maps and lists. The reader's limit is more than twice as deep.
const MAX_LEVELS: usize = 40;
/// Most keys of one map. Each key is compared with all keys before it.
const MAX_KEYS: usize = 200;
/// The longest name that Kubernetes allows.
const MAX_NAME: usize = 253;

#[derive(Default)]
struct File<'a> {
    /// The maps and lists that contain the last line.
    levels: Vec<Level<'a>>,
    /// Whether the last entry has no value yet, so that a map or a list may follow.
    open: bool,
    block: Option<Block>,
    head: Head<'a>,
    /// Kind and name of the objects so far.
    objects: HashSet<(&'a str, &'a str)>,
}

struct Level<'a> {
    indent: usize,
    /// The keys of a map so far; `None` for a list.
    keys: Option<Vec<&'a str>>,
}

/// A block of text. Its lines have a larger indent than `parent`.
struct Block {
    parent: usize,
    indent: Option<usize>,
    /// The longest line of blanks before the first line of text.
    blank: usize,
}

/// The identity of the current document's object.
#[derive(Default)]
struct Head<'a> {
    has_api_version: bool,
    kind: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> File<'a> {
    /// Reads the next line; `None` if it is not in the plain form.
    fn line(&mut self, line: &'a str) -> Option<()> {
        if line.contains(ODD) {
            return None;
        }
        let content = line.trim_start_matches(' ');
        let indent = line.len() - content.len();
        if self.is_in_block(content, indent)? || content.is_empty() || content.starts_with('#') {
            return Some(());
        }
        if line.contains('\t') {
            return None;
        }
        if let Some(rest) = line.strip_prefix("---") {
            rest.trim_end_matches(' ').is_empty().then_some(())?;
            return self.end_document();
        }
        match content.strip_prefix("- ") {
            Some(rest) => self.item(indent, rest),
            None => self.entry(indent, content),
        }
    }

    /// Whether a line belongs to the current block of text.
    fn is_in_block(&mut self, content: &str, indent: usize) -> Option<bool> {
        let Some(block) = &mut self.block else {
            return Some(false);
        };
        if content.is_empty() {
            if block.indent.is_none() {
                block.blank = block.blank.max(indent);
            }
            return Some(true);
        }
        if indent <= block.parent {
            self.block = None;
            return Some(false);
        }
        let begin = *block.indent.get_or_insert(indent);
        (indent >= begin && block.blank <= begin && !content.starts_with('\t')).then_some(true)
    }

    fn item(&mut self, indent: usize, rest: &'a str) -> Option<()> {
        let content = rest.trim_start_matches(' ');
        self.close(indent);
        let below_key = self
            .levels
            .last()
            .is_some_and(|level| level.indent <= indent && level.keys.is_some());
        if below_key {
            self.push(indent, None)?;
        }
        self.levels
            .last()
            .filter(|level| level.indent == indent && level.keys.is_none())?;
        self.open = false;
        if key(content).is_some() {
            let column = indent + 2 + rest.len() - content.len();
            self.open = true;
            return self.entry(column, content);
        }
        match value(content)? {
            Value::Open => None,
            Value::Block => {
                self.begin_block(indent);
                Some(())
            }
            _ => Some(()),
        }
    }

    fn entry(&mut self, indent: usize, content: &'a str) -> Option<()> {
        let (name, rest) = key(content)?;
        self.close(indent);
        let is_list = |level: &Level<'_>| level.indent == indent && level.keys.is_none();
        if self.levels.last().is_some_and(is_list) {
            self.levels.pop();
        }
        if self.levels.last().is_none_or(|level| level.indent < indent) {
            self.push(indent, Some(Vec::new()))?;
        }
        let level = self.levels.last_mut().filter(|level| level.indent == indent)?;
        let keys = level.keys.as_mut()?;
        if keys.contains(&name) || keys.len() >= MAX_KEYS {
            return None;
        }
        keys.push(name);
        let value = value(rest)?;
        self.open = matches!(value, Value::Open);
        if matches!(value, Value::Block) {
            self.begin_block(indent);
        }
        self.record_identity(name, &value)
    }

    /// Records the parts of an entry that identify the object.
    fn record_identity(&mut self, key: &str, value: &Value<'a>) -> Option<()> {
        let plain = match value {
            Value::Plain(text) => Some(*text),
            _ => None,
        };
        let parent = match self.levels.as_slice() {
            [_] => "",
            [top, _] => top.keys.as_ref()?.last()?,
            _ => return Some(()),
        };
        match (parent, key) {
            ("", "apiVersion") => {
                plain.filter(|text| is_version(text))?;
                self.head.has_api_version = true;
            }
            ("", "kind") => self.head.kind = Some(plain.filter(|text| is_kind(text))?),
            ("", "metadata") => match value {
                Value::Open => {}
                Value::Flow(entries) => {
                    for (key, text) in entries {
                        self.record_name(key, *text)?;
                    }
                }
                _ => return None,
            },
            ("metadata", key) => self.record_name(key, plain)?,
            _ => {}
        }
        Some(())
    }

    fn record_name(&mut self, key: &str, text: Option<&'a str>) -> Option<()> {
        match key {
            "name" => self.head.name = Some(text.filter(|text| is_name(text))?),
            "namespace" => drop(text.filter(|text| is_name(text))?),
            _ => {}
        }
        Some(())
    }

    fn end_document(&mut self) -> Option<()> {
        let is_empty = self.levels.is_empty();
        let head = std::mem::take(&mut self.head);
        self.levels.clear();
        (self.open, self.block) = (false, None);
        if is_empty {
            return Some(());
        }
        let object = (head.kind?, head.name?);
        (head.has_api_version && self.objects.insert(object)).then_some(())
    }

    /// Leaves the maps and lists with a larger indent.
    fn close(&mut self, indent: usize) {
        while self.levels.last().is_some_and(|level| level.indent > indent) {
            self.levels.pop();
            self.open = false;
        }
    }

    /// Enters a map or a list.
    fn push(&mut self, indent: usize, keys: Option<Vec<&'a str>>) -> Option<()> {
        let first = self.levels.is_empty() && indent == 0 && keys.is_some();
        ((first || self.open) && self.levels.len() < MAX_LEVELS).then_some(())?;
        self.levels.push(Level { indent, keys });
        self.open = false;
        Some(())
    }

    fn begin_block(&mut self, parent: usize) {
        self.block = Some(Block {
            parent,
            indent: None,
            blank: 0,
        });
    }
}

fn is_version(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/' | b'-'))
        && !is_word(text)
}

/// Whether a text is a kind other than a list. A list contains objects of its own.
fn is_kind(text: &str) -> bool {
    text.len() <= MAX_NAME && text.bytes().all(|b| b.is_ascii_alphabetic()) && !text.ends_with("List") && !is_word(text)
}

fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && !is_word(text)
}
