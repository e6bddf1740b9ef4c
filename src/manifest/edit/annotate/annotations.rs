use crate::manifest::edit::annotate::change::Change;
use crate::manifest::edit::annotate::editor::Editor;
use crate::manifest::edit::change::{Refusal, Refused};
use crate::manifest::edit::find::{check_file, find_object};
use crate::manifest::edit::set::refused;
use crate::manifest::edit::verify::annotation::{self, PlannedAnnotation};
use crate::manifest::edit::verify::reread::is_json;
use crate::manifest::read::open::open;
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::events::ParseError;
use crate::manifest::yaml::{granit, limits};
use crate::model::{ObjectId, Position, RepoPath};
use std::ops::Range;

/// Longest value that is written, in bytes. The API server accepts 256 KiB of annotations on one object.
const MAX_VALUE: usize = 64 * 1024;

/// Longest key of an annotation, in bytes: a prefix of 253, a slash and a name of 63.
const MAX_KEY: usize = 317;

/// Sets annotations of an object (`Some`) or removes them (`None`), in the given order and in the style of the file. No
/// other byte changes.
///
/// A missing `annotations` is added. An empty `annotations` is removed, or stays as `{}` if it contains comments.
///
/// # Errors
/// An annotation cannot be changed with certainty; the reason says why. No annotation is changed then.
pub fn annotate(
    path: &RepoPath,
    bytes: &[u8],
    object: &ObjectId,
    changes: &[(&str, Option<&str>)],
) -> Result<Vec<u8>, Refused> {
    changes.iter().try_fold(bytes.to_vec(), |bytes, (key, value)| {
        change_one(path, &bytes, object, key, *value).map_err(|refusal| refused(path, refusal))
    })
}

fn change_one(
    path: &RepoPath,
    bytes: &[u8],
    object: &ObjectId,
    key: &str,
    value: Option<&str>,
) -> Result<Vec<u8>, Refusal> {
    let file = open(path, bytes);
    check_file(&file)?;
    let found = find_object(&file, object)?;
    let position = found.document.position;
    check_annotation(key, value, position)?;
    let source = limits::decode(bytes).map_err(|error| (position, error.reason))?;
    let not_parsed = |error: ParseError| (position, error.into_file_error().reason);
    let events = granit::parse(&source.text).map_err(not_parsed)?;
    let editor = Editor {
        text: &source.text,
        events: &events,
        json: is_json(bytes),
        line_end: if source.text.contains("\r\n") { "\r\n" } else { "\n" },
        key,
        position,
    };
    let root = file.trees.get(found.tree).map(Cursor::root);
    let metadata = root
        .and_then(|root| root.follow(&found.path.0)?.key("metadata"))
        .filter(Cursor::is_mapping)
        .ok_or_else(|| editor.uncertain())?;
    let Some(change) = editor.change(metadata.event(), value)? else {
        return Ok(bytes.to_vec());
    };
    let byte_order_mark = bytes.get(..source.offset).unwrap_or_default();
    // The edits go into the bytes of the file and not into the decoded text, which lacks further byte order marks.
    let text = bytes
        .get(source.offset..)
        .and_then(|text| std::str::from_utf8(text).ok());
    let edited = text
        .and_then(|text| apply(text, &change.edits))
        .ok_or_else(|| editor.uncertain())?;
    let edited = [byte_order_mark, edited.as_bytes()].concat();
    let Change {
        removed,
        added,
        removes_map,
        ..
    } = change;
    let planned = PlannedAnnotation {
        tree: found.tree,
        metadata: metadata.path().clone(),
        key,
        value,
        removes_map,
        expected: editor.expected(removed, added),
        position,
    };
    annotation::check(bytes, &edited, &file, &planned)?;
    Ok(edited)
}

fn check_annotation(key: &str, value: Option<&str>, position: Position) -> Result<(), Refusal> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    let is_key = key.len() <= MAX_KEY && key.starts_with(|c: char| c.is_ascii_alphabetic()) && key.chars().all(plain);
    if !is_key {
        let reason = format!("{key:?} is not a valid name of an annotation; write prefix/name");
        return Err((position, reason));
    }
    if value.is_some_and(|value| value.len() > MAX_VALUE) {
        let reason = format!("the value of {key} is longer than {MAX_VALUE} bytes; shorten it");
        return Err((position, reason));
    }
    Ok(())
}

/// Makes the replacements; `None` if two overlap or one is outside the text.
fn apply(text: &str, edits: &[(Range<usize>, String)]) -> Option<String> {
    let mut sorted: Vec<&(Range<usize>, String)> = edits.iter().collect();
    sorted.sort_by_key(|(range, _)| range.start);
    let mut edited = String::with_capacity(text.len() + 64);
    let mut done = 0;
    for (range, with) in sorted {
        edited.push_str(text.get(done..range.start)?);
        edited.push_str(with);
        done = range.end;
    }
    edited.push_str(text.get(done..)?);
    Some(edited)
}
