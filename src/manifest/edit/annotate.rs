mod lines;
mod mapping;
mod put;
mod remove;

use crate::manifest::document::{Refused, Style};
use crate::manifest::edit::set;
use crate::manifest::edit::verify::{self, Expected, Structure};
use crate::manifest::read::{self, File};
use crate::manifest::yaml::cursor::{Path, Place};
use crate::manifest::yaml::events::{self, Event, What};
use crate::manifest::yaml::limits;
use crate::model::{ObjectId, Position, RepoPath};
use mapping::Map;
use put::quote;
use std::ops::Range;

/// Longest value that is written; the API server takes 256 KiB of annotations on one object.
const LONGEST: usize = 64 * 1024;

/// Sets annotations of an object (`Some`) and takes them away (`None`), in the order given: in the style that the file
/// has, and no other byte changes. A missing `annotations` is made; one that is left empty goes, or stays as `{}` where
/// comments stand in it.
///
/// # Errors
/// What cannot be done with certainty, with the reason; nothing is done then.
pub fn annotate(
    path: &RepoPath,
    bytes: &[u8],
    object: &ObjectId,
    changes: &[(&str, Option<&str>)],
) -> Result<Vec<u8>, Refused> {
    changes.iter().try_fold(bytes.to_vec(), |bytes, (key, value)| {
        one(path, &bytes, object, key, *value).map_err(|(position, reason)| Refused {
            path: path.clone(),
            position,
            reason: limits::message(&reason),
        })
    })
}

type Doubt = (Position, String);

fn one(path: &RepoPath, bytes: &[u8], object: &ObjectId, key: &str, value: Option<&str>) -> Result<Vec<u8>, Doubt> {
    let file = read::open(path, bytes);
    set::check_file(&file)?;
    let found = set::find_object(&file, object)?;
    let home = found.document.position;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    if key.is_empty()
        || key.len() > 317
        || !key.starts_with(|c: char| c.is_ascii_alphabetic())
        || !key.chars().all(plain)
    {
        return Err((
            home,
            format!("{key:?} is no name of an annotation; prefix/name is wanted"),
        ));
    }
    if value.is_some_and(|value| value.len() > LONGEST) {
        return Err((home, format!("the value of {key} is longer than {LONGEST} bytes")));
    }
    let text = limits::text(bytes).map_err(|broken| (home, broken.reason))?;
    let events = events::by_granit(text.text).map_err(|failure| (home, failure.into_broken().reason))?;
    let editor = Editor {
        text: text.text,
        events: &events,
        json: verify::is_json(bytes),
        line_end: if text.text.contains("\r\n") { "\r\n" } else { "\n" },
        key,
        home,
    };
    let Some(Change {
        mut edits,
        expected,
        metadata,
        emptied,
    }) = editor.change(&file, found.tree, &found.path, value)?
    else {
        return Ok(bytes.to_vec());
    };
    edits.sort_by_key(|(range, _)| range.start);
    let mut edited = bytes.get(..text.skipped).unwrap_or_default().to_vec();
    let mut done = 0;
    for (range, with) in edits {
        let kept = text.text.get(done..range.start).ok_or_else(|| editor.unsure())?;
        edited.extend_from_slice(kept.as_bytes());
        edited.extend_from_slice(with.as_bytes());
        done = range.end;
    }
    edited.extend_from_slice(text.text.get(done..).ok_or_else(|| editor.unsure())?.as_bytes());
    let structure = Structure {
        tree: found.tree,
        metadata,
        key,
        value,
        emptied,
        expected,
        home,
    };
    verify::check_structure(bytes, &edited, &file, &structure)?;
    Ok(edited)
}

struct Editor<'a> {
    text: &'a str,
    events: &'a [Event],
    json: bool,
    line_end: &'static str,
    key: &'a str,
    home: Position,
}

/// Replacements in the text, and the events and values that must come of them.
struct Change {
    edits: Vec<(Range<usize>, String)>,
    expected: Vec<Expected>,
    metadata: Path,
    /// Whether `annotations` goes with its last entry.
    emptied: bool,
}

