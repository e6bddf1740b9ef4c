use super::events::{self, Event, What};
use super::place::{Path, Place};
use super::read::{self, File};
use super::verify::{self, Expected, Structure};
use super::{Refused, Style, bounds, edit};
use crate::model::{ObjectId, Position, RepoPath};
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
            reason: bounds::message(&reason),
        })
    })
}

type Doubt = (Position, String);

fn one(path: &RepoPath, bytes: &[u8], object: &ObjectId, key: &str, value: Option<&str>) -> Result<Vec<u8>, Doubt> {
    let file = read::open(path, bytes);
    edit::check_file(&file)?;
    let found = edit::find_object(&file, object)?;
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
    let text = bounds::text(bytes).map_err(|broken| (home, broken.reason))?;
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

/// A mapping's entry: its key's event, and those of its value.
#[derive(Debug, Clone)]
struct Entry {
    key: usize,
    value: Range<usize>,
}

struct Map {
    start: usize,
    end: usize,
    entries: Vec<Entry>,
    flow: bool,
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

    fn event(&self, at: usize) -> Result<&Event, Doubt> {
        self.events.get(at).ok_or_else(|| self.unsure())
    }

    /// The mapping that starts at an event.
    fn map(&self, start: usize) -> Option<Map> {
        let first = self.events.get(start)?;
        matches!(first.what, What::MappingStart { .. }).then_some(())?;
        let after = |from: usize| {
            let mut depth = 0usize;
            for (at, event) in self.events.iter().enumerate().skip(from) {
                match event.what {
                    What::MappingStart { .. } | What::SequenceStart { .. } => depth += 1,
                    What::MappingEnd | What::SequenceEnd => depth = depth.checked_sub(1)?,
                    _ => {}
                }
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            None
        };
        let (mut entries, mut at) = (Vec::new(), start + 1);
        while !matches!(self.events.get(at)?.what, What::MappingEnd) {
            let value = after(at)?;
            let end = after(value)?;
            entries.push(Entry {
                key: at,
                value: value..end,
            });
            at = end;
        }
        let flow = self.text.as_bytes().get(first.token.start) == Some(&b'{');
        Some(Map {
            start,
            end: at,
            entries,
            flow,
        })
    }

    fn entry(&self, map: &Map, name: &str) -> Option<Entry> {
        let is = |entry: &&Entry| match self.events.get(entry.key).map(|event| &event.what) {
            Some(What::Scalar(scalar)) => scalar.value == name,
            _ => false,
        };
        map.entries.iter().rev().find(is).cloned()
    }

    fn line_start(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or_default();
        before.rfind(['\n', '\r']).map_or(0, |end| end + 1)
    }

    /// Where the line of a byte is over, its line end counted in.
    fn line_after(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        rest.find('\n').map_or(self.text.len(), |end| at + end + 1)
    }

    /// A new line at the end of one that may be the file's last and have no end.
    fn line(&self, at: usize, text: &str) -> String {
        match self.text.get(..at).unwrap_or_default().ends_with('\n') {
            true => format!("{text}{}", self.line_end),
            false => format!("{}{text}", self.line_end),
        }
    }

    fn several_lines(&self, token: &Range<usize>) -> bool {
        self.text
            .get(token.clone())
            .is_none_or(|text| text.contains(['\n', '\r']))
    }

    /// How far in the keys of a block mapping stand.
    fn indent(&self, map: &Map) -> usize {
        let first = map.entries.first().and_then(|entry| self.events.get(entry.key));
        first.map_or(0, |event| event.position.column.saturating_sub(1))
    }

    fn pair(&self, value: &str, style: Style, quoted: bool, colon: &str) -> String {
        let value = quote(value, style);
        match quoted {
            true => format!("\"{}\"{colon}{value}", self.key),
            false => format!("{}{colon}{value}", self.key),
        }
    }

    /// An entry of the annotations in the quotes of its neighbours.
    fn entry_text(&self, map: &Map, value: &str) -> String {
        let style = |at: usize| match self.events.get(at).map(|event| &event.what) {
            Some(What::Scalar(scalar)) => Some(scalar.style),
            _ => None,
        };
        let values = map.entries.iter().filter_map(|entry| style(entry.value.start));
        let single = values
            .clone()
            .find(|style| matches!(style, Style::SingleQuoted | Style::DoubleQuoted))
            == Some(Style::SingleQuoted);
        let style = if single {
            Style::SingleQuoted
        } else {
            Style::DoubleQuoted
        };
        self.pair(value, style, self.json, self.colon(map))
    }

    /// `annotations` with one entry.
    fn holder(&self, map: &Map, step: usize, value: &str) -> String {
        let colon = self.colon(map);
        let pair = self.pair(value, Style::DoubleQuoted, self.json, colon);
        match (map.flow, self.json) {
            (true, true) => format!("\"annotations\"{colon}{{{pair}}}"),
            (true, false) => format!("annotations: {{{pair}}}"),
            (false, _) => format!(
                "annotations:{}{}{pair}",
                self.line_end,
                " ".repeat(self.indent(map) + step)
            ),
        }
    }

    /// The colon as the mapping's first entry has it.
    fn colon(&self, map: &Map) -> &'static str {
        let first = map.entries.first().and_then(|entry| self.events.get(entry.key));
        let after = first.and_then(|event| self.text.get(event.token.end..)).unwrap_or(": ");
        match self.json && after.starts_with(':') && !after.starts_with(": ") {
            true => ":",
            false => ": ",
        }
    }

    /// Puts an entry into a mapping: behind the last one where that ends in one line, else before the first. Tells also
    /// before which event it comes.
    fn insert(&self, map: &Map, entry: &str) -> Result<((Range<usize>, String), usize), Doubt> {
        let Some(first) = map.entries.first() else {
            let open = self.event(map.start)?.token.start + 1;
            return match map.flow {
                true => Ok(((open..open, entry.to_owned()), map.end)),
                false => Err(self.unsure()),
            };
        };
        let start = self.event(first.key)?.token.start;
        if map.flow {
            let open = self.event(map.start)?.token.start + 1;
            let blank = self
                .text
                .get(open..start)
                .filter(|blank| blank.trim().is_empty())
                .ok_or_else(|| self.unsure())?;
            let between = match (blank.contains('\n'), self.colon(map)) {
                (true, _) => blank,
                (false, ":") => "",
                (false, _) => " ",
            };
            return Ok(((start..start, format!("{entry},{between}")), first.key));
        }
        let indent = " ".repeat(self.indent(map));
        let mut last = map.end - 1;
        while matches!(self.event(last)?.what, What::MappingEnd | What::SequenceEnd) && !self.closes_flow(last)? {
            last -= 1;
        }
        let event = self.event(last)?;
        let in_one_line = match &event.what {
            What::Scalar(scalar) => matches!(scalar.style, Style::Plain | Style::SingleQuoted | Style::DoubleQuoted),
            What::Alias(_) | What::MappingEnd | What::SequenceEnd => true,
            _ => false,
        };
        if in_one_line && !event.token.is_empty() {
            let at = self.line_after(event.token.end);
            return Ok(((at..at, self.line(at, &format!("{indent}{entry}"))), map.end));
        }
        Ok(((start..start, format!("{entry}{}{indent}", self.line_end)), first.key))
    }

    fn closes_flow(&self, at: usize) -> Result<bool, Doubt> {
        let token = &self.event(at)?.token;
        Ok(self
            .text
            .get(token.clone())
            .is_some_and(|text| text == "}" || text == "]"))
    }

    /// Takes an entry out: the replacements, the events that go, and whether `annotations` goes with it.
    #[expect(clippy::type_complexity, reason = "three answers of one question, asked once")]
    fn remove(
        &self,
        metadata: &Map,
        holder: &Entry,
        map: &Map,
        entry: &Entry,
    ) -> Result<(Vec<(Range<usize>, String)>, Range<usize>, bool), Doubt> {
        let gone = entry.key..entry.value.end;
        let (key, value) = (self.event(entry.key)?, self.event(entry.value.start)?);
        let simple = match &value.what {
            What::Scalar(scalar) => !matches!(scalar.style, Style::Block | Style::ManyLines),
            What::Alias(_) => true,
            _ => false,
        };
        let end = value.token.end.max(key.token.end);
        if !simple || self.several_lines(&(key.token.start..end)) {
            let reason = format!("{} is written over several lines; remove it by hand", self.key);
            return Err((key.position, reason));
        }
        let at = map
            .entries
            .iter()
            .position(|other| other.key == entry.key)
            .ok_or_else(|| self.unsure())?;
        if map.flow {
            let next = map.entries.get(at + 1).map(|next| self.event(next.key)).transpose()?;
            let before = at.checked_sub(1).and_then(|at| map.entries.get(at));
            let before = before.map(|before| self.event(before.value.end - 1)).transpose()?;
            let range = match (next, before) {
                (Some(next), _) => key.token.start..next.token.start,
                (None, Some(before)) => before.token.end..end,
                (None, None) => key.token.start..end,
            };
            return Ok((vec![(range, String::new())], gone, false));
        }
        let lines = self.whole_lines(key.token.start, end)?;
        if map.entries.len() > 1 {
            return Ok((vec![(lines, String::new())], gone, false));
        }
        let head = &self.event(holder.key)?.token;
        let adjacent = self.line_after(head.end) == self.line_start(key.token.start);
        if adjacent && !metadata.flow && metadata.entries.len() > 1 {
            let lines = self.whole_lines(head.start, end)?;
            return Ok((vec![(lines, String::new())], holder.key..holder.value.end, true));
        }
        if !self.text.get(head.end..).is_some_and(|rest| rest.starts_with(':')) {
            return Err(self.unsure());
        }
        let colon = head.end + 1;
        Ok((
            vec![(colon..colon, " {}".to_owned()), (lines, String::new())],
            gone,
            false,
        ))
    }

    /// The lines from one byte to another, if nothing else stands before it on the first; at the end of a file without a
    /// last line end, the line end before them instead.
    fn whole_lines(&self, from: usize, to: usize) -> Result<Range<usize>, Doubt> {
        let start = self.line_start(from);
        let blank = self
            .text
            .get(start..from)
            .is_some_and(|before| before.trim().is_empty());
        if !blank {
            return Err(self.unsure());
        }
        let end = self.line_after(to);
        let open = end == self.text.len() && !self.text.ends_with('\n');
        let before = self.text.get(..start).unwrap_or_default();
        let start = match open {
            true => before
                .strip_suffix('\n')
                .map_or(before, |before| before.strip_suffix('\r').unwrap_or(before))
                .len(),
            false => start,
        };
        Ok(start..end)
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

/// A text as a quoted scalar; what needs escapes is in double quotes, whose JSON form every YAML reader takes.
fn quote(text: &str, style: Style) -> String {
    if style == Style::SingleQuoted && !text.contains(char::is_control) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    serde_json::Value::from(text).to_string()
}