impl Editor<'_> {
    fn unsure(&self) -> Doubt {
        let reason = format!(
            "{} cannot be changed with certainty as the file is written; change it by hand",
            self.key
        );
        (self.home, reason)
    }

    fn change(&self, file: &File, tree: usize, object: &Path, value: Option<&str>) -> Result<Option<Change>, Doubt> {
        let root = file.trees.get(tree).map(Place::root).ok_or_else(|| self.unsure())?;
        let metadata = root
            .follow(&object.0)
            .and_then(|object| object.key("metadata"))
            .filter(Place::is_mapping)
            .ok_or_else(|| self.unsure())?;
        let map = self.map(metadata.event()).ok_or_else(|| self.unsure())?;
        let holder = self.entry(&map, "annotations");
        let change = |edits, expected, emptied| {
            Ok(Some(Change {
                edits,
                expected,
                metadata: metadata.path().clone(),
                emptied,
            }))
        };
        let annotations = holder.clone().and_then(|entry| self.map(entry.value.start));
        match (value, &holder, annotations) {
            (None, None, _) => Ok(None),
            (Some(value), None, _) => {
                let step = self.indent(&map).saturating_sub(object_indent(self, &map));
                let (edit, at) = self.insert(&map, &self.holder(&map, step.max(2), value))?;
                let new = vec![
                    Expected::Text("annotations".to_owned()),
                    Expected::Start,
                    Expected::Text(self.key.to_owned()),
                    Expected::Text(value.to_owned()),
                    Expected::End,
                ];
                change(vec![edit], self.expected(at..at, new), false)
            }
            (_, Some(holder), None) => {
                let What::Scalar(scalar) = &self.event(holder.value.start)?.what else {
                    return Err(self.unsure());
                };
                if !matches!(&*scalar.value, "" | "~" | "null")
                    || matches!(scalar.style, Style::SingleQuoted | Style::DoubleQuoted | Style::Block)
                {
                    return Err((
                        self.event(holder.key)?.position,
                        "the annotations are no map; mend them first".to_owned(),
                    ));
                }
                let Some(value) = value else { return Ok(None) };
                let edit = if scalar.style == Style::Empty && !map.flow {
                    let colon = self.event(holder.key)?.token.end;
                    let end = self.line_after(colon);
                    let indent = " ".repeat(self.indent(&map) + 2);
                    (
                        end..end,
                        self.line(
                            end,
                            &format!("{indent}{}", self.pair(value, Style::DoubleQuoted, false, ": ")),
                        ),
                    )
                } else if scalar.style == Style::Plain {
                    (
                        self.event(holder.value.start)?.token.clone(),
                        format!("{{{}}}", self.pair(value, Style::DoubleQuoted, self.json, ": ")),
                    )
                } else {
                    return Err(self.unsure());
                };
                let new = vec![
                    Expected::Start,
                    Expected::Text(self.key.to_owned()),
                    Expected::Text(value.to_owned()),
                    Expected::End,
                ];
                change(vec![edit], self.expected(holder.value.clone(), new), false)
            }
            (_, Some(holder), Some(annotations)) => match (self.entry(&annotations, self.key), value) {
                (None, None) => Ok(None),
                (None, Some(value)) => {
                    let (edit, at) = self.insert(&annotations, &self.entry_text(&annotations, value))?;
                    let new = vec![Expected::Text(self.key.to_owned()), Expected::Text(value.to_owned())];
                    change(vec![edit], self.expected(at..at, new), false)
                }
                (Some(entry), Some(value)) => {
                    let event = self.event(entry.value.start)?;
                    let What::Scalar(scalar) = &event.what else {
                        return Err((
                            event.position,
                            format!("{} is written with an alias or is no text; change it by hand", self.key),
                        ));
                    };
                    if !matches!(scalar.style, Style::Plain | Style::SingleQuoted | Style::DoubleQuoted)
                        || self.several_lines(&event.token)
                    {
                        return Err((
                            event.position,
                            format!(
                                "{} is written over several lines, or nothing is written; change it by hand",
                                self.key
                            ),
                        ));
                    }
                    if scalar.value == value && scalar.style != Style::Plain {
                        return Ok(None);
                    }
                    let with = quote(value, scalar.style);
                    let new = vec![Expected::Instead(entry.value.start, value.to_owned())];
                    change(
                        vec![(event.token.clone(), with)],
                        self.expected(entry.value.clone(), new),
                        false,
                    )
                }
                (Some(entry), None) => self
                    .remove(&map, holder, &annotations, &entry)
                    .and_then(|(edits, gone, emptied)| change(edits, self.expected(gone, Vec::new()), emptied)),
            },
        }
    }

    /// The events with some of them replaced by others.
    fn expected(&self, gone: Range<usize>, new: Vec<Expected>) -> Vec<Expected> {
        let before = (0..gone.start).map(Expected::Old);
        before
            .chain(new)
            .chain((gone.end..self.events.len()).map(Expected::Old))
            .collect()
    }
}

/// How far in the object's own keys stand.
fn object_indent(editor: &Editor<'_>, map: &Map) -> usize {
    let key = editor.events.get(map.start.saturating_sub(1));
    key.map_or(0, |event| event.position.column.saturating_sub(1))
}
